//! Why a filesystem, a node or a part of one cannot be given.

use kanshiki_image::ReadError;
use kanshiki_model::{ByteRange, Issue};

/// Why a filesystem, a node or a part of one cannot be given. Offsets are in bytes from the start of the volume.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FsError {
    /// The bytes contradict themselves.
    #[error("damaged {structure}{}, byte {offset}: {detail}", of_inode(*.inode))]
    Damaged {
        /// The structure that is damaged, such as `extent header` or `directory entry`.
        structure: &'static str,
        /// The inode that it belongs to, if it belongs to one.
        inode: Option<u64>,
        /// Where the structure lies.
        offset: u64,
        /// What was expected and what was found.
        detail: String,
    },
    /// Valid, but beyond this reader.
    #[error("not supported{}: {detail}", of_inode(*.inode))]
    Unsupported {
        /// The inode that needs it, if it is not the whole filesystem.
        inode: Option<u64>,
        /// The feature by name, and what that means.
        detail: String,
    },
    /// The medium did not give the bytes.
    #[error("cannot read {structure}{}, byte {offset}", of_inode(*.inode))]
    Unreadable {
        /// The structure that was to be read.
        structure: &'static str,
        /// The inode that it belongs to, if it belongs to one.
        inode: Option<u64>,
        /// Where the structure lies.
        offset: u64,
        /// The reader's reason.
        #[source]
        source: ReadError,
    },
    /// There is no such inode.
    #[error("no inode {inode}: they go from 1 to {highest}")]
    NoInode {
        /// The number that was asked for.
        inode: u64,
        /// The highest number that there is.
        highest: u64,
    },
    /// The inode now holds another node than the one that was asked for.
    #[error("inode {inode} has generation {found}, not {expected}: it was used again")]
    Reused {
        /// The inode.
        inode: u64,
        /// The generation that was asked for.
        expected: u32,
        /// The generation that the disk holds.
        found: u32,
    },
    /// The node is of another type than the question needs.
    #[error("inode {inode} is no {expected}")]
    WrongType {
        /// The inode.
        inode: u64,
        /// What it would have to be, such as `directory`.
        expected: &'static str,
    },
}

fn of_inode(inode: Option<u64>) -> String {
    inode.map(|inode| format!(" of inode {inode}")).unwrap_or_default()
}

impl FsError {
    /// Where in the volume the trouble lies, in bytes, if it lies at a place.
    #[must_use]
    pub const fn offset(&self) -> Option<u64> {
        match self {
            Self::Damaged { offset, .. } | Self::Unreadable { offset, .. } => Some(*offset),
            _ => None,
        }
    }

    /// The same as an issue of the volume `subject`, which is already made visible.
    #[must_use]
    pub fn issue(&self, subject: &str) -> Issue {
        let mut message = self.to_string();
        if let Self::Unreadable { source, .. } = self {
            message = format!("{message}: {source}");
        }
        match self.offset() {
            Some(offset) => Issue::at(subject, ByteRange::new(offset, offset.saturating_add(1)), message),
            None => Issue::new(subject, message),
        }
    }
}
