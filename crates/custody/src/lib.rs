//! The case folder: exhibits with their manifests and leaves, the custody log, and the checks of all of them.
#![forbid(unsafe_code)]

pub mod case;
mod error;
mod input;
pub mod leaves;
pub mod log;
pub mod manifest;
pub mod map;
pub mod merkle;
mod output;
mod record;
mod schema;
pub mod sums;

pub use case::{Case, CaseRecord, check_exhibit_id};
pub use error::CustodyError;
pub use input::{open_regular, read_small};
pub use log::{Act, ActKind, CustodyLog, Entry, LogCheck, LogVerdict, Subject};
pub use manifest::{Manifest, ManifestError};
pub use map::{MapError, MapPhase, MapStatus, Mapfile};
pub use output::{LockGuard, OutputDir, is_temporary_name};
pub use record::RecordError;
pub use schema::{CASE_SCHEMA, CUSTODY_ENTRY_SCHEMA, CUSTODY_HEAD_SCHEMA, MANIFEST_SCHEMA};
pub use sums::SumsError;

/// The SHA-256 of some bytes in lower-case hexadecimal.
#[must_use]
pub fn hex_sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    kanshiki_model::Digest::sha256(sha2::Sha256::digest(bytes).into()).to_hex()
}
