//! The files of the custody log: entries and `HEAD`.

use crate::CustodyError;
use crate::record::{self, RecordError};
use kanshiki_model::{Timestamp, visible_text};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The version of entries and `HEAD` that this program writes, and the newest that it reads.
pub const SCHEMA: u32 = 1;

/// Bytes that one text of an act may have.
pub const TEXT_LIMIT: usize = 64 << 10;

/// Bytes that one entry may have as JSON.
pub const ENTRY_LIMIT: usize = 1 << 20;

const ENTRY_KIND: &str = "kanshiki custody entry";
const HEAD_KIND: &str = "kanshiki custody head";

/// What kind of act was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActKind {
    /// The case was opened, or opened again after it was closed.
    Opened,
    /// An exhibit was acquired.
    Acquired,
    /// An acquisition that had been cut off was taken up again.
    Resumed,
    /// An exhibit, or the case, was verified; the text says with what result.
    Verified,
    /// A copy was made.
    Copied,
    /// The case or an exhibit went from one person to another.
    HandedOver,
    /// Something to be remembered.
    Note,
    /// The case was closed: no more evidence is added.
    Closed,
}

impl ActKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Opened,
        Self::Acquired,
        Self::Resumed,
        Self::Verified,
        Self::Copied,
        Self::HandedOver,
        Self::Note,
        Self::Closed,
    ];

    /// The name in the log, such as `handed-over`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Acquired => "acquired",
            Self::Resumed => "resumed",
            Self::Verified => "verified",
            Self::Copied => "copied",
            Self::HandedOver => "handed-over",
            Self::Note => "note",
            Self::Closed => "closed",
        }
    }
}

/// A file or an image that an act concerns, with its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its name, such as `exhibits/HDD-01/manifest.json`.
    pub name: String,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
}

/// An act to be added to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// What kind of act.
    pub kind: ActKind,
    /// Who did it.
    pub who: String,
    /// What was done, in the words of the program or the person.
    pub what: String,
    /// What it concerns.
    pub subjects: Vec<Subject>,
    /// The program with its version, and where it is known the digest of its binary.
    pub tool: String,
}

impl Act {
    /// Whether the texts are short enough.
    pub(super) fn check(&self) -> Result<(), CustodyError> {
        for (field, text) in [("who", &self.who), ("what", &self.what), ("tool", &self.tool)] {
            if text.len() > TEXT_LIMIT {
                return Err(CustodyError::TooLong { field, found: text.len(), limit: TEXT_LIMIT });
            }
        }
        Ok(())
    }
}

/// One entry of the log, in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of this record, [`SCHEMA`].
    pub schema: u32,
    /// Always `kanshiki custody entry`.
    pub kind: String,
    /// The entry's number, counted from 0; the name of its file.
    pub sequence: u64,
    /// SHA-256 of the bytes of the entry before, in hexadecimal; 64 zeroes in the first.
    pub previous: String,
    /// When the act was done.
    pub time: Timestamp,
    /// What kind of act.
    pub act: ActKind,
    /// Who did it.
    pub who: String,
    /// What was done.
    pub what: String,
    /// What it concerns.
    pub subjects: Vec<Subject>,
    /// The program with its version.
    pub tool: String,
}

impl Entry {
    pub(super) fn new(sequence: u64, previous: String, time: Timestamp, act: Act) -> Self {
        Self {
            schema: SCHEMA,
            kind: ENTRY_KIND.to_owned(),
            sequence,
            previous,
            time,
            act: act.kind,
            who: act.who,
            what: act.what,
            subjects: act.subjects,
            tool: act.tool,
        }
    }

    /// Reads the bytes of an entry's file.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        record::parse(bytes, ENTRY_KIND, SCHEMA, ENTRY_LIMIT)
    }

    /// The bytes of the entry's file: one line.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        record::to_line(self)
    }
}

impl fmt::Display for Entry {
    /// One line, and one more for each subject; every text made visible.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (who, what) = (visible_text(&self.who), visible_text(&self.what));
        write!(f, "{:>6}  {}  {:<11}  {who}: {what}", self.sequence, self.time, self.act.name())?;
        self.subjects.iter().try_for_each(|subject| {
            write!(f, "\n        sha256 {}  {}", visible_text(&subject.sha256), visible_text(&subject.name))
        })
    }
}

/// What `HEAD` says: where the log ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Version of this record, [`SCHEMA`].
    pub schema: u32,
    /// Always `kanshiki custody head`.
    pub kind: String,
    /// The number of entries.
    pub entries: u64,
    /// SHA-256 of the bytes of the last entry's file, in hexadecimal.
    pub sha256: String,
}

impl Head {
    pub(super) fn new(entries: u64, sha256: String) -> Self {
        Self { schema: SCHEMA, kind: HEAD_KIND.to_owned(), entries, sha256 }
    }

    /// Reads the bytes of `HEAD`.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        record::parse(bytes, HEAD_KIND, SCHEMA, ENTRY_LIMIT)
    }

    /// The bytes of `HEAD`: one line.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        record::to_line(self)
    }
}
