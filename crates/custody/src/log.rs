//! The custody log: who did what to the case, and when. Every entry names the digest of the one before it, so that none
//! can be changed or taken out without all later ones showing it.
//!
//! | file | holds |
//! | --- | --- |
//! | `custody/00000000.json` and so on | one act each, in one line of JSON; see [`Entry`] |
//! | `custody/HEAD` | the number of entries and the SHA-256 of the last; see [`Head`] |
//! | `custody/lock` | nothing; its lock is held while an entry is added |
//!
//! An entry is on the medium before `HEAD` names it. If the machine stops between the two, `HEAD` is one entry behind;
//! the next act mends that.

mod check;
mod entry;
#[cfg(test)]
mod script_tests;
#[cfg(test)]
mod tests;

pub use check::{LogCheck, LogVerdict};
pub use entry::{Act, ActKind, ENTRY_LIMIT, Entry, Head, SCHEMA, Subject, TEXT_LIMIT};

use crate::case::{CUSTODY, Case};
use crate::record::RecordError;
use crate::{CustodyError, LockGuard, OutputDir, hex_sha256};
use kanshiki_model::Clock;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The name of the file that names the last entry.
pub const HEAD_NAME: &str = "HEAD";

/// The name of the file whose lock is held while an entry is added.
pub const LOCK_NAME: &str = "lock";

/// What the first entry names as the digest of the one before it.
const NO_PREVIOUS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The custody log of a case.
#[derive(Debug)]
pub struct CustodyLog {
    case: PathBuf,
    folder: OutputDir,
}

/// The end of the log.
struct Tail {
    entries: u64,
    sha256: String,
    last_act: Option<ActKind>,
    closed: bool,
}

impl CustodyLog {
    /// Opens the log of a case. Nothing is written.
    ///
    /// # Errors
    ///
    /// [`CustodyError::LogMissing`] if its folder is not there, [`CustodyError::Io`].
    pub fn open(case: &Case) -> Result<Self, CustodyError> {
        let folder =
            OutputDir::open(case.path()).and_then(|folder| folder.subdir(CUSTODY)).map_err(|error| match error {
                error if error.is_io(ErrorKind::NotFound) => CustodyError::LogMissing { case: case.path().to_owned() },
                other => other,
            })?;
        Ok(Self { case: case.path().to_owned(), folder })
    }

    /// Adds an act. It is on the medium when this returns; others that add at the same time wait for one another. The first act
    /// names the files of the case itself before its own subjects, so that a change of them shows.
    ///
    /// After `closed`, acts that add evidence are refused until the case is `opened` again; what happens to the case as
    /// a whole (verified, copied, handed over, noted) is still recorded.
    ///
    /// # Errors
    ///
    /// [`CustodyError::TooLong`], [`CustodyError::NotAllowed`] after `closed`, [`CustodyError::LogDamaged`] if the end
    /// of the log contradicts itself (adding to it would cover that), [`CustodyError::Record`], [`CustodyError::Io`].
    pub fn append(&self, mut act: Act, clock: &dyn Clock) -> Result<Entry, CustodyError> {
        act.check()?;
        let (_guard, tail) = self.lock_and_mend()?;
        self.allow(act.kind, &tail)?;
        if tail.entries == 0 {
            act.subjects.splice(0..0, Case::open(&self.case)?.own_files()?);
        }
        let entry = Entry::new(tail.entries, tail.sha256, clock.now(), act);
        let bytes = entry.to_json();
        if bytes.len() > ENTRY_LIMIT {
            return Err(CustodyError::TooLong { field: "entry as JSON", found: bytes.len(), limit: ENTRY_LIMIT });
        }
        self.folder.write_new(&entry_name(entry.sequence), &bytes)?;
        self.write_head(entry.sequence.saturating_add(1), &bytes)?;
        Ok(entry)
    }

    /// Whether an act of this kind could be added now: asked before long work that ends with such an act.
    ///
    /// # Errors
    ///
    /// As [`CustodyLog::append`].
    pub fn check_appendable(&self, kind: ActKind) -> Result<(), CustodyError> {
        let (_guard, tail) = self.lock_and_mend()?;
        self.allow(kind, &tail)
    }

    /// All entries by their number, in order, each as far as it can be read.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`] if the folder cannot be listed.
    #[expect(clippy::type_complexity, reason = "a list of numbers with what was found there")]
    pub fn entries(&self) -> Result<Vec<(u64, Result<Entry, CustodyError>)>, CustodyError> {
        let names = self.folder.names()?;
        let numbers = names.iter().filter_map(|name| entry_number(name));
        Ok(numbers.map(|number| (number, self.read_entry(number).map(|(entry, _)| entry))).collect())
    }

    fn lock_and_mend(&self) -> Result<(LockGuard, Tail), CustodyError> {
        let guard = self.folder.lock(LOCK_NAME)?;
        self.folder.remove_temporaries()?;
        let tail = self.mended_tail()?;
        Ok((guard, tail))
    }

    /// Finds the end of the log; brings `HEAD` up if it is one entry behind. The caller holds the lock.
    fn mended_tail(&self) -> Result<Tail, CustodyError> {
        let mut tail = Tail { entries: 0, sha256: NO_PREVIOUS.to_owned(), last_act: None, closed: false };
        if let Some(head) = self.read_head()? {
            let number = head.entries.checked_sub(1).ok_or_else(|| self.damaged("HEAD names no entry".to_owned()))?;
            let (entry, bytes) = match self.read_entry(number) {
                Err(error) if error.is_io(ErrorKind::NotFound) => {
                    return Err(self.damaged(format!("entry {number}, which HEAD names, is missing")));
                }
                other => other?,
            };
            if hex_sha256(&bytes) != head.sha256 {
                return Err(self.damaged(format!("entry {number} is not the one that HEAD names")));
            }
            tail = Tail { entries: head.entries, sha256: head.sha256, last_act: Some(entry.act), closed: false };
        }
        if let Some((entry, bytes)) = self.read_uncounted(tail.entries)? {
            if entry.sequence != tail.entries || entry.previous != tail.sha256 {
                return Err(self.damaged(format!("entry {} does not follow from the one before it", tail.entries)));
            }
            let entries = tail.entries.saturating_add(1);
            if self.folder.read_small(&entry_name(entries), ENTRY_LIMIT as u64).is_ok() {
                return Err(self.damaged(format!("HEAD does not name entries {} and later", tail.entries)));
            }
            self.write_head(entries, &bytes)?;
            tail = Tail { entries, sha256: hex_sha256(&bytes), last_act: Some(entry.act), closed: false };
        }
        tail.closed = self.is_closed(&tail)?;
        Ok(tail)
    }

    /// The entry behind those that `HEAD` counts, if there is one.
    fn read_uncounted(&self, number: u64) -> Result<Option<(Entry, Vec<u8>)>, CustodyError> {
        let name = entry_name(number);
        match self.folder.read_small(&name, ENTRY_LIMIT as u64) {
            Err(error) if error.is_io(ErrorKind::NotFound) => Ok(None),
            // On filesystems without a renaming that replaces nothing, a name is taken by an empty file first.
            Ok(bytes) if bytes.is_empty() => self.folder.remove_own(&name).map(|()| None),
            Ok(_) => self.read_entry(number).map(Some),
            Err(error) => Err(error),
        }
    }

    /// Whether the case is closed: the last of the acts that open and close it closed it.
    fn is_closed(&self, tail: &Tail) -> Result<bool, CustodyError> {
        let mut act = tail.last_act;
        let mut number = tail.entries;
        // What is recorded after `closed` does not open the case, so the walk goes back to what decides.
        while let Some(found) = act {
            match found {
                ActKind::Closed => return Ok(true),
                ActKind::Verified | ActKind::Copied | ActKind::HandedOver | ActKind::Note => {}
                ActKind::Opened | ActKind::Acquired | ActKind::Resumed => return Ok(false),
            }
            number = number.saturating_sub(1);
            act = match number.checked_sub(1) {
                Some(before) => Some(self.read_entry(before)?.0.act),
                None => None,
            };
        }
        Ok(false)
    }

    fn allow(&self, kind: ActKind, tail: &Tail) -> Result<(), CustodyError> {
        let adds_evidence = matches!(kind, ActKind::Acquired | ActKind::Resumed | ActKind::Closed);
        if tail.closed && adds_evidence {
            return Err(CustodyError::NotAllowed { act: kind.name(), case: self.case.clone() });
        }
        Ok(())
    }

    fn write_head(&self, entries: u64, last: &[u8]) -> Result<(), CustodyError> {
        self.folder.replace(HEAD_NAME, &Head::new(entries, hex_sha256(last)).to_json())
    }

    fn read_head(&self) -> Result<Option<Head>, CustodyError> {
        match self.folder.read_small(HEAD_NAME, ENTRY_LIMIT as u64) {
            Ok(bytes) => Head::parse(&bytes).map(Some).map_err(|source| self.record_error(HEAD_NAME, source)),
            Err(error) if error.is_io(ErrorKind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_entry(&self, number: u64) -> Result<(Entry, Vec<u8>), CustodyError> {
        let name = entry_name(number);
        let bytes = self.folder.read_small(&name, ENTRY_LIMIT as u64)?;
        let entry = Entry::parse(&bytes).map_err(|source| self.record_error(&name, source))?;
        Ok((entry, bytes))
    }

    fn record_error(&self, name: &str, source: RecordError) -> CustodyError {
        CustodyError::Record { path: self.folder.path().join(name), source }
    }

    fn damaged(&self, problem: String) -> CustodyError {
        CustodyError::LogDamaged { case: self.case.clone(), problem }
    }
}

/// The file of entry number `number`, counted from 0.
fn entry_name(number: u64) -> String {
    format!("{number:08}.json")
}

/// The number of the entry that a file of this name holds.
fn entry_number(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".json")?.parse().ok()?;
    (entry_name(number) == name).then_some(number)
}

/// The folder of a case's custody log.
#[must_use]
pub fn log_folder(case: &Path) -> PathBuf {
    case.join(CUSTODY)
}
