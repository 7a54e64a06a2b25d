//! What an acquisition is asked to do, and what came of it.

use kanshiki_custody::manifest::{Format, Manifest};
use kanshiki_model::{Algorithm, Facts};
use std::path::PathBuf;
use std::time::Duration;

/// The level of zstd unless another is asked for: fast enough to keep up with a disk.
pub const ZSTD_LEVEL: i32 = 1;

/// The size of a part of a split image unless another is asked for, in bytes.
pub const SPLIT_BYTES: u64 = 2 << 30;

/// What is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourcePath {
    /// A block device, a regular file, or the first part of a split raw image.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

/// What an acquisition is asked to do.
#[derive(Debug, Clone)]
pub struct AcquireOptions {
    /// What is copied.
    pub source: SourcePath,
    /// How many bytes standard input must give; `None` to take its end for the end of the source.
    pub stream_bytes: Option<u64>,
    /// The case folder; made if it is not there.
    pub case: PathBuf,
    /// More case folders that get the same exhibit in the same pass.
    pub also: Vec<PathBuf>,
    /// The exhibit's identifier; see `kanshiki_custody::check_exhibit_id`.
    pub exhibit: String,
    /// How the image is stored.
    pub format: Format,
    /// Bytes in a part of a split image.
    pub split_bytes: u64,
    /// The level of zstd, 1 to 19.
    pub zstd_level: i32,
    /// Digests besides SHA-256 and the leaves, which are always made.
    pub algorithms: Vec<Algorithm>,
    /// How often an unreadable sector is tried again at the end.
    pub retries: u32,
    /// Copy even what is mounted or held by another.
    pub live: bool,
    /// Read the finished image back from its medium.
    pub verify: bool,
    /// Go on with the unfinished exhibit.
    pub resume: bool,
    /// Read the source a second time and compare every leaf.
    pub twice: bool,
    /// Refuse a destination without room for the whole source.
    pub check_room: bool,
    /// How long the source may answer nothing, neither bytes nor an error, before the work ends, resumable.
    pub patience: Duration,
    /// Examiner, reason, place, witness, authority.
    pub people: Facts,
    /// The words of the command line, made visible.
    pub command_line: Vec<String>,
    /// The commit from which the program was built, where it is known.
    pub commit: Option<String>,
}

/// What came of an acquisition that ended with a manifest.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The finished copies, in the order in which their cases were given; at least one.
    pub copies: Vec<FinishedCopy>,
    /// Why this is not a full success although there is a manifest: sectors unreadable, source changed, a destination
    /// lost, copies that are not the same. Empty if all is well.
    pub reservations: Vec<String>,
}

/// A copy that is complete, in its own case.
#[derive(Debug, Clone)]
pub struct FinishedCopy {
    /// The exhibit's folder.
    pub folder: PathBuf,
    /// What its `manifest.json` says.
    pub manifest: Manifest,
    /// SHA-256 of its `manifest.json`, in hexadecimal.
    pub manifest_sha256: String,
    /// Whether it was complete before, so that nothing was copied to it or verified now.
    pub complete_before: bool,
}

impl Outcome {
    /// Whether all copies were complete before.
    #[must_use]
    pub fn already_complete(&self) -> bool {
        self.copies.iter().all(|copy| copy.complete_before)
    }
}
