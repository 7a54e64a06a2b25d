//! Bytes of a source in large pieces, with what cannot be read told in between, to the sector or as exactly as the source
//! itself tells.

use crate::bytes::{PAGE, length, page_start};
use crate::{ReadAt, ReadError};
use kanshiki_model::ByteRange;

/// The most that is read at once.
const LARGEST: u64 = 1 << 20;

/// Where narrowing down what cannot be read ends: a sector.
const SMALLEST: u64 = 512;

/// A piece of a source.
#[derive(Debug)]
pub enum Piece<'a> {
    /// Bytes that could be read.
    Bytes(&'a [u8]),
    /// A place that could not, with the reason.
    Unreadable {
        /// The bytes of the source.
        range: ByteRange,
        /// Why they cannot be read.
        error: ReadError,
    },
}

/// What comes next of a source that is read around what cannot be read.
#[derive(Debug)]
pub enum Next {
    /// So many bytes; 0 at the end.
    Bytes(usize),
    /// A place that cannot be read. What touches it may be unreadable too.
    Unreadable(ByteRange, ReadError),
}

/// Reads bytes of a source in order, around what cannot be read.
#[derive(Debug)]
pub struct Around<'a> {
    source: &'a dyn ReadAt,
    rest: ByteRange,
}

impl<'a> Around<'a> {
    /// Reads the bytes `range` of a source, as far as there are any.
    #[must_use]
    pub fn new(source: &'a dyn ReadAt, range: ByteRange) -> Self {
        Self { source, rest: range.intersect(ByteRange::new(0, source.len())) }
    }

    /// The bytes that were neither given nor told to be unreadable yet.
    #[must_use]
    pub const fn rest(&self) -> ByteRange {
        self.rest
    }

    /// Reads the next bytes into `buffer`, as many as it holds or until something cannot be read.
    pub fn next(&mut self, buffer: &mut [u8]) -> Next {
        let start = self.rest.start;
        let mut end = self.rest.end.min(start.saturating_add(length(buffer.len())));
        while start < end {
            let wanted = ByteRange::new(start, end);
            let part = buffer.get_mut(..usize::try_from(wanted.len()).unwrap_or(0)).unwrap_or_default();
            match self.source.read_at(start, part) {
                Ok(0) => break,
                Ok(read) => {
                    self.rest.start = start.saturating_add(length(read));
                    return Next::Bytes(read);
                }
                Err(error) => match narrowed(wanted, self.rest.end, &error) {
                    Narrowed::Try(nearer) => end = nearer,
                    Narrowed::Unreadable(behind) => {
                        self.rest.start = behind;
                        return Next::Unreadable(ByteRange::new(start, behind), error);
                    }
                },
            }
        }
        if !buffer.is_empty() {
            // The end, or the source has become shorter than it said.
            self.rest.start = self.rest.end;
        }
        Next::Bytes(0)
    }
}

/// Gives the bytes `range` of a source, as far as there are any, in order and without gaps.
///
/// # Errors
///
/// What `sink` returns.
pub fn pieces<E>(
    source: &dyn ReadAt,
    range: ByteRange,
    sink: &mut dyn FnMut(Piece<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut around = Around::new(source, range);
    let room = usize::try_from(around.rest().len().min(LARGEST)).unwrap_or(0);
    let mut memory = vec![0_u8; room.saturating_add(PAGE)];
    let start = page_start(&memory);
    let buffer = memory.get_mut(start..start.saturating_add(room)).unwrap_or_default();
    // An unreadable range that may go on.
    let mut waiting: Option<(ByteRange, ReadError)> = None;
    loop {
        match around.next(buffer) {
            Next::Unreadable(range, error) => match &mut waiting {
                Some((waiting, _)) => waiting.end = range.end,
                None => waiting = Some((range, error)),
            },
            Next::Bytes(read) => {
                if let Some((range, error)) = waiting.take() {
                    sink(Piece::Unreadable { range, error })?;
                }
                if read == 0 {
                    return Ok(());
                }
                sink(Piece::Bytes(buffer.get(..read).unwrap_or_default()))?;
            }
        }
    }
}

/// The first place among the bytes `range` of a source that cannot be read, with the reason.
#[must_use]
pub fn first_unreadable(source: &dyn ReadAt, range: ByteRange) -> Option<(ByteRange, ReadError)> {
    let found = pieces(source, range, &mut |piece| match piece {
        Piece::Bytes(_) => Ok(()),
        Piece::Unreadable { range, error } => Err((range, error)),
    });
    found.err()
}

enum Narrowed {
    /// Up to here it may be read.
    Try(u64),
    /// Up to here it cannot.
    Unreadable(u64),
}

/// Where to go on after an error at the bytes `wanted` of those up to `end`.
fn narrowed(wanted: ByteRange, end: u64, error: &ReadError) -> Narrowed {
    if let ReadError::Unreadable { range } | ReadError::Absent { range, .. } = error {
        if range.contains(wanted.start) {
            return Narrowed::Unreadable(range.end.min(end));
        }
        if wanted.contains(range.start) {
            return Narrowed::Try(range.start);
        }
    }
    if wanted.len() <= SMALLEST {
        return Narrowed::Unreadable(wanted.end);
    }
    // Ends at the next whole sector below the middle, so that what is told are sectors.
    let middle = wanted.start.saturating_add(wanted.len() / 2);
    let aligned = middle.saturating_sub(middle % SMALLEST);
    Narrowed::Try(if aligned > wanted.start { aligned } else { middle })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gaps, Memory, Runs};
    use std::sync::Arc;

    fn collected(source: &dyn ReadAt, range: ByteRange) -> (Vec<u8>, Vec<ByteRange>) {
        let (mut bytes, mut unreadable) = (Vec::new(), Vec::new());
        let done: Result<(), ()> = pieces(source, range, &mut |piece| {
            match piece {
                Piece::Bytes(part) => bytes.extend_from_slice(part),
                Piece::Unreadable { range, .. } => unreadable.push(range),
            }
            Ok(())
        });
        done.unwrap();
        (bytes, unreadable)
    }

    #[test]
    fn what_can_be_read_comes_from_around_what_cannot() {
        let gaps = [ByteRange::new(3, 5), ByteRange::new(7, 100)].into_iter().collect();
        let source = Gaps::new(Arc::new(Memory((0..10).collect())), gaps);
        assert_eq!(
            collected(&source, ByteRange::new(1, 50)),
            (vec![1, 2, 5, 6], vec![ByteRange::new(3, 5), ByteRange::new(7, 10)])
        );
    }

    /// Fails without saying where, as a medium does.
    #[derive(Debug)]
    struct Failing(Vec<u8>, ByteRange);

    impl ReadAt for Failing {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
            let asked = ByteRange::new(offset, offset + buf.len() as u64);
            if asked.intersect(self.1).is_empty() {
                return Memory(self.0.clone()).read_at(offset, buf);
            }
            Err(ReadError::Io { offset, source: std::io::Error::other("medium error") })
        }

        fn runs(&self) -> Runs<'_> {
            Box::new(std::iter::empty())
        }
    }

    #[test]
    fn a_medium_error_is_narrowed_down_to_sectors_and_neighbours_are_joined() {
        let source = Failing(vec![7; 9000], ByteRange::new(2100, 3100));
        let (bytes, unreadable) = collected(&source, ByteRange::new(0, 9000));
        assert_eq!((bytes.len(), unreadable), (9000 - 1536, vec![ByteRange::new(2048, 3584)]));
    }

    #[test]
    fn a_source_shorter_than_it_says_ends_the_pieces() {
        assert_eq!(collected(&Memory(vec![1; 3]), ByteRange::new(5, 9)), (Vec::new(), Vec::new()));
    }
}
