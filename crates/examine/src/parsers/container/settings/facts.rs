//! What settings tell of a container, whichever program keeps them.

use crate::details::Details;
use crate::parser::Context;
use crate::scan::Scan;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp, Value as Field};
use serde_json::Value;

/// What is told of a container with every event of it; empty texts are left out.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) engine: &'static str,
    pub(super) container: &'a [u8],
    pub(super) name: &'a str,
    pub(super) image: &'a str,
    pub(super) image_id: &'a str,
    pub(super) command: String,
    /// What only the event of how it was made tells.
    pub(super) texts: Vec<(&'static str, String)>,
    pub(super) flags: Vec<(&'static str, bool)>,
}

impl Facts<'_> {
    /// An event of the container, with these numbers.
    pub(super) fn tell(
        &self,
        kind: &'static str,
        (time, basis): (Option<Timestamp>, TimeBasis),
        numbers: &[(&'static str, Option<i64>)],
        span: Span,
        put: &mut dyn FnMut(&Event<'_>),
    ) {
        let mut details = Details::new(kind);
        details.text("container", self.container);
        for (name, text) in [("name", self.name), ("image", self.image), ("image_id", self.image_id)] {
            details.text(name, text.as_bytes());
        }
        details.text("command", self.command.as_bytes());
        if matches!(kind, "container.created" | "container.settings") {
            self.texts.iter().for_each(|(name, text)| details.text(name, text.as_bytes()));
            self.flags.iter().for_each(|(name, flag)| details.add(name, Field::Flag(*flag)));
        }
        numbers.iter().for_each(|(name, number)| details.number(name, *number));
        let message = self.message(kind);
        put(&Event {
            kind,
            time,
            basis,
            span,
            program: self.engine.as_bytes(),
            message: message.as_bytes(),
            fields: details.fields(),
            ..Event::default()
        });
    }

    fn message(&self, kind: &str) -> String {
        let id = String::from_utf8_lossy(self.container);
        let name = if self.name.is_empty() { &*id } else { self.name };
        let mut message = format!("container {name}: {}", kind.strip_prefix("container.").unwrap_or(kind));
        for (before, text) in [(", image ", self.image), (", command ", self.command.as_str())] {
            if !text.is_empty() {
                message.push_str(before);
                message.push_str(text);
            }
        }
        message
    }

    /// Adds a text of the event of how it was made.
    pub(super) fn text(&mut self, name: &'static str, text: impl Into<String>) {
        self.texts.push((name, text.into()));
    }
}

/// The text at a path of names (RFC 6901); empty if there is none.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The values of the array at a path; none if there is none.
pub(super) fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    value.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The texts of an array, with a blank between them.
pub(super) fn words(value: &Value, path: &str) -> String {
    list(value, path).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

/// A time with its zone; `None` where there is none, such as Go's zero, the year 1.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let (shown, ahead) = Scan(text.as_bytes()).iso()?;
    shown.at_offset(ahead?)
}

/// A time that is stated, or else the time at which the file was last written.
pub(super) fn or_of_file(time: Option<Timestamp>, context: &Context<'_>) -> (Option<Timestamp>, TimeBasis) {
    match time {
        Some(time) => (Some(time), TimeBasis::Stated),
        None => (context.modified, TimeBasis::Neighbour),
    }
}
