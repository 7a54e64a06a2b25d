//! A volume read by two readers that share no code, compared entry by entry and byte by byte.
//!
//! The other reader is the crate `ext4-view`. It knows fewer features, always replays the journal, and ends a directory at
//! the first damage in it; what it therefore cannot say is told as not compared, and is no difference.

mod content;
mod other;

use crate::SortedEntries;
use kanshiki_filesystem::{FileSystem, FsError, Node, NodeId, NodeType};
use kanshiki_image::Source;
use kanshiki_model::{EvidencePath, FileTime, visible};
use other::{OtherEntry, OtherError, OtherReader};
use std::collections::HashSet;

/// Memory for the entries of one directory that are being sorted.
const BUDGET: usize = 32 << 20;

/// Directories inside each other that are compared.
const DEPTH: usize = 4096;

/// What the comparison comes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// The readers differ.
    Difference {
        /// The file or directory.
        path: EvidencePath,
        /// In what, such as `size`.
        what: &'static str,
        /// What this reader says, made visible.
        this: String,
        /// What the other one says, made visible.
        other: String,
    },
    /// Something was left out.
    NotCompared {
        /// The file or directory.
        path: EvidencePath,
        /// Why.
        reason: String,
    },
}

/// How much was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Names.
    pub entries: u64,
    /// Bytes of the contents of files.
    pub bytes: u64,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
#[error("the second reader cannot open the filesystem: {reason}")]
pub struct NoSecondReader {
    /// What it says, made visible.
    pub reason: String,
}

type Sink<'a, E> = dyn FnMut(Compared) -> Result<(), E> + 'a;

/// Compares what two readers make of a volume: `filesystem` is this program's, opened on `source`.
///
/// # Errors
///
/// The outer error is that of `sink`; the inner one says that the other reader cannot open the volume.
pub fn compare<E>(
    filesystem: &dyn FileSystem,
    source: Source,
    sink: &mut Sink<'_, E>,
) -> Result<Result<Tally, NoSecondReader>, E> {
    let other = match OtherReader::open(source) {
        Ok(other) => other,
        Err(error) => return Ok(Err(NoSecondReader { reason: error.text() })),
    };
    let mut comparison = Comparison { filesystem, other, sink, tally: Tally::default(), seen: HashSet::new() };
    comparison.all()?;
    Ok(Ok(comparison.tally))
}

struct Comparison<'a, 's, E> {
    filesystem: &'a dyn FileSystem,
    other: OtherReader,
    sink: &'s mut Sink<'s, E>,
    tally: Tally,
    seen: HashSet<u64>,
}

/// A directory to compare.
struct Pending {
    path: EvidencePath,
    id: NodeId,
    depth: usize,
}

impl<E> Comparison<'_, '_, E> {
    fn all(&mut self) -> Result<(), E> {
        let path = EvidencePath::root();
        let root = match self.filesystem.inode(self.filesystem.root()) {
            Ok(root) => root,
            Err(error) => return self.difference(&path, "root", error.to_string(), "readable".to_owned()),
        };
        match self.other.metadata(&path) {
            Ok(found) => self.nodes(&path, &root, &found)?,
            Err(error) => self.one_side(&path, "inode", "readable", &error)?,
        }
        self.seen.insert(root.id.inode);
        let mut pending = vec![Pending { path, id: root.id, depth: 0 }];
        while let Some(directory) = pending.pop() {
            self.directory(&directory, &mut pending)?;
        }
        Ok(())
    }

    /// Compares the names of a directory, both sides in the order of their bytes.
    fn directory(&mut self, directory: &Pending, pending: &mut Vec<Pending>) -> Result<(), E> {
        let path = &directory.path;
        let mut first_damage = None;
        let mut damage = |error: FsError| {
            first_damage.get_or_insert(error);
            Ok(())
        };
        let mut ours = SortedEntries::new(self.filesystem, directory.id, false, BUDGET);
        let mut mine = ours.next(&mut damage)?;
        let (theirs, their_damage) = match self.other.entries(path) {
            Ok(read) => read,
            Err(error) => (Vec::new(), Some(error)),
        };
        match (&first_damage, &their_damage) {
            (_, Some(error)) if error.is_limit() => {
                return self.not_compared(path, format!("the second reader: {}", error.text()));
            }
            (Some(_), Some(_)) | (None, None) => {}
            // Both have read the names; what this one has against them, the other leaves open.
            (Some(_), None) if self.names_alone(directory.id) => {}
            (Some(error), None) => {
                self.difference(path, "directory", error.to_string(), "undamaged".to_owned())?;
            }
            (None, Some(error)) => {
                self.difference(path, "directory", "undamaged".to_owned(), error.text())?;
            }
        }
        let mut theirs = theirs.into_iter().peekable();
        loop {
            let my_name = mine.as_ref().map(|entry| entry.name.as_slice());
            let order = match (my_name, theirs.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(mine), Some(theirs)) => mine.cmp(theirs.name.as_ref()),
            };
            let my_entry = if order.is_le() { mine.take() } else { None };
            let their_entry = if order.is_ge() { theirs.next() } else { None };
            if my_entry.is_some() {
                mine = ours.next(&mut |_| Ok(()))?;
            }
            match (my_entry, their_entry) {
                (Some(mine), Some(theirs)) => {
                    if mine.name != b"." && mine.name != b".." {
                        self.entry(directory, &path.join(&mine.name), mine.inode, &theirs, pending)?;
                    }
                }
                // The other reader ends at damage: what lies behind it, it has not denied.
                (Some(_), None) if their_damage.is_some() => {}
                (Some(mine), None) => {
                    self.difference(&path.join(&mine.name), "name", "there".to_owned(), "not there".to_owned())?;
                }
                (None, Some(theirs)) => {
                    self.difference(&path.join(&theirs.name), "name", "not there".to_owned(), "there".to_owned())?;
                }
                (None, None) => return Ok(()),
            }
        }
    }

    /// Whether all that is damaged in a directory is the names of entries that were read all the same.
    fn names_alone(&self, directory: NodeId) -> bool {
        let Ok(children) = self.filesystem.children(directory) else { return false };
        let (mut entries, mut damage) = (HashSet::new(), HashSet::new());
        for found in children {
            match found {
                Ok(entry) => drop(entries.insert(entry.offset)),
                Err(FsError::Damaged { offset, .. }) => drop(damage.insert(offset)),
                Err(_) => return false,
            }
        }
        damage.is_subset(&entries)
    }

    fn entry(
        &mut self,
        directory: &Pending,
        path: &EvidencePath,
        inode: u64,
        theirs: &OtherEntry,
        pending: &mut Vec<Pending>,
    ) -> Result<(), E> {
        self.tally.entries = self.tally.entries.saturating_add(1);
        let (node, found) = match (self.filesystem.inode(inode), &theirs.metadata) {
            (Ok(node), Ok(found)) => (node, found),
            (Err(_), Err(_)) => return Ok(()),
            (Err(error), Ok(_)) => {
                return self.difference(path, "inode", error.to_string(), "readable".to_owned());
            }
            (Ok(_), Err(error)) => return self.one_side(path, "inode", "readable", error),
        };
        self.nodes(path, &node, found)?;
        if node.node_type != found.node_type {
            return Ok(());
        }
        match node.node_type {
            NodeType::Directory if directory.depth >= DEPTH || !self.seen.insert(inode) => {
                self.not_compared(path, "the directory has been gone into before, or lies too deep".to_owned())
            }
            NodeType::Directory => {
                let depth = directory.depth.saturating_add(1);
                pending.push(Pending { path: path.clone(), id: node.id, depth });
                Ok(())
            }
            NodeType::Symlink => self.links(path, &node),
            NodeType::File => self.files(path, &node),
            _ => Ok(()),
        }
    }

    /// Compares what both say of a node.
    fn nodes(&mut self, path: &EvidencePath, node: &Node, found: &other::OtherNode) -> Result<(), E> {
        let time = |time: Option<FileTime>| time.map(|time| (time.seconds(), time.nanoseconds().unwrap_or(0)));
        let mine = other::OtherNode {
            node_type: node.node_type,
            permissions: node.mode & 0o7777,
            uid: node.uid,
            gid: node.gid,
            size: node.size,
            accessed: time(node.times.accessed),
            modified: time(node.times.modified),
            created: time(node.times.created),
        };
        if mine == *found {
            return Ok(());
        }
        let pairs = mine.fields().into_iter().zip(found.fields());
        for ((what, this), (_, other)) in pairs {
            if this != other {
                self.difference(path, what, this, other)?;
            }
        }
        Ok(())
    }

    fn links(&mut self, path: &EvidencePath, node: &Node) -> Result<(), E> {
        match (self.filesystem.link_target(node.id), self.other.link_target(path, node.size)) {
            (Ok(mine), Ok(theirs)) if mine == theirs => Ok(()),
            (Ok(mine), Ok(theirs)) => self.difference(path, "target", visible(&mine), visible(&theirs)),
            (Err(_), Err(_)) => Ok(()),
            (Err(error), Ok(theirs)) => self.difference(path, "target", error.to_string(), visible(&theirs)),
            (Ok(_), Err(error)) => self.one_side(path, "target", "readable", &error),
        }
    }

    fn one_side(&mut self, path: &EvidencePath, what: &'static str, this: &str, error: &OtherError) -> Result<(), E> {
        if error.is_limit() {
            return self.not_compared(path, format!("the second reader: {}", error.text()));
        }
        self.difference(path, what, this.to_owned(), error.text())
    }

    fn difference(&mut self, path: &EvidencePath, what: &'static str, this: String, other: String) -> Result<(), E> {
        (self.sink)(Compared::Difference { path: path.clone(), what, this, other })
    }

    fn not_compared(&mut self, path: &EvidencePath, reason: String) -> Result<(), E> {
        (self.sink)(Compared::NotCompared { path: path.clone(), reason })
    }
}
