//! Why an acquisition did not come to its end.

use kanshiki_model::{shell_word, visible_path};
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
    #[error("interrupted with {done_bytes}{} bytes done", total_bytes.map_or(String::new(), |total| format!(" of {total}")))]
    Interrupted {
        /// Bytes of the image that are done.
        done_bytes: u64,
        /// The length of the source in bytes, where it is known.
        total_bytes: Option<u64>,
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
    #[error("cannot write to `{}`", visible_path(path))]
    Destination {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// What was written is not what was read.
    #[error("`{}` differs from what was read from the source: {detail}", visible_path(path))]
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
            // Not EPERM, which stands in the way of root too.
            Self::Source { source, .. } if source.raw_os_error() == Some(rustix::io::Errno::ACCESS.raw_os_error()) => {
                Some("run as root, or let your group read it".to_owned())
            }
            Self::Destination { .. } | Self::Custody(_) if self.is_for_want_of_room() => {
                Some("make room, then the same command with --resume goes on".to_owned())
            }
            Self::Source { source, .. }
                if source.kind() == io::ErrorKind::NotFound && source.raw_os_error().is_none() =>
            {
                Some("bring the missing part, or copy what is there under names without numbers".to_owned())
            }
            Self::Source { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("`kanshiki acquire --list` shows the disks that there are".to_owned())
            }
            Self::Custody(kanshiki_custody::CustodyError::LogDamaged { .. }) => {
                Some("`kanshiki custody check` tells what does not fit; begin in another --case".to_owned())
            }
            Self::Custody(kanshiki_custody::CustodyError::Io { action: "create", path, source })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some(missing_parent(path)?)
            }
            Self::Custody(_)
                if self.has_reason(&[io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::PermissionDenied]) =>
            {
                Some("take a --case in a place that can be written".to_owned())
            }
            Self::ReadBack { .. } => {
                let what = "the medium of the copy may be failing: the same command with --resume reads what differs from the source again; if it differs again, take another medium";
                Some(what.to_owned())
            }
            Self::Destination { .. } => {
                Some("when the destination can be written again, the same command with --resume goes on".to_owned())
            }
            _ => None,
        }
    }

    /// Whether the operating system's reason, below whatever was tried, is that there is no room.
    fn is_for_want_of_room(&self) -> bool {
        self.has_reason(&[io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded])
    }

    /// Whether the operating system's reason, below whatever was tried, is one of these.
    fn has_reason(&self, kinds: &[io::ErrorKind]) -> bool {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        let mut reasons = causes.filter_map(|cause| cause.downcast_ref::<io::Error>());
        reasons.any(|reason| kinds.contains(&reason.kind()))
    }
}

/// What to do about a folder that cannot be made because one above it is not there. It is not made unasked: the disk that
/// should hold it may not be mounted.
fn missing_parent(path: &std::path::Path) -> Option<String> {
    use std::os::unix::ffi::OsStrExt as _;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists())?;
    let (shown, word) = (visible_path(parent), shell_word(parent.as_os_str().as_bytes()));
    Some(format!("there is no folder `{shown}`: mount the disk that holds it, or make it with `mkdir -p {word}`"))
}

/// An error with all its causes on one line, each of them said once; the operating system's reasons without their
/// numbers.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |cause| cause.source());
    let mut said: Vec<String> = causes.map(said).collect();
    said.dedup();
    said.join(": ")
}

fn said(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    match error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
        Some(number) => {
            let text = text.trim_end_matches(&format!(" (os error {number})"));
            let mut letters = text.chars();
            let first = letters.next().map(|first| first.to_lowercase().collect::<String>());
            first.map_or_else(String::new, |first| format!("{first}{}", letters.as_str()))
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_of_room_is_told_with_what_to_do_however_deep_it_lies() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let custody =
            || kanshiki_custody::CustodyError::Io { action: "write", path: PathBuf::from("x"), source: full() };
        let path = PathBuf::from("x");
        let errors = [
            AcquireError::Destination { path: path.clone(), source: full() },
            AcquireError::Destination { path: path.clone(), source: io::Error::other(custody()) },
            AcquireError::Custody(custody()),
        ];
        for error in errors {
            assert_eq!(error.hint().unwrap(), "make room, then the same command with --resume goes on");
        }
        let read_back = AcquireError::ReadBack { path: path.clone(), detail: "x".to_owned() };
        assert!(read_back.hint().unwrap().contains("--resume reads what differs"));
        let source = io::Error::from(io::ErrorKind::ReadOnlyFilesystem);
        let hint = AcquireError::Destination { path, source }.hint().unwrap();
        assert!(hint.starts_with("when the destination can be written again"), "{hint}");
    }
    #[test]
    fn all_causes_stand_on_one_line() {
        let full = io::Error::from_raw_os_error(28);
        let source = kanshiki_custody::CustodyError::Io { action: "write", path: PathBuf::from("x"), source: full };
        let error = AcquireError::Destination { path: PathBuf::from("y"), source: io::Error::other(source) };
        assert_eq!(with_causes(&error), "cannot write to `y`: cannot write `x`: no space left on device");
    }
}
