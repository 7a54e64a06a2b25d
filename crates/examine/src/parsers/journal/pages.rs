//! The bytes of a journal, read in larger pieces: one going through the file in order, and one for what lies elsewhere.

use kanshiki_image::{ReadAt, RunState, Runs};
use kanshiki_model::ByteRange;
use std::iter::Peekable;

/// Bytes read at once in the order of the file.
const AHEAD_BYTES: usize = 256 << 10;

/// Bytes read at once elsewhere.
const BESIDE_BYTES: usize = 16 << 10;

/// Where the disk gave nothing, the search goes on behind so many bytes.
const BLOCK_BYTES: u64 = 4096;

/// Which of the two pieces is read anew if neither holds the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Ahead,
    Beside,
}

/// The bytes of a file.
pub(super) struct Pages<'a> {
    source: &'a dyn ReadAt,
    length: u64,
    ahead: Piece,
    beside: Piece,
    runs: Peekable<Runs<'a>>,
    /// Where bytes could not be read, since the last time that was asked.
    unreadable: Option<ByteRange>,
}

#[derive(Debug, Default)]
struct Piece {
    start: u64,
    bytes: Vec<u8>,
}

impl Piece {
    /// Where in it these bytes lie, if it holds all of them.
    fn place(&self, at: u64, length: usize) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(at.checked_sub(self.start)?).ok()?;
        let end = start.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        Some(start..end)
    }

    fn load(&mut self, source: &dyn ReadAt, at: u64, length: usize) -> Option<()> {
        self.bytes.resize(length, 0);
        self.start = at;
        let read = source.read_at(at, &mut self.bytes).ok();
        self.bytes.truncate(read.unwrap_or(0));
        read.map(drop)
    }
}

impl<'a> Pages<'a> {
    pub(super) fn new(source: &'a dyn ReadAt) -> Self {
        let (ahead, beside) = (Piece::default(), Piece::default());
        Self { source, length: source.len(), ahead, beside, runs: source.runs().peekable(), unreadable: None }
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// So many bytes from a place on; `None` if the file does not hold all of them or they cannot be read.
    pub(super) fn bytes(&mut self, way: Way, at: u64, length: usize) -> Option<&[u8]> {
        if at.checked_add(u64::try_from(length).ok()?).is_none_or(|end| end > self.length) {
            return None;
        }
        if self.ahead.place(at, length).is_none() && (way == Way::Ahead || self.beside.place(at, length).is_none()) {
            self.load(way, at, length)?;
        }
        if let Some(place) = self.ahead.place(at, length) {
            return self.ahead.bytes.get(place);
        }
        let place = self.beside.place(at, length)?;
        self.beside.bytes.get(place)
    }

    /// The first `N` bytes from a place on.
    pub(super) fn chunk<const N: usize>(&mut self, way: Way, at: u64) -> Option<[u8; N]> {
        self.bytes(way, at, N)?.first_chunk().copied()
    }

    fn load(&mut self, way: Way, at: u64, length: usize) -> Option<()> {
        let (piece, most) = match way {
            Way::Ahead => (&mut self.ahead, AHEAD_BYTES),
            Way::Beside => (&mut self.beside, BESIDE_BYTES),
        };
        // One unreadable sector spoils the whole piece: then the bytes that are asked for are read alone.
        let loaded = piece.load(self.source, at, length.max(most)).or_else(|| piece.load(self.source, at, length));
        if loaded.is_none() {
            let end = at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            let known = self.unreadable.unwrap_or(ByteRange::new(at, end));
            self.unreadable = Some(ByteRange::new(known.start.min(at), known.end.max(end)));
        }
        loaded
    }

    /// Where bytes could not be read since this was asked before.
    pub(super) fn take_unreadable(&mut self) -> Option<ByteRange> {
        self.unreadable.take()
    }

    /// The first place from `at` on, in steps of 8, at which the next 8 bytes are not all zero, or cannot be read; the end
    /// of the file if there is none. Asked for in rising order, holes are not read.
    pub(super) fn behind_zeroes(&mut self, mut at: u64) -> u64 {
        while at < self.length {
            let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
            let Some(bytes) = self.bytes(Way::Ahead, at, left.min(8)) else { return at };
            if bytes.iter().any(|byte| *byte != 0) {
                return at;
            }
            // What was read ahead is looked through at once.
            let Some(place) = self.ahead.place(at, 0) else { return at };
            let known = self.ahead.bytes.get(place.start..).unwrap_or_default();
            let zeroes = known.iter().position(|byte| *byte != 0).unwrap_or(known.len());
            let whole = u64::try_from(zeroes).unwrap_or(u64::MAX) & !7;
            at = at.saturating_add(whole.max(8)).min(self.length);
            at = self.behind_hole(at);
        }
        at
    }

    fn behind_hole(&mut self, at: u64) -> u64 {
        while self.runs.next_if(|(range, _)| range.end <= at).is_some() {}
        match self.runs.peek() {
            Some((range, RunState::Hole)) if range.contains(at) => range.end & !7,
            _ => at,
        }
        .max(at)
    }

    /// Where to go on behind a place that cannot be read.
    pub(super) fn behind_unreadable(&self, at: u64) -> u64 {
        at.saturating_add(1).checked_next_multiple_of(BLOCK_BYTES).unwrap_or(u64::MAX).min(self.length)
    }
}
