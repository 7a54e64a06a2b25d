//! The one view of evidence that everything above the disk sees.

use kanshiki_model::ByteRange;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Read-only bytes with random access: a device, an image, a partition, a file's content.
pub trait ReadAt: Send + Sync + fmt::Debug {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether there is no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from byte `offset`; returns how many bytes were filled, which is less than `buf.len()` only at the
    /// end.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if any of the bytes asked for cannot be given; `buf` then holds nothing of worth.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError>;

    /// The bytes in runs of one state, in order, without gaps or overlap.
    fn runs(&self) -> Runs<'_>;
}

/// Runs of bytes with their state.
pub type Runs<'a> = Box<dyn Iterator<Item = (ByteRange, RunState)> + Send + 'a>;

/// A shared [`ReadAt`].
pub type Source = Arc<dyn ReadAt>;

/// What a run of bytes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Stored bytes.
    Data,
    /// Reads as zeroes; nothing is stored.
    Hole,
    /// The medium did not give these bytes; reading them is an error.
    Unreadable,
}

/// Why bytes could not be given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes were unreadable when the image was made; zeroes stand in their place.
    #[error("bytes {range} were unreadable when the image was made")]
    Unreadable {
        /// The unreadable bytes, from the start of what is read.
        range: ByteRange,
    },
    /// The bytes lie on something that is not there: a physical volume or a disk that is not among the images.
    #[error("bytes {range} are not there: {reason}")]
    Absent {
        /// The bytes that are not there, from the start of what is read.
        range: ByteRange,
        /// What they lie on.
        reason: Arc<str>,
    },
    /// The image contradicts itself.
    #[error("damaged {structure} at byte {offset} of the image: {detail}")]
    Damaged {
        /// The structure that is damaged.
        structure: &'static str,
        /// Where it lies, in bytes from the start of the image file.
        offset: u64,
        /// What was expected and what was found.
        detail: String,
    },
    /// The medium on which the image lies did not give the bytes.
    #[error("cannot read at byte {offset}")]
    Io {
        /// Where the read began, in bytes from the start of what is read.
        offset: u64,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
}

impl ReadError {
    /// The error as seen from a part that begins at `part.start`.
    pub(crate) fn moved_down(self, part: ByteRange) -> Self {
        match self {
            Self::Unreadable { range } => {
                let range = range.intersect(part);
                let start = range.start.saturating_sub(part.start);
                Self::Unreadable { range: ByteRange::new(start, range.end.saturating_sub(part.start)) }
            }
            Self::Absent { range, reason } => {
                let range = range.intersect(part);
                let start = range.start.saturating_sub(part.start);
                Self::Absent { range: ByteRange::new(start, range.end.saturating_sub(part.start)), reason }
            }
            Self::Io { offset, source } => Self::Io { offset: offset.saturating_sub(part.start), source },
            Self::Damaged { .. } => self,
        }
    }

    /// The error as seen from a whole in which the part begins at `start`.
    pub(crate) fn moved_up(self, start: u64) -> Self {
        match self {
            Self::Unreadable { range } => {
                let range = ByteRange::new(range.start.saturating_add(start), range.end.saturating_add(start));
                Self::Unreadable { range }
            }
            Self::Absent { range, reason } => {
                let range = ByteRange::new(range.start.saturating_add(start), range.end.saturating_add(start));
                Self::Absent { range, reason }
            }
            Self::Io { offset, source } => Self::Io { offset: offset.saturating_add(start), source },
            Self::Damaged { .. } => self,
        }
    }
}

/// Fills the whole of `buf` from byte `offset`.
///
/// # Errors
///
/// What [`ReadAt::read_at`] returns; [`ReadError::Io`] with [`io::ErrorKind::UnexpectedEof`] if the bytes end before.
pub fn read_exact_at(source: &dyn ReadAt, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
    let read = source.read_at(offset, buf)?;
    if read < buf.len() {
        return Err(ReadError::Io { offset, source: io::ErrorKind::UnexpectedEof.into() });
    }
    Ok(())
}
