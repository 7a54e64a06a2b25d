//! `kanshiki grep`: lines of contents that match an expression.

use super::node::{self, PathFields};
use super::search::{self, Writer, push_object};
use crate::console::{Console, Paint};
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use kanshiki_browse::bounds::Numbers;
use kanshiki_browse::grep::{Contents, GrepOptions, Hit, Matcher, search_file};
use kanshiki_browse::pattern::{Case, Pattern};
use kanshiki_filesystem::{FsError, Place};
use kanshiki_model::{Exact, parse_size, visible};
use kanshiki_walk::contents::{Portion, guarded, portions};
use kanshiki_walk::decompress::Compression;
use kanshiki_walk::parallel::{Output as Results, Piece, ordered};
use kanshiki_walk::{Item, Order, SweepOptions};
use serde::Serialize;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;

const AFTER_HELP: &str = "\
Every regular file is searched, whatever its bytes are; a row tells its path, the line, the byte at
which the first match begins, and the line, of a long one the bytes around the match. gzip, xz, zstd
and bzip2 are told by their first bytes and searched inside, up to 4 GiB or 1000 times the size of
the file; line and byte are then those of the content. A file that is cut off is searched up to the
cut, but for what the last 20 bytes of xz hold; what cannot be decompressed, and what stands behind
it, is searched as it is stored. Expressions are those of Rust's regex: \\d,
\\b, (?i), and (?-u:\\xff) for bytes. Holes of 1 MiB and more are passed over. Files come in the order
in which they lie on the disk.

Exit codes: 0 something matches; 1 nothing does; 3 nothing was missed in silence, but something is
damaged or unreadable; 4 not done.

Examples:
  kanshiki grep 'Accepted (password|publickey)' disk.raw /var/log
  kanshiki grep -i -l base64_decode disk.raw /var/www
  kanshiki grep -F 198.51.100.7 disk.raw --include '*.log*' --jsonl";

/// Search the contents of files for a regular expression, inside compressed ones too
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct GrepArguments {
    /// Regular expression
    expression: String,
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Directories or files in the image [default: /]
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
    /// Upper and lower case alike
    #[arg(long, short)]
    ignore_case: bool,
    /// EXPRESSION is a plain text
    #[arg(long, short = 'F')]
    fixed_strings: bool,
    /// Whole words only
    #[arg(long, short)]
    word_regexp: bool,
    /// Names of files that match, and nothing else
    #[arg(long, short = 'l', conflicts_with = "count")]
    files_with_matches: bool,
    /// The number of lines that match for each file that has any
    #[arg(long, short)]
    count: bool,
    /// Lines of each file at most
    #[arg(long, short, value_name = "COUNT")]
    max_count: Option<u64>,
    /// Only files with a name like this; may be given again
    #[arg(long, value_name = "PATTERN")]
    include: Vec<OsString>,
    /// No files with a name like this; may be given again
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<OsString>,
    /// Only files of this size; units as in ..100M
    #[arg(long, value_name = "RANGE", value_parser = sizes)]
    size: Option<Numbers>,
    /// Search compressed files as they are stored
    #[arg(long)]
    no_decompress: bool,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

/// A line that matches, in JSON.
#[derive(Serialize)]
struct HitLine<'a> {
    #[serde(flatten)]
    path: PathFields<'a>,
    volume: &'a str,
    inode: u64,
    compression: Option<&'static str>,
    line: u64,
    offset: u64,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_hex: Option<String>,
    match_start: usize,
    match_end: usize,
    cut_before: bool,
    cut_after: bool,
}

/// A file with lines that match, in JSON.
#[derive(Serialize)]
struct CountLine<'a> {
    #[serde(flatten)]
    path: PathFields<'a>,
    volume: &'a str,
    inode: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<u64>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &GrepArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    show(arguments, &evidence, console.out(), &mut output)?;
    output.finish()
}

/// Searches what was asked for.
pub(super) fn show(
    arguments: &GrepArguments,
    evidence: &Evidence,
    paint: Paint,
    output: &mut Output,
) -> Result<(), Failure> {
    let options = GrepOptions {
        ignore_case: arguments.ignore_case,
        fixed: arguments.fixed_strings,
        whole_words: arguments.word_regexp,
    };
    let matcher = Matcher::new(&arguments.expression, options)
        .map_err(|error| search::wrong_expression("regular expression", &arguments.expression, &error))?;
    let files = Files::of(arguments)?;
    let starts = search::contents_starts(evidence, &arguments.paths)?;
    let search = Search { arguments, evidence, matcher, paint, json: output.is_json() };
    let mut writer = Writer::new(output);
    let options = SweepOptions { order: Order::Disk, ..SweepOptions::default() };
    portions(&evidence.view, &starts, options, &|item| files.has(item), &mut |portion, issues| {
        writer.write(&Piece { issues, ..Piece::default() })?;
        search.portion(&portion, &mut writer)
    });
    let found = writer.end()?;
    if found == 0 && output.issues() == 0 {
        output.answer_no();
    }
    Ok(())
}

/// Which files are searched.
struct Files {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
    size: Option<Numbers>,
}

impl Files {
    fn of(arguments: &GrepArguments) -> Result<Self, Failure> {
        let patterns = |texts: &[OsString]| texts.iter().map(pattern).collect::<Result<Vec<_>, _>>();
        let (include, exclude) = (patterns(&arguments.include)?, patterns(&arguments.exclude)?);
        Ok(Self { include, exclude, size: arguments.size })
    }

    fn has(&self, item: &Item<'_>) -> Result<bool, FsError> {
        let name = item.path.rsplit(|byte| *byte == b'/').next().unwrap_or(item.path);
        let size = item.found.as_ref().map_or(0, |(_, node)| node.size);
        Ok((self.include.is_empty() || self.include.iter().any(|pattern| pattern.matches(name)))
            && !self.exclude.iter().any(|pattern| pattern.matches(name))
            && self.size.is_none_or(|range| range.contains(size)))
    }
}

struct Search<'a> {
    arguments: &'a GrepArguments,
    evidence: &'a Evidence,
    matcher: Matcher,
    paint: Paint,
    json: bool,
}

impl Search<'_> {
    /// Searches the files of a portion; one with several names is searched once, under the first.
    fn portion(&self, portion: &Portion, writer: &mut Writer<'_>) -> ControlFlow<()> {
        let mut order = portion.by_place();
        let place = |number: &u32| portion.jobs().get(*number as usize).map(|job| job.place);
        order.dedup_by_key(|number| place(number));
        let mut flow = ControlFlow::Continue(());
        let jobs = order.into_iter().map(|number| number as usize);
        let work = |number: usize, results: &mut Results<'_, '_>| {
            if let Some(job) = portion.jobs().get(number) {
                self.file(job.place, portion.path(number), results);
            }
        };
        ordered(jobs, &work, &mut |piece: Piece| {
            flow = writer.write(&piece);
            flow
        });
        flow
    }

    fn file(&self, place: Place, path: &[u8], results: &mut Results<'_, '_>) {
        let mut lines = 0_u64;
        let mut issues = Vec::new();
        let mut buffer = Vec::new();
        let only_names = self.arguments.files_with_matches;
        let most = if only_names { 1 } else { self.arguments.max_count.unwrap_or(u64::MAX) };
        let mut piece = Piece::default();
        guarded(path, &mut piece, |_| {
            let contents = if self.arguments.no_decompress { Contents::AsStored } else { Contents::Decompressed };
            let view = &self.evidence.view;
            issues = search_file(view, (place, path), &self.matcher, contents, &mut buffer, &mut |compression, hit| {
                if lines >= most {
                    return ControlFlow::Break(());
                }
                lines += 1;
                if only_names || self.arguments.count {
                    return if lines >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                }
                self.row(place, path, compression, hit, &mut results.piece);
                results.flush_some()
            });
        });
        results.piece.issues.extend(piece.issues);
        results.piece.issues.extend(issues);
        results.piece.found += u64::from(lines > 0);
        if lines > 0 && (only_names || self.arguments.count) {
            self.file_row(place, path, lines, &mut results.piece);
        }
    }

    fn row(&self, place: Place, path: &[u8], compression: Option<Compression>, hit: Hit<'_>, piece: &mut Piece) {
        let (start, end) = hit.matched;
        if self.json {
            let Exact { text, hex } = Exact::of(hit.text);
            let line = HitLine {
                path: PathFields::of_bytes(path),
                volume: node::volume_name(&self.evidence.view, place.volume),
                inode: place.node.inode,
                compression: compression.map(Compression::name),
                line: hit.line,
                offset: hit.offset,
                text: &text,
                text_hex: hex,
                match_start: start,
                match_end: end,
                cut_before: hit.cut.0,
                cut_after: hit.cut.1,
            };
            return push_object(piece, "match", &line);
        }
        let part = |range: std::ops::Range<usize>| shown(hit.text.get(range).unwrap_or_default());
        let dots = |cut: bool| if cut { "..." } else { "" };
        let line = format!(
            "{}:{}:{}:{}{}{}{}{}\n",
            visible(path),
            hit.line,
            hit.offset,
            dots(hit.cut.0),
            part(0..start),
            self.paint.bad(&part(start..end)),
            part(end..hit.text.len()),
            dots(hit.cut.1),
        );
        piece.bytes.extend_from_slice(line.as_bytes());
    }

    fn file_row(&self, place: Place, path: &[u8], lines: u64, piece: &mut Piece) {
        let lines = self.arguments.count.then_some(lines);
        if self.json {
            let volume = node::volume_name(&self.evidence.view, place.volume);
            let path = PathFields::of_bytes(path);
            return push_object(piece, "match-file", &CountLine { path, volume, inode: place.node.inode, lines });
        }
        let count = lines.map(|lines| format!(":{lines}")).unwrap_or_default();
        piece.bytes.extend_from_slice(format!("{}{count}\n", visible(path)).as_bytes());
    }
}

/// A part of a line, visible, with its tabs as they are.
fn shown(text: &[u8]) -> String {
    let parts: Vec<String> = text.split(|byte| *byte == b'\t').map(visible).collect();
    parts.join("\t")
}

fn pattern(text: &OsString) -> Result<Pattern, Failure> {
    Pattern::new(text.as_bytes(), Case::Exact).map_err(|error| {
        let what = format!("`{}` is no pattern", text.to_string_lossy());
        Failure::from_error(what, &error).exit(Exit::CommandLine)
    })
}

fn sizes(text: &str) -> Result<Numbers, kanshiki_browse::bounds::BoundsError> {
    Numbers::parse(text, |part| parse_size(part).ok())
}
