//! Merkle trees with SHA-256: RFC 6962 section 2.1, the same as RFC 9162 section 2.1.
//!
//! A root needs memory for one hash per level; a proof names one entry among all by a hash per level.

use sha2::{Digest as _, Sha256};

/// A hash of the tree: SHA-256, 32 bytes.
pub type Hash = [u8; 32];

/// The hash of one entry: SHA-256 of a zero byte and the entry.
#[must_use]
pub fn hash_entry(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of two subtrees: SHA-256 of a one byte and both hashes.
#[must_use]
pub fn hash_pair(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree that grows entry by entry and remembers one hash per level.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    count: u64,
    // The roots of the complete subtrees on the left, the largest first; one for each bit that is set in `count`.
    complete: Vec<Hash>,
}

impl Tree {
    /// The tree without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of entries.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Adds the next entry.
    pub fn push(&mut self, entry: &[u8]) {
        let mut hash = hash_entry(entry);
        for _ in 0..self.count.trailing_ones() {
            if let Some(left) = self.complete.pop() {
                hash = hash_pair(&left, &hash);
            }
        }
        self.complete.push(hash);
        self.count = self.count.saturating_add(1);
    }

    /// The Merkle Tree Hash of the entries so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.complete.iter().rev().copied();
        match smallest_first.next() {
            Some(last) => smallest_first.fold(last, |right, left| hash_pair(&left, &right)),
            None => Sha256::digest([]).into(),
        }
    }
}

/// The subtrees beside the way from entry `index` up to the root of a tree of `count` entries, as numbers of the first
/// entry and the one after the last; the nearest first. Empty if there is no such entry.
#[must_use]
pub fn siblings(index: u64, count: u64) -> Vec<(u64, u64)> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0, count);
    if index >= count {
        return path;
    }
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push((middle, end));
            end = middle;
        } else {
            path.push((start, middle));
            start = middle;
        }
    }
    path.reverse();
    path
}

/// The largest power of two below `count`, which is at least 2.
const fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// Whether `path` proves that `entry` is number `index` of the `count` entries of the tree with this root.
///
/// Source: RFC 9162 section 2.1.3.2.
#[must_use]
pub fn verify_proof(entry: &[u8], index: u64, count: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= count {
        return false;
    }
    let (mut node, mut last) = (index, count - 1);
    let mut hash = hash_entry(entry);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node % 2 == 1 || node == last {
            hash = hash_pair(sibling, &hash);
            while node % 2 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = hash_pair(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_model::Digest;
    use proptest::prelude::*;

    /// The entries of certificate-transparency's own tests (`merkle_tree_test.cc`, also `testonly` of
    /// transparency-dev/merkle), and the roots of their first 1 to 8.
    const ENTRIES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn hex(hash: &Hash) -> String {
        Digest::sha256(*hash).to_hex()
    }

    /// RFC 6962 section 2.1, word by word.
    fn naive_root(entries: &[Vec<u8>]) -> Hash {
        match entries {
            [] => Sha256::digest([]).into(),
            [one] => hash_entry(one),
            more => {
                let mut k = 1;
                while k * 2 < more.len() {
                    k *= 2;
                }
                hash_pair(&naive_root(&more[..k]), &naive_root(&more[k..]))
            }
        }
    }

    #[test]
    fn roots_equal_the_published_ones() {
        let mut tree = Tree::new();
        assert_eq!(hex(&tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (entry, root) in ENTRIES.iter().zip(ROOTS) {
            tree.push(entry);
            assert_eq!(hex(&tree.root()), root);
        }
    }

    #[test]
    fn a_proof_of_another_place_or_with_a_rest_is_refused() {
        let entries: Vec<Vec<u8>> = ENTRIES.iter().map(|entry| entry.to_vec()).collect();
        let root = naive_root(&entries);
        let mut path: Vec<Hash> =
            siblings(5, 8).into_iter().map(|(a, b)| naive_root(&entries[a as usize..b as usize])).collect();
        assert!(verify_proof(&entries[5], 5, 8, &path, &root));
        assert!(!verify_proof(&entries[5], 4, 8, &path, &root));
        assert!(!verify_proof(&entries[5], 8, 8, &path, &root));
        assert!(!verify_proof(&entries[5], 5, 8, &path[..2], &root));
        path.push([0; 32]);
        assert!(!verify_proof(&entries[5], 5, 8, &path, &root));
    }

    proptest! {
        #[test]
        fn roots_and_proofs_equal_those_of_the_definition(
            entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 1..70), pick in any::<prop::sample::Index>()
        ) {
            let mut tree = Tree::new();
            entries.iter().for_each(|entry| tree.push(entry));
            let root = naive_root(&entries);
            prop_assert_eq!(tree.root(), root);
            let index = pick.index(entries.len());
            let count = entries.len() as u64;
            let mut path: Vec<Hash> = siblings(index as u64, count)
                .into_iter()
                .map(|(start, end)| naive_root(&entries[start as usize..end as usize]))
                .collect();
            prop_assert!(verify_proof(&entries[index], index as u64, count, &path, &root));
            if let Some(first) = path.first_mut() {
                first[0] ^= 1;
                prop_assert!(!verify_proof(&entries[index], index as u64, count, &path, &root));
            }
        }

        #[test]
        fn any_proof_never_panics(index in any::<u64>(), count in any::<u64>(), hashes in 0_usize..80) {
            let _ = verify_proof(b"entry", index, count, &vec![[0; 32]; hashes], &[0; 32]);
            prop_assert!(siblings(index, count).len() <= 64);
        }
    }
}
