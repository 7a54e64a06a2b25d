//! Finds the medium that the system was started from, and works out its digest.
//!
//! The ISO carries the SHA-256 of its list of contents as the name of its volume set, and the running system has the same
//! list as a file. The length of the ISO stands in its heading:
//!
//! | byte of the medium | holds |
//! | --- | --- |
//! | 32768 | type 1, `CD001` |
//! | 32848 | length in blocks of 2048 bytes, `u32` little-endian |
//! | 32958 | name of the volume set, 128 bytes, padded with blanks |
//!
//! Source: ECMA-119, 8.4.

use crate::RescueError;
use kanshiki_acquire::device::BlockDevice;
use kanshiki_acquire::host::rescue::CONTENTS;
use kanshiki_model::{Algorithm, Fact, Hasher};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Where the heading stands, in bytes.
const HEADING_AT: u64 = 32_768;

/// The unit of an ISO, in bytes.
const BLOCK_BYTES: usize = 2048;

/// What is read at once, in bytes.
const CHUNK_BYTES: u64 = 1 << 20;

/// The longest list of contents that is read, in bytes.
const CONTENTS_BYTES: u64 = 16 << 20;

/// What was found out about the medium.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Medium {
    /// It is there.
    Found {
        /// Its node, made visible.
        device: String,
        /// Its serial number, where it has one.
        serial: Option<String>,
        /// The length of the ISO on it.
        bytes: u64,
        /// The SHA-256 of the ISO on it, as `sha256sum` tells it of the file.
        sha256: String,
    },
    /// It is not.
    Missing {
        /// Why there is no digest.
        reason: String,
    },
}

/// Looks through the disks of the machine. Only reads.
///
/// # Errors
///
/// [`RescueError::State`] if the running system has no list of contents: it was not started from such a medium.
pub fn find() -> Result<Medium, RescueError> {
    let path = Path::new("/").join(CONTENTS);
    let contents = hash_file(&path).map_err(|source| RescueError::State { path, source })?;
    let mut reasons = Vec::new();
    for disk in BlockDevice::all_disks() {
        let Ok(file) = disk.open_node() else { continue };
        let Some(bytes) = iso_length(&file, &contents) else { continue };
        match hash(&file, bytes) {
            Ok(sha256) => {
                let serial = disk.identity_facts().get("serial").and_then(Fact::text);
                return Ok(Medium::Found { device: visible_node(&disk), serial, bytes, sha256 });
            }
            Err(error) => reasons.push(format!("the ISO on {} cannot be read: {error}", visible_node(&disk))),
        }
    }
    if reasons.is_empty() {
        reasons.push(
            "no disk carries an ISO with the contents of the running system: it was taken out, or the \
            system was started in another way"
                .to_owned(),
        );
    }
    Ok(Medium::Missing { reason: reasons.join("; ") })
}

fn visible_node(disk: &BlockDevice) -> String {
    kanshiki_model::visible_path(&disk.node())
}

/// The length in bytes of an ISO that names these contents; `None` if there is no such ISO.
fn iso_length(file: &File, contents: &str) -> Option<u64> {
    let mut heading = [0; BLOCK_BYTES];
    file.read_exact_at(&mut heading, HEADING_AT).ok()?;
    parse_heading(&heading, contents)
}

fn parse_heading(heading: &[u8; BLOCK_BYTES], contents: &str) -> Option<u64> {
    let set = heading.get(190..318)?.trim_ascii_end();
    let blocks = heading.get(80..84)?.first_chunk::<4>().copied().map(u32::from_le_bytes)?;
    let is_ours = heading.starts_with(b"\x01CD001") && set == contents.as_bytes();
    is_ours.then(|| u64::from(blocks).saturating_mul(BLOCK_BYTES as u64))
}

fn hash_file(path: &Path) -> io::Result<String> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut bytes = Vec::new();
    File::open(path)?.take(CONTENTS_BYTES).read_to_end(&mut bytes)?;
    hasher.update(&bytes);
    Ok(hasher.finish().to_hex())
}

fn hash(file: &File, bytes: u64) -> io::Result<String> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut buffer = vec![0; usize::try_from(CHUNK_BYTES).map_err(io::Error::other)?];
    let mut at = 0;
    while at < bytes {
        let want = usize::try_from(bytes.saturating_sub(at).min(CHUNK_BYTES)).map_err(io::Error::other)?;
        let chunk = buffer.get_mut(..want).unwrap_or_default();
        file.read_exact_at(chunk, at)?;
        hasher.update(chunk);
        at = at.saturating_add(CHUNK_BYTES);
    }
    Ok(hasher.finish().to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    fn heading(set: &str) -> [u8; BLOCK_BYTES] {
        let mut heading = [b' '; BLOCK_BYTES];
        heading[..6].copy_from_slice(b"\x01CD001");
        heading[80..84].copy_from_slice(&18_u32.to_le_bytes());
        heading[190..190 + set.len()].copy_from_slice(set.as_bytes());
        heading
    }

    #[test]
    fn an_iso_with_the_same_contents_is_ours_and_another_is_not() {
        assert_eq!(parse_heading(&heading("abcd"), "abcd"), Some(18 * 2048));
        assert_eq!(parse_heading(&heading("abce"), "abcd"), None);
        let mut disk = heading("abcd");
        disk[1] = 0;
        assert_eq!(parse_heading(&disk, "abcd"), None);
    }

    #[test]
    fn the_iso_alone_is_hashed_and_not_what_follows_on_the_stick() {
        let mut stick = tempfile::tempfile().unwrap();
        let mut bytes = vec![0; 18 * 2048];
        bytes[32_768..32_768 + 2048].copy_from_slice(&heading("abcd"));
        stick.write_all(&bytes).unwrap();
        stick.write_all(&[7; 5000]).unwrap();
        let length = iso_length(&stick, "abcd").unwrap();
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(&bytes);
        assert_eq!(hash(&stick, length).unwrap(), hasher.finish().to_hex());
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), BLOCK_BYTES)) {
            let _ = parse_heading(&bytes.try_into().unwrap(), "abcd");
        }
    }
}
