//! Where a parser puts what it finds.

use crate::coverage::Coverage;
use crate::years::YearHint;
use kanshiki_model::{ByteRange, Event, Issue, Span, visible};
use kanshiki_store::{EventBatch, Gap, LogRow};
use std::ops::ControlFlow;

/// Issues of one file that are told one by one; the rest is counted.
const ISSUES: u64 = 100;

/// What a file gives, in its order.
#[derive(Debug)]
pub(crate) enum Found {
    /// Some events.
    Events(EventBatch),
    /// Something that could not be read or understood.
    Issue(Issue),
}

/// Takes what a parser finds in one file.
pub struct Output<'o> {
    hand_on: &'o mut dyn FnMut(Found) -> ControlFlow<()>,
    subject: String,
    batch: EventBatch,
    is_stopped: bool,
    records: u64,
    others: u64,
    issues: u64,
    coverage: Coverage,
    years: Option<YearHint>,
    times: Option<String>,
}

impl std::fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("subject", &self.subject).field("records", &self.records).finish_non_exhaustive()
    }
}

impl<'o> Output<'o> {
    pub(crate) fn new(path: &[u8], hand_on: &'o mut dyn FnMut(Found) -> ControlFlow<()>) -> Self {
        Self {
            hand_on,
            subject: visible(path),
            batch: EventBatch::default(),
            is_stopped: false,
            records: 0,
            others: 0,
            issues: 0,
            coverage: Coverage::default(),
            years: None,
            times: None,
        }
    }

    /// Takes a record that was understood. One record may make several events; all but the first go to [`Self::also`].
    pub fn event(&mut self, event: &Event<'_>) {
        self.records = self.records.saturating_add(1);
        if let Some(time) = event.time {
            self.coverage.add(time.as_nanoseconds());
        }
        self.also(event);
    }

    /// Takes a further event of the record before.
    pub fn also(&mut self, event: &Event<'_>) {
        self.batch.push(event);
        if self.batch.is_full() {
            self.flush();
        }
    }

    /// Takes a record that was not understood, as an event without a time, so that its text is found too, and as an issue.
    pub fn other(&mut self, kind: &'static str, span: Span, bytes: &[u8], why: &str) {
        self.others = self.others.saturating_add(1);
        self.also(&Event { kind, span, message: bytes, ..Event::default() });
        self.issue(span, why);
    }

    /// Tells something that must be known of a place in the file.
    pub fn issue(&mut self, span: Span, message: &str) {
        self.issues = self.issues.saturating_add(1);
        if self.issues <= ISSUES {
            let start = span.content_offset.unwrap_or(span.offset);
            let range = ByteRange::new(start, start.saturating_add(span.length));
            self.put(Found::Issue(Issue::at(self.subject.as_str(), range, message)));
        }
    }

    /// Tells why the reading ended early.
    pub(crate) fn trouble(&mut self, message: &str) {
        self.flush();
        self.put(Found::Issue(Issue::new(self.subject.as_str(), message)));
    }

    /// Tells how years and zones are known.
    pub fn times(&mut self, reason: String) {
        self.times = Some(reason);
    }

    /// Asks for the file to be read again with this, and all that was found so far to be forgotten.
    pub fn read_again(&mut self, years: YearHint) {
        self.years = Some(years);
    }

    /// Whether no more is wanted; a parser ends then.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            let mut batch = std::mem::take(&mut self.batch);
            batch.seal();
            self.put(Found::Events(batch));
        }
    }

    fn put(&mut self, found: Found) {
        self.is_stopped |= (self.hand_on)(found).is_break();
    }

    pub(crate) const fn wants_again(&self) -> Option<YearHint> {
        self.years
    }

    /// Ends the file: what it covers.
    pub(crate) fn finish(mut self) -> (LogRow, Vec<Gap>) {
        let more = self.issues.saturating_sub(ISSUES);
        if more > 0 {
            let message = format!("{more} further records were not understood, or have something to be known");
            self.put(Found::Issue(Issue::new(self.subject.as_str(), message)));
        }
        self.flush();
        let log = LogRow {
            records: self.records,
            others: self.others,
            habit: self.coverage.habit(),
            times: self.times.take(),
            ..LogRow::default()
        };
        (log, self.coverage.gaps())
    }
}
