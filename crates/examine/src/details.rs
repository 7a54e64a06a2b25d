//! What a record says, gathered field by field before it becomes an event.

use kanshiki_model::{Event, Value};

/// Fields that one event may have.
const FIELDS: usize = 40;

/// What the message of a record says, taken apart.
pub(crate) struct Details<'a> {
    /// The kind of the event.
    pub(crate) kind: &'static str,
    /// The account that it is about.
    pub(crate) user: &'a [u8],
    /// The network address that it is about.
    pub(crate) address: &'a [u8],
    /// The same in its short form, where the record has the long form of IPv6.
    short: Option<ShortAddress>,
    fields: [(&'static str, Value<'a>); FIELDS],
    used: usize,
}

/// The text of an address and its length.
type ShortAddress = ([u8; 39], usize);

impl<'a> Details<'a> {
    pub(crate) const fn new(kind: &'static str) -> Self {
        Self { kind, user: b"", address: b"", short: None, fields: [("", Value::Flag(false)); FIELDS], used: 0 }
    }

    /// Sets the address, which the kernel writes in full: `2001:0db8:0000:0000:0000:0000:0000:0007`. All others write it short.
    pub(crate) fn set_kernel_address(&mut self, text: &'a [u8]) {
        self.address = text;
        let parsed = std::str::from_utf8(text).ok().filter(|text| text.len() == 39);
        self.short = parsed.and_then(|text| {
            let (mut short, mut used) = ([0; 39], 0_usize);
            let text = text.parse::<std::net::Ipv6Addr>().ok()?.to_string();
            for (place, byte) in short.iter_mut().zip(text.bytes()) {
                *place = byte;
                used = used.saturating_add(1);
            }
            Some((short, used))
        });
    }

    /// The network address that it is about, in its short form.
    pub(crate) fn address(&self) -> &[u8] {
        self.short.as_ref().and_then(|(text, used)| text.get(..*used)).unwrap_or(self.address)
    }

    pub(crate) fn add(&mut self, name: &'static str, value: Value<'a>) {
        if let Some(field) = self.fields.get_mut(self.used) {
            *field = (name, value);
            self.used = self.used.saturating_add(1);
        }
    }

    /// Adds a field, unless there is one of this name already.
    pub(crate) fn new_field(&mut self, name: &'static str, value: Value<'a>) {
        if self.fields().iter().all(|(other, _)| *other != name) {
            self.add(name, value);
        }
    }

    /// Adds a text that is not empty, unless there is a field of this name already.
    pub(crate) fn new_text(&mut self, name: &'static str, text: &'a [u8]) {
        if !text.is_empty() {
            self.new_field(name, Value::Text(text));
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

    /// The event of these details, to be completed with its time, its place and its message.
    pub(crate) fn event(&self) -> Event<'_> {
        Event { kind: self.kind, user: self.user, address: self.address(), fields: self.fields(), ..Event::default() }
    }

    pub(crate) fn fields(&self) -> &[(&'static str, Value<'a>)] {
        self.fields.get(..self.used).unwrap_or_default()
    }
}
