//! `kanshiki acquire`: copies a disk.

mod list;
mod summary;

use crate::arguments::{COMMIT, OutputArguments, words};
use crate::clock::SystemClock;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Reporter;
use clap::ValueEnum;
use kanshiki_acquire::{AcquireError, AcquireOptions, SPLIT_BYTES, SourcePath, ZSTD_LEVEL};
use kanshiki_custody::manifest::Format;
use kanshiki_custody::{CustodyError, check_exhibit_id};
use kanshiki_model::{Algorithm, Fact, Facts, parse_size};
use std::path::PathBuf;
use std::time::Duration;

/// The longest text of people and places, in bytes: what the custody log takes, and a page for people.
const PEOPLE_BYTES: usize = 16 << 10;

const USAGE: &str = "\
kanshiki acquire [OPTIONS] --case <DIR> --exhibit <ID> <SOURCE>
       kanshiki acquire --list [--json]";

const AFTER_HELP: &str = "\
The source is never opened for writing. The copy, its digests and the record of the acquisition are
made in CASE/exhibits/ID; what exists is never replaced. After an interruption of any kind the same
command with --resume goes on.

Exit codes: 0 done; 3 done with reservations (unreadable sectors, a source that changed, a lost
destination, copies that are not the same, a result that could not be told); 4 not done;
130 interrupted.

Examples:
  kanshiki acquire --list
  kanshiki acquire /dev/sdb --case cases/2026-014 --exhibit laptop-disk --examiner 'A. Mori'
  kanshiki acquire /dev/sdb --case cases/2026-014 --exhibit laptop-disk --format zstd --hash md5
  kanshiki acquire /dev/sdb --case cases/2026-014 --exhibit laptop-disk --resume
  kanshiki acquire old.raw.001 --case cases/2026-014 --exhibit old-image --also /mnt/second/2026-014
  ssh server cat /dev/vda | kanshiki acquire - --size 20G --case cases/2026-014 --exhibit server-vda";

/// Copy a disk or a file once, with digests and a record, and read the copy back
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, override_usage = USAGE)]
pub(crate) struct AcquireArguments {
    /// Disk, partition, file, or first part of a split image to copy, opened read-only; - is standard input
    #[arg(value_name = "SOURCE", required_unless_present = "list")]
    source: Option<PathBuf>,
    /// Case folder; made if it is not there, in a folder that is
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    case: Option<PathBuf>,
    /// Name of the exhibit: 1 to 64 letters, digits, dots, hyphens or underscores
    #[arg(long, value_name = "ID", required_unless_present = "list", value_parser = exhibit_id)]
    exhibit: Option<String>,
    /// Show the disks that there are, and copy nothing
    #[arg(long, conflicts_with_all = [
        "source", "case", "exhibit", "also", "resume", "format", "split_size", "zstd_level", "hash", "no_verify",
        "no_room_check", "retries", "patience", "live", "size", "twice", "examiner", "reason", "place", "witness",
        "authority",
    ])]
    list: bool,

    /// How the copy is stored: raw (as it is, zeroes as holes), split (raw in parts) or zstd (compressed, seekable)
    #[arg(long, value_enum, default_value_t = FormatChoice::Raw, value_name = "FORMAT", help_heading = "Copy")]
    #[arg(hide_possible_values = true)]
    format: FormatChoice,
    /// Bytes in a part of a split copy, with an optional unit such as 650MiB or 4G [default: 2G]
    #[arg(long, value_name = "SIZE", value_parser = part_size, help_heading = "Copy")]
    split_size: Option<u64>,
    /// Level of zstd, 1 (fast) to 19 (small) [default: 1]
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(i32).range(1..=19), help_heading = "Copy")]
    zstd_level: Option<i32>,
    /// Digests besides SHA-256, which is always made: md5, sha1, sha512, blake3, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Copy")]
    hash: Vec<Algorithm>,
    /// Another case folder that gets the same exhibit in the same pass; may be given more than once
    #[arg(long, value_name = "DIR", help_heading = "Copy")]
    also: Vec<PathBuf>,
    /// Do not read the finished copy back
    #[arg(long, help_heading = "Copy")]
    no_verify: bool,
    /// Begin although a destination has less room than the source has bytes
    #[arg(long, help_heading = "Copy")]
    no_room_check: bool,
    /// Go on with the unfinished exhibit
    #[arg(long, help_heading = "Copy")]
    resume: bool,

    /// Times to try a sector again that cannot be read
    #[arg(long, value_name = "COUNT", default_value_t = 1, help_heading = "Reading")]
    retries: u32,
    /// Seconds without an answer from the source, be it bytes or an error, after which the work ends, to be resumed
    #[arg(long, value_name = "SECONDS", default_value_t = 300, help_heading = "Reading")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    patience: u64,
    /// Copy even a source that is mounted or in use; the record says so
    #[arg(long, help_heading = "Reading")]
    live: bool,
    /// Bytes that standard input must give, with an optional unit; when it ends earlier, the work can be resumed
    #[arg(long, value_name = "SIZE", value_parser = stream_size, help_heading = "Reading")]
    size: Option<u64>,
    /// Read the source a second time and compare every MiB
    #[arg(long, help_heading = "Reading")]
    twice: bool,

    /// Who makes the copy
    #[arg(long, value_name = "NAME", help_heading = "Record")]
    examiner: Option<String>,
    /// Why the copy is made
    #[arg(long, value_name = "TEXT", help_heading = "Record")]
    reason: Option<String>,
    /// Where the copy is made
    #[arg(long, value_name = "TEXT", help_heading = "Record")]
    place: Option<String>,
    /// Who is present
    #[arg(long, value_name = "NAME", help_heading = "Record")]
    witness: Option<String>,
    /// Who has allowed it, such as a court order's number
    #[arg(long, value_name = "TEXT", help_heading = "Record")]
    authority: Option<String>,

    /// How the work is told.
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// How the copy is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatChoice {
    Raw,
    Split,
    Zstd,
}

impl From<FormatChoice> for Format {
    fn from(choice: FormatChoice) -> Self {
        match choice {
            FormatChoice::Raw => Self::Raw,
            FormatChoice::Split => Self::Split,
            FormatChoice::Zstd => Self::Zstd,
        }
    }
}

/// Runs the verb.
pub(crate) fn run(arguments: AcquireArguments, console: &Console) -> Result<Exit, Failure> {
    if arguments.list {
        return list::run(arguments.output.json, console);
    }
    let output = arguments.output;
    let options = options(arguments)?;
    let reporter = Reporter::start(&output, console)?;
    let result = kanshiki_acquire::acquire(&options, &SystemClock, &reporter);
    drop(reporter);
    let outcome = result.map_err(|error| failure(&error))?;
    summary::tell(&outcome, &output, console)
}

/// What the library is asked to do.
fn options(arguments: AcquireArguments) -> Result<AcquireOptions, Failure> {
    let format = Format::from(arguments.format);
    check_format_option(arguments.split_size.is_some() && format != Format::Split, "--split-size", "split")?;
    check_format_option(arguments.zstd_level.is_some() && format != Format::Zstd, "--zstd-level", "zstd")?;
    let people = people(&arguments);
    check_people(&arguments)?;
    let (Some(source), Some(case), Some(exhibit)) = (arguments.source, arguments.case, arguments.exhibit) else {
        return Err(Failure::new("a source, --case and --exhibit are needed").exit(Exit::CommandLine));
    };
    let is_stream = source.as_os_str() == "-";
    if is_stream && arguments.twice {
        return Err(Failure::new("standard input cannot be read twice")
            .hint("leave out --twice")
            .exit(Exit::CommandLine));
    }
    if !is_stream && arguments.size.is_some() {
        return Err(Failure::new("--size has no meaning without standard input as the source").exit(Exit::CommandLine));
    }
    let mut algorithms = arguments.hash;
    algorithms.retain(|algorithm| *algorithm != Algorithm::Sha256);
    algorithms.sort_unstable();
    algorithms.dedup();
    Ok(AcquireOptions {
        stream_bytes: arguments.size,
        source: if is_stream { SourcePath::Stdin } else { SourcePath::Path(source) },
        case,
        also: arguments.also,
        exhibit,
        format,
        split_bytes: arguments.split_size.unwrap_or(SPLIT_BYTES),
        zstd_level: arguments.zstd_level.unwrap_or(ZSTD_LEVEL),
        algorithms,
        retries: arguments.retries,
        live: arguments.live,
        verify: !arguments.no_verify,
        resume: arguments.resume,
        twice: arguments.twice,
        check_room: !arguments.no_room_check,
        patience: Duration::from_secs(arguments.patience),
        people,
        command_line: words(),
        commit: COMMIT.map(str::to_owned),
    })
}

/// An option that would do nothing is a mistake that the user wants to know of.
fn check_format_option(useless: bool, option: &str, format: &str) -> Result<(), Failure> {
    if useless {
        let failure = Failure::new(format!("{option} has no meaning without --format {format}"));
        return Err(failure.exit(Exit::CommandLine));
    }
    Ok(())
}

/// Refuses, before anything is made, what is too long for the record.
fn check_people(arguments: &AcquireArguments) -> Result<(), Failure> {
    let told = [
        ("--examiner", &arguments.examiner),
        ("--reason", &arguments.reason),
        ("--place", &arguments.place),
        ("--witness", &arguments.witness),
        ("--authority", &arguments.authority),
    ];
    let long = told.iter().find_map(|(name, text)| {
        let bytes = text.as_ref()?.len();
        (bytes > PEOPLE_BYTES).then_some((name, bytes))
    });
    long.map_or(Ok(()), |(name, bytes)| {
        let what = format!("{name} has {bytes} bytes, at most {PEOPLE_BYTES} are recorded");
        Err(Failure::new(what).exit(Exit::CommandLine))
    })
}

/// What the operator told, and what not.
fn people(arguments: &AcquireArguments) -> Facts {
    [
        ("examiner", &arguments.examiner),
        ("reason", &arguments.reason),
        ("place", &arguments.place),
        ("witness", &arguments.witness),
        ("authority", &arguments.authority),
    ]
    .into_iter()
    .map(|(name, told)| {
        let option = format!("--{name}");
        let fact = match told {
            Some(text) => Fact::told(text.as_str(), option),
            None => Fact::unknown(format!("not told; see {option}")),
        };
        (name.to_owned(), fact)
    })
    .collect()
}

/// Reads the size of a stream.
fn stream_size(text: &str) -> Result<u64, String> {
    match parse_size(text).map_err(|error| error.to_string())? {
        0 => Err("a source has at least one byte".to_owned()),
        bytes => Ok(bytes),
    }
}

/// Reads the size of a part.
fn part_size(text: &str) -> Result<u64, String> {
    match parse_size(text).map_err(|error| error.to_string())? {
        0 => Err("a part has at least one byte".to_owned()),
        bytes => Ok(bytes),
    }
}

/// Reads the name of an exhibit.
fn exhibit_id(text: &str) -> Result<String, CustodyError> {
    check_exhibit_id(text)?;
    Ok(text.to_owned())
}

/// The library's error in the form that the user reads.
fn failure(error: &AcquireError) -> Failure {
    let failure = match error {
        AcquireError::Refused { path, reason, .. } => {
            Failure::new(format!("cannot image `{path}`")).because(reason.as_str())
        }
        AcquireError::Interrupted { .. } => Failure::of(error).exit(Exit::Interrupted),
        _ => Failure::of(error),
    };
    failure.maybe_hint(error.hint())
}
