//! `kanshiki examine`: logs and file times of an image into the case's store.

use crate::arguments::{OutputArguments, VERSION};
use crate::clock::SystemClock;
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments, JournalChoice, RecordedImage};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings::Findings;
use crate::progress::Reporter;
use kanshiki_custody::case::EVENTS;
use kanshiki_custody::log::TEXT_LIMIT;
use kanshiki_custody::{Act, ActKind, Case, CustodyLog};
use kanshiki_detect::{DetectError, Options, detect};
use kanshiki_examine::{ExamineError, Exhibit, Outcome, examine};
use kanshiki_image::volumes::Address;
use kanshiki_model::{Note, Progress as _, visible, visible_text};
use kanshiki_rules::RuleSet;
use kanshiki_rules::sigma::Sigma;
use kanshiki_rules::yara::Yara;
use kanshiki_store::{Reader, Totals};
use serde_json::json;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
DIR gets `events.sqlite`: a table of all files, an event for each record of the logs and for each
time of a file, what each log covers, what would not have been logged by the settings of the image,
and what could not be read. It opens in the sqlite3 shell; docs/store.md tells its tables. Logs are
read in every rotation, also from gzip, xz, zstd and bzip2; years and zones that records do not tell
are inferred from the image, and said to be. Examined again, nothing is entered twice: what was
interrupted goes on, what is there is left. Exhibits of a case are known by their digests; a plain
image that was changed or copied since, or is looked at with another volume or journal, is an
exhibit of its own, and that is said.

--known and --bad take lists of sha256sum and its kin, of hashdeep, of the NSRL (CSV, and the SQLite
of RDSv3), or bare digests, of which those of 64 digits are SHA-256. One from 16 MiB on is converted
into an index once, which is kept under DIR, or in the folder of --index-folder. Known is not
harmless: the NSRL knows tools of attackers too.

--indicators takes addresses, networks, domains, URLs, digests, paths and names of files, and mail
addresses: one a line (also as hxxp://evil[.]example), as CSV (as `kanshiki iocs` writes it), STIX 2.1
or MISP. They are looked for in all events, paths, contents by digest, and in other findings.

The examination is entered in the custody log of the case: who, what, how many events, how it ended.
A log that a newer version of the program reads better is read anew, and nothing is doubled.

Exit codes: 0 done; 3 done, but something was damaged, unreadable or not understood: the table
`issues` tells; 4 not done; 130 interrupted: the same command goes on.

Examples:
  kanshiki examine cases/2026-014/exhibits/laptop-disk --case cases/2026-014
  kanshiki examine disk.img --case cases/2026-014 --rules signature-base/yara
  kanshiki query --case cases/2026-014 failures";

/// Turn the logs and file times of an image into events in the case's store
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ExamineArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Case folder; it is made if there is none
    #[arg(long, value_name = "DIR")]
    case: PathBuf,
    /// List of words, one a line, that are tried against the hashes of passwords; may be given again
    #[arg(long = "wordlist", value_name = "FILE")]
    wordlists: Vec<PathBuf>,
    /// List of digests of files that are known, which no rule about contents tells of; may be given again
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
    /// List of digests of files that are told wherever they are; may be given again
    #[arg(long, value_name = "FILE")]
    bad: Vec<PathBuf>,
    /// Indicators of an attacker, looked for in files and events: plain, CSV, STIX or MISP; may be given again
    #[arg(long, value_name = "FILE")]
    indicators: Vec<PathBuf>,
    /// Folder for the indexes of large lists, which other cases may share [default: lists in the case folder]
    #[arg(long, value_name = "FOLDER")]
    index_folder: Option<PathBuf>,
    /// YARA rules that every file is looked at by: a file, or a folder of *.yar and *.yara; may be given again
    #[arg(long = "rules", value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Sigma rules that the records of logs are looked at by: a file, or a folder of *.yml and *.yaml; may be given again
    #[arg(long = "sigma", value_name = "PATH")]
    sigma: Vec<PathBuf>,
    /// Look at contents without the YARA rules that the program brings along
    #[arg(long)]
    no_own_rules: bool,
    /// Leave the findings to another run, and enter events and files alone
    #[arg(long, conflicts_with_all = ["wordlists", "known", "bad", "indicators", "rules", "sigma", "no_own_rules"])]
    no_findings: bool,
    /// Who examines, for the custody log
    #[arg(long, value_name = "NAME")]
    examiner: Option<String>,
    /// How the work is told.
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Runs the verb.
pub(crate) fn run(arguments: &ExamineArguments, console: &Console) -> Result<Exit, Failure> {
    for list in &arguments.wordlists {
        let path = visible(list.as_os_str().as_encoded_bytes());
        std::fs::File::open(list)
            .map_err(|error| Failure::from_error(format!("cannot read the list of words `{path}`"), &error))?;
    }
    let (options, with) = options(arguments)?;
    options.check().map_err(|error| Failure::of(&error))?;
    let evidence = Evidence::open(&arguments.evidence)?;
    let case = Case::create_or_open(&arguments.case, &SystemClock).map_err(|error| Failure::of(&error))?;
    // Opened before the work, so that a closed or damaged log is told at once.
    let log = CustodyLog::open(&case).and_then(|log| log.check_appendable(ActKind::Note).map(|()| log));
    let log = log.map_err(|error| Failure::of(&error))?;
    let store = case.path().join(EVENTS);
    let (name, source) = identity(&evidence, &arguments.evidence)?;
    let volume = visible(arguments.evidence.image.as_encoded_bytes());
    let reporter = Reporter::start(&arguments.output, console)?;
    evidence.notes().iter().for_each(|note| reporter.note(note));
    let opened: Vec<_> = evidence.issues().chain(evidence.view.issues()).collect();
    opened.iter().for_each(|issue| reporter.issue(issue));
    if is_another(&store, &name, &source) {
        let message = "the case has another exhibit of this name: that file was changed or copied since, or is another; \
            this one is entered beside it";
        reporter.note(&Note { subject: format!("exhibit {name}"), message: message.to_owned() });
    }
    let size = evidence.images.first().map_or(0, |image| image.opened.source.len());
    let exhibit = Exhibit { name: &name, source: &source, size, issues: &opened };
    let before = Findings::of(&store);
    let outcome =
        examine(&evidence.view, &exhibit, &store, &reporter).map_err(|error| Broken::Examining(Box::new(error)));
    let outcome = match outcome {
        Ok(Outcome::Whole) if !arguments.no_findings => conclude(&evidence, &exhibit, &options, &store, &reporter),
        other => other,
    };
    if matches!(outcome, Ok(Outcome::Whole))
        && let Some(note) = before.gone(&Findings::of(&store))
    {
        reporter.note(&note);
    }
    drop(reporter);
    let totals = Reader::open(&store).and_then(|reader| reader.totals(&source));
    let act = Act {
        kind: ActKind::Note,
        who: arguments.examiner.as_deref().unwrap_or("not told").to_owned(),
        what: sentence((&name, &source, &volume), &with, &outcome, totals.as_ref().ok()),
        subjects: Vec::new(),
        tool: format!("kanshiki {VERSION}"),
    };
    let entry = log.append(act, &SystemClock);
    let outcome = outcome.map_err(|error| Failure::from_error(format!("cannot examine `{volume}`"), &error))?;
    let totals = totals.map_err(|error| Failure::of(&error))?;
    let entry = entry.map_err(|error| Failure::of(&error))?.sequence;
    let exit = match outcome {
        Outcome::Interrupted => Exit::Interrupted,
        Outcome::Whole if totals.issues == 0 => Exit::Done,
        Outcome::Whole => Exit::Part,
    };
    let [high, medium, low, info] = totals.findings;
    let findings_object =
        (!arguments.no_findings).then(|| json!({ "high": high, "medium": medium, "low": low, "info": info }));
    if arguments.output.json {
        console.json(&json!({
            "schema": 1, "type": "result", "exit_code": exit.code(), "store": visible(store.as_os_str().as_encoded_bytes()),
            "files": totals.files, "logs": totals.logs, "logs_not_read": totals.unread, "events": totals.events, "issues": totals.issues,
            "not_understood": totals.others, "blind_spots": totals.blind_spots,
            "findings": findings_object,
            "custody_entry": entry, "whole": outcome == Outcome::Whole,
        }))?;
    } else if !arguments.output.quiet {
        let heading = if outcome == Outcome::Whole { "examined" } else { "interrupted; the same command goes on" };
        console.result(&format!(
            "exhibit {name}: {heading}\n  store        {}\n  files        {}\n  logs         {}{}\n  events       {}\n  not understood {} records\n  issues       {}\n  blind spots  {}\n  findings     {}\n  custody log  entry {entry}\n",
            visible(store.as_os_str().as_encoded_bytes()), totals.files, totals.logs, unread(totals.unread), totals.events, totals.others, totals.issues,
            blind_spots(totals.blind_spots), if arguments.no_findings { "left to another run".to_owned() } else { findings(totals.findings) }
        ))?;
    }
    if !arguments.output.json && totals.unread > 0 {
        let (label, what) = (console.err().warning("warning"), unread(totals.unread));
        console.note(&format!("{label}: files in the places of logs{what}: `kanshiki query coverage` tells which\n"));
    }
    if arguments.output.quiet && exit == Exit::Part {
        let label = console.err().warning("warning");
        console.note(&format!("{label}: {} issues of exhibit {name}: the table `issues` tells\n", totals.issues));
    }
    Ok(exit)
}

/// What the findings are made with beyond what is always looked at, and that in words for the custody log.
fn options(arguments: &ExamineArguments) -> Result<(Options, String), Failure> {
    let mut options = Options {
        wordlists: arguments.wordlists.clone(),
        known: arguments.known.clone(),
        bad: arguments.bad.clone(),
        indicators: arguments.indicators.clone(),
        index_folder: Some(arguments.index_folder.clone().unwrap_or_else(|| arguments.case.join("lists"))),
        no_own_rules: arguments.no_own_rules,
        ..Options::default()
    };
    let mut with = String::new();
    if !arguments.rules.is_empty() {
        let (yara, issues) = Yara::load(&arguments.rules).map_err(|error| Failure::of(&error))?;
        with.push_str(&in_words("YARA", yara.set()));
        options.yara = Some(yara);
        options.issues.extend(issues);
    }
    if !arguments.sigma.is_empty() {
        let (sigma, issues) = Sigma::load(&arguments.sigma).map_err(|error| Failure::of(&error))?;
        with.push_str(&in_words("Sigma", sigma.set()));
        options.sigma = Some(sigma);
        options.issues.extend(issues);
    }
    Ok((options, with))
}

/// A set of rules, with the digest by which it is known again.
fn in_words(language: &str, set: RuleSet) -> String {
    let digest: String = set.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(", with {} {language} rules of {} files (SHA-256 over their digests {digest})", set.rules, set.files)
}

/// Why an examination was broken off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Examining(Box<ExamineError>),
    #[error(transparent)]
    Detecting(Box<DetectError>),
}

/// Makes findings of what was examined.
fn conclude(
    evidence: &Evidence,
    exhibit: &Exhibit<'_>,
    options: &Options,
    store: &Path,
    reporter: &Reporter,
) -> Result<Outcome, Broken> {
    let exhibit = kanshiki_detect::Exhibit { name: exhibit.name, source: exhibit.source, size: exhibit.size };
    match detect(&evidence.view, &exhibit, options, store, reporter) {
        Ok(kanshiki_detect::Outcome::Whole) => Ok(Outcome::Whole),
        Ok(kanshiki_detect::Outcome::Interrupted) => Ok(Outcome::Interrupted),
        Err(error) => Err(Broken::Detecting(Box::new(error))),
    }
}

/// What the custody log gets: what was examined, what came of it, and how it ended.
fn sentence(
    (name, source, from): (&str, &str, &str),
    with: &str,
    outcome: &Result<Outcome, Broken>,
    totals: Option<&Totals>,
) -> String {
    let end = match outcome {
        Err(error) => format!("broken off: {error}"),
        Ok(Outcome::Interrupted) => "interrupted before its end".to_owned(),
        Ok(Outcome::Whole) => match totals.map_or(0, |totals| totals.issues) {
            0 => "whole".to_owned(),
            issues => format!("whole, with {issues} issues that the store tells"),
        },
    };
    let found = totals.map_or_else(String::new, |totals| {
        format!(", which has {} events of {} logs and {} files by now", totals.events, totals.logs, totals.files)
    });
    let what = format!("examined exhibit {name} ({source}) from {from} into {EVENTS}{with}{found}; {end}");
    what.chars().take(TEXT_LIMIT / 4).collect()
}

/// How many logs were not read, if there are any.
fn unread(count: i64) -> String {
    if count == 0 { String::new() } else { format!(", {count} not read") }
}

/// How many findings there are, and how to see them.
fn findings([high, medium, low, info]: [i64; 4]) -> String {
    format!("{high} high, {medium} medium, {low} low, {info} info: `kanshiki findings --case DIR` tells them")
}

/// How many blind spots there are, and how to see them.
fn blind_spots(count: i64) -> String {
    if count == 0 {
        "0".to_owned()
    } else {
        format!("{count}: `kanshiki query blind-spots` tells what would not have been logged")
    }
}

/// Whether the case has another exhibit of this name: an image that was changed or copied since is another.
fn is_another(store: &Path, name: &str, source: &str) -> bool {
    let others = Reader::open(store).and_then(|reader| reader.sources_of(name)).unwrap_or_default();
    !others.is_empty() && !others.iter().any(|other| other == source)
}

/// The name of what is examined, and what tells it from all else: the images, the chosen volume and root, and what is done
/// with journals, since each gives other files.
pub(crate) fn identity(evidence: &Evidence, arguments: &EvidenceArguments) -> Result<(String, String), Failure> {
    let images: Result<Vec<_>, Failure> = evidence.images.iter().map(identity_of_image).collect();
    let images = images?;
    let (name, _) = images.first().ok_or_else(|| Failure::new("there is no image"))?;
    let mut source = images.iter().map(|(_, source)| source.as_str()).collect::<Vec<_>>().join("; ");
    let volume = Address::parse(&arguments.image).volume;
    let name = volume.as_ref().map_or_else(|| name.clone(), |volume| format!("{name}:{volume}"));
    let parts = [("volume", volume.as_deref()), ("root", arguments.root.as_deref())];
    for (what, value) in parts {
        if let Some(value) = value {
            source.push_str(&format!("; {what} {value}"));
        }
    }
    if arguments.journal == JournalChoice::Ignore {
        source.push_str("; journals ignored");
    }
    Ok((visible_text(&name), visible_text(&source)))
}

/// The name of an image, and what tells it from all others.
fn identity_of_image(image: &RecordedImage) -> Result<(String, String), Failure> {
    if let Some(manifest) = &image.manifest {
        return Ok((manifest.exhibit.clone(), format!("leaves {}", manifest.image.leaves_root)));
    }
    let path = visible(image.path.as_os_str().as_encoded_bytes());
    let facts = std::fs::metadata(&image.path);
    let facts = facts.map_err(|error| Failure::from_error(format!("cannot look at `{path}`"), &error))?;
    let name = image.path.file_name().map_or_else(|| path.clone(), |name| visible(name.as_encoded_bytes()));
    let (seconds, nanoseconds) = (facts.mtime(), facts.mtime_nsec());
    Ok((
        name,
        format!("file {}:{}, {} bytes, changed {seconds}.{nanoseconds:09}", facts.dev(), facts.ino(), facts.len()),
    ))
}
