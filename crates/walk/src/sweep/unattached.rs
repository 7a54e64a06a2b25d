//! Inodes in use that no name leads to: their entry was wiped or lies in a directory that cannot be read, or the disk was
//! copied while it was written.

use crate::inode_set::InodeSet;
use kanshiki_filesystem::{EntryState, FileSystem, Node, NodeType, View};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The inodes to which names in use led.
#[derive(Debug, Default)]
pub(super) struct Reached {
    inodes: Mutex<InodeSet>,
    is_partial: AtomicBool,
}

impl Reached {
    /// Adds inodes of a volume, and forgets them.
    pub(super) fn add(&self, volume: usize, inodes: &mut Vec<u64>) {
        let mut reached = self.inodes.lock().unwrap_or_else(PoisonError::into_inner);
        for inode in inodes.drain(..) {
            reached.insert(volume, inode);
        }
    }

    /// Adds an inode; false if it was there.
    pub(super) fn insert(&self, volume: usize, inode: u64) -> bool {
        self.inodes.lock().unwrap_or_else(PoisonError::into_inner).insert(volume, inode)
    }

    pub(super) fn has(&self, volume: usize, inode: u64) -> bool {
        self.inodes.lock().unwrap_or_else(PoisonError::into_inner).contains(volume, inode)
    }

    /// Says that a directory was left out, so that nothing can be said of what no name led to.
    pub(super) fn leave_out(&self) {
        self.is_partial.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_whole(&self) -> bool {
        !self.is_partial.load(Ordering::Relaxed)
    }

    /// Adds what lies in the directories of a volume that others hang over: names lead there, though not in the tree.
    pub(super) fn add_covered(&self, view: &View, volume: usize) {
        let Some(filesystem) = view.volumes().get(volume).map(|volume| volume.filesystem.as_ref()) else { return };
        let covered = view.covered().filter(|(above, _)| *above == volume);
        let mut directories: Vec<u64> = covered.map(|(_, inode)| inode).collect();
        while let Some(inode) = directories.pop() {
            let Ok(node) = filesystem.inode(inode) else { continue };
            each_name(filesystem, &node, &mut |inode, node_type| {
                let may_be_directory = node_type.is_none_or(|kind| kind == NodeType::Directory);
                if self.insert(volume, inode) && may_be_directory {
                    directories.push(inode);
                }
            });
        }
    }
}

/// The inodes to which names in directories lead that no name leads to itself.
pub(super) fn inside(filesystem: &dyn FileSystem, volume: usize, reached: &Reached) -> InodeSet {
    let mut inside = InodeSet::default();
    for node in filesystem.unattached(&|inode| reached.has(volume, inode)).flatten() {
        each_name(filesystem, &node, &mut |inode, _| {
            inside.insert(volume, inode);
        });
    }
    inside
}

/// Hands on where the names of a directory lead, with the type that they tell; nothing of anything else.
fn each_name(filesystem: &dyn FileSystem, node: &Node, name: &mut dyn FnMut(u64, Option<NodeType>)) {
    if node.node_type != NodeType::Directory {
        return;
    }
    // Damage is told by the sweep.
    let Ok(entries) = filesystem.children(node.id) else { return };
    for entry in entries.flatten() {
        if entry.state == EntryState::Live && entry.name != b"." && entry.name != b".." && entry.inode != node.id.inode
        {
            name(entry.inode, entry.node_type);
        }
    }
}
