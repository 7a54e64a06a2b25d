//! Copies files and trees out of a [`View`](kanshiki_filesystem::View) into a folder that they cannot leave, with a
//! manifest of everything that was asked for.
//!
//! ```text
//! OUT/
//!   files/…          the tree, under safe names
//!   inodes/…         what was asked for by inode
//!   deep/…           directories whose paths would be too long for programs, numbered
//!   manifest.jsonl   one JSON object a line: begin, one for each entry, one for each issue, end
//!   SHA256SUMS       the digests of all files, for `sha256sum -c`
//! ```
//!
//! Files have mode 0400, directories 0700. There are no links, no device nodes, no special bits: what cannot be copied
//! as a plain file is told in the manifest alone. A file gets its name when it is complete, the manifest when everything
//! is on the medium.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod copy;
mod error;
mod manifest;
pub mod names;
mod options;
mod output;
mod record;
mod work;

pub use error::ExtractError;
pub use options::{Custody, Extraction, Heading, Options, Wanted};
pub use record::{EntryRecord, Status};
pub use work::extract;

/// The name of the manifest in the output folder.
pub const MANIFEST_NAME: &str = "manifest.jsonl";

/// The version of the manifest's records.
pub const SCHEMA: u32 = 1;
