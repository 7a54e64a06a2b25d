//! How busy the processor was during an interval, from counters of ticks, as sysstat and atop keep them.

use crate::details::Details;

/// Ticks that all processors together spent, each kind of them, during an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ticks {
    pub(crate) user: u64,
    pub(crate) nice: u64,
    /// In the kernel, interrupts among them.
    pub(crate) system: u64,
    pub(crate) iowait: u64,
    pub(crate) steal: u64,
    pub(crate) idle: u64,
}

/// The average numbers of processes that ran or waited for a disk, in hundredths: over 1, 5 and 15 minutes.
pub(crate) type Load = [u32; 3];

impl Ticks {
    fn total(&self) -> u128 {
        let Self { user, nice, system, iowait, steal, idle } = *self;
        [user, nice, system, iowait, steal, idle].into_iter().map(u128::from).sum()
    }

    /// Whether there are any.
    pub(crate) fn is_some(&self) -> bool {
        self.total() > 0
    }

    /// A part of all ticks, in hundredths of a percent.
    fn part(&self, ticks: u64) -> i64 {
        let doubled = u128::from(ticks).saturating_mul(20_000).checked_div(self.total()).unwrap_or(0);
        i64::try_from(doubled.saturating_add(1) >> 1).unwrap_or(i64::MAX)
    }

    /// Adds the parts as fields, in hundredths of a percent, and says them.
    pub(crate) fn tell(&self, seconds: Option<i64>, load: Option<Load>, details: &mut Details<'_>) -> String {
        let [idle, iowait] = [self.idle, self.iowait].map(|ticks| self.part(ticks));
        let busy = 10_000_i64.saturating_sub(idle).saturating_sub(iowait).max(0);
        let [user, nice, system, steal] = [self.user, self.nice, self.system, self.steal].map(|ticks| self.part(ticks));
        for (name, part) in [
            ("busy", busy),
            ("user", user),
            ("nice", nice),
            ("system", system),
            ("iowait", iowait),
            ("steal", steal),
            ("idle", idle),
        ] {
            details.number(name, Some(part));
        }
        details.number("seconds", seconds);
        let mut message = format!(
            "processor {} % busy: user {}, nice {}, system {}, stolen {}; waiting for disks {}, idle {}",
            hundredths(busy),
            hundredths(user),
            hundredths(nice),
            hundredths(system),
            hundredths(steal),
            hundredths(iowait),
            hundredths(idle)
        );
        if let Some(load) = load {
            message.push_str(&tell_load(load, details));
        }
        message
    }
}

/// Adds the load as fields, in hundredths, and says it.
pub(crate) fn tell_load(load: Load, details: &mut Details<'_>) -> String {
    let load = load.map(i64::from);
    for (name, load) in ["load_1", "load_5", "load_15"].into_iter().zip(load) {
        details.number(name, Some(load));
    }
    let [one, five, fifteen] = load.map(hundredths);
    format!("; load {one} {five} {fifteen}")
}

fn hundredths(number: i64) -> String {
    format!("{}.{:02}", number.div_euclid(100), number.rem_euclid(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_rounded_hundredths_of_a_percent() {
        let ticks = Ticks { user: 2, idle: 1, ..Ticks::default() };
        let mut details = Details::new("x");
        let message = ticks.tell(Some(600), Some([179, 5, 1200]), &mut details);
        let expected = "processor 66.67 % busy: user 66.67, nice 0.00, system 0.00, stolen 0.00; \
            waiting for disks 0.00, idle 33.33; load 1.79 0.05 12.00";
        assert_eq!(message, expected);
        let largest = Ticks { user: u64::MAX, idle: u64::MAX, ..Ticks::default() };
        assert_eq!(largest.part(u64::MAX), 5000);
        assert_eq!(Ticks::default().part(1), 0);
    }
}
