//! `kanshiki suspects`: the files that findings speak against, out of the image.

mod archive;
#[cfg(test)]
mod tests;

use crate::arguments::{OutputArguments, VERSION};
use crate::clock::SystemClock;
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::examine::identity;
use crate::exit::Exit;
use crate::extract::{copy_out, custody, tell};
use crate::failure::Failure;
use crate::files::create_new;
use crate::logs::{only_exhibit, wanted};
use crate::progress::Reporter;
use archive::Archive;
use clap::builder::NonEmptyStringValueParser;
use kanshiki_custody::case::EVENTS;
use kanshiki_custody::{Act, ActKind, Case, CustodyLog, Subject};
use kanshiki_filesystem::{NodeType, View};
use kanshiki_image::ReadAt;
use kanshiki_model::{Algorithm, Progress, visible};
use kanshiki_store::{LogPlace, Reader, Suspect};
use kanshiki_walk::digest::digests;
use serde_json::{Map, Value, json};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use kanshiki_extract::Options;

const AFTER_HELP: &str = "\
Takes out the files that findings of severity high and medium speak against, unless they were
rejected. They cannot run: they have no permission for it, and their names are made safe. FOLDER gets
what `kanshiki extract` makes (`files`, `manifest.jsonl`, `SHA256SUMS`), and `suspects.jsonl`: for
each file the findings, what is known of its content, and MD5, SHA-1, SHA-256 and TLSH. The case's
custody log gets an entry with the digest of the manifest.

With --archive the same comes as a ZIP archive instead, encrypted with AES-256: 7-Zip opens it,
Info-ZIP's unzip does not. The password keeps scanners and double clicks away, and nobody else: it is
the customary one unless another is given, stands in the manifest's command line, and names of files
are not encrypted. While it is made the files lie in a folder beside it, which is removed then. The
custody log gets a second entry, with the digest of the archive.

The content of some may harm whoever opens it: look at them on a machine made for that.

Exit codes: 0 done; 3 done, but something could not be read: the manifest tells; 4 not done; 130
interrupted.

Examples:
  kanshiki suspects --case cases/2026-014 --out suspects
  kanshiki suspects disk.raw --case cases/2026-014 --out suspects --examiner 'A. Tanaka'
  kanshiki suspects --case cases/2026-014 --archive suspects.zip && 7z x -pinfected suspects.zip";

/// Copy the files that findings speak against out of an examined image, unable to run, with facts and digests
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, mut_arg("image", |image| image.required(false)))]
pub(crate) struct SuspectsArguments {
    /// What was examined.
    #[command(flatten)]
    evidence: Option<EvidenceArguments>,
    /// Case folder whose store holds the findings; without IMAGE its only exhibit is taken
    #[arg(long, value_name = "DIR")]
    case: PathBuf,
    /// New or empty folder for the files
    #[arg(long, value_name = "FOLDER", required_unless_present = "archive")]
    out: Option<PathBuf>,
    /// New ZIP archive with a password, in the place of a folder
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    archive: Option<PathBuf>,
    /// Password of the archive
    #[arg(long, value_name = "TEXT", default_value = "infected", conflicts_with = "out")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    password: String,
    /// Who takes them out, for the custody log
    #[arg(long, value_name = "NAME")]
    examiner: Option<String>,
    /// How the work is told.
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// The name of the list in the folder.
const LIST: &str = "suspects.jsonl";

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

/// Bytes of a file of which a TLSH is made: it wants the content in memory.
const TLSH_BYTES: u64 = 64 << 20;

/// Runs the verb.
pub(crate) fn run(arguments: &SuspectsArguments, console: &Console) -> Result<Exit, Failure> {
    let reader = Reader::open(&arguments.case.join(EVENTS)).map_err(|error| Failure::of(&error))?;
    let chosen = match &arguments.evidence {
        Some(chosen) => chosen.clone(),
        None => EvidenceArguments { image: only_exhibit(&reader, &arguments.case)?, ..EvidenceArguments::default() },
    };
    let evidence = Evidence::open(&chosen)?;
    let (name, source) = identity(&evidence, &chosen)?;
    let suspects = reader.suspects_of(&source).map_err(|error| Failure::of(&error))?;
    let Some(mut suspects) = suspects else {
        let failure = Failure::new(format!("exhibit {name} was not examined in this case, or has changed since"));
        return Err(failure.hint("name image, volume and options as `kanshiki examine` was given them"));
    };
    // A folder with an odd name holds nothing that could be looked at.
    suspects.retain(|suspect| !is_directory(&evidence.view, suspect));
    if suspects.is_empty() {
        return Err(Failure::new(format!(
            "no finding of severity medium or high speaks against a file of exhibit {name}"
        )));
    }
    let places =
        suspects.iter().map(|it| LogPlace { volume: it.volume.clone(), path: it.path.clone(), inode: it.inode });
    let wanted = places.map(|place| wanted(&evidence.view, place)).collect();
    let from = visible(chosen.image.as_encoded_bytes());
    let archive = arguments.archive.as_deref().map(Archive::begin).transpose()?;
    let to = archive.as_ref().map(|archive| archive.folder.clone()).or_else(|| arguments.out.clone());
    let to = to.ok_or_else(|| Failure::new("neither a folder nor an archive is named"))?;
    let mut custody = custody(&arguments.case, arguments.examiner.as_deref(), &from);
    custody.to.clone_from(&arguments.archive);
    let options = Options { wanted, max_bytes: None, extents: false, custody: Some(custody) };
    let reporter = Reporter::start(&arguments.output, console)?;
    let (result, exit) = copy_out(&evidence, &from, &to, &options, &reporter)?;
    let mut is_whole = exit != Exit::Interrupted;
    if is_whole {
        let written = write_list(&to, &evidence.view, &suspects, &reporter);
        is_whole = written.map_err(|error| Failure::from_error(format!("cannot write `{LIST}`"), &error))?;
    }
    // What is not whole is not packed.
    let packed = match &archive {
        Some(archive) if is_whole => pack(archive, arguments, &from, &reporter)?,
        _ => None,
    };
    drop(reporter);
    is_whole &= archive.is_none() || packed.is_some();
    let exit = if is_whole { exit } else { Exit::Interrupted };
    tell(&result, exit, arguments.archive.as_deref().unwrap_or(&to), &arguments.output, console)?;
    if let Some(sha256) = packed.filter(|_| !arguments.output.json && !arguments.output.quiet) {
        console.result(&format!("  {:<22} {sha256}\n", "SHA-256 of the archive"))?;
    }
    Ok(exit)
}

/// Packs what was gathered, and enters the archive; its SHA-256, or `None` if the user wants to end.
fn pack(
    archive: &Archive,
    arguments: &SuspectsArguments,
    from: &str,
    progress: &dyn Progress,
) -> Result<Option<String>, Failure> {
    let Some(sha256) = archive.pack(&arguments.password, progress)? else { return Ok(None) };
    let path = arguments.archive.clone().unwrap_or_default();
    let name = visible(std::path::absolute(&path).unwrap_or(path).as_os_str().as_encoded_bytes());
    let case = Case::open(&arguments.case).map_err(|error| Failure::of(&error))?;
    let log = CustodyLog::open(&case).map_err(|error| Failure::of(&error))?;
    let act = Act {
        kind: ActKind::Copied,
        who: arguments.examiner.as_deref().unwrap_or("not told").to_owned(),
        what: format!("packed what was extracted from {from} into {name}, an archive with a password"),
        subjects: vec![Subject { name, sha256: sha256.clone() }],
        tool: format!("kanshiki {VERSION}"),
    };
    log.append(act, &SystemClock).map_err(|error| Failure::of(&error))?;
    Ok(Some(sha256))
}

/// Writes the list under another name first, so that it is there whole or not at all. Whether the user let it.
fn write_list(folder: &Path, view: &View, suspects: &[Suspect], progress: &dyn Progress) -> io::Result<bool> {
    let partial = folder.join(format!("{LIST}.partial"));
    let mut file = create_new(&partial)?;
    for suspect in suspects {
        let mut line = serde_json::to_vec(&object(view, suspect, progress))?;
        if progress.stop_requested() {
            // Left under its other name: it is not whole.
            return Ok(false);
        }
        line.push(b'\n');
        file.write_all(&line)?;
    }
    file.sync_all()?;
    std::fs::rename(&partial, folder.join(LIST))?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(true)
}

/// What is known of a file.
fn object(view: &View, suspect: &Suspect, progress: &dyn Progress) -> Value {
    let reasons: Vec<Value> = suspect
        .reasons
        .iter()
        .map(|[name, severity, rule, title]| json!({ "finding": name, "severity": severity, "rule": rule, "title": title }))
        .collect();
    let facts: Option<Value> = suspect.facts.as_ref().and_then(|facts| serde_json::from_str(facts).ok());
    json!({
        "schema": 1, "type": "suspect", "volume": suspect.volume, "path": visible(&suspect.path), "inode": suspect.inode,
        "reasons": reasons, "digests": digests_of(view, suspect, progress), "facts": facts,
    })
}

fn is_directory(view: &View, suspect: &Suspect) -> bool {
    let volume = view.volumes().iter().position(|volume| volume.name == suspect.volume);
    let node = volume.and_then(|volume| view.inode(volume, suspect.inode).ok());
    node.is_some_and(|(_, node)| node.node_type == NodeType::Directory)
}

/// The digests by which the file is known elsewhere; none if it cannot be read, which the manifest tells.
fn digests_of(view: &View, suspect: &Suspect, progress: &dyn Progress) -> Map<String, Value> {
    let mut map = Map::new();
    let volume = view.volumes().iter().position(|volume| volume.name == suspect.volume);
    let Some(volume) = volume else { return map };
    let Ok((place, _)) = view.inode(volume, suspect.inode) else { return map };
    let source = view.filesystem(place).and_then(|filesystem| filesystem.content(place.node).ok());
    let Some(source) = source else { return map };
    let algorithms = [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256];
    let mut buffer = vec![0; READ_BYTES];
    if let Ok(found) = digests(&*source, &suspect.path, &algorithms, &mut buffer, progress) {
        for (algorithm, digest) in algorithms.iter().zip(found) {
            map.insert(algorithm.name().to_owned(), digest.to_hex().into());
        }
    }
    if let Some(tlsh) = tlsh(&*source) {
        map.insert("tlsh".to_owned(), tlsh.into());
    }
    map
}

/// The TLSH of a content that is not too long; there is none of what is short, has little variety or cannot be read.
fn tlsh(source: &dyn ReadAt) -> Option<String> {
    let mut buffer = vec![0; READ_BYTES.min(usize::try_from(source.len()).ok()?)];
    if source.len() > TLSH_BYTES {
        return None;
    }
    let mut builder = tlsh2::TlshDefaultBuilder::new();
    let mut at = 0;
    while at < source.len() {
        match source.read_at(at, &mut buffer) {
            Ok(read) if read > 0 => {
                builder.update(buffer.get(..read).unwrap_or_default());
                at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            }
            _ => return None,
        }
    }
    builder.build().map(|hash| String::from_utf8_lossy(&hash.hash()).into_owned())
}
