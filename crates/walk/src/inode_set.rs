//! A set of inodes that stays small however many there are.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Bits in one page of the set.
const PAGE_BITS: u64 = 4096;

/// Inodes of several volumes. Inodes that lie together cost a bit each.
#[derive(Debug, Default)]
pub(crate) struct InodeSet {
    pages: HashMap<(usize, u64), Box<[u64; 64]>, BuildHasherDefault<PageHasher>>,
}

/// Hashes the numbers of pages. An image that chooses its numbers so that they fall together gains little: there are no more
/// than 2^20 pages to choose from, and those that lie together never do.
#[derive(Debug, Default)]
struct PageHasher(u64);

impl Hasher for PageHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        // An odd number near 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming 3, section 6.4).
        self.0 = (self.0.rotate_left(32) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(u64::try_from(number).unwrap_or(u64::MAX));
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

impl InodeSet {
    /// Adds an inode; false if it was there.
    pub(crate) fn insert(&mut self, volume: usize, inode: u64) -> bool {
        let page = self.pages.entry((volume, inode / PAGE_BITS)).or_insert_with(|| Box::new([0; 64]));
        let bit = inode % PAGE_BITS;
        let Some(word) = usize::try_from(bit / 64).ok().and_then(|at| page.get_mut(at)) else { return false };
        let mask = 1_u64 << (bit % 64);
        let is_new = *word & mask == 0;
        *word |= mask;
        is_new
    }

    /// Whether an inode is there.
    pub(crate) fn contains(&self, volume: usize, inode: u64) -> bool {
        let bit = inode % PAGE_BITS;
        let page = self.pages.get(&(volume, inode / PAGE_BITS));
        let word = page.and_then(|page| page.get(usize::try_from(bit / 64).ok()?)).copied().unwrap_or(0);
        word >> (bit % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inode_is_new_once_in_each_volume() {
        let mut set = InodeSet::default();
        for (volume, inode) in [(0, 2), (1, 2), (0, 4095), (0, 4096), (0, u64::MAX)] {
            assert!(!set.contains(volume, inode));
            assert!(set.insert(volume, inode));
            assert!(!set.insert(volume, inode));
            assert!(set.contains(volume, inode));
        }
        assert!(!set.contains(1, 4096));
    }
}
