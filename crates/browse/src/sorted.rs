//! The entries of a directory by name, in bounded memory.

use kanshiki_filesystem::{Entry, FileSystem, FsError, NodeId, Stream};

/// What an entry takes in memory beside its name, roughly.
const ENTRY_BYTES: usize = 96;

/// The entries of a directory in the order of the bytes of their names, equal ones as they lie on the disk. If they do not
/// fit into the memory that they may take, the directory is read again for each portion that does.
#[derive(Debug)]
pub struct SortedEntries<'a> {
    filesystem: &'a dyn FileSystem,
    directory: NodeId,
    removed: bool,
    budget: usize,
    /// The portion, its last entry first.
    portion: Vec<Numbered>,
    /// The last entry that was given out.
    after: Option<(Vec<u8>, u64)>,
    more: bool,
    first_pass: bool,
}

/// An entry with its number in the order of the disk.
#[derive(Debug)]
struct Numbered {
    entry: Entry,
    number: u64,
}

impl Numbered {
    fn key(&self) -> (&[u8], u64) {
        (&self.entry.name, self.number)
    }
}

impl<'a> SortedEntries<'a> {
    /// The entries of a directory, with removed ones among them if `removed` says so, in about `budget` bytes of memory.
    #[must_use]
    pub fn new(filesystem: &'a dyn FileSystem, directory: NodeId, removed: bool, budget: usize) -> Self {
        let (portion, after) = (Vec::new(), None);
        Self { filesystem, directory, removed, budget, portion, after, more: true, first_pass: true }
    }

    /// The next entry. Damage is told once, before the first entry.
    ///
    /// # Errors
    ///
    /// What `damage` returns.
    pub fn next<E>(&mut self, damage: &mut dyn FnMut(FsError) -> Result<(), E>) -> Result<Option<Entry>, E> {
        if self.portion.is_empty() && self.more {
            self.load(damage)?;
        }
        let Some(Numbered { entry, number }) = self.portion.pop() else { return Ok(None) };
        if self.portion.is_empty() && self.more {
            self.after = Some((entry.name.clone(), number));
        }
        Ok(Some(entry))
    }

    /// Reads the directory and keeps the first entries behind those given out.
    fn load<E>(&mut self, damage: &mut dyn FnMut(FsError) -> Result<(), E>) -> Result<(), E> {
        self.more = false;
        let streams = [self.stream(false), if self.removed { self.stream(true) } else { Ok(none()) }];
        let (mut number, mut taken) = (0_u64, 0_usize);
        // The first entry that was left to a later pass.
        let mut cut: Option<(Vec<u8>, u64)> = None;
        for stream in streams {
            let entries = match stream {
                Ok(entries) => entries,
                Err(error) => {
                    self.tell(error, damage)?;
                    continue;
                }
            };
            for entry in entries {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        self.tell(error, damage)?;
                        continue;
                    }
                };
                number = number.saturating_add(1);
                let new = Numbered { entry, number };
                if self.after.as_ref().is_some_and(|(name, number)| new.key() <= (name.as_slice(), *number)) {
                    continue;
                }
                if cut.as_ref().is_some_and(|(name, number)| new.key() >= (name.as_slice(), *number)) {
                    continue;
                }
                taken = taken.saturating_add(new.entry.name.len()).saturating_add(ENTRY_BYTES);
                self.portion.push(new);
                if taken > self.budget && self.portion.len() > 1 {
                    (taken, cut) = self.keep_the_first_half();
                }
            }
        }
        self.portion.sort_unstable_by(|left, right| right.key().cmp(&left.key()));
        self.first_pass = false;
        Ok(())
    }

    fn stream(&self, removed: bool) -> Result<Stream<'a, Entry>, FsError> {
        let filesystem = self.filesystem;
        if removed { filesystem.removed_entries(self.directory) } else { filesystem.children(self.directory) }
    }

    fn tell<E>(&self, error: FsError, damage: &mut dyn FnMut(FsError) -> Result<(), E>) -> Result<(), E> {
        if self.first_pass { damage(error) } else { Ok(()) }
    }

    /// Leaves the later half of the portion to a later pass; returns what the rest takes, and the first entry left out.
    fn keep_the_first_half(&mut self) -> (usize, Option<(Vec<u8>, u64)>) {
        // There are two entries at least.
        let half = self.portion.len() / 2;
        let (_, first, _) = self.portion.select_nth_unstable_by(half, |left, right| left.key().cmp(&right.key()));
        let cut = Some((first.entry.name.clone(), first.number));
        self.portion.truncate(half);
        self.more = true;
        let names: usize = self.portion.iter().map(|kept| kept.entry.name.len()).sum();
        (names.saturating_add(self.portion.len().saturating_mul(ENTRY_BYTES)), cut)
    }
}

fn none<'a>() -> Stream<'a, Entry> {
    Box::new(std::iter::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_filesystem::{MemoryFileSystem, NodeType};
    use proptest::prelude::*;

    fn names(filesystem: &MemoryFileSystem, removed: bool, budget: usize) -> (Vec<Vec<u8>>, usize) {
        let directory = filesystem.inode(2).unwrap().id;
        let mut sorted = SortedEntries::new(filesystem, directory, removed, budget);
        let (mut names, mut damage) = (Vec::new(), 0);
        let mut tell = |_| -> Result<(), ()> {
            damage += 1;
            Ok(())
        };
        while let Some(entry) = sorted.next(&mut tell).unwrap() {
            names.push(entry.name);
        }
        (names, damage)
    }

    #[test]
    fn removed_entries_are_sorted_among_the_others() {
        let mut filesystem = MemoryFileSystem::new();
        for name in [b"c", b"a", b"b"] {
            filesystem.add(2, name, NodeType::File, b"");
        }
        filesystem.remove(2, b"b");
        assert_eq!(names(&filesystem, true, 1 << 20).0, [b".".as_slice(), b"..", b"a", b"b", b"c"]);
        assert_eq!(names(&filesystem, false, 1 << 20).0, [b".".as_slice(), b"..", b"a", b"c"]);
    }

    #[test]
    fn damage_is_told_once_however_often_the_directory_is_read() {
        let mut filesystem = MemoryFileSystem::new();
        for number in 0..20 {
            filesystem.add(2, format!("{number}").as_bytes(), NodeType::File, b"");
        }
        filesystem.node_mut(2).unwrap().damage = Some("cut short");
        let (found, damage) = names(&filesystem, false, 3 * ENTRY_BYTES);
        assert_eq!((found.len(), damage), (22, 1));
    }

    proptest! {
        #[test]
        fn every_entry_comes_once_and_in_order_whatever_the_memory(
            given in prop::collection::vec(prop::collection::vec(0_u8..4, 0..3), 0..60), budget in 0_usize..4000,
        ) {
            let mut filesystem = MemoryFileSystem::new();
            for name in &given {
                filesystem.add(2, name, NodeType::File, b"");
            }
            let mut expected: Vec<Vec<u8>> = given.into_iter().chain([b".".to_vec(), b"..".to_vec()]).collect();
            expected.sort();
            prop_assert_eq!(names(&filesystem, false, budget).0, expected);
        }
    }
}
