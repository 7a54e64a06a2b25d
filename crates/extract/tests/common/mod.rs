//! A filesystem in memory that can hold what no kernel would write.
#![allow(dead_code, reason = "each test uses a part")]

use kanshiki_filesystem::{
    BlockUse, DeletedNode, Detail, Entry, EntryState, Extent, FileSystem, FsError, JournalCopy, JournalState, Node,
    NodeId, NodeState, NodeTimes, NodeType, Stream, Summary, View, Volume, Xattr,
};
use kanshiki_image::{Memory, Source};
use kanshiki_model::{ByteRange, FileTime, Issue};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Nodes by inode; 2 is the root.
#[derive(Debug, Default)]
pub(crate) struct Fake {
    nodes: BTreeMap<u64, FakeNode>,
}

#[derive(Debug)]
struct FakeNode {
    node: Node,
    content: Option<Source>,
    entries: Vec<Entry>,
}

impl Fake {
    /// A filesystem with an empty root.
    pub(crate) fn new() -> Self {
        let mut fake = Self::default();
        fake.add(2, 0o040_755, None);
        fake
    }

    fn add(&mut self, inode: u64, mode: u16, content: Option<Source>) {
        let node = Node {
            id: NodeId { inode, generation: 7 },
            node_type: NodeType::from_mode(mode),
            state: NodeState::Allocated,
            mode,
            uid: 1000,
            gid: 1000,
            project: None,
            links: 1,
            size: content.as_ref().map_or(0, |content| content.len()),
            allocated_bytes: 0,
            times: NodeTimes { modified: Some(FileTime::new(1_700_000_000, Some(5))), ..NodeTimes::default() },
            flags: 0,
            encrypted: false,
            device: None,
            offset: 0,
        };
        self.nodes.insert(inode, FakeNode { node, content, entries: Vec::new() });
    }

    /// Adds a directory.
    pub(crate) fn directory(&mut self, inode: u64) {
        self.add(inode, 0o040_755, None);
    }

    /// Adds a file with these bytes.
    pub(crate) fn file(&mut self, inode: u64, bytes: impl Into<Vec<u8>>) {
        self.content(inode, Arc::new(Memory(bytes.into())));
    }

    /// Adds a file with this content.
    pub(crate) fn content(&mut self, inode: u64, content: Source) {
        self.add(inode, 0o104_755, Some(content));
    }

    /// Adds a node of this mode without content: a link to `/etc/passwd`, a device, or a file that cannot be read.
    pub(crate) fn other(&mut self, inode: u64, mode: u16) {
        self.add(inode, mode, None);
    }

    /// Names an inode in a directory.
    pub(crate) fn name(&mut self, directory: u64, name: &[u8], inode: u64) {
        let entry = Entry { name: name.to_vec(), inode, node_type: None, state: EntryState::Live, offset: 0 };
        let holder = self.nodes.get_mut(&directory).unwrap();
        let again = holder.entries.iter().any(|entry| entry.inode == inode);
        holder.entries.push(entry);
        if again && let Some(named) = self.nodes.get_mut(&inode) {
            named.node.links += 1;
        }
    }

    /// The number of names of an inode, as it says itself.
    pub(crate) fn links(&mut self, inode: u64, links: u32) {
        self.nodes.get_mut(&inode).unwrap().node.links = links;
    }

    /// Marks an inode as deleted.
    pub(crate) fn delete(&mut self, inode: u64) {
        self.nodes.get_mut(&inode).unwrap().node.state = NodeState::Deleted;
    }

    /// The view of it as volume `p1`.
    pub(crate) fn view(self) -> View {
        View::of(Volume { name: "p1".to_owned(), filesystem: Arc::new(self) })
    }

    fn get(&self, inode: u64) -> Result<&FakeNode, FsError> {
        self.nodes.get(&inode).ok_or(FsError::NoInode { inode, highest: 1 << 20 })
    }
}

impl FileSystem for Fake {
    fn summary(&self) -> Summary {
        Summary {
            kind: "fake",
            label: String::new(),
            uuid: None,
            block_bytes: 4096,
            blocks: 1 << 20,
            free_blocks: 0,
            inodes: 1 << 20,
            free_inodes: 0,
            last_mounted_on: None,
            created: None,
            mounted: None,
            written: None,
            state: "clean".to_owned(),
            features: Vec::new(),
            journal: JournalState::None,
            details: Vec::new(),
        }
    }

    fn issues(&self) -> &[Issue] {
        &[]
    }

    fn root(&self) -> u64 {
        2
    }

    fn inode(&self, inode: u64) -> Result<Node, FsError> {
        Ok(self.get(inode)?.node.clone())
    }

    fn inodes(&self) -> Stream<'_, Node> {
        Box::new(self.nodes.values().map(|node| Ok(node.node.clone())))
    }

    fn children(&self, directory: NodeId) -> Result<Stream<'_, Entry>, FsError> {
        Ok(Box::new(self.get(directory.inode)?.entries.iter().cloned().map(Ok)))
    }

    fn removed_entries(&self, _directory: NodeId) -> Result<Stream<'_, Entry>, FsError> {
        Ok(Box::new(std::iter::empty()))
    }

    fn content(&self, id: NodeId) -> Result<Source, FsError> {
        let lost = || FsError::Damaged {
            structure: "extent header",
            inode: Some(id.inode),
            offset: 4096,
            detail: "expected the magic 0xf30a, found 0x0000".to_owned(),
        };
        self.get(id.inode)?.content.clone().ok_or_else(lost)
    }

    fn extents(&self, _id: NodeId) -> Result<Stream<'_, Extent>, FsError> {
        let state = kanshiki_filesystem::ExtentState::Stored(8192);
        Ok(Box::new(std::iter::once(Ok(Extent { range: ByteRange::new(0, 4096), state }))))
    }

    fn link_target(&self, _id: NodeId) -> Result<Vec<u8>, FsError> {
        Ok(b"/etc/passwd".to_vec())
    }

    fn xattrs(&self, _id: NodeId) -> Result<Stream<'_, Xattr>, FsError> {
        let label = Xattr { name: b"user.note".to_vec(), value: vec![1, 0xfe], offset: 0 };
        Ok(Box::new(std::iter::once(Ok(label))))
    }

    fn details(&self, _id: NodeId) -> Result<Vec<Detail>, FsError> {
        Ok(Vec::new())
    }

    fn deleted(&self) -> Stream<'_, DeletedNode> {
        Box::new(std::iter::empty())
    }

    fn block_use(&self, _offset: u64) -> Result<BlockUse, FsError> {
        Ok(BlockUse { allocated: None, metadata: None })
    }

    fn unallocated(&self) -> Stream<'_, ByteRange> {
        Box::new(std::iter::empty())
    }

    fn history(&self) -> Stream<'_, JournalCopy> {
        Box::new(std::iter::empty())
    }

    fn check(&self, _found: &mut dyn FnMut(FsError) -> std::ops::ControlFlow<()>) {}
}
