//! Records kept as JSON with a schema number: the case, the manifest, the custody log.

use kanshiki_model::visible_text;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why bytes are no record that this program can believe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The record was made by a newer version of the program.
    #[error("{kind} of schema {found}, made by a newer version of kanshiki: this one reads up to schema {newest}")]
    Newer {
        /// What kind of record was expected.
        kind: &'static str,
        /// The schema number found.
        found: u64,
        /// The newest schema number that this program reads.
        newest: u32,
    },
    /// The record has a schema number that no version has ever written.
    #[error("damaged {kind}: schema 0, but the first one is 1")]
    NoSchema {
        /// What kind of record was expected.
        kind: &'static str,
    },
    /// The record is of another kind.
    #[error("not a {expected}: its kind is `{found}`")]
    Kind {
        /// The kind expected.
        expected: &'static str,
        /// The kind found, made visible.
        found: String,
    },
    /// The bytes end before the record does.
    #[error("damaged {kind}: cut short at line {line}, column {column} (byte {byte})")]
    Cut {
        /// What kind of record was expected.
        kind: &'static str,
        /// The line where the bytes end, counted from 1.
        line: usize,
        /// The column where they end, counted from 1.
        column: usize,
        /// The number of bytes there are.
        byte: usize,
    },
    /// The bytes are no such record.
    #[error("damaged {kind}: line {line}, column {column} (byte {byte}): {reason}")]
    Damaged {
        /// What kind of record was expected.
        kind: &'static str,
        /// The line where reading ended, counted from 1.
        line: usize,
        /// The column where reading ended, counted from 1.
        column: usize,
        /// The place in bytes from the start, counted from 0.
        byte: usize,
        /// What is wrong there, made visible.
        reason: String,
    },
    /// The file is larger than such a record may be.
    #[error("{kind} of {found} bytes: more than {limit} bytes are not read")]
    TooLarge {
        /// What kind of record was expected.
        kind: &'static str,
        /// Bytes there are.
        found: usize,
        /// Bytes that are read.
        limit: usize,
    },
}

/// What all records begin with.
#[derive(Deserialize)]
struct Preamble {
    schema: u64,
    kind: Option<String>,
}

/// Reads a record: size, schema, kind, then the rest. `expected` is both the record's `kind` and its name in messages;
/// `has_kind` says whether the record carries it.
pub(crate) fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    kind: &'static str,
    newest: u32,
    limit: usize,
) -> Result<T, RecordError> {
    if bytes.len() > limit {
        return Err(RecordError::TooLarge { kind, found: bytes.len(), limit });
    }
    let preamble: Preamble = serde_json::from_slice(bytes).map_err(|error| damaged(bytes, kind, &error))?;
    if preamble.kind.as_deref().is_some_and(|found| found != kind) {
        let found = visible_text(&preamble.kind.unwrap_or_default()).chars().take(100).collect();
        return Err(RecordError::Kind { expected: kind, found });
    }
    if preamble.schema > u64::from(newest) {
        return Err(RecordError::Newer { kind, found: preamble.schema, newest });
    }
    if preamble.schema == 0 {
        return Err(RecordError::NoSchema { kind });
    }
    serde_json::from_slice(bytes).map_err(|error| damaged(bytes, kind, &error))
}

fn damaged(bytes: &[u8], kind: &'static str, error: &serde_json::Error) -> RecordError {
    let (line, column) = (error.line(), error.column());
    let before: usize =
        bytes.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let byte = before.saturating_add(column.saturating_sub(1)).min(bytes.len());
    if error.is_eof() {
        return RecordError::Cut { kind, line, column, byte: bytes.len() };
    }
    let text = error.to_string();
    let reason = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    RecordError::Damaged { kind, line, column, byte, reason: visible_text(reason).chars().take(500).collect() }
}

/// A record as indented JSON with a newline at its end; the same record always gives the same bytes.
pub(crate) fn to_pretty<T: serde::Serialize>(record: &T) -> Vec<u8> {
    // Records hold maps with text keys alone and write to memory, so this cannot fail.
    let mut bytes = serde_json::to_vec_pretty(record).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// A record as one line of JSON; the same record always gives the same bytes.
pub(crate) fn to_line<T: serde::Serialize>(record: &T) -> Vec<u8> {
    // As above.
    let mut bytes = serde_json::to_vec(record).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
