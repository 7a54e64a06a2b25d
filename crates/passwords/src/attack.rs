//! Tries on all cores.

use crate::Hash;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Words that are shared out at a time; the end is asked for between single tries.
const BATCH: usize = 256;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attack {
    /// The password of each hash, in their order; `None` where no word was right.
    pub words: Vec<Option<Vec<u8>>>,
    /// Tries: a word against a hash.
    pub tries: u64,
    /// How long it took.
    pub took: Duration,
    /// Whether it was asked to end before all words were tried.
    pub is_stopped: bool,
}

impl Attack {
    /// Tries in a second; 0 if it took no time.
    #[must_use]
    pub fn speed(&self) -> u64 {
        let milliseconds = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        self.tries.saturating_mul(1000).checked_div(milliseconds).unwrap_or(0)
    }
}

/// Tries words against hashes, until each has its own or the words end. Of several right words the first counts, so that the
/// outcome is the same on any number of cores. `stop` is asked before every try; `tell` hears of each batch, with its words.
pub fn attack(
    hashes: &[Hash],
    words: impl Iterator<Item = Vec<u8>>,
    stop: &(dyn Fn() -> bool + Sync),
    tell: &mut dyn FnMut(&[Vec<u8>]),
) -> Attack {
    let begin = Instant::now();
    let mut done = Attack { words: vec![None; hashes.len()], tries: 0, took: Duration::ZERO, is_stopped: false };
    let mut words = words.fuse();
    while done.words.iter().any(Option::is_none) && !done.is_stopped {
        let batch: Vec<Vec<u8>> = words.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let open: Vec<usize> = (0..hashes.len()).filter(|index| matches!(done.words.get(*index), Some(None))).collect();
        let targets: Vec<(&Hash, AtomicUsize)> =
            open.iter().filter_map(|index| Some((hashes.get(*index)?, AtomicUsize::new(usize::MAX)))).collect();
        let (tries, stopped) = try_batch(&targets, &batch, stop);
        done.tries = done.tries.saturating_add(tries);
        done.is_stopped = stopped;
        for (index, (_, right)) in open.iter().zip(&targets) {
            if let Some(slot) = done.words.get_mut(*index) {
                *slot = batch.get(right.load(Ordering::Relaxed)).cloned();
            }
        }
        tell(&batch);
    }
    done.took = begin.elapsed();
    done
}

/// Tries all words of a batch; the lowest number of a right word is kept beside each hash.
fn try_batch(targets: &[(&Hash, AtomicUsize)], batch: &[Vec<u8>], stop: &(dyn Fn() -> bool + Sync)) -> (u64, bool) {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut tries = 0_u64;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(word) = batch.get(number) else { return (tries, false) };
            for (hash, right) in targets {
                if stop() {
                    return (tries, true);
                }
                if right.load(Ordering::Relaxed) > number {
                    tries = tries.saturating_add(1);
                    if hash.is(word) {
                        right.fetch_min(number, Ordering::Relaxed);
                    }
                }
            }
        }
    };
    let others = std::thread::available_parallelism().map_or(1, NonZero::get).saturating_sub(1);
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..others.min(batch.len())).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for other in others {
            // A thread that broke off has tried nothing that counts: what it left is told as not tried.
            let (tries, stopped) = other.join().unwrap_or((0, true));
            all = (all.0.saturating_add(tries), all.1 || stopped);
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hashes of two words; that they are right is tested beside the readers.
    fn hashes() -> Vec<Hash> {
        ["a", "b"]
            .iter()
            .map(|salt| {
                let text = crate::md5::md5_crypt(if *salt == "a" { b"one" } else { b"two" }, salt.as_bytes(), b"$1$");
                Hash::parse(&[b"$1$", salt.as_bytes(), b"$", &text].concat()).unwrap()
            })
            .collect()
    }

    #[test]
    fn each_hash_gets_its_word_also_behind_the_first_batch() {
        let list = (0..400_u32).map(|number| number.to_string().into_bytes()).chain([b"one".to_vec()]);
        let mut told = 0;
        let done = attack(&hashes(), list, &|| false, &mut |batch| told += batch.len());
        assert_eq!(done.words, [Some(b"one".to_vec()), None]);
        assert_eq!((done.tries, told, done.is_stopped), (802, 401, false));
    }

    #[test]
    fn it_ends_when_it_is_asked_to() {
        let done = attack(&hashes(), std::iter::repeat(b"no".to_vec()), &|| true, &mut |_| ());
        assert_eq!((done.words, done.tries, done.is_stopped), (vec![None, None], 0, true));
    }
}
