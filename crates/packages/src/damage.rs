//! What pure parsers find wrong, before the file has a name.

use kanshiki_model::{ByteRange, Issue, visible};

/// Something that is damaged or not supported, with its place in the bytes that were parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The bytes that are concerned.
    pub range: ByteRange,
    /// The structure, and what was expected and found.
    pub text: String,
}

impl Damage {
    /// Damage of `length` bytes at `offset`.
    #[must_use]
    pub fn new(offset: u64, length: u64, text: impl Into<String>) -> Self {
        Self { range: ByteRange::new(offset, offset.saturating_add(length)), text: text.into() }
    }

    /// The same as an issue of the file at this path.
    #[must_use]
    pub fn of(self, path: &[u8]) -> Issue {
        Issue::at(visible(path), self.range, self.text)
    }
}
