//! The first 96 bytes of a leaf file.

use super::{DIGEST_BYTES, LEAF_BYTES, LeavesError, Root, leaf_count};

/// Bytes of the header.
pub const HEADER_BYTES: u64 = 96;
pub(super) const HEADER_LEN: usize = 96;

const MAGIC: &[u8; 16] = b"KANSHIKI LEAVES\n";
const VERSION: u32 = 1;
const BLAKE3: u32 = 1;
const UNFINISHED: u64 = u64::MAX;

/// The header of a leaf file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Length and root; `None` while the image is not finished.
    pub root: Option<Root>,
}

impl Header {
    /// Reads a header from the first bytes of a leaf file.
    ///
    /// # Errors
    ///
    /// [`LeavesError::Magic`], [`LeavesError::Version`] or [`LeavesError::Header`].
    pub fn parse(bytes: &[u8]) -> Result<Self, LeavesError> {
        let Some(bytes) = bytes.first_chunk::<HEADER_LEN>().filter(|bytes| bytes.starts_with(MAGIC)) else {
            return Err(LeavesError::Magic);
        };
        let version = u32_at(bytes, 16);
        if version > VERSION {
            return Err(LeavesError::Version { found: version });
        }
        let expect = |field, offset, expected, found| {
            if found == expected { Ok(()) } else { Err(LeavesError::Header { field, offset, expected, found }) }
        };
        expect("version", 16, u64::from(VERSION), u64::from(version))?;
        expect("algorithm", 20, u64::from(BLAKE3), u64::from(u32_at(bytes, 20)))?;
        expect("bytes in a leaf", 24, LEAF_BYTES, u64_at(bytes, 24))?;
        for offset in [40, 48, 56] {
            expect("reserved field", offset as u64, 0, u64_at(bytes, offset))?;
        }
        let image_bytes = u64_at(bytes, 32);
        let hash = chunk_at(bytes, 64);
        Ok(Self { root: (image_bytes != UNFINISHED).then_some(Root { image_bytes, hash }) })
    }

    /// The header's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let (image_bytes, hash) = self.root.map_or((UNFINISHED, [0; 32]), |root| (root.image_bytes, root.hash));
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..20].copy_from_slice(&VERSION.to_le_bytes());
        bytes[20..24].copy_from_slice(&BLAKE3.to_le_bytes());
        bytes[24..32].copy_from_slice(&LEAF_BYTES.to_le_bytes());
        bytes[32..40].copy_from_slice(&image_bytes.to_le_bytes());
        bytes[64..96].copy_from_slice(&hash);
        bytes
    }

    /// Bytes that a leaf file with this header has; `None` while it is not finished, or if no file can be so long.
    #[must_use]
    pub fn file_bytes(&self) -> Option<u64> {
        leaf_count(self.root?.image_bytes).checked_mul(DIGEST_BYTES)?.checked_add(HEADER_BYTES)
    }
}

fn u32_at(bytes: &[u8; HEADER_LEN], offset: usize) -> u32 {
    u32::from_le_bytes(chunk_at(bytes, offset))
}

fn u64_at(bytes: &[u8; HEADER_LEN], offset: usize) -> u64 {
    u64::from_le_bytes(chunk_at(bytes, offset))
}

// The offsets are those of the fields above, all inside the header.
fn chunk_at<const N: usize>(bytes: &[u8; HEADER_LEN], offset: usize) -> [u8; N] {
    let mut chunk = [0; N];
    chunk.copy_from_slice(&bytes[offset..offset + N]);
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let mut bytes = Header { root: None }.to_bytes();
        bytes[16] = 2;
        let error = Header::parse(&bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "leaf file of version 2, made by a newer version of kanshiki: this one reads version 1"
        );
    }

    #[test]
    fn a_changed_field_is_named_with_its_place_and_both_values() {
        let mut bytes = Header { root: None }.to_bytes();
        bytes[25] = 0x10;
        let error = Header::parse(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "damaged leaf file: bytes in a leaf at byte 24 is 1052672, expected 1048576");
    }

    proptest! {
        #[test]
        fn a_header_is_read_back(image_bytes in 0..u64::MAX, hash in any::<[u8; 32]>()) {
            let header = Header { root: Some(Root { image_bytes, hash }) };
            prop_assert_eq!(Header::parse(&header.to_bytes()).unwrap(), header);
        }

        #[test]
        fn any_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), keep in 0_usize..64) {
            let _ = Header::parse(&bytes);
            let good = Header { root: None }.to_bytes();
            let keep = keep.min(bytes.len());
            bytes[..keep].copy_from_slice(&good[..keep]);
            if let Ok(header) = Header::parse(&bytes) {
                let _ = header.file_bytes();
            }
        }
    }
}
