//! One thing that a user typed, and how it becomes an event.

use crate::output::Output;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp, Value};

/// Bytes of one entry that are given.
const ENTRY_BYTES: usize = 64 << 10;

/// Entries without a time that wait for the next time, and bytes of them.
const WAITING: usize = 1024;
const WAITING_BYTES: usize = 256 << 10;

/// What is the same for all entries of a file.
#[derive(Debug)]
pub(super) struct Shell<'a> {
    pub(super) kind: &'static str,
    /// What it was typed into.
    pub(super) program: &'static str,
    /// Whose file it is; empty if that is not known.
    pub(super) user: &'a [u8],
}

/// One entry.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) time: Option<Timestamp>,
    pub(super) span: Span,
    pub(super) text: Vec<u8>,
    lines: i64,
    /// Seconds that a command ran, as zsh notes it.
    pub(super) seconds: Option<i64>,
    /// Files that fish found in the command.
    pub(super) paths: Vec<u8>,
    /// The time of the entry before, where this one has none.
    not_before: Option<Timestamp>,
    is_cut: bool,
}

impl Entry {
    pub(super) fn new(text: &[u8], span: Span, time: Option<Timestamp>) -> Self {
        let mut entry = Self { time, span, ..Self::default() };
        entry.push(text);
        entry.lines = 1;
        entry
    }

    /// Adds a further line.
    pub(super) fn add(&mut self, text: &[u8], span: Span) {
        self.push(b"\n");
        self.push(text);
        self.reach(span);
        self.lines = self.lines.saturating_add(1);
    }

    /// Has its place end where this one ends.
    pub(super) fn reach(&mut self, span: Span) {
        let start = |span: &Span| span.content_offset.unwrap_or(span.offset);
        let end = start(&span).saturating_add(span.length);
        self.span.length = end.saturating_sub(start(&self.span)).max(self.span.length);
    }

    fn push(&mut self, text: &[u8]) {
        let room = ENTRY_BYTES.saturating_sub(self.text.len());
        self.is_cut |= text.len() > room;
        self.text.extend_from_slice(text.get(..room.min(text.len())).unwrap_or_default());
    }

    fn give(&self, shell: &Shell<'_>, not_after: Option<Timestamp>, output: &mut Output<'_>) {
        let bounds = [self.not_before, not_after].map(|time| time.map(|time| time.to_string()));
        let mut fields = [("", Value::Flag(false)); 6];
        let found = [
            (self.lines > 1).then_some(("lines", Value::Number(self.lines))),
            self.seconds.map(|seconds| ("seconds", Value::Number(seconds))),
            (!self.paths.is_empty()).then_some(("paths", Value::Text(&self.paths))),
            bounds[0].as_ref().map(|time| ("not_before", Value::Text(time.as_bytes()))),
            bounds[1].as_ref().map(|time| ("not_after", Value::Text(time.as_bytes()))),
            self.is_cut.then_some(("cut", Value::Flag(true))),
        ];
        let mut used = 0_usize;
        for (place, field) in fields.iter_mut().zip(found.into_iter().flatten()) {
            *place = field;
            used = used.saturating_add(1);
        }
        output.event(&Event {
            kind: shell.kind,
            time: self.time,
            basis: if self.time.is_some() { TimeBasis::Stated } else { TimeBasis::Neighbour },
            span: self.span,
            program: shell.program.as_bytes(),
            user: shell.user,
            message: &self.text,
            fields: fields.get(..used).unwrap_or_default(),
            ..Event::default()
        });
    }
}

/// Entries on their way out: one without a time is held until the time of the next is known, so that both of its neighbours
/// can be told.
#[derive(Debug, Default)]
pub(super) struct Entries {
    last: Option<Timestamp>,
    waiting: Vec<Entry>,
    bytes: usize,
}

impl Entries {
    pub(super) fn put(&mut self, mut entry: Entry, shell: &Shell<'_>, output: &mut Output<'_>) {
        if entry.time.is_some() {
            self.give_waiting(entry.time, shell, output);
            self.last = entry.time;
            return entry.give(shell, None, output);
        }
        entry.not_before = self.last;
        self.bytes = self.bytes.saturating_add(entry.text.len());
        self.waiting.push(entry);
        if self.waiting.len() >= WAITING || self.bytes >= WAITING_BYTES {
            self.give_waiting(None, shell, output);
        }
    }

    pub(super) fn give_waiting(&mut self, not_after: Option<Timestamp>, shell: &Shell<'_>, output: &mut Output<'_>) {
        for entry in self.waiting.drain(..) {
            entry.give(shell, not_after, output);
        }
        self.bytes = 0;
    }
}

/// Seconds since 1970 as a point in time.
pub(super) fn since_1970(seconds: i64) -> Option<Timestamp> {
    seconds.checked_mul(1_000_000_000).map(Timestamp::from_nanoseconds)
}
