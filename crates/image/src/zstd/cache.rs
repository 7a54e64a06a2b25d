//! A few recently used things, bounded by their size in memory.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Keeps the last values used, as many as fit in `limit` bytes, and the last one always. Few enough to be searched one
/// by one.
pub(super) struct Cache<T> {
    limit: usize,
    values: Mutex<VecDeque<(u64, usize, T)>>,
}

impl<T: Clone> Cache<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, values: Mutex::default() }
    }

    /// The value kept under `key`; it becomes the most recent.
    pub(super) fn get(&self, key: u64) -> Option<T> {
        // Whoever panicked while holding the lock left a queue that is complete: each change is one call.
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let at = values.iter().position(|(other, ..)| *other == key)?;
        let kept = values.remove(at)?;
        let value = kept.2.clone();
        values.push_back(kept);
        Some(value)
    }

    /// Keeps a value of `bytes` bytes under `key`.
    pub(super) fn put(&self, key: u64, bytes: usize, value: T) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.retain(|(other, ..)| *other != key);
        values.push_back((key, bytes, value));
        let mut total = values.iter().fold(0_usize, |sum, (_, bytes, _)| sum.saturating_add(*bytes));
        while total > self.limit && values.len() > 1 {
            total = total.saturating_sub(values.pop_front().map_or(0, |(_, bytes, _)| bytes));
        }
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first_and_the_last_stays() {
        let cache = Cache::new(10);
        cache.put(1, 5, 'a');
        cache.put(2, 5, 'b');
        assert_eq!(cache.get(1), Some('a'));
        cache.put(3, 5, 'c');
        assert_eq!((cache.get(1), cache.get(2), cache.get(3)), (Some('a'), None, Some('c')));
        cache.put(4, 100, 'd');
        assert_eq!((cache.get(1), cache.get(3), cache.get(4)), (None, None, Some('d')));
    }
}
