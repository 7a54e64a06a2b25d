//! Goes through one directory, some entries at a time, so that the work can be put down and taken up by another thread.

use super::unattached::Reached;
use super::{Children, Descend, Item, Names, Order, SweepOptions, Sweeper};
use crate::ahead::Ahead;
use crate::trail::{Trail, push_name};
use kanshiki_filesystem::{Entry, EntryState, FsError, Node, NodeState, NodeType, Place, Stream, View};
use std::sync::Arc;

/// Entries of one batch at most.
const BATCH: usize = 1024;

/// What one entry of a batch is taken to weigh in bytes beside its path.
const ENTRY_BYTES: usize = 160;

/// Bytes after which a batch is handed on.
const BATCH_BYTES: usize = 256 << 10;

/// Names that are put in order together.
const SORTED: usize = 200_000;

/// Entries after which a directory counts as large: inodes are then read in the order in which they lie on the disk, so many
/// at once.
const LARGE: usize = 4096;

/// Entries of a large directory whose inodes are read together.
const TOGETHER: usize = 32_768;

/// What an entry leads to.
type Found = Result<(Place, Node), FsError>;

/// A directory to go through.
#[derive(Debug)]
pub(super) struct Task {
    /// Its path.
    pub(super) trail: Arc<Trail>,
    /// Where it is.
    pub(super) place: Place,
    /// Whether it is in use.
    pub(super) live: bool,
}

/// What to do with directories.
pub(super) struct Work<'a, S> {
    pub(super) view: &'a View,
    pub(super) options: SweepOptions,
    pub(super) sweeper: &'a S,
    /// Where it is noted what names lead to, if anybody wants to know.
    pub(super) reached: Option<&'a Reached>,
    /// Whether names lead here from the root.
    pub(super) attached: bool,
}

impl<S> Work<'_, S> {
    /// Notes that a directory in use was left out.
    pub(super) fn leave_out(&self) {
        if let Some(reached) = self.reached {
            reached.leave_out();
        }
    }
}

impl<S> Clone for Work<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Work<'_, S> {}

/// What a step of a run gave.
pub(super) struct Step<B> {
    /// What was made of the entries.
    pub(super) batch: B,
    /// Bytes that it may take.
    pub(super) weight: usize,
    /// Whether the directory is through.
    pub(super) done: bool,
}

/// A directory that is being gone through.
pub(super) struct Run<'a, S> {
    work: Work<'a, S>,
    task: Task,
    /// The path, to which each name is added in turn.
    path: Vec<u8>,
    /// What is read now; `None` before the beginning and between the parts.
    entries: Option<Stream<'a, Entry>>,
    part: Part,
    /// Entries that were taken from the stream.
    seen: usize,
    /// What names led to and was not noted yet.
    reached: Vec<u64>,
    /// Entries of a large directory with what they lead to.
    ahead: Ahead<Found>,
    /// The directories that were found.
    pub(super) children: Children,
}

/// What is read of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Live,
    Removed,
    Done,
}

impl<'a, S: Sweeper> Run<'a, S> {
    /// Begins with a directory; nothing is read yet.
    pub(super) fn new(work: Work<'a, S>, task: Task) -> Self {
        let (path, children) = (task.trail.path(), Children::default());
        Self {
            work,
            path,
            task,
            entries: None,
            part: Part::Live,
            seen: 0,
            reached: Vec::new(),
            ahead: Ahead::default(),
            children,
        }
    }

    /// The directory's path.
    pub(super) fn trail(&self) -> &Arc<Trail> {
        &self.task.trail
    }

    /// Goes through some more entries.
    pub(super) fn step(&mut self) -> Step<S::Batch> {
        let mut batch = S::Batch::default();
        let (mut weight, mut count) = (0_usize, 0_usize);
        while count < BATCH && weight < BATCH_BYTES && self.part != Part::Done {
            if self.entries.is_none() {
                self.begin(&mut batch);
                continue;
            }
            match self.next() {
                Some(Ok((entry, found))) => self.visit(&entry, &found, &mut batch),
                Some(Err(error)) => self.damage(&error, &mut batch),
                None => {
                    self.entries = None;
                    self.part = match self.part {
                        Part::Live if self.work.options.names == Names::WithRemoved => Part::Removed,
                        _ => Part::Done,
                    };
                    continue;
                }
            }
            count = count.saturating_add(1);
            weight = weight.saturating_add(self.path.len()).saturating_add(ENTRY_BYTES);
        }
        if let Some(reached) = self.work.reached {
            reached.add(self.task.place.volume, &mut self.reached);
        }
        Step { batch, weight, done: self.part == Part::Done }
    }

    /// The next entry with what it leads to.
    fn next(&mut self) -> Option<Result<(Entry, Found), FsError>> {
        if let Some(next) = self.ahead.next() {
            return Some(next);
        }
        let entries = self.entries.as_mut()?;
        if self.seen < LARGE {
            self.seen = self.seen.saturating_add(1);
            let entry = entries.next()?;
            return Some(entry.map(|entry| {
                let found = self.look_up(&entry);
                (entry, found)
            }));
        }
        let mut entries = self.entries.take()?;
        self.ahead = Ahead::look_up(entries.by_ref().take(TOGETHER), |entry| self.look_up(entry));
        self.entries = Some(entries);
        self.ahead.next()
    }

    /// What an entry leads to.
    fn look_up(&self, entry: &Entry) -> Found {
        let (view, volume) = (self.work.view, self.task.place.volume);
        if self.part == Part::Removed { view.inode(volume, entry.inode) } else { view.child(volume, entry) }
    }

    fn begin(&mut self, batch: &mut S::Batch) {
        let place = self.task.place;
        let opened = match (self.work.view.filesystem(place), self.part) {
            (Some(filesystem), Part::Live) => filesystem.children(place.node),
            (Some(filesystem), _) => filesystem.removed_entries(place.node),
            (None, _) => {
                self.part = Part::Done;
                return;
            }
        };
        match opened {
            Ok(entries) if self.work.options.order == Order::Name => self.entries = Some(sorted(entries)),
            Ok(entries) => self.entries = Some(entries),
            Err(error) => {
                // The same trouble would be told again for the removed entries.
                self.part = Part::Done;
                self.damage(&error, batch);
            }
        }
    }

    fn visit(&mut self, entry: &Entry, found: &Found, batch: &mut S::Batch) {
        if entry.name == b"." || entry.name == b".." {
            return;
        }
        let is_removed = self.part == Part::Removed;
        if !is_removed && entry.state != EntryState::Live {
            return;
        }
        let live = self.task.live && !is_removed;
        if live && self.work.reached.is_some() {
            self.reached.push(entry.inode);
        }
        let base = self.path.len();
        push_name(&mut self.path, &entry.name);
        let item = Item {
            path: &self.path,
            directory: Some(self.task.place),
            entry: Some(entry),
            live,
            attached: self.work.attached,
            depth: self.task.trail.depth().saturating_add(1),
            found: found.as_ref().map(|(place, node)| (*place, node)),
        };
        let descend = self.work.sweeper.visit(&item, batch);
        if let Ok((_, node)) = found
            && node.node_type == NodeType::Directory
            && descend == Descend::No
            && live
        {
            self.work.leave_out();
        }
        if let Ok((place, node)) = found
            && descend == Descend::Yes
            && node.node_type == NodeType::Directory
            // What a removed name leads to may be another directory by now, which has its own name.
            && (live || node.state == NodeState::Deleted)
        {
            self.children.push(&entry.name, *place, live);
        }
        self.path.truncate(base);
    }

    fn damage(&self, error: &FsError, batch: &mut S::Batch) {
        self.work.sweeper.damage(&self.path, self.task.place.volume, error, batch);
    }
}

/// The same entries by name, in portions; damage comes first in its portion.
fn sorted(mut entries: Stream<'_, Entry>) -> Stream<'_, Entry> {
    let mut portion: std::vec::IntoIter<Result<Entry, FsError>> = Vec::new().into_iter();
    Box::new(std::iter::from_fn(move || {
        if let Some(next) = portion.next() {
            return Some(next);
        }
        let mut list: Vec<Result<Entry, FsError>> = entries.by_ref().take(SORTED).collect();
        list.sort_by(|one, other| by_name(one).cmp(&by_name(other)));
        portion = list.into_iter();
        portion.next()
    }))
}

fn by_name(entry: &Result<Entry, FsError>) -> Option<(&[u8], u64)> {
    entry.as_ref().ok().map(|entry| (entry.name.as_slice(), entry.offset))
}
