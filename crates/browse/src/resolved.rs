//! The entries of a directory by name, with what they lead to.

use crate::SortedEntries;
use kanshiki_filesystem::{Entry, EntryState, FileSystem, FsError, Node, Place, View};
use std::collections::VecDeque;

/// What an entry leads to, or why that cannot be told.
pub(crate) type Found = Result<(Place, Node), FsError>;

/// Which entries to give.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Which {
    /// `.` and `..` too.
    pub(crate) dots: bool,
    /// Removed ones too.
    pub(crate) removed: bool,
}

/// The entries of a directory by name, with what they lead to. Inodes are read in the order of their numbers, a portion of
/// entries at a time: by name they would be read all over the disk.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    view: &'a View,
    entries: SortedEntries<'a>,
    volume: usize,
    dots: bool,
    portion: usize,
    queue: VecDeque<(Entry, Found)>,
}

impl<'a> Resolved<'a> {
    /// The entries of a directory; `None` if its volume is none of the view's. They take about `budget` bytes while they
    /// are sorted, and as much again at most while they are looked up.
    pub(crate) fn new(view: &'a View, directory: Place, which: Which, budget: usize) -> Option<Self> {
        /// What an entry takes with its node, roughly.
        const BYTES: usize = 512;
        let filesystem: &'a dyn FileSystem = view.filesystem(directory)?.as_ref();
        let entries = SortedEntries::new(filesystem, directory.node, which.removed, budget);
        let portion = (budget / BYTES).max(16);
        let (volume, dots, queue) = (directory.volume, which.dots, VecDeque::new());
        Some(Self { view, entries, volume, dots, portion, queue })
    }

    /// The next entry. Damage of the directory is told once, before the first entry.
    ///
    /// # Errors
    ///
    /// What `damage` returns.
    pub(crate) fn next<E>(
        &mut self,
        damage: &mut dyn FnMut(FsError) -> Result<(), E>,
    ) -> Result<Option<(Entry, Found)>, E> {
        if self.queue.is_empty() {
            self.fill(damage)?;
        }
        Ok(self.queue.pop_front())
    }

    fn fill<E>(&mut self, damage: &mut dyn FnMut(FsError) -> Result<(), E>) -> Result<(), E> {
        let mut entries: Vec<(usize, Entry)> = Vec::new();
        while entries.len() < self.portion
            && let Some(entry) = self.entries.next(damage)?
        {
            if self.dots || (entry.name != b"." && entry.name != b"..") {
                entries.push((entries.len(), entry));
            }
        }
        entries.sort_by_key(|(_, entry)| entry.inode);
        let mut found: Vec<(usize, Entry, Found)> = entries
            .into_iter()
            .map(|(place, entry)| {
                let found = self.found(&entry);
                (place, entry, found)
            })
            .collect();
        found.sort_by_key(|(place, ..)| *place);
        self.queue.extend(found.into_iter().map(|(_, entry, found)| (entry, found)));
        Ok(())
    }

    fn found(&self, entry: &Entry) -> Found {
        match entry.state {
            EntryState::Live => self.view.child(self.volume, entry),
            // Another volume over the directory hides nothing of what was removed.
            EntryState::Deleted => self.view.inode(self.volume, entry.inode),
        }
    }
}
