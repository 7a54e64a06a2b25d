//! Directories listed by name, one or all below it.

use crate::resolved::{Found, Resolved, Which};
use kanshiki_filesystem::{Entry, EntryState, FsError, Located, Node, NodeType, Place, View};
use kanshiki_model::EvidencePath;
use std::collections::HashSet;

/// Memory for the entries of one directory.
const BUDGET: usize = 48 << 20;

/// The least memory for the entries of a directory deep in a tree.
const LEAST: usize = 16 << 10;

/// Directories inside directories that are gone into; a deeper one is told as damage.
const DEPTH: usize = 4096;

/// In which order to list what lies in directories inside a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ListOrder {
    /// One directory alone.
    #[default]
    Flat,
    /// A directory's own entries by name; then, in the same order, each directory among them in the same way.
    Groups,
    /// Entries by name, each directory followed by what lies in it.
    Tree,
}

/// What to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// What lies below, and in which order.
    pub order: ListOrder,
    /// List `.` and `..` too.
    pub dots: bool,
    /// List removed entries too.
    pub removed: bool,
    /// Directories between the start and the deepest entry, 1 for the start's own entries; `None` for all.
    pub depth: Option<usize>,
}

/// An entry.
#[derive(Debug)]
pub struct ListRow {
    /// Its path.
    pub path: EvidencePath,
    /// The entry; `None` for a start that is no directory.
    pub entry: Option<Entry>,
    /// The volume in which the entry stands.
    pub volume: usize,
    /// What it leads to, or why that cannot be told. A removed entry leads to what its inode holds now.
    pub found: Result<(Place, Node), FsError>,
    /// Names between the start and this one; 1 in the start itself.
    pub depth: usize,
    /// Whether it is the last of its directory. Told in [`ListOrder::Tree`] alone.
    pub last: bool,
}

/// What a listing comes by.
#[derive(Debug)]
pub enum ListEvent<'a> {
    /// A directory begins whose entries follow. Not told in [`ListOrder::Tree`].
    Directory(&'a EvidencePath),
    /// An entry.
    Entry(ListRow),
    /// Damage in the directory at this path; what else lies in it follows.
    Damage {
        /// The directory.
        path: &'a EvidencePath,
        /// Its volume.
        volume: usize,
        /// What is damaged.
        error: FsError,
    },
}

/// Takes what a listing comes by.
type Sink<'a, E> = dyn FnMut(ListEvent<'_>) -> Result<(), E> + 'a;

/// Lists a directory by name, or what is no directory alone. A directory is gone into once.
///
/// # Errors
///
/// What `sink` returns.
pub fn list<E>(view: &View, start: &Located, options: ListOptions, sink: &mut Sink<'_, E>) -> Result<(), E> {
    if start.node.node_type != NodeType::Directory {
        let (path, volume) = (start.path.clone(), start.place.volume);
        let found = Ok((start.place, start.node.clone()));
        return sink(ListEvent::Entry(ListRow { path, entry: None, volume, found, depth: 0, last: true }));
    }
    let mut lister = Lister { view, options, seen: HashSet::new(), sink };
    lister.seen.insert((start.place.volume, start.place.node.inode));
    match options.order {
        ListOrder::Tree => lister.tree(start),
        ListOrder::Groups | ListOrder::Flat => lister.groups(start),
    }
}

struct Lister<'a, 's, E> {
    view: &'a View,
    options: ListOptions,
    seen: HashSet<(usize, u64)>,
    sink: &'s mut Sink<'s, E>,
}

/// A directory to list: its path as the length of the path above and its own name.
struct Pending {
    above: usize,
    name: Box<[u8]>,
    place: Place,
    depth: usize,
}

/// A directory under way in a tree.
struct Level<'a> {
    entries: Resolved<'a>,
    next: Option<(Entry, Found)>,
    place: Place,
    path_bytes: usize,
}

impl<'a, E> Lister<'a, '_, E> {
    fn groups(&mut self, start: &Located) -> Result<(), E> {
        let mut path = start.path.as_bytes().to_vec();
        let name = Box::default();
        let mut pending = vec![Pending { above: path.len(), name, place: start.place, depth: 1 }];
        while let Some(Pending { above, name, place, depth }) = pending.pop() {
            path.truncate(above);
            push_name(&mut path, &name);
            let own = EvidencePath::from_bytes(path.clone());
            (self.sink)(ListEvent::Directory(&own))?;
            let first = pending.len();
            let Some(mut entries) = self.entries(place, BUDGET) else { continue };
            while let Some(next) = self.next(&mut entries, &own, place.volume)? {
                let row = row(&own, place.volume, next, depth);
                let inside = self.inside(&row)?;
                if let (Some(place), Some(entry)) = (inside, &row.entry) {
                    let (above, name) = (path.len(), entry.name.clone().into_boxed_slice());
                    pending.push(Pending { above, name, place, depth: depth.saturating_add(1) });
                }
                (self.sink)(ListEvent::Entry(row))?;
            }
            // The first by name is to be taken first.
            if let Some(new) = pending.get_mut(first..) {
                new.reverse();
            }
        }
        Ok(())
    }

    fn tree(&mut self, start: &Located) -> Result<(), E> {
        let mut path = start.path.as_bytes().to_vec();
        let mut levels: Vec<Level<'a>> = Vec::new();
        self.open(start.place, &path, &mut levels)?;
        while let Some(level) = levels.last_mut() {
            path.truncate(level.path_bytes);
            let own = EvidencePath::from_bytes(path.clone());
            let (place, next) = (level.place, level.next.take());
            let Some(next) = next else {
                levels.pop();
                continue;
            };
            level.next = self.next(&mut level.entries, &own, place.volume)?;
            let last = level.next.is_none();
            let mut row = row(&own, place.volume, next, levels.len());
            row.last = last;
            let inside = self.inside(&row)?;
            let name = row.entry.as_ref().map(|entry| entry.name.clone()).unwrap_or_default();
            (self.sink)(ListEvent::Entry(row))?;
            if let Some(place) = inside {
                push_name(&mut path, &name);
                self.open(place, &path, &mut levels)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, place: Place, path: &[u8], levels: &mut Vec<Level<'a>>) -> Result<(), E> {
        // Each directory inside another may take a quarter of what the one above may, so that the sum is bounded.
        let budget = (0..levels.len().min(16)).fold(BUDGET, |budget, _| budget / 4).max(LEAST);
        let Some(mut entries) = self.entries(place, budget) else { return Ok(()) };
        let own = EvidencePath::from_bytes(path);
        let next = self.next(&mut entries, &own, place.volume)?;
        levels.push(Level { entries, next, place, path_bytes: path.len() });
        Ok(())
    }

    fn entries(&self, place: Place, budget: usize) -> Option<Resolved<'a>> {
        let which = Which { dots: self.options.dots, removed: self.options.removed };
        Resolved::new(self.view, place, which, budget)
    }

    fn next(
        &mut self,
        entries: &mut Resolved<'a>,
        path: &EvidencePath,
        volume: usize,
    ) -> Result<Option<(Entry, Found)>, E> {
        entries.next(&mut |error| (self.sink)(ListEvent::Damage { path, volume, error }))
    }

    /// The directory that a row leads to, if it is to be gone into.
    fn inside(&mut self, row: &ListRow) -> Result<Option<Place>, E> {
        let (Ok((place, node)), Some(entry)) = (&row.found, &row.entry) else { return Ok(None) };
        let wanted = self.options.order != ListOrder::Flat
            && node.node_type == NodeType::Directory
            && entry.state == EntryState::Live
            && !is_dot(entry)
            && self.options.depth.is_none_or(|depth| row.depth < depth);
        if !wanted {
            return Ok(None);
        }
        let (path, volume, inode) = (&row.path, row.volume, place.node.inode);
        if !self.seen.insert((place.volume, inode)) {
            let detail = "it has a second name, or lies inside itself; it is gone into once".to_owned();
            let (structure, offset) = ("directory tree", node.offset);
            let error = FsError::Damaged { structure, inode: Some(inode), offset, detail };
            (self.sink)(ListEvent::Damage { path, volume, error })?;
            return Ok(None);
        }
        if row.depth >= DEPTH {
            let detail = format!("more than {DEPTH} directories inside each other; not gone into");
            let error = FsError::Unsupported { inode: Some(inode), detail };
            (self.sink)(ListEvent::Damage { path, volume, error })?;
            return Ok(None);
        }
        Ok(Some(*place))
    }
}

fn row(directory: &EvidencePath, volume: usize, (entry, found): (Entry, Found), depth: usize) -> ListRow {
    ListRow { path: directory.join(&entry.name), entry: Some(entry), volume, found, depth, last: false }
}

fn is_dot(entry: &Entry) -> bool {
    entry.name == b"." || entry.name == b".."
}

/// Adds a name to a path as [`EvidencePath::join`] does.
fn push_name(path: &mut Vec<u8>, name: &[u8]) {
    if name.is_empty() {
        return;
    }
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_filesystem::{Follow, MemoryFileSystem, Volume};
    use std::sync::Arc;

    fn sample() -> MemoryFileSystem {
        let mut filesystem = MemoryFileSystem::new();
        let b = filesystem.add(2, b"b", NodeType::Directory, b"");
        filesystem.add(2, b"c", NodeType::File, b"");
        let a = filesystem.add(2, b"a", NodeType::Directory, b"");
        filesystem.add(b, b"1", NodeType::File, b"");
        let deep = filesystem.add(a, b"deep", NodeType::Directory, b"");
        filesystem.add(deep, b"2", NodeType::File, b"");
        filesystem.add(a, b"old", NodeType::File, b"");
        filesystem.remove(a, b"old");
        filesystem
    }

    fn told(filesystem: MemoryFileSystem, options: ListOptions) -> Vec<String> {
        let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
        let start = view.lookup(&EvidencePath::root(), Follow::All).unwrap();
        let mut told = Vec::new();
        let done: Result<(), ()> = list(&view, &start, options, &mut |event| {
            told.push(match event {
                ListEvent::Directory(path) => format!("{path}:"),
                ListEvent::Entry(row) => format!("{}{}", row.path, if row.last { " last" } else { "" }),
                ListEvent::Damage { path, error, .. } => format!("{path}! {error}"),
            });
            Ok(())
        });
        done.unwrap();
        told
    }

    #[test]
    fn one_directory_is_listed_by_name() {
        assert_eq!(told(sample(), ListOptions::default()), ["/:", "/a", "/b", "/c"]);
        let dots = ListOptions { dots: true, ..ListOptions::default() };
        assert_eq!(told(sample(), dots), ["/:", "/.", "/..", "/a", "/b", "/c"]);
    }

    #[test]
    fn groups_come_one_after_the_other_with_removed_entries_among_them() {
        let options = ListOptions { order: ListOrder::Groups, removed: true, ..ListOptions::default() };
        let expected = ["/:", "/a", "/b", "/c", "/a:", "/a/deep", "/a/old", "/a/deep:", "/a/deep/2", "/b:", "/b/1"];
        assert_eq!(told(sample(), options), expected);
    }

    #[test]
    fn a_tree_goes_into_each_directory_where_it_stands() {
        let options = ListOptions { order: ListOrder::Tree, ..ListOptions::default() };
        let expected = ["/a", "/a/deep last", "/a/deep/2 last", "/b", "/b/1 last", "/c last"];
        assert_eq!(told(sample(), options), expected);
        let flat = ListOptions { depth: Some(1), ..options };
        assert_eq!(told(sample(), flat), ["/a", "/b", "/c last"]);
    }

    #[test]
    fn a_directory_inside_itself_is_gone_into_once_and_told() {
        for order in [ListOrder::Groups, ListOrder::Tree] {
            let mut filesystem = MemoryFileSystem::new();
            let inside = filesystem.add(2, b"a", NodeType::Directory, b"");
            filesystem.link(inside, b"up", 2, NodeType::Directory);
            let told = told(filesystem, ListOptions { order, ..ListOptions::default() });
            let damage: Vec<&String> = told.iter().filter(|line| line.contains('!')).collect();
            assert_eq!(
                damage,
                [
                    "/a/up! damaged directory tree of inode 2, byte 512: it has a second name, or lies inside itself; it is \
                  gone into once"
                ]
            );
        }
    }

    #[test]
    fn damage_in_a_directory_does_not_hide_its_entries() {
        let mut filesystem = sample();
        filesystem.node_mut(2).unwrap().damage = Some("cut short");
        let told = told(filesystem, ListOptions::default());
        assert_eq!(told[1], "/! damaged directory of inode 2, byte 1048576: cut short");
        assert_eq!(told[2..], ["/a", "/b", "/c"]);
    }
}
