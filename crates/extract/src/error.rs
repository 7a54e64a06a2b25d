//! Why nothing, or not everything, could be extracted.

use kanshiki_custody::CustodyError;
use kanshiki_filesystem::{FsError, LookupError};
use std::io;
use std::path::{Path, PathBuf};

/// Why nothing could be extracted, or why the work ended early. What concerns one file alone is no error: it stands in
/// the manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The operating system refused something in the output folder.
    #[error("cannot {action} `{}`", path.display())]
    Output {
        /// What was tried: `create`, `write`, `sync`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// There is something in the output folder.
    #[error("`{}` is not empty: name a folder that does not exist or is empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The output folder lies inside the case folder.
    #[error("`{}` lies inside the case folder, where only exhibits and the log belong", path.display())]
    InsideCase {
        /// The output folder.
        path: PathBuf,
    },
    /// A path that was asked for leads to nothing.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// An inode that was asked for cannot be given.
    #[error("cannot extract inode {inode}")]
    Inode {
        /// The inode.
        inode: u64,
        /// The filesystem's reason.
        #[source]
        source: FsError,
    },
    /// The case or its log cannot be used.
    #[error(transparent)]
    Custody(#[from] CustodyError),
}

impl ExtractError {
    pub(crate) fn output(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Output { action, path: path.to_owned(), source: source.into() }
    }
}
