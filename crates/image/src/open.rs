//! Opening an image whatever its format.

use crate::ReadError;

/// Why an image cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The image contradicts itself.
    #[error("damaged {structure} at byte {offset} of the image: {detail}")]
    Damaged {
        /// The structure that is damaged.
        structure: &'static str,
        /// Where it lies, in bytes from the start of the image file.
        offset: u64,
        /// What was expected and what was found.
        detail: String,
    },
    /// The image is valid as far as it goes, but beyond this reader.
    #[error("this {format} image is not supported: {detail}")]
    Unsupported {
        /// The format's name.
        format: &'static str,
        /// What is not supported, and what to do.
        detail: String,
    },
    /// The image file could not be read.
    #[error("cannot read the image")]
    Read(#[from] ReadError),
}
