//! Blocks that two things lay claim to, and blocks that are marked as used without a use.
//!
//! A bit stands for each block. Of a volume of more than 2 TiB (with blocks of 4 KiB) one stretch after the other is looked
//! at, each with all maps, so that memory stays bounded.

use super::inode::{BAD_BLOCKS, RESIZE};
use super::{Flow, GO_ON, Report};
use crate::NodeState;
use crate::ext4::bitmap::FreeBlocks;
use crate::ext4::features::read_only;
use crate::ext4::inode::Inode;
use crate::ext4::map::{MapBlock, Pieces, Spot};
use crate::ext4::tables::{self, Tables};
use crate::ext4::volume::Volume;
use kanshiki_image::bytes::u32_le;
use std::collections::{HashMap, HashSet};

/// Blocks of a stretch: 64 MiB of bits.
const STRETCH: u64 = 1 << 29;

/// Blocks whose bits are kept together.
const PAGE: u64 = 1 << 15;

/// Attribute blocks that are remembered, because several inodes may share one.
const SHARED: usize = 1 << 20;

/// Bits of the blocks from `start` up to `end`.
struct Claims {
    start: u64,
    end: u64,
    pages: HashMap<u64, Vec<u64>>,
    attribute_blocks: HashSet<u64>,
}

pub(super) fn check(volume: &Volume, report: &mut Report<'_>) -> Flow {
    let mut start = 0;
    while start < volume.superblock.blocks {
        let end = start.saturating_add(STRETCH).min(volume.superblock.blocks);
        let mut claims = Claims { start, end, pages: HashMap::new(), attribute_blocks: HashSet::new() };
        claims.volume(volume, report)?;
        claims.compare(volume, report)?;
        start = end;
    }
    GO_ON
}

impl Claims {
    /// Marks blocks; gives out how many were marked before.
    fn mark(&mut self, block: u64, blocks: u64) -> u64 {
        let (mut at, end) = (block.max(self.start), block.saturating_add(blocks).min(self.end));
        let mut before = 0_u64;
        while at < end {
            let page = self.pages.entry(at / PAGE).or_insert_with(|| vec![0; 512]);
            let Some(word) = usize::try_from(at % PAGE / 64).ok().and_then(|word| page.get_mut(word)) else { break };
            let (first, count) = (at % 64, end.saturating_sub(at).min(64_u64.saturating_sub(at % 64)));
            let mask = mask(first, count);
            before = before.saturating_add((*word & mask).count_ones().into());
            *word |= mask;
            at = at.saturating_add(count);
        }
        before
    }

    /// How many of some blocks are marked.
    fn count(&self, block: u64, end: u64) -> u64 {
        let (mut at, mut marked) = (block, 0_u64);
        while at < end {
            let Some(page) = self.pages.get(&(at / PAGE)) else {
                at = (at / PAGE).saturating_add(1).saturating_mul(PAGE);
                continue;
            };
            let word = usize::try_from(at % PAGE / 64).ok().and_then(|word| page.get(word)).copied().unwrap_or(0);
            let count = end.saturating_sub(at).min(64_u64.saturating_sub(at % 64));
            marked = marked.saturating_add((word & mask(at % 64, count)).count_ones().into());
            at = at.saturating_add(count);
        }
        marked
    }

    /// Marks all that is in use.
    fn volume(&mut self, volume: &Volume, report: &mut Report<'_>) -> Flow {
        for span in volume.layout().spans() {
            // Overlaps among these were told with the groups.
            self.mark(span.start, span.end.saturating_sub(span.start));
        }
        for found in Tables::new(volume) {
            let Ok((inode, allocated)) = found else { continue };
            if tables::state(volume, &inode, allocated) != NodeState::Deleted {
                self.inode(volume, report, &inode)?;
            }
        }
        GO_ON
    }

    fn inode(&mut self, volume: &Volume, report: &mut Report<'_>, inode: &Inode) -> Flow {
        if inode.attributes != 0
            && self.attribute_blocks.len() < SHARED
            && self.attribute_blocks.insert(inode.attributes)
        {
            self.claim(volume, report, inode, inode.attributes, 1)?;
        }
        if inode.number == RESIZE {
            // Its map leads to the room for descriptors, which has been marked; only the block of its map is its own.
            let own = inode.map().and_then(|map| u32_le(&map, 52)).unwrap_or(0);
            return if own == 0 { GO_ON } else { self.claim(volume, report, inode, own.into(), 1) };
        }
        let mut pieces = Pieces::new(volume, inode, 0).recording();
        loop {
            let piece = pieces.next();
            for MapBlock { block, .. } in pieces.take_map_blocks() {
                self.claim(volume, report, inode, block, 1)?;
            }
            let Some(piece) = piece else { break };
            if let Ok(Spot::Stored(block) | Spot::Unwritten(block)) = piece.spot {
                self.claim(volume, report, inode, block, piece.blocks)?;
            }
        }
        GO_ON
    }

    fn claim(&mut self, volume: &Volume, report: &mut Report<'_>, inode: &Inode, block: u64, blocks: u64) -> Flow {
        let before = self.mark(block, blocks);
        let may = inode.number == BAD_BLOCKS || volume.superblock.has_read_only(read_only::SHARED_BLOCKS);
        if before == 0 || may {
            return GO_ON;
        }
        let detail = format!("of the {blocks} blocks from block {block} on, {before} belong to something else too");
        report.tell("block map", Some(inode.number), volume.superblock.offset_of(block), detail)
    }

    /// Compares what is in use with the bitmaps. What is in use and marked as free was told with the maps.
    fn compare(&self, volume: &Volume, report: &mut Report<'_>) -> Flow {
        let superblock = &volume.superblock;
        let ratio = superblock.blocks_of_a_cluster.max(1);
        for group in 0..superblock.groups {
            let start = superblock.group_start(group);
            if start < self.start || start >= self.end {
                continue;
            }
            let Ok(blocks) = FreeBlocks::of(volume, group) else { continue };
            let (mut at, mut unused) = (start, 0_u64);
            while let Some((free, end)) = blocks.run(at, self.end) {
                if !free {
                    unused = unused.saturating_add(self.unused(at, end, ratio));
                }
                at = end;
            }
            if unused > 0 {
                let detail = format!("of group {group}: {unused} blocks are marked as used, and nothing uses them");
                report.tell("block bitmap", None, superblock.offset_of(start), detail)?;
            }
        }
        GO_ON
    }

    /// Blocks, or clusters, that are not marked.
    fn unused(&self, start: u64, end: u64, ratio: u64) -> u64 {
        if ratio == 1 {
            return end.saturating_sub(start).saturating_sub(self.count(start, end));
        }
        let (mut at, mut unused) = (start, 0_u64);
        while at < end {
            let next = at.saturating_add(ratio);
            unused = unused.saturating_add(u64::from(self.count(at, next.min(end)) == 0));
            at = next;
        }
        unused
    }
}

/// `count` bits from bit `first` on, in a word of 64.
fn mask(first: u64, count: u64) -> u64 {
    let shift = |bits: u64| u32::try_from(bits).unwrap_or(64);
    let low = u64::MAX.checked_shr(shift(64_u64.saturating_sub(count))).unwrap_or(0);
    low.checked_shl(shift(first)).unwrap_or(0)
}
