//! What is asked for, and what came of it.

use kanshiki_model::{EvidencePath, Issue};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Something that is to be copied out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A file, or a directory with all that is in it. A symbolic link in the last place is not followed.
    Path(EvidencePath),
    /// An inode, deleted or not.
    Inode {
        /// The volume, as its index in the view.
        volume: usize,
        /// The inode's number.
        inode: u64,
    },
}

/// The custody log in which the extraction is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custody {
    /// The case folder.
    pub case: PathBuf,
    /// Who extracts.
    pub who: String,
    /// The program with its version.
    pub tool: String,
    /// What was extracted from, such as the path of the image, made visible.
    pub from: String,
    /// Where what was extracted is said to be, if it is put there afterwards; `None` where it is written.
    pub to: Option<PathBuf>,
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What to copy. What lies inside something else of the list is copied once.
    pub wanted: Vec<Wanted>,
    /// The most bytes of content to write, holes not counted; `None` for twice the bytes of the volumes, so that a disk
    /// built to harm cannot fill another one.
    pub max_bytes: Option<u64>,
    /// Whether the manifest tells where each file's bytes lie.
    pub extents: bool,
    /// Where to enter the extraction.
    pub custody: Option<Custody>,
}

/// What the manifest begins with, beside its own fields: program, image, command line.
pub type Heading = Map<String, Value>;

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Extraction {
    /// Entries of the manifest.
    pub entries: u64,
    /// Files that were written whole.
    pub files: u64,
    /// Files that were written with zeroes for what could not be read, or whose digest is missing.
    pub partial: u64,
    /// Files that could not be written at all, or were left out because of a limit.
    pub failed: u64,
    /// Directories that were made.
    pub directories: u64,
    /// Entries that stand in the manifest alone by their nature: links, devices, pipes, sockets.
    pub listed: u64,
    /// Bytes of content that were written, holes not counted.
    pub bytes: u64,
    /// How many issues there were; the manifest has them all.
    pub issues: u64,
    /// The first issues.
    pub first_issues: Vec<Issue>,
    /// Whether the work was stopped before its end.
    pub interrupted: bool,
    /// SHA-256 of the manifest in hexadecimal.
    pub manifest_sha256: String,
    /// The number of the entry in the custody log.
    pub custody_entry: Option<u64>,
}

impl Extraction {
    /// Whether all that was asked for is there.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.partial == 0 && self.failed == 0 && self.issues == 0 && !self.interrupted
    }
}
