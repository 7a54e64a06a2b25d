//! What is counted of logins: numbers by the log that tells them, and names, all of them or those within some time.

use super::logins::Login;
use std::collections::BTreeMap;

/// Numbers by the class of log that told them.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(BTreeMap<i64, u64>);

impl Counts {
    /// Counts a login. There are about as many classes as kinds, twice.
    pub(super) fn add(&mut self, login: &Login<'_>) {
        self.add_times(login.class, login.times);
    }

    pub(super) fn add_times(&mut self, class: i64, times: u64) {
        let count = self.0.entry(class).or_default();
        *count = count.saturating_add(times);
    }

    /// Counts fewer of a class, and forgets it when there is none left.
    pub(super) fn take_off(&mut self, class: i64, times: u64) {
        let is_gone = self.0.get_mut(&class).is_some_and(|count| {
            *count = count.saturating_sub(times);
            *count == 0
        });
        if is_gone {
            self.0.remove(&class);
        }
    }

    /// The highest: what one class tells is told once.
    pub(super) fn most(&self) -> u64 {
        self.0.values().copied().max().unwrap_or(0)
    }
}

/// The accounts or addresses that were met, with how often; of many those that were met first.
#[derive(Debug, Default)]
pub(super) struct Met {
    counts: BTreeMap<String, u64>,
    others: u64,
}

/// Names that are remembered.
const NAMES: usize = 10_000;

impl Met {
    pub(super) fn add(&mut self, name: &str, times: u64) {
        if let Some(count) = self.counts.get_mut(name) {
            *count = count.saturating_add(times);
        } else if self.counts.len() < NAMES {
            self.counts.insert(name.to_owned(), times);
        } else {
            self.others = self.others.saturating_add(1);
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.counts.contains_key(name)
    }

    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.counts.len()).unwrap_or(u64::MAX).saturating_add(self.others)
    }

    /// How many of them are not among others.
    pub(super) fn len_without(&self, others: &Self) -> u64 {
        let both = self.counts.keys().filter(|name| others.has(name)).count();
        self.len().saturating_sub(u64::try_from(both).unwrap_or(u64::MAX))
    }

    /// Those that were met most, in words: `root (12), admin (3) and 40 more`.
    pub(super) fn words(&self) -> String {
        let mut names: Vec<(&String, &u64)> = self.counts.iter().collect();
        names.sort_by(|(one, a), (other, b)| b.cmp(a).then(one.cmp(other)));
        let first: Vec<String> = names
            .iter()
            .take(5)
            .map(|(name, count)| format!("{} ({count})", if name.is_empty() { "no name" } else { name }))
            .collect();
        let more = self.len().saturating_sub(u64::try_from(first.len()).unwrap_or(0));
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{more}", first.join(", "))
    }
}

/// How many names were met within some time. More than a few make no difference.
#[derive(Debug)]
pub(super) struct Within {
    length: i64,
    /// Each name with when it was met last.
    last: BTreeMap<String, i64>,
    most: usize,
}

/// Names that are counted of one time.
const AT_ONCE: usize = 64;

impl Within {
    /// Nothing yet, within so many nanoseconds.
    pub(super) const fn new(length: i64) -> Self {
        Self { length, last: BTreeMap::new(), most: 0 }
    }

    /// A name was met, not earlier than those before it.
    pub(super) fn add(&mut self, name: &str, time: i64) {
        if let Some(last) = self.last.get_mut(name) {
            *last = time;
            return;
        }
        let length = self.length;
        self.last.retain(|_, last| time.saturating_sub(*last) <= length);
        if self.last.len() < AT_ONCE {
            self.last.insert(name.to_owned(), time);
        }
        self.most = self.most.max(self.last.len());
    }

    /// The most that were met within the time.
    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// How many were met within the time before this one.
    pub(super) fn before(&self, time: i64) -> usize {
        self.last.values().filter(|last| time.saturating_sub(**last) <= self.length).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_together_only_if_all_were_met_within_the_time() {
        let mut within = Within::new(10);
        for (name, time) in [("a", 0), ("b", 9), ("a", 12), ("c", 21)] {
            within.add(name, time);
        }
        assert_eq!((within.most(), within.before(22), within.before(40)), (2, 2, 0));
        for number in 0..1000 {
            within.add(&format!("name{number}"), 30);
        }
        assert_eq!(within.most(), AT_ONCE);
    }

    #[test]
    fn names_that_others_have_too_are_left_out() {
        let (mut one, mut other) = (Met::default(), Met::default());
        ["a", "b", "c"].iter().for_each(|name| one.add(name, 1));
        ["b", "d"].iter().for_each(|name| other.add(name, 1));
        assert_eq!((one.len(), one.len_without(&other)), (3, 2));
    }
}
