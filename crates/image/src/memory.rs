//! Bytes in memory.

use crate::{ReadAt, ReadError, RunState, Runs};
use kanshiki_model::ByteRange;

/// Bytes in memory as a source: what was read already, and the input of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory(pub Vec<u8>);

impl ReadAt for Memory {
    fn len(&self) -> u64 {
        crate::bytes::length(self.0.len())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.0.get(start..).unwrap_or_default();
        let read = crate::bytes::copy(rest, buf);
        Ok(read)
    }

    fn runs(&self) -> Runs<'_> {
        Box::new(
            std::iter::once((ByteRange::new(0, self.len()), RunState::Data)).filter(|(range, _)| !range.is_empty()),
        )
    }
}
