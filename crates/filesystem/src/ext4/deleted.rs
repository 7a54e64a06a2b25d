//! Inodes that were deleted, and how much of them is still there.

use super::bitmap;
use super::inode::Inode;
use super::map::{Pieces, Spot};
use super::tables::{self, Tables};
use super::volume::Volume;
use crate::{DeletedNode, FsError, NodeState, Remains, WhyDeleted};

/// The deleted inodes of a volume, in the order in which they lie there.
pub(crate) fn deleted(volume: &Volume) -> impl Iterator<Item = Result<DeletedNode, FsError>> + Send + '_ {
    Tables::doubtful(volume).filter_map(|found| match found {
        Ok((inode, allocated)) => one(volume, &inode, allocated).map(Ok),
        Err(error) => Some(Err(error)),
    })
}

fn one(volume: &Volume, inode: &Inode, allocated: Option<bool>) -> Option<DeletedNode> {
    let state = tables::state(volume, inode, allocated);
    let why = match state {
        NodeState::Orphan if volume.orphans().filed.contains(&inode.number) => WhyDeleted::OrphanFile,
        NodeState::Orphan => WhyDeleted::OrphanList,
        NodeState::Deleted if inode.dtime != 0 => WhyDeleted::DeletionTime,
        NodeState::Deleted => WhyDeleted::FreeInode,
        // An inode that is being cut is in the list of orphans too, and its time of deletion is a link of that list.
        NodeState::Allocated if volume.orphans().contains(inode.number) => return None,
        NodeState::Allocated if volume.superblock.is_reserved(inode.number) => return None,
        NodeState::Allocated if inode.links == 0 || inode.dtime != 0 => WhyDeleted::NoLinks,
        NodeState::Allocated => return None,
    };
    Some(DeletedNode { node: inode.node(&volume.superblock, state), why, remains: remains(volume, inode) })
}

/// How much of the content is still mapped, and to what.
fn remains(volume: &Volume, inode: &Inode) -> Remains {
    if let Ok(Some(content)) = super::content::held(inode) {
        // It lies in the inode, which is still there.
        return Remains { free: kanshiki_image::bytes::length(content.len()), ..Remains::default() };
    }
    let superblock = &volume.superblock;
    let mut remains = Remains::default();
    if !inode.maps_blocks() {
        return remains;
    }
    for piece in Pieces::new(volume, inode, 0) {
        let start = superblock.offset_of(piece.start);
        let bytes = superblock.offset_of(piece.end()).min(inode.size).saturating_sub(start);
        let Ok(Spot::Stored(block)) = piece.spot else {
            remains.unmapped = remains.unmapped.saturating_add(bytes);
            continue;
        };
        let (free, _) = bitmap::count(volume, block, bytes.div_ceil(superblock.block_bytes.max(1)));
        let free = superblock.offset_of(free).min(bytes);
        remains.free = remains.free.saturating_add(free);
        remains.in_use = remains.in_use.saturating_add(bytes.saturating_sub(free));
    }
    remains
}
