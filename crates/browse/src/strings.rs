//! Text among bytes: runs of characters that are seen, in several encodings.
//!
//! A run is given where it begins and as long as it goes on, whatever lies before it; so a source can be divided into
//! pieces that are looked through at the same time, and each run belongs to the piece in which it begins.
//!
//! | encoding | characters |
//! | --- | --- |
//! | ASCII | bytes 0x20 to 0x7e, and tab |
//! | UTF-8 | those of ASCII, and all further characters that are seen or are blanks |
//! | UTF-16, either order of bytes, at even and odd places | those of ASCII, and letters up to U+052F: Latin, Greek, Cyrillic |

mod encoding;

use kanshiki_image::bytes::{bounded, length};
use kanshiki_image::{Around, Next, ReadError, Source};
use kanshiki_model::ByteRange;
use kanshiki_walk::contents::stored_runs;
use std::cell::RefCell;
use std::ops::ControlFlow;

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// Bytes before a piece that tell whether a run began there.
const BEHIND: usize = 4;

/// Bytes after which a long run is given in parts.
const PART_BYTES: usize = 64 << 10;

/// Holes from this length on are passed over: they read as zeroes, which are in no text.
const HOLE_BYTES: u64 = 64 << 10;

/// Bytes of one piece of work.
const PIECE_BYTES: u64 = 4 << 20;

/// How text is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encoding {
    /// One byte a character.
    Ascii,
    /// RFC 3629.
    Utf8,
    /// RFC 2781, the low byte first.
    Utf16Le,
    /// RFC 2781, the high byte first.
    Utf16Be,
}

impl Encoding {
    /// The name in output for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
        }
    }
}

/// What to look for.
#[derive(Debug, Clone)]
pub struct StringsOptions {
    /// The encodings; text in several of them is given once for each.
    pub encodings: Vec<Encoding>,
    /// Characters of the shortest run that is given; at least 1.
    pub minimum: usize,
}

/// A run of text, or a part of a long one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// Where it begins, in bytes from the start of the source.
    pub offset: u64,
    /// How it is stored.
    pub encoding: Encoding,
    /// The text in UTF-8.
    pub text: &'a str,
}

/// Where texts go.
pub type Take<'a> = &'a mut dyn FnMut(Text<'_>) -> ControlFlow<()>;

/// The pieces of a source that can be looked through each for itself; long holes are left out.
pub fn pieces(source: &Source, within: ByteRange) -> impl Iterator<Item = ByteRange> + Send + '_ {
    stored_runs(source.as_ref(), HOLE_BYTES).map(move |range| range.intersect(within)).flat_map(divided)
}

/// A range in pieces for threads.
pub fn divided(range: ByteRange) -> impl Iterator<Item = ByteRange> + Send {
    let mut start = range.start;
    std::iter::from_fn(move || {
        let piece = ByteRange::new(start, start.saturating_add(PIECE_BYTES).min(range.end));
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Hands on every run that begins in `piece`, in ascending order for each encoding. No run reaches over bytes that cannot
/// be read; those of the piece are returned, each range with its reason.
pub fn search(
    source: &Source,
    piece: ByteRange,
    options: &StringsOptions,
    take: Take<'_>,
) -> Vec<(ByteRange, ReadError)> {
    let bytes = Filled { source, piece, unread: RefCell::default() };
    for encoding in &options.encodings {
        let scan = Scan { source: &bytes, piece, encoding: *encoding, minimum: options.minimum.max(1) };
        let units: &[u64] = if encoding::unit_bytes(*encoding) == 2 { &[0, 1] } else { &[0] };
        for first in units {
            if scan.run(*first, take).is_break() {
                return bytes.unread.into_inner();
            }
        }
    }
    bytes.unread.into_inner()
}

/// A source with zeroes, which are in no text, for what cannot be read.
struct Filled<'a> {
    source: &'a Source,
    /// The bytes of which is told what cannot be read.
    piece: ByteRange,
    unread: RefCell<Vec<(ByteRange, ReadError)>>,
}

impl Filled<'_> {
    /// Fills the buffer from `offset` on; returns how many bytes there are, which is less at the end alone.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let end = offset.saturating_add(length(buffer.len()));
        let mut around = Around::new(self.source.as_ref(), ByteRange::new(offset, end));
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|_| !around.rest().is_empty()) {
            let read = match around.next(rest) {
                Next::Bytes(0) => break,
                Next::Bytes(read) => read,
                Next::Unreadable(range, error) => {
                    let zeroes = bounded(range.len(), rest.len());
                    rest.get_mut(..zeroes).unwrap_or_default().fill(0);
                    self.unreadable(range, error);
                    zeroes
                }
            };
            filled = filled.saturating_add(read);
        }
        filled
    }

    /// Remembers what of a range belongs to the piece; each encoding comes by it, and so may several reads.
    fn unreadable(&self, range: ByteRange, error: ReadError) {
        let range = range.intersect(self.piece);
        let mut unread = self.unread.borrow_mut();
        let at = unread.partition_point(|(other, _)| other.end < range.start);
        match unread.get_mut(at) {
            _ if range.is_empty() => {}
            Some((other, _)) if other.start <= range.end => {
                *other = ByteRange::new(other.start.min(range.start), other.end.max(range.end));
            }
            _ => unread.insert(at, (range, error)),
        }
    }
}

struct Scan<'a> {
    source: &'a Filled<'a>,
    piece: ByteRange,
    encoding: Encoding,
    minimum: usize,
}

/// A run that is under way.
struct Run {
    /// Where its text that was not given yet begins.
    offset: u64,
    text: String,
    characters: usize,
    /// Whether parts of it were given.
    is_part: bool,
}

impl Scan<'_> {
    /// Looks through the piece at places that are even (0) or odd (1), which matters where a unit has two bytes.
    fn run(&self, parity: u64, take: Take<'_>) -> ControlFlow<()> {
        let unit = encoding::unit_bytes(self.encoding);
        let mut at = self.piece.start;
        if unit == 2 && at % 2 != parity {
            at = at.saturating_add(1);
        }
        at = self.begun_before(at);
        let mut buffer = vec![0; READ_BYTES];
        let mut run = Run { offset: at, text: String::new(), characters: 0, is_part: false };
        loop {
            let read = self.source.read_at(at, &mut buffer);
            let is_end = read < buffer.len();
            let bytes = buffer.get(..read).unwrap_or_default();
            let mut index = 0;
            while let Some(rest) = bytes.get(index..).filter(|rest| !rest.is_empty()) {
                if !is_end && rest.len() < BEHIND {
                    break;
                }
                let here = at.saturating_add(u64::try_from(index).unwrap_or(u64::MAX));
                if run.characters == 0 && !run.is_part {
                    if here >= self.piece.end {
                        return ControlFlow::Continue(());
                    }
                    let skip = encoding::skip(self.encoding, rest);
                    if skip > 0 {
                        index = index.saturating_add(skip);
                        continue;
                    }
                    run.offset = here;
                }
                match encoding::character(self.encoding, rest) {
                    Some((character, length)) => {
                        run.text.push(character);
                        run.characters = run.characters.saturating_add(1);
                        index = index.saturating_add(length);
                        if run.text.len() >= PART_BYTES && self.give(&mut run, take).is_break() {
                            return ControlFlow::Break(());
                        }
                        if run.characters == 0 {
                            run.offset = here.saturating_add(u64::try_from(length).unwrap_or(0));
                        }
                    }
                    None => {
                        if self.give(&mut run, take).is_break() {
                            return ControlFlow::Break(());
                        }
                        run.is_part = false;
                        index = index.saturating_add(unit);
                    }
                }
            }
            if is_end {
                return self.give(&mut run, take);
            }
            at = at.saturating_add(u64::try_from(index).unwrap_or(u64::MAX));
        }
    }

    fn give(&self, run: &mut Run, take: Take<'_>) -> ControlFlow<()> {
        let is_long = run.characters >= self.minimum || run.is_part && run.characters > 0;
        let flow = if is_long {
            run.is_part = true;
            take(Text { offset: run.offset, encoding: self.encoding, text: &run.text })
        } else {
            ControlFlow::Continue(())
        };
        run.text.clear();
        run.characters = 0;
        flow
    }

    /// The end of a run that began before the piece and reaches into it; the piece's start if there is none.
    fn begun_before(&self, start: u64) -> u64 {
        let behind = start.min(u64::try_from(BEHIND).unwrap_or(4));
        let mut bytes = [0; 2 * BEHIND];
        let from = start.saturating_sub(behind);
        let read = self.source.read_at(from, &mut bytes);
        let bytes = bytes.get(..read).unwrap_or_default();
        let behind = usize::try_from(behind).unwrap_or(0);
        let reaches = (0..behind).find_map(|index| {
            if encoding::unit_bytes(self.encoding) == 2 && index % 2 != behind % 2 {
                return None;
            }
            let (_, length) = encoding::character(self.encoding, bytes.get(index..)?)?;
            let end = index.saturating_add(length);
            (end >= behind).then_some(end.saturating_sub(behind))
        });
        let Some(reaches) = reaches else { return start };
        let mut at = start.saturating_add(u64::try_from(reaches).unwrap_or(0));
        let mut buffer = vec![0; 4096];
        loop {
            let read = self.source.read_at(at, &mut buffer);
            let is_end = read < buffer.len();
            let mut index = 0;
            while let Some(rest) = buffer.get(index..read).filter(|rest| !rest.is_empty()) {
                if !is_end && rest.len() < BEHIND {
                    break;
                }
                match encoding::character(self.encoding, rest) {
                    Some((_, length)) => index = index.saturating_add(length),
                    None => return at.saturating_add(u64::try_from(index).unwrap_or(u64::MAX)),
                }
            }
            at = at.saturating_add(u64::try_from(index).unwrap_or(u64::MAX));
            if is_end || at >= self.piece.end {
                return at;
            }
        }
    }
}

#[cfg(test)]
mod tests;
