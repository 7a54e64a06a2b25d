//! A record of several lines.

use kanshiki_model::Span;

/// Bytes of a record that are kept; the rest is passed over, and lies where the span says.
const RECORD_BYTES: usize = 1 << 20;

/// The lines of a record, until the next one begins.
#[derive(Debug, Default)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    span: Option<Span>,
}

impl Record {
    /// Begins with a line.
    pub(crate) fn begin(&mut self, line: &[u8], span: Span) {
        self.bytes.clear();
        self.bytes.extend_from_slice(line);
        self.span = Some(span);
    }

    /// Takes a further line as part of the record, but not its bytes; false if none was begun.
    pub(crate) fn lengthen(&mut self, span: Span) -> bool {
        let Some(begun) = &mut self.span else { return false };
        let start = begun.content_offset.unwrap_or(begun.offset);
        let end = span.content_offset.unwrap_or(span.offset).saturating_add(span.length);
        begun.length = end.saturating_sub(start);
        true
    }

    /// Adds a further line; false if none was begun.
    pub(crate) fn add(&mut self, line: &[u8], span: Span) -> bool {
        if !self.lengthen(span) {
            return false;
        }
        if self.bytes.len().saturating_add(line.len()) < RECORD_BYTES {
            self.bytes.push(b'\n');
            self.bytes.extend_from_slice(line);
        }
        true
    }

    /// The record, if one was begun.
    pub(crate) fn get(&self) -> Option<(&[u8], Span)> {
        self.span.map(|span| (self.bytes.as_slice(), span))
    }

    /// Nothing is begun any more.
    pub(crate) const fn end(&mut self) {
        self.span = None;
    }
}
