//! Reads the files that may be logs, on all cores, and enters what they say in the order in which they lie on the disk.

use crate::host::Host;
use crate::input::{Input, Siblings};
use crate::output::{Found, Output};
use crate::parser::{Candidate, Context, Parser};
use crate::parsers::PARSERS;
use crate::years::YearHint;
use kanshiki_filesystem::{Follow, LookupError, NodeType, Place, View};
use kanshiki_image::Source;
use kanshiki_model::{EvidencePath, Issue, Progress, Timestamp, visible};
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
        let parser = match catch_unwind(AssertUnwindSafe(|| self.parser_of(log, &input))) {
            Ok((Some(parser), _)) => parser,
            Ok((None, head)) => {
                let why = not_read(&input, &head);
                if let Some(why) = why {
                    out.piece.0.push(Message::Issue(log.file, Issue::new(visible(&log.path), why)));
                } else if !is_text(&head) {
                    return out.piece.0.push(Message::NoLog(log.file, log.size));
                }
                return end(log, LogRow { state: "unsupported", ..LogRow::default() }, Vec::new(), out);
            }
            Err(_) => {
                out.piece.0.push(Message::Issue(log.file, Issue::new(visible(&log.path), BROKEN)));
                return end(log, LogRow { state: "unreadable", ..LogRow::default() }, Vec::new(), out);
            }
        };
        let mut years = None;
        loop {
            match self.parse(parser, (log, Some(owner)), &input, years, out) {
                Some(hint) => years = Some(hint),
                None => return,
            }
        }
    }

    /// The parser that claims a file, and its first bytes.
    fn parser_of(&self, log: &WaitingLog, input: &Input<'_>) -> (Option<&'static dyn Parser>, Vec<u8>) {
        let head = input.head();
        let candidate = Candidate { path: &log.path, head: &head, host: self.host };
        (PARSERS.iter().find(|parser| parser.claims(&candidate)).copied(), head)
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

/// The files beside one of the image.
#[derive(Debug)]
struct Beside<'a> {
    view: &'a View,
    path: &'a [u8],
}

impl Siblings for Beside<'_> {
    fn open(&self, ending: &str) -> Option<Result<Source, String>> {
        let path = EvidencePath::from_bytes([self.path, ending.as_bytes()].concat());
        let located = match self.view.lookup(&path, Follow::AllButLast) {
            Ok(located) => located,
            Err(LookupError::NotFound { .. }) => return None,
            Err(error) => return Some(Err(error.to_string())),
        };
        if located.node.node_type != NodeType::File {
            return None;
        }
        let filesystem = self.view.filesystem(located.place)?;
        Some(filesystem.content(located.place.node).map_err(|error| error.to_string()))
    }
}

fn end(log: &WaitingLog, row: LogRow, gaps: Vec<Gap>, out: &mut Out<'_, '_>) {
    out.piece.0.push(Message::End(log.file, Box::new(row), gaps, log.size));
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

/// Whether the first bytes of a content are text, so that it may be a log that no parser knows.
fn is_text(head: &[u8]) -> bool {
    let control = head.iter().filter(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()).count();
    !head.is_empty() && control.saturating_mul(100) <= head.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_image::Memory;

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
