//! The record of one acquisition, `manifest.json`.
//!
//! Everything that differs between two undisturbed runs over the same source lies under [`Manifest::run`]; the rest is
//! the same, byte for byte, whether the run was interrupted or not.

mod consistency;
#[cfg(test)]
pub(crate) mod tests;
mod text;

pub use text::{RANGES_SHOWN, to_text};

use crate::record::{self, RecordError};
use kanshiki_model::{Algorithm, ByteRanges, Facts, Issue, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the manifest that this program writes, and the newest that it reads.
pub const SCHEMA: u32 = 1;

/// What [`Manifest::kind`] says.
pub const KIND: &str = "kanshiki manifest";

/// The name of the file in an exhibit's folder.
pub const FILE_NAME: &str = "manifest.json";

/// The name of the same record for people and paper in an exhibit's folder; see [`to_text`].
pub const TEXT_FILE_NAME: &str = "manifest.txt";

/// Bytes that a manifest may have.
pub const LIMIT: usize = 64 << 20;

/// Why bytes are no manifest that this program can believe.
pub type ManifestError = RecordError;

/// Digests in lower-case hexadecimal by their algorithm.
pub type Digests = BTreeMap<Algorithm, String>;

/// The record of one acquisition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this record, [`SCHEMA`].
    pub schema: u32,
    /// Always `kanshiki manifest`.
    pub kind: String,
    /// The exhibit's identifier.
    pub exhibit: String,
    /// The case's name.
    pub case: String,
    /// Examiner, witness, authority, reason, place: what the operator told.
    pub people: Facts,
    /// What was copied.
    pub source: SourceRecord,
    /// The copy.
    pub image: ImageRecord,
    /// The files of the exhibit that hold the image, its leaves and its map.
    pub outputs: Vec<Output>,
    /// What reading the copy back gave.
    pub verification: Verification,
    /// The program, its options, the digest of its running binary.
    pub tool: Facts,
    /// The machine on which it ran.
    pub host: Facts,
    /// What could not be done or must be known.
    pub issues: Vec<Issue>,
    /// What differs from run to run.
    pub run: Run,
}

impl Manifest {
    /// Reads the bytes of a `manifest.json`: its schema first, so that a newer one is told from a damaged one.
    ///
    /// # Errors
    ///
    /// [`ManifestError::Newer`], [`ManifestError::Kind`], [`ManifestError::Cut`], [`ManifestError::Damaged`] with the
    /// place, [`ManifestError::TooLarge`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        record::parse(bytes, KIND, SCHEMA, LIMIT)
    }

    /// The bytes of the `manifest.json`; the same manifest always gives the same bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        record::to_pretty(self)
    }
}

/// What kind of thing was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A block device.
    Device,
    /// A regular file.
    File,
    /// A raw image in numbered parts.
    Split,
    /// Standard input.
    Stream,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// What kind of thing it is.
    pub kind: SourceKind,
    /// Its path as it was resolved, made visible; `-` for standard input.
    pub path: String,
    /// Its length in bytes when the acquisition began; for standard input, the bytes that it gave.
    pub bytes: u64,
    /// The unit in which unreadable places are told, in bytes.
    pub sector_bytes: u64,
    /// Whether it was in use while it was read, by permission of the operator.
    pub live: bool,
    /// Vendor, model, serial number and the like.
    pub facts: Facts,
    /// Partition table, signatures; see `kanshiki_image::layout::Layout`. `null` where it could not be read.
    pub layout: serde_json::Value,
    /// How the source was kept from being written, and what that does and does not protect from.
    pub protection: Facts,
    /// Whether, and where, the source changed while it was read.
    pub change: Change,
}

/// Whether the source changed while it was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What was compared, over all sessions: `size`, `identity`, `first and last sectors`, `disk sequence number`,
    /// `sectors written`, `sectors discarded`, `times of the files`, `every leaf`.
    pub compared: Vec<String>,
    /// What differed, in plain words; empty if nothing did.
    pub differences: Vec<String>,
    /// The bytes whose leaves differed in a second reading.
    pub ranges: ByteRanges,
}

/// How an image is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The bytes as they are, runs of zeroes as holes: `image.raw`.
    Raw,
    /// The bytes as they are in parts of one size: `image.raw.001` and so on.
    Split,
    /// Zstandard seekable format with one frame for each MiB: `image.raw.zst`.
    Zstd,
}

/// The copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// How it is stored.
    pub format: Format,
    /// Its length in bytes, when it is opened.
    pub bytes: u64,
    /// Digests of all its bytes, zeroes in the place of unreadable bytes among them. SHA-256 is always there.
    pub digests: Digests,
    /// Digests of the readable bytes alone, one after the other; only where there are unreadable bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub readable_digests: Option<Digests>,
    /// The bytes that the source did not give, filled with zeroes in the image.
    pub unreadable: ByteRanges,
    /// The number of those bytes.
    pub unreadable_bytes: u64,
    /// Bytes in one leaf of `image.leaves`.
    pub leaf_bytes: u64,
    /// The number of leaves.
    pub leaves: u64,
    /// The RFC 6962 root over the leaves, SHA-256 in hexadecimal.
    pub leaves_root: String,
}

/// One file of the exhibit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its name within the exhibit's folder.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Whether the medium confirmed that the bytes are on it (`fsync`).
    pub synced: bool,
}

/// What reading the copy back gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The result.
    pub result: VerificationResult,
    /// How the bytes were read: `direct` past the page cache, `dropped` after the cache gave them up, `cached` on a
    /// medium without either, `none`.
    pub reading: String,
}

/// The result of reading the copy back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerificationResult {
    /// The copy was read again, and its leaves and digests are those of the acquisition.
    Verified,
    /// The operator asked for no reading back.
    Skipped,
}

/// What differs from run to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When the acquisition began, in its first session.
    pub started: Timestamp,
    /// When the image was complete.
    pub ended: Timestamp,
    /// One entry for the first session and for each that took the work up again.
    pub sessions: Vec<Session>,
    /// System clock, zone, hardware clock, NTP state.
    pub clock: Facts,
    /// Mounts, holders, read-only flags and write counters before the first read.
    pub state_before: Facts,
    /// The same after the last read.
    pub state_after: Facts,
    /// Errors, retries and rates of the reading.
    pub reading: Facts,
    /// The destination: its path, filesystem, and the device it lies on.
    pub destination: Facts,
}

/// One uninterrupted piece of an acquisition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// When it began.
    pub started: Timestamp,
    /// When it ended; absent if it was cut off.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<Timestamp>,
    /// How it ended: `complete`, `interrupted`, `failed: …`, or `cut off`.
    pub end: String,
    /// Bytes of the image that earlier sessions had left and whose leaves were confirmed.
    pub taken_over_bytes: u64,
}
