//! Ranges of bytes and sets of them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes from `start` up to, but without, `end`. Shown as `start-end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
}

impl ByteRange {
    /// The range from `start` up to `end`; empty if `end` is not above `start`.
    #[must_use]
    pub const fn new(start: u64, end: u64) -> Self {
        Self { start, end: if end > start { end } else { start } }
    }

    /// The number of bytes.
    #[must_use]
    pub const fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether the range holds no byte.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether the range holds the byte at `offset`.
    #[must_use]
    pub const fn contains(self, offset: u64) -> bool {
        offset >= self.start && offset < self.end
    }

    /// The bytes in both ranges; empty if there are none.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

/// A set of bytes, kept as ascending ranges that neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<ByteRange>", into = "Vec<ByteRange>")]
pub struct ByteRanges(Vec<ByteRange>);

impl ByteRanges {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a range, joining it with those that it touches.
    pub fn insert(&mut self, range: ByteRange) {
        if range.is_empty() {
            return;
        }
        let from = self.0.partition_point(|other| other.end < range.start);
        let to = self.0.partition_point(|other| other.start <= range.end);
        let touched = self.0.get(from..to).unwrap_or_default();
        let start = touched.first().map_or(range.start, |first| first.start.min(range.start));
        let end = touched.last().map_or(range.end, |last| last.end.max(range.end));
        self.0.splice(from..to, [ByteRange { start, end }]);
    }

    /// Takes a range out, cutting those that it overlaps.
    pub fn remove(&mut self, range: ByteRange) {
        if range.is_empty() {
            return;
        }
        let from = self.0.partition_point(|other| other.end <= range.start);
        let to = self.0.partition_point(|other| other.start < range.end);
        let touched = self.0.get(from..to).unwrap_or_default();
        let rest: Vec<ByteRange> = touched
            .first()
            .map(|first| ByteRange::new(first.start, range.start))
            .into_iter()
            .chain(touched.last().map(|last| ByteRange::new(range.end, last.end)))
            .filter(|rest| !rest.is_empty())
            .collect();
        self.0.splice(from..to, rest);
    }

    /// The ranges in ascending order.
    #[must_use]
    pub fn as_slice(&self) -> &[ByteRange] {
        &self.0
    }

    /// The ranges in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = ByteRange> + '_ {
        self.0.iter().copied()
    }

    /// The parts of the set's ranges that lie inside `window`.
    pub fn within(&self, window: ByteRange) -> impl Iterator<Item = ByteRange> + '_ {
        let from = self.0.partition_point(|range| range.end <= window.start);
        self.0
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(move |range| range.start < window.end)
            .map(move |range| range.intersect(window))
            .filter(|range| !range.is_empty())
    }

    /// The number of bytes in the set.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, range| sum.saturating_add(range.len()))
    }

    /// Whether the set holds no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<ByteRange>> for ByteRanges {
    fn from(ranges: Vec<ByteRange>) -> Self {
        ranges.into_iter().collect()
    }
}

impl From<ByteRanges> for Vec<ByteRange> {
    fn from(ranges: ByteRanges) -> Self {
        ranges.0
    }
}

impl FromIterator<ByteRange> for ByteRanges {
    fn from_iter<I: IntoIterator<Item = ByteRange>>(ranges: I) -> Self {
        // In ascending order each range goes to the end, so that the time does not grow with the square of the number.
        let mut sorted: Vec<ByteRange> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut set = Self::new();
        sorted.into_iter().for_each(|range| set.insert(range));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn touching_ranges_become_one() {
        let set: ByteRanges =
            [ByteRange::new(0, 5), ByteRange::new(10, 12), ByteRange::new(5, 10)].into_iter().collect();
        assert_eq!(set.as_slice(), [ByteRange::new(0, 12)]);
    }

    #[test]
    fn removing_the_middle_leaves_both_ends() {
        let mut set: ByteRanges = [ByteRange::new(0, 10)].into_iter().collect();
        set.remove(ByteRange::new(3, 4));
        assert_eq!(set.as_slice(), [ByteRange::new(0, 3), ByteRange::new(4, 10)]);
    }

    proptest! {
        #[test]
        fn a_set_of_ranges_equals_a_set_of_bytes(steps in prop::collection::vec((any::<bool>(), 0_u64..60, 0_u64..20), 0..40)) {
            let mut set = ByteRanges::new();
            let mut bytes = [false; 100];
            for (insert, start, len) in steps {
                let range = ByteRange::new(start, start + len);
                if insert { set.insert(range) } else { set.remove(range) }
                (start..start + len).for_each(|byte| bytes[usize::try_from(byte).unwrap()] = insert);
            }
            for (offset, held) in bytes.into_iter().enumerate() {
                prop_assert_eq!(set.iter().any(|range| range.contains(offset as u64)), held);
            }
            prop_assert!(set.as_slice().windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
