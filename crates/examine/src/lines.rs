//! The lines of a log, with the place of each, in bounded memory.

use kanshiki_image::ReadAt;
use kanshiki_model::{ByteRange, Span};
use kanshiki_walk::contents::stored_runs;
use kanshiki_walk::decompress::Content;
use std::collections::VecDeque;
use std::io::{self, Read};

/// Bytes of a line that are given; the rest is passed over.
pub const LINE_BYTES: usize = 1 << 20;

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// Holes of a plain file from this size on are not read; a line ends there.
const HOLE_BYTES: u64 = 1 << 20;

/// A line, without the break at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'l> {
    /// Its bytes: no line feed, no carriage return before it, and at most [`LINE_BYTES`].
    pub bytes: &'l [u8],
    /// Where it lies; the length is that of the whole line.
    pub span: Span,
    /// Bytes at its end that are not given, since the line is too long.
    pub left_out: u64,
}

/// The lines of a content.
pub struct Lines<'a> {
    source: LineSource<'a>,
    buffer: Vec<u8>,
    /// The line that is built lies from `start` on in the buffer; up to `end` there are bytes.
    start: usize,
    end: usize,
    /// The byte of the content at `start`.
    offset: u64,
    /// The byte of the content that is read next.
    position: u64,
    line: u64,
    is_over: bool,
    /// Bytes of a hole that was passed over and is to be told.
    hole: u64,
    /// The error that ended the reading, to be told once the lines before it are given.
    error: Option<io::Error>,
}

enum LineSource<'a> {
    Plain { source: &'a dyn ReadAt, runs: Box<dyn Iterator<Item = ByteRange> + Send + 'a>, run: ByteRange },
    Compressed { content: Box<Content<'a>>, members: Members },
}

/// At which byte of the content which member of a compressed file begins to give it.
#[derive(Debug, Default)]
pub(crate) struct Members {
    read: u64,
    starts: VecDeque<(u64, u64)>,
}

impl std::fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("offset", &self.offset).field("line", &self.line).finish_non_exhaustive()
    }
}

impl<'a> Lines<'a> {
    pub(crate) fn plain(source: &'a dyn ReadAt) -> Self {
        let runs = Box::new(stored_runs(source, HOLE_BYTES));
        Self::new(LineSource::Plain { source, runs, run: ByteRange::new(0, 0) })
    }

    pub(crate) fn compressed(content: Content<'a>) -> Self {
        Self::new(LineSource::Compressed { content: Box::new(content), members: Members::default() })
    }

    fn new(source: LineSource<'a>) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            position: 0,
            line: 0,
            is_over: false,
            hole: 0,
            error: None,
        }
    }

    /// The next line; `None` at the end. Zeroes that are longer than a line, and holes, are given as a line of one zero that has
    /// their place and length, and the number of the line behind them.
    ///
    /// # Errors
    ///
    /// The content could not be read on; asked again, there is no further line.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = self.start;
        loop {
            let unseen = self.buffer.get(searched..self.end).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', unseen) {
                let end = searched.saturating_add(found);
                if end.saturating_sub(self.start) > LINE_BYTES && self.begins_with_zeroes() {
                    return Ok(Some(self.take_zeroes()));
                }
                return Ok(Some(self.take(end, end.saturating_add(1), 0)));
            }
            searched = self.end;
            if self.end.saturating_sub(self.start) > LINE_BYTES {
                return if self.begins_with_zeroes() { Ok(Some(self.take_zeroes())) } else { self.take_long() };
            }
            let kept = searched.saturating_sub(self.start);
            let is_filled = !self.is_over && self.fill(self.end > self.start);
            if self.hole > 0 {
                let hole = std::mem::take(&mut self.hole);
                let place = (self.offset.saturating_sub(hole), None);
                return Ok(Some(self.zeroes(place, hole)));
            }
            if !is_filled {
                return match self.end > self.start {
                    true => Ok(Some(self.take(self.end, self.end, 0))),
                    false => self.error.take().map_or(Ok(None), Err),
                };
            }
            searched = self.start.saturating_add(kept);
        }
    }

    /// The line up to `end`, the next one beginning at `next`; both in the buffer.
    fn take(&mut self, end: usize, next: usize, left_out: u64) -> Line<'_> {
        let place = self.source.place(self.offset);
        self.take_at(place, end, next, left_out)
    }

    /// The same of a line that begins at this place of the file, and of the content.
    fn take_at(&mut self, place: (u64, Option<u64>), end: usize, next: usize, left_out: u64) -> Line<'_> {
        let (start, offset) = (self.start, self.offset);
        let whole = length(next.saturating_sub(start)).saturating_add(left_out);
        self.start = next;
        self.offset = offset.saturating_add(whole);
        self.line = self.line.saturating_add(1);
        let (offset, content_offset) = place;
        let span = Span { offset, content_offset, length: whole, line: Some(self.line) };
        let given = end.min(start.saturating_add(LINE_BYTES));
        let left_out = left_out.saturating_add(length(end.saturating_sub(given)));
        let bytes = self.buffer.get(start..given).unwrap_or_default();
        Line { bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes), span, left_out }
    }

    /// Whether a line that is too long begins with so many zeroes that what is behind them would be left out.
    fn begins_with_zeroes(&self) -> bool {
        let begun = self.buffer.get(self.start..self.start.saturating_add(LINE_BYTES >> 1)).unwrap_or_default();
        begun.iter().all(|byte| *byte == 0)
    }

    /// Passes zeroes over up to where other bytes begin, so that the line behind them is whole.
    fn take_zeroes(&mut self) -> Line<'_> {
        let place = self.source.place(self.offset);
        let mut passed = 0;
        loop {
            let unseen = self.buffer.get(self.start..self.end).unwrap_or_default();
            let other = unseen.iter().position(|byte| *byte != 0);
            let zeroes = other.unwrap_or(unseen.len());
            passed = length(zeroes).saturating_add(passed);
            if other.is_some() {
                self.start = self.start.saturating_add(zeroes);
                break;
            }
            (self.start, self.end) = (0, 0);
            // What is passed over is forgotten, so that many members take no memory.
            let _ = self.source.place(self.position);
            if self.is_over || !self.fill(true) {
                break;
            }
        }
        self.offset = self.offset.saturating_add(passed);
        self.zeroes(place, passed)
    }

    /// What stands for so many zeroes at this place.
    fn zeroes(&self, (offset, content_offset): (u64, Option<u64>), length: u64) -> Line<'_> {
        let line = Some(self.line.saturating_add(1));
        Line { bytes: &[0], span: Span { offset, content_offset, length, line }, left_out: 0 }
    }

    /// A line that is longer than is given: its beginning is kept, the rest passed over.
    fn take_long(&mut self) -> io::Result<Option<Line<'_>>> {
        let place = self.source.place(self.offset);
        let begin = self.buffer.get(self.start..self.start.saturating_add(LINE_BYTES)).unwrap_or_default().to_vec();
        let behind = self.start.saturating_add(LINE_BYTES);
        let mut left_out = length(self.end.saturating_sub(behind));
        (self.start, self.end) = (0, 0);
        loop {
            if self.is_over || !self.fill(true) {
                break;
            }
            // What is passed over is forgotten, so that many members take no memory.
            let _ = self.source.place(self.position);
            let fresh = self.buffer.get(..self.end).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', fresh) {
                let next = found.saturating_add(1);
                left_out = left_out.saturating_add(length(next));
                // What follows the line moves behind its beginning, so that both stand in one buffer.
                let rest = self.buffer.get(next..self.end).unwrap_or_default().to_vec();
                self.buffer.clear();
                self.buffer.extend_from_slice(&begin);
                self.buffer.extend_from_slice(&rest);
                self.end = self.buffer.len();
                return Ok(Some(self.take_at(place, LINE_BYTES, LINE_BYTES, left_out)));
            }
            left_out = left_out.saturating_add(length(self.end));
            (self.start, self.end) = (0, 0);
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(&begin);
        self.end = self.buffer.len();
        Ok(Some(self.take_at(place, LINE_BYTES, LINE_BYTES, left_out)))
    }

    /// Reads on; false if there is no more, or no more of the line that has begun.
    fn fill(&mut self, is_begun: bool) -> bool {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.end, self.start) = (self.end.saturating_sub(self.start), 0);
        }
        let room = self.end.saturating_add(READ_BYTES);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        match self.source.read(self.position, self.buffer.get_mut(self.end..).unwrap_or_default()) {
            Ok(Filled::Bytes(read)) => {
                self.end = self.end.saturating_add(read);
                self.position = self.position.saturating_add(length(read));
                true
            }
            // The line that was begun ends at the hole.
            Ok(Filled::HoleUpTo(_)) if is_begun => false,
            Ok(Filled::HoleUpTo(next)) => {
                self.hole = next.saturating_sub(self.offset);
                (self.offset, self.position) = (next, next);
                true
            }
            Ok(Filled::End) => {
                self.is_over = true;
                false
            }
            Err(error) => {
                self.is_over = true;
                self.error = Some(error);
                false
            }
        }
    }
}

enum Filled {
    Bytes(usize),
    /// Nothing is stored before this byte.
    HoleUpTo(u64),
    End,
}

impl LineSource<'_> {
    /// Reads the bytes of the content from `at` on.
    fn read(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<Filled> {
        match self {
            Self::Plain { source, runs, run } => {
                if at >= run.end {
                    match runs.next() {
                        Some(next) => *run = next,
                        // The last bytes may be a hole too.
                        None if at < source.len() => return Ok(Filled::HoleUpTo(source.len())),
                        None => return Ok(Filled::End),
                    }
                }
                if at < run.start {
                    return Ok(Filled::HoleUpTo(run.start));
                }
                let most = usize::try_from(run.end.saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
                let wanted = buffer.get_mut(..most).unwrap_or_default();
                match source.read_at(at, wanted).map_err(io::Error::other)? {
                    0 => Ok(Filled::End),
                    read => Ok(Filled::Bytes(read)),
                }
            }
            Self::Compressed { content, members } => match content.read(buffer)? {
                0 => Ok(Filled::End),
                read => {
                    members.add(read, content.member_start());
                    Ok(Filled::Bytes(read))
                }
            },
        }
    }

    /// Where a byte of the content lies: in the file, and after decompression. Asked for in rising order.
    fn place(&mut self, offset: u64) -> (u64, Option<u64>) {
        match self {
            Self::Plain { .. } => (offset, None),
            Self::Compressed { members, .. } => (members.start_of(offset), Some(offset)),
        }
    }
}

impl Members {
    /// Further bytes of the content, given by the member that begins there.
    pub(crate) fn add(&mut self, read: usize, start: u64) {
        if self.starts.back().is_none_or(|(_, last)| *last != start) {
            self.starts.push_back((self.read, start));
        }
        self.read = self.read.saturating_add(length(read));
    }

    /// Where the member begins that gives this byte of the content. Asked for in rising order.
    pub(crate) fn start_of(&mut self, offset: u64) -> u64 {
        while self.starts.get(1).is_some_and(|(from, _)| *from <= offset) {
            self.starts.pop_front();
        }
        self.starts.front().map_or(0, |(_, start)| *start)
    }
}

/// A length in memory as one of a content.
pub(crate) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
