//! Nodes of a directory's hash tree: records of 8 bytes, a hash and a block, behind entries that look empty.
//!
//! | field | at |
//! | --- | --- |
//! | root: `.` and `..`; reserved, hash, length of these 8 bytes, levels, flags | 0; 24, 28, 29, 30, 31 |
//! | other node: an empty entry as long as the block | 0 |
//! | room for records, records in use (in the place of the first record's hash) | 32 in the root, 8 in others |
//! | checksum | 4 bytes behind the room for records |
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/directory.rst, "Hash Tree Directories"; fs/ext4/namei.c
//! (`get_dx_countlimit`, `ext4_dx_csum`).

use super::directory::Block;
use super::features::flag;
use super::inode::Inode;
use super::map::{Pieces, Spot};
use super::volume::Volume;
use kanshiki_image::bytes::{u16_le, u32_le};
use std::collections::HashMap;

/// Bytes of a record.
pub(crate) const RECORD: usize = 8;

/// Where the records of the root begin, and its levels stand.
const ROOT_RECORDS: usize = 32;
const ROOT_LEVELS: usize = 30;

/// Where those of other nodes begin.
const NODE_RECORDS: usize = 8;

/// Levels below the root in the deepest tree, with large_dir.
const DEEPEST: u8 = 3;

/// Nodes of a tree that are gone into.
const NODES: usize = 1 << 16;

/// Records that are kept.
const KEPT: usize = 1 << 20;

/// A node, as its block says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// Where its records begin.
    records: usize,
    pub(crate) room: u16,
    pub(crate) used: u16,
    /// Of the root, the levels below it.
    pub(crate) levels: Option<u8>,
}

/// A record: the least hash in the block that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    /// Not stored in the first record of a node, and 0 there.
    pub(crate) hash: u32,
    /// The block of the directory.
    pub(crate) block: u32,
}

impl Node {
    /// Takes a block of a directory, all of whose blocks have so many bytes, for a node of its hash tree, if it looks like
    /// one.
    pub(crate) fn of(block_length: usize, inode: &Inode, block: &Block) -> Option<Self> {
        if !inode.has(flag::INDEX) {
            return None;
        }
        let bytes = &block.bytes;
        let whole = |stored: u16| usize::from(stored) == bytes.len() || (block_length == 65_536 && stored == u16::MAX);
        let (inode_there, first) = (u32_le(bytes, 0)?, u16_le(bytes, 4)?);
        let node = |records: usize, levels| {
            let (room, used) = (u16_le(bytes, records)?, u16_le(bytes, records.saturating_add(2))?);
            Some(Self { records, room, used, levels })
        };
        if block.number == 0 {
            let second = u16_le(bytes, 16)?;
            let root = first == 12 && (usize::from(second).saturating_add(12) == bytes.len() || block_length == 65_536);
            let told = u32_le(bytes, 24) == Some(0) && bytes.get(29) == Some(&8);
            let levels = bytes.get(ROOT_LEVELS).copied();
            return if root && told { node(ROOT_RECORDS, levels) } else { None };
        }
        // A leaf in which nothing is left is one long empty entry too; its checksum stands at the end, before which it stops.
        let node = node(NODE_RECORDS, None)?;
        let empty = inode_there == 0 && whole(first);
        let fits = node.end(node.room) <= bytes.len() && node.room > 0;
        (empty && fits && u16_le(bytes, 6) == Some(0)).then_some(node)
    }

    /// Where the first so many records end.
    pub(crate) fn end(self, count: u16) -> usize {
        usize::from(count).saturating_mul(RECORD).saturating_add(self.records)
    }

    /// Whether its numbers fit into its block, and the tree is not too deep.
    pub(crate) fn is_sound(self, bytes: &[u8]) -> bool {
        self.fits(bytes) && !self.is_too_deep()
    }

    /// Whether its numbers fit into its block.
    pub(crate) fn fits(self, bytes: &[u8]) -> bool {
        self.used > 0 && self.used <= self.room && self.end(self.room) <= bytes.len()
    }

    /// Whether the root tells of more levels than there can be.
    pub(crate) fn is_too_deep(self) -> bool {
        self.levels.is_some_and(|levels| levels > DEEPEST)
    }

    /// The records in use.
    pub(crate) fn records(self, bytes: &[u8]) -> impl Iterator<Item = Record> + '_ {
        (0..self.used).map_while(move |index| {
            let mut record = record(bytes, self.end(index))?;
            if index == 0 {
                record.hash = 0;
            }
            Some(record)
        })
    }
}

/// The record at `at`.
fn record(bytes: &[u8], at: usize) -> Option<Record> {
    Some(Record { hash: u32_le(bytes, at)?, block: u32_le(bytes, at.saturating_add(4))? & 0x0fff_ffff })
}

/// The nodes of a directory's hash tree, as the tree itself names them from its root on.
#[derive(Debug, Default)]
pub(crate) struct HashTree {
    /// By their blocks in the directory.
    nodes: HashMap<u64, Node>,
    /// All records, by the blocks that they lead to, with their hashes. That of the first record of a node is the hash of
    /// the record that leads to the node.
    records: HashMap<u32, u32>,
}

impl HashTree {
    /// The tree of a directory, as far as it can be read; nothing if the directory has none.
    pub(crate) fn of(volume: &Volume, inode: &Inode) -> Self {
        let mut tree = Self::default();
        if !inode.has(flag::INDEX) || inode.has(flag::INLINE_DATA) {
            return tree;
        }
        let mut level = vec![Record { hash: 0, block: 0 }];
        let mut levels = 0;
        while !level.is_empty() {
            let mut below = Vec::new();
            for above in level {
                let Some((node, block)) = tree.node(volume, inode, above.block) else { continue };
                levels = node.levels.unwrap_or(levels);
                tree.nodes.insert(block.number, node);
                for (index, mut record) in node.records(&block.bytes).enumerate() {
                    record.hash = if index == 0 { above.hash } else { record.hash };
                    if tree.records.len() < KEPT {
                        tree.records.entry(record.block).or_insert(record.hash);
                    }
                    if levels > 0 && below.len() < NODES {
                        below.push(record);
                    }
                }
            }
            levels = levels.saturating_sub(1);
            level = below;
        }
        tree
    }

    /// The node in a block of the directory, if nobody has gone into it.
    fn node(&self, volume: &Volume, inode: &Inode, number: u32) -> Option<(Node, Block)> {
        let number = u64::from(number);
        if self.nodes.len() >= NODES || self.nodes.contains_key(&number) {
            return None;
        }
        let next = number.saturating_add(1);
        let piece = Pieces::between(volume, inode, number, next).next().filter(|piece| piece.start == number)?;
        let Ok(Spot::Stored(place)) = piece.spot else { return None };
        let bytes = volume.block(place, "directory block", Some(inode.number)).ok()?;
        let block = Block { bytes, offset: volume.superblock.offset_of(place), number, live: true };
        let node = Node::of(volume.block_length(), inode, &block).filter(|node| node.is_sound(&block.bytes))?;
        Some((node, block))
    }

    /// Where in a node of the tree there may be something else than its records; `None` for a block that is no node.
    ///
    /// When a node is split (`ext4_dx_add_entry`), the records that move stay behind as copies behind those in use. In the
    /// root of a directory that older kernels indexed (`make_indexed_dir`), the names that stood there before follow.
    pub(crate) fn rest(&self, block: &Block) -> Option<Rest> {
        let node = self.nodes.get(&block.number)?;
        let (used, end) = (node.end(node.used), node.end(node.room));
        let mut from = used;
        let is_copy = |record: Record| self.records.get(&record.block) == Some(&record.hash);
        while from < end && record(&block.bytes, from).is_some_and(is_copy) {
            from = from.saturating_add(RECORD);
        }
        let may_hold_half = node.levels.is_some() && from == used;
        let half = may_hold_half.then(|| used.saturating_sub(size_of::<u32>()));
        Some(Rest { from, half })
    }
}

/// What is behind the records of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest {
    /// Where it begins.
    pub(crate) from: usize,
    /// Where an entry may begin whose inode the last record has overwritten with its block, and nothing else.
    pub(crate) half: Option<usize>,
}
