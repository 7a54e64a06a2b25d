//! What a place of the volume is used for.

use super::bitmap;
use super::map::{Pieces, Spot};
use super::volume::Volume;
use crate::{BlockUse, FsError};

/// What the block at a byte of the volume is used for.
pub(crate) fn block_use(volume: &Volume, offset: u64) -> Result<BlockUse, FsError> {
    let superblock = &volume.superblock;
    let block = offset.checked_div(superblock.block_bytes).unwrap_or(0);
    if block < superblock.first_data_block {
        return Ok(BlockUse { allocated: None, metadata: Some("boot block".to_owned()) });
    }
    if !superblock.holds_block(block) {
        let detail = format!("block {block} lies outside the filesystem of {} blocks", superblock.blocks);
        return Err(FsError::Damaged { structure: "filesystem", inode: None, offset, detail });
    }
    let fixed = volume.layout().at(block).map(|span| span.to_string());
    let metadata = fixed.or_else(|| is_journal(volume, block).then(|| "journal".to_owned()));
    Ok(BlockUse { allocated: bitmap::is_allocated(volume, block), metadata })
}

fn is_journal(volume: &Volume, block: u64) -> bool {
    let number = volume.superblock.journal_inode;
    let Ok(inode) = volume.inode(number) else { return false };
    Pieces::new(volume, &inode, 0).any(|piece| match piece.spot {
        Ok(Spot::Stored(start)) => block >= start && block < start.saturating_add(piece.blocks),
        _ => false,
    })
}
