//! `kanshiki rescue`: what a rescue medium does so that disks stay as they are.

use crate::clock::SystemClock;
use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use clap::Subcommand;
use kanshiki_acquire::device::PROTECTS_NOT;
use kanshiki_acquire::host::rescue::MEDIUM;
use kanshiki_model::Size;
use kanshiki_rescue::counters::{Counted, counters};
use kanshiki_rescue::destination::{Candidate, Token};
use kanshiki_rescue::medium::{self, Medium};
use kanshiki_rescue::state::{Act, ActKind, State};
use kanshiki_rescue::{RescueError, guard};
use serde_json::json;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

const AFTER_HELP: &str = "\
These verbs are for systems that were started to copy disks. The guard sets every block device
read-only as it appears, from when it runs; it undoes nothing that was mounted before.

Examples:
  kanshiki rescue counters
  kanshiki rescue destination /dev/sdb --serial WD-WCC4N1
  kanshiki acquire /dev/sda --case /mnt/case --exhibit disk";

/// Keep disks as they are on a machine that was started to copy them
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
pub(crate) struct RescueArguments {
    /// What to do
    #[command(subcommand)]
    verb: RescueVerb,
}

#[derive(Debug, Subcommand)]
enum RescueVerb {
    /// Set every block device read-only the moment it appears; runs until the machine is off
    Guard,
    /// Make one disk writable, if its serial number is given; nothing may use it
    Destination {
        /// The disk, or one of its partitions
        #[arg(value_name = "DEVICE")]
        device: PathBuf,
        /// The serial number of the disk; of one that tells none, its length in bytes. Asked for if not given
        #[arg(long, value_name = "SERIAL")]
        serial: Option<String>,
        /// One JSON object on standard output
        #[arg(long)]
        json: bool,
    },
    /// Show what the kernel counted of writes to each disk; exit code 1 if one was written that is no destination
    Counters {
        /// One JSON object on standard output
        #[arg(long)]
        json: bool,
    },
    /// Find the medium that the system was started from, and note its digest for the record of acquisitions
    Medium {
        /// One JSON object on standard output
        #[arg(long)]
        json: bool,
    },
}

impl RescueArguments {
    /// Whether results and failures are for programs.
    pub(crate) const fn wants_json(&self) -> bool {
        match &self.verb {
            RescueVerb::Guard => false,
            RescueVerb::Destination { json, .. } | RescueVerb::Counters { json } | RescueVerb::Medium { json } => *json,
        }
    }
}

/// Runs the verb.
pub(crate) fn run(arguments: RescueArguments, console: &Console) -> Result<Exit, Failure> {
    let state = State::system();
    match arguments.verb {
        RescueVerb::Guard => watch(&state, console),
        RescueVerb::Destination { device, serial, json } => {
            let candidate = Candidate::at(&device).map_err(failure)?;
            let given = serial.map_or_else(|| ask(&candidate, console), Ok)?;
            let act = candidate.make_writable(&given, &state, &SystemClock).map_err(failure)?;
            if json {
                console.json(&json!({ "schema": 1, "kind": "kanshiki rescue act", "act": act }))?;
            } else {
                console.result(&format!("{}\n", line(&act)))?;
            }
            Ok(Exit::Done)
        }
        RescueVerb::Counters { json } => show(&counters(&state).map_err(failure)?, json, console),
        RescueVerb::Medium { json } => find_medium(&state, json, console),
    }
}

fn failure(error: RescueError) -> Failure {
    Failure::of(&error)
}

fn watch(state: &State, console: &Console) -> Result<Exit, Failure> {
    let ready = || {
        state.write("guard.json", &json!({ "schema": 1, "process": std::process::id() }))?;
        console.note("the guard listens\n");
        Ok(())
    };
    guard::watch(state, &SystemClock, ready, &mut |act| console.note(&format!("{}\n", line(act)))).map_err(failure)?;
    Ok(Exit::Done)
}

/// One act on one line.
fn line(act: &Act) -> String {
    let what = match act.act {
        ActKind::ReadOnly => "read-only",
        ActKind::Failed => "NOT PROTECTED",
        ActKind::Writable => "WRITABLE, a destination",
    };
    let mut about: Vec<String> = act.bytes.map(|bytes| Size(bytes).short()).into_iter().collect();
    about.extend(act.model.clone());
    about.extend(act.serial.as_ref().map(|serial| format!("serial {serial}")));
    about.extend(act.note.clone());
    harmless(&format!("{}: {what} ({})", act.device, about.join(", ")))
}

/// Asks on the terminal for what shows that this disk is meant.
fn ask(candidate: &Candidate, console: &Console) -> Result<String, Failure> {
    let (what, hint) = match candidate.token() {
        Token::Serial(_) => ("serial number of the disk", "give it with --serial, as the label of the disk shows it"),
        Token::Bytes(_) => {
            ("the disk tells no serial number; its length in bytes", "give its length in bytes with --serial")
        }
    };
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(format!("not given: {what}")).hint(hint).exit(Exit::CommandLine));
    }
    console.note(&format!("{what}: "));
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::from_error("cannot read the answer", &error))?;
    Ok(line)
}

fn show(counted: &[Counted], json: bool, console: &Console) -> Result<Exit, Failure> {
    let is_alarming = counted.iter().any(Counted::is_alarming);
    if json {
        let limits = PROTECTS_NOT;
        console.json(&json!({
            "schema": 1, "kind": "kanshiki rescue counters", "disks": counted, "not_protected_from": limits,
        }))?;
    } else {
        let lines: Vec<String> = counted.iter().map(|disk| text(disk, console.out())).collect();
        console.result(&format!("{}The flag has limits: {PROTECTS_NOT}.\n", lines.concat()))?;
    }
    Ok(if is_alarming { Exit::No } else { Exit::Done })
}

fn text(disk: &Counted, paint: Paint) -> String {
    let flag = match (disk.destination, disk.read_only) {
        (true, _) => "destination",
        (false, Some(true)) => "read-only",
        (false, Some(false)) => "WRITABLE",
        (false, None) => "not known",
    };
    let number = |number: Option<u64>| number.map_or_else(|| "not known".to_owned(), |number| number.to_string());
    let written = format!(
        "sectors written: {} at the start, {} now",
        number(disk.written_at_start),
        number(disk.written.number())
    );
    let written = if disk.is_alarming() { paint.bad(&written) } else { written };
    let serial = disk.serial.as_deref().unwrap_or("no serial number");
    format!("{}  {}  {flag}  {written}\n", paint.strong(&harmless(&disk.device)), harmless(serial))
}

fn find_medium(state: &State, json: bool, console: &Console) -> Result<Exit, Failure> {
    let medium = medium::find().map_err(failure)?;
    state.write(MEDIUM, &medium).map_err(failure)?;
    if json {
        console.json(&json!({ "schema": 1, "kind": "kanshiki rescue medium", "medium": medium }))?;
    }
    let (text, exit) = match &medium {
        Medium::Found { device, bytes, sha256, .. } => {
            (format!("medium {device}, {}, SHA-256 {sha256}", Size(*bytes)), Exit::Done)
        }
        Medium::Missing { reason } => (format!("no digest of the medium: {reason}"), Exit::Part),
    };
    if !json {
        console.result(&format!("{}\n", harmless(&text)))?;
    }
    Ok(exit)
}
