//! Texts of a database one after the other, so that millions of short ones take no memory of their own.

use std::collections::HashMap;

/// The place of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    length: u32,
}

/// Texts one after the other, up to a number of bytes.
#[derive(Debug)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    limit: usize,
    /// The places of texts that come again and again: owners, capabilities.
    known: HashMap<Vec<u8>, Span>,
}

/// Texts that are told apart by [`Texts::known`]; more are kept each for itself.
const KNOWN: usize = 4096;

impl Texts {
    /// Room for so many bytes, at most 4 GiB.
    pub(crate) fn new(limit: u32) -> Self {
        Self { bytes: Vec::new(), limit: usize::try_from(limit).unwrap_or(usize::MAX), known: HashMap::new() }
    }

    /// Keeps a text; `None` if there is no room left.
    pub(crate) fn add(&mut self, text: &[u8]) -> Option<Span> {
        let end = self.bytes.len().checked_add(text.len()).filter(|end| *end <= self.limit)?;
        let span = Span { start: u32::try_from(self.bytes.len()).ok()?, length: u32::try_from(text.len()).ok()? };
        u32::try_from(end).ok()?;
        self.bytes.extend_from_slice(text);
        Some(span)
    }

    /// Keeps a text that may have been kept before.
    pub(crate) fn add_known(&mut self, text: &[u8]) -> Option<Span> {
        if text.is_empty() {
            return Some(Span::default());
        }
        if let Some(span) = self.known.get(text) {
            return Some(*span);
        }
        let span = self.add(text)?;
        if self.known.len() < KNOWN {
            self.known.insert(text.to_vec(), span);
        }
        Some(span)
    }

    /// The text at a place.
    pub(crate) fn get(&self, span: Span) -> &[u8] {
        let start = usize::try_from(span.start).unwrap_or(usize::MAX);
        let length = usize::try_from(span.length).unwrap_or(usize::MAX);
        self.bytes.get(start..start.saturating_add(length)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_given_back_and_no_more_are_taken_than_there_is_room_for() {
        let mut texts = Texts::new(8);
        let (one, two) = (texts.add(b"abc").unwrap(), texts.add_known(b"root").unwrap());
        assert_eq!((texts.get(one), texts.get(two)), (b"abc".as_slice(), b"root".as_slice()));
        assert_eq!(
            (texts.add_known(b"root"), texts.add(b"xy"), texts.add_known(b"")),
            (Some(two), None, Some(Span::default()))
        );
        assert!(texts.get(Span::default()).is_empty() && texts.get(Span { start: 7, length: 9 }).is_empty());
    }
}
