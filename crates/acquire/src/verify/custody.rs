//! The custody log of a case, and what it says of the exhibits.

use super::files::{is_plain, link_problem};
use super::{CustodyReport, Verdict};
use crate::error::with_causes;
use kanshiki_custody::{
    ActKind, Case, CustodyError, CustodyLog, LogCheck, LogVerdict, Subject, case, hex_sha256, is_temporary_name,
    read_small,
};
use kanshiki_model::{visible, visible_text};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The most bytes that a file of the case itself may have.
const OWN_FILE_LIMIT: u64 = 1 << 20;

/// What kanshiki puts into a case folder.
const CASE_NAMES: [&str; 5] = [case::FILE_NAME, case::VERIFY_NAME, case::EXHIBITS, case::CUSTODY, case::EVENTS];

/// What lies in a case folder and is not kanshiki's.
pub(super) fn strangers(case: &Case) -> Vec<String> {
    names(case.path()).into_iter().filter(|name| !CASE_NAMES.contains(&own_name(name))).collect()
}

/// The name without what SQLite adds for the files that it keeps beside a store at work.
fn own_name(name: &str) -> &str {
    let store = ["-journal", "-wal", "-shm"].iter().find_map(|end| name.strip_suffix(end));
    store.filter(|name| *name == case::EVENTS).unwrap_or(name)
}

/// Whether there is a store of events, which no digest of the case covers.
pub(super) fn has_store(case: &Case) -> bool {
    case.path().join(case::EVENTS).symlink_metadata().is_ok()
}

/// The names in a folder, made visible and sorted, without unfinished files of our own.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| visible(entry.file_name().as_bytes())).filter(|name| !is_temporary_name(name)).collect();
    names.sort_unstable();
    names
}

/// A custody log that was read and checked.
#[derive(Debug)]
pub(super) struct Log {
    check: LogCheck,
    // By exhibit, the digest of the manifest in its last `acquired` entry.
    acquired: BTreeMap<String, String>,
    // The case's own files as the first entry names them.
    own_files: Vec<Subject>,
}

impl Log {
    /// Reads and checks the log of a case.
    pub(super) fn read(case: &Case) -> Self {
        let (mut acquired, mut own_files) = (BTreeMap::new(), Vec::new());
        let check = CustodyLog::open(case).and_then(|log| {
            for (number, entry) in log.entries()? {
                if let (0, Ok(entry)) = (number, &entry) {
                    own_files.clone_from(&entry.subjects);
                }
                let entry = entry.ok().filter(|entry| entry.act == ActKind::Acquired);
                let manifests = entry.into_iter().flat_map(|entry| entry.subjects).filter_map(|subject| {
                    let name = subject.name.strip_prefix("exhibits/")?.strip_suffix("/manifest.json")?;
                    Some((name.to_owned(), subject.sha256))
                });
                acquired.extend(manifests);
            }
            log.check()
        });
        let mut check = check.unwrap_or_else(|error| match error {
            missing @ CustodyError::LogMissing { .. } => {
                LogCheck { problems: vec![missing.to_string()], ..LogCheck::default() }
            }
            other => LogCheck { unreadable: vec![with_causes(&other)], ..LogCheck::default() },
        });
        let folder = case.path().join(case::CUSTODY);
        if folder.symlink_metadata().is_ok_and(|metadata| !metadata.is_dir()) {
            let link = link_problem(&folder, case::CUSTODY);
            check.problems.push(link.unwrap_or_else(|| format!("{} is no folder", case::CUSTODY)));
        }
        Self { check, acquired, own_files }
    }

    /// The digest of the exhibit's manifest when it was acquired. `None` if no entry names it, although the log should.
    pub(super) fn acquired(&self, id: &str) -> Option<Result<&str, &'static str>> {
        match self.acquired.get(id) {
            Some(sha256) => Some(Ok(sha256)),
            // What a log that cannot be read says is not known.
            None if self.verdict() == Verdict::Impossible => None,
            None => Some(Err("the custody log has no entry that it was acquired")),
        }
    }

    /// What is not as it was in the case folder itself: its own files, and what does not belong among the exhibits.
    pub(super) fn check_case(&self, case: &Case, present: &[String]) -> Vec<String> {
        let mut problems = Vec::new();
        for file in &self.own_files {
            let name = visible_text(&file.name);
            if !is_plain(file.name.as_bytes()) {
                continue;
            }
            let path = case.path().join(&file.name);
            problems.extend(link_problem(&path, &name));
            match read_small(&path, OWN_FILE_LIMIT) {
                Ok(bytes) if hex_sha256(&bytes) == file.sha256 => {}
                Ok(_) => problems.push(format!("{name} is not what it was when the case was begun")),
                Err(error) => problems.push(format!("{name} cannot be read: {error}")),
            }
        }
        let partial = case.partial_exhibits().unwrap_or_default();
        let known = |name: &str| {
            let unfinished = name.strip_suffix(".partial").is_some_and(|id| partial.iter().any(|known| known == id));
            present.iter().any(|id| id == name) || unfinished
        };
        let added = names(&case.path().join(case::EXHIBITS)).into_iter().filter(|name| !known(name));
        problems.extend(added.map(|name| format!("exhibits/{name} was added")));
        problems
    }

    pub(super) fn is_without_exhibits(&self) -> bool {
        self.acquired.is_empty()
    }

    pub(super) fn verdict(&self) -> Verdict {
        match self.check.verdict() {
            LogVerdict::Intact => Verdict::Intact,
            LogVerdict::Differs => Verdict::Differs,
            LogVerdict::CannotJudge => Verdict::Impossible,
        }
    }

    /// What was found; with the exhibits that are `present`, those that the log names and that are not there.
    pub(super) fn report(&self, present: Option<&[String]>) -> CustodyReport {
        let check = &self.check;
        let mut problems = check.problems.clone();
        if let Some(present) = present {
            let missing = self.acquired.keys().filter(|id| !present.contains(*id));
            let missing = missing.map(|id| format!("exhibit {} was acquired, and is missing", visible_text(id)));
            problems.extend(missing);
        }
        let notes = check.notes.iter().chain(&check.newer).chain(&check.unreadable).cloned().collect();
        let verdict = if problems.is_empty() { self.verdict() } else { Verdict::Differs };
        CustodyReport { verdict, entries: check.entries, head: check.head.clone(), problems, notes }
    }
}
