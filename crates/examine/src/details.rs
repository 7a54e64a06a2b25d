//! What a record says, gathered field by field before it becomes an event.

use kanshiki_model::Value;

/// Fields that one event may have.
const FIELDS: usize = 32;

/// What the message of a record says, taken apart.
pub(crate) struct Details<'a> {
    /// The kind of the event.
    pub(crate) kind: &'static str,
    /// The account that it is about.
    pub(crate) user: &'a [u8],
    /// The network address that it is about.
    pub(crate) address: &'a [u8],
    fields: [(&'static str, Value<'a>); FIELDS],
    used: usize,
}

impl<'a> Details<'a> {
    pub(crate) const fn new(kind: &'static str) -> Self {
        Self { kind, user: b"", address: b"", fields: [("", Value::Flag(false)); FIELDS], used: 0 }
    }

    pub(crate) fn add(&mut self, name: &'static str, value: Value<'a>) {
        if let Some(field) = self.fields.get_mut(self.used) {
            *field = (name, value);
            self.used = self.used.saturating_add(1);
        }
    }

    pub(crate) fn text(&mut self, name: &'static str, text: &'a [u8]) {
        if !text.is_empty() {
            self.add(name, Value::Text(text));
        }
    }

    pub(crate) fn number(&mut self, name: &'static str, number: Option<i64>) {
        if let Some(number) = number {
            self.add(name, Value::Number(number));
        }
    }

    pub(crate) fn fields(&self) -> &[(&'static str, Value<'a>)] {
        self.fields.get(..self.used).unwrap_or_default()
    }
}
