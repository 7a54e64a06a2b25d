//! A filesystem of a few paths, for tests of what needs no disk.

use crate::*;
use kanshiki_image::{Memory, Source};
use kanshiki_model::{ByteRange, Issue};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Paths and contents; a path that ends with a slash is a directory. Inodes count from 2, the root.
#[derive(Debug)]
pub(super) struct Fake {
    nodes: Vec<(String, Vec<u8>, bool)>,
    last_mounted_on: Option<String>,
}

impl Fake {
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut nodes = vec![(String::new(), Vec::new(), true)];
        for (path, content) in files {
            let names: Vec<&str> = path.trim_matches('/').split('/').collect();
            for end in 1..=names.len() {
                let path_to = names[..end].join("/");
                let is_directory = end < names.len() || path.ends_with('/');
                if !nodes.iter().any(|(other, ..)| *other == path_to) {
                    let content = if is_directory { Vec::new() } else { content.as_bytes().to_vec() };
                    nodes.push((path_to, content, is_directory));
                }
            }
        }
        Self { nodes, last_mounted_on: None }
    }

    fn at(&self, inode: u64) -> Option<&(String, Vec<u8>, bool)> {
        self.nodes.get(usize::try_from(inode).unwrap() - 2)
    }
}

impl FileSystem for Fake {
    fn summary(&self) -> Summary {
        Summary {
            kind: "fake",
            label: String::new(),
            uuid: None,
            block_bytes: 1024,
            blocks: 0,
            free_blocks: 0,
            inodes: 0,
            free_inodes: 0,
            last_mounted_on: self.last_mounted_on.clone(),
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
        let (_, content, is_directory) = self.at(inode).ok_or(FsError::NoInode { inode, highest: 0 })?;
        let node_type = if *is_directory { NodeType::Directory } else { NodeType::File };
        Ok(Node {
            id: NodeId { inode, generation: 0 },
            node_type,
            state: NodeState::Allocated,
            mode: 0,
            uid: 0,
            gid: 0,
            project: None,
            links: 1,
            size: content.len() as u64,
            allocated_bytes: 0,
            times: NodeTimes::default(),
            flags: 0,
            encrypted: false,
            device: None,
            offset: 0,
        })
    }

    fn inodes(&self) -> Stream<'_, Node> {
        Box::new(std::iter::empty())
    }

    fn children(&self, directory: NodeId) -> Result<Stream<'_, Entry>, FsError> {
        let parent = &self.at(directory.inode).unwrap().0;
        let entry = move |(inode, (path, _, _)): (u64, &(String, Vec<u8>, bool))| {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let (name, state) = (name.as_bytes().to_vec(), EntryState::Live);
            (!path.is_empty() && folder == parent).then_some(Ok(Entry {
                name,
                inode,
                node_type: None,
                state,
                offset: 0,
            }))
        };
        Ok(Box::new((2..).zip(&self.nodes).filter_map(entry)))
    }

    fn removed_entries(&self, _: NodeId) -> Result<Stream<'_, Entry>, FsError> {
        Ok(Box::new(std::iter::empty()))
    }

    fn content(&self, id: NodeId) -> Result<Source, FsError> {
        Ok(Arc::new(Memory(self.at(id.inode).unwrap().1.clone())))
    }

    fn extents(&self, _: NodeId) -> Result<Stream<'_, Extent>, FsError> {
        Ok(Box::new(std::iter::empty()))
    }

    fn link_target(&self, id: NodeId) -> Result<Vec<u8>, FsError> {
        Err(FsError::WrongType { inode: id.inode, expected: "symbolic link" })
    }

    fn xattrs(&self, _: NodeId) -> Result<Stream<'_, Xattr>, FsError> {
        Ok(Box::new(std::iter::empty()))
    }

    fn details(&self, _: NodeId) -> Result<Vec<Detail>, FsError> {
        Ok(Vec::new())
    }

    fn deleted(&self) -> Stream<'_, DeletedNode> {
        Box::new(std::iter::empty())
    }

    fn block_use(&self, _: u64) -> Result<BlockUse, FsError> {
        Ok(BlockUse { allocated: None, metadata: None })
    }

    fn unallocated(&self) -> Stream<'_, ByteRange> {
        Box::new(std::iter::empty())
    }

    fn history(&self) -> Stream<'_, JournalCopy> {
        Box::new(std::iter::empty())
    }

    fn check(&self, _: &mut dyn FnMut(FsError) -> ControlFlow<()>) {}
}
