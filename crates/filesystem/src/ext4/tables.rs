//! All inodes that hold something, in the order in which they lie on the disk.

use super::cache::Bytes;
use super::groups::{Descriptor, INODE_UNINIT};
use super::inode::Inode;
use super::volume::{Volume, bit};
use crate::{FsError, NodeState};
use kanshiki_image::bytes::{u16_le, u32_le};

/// A group whose inodes are being gone through.
#[derive(Debug)]
struct Table {
    descriptor: Descriptor,
    bitmap: Option<Bytes>,
    /// The number of the first inode of the group.
    first: u64,
    next: u64,
    end: u64,
    /// The block of the table that was read last: the index of its first inode, and its bytes.
    block: Option<(u64, Bytes)>,
}

/// Which inodes to go through.
#[derive(Clone, Copy)]
enum Which<'a> {
    /// All that hold something.
    All,
    /// Those alone that are not plainly in use.
    Doubtful,
    /// Those that may be in use and that this does not know.
    Unreached(&'a (dyn Fn(u64) -> bool + Sync)),
}

/// The inodes of all groups, but for those that were never used.
pub(crate) struct Tables<'a> {
    volume: &'a Volume,
    group: u64,
    table: Option<Table>,
    which: Which<'a>,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(volume: &'a Volume) -> Self {
        Self { volume, group: 0, table: None, which: Which::All }
    }

    /// Leaves out inodes that the bitmap says are in use, with a name and without a time of deletion.
    pub(crate) fn doubtful(volume: &'a Volume) -> Self {
        Self { which: Which::Doubtful, ..Self::new(volume) }
    }

    /// Leaves out inodes that the bitmap says are free, and those that `is_reached` knows.
    pub(crate) fn unreached(volume: &'a Volume, is_reached: &'a (dyn Fn(u64) -> bool + Sync)) -> Self {
        Self { which: Which::Unreached(is_reached), ..Self::new(volume) }
    }

    fn open(&self, group: u64) -> Result<Option<Table>, FsError> {
        let superblock = &self.volume.superblock;
        let descriptor = self.volume.descriptor(group)?;
        if descriptor.flags & INODE_UNINIT != 0 {
            return Ok(None);
        }
        let first = group.saturating_mul(superblock.inodes_of_a_group).saturating_add(1);
        let there = superblock.inodes.saturating_sub(first.saturating_sub(1)).min(superblock.inodes_of_a_group);
        let used = superblock.inodes_of_a_group.saturating_sub(descriptor.unused_inodes);
        // Whether an inode is in use can also be told, less surely, without the bitmap.
        let bitmap = self.volume.block(descriptor.inode_bitmap, "inode bitmap", None).ok();
        Ok(Some(Table { descriptor, bitmap, first, next: 0, end: used.min(there), block: None }))
    }

    /// Goes on to the next group.
    fn next_group(&mut self) -> Option<Result<(), FsError>> {
        let superblock = &self.volume.superblock;
        let group = self.group;
        if group >= superblock.groups {
            return None;
        }
        self.group = group.saturating_add(1);
        match self.open(group) {
            Ok(table) => {
                self.table = table;
                Some(Ok(()))
            }
            Err(error) => {
                // The other descriptors of the block cannot be read either.
                let in_a_block = superblock.block_bytes.checked_div(superblock.descriptor_bytes).unwrap_or(1);
                self.group = self.group.checked_next_multiple_of(in_a_block.max(1)).unwrap_or(u64::MAX);
                Some(Err(error))
            }
        }
    }
}

impl Table {
    /// Whether an inode has a name and no time of deletion; false where it cannot be read.
    fn is_plain(&mut self, volume: &Volume, index: u64) -> bool {
        let superblock = &volume.superblock;
        let in_a_block = superblock.block_bytes.checked_div(superblock.inode_bytes).unwrap_or(1).max(1);
        let within = index.checked_rem(in_a_block).unwrap_or(0);
        let first = index.saturating_sub(within);
        if self.block.as_ref().is_none_or(|block| block.0 != first) {
            let number = first.checked_div(in_a_block).unwrap_or(0);
            let block = self.descriptor.inode_table.saturating_add(number);
            self.block = volume.block(block, "inode table", None).ok().map(|bytes| (first, bytes));
        }
        let at = usize::try_from(within.saturating_mul(superblock.inode_bytes)).ok();
        let inode = self.block.as_ref().zip(at).and_then(|(block, at)| block.1.get(at..));
        // Links and time of deletion, as in the table of fields of an inode.
        inode.is_some_and(|inode| u16_le(inode, 26).is_some_and(|links| links > 0) && u32_le(inode, 20) == Some(0))
    }
}

impl Iterator for Tables<'_> {
    /// An inode, and what the bitmap says of it.
    type Item = Result<(Inode, Option<bool>), FsError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(table) = &mut self.table else {
                match self.next_group()? {
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                }
            };
            if table.next >= table.end {
                self.table = None;
                continue;
            }
            let index = table.next;
            table.next = index.saturating_add(1);
            let allocated = table.bitmap.as_ref().and_then(|bitmap| bit(bitmap, index));
            let number = table.first.saturating_add(index);
            let is_left_out = match self.which {
                Which::All => false,
                Which::Doubtful => allocated == Some(true) && table.is_plain(self.volume, index),
                Which::Unreached(is_reached) => allocated == Some(false) || is_reached(number),
            };
            if is_left_out {
                continue;
            }
            match self.volume.inode_of(number, index, &table.descriptor) {
                Ok(inode) if holds_something(&inode) => return Some(Ok((inode, allocated))),
                Ok(_) => {}
                Err(error) => {
                    // The other inodes of the block cannot be read either.
                    let superblock = &self.volume.superblock;
                    let in_a_block = superblock.block_bytes.checked_div(superblock.inode_bytes).unwrap_or(1);
                    table.next = table.next.checked_next_multiple_of(in_a_block.max(1)).unwrap_or(u64::MAX);
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Whether an inode was ever used: reserved ones often were not.
pub(crate) fn holds_something(inode: &Inode) -> bool {
    // The inode of bad blocks has nothing but its map.
    let bad_blocks = inode.number == 1 && inode.map().is_some_and(|map| map.iter().any(|byte| *byte != 0));
    bad_blocks || inode.mode != 0 || inode.links != 0 || inode.size != 0 || inode.dtime != 0 || inode.u32(28) != 0
}

/// Whether an inode is in use, of which it is known what the bitmap says.
pub(crate) fn state(volume: &Volume, inode: &Inode, allocated: Option<bool>) -> NodeState {
    if inode.links == 0 && allocated != Some(false) && volume.orphans().contains(inode.number) {
        return NodeState::Orphan;
    }
    match allocated {
        Some(true) => NodeState::Allocated,
        Some(false) => NodeState::Deleted,
        None if inode.links > 0 && inode.dtime == 0 => NodeState::Allocated,
        None => NodeState::Deleted,
    }
}
