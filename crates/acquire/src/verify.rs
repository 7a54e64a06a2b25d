//! From the image back to the proof.

mod report;

pub use report::{CustodyReport, ExhibitReport, Verdict, VerifyOptions, VerifyReport};

use kanshiki_model::{Clock, Progress};

/// Why there is no answer at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The target is no case, exhibit or image.
    #[error("cannot verify `{target}`: {reason}")]
    Target {
        /// The target, made visible.
        target: String,
        /// Why.
        reason: String,
    },
    /// The work was asked to stop.
    #[error("interrupted; nothing was compared in full")]
    Interrupted,
}

/// Compares an image, an exhibit or a whole case with its record.
///
/// # Errors
///
/// [`VerifyError`] if the target is none of these, or the work was interrupted.
pub fn verify(
    options: &VerifyOptions,
    _clock: &dyn Clock,
    _progress: &dyn Progress,
) -> Result<VerifyReport, VerifyError> {
    Err(VerifyError::Target { target: options.target.display().to_string(), reason: "not written yet".to_owned() })
}
