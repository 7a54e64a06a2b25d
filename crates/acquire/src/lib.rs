//! From a disk to a verified image, and back from the image to the proof.

mod destination;
pub mod device;
mod error;
mod hashers;
pub mod host;
mod ioctl;
pub mod list;
mod options;
mod reread;
mod session;
mod source;
mod stream;
pub mod verify;
mod writers;

pub use error::AcquireError;
pub use options::{AcquireOptions, FinishedCopy, Outcome, SPLIT_BYTES, SourcePath, ZSTD_LEVEL};
pub use session::acquire;

/// The program as the custody log names it.
fn tool_name() -> String {
    format!("kanshiki {}", env!("CARGO_PKG_VERSION"))
}
