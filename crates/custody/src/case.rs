//! The case folder: `case.json`, `exhibits/`, `custody/`, `verify.sh`.

mod exhibit;

pub use exhibit::{LOCK_NAME, check_exhibit_id};

use crate::record::{self, RecordError};
use crate::{CustodyError, OutputDir, Subject, read_small};
use kanshiki_model::{Clock, Timestamp, visible};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The version of `case.json` that this program writes, and the newest that it reads.
pub const SCHEMA: u32 = 1;

/// The name of the file that makes a folder a case folder.
pub const FILE_NAME: &str = "case.json";

/// The folder of the exhibits.
pub const EXHIBITS: &str = "exhibits";

/// The folder of the custody log.
pub const CUSTODY: &str = "custody";

/// The store that is made of the exhibits: files, events, findings. It is no evidence, and can be made again.
pub const EVENTS: &str = "events.sqlite";

/// A script that checks the custody log with `sha256sum` alone.
pub const VERIFY_SCRIPT: &str = include_str!("../verify.sh");

/// The name of that script in a case folder.
pub const VERIFY_NAME: &str = "verify.sh";
const KIND: &str = "kanshiki case";
const LIMIT: usize = 1 << 20;

/// Names that a folder may hold before it becomes a case folder: what an interrupted creation leaves, and what fresh
/// filesystems have at their top.
const HARMLESS: [&str; 5] = [EXHIBITS, CUSTODY, VERIFY_NAME, "lost+found", "System Volume Information"];

/// What `case.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// Version of this record, [`SCHEMA`].
    pub schema: u32,
    /// Always `kanshiki case`.
    pub kind: String,
    /// The case's name: that of its folder when it was made, made visible.
    pub name: String,
    /// When the folder was made.
    pub created: Timestamp,
}

impl CaseRecord {
    /// Reads the bytes of a `case.json`.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        record::parse(bytes, KIND, SCHEMA, LIMIT)
    }

    /// The bytes of a `case.json`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        record::to_pretty(self)
    }
}

/// A case folder.
#[derive(Debug)]
pub struct Case {
    path: PathBuf,
    name: String,
}

impl Case {
    /// Opens a case folder. Nothing is written.
    ///
    /// # Errors
    ///
    /// [`CustodyError::NoCase`] if there is no `case.json`, [`CustodyError::Record`] if it cannot be believed,
    /// [`CustodyError::Io`].
    pub fn open(path: &Path) -> Result<Self, CustodyError> {
        let file = path.join(FILE_NAME);
        let bytes = match read_small(&file, LIMIT as u64) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(CustodyError::NoCase { path: path.to_owned() });
            }
            Err(error) => return Err(CustodyError::io("read", &file, error)),
        };
        let record = CaseRecord::parse(&bytes).map_err(|source| CustodyError::Record { path: file, source })?;
        Ok(Self { path: path.to_owned(), name: record.name })
    }

    /// Takes a folder as a case although its `case.json` cannot be believed, to look at what else it holds. Its name is
    /// that of the folder. Nothing is written.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`] if the folder cannot be resolved.
    pub fn without_record(path: &Path) -> Result<Self, CustodyError> {
        Ok(Self { name: folder_name(path)?, path: path.to_owned() })
    }

    /// Opens a case folder, or makes a new or an empty folder one. The folder above must exist.
    ///
    /// # Errors
    ///
    /// [`CustodyError::NotEmpty`] if the folder holds other things, [`CustodyError::Record`], [`CustodyError::Io`].
    pub fn create_or_open(path: &Path, clock: &dyn Clock) -> Result<Self, CustodyError> {
        match Self::open(path) {
            Err(CustodyError::NoCase { .. }) => {}
            opened_or_failed => return opened_or_failed,
        }
        unless_exists(OutputDir::create(path).map(drop))?;
        let folder = OutputDir::open(path)?;
        let foreign = |name: &&String| {
            !HARMLESS.contains(&name.as_str()) && name.as_str() != FILE_NAME && !crate::is_temporary_name(name)
        };
        if let Some(found) = folder.names()?.iter().find(foreign) {
            return Err(CustodyError::NotEmpty { path: path.to_owned(), found: found.clone() });
        }
        unless_exists(folder.create_subdir(EXHIBITS).map(drop))?;
        unless_exists(folder.create_subdir(CUSTODY).map(drop))?;
        unless_exists(folder.write_new(VERIFY_NAME, VERIFY_SCRIPT.as_bytes()))?;
        let record =
            CaseRecord { schema: SCHEMA, kind: KIND.to_owned(), name: folder_name(path)?, created: clock.now() };
        // Last, because it makes the folder a case.
        unless_exists(folder.write_new(FILE_NAME, &record.to_json()))?;
        Self::open(path)
    }

    /// The files of the case itself, with their SHA-256 as they are now: an act in the custody log that names them is
    /// what later shows a change.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`].
    pub fn own_files(&self) -> Result<Vec<Subject>, CustodyError> {
        let folder = OutputDir::open(self.path())?;
        let subject = |name: &str| {
            let sha256 = crate::hex_sha256(&folder.read_small(name, LIMIT as u64)?);
            Ok(Subject { name: name.to_owned(), sha256 })
        };
        [FILE_NAME, VERIFY_NAME].into_iter().map(subject).collect()
    }

    /// The path by which the case was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The case's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Two runs may make the same folder at once; who comes second uses what is there.
fn unless_exists(result: Result<(), CustodyError>) -> Result<(), CustodyError> {
    match result {
        Err(error) if error.is_io(ErrorKind::AlreadyExists) => Ok(()),
        other => other,
    }
}

fn folder_name(path: &Path) -> Result<String, CustodyError> {
    let full = path.canonicalize().map_err(|error| CustodyError::io("resolve", path, error))?;
    Ok(visible(full.file_name().unwrap_or(full.as_os_str()).as_bytes()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug)]
    pub(crate) struct FixedClock;

    impl Clock for FixedClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_nanoseconds(1_700_000_000_000_000_000)
        }
    }

    pub(crate) fn new_case() -> (tempfile::TempDir, Case) {
        let temporary = tempfile::tempdir().unwrap();
        let case = Case::create_or_open(&temporary.path().join("2026-17"), &FixedClock).unwrap();
        (temporary, case)
    }

    #[test]
    fn a_new_case_is_named_after_its_folder() {
        let (_temporary, case) = new_case();
        let again = Case::create_or_open(case.path(), &FixedClock).unwrap();
        assert_eq!(again.name(), "2026-17");
        assert_eq!(
            std::fs::read_to_string(case.path().join("case.json")).unwrap(),
            "{\n  \"schema\": 1,\n  \"kind\": \"kanshiki case\",\n  \"name\": \"2026-17\",\n  \"created\": \"2023-11-14T22:13:20Z\"\n}\n"
        );
    }

    #[test]
    fn a_folder_without_case_json_is_no_case() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().display().to_string();
        assert_eq!(
            Case::open(temporary.path()).unwrap_err().to_string(),
            format!("`{path}` is not a case folder: it has no case.json")
        );
        assert!(matches!(Case::open(&temporary.path().join("none")), Err(CustodyError::NoCase { .. })));
    }

    #[test]
    fn a_folder_with_other_files_does_not_become_a_case() {
        let temporary = tempfile::tempdir().unwrap();
        std::fs::create_dir(temporary.path().join("holiday")).unwrap();
        let error = Case::create_or_open(temporary.path(), &FixedClock).unwrap_err();
        assert!(matches!(error, CustodyError::NotEmpty { ref found, .. } if found == "holiday"), "{error}");
    }

    #[test]
    fn a_case_whose_creation_was_cut_off_is_completed() {
        let temporary = tempfile::tempdir().unwrap();
        std::fs::create_dir(temporary.path().join("exhibits")).unwrap();
        std::fs::create_dir(temporary.path().join("lost+found")).unwrap();
        let case = Case::create_or_open(temporary.path(), &FixedClock).unwrap();
        assert!(case.path().join("verify.sh").is_file());
    }

    #[test]
    fn newer_damaged_cut_and_foreign_records_are_told_apart() {
        let told = |text: &str| CaseRecord::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            told(r#"{"schema":2,"kind":"kanshiki case","new":[]}"#),
            "kanshiki case of schema 2, made by a newer version of kanshiki: this one reads up to schema 1"
        );
        assert_eq!(
            told("{\n\"schema\":1,\"kind\":\"kanshiki case\",\"na"),
            "damaged kanshiki case: cut short at line 2, column 37 (byte 39)"
        );
        assert_eq!(
            told("{\n\"schema\":1,!"),
            "damaged kanshiki case: line 2, column 12 (byte 13): key must be a string"
        );
        assert_eq!(told(r#"{"schema":1,"kind":"x"}"#), "not a kanshiki case: its kind is `x`");
        assert!(told(&"x".repeat(LIMIT + 1)).contains("more than 1048576 bytes are not read"));
    }

    #[test]
    fn an_error_names_the_damaged_file() {
        let (_temporary, case) = new_case();
        let file = case.path().join("case.json");
        let bytes = std::fs::read(&file).unwrap();
        OutputDir::open(case.path()).unwrap().replace("case.json", &bytes[..10]).unwrap();
        let error = Case::create_or_open(case.path(), &FixedClock).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot use `{}`", file.display()));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = CaseRecord::parse(&bytes);
        }

        #[test]
        fn any_change_of_a_good_record_never_panics(at in 0_usize..100, byte in any::<u8>(), keep in 0_usize..200) {
            let record = CaseRecord { schema: 1, kind: KIND.to_owned(), name: "x".to_owned(), created: FixedClock.now() };
            let mut bytes = record.to_json();
            let length = bytes.len();
            bytes[at % length] = byte;
            bytes.truncate(keep);
            let _ = CaseRecord::parse(&bytes);
        }
    }
}
