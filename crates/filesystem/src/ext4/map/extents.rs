//! Extent trees: nodes of 12-byte records behind a header of 12 bytes; little-endian.
//!
//! | field | at |
//! | --- | --- |
//! | header: magic 0xF30A, records in use, room for records, depth | 0, 2, 4, 6 |
//! | leaf: first block of the file, length, block (high), block (low) | 0, 4, 6, 8 |
//! | index: first block of the file, node (low), node (high) | 0, 4, 8 |
//!
//! A length above 32768 is that of blocks which were never written. Behind the records of a node that is a block of its
//! own follows a checksum, where metadata has checksums.
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/ifork.rst; fs/ext4/ext4_extents.h.

use super::{GoneInto, MapBlock, Piece, Spot, TOO_MANY, budget};
use crate::FsError;
use crate::ext4::cache::Bytes;
use crate::ext4::inode::Inode;
use crate::ext4::sums;
use crate::ext4::volume::Volume;
use kanshiki_image::bytes::{u16_le, u32_le};

const MAGIC: u16 = 0xf30a;
const RECORD: usize = 12;

/// The deepest tree that Linux makes (`EXT4_MAX_EXTENT_DEPTH`).
pub(crate) const DEEPEST: u16 = 5;

/// Longest extent of written blocks.
const LONGEST: u16 = 32_768;

/// The header of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) entries: u16,
    pub(crate) room: u16,
    pub(crate) depth: u16,
}

impl Header {
    /// Takes a header apart and checks it against its node.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    pub(crate) fn parse(node: &[u8], depth: Option<u16>) -> Result<Self, String> {
        let field = |at| u16_le(node, at).ok_or_else(|| "it is cut off".to_owned());
        let header = Self { entries: field(2)?, room: field(4)?, depth: field(6)? };
        let magic = field(0)?;
        let fits = usize::from(header.entries).saturating_add(1).saturating_mul(RECORD) <= node.len();
        if magic != MAGIC {
            return Err(format!("magic {magic:#06x}, not {MAGIC:#06x}"));
        }
        if header.depth > DEEPEST || depth.is_some_and(|depth| depth != header.depth) {
            let expected = depth.map_or(format!("at most {DEEPEST}"), |depth| depth.to_string());
            return Err(format!("depth {}, not {expected}", header.depth));
        }
        if header.entries > header.room || !fits {
            let Self { entries, room, .. } = header;
            return Err(format!("{entries} records where there is room for {room} in {} bytes", node.len()));
        }
        Ok(header)
    }
}

/// A node that is being gone through.
#[derive(Debug)]
struct Level {
    node: Bytes,
    /// Where the node lies, in bytes of the volume.
    offset: u64,
    entries: u16,
    depth: u16,
    /// The next record.
    next: u16,
    /// The blocks of the file that the node is for.
    start: u64,
    end: u64,
}

impl Level {
    fn record(&self, number: u16) -> Option<&[u8]> {
        if number >= self.entries {
            return None;
        }
        let at = usize::from(number).checked_add(1)?.checked_mul(RECORD)?;
        self.node.get(at..at.checked_add(RECORD)?)
    }

    fn record_offset(&self, number: u16) -> u64 {
        self.offset.saturating_add(u64::from(number).saturating_add(1).saturating_mul(12))
    }

    /// The first block of the file in a record.
    fn first(&self, number: u16) -> Option<u64> {
        u32_le(self.record(number)?, 0).map(u64::from)
    }

    /// Goes on to the record in which the block `from` of the file may lie.
    fn skip_to(&mut self, from: u64) {
        if from == 0 {
            return;
        }
        while self.first(self.next.saturating_add(1)).is_some_and(|first| first <= from) {
            self.next = self.next.saturating_add(1);
        }
    }
}

/// The extents of a file from a block on, in order.
#[derive(Debug)]
pub(crate) struct Extents<'a> {
    volume: &'a Volume,
    inode: u64,
    generation: u32,
    levels: Vec<Level>,
    from: u64,
    until: u64,
    gone_into: GoneInto,
    /// The end of the extents so far.
    at: u64,
    damage: Option<Piece>,
    /// Blocks that may still be gone through: no file has more than the volume.
    budget: u64,
    pub(super) record: bool,
    pub(super) map_blocks: Vec<MapBlock>,
}

impl<'a> Extents<'a> {
    pub(crate) fn new(volume: &'a Volume, inode: &Inode, from: u64, until: u64) -> Self {
        let number = inode.number;
        let mut extents = Self {
            volume,
            inode: number,
            generation: inode.generation,
            levels: Vec::new(),
            from,
            until,
            gone_into: GoneInto::default(),
            at: 0,
            damage: None,
            budget: budget(volume),
            record: false,
            map_blocks: Vec::new(),
        };
        if let Some(root) = inode.map() {
            extents.enter(root, inode.map_offset(), None, 0, u64::MAX);
        }
        extents
    }

    fn damaged(&self, structure: &'static str, offset: u64, detail: String) -> FsError {
        FsError::Damaged { structure, inode: Some(self.inode), offset, detail }
    }

    /// Begins with a node, which is for the blocks of the file from `start` up to `end`.
    fn enter(&mut self, node: Bytes, offset: u64, depth: Option<u16>, start: u64, end: u64) {
        let header = match Header::parse(&node, depth) {
            Ok(header) => header,
            Err(detail) => return self.lose(start, end, self.damaged("extent header", offset, detail)),
        };
        let mut level = Level { node, offset, entries: header.entries, depth: header.depth, next: 0, start, end };
        // Nodes that are pointed to from several places would be gone through again and again: each is for its blocks.
        if let Some(first) = level.first(0).filter(|first| *first < start || *first >= end) {
            let detail = format!("it begins with block {first} of the file, outside of {start} to {end}");
            return self.lose(start, end, self.damaged("extent node", offset, detail));
        }
        level.skip_to(self.from);
        self.levels.push(level);
    }

    /// Blocks of the file that cannot be told.
    fn lose(&mut self, start: u64, end: u64, error: FsError) {
        // A file has 2^32 blocks at most.
        let blocks = end.min(1 << 32).saturating_sub(start);
        self.damage = Some(Piece { start, blocks, spot: Err(error) });
    }

    /// A record of an index node, on the way down.
    fn descend(&mut self) {
        let Some(level) = self.levels.last_mut() else { return };
        let number = level.next;
        level.next = number.saturating_add(1);
        let offset = level.record_offset(number);
        let depth = level.depth.saturating_sub(1);
        let end = level.first(level.next).unwrap_or(level.end);
        let (level_start, level_end) = (level.start, level.end);
        let Some(record) = level.record(number) else { return };
        let (first, low, high) = (u32_le(record, 0), u32_le(record, 4), u16_le(record, 8));
        let (Some(first), Some(low), Some(high)) = (first.map(u64::from), low, high) else { return };
        let block = u64::from(high).checked_shl(32).unwrap_or(0) | u64::from(low);
        let in_order = first >= level_start.max(self.at) && first < end && end <= level_end;
        if !in_order {
            let detail = format!("an index for blocks {first} to {end} of the file stands out of order");
            return self.lose(first, first, self.damaged("extent index", offset, detail));
        }
        if let Err(detail) = self.gone_into.enter(block) {
            return self.lose(first, end, self.damaged("extent index", offset, detail));
        }
        // A block that cannot be read is the file's all the same.
        if self.record && self.volume.superblock.holds_block(block) {
            self.map_blocks.push(MapBlock { block, level: u32::from(depth).saturating_add(1), start: first });
        }
        match self.volume.block(block, "extent node", Some(self.inode)) {
            Ok(node) => {
                self.budget = self.budget.saturating_sub(1);
                let (superblock, offset) = (&self.volume.superblock, self.volume.superblock.offset_of(block));
                if let Some(wrong) = sums::extent_node(superblock, self.inode, self.generation, &node) {
                    self.volume.noticed.add("extent node", Some(self.inode), offset, wrong);
                }
                self.enter(node, offset, Some(depth), first, end);
            }
            Err(error) => self.lose(first, end, error),
        }
    }

    /// A record of a leaf.
    fn extent(&mut self) -> Option<Piece> {
        let level = self.levels.last_mut()?;
        let number = level.next;
        level.next = number.saturating_add(1);
        let (offset, start, end) = (level.record_offset(number), level.start, level.end);
        let record = level.record(number)?;
        let (first, stored_length, high, low) =
            (u64::from(u32_le(record, 0)?), u16_le(record, 4)?, u16_le(record, 6)?, u32_le(record, 8)?);
        let block = u64::from(high).checked_shl(32)? | u64::from(low);
        let unwritten = stored_length > LONGEST;
        let blocks = u64::from(if unwritten { stored_length.saturating_sub(LONGEST) } else { stored_length });
        let past = first.saturating_add(blocks);
        let wrong = if blocks == 0 {
            Some("an extent of no blocks".to_owned())
        } else if first < self.at.max(start) || past > end {
            Some(format!("an extent of blocks {first} to {past} of the file overlaps another or stands out of order"))
        } else if !self.volume.superblock.holds_blocks(block, blocks) {
            Some(format!("{blocks} blocks from block {block} on reach outside of the filesystem"))
        } else {
            None
        };
        if let Some(detail) = wrong {
            let spot = Err(self.damaged("extent", offset, detail));
            return Some(Piece { start: first, blocks, spot });
        }
        self.at = past;
        self.budget = self.budget.saturating_sub(blocks);
        let spot = if unwritten { Spot::Unwritten(block) } else { Spot::Stored(block) };
        Some(Piece { start: first, blocks, spot: Ok(spot) })
    }
}

impl Iterator for Extents<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            if let Some(damage) = self.damage.take() {
                return Some(damage);
            }
            let level = self.levels.last()?;
            if self.budget == 0 {
                let (offset, end) = (level.offset, level.end);
                self.levels.clear();
                let error = self.damaged("extent tree", offset, TOO_MANY.to_owned());
                self.lose(self.at, end, error);
            } else if level.first(level.next).is_some_and(|first| first >= self.until) {
                self.levels.clear();
            } else if level.next >= level.entries {
                self.levels.pop();
            } else if level.depth == 0 {
                if let Some(piece) = self.extent() {
                    return Some(piece);
                }
            } else {
                self.descend();
            }
        }
    }
}
