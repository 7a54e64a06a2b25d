//! What an acquisition under way must know to be taken up again: `state.json` in the exhibit's folder.

use super::watch::Watch;
use crate::writers::Storage;
use kanshiki_custody::manifest::{Session, SourceKind};
use kanshiki_model::{Algorithm, Facts, Timestamp};
use serde::{Deserialize, Serialize};

/// The name of the file in the folder of an exhibit under way.
pub(crate) const FILE_NAME: &str = "state.json";

/// The most bytes that the file may have.
pub(crate) const LIMIT: u64 = 16 << 20;

/// The version that this program writes, and the newest that it reads.
pub(crate) const SCHEMA: u32 = 1;

const KIND: &str = "kanshiki acquisition state";

/// What an acquisition under way must know to be taken up again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    schema: u32,
    kind: String,
    /// When the first session began.
    pub(crate) started: Timestamp,
    /// How the image is stored.
    pub(crate) storage: Storage,
    /// Digests of the whole image.
    pub(crate) algorithms: Vec<Algorithm>,
    /// What was told of people and places.
    pub(crate) people: Facts,
    /// Which source it is.
    pub(crate) source: SourceIdentity,
    /// How the source was kept from being written in the first session.
    pub(crate) protection: Facts,
    /// The words of the command line of the first session.
    pub(crate) command_line: Vec<String>,
    /// The sessions so far.
    pub(crate) sessions: Vec<Session>,
    /// What sessions before the last one have met and the manifest must tell.
    #[serde(default)]
    pub(crate) issues: Vec<kanshiki_model::Issue>,
    /// Whether the source was written meanwhile.
    #[serde(default)]
    pub(crate) watch: Watch,
}

/// By what a source is known again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceIdentity {
    /// What kind of thing it is.
    pub(crate) kind: SourceKind,
    /// Its length in bytes; `None` for standard input.
    pub(crate) bytes: Option<u64>,
    /// Its serial number or world-wide name, where it has one.
    pub(crate) serial: Option<String>,
    /// Digests of its beginning and its end, where they can be read.
    pub(crate) edges: [Option<String>; 2],
    /// Which files it is made of, in order; empty if it is no file.
    #[serde(default)]
    pub(crate) files: Vec<FileMark>,
}

/// By what a file is known again, besides its length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileMark {
    /// The number of its filesystem, which may be another one after a restart.
    pub(crate) device: u64,
    /// The number of its inode.
    pub(crate) inode: u64,
    /// When it was last written.
    pub(crate) modified: Timestamp,
    /// When its inode was last changed, which no program can put back; `None` in states of older versions.
    #[serde(default)]
    pub(crate) changed: Option<Timestamp>,
}

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StateError {
    /// The file was written by a newer version of the program.
    #[error("state.json of version {0}, made by a newer version of kanshiki: this one reads version {SCHEMA}")]
    Newer(u64),
    /// The file is not what this program writes.
    #[error("damaged state.json at line {line}, column {column}: {detail}")]
    Damaged {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What was expected and what was found.
        detail: String,
    },
}

impl State {
    /// The state of an acquisition that begins.
    #[must_use]
    pub(crate) fn new(
        started: Timestamp,
        storage: Storage,
        algorithms: Vec<Algorithm>,
        source: SourceIdentity,
    ) -> Self {
        Self {
            schema: SCHEMA,
            kind: KIND.to_owned(),
            started,
            storage,
            algorithms,
            people: Facts::new(),
            source,
            protection: Facts::new(),
            command_line: Vec::new(),
            sessions: Vec::new(),
            issues: Vec::new(),
            watch: Watch::default(),
        }
    }

    /// Reads a state.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Version {
            schema: u64,
        }
        let damaged = |error: serde_json::Error| StateError::Damaged {
            line: error.line(),
            column: error.column(),
            detail: error.to_string(),
        };
        let version: Version = serde_json::from_slice(bytes).map_err(damaged)?;
        if version.schema > u64::from(SCHEMA) {
            return Err(StateError::Newer(version.schema));
        }
        let state: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        if state.kind != KIND {
            let detail = format!("kind is `{}`, expected `{KIND}`", kanshiki_model::visible_text(&state.kind));
            return Err(StateError::Damaged { line: 1, column: 1, detail });
        }
        Ok(state)
    }

    /// The file's bytes.
    #[must_use]
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

impl SourceIdentity {
    /// What tells this source from another one; `None` if nothing does.
    #[must_use]
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        if self.kind != other.kind {
            return Some(format!("it was a {:?}, now a {:?}", self.kind, other.kind).to_lowercase());
        }
        if let (Some(before), Some(now)) = (self.bytes, other.bytes)
            && before != now
        {
            return Some(format!("it had {before} bytes, now {now}"));
        }
        if let (Some(before), Some(now)) = (&self.serial, &other.serial)
            && before != now
        {
            return Some(format!("its serial number was {before}, now {now}"));
        }
        let marks = || self.files.iter().zip(&other.files);
        if let Some((before, now)) = marks().find(|(before, now)| before.inode != now.inode) {
            return Some(format!("it was the file with inode {}, now that with inode {}", before.inode, now.inode));
        }
        if self.files.len() != other.files.len() && !self.files.is_empty() {
            return Some(format!("it had {} files, now {}", self.files.len(), other.files.len()));
        }
        let names = ["first", "last"];
        names.iter().zip(self.edges.iter().zip(&other.edges)).find_map(|(name, edges)| match edges {
            (Some(before), Some(now)) if before != now => Some(format!("its {name} sectors are not the same")),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_custody::manifest::Format;
    use proptest::prelude::*;

    fn mark(inode: u64, second: i64) -> FileMark {
        FileMark { device: 1, inode, modified: Timestamp::from_nanoseconds(second * 1_000_000_000), changed: None }
    }

    #[test]
    fn another_inode_is_another_source_and_a_later_time_is_not() {
        let source = state().source;
        let other = SourceIdentity { files: vec![mark(8, 1)], ..source.clone() };
        assert_eq!(source.difference(&other).unwrap(), "it was the file with inode 7, now that with inode 8");
        let later = SourceIdentity { files: vec![mark(7, 2)], ..source.clone() };
        assert_eq!(source.difference(&later), None);
        let of_older_state = SourceIdentity { files: Vec::new(), ..source.clone() };
        assert_eq!(of_older_state.difference(&source), None);
    }

    fn state() -> State {
        let storage = Storage { format: Format::Raw, split_bytes: 1, zstd_level: 1 };
        let edges = [Some("a".to_owned()), None];
        let source =
            SourceIdentity { kind: SourceKind::File, bytes: Some(5), serial: None, edges, files: vec![mark(7, 1)] };
        State::new(Timestamp::from_nanoseconds(0), storage, vec![Algorithm::Sha256], source)
    }

    #[test]
    fn a_state_is_read_back() {
        assert_eq!(State::parse(&state().to_json()).unwrap(), state());
    }

    #[test]
    fn a_state_of_a_newer_version_says_so() {
        let error = State::parse(br#"{"schema": 7, "unheard": true}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "state.json of version 7, made by a newer version of kanshiki: this one reads version 1"
        );
    }

    #[test]
    fn a_source_of_another_length_or_with_other_edges_is_another_one() {
        let source = state().source;
        assert_eq!(source.difference(&source), None);
        let longer = SourceIdentity { bytes: Some(6), ..source.clone() };
        assert_eq!(source.difference(&longer).unwrap(), "it had 5 bytes, now 6");
        let other = SourceIdentity { edges: [Some("b".to_owned()), None], ..source.clone() };
        assert_eq!(source.difference(&other).unwrap(), "its first sectors are not the same");
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0_usize..600, flip in any::<u8>()) {
            let _ = State::parse(&bytes);
            let mut json = state().to_json();
            json.truncate(cut.max(1));
            let last = json.len() - 1;
            json[last] ^= flip;
            let _ = State::parse(&json);
        }
    }
}
