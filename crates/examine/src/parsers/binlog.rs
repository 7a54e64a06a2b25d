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
mod window;

use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use event::{Head, Log};
use kanshiki_model::Span;
use std::io;
use window::Window;

/// Length of the head of an event.
const HEAD: usize = 19;

/// Bytes of one event that are read; what is behind is passed over.
const EVENT_BYTES: usize = 16 << 20;

/// Largest event that servers write: `max_allowed_packet` is at most 1 GiB, and rows may pass it a little.
const MOST_BYTES: u64 = 0x4100_0000;

/// The parser of binary logs.
#[derive(Debug)]
pub(crate) struct Binlog;

impl Parser for Binlog {
    fn id(&self) -> &'static str {
        "binlog"
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        candidate.head.starts_with(b"\xfebin") || is_encrypted(candidate.head)
    }

    fn parse(&self, input: &Input<'_>, _context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut window = Window::new(input.read()?, input.compression().is_some());
        let magic = window.fill(4)?;
        if is_encrypted(magic) {
            output.issue(
                window.span(4),
                "the whole log is encrypted by MySQL; its events cannot be read without the key",
            );
            return Ok(());
        }
        window.pass(4)?;
        let mut log = Log::default();
        while !output.is_stopped() {
            let bytes = window.fill(HEAD)?;
            if bytes.is_empty() {
                break;
            }
            let Some(head) = Head::parse(bytes) else {
                let left = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                output.issue(window.span(left), "the log ends within the head of an event");
                break;
            };
            if !log.may_be(&head, window.position()) {
                resynchronise(&mut window, &log, output)?;
                continue;
            }
            let size = usize::try_from(head.size).unwrap_or(usize::MAX);
            let span = window.span(head.size);
            let bytes = window.fill(size.min(EVENT_BYTES))?;
            if bytes.len() < size && bytes.len() < EVENT_BYTES {
                output.issue(span, "the log ends within an event");
                log.event(&head, bytes, span, output);
                break;
            }
            if bytes.len() < size {
                output.issue(span, "the event is larger than 16 MiB; the rest of it is not looked at");
            }
            if !log.event(&head, bytes, span, output) {
                break;
            }
            window.pass(head.size)?;
        }
        Ok(())
    }
}

fn is_encrypted(head: &[u8]) -> bool {
    head.starts_with(b"\xfdbin")
}

/// Passes over bytes that are no event, up to the next that are one.
fn resynchronise(window: &mut Window<'_>, log: &Log, output: &mut Output<'_>) -> io::Result<()> {
    let mut span: Span = window.span(0);
    loop {
        let from = window.position();
        let bytes = window.fill(window::BYTES)?;
        let mut found = None;
        for (at, candidate) in bytes.windows(HEAD).enumerate().skip(1) {
            let position = from.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
            if Head::parse(candidate).is_some_and(|head| log.is_surely(&head, position)) {
                found = Some(at);
                break;
            }
        }
        let is_end = bytes.len() < window::BYTES;
        // The last bytes may be the beginning of a head that the next ones complete.
        let passed = match found {
            Some(at) => at,
            None if is_end => bytes.len(),
            None => bytes.len().saturating_sub(HEAD),
        };
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        window.pass(passed)?;
        span.length = span.length.saturating_add(passed);
        if found.is_some() || is_end {
            output.issue(span, "these bytes are no event of the log; it goes on behind them");
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
