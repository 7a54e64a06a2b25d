//! How fast the work goes, and how long it will take.

use std::collections::VecDeque;
use std::time::Duration;

/// The time over which the rate is measured: long enough to be calm, short enough to show a disk that slows down.
const WINDOW: Duration = Duration::from_secs(15);

/// Measures a rate over the last seconds.
#[derive(Debug, Default)]
pub(super) struct Meter {
    samples: VecDeque<(Duration, u64)>,
}

impl Meter {
    /// Notes that `done` bytes were done at `time` since the start.
    pub(super) fn sample(&mut self, time: Duration, done: u64) {
        while self.samples.len() > 2
            && self.samples.get(1).is_some_and(|(second, _)| time.saturating_sub(*second) >= WINDOW)
        {
            self.samples.pop_front();
        }
        self.samples.push_back((time, done));
    }

    /// Bytes a second over the last seconds; `None` until there is enough to tell.
    pub(super) fn rate(&self) -> Option<u64> {
        let (first_time, first_done) = self.samples.front()?;
        let (last_time, last_done) = self.samples.back()?;
        let milliseconds = last_time.saturating_sub(*first_time).as_millis();
        let bytes = u128::from(last_done.saturating_sub(*first_done));
        if milliseconds < 100 {
            return None;
        }
        u64::try_from(bytes * 1000 / milliseconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut meter = Meter::default();
        (0..10).for_each(|second| meter.sample(Duration::from_secs(second), 0));
        (0..40).for_each(|second| meter.sample(Duration::from_secs(10 + second), 1000 * second));
        assert_eq!(meter.rate(), Some(1000));
    }

    #[test]
    fn one_sample_has_no_rate() {
        let mut meter = Meter::default();
        meter.sample(Duration::ZERO, 7);
        assert_eq!(meter.rate(), None);
    }
}
