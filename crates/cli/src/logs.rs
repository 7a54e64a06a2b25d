//! `kanshiki logs`: the logs of an exhibit out of its image, for other tools.

use crate::arguments::OutputArguments;
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::examine::identity;
use crate::exit::Exit;
use crate::extract::{carry_out, custody};
use crate::failure::Failure;

use kanshiki_extract::{Options, Wanted};
use kanshiki_filesystem::{Follow, View};
use kanshiki_model::{EvidencePath, visible};
use kanshiki_store::{LogPlace, Reader};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
Takes out what `kanshiki examine` found to be logs: current, rotated and compressed, those that no
parser knows and those that could be read only in part too. FOLDER gets what `kanshiki extract`
makes: `files` with the exact bytes under their paths, `manifest.jsonl` with all metadata and
digests, SHA256SUMS; the case's custody log gets an entry with the digest of the manifest.

Exit codes: 0 done; 3 done, but something could not be read, was damaged or left out: the manifest
tells; 4 not done; 130 interrupted: the manifest says so, and each file that has its name is whole.

Examples:
  kanshiki logs --case cases/2026-014 --out laptop-logs
  kanshiki logs disk.raw --case cases/2026-014 --out laptop-logs --examiner 'A. Tanaka'";

/// Copy all logs of an examined image out of it, with their metadata and digests
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, mut_arg("image", |image| image.required(false)))]
pub(crate) struct LogsArguments {
    /// What was examined.
    #[command(flatten)]
    evidence: Option<EvidenceArguments>,
    /// Case folder whose store tells which files are logs; without IMAGE its only exhibit is taken
    #[arg(long, value_name = "DIR")]
    case: PathBuf,
    /// New or empty folder for the logs
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Who takes them out, for the custody log
    #[arg(long, value_name = "NAME")]
    examiner: Option<String>,
    /// How the work is told.
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Runs the verb.
pub(crate) fn run(arguments: &LogsArguments, console: &Console) -> Result<Exit, Failure> {
    let reader =
        Reader::open(&arguments.case.join(kanshiki_custody::case::EVENTS)).map_err(|error| Failure::of(&error))?;
    let chosen = match &arguments.evidence {
        Some(chosen) => chosen.clone(),
        None => EvidenceArguments { image: only_exhibit(&reader, &arguments.case)?, ..EvidenceArguments::default() },
    };
    let evidence = Evidence::open(&chosen)?;
    let (name, source) = identity(&evidence, &chosen)?;
    let logs = reader.logs_of(&source).map_err(|error| Failure::of(&error))?;
    let Some(logs) = logs else {
        let failure = Failure::new(format!("exhibit {name} was not examined in this case, or has changed since"));
        return Err(failure.hint("name image, volume and options as `kanshiki examine` was given them"));
    };
    if logs.is_empty() {
        return Err(Failure::new(format!("the store knows no log of exhibit {name}")));
    }
    let wanted = logs.into_iter().map(|log| wanted(&evidence.view, log)).collect();
    let from = visible(chosen.image.as_encoded_bytes());
    let custody = Some(custody(&arguments.case, arguments.examiner.as_deref(), &from));
    let options = Options { wanted, max_bytes: None, extents: false, custody };
    carry_out(&evidence, &from, &arguments.out, &options, &arguments.output, console)
}

/// How a file is asked for: by its path, or by its inode where the path does not lead to it, since it was removed.
pub(crate) fn wanted(view: &View, log: LogPlace) -> Wanted {
    let path = EvidencePath::from_bytes(log.path);
    let volume = view.volumes().iter().position(|volume| volume.name == log.volume);
    let is_at = |volume: usize| {
        let found = view.lookup(&path, Follow::AllButLast);
        found.is_ok_and(|found| found.place.volume == volume && found.place.node.inode == log.inode)
    };
    match volume {
        Some(volume) if !is_at(volume) => Wanted::Inode { volume, inode: log.inode },
        _ => Wanted::Path(path),
    }
}

/// The folder of the only exhibit that was examined.
pub(crate) fn only_exhibit(reader: &Reader, case: &Path) -> Result<OsString, Failure> {
    let names = reader.exhibits().map_err(|error| Failure::of(&error))?;
    let [name] = names.as_slice() else {
        let failure = Failure::new(format!("the case has {} examined exhibits: {}", names.len(), names.join(", ")));
        return Err(failure.hint("name the image of one of them").exit(Exit::CommandLine));
    };
    let folder = case.join("exhibits").join(name);
    if folder.is_dir() {
        return Ok(folder.into_os_string());
    }
    let failure = Failure::new(format!("the case has no folder of exhibit {name}"));
    Err(failure.hint("name the image that was examined").exit(Exit::CommandLine))
}
