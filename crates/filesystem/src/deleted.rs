//! What was deleted and how much of it is still there.

use crate::Node;

/// Why a node counts as deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyDeleted {
    /// Its inode is free in the bitmap and holds the time of its deletion.
    DeletionTime,
    /// Its inode is free in the bitmap, without a time of deletion.
    FreeInode,
    /// It is in the list of orphans.
    OrphanList,
    /// It is in the orphan file.
    OrphanFile,
    /// Its inode is marked as used, but nothing counts as a name of it (no links, or a time of deletion).
    NoLinks,
}

/// What can still be read of a deleted node, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Remains {
    /// Mapped to blocks that are free now: the content may still be there.
    pub free: u64,
    /// Mapped to blocks that are in use now, by this node if it is an orphan, else by another file.
    pub in_use: u64,
    /// The length of the content that no block is mapped to any more: holes, or a map that was wiped.
    pub unmapped: u64,
}

/// A node that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedNode {
    /// What its inode still says.
    pub node: Node,
    /// Why it counts as deleted.
    pub why: WhyDeleted,
    /// How much of it is still there.
    pub remains: Remains,
}
