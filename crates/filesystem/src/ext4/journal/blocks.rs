//! The blocks of the log: headers, tags, commits and revocations, from bytes to values.
//!
//! | tag | block | flags | upper half of block | checksum | length |
//! | --- | --- | --- | --- | --- | --- |
//! | checksums V3 | 0 | 6 (16 bits) | 8, if wide | 12 (32 bits) | 16 |
//! | else | 0 | 6 (16 bits) | 8, if wide | 4 (16 bits), if V2 | 8, or 12 if wide; 2 more if V2 |
//!
//! A tag without the flag "same UUID" is followed by the 16 bytes of a UUID.

use super::checksum::crc32c;
use super::superblock::MAGIC;
use super::{ChecksumKind, Superblock};
use kanshiki_image::bytes::{array, u16_be, u32_be};
use kanshiki_model::FileTime;

const HEADER_BYTES: usize = 12;
const TAIL_BYTES: usize = 4;
const UUID_BYTES: usize = 16;
const COMMIT_SUM: usize = 16;
/// The length of a commit block's fields with their padding (`struct commit_header`).
const COMMIT_BYTES: usize = 64;

const FLAG_ESCAPED: u16 = 1;
const FLAG_SAME_UUID: u16 = 2;
const FLAG_LAST: u16 = 8;

/// What a block of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Descriptor,
    Commit,
    Revocation,
    Other,
}

/// What a block of the log begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) sequence: u32,
}

impl Header {
    /// `None` if the block does not begin with the magic.
    pub(super) fn parse(block: &[u8]) -> Option<Self> {
        u32_be(block, 0).filter(|magic| *magic == MAGIC)?;
        let kind = match u32_be(block, 4)? {
            1 => Kind::Descriptor,
            2 => Kind::Commit,
            5 => Kind::Revocation,
            _ => Kind::Other,
        };
        Some(Self { kind, sequence: u32_be(block, 8)? })
    }
}

/// What a descriptor says of one copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    /// The block of the volume.
    pub(super) block: u64,
    /// Whether the copy's first four bytes, the magic, are stored as zeroes.
    pub(super) escaped: bool,
    /// The checksum, of which V2 keeps the lower 16 bits.
    checksum: u32,
}

/// How the blocks of this journal are laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) block_bytes: usize,
    checksums: ChecksumKind,
    wide: bool,
    seed: u32,
    tag_bytes: usize,
    /// Where tags and revocations end: before the checksum of the block, if it has one.
    end: usize,
}

impl Layout {
    pub(super) fn new(superblock: &Superblock, block_bytes: usize) -> Self {
        let checksums = superblock.checksums;
        let tag_bytes = match (checksums, superblock.wide) {
            (ChecksumKind::V3, _) => 16,
            (ChecksumKind::V2, true) => 14,
            (ChecksumKind::V2, false) => 10,
            (_, true) => 12,
            (_, false) => 8,
        };
        let tail = if checksums.each_block() { TAIL_BYTES } else { 0 };
        let end = block_bytes.saturating_sub(tail);
        Self { block_bytes, checksums, wide: superblock.wide, seed: superblock.seed(), tag_bytes, end }
    }

    /// The tags of a descriptor block.
    pub(super) fn tags<'a>(&self, block: &'a [u8]) -> impl Iterator<Item = Tag> + use<'a> {
        let layout = *self;
        let mut at = Some(HEADER_BYTES);
        std::iter::from_fn(move || {
            let start = at.take()?;
            let end = start.checked_add(layout.tag_bytes).filter(|end| *end <= layout.end)?;
            let flags = u16_be(block, start.checked_add(6)?)?;
            if flags & FLAG_LAST == 0 {
                at = if flags & FLAG_SAME_UUID == 0 { end.checked_add(UUID_BYTES) } else { Some(end) };
            }
            layout.tag(block.get(start..end)?, flags)
        })
    }

    fn tag(&self, bytes: &[u8], flags: u16) -> Option<Tag> {
        let low = u64::from(u32_be(bytes, 0)?);
        let high = if self.wide { u64::from(u32_be(bytes, 8)?) } else { 0 };
        let checksum = match self.checksums {
            ChecksumKind::V3 => u32_be(bytes, 12)?,
            _ => u32::from(u16_be(bytes, 4)?),
        };
        Some(Tag { block: high << 32 | low, escaped: flags & FLAG_ESCAPED != 0, checksum })
    }

    /// The blocks that a revocation block names; `None` if it claims to be longer than a block.
    pub(super) fn revoked<'a>(&self, block: &'a [u8]) -> Option<impl Iterator<Item = u64> + use<'a>> {
        let end = usize::try_from(u32_be(block, HEADER_BYTES)?).ok().filter(|end| *end <= self.end)?;
        let records = block.get(HEADER_BYTES.saturating_add(4)..end).unwrap_or_default();
        let wide = self.wide;
        Some(records.chunks_exact(if wide { 8 } else { 4 }).filter_map(move |record| {
            if wide { array(record, 0).map(u64::from_be_bytes) } else { u32_be(record, 0).map(u64::from) }
        }))
    }

    /// Whether the checksum at the end of a descriptor or revocation block holds, where there is one.
    pub(super) fn tail_holds(&self, block: &[u8]) -> bool {
        !self.checksums.each_block() || self.sum_without(block, self.end) == u32_be(block, self.end)
    }

    /// Whether the checksum of a commit block holds, where it has one of its own. It also holds if it does so with zeroes
    /// behind the fields, where a block that was written in part has something else.
    pub(super) fn commit_holds(&self, block: &[u8]) -> bool {
        if !self.checksums.each_block() {
            return true;
        }
        let stored = u32_be(block, COMMIT_SUM);
        if self.sum_without(block, COMMIT_SUM) == stored {
            return true;
        }
        let mut fields = block.get(..COMMIT_BYTES).unwrap_or_default().to_vec();
        fields.resize(block.len(), 0);
        self.sum_without(&fields, COMMIT_SUM) == stored
    }

    /// Whether the checksum of a copy holds, where it has one.
    pub(super) fn copy_holds(&self, tag: Tag, sequence: u32, copy: &[u8]) -> bool {
        let sum = || crc32c(crc32c(self.seed, &sequence.to_be_bytes()), copy);
        match self.checksums {
            ChecksumKind::V3 => sum() == tag.checksum,
            ChecksumKind::V2 => sum() & 0xffff == tag.checksum,
            _ => true,
        }
    }

    /// The checksum of a block with the four bytes at `at` taken as zero.
    fn sum_without(&self, block: &[u8], at: usize) -> Option<u32> {
        let (before, rest) = block.split_at_checked(at)?;
        let sum = crc32c(crc32c(self.seed, before), &[0; 4]);
        Some(crc32c(sum, rest.get(4..)?))
    }
}

/// When a transaction was committed, as its commit block says.
pub(super) fn commit_time(block: &[u8]) -> Option<FileTime> {
    let seconds = array(block, 48).map(u64::from_be_bytes)?;
    let nanoseconds = u32_be(block, 56)?;
    i64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(|seconds| FileTime::new(seconds, Some(nanoseconds)))
}

/// The seconds of a commit block as recovery compares them.
pub(super) fn commit_seconds(block: &[u8]) -> u64 {
    array(block, 48).map(u64::from_be_bytes).unwrap_or_default()
}

/// Whether the checksum V1 of a transaction, `sum`, is what its commit block holds; all zero means that it holds none.
pub(super) fn transaction_sum_holds(block: &[u8], sum: u32) -> bool {
    let kind: Option<[u8; 2]> = array(block, 12);
    let stored = u32_be(block, COMMIT_SUM);
    (kind == Some([1, 4]) && stored == Some(sum)) || (kind == Some([0, 0]) && stored == Some(0))
}
