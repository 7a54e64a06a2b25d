//! The checksums of metadata (`metadata_csum`), looked at whenever it is read: what is wrong is noticed, and reading goes on
//! with what the bytes say.
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/checksums.rst; fs/ext4/namei.c (`ext4_dirblock_csum_verify`,
//! `ext4_dx_csum`), fs/ext4/extents.c (`ext4_extent_block_csum`), fs/ext4/xattr.c (`ext4_xattr_block_csum`).

use super::checksum::crc32c;
use super::directory::Block;
use super::hash_tree::{Node, RECORD};
use super::inode::Inode;
use super::map::Header;
use super::superblock::Superblock;
use crate::FsError;
use kanshiki_image::bytes::{u16_le, u32_le};
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Structures that are remembered, so that each is told once.
const REMEMBERED: usize = 1 << 16;

/// The type of the entry that holds the checksum of a directory block, and its length.
const CHECKSUM_TYPE: u8 = 0xde;
const CHECKSUM_ENTRY: usize = 12;

/// Where a structure lies, and what it is.
type Key = (u64, &'static str);

/// What was noticed while metadata was read.
#[derive(Debug, Default)]
pub(crate) struct Noticed {
    is_new: AtomicBool,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    /// All that was ever noticed.
    seen: HashSet<Key>,
    /// What nobody has asked for yet: the inode, and what is wrong.
    new: BTreeMap<Key, (Option<u64>, String)>,
}

impl Noticed {
    /// Notes what is wrong with the structure at `offset`, if that is new.
    pub(crate) fn add(&self, structure: &'static str, inode: Option<u64>, offset: u64, detail: String) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.seen.len() > REMEMBERED {
            return;
        }
        let (key, value) = if found.seen.len() == REMEMBERED {
            ((u64::MAX, "metadata"), (None, "further checksums are wrong and not told".to_owned()))
        } else {
            ((offset, structure), (inode, detail))
        };
        if found.seen.insert(key) {
            found.new.insert(key, value);
            self.is_new.store(true, Ordering::Release);
        }
    }

    /// What was noticed since this was last asked, in the order in which it lies on the disk.
    pub(crate) fn take(&self) -> Vec<FsError> {
        if !self.is_new.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        let new = std::mem::take(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner).new);
        let error = |((offset, structure), (inode, detail))| FsError::Damaged { structure, inode, offset, detail };
        new.into_iter().map(error).collect()
    }
}

/// A checksum that is wrong, in words.
pub(crate) fn wrong_sum(stored: u32, expected: u32) -> String {
    format!("checksum {stored:#010x}, not {expected:#010x}")
}

fn compared(stored: u32, expected: u32) -> Option<String> {
    (stored != expected).then(|| wrong_sum(stored, expected))
}

/// What the checksums of an inode's metadata begin with.
///
/// Source: fs/ext4/inode.c (`__ext4_iget`).
pub(crate) fn seed(superblock: &Superblock, inode: u64, generation: u32) -> u32 {
    let number = u32::try_from(inode).unwrap_or(u32::MAX);
    crc32c(crc32c(superblock.seed, &number.to_le_bytes()), &generation.to_le_bytes())
}

/// What is wrong with the checksum of a directory's block: the structure, and the damage in words.
pub(crate) fn directory_block(
    superblock: &Superblock,
    block_length: usize,
    inode: &Inode,
    block: &Block,
) -> Option<(&'static str, String)> {
    if !superblock.checksums() {
        return None;
    }
    if let Some(node) = Node::of(block_length, inode, block) {
        return hash_tree_node(superblock, inode, block, node).map(|wrong| ("hash tree", wrong));
    }
    let bytes = &block.bytes;
    let at = bytes.len().saturating_sub(CHECKSUM_ENTRY);
    let tail = bytes.get(at..).unwrap_or_default();
    let is_tail =
        u32_le(tail, 0) == Some(0) && u16_le(tail, 4) == Some(12) && tail.get(6..8) == Some(&[0, CHECKSUM_TYPE]);
    let wrong = if is_tail {
        let stored = u32_le(tail, 8).unwrap_or(0);
        compared(stored, crc32c(inode.seed(superblock), bytes.get(..at).unwrap_or_default()))
    } else {
        Some("it has no checksum at its end".to_owned())
    };
    wrong.map(|wrong| ("directory block", wrong))
}

fn hash_tree_node(superblock: &Superblock, inode: &Inode, block: &Block, node: Node) -> Option<String> {
    let bytes = &block.bytes;
    if !node.fits(bytes) {
        // Where its checksum stands cannot be told.
        return None;
    }
    let Some(tail) = bytes.get(node.end(node.room)..).filter(|tail| tail.len() >= RECORD) else {
        return Some("there is no room for its checksum".to_owned());
    };
    let sum = crc32c(inode.seed(superblock), bytes.get(..node.end(node.used)).unwrap_or_default());
    let expected = crc32c(crc32c(sum, tail.get(..4).unwrap_or_default()), &[0; 4]);
    compared(u32_le(tail, 4).unwrap_or(0), expected)
}

/// What is wrong with the checksum of a node of an extent tree, which lies behind the room for its records.
pub(crate) fn extent_node(superblock: &Superblock, inode: u64, generation: u32, node: &[u8]) -> Option<String> {
    if !superblock.checksums() {
        return None;
    }
    // What is no node is told as such.
    let header = Header::parse(node, None).ok()?;
    let at = usize::from(header.room).saturating_add(1).saturating_mul(12);
    let (Some(stored), Some(covered)) = (u32_le(node, at), node.get(..at)) else {
        return Some("there is no room for its checksum".to_owned());
    };
    compared(stored, crc32c(seed(superblock, inode, generation), covered))
}

/// What is wrong with the checksum of a block of attributes, whose number is `block`.
pub(crate) fn attribute_block(superblock: &Superblock, block: u64, bytes: &[u8]) -> Option<String> {
    if !superblock.checksums() {
        return None;
    }
    let sum = crc32c(superblock.seed, &block.to_le_bytes());
    let sum = crc32c(crc32c(sum, bytes.get(..16)?), &[0; 4]);
    compared(u32_le(bytes, 16)?, crc32c(sum, bytes.get(20..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_structure_is_told_once_and_in_the_order_of_the_disk_and_no_more_than_can_be_remembered() {
        let noticed = Noticed::default();
        noticed.add("inode", Some(12), 300, "one".to_owned());
        noticed.add("extent node", Some(12), 200, "two".to_owned());
        noticed.add("inode", Some(12), 300, "one".to_owned());
        let offsets = |found: Vec<FsError>| found.iter().filter_map(FsError::offset).collect::<Vec<u64>>();
        assert_eq!(offsets(noticed.take()), [200, 300]);
        noticed.add("inode", Some(12), 300, "one".to_owned());
        assert!(noticed.take().is_empty());
        for offset in 0..100_000 {
            noticed.add("directory block", Some(2), offset, String::new());
        }
        let found = noticed.take();
        assert_eq!(found.len(), REMEMBERED - 1);
        assert!(found.last().unwrap().to_string().ends_with("further checksums are wrong and not told"));
    }
}
