//! What entries lead to, looked up in the order in which inodes lie on the disk.
//!
//! The names of a large directory lie in the order of their hashes, and their inodes anywhere: looked up name by name, the
//! tables of inodes would be read again and again.

use kanshiki_filesystem::{Entry, FsError};
use std::collections::VecDeque;

/// Entries with what they lead to, and damage between them.
#[derive(Debug)]
pub struct Ahead<T>(VecDeque<(Result<Entry, FsError>, Option<T>)>);

impl<T> Default for Ahead<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Ahead<T> {
    /// Takes entries and looks up what they lead to, in the order of their inodes.
    pub fn look_up(
        entries: impl Iterator<Item = Result<Entry, FsError>>,
        mut look_up: impl FnMut(&Entry) -> T,
    ) -> Self {
        let mut list: VecDeque<_> = entries.map(|entry| (entry, None)).collect();
        let inodes = list.iter().enumerate();
        let inodes = inodes.filter_map(|(place, (entry, _))| entry.as_ref().ok().map(|entry| (entry.inode, place)));
        let mut order: Vec<(u64, usize)> = inodes.collect();
        order.sort_unstable();
        for (_, place) in order {
            if let Some((Ok(entry), found)) = list.get_mut(place) {
                *found = Some(look_up(entry));
            }
        }
        Self(list)
    }

    /// How many are still to come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is to come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Iterator for Ahead<T> {
    type Item = Result<(Entry, T), FsError>;

    /// The next one, in the order of the entries.
    fn next(&mut self) -> Option<Self::Item> {
        match self.0.pop_front()? {
            (Ok(entry), Some(found)) => Some(Ok((entry, found))),
            (Err(error), _) => Some(Err(error)),
            // Everything that is no damage was looked up.
            (Ok(_), None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_filesystem::EntryState;

    #[test]
    fn inodes_are_looked_up_in_their_order_and_told_in_that_of_the_entries() {
        let entry = |inode| Entry { name: vec![b'a'], inode, node_type: None, state: EntryState::Live, offset: 0 };
        let damage = FsError::NoInode { inode: 0, highest: 9 };
        let entries = vec![Ok(entry(7)), Ok(entry(3)), Err(damage), Ok(entry(5)), Ok(entry(3))];
        let mut asked = Vec::new();
        let found = Ahead::look_up(entries.into_iter(), |entry| {
            asked.push(entry.inode);
            entry.inode * 10
        });
        assert_eq!(asked, [3, 3, 5, 7]);
        let found: Vec<Option<u64>> = found.map(|found| found.ok().map(|(_, found)| found)).collect();
        assert_eq!(found, [Some(70), Some(30), None, Some(50), Some(30)]);
    }
}
