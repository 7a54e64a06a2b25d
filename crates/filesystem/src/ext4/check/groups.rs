//! Group descriptors, bitmaps and what they count.

use super::superblocks::free_clusters;
use super::{Flow, GO_ON, Report};
use crate::ext4::checksum::crc32c;
use crate::ext4::groups::{self, BLOCK_UNINIT, Descriptor, INODE_UNINIT};
use crate::ext4::sums::wrong_sum;
use crate::ext4::volume::{Volume, bit};
use kanshiki_image::bytes::bounded;

pub(super) fn check(volume: &Volume, report: &mut Report<'_>) -> Flow {
    let mut group = 0;
    while group < volume.superblock.groups {
        group = one(volume, report, group)?;
    }
    overlaps(volume, report)
}

/// Checks a group; gives out the next.
fn one(volume: &Volume, report: &mut Report<'_>, group: u64) -> std::ops::ControlFlow<(), u64> {
    const STRUCTURE: &str = "group descriptor";
    let next = group.saturating_add(1);
    let (bytes, descriptor) = match volume.descriptor_copy(group, 0) {
        Ok(found) => found,
        Err(error) => {
            report.pass(error)?;
            // The other descriptors of the block cannot be read either.
            let superblock = &volume.superblock;
            let in_a_block = superblock.block_bytes.checked_div(superblock.descriptor_bytes).unwrap_or(1);
            return Flow::Continue(())
                .map_continue(|()| next.checked_next_multiple_of(in_a_block.max(1)).unwrap_or(u64::MAX));
        }
    };
    let expected = groups::checksum(&volume.superblock, group, &bytes);
    if let Some(expected) = expected.filter(|expected| *expected != descriptor.checksum) {
        let detail = format!("of group {group}: checksum {:#06x}, not {expected:#06x}", descriptor.checksum);
        report.tell(STRUCTURE, None, descriptor.offset, detail)?;
    }
    if !descriptor.is_plausible(&volume.superblock) {
        let Descriptor { block_bitmap, inode_bitmap, inode_table, .. } = descriptor;
        let places = format!("block bitmap {block_bitmap}, inode bitmap {inode_bitmap}, inode table {inode_table}");
        report.tell(
            STRUCTURE,
            None,
            descriptor.offset,
            format!("of group {group}: outside of the filesystem: {places}"),
        )?;
    } else {
        bitmaps(volume, report, group, &descriptor)?;
    }
    Flow::Continue(()).map_continue(|()| next)
}

fn bitmaps(volume: &Volume, report: &mut Report<'_>, group: u64, descriptor: &Descriptor) -> Flow {
    let superblock = &volume.superblock;
    let clusters = superblock.blocks_of_a_group.checked_div(superblock.blocks_of_a_cluster).unwrap_or(0);
    if descriptor.flags & BLOCK_UNINIT == 0 {
        let (place, stored) = (descriptor.block_bitmap, descriptor.block_bitmap_checksum);
        sum(volume, report, "block bitmap", place, clusters, stored)?;
    }
    if descriptor.flags & INODE_UNINIT == 0 {
        let (place, stored) = (descriptor.inode_bitmap, descriptor.inode_bitmap_checksum);
        sum(volume, report, "inode bitmap", place, superblock.inodes_of_a_group, stored)?;
    }
    let free = free_clusters(volume, group);
    if let Some(free) = free.filter(|free| *free != descriptor.free_blocks) {
        let detail = format!("of group {group}: {} free blocks, where the bitmap has {free}", descriptor.free_blocks);
        report.tell("group descriptor", None, descriptor.offset, detail)?;
    }
    let free = free_inodes(volume, descriptor);
    if let Some(free) = free.filter(|free| *free != descriptor.free_inodes) {
        let detail = format!("of group {group}: {} free inodes, where the bitmap has {free}", descriptor.free_inodes);
        report.tell("group descriptor", None, descriptor.offset, detail)?;
    }
    GO_ON
}

fn free_inodes(volume: &Volume, descriptor: &Descriptor) -> Option<u64> {
    let inodes = volume.superblock.inodes_of_a_group;
    if descriptor.flags & INODE_UNINIT != 0 {
        return Some(inodes);
    }
    let bitmap = volume.block(descriptor.inode_bitmap, "inode bitmap", None).ok()?;
    let free = (0..inodes).filter(|index| bit(&bitmap, *index) == Some(false)).count();
    u64::try_from(free).ok()
}

/// The checksum of a bitmap of so many bits.
///
/// Source: Linux 6.12, fs/ext4/bitmap.c.
fn sum(volume: &Volume, report: &mut Report<'_>, structure: &'static str, place: u64, bits: u64, stored: u32) -> Flow {
    let Some(bitmap) = report.take(volume.block(place, structure, None))? else { return GO_ON };
    if !volume.superblock.checksums() {
        return GO_ON;
    }
    let expected = crc32c(volume.superblock.seed, bitmap.get(..bounded(bits / 8, bitmap.len())).unwrap_or_default());
    let expected = if volume.superblock.descriptor_bytes < 64 { expected & 0xffff } else { expected };
    if stored == expected {
        return GO_ON;
    }
    report.tell(structure, None, volume.superblock.offset_of(place), wrong_sum(stored, expected))
}

/// Metadata that lies where other metadata lies.
fn overlaps(volume: &Volume, report: &mut Report<'_>) -> Flow {
    let mut last: Option<crate::ext4::layout::Span> = None;
    for span in volume.layout().spans() {
        if let Some(before) = last.filter(|before| span.start < before.end) {
            let offset = volume.superblock.offset_of(span.start);
            report.tell("block group", None, offset, format!("{before} and {span} lie in the same blocks"))?;
        }
        if last.is_none_or(|before| before.end < span.end) {
            last = Some(*span);
        }
    }
    GO_ON
}
