//! Reads the files that may be logs, on all cores, and enters what they say in the order in which they lie on the disk.

use crate::host::Host;
use crate::input::Input;
use crate::output::{Found, Output};
use crate::parser::{Context, Parser};
use crate::places::Places;
use crate::recognise::{Recognised, is_no_log, recognise};
use crate::rotated::COMPRESSED;
use crate::text::is_text;
use crate::years::YearHint;
use kanshiki_filesystem::{Place, View};
use kanshiki_image::Source;
use kanshiki_machine::sqlite::Beside;
use kanshiki_model::{Issue, Progress, Timestamp, visible};
use kanshiki_store::{EventBatch, ExhibitId, FileId, Files, Gap, LogRow, StoreError, WaitingLog, Writer};
use kanshiki_walk::decompress::Compression;
use kanshiki_walk::parallel::{self, Weigh, ordered_beside};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What one file gives, on its way to the writer.
#[derive(Debug, Default)]
struct Results(Vec<Message>);

#[derive(Debug)]
enum Message {
    Begin,
    Events(FileId, EventBatch),
    Issue(FileId, Issue),
    /// What was found so far is to be forgotten.
    Again,
    End(FileId, Box<LogRow>, Vec<Gap>, u64),
    NoLog(FileId, u64),
}

impl Weigh for Results {
    fn weight(&self) -> usize {
        let message = |message: &Message| match message {
            Message::Events(_, batch) => batch.weight(),
            _ => 256,
        };
        self.0.iter().map(message).fold(128, usize::saturating_add)
    }
}

type Out<'s, 'a> = parallel::Output<'s, 'a, Results>;

/// What is told where a decoder or a parser broke its own rules.
const BROKEN: &str = "internal error while it was read; what came before is given";

/// Reads the logs of an exhibit.
pub(crate) struct Logs<'a> {
    pub(crate) view: &'a View,
    pub(crate) exhibit: ExhibitId,
    pub(crate) host: &'a Host,
    pub(crate) places: &'a Places,
    pub(crate) progress: &'a dyn Progress,
    /// Years by which the rotation tells that the last changes of some files are too late.
    pub(crate) shifts: &'a HashMap<FileId, i32>,
}

impl Logs<'_> {
    /// Reads all that waits; breaks off behind a file if that is asked for.
    pub(crate) fn read(&self, writer: &mut Writer) -> Result<ControlFlow<()>, StoreError> {
        let mut last: Option<WaitingLog> = None;
        loop {
            let waiting = writer.waiting(self.exhibit, last.as_ref())?;
            let Some(end) = waiting.last().cloned() else { return Ok(ControlFlow::Continue(())) };
            let mut result = Ok(());
            let mut is_open = false;
            let work = |log: WaitingLog, out: &mut Out<'_, '_>| self.read_one(&log, out);
            ordered_beside(waiting.into_iter(), &work, &mut |results| {
                let Results(messages) = results;
                for message in messages {
                    is_open = !matches!(message, Message::End(..) | Message::NoLog(..));
                    result = self.write(writer, message);
                    if result.is_err() || (!is_open && self.progress.stop_requested()) {
                        return ControlFlow::Break(());
                    }
                }
                // A log of any length need not be read to its end: it is read again another time.
                if self.progress.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            result?;
            if self.progress.stop_requested() {
                if is_open {
                    writer.take_out_part()?;
                }
                return Ok(ControlFlow::Break(()));
            }
            last = Some(end);
        }
    }

    fn write(&self, writer: &mut Writer, message: Message) -> Result<(), StoreError> {
        match message {
            Message::Begin => writer.begin_part(),
            Message::Events(file, batch) => writer.put(Files::Log(file), batch),
            Message::Issue(file, issue) => {
                self.progress.issue(&issue);
                writer.issue(self.exhibit, Some(file), &issue)
            }
            Message::Again => {
                writer.take_out_part()?;
                writer.begin_part()
            }
            Message::End(file, log, gaps, bytes) => {
                self.progress.advance(bytes);
                writer.end_log(file, &log, &gaps)
            }
            Message::NoLog(file, bytes) => {
                self.progress.advance(bytes);
                writer.end_no_log(file)
            }
        }
    }

    fn read_one(&self, log: &WaitingLog, out: &mut Out<'_, '_>) {
        out.piece.0.push(Message::Begin);
        let (source, owner) = match self.open(log) {
            Ok(opened) => opened,
            Err(why) => {
                out.piece.0.push(Message::Issue(log.file, Issue::new(visible(&log.path), why)));
                return end(log, LogRow { state: "unreadable", ..LogRow::default() }, Vec::new(), out);
            }
        };
        let siblings = Beside { view: self.view, path: &log.path };
        let input = Input::new(&*source).among(&siblings);
        let is_in_place = self.places.is_of_logs(&log.path);
        let recognised = catch_unwind(AssertUnwindSafe(|| recognise(&log.path, &input, self.host, is_in_place)));
        let Ok(found) = recognised else {
            out.piece.0.push(Message::Issue(log.file, Issue::new(visible(&log.path), BROKEN)));
            return end(log, LogRow { state: "unreadable", ..LogRow::default() }, Vec::new(), out);
        };
        let Some(parser) = found.parser else {
            let Some((state, why)) = unread(&log.path, &input, &found, is_in_place) else {
                return out.piece.0.push(Message::NoLog(log.file, log.size));
            };
            let issue = why.map(|why| Message::Issue(log.file, Issue::new(visible(&log.path), why)));
            out.piece.0.extend(issue);
            return end(log, LogRow { state, ..LogRow::default() }, Vec::new(), out);
        };
        let input = input.told_by(&found.head);
        let mut years = None;
        loop {
            match self.parse(parser, (log, Some(owner)), &input, years, out) {
                Some(hint) => years = Some(hint),
                None => return,
            }
        }
    }

    /// Reads a file once; with what it is to be read again, if so.
    fn parse(
        &self,
        parser: &dyn Parser,
        (log, owner): (&WaitingLog, Option<u32>),
        input: &Input<'_>,
        years: Option<YearHint>,
        out: &mut Out<'_, '_>,
    ) -> Option<YearHint> {
        let mut hand_on = |found: Found| {
            out.piece.0.push(match found {
                Found::Events(batch) => Message::Events(log.file, batch),
                Found::Issue(issue) => Message::Issue(log.file, issue),
            });
            out.flush_some()
        };
        let context = Context {
            path: &log.path,
            modified: log.modified.map(Timestamp::from_nanoseconds),
            owner,
            host: self.host,
            years,
            shift: self.shifts.get(&log.file).copied().unwrap_or(0),
        };
        let mut output = Output::new(&log.path, &mut hand_on);
        let parsed = catch_unwind(AssertUnwindSafe(|| parser.parse(input, &context, &mut output)));
        let state = match parsed {
            Ok(Ok(())) => "whole",
            Ok(Err(error)) => {
                output.trouble(&error.to_string());
                "cut"
            }
            Err(_) => {
                output.trouble(BROKEN);
                "cut"
            }
        };
        if let Some(hint) = output.wants_again() {
            drop(output);
            // Of a small file nothing was handed on yet, its beginning neither.
            let is_here = matches!(out.piece.0.first(), Some(Message::Begin));
            out.piece.0.clear();
            out.piece.0.push(if is_here { Message::Begin } else { Message::Again });
            return Some(hint);
        }
        let (row, gaps) = output.finish();
        let parser = format!("{} {}", parser.id(), parser.edition());
        let compression = input.compression().map(|compression| compression.name());
        end(log, LogRow { parser, state, compression, ..row }, gaps, out);
        None
    }

    /// The content of a log, and the number of its owner.
    fn open(&self, log: &WaitingLog) -> Result<(Source, u32), String> {
        let volume = self.view.volumes().iter().position(|volume| volume.name == log.volume);
        let volume = volume.ok_or_else(|| format!("the image has no volume {}", log.volume))?;
        let (place, node): (Place, _) = self.view.inode(volume, log.inode).map_err(|error| error.to_string())?;
        let filesystem = self.view.filesystem(place).ok_or("the image has no such volume")?;
        let content = filesystem.content(place.node).map_err(|error| error.to_string())?;
        Ok((content, node.uid))
    }
}

fn end(log: &WaitingLog, row: LogRow, gaps: Vec<Gap>, out: &mut Out<'_, '_>) {
    out.piece.0.push(Message::End(log.file, Box::new(row), gaps, log.size));
}

/// How a file is listed that nobody reads, and why it is not read; `None` if it is none that may be a log. Where all files
/// are logs, all are listed.
fn unread(
    path: &[u8],
    input: &Input<'_>,
    found: &Recognised,
    is_in_place: bool,
) -> Option<(&'static str, Option<String>)> {
    let Recognised { head, error, is_empty, .. } = found;
    if let Some(error) = error {
        return Some(("unreadable", Some(format!("{error}; nothing of it was read"))));
    }
    if is_no_log(path) {
        return is_in_place.then_some(("unsupported", None));
    }
    if let Some(why) = not_read(input, head) {
        return Some(("unsupported", Some(why)));
    }
    if is_text(head) {
        return (is_in_place || !is_of_home(path)).then_some(("unsupported", None));
    }
    let damage = is_in_place && input.compression().is_none();
    let named = COMPRESSED.iter().find(|(ending, _)| damage && path.ends_with(ending));
    match named {
        Some((_, name)) => Some(("unreadable", Some(format!("{}, and nothing of it was read", no_such(name))))),
        None if !is_in_place => None,
        None if *is_empty => Some(("empty", None)),
        None => Some(("unsupported", Some(format!("it is {}, and not read", form(path, head))))),
    }
}

/// Whether it is one of the files with a point at the beginning of which home directories are full, and is not called like
/// something that is written on and on: settings of shells are no logs.
fn is_of_home(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let words: [&[u8]; 4] = [b"hist", b"hst", b"log", b"trace"];
    name.starts_with(b".") && !words.iter().any(|word| memchr::memmem::find(name, word).is_some())
}

fn no_such(name: &str) -> String {
    format!("by its name it is compressed with {name}, but it does not begin so: its beginning is damaged")
}

/// What a file is that is no text.
fn form(path: &[u8], head: &[u8]) -> &'static str {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    match head {
        [0x04, 0x22, 0x4d, 0x18, ..] => "compressed with LZ4",
        [b'P', b'K', 3, 4, ..] => "an archive of zip",
        [0x5d, 0, 0, ..] => "compressed with LZMA",
        [b'7', b'z', 0xbc, 0xaf, ..] => "an archive of 7-Zip",
        _ if name.starts_with(b"faillog") => "the counts of failed logins of shadow",
        _ if name.starts_with(b"tallylog") => "the counts of failed logins of pam_tally2",
        _ if name.starts_with(b"pacct") => "the accounting of processes",
        _ => "no text, and of no form that is known",
    }
}

/// Why a file in a place of logs is not read that may well be one, although its bytes are no text.
fn not_read(input: &Input<'_>, head: &[u8]) -> Option<String> {
    if let (Some(outer), Some(inner)) = (input.compression(), Compression::sniff(head)) {
        let (outer, inner) = (outer.name(), inner.name());
        return Some(format!("it is compressed twice ({inner} within {outer}), and not read"));
    }
    is_utf16(head).then(|| "it is text of UTF-16, and not read".to_owned())
}

/// Whether bytes are text of UTF-16: with a mark of the order of bytes, or every second byte a zero, as it is with Latin
/// letters.
fn is_utf16(head: &[u8]) -> bool {
    let pairs = head.len().div_euclid(2);
    let halves = |place: usize| {
        let zeroes = head.chunks_exact(2).filter(|pair| pair.get(place) == Some(&0)).count();
        let others = head.chunks_exact(2).filter(|pair| pair.iter().any(|byte| byte.is_ascii_graphic())).count();
        zeroes.saturating_mul(4) >= pairs.saturating_mul(3) && others.saturating_mul(2) >= pairs
    };
    let has_mark = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    let breaks = head.windows(2).any(|pair| matches!(pair, [b'\n', 0] | [0, b'\n']));
    pairs >= 4 && breaks && (halves(0) || halves(1) || (has_mark && head.len() > 16))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_image::Memory;

    /// The state and the reason of a file that nobody reads.
    fn listed(path: &str, content: &[u8], is_in_place: bool) -> Option<(&'static str, Option<String>)> {
        let source = Memory(content.to_vec());
        let input = Input::new(&source);
        let found = recognise(path.as_bytes(), &input, &Host::unknown(), is_in_place);
        assert!(found.parser.is_none(), "{path}");
        unread(path.as_bytes(), &input, &found, is_in_place)
    }

    #[test]
    fn in_places_of_logs_all_that_is_not_read_is_listed() {
        let numbers: Vec<u8> = (0..200_u8).cycle().take(5000).collect();
        let packed = |magic: &[u8]| [magic, &numbers].concat();
        let broken = packed(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff]);
        for (path, content, state, why) in [
            ("/var/log/secure", Vec::new(), "empty", None),
            ("/var/log/wtmp", Vec::new(), "empty", None),
            ("/var/log/syslog", vec![0; 100_000], "empty", None),
            ("/var/log/x.2.gz", numbers.clone(), "unreadable", Some("does not begin so")),
            ("/var/log/x.2.gz", vec![0; 5000], "unreadable", Some("does not begin so")),
            ("/var/log/x.3.gz", broken, "unreadable", Some("nothing of it was read")),
            ("/var/log/x.4.lz4", packed(&[4, 0x22, 0x4d, 0x18]), "unsupported", Some("LZ4")),
            ("/var/log/x.zip", packed(b"PK\x03\x04"), "unsupported", Some("zip")),
            ("/var/log/tallylog", numbers.clone(), "unsupported", Some("pam_tally2")),
            ("/var/log/x", numbers.clone(), "unsupported", Some("no form that is known")),
            ("/var/log/x", b"text\n".to_vec(), "unsupported", None),
            ("/var/log/Xorg.0.log", numbers.clone(), "unsupported", None),
        ] {
            let (found, reason) = listed(path, &content, true).unwrap();
            assert_eq!((found, reason.is_some()), (state, why.is_some()), "{path}");
            assert!(reason.unwrap_or_default().contains(why.unwrap_or_default()), "{path}");
        }
        assert_eq!(listed("/root/.bashrc", b"export A=b\n", false), None);
        assert_eq!(listed("/home/anna/.strange_log", b"a b\n", false), Some(("unsupported", None)));
        assert_eq!(listed("/srv/a/logs/photo", &numbers, false), None);
        assert_eq!(listed("/srv/a/logs/zeroes", &[0; 100_000], false), None);
    }

    #[test]
    fn what_is_not_read_is_told_with_the_reason() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let text = utf16("2024-01-02 a line\nanother line\n");
        assert!(is_utf16(&text) && is_utf16(&[&[0xff, 0xfe], text.as_slice()].concat()));
        assert!(!is_utf16(b"a line\nanother line\n") && !is_utf16(&[0; 512]) && !is_utf16(b""));
        let numbers: Vec<u8> = (0..512_u16).flat_map(u16::to_le_bytes).collect();
        assert!(!is_utf16(&numbers));
        let plain = Memory(Vec::new());
        assert_eq!(not_read(&Input::new(&plain), &text).as_deref(), Some("it is text of UTF-16, and not read"));
        let outer = Memory(vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
        let why = not_read(&Input::new(&outer), &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(why.as_deref(), Some("it is compressed twice (gzip within gzip), and not read"));
        assert_eq!(not_read(&Input::new(&outer), b"plain text"), None);
    }
}
