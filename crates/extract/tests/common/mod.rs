//! A filesystem in memory that can hold what no kernel would write.

use kanshiki_filesystem::{MemoryFileSystem, MemoryNode, NodeState, NodeTimes, NodeType, View, Volume, Xattr};
use kanshiki_image::Source;
use kanshiki_model::FileTime;
use std::sync::Arc;

/// Nodes by inode, without names until they get some; 2 is the root.
#[derive(Debug)]
pub(crate) struct Fake(MemoryFileSystem);

impl Fake {
    /// A filesystem with an empty root.
    pub(crate) fn new() -> Self {
        Self(MemoryFileSystem::new())
    }

    fn add(&mut self, inode: u64, mode: u16, content: &[u8]) -> &mut MemoryNode {
        self.0.insert(inode, NodeType::from_mode(mode), content);
        let added = self.0.node_mut(inode).unwrap();
        added.node.id.generation = 7;
        added.node.mode = mode;
        added.content_offset = 8192;
        added.node.times = NodeTimes { modified: Some(FileTime::new(1_700_000_000, Some(5))), ..NodeTimes::default() };
        added.xattrs = vec![Xattr { name: b"user.note".to_vec(), value: vec![1, 0xfe], offset: 0 }];
        added
    }

    /// Adds a directory.
    pub(crate) fn directory(&mut self, inode: u64) {
        self.add(inode, 0o040_755, b"");
    }

    /// Adds a file with these bytes.
    pub(crate) fn file(&mut self, inode: u64, bytes: impl Into<Vec<u8>>) {
        self.add(inode, 0o104_755, &bytes.into());
    }

    /// Adds a file with this content.
    pub(crate) fn content(&mut self, inode: u64, content: Source) {
        let added = self.add(inode, 0o104_755, b"");
        added.node.size = content.len();
        added.source = Some(content);
    }

    /// Adds a file that cannot be read.
    pub(crate) fn unreadable(&mut self, inode: u64) {
        self.add(inode, 0o100_644, b"").damage = Some("expected the magic 0xf30a, found 0x0000");
    }

    /// Adds a node of this mode without content: a link to `/etc/passwd`, or a device.
    pub(crate) fn other(&mut self, inode: u64, mode: u16) {
        self.add(inode, mode, b"/etc/passwd");
    }

    /// Names an inode in a directory.
    pub(crate) fn name(&mut self, directory: u64, name: &[u8], inode: u64) {
        let node_type = self.0.node_mut(inode).map_or(NodeType::Unknown, |named| named.node.node_type);
        self.0.link(directory, name, inode, node_type);
    }

    /// Marks an inode as deleted.
    pub(crate) fn delete(&mut self, inode: u64) {
        self.0.node_mut(inode).unwrap().node.state = NodeState::Deleted;
    }

    /// The view of it as volume `p1`.
    pub(crate) fn view(self) -> View {
        View::of(Volume { name: "p1".to_owned(), filesystem: Arc::new(self.0) })
    }
}
