//! The superblock, its copies, and what hangs on it alone.

use super::{Flow, GO_ON, Report};
use crate::ext4::bitmap;
use crate::ext4::checksum::crc32c;
use crate::ext4::features::incompatible;
use crate::ext4::groups::backups;
use crate::ext4::map::{Pieces, Spot};
use crate::ext4::sums::wrong_sum;
use crate::ext4::superblock::{PRIMARY, SUPERBLOCK_BYTES, Superblock};
use crate::ext4::volume::Volume;
use kanshiki_image::bytes::u32_le;

const MMP_MAGIC: u32 = 0x004d_4d50;
const ORPHAN_MAGIC: u32 = 0x0b10_ca04;

pub(super) fn check(volume: &Volume, report: &mut Report<'_>) -> Flow {
    primary(volume, report)?;
    for group in backups(&volume.superblock) {
        copy(volume, report, group)?;
    }
    mmp(volume, report)?;
    for trouble in &volume.orphans().trouble {
        report.tell("orphan list", None, volume.superblock.offset, trouble.clone())?;
    }
    orphan_file(volume, report)
}

fn primary(volume: &Volume, report: &mut Report<'_>) -> Flow {
    const STRUCTURE: &str = "superblock";
    let superblock = &volume.superblock;
    if superblock.offset != PRIMARY {
        report.tell(STRUCTURE, None, PRIMARY, "it is no superblock; a copy stands for it")?;
    }
    if superblock.has_incompatible(incompatible::BITS_64) && superblock.u16(254) == 0 {
        report.tell(STRUCTURE, None, superblock.offset, "it tells of group descriptors of no bytes")?;
    }
    if superblock.checksum_is_right() == Some(false) {
        let expected = crc32c(u32::MAX, superblock.raw.get(..1020).unwrap_or_default());
        report.tell(STRUCTURE, None, superblock.offset, wrong_sum(superblock.u32(1020), expected))?;
    }
    let length = superblock.offset_of(superblock.blocks);
    if volume.source.len() < length {
        let detail = format!("it tells of {length} bytes where there are {}", volume.source.len());
        report.tell(STRUCTURE, None, superblock.offset, detail)?;
    }
    GO_ON
}

fn copy(volume: &Volume, report: &mut Report<'_>, group: u64) -> Flow {
    const STRUCTURE: &str = "copy of the superblock";
    let superblock = &volume.superblock;
    let offset = superblock.offset_of(superblock.group_start(group));
    let Some(raw) = report.take(volume.bytes(offset, SUPERBLOCK_BYTES, STRUCTURE, None))? else { return GO_ON };
    let copy = match Superblock::parse(&raw, offset) {
        Ok(copy) => copy,
        Err(wrong) => return report.tell(STRUCTURE, None, offset, wrong),
    };
    let fields = |of: &Superblock| (of.block_bytes, of.blocks_of_a_group, of.inodes_of_a_group, of.inode_bytes);
    if fields(&copy) != fields(superblock) {
        report.tell(STRUCTURE, None, offset, "it tells of other sizes than the superblock in use")?;
    }
    if copy.checksum_is_right() == Some(false) {
        let expected = crc32c(u32::MAX, copy.raw.get(..1020).unwrap_or_default());
        report.tell(STRUCTURE, None, offset, wrong_sum(copy.u32(1020), expected))?;
    }
    GO_ON
}

/// Multiple mount protection. Source: Linux 6.12, fs/ext4/mmp.c.
fn mmp(volume: &Volume, report: &mut Report<'_>) -> Flow {
    const STRUCTURE: &str = "block of multiple mount protection";
    let superblock = &volume.superblock;
    if !superblock.has_incompatible(incompatible::MMP) {
        return GO_ON;
    }
    let number = superblock.u64(360);
    let offset = superblock.offset_of(number);
    let Some(block) = report.take(volume.block(number, STRUCTURE, None))? else { return GO_ON };
    let magic = u32_le(&block, 0).unwrap_or(0);
    if magic != MMP_MAGIC {
        return report.tell(STRUCTURE, None, offset, format!("magic {magic:#010x}, not {MMP_MAGIC:#010x}"));
    }
    let (stored, expected) = (u32_le(&block, 1020), block.get(..1020).map(|bytes| crc32c(superblock.seed, bytes)));
    match (stored, expected) {
        (Some(stored), Some(expected)) if superblock.checksums() && stored != expected => {
            report.tell(STRUCTURE, None, offset, wrong_sum(stored, expected))
        }
        _ => GO_ON,
    }
}

/// The ends of the orphan file's blocks. Source: Linux 6.12, fs/ext4/orphan.c (`ext4_orphan_file_block_csum`).
fn orphan_file(volume: &Volume, report: &mut Report<'_>) -> Flow {
    const STRUCTURE: &str = "orphan file";
    let superblock = &volume.superblock;
    let number = superblock.orphan_file;
    if number == 0 {
        return GO_ON;
    }
    // An inode that cannot be read is told with the others.
    let Ok(inode) = volume.inode(number) else { return GO_ON };
    for piece in Pieces::new(volume, &inode, 0) {
        let Ok(Spot::Stored(start)) = piece.spot else { continue };
        for block in start..start.saturating_add(piece.blocks) {
            let offset = superblock.offset_of(block);
            let Some(bytes) = report.take(volume.block(block, STRUCTURE, Some(number)))? else { return GO_ON };
            let end = bytes.len().saturating_sub(8);
            let (magic, stored) =
                (u32_le(&bytes, end).unwrap_or(0), u32_le(&bytes, end.saturating_add(4)).unwrap_or(0));
            if magic != ORPHAN_MAGIC {
                report.tell(
                    STRUCTURE,
                    Some(number),
                    offset,
                    format!("magic {magic:#010x}, not {ORPHAN_MAGIC:#010x}"),
                )?;
            }
            let sum = crc32c(inode.seed(superblock), &block.to_le_bytes());
            let expected = crc32c(sum, bytes.get(..end).unwrap_or_default());
            if superblock.checksums() && stored != expected {
                report.tell(STRUCTURE, Some(number), offset, wrong_sum(stored, expected))?;
            }
        }
    }
    GO_ON
}

/// The number of free clusters in a group, as its bitmap says; `None` if it cannot be read.
pub(super) fn free_clusters(volume: &Volume, group: u64) -> Option<u64> {
    let superblock = &volume.superblock;
    let blocks = bitmap::FreeBlocks::of(volume, group).ok()?;
    let (mut at, mut free) = (superblock.group_start(group), 0_u64);
    while let Some((is_free, end)) = blocks.run(at, u64::MAX) {
        let clusters = end.saturating_sub(at).div_ceil(superblock.blocks_of_a_cluster.max(1));
        free = free.saturating_add(if is_free { clusters } else { 0 });
        at = end;
    }
    Some(free)
}
