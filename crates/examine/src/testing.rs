//! Runs a parser on bytes, for tests.

use crate::host::Host;
use crate::input::Input;
use crate::output::{Found, Output};
use crate::parser::{Context, Parser};
use kanshiki_image::Memory;
use kanshiki_model::{Issue, Timestamp};
use kanshiki_store::{EventBatch, LogRow, PackedEvent};
use std::ops::ControlFlow;

/// What a parser made of some bytes.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// The events as JSON objects, without what they do not have; times as RFC 3339.
    pub(crate) events: Vec<serde_json::Value>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) row: LogRow,
    /// Why the reading ended early.
    pub(crate) error: Option<String>,
}

impl Parsed {
    /// The values of a field, in the order of the events; null where there is none. Those of `fields` have their own name.
    pub(crate) fn all(&self, name: &str) -> Vec<serde_json::Value> {
        self.events.iter().map(|event| event.get(name).cloned().unwrap_or_default()).collect()
    }

    /// Fails unless there are as many events as expected, and each has the fields that are expected of it.
    pub(crate) fn assert_events(&self, expected: &[serde_json::Value]) {
        assert_eq!(self.events.len(), expected.len(), "{:#?}", self.events);
        self.events.iter().zip(expected).for_each(|(event, expected)| assert_has(event, expected));
    }
}

/// Fails unless an event has these fields with these values.
pub(crate) fn assert_has(event: &serde_json::Value, expected: &serde_json::Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&event[name], value, "{name} of {event}");
    }
}

/// Parses a file of this path, last changed at this time (RFC 3339), on a machine of which nothing is known.
pub(crate) fn parse(parser: &dyn Parser, path: &str, modified: &str, bytes: &[u8]) -> Parsed {
    parse_on(&Host::unknown(), parser, path, modified, bytes)
}

/// As [`parse`], on this machine.
pub(crate) fn parse_on(host: &Host, parser: &dyn Parser, path: &str, modified: &str, bytes: &[u8]) -> Parsed {
    let source = Memory(bytes.to_vec());
    let input = Input::new(&source);
    let mut years = None;
    loop {
        let (mut batches, mut issues) = (Vec::new(), Vec::new());
        let mut hand_on = |found: Found| {
            match found {
                Found::Events(batch) => batches.push(batch),
                Found::Issue(issue) => issues.push(issue),
            }
            ControlFlow::Continue(())
        };
        let context =
            Context { path: path.as_bytes(), modified: modified.parse().ok(), owner: Some(0), host, years, shift: 0 };
        let mut output = Output::new(path.as_bytes(), &mut hand_on);
        let error = parser.parse(&input, &context, &mut output).err().map(|error| error.to_string());
        if let Some(hint) = output.wants_again() {
            years = Some(hint);
            continue;
        }
        let (row, _) = output.finish();
        let events = batches.iter().flat_map(EventBatch::events).map(|event| json(&event)).collect();
        return Parsed { events, issues, row, error };
    }
}

fn json(event: &PackedEvent<'_>) -> serde_json::Value {
    let mut object: serde_json::Map<String, serde_json::Value> =
        if event.fields.is_empty() { serde_json::Map::new() } else { serde_json::from_str(event.fields).unwrap() };
    let mut add =
        |name: &str, value: serde_json::Value| assert!(object.insert(name.to_owned(), value).is_none(), "{name}");
    add("kind", event.kind.into());
    add("basis", event.basis.name().into());
    add("offset", event.span.offset.into());
    add("length", event.span.length.into());
    for (name, text) in [
        ("host", event.host),
        ("program", event.program),
        ("user", event.user),
        ("address", event.address),
        ("message", event.message),
    ] {
        if !text.is_empty() {
            add(name, text.into());
        }
    }
    for (name, number) in [("pid", event.pid), ("line", event.span.line.map(|line| line.try_into().unwrap()))] {
        if let Some(number) = number {
            add(name, number.into());
        }
    }
    if let Some(time) = event.time {
        add("time", Timestamp::from_nanoseconds(time).to_string().into());
    }
    serde_json::Value::Object(object)
}
