//! Deleted inodes to which no name was found.

use crate::inode_set::InodeSet;
use kanshiki_filesystem::DeletedNode;
use kanshiki_filesystem::{FsError, NodeState, Place, View};
use std::ops::ControlFlow;

/// Deleted inodes of which a sweep came by a name.
#[derive(Debug, Default)]
pub struct Named(InodeSet);

impl Named {
    /// Notes what a removed name leads to.
    pub fn insert(&mut self, place: Place) {
        self.0.insert(place.volume, place.node.inode);
    }

    /// Hands on every deleted inode of the view's volumes whose name is not known, volume by volume.
    pub fn nameless(
        &self,
        view: &View,
        found: &mut dyn FnMut(usize, Result<DeletedNode, FsError>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for (volume, it) in view.volumes().iter().enumerate() {
            for deleted in it.filesystem.deleted() {
                let has_name = match &deleted {
                    Ok(deleted) => self.0.contains(volume, deleted.node.id.inode),
                    Err(_) => false,
                };
                if !has_name {
                    found(volume, deleted)?;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// Whether a removed name leads to a deleted node, and not to one that took its place.
#[must_use]
pub const fn is_deleted(state: NodeState) -> bool {
    matches!(state, NodeState::Deleted | NodeState::Orphan)
}
