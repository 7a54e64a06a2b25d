//! The superblock: 1024 bytes at byte 1024, and copies of it at the start of some block groups; little-endian.
//!
//! | field | at |
//! | --- | --- |
//! | inodes, blocks (low), free blocks (low), free inodes | 0, 4, 12, 16 |
//! | first data block, block size, cluster size (powers of two above 1024) | 20, 24, 28 |
//! | blocks, clusters, inodes of a group | 32, 36, 40 |
//! | mounted, written, magic 0xEF53, state | 44, 48, 56, 58 |
//! | revision, first inode for files, inode size, group of this copy | 76, 84, 88, 90 |
//! | features: compatible, incompatible, read-only compatible | 92, 96, 100 |
//! | UUID, label, last mount point | 104, 120, 136 |
//! | journal: UUID, inode, device; last orphan | 208, 224, 228, 232 |
//! | size of a group descriptor, first meta block group, made | 254, 260, 264 |
//! | blocks, free blocks (high) | 336, 344 |
//! | MMP block; groups of the two copies (sparse_super2) | 360, 588 |
//! | checksum seed, inode of the orphan file, checksum | 624, 640, 1020 |
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/super.rst and fs/ext4/ext4.h (`struct ext4_super_block`).

use super::checksum::crc32c;
use super::features::{compatible, incompatible, read_only};
use kanshiki_image::bytes::{array, u16_le, u32_le, u64_le};
use kanshiki_model::FileTime;

/// Bytes of a superblock.
pub(crate) const SUPERBLOCK_BYTES: usize = 1024;

/// Where the primary superblock lies, in bytes.
pub(crate) const PRIMARY: u64 = 1024;

const MAGIC: u16 = 0xef53;
const HURD: u32 = 1;

/// What the reader needs of a superblock, checked so that the numbers go together.
#[derive(Debug, Clone)]
pub(crate) struct Superblock {
    /// The bytes as they lie on the disk.
    pub(crate) raw: Vec<u8>,
    /// Where it lies, in bytes.
    pub(crate) offset: u64,
    pub(crate) inodes: u64,
    pub(crate) blocks: u64,
    pub(crate) first_data_block: u64,
    pub(crate) block_bytes: u64,
    pub(crate) blocks_of_a_cluster: u64,
    pub(crate) blocks_of_a_group: u64,
    pub(crate) inodes_of_a_group: u64,
    pub(crate) groups: u64,
    pub(crate) inode_bytes: u64,
    pub(crate) descriptor_bytes: u64,
    /// The number of the group that this copy lies in.
    pub(crate) group: u64,
    pub(crate) revision: u32,
    pub(crate) compatible: u32,
    pub(crate) incompatible: u32,
    pub(crate) read_only: u32,
    pub(crate) first_meta_group: u64,
    /// The groups that hold copies, with sparse_super2; 0 is none.
    pub(crate) backup_groups: [u64; 2],
    pub(crate) journal_inode: u64,
    pub(crate) last_orphan: u64,
    pub(crate) orphan_file: u64,
    /// What every checksum of metadata_csum begins with.
    pub(crate) seed: u32,
    pub(crate) uuid: [u8; 16],
    pub(crate) hurd: bool,
}

impl Superblock {
    /// Takes a superblock apart.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    pub(crate) fn parse(raw: &[u8], offset: u64) -> Result<Self, String> {
        let magic = u16_le(raw, 56).unwrap_or(0);
        if magic != MAGIC {
            return Err(format!("magic {magic:#06x}, not {MAGIC:#06x}"));
        }
        let superblock = Self::fields(raw, offset).ok_or_else(|| "it ends too early".to_owned())?;
        superblock.check()?;
        Ok(superblock)
    }

    fn fields(raw: &[u8], offset: u64) -> Option<Self> {
        let raw = raw.get(..SUPERBLOCK_BYTES)?;
        let wide = |at| u32_le(raw, at).map(u64::from);
        let (compatible, incompatible, read_only) = (u32_le(raw, 92)?, u32_le(raw, 96)?, u32_le(raw, 100)?);
        let revision = u32_le(raw, 76)?;
        let high = if incompatible & incompatible::BITS_64 == 0 { 0 } else { wide(336)? };
        let blocks = high.checked_shl(32)? | wide(4)?;
        let first_data_block = wide(20)?;
        let (block_power, cluster_power) = (u32_le(raw, 24)?, u32_le(raw, 28)?);
        let bigalloc = read_only & read_only::BIGALLOC != 0;
        let ratio_power = if bigalloc { cluster_power.checked_sub(block_power).unwrap_or(u32::MAX) } else { 0 };
        let uuid: [u8; 16] = array(raw, 104)?;
        let seed =
            if incompatible & incompatible::CSUM_SEED == 0 { crc32c(u32::MAX, &uuid) } else { u32_le(raw, 624)? };
        let blocks_of_a_group = wide(32)?;
        let fields = Self {
            raw: raw.to_vec(),
            offset,
            inodes: wide(0)?,
            blocks,
            first_data_block,
            block_bytes: if block_power > 6 { 0 } else { 1024_u64.checked_shl(block_power)? },
            blocks_of_a_cluster: if ratio_power > 20 { 0 } else { 1_u64.checked_shl(ratio_power)? },
            blocks_of_a_group,
            inodes_of_a_group: wide(40)?,
            groups: 0,
            inode_bytes: if revision == 0 { 128 } else { u16_le(raw, 88)?.into() },
            descriptor_bytes: descriptor_bytes(incompatible, u16_le(raw, 254)?),
            group: u16_le(raw, 90)?.into(),
            revision,
            compatible,
            incompatible,
            read_only,
            first_meta_group: wide(260)?,
            backup_groups: [wide(588)?, wide(592)?],
            journal_inode: wide(224)?,
            last_orphan: wide(232)?,
            orphan_file: if compatible & compatible::ORPHAN_FILE == 0 { 0 } else { wide(640)? },
            seed,
            uuid,
            hurd: u32_le(raw, 72)? == HURD,
        };
        Some(fields.rounded())
    }

    /// The last group may be shorter than the others.
    fn rounded(mut self) -> Self {
        let span = self.blocks.saturating_sub(self.first_data_block);
        self.groups = if self.blocks_of_a_group == 0 { 0 } else { span.div_ceil(self.blocks_of_a_group) };
        self.inodes = self.inodes.min(self.groups.saturating_mul(self.inodes_of_a_group));
        self
    }

    fn check(&self) -> Result<(), String> {
        let Self { block_bytes, inode_bytes, descriptor_bytes, .. } = *self;
        let bits = block_bytes.saturating_mul(8);
        let wrong = |what: &str, found: u64| Err(format!("{what} is {found}"));
        if block_bytes == 0 {
            return wrong("the power of the block size", u32_le(&self.raw, 24).unwrap_or(0).into());
        }
        if self.blocks_of_a_cluster == 0 {
            return wrong("the power of the cluster size", u32_le(&self.raw, 28).unwrap_or(0).into());
        }
        if inode_bytes < 128 || inode_bytes > block_bytes || !inode_bytes.is_power_of_two() {
            return wrong("the size of an inode", inode_bytes);
        }
        let least = if self.incompatible & incompatible::BITS_64 == 0 { 32 } else { 64 };
        if descriptor_bytes < least || descriptor_bytes > 1024 || !descriptor_bytes.is_power_of_two() {
            return wrong("the size of a group descriptor", descriptor_bytes);
        }
        if self.blocks_of_a_group == 0 || self.blocks_of_a_group > bits.saturating_mul(self.blocks_of_a_cluster) {
            return wrong("the number of blocks of a group", self.blocks_of_a_group);
        }
        if self.inodes_of_a_group == 0 || self.inodes_of_a_group > bits {
            return wrong("the number of inodes of a group", self.inodes_of_a_group);
        }
        if self.blocks.checked_mul(block_bytes).is_none() || self.groups == 0 || self.groups > u32::MAX.into() {
            return wrong("the number of blocks", self.blocks);
        }
        if self.inodes < 2 {
            return wrong("the number of inodes", self.inodes);
        }
        Ok(())
    }

    pub(crate) fn has_compatible(&self, feature: u32) -> bool {
        self.compatible & feature != 0
    }

    pub(crate) fn has_incompatible(&self, feature: u32) -> bool {
        self.incompatible & feature != 0
    }

    pub(crate) fn has_read_only(&self, feature: u32) -> bool {
        self.read_only & feature != 0
    }

    /// Whether metadata has checksums of CRC-32C.
    pub(crate) fn checksums(&self) -> bool {
        self.has_read_only(read_only::METADATA_CSUM)
    }

    /// Whether the checksum of the superblock itself is right; `None` if it has none.
    pub(crate) fn checksum_is_right(&self) -> Option<bool> {
        let stored = u32_le(&self.raw, 1020).filter(|_| self.checksums())?;
        Some(crc32c(u32::MAX, self.raw.get(..1020)?) == stored)
    }

    /// ext2, ext3 or ext4, by the features that each knows.
    pub(crate) fn kind(&self) -> &'static str {
        // Source: Linux 6.12, fs/ext4/ext4.h (EXT2_FEATURE_… and EXT3_FEATURE_…_SUPP).
        const EXT3_INCOMPATIBLE: u32 = incompatible::FILETYPE | incompatible::RECOVER | incompatible::META_BG;
        const EXT3_READ_ONLY: u32 = 0x7;
        if self.incompatible & !EXT3_INCOMPATIBLE != 0 || self.read_only & !EXT3_READ_ONLY != 0 {
            "ext4"
        } else if self.has_compatible(compatible::HAS_JOURNAL) {
            "ext3"
        } else {
            "ext2"
        }
    }

    /// The first block of a group.
    pub(crate) fn group_start(&self, group: u64) -> u64 {
        group.saturating_mul(self.blocks_of_a_group).saturating_add(self.first_data_block)
    }

    /// With blocks of 1 KiB that are counted from 0, the superblock of group 0 lies in block 1.
    pub(crate) fn shift(&self, group: u64) -> u64 {
        u64::from(group == 0 && self.block_bytes == 1024 && self.first_data_block == 0)
    }

    /// The number of blocks of a group; of the last, those that there are.
    pub(crate) fn group_blocks(&self, group: u64) -> u64 {
        self.blocks.saturating_sub(self.group_start(group)).min(self.blocks_of_a_group)
    }

    /// The blocks of an inode table.
    pub(crate) fn table_blocks(&self) -> u64 {
        self.inodes_of_a_group.saturating_mul(self.inode_bytes).div_ceil(self.block_bytes.max(1))
    }

    /// Whether a block lies inside the filesystem.
    pub(crate) fn holds_block(&self, block: u64) -> bool {
        block >= self.first_data_block && block < self.blocks
    }

    /// Whether so many blocks from `block` on lie inside the filesystem.
    pub(crate) fn holds_blocks(&self, block: u64, count: u64) -> bool {
        block >= self.first_data_block && block.checked_add(count).is_some_and(|end| end <= self.blocks)
    }

    /// Where a block begins, in bytes.
    pub(crate) fn offset_of(&self, block: u64) -> u64 {
        block.saturating_mul(self.block_bytes)
    }

    /// Whether a group holds a copy of the superblock, the primary among them.
    ///
    /// Source: Linux 6.12, fs/ext4/balloc.c (`ext4_bg_has_super`).
    pub(crate) fn has_superblock(&self, group: u64) -> bool {
        if group == 0 {
            return true;
        }
        if self.has_compatible(compatible::SPARSE_SUPER2) {
            return self.backup_groups.contains(&group);
        }
        if group == 1 || !self.has_read_only(read_only::SPARSE_SUPER) {
            return true;
        }
        [3, 5, 7].into_iter().any(|base| is_power(group, base))
    }

    /// Whether an inode belongs to the filesystem itself and not to its tree.
    pub(crate) fn is_reserved(&self, inode: u64) -> bool {
        let first = if self.revision == 0 { 11 } else { u64::from(self.u32(84)) };
        inode < first && inode != 2
    }

    /// Whether an inode belongs to the filesystem itself, which alone leads to it: reserved ones, the root, and those of the
    /// journal, of quotas and of orphans, wherever they lie.
    ///
    /// Source: Linux 6.12, fs/ext4/ext4.h (`struct ext4_super_block`: `s_usr_quota_inum`, `s_grp_quota_inum`,
    /// `s_prj_quota_inum`).
    pub(crate) fn is_own(&self, inode: u64) -> bool {
        let named = [self.journal_inode, self.orphan_file];
        let quotas = [576, 580, 620].map(|at| u64::from(self.u32(at)));
        self.is_reserved(inode) || inode == 2 || named.contains(&inode) || quotas.contains(&inode)
    }

    /// A time of the superblock: 32 bits at `low`, the next 8 at `high`; `None` if it is 0.
    pub(crate) fn time(&self, low: usize, high: usize) -> Option<FileTime> {
        let high = i64::from(*self.raw.get(high)?);
        let seconds = high.checked_shl(32)? | i64::from(u32_le(&self.raw, low)?);
        (seconds != 0).then(|| FileTime::new(seconds, None))
    }

    /// A text of at most `bytes` bytes at `at`, up to the first NUL.
    pub(crate) fn text(&self, at: usize, bytes: usize) -> &[u8] {
        let field = self.raw.get(at..at.saturating_add(bytes)).unwrap_or_default();
        field.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    pub(crate) fn u16(&self, at: usize) -> u16 {
        u16_le(&self.raw, at).unwrap_or(0)
    }

    pub(crate) fn u32(&self, at: usize) -> u32 {
        u32_le(&self.raw, at).unwrap_or(0)
    }

    pub(crate) fn u64(&self, at: usize) -> u64 {
        u64_le(&self.raw, at).unwrap_or(0)
    }
}

/// The size of a descriptor. With 64bit it is stored; 0 is damage, which the smallest size stands for.
fn descriptor_bytes(incompatible: u32, stored: u16) -> u64 {
    match stored {
        _ if incompatible & incompatible::BITS_64 == 0 => 32,
        0 => 64,
        stored => stored.into(),
    }
}

/// Whether `number` is a power of `base`, the first among them.
fn is_power(number: u64, base: u64) -> bool {
    let mut power = base;
    while power < number {
        power = power.saturating_mul(base);
    }
    power == number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_lie_in_the_groups_that_are_powers_of_three_five_and_seven() {
        let groups: Vec<u64> =
            (2..400).filter(|group| [3, 5, 7].into_iter().any(|base| is_power(*group, base))).collect();
        assert_eq!(groups, [3, 5, 7, 9, 25, 27, 49, 81, 125, 243, 343]);
    }

    #[test]
    fn bad_magic_names_the_value_found() {
        let error = Superblock::parse(&[0; 1024], 1024).unwrap_err();
        assert_eq!(error, "magic 0x0000, not 0xef53");
    }
}
