//! The leaves of an image: one BLAKE3 digest for every MiB, and the root of the tree over them.
//!
//! | bytes | field of `image.leaves`, little endian |
//! | --- | --- |
//! | 0-15 | `KANSHIKI LEAVES\n` |
//! | 16-19 | version, 1 |
//! | 20-23 | algorithm, 1: BLAKE3 with 32 bytes |
//! | 24-31 | bytes of the image in a leaf, 1,048,576 |
//! | 32-39 | bytes of the image; all ones while it is not finished |
//! | 40-63 | zero |
//! | 64-95 | root: RFC 6962 Merkle Tree Hash whose entries are the leaves; zero while it is not finished |
//! | 96- | 32 bytes for each leaf, the last of which may cover less; all zero while not known |

mod header;
mod reader;
mod writer;

pub use header::{HEADER_BYTES, Header};
pub use reader::Leaves;
pub use writer::LeafFile;

use kanshiki_model::{ByteRange, Digest};
use std::io;

/// Bytes of the image in one leaf; the last leaf may cover less.
pub const LEAF_BYTES: u64 = 1 << 20;

/// Bytes of one leaf's digest.
pub const DIGEST_BYTES: u64 = 32;

/// The name of the file in an exhibit's folder.
pub const FILE_NAME: &str = "image.leaves";

/// A digest of one leaf, 32 bytes.
pub type LeafDigest = [u8; 32];

/// The digest of a leaf's bytes: BLAKE3.
#[must_use]
pub fn leaf_digest(bytes: &[u8]) -> LeafDigest {
    blake3::hash(bytes).into()
}

/// The number of leaves of an image of so many bytes.
#[must_use]
pub const fn leaf_count(image_bytes: u64) -> u64 {
    image_bytes.div_ceil(LEAF_BYTES)
}

/// The bytes of the image that leaf number `index` covers.
#[must_use]
pub fn leaf_range(index: u64, image_bytes: u64) -> ByteRange {
    let start = index.saturating_mul(LEAF_BYTES);
    ByteRange::new(start, start.saturating_add(LEAF_BYTES).min(image_bytes))
}

/// What a finished leaf file says about the image as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    /// Bytes of the image.
    pub image_bytes: u64,
    /// The RFC 6962 Merkle Tree Hash over the leaves.
    pub hash: [u8; 32],
}

impl Root {
    /// The number of leaves.
    #[must_use]
    pub const fn leaves(&self) -> u64 {
        leaf_count(self.image_bytes)
    }

    /// The hash as a SHA-256 digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::sha256(self.hash)
    }
}

/// Why a leaf file cannot be read, written or believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeavesError {
    /// The operating system refused.
    #[error("cannot {action} the leaf file at byte {offset}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where, in bytes from the start of the leaf file.
        offset: u64,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// The file does not begin as a leaf file does.
    #[error("no leaf file: it does not begin with `KANSHIKI LEAVES`")]
    Magic,
    /// The file was made by a newer version of the program.
    #[error("leaf file of version {found}, made by a newer version of kanshiki: this one reads version 1")]
    Version {
        /// The version found.
        found: u32,
    },
    /// A field of the header has a value that version 1 does not know.
    #[error("damaged leaf file: {field} at byte {offset} is {found}, expected {expected}")]
    Header {
        /// The name of the field.
        field: &'static str,
        /// Where it lies, in bytes from the start of the leaf file.
        offset: u64,
        /// The value of version 1.
        expected: u64,
        /// The value found.
        found: u64,
    },
    /// The file is shorter or longer than the image's length demands.
    #[error("damaged leaf file: it has {found} bytes, an image of {image_bytes} bytes needs {expected}")]
    Length {
        /// Bytes of the image.
        image_bytes: u64,
        /// Bytes that the leaf file should have.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// The image was not finished.
    #[error("the leaf file is of an unfinished image")]
    Unfinished,
    /// A leaf is not known.
    #[error("leaf {index} is not known")]
    Unknown {
        /// The number of the leaf, counted from 0.
        index: u64,
    },
    /// There is no such leaf.
    #[error("there is no leaf {index}: the image has {count}")]
    OutOfRange {
        /// The number that was asked for.
        index: u64,
        /// The number of leaves.
        count: u64,
    },
    /// The leaves are not those from which the root was made.
    #[error("damaged leaf file: its leaves have the root {found}, its header says {expected}")]
    Root {
        /// The root in the header.
        expected: Digest,
        /// The root of the leaves.
        found: Digest,
    },
}

/// Where leaf number `index` lies, in bytes from the start of the leaf file.
const fn leaf_offset(index: u64) -> u64 {
    index.saturating_mul(DIGEST_BYTES).saturating_add(HEADER_BYTES)
}
