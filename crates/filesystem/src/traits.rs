//! The one view of a filesystem that everything above it sees.

use crate::{
    BlockUse, DeletedNode, Detail, Entry, Extent, FsError, JournalCopy, Node, NodeBlock, NodeId, NodeState, Summary,
    Xattr,
};
use kanshiki_image::Source;
use kanshiki_model::{ByteRange, Issue};
use std::fmt;

/// Results one by one. An error stands for one thing that could not be given; what follows it is still given.
pub type Stream<'a, T> = Box<dyn Iterator<Item = Result<T, FsError>> + Send + 'a>;

/// A filesystem as the disk holds it. Addressed by node, not by path: deleted files have no path, hard links several.
///
/// All offsets are in bytes from the start of the volume. Every method may be called from many threads.
pub trait FileSystem: Send + Sync + fmt::Debug {
    /// What the filesystem says of itself.
    fn summary(&self) -> Summary;

    /// What was damaged, doubtful or worked around when it was opened: a broken primary superblock, a journal that was
    /// replayed.
    fn issues(&self) -> &[Issue];

    /// Whether all bytes of the volume can be read, as far as is known before they are.
    fn is_whole(&self) -> bool {
        true
    }

    /// The root directory's inode.
    fn root(&self) -> u64;

    /// The node that this inode holds now, in use or not.
    ///
    /// # Errors
    ///
    /// [`FsError::NoInode`] if the number is 0 or too high; [`FsError::Damaged`] or [`FsError::Unreadable`] if the inode
    /// cannot be made out. A wrong checksum alone is no error here: [`Self::noticed`] tells it.
    fn inode(&self, inode: u64) -> Result<Node, FsError>;

    /// The node with this identity.
    ///
    /// # Errors
    ///
    /// As [`Self::inode`]; [`FsError::Reused`] if the inode holds another node now.
    fn node(&self, id: NodeId) -> Result<Node, FsError> {
        let node = self.inode(id.inode)?;
        if node.id.generation == id.generation {
            return Ok(node);
        }
        Err(FsError::Reused { inode: id.inode, expected: id.generation, found: node.id.generation })
    }

    /// All inodes that hold a node, in use or deleted, in the order in which they lie on the disk.
    fn inodes(&self) -> Stream<'_, Node>;

    /// The entries of a directory in the order in which they lie there, `.` and `..` among them, removed ones not.
    ///
    /// # Errors
    ///
    /// [`FsError::WrongType`] if the node is no directory; otherwise as [`Self::node`].
    fn children(&self, directory: NodeId) -> Result<Stream<'_, Entry>, FsError>;

    /// Removed entries that still lie in the unused space of a directory.
    ///
    /// # Errors
    ///
    /// As [`Self::children`].
    fn removed_entries(&self, directory: NodeId) -> Result<Stream<'_, Entry>, FsError>;

    /// The entry of a directory with exactly this name; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`Self::children`]; what is damaged behind an entry that was found is not looked at.
    fn lookup(&self, directory: NodeId, name: &[u8]) -> Result<Option<Entry>, FsError> {
        let mut damage = None;
        for entry in self.children(directory)? {
            match entry {
                Ok(entry) if entry.name == name => return Ok(Some(entry)),
                Ok(_) => {}
                Err(error) => damage = damage.or(Some(error)),
            }
        }
        damage.map_or(Ok(None), Err)
    }

    /// The content of a file, a directory or a symbolic link, as bytes with random access. Of a deleted node, what its
    /// map still leads to.
    ///
    /// # Errors
    ///
    /// As [`Self::node`]; [`FsError::Unsupported`] for content that is encrypted or compressed.
    fn content(&self, id: NodeId) -> Result<Source, FsError>;

    /// Where the content lies, in the order of the file's bytes.
    ///
    /// # Errors
    ///
    /// As [`Self::node`].
    fn extents(&self, id: NodeId) -> Result<Stream<'_, Extent>, FsError>;

    /// The blocks that belong to the node and hold none of its content: those of its map, in the order of the file's bytes,
    /// then that of its attributes. What is damaged in the map is told by [`Self::extents`] and left out here.
    ///
    /// # Errors
    ///
    /// As [`Self::node`].
    fn node_blocks(&self, id: NodeId) -> Result<Stream<'_, NodeBlock>, FsError>;

    /// The target of a symbolic link.
    ///
    /// # Errors
    ///
    /// [`FsError::WrongType`] if it is no symbolic link; otherwise as [`Self::content`].
    fn link_target(&self, id: NodeId) -> Result<Vec<u8>, FsError>;

    /// The extended attributes, in the order of their names.
    ///
    /// # Errors
    ///
    /// As [`Self::node`]; an attribute that is damaged is an error of its own in the stream.
    fn xattrs(&self, id: NodeId) -> Result<Stream<'_, Xattr>, FsError>;

    /// What only this kind of filesystem says of a node: every field of the inode that [`Node`] has no place for.
    ///
    /// # Errors
    ///
    /// As [`Self::node`].
    fn details(&self, id: NodeId) -> Result<Vec<Detail>, FsError>;

    /// The inodes in use, with links, that `is_reached` does not know, in the order in which they lie on the disk. Those that
    /// belong to the filesystem itself are left out: nothing but the filesystem leads to them.
    fn unattached<'a>(&'a self, is_reached: &'a (dyn Fn(u64) -> bool + Sync)) -> Stream<'a, Node> {
        let root = self.root();
        Box::new(self.inodes().filter(move |found| {
            found.as_ref().map_or(true, |node| {
                let is_used = node.state == NodeState::Allocated && node.links > 0 && node.times.deleted.is_none();
                is_used && node.id.inode != root && !is_reached(node.id.inode)
            })
        }))
    }

    /// What was deleted, with how much of it is still there.
    fn deleted(&self) -> Stream<'_, DeletedNode>;

    /// What the block at this byte of the volume is used for.
    ///
    /// # Errors
    ///
    /// [`FsError::Damaged`] if the offset lies outside the filesystem.
    fn block_use(&self, offset: u64) -> Result<BlockUse, FsError>;

    /// The free space of the volume, in ascending order.
    fn unallocated(&self) -> Stream<'_, ByteRange>;

    /// Older and newer copies of metadata blocks in the journal, in the order in which they lie there.
    fn history(&self) -> Stream<'_, JournalCopy>;

    /// Checksums that were found wrong in what was read since this was last asked, in the order in which they lie on the
    /// disk. Reading goes on with what the bytes say; each structure is told once, and what [`Self::check`] tells is not
    /// told here again.
    fn noticed(&self) -> Vec<FsError> {
        Vec::new()
    }

    /// Looks at everything and tells all that is damaged: checksums, maps, directories, counts. Repairs nothing.
    /// Returns when `found` says that it wants no more.
    fn check(&self, found: &mut dyn FnMut(FsError) -> std::ops::ControlFlow<()>);
}
