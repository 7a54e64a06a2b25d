//! Everything below a directory, one by one.

use super::{Located, Place, View};
use crate::{Entry, EntryState, FsError, Node, NodeType, Stream};
use kanshiki_model::EvidencePath;
use std::collections::HashSet;

/// Directories inside directories that are gone into; a deeper one is told as damage.
const DEPTH: usize = 4096;

/// Something that a walk came by.
#[derive(Debug)]
pub struct Visit {
    /// Its path.
    pub path: EvidencePath,
    /// The directory that the entry stands in; `None` for the start of the walk.
    pub directory: Option<Place>,
    /// The entry; `None` for the start of the walk.
    pub entry: Option<Entry>,
    /// What the entry leads to, or why that cannot be told.
    pub found: Result<(Place, Node), FsError>,
}

/// A walk in depth: a directory before what lies in it, entries in the order in which they lie on the disk, `.` and `..`
/// left out. An error of its own stands for damage in a directory (with the directory's path); the walk goes on.
/// A directory that has been gone into is not gone into again.
pub struct Walk<'a> {
    view: &'a View,
    start: Option<Located>,
    open: Vec<Open<'a>>,
    /// A directory that was returned and is gone into next.
    next: Option<(EvidencePath, Place)>,
    seen: HashSet<(usize, u64)>,
}

struct Open<'a> {
    path: EvidencePath,
    place: Place,
    entries: Stream<'a, Entry>,
}

impl std::fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walk").field("depth", &self.open.len()).finish_non_exhaustive()
    }
}

impl View {
    /// Walks through everything from `start` on, itself first.
    #[must_use]
    pub fn walk(&self, start: Located) -> Walk<'_> {
        Walk { view: self, start: Some(start), open: Vec::new(), next: None, seen: HashSet::new() }
    }
}

impl Walk<'_> {
    /// Does not go into the directory that was returned last.
    pub fn skip_directory(&mut self) {
        self.next = None;
    }

    fn enter(&mut self, path: EvidencePath, place: Place) -> Option<(EvidencePath, FsError)> {
        let inode = place.node.inode;
        if !self.seen.insert((place.volume, inode)) {
            let detail = "it has a second name, or lies inside itself; it is gone into once".to_owned();
            let structure = "directory tree";
            let offset = self.view.inode(place.volume, inode).map_or(0, |(_, node)| node.offset);
            return Some((path, FsError::Damaged { structure, inode: Some(inode), offset, detail }));
        }
        if self.open.len() >= DEPTH {
            let detail = format!("more than {DEPTH} directories inside each other; not gone into");
            return Some((path, FsError::Unsupported { inode: Some(inode), detail }));
        }
        match self.view.children(place) {
            Ok(entries) => {
                self.open.push(Open { path, place, entries });
                None
            }
            Err(error) => Some((path, error)),
        }
    }

    fn visit(&mut self, visit: Visit) -> Visit {
        if let Ok((place, node)) = &visit.found
            && node.node_type == NodeType::Directory
        {
            self.next = Some((visit.path.clone(), *place));
        }
        visit
    }
}

impl Iterator for Walk<'_> {
    /// `Err` is damage inside the directory at this path; what lies behind it follows.
    type Item = Result<Visit, (EvidencePath, FsError)>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(start) = self.start.take() {
            let found = Ok((start.place, start.node));
            return Some(Ok(self.visit(Visit { path: start.path, directory: None, entry: None, found })));
        }
        if let Some((path, place)) = self.next.take()
            && let Some(damage) = self.enter(path, place)
        {
            return Some(Err(damage));
        }
        loop {
            let open = self.open.last_mut()?;
            match open.entries.next() {
                None => {
                    self.open.pop();
                }
                Some(Err(error)) => return Some(Err((open.path.clone(), error))),
                Some(Ok(entry)) if entry.state != EntryState::Live || entry.name == b"." || entry.name == b".." => {}
                Some(Ok(entry)) => {
                    let (path, directory) = (open.path.join(&entry.name), open.place);
                    let found = self.view.child(directory.volume, &entry);
                    return Some(Ok(self.visit(Visit { path, directory: Some(directory), entry: Some(entry), found })));
                }
            }
        }
    }
}
