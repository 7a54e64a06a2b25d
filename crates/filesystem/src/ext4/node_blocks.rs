//! The blocks of a node that hold none of its content: those of its map, and that of its attributes.

use super::features::flag;
use super::inode::Inode;
use super::map::{MapBlock, Pieces};
use super::volume::Volume;
use crate::{FsError, NodeBlock, Purpose};
use kanshiki_model::ByteRange;
use std::collections::VecDeque;

/// The blocks of an inode's map, in the order of the file's bytes, then that of its attributes.
pub(super) fn node_blocks(
    volume: &Volume,
    inode: Inode,
) -> impl Iterator<Item = Result<NodeBlock, FsError>> + Send + use<'_> {
    let purpose = if inode.has(flag::EXTENTS) { Purpose::ExtentTree } else { Purpose::Indirect };
    let superblock = &volume.superblock;
    let map = MapBlocks { pieces: Pieces::new(volume, &inode, 0).recording(), found: VecDeque::new() };
    let map = map.map(move |found| {
        let (level, file_start) = (Some(found.level), Some(superblock.offset_of(found.start)));
        Ok(NodeBlock { purpose, range: bytes(volume, found.block), level, file_start })
    });
    map.chain(attributes(volume, &inode))
}

/// The bytes of a block.
fn bytes(volume: &Volume, block: u64) -> ByteRange {
    let start = volume.superblock.offset_of(block);
    ByteRange::new(start, start.saturating_add(volume.superblock.block_bytes))
}

/// The block of an inode's attributes. What it holds is not looked at: who deletes a file leaves the number behind.
fn attributes(volume: &Volume, inode: &Inode) -> Option<Result<NodeBlock, FsError>> {
    let (block, superblock) = (inode.attributes, &volume.superblock);
    if block == 0 {
        return None;
    }
    if !superblock.holds_block(block) {
        let detail = format!("block {block} lies outside the filesystem of {} blocks", superblock.blocks);
        let (inode, offset) = (Some(inode.number), superblock.offset_of(block));
        return Some(Err(FsError::Damaged { structure: "attribute block", inode, offset, detail }));
    }
    let range = bytes(volume, block);
    Some(Ok(NodeBlock { purpose: Purpose::Attributes, range, level: None, file_start: None }))
}

/// The blocks that hold a map, found on the way through its pieces.
struct MapBlocks<'a> {
    pieces: Pieces<'a>,
    found: VecDeque<MapBlock>,
}

impl Iterator for MapBlocks<'_> {
    type Item = MapBlock;

    fn next(&mut self) -> Option<MapBlock> {
        while self.found.is_empty() {
            let piece = self.pieces.next();
            self.found.extend(self.pieces.take_map_blocks());
            if piece.is_none() {
                break;
            }
        }
        self.found.pop_front()
    }
}
