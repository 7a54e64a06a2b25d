//! An image together with the knowledge of what the medium did not give.

use crate::bytes::{bounded, length};
use crate::{ReadAt, ReadError, RunState, Runs, Source};
use kanshiki_model::{ByteRange, ByteRanges};

/// A source in which some bytes are unreadable: zeroes stand in their place, but reading them is an error.
#[derive(Debug, Clone)]
pub struct Gaps {
    source: Source,
    unreadable: ByteRanges,
}

impl Gaps {
    /// `source`, of which the bytes `unreadable` are known to be no evidence.
    #[must_use]
    pub fn new(source: Source, unreadable: ByteRanges) -> Self {
        let whole = ByteRange::new(0, source.len());
        let unreadable = unreadable.within(whole).collect();
        Self { source, unreadable }
    }

    /// The unreadable bytes.
    #[must_use]
    pub fn unreadable(&self) -> &ByteRanges {
        &self.unreadable
    }

    /// The unreadable range that begins before `end` and ends after `start`, if there is one.
    fn first_gap(&self, start: u64, end: u64) -> Option<ByteRange> {
        let gaps = self.unreadable.as_slice();
        gaps.get(gaps.partition_point(|gap| gap.end <= start)).copied().filter(|gap| start < end && gap.start < end)
    }
}

impl ReadAt for Gaps {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = bounded(self.len().saturating_sub(offset), buf.len());
        match self.first_gap(offset, offset.saturating_add(length(wanted))) {
            Some(range) => Err(ReadError::Unreadable { range }),
            None => self.source.read_at(offset, buf),
        }
    }

    fn runs(&self) -> Runs<'_> {
        Box::new(self.source.runs().flat_map(move |(run, state)| {
            let mut at = run.start;
            std::iter::from_fn(move || {
                let start = at;
                let rest = (start < run.end).then(|| self.first_gap(start, run.end))?;
                let (end, state) = match rest {
                    Some(gap) if gap.start <= start => (gap.end.min(run.end), RunState::Unreadable),
                    Some(gap) => (gap.start, state),
                    None => (run.end, state),
                };
                at = end;
                Some((ByteRange::new(start, end), state))
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;
    use std::sync::Arc;

    fn gaps() -> Gaps {
        let unreadable = [ByteRange::new(0, 2), ByteRange::new(50, 60), ByteRange::new(99, 200)];
        Gaps::new(Arc::new(Memory(vec![0; 100])), unreadable.into_iter().collect())
    }

    #[test]
    fn reads_that_touch_a_gap_fail_and_name_it() {
        let error = gaps().read_at(10, &mut [0; 41]).unwrap_err();
        assert!(matches!(error, ReadError::Unreadable { range } if range == ByteRange::new(50, 60)));
        assert_eq!(gaps().read_at(10, &mut [0; 40]).unwrap(), 40);
        assert_eq!(gaps().read_at(60, &mut [0; 39]).unwrap(), 39);
        assert!(gaps().read_at(90, &mut [0; 50]).is_err());
        assert_eq!(gaps().read_at(100, &mut [0; 50]).unwrap(), 0);
        assert_eq!(gaps().read_at(55, &mut []).unwrap(), 0);
    }

    #[test]
    fn runs_cover_all_bytes_in_order() {
        let states: Vec<_> = gaps().runs().map(|(range, state)| (range.start, range.end, state)).collect();
        let expected = [
            (0, 2, RunState::Unreadable),
            (2, 50, RunState::Data),
            (50, 60, RunState::Unreadable),
            (60, 99, RunState::Data),
            (99, 100, RunState::Unreadable),
        ];
        assert_eq!(states, expected);
    }
}
