//! What a log covers: how close its records usually stand, and where it is silent for longer.

use kanshiki_store::Gap;

/// The longest silences that are kept of one log.
const GAPS: usize = 64;

/// A silence is told if it is so many times longer than 99 of 100 are.
pub(crate) const TIMES_THE_HABIT: i64 = 10;

/// And longer than this, in nanoseconds: one hour.
pub(crate) const LEAST: i64 = 3_600_000_000_000;

/// Looks at the times of the records of one log, in their order.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    last: Option<i64>,
    /// Silences by the number of bits that their length has.
    lengths: Vec<u64>,
    longest: Vec<(i64, i64)>,
}

impl Coverage {
    /// Looks at the time of the next record.
    pub(crate) fn add(&mut self, time: i64) {
        let before = self.last.replace(time);
        let Some(before) = before.filter(|before| *before <= time) else { return };
        let length = time.saturating_sub(before);
        let bits = usize::try_from(64_u32.saturating_sub(length.leading_zeros())).unwrap_or(0);
        if self.lengths.is_empty() {
            self.lengths.resize(65, 0);
        }
        if let Some(count) = self.lengths.get_mut(bits) {
            *count = count.saturating_add(1);
        }
        if length >= LEAST {
            self.longest.push((before, time));
            if self.longest.len() >= GAPS.saturating_mul(2) {
                self.keep_longest();
            }
        }
    }

    fn keep_longest(&mut self) {
        self.longest.sort_unstable_by_key(|(start, end)| (start.saturating_sub(*end), *start));
        self.longest.truncate(GAPS);
    }

    /// The length that 99 of 100 silences do not reach, rounded up to a power of two; `None` for less than two records.
    pub(crate) fn habit(&self) -> Option<i64> {
        let all: u64 = self.lengths.iter().sum();
        let wanted = all.saturating_sub(all.checked_div(100)?);
        let mut below = 0_u64;
        for (bits, count) in (0_u32..).zip(&self.lengths) {
            below = below.saturating_add(*count);
            if below >= wanted && all > 0 {
                return Some(1_i64.checked_shl(bits).filter(|habit| *habit > 0).unwrap_or(i64::MAX));
            }
        }
        None
    }

    /// The silences that are longer than its habit, in the order of time.
    pub(crate) fn gaps(&mut self) -> Vec<Gap> {
        let Some(habit) = self.habit() else { return Vec::new() };
        self.keep_longest();
        let least = habit.saturating_mul(TIMES_THE_HABIT).max(LEAST);
        let mut gaps: Vec<(i64, i64)> =
            self.longest.iter().copied().filter(|(start, end)| end.saturating_sub(*start) > least).collect();
        gaps.sort_unstable();
        let reason = || "longer than ten times the silences that are usual for this log".to_owned();
        gaps.into_iter().map(|(start, end)| Gap { start: Some(start), end: Some(end), reason: reason() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_that_is_out_of_habit_is_told() {
        let minute = 60_000_000_000;
        let mut coverage = Coverage::default();
        for number in 0..1000 {
            coverage.add(number * minute + if number >= 500 { LEAST * 24 } else { 0 });
        }
        let gap = coverage.gaps().pop().unwrap();
        assert_eq!((gap.start, gap.end), (Some(499 * minute), Some(500 * minute + LEAST * 24)));
        assert!((minute..minute * 2).contains(&coverage.habit().unwrap()));
    }

    #[test]
    fn a_log_that_is_silent_by_habit_has_no_gaps() {
        let mut coverage = Coverage::default();
        for number in 0..50 {
            coverage.add(number * LEAST * 24);
        }
        assert_eq!(coverage.gaps(), []);
        assert_eq!(Coverage::default().habit(), None);
    }
}
