//! Why an acquisition did not come to its end.

use std::io;
use std::path::PathBuf;

/// Why an acquisition did not come to its end. Paths are made visible when they are shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// The source may not be read as it stands.
    #[error("cannot image `{path}`: {reason}")]
    Refused {
        /// The source or destination, made visible.
        path: String,
        /// Why.
        reason: String,
        /// What would help, if there is one thing.
        hint: Option<String>,
    },
    /// The source cannot be opened or asked.
    #[error("cannot open `{path}`")]
    Source {
        /// The source, made visible.
        path: String,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// The work was asked to stop; `--resume` takes it up.
    #[error("interrupted with {done_bytes} of {total} bytes done")]
    Interrupted {
        /// Bytes of the image that are done.
        done_bytes: u64,
        /// The length of the source in bytes, or `unknown`.
        total: String,
    },
    /// The source is gone or gives nothing; `--resume` takes it up when it is back.
    #[error("the source stopped at byte {offset}: {reason}")]
    SourceLost {
        /// Where, in bytes.
        offset: u64,
        /// What happened.
        reason: String,
    },
    /// No destination is left that can be written.
    #[error("cannot write to `{path}`")]
    Destination {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// What was written is not what was read.
    #[error("`{path}` differs from what was read from the source: {detail}")]
    ReadBack {
        /// The image.
        path: PathBuf,
        /// Which bytes, and how.
        detail: String,
    },
    /// The case folder.
    #[error(transparent)]
    Custody(#[from] kanshiki_custody::CustodyError),
    /// The program broke its own rules.
    #[error("internal error: {0}")]
    Internal(String),
}

impl AcquireError {
    /// What would help, if there is one thing.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { hint, .. } => hint.clone(),
            Self::Interrupted { .. } => Some("the same command with --resume goes on".to_owned()),
            Self::SourceLost { .. } => {
                Some("when the source is back, the same command with --resume goes on".to_owned())
            }
            Self::Source { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("run as root, or let your group read the device".to_owned())
            }
            Self::Destination { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("make room, then the same command with --resume goes on".to_owned())
            }
            _ => None,
        }
    }
}
