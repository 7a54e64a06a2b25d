//! What the names of a directory lead to.
//!
//! The names of a large directory lie in the order of their hashes, and their inodes anywhere: read name by name, the tables
//! of inodes would be read again and again.

use crate::NodeType;
use crate::ext4::directory::Live;
use crate::ext4::inode::Inode;
use crate::ext4::volume::Volume;

/// Bytes of a directory from which on its inodes are read in the order in which they lie on the disk.
const LARGE: u64 = 256 << 10;

/// Inodes that are read before the names are looked at: 48 MiB in memory. Those of further names are read one by one.
const READ_BEFORE: usize = 4 << 20;

/// What an inode is to a name that leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// What the bitmap says; `None` if it cannot be read.
    pub(super) allocated: Option<bool>,
    /// The type; `None` if the inode cannot be read.
    pub(super) node_type: Option<NodeType>,
}

impl Target {
    fn read(volume: &Volume, inode: u64) -> Self {
        let allocated = volume.inode_is_allocated(inode);
        // Of an inode that is free nothing more is asked.
        let inode = if allocated == Some(false) { None } else { volume.inode(inode).ok() };
        Self { allocated, node_type: inode.map(|inode| inode.node_type()) }
    }
}

/// What the names of a directory lead to, by the numbers of the inodes, as far as it was read before.
#[derive(Debug, Default)]
pub(super) struct Targets(Vec<(u32, Target)>);

impl Targets {
    /// Reads what the names of a directory lead to, if it is large.
    pub(super) fn of(volume: &Volume, directory: &Inode) -> Self {
        if directory.size < LARGE {
            return Self::default();
        }
        let (mut live, mut inodes) = (Live::new(volume, directory), Vec::new());
        while let Some(found) = live.next() {
            // Damage is told when the names are looked at.
            let Ok((raw, _)) = found else { continue };
            if inodes.len() >= READ_BEFORE {
                break;
            }
            inodes.push(raw.inode);
        }
        inodes.sort_unstable();
        inodes.dedup();
        Self(inodes.into_iter().map(|inode| (inode, Target::read(volume, inode.into()))).collect())
    }

    /// What an inode is.
    pub(super) fn get(&self, volume: &Volume, inode: u32) -> Target {
        let found = self.0.binary_search_by_key(&inode, |(inode, _)| *inode).ok();
        let found = found.and_then(|found| self.0.get(found));
        found.map_or_else(|| Target::read(volume, inode.into()), |(_, target)| *target)
    }
}
