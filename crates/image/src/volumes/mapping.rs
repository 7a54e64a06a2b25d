//! Where the bytes of a volume that is put together lie on others, and back.

use super::mapped::Turns;
use crate::bytes::length;

/// A byte of a volume, which is named by its index among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) volume: usize,
    pub(super) offset: u64,
}

/// A run of a volume's bytes: chunks that take turns on these stripes. One stripe is linear, and none holds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: u64,
    pub(super) bytes: u64,
    pub(super) chunk_bytes: u64,
    /// Where each stripe begins; `None` where that is not among the images.
    pub(super) stripes: Vec<Option<Spot>>,
}

/// Where the bytes of a volume lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mapping {
    /// In ascending order, without overlap.
    pub(super) runs: Vec<Run>,
    /// Where copies of the whole begin that are not read, and how long they are.
    pub(super) copies: Vec<(Spot, u64)>,
}

impl Run {
    /// All of it in one piece.
    pub(super) fn linear(start: u64, bytes: u64, at: Option<Spot>) -> Self {
        Self { start, bytes, chunk_bytes: bytes, stripes: at.into_iter().map(Some).collect() }
    }

    fn turns(&self) -> Turns {
        Turns { stripes: length(self.stripes.len()), chunk_bytes: self.chunk_bytes }
    }

    /// Where a byte of the run lies, and how many bytes from it on lie there too.
    fn down(&self, inside: u64) -> (Option<Spot>, u64) {
        let left = self.bytes.saturating_sub(inside);
        if self.stripes.iter().all(Option::is_none) {
            return (None, left);
        }
        let Some((stripe, at, in_chunk)) = self.turns().place(inside) else { return (None, left) };
        let start = self.stripes.get(stripe).copied().flatten();
        let spot = start.and_then(|start| Some(Spot { offset: start.offset.checked_add(at)?, ..start }));
        (spot, in_chunk.min(left))
    }

    /// The bytes of the volume that lie at a spot.
    fn up(&self, spot: Spot) -> impl Iterator<Item = u64> + '_ {
        let each = self.bytes.checked_div(length(self.stripes.len())).unwrap_or(0);
        self.stripes.iter().enumerate().filter_map(move |(stripe, start)| {
            let start = start.filter(|start| start.volume == spot.volume)?;
            let at = spot.offset.checked_sub(start.offset).filter(|at| *at < each)?;
            self.start.checked_add(self.turns().offset_of(stripe, at)?)
        })
    }
}

impl Mapping {
    /// Where a byte lies, and how many bytes from it on lie there in one piece, or lie nowhere like it.
    pub(super) fn down(&self, offset: u64) -> (Option<Spot>, u64) {
        let next = self.runs.partition_point(|run| run.start <= offset);
        let run = next.checked_sub(1).and_then(|index| self.runs.get(index));
        let inside = run.and_then(|run| Some((run, offset.checked_sub(run.start)?)));
        if let Some((run, inside)) = inside.filter(|(run, inside)| *inside < run.bytes) {
            return run.down(inside);
        }
        let end = self.runs.get(next).map_or(u64::MAX, |run| run.start);
        (None, end.saturating_sub(offset))
    }

    /// The bytes that lie at a spot of another volume, and whether they are read from there.
    pub(super) fn up(&self, spot: Spot) -> impl Iterator<Item = (u64, bool)> + '_ {
        let copies = self.copies.iter().filter_map(move |(start, bytes)| {
            let at = spot.offset.checked_sub(start.offset).filter(|at| at < bytes && start.volume == spot.volume)?;
            Some((at, false))
        });
        self.runs.iter().flat_map(move |run| run.up(spot)).map(|at| (at, true)).chain(copies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(volume: usize, offset: u64) -> Option<Spot> {
        Some(Spot { volume, offset })
    }

    fn mapping() -> Mapping {
        let striped = Run { start: 200, bytes: 80, chunk_bytes: 10, stripes: vec![at(1, 0), at(2, 500)] };
        let lacking = Run { start: 280, bytes: 40, chunk_bytes: 10, stripes: vec![None, at(2, 900)] };
        let runs = vec![Run::linear(0, 100, at(1, 1000)), striped, lacking, Run::linear(320, 10, None)];
        Mapping { runs, copies: vec![(Spot { volume: 3, offset: 7 }, 330)] }
    }

    #[test]
    fn bytes_lead_to_where_they_lie_with_the_length_of_the_piece() {
        let mapping = mapping();
        let found: Vec<_> = [0, 99, 100, 200, 219, 225, 285, 290, 325, 330].map(|offset| mapping.down(offset)).into();
        let expected = [
            (at(1, 1000), 100),
            (at(1, 1099), 1),
            (None, 100),
            (at(1, 0), 10),
            (at(2, 509), 1),
            (at(1, 15), 5),
            (None, 5),
            (at(2, 900), 10),
            (None, 5),
            (None, u64::MAX - 330),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn copies_lead_back_and_are_not_read() {
        let found: Vec<_> = mapping().up(Spot { volume: 3, offset: 8 }).collect();
        assert_eq!(found, [(1, false)]);
        assert_eq!(mapping().up(Spot { volume: 3, offset: 337 }).count(), 0);
        assert_eq!(mapping().up(Spot { volume: 9, offset: 8 }).count(), 0);
    }

    proptest! {
        #[test]
        fn what_leads_down_leads_back_up(offset in 0_u64..400) {
            let mapping = mapping();
            if let (Some(spot), _) = mapping.down(offset) {
                prop_assert_eq!(mapping.up(spot).collect::<Vec<_>>(), vec![(offset, true)]);
            }
        }

        #[test]
        fn any_numbers_never_panic(
            start in any::<u64>(), bytes in any::<u64>(), chunk_bytes in any::<u64>(), offset in any::<u64>(),
            starts in prop::collection::vec(prop::option::of(any::<u64>()), 0..4),
        ) {
            let stripes = starts.into_iter().map(|start| start.and_then(|offset| at(0, offset))).collect();
            let mapping = Mapping { runs: vec![Run { start, bytes, chunk_bytes, stripes }], copies: Vec::new() };
            let _ = (mapping.down(offset), mapping.up(Spot { volume: 0, offset }).count());
        }
    }
}
