//! Sources that are put together out of others: stripes, zeroes, and what is not there.

use crate::bytes::{bounded, length};
use crate::{Concat, ReadAt, ReadError, RunState, Runs, Source, Window};
use kanshiki_model::ByteRange;
use std::iter::Peekable;
use std::sync::Arc;

/// Bytes that are not there, for this reason.
#[derive(Debug, Clone)]
pub(super) struct Absent {
    pub(super) bytes: u64,
    pub(super) reason: Arc<str>,
}

impl ReadAt for Absent {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        if offset >= self.bytes || buf.is_empty() {
            return Ok(0);
        }
        Err(ReadError::Absent { range: ByteRange::new(0, self.bytes), reason: Arc::clone(&self.reason) })
    }

    fn runs(&self) -> Runs<'_> {
        one_run(self.bytes, RunState::Unreadable)
    }
}

/// Bytes that are zero and stored nowhere.
#[derive(Debug, Clone)]
pub(super) struct Zeroes(pub(super) u64);

impl ReadAt for Zeroes {
    fn len(&self) -> u64 {
        self.0
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = bounded(self.0.saturating_sub(offset), buf.len());
        buf.get_mut(..wanted).unwrap_or_default().fill(0);
        Ok(wanted)
    }

    fn runs(&self) -> Runs<'_> {
        one_run(self.0, RunState::Hole)
    }
}

fn one_run(bytes: u64, state: RunState) -> Runs<'static> {
    Box::new(std::iter::once((ByteRange::new(0, bytes), state)).filter(|(range, _)| !range.is_empty()))
}

/// `bytes` bytes of `source` from `start` on; what lies past its end is not there, for this reason.
pub(super) fn part(source: &Source, start: u64, bytes: u64, reason: impl FnOnce() -> String) -> Source {
    let window = Window::new(Arc::clone(source), ByteRange::new(start, start.saturating_add(bytes)));
    let lacking = bytes.saturating_sub(window.len());
    if lacking == 0 {
        return Arc::new(window);
    }
    let absent = Absent { bytes: lacking, reason: reason().into() };
    Arc::new(Concat::new(vec![Arc::new(window), Arc::new(absent)]))
}

/// Chunks of so many bytes that take turns on so many stripes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turns {
    pub(super) stripes: u64,
    pub(super) chunk_bytes: u64,
}

impl Turns {
    /// Where a byte lies: the stripe, the byte in it, and how many bytes follow in its chunk.
    pub(super) fn place(self, offset: u64) -> Option<(usize, u64, u64)> {
        let (chunk, inside) = (offset.checked_div(self.chunk_bytes)?, offset.checked_rem(self.chunk_bytes)?);
        let stripe = usize::try_from(chunk.checked_rem(self.stripes)?).ok()?;
        let at = chunk.checked_div(self.stripes)?.checked_mul(self.chunk_bytes)?.checked_add(inside)?;
        Some((stripe, at, self.chunk_bytes.checked_sub(inside)?))
    }

    /// The byte of the whole that is byte `at` of a stripe.
    pub(super) fn offset_of(self, stripe: usize, at: u64) -> Option<u64> {
        let (row, inside) = (at.checked_div(self.chunk_bytes)?, at.checked_rem(self.chunk_bytes)?);
        let chunk = row.checked_mul(self.stripes)?.checked_add(length(stripe))?;
        chunk.checked_mul(self.chunk_bytes)?.checked_add(inside)
    }
}

/// Sources of one length whose chunks take turns: the first chunk of each, then the second of each.
#[derive(Debug, Clone)]
pub(super) struct Striped {
    stripes: Vec<Source>,
    chunk_bytes: u64,
    length: u64,
}

impl Striped {
    /// `None` without stripes or chunks. Of each stripe as many whole chunks are used as the shortest has.
    pub(super) fn new(stripes: Vec<Source>, chunk_bytes: u64) -> Option<Self> {
        let shortest = stripes.iter().map(|stripe| stripe.len()).min()?;
        let chunks = shortest.checked_div(chunk_bytes)?;
        let length = chunks.checked_mul(chunk_bytes)?.checked_mul(length(stripes.len()))?;
        Some(Self { stripes, chunk_bytes, length })
    }

    fn turns(&self) -> Turns {
        Turns { stripes: length(self.stripes.len()), chunk_bytes: self.chunk_bytes }
    }

    /// An error of a read of `read` bytes at byte `at` of a stripe, as seen from the whole: what it says of other bytes
    /// than those is left out, as they do not follow each other here.
    fn moved(&self, stripe: usize, at: u64, read: usize, error: ReadError) -> ReadError {
        let asked = ByteRange::new(at, at.saturating_add(length(read)));
        let start = self.turns().offset_of(stripe, at).unwrap_or(0);
        error.moved_down(asked).moved_up(start)
    }
}

impl ReadAt for Striped {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = bounded(self.length.saturating_sub(offset), buf.len());
        let mut done = 0;
        while done < wanted {
            let Some((stripe, at, in_chunk)) = self.turns().place(offset.saturating_add(length(done))) else { break };
            let end = done.saturating_add(bounded(in_chunk, wanted.saturating_sub(done)));
            let (Some(rest), Some(source)) = (buf.get_mut(done..end), self.stripes.get(stripe)) else { break };
            let read = rest.len();
            crate::read_exact_at(source.as_ref(), at, rest).map_err(|error| self.moved(stripe, at, read, error))?;
            done = end;
        }
        Ok(done)
    }

    fn runs(&self) -> Runs<'_> {
        let stripes = self.stripes.iter().map(|stripe| stripe.runs().peekable()).collect();
        Box::new(StripedRuns { whole: self, stripes, at: 0 })
    }
}

/// The runs of stripes: whole rows of chunks at once where all stripes are in one state, else chunk by chunk.
struct StripedRuns<'a> {
    whole: &'a Striped,
    stripes: Vec<Peekable<Runs<'a>>>,
    at: u64,
}

impl StripedRuns<'_> {
    /// The state of a stripe at a byte of it, and where that state ends.
    fn state(&mut self, stripe: usize, at: u64) -> (RunState, u64) {
        let Some(runs) = self.stripes.get_mut(stripe) else { return (RunState::Data, u64::MAX) };
        while runs.next_if(|(range, _)| range.end <= at).is_some() {}
        runs.peek().map_or((RunState::Data, u64::MAX), |(range, state)| (*state, range.end))
    }

    /// How many whole rows from the one at `at` of each stripe on have one state in all stripes.
    fn alike(&mut self, at: u64) -> Option<(RunState, u64)> {
        let (state, mut end) = self.state(0, at);
        for stripe in 1..self.stripes.len() {
            let (other, other_end) = self.state(stripe, at);
            (other == state).then_some(())?;
            end = end.min(other_end);
        }
        let rows = end.saturating_sub(at).checked_div(self.whole.chunk_bytes)?;
        (rows > 0).then_some((state, rows))
    }
}

impl Iterator for StripedRuns<'_> {
    type Item = (ByteRange, RunState);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        (start < self.whole.length).then_some(())?;
        let (stripe, at, in_chunk) = self.whole.turns().place(start)?;
        let row_bytes = self.whole.chunk_bytes.checked_mul(length(self.stripes.len()))?;
        // Only at the beginning of a row, so that no stripe is asked about what lies before its last answer.
        let is_row = stripe == 0 && in_chunk == self.whole.chunk_bytes;
        let alike = if is_row { self.alike(at) } else { None };
        let (state, bytes) = match alike {
            Some((state, rows)) => (state, rows.saturating_mul(row_bytes)),
            None => {
                let (state, end) = self.state(stripe, at);
                (state, in_chunk.min(end.saturating_sub(at)))
            }
        };
        self.at = start.saturating_add(bytes).min(self.whole.length);
        (self.at > start).then_some((ByteRange::new(start, self.at), state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gaps, Memory};
    use proptest::prelude::*;

    fn memory(bytes: Vec<u8>) -> Source {
        Arc::new(Memory(bytes))
    }

    #[test]
    fn chunks_of_the_stripes_take_turns() {
        let striped = Striped::new(vec![memory(b"aaccX".to_vec()), memory(b"bbdd".to_vec())], 2).unwrap();
        let mut buf = [0; 8];
        assert_eq!(striped.read_at(0, &mut buf).unwrap(), 8);
        assert_eq!((&buf, striped.len()), (b"aabbccdd", 8));
        assert_eq!(striped.read_at(3, &mut buf[..3]).unwrap(), 3);
        assert_eq!(&buf[..3], b"bcc");
        assert!(Striped::new(Vec::new(), 2).is_none() && Striped::new(vec![memory(vec![0; 4])], 0).is_none());
    }

    #[test]
    fn what_is_not_there_is_an_error_that_says_why() {
        let whole = part(&memory(vec![7; 10]), 4, 20, || "the disk `b` is not among the images".to_owned());
        let mut buf = [0; 6];
        assert_eq!((whole.len(), whole.read_at(0, &mut buf).unwrap()), (20, 6));
        assert_eq!(
            whole.read_at(4, &mut buf).unwrap_err().to_string(),
            "bytes 6-20 are not there: the disk `b` is not among the images"
        );
        let runs: Vec<_> = whole.runs().collect();
        assert_eq!(runs, [(ByteRange::new(0, 6), RunState::Data), (ByteRange::new(6, 20), RunState::Unreadable)]);
    }

    #[test]
    fn an_error_in_a_stripe_is_told_at_its_place_in_the_whole() {
        let gap = [ByteRange::new(5, 6)].into_iter().collect();
        let bad: Source = Arc::new(Gaps::new(memory(vec![0; 8]), gap));
        let striped = Striped::new(vec![memory(vec![0; 8]), bad], 4).unwrap();
        let error = striped.read_at(0, &mut [0; 16]).unwrap_err();
        assert_eq!(error.to_string(), "bytes 13-14 were unreadable when the image was made");
        let runs: Vec<_> = striped.runs().map(|(range, state)| (range.start, range.end, state)).collect();
        let (data, bad) = (RunState::Data, RunState::Unreadable);
        assert_eq!(runs, [(0, 8, data), (8, 12, data), (12, 13, data), (13, 14, bad), (14, 16, data)]);
    }

    proptest! {
        #[test]
        fn stripes_read_like_the_whole_and_runs_cover_it(
            count in 1_usize..5, chunk in 1_usize..9, rows in 0_usize..6, start in 0_usize..200, wanted in 0_usize..200,
            gaps in prop::collection::vec((0_usize..5, 0_u64..50, 0_u64..9), 0..6),
        ) {
            let whole: Vec<u8> = (0..count * chunk * rows).map(|byte| byte as u8).collect();
            let chunks: Vec<&[u8]> = whole.chunks(chunk).collect();
            let stripe = |index: usize| chunks.iter().skip(index).step_by(count).copied().collect::<Vec<_>>().concat();
            let stripes: Vec<Source> = (0..count).map(|index| memory(stripe(index))).collect();
            let striped = Striped::new(stripes, chunk as u64).unwrap();
            let mut buf = vec![0; wanted];
            let read = striped.read_at(start as u64, &mut buf).unwrap();
            let start = start.min(whole.len());
            prop_assert_eq!(&buf[..read], &whole[start..(start + wanted).min(whole.len())]);

            let with_gaps = (0..count).map(|index| {
                let gaps = gaps.iter().filter(|(of, ..)| *of == index);
                let gaps = gaps.map(|(_, start, bytes)| ByteRange::new(*start, start + bytes)).collect();
                Arc::new(Gaps::new(memory(stripe(index)), gaps)) as Source
            });
            let striped = Striped::new(with_gaps.collect(), chunk as u64).unwrap();
            let mut at = 0;
            for (range, state) in striped.runs() {
                prop_assert_eq!(range.start, at);
                at = range.end;
                for byte in range.start..range.end {
                    prop_assert_eq!(striped.read_at(byte, &mut [0]).is_err(), state == RunState::Unreadable);
                }
            }
            prop_assert_eq!(at, striped.len());
        }
    }
}
