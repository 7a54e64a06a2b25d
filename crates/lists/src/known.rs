//! Lists of known files that are read anew for each portion of files.

use crate::text::EITHER;
use crate::{Entry, ListError, PEEKED, each};
use kanshiki_model::Algorithm;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A list of known files, read anew for each portion of files: it may be larger than memory.
#[derive(Debug)]
pub struct KnownList {
    path: PathBuf,
    /// Those of its digests, the strongest last; of digests that may be of either, SHA-256.
    algorithms: Vec<Algorithm>,
    /// Whether it has digests of which it does not say whether they are of SHA-256 or BLAKE3.
    is_unsure: bool,
}

impl KnownList {
    /// Looks at the beginning of a list.
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub fn open(path: &Path) -> Result<Self, ListError> {
        let mut list = Self { path: path.to_owned(), algorithms: Vec::new(), is_unsure: false };
        each(path, &mut |entry| {
            list.look_at(entry);
            if entry.number < PEEKED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if list.algorithms.is_empty() { Err(ListError::Empty) } else { Ok(list) }
    }

    fn look_at(&mut self, entry: &Entry<'_>) {
        for found in entry.digests {
            self.is_unsure |= found.may_be.len() > 1;
            let likeliest = found.may_be.first().filter(|it| !self.algorithms.contains(it));
            self.algorithms.extend(likeliest);
        }
        self.algorithms.sort_unstable();
    }

    /// The algorithms by which files are looked up: the strongest of the list's that is among `wanted`, or else the
    /// strongest of the list's; SHA-256 and BLAKE3 where BLAKE3 is wanted and the list has digests that may be of either.
    #[must_use]
    pub fn algorithms(&self, wanted: &[Algorithm]) -> Vec<Algorithm> {
        if self.is_unsure && wanted.contains(&Algorithm::Blake3) {
            return EITHER.to_vec();
        }
        let of_both = self.algorithms.iter().rev().find(|algorithm| wanted.contains(algorithm));
        of_both.or(self.algorithms.last()).copied().into_iter().collect()
    }

    /// Whether files that are looked up by these algorithms may be in the list and not be found, because its digests are
    /// taken for those of SHA-256 and may be of BLAKE3.
    #[must_use]
    pub fn may_be_misread(&self, looked_up: &[Algorithm]) -> bool {
        self.is_unsure && looked_up.contains(&Algorithm::Sha256) && !looked_up.contains(&Algorithm::Blake3)
    }

    /// Which of the digests, by their bytes, are in the list.
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub fn known(
        &self,
        algorithms: &[Algorithm],
        mut digests: HashSet<Vec<u8>>,
    ) -> Result<HashSet<Vec<u8>>, ListError> {
        let mut known = HashSet::new();
        each(&self.path, &mut |entry| {
            for found in entry.digests {
                if found.may_be.iter().any(|algorithm| algorithms.contains(algorithm)) {
                    known.extend(digests.take(found.bytes()));
                }
            }
            if digests.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse;
    use kanshiki_testkit::{tempdir, write_file};

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
    const SHA1: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// What is made of a list that holds this.
    fn with<T>(list: &str, look: impl FnOnce(Result<KnownList, ListError>) -> T) -> T {
        let place = tempdir();
        let path = place.path().join("list");
        write_file(&path, list);
        look(KnownList::open(&path))
    }

    #[test]
    fn the_strongest_algorithm_of_both_is_used() {
        with(&format!("{MD5}\n{SHA1}\n"), |list| {
            let list = list.unwrap();
            assert_eq!(list.algorithms(&[Algorithm::Md5, Algorithm::Sha256]), [Algorithm::Md5]);
            assert_eq!(list.algorithms(&[Algorithm::Sha256]), [Algorithm::Sha1]);
        });
        assert!(with("nothing here\n", |list| matches!(list, Err(ListError::Empty))));
    }

    #[test]
    fn digests_of_64_digits_are_of_either_algorithm_unless_the_list_says_of_which() {
        with(&format!("{SHA256}  ./name\n"), |bare| {
            let bare = bare.unwrap();
            assert_eq!(bare.algorithms(&[Algorithm::Blake3]), [Algorithm::Sha256, Algorithm::Blake3]);
            assert_eq!(bare.algorithms(&[Algorithm::Md5]), [Algorithm::Sha256]);
            assert!(bare.may_be_misread(&[Algorithm::Sha256]) && !bare.may_be_misread(EITHER));
        });
        with(&format!("BLAKE3 (name) = {SHA256}\nSHA3-512 (name) = {SHA256}{SHA256}\n"), |tagged| {
            let tagged = tagged.unwrap();
            assert_eq!(tagged.algorithms(&[Algorithm::Sha256]), [Algorithm::Blake3]);
            assert!(!tagged.may_be_misread(&[Algorithm::Sha256]));
            let wanted = HashSet::from([parse(SHA256.as_bytes()).unwrap().bytes().to_vec()]);
            assert!(tagged.known(&[Algorithm::Sha256], wanted.clone()).unwrap().is_empty());
            assert_eq!(tagged.known(EITHER, wanted).unwrap().len(), 1);
        });
        with(&format!("%%%% size,md5,sha256,filename\n0,{MD5},{SHA256},x\n"), |columns| {
            let columns = columns.unwrap();
            assert_eq!(columns.algorithms(&[Algorithm::Blake3, Algorithm::Sha256]), [Algorithm::Sha256]);
            assert!(!columns.may_be_misread(&[Algorithm::Sha256]));
        });
    }

    #[test]
    fn what_is_no_regular_file_is_refused_and_not_waited_for() {
        let place = tempdir();
        assert!(matches!(KnownList::open(place.path()), Err(ListError::NotAFile)));
        assert!(matches!(KnownList::open(&place.path().join("absent")), Err(ListError::Read(_))));
    }
}
