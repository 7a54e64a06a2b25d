//! Volumes put together as one tree: a single volume, or several as the host had them mounted.

mod locate;
mod walk;

pub use locate::{Follow, Located, LookupError};
pub use walk::{Visit, Walk};

use crate::{Entry, FileSystem, FsError, Node, NodeId, Stream};
use kanshiki_model::{EvidencePath, Issue, Note};
use std::collections::HashMap;
use std::sync::Arc;

/// A node of a view: the volume, counted from 0, and the node in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The volume, as its index in [`View::volumes`].
    pub volume: usize,
    /// The node.
    pub node: NodeId,
}

/// A volume of a view.
#[derive(Debug, Clone)]
pub struct Volume {
    /// How the user names it, such as `p2` or `vg/root`, made visible; empty where the image is the volume.
    pub name: String,
    /// What it holds.
    pub filesystem: Arc<dyn FileSystem>,
}

/// Where a volume hangs in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The directory.
    pub path: EvidencePath,
    /// The volume, as its index in [`View::volumes`].
    pub volume: usize,
}

/// Volumes put together as one tree.
#[derive(Debug, Clone)]
pub struct View {
    volumes: Vec<Volume>,
    root: usize,
    mounts: Vec<Mount>,
    /// The volumes that cover a directory, by volume and inode of the directory.
    covered: HashMap<(usize, u64), usize>,
    issues: Vec<Issue>,
    notes: Vec<Note>,
}

impl View {
    /// The view of one volume.
    #[must_use]
    pub fn of(volume: Volume) -> Self {
        Self::new(vec![volume], 0)
    }

    /// The view of several volumes of which `root` (an index) is `/` and nothing else is mounted yet.
    #[must_use]
    pub fn new(volumes: Vec<Volume>, root: usize) -> Self {
        let mounts = vec![Mount { path: EvidencePath::root(), volume: root }];
        Self { volumes, root, mounts, covered: HashMap::new(), issues: Vec::new(), notes: Vec::new() }
    }

    /// Hangs a volume over the directory at `path`, in the tree as it is by now.
    ///
    /// # Errors
    ///
    /// What [`Self::lookup`] returns, [`LookupError::NotADirectory`] among them.
    pub fn mount(&mut self, path: &EvidencePath, volume: usize) -> Result<(), LookupError> {
        let directory = self.lookup(path, Follow::All)?;
        if directory.node.node_type != crate::NodeType::Directory {
            return Err(LookupError::NotADirectory { path: directory.path });
        }
        self.covered.insert((directory.place.volume, directory.place.node.inode), volume);
        self.mounts.push(Mount { path: directory.path, volume });
        Ok(())
    }

    /// Adds something that the user must know about the view.
    pub fn add_issue(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// What the user must know: volumes that could not be hung up, and what was found when they were opened.
    pub fn issues(&self) -> impl Iterator<Item = &Issue> {
        self.issues.iter().chain(self.volumes.iter().flat_map(|volume| volume.filesystem.issues()))
    }

    /// What is wrong with the tree itself, such as a volume that is missing from it.
    pub fn tree_issues(&self) -> &[Issue] {
        &self.issues
    }

    /// Checksums that were found wrong since this was last asked, each with its volume; see [`FileSystem::noticed`].
    pub fn noticed(&self) -> impl Iterator<Item = (usize, FsError)> + '_ {
        self.volumes
            .iter()
            .enumerate()
            .flat_map(|(number, volume)| volume.filesystem.noticed().into_iter().map(move |error| (number, error)))
    }

    /// Adds something that is worth knowing of the view.
    pub fn add_note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// What is worth knowing and no issue: volumes that are not in the tree, and were not meant to be.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The volumes.
    #[must_use]
    pub fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    /// Where the volumes hang; the root first.
    #[must_use]
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// The directories that volumes hang over, each as its volume and inode.
    pub fn covered(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.covered.keys().copied()
    }

    /// The filesystem of a place; `None` if the volume's index is none of this view's.
    #[must_use]
    pub fn filesystem(&self, place: Place) -> Option<&Arc<dyn FileSystem>> {
        self.volumes.get(place.volume).map(|volume| &volume.filesystem)
    }

    /// The root of the tree with its node.
    ///
    /// # Errors
    ///
    /// What [`FileSystem::inode`] returns.
    pub fn root(&self) -> Result<(Place, Node), FsError> {
        self.root_of(self.root)
    }

    /// The root directory of a volume with its node.
    ///
    /// # Errors
    ///
    /// What [`FileSystem::inode`] returns.
    pub fn root_of(&self, volume: usize) -> Result<(Place, Node), FsError> {
        let filesystem = self.volume(volume)?;
        let node = filesystem.inode(filesystem.root())?;
        Ok((Place { volume, node: node.id }, node))
    }

    /// What an inode of a volume holds now.
    ///
    /// # Errors
    ///
    /// What [`FileSystem::inode`] returns.
    pub fn inode(&self, volume: usize, inode: u64) -> Result<(Place, Node), FsError> {
        let node = self.volume(volume)?.inode(inode)?;
        Ok((Place { volume, node: node.id }, node))
    }

    /// The entries of a directory, as [`FileSystem::children`].
    ///
    /// # Errors
    ///
    /// What [`FileSystem::children`] returns.
    pub fn children(&self, directory: Place) -> Result<Stream<'_, Entry>, FsError> {
        self.volume(directory.volume)?.children(directory.node)
    }

    /// What an entry of a directory in `volume` leads to; the root of another volume where one hangs there.
    ///
    /// # Errors
    ///
    /// What [`FileSystem::inode`] returns.
    pub fn child(&self, volume: usize, entry: &Entry) -> Result<(Place, Node), FsError> {
        match self.covered.get(&(volume, entry.inode)) {
            Some(mounted) if entry.name != b"." && entry.name != b".." => self.root_of(*mounted),
            _ => self.inode(volume, entry.inode),
        }
    }

    fn volume(&self, volume: usize) -> Result<&Arc<dyn FileSystem>, FsError> {
        let found = self.volumes.get(volume).map(|volume| &volume.filesystem);
        found.ok_or_else(|| FsError::Unsupported { inode: None, detail: format!("there is no volume {volume}") })
    }
}
