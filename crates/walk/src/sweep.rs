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

use crate::trail::Trail;
use kanshiki_filesystem::{Entry, FsError, Located, Node, Place, View};
use stack::{Shared, Task};
use std::ops::ControlFlow;

/// Directories inside directories that are gone into; a deeper one is told as damage.
const DEPTH: usize = 4096;

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
pub fn sweep<S: Sweeper>(
    view: &View,
    starts: &[Located],
    options: SweepOptions,
    sweeper: &S,
    emit: &mut dyn FnMut(S::Batch) -> ControlFlow<()>,
) {
    let threads = if options.threads == 0 { crate::parallel::threads() } else { options.threads };
    let mut seen = crate::inode_set::InodeSet::default();
    for start in starts {
        let mut batch = S::Batch::default();
        let item = Item {
            path: start.path.as_bytes(),
            directory: None,
            entry: None,
            live: true,
            depth: 0,
            found: Ok((start.place, &start.node)),
        };
        let descend = sweeper.visit(&item, &mut batch);
        if emit(batch).is_break() {
            return;
        }
        let is_directory = start.node.node_type == kanshiki_filesystem::NodeType::Directory;
        if descend == Descend::No || !is_directory || !seen.insert(start.place.volume, start.place.node.inode) {
            continue;
        }
        let task = Task { trail: Trail::start(start.path.as_bytes()), place: start.place, live: true };
        let shared = Shared::new();
        let work = directory::Work { view, options, sweeper };
        let stopped = std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| shared.help(&work));
            }
            let flow = shared.lead(&work, task, &mut seen, emit);
            shared.stop();
            flow.is_break()
        });
        if stopped {
            return;
        }
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
