//! A moving window over a content that is read once from its beginning.

use kanshiki_model::Span;
use std::io::{self, Read};

/// Bytes that are looked at together where the next event is searched for.
pub(super) const BYTES: usize = 1 << 20;

pub(super) struct Window<'a> {
    content: Box<dyn Read + 'a>,
    is_compressed: bool,
    buffer: Vec<u8>,
    /// Where the window begins in the buffer, and in the content.
    start: usize,
    position: u64,
}

impl<'a> Window<'a> {
    pub(super) fn new(content: Box<dyn Read + 'a>, is_compressed: bool) -> Self {
        Self { content, is_compressed, buffer: Vec::new(), start: 0, position: 0 }
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// The place of so many bytes from here on.
    pub(super) fn span(&self, length: u64) -> Span {
        match self.is_compressed {
            true => Span { offset: 0, content_offset: Some(self.position), length, line: None },
            false => Span { offset: self.position, content_offset: None, length, line: None },
        }
    }

    /// So many bytes from here on; fewer at the end of the content alone.
    pub(super) fn fill(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.buffer.len().saturating_sub(self.start) < wanted {
            self.buffer.drain(..self.start.min(self.buffer.len()));
            self.start = 0;
            // More than is asked for, so that small events are not read one by one.
            let more = wanted.saturating_sub(self.buffer.len()).max(BYTES);
            let most = u64::try_from(more).unwrap_or(u64::MAX);
            self.content.by_ref().take(most).read_to_end(&mut self.buffer)?;
        }
        let there = self.buffer.get(self.start..).unwrap_or_default();
        Ok(there.get(..wanted).unwrap_or(there))
    }

    /// Goes on by so many bytes.
    pub(super) fn pass(&mut self, bytes: u64) -> io::Result<()> {
        self.position = self.position.saturating_add(bytes);
        let there = self.buffer.len().saturating_sub(self.start);
        let wanted = usize::try_from(bytes).unwrap_or(usize::MAX);
        let passed = wanted.min(there);
        self.start = self.start.saturating_add(passed);
        let left = u64::try_from(wanted.saturating_sub(passed)).unwrap_or(u64::MAX);
        if left > 0 {
            io::copy(&mut self.content.by_ref().take(left), &mut io::sink())?;
        }
        Ok(())
    }
}
