//! A leaf file while its image is made.

use super::header::{HEADER_BYTES, HEADER_LEN, Header};
use super::reader::{read_at, subtree};
use super::{DIGEST_BYTES, LeafDigest, LeavesError, Root, leaf_count, leaf_offset};
use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Leaves kept back before they are written at once.
const BUFFERED: usize = 1024;

/// The leaf file of an image under way. Leaves may be set in any order; those not set are not known.
#[derive(Debug)]
pub struct LeafFile {
    file: File,
    count: u64,
    finished: bool,
    // Leaves that follow one another from number `first` and are not in the file yet.
    first: u64,
    buffer: Vec<LeafDigest>,
}

impl LeafFile {
    /// Begins a leaf file in an empty file that is open for reading and writing.
    ///
    /// # Errors
    ///
    /// [`LeavesError::Io`].
    pub fn create(file: File) -> Result<Self, LeavesError> {
        let leaves = Self { file, count: 0, finished: false, first: 0, buffer: Vec::with_capacity(BUFFERED) };
        leaves.write_header(Header { root: None })?;
        Ok(leaves)
    }

    /// Goes on with a leaf file that is open for reading and writing. A last leaf that is there in part counts as not
    /// known; so do all if the program or the machine died before the header was there.
    ///
    /// # Errors
    ///
    /// [`LeavesError`] if it cannot be read or is not of this format.
    pub fn reopen(file: File) -> Result<Self, LeavesError> {
        let mut bytes = [0; HEADER_LEN];
        let read = read_at(&file, 0, &mut bytes)?;
        let bytes = bytes.get(..read).unwrap_or_default();
        if read < HEADER_LEN && (Header { root: None }.to_bytes().starts_with(bytes) || bytes.iter().all(|b| *b == 0)) {
            return Self::create(file);
        }
        let header = Header::parse(bytes)?;
        let metadata = file.metadata().map_err(|source| LeavesError::Io { action: "stat", offset: 0, source })?;
        let count = metadata.len().saturating_sub(HEADER_BYTES) / DIGEST_BYTES;
        let buffer = Vec::with_capacity(BUFFERED);
        Ok(Self { file, count, finished: header.root.is_some(), first: 0, buffer })
    }

    /// The number of the highest leaf ever set, plus one.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Sets leaf number `index`. It reaches the file with the leaves around it, at the latest in [`LeafFile::sync`].
    ///
    /// # Errors
    ///
    /// [`LeavesError::Io`] if leaves cannot be written.
    pub fn set(&mut self, index: u64, leaf: &LeafDigest) -> Result<(), LeavesError> {
        self.unfinish()?;
        let at = index.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let at = at.filter(|at| *at <= self.buffer.len() && *at < BUFFERED);
        let at = match at {
            Some(at) => at,
            None => {
                self.write_buffer()?;
                self.first = index;
                0
            }
        };
        match self.buffer.get_mut(at) {
            Some(place) => *place = *leaf,
            None => self.buffer.push(*leaf),
        }
        self.count = self.count.max(index.saturating_add(1));
        Ok(())
    }

    /// The digest of leaf number `index`; `None` if it is not known.
    ///
    /// # Errors
    ///
    /// [`LeavesError::Io`].
    pub fn get(&self, index: u64) -> Result<Option<LeafDigest>, LeavesError> {
        if index >= self.count {
            return Ok(None);
        }
        let at = index.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        if let Some(leaf) = at.and_then(|at| self.buffer.get(at)) {
            return Ok(Some(*leaf).filter(|leaf| *leaf != [0; 32]));
        }
        let mut leaf = [0; 32];
        let read = read_at(&self.file, leaf_offset(index), &mut leaf)?;
        Ok(Some(leaf).filter(|leaf| read == leaf.len() && *leaf != [0; 32]))
    }

    /// Forgets all leaves from number `count` on.
    ///
    /// # Errors
    ///
    /// [`LeavesError::Io`].
    pub fn truncate(&mut self, count: u64) -> Result<(), LeavesError> {
        if count >= self.count {
            return Ok(());
        }
        self.unfinish()?;
        self.write_buffer()?;
        let offset = leaf_offset(count);
        self.file.set_len(offset).map_err(|source| LeavesError::Io { action: "shorten", offset, source })?;
        self.count = count;
        Ok(())
    }

    /// Declares leaf number `index` not known.
    ///
    /// # Errors
    ///
    /// [`LeavesError::Io`].
    pub fn forget(&mut self, index: u64) -> Result<(), LeavesError> {
        if index < self.count { self.set(index, &[0; 32]) } else { Ok(()) }
    }

    /// Writes all leaves into the file, from which they are read again if the program dies.
    ///
    /// # Errors
    ///
    /// [`LeavesError::Io`].
    pub fn flush(&mut self) -> Result<(), LeavesError> {
        self.write_buffer()
    }

    /// Brings all leaves to the medium.
    ///
    /// # Errors
    ///
    /// [`LeavesError::Io`].
    pub fn sync(&mut self) -> Result<(), LeavesError> {
        self.write_buffer()?;
        self.file.sync_data().map_err(|source| LeavesError::Io { action: "sync", offset: 0, source })
    }

    /// Ends the leaf file of an image of so many bytes: writes length and root into the header and brings all to the
    /// medium.
    ///
    /// # Errors
    ///
    /// [`LeavesError::Unknown`] if a leaf is not known, [`LeavesError::Length`] if there are leaves beyond the image's
    /// end, [`LeavesError::Io`].
    pub fn finish(&mut self, image_bytes: u64) -> Result<Root, LeavesError> {
        self.write_buffer()?;
        let count = leaf_count(image_bytes);
        if self.count > count {
            let (expected, found) = (leaf_offset(count), leaf_offset(self.count));
            return Err(LeavesError::Length { image_bytes, expected, found });
        }
        // A torn leaf behind the last one would make the file longer than it should be.
        let end = leaf_offset(count);
        let length =
            self.file.metadata().map_err(|source| LeavesError::Io { action: "stat", offset: 0, source })?.len();
        if length > end {
            self.file.set_len(end).map_err(|source| LeavesError::Io { action: "shorten", offset: end, source })?;
        }
        let root = Root { image_bytes, hash: subtree(&self.file, 0, count)? };
        // The leaves reach the medium before a header that vouches for them.
        self.sync()?;
        self.write_header(Header { root: Some(root) })?;
        self.file.sync_all().map_err(|source| LeavesError::Io { action: "sync", offset: 0, source })?;
        self.finished = true;
        Ok(root)
    }

    /// A finished header does not stay in front of leaves that change.
    fn unfinish(&mut self) -> Result<(), LeavesError> {
        if self.finished {
            self.write_header(Header { root: None })?;
            self.finished = false;
        }
        Ok(())
    }

    fn write_buffer(&mut self) -> Result<(), LeavesError> {
        let offset = leaf_offset(self.first);
        let written = self.file.write_all_at(self.buffer.as_flattened(), offset);
        written.map_err(|source| LeavesError::Io { action: "write", offset, source })?;
        self.first = self.first.saturating_add(self.buffer.len() as u64);
        self.buffer.clear();
        Ok(())
    }

    fn write_header(&self, header: Header) -> Result<(), LeavesError> {
        let written = self.file.write_all_at(&header.to_bytes(), 0);
        written.map_err(|source| LeavesError::Io { action: "write", offset: 0, source })
    }
}

#[cfg(test)]
mod tests {
    use super::super::leaf_digest;
    use super::*;
    use crate::merkle::Tree;
    use proptest::prelude::*;

    #[test]
    fn leaves_not_set_are_not_known_and_stop_the_end() {
        let mut leaves = LeafFile::create(tempfile::tempfile().unwrap()).unwrap();
        leaves.set(0, &[1; 32]).unwrap();
        leaves.set(2, &[3; 32]).unwrap();
        assert_eq!(leaves.get(1).unwrap(), None);
        assert_eq!(leaves.get(2).unwrap(), Some([3; 32]));
        assert_eq!(leaves.get(3).unwrap(), None);
        assert!(matches!(leaves.finish(3 << 20), Err(LeavesError::Unknown { index: 1 })));
    }

    #[test]
    fn leaves_that_lack_at_the_end_stop_the_end() {
        let mut leaves = LeafFile::create(tempfile::tempfile().unwrap()).unwrap();
        leaves.set(0, &[1; 32]).unwrap();
        assert!(matches!(leaves.finish((1 << 20) + 1), Err(LeavesError::Unknown { index: 1 })));
    }

    #[test]
    fn a_torn_tail_is_not_known_after_reopening() {
        let file = tempfile::tempfile().unwrap();
        let mut leaves = LeafFile::create(file.try_clone().unwrap()).unwrap();
        leaves.set(0, &[1; 32]).unwrap();
        leaves.set(1, &[2; 32]).unwrap();
        leaves.sync().unwrap();
        file.set_len(96 + 32 + 31).unwrap();
        let mut leaves = LeafFile::reopen(file.try_clone().unwrap()).unwrap();
        assert_eq!(leaves.count(), 1);
        leaves.finish(1 << 20).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 96 + 32);
    }

    #[test]
    fn a_file_that_died_before_its_header_begins_anew() {
        for length in [0, 5, 95] {
            let file = tempfile::tempfile().unwrap();
            LeafFile::create(file.try_clone().unwrap()).unwrap();
            file.set_len(length).unwrap();
            assert_eq!(LeafFile::reopen(file).unwrap().count(), 0);
        }
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"something else", 0).unwrap();
        assert!(matches!(LeafFile::reopen(file), Err(LeavesError::Magic)));
    }

    #[test]
    fn a_finished_file_that_is_changed_is_unfinished_again() {
        let file = tempfile::tempfile().unwrap();
        let mut leaves = LeafFile::create(file.try_clone().unwrap()).unwrap();
        leaves.set(0, &[1; 32]).unwrap();
        let first = leaves.finish(5).unwrap();
        let mut leaves = LeafFile::reopen(file.try_clone().unwrap()).unwrap();
        leaves.set(0, &[1; 32]).unwrap();
        assert!(matches!(super::super::Leaves::from_file(file), Err(LeavesError::Unfinished)));
        assert_eq!(leaves.finish(5).unwrap(), first);
    }

    proptest! {
        #[test]
        fn leaves_in_any_order_give_the_root_of_the_tree(count in 1_u64..3000, seed in any::<u64>(), cut in any::<prop::sample::Index>()) {
            let file = tempfile::tempfile().unwrap();
            let mut leaves = LeafFile::create(file.try_clone().unwrap()).unwrap();
            let leaf = |index: u64| leaf_digest(&(index ^ seed).to_le_bytes());
            // Forwards up to the cut, then the rest backwards in runs, then everything below the cut once more.
            let cut = cut.index(count as usize) as u64;
            (0..cut).for_each(|index| leaves.set(index, &leaf(index)).unwrap());
            leaves.sync().unwrap();
            let mut leaves = LeafFile::reopen(file).unwrap();
            prop_assert_eq!(leaves.count(), cut);
            (cut..count).rev().for_each(|index| leaves.set(index, &leaf(index)).unwrap());
            (0..cut).step_by(7).for_each(|index| leaves.set(index, &leaf(index)).unwrap());
            for index in 0..count {
                prop_assert_eq!(leaves.get(index).unwrap(), Some(leaf(index)));
            }
            let mut tree = Tree::new();
            (0..count).for_each(|index| tree.push(&leaf(index)));
            prop_assert_eq!(leaves.finish(count << 20).unwrap().hash, tree.root());
        }
    }
}
