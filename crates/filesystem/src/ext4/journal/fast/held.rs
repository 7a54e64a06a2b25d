//! An inode that is being changed.

use super::edit::{halves, inode_seed, low_and_high, put};
use super::tree::Runs;
use crate::NodeType;
use crate::ext4::checksum::crc32c;
use crate::ext4::features::{flag, read_only};
use crate::ext4::superblock::Superblock;
use crate::ext4::volume::Volume;
use kanshiki_image::bytes::{array, u16_le, u32_le};

pub(super) const MODE: usize = 0;
pub(super) const SIZE: usize = 4;
pub(super) const LINKS: usize = 26;
pub(super) const BLOCKS: usize = 28;
pub(super) const FLAGS: usize = 32;
pub(super) const MAP: usize = 40;
pub(super) const GENERATION: usize = 100;
pub(super) const ATTRIBUTES: usize = 104;
pub(super) const BLOCKS_HIGH: usize = 116;
pub(super) const ATTRIBUTES_HIGH: usize = 118;
pub(super) const CHECKSUM: usize = 124;
pub(super) const OLD_BYTES: usize = 128;
pub(super) const CHECKSUM_HIGH: usize = 130;

/// An inode that is being changed.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    /// The map, of an inode with extents.
    pub(super) runs: Runs,
    /// The blocks of the extent tree beside the inode.
    pub(super) nodes: Vec<u64>,
    /// Whether the map differs from the one that is stored.
    pub(super) remapped: bool,
    /// Whether a name of it was added or removed, or there was a record of it.
    pub(super) settled: bool,
    /// Whether a fast commit had a record of it.
    pub(super) recorded: bool,
    /// Whether it was in use before.
    pub(super) was_used: bool,
    pub(super) was_directory: bool,
    /// Whether the index of the directory was given up.
    pub(super) linear: bool,
}

impl Held {
    pub(super) fn u16(&self, at: usize) -> u16 {
        u16_le(&self.bytes, at).unwrap_or(0)
    }

    pub(super) fn u32(&self, at: usize) -> u32 {
        u32_le(&self.bytes, at).unwrap_or(0)
    }

    pub(super) fn has(&self, flag: u32) -> bool {
        self.u32(FLAGS) & flag != 0
    }

    pub(super) fn is_directory(&self) -> bool {
        NodeType::from_mode(self.u16(MODE)) == NodeType::Directory
    }

    /// Whether its map is an extent tree.
    pub(super) fn is_mapped(&self) -> bool {
        self.has(flag::EXTENTS) && !self.has(flag::INLINE_DATA)
    }

    /// Brings the number of blocks that it takes up to date: the map may take fewer than the one that was lost.
    pub(super) fn count_blocks(&mut self, superblock: &Superblock) {
        let attributes = u64::from(self.u32(ATTRIBUTES) != 0 || (self.u16(ATTRIBUTES_HIGH) != 0 && !superblock.hurd));
        let content = self.runs.values().fold(0_u64, |sum, run| sum.saturating_add(run.blocks));
        let beside = u64::try_from(self.nodes.len()).unwrap_or(0).saturating_add(attributes);
        let clusters = beside.saturating_mul(superblock.blocks_of_a_cluster);
        let blocks = content.next_multiple_of(superblock.blocks_of_a_cluster.max(1)).saturating_add(clusters);
        let sectors = if self.has(flag::HUGE_FILE) { 1 } else { superblock.block_bytes / 512 };
        let (low, high) = low_and_high(blocks.saturating_mul(sectors));
        put(&mut self.bytes, BLOCKS, &low.to_le_bytes());
        if superblock.has_read_only(read_only::HUGE_FILE) && !superblock.hurd {
            put(&mut self.bytes, BLOCKS_HIGH, &high.to_le_bytes());
        }
    }

    pub(super) fn set_links(&mut self, change: impl FnOnce(u16) -> u16) {
        let links = change(self.u16(LINKS));
        put(&mut self.bytes, LINKS, &links.to_le_bytes());
    }
}

/// Sets the checksum of an inode.
///
/// Source: Linux 6.18, `fs/ext4/inode.c`, `ext4_inode_csum`.
pub(super) fn sum_inode(volume: &Volume, number: u64, bytes: &mut [u8]) {
    let wide = bytes.len() > OLD_BYTES && u16_le(bytes, OLD_BYTES).is_some_and(|extra| extra >= 4);
    put(bytes, CHECKSUM, &[0; 2]);
    if wide {
        put(bytes, CHECKSUM_HIGH, &[0; 2]);
    }
    let generation: [u8; 4] = array(bytes, GENERATION).unwrap_or_default();
    let (low, high) = halves(crc32c(inode_seed(volume, number, &generation), bytes));
    put(bytes, CHECKSUM, &low.to_le_bytes());
    if wide {
        put(bytes, CHECKSUM_HIGH, &high.to_le_bytes());
    }
}
