//! Binary logs of MySQL and MariaDB, version 4, and their relay logs.
//!
//! | bytes | what |
//! | --- | --- |
//! | fe `bin` | beginning of the file; fd `bin` if MySQL encrypts it |
//! | 19 | head of an event: time (4, seconds since 1970), kind (1), server (4), size (4), end (4), flags (2) |
//! | … | head of its kind, as long as the format description says, and its data |
//! | 4 | CRC-32 of the event, if the format description says so |
//!
//! Numbers are little-endian. Source: MySQL 8.0, libbinlogevents (binlog_event.h, statement_events.h, rows_event.h); MariaDB
//! 10.11, sql/log_event.h, and its Knowledge Base on replication events.
//!
//! What is compressed (MariaDB's query and row events, MySQL's transaction payload) is decompressed, 16 MiB at most.

mod body;
mod decompress;
mod event;
mod rows;

use crate::input::Input;
use crate::lines::length;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser, ToldBy};
use crate::window::Window;
use event::{Head, Log, ends_here};
use kanshiki_model::Span;
use std::io;

/// Length of the head of an event.
const HEAD: usize = 19;

/// Length of the bytes that a log begins with.
const MAGIC: usize = 4;

/// Bytes that are looked at together where the next event is searched for.
const SEARCHED_BYTES: usize = 1 << 20;

/// Bytes of one event that are read; what is behind is passed over.
const EVENT_BYTES: usize = 16 << 20;

/// Bytes that are looked at to see whether doubtful heads are those of events, beside four times those that were read.
const TRIED_BYTES: u64 = 64 << 20;

/// Largest event that servers write: `max_allowed_packet` is at most 1 GiB, and rows may pass it a little.
const MOST_BYTES: u64 = 0x4100_0000;

/// The parser of binary logs.
#[derive(Debug)]
pub(crate) struct Binlog;

impl Parser for Binlog {
    fn id(&self) -> &'static str {
        "binlog"
    }

    fn told_by(&self) -> ToldBy {
        ToldBy::Bytes
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        candidate.head.starts_with(b"\xfebin") || is_encrypted(candidate.head)
    }

    fn parse(&self, input: &Input<'_>, _context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut window = Window::new(input)?;
        if is_encrypted(window.peek(MAGIC)) {
            let span = window.span(0, length(MAGIC));
            output.issue(span, "the whole log is encrypted by MySQL; its events cannot be read without the key");
            return window.finish();
        }
        window.advance(length(MAGIC));
        let (mut log, mut tried) = (Log::default(), 0_u64);
        while !output.is_stopped() {
            let bytes = window.peek(HEAD);
            if bytes.is_empty() {
                break;
            }
            let Some(head) = Head::parse(bytes) else {
                let left = length(bytes.len());
                let span = window.span(window.position(), left);
                output.issue(span, "the log ends within the head of an event");
                break;
            };
            let position = window.position();
            if !log.may_be(&head, position)
                || !(ends_here(&head, position) || is_followed(&mut window, &head, &log, &mut tried))
            {
                resynchronise(&mut window, &log, output);
                continue;
            }
            let span = window.span(position, head.size);
            let size = usize::try_from(head.size).unwrap_or(usize::MAX);
            let there = window.peek(size.min(EVENT_BYTES));
            let bytes = there.get(..size.min(EVENT_BYTES)).unwrap_or(there);
            let is_last = bytes.len() < size.min(EVENT_BYTES);
            if is_last {
                output.issue(span, "the log ends within an event");
            } else if bytes.len() < size {
                output.issue(span, "the event is larger than 16 MiB; the rest of it is not looked at");
            }
            if !log.event(&head, bytes, span, output) || is_last {
                break;
            }
            pass(&mut window, head.size);
        }
        window.finish()
    }
}

/// Whether an event is one by its checksum, or by the one that begins where it ends. In relay logs the ends that events tell
/// are those in the log of the other server.
fn is_followed(window: &mut Window<'_>, head: &Head, log: &Log, tried: &mut u64) -> bool {
    let Some(size) = usize::try_from(head.size).ok().filter(|size| *size < EVENT_BYTES) else { return true };
    // Heads that claim many bytes again and again must not have all of them summed up each time.
    if *tried > window.position().saturating_mul(4).saturating_add(TRIED_BYTES) {
        return false;
    }
    *tried = tried.saturating_add(head.size);
    let bytes = window.peek(size.saturating_add(HEAD));
    if let Some(is_sound) = bytes.get(..size).and_then(|event| log.is_sound(head, event)) {
        return is_sound;
    }
    let behind = bytes.get(size..);
    behind.is_some_and(|behind| behind.is_empty() || Head::parse(behind).is_some_and(|next| log.may_be(&next, 0)))
}

/// Moves on, also over bytes of a compressed content that were not looked at.
fn pass(window: &mut Window<'_>, bytes: u64) {
    let mut left = bytes;
    while left > 0 {
        let there = length(window.peek(SEARCHED_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX))).len());
        if there == 0 {
            return;
        }
        window.advance(left.min(there));
        left = left.saturating_sub(there);
    }
}

fn is_encrypted(head: &[u8]) -> bool {
    head.starts_with(b"\xfdbin")
}

/// Passes over bytes that are no event, up to the next that are one.
fn resynchronise(window: &mut Window<'_>, log: &Log, output: &mut Output<'_>) {
    let start = window.position();
    let span = window.span(start, 0);
    // The first byte begins no event, as was found before.
    let mut from = 1;
    loop {
        let hole = window.hole();
        if hole > 0 {
            window.advance(hole);
            // An event may begin with the first byte behind it.
            from = 0;
        }
        let position = window.position();
        let bytes = window.peek(SEARCHED_BYTES);
        let is_event = |at: &usize| {
            let head = bytes.get(*at..).and_then(Head::parse);
            head.is_some_and(|head| log.is_surely(&head, position.saturating_add(length(*at))))
        };
        let last = bytes.len().saturating_sub(HEAD);
        let found = (from..=last).find(is_event);
        let is_end = bytes.len() < SEARCHED_BYTES;
        // The last bytes may be the beginning of a head that the next ones complete.
        let passed = found.unwrap_or(if is_end { bytes.len() } else { last });
        window.advance(length(passed));
        if found.is_some() || is_end {
            let lost = window.position().saturating_sub(start);
            output.issue(Span { length: lost, ..span }, "these bytes are no event of the log; it goes on behind them");
            return;
        }
        from = 0;
    }
}

#[cfg(test)]
mod tests;
