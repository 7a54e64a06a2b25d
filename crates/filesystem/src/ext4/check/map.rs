//! Maps of blocks: every piece, the nodes' checksums, and the number of blocks that the inode tells of.

use super::{Flow, GO_ON, Report};
use crate::ext4::bitmap;
use crate::ext4::features::{flag, read_only};
use crate::ext4::inode::Inode;
use crate::ext4::map::{MapBlock, Pieces, Spot};
use crate::ext4::sums;
use crate::ext4::volume::Volume;
use crate::ext4::xattr::{self, Place};

pub(super) fn check(volume: &Volume, report: &mut Report<'_>, inode: &Inode) -> Flow {
    let superblock = &volume.superblock;
    let mut pieces = Pieces::new(volume, inode, 0).recording();
    // The kernel counts the blocks of values in inodes of their own as well (fs/ext4/xattr.c,
    // `ext4_xattr_inode_alloc_quota`).
    let values = xattr::attributes(volume, inode).into_iter().flatten().map(|attribute| match attribute.value {
        Place::Inode { size, .. } => u64::from(size).div_ceil(superblock.block_bytes.max(1)),
        Place::Here(_) => 0,
    });
    let mut used = values.fold(u64::from(inode.attributes != 0), u64::saturating_add);
    let mut damaged = false;
    // One block more than the size needs is no damage to e2fsck either (e2fsck/pass1.c, `check_blocks`).
    let end = inode.size.checked_div(superblock.block_bytes).unwrap_or(0).saturating_add(1);
    let end = end.checked_next_multiple_of(superblock.blocks_of_a_cluster.max(1)).unwrap_or(u64::MAX);
    let mut past_end = None;
    loop {
        let piece = pieces.next();
        for MapBlock { block, .. } in pieces.take_map_blocks() {
            used = used.saturating_add(1);
            node(volume, report, inode, block)?;
            in_bitmap(volume, report, inode, block, 1)?;
        }
        let Some(piece) = piece else { break };
        let end_of_piece = piece.end();
        match piece.spot {
            Ok(Spot::Hole) => {}
            Ok(Spot::Stored(block)) => {
                used = used.saturating_add(piece.blocks);
                in_bitmap(volume, report, inode, block, piece.blocks)?;
                past_end = past_end.or((end_of_piece > end).then_some(block));
            }
            Ok(Spot::Unwritten(block)) => {
                used = used.saturating_add(piece.blocks);
                in_bitmap(volume, report, inode, block, piece.blocks)?;
            }
            Err(error) => {
                damaged = true;
                report.pass(error)?;
            }
        }
    }
    let may = flag::VERITY | flag::BLOCKS_PAST_END;
    if let Some(block) = past_end.filter(|_| inode.flags & may == 0 && !inode.has(flag::EA_INODE)) {
        let detail = format!("blocks are stored behind the end of the file at byte {}", inode.size);
        report.tell("block map", Some(inode.number), superblock.offset_of(block), detail)?;
    }
    if damaged { GO_ON } else { count(volume, report, inode, used) }
}

/// The pieces alone, of an inode whose other fields have no meaning.
pub(super) fn check_pieces(volume: &Volume, report: &mut Report<'_>, inode: &Inode) -> Flow {
    for piece in Pieces::new(volume, inode, 0) {
        report.take(piece.spot)?;
    }
    GO_ON
}

/// The number of blocks that the inode tells of. With clusters it is not that of the blocks in its map.
fn count(volume: &Volume, report: &mut Report<'_>, inode: &Inode, used: u64) -> Flow {
    let superblock = &volume.superblock;
    if superblock.has_read_only(read_only::BIGALLOC) {
        return GO_ON;
    }
    let (told, expected) = (inode.allocated_bytes(superblock), superblock.offset_of(used));
    if told == expected {
        return GO_ON;
    }
    let detail = format!("it tells of {told} bytes in blocks, and its map has {expected}");
    report.tell("inode", Some(inode.number), inode.offset, detail)
}

fn in_bitmap(volume: &Volume, report: &mut Report<'_>, inode: &Inode, block: u64, blocks: u64) -> Flow {
    let (free, _) = bitmap::count(volume, block, blocks);
    if free == 0 {
        return GO_ON;
    }
    let detail = format!("of the {blocks} blocks from block {block} on, {free} are marked as free");
    report.tell("block bitmap", Some(inode.number), volume.superblock.offset_of(block), detail)
}

/// The checksum of a node of an extent tree.
fn node(volume: &Volume, report: &mut Report<'_>, inode: &Inode, block: u64) -> Flow {
    if !inode.has(flag::EXTENTS) {
        return GO_ON;
    }
    // What cannot be read was told with the pieces.
    let Ok(bytes) = volume.block(block, "extent node", Some(inode.number)) else { return GO_ON };
    match sums::extent_node(&volume.superblock, inode.number, inode.generation, &bytes) {
        Some(wrong) => report.tell("extent node", Some(inode.number), volume.superblock.offset_of(block), wrong),
        None => GO_ON,
    }
}
