//! From the blocks of a file to blocks of the volume, as a stream: an extent tree, or a map with indirect blocks.

mod extents;
mod indirect;

pub(crate) use extents::{Extents, Header};
pub(crate) use indirect::Indirect;

use super::features::{flag, read_only};
use super::inode::Inode;
use super::volume::Volume;
use crate::FsError;
use std::collections::HashSet;

/// Where a piece of a file is. Blocks are blocks of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// Stored from this block on.
    Stored(u64),
    /// Kept from this block on, but never written.
    Unwritten(u64),
    /// Nowhere.
    Hole,
}

/// A piece of a file: some blocks of it in a row.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The first block of the file.
    pub(crate) start: u64,
    /// How many blocks; 0 for damage that takes no block of the file away.
    pub(crate) blocks: u64,
    /// Where they are, or what is damaged.
    pub(crate) spot: Result<Spot, FsError>,
}

impl Piece {
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(self.blocks)
    }
}

/// A block that holds a part of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MapBlock {
    pub(crate) block: u64,
    /// How many steps lead from it to content: 1 where its own numbers or records do.
    pub(crate) level: u32,
    /// The first block of the file that it is for.
    pub(crate) start: u64,
}

/// What is said of a map that names more blocks than there are.
const TOO_MANY: &str = "it names more blocks than the filesystem has";

/// The blocks that a map can name, those that hold the map among them.
fn budget(volume: &Volume) -> u64 {
    let superblock = &volume.superblock;
    // With shared blocks a file may name the same block again and again.
    if superblock.has_read_only(read_only::SHARED_BLOCKS) { 1 << 33 } else { superblock.blocks.saturating_add(1) }
}

/// Blocks of a map that are remembered; a file whose map has more is in pieces of one block each, over terabytes.
const REMEMBERED: usize = 1 << 21;

/// The blocks of a map that were gone into. Each belongs to one place of the map; a map that is built to harm leads to the
/// same blocks from everywhere, and would be gone through without end.
#[derive(Debug, Default)]
struct GoneInto(HashSet<u64>);

impl GoneInto {
    /// Remembers a block; the damage, in words, if it was gone into already.
    ///
    /// When there are too many it begins anew: a block may then be gone into once more, and no more often than the map has
    /// that many others.
    fn enter(&mut self, block: u64) -> Result<(), String> {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let is_new = self.0.insert(block);
        if is_new { Ok(()) } else { Err(format!("it leads to block {block}, and another record led there already")) }
    }

    fn holds(&self, block: u64) -> bool {
        self.0.contains(&block)
    }
}

/// The pieces that a map names, in order and without the holes.
#[derive(Debug)]
enum Named<'a> {
    Extents(Extents<'a>),
    Indirect(Indirect<'a>),
    Nothing,
}

/// The pieces of a file from a block on, in order, without gaps: holes are told too.
#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    named: Named<'a>,
    /// The first block that was not told yet.
    at: u64,
    /// Up to here a hole is told behind the last piece.
    end: u64,
    waiting: Option<Piece>,
}

impl<'a> Pieces<'a> {
    /// The pieces of an inode from the block `from` of the file on.
    pub(crate) fn new(volume: &'a Volume, inode: &Inode, from: u64) -> Self {
        Self::between(volume, inode, from, u64::MAX)
    }

    /// The same up to the block `until`; what is told of the blocks from there on is without meaning.
    pub(crate) fn between(volume: &'a Volume, inode: &Inode, from: u64, until: u64) -> Self {
        let end = inode.size.div_ceil(volume.superblock.block_bytes.max(1));
        let named = if !inode.maps_blocks() {
            Named::Nothing
        } else if inode.has(flag::EXTENTS) {
            Named::Extents(Extents::new(volume, inode, from, until))
        } else {
            Named::Indirect(Indirect::new(volume, inode, from, until))
        };
        Self { named, at: from, end, waiting: None }
    }

    /// Remembers the blocks that hold the map itself, for [`Self::take_map_blocks`].
    pub(crate) fn recording(mut self) -> Self {
        match &mut self.named {
            Named::Extents(extents) => extents.record = true,
            Named::Indirect(indirect) => indirect.record = true,
            Named::Nothing => {}
        }
        self
    }

    /// The blocks that hold the map itself and were gone into since this was last asked.
    pub(crate) fn take_map_blocks(&mut self) -> Vec<MapBlock> {
        match &mut self.named {
            Named::Extents(extents) => std::mem::take(&mut extents.map_blocks),
            Named::Indirect(indirect) => std::mem::take(&mut indirect.map_blocks),
            Named::Nothing => Vec::new(),
        }
    }

    fn next_named(&mut self) -> Option<Piece> {
        if let Some(piece) = self.waiting.take() {
            return Some(piece);
        }
        match &mut self.named {
            Named::Extents(extents) => extents.next(),
            Named::Indirect(indirect) => indirect.next(),
            Named::Nothing => None,
        }
    }

    /// Cuts off what lies before the first block that was not told yet.
    fn cut(&self, mut piece: Piece) -> Piece {
        let before = self.at.saturating_sub(piece.start).min(piece.blocks);
        piece.start = piece.start.saturating_add(before).max(self.at);
        piece.blocks = piece.blocks.saturating_sub(before);
        piece.spot = piece.spot.map(|spot| match spot {
            Spot::Stored(block) => Spot::Stored(block.saturating_add(before)),
            Spot::Unwritten(block) => Spot::Unwritten(block.saturating_add(before)),
            Spot::Hole => Spot::Hole,
        });
        piece
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            let Some(piece) = self.next_named() else {
                let hole = Piece { start: self.at, blocks: self.end.checked_sub(self.at)?, spot: Ok(Spot::Hole) };
                self.at = self.end;
                return Some(hole).filter(|hole| hole.blocks > 0);
            };
            if piece.start > self.at {
                let hole = Piece { start: self.at, blocks: piece.start.saturating_sub(self.at), spot: Ok(Spot::Hole) };
                self.at = piece.start;
                self.waiting = Some(piece);
                return Some(hole);
            }
            let piece = self.cut(piece);
            self.at = self.at.max(piece.end());
            if piece.blocks > 0 || piece.spot.is_err() {
                return Some(piece);
            }
        }
    }
}
