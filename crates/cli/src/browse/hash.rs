//! `kanshiki hash`: digests of all files.

use super::node::{self, PathFields};
use super::search::{self, Writer, push_object};
use crate::arguments::OutputArguments;
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use crate::progress::Reporter;
use clap::ValueEnum;
use kanshiki_browse::bounds::Numbers;
use kanshiki_browse::hash::{
    Digests, FileHasher, KnownList, hashdeep_header, hashdeep_line, push_hex, sum_line, tagged_line,
};
use kanshiki_model::{Algorithm, Digest, Issue, Note, Progress, parse_size, visible, visible_path};
use kanshiki_walk::contents::{FileJob, Portion, portions};
use kanshiki_walk::parallel::{self, Piece};
use kanshiki_walk::{Order, SweepOptions};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io::{IsTerminal as _, stdout};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
Every regular file is read once, in the order in which files lie on the disk; one with several names
is read once for all. Rows come directory by directory, by name in each; in a tree of millions of
files, portion by portion. The forms sha256sum and hashdeep name files from where the tree begins,
as ./etc/passwd, so that `sha256sum -c` and `hashdeep -r -l -o f -a -k` check a copy of the
tree from inside it, and never the files of this machine. sha256sum writes the form with tags if
there are several algorithms. hashdeep has no form for names with line breaks: they are escaped and
told. A file with more than 64 GiB of holes gets no digest, and is told.
--known takes lists of sha256sum and its kin, of hashdeep, of the NSRL (CSV, and the SQLite of RDSv3),
or bare digests. Those of 64 digits are SHA-256, or, where BLAKE3 is asked for and the list does not say, of either.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done; 130 interrupted.

Examples:
  kanshiki hash disk.raw > sums.txt
  kanshiki hash disk.raw --hash md5,sha256 --format hashdeep > list.hashdeep
  kanshiki hash disk.raw /usr --known NSRLFile.txt --only unknown --jsonl";

/// Rows that are made by one thread at once.
const ROWS: usize = 512;

/// Work out digests of all files, several algorithms at once, and mark or leave out known files
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct HashArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Directories or files in the image [default: /]
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
    /// Algorithms: md5, sha1, sha256, sha512 or blake3; several as in md5,sha256
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "sha256")]
    hash: Vec<Algorithm>,
    /// Form of the rows: text, sha256sum or hashdeep
    #[arg(long, value_enum, value_name = "FORM", hide_possible_values = true, default_value = "text")]
    format: Form,
    /// List of known files
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
    /// Leave out all files but these: known or unknown
    #[arg(long, value_enum, value_name = "WHICH", hide_possible_values = true, requires = "known")]
    only: Option<Only>,
    /// Only files of this size; units as in ..100M
    #[arg(long, value_name = "RANGE", value_parser = sizes)]
    size: Option<Numbers>,
    /// Tell no progress
    #[arg(long)]
    no_progress: bool,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    #[value(alias = "sums")]
    Sha256sum,
    Hashdeep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// Files in the list
    Known,
    /// Files not in the list
    Unknown,
}

/// A file with its digests, in JSON.
#[derive(Serialize)]
struct HashLine<'a> {
    #[serde(flatten)]
    path: PathFields<'a>,
    volume: &'a str,
    inode: u64,
    size: u64,
    digests: BTreeMap<Algorithm, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<bool>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &HashArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    let telling = OutputArguments { json: false, quiet: arguments.no_progress, no_progress: false };
    let reporter = Reporter::start_without_record(&telling, console)?;
    let done = show(arguments, &evidence, &reporter, &mut output)?;
    drop(reporter);
    let exit = output.finish()?;
    Ok(if done == Done::All { exit } else { Exit::Interrupted })
}

/// Whether all was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    All,
    Interrupted,
}

/// Works out what was asked for.
pub(super) fn show(
    arguments: &HashArguments,
    evidence: &Evidence,
    progress: &dyn Progress,
    output: &mut Output,
) -> Result<Done, Failure> {
    let mut algorithms = arguments.hash.clone();
    algorithms.sort();
    algorithms.dedup();
    let known = arguments.known.as_deref().map(Known::open).transpose()?;
    let looked_up = known.as_ref().map(|known| known.algorithms(&mut algorithms)).unwrap_or_default();
    let rows = Rows {
        arguments,
        evidence,
        json: output.is_json(),
        for_terminal: stdout().is_terminal(),
        algorithms: &algorithms,
    };
    if arguments.format == Form::Hashdeep && !output.is_json() {
        let header = hashdeep_header(&algorithms, "kanshiki hash: names begin where the tree does");
        output.bytes(&header.map_err(|error| Failure::of(&error).exit(Exit::CommandLine))?)?;
    }
    let starts = search::contents_starts(evidence, &arguments.paths)?;
    let view = &evidence.view;
    let mut hasher = FileHasher::new(view, &algorithms, progress);
    let (mut writer, mut done, mut are_some_known) = (Writer::new(output), Done::All, false);
    let options = SweepOptions { order: Order::Name, ..SweepOptions::default() };
    let has_size = |size: u64| arguments.size.is_none_or(|range| range.contains(size));
    progress.begin("hash", None);
    let select = |item: &kanshiki_walk::Item<'_>| Ok(item.found.as_ref().is_ok_and(|(_, node)| has_size(node.size)));
    portions(view, &starts, options, &select, &mut |portion, issues| {
        writer.write(&Piece { issues, ..Piece::default() })?;
        let Some((digests, issues)) = hasher.hash(&portion) else {
            done = Done::Interrupted;
            return ControlFlow::Break(());
        };
        writer.write(&Piece { issues, ..Piece::default() })?;
        let found = match known.as_ref().map(|known| known.look_up(&looked_up, &digests)).transpose() {
            Ok(found) => found,
            Err(failure) => return writer.check(Err(failure)),
        };
        are_some_known |= found.as_ref().is_some_and(|found| !found.is_empty());
        rows.write(&portion, &digests, found.as_ref(), &mut writer)
    });
    writer.end()?;
    match known {
        Some(known) if !are_some_known && known.list.may_be_misread(&looked_up) => output.note(&known.unsure())?,
        _ => {}
    }
    Ok(done)
}

/// A list of known files.
struct Known {
    path: PathBuf,
    list: KnownList,
}

impl Known {
    fn open(path: &Path) -> Result<Self, Failure> {
        let list = KnownList::open(path);
        let list = list.map_err(|error| Failure::from_error(format!("cannot use `{}`", visible_path(path)), &error))?;
        Ok(Self { path: path.to_owned(), list })
    }

    /// The algorithms by which files are looked up; added to those that are worked out if they are not among them.
    fn algorithms(&self, algorithms: &mut Vec<Algorithm>) -> Vec<Algorithm> {
        let looked_up = self.list.algorithms(algorithms);
        algorithms.extend(&looked_up);
        algorithms.sort();
        algorithms.dedup();
        looked_up
    }

    /// What is to be known where no file is in a list that may be of another algorithm.
    fn unsure(&self) -> Note {
        let message = "no file is in the list; its digests of 64 digits were taken for SHA-256, and it does not say \
                       whether they are; --hash blake3 compares them with both";
        Note { subject: visible_path(&self.path), message: message.to_owned() }
    }

    /// Those of the digests that are in the list.
    fn look_up(&self, algorithms: &[Algorithm], digests: &[Digests]) -> Result<HashSet<Vec<u8>>, Failure> {
        let all = digests.iter().flatten().flatten().filter(|digest| algorithms.contains(&digest.algorithm()));
        let wanted: HashSet<Vec<u8>> = all.map(|digest| digest.as_bytes().to_vec()).collect();
        let found = self.list.known(algorithms, wanted);
        found.map_err(|error| Failure::from_error(format!("cannot read `{}`", visible_path(&self.path)), &error))
    }
}

struct Rows<'a> {
    arguments: &'a HashArguments,
    evidence: &'a Evidence,
    json: bool,
    /// Whether rows are seen by people at once, so that names in the forms of other programs must be made visible.
    for_terminal: bool,
    algorithms: &'a [Algorithm],
}

impl Rows<'_> {
    fn write(
        &self,
        portion: &Portion,
        digests: &[Digests],
        known: Option<&HashSet<Vec<u8>>>,
        writer: &mut Writer<'_>,
    ) -> ControlFlow<()> {
        let work = |numbers: Range<usize>, output: &mut parallel::Output<'_, '_>| {
            for number in numbers {
                let (Some(job), Some(Some(digests))) = (portion.jobs().get(number), digests.get(number)) else {
                    continue;
                };
                let known = known.map(|known| digests.iter().any(|digest| known.contains(digest.as_bytes())));
                match (self.arguments.only, known) {
                    (Some(Only::Known), Some(false)) | (Some(Only::Unknown), Some(true)) => continue,
                    _ => {}
                }
                self.row(job, portion.path(number), digests, known, &mut output.piece);
            }
        };
        let count = portion.jobs().len();
        let ranges = (0..count).step_by(ROWS).map(|start| start..start.saturating_add(ROWS).min(count));
        let mut flow = ControlFlow::Continue(());
        parallel::ordered(ranges, &work, &mut |piece| {
            flow = writer.write(&piece);
            flow
        });
        flow
    }

    fn row(&self, job: &FileJob, path: &[u8], digests: &[Digest], known: Option<bool>, piece: &mut Piece) {
        if self.json {
            let line = HashLine {
                path: PathFields::of_bytes(path),
                volume: node::volume_name(&self.evidence.view, job.place.volume),
                inode: job.place.node.inode,
                size: job.size,
                digests: digests.iter().map(|digest| (digest.algorithm(), digest.to_hex())).collect(),
                known,
            };
            return push_object(piece, "hash", &line);
        }
        match self.arguments.format {
            Form::Text => {
                let mark = if known == Some(true) && self.arguments.only.is_none() { "  (known)" } else { "" };
                let path = visible(path);
                for digest in digests {
                    if digests.len() > 1 {
                        piece.bytes.extend_from_slice(format!("{:6}  ", digest.algorithm().name()).as_bytes());
                    }
                    push_hex(&mut piece.bytes, digest.as_bytes());
                    for part in ["  ", &path, mark, "\n"] {
                        piece.bytes.extend_from_slice(part.as_bytes());
                    }
                }
            }
            Form::Sha256sum => {
                let name = self.name(path);
                for digest in digests {
                    match self.algorithms {
                        [_] => sum_line(&mut piece.bytes, digest, &name),
                        _ => tagged_line(&mut piece.bytes, digest, &name),
                    }
                }
            }
            Form::Hashdeep => {
                if !hashdeep_line(&mut piece.bytes, job.size, digests, &self.name(path)) {
                    let text =
                        "hashdeep has no form for a line break in a name: it is escaped, and an audit will miss it";
                    piece.issues.push(Issue::new(visible(path), text));
                }
            }
        }
    }

    /// The name in a list for other programs: relative, so that nobody checks the files of this machine by mistake.
    fn name(&self, path: &[u8]) -> Vec<u8> {
        let name = [b"./", path.strip_prefix(b"/").unwrap_or(path)].concat();
        if self.for_terminal { visible(&name).into_bytes() } else { name }
    }
}

fn sizes(text: &str) -> Result<Numbers, kanshiki_browse::bounds::BoundsError> {
    Numbers::parse(text, |part| parse_size(part).ok())
}
