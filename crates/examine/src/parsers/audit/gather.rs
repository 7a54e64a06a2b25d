//! Puts the records of one event together, which may lie among those of others.
//!
//! An event is over when its PROCTITLE or EOE was read, when another event is two seconds younger (auditd.conf's
//! `end_of_event_timeout`), or when too many events are open. Events are given in the order of their first records.

use super::record::{Id, Record};
use kanshiki_model::Span;
use std::collections::VecDeque;
use std::ops::Range;

/// Events that are open at a time.
const OPEN: usize = 128;

/// Bytes that are kept of the records of one event; of what is beyond only the number of records is.
const EVENT_BYTES: usize = 256 << 10;

/// Records that are kept of one event.
const RECORDS: usize = 1024;

/// Seconds after which no record of an event is waited for.
const SECONDS: i64 = 2;

/// An event that is put together.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    id: Option<Id>,
    /// That of the first record.
    pub(super) span: Span,
    text: Vec<u8>,
    node: Range<usize>,
    records: Vec<(Range<usize>, Range<usize>)>,
    /// How many records there were, without EOE.
    pub(super) count: i64,
    is_over: bool,
}

impl Gathered {
    pub(super) const fn id(&self) -> Option<Id> {
        self.id
    }

    pub(super) fn node(&self) -> &[u8] {
        self.text.get(self.node.clone()).unwrap_or_default()
    }

    /// Types and bodies of its records, as far as they are kept.
    pub(super) fn records(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let text = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default();
        self.records.iter().map(move |(kind, body)| (text(kind), text(body)))
    }

    /// Whether it lacks some of its records.
    pub(super) fn is_cut(&self) -> bool {
        i64::try_from(self.records.len()).is_ok_and(|kept| kept < self.count)
    }

    fn begin(&mut self, record: &Record<'_>, span: Span) {
        self.text.clear();
        self.records.clear();
        (self.id, self.span, self.count, self.is_over) = (Some(record.id), span, 0, false);
        self.node = self.push(record.node);
    }

    fn add(&mut self, record: &Record<'_>) {
        self.count = self.count.saturating_add(1);
        let room = EVENT_BYTES.saturating_sub(self.text.len());
        if self.records.len() < RECORDS && record.kind.len().saturating_add(record.body.len()) <= room {
            let kind = self.push(record.kind);
            let body = self.push(record.body);
            self.records.push((kind, body));
        }
        self.is_over |= record.kind == b"PROCTITLE";
    }

    fn push(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        start..self.text.len()
    }

    /// Whether this is one more record of it.
    fn takes(&self, record: &Record<'_>) -> bool {
        self.id == Some(record.id)
            && !self.is_over
            && self.node() == record.node
            // The same log twice behind itself.
            && !(record.kind == b"SYSCALL" && self.records().any(|(kind, _)| kind == b"SYSCALL"))
    }
}

/// The events that are open, in the order of their first records.
#[derive(Debug, Default)]
pub(super) struct Gather {
    open: VecDeque<Gathered>,
    spare: Vec<Gathered>,
    /// The time of the record before.
    seconds: Option<i64>,
}

impl Gather {
    /// Takes the next record, and hands on what is over.
    pub(super) fn add(&mut self, record: &Record<'_>, span: Span, hand_on: &mut dyn FnMut(&Gathered)) {
        let found = self.open.iter_mut().rev().find(|event| event.takes(record));
        if record.kind == b"EOE" {
            // It says nothing but that the event is over.
            if let Some(event) = found {
                event.is_over = true;
            }
        } else if let Some(event) = found {
            event.add(record);
        } else {
            let mut event = self.spare.pop().unwrap_or_default();
            event.begin(record, span);
            event.add(record);
            self.open.push_back(event);
        }
        if self.seconds.replace(record.id.seconds) != Some(record.id.seconds) {
            let before = record.id.seconds.saturating_sub(SECONDS);
            for event in &mut self.open {
                event.is_over |= event.id.is_some_and(|id| id.seconds <= before);
            }
        }
        while self.open.front().is_some_and(|event| event.is_over || self.open.len() > OPEN) {
            self.hand_on_first(hand_on);
        }
    }

    /// Hands on all that is open.
    pub(super) fn finish(&mut self, hand_on: &mut dyn FnMut(&Gathered)) {
        while !self.open.is_empty() {
            self.hand_on_first(hand_on);
        }
    }

    fn hand_on_first(&mut self, hand_on: &mut dyn FnMut(&Gathered)) {
        if let Some(event) = self.open.pop_front() {
            hand_on(&event);
            // What one large event took is given back.
            if event.text.capacity() <= 64 << 10 {
                self.spare.push(event);
            }
        }
    }
}
