//! What the analyst says of a finding.

use crate::arguments::VERSION;
use crate::clock::SystemClock;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use kanshiki_custody::case::EVENTS;
use kanshiki_custody::{Act, ActKind, Case, CustodyLog};
use kanshiki_model::{Clock as _, visible_text};
use kanshiki_store::{Verdict, Writer};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct VerdictArguments {
    /// Name of the finding, or the beginning of it
    #[arg(value_name = "FINDING", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    finding: String,
    /// Case folder
    #[arg(long, value_name = "DIR")]
    case: PathBuf,
    /// Why
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Who says it
    #[arg(long, value_name = "NAME")]
    examiner: Option<String>,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

impl VerdictArguments {
    pub(super) const fn wants_json(&self) -> bool {
        self.json
    }
}

/// Enters a verdict, and that it was given into the log of custody.
pub(super) fn enter(arguments: &VerdictArguments, verdict: &'static str, console: &Console) -> Result<Exit, Failure> {
    if verdict == "noted" && arguments.note.is_none() {
        return Err(Failure::new("there is no note: --note TEXT gives it").exit(Exit::CommandLine));
    }
    let findings = super::open(&arguments.case)?.findings().map_err(|error| Failure::of(&error))?;
    let mut named = findings.iter().filter(|finding| finding.name.starts_with(&arguments.finding));
    let finding = match (named.next(), named.next()) {
        (Some(finding), None) => finding,
        (None, _) => {
            let failure = Failure::new(format!("there is no finding {}", visible_text(&arguments.finding)));
            return Err(failure.hint("`kanshiki findings --case DIR --all` lists the names"));
        }
        (Some(_), Some(_)) => {
            let what = format!("several findings have names that begin with {}", visible_text(&arguments.finding));
            return Err(Failure::new(what));
        }
    };
    let case = Case::open(&arguments.case).map_err(|error| Failure::of(&error))?;
    let log = CustodyLog::open(&case).and_then(|log| log.check_appendable(ActKind::Note).map(|()| log));
    let log = log.map_err(|error| Failure::of(&error))?;
    let who = visible_text(arguments.examiner.as_deref().unwrap_or("not told"));
    let note = arguments.note.as_deref().map(visible_text);
    let row = Verdict {
        finding: finding.name.clone(),
        verdict,
        note: note.clone(),
        who: who.clone(),
        time: SystemClock.now().as_nanoseconds(),
    };
    let mut writer = Writer::create_or_open(&case.path().join(EVENTS)).map_err(|error| Failure::of(&error))?;
    let done = writer.verdict(&row).and_then(|is_there| writer.close().map(|()| is_there));
    if !done.map_err(|error| Failure::of(&error))? {
        return Err(Failure::new(format!("there is no finding {}", finding.name)));
    }
    let why = note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
    let what = format!("finding {} ({}) {verdict}{why}", finding.name, finding.title);
    let tool = format!("kanshiki {VERSION}");
    let what = what.chars().take(kanshiki_custody::log::TEXT_LIMIT / 4).collect();
    let act = Act { kind: ActKind::Note, who, what, subjects: Vec::new(), tool };
    let entry = log.append(act, &SystemClock).map_err(|error| Failure::of(&error))?.sequence;
    if arguments.json {
        console.json(&json!({
            "schema": 1, "type": "result", "exit_code": 0, "finding": finding.name, "verdict": verdict, "custody_entry": entry,
        }))?;
    } else {
        console.result(&format!("{} {verdict}: {}\n  custody log  entry {entry}\n", finding.name, finding.title))?;
    }
    Ok(Exit::Done)
}
