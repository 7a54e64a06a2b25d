//! `kanshiki extract`: files and trees out of an image.

use crate::arguments::{OutputArguments, VERSION, words};
use crate::clock::SystemClock;
use crate::console::{Console, Paint};
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use crate::progress::Reporter;
use kanshiki_extract::{Custody, ExtractError, Extraction, Heading, MANIFEST_NAME, Options, Wanted};
use kanshiki_filesystem::Follow;
use kanshiki_model::{Progress as _, Size, parse_size, visible};
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
DIR gets `files` with the tree, `manifest.jsonl` with a line for each entry (path, inode, owner,
all times, attributes, digest, what became of it), and SHA256SUMS for `sha256sum -c`. DIR must not
exist, or be empty. Files get mode 0400, directories 0700; nothing can be run. Links, devices,
pipes and sockets stand in the manifest alone; a file with several names is written once. A name
that could do harm is written in a safe form that can be turned back; no name leads out of DIR.
Holes stay holes.

Exit codes: 0 done; 3 done, but something could not be read, was damaged or left out: the manifest
tells; 4 not done; 130 interrupted: the manifest says so, and each file that has its name is whole.

Examples:
  kanshiki extract disk.raw /etc /var/log --to evidence
  kanshiki extract disk.raw:p2 --inode 12 --to deleted
  kanshiki extract cases/2026-014/exhibits/laptop-disk /home --to home --case cases/2026-014";

/// Copy files and trees out of an image, with their metadata and digests
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ExtractArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Files and directories in the image [default: everything]
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
    /// New or empty folder for what is copied
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// The inode with this number, in use or deleted; may be given again
    #[arg(long, value_name = "NUMBER")]
    inode: Vec<u64>,
    /// Most bytes of content to write, holes not counted; files that go over it are left out [default: twice the size of
    /// the volumes]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_bytes: Option<u64>,
    /// Tell in the manifest where each file's bytes lie
    #[arg(long)]
    extents: bool,
    /// Case folder in whose custody log the extraction is entered
    #[arg(long, value_name = "DIR")]
    case: Option<PathBuf>,
    /// Who extracts, for the custody log
    #[arg(long, value_name = "NAME", requires = "case")]
    examiner: Option<String>,
    /// How the work is told.
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Runs the verb.
pub(crate) fn run(arguments: &ExtractArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let wanted = wanted(arguments, &evidence)?;
    let from = visible(arguments.evidence.image.as_encoded_bytes());
    let custody = arguments.case.as_ref().map(|case| custody(case, arguments.examiner.as_deref(), &from));
    let options = Options { wanted, max_bytes: arguments.max_bytes, extents: arguments.extents, custody };
    carry_out(&evidence, &from, &arguments.to, &options, &arguments.output, console)
}

/// The case in whose log it is entered, by whom.
pub(crate) fn custody(case: &Path, examiner: Option<&str>, from: &str) -> Custody {
    Custody {
        case: case.to_owned(),
        who: examiner.unwrap_or("not told").to_owned(),
        tool: format!("kanshiki {VERSION}"),
        from: from.to_owned(),
        to: None,
    }
}

/// Copies what is wanted, and tells how it went.
pub(crate) fn carry_out(
    evidence: &Evidence,
    from: &str,
    to: &Path,
    options: &Options,
    output: &OutputArguments,
    console: &Console,
) -> Result<Exit, Failure> {
    let reporter = Reporter::start(output, console)?;
    let copied = copy_out(evidence, from, to, options, &reporter);
    drop(reporter);
    let (result, exit) = copied?;
    tell(&result, exit, to, output, console)?;
    Ok(exit)
}

/// Copies what is wanted.
pub(crate) fn copy_out(
    evidence: &Evidence,
    from: &str,
    to: &Path,
    options: &Options,
    reporter: &Reporter,
) -> Result<(Extraction, Exit), Failure> {
    evidence.notes().iter().for_each(|note| reporter.note(note));
    for issue in evidence.issues() {
        reporter.issue(issue);
    }
    let opened = evidence.issues().count();
    let heading = heading(evidence, from);
    let result = kanshiki_extract::extract(&evidence.view, to, heading, options, &SystemClock, reporter);
    let result = result.map_err(|error| failure(&error))?;
    let exit = match &result {
        Extraction { interrupted: true, .. } => Exit::Interrupted,
        result if result.is_complete() && opened == 0 => Exit::Done,
        _ => Exit::Part,
    };
    Ok((result, exit))
}

fn wanted(arguments: &ExtractArguments, evidence: &Evidence) -> Result<Vec<Wanted>, Failure> {
    let mut wanted = Vec::new();
    for path in &arguments.paths {
        wanted.push(Wanted::Path(evidence.locate(Some(path), Follow::AllButLast)?.path));
    }
    for inode in &arguments.inode {
        let (place, _) = evidence.inode(*inode)?;
        wanted.push(Wanted::Inode { volume: place.volume, inode: *inode });
    }
    if wanted.is_empty() {
        wanted.push(Wanted::Path(evidence.locate(None, Follow::AllButLast)?.path));
    }
    Ok(wanted)
}

/// What the manifest begins with.
fn heading(evidence: &Evidence, from: &str) -> Heading {
    let images = evidence.images.iter().map(|image| {
        let manifest = image.manifest.as_ref();
        json!({
            "path": visible(image.path.as_os_str().as_encoded_bytes()),
            "bytes": image.opened.source.len(),
            "case": manifest.map(|manifest| &manifest.case),
            "exhibit": manifest.map(|manifest| &manifest.exhibit),
            "digests": manifest.map(|manifest| &manifest.image.digests),
        })
    });
    let notes = evidence.notes().into_iter().map(|note| json!({ "subject": note.subject, "message": note.message }));
    let fields = [
        ("tool", json!(format!("kanshiki {VERSION}"))),
        ("command_line", json!(words())),
        ("from", json!(from)),
        ("images", json!(images.collect::<Vec<_>>())),
        ("notes", notes.collect()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn failure(error: &ExtractError) -> Failure {
    let failure = Failure::of(error);
    match error {
        ExtractError::NotEmpty { .. } => failure.hint("nothing that exists is replaced"),
        ExtractError::InsideCase { .. } => failure.hint("put what is extracted beside the case folder"),
        _ => failure,
    }
}

/// Tells how it went.
pub(crate) fn tell(
    result: &Extraction,
    exit: Exit,
    to: &Path,
    output: &OutputArguments,
    console: &Console,
) -> Result<(), Failure> {
    if output.json {
        return console.json(&json!({
            "schema": 1,
            "event": "result",
            "exit_code": exit.code(),
            "to": visible(to.as_os_str().as_encoded_bytes()),
            "entries": result.entries,
            "files": result.files,
            "partial": result.partial,
            "failed": result.failed,
            "directories": result.directories,
            "listed": result.listed,
            "written_bytes": result.bytes,
            "issues": result.issues,
            "interrupted": result.interrupted,
            "manifest_sha256": result.manifest_sha256,
            "custody_entry": result.custody_entry,
        }));
    }
    if output.quiet {
        return Ok(());
    }
    console.result(&text(result, to, console.out()))
}

fn text(result: &Extraction, to: &Path, paint: Paint) -> String {
    let answer = match result {
        Extraction { interrupted: true, .. } => paint.warning("interrupted: not everything was copied (exit code 130)"),
        result if result.is_complete() => paint.good("everything that was asked for was copied"),
        _ => paint.warning("not everything could be copied whole: the manifest tells what (exit code 3)"),
    };
    let folder = harmless(&visible(to.as_os_str().as_encoded_bytes()));
    let mut text = format!("{answer}\n");
    let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<22} {value}\n"));
    row("files", format!("{}, {} written", result.files, Size(result.bytes)));
    row("directories", result.directories.to_string());
    for (name, count) in [
        ("in the manifest alone", result.listed),
        ("files in part", result.partial),
        ("files not copied", result.failed),
        ("issues", result.issues),
    ] {
        if count > 0 {
            row(name, count.to_string());
        }
    }
    row("manifest", format!("{folder}/{MANIFEST_NAME}"));
    row("its SHA-256", result.manifest_sha256.clone());
    if let Some(number) = result.custody_entry {
        row("custody log", format!("entry {number}"));
    }
    text
}
