//! Events on their way into the store: their texts one after the other, made visible, without a memory of their own for each,
//! with all that can be told of them before they are written.

use crate::hours::hour_of;
use crate::trigrams::Trigrams;
use kanshiki_model::{Event, Span, TimeBasis, Value, is_plain, visible};
use std::ops::Range;

/// Events of one batch at most.
pub const BATCH_EVENTS: usize = 1024;

/// Bytes of texts in one batch; the event that passes it is the last.
pub const BATCH_BYTES: usize = 256 << 10;

/// Texts of an event.
pub(crate) const TEXTS: usize = 6;

/// A text this much shorter than the message that holds it is looked for trigrams itself.
const SHORT: usize = 6;

/// Some events of one file, in their order.
#[derive(Debug, Default)]
pub struct EventBatch {
    /// Visible text, and thus UTF-8.
    texts: Vec<u8>,
    rows: Vec<Row>,
    /// The kinds that occur, in the order in which they are met.
    kinds: Vec<&'static str>,
    hours: Vec<HourCount>,
    times: Times,
    untimed: i64,
    trigrams: Trigrams,
}

/// An event; its texts lie in the batch, behind those of the event before it.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its place among the kinds of the batch.
    pub(crate) kind: usize,
    pub(crate) time: Option<i64>,
    pub(crate) basis: TimeBasis,
    pub(crate) span: Span,
    pub(crate) pid: Option<i64>,
    /// Where host, program, user, address, message and fields end.
    ends: [usize; TEXTS],
}

/// Events of a kind in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HourCount {
    /// The place of the kind among those of the batch.
    pub(crate) kind: usize,
    pub(crate) hour: Option<i64>,
    pub(crate) events: i64,
}

/// The earliest and the latest of some times.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) earliest: Option<i64>,
    pub(crate) latest: Option<i64>,
}

impl Times {
    pub(crate) fn add(&mut self, time: i64) {
        self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
        self.latest = Some(self.latest.map_or(time, |latest| latest.max(time)));
    }
}

/// An event as it goes into the store. Texts are visible text, and empty if there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedEvent<'a> {
    /// Its kind.
    pub kind: &'static str,
    /// Nanoseconds since 1970 in UTC.
    pub time: Option<i64>,
    /// How the time is known.
    pub basis: TimeBasis,
    /// Where the record lies.
    pub span: Span,
    /// The process.
    pub pid: Option<i64>,
    /// The machine that the record names.
    pub host: &'a str,
    /// The program.
    pub program: &'a str,
    /// The account.
    pub user: &'a str,
    /// The address.
    pub address: &'a str,
    /// What it says.
    pub message: &'a str,
    /// A JSON object.
    pub fields: &'a str,
}

impl EventBatch {
    /// Adds an event.
    pub fn push(&mut self, event: &Event<'_>) {
        let message = Message { bytes: event.message, is_plain: is_plain(event.message) };
        let mut ends = [0; TEXTS];
        let texts = [event.host, event.program, event.user, event.address, event.message];
        for (number, (end, text)) in ends.iter_mut().zip(texts).enumerate() {
            self.push_text(text, &message, number == 4);
            *end = self.texts.len();
        }
        self.push_fields(event.fields, &message);
        if let Some(end) = ends.last_mut() {
            *end = self.texts.len();
        }
        let time = event.time.map(kanshiki_model::Timestamp::as_nanoseconds);
        let kind = self.kind(event.kind);
        match time {
            Some(time) => self.times.add(time),
            None => self.untimed = self.untimed.saturating_add(1),
        }
        self.count(kind, time.map(hour_of));
        self.rows.push(Row { kind, time, basis: event.basis, span: event.span, pid: event.pid, ends });
    }

    /// Adds a text, made visible, and its trigrams.
    fn push_text(&mut self, text: &[u8], message: &Message<'_>, is_message: bool) {
        let start = self.texts.len();
        let is_within = !is_message && message.holds(text);
        if is_within || (is_message && message.is_plain) || is_plain(text) {
            self.texts.extend_from_slice(text);
        } else {
            self.texts.extend_from_slice(visible(text).as_bytes());
        }
        if !is_within {
            self.trigrams.add(self.texts.get(start..).unwrap_or_default());
        }
    }

    /// Adds fields as a JSON object, and its trigrams; nothing if there is none.
    fn push_fields(&mut self, fields: &[(&'static str, Value<'_>)], message: &Message<'_>) {
        let mut from = self.texts.len();
        let mut separator = b'{';
        for (name, value) in fields {
            let out = &mut self.texts;
            out.push(separator);
            separator = b',';
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            match value {
                Value::Text(text) => {
                    let within = push_json_text(out, text, message);
                    // Trigrams over the edges of a text are those of no message.
                    if within.len() > SHORT {
                        let (edge, end) = (within.start.saturating_add(2), within.end.saturating_sub(2));
                        self.trigrams.add(out.get(from..edge).unwrap_or_default());
                        from = end;
                    }
                }
                Value::Number(number) => out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes()),
                Value::Flag(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
            }
        }
        if !fields.is_empty() {
            self.texts.push(b'}');
            self.trigrams.add(self.texts.get(from..).unwrap_or_default());
        }
    }

    /// The place of a kind among those of the batch.
    fn kind(&mut self, kind: &'static str) -> usize {
        let known = self.kinds.iter().position(|known| std::ptr::eq(*known, kind) || *known == kind);
        known.unwrap_or_else(|| {
            self.kinds.push(kind);
            self.kinds.len().saturating_sub(1)
        })
    }

    fn count(&mut self, kind: usize, hour: Option<i64>) {
        // The hours before this one are looked at last.
        match self.hours.iter_mut().rev().find(|count| count.kind == kind && count.hour == hour) {
            Some(count) => count.events = count.events.saturating_add(1),
            None => self.hours.push(HourCount { kind, hour, events: 1 }),
        }
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether it should be handed on.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rows.len() >= BATCH_EVENTS || self.texts.len() >= BATCH_BYTES
    }

    /// Memory that it takes, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let rows = self.rows.capacity().saturating_mul(size_of::<Row>());
        let hours = self.hours.capacity().saturating_mul(size_of::<HourCount>());
        [self.texts.capacity(), rows, hours, self.trigrams.bits().len()].into_iter().fold(0, usize::saturating_add)
    }

    /// The events.
    pub fn events(&self) -> impl Iterator<Item = PackedEvent<'_>> {
        self.rows().map(|(row, texts)| {
            let Row { time, basis, span, pid, .. } = *row;
            let kind = self.kinds.get(row.kind).copied().unwrap_or_default();
            let [host, program, user, address, message, fields] =
                texts.map(|text| std::str::from_utf8(text).unwrap_or_default());
            PackedEvent { kind, time, basis, span, pid, host, program, user, address, message, fields }
        })
    }

    /// The events with their texts.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Row, [&[u8]; TEXTS])> {
        let mut start = 0;
        self.rows.iter().map(move |row| {
            let texts = row.ends.map(|end| {
                let text = self.texts.get(start..end).unwrap_or_default();
                start = end;
                text
            });
            (row, texts)
        })
    }

    /// The kinds that occur, in the order in which they are met.
    pub(crate) fn kinds(&self) -> &[&'static str] {
        &self.kinds
    }

    /// How many events of each kind fall into each hour.
    pub(crate) fn hours(&self) -> &[HourCount] {
        &self.hours
    }

    /// The earliest and the latest time, and how many events have none.
    pub(crate) const fn times(&self) -> (Times, i64) {
        (self.times, self.untimed)
    }

    /// Makes the bitmap of trigrams as small as it goes, so that this need not be done by the one that writes.
    pub fn seal(&mut self) {
        self.trigrams.fold();
    }

    /// The bitmap of the trigrams of all texts.
    pub(crate) fn trigrams(&self) -> &[u8] {
        self.trigrams.bits()
    }
}

/// The message of an event; nearly all that is taken out of it is a part of its bytes.
struct Message<'m> {
    bytes: &'m [u8],
    /// Whether it is visible as it is.
    is_plain: bool,
}

impl Message<'_> {
    /// Whether a text lies in it: it is visible as it is then, and all its trigrams are there too.
    fn holds(&self, text: &[u8]) -> bool {
        let (whole, part) = (self.bytes.as_ptr_range(), text.as_ptr_range());
        self.is_plain && whole.start <= part.start && part.end <= whole.end
    }
}

/// Adds bytes, made visible, as a JSON string (RFC 8259, section 7). Gives where they lie if they are a part of the message.
fn push_json_text(out: &mut Vec<u8>, text: &[u8], message: &Message<'_>) -> Range<usize> {
    out.push(b'"');
    let start = out.len();
    let is_within = message.holds(text);
    // Made visible, a text has no control characters any more: quotes and backslashes alone are left to escape.
    if (is_within || is_plain(text)) && memchr::memchr(b'"', text).is_none() {
        out.extend_from_slice(text);
    } else {
        for byte in visible(text).bytes() {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'"');
        return start..start;
    }
    let end = out.len();
    out.push(b'"');
    if is_within { start..end } else { start..start }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_stand_behind_each_other_and_are_made_visible() {
        let mut batch = EventBatch::default();
        batch.push(&Event { host: b"ferry", message: b"a\x1b\xff", ..Event::default() });
        let fields = [("port", Value::Number(-22)), ("tty", Value::Text(b"p\"ts\\0")), ("ok", Value::Flag(true))];
        batch.push(&Event { user: b"anna", fields: &fields, ..Event::default() });
        let texts: Vec<[&str; 4]> = batch.events().map(|it| [it.host, it.user, it.message, it.fields]).collect();
        let fields = r#"{"port":-22,"tty":"p\"ts\\\\0","ok":true}"#;
        assert_eq!(texts, [["ferry", "", "a\\u{1b}\\xff", ""], ["", "anna", "", fields]]);
        assert_eq!((batch.len(), batch.is_full()), (2, false));
    }

    /// The bitmap that the texts give when each of them is looked at as a whole.
    fn bitmap_of_all(batch: &EventBatch) -> Vec<u8> {
        let mut trigrams = Trigrams::default();
        batch.rows().flat_map(|(_, texts)| texts).for_each(|text| trigrams.add(text));
        trigrams.fold();
        trigrams.bits().to_vec()
    }

    #[test]
    fn what_can_be_told_before_the_writing_is_told() {
        let mut batch = EventBatch::default();
        let hour = 3_600_000_000_000;
        for (kind, time) in [("b", Some(-1)), ("a", Some(0)), ("b", None), ("a", Some(hour - 1)), ("b", Some(-hour))] {
            let time = time.map(kanshiki_model::Timestamp::from_nanoseconds);
            batch.push(&Event { kind, time, ..Event::default() });
        }
        assert_eq!(batch.kinds(), ["b", "a"]);
        let hours: Vec<_> = batch.hours().iter().map(|count| (count.kind, count.hour, count.events)).collect();
        assert_eq!(hours, [(0, Some(-1), 2), (1, Some(0), 2), (0, None, 1)]);
        let (times, untimed) = batch.times();
        assert_eq!((times.earliest, times.latest, untimed), (Some(-hour), Some(hour - 1), 1));
    }

    proptest! {
        #[test]
        fn texts_within_the_message_leave_no_trigram_out(message in "[ -~é\x1b]{0,60}", from in 0_usize..60, length in 0_usize..60,
            other in "[ -~]{0,20}") {
            let message = message.as_bytes();
            let (from, length) = (from.min(message.len()), length.min(message.len().saturating_sub(from)));
            let part = &message[from..from + length];
            let fields = [("other", Value::Text(other.as_bytes())), ("part", Value::Text(part)), ("again", Value::Text(part))];
            let mut batch = EventBatch::default();
            batch.push(&Event { message, user: part, host: other.as_bytes(), fields: &fields, ..Event::default() });
            batch.seal();
            prop_assert_eq!(batch.trigrams(), bitmap_of_all(&batch));
        }

        #[test]
        fn fields_are_json_whatever_their_bytes(text in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut batch = EventBatch::default();
            batch.push(&Event { fields: &[("text", Value::Text(&text))], ..Event::default() });
            let fields = batch.events().next().unwrap().fields;
            let read: serde_json::Value = serde_json::from_str(fields).unwrap();
            prop_assert_eq!(kanshiki_model::from_visible(read["text"].as_str().unwrap()).unwrap(), text);
        }
    }
}
