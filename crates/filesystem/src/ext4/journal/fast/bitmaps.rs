//! The bitmaps of blocks and inodes, changed in memory, with the group descriptors that count them.

use super::edit::{Editor, halves, put};
use crate::FsError;
use crate::ext4::checksum::crc32c;
use crate::ext4::features::incompatible;
use crate::ext4::groups::{self, INODE_UNINIT};
use crate::ext4::superblock::Superblock;
use kanshiki_image::bytes::u16_le;
use std::collections::BTreeMap;
use std::ops::Range;

/// The block bitmap of the group was never written.
const BLOCK_UNINIT: u16 = 2;

/// Blocks that are marked, all changes together: with the smallest blocks, 8 TiB.
const MAX_MARKED: u64 = 1 << 33;

/// Groups that are looked through for a free block.
const SEARCHED_GROUPS: u64 = 4096;

/// Groups that share a place for their tables; the highest that is looked at.
const LARGEST_FLEX: u64 = 1024;

/// What changed in a group.
#[derive(Debug, Default, Clone, Copy)]
struct Changed {
    blocks: bool,
    inodes: bool,
    free_blocks: i64,
    free_inodes: i64,
    directories: i64,
    /// The highest inode of the group that was taken into use, from 1.
    highest: u64,
}

/// Which groups changed, and how.
#[derive(Debug, Default)]
pub(super) struct Bitmaps {
    groups: BTreeMap<u64, Changed>,
    /// How many blocks were marked so far.
    marked: u64,
}

impl Bitmaps {
    /// Marks blocks as used or free. Blocks that share a bit belong to one file: what it keeps of them is to be marked as used
    /// after what it gave up was marked as free.
    pub(super) fn mark_blocks(
        &mut self,
        editor: &mut Editor<'_>,
        place: u64,
        blocks: u64,
        used: bool,
    ) -> Result<(), FsError> {
        let superblock = &editor.volume.superblock;
        let (of_a_group, ratio) = (superblock.blocks_of_a_group, superblock.blocks_of_a_cluster);
        if !superblock.holds_blocks(place, blocks) {
            return Ok(());
        }
        self.marked = self.marked.saturating_add(blocks);
        if self.marked > MAX_MARKED {
            let detail = format!("fast commits that change the use of more than {MAX_MARKED} blocks");
            return Err(FsError::Unsupported { inode: None, detail });
        }
        let mut at = place.saturating_sub(superblock.first_data_block);
        let end = at.saturating_add(blocks);
        while at < end {
            let group = at.checked_div(of_a_group).unwrap_or(0);
            let within = at.checked_rem(of_a_group).unwrap_or(0);
            let count = of_a_group.saturating_sub(within).min(end.saturating_sub(at)).max(1);
            let bits = within.checked_div(ratio).unwrap_or(0)..within.saturating_add(count).div_ceil(ratio.max(1));
            let bitmap = editor.volume.descriptor(group)?.block_bitmap;
            let bytes = editor.edit(bitmap, |editor| block_bitmap(editor, group))?;
            let flipped = set_bits(bytes, bits, used);
            let changed = self.groups.entry(group).or_default();
            changed.blocks = true;
            changed.free_blocks =
                changed.free_blocks.saturating_add(if used { flipped.saturating_neg() } else { flipped });
            at = at.saturating_add(count);
        }
        Ok(())
    }

    /// Marks an inode as used or free.
    pub(super) fn mark_inode(&mut self, editor: &mut Editor<'_>, inode: u64, used: bool) -> Result<(), FsError> {
        let (group, index) = editor.volume.group_of(inode)?;
        let bitmap = editor.volume.descriptor(group)?.inode_bitmap;
        let bytes = editor.edit(bitmap, |editor| inode_bitmap(editor, group))?;
        let flipped = set_bits(bytes, index..index.saturating_add(1), used);
        let changed = self.groups.entry(group).or_default();
        changed.inodes = true;
        let signed = if used { flipped.saturating_neg() } else { flipped };
        changed.free_inodes = changed.free_inodes.saturating_add(signed);
        if used {
            changed.highest = changed.highest.max(index.saturating_add(1));
        }
        Ok(())
    }

    /// Counts an inode as a directory from now on, or no longer.
    pub(super) fn count_directory(&mut self, editor: &Editor<'_>, inode: u64, is_one: bool) -> Result<(), FsError> {
        let (group, _) = editor.volume.group_of(inode)?;
        let changed = self.groups.entry(group).or_default();
        changed.directories = changed.directories.saturating_add(if is_one { 1 } else { -1 });
        Ok(())
    }

    /// Finds a free block that is not in `reserved` (sorted, ends excluded), from the group of an inode on, and marks it
    /// as used.
    pub(super) fn allocate(&mut self, editor: &mut Editor<'_>, inode: u64, reserved: &[(u64, u64)]) -> Option<u64> {
        let (goal, _) = editor.volume.group_of(inode).ok()?;
        let groups = editor.volume.superblock.groups;
        (0..groups.min(SEARCHED_GROUPS)).find_map(|step| {
            let group = goal.saturating_add(step).checked_rem(groups)?;
            let block = free_block(editor, group, reserved)?;
            self.mark_blocks(editor, block, 1, true).ok()?;
            Some(block)
        })
    }

    /// Brings the descriptors up to date.
    pub(super) fn finish(self, editor: &mut Editor<'_>) -> Result<(), FsError> {
        self.groups.into_iter().try_for_each(|(group, changed)| describe(editor, group, changed))
    }
}

/// Sets or clears bits; how many were different.
fn set_bits(bitmap: &mut [u8], bits: Range<u64>, used: bool) -> i64 {
    let first = bits.start / 8;
    let bytes = bitmap.iter_mut().skip(usize::try_from(first).unwrap_or(usize::MAX));
    let mut flipped = 0_u32;
    for (number, byte) in (first..bits.end.div_ceil(8)).zip(bytes) {
        let bit = number.saturating_mul(8);
        // The bits of this byte, from the lowest, that lie in the range.
        let skipped = u32::try_from(bits.start.saturating_sub(bit)).unwrap_or(0);
        let count = u32::try_from(bits.end.saturating_sub(bit)).unwrap_or(8).min(8);
        let below = |count: u32| u8::MAX.checked_shr(8_u32.saturating_sub(count)).unwrap_or(0);
        let mask = below(count) & !below(skipped);
        let different = if used { !*byte & mask } else { *byte & mask };
        *byte ^= different;
        flipped = flipped.saturating_add(different.count_ones());
    }
    flipped.into()
}

fn free_block(editor: &Editor<'_>, group: u64, reserved: &[(u64, u64)]) -> Option<u64> {
    let superblock = &editor.volume.superblock;
    let descriptor = editor.volume.descriptor(group).ok()?;
    let bitmap = match editor.blocks.get(&descriptor.block_bitmap) {
        Some(bytes) => bytes.clone(),
        None => block_bitmap(editor, group).ok()?,
    };
    let ratio = superblock.blocks_of_a_cluster;
    let clusters = superblock.blocks_of_a_group.checked_div(ratio)?;
    (0..clusters).find_map(|cluster| {
        let byte = *bitmap.get(usize::try_from(cluster / 8).ok()?)?;
        let block = superblock.group_start(group).checked_add(cluster.checked_mul(ratio)?)?;
        let free = byte >> (cluster % 8) & 1 == 0 && superblock.holds_blocks(block, ratio);
        (free && !overlaps(reserved, block, ratio)).then_some(block)
    })
}

fn overlaps(reserved: &[(u64, u64)], block: u64, blocks: u64) -> bool {
    let index = reserved.partition_point(|(_, end)| *end <= block);
    reserved.get(index).is_some_and(|(start, _)| *start < block.saturating_add(blocks))
}

/// The bitmap of the blocks of a group; where it was never written, as it would be written first.
fn block_bitmap(editor: &Editor<'_>, group: u64) -> Result<Vec<u8>, FsError> {
    let volume = editor.volume;
    let superblock = &volume.superblock;
    let descriptor = volume.descriptor(group)?;
    if descriptor.flags & BLOCK_UNINIT == 0 {
        return editor.read(descriptor.block_bitmap, "block bitmap");
    }
    let start = superblock.group_start(group);
    let end = start.saturating_add(superblock.blocks_of_a_group);
    let mut bitmap = vec![0; volume.block_length()];
    let mut take = |place: u64, blocks: u64| {
        let (from, until) = (place.max(start), place.saturating_add(blocks).min(end));
        if from < until {
            let bit = |block: u64| block.saturating_sub(start);
            let ratio = superblock.blocks_of_a_cluster.max(1);
            set_bits(&mut bitmap, bit(from).checked_div(ratio).unwrap_or(0)..bit(until).div_ceil(ratio), true);
        }
    };
    take(start, own_blocks(superblock, group));
    let power = superblock.raw.get(372).copied().map_or(0, u32::from);
    let flex = 1_u64.checked_shl(power).unwrap_or(1).clamp(1, LARGEST_FLEX);
    let first = group.saturating_sub(group.checked_rem(flex).unwrap_or(0));
    let table = superblock.inodes_of_a_group.saturating_mul(superblock.inode_bytes).div_ceil(superblock.block_bytes);
    for other in first..first.saturating_add(flex).min(superblock.groups) {
        let descriptor = volume.descriptor(other)?;
        take(descriptor.block_bitmap, 1);
        take(descriptor.inode_bitmap, 1);
        take(descriptor.inode_table, table);
    }
    take(superblock.blocks, u64::MAX);
    let clusters = superblock.blocks_of_a_group.div_ceil(superblock.blocks_of_a_cluster.max(1));
    set_bits(&mut bitmap, clusters..superblock.block_bytes.saturating_mul(8), true);
    Ok(bitmap)
}

/// Blocks at the start of a group that hold the superblock and the descriptors.
///
/// Source: Linux 6.18, `fs/ext4/balloc.c`, `ext4_num_base_meta_clusters`.
fn own_blocks(superblock: &Superblock, group: u64) -> u64 {
    let in_a_block = superblock.block_bytes.checked_div(superblock.descriptor_bytes).unwrap_or(1).max(1);
    let copy = u64::from(superblock.has_superblock(group));
    let all = superblock.groups.div_ceil(in_a_block);
    let meta = superblock.has_incompatible(incompatible::META_BG);
    let plain = if meta { all.min(superblock.first_meta_group) } else { all };
    if meta && group >= superblock.first_meta_group.saturating_mul(in_a_block) {
        let place = group.checked_rem(in_a_block).unwrap_or(0);
        return copy.saturating_add(u64::from(place < 2 || place.saturating_add(1) == in_a_block));
    }
    if copy == 0 {
        return 0;
    }
    let reserved = if meta { 0 } else { u64::from(superblock.u16(206)) };
    let shifted = u64::from(superblock.block_bytes == 1024 && superblock.first_data_block == 0 && group == 0);
    plain.saturating_add(reserved).saturating_add(1).saturating_add(shifted)
}

/// The bitmap of the inodes of a group; where it was never written, as it would be written first.
fn inode_bitmap(editor: &Editor<'_>, group: u64) -> Result<Vec<u8>, FsError> {
    let superblock = &editor.volume.superblock;
    let descriptor = editor.volume.descriptor(group)?;
    if descriptor.flags & INODE_UNINIT == 0 {
        return editor.read(descriptor.inode_bitmap, "inode bitmap");
    }
    let mut bitmap = vec![0; editor.volume.block_length()];
    set_bits(&mut bitmap, superblock.inodes_of_a_group..superblock.block_bytes.saturating_mul(8), true);
    Ok(bitmap)
}

/// Brings the descriptor of a group up to date.
fn describe(editor: &mut Editor<'_>, group: u64, changed: Changed) -> Result<(), FsError> {
    let volume = editor.volume;
    let superblock = &volume.superblock;
    let old = volume.descriptor(group)?;
    let sum = |block: u64, bits: u64| -> Result<u32, FsError> {
        let bitmap = editor.read(block, "bitmap")?;
        let bytes = usize::try_from(bits / 8).unwrap_or(bitmap.len());
        Ok(crc32c(superblock.seed, bitmap.get(..bytes).unwrap_or(&bitmap)))
    };
    let clusters = superblock.blocks_of_a_group.checked_div(superblock.blocks_of_a_cluster).unwrap_or(0);
    let block_sum = if changed.blocks { Some(sum(old.block_bitmap, clusters)?) } else { None };
    let inode_sum = if changed.inodes { Some(sum(old.inode_bitmap, superblock.inodes_of_a_group)?) } else { None };
    let Some((place, within)) = groups::place(superblock, group, 0) else { return Ok(()) };
    let length = usize::try_from(superblock.descriptor_bytes).unwrap_or(32);
    let block = editor.edit(place, |editor| editor.read(place, "group descriptor"))?;
    let Some(bytes) = block.get_mut(within..within.saturating_add(length)) else { return Ok(()) };
    let count = |bytes: &mut [u8], low: usize, high: usize, old: u64, change: i64| {
        let (lower, upper) = halves(u32::try_from(old.saturating_add_signed(change)).unwrap_or(u32::MAX));
        put(bytes, low, &lower.to_le_bytes());
        if bytes.len() >= 64 {
            put(bytes, high, &upper.to_le_bytes());
        }
    };
    count(bytes, 12, 44, old.free_blocks, changed.free_blocks);
    count(bytes, 14, 46, old.free_inodes, changed.free_inodes);
    count(bytes, 16, 48, old.directories, changed.directories);
    if groups::has_checksum(superblock) {
        let never_used = superblock.inodes_of_a_group.saturating_sub(changed.highest);
        count(bytes, 28, 50, old.unused_inodes.min(never_used), 0);
        let cleared = if changed.blocks { BLOCK_UNINIT } else { 0 } | if changed.inodes { INODE_UNINIT } else { 0 };
        let flags = u16_le(bytes, 18).unwrap_or(0) & !cleared;
        put(bytes, 18, &flags.to_le_bytes());
    }
    if superblock.checksums() {
        for (sum, low, high) in [(block_sum, 24, 56), (inode_sum, 26, 58)] {
            let Some(sum) = sum else { continue };
            count(bytes, low, high, sum.into(), 0);
        }
    }
    if let Some(sum) = groups::checksum(superblock, group, bytes) {
        put(bytes, 30, &sum.to_le_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_are_set_one_by_one(
            bitmap in prop::collection::vec(any::<u8>(), 0..9),
            start in 0_u64..80,
            count in 0_u64..80,
            used: bool,
        ) {
            let mut ours = bitmap.clone();
            let flipped = set_bits(&mut ours, start..start + count, used);
            let mut expected = bitmap;
            let mut different = 0;
            for bit in start..start + count {
                if let Some(byte) = expected.get_mut(bit as usize / 8) {
                    let before = *byte;
                    if used { *byte |= 1 << (bit % 8) } else { *byte &= !(1 << (bit % 8)) }
                    different += i64::from(before != *byte);
                }
            }
            prop_assert_eq!((ours, flipped), (expected, different));
        }
    }
}
