//! What a verification is asked to do, and what it found.

use kanshiki_model::{ByteRange, ByteRanges, Digest};
use serde::Serialize;
use std::path::PathBuf;

/// What a verification is asked to do.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// A case folder, an exhibit's folder, or an image.
    pub target: PathBuf,
    /// Compare by leaves alone, on all cores.
    pub quick: bool,
    /// Only these bytes of the image.
    pub range: Option<ByteRange>,
    /// The digest of an image without manifest.
    pub sha256: Option<Digest>,
    /// Enter the verification in the custody log.
    pub record: bool,
    /// Who verifies; for the custody log.
    pub who: Option<String>,
}

/// The answer of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything was compared and nothing differs.
    Intact,
    /// What was compared is intact; not everything was compared.
    Partial,
    /// Something cannot be read or is of a newer version, so there is no answer.
    Impossible,
    /// Something differs, is missing or was added.
    Differs,
}

/// What a verification found.
#[derive(Debug, Clone, Serialize)]
pub struct VerifyReport {
    /// Version of this report.
    pub schema: u32,
    /// The target, made visible.
    pub target: String,
    /// The worst of all answers.
    pub verdict: Verdict,
    /// One for each exhibit or image.
    pub exhibits: Vec<ExhibitReport>,
    /// What the check of the custody log found; `null` where there is none.
    pub custody: Option<CustodyReport>,
    /// What was not looked at, and why.
    pub not_compared: Vec<String>,
    /// Why the verification could not be entered in the custody log; `null` if it was, or was not to be.
    pub not_recorded: Option<String>,
    /// The medium of the case is read-only, so that nothing can be entered there: no fault, but to be known.
    pub read_only_medium: bool,
}

/// What the verification of one exhibit or image found.
#[derive(Debug, Clone, Serialize)]
pub struct ExhibitReport {
    /// The exhibit's identifier, or the image's path, made visible.
    pub exhibit: String,
    /// The answer.
    pub verdict: Verdict,
    /// Bytes of the image that were read and compared.
    pub compared_bytes: u64,
    /// Digests that were worked out anew, by algorithm, in hexadecimal.
    pub digests: std::collections::BTreeMap<String, String>,
    /// SHA-256 of `manifest.json` as it is now, in hexadecimal.
    pub manifest_sha256: Option<String>,
    /// The bytes of the image that differ, as far as the leaves tell.
    pub differing: ByteRanges,
    /// The bytes of the image that its medium does not give now.
    pub unread: ByteRanges,
    /// The bytes that were unreadable when the image was made, of those that were to be compared.
    pub unreadable: ByteRanges,
    /// Every difference, missing or added file, in plain words.
    pub problems: Vec<String>,
    /// What is to be known, but is no difference.
    pub notes: Vec<String>,
    /// What of it could not be compared, and why.
    pub not_compared: Vec<String>,
    /// Why the range that was asked for is none of this image's, if it is not.
    #[serde(skip)]
    pub(super) out_of_range: Option<String>,
}

/// What the check of the custody log found.
#[derive(Debug, Clone, Serialize)]
pub struct CustodyReport {
    /// The answer.
    pub verdict: Verdict,
    /// The number of entries.
    pub entries: u64,
    /// SHA-256 of the last entry's file, in hexadecimal.
    pub head: Option<String>,
    /// Every change, removal or cut, in plain words.
    pub problems: Vec<String>,
    /// What is to be known, but is no sign of a change.
    pub notes: Vec<String>,
}
