//! A filesystem in memory, for tests of what stands above the trait.

use crate::{
    BlockUse, DeletedNode, Detail, Entry, EntryState, Extent, ExtentState, FileSystem, FsError, JournalCopy,
    JournalState, Node, NodeBlock, NodeId, NodeState, NodeTimes, NodeType, Remains, Stream, Summary, WhyDeleted, Xattr,
};
use kanshiki_image::{Memory, Source};
use kanshiki_model::{ByteRange, FileTime, Issue};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Size of a block.
const BLOCK: u64 = 1024;

/// Where the first content lies; the inodes lie before it.
const FIRST_CONTENT: u64 = 1 << 20;

/// A filesystem in memory, for tests of what stands above the trait. Inode numbers are given out in order, the root being
/// 2 and the first new node 11; contents lie one after the other in blocks of 1 KiB.
#[derive(Debug, Clone)]
pub struct MemoryFileSystem {
    nodes: BTreeMap<u64, MemoryNode>,
    next_content: u64,
    issues: Vec<Issue>,
    label: String,
    uuid: Option<String>,
}

/// A node with all that hangs on it.
#[derive(Debug, Clone)]
pub struct MemoryNode {
    /// The node.
    pub node: Node,
    /// The entries, if it is a directory.
    pub entries: Vec<Entry>,
    /// The removed entries, if it is a directory.
    pub removed: Vec<Entry>,
    /// The content, or the target of a symbolic link.
    pub content: Vec<u8>,
    /// What is read in place of `content`: such as a source with gaps, or a large one.
    pub source: Option<Source>,
    /// Where the content lies.
    pub content_offset: u64,
    /// The blocks of its map and its attributes.
    pub own_blocks: Vec<NodeBlock>,
    /// The extended attributes.
    pub xattrs: Vec<Xattr>,
    /// What only this kind of filesystem says of it.
    pub details: Vec<Detail>,
    /// What is damaged: in a directory told behind the entries, elsewhere in place of the content.
    pub damage: Option<&'static str>,
}

impl Default for MemoryFileSystem {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryFileSystem {
    /// A filesystem with an empty root.
    #[must_use]
    pub fn new() -> Self {
        let mut new = Self {
            nodes: BTreeMap::new(),
            next_content: FIRST_CONTENT,
            issues: Vec::new(),
            label: String::new(),
            uuid: None,
        };
        new.insert(2, NodeType::Directory, b"");
        new.link(2, b".", 2, NodeType::Directory);
        new.link(2, b"..", 2, NodeType::Directory);
        new
    }

    /// Adds a node under a name to a directory and returns its inode. `content` is the target of a symbolic link.
    pub fn add(&mut self, directory: u64, name: &[u8], node_type: NodeType, content: &[u8]) -> u64 {
        let inode = self.nodes.keys().next_back().map_or(11, |last| last.saturating_add(1)).max(11);
        self.insert(inode, node_type, content);
        self.link(directory, name, inode, node_type);
        if node_type == NodeType::Directory {
            self.link(inode, b".", inode, node_type);
            self.link(inode, b"..", directory, node_type);
        }
        inode
    }

    /// A filesystem of these paths and contents; a path that ends with a slash is a directory, and so is all above.
    #[must_use]
    pub fn of_paths(files: &[(&str, &str)]) -> Self {
        let mut new = Self::new();
        for (path, content) in files {
            let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
            let Some((last, above)) = names.split_last() else { continue };
            let parent = above.iter().fold(2, |parent, name| new.directory_in(parent, name.as_bytes()));
            if path.ends_with('/') {
                new.directory_in(parent, last.as_bytes());
            } else {
                new.add(parent, last.as_bytes(), NodeType::File, content.as_bytes());
            }
        }
        new
    }

    /// The same with a label and a UUID.
    #[must_use]
    pub fn known_as(self, label: &str, uuid: &str) -> Self {
        Self { label: label.to_owned(), uuid: Some(uuid.to_owned()), ..self }
    }

    fn directory_in(&mut self, parent: u64, name: &[u8]) -> u64 {
        let entries = self.nodes.get(&parent).map(|parent| parent.entries.as_slice()).unwrap_or_default();
        let there = entries.iter().find(|entry| entry.name == name).map(|entry| entry.inode);
        there.unwrap_or_else(|| self.add(parent, name, NodeType::Directory, b""))
    }

    /// Adds an entry to a directory, whatever it leads to.
    pub fn link(&mut self, directory: u64, name: &[u8], inode: u64, node_type: NodeType) {
        if let Some(target) = self.nodes.get_mut(&inode) {
            target.node.links = target.node.links.saturating_add(1);
        }
        if let Some(directory) = self.nodes.get_mut(&directory) {
            let offset =
                directory.content_offset.saturating_add(kanshiki_image::bytes::length(directory.entries.len()));
            let (name, node_type) = (name.to_vec(), Some(node_type));
            directory.entries.push(Entry { name, inode, node_type, state: EntryState::Live, offset });
        }
    }

    /// Takes a name away and marks its node as deleted.
    pub fn remove(&mut self, directory: u64, name: &[u8]) {
        let Some(directory) = self.nodes.get_mut(&directory) else { return };
        let Some(at) = directory.entries.iter().position(|entry| entry.name == name) else { return };
        let entry = Entry { state: EntryState::Deleted, ..directory.entries.remove(at) };
        let inode = entry.inode;
        directory.removed.push(entry);
        if let Some(removed) = self.nodes.get_mut(&inode) {
            removed.node.state = NodeState::Deleted;
            removed.node.links = 0;
            removed.node.times.deleted = Some(FileTime::new(1_700_000_100, None));
        }
    }

    /// A node, to be changed.
    pub fn node_mut(&mut self, inode: u64) -> Option<&mut MemoryNode> {
        self.nodes.get_mut(&inode)
    }

    /// Adds something that was found when the filesystem was opened.
    pub fn add_issue(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// Adds a node without a name. `content` is the target of a symbolic link.
    pub fn insert(&mut self, inode: u64, node_type: NodeType, content: &[u8]) {
        let size = kanshiki_image::bytes::length(content.len());
        let time = Some(FileTime::new(1_700_000_000, Some(123_456_789)));
        let node = Node {
            id: NodeId { inode, generation: 1 },
            node_type,
            state: NodeState::Allocated,
            mode: mode(node_type),
            uid: 0,
            gid: 0,
            project: None,
            links: 0,
            size,
            allocated_bytes: size.next_multiple_of(BLOCK),
            times: NodeTimes { accessed: time, modified: time, changed: time, created: time, deleted: None },
            flags: 0,
            encrypted: false,
            device: None,
            offset: inode.saturating_mul(256),
        };
        let (content, content_offset) = (content.to_vec(), self.next_content);
        self.next_content = self.next_content.saturating_add(size.next_multiple_of(BLOCK).max(BLOCK));
        let new = MemoryNode {
            node,
            entries: Vec::new(),
            removed: Vec::new(),
            content,
            source: None,
            content_offset,
            own_blocks: Vec::new(),
            xattrs: Vec::new(),
            details: Vec::new(),
            damage: None,
        };
        self.nodes.insert(inode, new);
    }

    fn get(&self, inode: u64) -> Result<&MemoryNode, FsError> {
        let highest = self.nodes.keys().next_back().copied().unwrap_or(0);
        self.nodes.get(&inode).ok_or(FsError::NoInode { inode, highest })
    }

    fn directory(&self, id: NodeId) -> Result<&MemoryNode, FsError> {
        self.of_type(id, NodeType::Directory, "directory")
    }

    fn of_type(&self, id: NodeId, node_type: NodeType, expected: &'static str) -> Result<&MemoryNode, FsError> {
        let found = self.get(self.node(id)?.id.inode)?;
        if found.node.node_type == node_type {
            return Ok(found);
        }
        Err(FsError::WrongType { inode: id.inode, expected })
    }
}

fn mode(node_type: NodeType) -> u16 {
    match node_type {
        NodeType::File => 0o100_644,
        NodeType::Directory => 0o040_755,
        NodeType::Symlink => 0o120_777,
        NodeType::Fifo => 0o010_644,
        NodeType::Socket => 0o140_755,
        NodeType::CharacterDevice => 0o020_644,
        NodeType::BlockDevice => 0o060_660,
        NodeType::Unknown => 0,
    }
}

fn damaged(node: &MemoryNode, detail: &str) -> FsError {
    let structure = if node.node.node_type == NodeType::Directory { "directory" } else { "extent header" };
    let inode = Some(node.node.id.inode);
    FsError::Damaged { structure, inode, offset: node.content_offset, detail: detail.to_owned() }
}

fn stream<'a, T: Clone + Send + Sync>(items: &'a [T]) -> impl Iterator<Item = Result<T, FsError>> + Send + 'a {
    items.iter().cloned().map(Ok)
}

impl FileSystem for MemoryFileSystem {
    fn summary(&self) -> Summary {
        let count = kanshiki_image::bytes::length(self.nodes.len());
        Summary {
            kind: "memory",
            label: self.label.clone(),
            uuid: self.uuid.clone(),
            block_bytes: BLOCK,
            blocks: self.next_content / BLOCK,
            free_blocks: 0,
            inodes: count,
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
        &self.issues
    }

    fn root(&self) -> u64 {
        2
    }

    fn inode(&self, inode: u64) -> Result<Node, FsError> {
        self.get(inode).map(|found| found.node.clone())
    }

    fn inodes(&self) -> Stream<'_, Node> {
        Box::new(self.nodes.values().map(|found| Ok(found.node.clone())))
    }

    fn children(&self, directory: NodeId) -> Result<Stream<'_, Entry>, FsError> {
        let directory = self.directory(directory)?;
        let damage = directory.damage.map(|detail| Err(damaged(directory, detail)));
        Ok(Box::new(stream(&directory.entries).chain(damage)))
    }

    fn removed_entries(&self, directory: NodeId) -> Result<Stream<'_, Entry>, FsError> {
        Ok(Box::new(stream(&self.directory(directory)?.removed)))
    }

    fn content(&self, id: NodeId) -> Result<Source, FsError> {
        let found = self.get(self.node(id)?.id.inode)?;
        match (found.damage, &found.source) {
            (Some(detail), _) if found.node.node_type != NodeType::Directory => Err(damaged(found, detail)),
            (_, Some(source)) => Ok(Arc::clone(source)),
            (_, None) => Ok(Arc::new(Memory(found.content.clone()))),
        }
    }

    fn extents(&self, id: NodeId) -> Result<Stream<'_, Extent>, FsError> {
        let found = self.get(self.node(id)?.id.inode)?;
        let range = ByteRange::new(0, found.node.allocated_bytes);
        let extent = Extent { range, state: ExtentState::Stored(found.content_offset) };
        Ok(Box::new((!range.is_empty()).then_some(Ok(extent)).into_iter()))
    }

    fn node_blocks(&self, id: NodeId) -> Result<Stream<'_, NodeBlock>, FsError> {
        Ok(Box::new(stream(&self.get(self.node(id)?.id.inode)?.own_blocks)))
    }

    fn link_target(&self, id: NodeId) -> Result<Vec<u8>, FsError> {
        self.of_type(id, NodeType::Symlink, "symbolic link").map(|found| found.content.clone())
    }

    fn xattrs(&self, id: NodeId) -> Result<Stream<'_, Xattr>, FsError> {
        Ok(Box::new(stream(&self.get(self.node(id)?.id.inode)?.xattrs)))
    }

    fn details(&self, id: NodeId) -> Result<Vec<Detail>, FsError> {
        self.get(self.node(id)?.id.inode).map(|found| found.details.clone())
    }

    fn deleted(&self) -> Stream<'_, DeletedNode> {
        let deleted = self.nodes.values().filter(|found| found.node.state != NodeState::Allocated);
        Box::new(deleted.map(|found| {
            let remains = Remains { free: found.node.size, in_use: 0, unmapped: 0 };
            Ok(DeletedNode { node: found.node.clone(), why: WhyDeleted::DeletionTime, remains })
        }))
    }

    fn block_use(&self, offset: u64) -> Result<BlockUse, FsError> {
        let metadata = (offset < FIRST_CONTENT).then(|| "inode table".to_owned());
        Ok(BlockUse { allocated: Some(offset < self.next_content), metadata })
    }

    fn unallocated(&self) -> Stream<'_, ByteRange> {
        Box::new(std::iter::empty())
    }

    fn history(&self) -> Stream<'_, JournalCopy> {
        Box::new(std::iter::empty())
    }

    fn check(&self, found: &mut dyn FnMut(FsError) -> ControlFlow<()>) {
        for node in self.nodes.values() {
            let damage = node.damage.map(|detail| damaged(node, detail));
            if damage.is_some_and(|damage| found(damage).is_break()) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Follow, View, Volume};
    use kanshiki_model::EvidencePath;

    #[test]
    fn what_was_added_is_found_by_its_path_through_links() {
        let mut filesystem = MemoryFileSystem::new();
        let etc = filesystem.add(2, b"etc", NodeType::Directory, b"");
        let passwd = filesystem.add(etc, b"passwd", NodeType::File, b"root:x:0:0");
        filesystem.add(2, b"link", NodeType::Symlink, b"/etc/./passwd");
        let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
        let found = view.lookup(&EvidencePath::from_bytes(*b"/link"), Follow::All).unwrap();
        assert_eq!((found.path.to_string(), found.place.node.inode), ("/etc/passwd".to_owned(), passwd));
    }
}
