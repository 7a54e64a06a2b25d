//! A finished leaf file, read.

use super::header::{HEADER_LEN, Header};
use super::{DIGEST_BYTES, LeafDigest, LeavesError, Root, leaf_offset};
use crate::input::{open_regular, read_up_to_at};
use crate::merkle::{Hash, Tree, siblings};
use std::fs::File;
use std::path::Path;

/// Bytes read at once when all leaves are gone through.
const BLOCK_BYTES: usize = 32 << 10;

/// The leaf file of a finished image.
#[derive(Debug)]
pub struct Leaves {
    file: File,
    root: Root,
}

impl Leaves {
    /// Opens the leaf file at `path`.
    ///
    /// # Errors
    ///
    /// [`LeavesError`] if it cannot be read, is not of this format, is not finished, or has not the length that the
    /// image demands. Whether the leaves fit the root is for [`Leaves::verify_root`].
    pub fn open(path: &Path) -> Result<Self, LeavesError> {
        let file = open_regular(path).map_err(|source| LeavesError::Io { action: "open", offset: 0, source })?;
        Self::from_file(file)
    }

    /// Takes a leaf file that is open for reading.
    ///
    /// # Errors
    ///
    /// As [`Leaves::open`].
    pub fn from_file(file: File) -> Result<Self, LeavesError> {
        let mut bytes = [0; HEADER_LEN];
        let read = read_at(&file, 0, &mut bytes)?;
        let header = Header::parse(bytes.get(..read).unwrap_or_default())?;
        let root = header.root.ok_or(LeavesError::Unfinished)?;
        let expected = header.file_bytes().unwrap_or(u64::MAX);
        let metadata = file.metadata();
        let found = metadata.map_err(|source| LeavesError::Io { action: "stat", offset: 0, source })?.len();
        if found != expected {
            return Err(LeavesError::Length { image_bytes: root.image_bytes, expected, found });
        }
        Ok(Self { file, root })
    }

    /// Length and root as the header says.
    #[must_use]
    pub const fn root(&self) -> Root {
        self.root
    }

    /// Bytes of the image.
    #[must_use]
    pub const fn image_bytes(&self) -> u64 {
        self.root.image_bytes
    }

    /// The number of leaves.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.root.leaves()
    }

    /// The digest of leaf number `index`, counted from 0.
    ///
    /// # Errors
    ///
    /// [`LeavesError::OutOfRange`], [`LeavesError::Unknown`] or [`LeavesError::Io`].
    pub fn leaf(&self, index: u64) -> Result<LeafDigest, LeavesError> {
        let mut leaf = [0; 32];
        self.read_leaves(index, 1, |_, found| leaf = *found)?;
        Ok(leaf)
    }

    /// Calls `each` with the number and the digest of `count` leaves from number `start`.
    ///
    /// # Errors
    ///
    /// As [`Leaves::leaf`].
    pub fn read_leaves(
        &self,
        start: u64,
        count: u64,
        mut each: impl FnMut(u64, &LeafDigest),
    ) -> Result<(), LeavesError> {
        let end = start.checked_add(count).filter(|end| *end <= self.count());
        let end = end.ok_or(LeavesError::OutOfRange { index: start.max(self.count()), count: self.count() })?;
        for_each_leaf(&self.file, start, end, |index, leaf| {
            each(index, leaf);
            Ok(())
        })
    }

    /// Reads all leaves and compares their root with that of the header.
    ///
    /// # Errors
    ///
    /// [`LeavesError::Root`] if they differ, [`LeavesError::Unknown`] if a leaf is missing, [`LeavesError::Io`].
    pub fn verify_root(&self) -> Result<Root, LeavesError> {
        let hash = self.subtree(0, self.count())?;
        if hash == self.root.hash {
            return Ok(self.root);
        }
        let found = Root { hash, ..self.root }.digest();
        Err(LeavesError::Root { expected: self.root.digest(), found })
    }

    /// The hashes that prove leaf number `index` to belong to the root; see [`crate::merkle::verify_proof`].
    ///
    /// # Errors
    ///
    /// As [`Leaves::leaf`].
    pub fn proof(&self, index: u64) -> Result<Vec<Hash>, LeavesError> {
        if index >= self.count() {
            return Err(LeavesError::OutOfRange { index, count: self.count() });
        }
        siblings(index, self.count()).into_iter().map(|(start, end)| self.subtree(start, end)).collect()
    }

    fn subtree(&self, start: u64, end: u64) -> Result<Hash, LeavesError> {
        subtree(&self.file, start, end)
    }
}

/// The root of the leaves from number `start` up to `end`.
pub(super) fn subtree(file: &File, start: u64, end: u64) -> Result<Hash, LeavesError> {
    let mut tree = Tree::new();
    for_each_leaf(file, start, end, |_, leaf| {
        tree.push(leaf);
        Ok(())
    })?;
    Ok(tree.root())
}

/// Hands over leaves `start` up to `end`; an unknown one is an error.
fn for_each_leaf(
    file: &File,
    start: u64,
    end: u64,
    mut each: impl FnMut(u64, &LeafDigest) -> Result<(), LeavesError>,
) -> Result<(), LeavesError> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut index = start;
    while index < end {
        let wanted = (end - index).saturating_mul(DIGEST_BYTES);
        let wanted = usize::try_from(wanted).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
        let block = block.get_mut(..wanted).unwrap_or_default();
        let read = read_at(file, leaf_offset(index), block)?;
        if read < wanted {
            return Err(LeavesError::Unknown { index: index + read as u64 / DIGEST_BYTES });
        }
        let (leaves, _) = block.as_chunks::<32>();
        for leaf in leaves {
            if *leaf == [0; 32] {
                return Err(LeavesError::Unknown { index });
            }
            each(index, leaf)?;
            index += 1;
        }
    }
    Ok(())
}

pub(super) fn read_at(file: &File, offset: u64, buf: &mut [u8]) -> Result<usize, LeavesError> {
    read_up_to_at(file, offset, buf).map_err(|source| LeavesError::Io { action: "read", offset, source })
}

#[cfg(test)]
mod tests {
    use super::super::writer::LeafFile;
    use super::*;
    use crate::merkle::verify_proof;
    use std::os::unix::fs::FileExt as _;

    fn finished(image_bytes: u64) -> (File, Root) {
        let file = tempfile::tempfile().unwrap();
        let mut leaves = LeafFile::create(file.try_clone().unwrap()).unwrap();
        for index in 0..super::super::leaf_count(image_bytes) {
            leaves.set(index, &super::super::leaf_digest(&index.to_le_bytes())).unwrap();
        }
        let root = leaves.finish(image_bytes).unwrap();
        (file, root)
    }

    #[test]
    fn every_leaf_is_proved_alone() {
        let (file, root) = finished(12 << 20);
        let leaves = Leaves::from_file(file).unwrap();
        assert_eq!(leaves.verify_root().unwrap(), root);
        for index in 0..12 {
            let proof = leaves.proof(index).unwrap();
            assert!(verify_proof(&leaves.leaf(index).unwrap(), index, 12, &proof, &root.hash));
        }
        assert!(matches!(leaves.leaf(12), Err(LeavesError::OutOfRange { index: 12, count: 12 })));
        assert!(leaves.proof(12).is_err());
    }

    #[test]
    fn a_changed_leaf_is_found_by_the_root() {
        let (file, _) = finished((3 << 20) + 1);
        file.write_all_at(b"x", 96 + 32).unwrap();
        assert!(matches!(Leaves::from_file(file).unwrap().verify_root(), Err(LeavesError::Root { .. })));
    }

    #[test]
    fn a_file_cut_short_says_both_lengths() {
        let (file, _) = finished(3 << 20);
        file.set_len(100).unwrap();
        let error = Leaves::from_file(file).unwrap_err();
        assert_eq!(error.to_string(), "damaged leaf file: it has 100 bytes, an image of 3145728 bytes needs 192");
    }

    #[test]
    fn an_unfinished_file_is_refused() {
        let file = tempfile::tempfile().unwrap();
        LeafFile::create(file.try_clone().unwrap()).unwrap().sync().unwrap();
        assert!(matches!(Leaves::from_file(file), Err(LeavesError::Unfinished)));
    }
}
