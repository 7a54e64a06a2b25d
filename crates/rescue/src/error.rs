//! Why something was not done.

use std::io;
use std::path::PathBuf;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RescueError {
    /// The kernel's messages about devices cannot be heard.
    #[error("cannot listen to the kernel's messages about devices")]
    Listen(#[source] io::Error),
    /// A file in memory cannot be read or written.
    #[error("cannot use {}", kanshiki_model::visible_path(path))]
    State {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// A device cannot be asked or set.
    #[error("cannot {doing} {device}")]
    Device {
        /// What was tried.
        doing: &'static str,
        /// The device, made visible.
        device: String,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// A disk may not become a destination.
    #[error("{device} stays read-only: {reason}")]
    Refused {
        /// The device, made visible.
        device: String,
        /// Why.
        reason: String,
    },
}
