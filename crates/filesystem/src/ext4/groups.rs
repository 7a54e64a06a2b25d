//! Group descriptors: where a block group keeps its bitmaps and inodes; little-endian.
//!
//! | field | at, and its high half with 64bit |
//! | --- | --- |
//! | block bitmap, inode bitmap, inode table | 0, 4, 8; 32, 36, 40 |
//! | free blocks, free inodes, directories | 12, 14, 16; 44, 46, 48 |
//! | flags | 18 |
//! | checksums of the bitmaps | 24, 26; 56, 58 |
//! | inodes of the table that were never used | 28; 50 |
//! | checksum of the descriptor | 30 |
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/group_descr.rst; fs/ext4/super.c (`ext4_group_desc_csum`,
//! `descriptor_loc`); e2fsprogs 1.47, lib/ext2fs/openfs.c (`ext2fs_descriptor_block_loc2`).

use super::checksum::{crc16, crc32c};
use super::features::{incompatible, read_only};
use super::superblock::Superblock;
use kanshiki_image::bytes::{u16_le, u32_le};

/// The inode bitmap and table of the group were never written.
pub(crate) const INODE_UNINIT: u16 = 1;

/// The block bitmap of the group was never written.
pub(crate) const BLOCK_UNINIT: u16 = 2;

/// A group descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) block_bitmap: u64,
    pub(crate) inode_bitmap: u64,
    pub(crate) inode_table: u64,
    pub(crate) free_blocks: u64,
    pub(crate) free_inodes: u64,
    pub(crate) directories: u64,
    pub(crate) flags: u16,
    /// Inodes at the end of the table that were never used.
    pub(crate) unused_inodes: u64,
    pub(crate) checksum: u16,
    pub(crate) block_bitmap_checksum: u32,
    pub(crate) inode_bitmap_checksum: u32,
    /// Where it lies, in bytes.
    pub(crate) offset: u64,
}

impl Descriptor {
    /// Takes a descriptor apart; `None` if the bytes end too early.
    pub(crate) fn parse(superblock: &Superblock, bytes: &[u8], offset: u64) -> Option<Self> {
        // Source: fs/ext4/super.c: the high halves count from a size of 64 on.
        let wide = superblock.has_incompatible(incompatible::BITS_64) && bytes.len() >= 64;
        let block = |low, high| {
            let high = if wide { u32_le(bytes, high)? } else { 0 };
            Some(u64::from(high).checked_shl(32)? | u64::from(u32_le(bytes, low)?))
        };
        let half = |low, high| {
            let high = if wide { u16_le(bytes, high)? } else { 0 };
            Some(u32::from(high).checked_shl(16)? | u32::from(u16_le(bytes, low)?))
        };
        Some(Self {
            block_bitmap: block(0, 32)?,
            inode_bitmap: block(4, 36)?,
            inode_table: block(8, 40)?,
            free_blocks: half(12, 44)?.into(),
            free_inodes: half(14, 46)?.into(),
            directories: half(16, 48)?.into(),
            // Without a checksum the flags have no meaning.
            flags: if has_checksum(superblock) { u16_le(bytes, 18)? } else { 0 },
            unused_inodes: if has_checksum(superblock) { half(28, 50)?.into() } else { 0 },
            checksum: u16_le(bytes, 30)?,
            block_bitmap_checksum: half(24, 56)?,
            inode_bitmap_checksum: half(26, 58)?,
            offset,
        })
    }

    /// What a copy of the descriptor is good for: copies are not kept up to date, so that what it says about unused
    /// tables and bitmaps may no longer hold.
    pub(crate) fn as_copy(mut self) -> Self {
        self.flags = 0;
        self.unused_inodes = 0;
        self
    }

    /// Whether what it points to lies inside the filesystem.
    pub(crate) fn is_plausible(&self, superblock: &Superblock) -> bool {
        let places = [self.block_bitmap, self.inode_bitmap, self.inode_table];
        places.into_iter().all(|block| block > 0 && superblock.holds_block(block))
            && superblock.holds_blocks(self.inode_table, superblock.table_blocks())
    }
}

/// Whether descriptors have a checksum.
pub(crate) fn has_checksum(superblock: &Superblock) -> bool {
    superblock.checksums() || superblock.has_read_only(read_only::GDT_CSUM)
}

/// The checksum that the descriptor of a group should have; `None` if this filesystem keeps none.
pub(crate) fn checksum(superblock: &Superblock, group: u64, bytes: &[u8]) -> Option<u16> {
    let number = u32::try_from(group).ok()?.to_le_bytes();
    let (before, after) = (bytes.get(..30)?, bytes.get(32..)?);
    if superblock.checksums() {
        let sum = crc32c(crc32c(crc32c(crc32c(superblock.seed, &number), before), &[0, 0]), after);
        return u16::try_from(sum & 0xffff).ok();
    }
    if superblock.has_read_only(read_only::GDT_CSUM) {
        let after = if superblock.has_incompatible(incompatible::BITS_64) { after } else { &[] };
        return Some(crc16(&[&superblock.uuid, &number, before, after]));
    }
    None
}

/// The block that holds the descriptor of a group, and where in it, in bytes. `copy` 0 is the primary; the others are
/// copies; `None` if there is no such copy.
pub(crate) fn place(superblock: &Superblock, group: u64, copy: usize) -> Option<(u64, usize)> {
    let in_a_block = superblock.block_bytes.checked_div(superblock.descriptor_bytes)?;
    let number = group.checked_div(in_a_block)?;
    let within = group.checked_rem(in_a_block)?.checked_mul(superblock.descriptor_bytes)?;
    let within = usize::try_from(within).ok()?;
    if superblock.has_incompatible(incompatible::META_BG) && number >= superblock.first_meta_group {
        let first = number.checked_mul(in_a_block)?;
        let holder = first.checked_add(match copy {
            0 => 0,
            1 => 1,
            2 => in_a_block.saturating_sub(1),
            _ => return None,
        });
        let holder = holder.filter(|holder| *holder < superblock.groups)?;
        let behind = u64::from(superblock.has_superblock(holder)).checked_add(superblock.shift(holder))?;
        return Some((superblock.group_start(holder).checked_add(behind)?, within));
    }
    let holder = if copy == 0 { 0 } else { backups(superblock).nth(copy.saturating_sub(1))? };
    let behind = number.checked_add(1)?.checked_add(superblock.shift(holder))?;
    Some((superblock.group_start(holder).checked_add(behind)?, within))
}

/// The groups that hold copies of the superblock and of the descriptors: as many as are worth trying.
pub(crate) fn backups(superblock: &Superblock) -> impl Iterator<Item = u64> + '_ {
    let last = superblock.groups.min(100_000);
    let near = (1..last).filter(|group| superblock.has_superblock(*group)).take(8);
    let far = superblock.backup_groups.into_iter().filter(move |group| *group >= last && *group < superblock.groups);
    near.chain(far.filter(|group| superblock.has_superblock(*group)))
}
