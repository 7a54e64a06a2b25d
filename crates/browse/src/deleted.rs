//! What was deleted: names that still lie in directories, and inodes that still hold what they held.

use kanshiki_filesystem::{
    DeletedNode, Entry, EntryState, FileSystem, FsError, Located, Node, NodeId, NodeState, NodeType, Place, View,
};
use kanshiki_model::{EvidencePath, Issue};
use kanshiki_walk::ahead::Ahead;
use kanshiki_walk::contents::{issue, subject};
use kanshiki_walk::{Descend, Item, SweepOptions, Sweeper, sweep, unattached_path};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Deleted directories inside deleted directories that are gone into.
const DEPTH: usize = 64;

/// Names whose inodes are read together, those of all directories that are under way; a directory of them gets
/// [`LEAST`] at least.
const TOGETHER: usize = 65_536;
const LEAST: usize = 64;

/// A name that was removed, or that stands in a deleted directory.
#[derive(Debug)]
pub struct DeletedName {
    /// The path that it had, as far as it is known; in a volume that hangs nowhere, from its root. What stood in a deleted directory that has no name itself lies under
    /// `/$OrphanFiles/OrphanFile-` and the directory's inode.
    pub path: EvidencePath,
    /// The volume.
    pub volume: usize,
    /// The entry.
    pub entry: Entry,
    /// What its inode holds now, or why that cannot be told; `None` where the entry has lost its inode.
    pub node: Option<Result<Node, FsError>>,
}

/// What a search for deleted things comes by.
#[derive(Debug)]
pub enum DeletedEvent {
    /// A name.
    Name(DeletedName),
    /// An inode.
    Node {
        /// The volume.
        volume: usize,
        /// The inode.
        deleted: DeletedNode,
    },
    /// Something that could not be looked through.
    Damage(Issue),
}

type Sink<'a, E> = dyn FnMut(DeletedEvent) -> Result<(), E> + 'a;

/// Gives all deleted names of a view, directory by directory, and then all deleted inodes, volume by volume. Volumes that
/// hang nowhere are gone through too, each from its own root.
///
/// # Errors
///
/// What `sink` returns.
pub fn deleted<E>(view: &View, sink: &mut Sink<'_, E>) -> Result<(), E> {
    let mut search = Search { view, seen: HashSet::new(), held: 0, sink };
    let mounted: HashSet<usize> = view.mounts().iter().map(|mount| mount.volume).collect();
    match view.root() {
        Ok((place, node)) => search.live_directories(place, node)?,
        Err(error) => search.damage(None, 0, &error)?,
    }
    for volume in (0..view.volumes().len()).filter(|volume| !mounted.contains(volume)) {
        match view.root_of(volume) {
            Ok((place, node)) => search.live_directories(place, node)?,
            Err(error) => search.damage(None, volume, &error)?,
        }
    }
    for volume in 0..view.volumes().len() {
        search.nodes(volume)?;
    }
    Ok(())
}

/// Finds the directories in use.
struct Directories<'a>(&'a View);

/// A directory in use, or damage in one.
enum Met {
    Directory(EvidencePath, Place),
    Damage(Issue),
}

impl Sweeper for Directories<'_> {
    type Batch = Vec<Met>;

    fn visit(&self, item: &Item<'_>, batch: &mut Vec<Met>) -> Descend {
        if let Ok((place, node)) = item.found
            && node.node_type == NodeType::Directory
        {
            batch.push(Met::Directory(EvidencePath::from_bytes(item.path), place));
        }
        Descend::Yes
    }

    fn damage(&self, path: &[u8], volume: usize, error: &FsError, batch: &mut Vec<Met>) {
        batch.push(Met::Damage(issue(self.0, volume, path, error)));
    }
}

struct Search<'a, 's, E> {
    view: &'a View,
    /// The deleted directories that have been gone into.
    seen: HashSet<(usize, u64)>,
    /// Names that are held, with what they lead to.
    held: usize,
    sink: &'s mut Sink<'s, E>,
}

impl<E> Search<'_, '_, E> {
    fn live_directories(&mut self, place: Place, node: Node) -> Result<(), E> {
        let (view, mut done) = (self.view, Ok(()));
        let start = Located { path: EvidencePath::root(), place, node };
        sweep(view, &[start], SweepOptions::default(), &Directories(view), &mut |batch: Vec<Met>| {
            done = batch.into_iter().try_for_each(|met| match met {
                Met::Directory(path, place) => self.removed(&path, place, 0),
                // What is wrong with directories in use is told by `check` and by listings too.
                Met::Damage(issue) => (self.sink)(DeletedEvent::Damage(issue)),
            });
            if done.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        done
    }

    /// The removed entries of a directory.
    fn removed(&mut self, path: &EvidencePath, place: Place, depth: usize) -> Result<(), E> {
        let Some(filesystem) = self.view.filesystem(place) else { return Ok(()) };
        match filesystem.removed_entries(place.node) {
            Ok(entries) => self.entries(path, place.volume, entries, depth),
            Err(error) => self.damage(Some(path), place.volume, &error),
        }
    }

    fn entries(
        &mut self,
        path: &EvidencePath,
        volume: usize,
        entries: impl Iterator<Item = Result<Entry, FsError>>,
        depth: usize,
    ) -> Result<(), E> {
        let view = self.view;
        let is_dot = |entry: &Entry| entry.name == b"." || entry.name == b"..";
        let mut entries = entries.filter(|entry| !entry.as_ref().is_ok_and(is_dot));
        loop {
            let room = TOGETHER.saturating_sub(self.held).max(LEAST);
            let found = Ahead::look_up(entries.by_ref().take(room), |entry| {
                (entry.inode != 0).then(|| view.inode(volume, entry.inode).map(|(_, node)| node))
            });
            let held = found.len();
            if held == 0 {
                return Ok(());
            }
            self.held = self.held.saturating_add(held);
            for found in found {
                match found {
                    Ok((entry, node)) => self.name(path, volume, entry, node, depth)?,
                    Err(error) => self.damage(Some(path), volume, &error)?,
                }
            }
            self.held = self.held.saturating_sub(held);
        }
    }

    fn name(
        &mut self,
        directory: &EvidencePath,
        volume: usize,
        entry: Entry,
        node: Option<Result<Node, FsError>>,
        depth: usize,
    ) -> Result<(), E> {
        let path = directory.join(&entry.name);
        let inside = match &node {
            Some(Ok(node)) if is_deleted_directory(node) => Some(node.id),
            _ => None,
        };
        let entry = Entry { state: EntryState::Deleted, ..entry };
        (self.sink)(DeletedEvent::Name(DeletedName { path: path.clone(), volume, entry, node }))?;
        inside.map_or(Ok(()), |id| self.deleted_directory(&path, volume, id, depth.saturating_add(1)))
    }

    /// Everything that stood in a deleted directory, as far as its blocks still show it.
    fn deleted_directory(&mut self, path: &EvidencePath, volume: usize, id: NodeId, depth: usize) -> Result<(), E> {
        if depth > DEPTH || !self.seen.insert((volume, id.inode)) {
            return Ok(());
        }
        let place = Place { volume, node: id };
        let Some(filesystem) = self.view.filesystem(place) else { return Ok(()) };
        // The blocks of a deleted directory may hold anything by now; that they do is no damage.
        let children = filesystem.children(id).into_iter().flatten().filter_map(Result::ok).map(Ok);
        self.entries(path, volume, children, depth)?;
        let removed = filesystem.removed_entries(id).into_iter().flatten().filter_map(Result::ok).map(Ok);
        self.entries(path, volume, removed, depth)
    }

    fn nodes(&mut self, volume: usize) -> Result<(), E> {
        let view = self.view;
        let Some(found) = view.volumes().get(volume) else { return Ok(()) };
        let filesystem: &dyn FileSystem = found.filesystem.as_ref();
        for deleted in filesystem.deleted() {
            match deleted {
                Ok(deleted) => {
                    let (id, is_directory) = (deleted.node.id, is_deleted_directory(&deleted.node));
                    (self.sink)(DeletedEvent::Node { volume, deleted })?;
                    if is_directory {
                        let name = unattached_path(id.inode);
                        self.deleted_directory(&EvidencePath::from_bytes(name), volume, id, 1)?;
                    }
                }
                Err(error) => self.damage(None, volume, &error)?,
            }
        }
        Ok(())
    }

    fn damage(&mut self, path: Option<&EvidencePath>, volume: usize, error: &FsError) -> Result<(), E> {
        let issue = match path {
            Some(path) => issue(self.view, volume, path.as_bytes(), error),
            None => error.issue(&subject(self.view, volume)),
        };
        (self.sink)(DeletedEvent::Damage(issue))
    }
}

fn is_deleted_directory(node: &Node) -> bool {
    node.state != NodeState::Allocated && node.node_type == NodeType::Directory
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_filesystem::{MemoryFileSystem, Volume};
    use std::sync::Arc;

    fn told(filesystem: MemoryFileSystem) -> Vec<String> {
        let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
        let mut told = Vec::new();
        let done: Result<(), ()> = deleted(&view, &mut |event| {
            told.push(match event {
                DeletedEvent::Name(name) => format!("{} {}", name.path, name.entry.inode),
                DeletedEvent::Node { deleted, .. } => format!("inode {}", deleted.node.id.inode),
                DeletedEvent::Damage(issue) => issue.message,
            });
            Ok(())
        });
        done.unwrap();
        told
    }

    #[test]
    fn names_come_first_and_what_stood_in_a_deleted_directory_follows_it() {
        let mut filesystem = MemoryFileSystem::new();
        let kept = filesystem.add(2, b"kept", NodeType::Directory, b"");
        let gone = filesystem.add(kept, b"gone", NodeType::Directory, b"");
        filesystem.add(gone, b"inside", NodeType::File, b"");
        filesystem.remove(gone, b"inside");
        filesystem.remove(kept, b"gone");
        assert_eq!(told(filesystem), ["/kept/gone 12", "/kept/gone/inside 13", "inode 12", "inode 13"]);
    }

    #[test]
    fn volumes_that_hang_nowhere_are_gone_through_too() {
        let volume = |name: &str| {
            let mut filesystem = MemoryFileSystem::new();
            filesystem.add(2, name.as_bytes(), NodeType::File, b"");
            filesystem.remove(2, name.as_bytes());
            Volume { name: name.to_owned(), filesystem: Arc::new(filesystem) }
        };
        let view = View::new(vec![volume("p1"), volume("p2")], 1);
        let mut names = Vec::new();
        let done: Result<(), ()> = deleted(&view, &mut |event| {
            if let DeletedEvent::Name(name) = event {
                names.push((name.volume, name.path.to_string()));
            }
            Ok(())
        });
        assert_eq!((done, names), (Ok(()), vec![(1, "/p2".to_owned()), (0, "/p1".to_owned())]));
    }

    #[test]
    fn what_stood_in_a_nameless_deleted_directory_is_told_under_its_inode() {
        let mut filesystem = MemoryFileSystem::new();
        let gone = filesystem.add(2, b"gone", NodeType::Directory, b"");
        filesystem.add(gone, b"inside", NodeType::File, b"");
        filesystem.remove(2, b"gone");
        filesystem.node_mut(2).unwrap().removed.clear();
        filesystem.node_mut(12).unwrap().node.state = NodeState::Deleted;
        assert_eq!(told(filesystem), ["inode 11", "/$OrphanFiles/OrphanFile-11/inside 12", "inode 12"]);
    }
}
