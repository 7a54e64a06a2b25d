//! Bytes of a source in large pieces, with what cannot be read told in between.

use kanshiki_image::{ReadAt, ReadError};
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
    let range = range.intersect(ByteRange::new(0, source.len()));
    let mut buffer = vec![0_u8; usize::try_from(range.len().min(LARGEST)).unwrap_or(0)];
    let mut reader = Reader { source, waiting: None, sink };
    let mut at = range.start;
    while at < range.end {
        let end = range.end.min(at.saturating_add(LARGEST));
        at = reader.read(ByteRange::new(at, end), &mut buffer)?;
    }
    reader.flush()
}

struct Reader<'a, E> {
    source: &'a dyn ReadAt,
    /// An unreadable range that may go on.
    waiting: Option<(ByteRange, ReadError)>,
    sink: &'a mut dyn FnMut(Piece<'_>) -> Result<(), E>,
}

impl<E> Reader<'_, E> {
    /// Gives some of the range's bytes, the first among them, and returns where it stopped.
    fn read(&mut self, range: ByteRange, buffer: &mut [u8]) -> Result<u64, E> {
        let mut wanted = range;
        loop {
            let length = usize::try_from(wanted.len()).unwrap_or(usize::MAX);
            let Some(part) = buffer.get_mut(..length) else { return Ok(range.end) };
            match self.source.read_at(wanted.start, part) {
                // The source has become shorter than it said.
                Ok(0) => return Ok(u64::MAX),
                Ok(read) => {
                    self.flush()?;
                    (self.sink)(Piece::Bytes(part.get(..read).unwrap_or_default()))?;
                    return Ok(wanted.start.saturating_add(kanshiki_image::bytes::length(read)));
                }
                Err(error) => match narrowed(wanted, &error) {
                    Narrowed::Try(end) => wanted.end = end,
                    Narrowed::Unreadable(end) => {
                        self.unreadable(ByteRange::new(wanted.start, end), error)?;
                        return Ok(end);
                    }
                },
            }
        }
    }

    fn unreadable(&mut self, range: ByteRange, error: ReadError) -> Result<(), E> {
        match &mut self.waiting {
            Some((waiting, _)) if waiting.end == range.start => waiting.end = range.end,
            _ => {
                self.flush()?;
                self.waiting = Some((range, error));
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), E> {
        match self.waiting.take() {
            Some((range, error)) => (self.sink)(Piece::Unreadable { range, error }),
            None => Ok(()),
        }
    }
}

enum Narrowed {
    /// Up to here it may be read.
    Try(u64),
    /// Up to here it cannot.
    Unreadable(u64),
}

fn narrowed(wanted: ByteRange, error: &ReadError) -> Narrowed {
    if let ReadError::Unreadable { range } = error {
        if range.contains(wanted.start) {
            return Narrowed::Unreadable(range.end.min(wanted.end));
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
    use kanshiki_image::{Gaps, Memory, Runs};
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
