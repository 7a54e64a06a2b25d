//! The custody log of a case, and what it says of the exhibits.

use super::{CustodyReport, Verdict};
use kanshiki_custody::{ActKind, Case, CustodyError, CustodyLog, LogCheck, LogVerdict};
use kanshiki_model::visible_text;
use std::collections::BTreeMap;

/// A custody log that was read and checked.
#[derive(Debug)]
pub(super) struct Log {
    check: LogCheck,
    // By exhibit, the digest of the manifest in its last `acquired` entry.
    acquired: BTreeMap<String, String>,
}

impl Log {
    /// Reads and checks the log of a case.
    pub(super) fn read(case: &Case) -> Self {
        let mut acquired = BTreeMap::new();
        let check = CustodyLog::open(case).and_then(|log| {
            for (_, entry) in log.entries()? {
                let entry = entry.ok().filter(|entry| entry.act == ActKind::Acquired);
                let manifests = entry.into_iter().flat_map(|entry| entry.subjects).filter_map(|subject| {
                    let name = subject.name.strip_prefix("exhibits/")?.strip_suffix("/manifest.json")?;
                    Some((name.to_owned(), subject.sha256))
                });
                acquired.extend(manifests);
            }
            log.check()
        });
        let check = check.unwrap_or_else(|error| match error {
            missing @ CustodyError::LogMissing { .. } => {
                LogCheck { problems: vec![missing.to_string()], ..LogCheck::default() }
            }
            other => LogCheck { unreadable: vec![other.to_string()], ..LogCheck::default() },
        });
        Self { check, acquired }
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
        CustodyReport { entries: check.entries, head: check.head.clone(), problems, notes }
    }
}
