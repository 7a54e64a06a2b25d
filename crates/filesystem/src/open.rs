//! Opening a filesystem, whichever it is.

use crate::{FileSystem, FsError, JournalUse, ext4};
use kanshiki_image::{ReadAt, Source};
use std::sync::Arc;

/// How to open a filesystem.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// What to do with a journal that holds transactions.
    pub journal: JournalUse,
}

/// A filesystem that was opened, or why it could not be.
pub type OpenResult = Result<Arc<dyn FileSystem>, FsError>;

/// A kind of filesystem that can be opened.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The name of the kind.
    pub name: &'static str,
    /// Whether the volume looks like one of this kind.
    pub probe: fn(&dyn ReadAt) -> bool,
    /// Opens it.
    pub open: fn(Source, &OpenOptions) -> OpenResult,
}

/// Every kind of filesystem that can be opened, in the order in which they are tried.
pub const FILESYSTEMS: &[Kind] = &[Kind { name: "ext2, ext3, ext4", probe: ext4::probe, open: ext4::open }];

/// Opens the filesystem of a volume.
///
/// # Errors
///
/// What the kind's `open` returns; [`FsError::Unsupported`] if it looks like none of [`FILESYSTEMS`].
pub fn open(source: Source, options: &OpenOptions) -> Result<Arc<dyn FileSystem>, FsError> {
    match FILESYSTEMS.iter().find(|kind| (kind.probe)(source.as_ref())) {
        Some(kind) => (kind.open)(source, options),
        None => {
            let names: Vec<&str> = FILESYSTEMS.iter().map(|kind| kind.name).collect();
            let detail = format!("no filesystem that can be read here ({}) was found", names.join(", "));
            Err(FsError::Unsupported { inode: None, detail })
        }
    }
}
