//! The exhibits of a case: `exhibits/ID`, and `exhibits/ID.partial` while an acquisition is under way.

use super::{Case, EXHIBITS};
use crate::{CustodyError, LockGuard, OutputDir};
use kanshiki_model::visible_text;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The file in the folder of an unfinished exhibit whose lock says that somebody works there.
pub const LOCK_NAME: &str = "lock";

const PARTIAL: &str = ".partial";
const LONGEST: usize = 64;

/// Whether a text can name an exhibit: 1 to 64 of the characters `A-Za-z0-9._-`, not beginning with `.` or `-`, not
/// ending in `.partial`.
///
/// # Errors
///
/// [`CustodyError::ExhibitId`].
pub fn check_exhibit_id(id: &str) -> Result<(), CustodyError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let reason = if id.is_empty() {
        "it is empty"
    } else if id.len() > LONGEST {
        "it is too long"
    } else if !id.chars().all(allowed) {
        "it has other characters"
    } else if id.starts_with(['.', '-']) {
        "its first character is . or -"
    } else if id.ends_with(PARTIAL) {
        "it ends as the folders of unfinished exhibits do"
    } else {
        return Ok(());
    };
    Err(CustodyError::ExhibitId { found: visible_text(id).chars().take(100).collect(), reason })
}

impl Case {
    /// The identifiers of the finished exhibits, sorted.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn exhibits(&self) -> Result<Vec<String>, CustodyError> {
        let names = self.exhibit_folders()?.into_iter();
        Ok(names.filter(|name| check_exhibit_id(name).is_ok()).collect())
    }

    /// The identifiers of the exhibits whose acquisition is under way or was cut off, sorted.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn partial_exhibits(&self) -> Result<Vec<String>, CustodyError> {
        let names = self.exhibit_folders()?;
        let ids = names.iter().filter_map(|name| name.strip_suffix(PARTIAL));
        Ok(ids.filter(|id| check_exhibit_id(id).is_ok()).map(str::to_owned).collect())
    }

    /// The folder of a finished exhibit.
    #[must_use]
    pub fn exhibit_dir(&self, id: &str) -> PathBuf {
        self.path().join(EXHIBITS).join(id)
    }

    /// The folder of an exhibit while it is not finished.
    #[must_use]
    pub fn partial_dir(&self, id: &str) -> PathBuf {
        self.path().join(EXHIBITS).join(format!("{id}{PARTIAL}"))
    }

    /// Makes the folder of a new exhibit and takes its lock, which the caller keeps while working there.
    ///
    /// # Errors
    ///
    /// [`CustodyError::ExhibitId`], [`CustodyError::ExhibitExists`], [`CustodyError::PartialExists`],
    /// [`CustodyError::Locked`], [`CustodyError::Io`].
    pub fn begin_exhibit(&self, id: &str) -> Result<(OutputDir, LockGuard), CustodyError> {
        check_exhibit_id(id)?;
        self.refuse_finished(id)?;
        let partial = match self.exhibits_folder()?.create_subdir(&format!("{id}{PARTIAL}")) {
            Err(error) if error.is_io(ErrorKind::AlreadyExists) => {
                // If somebody works there, that is what must be said; what it says ends with the process.
                let _guard = self.lock_partial(id)?;
                return Err(CustodyError::PartialExists { id: id.to_owned(), case: self.path().to_owned() });
            }
            other => other?,
        };
        let guard = partial.try_lock(LOCK_NAME)?;
        Ok((partial, guard))
    }

    /// Opens the folder of an unfinished exhibit and takes its lock, which the caller keeps while working there.
    ///
    /// # Errors
    ///
    /// [`CustodyError::ExhibitId`], [`CustodyError::ExhibitExists`] if it is finished, [`CustodyError::NoPartial`],
    /// [`CustodyError::Locked`], [`CustodyError::Io`].
    pub fn resume_exhibit(&self, id: &str) -> Result<(OutputDir, LockGuard), CustodyError> {
        check_exhibit_id(id)?;
        self.refuse_finished(id)?;
        let (partial, guard) = self.lock_partial(id)?;
        partial.remove_temporaries()?;
        Ok((partial, guard))
    }

    /// Gives the folder of an exhibit its final name and removes its lock. The caller has brought all files to the
    /// medium and removed its own state.
    ///
    /// # Errors
    ///
    /// [`CustodyError::ExhibitExists`] if there is a finished exhibit of this name by now, [`CustodyError::Io`].
    pub fn finish_exhibit(&self, id: &str, guard: LockGuard) -> Result<(), CustodyError> {
        check_exhibit_id(id)?;
        let exhibits = self.exhibits_folder()?;
        let partial_name = format!("{id}{PARTIAL}");
        let folder = exhibits.subdir(&partial_name)?;
        folder.sync()?;
        exhibits.rename_own(&partial_name, id).map_err(|error| match error {
            error if error.is_io(ErrorKind::AlreadyExists) => {
                CustodyError::ExhibitExists { id: id.to_owned(), case: self.path().to_owned() }
            }
            other => other,
        })?;
        // After the renaming: whoever waited for this lock then finds no unfinished exhibit.
        folder.remove_own(LOCK_NAME)?;
        folder.sync()?;
        drop(guard);
        Ok(())
    }

    fn lock_partial(&self, id: &str) -> Result<(OutputDir, LockGuard), CustodyError> {
        let exhibits = self.exhibits_folder()?;
        let name = format!("{id}{PARTIAL}");
        let missing = || CustodyError::NoPartial { id: id.to_owned(), case: self.path().to_owned() };
        let partial = match exhibits.subdir(&name) {
            Err(error) if error.is_io(ErrorKind::NotFound) => return Err(missing()),
            other => other?,
        };
        let guard = partial.try_lock(LOCK_NAME)?;
        if !partial.is_at(&exhibits, &name) {
            // It was finished between the two steps, and this lock is one that was made in a finished exhibit.
            partial.remove_own(LOCK_NAME)?;
            return Err(missing());
        }
        Ok((partial, guard))
    }

    fn refuse_finished(&self, id: &str) -> Result<(), CustodyError> {
        let path = self.exhibit_dir(id);
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(CustodyError::io("look for", &path, error)),
            Ok(_) => Err(CustodyError::ExhibitExists { id: id.to_owned(), case: self.path().to_owned() }),
        }
    }

    fn exhibits_folder(&self) -> Result<OutputDir, CustodyError> {
        // A link in its place would lead the evidence to where nobody has looked.
        OutputDir::open(self.path())?.subdir(EXHIBITS)
    }

    fn exhibit_folders(&self) -> Result<Vec<String>, CustodyError> {
        match self.exhibits_folder() {
            Err(error) if error.is_io(ErrorKind::NotFound) => Ok(Vec::new()),
            Err(error) => Err(error),
            Ok(folder) => Ok(folder.names()?.into_iter().filter(|name| folder.subdir(name).is_ok()).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::new_case;
    use super::*;

    #[test]
    fn a_link_in_the_place_of_the_exhibits_is_not_followed() {
        let (temporary, case) = new_case();
        std::fs::remove_dir(case.path().join(EXHIBITS)).unwrap();
        std::os::unix::fs::symlink(temporary.path(), case.path().join(EXHIBITS)).unwrap();
        assert!(case.begin_exhibit("E1").is_err());
    }

    #[test]
    fn identifiers_that_could_lead_elsewhere_are_refused() {
        for id in ["", "a/b", "..", ".a", "-a", "a b", "ä", "x.partial", &"x".repeat(65)] {
            assert!(matches!(check_exhibit_id(id), Err(CustodyError::ExhibitId { .. })), "{id}");
        }
        for id in ["1", "HDD-01_a.b", &"x".repeat(64)] {
            assert!(check_exhibit_id(id).is_ok(), "{id}");
        }
    }

    #[test]
    fn a_message_about_an_identifier_shows_what_was_expected() {
        assert_eq!(
            check_exhibit_id("a\u{1b}b").unwrap_err().to_string(),
            "`a\\u{1b}b` is not an exhibit identifier: it has other characters; expected 1 to 64 of the characters A-Z \
             a-z 0-9 . _ - that do not begin with . or - and do not end in .partial"
        );
    }

    #[test]
    fn an_exhibit_is_partial_until_it_is_finished() {
        let (_temporary, case) = new_case();
        let (dir, guard) = case.begin_exhibit("E1").unwrap();
        dir.write_new("image.raw", b"x").unwrap();
        assert_eq!((case.exhibits().unwrap(), case.partial_exhibits().unwrap()), (vec![], vec!["E1".to_owned()]));
        case.finish_exhibit("E1", guard).unwrap();
        assert_eq!((case.exhibits().unwrap(), case.partial_exhibits().unwrap()), (vec!["E1".to_owned()], vec![]));
        assert_eq!(OutputDir::open(&case.exhibit_dir("E1")).unwrap().names().unwrap(), ["image.raw"]);
    }

    #[test]
    fn a_second_run_on_one_exhibit_is_told_that_it_is_in_use() {
        let (_temporary, case) = new_case();
        let (_dir, _guard) = case.begin_exhibit("E1").unwrap();
        assert!(matches!(case.begin_exhibit("E1"), Err(CustodyError::Locked { .. })));
        assert!(matches!(case.resume_exhibit("E1"), Err(CustodyError::Locked { .. })));
    }

    #[test]
    fn an_unfinished_exhibit_is_resumed_and_not_begun_anew() {
        let (temporary, case) = new_case();
        drop(case.begin_exhibit("E1").unwrap());
        assert_eq!(
            case.begin_exhibit("E1").unwrap_err().to_string(),
            format!(
                "exhibit `E1` in `{}/2026-17` is not finished: go on with --resume, or choose another --exhibit",
                temporary.path().display()
            )
        );
        let (_dir, guard) = case.resume_exhibit("E1").unwrap();
        case.finish_exhibit("E1", guard).unwrap();
    }

    #[test]
    fn a_finished_exhibit_is_never_replaced() {
        let (temporary, case) = new_case();
        let (_dir, guard) = case.begin_exhibit("E1").unwrap();
        case.finish_exhibit("E1", guard).unwrap();
        let message = format!(
            "exhibit `E1` exists in `{}/2026-17` and is never replaced: choose another --exhibit",
            temporary.path().display()
        );
        assert_eq!(case.begin_exhibit("E1").unwrap_err().to_string(), message);
        assert_eq!(case.resume_exhibit("E1").unwrap_err().to_string(), message);
    }

    #[test]
    fn an_exhibit_that_appeared_meanwhile_is_not_replaced() {
        let (_temporary, case) = new_case();
        let (_dir, guard) = case.begin_exhibit("E1").unwrap();
        std::fs::create_dir(case.exhibit_dir("E1")).unwrap();
        assert!(matches!(case.finish_exhibit("E1", guard), Err(CustodyError::ExhibitExists { .. })));
        assert_eq!(case.partial_exhibits().unwrap(), ["E1"]);
    }

    #[test]
    fn without_an_unfinished_exhibit_there_is_nothing_to_resume() {
        let (_temporary, case) = new_case();
        assert!(matches!(case.resume_exhibit("E1"), Err(CustodyError::NoPartial { .. })));
    }
}
