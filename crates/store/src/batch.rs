//! Events on their way into the store: their texts one after the other, made visible, without a memory of their own for each.

use crate::trigrams::Trigrams;
use kanshiki_model::{Event, Span, TimeBasis, Value, push_visible};

/// Events of one batch at most.
pub const BATCH_EVENTS: usize = 1024;

/// Bytes of texts in one batch; the event that passes it is the last.
pub const BATCH_BYTES: usize = 256 << 10;

/// Texts of an event.
const TEXTS: usize = 6;

/// Some events of one file, in their order.
#[derive(Debug, Default)]
pub struct EventBatch {
    texts: String,
    rows: Vec<Row>,
}

/// An event; its texts lie in the batch, behind those of the event before it.
#[derive(Debug)]
struct Row {
    kind: &'static str,
    time: Option<i64>,
    basis: TimeBasis,
    span: Span,
    pid: Option<i64>,
    /// Where host, program, user, address, message and fields end.
    ends: [usize; TEXTS],
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
        let mut ends = [0; TEXTS];
        let texts = [event.host, event.program, event.user, event.address, event.message];
        for (end, text) in ends.iter_mut().zip(texts) {
            push_visible(&mut self.texts, text);
            *end = self.texts.len();
        }
        push_fields(&mut self.texts, event.fields);
        if let Some(end) = ends.last_mut() {
            *end = self.texts.len();
        }
        self.rows.push(Row {
            kind: event.kind,
            time: event.time.map(kanshiki_model::Timestamp::as_nanoseconds),
            basis: event.basis,
            span: event.span,
            pid: event.pid,
            ends,
        });
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
        self.texts.capacity().saturating_add(self.rows.capacity().saturating_mul(size_of::<Row>()))
    }

    /// The events.
    pub fn events(&self) -> impl Iterator<Item = PackedEvent<'_>> {
        let mut start = 0;
        self.rows.iter().map(move |row| {
            let texts = row.ends.map(|end| {
                let text = self.texts.get(start..end).unwrap_or_default();
                start = end;
                text
            });
            let Row { kind, time, basis, span, pid, .. } = *row;
            let [host, program, user, address, message, fields] = texts;
            PackedEvent { kind, time, basis, span, pid, host, program, user, address, message, fields }
        })
    }

    /// The bitmap of the trigrams of all texts.
    pub(crate) fn trigrams(&self) -> Vec<u8> {
        let mut trigrams = Trigrams::default();
        for event in self.events() {
            for text in [event.host, event.program, event.user, event.address, event.message, event.fields] {
                trigrams.add(text.as_bytes());
            }
        }
        trigrams.fold()
    }
}

/// Adds fields as a JSON object; nothing if there is none.
fn push_fields(out: &mut String, fields: &[(&'static str, Value<'_>)]) {
    let mut separator = '{';
    for (name, value) in fields {
        out.push(separator);
        separator = ',';
        out.push('"');
        out.push_str(name);
        out.push_str("\":");
        match value {
            Value::Text(text) => push_json_text(out, text),
            Value::Number(number) => out.push_str(itoa::Buffer::new().format(*number)),
            Value::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
        }
    }
    if !fields.is_empty() {
        out.push('}');
    }
}

/// Adds bytes, made visible, as a JSON string (RFC 8259, section 7).
fn push_json_text(out: &mut String, text: &[u8]) {
    out.push('"');
    let start = out.len();
    push_visible(out, text);
    // Made visible, a text has no control characters any more: quotes and backslashes alone are left to escape.
    if out.as_bytes().get(start..).unwrap_or_default().iter().any(|byte| matches!(byte, b'"' | b'\\')) {
        let visible = out.split_off(start);
        for character in visible.chars() {
            if matches!(character, '"' | '\\') {
                out.push('\\');
            }
            out.push(character);
        }
    }
    out.push('"');
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

    proptest! {
        #[test]
        fn fields_are_json_whatever_their_bytes(text in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut out = String::new();
            push_fields(&mut out, &[("text", Value::Text(&text))]);
            let read: serde_json::Value = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(kanshiki_model::from_visible(read["text"].as_str().unwrap()).unwrap(), text);
        }
    }
}
