//! wtmp, btmp and utmp: who came, who went, who was refused, and when the machine began and ended (utmp(5), wtmp(5)).
//!
//! | `ut_type` | event |
//! | --- | --- |
//! | 1 `RUN_LVL` | `login.runlevel`; `login.shutdown` if the user is `shutdown` |
//! | 2 `BOOT_TIME` | `login.boot` |
//! | 3, 4 `NEW_TIME`, `OLD_TIME` | `login.clock-changed` |
//! | 5, 6 `INIT_PROCESS`, `LOGIN_PROCESS` | `login.waiting` |
//! | 7 `USER_PROCESS` | `login.session-opened` |
//! | 8 `DEAD_PROCESS` | `login.session-closed` |
//! | 9, 0 with content | `login.accounting`, `login.empty` |
//! | 5, 6, 7 in btmp | `login.login-failed` |
//!
//! Records of zeroes are no part of these files: tools that hide a login overwrite its record with them. A run of them is an
//! event of its own. Which layout a file has is told by its content (see [`layout`]); bytes that are no record are passed over
//! up to the next one, wherever it begins.

mod describe;
mod layout;

use crate::input::Input;
use crate::lines::length;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser, ToldBy};
use crate::window::Window;
use describe::Describer;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp, Value};
use layout::{Layout, MOST_BYTES};
use std::io;

/// Bytes by which the layout is told.
const SAMPLE_BYTES: usize = 128 << 10;

/// Bytes of a stretch that is no record which are kept for its event.
const KEPT_BYTES: usize = 512;

/// The parser of wtmp, btmp and utmp.
#[derive(Debug)]
pub(crate) struct Utmp;

impl Parser for Utmp {
    fn id(&self) -> &'static str {
        "utmp"
    }

    fn told_by(&self) -> ToldBy {
        ToldBy::Bytes
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let (stem, head) = (candidate.stem(), candidate.head);
        let is_named = [&b"wtmp"[..], b"btmp", b"utmp"].iter().any(|name| stem.starts_with(name));
        let is_other = head.starts_with(b"SQLite format 3\0") || (!head.is_empty() && !head.contains(&0));
        (is_named && !is_other) || begins_with_records(head)
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let stem = Candidate { path: context.path, head: b"", host: context.host }.stem();
        let layout = layout_of(input)?;
        let mut window = Window::new(input)?;
        if window.peek(1).is_empty() {
            return window.finish();
        }
        if layout.is_none() {
            let span = Span { length: length(window.peek(1).len()), ..Span::default() };
            output.issue(span, "no record of any layout of utmp in its first stored bytes");
        }
        let layout = layout.unwrap_or(Layout::ALL[0]);
        Reading {
            layout,
            describer: Describer::new(stem.starts_with(b"btmp"), layout),
            last: None,
            zeroes: None,
            lost: None,
        }
        .read(&mut window, output);
        window.finish()
    }
}

/// Whether some bytes are records from the first on: two of them, or one alone.
fn begins_with_records(head: &[u8]) -> bool {
    Layout::ALL.iter().any(|layout| {
        let is_record = |bytes: &[u8]| layout.decode(bytes).is_some_and(|record| record.is_clean);
        let rest = head.get(layout.bytes()..).unwrap_or_default();
        is_record(head) && (rest.is_empty() || is_record(rest))
    })
}

/// The layout of a file, by its first bytes that are not zero.
fn layout_of(input: &Input<'_>) -> io::Result<Option<Layout>> {
    let mut window = Window::new(input)?;
    loop {
        let bytes = window.peek(SAMPLE_BYTES);
        let bytes = bytes.get(..SAMPLE_BYTES).unwrap_or(bytes);
        if bytes.is_empty() || bytes.iter().any(|byte| *byte != 0) {
            return Ok(Layout::of(bytes).map(|(layout, _)| layout));
        }
        let seen = length(bytes.len());
        let hole = window.hole();
        window.advance(seen.max(hole));
    }
}

/// Goes over the records of a file.
struct Reading {
    layout: Layout,
    describer: Describer,
    /// The time of the last record.
    last: Option<Timestamp>,
    /// A run of zeroes that goes on: where it begins, and its length.
    zeroes: Option<(u64, u64)>,
    /// A stretch that is no record: where it begins, and its first bytes.
    lost: Option<(u64, Vec<u8>)>,
}

impl Reading {
    fn read(mut self, window: &mut Window<'_>, output: &mut Output<'_>) {
        let size = self.layout.bytes();
        while !output.is_stopped() {
            let position = window.position();
            let bytes = window.peek(size);
            let Some(bytes) = bytes.get(..size) else { break };
            let mut record = [0; MOST_BYTES];
            let Some(room) = record.get_mut(..size) else { break };
            room.copy_from_slice(bytes);
            let is_aligned = self.lost.as_ref().is_none_or(|(start, _)| {
                position.saturating_sub(*start).checked_rem(length(size)) == Some(0) && position > *start
            });
            if is_aligned && room.iter().all(|byte| *byte == 0) {
                self.end_lost(window, output);
                self.add_zeroes(window);
                continue;
            }
            match self.layout.decode(room).filter(|record| record.is_clean || is_aligned) {
                Some(record) => {
                    self.end_lost(window, output);
                    self.end_zeroes(window, record.time, output);
                    let span = window.span(position, length(size));
                    self.describer.event(&record, span, output);
                    self.last = record.time.or(self.last);
                    window.advance(length(size));
                }
                None => {
                    self.end_zeroes(window, None, output);
                    self.lose(position, room.first().copied());
                    window.advance(1);
                }
            }
        }
        self.end(window, output);
    }

    /// Takes a record of zeroes, and the hole that it begins, if one does.
    fn add_zeroes(&mut self, window: &mut Window<'_>) {
        let (position, size) = (window.position(), length(self.layout.bytes()));
        let whole = window.hole().checked_div(size).and_then(|records| records.checked_mul(size));
        let bytes = whole.unwrap_or(0).max(size);
        let (_, run) = self.zeroes.get_or_insert((position, 0));
        *run = run.saturating_add(bytes);
        window.advance(bytes);
    }

    fn end_zeroes(&mut self, window: &mut Window<'_>, next: Option<Timestamp>, output: &mut Output<'_>) {
        let Some((start, bytes)) = self.zeroes.take() else { return };
        let records = bytes.checked_div(length(self.layout.bytes())).unwrap_or(0);
        let span = window.span(start, bytes);
        let text = |time: Option<Timestamp>| time.map_or_else(String::new, |time| time.to_string());
        let (after, before) = (text(self.last), text(next));
        let between = match (after.is_empty(), before.is_empty()) {
            (true, true) => String::new(),
            (false, true) => format!(", after {after}"),
            (true, false) => format!(", before {before}"),
            (false, false) => format!(", between {after} and {before}"),
        };
        let message = format!("{records} records of zeroes{between}");
        let mut fields = vec![("records", Value::Number(i64::try_from(records).unwrap_or(i64::MAX)))];
        for (name, time) in [("after", &after), ("before", &before)] {
            if !time.is_empty() {
                fields.push((name, Value::Text(time.as_bytes())));
            }
        }
        output.also(&Event {
            kind: "login.zeroed",
            time: self.last.or(next),
            basis: TimeBasis::Neighbour,
            span,
            message: message.as_bytes(),
            fields: &fields,
            ..Event::default()
        });
        output.issue(span, &format!("{message}; tools that hide logins leave such, and crashes at the end of a file"));
    }

    fn lose(&mut self, position: u64, byte: Option<u8>) {
        let (_, kept) = self.lost.get_or_insert_with(|| (position, Vec::new()));
        if kept.len() < KEPT_BYTES {
            kept.extend(byte);
        }
    }

    fn end_lost(&mut self, window: &mut Window<'_>, output: &mut Output<'_>) {
        let Some((start, kept)) = self.lost.take() else { return };
        let bytes = window.position().saturating_sub(start);
        let span = window.span(start, bytes);
        let why = format!("{bytes} bytes that are no record; the next one begins at byte {}", window.position());
        output.other("login.other", span, &words(&kept), &why);
    }

    fn end(mut self, window: &mut Window<'_>, output: &mut Output<'_>) {
        if output.is_stopped() {
            return;
        }
        let rest = window.peek(1).to_vec();
        let (position, left) = (window.position(), length(rest.len()));
        if let Some((start, mut kept)) = self.lost.take() {
            kept.extend(rest.into_iter().take(KEPT_BYTES));
            let bytes = position.saturating_sub(start).saturating_add(left);
            let span = window.span(start, bytes);
            return output.other(
                "login.other",
                span,
                &words(&kept),
                &format!("{bytes} bytes that are no record, up to the end"),
            );
        }
        self.end_zeroes(window, None, output);
        if !rest.is_empty() {
            let span = window.span(position, left);
            let why = format!("a record cut off after {left} of {} bytes", self.layout.bytes());
            output.other("login.other", span, &words(&rest), &why);
        }
    }
}

/// The texts in some bytes, each of three characters at least, with a blank between them.
fn words(bytes: &[u8]) -> Vec<u8> {
    let mut words = Vec::new();
    for word in bytes.split(|byte| !(0x20..0x7f).contains(byte)).filter(|word| word.len() >= 3) {
        if !words.is_empty() {
            words.push(b' ');
        }
        words.extend_from_slice(word);
    }
    words
}

#[cfg(test)]
mod tests;
