//! What entries lead to, looked up in the order in which inodes lie on the disk.
//!
//! The names of a large directory lie in the order of their hashes, and their inodes anywhere: looked up name by name, the
//! tables of inodes would be read again and again.

use kanshiki_filesystem::{Entry, FsError};
use std::collections::VecDeque;

/// Entries with what they lead to, and damage between them.
pub type Ahead<T> = VecDeque<Result<(Entry, T), FsError>>;

/// Looks up what entries lead to, in the order of their inodes; gives it out in the order of the entries.
pub fn look_up<T>(entries: Vec<Result<Entry, FsError>>, mut look_up: impl FnMut(&Entry) -> T) -> Ahead<T> {
    let inodes = entries.iter().enumerate();
    let inodes = inodes.filter_map(|(place, entry)| entry.as_ref().ok().map(|entry| (entry.inode, place)));
    let mut order: Vec<(u64, usize)> = inodes.collect();
    order.sort_unstable();
    let mut found: Vec<Option<T>> = entries.iter().map(|_| None).collect();
    for (_, place) in order {
        if let (Some(Ok(entry)), Some(found)) = (entries.get(place), found.get_mut(place)) {
            *found = Some(look_up(entry));
        }
    }
    let both = entries.into_iter().zip(found);
    both.filter_map(|(entry, found)| match (entry, found) {
        (Ok(entry), Some(found)) => Some(Ok((entry, found))),
        (Ok(_), None) => None,
        (Err(error), _) => Some(Err(error)),
    })
    .collect()
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
        let found = look_up(entries, |entry| {
            asked.push(entry.inode);
            entry.inode * 10
        });
        assert_eq!(asked, [3, 3, 5, 7]);
        let found: Vec<Option<u64>> = found.into_iter().map(|found| found.ok().map(|(_, found)| found)).collect();
        assert_eq!(found, [Some(70), Some(30), None, Some(50), Some(30)]);
    }
}
