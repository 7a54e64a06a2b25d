//! Why something in a case folder cannot be read, written or believed.

use crate::record::RecordError;
use kanshiki_model::visible_path;
use std::io;
use std::path::{Path, PathBuf};

/// Why something in a case folder cannot be read, written or believed. Paths are made visible when they are shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CustodyError {
    /// The operating system refused.
    #[error("cannot {action} `{}`", visible_path(path))]
    Io {
        /// What was tried: `read`, `create`, `sync`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("`{}` is in use by another run: wait until it ends, then try again", visible_path(path))]
    Locked {
        /// The folder whose lock is held.
        path: PathBuf,
    },
    /// The text is no identifier of an exhibit.
    #[error(
        "`{found}` is not an exhibit identifier: {reason}; expected 1 to 64 of the characters A-Z a-z 0-9 . _ - that do \
         not begin with . or - and do not end in .partial"
    )]
    ExhibitId {
        /// The text, made visible.
        found: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is a finished exhibit of this name.
    #[error("exhibit `{id}` exists in `{}` and is never replaced: choose another --exhibit", visible_path(case))]
    ExhibitExists {
        /// The exhibit's identifier.
        id: String,
        /// The case folder.
        case: PathBuf,
    },
    /// There is an unfinished exhibit of this name.
    #[error(
        "exhibit `{id}` in `{}` is not finished: go on with --resume, or choose another --exhibit",
        visible_path(case)
    )]
    PartialExists {
        /// The exhibit's identifier.
        id: String,
        /// The case folder.
        case: PathBuf,
    },
    /// There is no unfinished exhibit of this name.
    #[error("there is no unfinished exhibit `{id}` in `{}`: nothing to resume", visible_path(case))]
    NoPartial {
        /// The exhibit's identifier.
        id: String,
        /// The case folder.
        case: PathBuf,
    },
    /// The folder is no case folder.
    #[error("`{}` is not a case folder: it has no case.json", visible_path(path))]
    NoCase {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds other things than a case.
    #[error(
        "`{}` is not a case folder and not empty (it holds `{found}`): name a new or an empty folder",
        visible_path(path)
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// The name of something in it, made visible.
        found: String,
    },
    /// A text is longer than the custody log takes.
    #[error("the {field} has {found} bytes: the custody log takes at most {limit}")]
    TooLong {
        /// Which text.
        field: &'static str,
        /// Its length in bytes.
        found: usize,
        /// The longest that is taken, in bytes.
        limit: usize,
    },
    /// The case is closed.
    #[error(
        "the case `{}` is closed: `{act}` is not added before an entry `opened` says why it goes on",
        visible_path(case)
    )]
    NotAllowed {
        /// The act that was to be added.
        act: &'static str,
        /// The case folder.
        case: PathBuf,
    },
    /// The case has no folder `custody`, which it had from its beginning.
    #[error("the custody log of `{}` is missing: its folder `custody` was removed", visible_path(case))]
    LogMissing {
        /// The case folder.
        case: PathBuf,
    },
    /// The end of the custody log contradicts itself.
    #[error("the custody log of `{}` is damaged, nothing was added to it: {problem}", visible_path(case))]
    LogDamaged {
        /// The case folder.
        case: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// A record of the case cannot be believed.
    #[error("cannot use `{}`", visible_path(path))]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: RecordError,
    },
}

impl CustodyError {
    /// Wraps the operating system's refusal.
    pub(crate) fn io(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { action, path: path.to_owned(), source: source.into() }
    }

    /// Whether the operating system refused because a symbolic link lies in the place of a file or a folder.
    #[must_use]
    pub fn is_symbolic_link(&self) -> bool {
        let number = |source: &io::Error| source.raw_os_error();
        matches!(self, Self::Io { source, .. } if number(source) == Some(rustix::io::Errno::LOOP.raw_os_error()))
    }

    /// Whether the operating system refused for this reason.
    #[must_use]
    pub fn is_io(&self, kind: io::ErrorKind) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == kind)
    }
}
