//! A content of binary records, seen through a window that moves over it from its beginning to its end.

use crate::input::Input;
use crate::lines::{Members, length};
use kanshiki_image::ReadAt;
use kanshiki_model::{ByteRange, Span};
use kanshiki_walk::contents::stored_runs;
use kanshiki_walk::decompress::Content;
use std::io::{self, Read};

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// Holes of a plain file from this size on are known as such; shorter ones are read as zeroes.
const HOLE_BYTES: u64 = 64 << 10;

/// The bytes of a content from a position on that only rises.
pub(crate) struct Window<'a> {
    source: WindowSource<'a>,
    buffer: Vec<u8>,
    /// The byte at the position lies here in the buffer.
    start: usize,
    position: u64,
    is_over: bool,
    error: Option<io::Error>,
}

enum WindowSource<'a> {
    Plain { source: &'a dyn ReadAt, runs: Box<dyn Iterator<Item = ByteRange> + Send + 'a>, run: ByteRange },
    Compressed { content: Box<Content<'a>>, members: Members },
}

impl<'a> Window<'a> {
    /// At the beginning of a content.
    ///
    /// # Errors
    ///
    /// The compression cannot be read.
    pub(crate) fn new(input: &Input<'a>) -> io::Result<Self> {
        let source = match input.plain() {
            Some(source) => {
                let runs = Box::new(stored_runs(source, HOLE_BYTES));
                WindowSource::Plain { source, runs, run: ByteRange::new(0, 0) }
            }
            None => WindowSource::Compressed { content: Box::new(input.content()?), members: Members::default() },
        };
        Ok(Self { source, buffer: Vec::new(), start: 0, position: 0, is_over: false, error: None })
    }

    /// The byte that the window begins with.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// The next bytes: at least so many, or all that are left. `wanted` is bounded by the caller.
    pub(crate) fn peek(&mut self, wanted: usize) -> &[u8] {
        while self.buffer.len().saturating_sub(self.start) < wanted && !self.is_over {
            self.fill(wanted);
        }
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Moves on.
    pub(crate) fn advance(&mut self, bytes: u64) {
        self.position = self.position.saturating_add(bytes);
        let seen = self.buffer.len().saturating_sub(self.start);
        match usize::try_from(bytes).ok().filter(|bytes| *bytes <= seen) {
            Some(bytes) => self.start = self.start.saturating_add(bytes),
            // Only a plain content is asked to move further than it was seen.
            None => (self.start, self.buffer) = (0, Vec::new()),
        }
    }

    /// Moves on over bytes that need not have been seen; false if the content ends before.
    pub(crate) fn skip(&mut self, bytes: u64) -> bool {
        let mut left = bytes;
        while left > 0 {
            let seen = length(self.peek(1).len()).min(left);
            if seen == 0 {
                return false;
            }
            self.advance(seen);
            left = left.saturating_sub(seen);
        }
        true
    }

    /// Bytes up to where something is stored, or up to the end; 0 if the window begins with stored bytes.
    pub(crate) fn hole(&mut self) -> u64 {
        let WindowSource::Plain { source, runs, run } = &mut self.source else { return 0 };
        while self.position >= run.end {
            match runs.next() {
                Some(next) => *run = next,
                None => return source.len().saturating_sub(self.position),
            }
        }
        run.start.saturating_sub(self.position)
    }

    /// Where so many bytes lie that the window begins with, or began with. Asked for in rising order.
    pub(crate) fn span(&mut self, start: u64, bytes: u64) -> Span {
        let (offset, content_offset) = match &mut self.source {
            WindowSource::Plain { .. } => (start, None),
            WindowSource::Compressed { members, .. } => (members.start_of(start), Some(start)),
        };
        Span { offset, content_offset, length: bytes, line: None }
    }

    /// Whether the content was read to its end.
    ///
    /// # Errors
    ///
    /// It could not be read on; what lies before that was given.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    fn fill(&mut self, wanted: usize) {
        self.buffer.drain(..self.start);
        self.start = 0;
        let (kept, position) = (self.buffer.len(), self.position);
        let at = position.saturating_add(length(kept));
        self.buffer.resize(kept.saturating_add(READ_BYTES.max(wanted)), 0);
        let mut filled = kept;
        // A decoder may give a few bytes at once: the room is filled, so that it is not made anew for each of them.
        while let Some(room) = self.buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            let at = at.saturating_add(length(filled.saturating_sub(kept)));
            let read = match &mut self.source {
                WindowSource::Plain { source, .. } => source.read_at(at, room).map_err(io::Error::other),
                WindowSource::Compressed { content, members } => {
                    content.read(room).inspect(|read| members.add(*read, content.member_start()))
                }
            };
            match read {
                Ok(0) => self.is_over = true,
                Ok(read) => filled = filled.saturating_add(read),
                Err(error) => (self.error, self.is_over) = (Some(error), true),
            }
            if self.is_over {
                break;
            }
        }
        self.buffer.truncate(filled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_image::Memory;

    #[test]
    fn a_window_gives_what_is_left_and_moves_on_over_its_end() {
        let memory = Memory((0..=255).collect());
        let mut window = Window::new(&Input::new(&memory)).unwrap();
        assert_eq!(window.peek(10)[..3], [0, 1, 2]);
        window.advance(250);
        assert_eq!(window.peek(10), [250, 251, 252, 253, 254, 255]);
        assert_eq!((window.position(), window.hole()), (250, 0));
        window.advance(7);
        assert!(window.peek(1).is_empty());
        assert!(window.finish().is_ok());
    }
}
