//! The names in a directory: those that are none, and those that stand there more than once.
//!
//! Names are compared by hashes: eight bytes are kept of each while a directory is read. Only where two of them are equal
//! is the directory read again, and its names are then compared under a key that nobody can have known.

use super::directory::Live;
use super::features::flag;
use super::inode::Inode;
use super::volume::Volume;
use crate::{Entry, FsError};
use kanshiki_image::bytes::length;
use kanshiki_model::visible;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

const STRUCTURE: &str = "directory entry";

/// Names whose hashes are kept at once. A directory of more is read again for each portion.
const KEPT: usize = 4_000_000;

/// Hashes for which there is room from the first on.
const FIRST: usize = 32;

/// Portions for which a directory is read again.
const PORTIONS: u64 = 8;

/// The place of an entry that is neither the first nor the second of its directory.
pub(crate) const ELSEWHERE: u32 = 2;

/// Whether an entry is `.` or `..` where these belong. `place` is 0 and 1 for the first and the second of a directory.
pub(crate) fn is_dot(name: &[u8], place: u32) -> bool {
    match name {
        b"." => place == 0,
        b".." => place == 1,
        _ => false,
    }
}

/// What is wrong with a name that is not `.` or `..` where these belong. Encrypted names are bytes of any kind.
pub(crate) fn illegal(name: &[u8], encrypted: bool) -> Option<String> {
    if name.is_empty() || matches!(name, b"." | b"..") {
        return Some(format!("`{}` is no name, or stands in the wrong place", visible(name)));
    }
    let holds = !encrypted && name.iter().any(|byte| matches!(byte, 0 | b'/'));
    holds.then(|| format!("`{}` holds a slash or a NUL", visible(name)))
}

/// What is said of a name that a directory holds more than once.
pub(crate) fn repeated(name: &[u8]) -> String {
    format!("`{}` stands there twice", visible(name))
}

/// A hash that is quick to make, and whether there may be a slash or a NUL in the name. Names can be found that have the same
/// hash.
#[inline]
fn quick(name: &[u8]) -> (u64, bool) {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let hash = (hash ^ word).wrapping_mul(FACTOR);
        hash ^ (hash >> 32)
    };
    let Some(last) = name.last_chunk() else {
        let word = name.iter().fold(1, |word, byte| word << 8 | u64::from(*byte));
        return (mix(0, word), name.iter().any(|byte| matches!(byte, 0 | b'/')));
    };
    let (mut hash, mut suspicious, mut rest) = (length(name.len()).wrapping_mul(!FACTOR), 0, name);
    while let Some((word, behind)) = rest.split_first_chunk().filter(|(_, behind)| !behind.is_empty()) {
        let word = u64::from_le_bytes(*word);
        (hash, suspicious, rest) = (mix(hash, word), suspicious | separators(word), behind);
    }
    // These overlap the word before them.
    let word = u64::from_le_bytes(*last);
    (mix(hash, word), suspicious | separators(word) != 0)
}

/// Not zero if one of the eight bytes is a NUL or a slash.
#[inline]
fn separators(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A byte of zero, and none but such and bytes behind it, gets its highest bit.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    zero(word) | zero(word ^ (ONES.wrapping_mul(0x2f)))
}

/// Looks at each name of a directory while it is read, and at those that may stand there twice when it is through.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    volume: &'a Volume,
    inode: u64,
    encrypted: bool,
    /// The hashes of the names, as far as they are kept, and how many names there were.
    hashes: Vec<u64>,
    count: u64,
    /// What is wrong with the entry that was looked at last.
    wrong: Option<Box<FsError>>,
    again: Option<Again<'a>>,
    done: bool,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(volume: &'a Volume, inode: &Inode) -> Self {
        let (hashes, encrypted) = (Vec::new(), inode.has(flag::ENCRYPT));
        Self { volume, inode: inode.number, encrypted, hashes, count: 0, wrong: None, again: None, done: false }
    }

    /// Looks at an entry.
    #[inline]
    pub(crate) fn look(&mut self, entry: &Entry, place: u32) {
        let (hash, suspicious) = quick(&entry.name);
        if suspicious || entry.name.len() <= 2 {
            if place < ELSEWHERE && is_dot(&entry.name, place) {
                return;
            }
            if let Some(detail) = illegal(&entry.name, self.encrypted) {
                self.wrong = Some(Box::new(damaged(self.inode, entry.offset, detail)));
                return;
            }
        }
        self.count = self.count.saturating_add(1);
        if self.hashes.len() < KEPT {
            if self.hashes.is_empty() {
                self.hashes.reserve(FIRST);
            }
            self.hashes.push(hash);
        }
    }

    /// What is wrong with the entry that was looked at last; given once.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Box<FsError>> {
        self.wrong.take()
    }

    /// The next name that stands in the directory twice, when all were looked at.
    pub(crate) fn next_repeated(&mut self) -> Option<FsError> {
        if self.done {
            return None;
        }
        if self.again.is_none() {
            self.again = self.read_again();
        }
        let next = self.again.as_mut().and_then(Again::next);
        self.done = next.is_none();
        next
    }

    fn read_again(&mut self) -> Option<Again<'a>> {
        let portions = self.count.div_ceil(length(KEPT)).max(1);
        let suspects = if portions == 1 { repeats(std::mem::take(&mut self.hashes)) } else { Vec::new() };
        self.hashes = Vec::new();
        if portions == 1 && suspects.is_empty() {
            return None;
        }
        // The directory was read from this inode before.
        let inode = self.volume.inode(self.inode).ok()?;
        let mut again = Again::new(self.volume, inode, portions);
        again.suspects = suspects;
        Some(again)
    }
}

/// A directory that is read once more, or in several portions of names, each twice.
#[derive(Debug)]
struct Again<'a> {
    volume: &'a Volume,
    inode: Inode,
    encrypted: bool,
    portion: u64,
    portions: u64,
    suspects: Vec<u64>,
    key: RandomState,
    seen: HashSet<u64>,
    live: Option<Live<'a>>,
}

impl<'a> Again<'a> {
    fn new(volume: &'a Volume, inode: Inode, portions: u64) -> Self {
        let (encrypted, key) = (inode.has(flag::ENCRYPT), RandomState::new());
        let (suspects, seen) = (Vec::new(), HashSet::new());
        Self { volume, inode, encrypted, portion: 0, portions, suspects, key, seen, live: None }
    }

    fn next(&mut self) -> Option<FsError> {
        while self.portion < self.portions.min(PORTIONS) {
            if self.live.is_none() {
                if self.portions > 1 {
                    self.suspects = self.collect();
                }
                self.live = Some(Live::new(self.volume, &self.inode));
                self.seen.clear();
            }
            if let Some(found) = self.next_of_portion() {
                return Some(found);
            }
            self.live = None;
            self.portion = self.portion.saturating_add(1);
        }
        let left_out = self.portion < self.portions;
        self.portion = self.portions;
        left_out.then(|| FsError::Unsupported {
            inode: Some(self.inode.number),
            detail: format!(
                "more than {PORTIONS} times {KEPT} names: not all were looked at for such that stand there twice"
            ),
        })
    }

    /// The hashes of this portion's names that more than one of them has.
    fn collect(&self) -> Vec<u64> {
        let mut live = Live::new(self.volume, &self.inode);
        let mut hashes = Vec::new();
        while let Some(found) = live.next() {
            let Some(name) = found.ok().and_then(|(raw, place)| self.legal(&live, raw, place)) else { continue };
            let (hash, _) = quick(name);
            if self.is_of_portion(hash) && hashes.len() < KEPT.saturating_mul(2) {
                hashes.push(hash);
            }
        }
        repeats(hashes)
    }

    fn next_of_portion(&mut self) -> Option<FsError> {
        if self.suspects.is_empty() {
            return None;
        }
        loop {
            let found = self.live.as_mut()?.next()?;
            let live = self.live.as_ref()?;
            // Damage was told when the directory was read first.
            let Ok((raw, place)) = found else { continue };
            let Some(name) = self.legal(live, raw, place) else { continue };
            if self.suspects.binary_search(&quick(name).0).is_err() {
                continue;
            }
            if !self.seen.insert(self.key.hash_one(name)) {
                return Some(damaged(self.inode.number, live.offset(raw), repeated(name)));
            }
        }
    }

    fn is_of_portion(&self, hash: u64) -> bool {
        hash.checked_rem(self.portions) == Some(self.portion)
    }

    fn legal<'l>(&self, live: &'l Live<'_>, raw: super::directory::Raw, place: u32) -> Option<&'l [u8]> {
        live.name(raw).filter(|name| !is_dot(name, place) && illegal(name, self.encrypted).is_none())
    }
}

/// The hashes that are there more than once, in order.
fn repeats(mut hashes: Vec<u64>) -> Vec<u64> {
    hashes.sort_unstable();
    let pairs = || hashes.iter().zip(hashes.iter().skip(1));
    if pairs().all(|(one, other)| one != other) {
        return Vec::new();
    }
    let mut repeats: Vec<u64> = pairs().filter(|(one, other)| one == other).map(|(one, _)| *one).collect();
    repeats.dedup();
    repeats
}

fn damaged(inode: u64, offset: u64, detail: String) -> FsError {
    FsError::Damaged { structure: STRUCTURE, inode: Some(inode), offset, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_that_are_there_more_than_once_are_given_once() {
        assert_eq!(repeats(vec![5, 3, 5, 9, 3, 5]), [3, 5]);
        assert!(repeats(vec![5, 3, 9]).is_empty());
        assert!(repeats(Vec::new()).is_empty());
    }

    #[test]
    fn names_that_differ_have_other_hashes() {
        let names: Vec<String> = (0..50_000).map(|number| format!("a name with the number {number}")).collect();
        let short = (0..=u16::MAX).flat_map(|pair| {
            let [one, other] = pair.to_le_bytes();
            [vec![one, other], vec![one, other, 0], vec![b'a', b'b', b'c', b'd', b'e', b'f', b'g', one, other]]
        });
        let all = names.into_iter().map(String::into_bytes).chain(short).chain((0..=u8::MAX).map(|byte| vec![byte]));
        assert!(repeats(all.map(|name| quick(&name).0).collect()).is_empty());
    }

    #[test]
    fn slashes_and_nuls_are_seen_at_every_place() {
        for length in 0..30 {
            let name = vec![b'.'; length];
            assert!(!quick(&name).1);
            for (at, byte) in (0..length).flat_map(|at| [(at, 0), (at, b'/')]) {
                let mut name = name.clone();
                name[at] = byte;
                assert!(quick(&name).1, "{name:?}");
            }
        }
    }

    #[test]
    fn a_name_is_judged_by_its_bytes_and_its_place() {
        assert!(is_dot(b".", 0) && is_dot(b"..", 1) && !is_dot(b".", 1) && !is_dot(b"..", ELSEWHERE));
        for name in [&b""[..], b".", b"..", b"a/b", b"a\0", b"/"] {
            assert!(illegal(name, false).is_some(), "{name:?}");
        }
        for name in [&b"a"[..], b"...", b"\n", b"\xff"] {
            assert_eq!(illegal(name, false), None, "{name:?}");
        }
        assert_eq!(illegal(b"a/\0", true), None);
    }
}
