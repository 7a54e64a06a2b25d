//! `kanshiki strings`: text among the bytes of files, or of the whole volume.

use super::node::{self, PathFields};
use super::search::{self, Writer, push_object};
use crate::console::Console;
use crate::evidence::{Evidence, EvidenceArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use clap::ValueEnum;
use kanshiki_browse::strings::{Encoding, StringsOptions, Text, divided, pieces, search as search_piece};
use kanshiki_filesystem::{FsError, Place};
use kanshiki_image::Source;
use kanshiki_model::{ByteRange, Issue, visible};
use kanshiki_walk::SweepOptions;
use kanshiki_walk::contents::{Portion, portions};
use kanshiki_walk::parallel::{Output as Results, Piece, ordered};
use serde::Serialize;
use std::ffi::OsString;
use std::ops::ControlFlow;

const AFTER_HELP: &str = "\
A text is a run of characters that are seen, of at least --bytes characters; it is given with the
byte at which it begins. ASCII and UTF-8 take a tab as one; UTF-16 is looked for at even and odd
places, in letters of Latin, Greek and Cyrillic. Holes are passed over. Files come in the order in
which they lie on the disk. With --volume or --unallocated offsets are those in the volume, and
`kanshiki blocks --offset` tells which file, if any, has its content there.

Exit codes: 0 done; 3 done, but something is damaged or unreadable; 4 not done.

Examples:
  kanshiki strings disk.raw /usr/bin/ls
  kanshiki strings -n 8 -e ascii -e utf16le disk.raw:p2 --inode 12
  kanshiki strings disk.raw:p2 --unallocated --jsonl > texts.jsonl";

/// Print the text among the bytes of files, of a volume, or of its free space
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
#[command(group = clap::ArgGroup::new("what"))]
pub(crate) struct StringsArguments {
    /// What to look at.
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Directories or files in the image [default: /]
    #[arg(value_name = "PATH", group = "what")]
    paths: Vec<OsString>,
    /// The inode with this number, in use or deleted
    #[arg(long, value_name = "NUMBER", group = "what")]
    inode: Option<u64>,
    /// The whole volume, whatever its bytes belong to
    #[arg(long, group = "what")]
    volume: bool,
    /// The free space of the volume
    #[arg(long, group = "what")]
    unallocated: bool,
    /// Encoding: ascii, utf8, utf16le or utf16be; may be given again
    #[arg(long, short, value_enum, value_name = "ENCODING", hide_possible_values = true, default_value = "ascii")]
    encoding: Vec<EncodingChoice>,
    /// Characters of the shortest text
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 4, value_parser = minimum)]
    bytes: usize,
    /// Offsets: d decimal, x hexadecimal, o octal, or none
    #[arg(long, short = 't', value_enum, value_name = "RADIX", hide_possible_values = true, default_value = "d")]
    radix: Radix,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EncodingChoice {
    Ascii,
    #[value(alias = "utf-8")]
    Utf8,
    #[value(alias = "utf-16le")]
    Utf16le,
    #[value(alias = "utf-16be")]
    Utf16be,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Radix {
    D,
    X,
    O,
    None,
}

/// A text, in JSON.
#[derive(Serialize)]
struct TextLine<'a> {
    #[serde(flatten)]
    path: Option<PathFields<'a>>,
    volume: &'a str,
    inode: Option<u64>,
    offset: u64,
    encoding: &'static str,
    text: &'a str,
}

/// Bytes to look through, of a file or of the volume.
struct Bytes<'a> {
    source: &'a Source,
    path: Option<&'a [u8]>,
    volume: usize,
    inode: Option<u64>,
    /// Whether rows for people tell the path.
    named: bool,
}

/// Runs the verb.
pub(crate) fn run(arguments: &StringsArguments, console: &Console) -> Result<Exit, Failure> {
    let evidence = Evidence::open(&arguments.evidence)?;
    let mut output = Output::new(arguments.rows, console)?;
    evidence.tell(&mut output)?;
    show(arguments, &evidence, &mut output)?;
    output.finish()
}

/// Looks through what was asked for.
pub(super) fn show(arguments: &StringsArguments, evidence: &Evidence, output: &mut Output) -> Result<(), Failure> {
    let mut encodings: Vec<Encoding> = arguments.encoding.iter().map(|choice| encoding(*choice)).collect();
    encodings.sort();
    encodings.dedup();
    let options = StringsOptions { encodings, minimum: arguments.bytes };
    let search = Search { arguments, evidence, options, json: output.is_json() };
    let mut writer = Writer::new(output);
    if arguments.volume || arguments.unallocated {
        let volume = evidence.only_volume("free space")?;
        search.volume(volume, &mut writer)?;
    } else if let Some(inode) = arguments.inode {
        let (place, node) = evidence.inode(inode)?;
        let source = evidence.view.filesystem(place).map(|filesystem| filesystem.content(node.id));
        match source {
            Some(Ok(source)) => search.one(&source, place, None, &mut writer),
            Some(Err(error)) => return Err(Failure::from_error(format!("cannot read inode {inode}"), &error)),
            None => {}
        }
    } else {
        search.files(&mut writer)?;
    }
    writer.end().map(|_| ())
}

struct Search<'a> {
    arguments: &'a StringsArguments,
    evidence: &'a Evidence,
    options: StringsOptions,
    json: bool,
}

impl Search<'_> {
    fn volume(&self, volume: usize, writer: &mut Writer<'_>) -> Result<(), Failure> {
        let source = self.evidence.volume_source(volume).ok_or_else(|| Failure::new("the volume has no bytes"))?;
        let bytes = Bytes { source, path: None, volume, inode: None, named: false };
        if self.arguments.volume {
            self.pieces(&bytes, pieces(source, ByteRange::new(0, source.len())), writer);
            return Ok(());
        }
        let Some(found) = self.evidence.view.volumes().get(volume) else { return Ok(()) };
        let mut damage: Vec<FsError> = Vec::new();
        let free = found.filesystem.unallocated().filter_map(|range| match range {
            Ok(range) => Some(range),
            Err(error) => {
                damage.push(error);
                None
            }
        });
        self.pieces(&bytes, free.flat_map(divided), writer);
        for error in damage {
            let issue = self.evidence.issue(volume, None, &error);
            let _ = writer.write(&Piece { issues: vec![issue], ..Piece::default() });
        }
        Ok(())
    }

    /// One source, its pieces on all cores.
    fn one(&self, source: &Source, place: Place, path: Option<&[u8]>, writer: &mut Writer<'_>) {
        let (volume, inode) = (place.volume, Some(place.node.inode));
        let bytes = Bytes { source, path, volume, inode, named: false };
        self.pieces(&bytes, pieces(source, ByteRange::new(0, source.len())), writer);
    }

    fn pieces(&self, bytes: &Bytes<'_>, jobs: impl Iterator<Item = ByteRange> + Send, writer: &mut Writer<'_>) {
        let work = |piece: ByteRange, results: &mut Results<'_, '_>| self.piece(bytes, piece, results);
        ordered(jobs, &work, &mut |piece: Piece| writer.write(&piece));
    }

    fn files(&self, writer: &mut Writer<'_>) -> Result<(), Failure> {
        let (view, starts) = (&self.evidence.view, search::starts(self.evidence, &self.arguments.paths)?);
        if search::is_one_file(&starts)
            && let Some(start) = starts.first()
        {
            let content = view.filesystem(start.place).map(|filesystem| filesystem.content(start.place.node));
            match content {
                Some(Ok(source)) => self.one(&source, start.place, Some(start.path.as_bytes()), writer),
                Some(Err(error)) => {
                    let issue = self.evidence.issue(start.place.volume, Some(&start.path), &error);
                    let _ = writer.write(&Piece { issues: vec![issue], ..Piece::default() });
                }
                None => {}
            }
            return Ok(());
        }
        portions(view, &starts, SweepOptions::default(), &|_| Ok(true), &mut |portion, issues| {
            writer.write(&Piece { issues, ..Piece::default() })?;
            self.portion(&portion, writer)
        });
        Ok(())
    }

    /// The files of a portion; one with several names is looked through once, under the first.
    fn portion(&self, portion: &Portion, writer: &mut Writer<'_>) -> ControlFlow<()> {
        let mut order = portion.by_place();
        let place = |number: &u32| portion.jobs().get(*number as usize).map(|job| job.place);
        order.dedup_by_key(|number| place(number));
        let mut flow = ControlFlow::Continue(());
        let work = |number: usize, results: &mut Results<'_, '_>| {
            let Some(job) = portion.jobs().get(number) else { return };
            let path = portion.path(number);
            let content = self.evidence.view.filesystem(job.place).map(|filesystem| filesystem.content(job.place.node));
            match content {
                Some(Ok(source)) => {
                    let (volume, inode) = (job.place.volume, Some(job.place.node.inode));
                    let bytes = Bytes { source: &source, path: Some(path), volume, inode, named: true };
                    for piece in pieces(&source, ByteRange::new(0, source.len())) {
                        if results.is_stopped() {
                            return;
                        }
                        self.piece(&bytes, piece, results);
                    }
                }
                Some(Err(error)) => {
                    results.piece.issues.push(search::issue(&self.evidence.view, job.place.volume, path, &error));
                }
                None => {}
            }
        };
        ordered(order.into_iter().map(|number| number as usize), &work, &mut |piece: Piece| {
            flow = writer.write(&piece);
            flow
        });
        flow
    }

    fn piece(&self, bytes: &Bytes<'_>, piece: ByteRange, results: &mut Results<'_, '_>) {
        // With one encoding whose units are bytes the texts come in ascending order by themselves.
        let is_ordered = matches!(self.options.encodings.as_slice(), [Encoding::Ascii | Encoding::Utf8]);
        let mut texts: Vec<(u64, Encoding, String)> = Vec::new();
        let unread = search_piece(bytes.source, piece, &self.options, &mut |text| {
            if is_ordered {
                self.row(bytes, text, &mut results.piece);
                return results.flush_some();
            }
            texts.push((text.offset, text.encoding, text.text.to_owned()));
            ControlFlow::Continue(())
        });
        texts.sort();
        for (offset, encoding, text) in &texts {
            self.row(bytes, Text { offset: *offset, encoding: *encoding, text }, &mut results.piece);
            if results.flush_some().is_break() {
                return;
            }
        }
        for (range, error) in unread {
            let subject = bytes.path.map_or_else(|| self.evidence.volume_name(bytes.volume), visible);
            results.piece.issues.push(Issue::at(subject, range, format!("not looked through: {error}")));
        }
    }

    fn row(&self, bytes: &Bytes<'_>, text: Text<'_>, piece: &mut Piece) {
        if self.json {
            let line = TextLine {
                path: bytes.path.map(PathFields::of_bytes),
                volume: node::volume_name(&self.evidence.view, bytes.volume),
                inode: bytes.inode,
                offset: text.offset,
                encoding: text.encoding.name(),
                text: text.text,
            };
            return push_object(piece, "text", &line);
        }
        let path = bytes.path.filter(|_| bytes.named).map(|path| format!("{}: ", visible(path))).unwrap_or_default();
        let offset = match self.arguments.radix {
            Radix::D => format!("{:7} ", text.offset),
            Radix::X => format!("{:7x} ", text.offset),
            Radix::O => format!("{:7o} ", text.offset),
            Radix::None => String::new(),
        };
        let encoding =
            if self.options.encodings.len() == 1 { String::new() } else { format!("{:8} ", text.encoding.name()) };
        piece.bytes.extend_from_slice(format!("{path}{offset}{encoding}{}\n", text.text).as_bytes());
    }
}

const fn encoding(choice: EncodingChoice) -> Encoding {
    match choice {
        EncodingChoice::Ascii => Encoding::Ascii,
        EncodingChoice::Utf8 => Encoding::Utf8,
        EncodingChoice::Utf16le => Encoding::Utf16Le,
        EncodingChoice::Utf16be => Encoding::Utf16Be,
    }
}

fn minimum(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| (1..=1000).contains(count)).ok_or_else(|| "expected 1 to 1000".to_owned())
}
