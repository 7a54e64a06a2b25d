//! Inodes: 128 bytes, and more in filesystems that were made for ext4; little-endian.
//!
//! | field | at |
//! | --- | --- |
//! | mode, owner (low), size (low) | 0, 2, 4 |
//! | accessed, changed, modified, deleted | 8, 12, 16, 20 |
//! | group (low), links, blocks (low), flags, version (low) | 24, 26, 28, 32, 36 |
//! | map of the blocks: 60 bytes | 40 |
//! | generation, block of attributes (low), size (high) | 100, 104, 108 |
//! | blocks (high), block of attributes (high), owner (high), group (high), checksum (low) | 116, 118, 120, 122, 124 |
//! | bytes in use behind the first 128, checksum (high) | 128, 130 |
//! | changed, modified, accessed: nanoseconds and epoch | 132, 136, 140 |
//! | created, its nanoseconds and epoch, version (high), project | 144, 148, 152, 156 |
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/inodes.rst and fs/ext4/ext4.h (`struct ext4_inode`).

use super::cache::Bytes;
use super::checksum::crc32c;
use super::features::{flag, incompatible, read_only};
use super::sums;
use super::superblock::Superblock;
use crate::{DeviceNumber, Node, NodeId, NodeState, NodeTimes, NodeType};
use kanshiki_image::bytes::{length, u16_le, u32_le};
use kanshiki_model::FileTime;

/// Bytes of the map of blocks in an inode.
pub(crate) const MAP_BYTES: usize = 60;

/// Where the map of blocks lies in an inode.
pub(crate) const MAP_AT: usize = 40;

/// Bytes of an inode that every filesystem has.
const OLD_BYTES: usize = 128;

/// Bytes that the checksum covers of an inode of the usual size, 256.
const COVERED_BYTES: usize = 8 + 256;

/// An inode, with the fields that more than one part of the reader needs taken out.
#[derive(Debug, Clone)]
pub(crate) struct Inode {
    pub(crate) number: u64,
    /// Where it lies, in bytes.
    pub(crate) offset: u64,
    pub(crate) bytes: Bytes,
    pub(crate) mode: u16,
    pub(crate) size: u64,
    pub(crate) links: u16,
    pub(crate) flags: u32,
    pub(crate) dtime: u32,
    pub(crate) generation: u32,
    /// The block of attributes; 0 is none.
    pub(crate) attributes: u64,
    /// Bytes in use behind the first 128; 0 if the number on the disk is not possible.
    pub(crate) extra: usize,
}

impl Inode {
    pub(crate) fn parse(superblock: &Superblock, number: u64, offset: u64, bytes: Bytes) -> Option<Self> {
        let (mode, flags) = (u16_le(&bytes, 0)?, u32_le(&bytes, 32)?);
        let high = u64::from(u32_le(&bytes, 108)?);
        let regular = NodeType::from_mode(mode) == NodeType::File;
        // Source: fs/ext4/ext4.h (`ext4_isize`): in other nodes these bytes once held the ACL of a directory.
        let long = regular || superblock.has_incompatible(incompatible::LARGE_DIR);
        let low = u64::from(u32_le(&bytes, 4)?);
        let attributes_high = if superblock.hurd { 0 } else { u64::from(u16_le(&bytes, 118)?) };
        let room = bytes.len().saturating_sub(OLD_BYTES);
        let extra = if room == 0 { 0 } else { usize::from(u16_le(&bytes, 128)?) };
        Some(Self {
            number,
            offset,
            mode,
            size: if long { high.checked_shl(32)? | low } else { low },
            links: u16_le(&bytes, 26)?,
            flags,
            dtime: u32_le(&bytes, 20)?,
            generation: u32_le(&bytes, 100)?,
            attributes: attributes_high.checked_shl(32)? | u64::from(u32_le(&bytes, 104)?),
            extra: if extra <= room { extra } else { 0 },
            bytes,
        })
    }

    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn node_type(&self) -> NodeType {
        NodeType::from_mode(self.mode)
    }

    /// The map of blocks.
    pub(crate) fn map(&self) -> Option<Bytes> {
        self.bytes.part(MAP_AT, MAP_BYTES)
    }

    /// Where the map of blocks lies, in bytes of the volume.
    pub(crate) fn map_offset(&self) -> u64 {
        self.offset.saturating_add(length(MAP_AT))
    }

    pub(crate) fn u16(&self, at: usize) -> u16 {
        u16_le(&self.bytes, at).unwrap_or(0)
    }

    pub(crate) fn u32(&self, at: usize) -> u32 {
        u32_le(&self.bytes, at).unwrap_or(0)
    }

    /// A field of 32 bits behind the first 128 bytes, if the inode has it.
    pub(crate) fn extra_field(&self, at: usize) -> Option<u32> {
        let end = at.checked_add(4)?;
        u32_le(&self.bytes, at).filter(|_| end <= OLD_BYTES.saturating_add(self.extra))
    }

    /// Whether the target of this symbolic link lies in the inode.
    ///
    /// Source: e2fsprogs 1.47, lib/ext2fs/symlink.c (`ext2fs_is_fast_symlink`).
    pub(crate) fn is_fast_link(&self) -> bool {
        let outside = flag::EXTENTS | flag::INLINE_DATA | flag::EA_INODE;
        self.node_type() == NodeType::Symlink && self.size < length(MAP_BYTES) && self.flags & outside == 0
    }

    /// Whether the map holds numbers of blocks, or content, or a device.
    pub(crate) fn maps_blocks(&self) -> bool {
        let kind = self.node_type();
        let held = matches!(kind, NodeType::File | NodeType::Directory | NodeType::Symlink | NodeType::Unknown);
        held && !self.is_fast_link() && !self.has(flag::INLINE_DATA)
    }

    /// Bytes of the volume that the inode says to take.
    ///
    /// Source: fs/ext4/inode.c (`ext4_inode_blocks`).
    pub(crate) fn allocated_bytes(&self, superblock: &Superblock) -> u64 {
        let low = u64::from(self.u32(28));
        if !superblock.has_read_only(read_only::HUGE_FILE) || superblock.hurd {
            return low.saturating_mul(512);
        }
        let blocks = u64::from(self.u16(116)).checked_shl(32).unwrap_or(0) | low;
        let unit = if self.has(flag::HUGE_FILE) { superblock.block_bytes } else { 512 };
        blocks.saturating_mul(unit)
    }

    /// What the checksums of this inode's metadata begin with.
    pub(crate) fn seed(&self, superblock: &Superblock) -> u32 {
        sums::seed(superblock, self.number, self.generation)
    }

    /// The checksum as stored and as it should be; `None` if this filesystem keeps none.
    ///
    /// Source: fs/ext4/inode.c (`ext4_inode_csum`).
    pub(crate) fn checksums(&self, superblock: &Superblock) -> Option<(u32, u32)> {
        if !superblock.checksums() {
            return None;
        }
        // Covered in one piece: the number, the generation, and the record with zeroes in the place of the checksum.
        let mut covered = [0; COVERED_BYTES];
        let covered = match self.bytes.len().checked_add(8).and_then(|length| covered.get_mut(..length)) {
            Some(covered) => covered,
            None => &mut vec![0; self.bytes.len().saturating_add(8)],
        };
        let number = u32::try_from(self.number).unwrap_or(u32::MAX);
        covered.get_mut(..4)?.copy_from_slice(&number.to_le_bytes());
        covered.get_mut(4..8)?.copy_from_slice(&self.generation.to_le_bytes());
        let record = covered.get_mut(8..)?;
        record.copy_from_slice(&self.bytes);
        record.get_mut(124..126)?.fill(0);
        let low = u32::from(self.u16(124));
        if self.bytes.len() == OLD_BYTES || self.extra < 4 {
            return Some((low, crc32c(superblock.seed, covered) & 0xffff));
        }
        record.get_mut(130..132)?.fill(0);
        let high = u32::from(self.u16(130)).checked_shl(16)?;
        Some((high | low, crc32c(superblock.seed, covered)))
    }

    fn owner(&self, low: usize, high: usize) -> u32 {
        u32::from(self.u16(high)).checked_shl(16).unwrap_or(0) | u32::from(self.u16(low))
    }

    /// The number of the project, where the filesystem keeps them.
    fn project(&self, superblock: &Superblock) -> Option<u32> {
        self.extra_field(156).filter(|_| superblock.has_read_only(read_only::PROJECT))
    }

    /// A time of 32 bits at `low`; the two lowest bits at `extra` count periods of 2^32 seconds, the others nanoseconds.
    fn time(&self, low: usize, extra: usize) -> FileTime {
        let seconds = i64::from(self.u32(low).cast_signed());
        let Some(extra) = self.extra_field(extra) else { return FileTime::new(seconds, None) };
        let periods = i64::from(extra & 3).checked_shl(32).unwrap_or(0);
        FileTime::new(seconds.saturating_add(periods), Some(extra >> 2))
    }

    /// When it was created; `None` if the inode has no such field, or nothing was ever written there.
    fn created(&self) -> Option<FileTime> {
        let low = self.extra_field(144)?;
        (low != 0 || self.extra_field(148).unwrap_or(0) != 0).then(|| self.time(144, 148))
    }

    fn times(&self, state: NodeState) -> NodeTimes {
        let deleted = (self.dtime != 0 && state != NodeState::Orphan).then(|| FileTime::new(self.dtime.into(), None));
        NodeTimes {
            accessed: Some(self.time(8, 140)),
            modified: Some(self.time(16, 136)),
            changed: Some(self.time(12, 132)),
            created: self.created(),
            deleted,
        }
    }

    /// The device of a device node: 8 bits each, or 12 and 20 bits in the second word.
    ///
    /// Source: Linux 6.12, fs/ext4/inode.c (`__ext4_iget`) and include/linux/kdev_t.h.
    fn device(&self) -> Option<DeviceNumber> {
        if !matches!(self.node_type(), NodeType::CharacterDevice | NodeType::BlockDevice) {
            return None;
        }
        let (old, new) = (self.u32(MAP_AT), self.u32(44));
        if old != 0 {
            return Some(DeviceNumber { major: old >> 8 & 0xff, minor: old & 0xff });
        }
        Some(DeviceNumber { major: new >> 8 & 0xfff, minor: new & 0xff | new >> 12 & 0xf_ff00 })
    }

    /// What it says, for the view of all filesystems.
    pub(crate) fn node(&self, superblock: &Superblock, state: NodeState) -> Node {
        Node {
            id: NodeId { inode: self.number, generation: self.generation },
            node_type: self.node_type(),
            state,
            mode: self.mode,
            uid: self.owner(2, 120),
            gid: self.owner(24, 122),
            project: self.project(superblock),
            links: self.links.into(),
            size: self.size,
            allocated_bytes: self.allocated_bytes(superblock),
            times: self.times(state),
            flags: self.flags,
            encrypted: self.has(flag::ENCRYPT),
            device: self.device(),
            offset: self.offset,
        }
    }
}
