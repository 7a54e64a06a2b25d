//! Whether a custody log is what was written: every entry there, none changed, none added.

use super::{CustodyLog, ENTRY_LIMIT, Entry, HEAD_NAME, Head, LOCK_NAME, NO_PREVIOUS};
use super::{entry_name, entry_number};
use crate::case::EXHIBITS;
use crate::record::RecordError;
use crate::{CustodyError, OutputDir, hex_sha256, is_temporary_name};
use kanshiki_model::visible_text;
use std::collections::BTreeMap;
use std::io::ErrorKind;

/// How often the log is listed anew because others add to it meanwhile.
const LISTINGS: u32 = 100;

/// What checking a custody log gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogCheck {
    /// The number of entries that are there.
    pub entries: u64,
    /// The digest that `HEAD` names, in hexadecimal; `None` if `HEAD` is missing or damaged.
    pub head: Option<String>,
    /// What is not as it was written: entries changed, missing, cut off, added, damaged.
    pub problems: Vec<String>,
    /// What is to be known, but is no sign of a change: a run that was cut off, a clock that was set back.
    pub notes: Vec<String>,
    /// Files that the medium did not give.
    pub unreadable: Vec<String>,
    /// Files made by a newer version of the program, which this one cannot judge.
    pub newer: Vec<String>,
}

/// The result of checking a custody log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogVerdict {
    /// The log is as it was written.
    Intact,
    /// The log was changed or damaged.
    Differs,
    /// The log cannot be judged: made by a newer version, or not readable.
    CannotJudge,
}

impl LogCheck {
    /// The result in one word. What differs for certain counts before what cannot be judged.
    #[must_use]
    pub fn verdict(&self) -> LogVerdict {
        if !self.problems.is_empty() {
            LogVerdict::Differs
        } else if !self.newer.is_empty() || !self.unreadable.is_empty() {
            LogVerdict::CannotJudge
        } else {
            LogVerdict::Intact
        }
    }
}

/// `HEAD` as it was found.
enum FoundHead {
    Good(Head),
    Missing,
    /// Damaged, newer or unreadable: already told.
    Unusable,
}

/// An entry's file as it was found.
struct FoundEntry {
    number: u64,
    // `None` if the medium did not give it.
    sha256: Option<String>,
    // `None` if it is damaged, newer or unreadable: already told.
    entry: Option<Entry>,
}

impl CustodyLog {
    /// Checks the whole log. Nothing is written and no lock is taken, so that a log on a read-only medium can be
    /// checked.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Io`] if the folder cannot be listed.
    pub fn check(&self) -> Result<LogCheck, CustodyError> {
        let mut check = LogCheck::default();
        let (head_bytes, names) = self.steady_listing()?;
        let head = check.read_head(head_bytes);
        let numbers = check.sort_names(&names);
        let mut found = Vec::new();
        let counted = match &head {
            FoundHead::Good(head) => Some(head.entries),
            FoundHead::Missing => Some(0),
            FoundHead::Unusable => None,
        };
        for number in numbers {
            found.extend(check.read_entry(self, number, counted));
        }
        check.entries = found.len() as u64;
        check.problems.extend(self.lock_problem());
        check.judge_gaps(&found, &head);
        check.judge_chain(&found, &head);
        check.judge_clock(&found);
        if found.is_empty() && matches!(head, FoundHead::Missing) && self.has_exhibits() {
            check.problems.push("the log is empty, yet there are exhibits: it was removed".to_owned());
        }
        Ok(check)
    }

    /// `HEAD` and the names in the folder at one moment: others may add entries meanwhile.
    #[expect(clippy::type_complexity, reason = "the bytes of one file beside the names of all")]
    fn steady_listing(&self) -> Result<(Result<Vec<u8>, CustodyError>, Vec<String>), CustodyError> {
        let read = || self.folder.read_small(HEAD_NAME, ENTRY_LIMIT as u64);
        let mut before = read();
        for _ in 0..LISTINGS {
            let names = self.folder.names()?;
            let after = read();
            match (&before, &after) {
                (Ok(before), Ok(after)) if before == after => return Ok((Ok(after.clone()), names)),
                (Err(_), Err(_)) => return Ok((after, names)),
                _ => before = after,
            }
        }
        Ok((before, self.folder.names()?))
    }

    /// What is wrong with the file whose lock is held while an entry is added; it need not be there.
    fn lock_problem(&self) -> Option<String> {
        match self.folder.read_small(LOCK_NAME, 0) {
            Err(error) if error.is_io(ErrorKind::FileTooLarge) => {
                Some(format!("custody/{LOCK_NAME} was exchanged: it is not empty"))
            }
            Err(error) if error.is_io(ErrorKind::InvalidInput) || error.is_symbolic_link() => {
                Some(format!("custody/{LOCK_NAME} was exchanged: it is no regular file"))
            }
            // A lock that only others may read says nothing of the log.
            _ => None,
        }
    }

    fn has_exhibits(&self) -> bool {
        let exhibits = OutputDir::open(&self.case.join(EXHIBITS)).and_then(|folder| folder.names());
        exhibits.is_ok_and(|names| names.iter().any(|name| !name.ends_with(".partial")))
    }
}

impl LogCheck {
    fn read_head(&mut self, bytes: Result<Vec<u8>, CustodyError>) -> FoundHead {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) if error.is_io(ErrorKind::NotFound) => return FoundHead::Missing,
            Err(error) => {
                self.tell_unread(HEAD_NAME, &error);
                return FoundHead::Unusable;
            }
        };
        match Head::parse(&bytes) {
            Ok(head) => {
                self.head = Some(visible_text(&head.sha256));
                if head.to_json() != bytes {
                    self.problems.push("HEAD is not as it was written".to_owned());
                }
                FoundHead::Good(head)
            }
            Err(error) => {
                self.tell_record(HEAD_NAME, &error);
                FoundHead::Unusable
            }
        }
    }

    /// The numbers of the entries, ascending; tells what does not belong.
    fn sort_names(&mut self, names: &[String]) -> Vec<u64> {
        let mut numbers = Vec::new();
        for name in names {
            if let Some(number) = entry_number(name) {
                numbers.push(number);
            } else if is_temporary_name(name) {
                self.notes.push(format!("custody/{name} was left by a run that was cut off"));
            } else if name != HEAD_NAME && name != LOCK_NAME {
                self.problems.push(format!("custody/{name} was added: it does not belong to the log"));
            }
        }
        numbers.sort_unstable();
        numbers
    }

    /// `counted` is the number of entries that `HEAD` names.
    fn read_entry(&mut self, log: &CustodyLog, number: u64, counted: Option<u64>) -> Option<FoundEntry> {
        let name = entry_name(number);
        let bytes = match log.folder.read_small(&name, ENTRY_LIMIT as u64) {
            // On filesystems without a renaming that replaces nothing, a name is taken by an empty file first.
            Ok(bytes) if bytes.is_empty() && counted == Some(number) => {
                self.notes.push(format!("custody/{name} is empty: a run was cut off before it wrote entry {number}"));
                return None;
            }
            Ok(bytes) => bytes,
            Err(error) => {
                self.tell_unread(&name, &error);
                return Some(FoundEntry { number, sha256: None, entry: None });
            }
        };
        let entry = Entry::parse(&bytes).map_err(|error| self.tell_record(&name, &error)).ok();
        Some(FoundEntry { number, sha256: Some(hex_sha256(&bytes)), entry })
    }

    /// Tells a file that was not read: it is no file that was ever written here, or the medium did not give it.
    fn tell_unread(&mut self, name: &str, error: &CustodyError) {
        let damaged =
            error.is_io(ErrorKind::FileTooLarge) || error.is_io(ErrorKind::InvalidInput) || error.is_symbolic_link();
        let list = if damaged { &mut self.problems } else { &mut self.unreadable };
        list.push(with_cause(name, error));
    }

    fn tell_record(&mut self, name: &str, error: &RecordError) {
        let list = if matches!(error, RecordError::Newer { .. }) { &mut self.newer } else { &mut self.problems };
        list.push(format!("custody/{name}: {error}"));
    }

    /// Tells entries that are missing, cut off at the end or added behind it.
    fn judge_gaps(&mut self, found: &[FoundEntry], head: &FoundHead) {
        let mut expected = 0;
        for number in found.iter().map(|entry| entry.number) {
            if number > expected {
                let missing = number.saturating_sub(1);
                self.problems.push(match number - expected {
                    1 => format!("entry {expected} is missing"),
                    _ => format!("entries {expected} to {missing} are missing"),
                });
            }
            expected = number.saturating_add(1);
        }
        let counted = match head {
            FoundHead::Good(head) => head.entries,
            FoundHead::Missing => 0,
            FoundHead::Unusable => return,
        };
        if expected < counted {
            self.problems.push(format!("the log is cut: HEAD names {counted} entries, it ends after {expected}"));
        } else if expected == counted.saturating_add(1) {
            self.judge_uncounted(found, head, counted);
        } else if expected > counted && counted == 0 {
            self.problems.push(format!("HEAD is missing, yet there are {expected} entries"));
        } else if expected > counted {
            self.problems.push(format!("entries from {counted} on were added: HEAD names {counted} entries"));
        }
    }

    /// Tells whether the one entry that `HEAD` does not count is what a run left that was cut off before it wrote `HEAD`.
    fn judge_uncounted(&mut self, found: &[FoundEntry], head: &FoundHead, counted: u64) {
        let before = if let FoundHead::Good(head) = head { head.sha256.as_str() } else { NO_PREVIOUS };
        // One that cannot be read is told already, and no act mends it.
        let Some(entry) = found.last().and_then(|last| last.entry.as_ref()) else { return };
        if entry.sequence == counted && entry.previous == before {
            self.notes.push(format!(
                "HEAD is one entry behind: a run was cut off after it wrote entry {counted}; the next act mends this"
            ));
        } else {
            self.problems.push(format!(
                "entry {counted} was added: HEAD does not name it, and it does not follow from the entries before it"
            ));
        }
    }

    /// Follows the digests from entry to entry and tells the entries that are not those that were written.
    fn judge_chain(&mut self, found: &[FoundEntry], head: &FoundHead) {
        let mut told: BTreeMap<u64, String> = BTreeMap::new();
        let mut next: Option<(u64, &str)> = None;
        // Backwards, so that it is known whether an entry is genuine before it speaks about the one before it.
        for item in found.iter().rev() {
            let number = item.number;
            let named_by_head = match head {
                FoundHead::Good(head) if head.entries.checked_sub(1) == Some(number) => Some(head.sha256.as_str()),
                _ => None,
            };
            let named_by_next = next.filter(|(next, _)| *next == number.saturating_add(1)).map(|(_, named)| named);
            let differs = |named: &str| item.sha256.as_deref().is_some_and(|found| found != named);
            // What HEAD confirms is not changed, whatever is said by an entry that HEAD does not count.
            let named_by_next = named_by_next.filter(|_| named_by_head.is_none_or(differs));
            if let Some(named) = named_by_head.filter(|named| differs(named)) {
                told.insert(number, format!("entry {number} was changed: HEAD names {}", visible_text(named)));
            } else if let Some(named) = named_by_next.filter(|named| differs(named)) {
                let after = number.saturating_add(1);
                let told_before = told.contains_key(&after);
                told.insert(
                    number,
                    match told_before {
                        true => {
                            format!("entry {number} is not confirmed: entry {after}, changed itself, names another")
                        }
                        false => format!("entry {number} was changed: entry {after} names {}", visible_text(named)),
                    },
                );
            }
            next = item.entry.as_ref().map(|entry| (number, entry.previous.as_str()));
            if let Some(problem) = item.entry.as_ref().and_then(|entry| misplaced(number, entry)) {
                told.entry(number).or_insert(problem);
            }
        }
        self.problems.extend(told.into_values());
    }

    fn judge_clock(&mut self, found: &[FoundEntry]) {
        let entries: Vec<&Entry> = found.iter().filter_map(|item| item.entry.as_ref()).collect();
        for (before, after) in entries.iter().zip(entries.iter().skip(1)) {
            if after.time < before.time {
                self.notes.push(format!(
                    "entry {} is of {}, before entry {} of {}: the clock was set back or was wrong",
                    after.sequence, after.time, before.sequence, before.time
                ));
            }
        }
    }
}

/// What tells that an entry belongs elsewhere in the log.
fn misplaced(number: u64, entry: &Entry) -> Option<String> {
    if entry.sequence != number {
        Some(format!("entry {number} was changed: it carries the number {}", entry.sequence))
    } else if number == 0 && entry.previous != NO_PREVIOUS {
        Some("entry 0 was changed: it names an entry before it".to_owned())
    } else {
        None
    }
}

fn with_cause(name: &str, error: &CustodyError) -> String {
    match error {
        CustodyError::Io { action, source, .. } => format!("custody/{name}: cannot {action}: {source}"),
        other => format!("custody/{name}: {other}"),
    }
}
