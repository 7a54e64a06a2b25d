//! Deleted inodes to which no name was found.

use crate::inode_set::InodeSet;
use kanshiki_filesystem::{DeletedNode, FsError, NodeState, Place, View};
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;

/// Deleted inodes of which a sweep came by a name.
#[derive(Debug, Default)]
pub struct Named(InodeSet);

impl Named {
    /// Notes what a removed name leads to.
    pub fn insert(&mut self, place: Place) {
        self.0.insert(place.volume, place.node.inode);
    }

    fn has(&self, volume: usize, deleted: &Result<DeletedNode, FsError>) -> bool {
        deleted.as_ref().is_ok_and(|deleted| self.0.contains(volume, deleted.node.id.inode))
    }
}

/// Deleted inodes that may wait for the names.
const WAITING: usize = 4096;

/// Looks for deleted inodes while `names` looks for names, and then hands on every one whose name is not known, volume by
/// volume. `names` gives `None` if no more is wanted.
pub fn beside(
    view: &View,
    names: impl FnOnce() -> Option<Named>,
    found: &mut dyn FnMut(usize, Result<DeletedNode, FsError>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        scope.spawn(move || {
            for (volume, it) in view.volumes().iter().enumerate() {
                for deleted in it.filesystem.deleted() {
                    if sender.send((volume, deleted)).is_err() {
                        return;
                    }
                }
            }
        });
        let Some(named) = names() else { return ControlFlow::Break(()) };
        let mut nameless = receiver.iter().filter(|(volume, deleted)| !named.has(*volume, deleted));
        nameless.try_for_each(|(volume, deleted)| found(volume, deleted))
    })
}

/// Whether a removed name leads to a deleted node, and not to one that took its place.
#[must_use]
pub const fn is_deleted(state: NodeState) -> bool {
    matches!(state, NodeState::Deleted | NodeState::Orphan)
}
