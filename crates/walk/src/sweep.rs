//! Walks through a tree on all cores and gives what it found in one order, the same at every run.
//!
//! The order: a directory's own entries, as they lie on the disk or by name; then, in the same order, what lies in each
//! directory among them. Damage stands where it was met. A directory is gone into once.
//!
//! ```text
//! stack of groups (directories still to do) ─▶ thread takes the next ─▶ batches ─▶ handed on in the order of the stack
//! ```

mod directory;
mod stack;
mod unattached;

use crate::inode_set::InodeSet;
use crate::trail::Trail;
use kanshiki_filesystem::{Entry, FsError, Located, Node, NodeType, Place, View};
use kanshiki_model::EvidencePath;
use stack::{Shared, Task};
use std::ops::ControlFlow;
use unattached::Reached;

/// Directories inside directories that are gone into; a deeper one is told as damage.
const DEPTH: usize = 4096;

/// The made-up directory below which inodes stand that no name leads to.
const UNATTACHED: &str = "/$OrphanFiles";

/// The path that The Sleuth Kit gives an inode to which no name leads.
#[must_use]
pub fn unattached_path(inode: u64) -> String {
    format!("{UNATTACHED}/OrphanFile-{inode}")
}

/// What a sweep came by.
#[derive(Debug)]
pub struct Item<'a> {
    /// Its path.
    pub path: &'a [u8],
    /// The directory that its name stands in; `None` for the start of the sweep.
    pub directory: Option<Place>,
    /// The entry; `None` for the start of the sweep.
    pub entry: Option<&'a Entry>,
    /// Whether the name is in use: false for a removed entry, and for all names in a deleted directory.
    pub live: bool,
    /// Whether names lead to it from the start: false for inodes in use that no name leads to, and for what lies in them.
    pub attached: bool,
    /// Names between the start and this one.
    pub depth: usize,
    /// What the entry leads to, or why that cannot be told.
    pub found: Result<(Place, &'a Node), &'a FsError>,
}

/// Whether to go into a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descend {
    /// Go into it.
    Yes,
    /// Leave it out; for what is no directory it makes no difference.
    No,
}

/// The order of a directory's entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// As they lie on the disk.
    #[default]
    Disk,
    /// By the bytes of their names; in a directory of more than 200,000 names, in portions of so many.
    Name,
}

/// Which names to come by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Names {
    /// Those in use.
    #[default]
    Live,
    /// Those in use, and removed entries that still lie in the directories.
    WithRemoved,
}

/// How to sweep.
#[derive(Debug, Clone, Copy, Default)]
pub struct SweepOptions {
    /// The order of a directory's entries.
    pub order: Order,
    /// Which names to come by.
    pub names: Names,
    /// Threads; 0 for as many as the machine has cores.
    pub threads: usize,
}

/// What is done with all that a sweep comes by, on many threads.
pub trait Sweeper: Sync {
    /// What is made of some entries of one directory.
    type Batch: Default + Send;

    /// Takes in one thing.
    fn visit(&self, item: &Item<'_>, batch: &mut Self::Batch) -> Descend;

    /// Takes in damage inside the directory at this path, which lies in this volume.
    fn damage(&self, path: &[u8], volume: usize, error: &FsError, batch: &mut Self::Batch);
}

/// Sweeps through everything from the starts on, themselves first, and hands the batches on in order; ends early when
/// `emit` says so.
///
/// Where a start is the root of a tree and nothing in it was left out, inodes in use follow that no name leads to, as
/// starts of their own under `/$OrphanFiles`; that there are some is told as damage.
pub fn sweep<S: Sweeper>(
    view: &View,
    starts: &[Located],
    options: SweepOptions,
    sweeper: &S,
    emit: &mut dyn FnMut(S::Batch) -> ControlFlow<()>,
) {
    let whole = whole_volumes(view, starts);
    let reached = (!whole.is_empty()).then(Reached::default);
    let work = directory::Work { view, options, sweeper, reached: reached.as_ref(), attached: true };
    let mut going = Going { work, seen: InodeSet::default(), emit };
    let _ = going.all(starts, &whole);
}

/// The volumes that are gone through from their roots on.
fn whole_volumes(view: &View, starts: &[Located]) -> Vec<usize> {
    let root = view.root().ok().map(|(place, _)| place);
    let mut whole = Vec::new();
    for start in starts.iter().filter(|start| start.path.file_name().is_none()) {
        if Some(start.place) == root {
            whole.extend(view.mounts().iter().map(|mount| mount.volume));
        } else {
            whole.push(start.place.volume);
        }
    }
    whole.sort_unstable();
    whole.dedup();
    whole
}

/// A sweep that is under way.
struct Going<'a, 'e, S: Sweeper> {
    work: directory::Work<'a, S>,
    /// The directories that have been gone into.
    seen: InodeSet,
    emit: &'e mut dyn FnMut(S::Batch) -> ControlFlow<()>,
}

impl<S: Sweeper> Going<'_, '_, S> {
    fn all(&mut self, starts: &[Located], whole: &[usize]) -> ControlFlow<()> {
        starts.iter().try_for_each(|start| self.from(start))?;
        self.work.attached = false;
        match self.work.reached {
            Some(reached) if reached.is_whole() => {
                whole.iter().try_for_each(|volume| self.unattached(*volume, reached))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn from(&mut self, start: &Located) -> ControlFlow<()> {
        let work = self.work;
        let mut batch = S::Batch::default();
        let item = Item {
            path: start.path.as_bytes(),
            directory: None,
            entry: None,
            live: true,
            attached: work.attached,
            depth: 0,
            found: Ok((start.place, &start.node)),
        };
        let (volume, inode) = (start.place.volume, start.place.node.inode);
        if let Some(reached) = work.reached {
            reached.insert(volume, inode);
        }
        let descend = work.sweeper.visit(&item, &mut batch);
        (self.emit)(batch)?;
        if start.node.node_type != NodeType::Directory {
            return ControlFlow::Continue(());
        }
        if descend == Descend::No {
            work.leave_out();
            return ControlFlow::Continue(());
        }
        if !self.seen.insert(volume, inode) {
            return ControlFlow::Continue(());
        }
        let task = Task { trail: Trail::start(start.path.as_bytes()), place: start.place, live: true };
        let shared = Shared::new();
        let threads = if work.options.threads == 0 { crate::parallel::threads() } else { work.options.threads };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| shared.help(&work));
            }
            let flow = shared.lead(&work, task, &mut self.seen, self.emit);
            shared.stop();
            flow
        })
    }

    /// Goes on with the inodes of a volume that no name led to: first with those to which names do not lead from others
    /// of them either, then with those that lie in each other alone.
    fn unattached(&mut self, volume: usize, reached: &Reached) -> ControlFlow<()> {
        let Some(found) = self.work.view.volumes().get(volume) else { return ControlFlow::Continue(()) };
        let filesystem = found.filesystem.as_ref();
        reached.add_covered(self.work.view, volume);
        let inside = unattached::inside(filesystem, volume, reached);
        let (mut first, mut count) = (None, 0_u64);
        for leaves_inside in [true, false] {
            let skip = |inode| reached.has(volume, inode) || leaves_inside && inside.contains(volume, inode);
            // What cannot be read here is told by whoever looks for deleted inodes in the same tables.
            for node in filesystem.unattached(&skip).flatten() {
                first.get_or_insert((node.id.inode, node.offset));
                count = count.saturating_add(1);
                let path = EvidencePath::from_bytes(unattached_path(node.id.inode));
                let place = Place { volume, node: node.id };
                self.from(&Located { path, place, node })?;
            }
        }
        let Some((inode, offset)) = first else { return ControlFlow::Continue(()) };
        let detail = format!(
            "inodes in use that no name leads to: {count}, the first of them inode {inode}; find --all lists them"
        );
        let error = FsError::Damaged { structure: "directory tree", inode: None, offset, detail };
        let mut batch = S::Batch::default();
        self.work.sweeper.damage(b"/", volume, &error, &mut batch);
        (self.emit)(batch)
    }
}

/// A directory that was found: what a thread needs to go into it.
#[derive(Debug)]
struct Child {
    name_end: usize,
    place: Place,
    live: bool,
}

/// The directories found in one directory, with their names one after the other.
#[derive(Debug, Default)]
struct Children {
    names: Vec<u8>,
    list: Vec<Child>,
}

impl Children {
    fn push(&mut self, name: &[u8], place: Place, live: bool) {
        self.names.extend_from_slice(name);
        self.list.push(Child { name_end: self.names.len(), place, live });
    }

    /// The child with this number, with its name.
    fn get(&self, number: usize) -> Option<(&[u8], &Child)> {
        let child = self.list.get(number)?;
        let start = number.checked_sub(1).and_then(|before| self.list.get(before)).map_or(0, |before| before.name_end);
        Some((self.names.get(start..child.name_end)?, child))
    }
}

#[cfg(test)]
mod tests;
