//! Decompresses parts of events, within bounds.

use super::body::Body;
use kanshiki_image::Memory;
use kanshiki_walk::decompress::{Compression, Content};
use std::io::Read;

/// Bytes that one event may hold decompressed.
const PLAIN_BYTES: u64 = 16 << 20;

/// Bytes that the events of one log may hold decompressed together, as those of a compressed file.
const ALL_BYTES: u64 = kanshiki_walk::decompress::CONTENT_BYTES;

/// What may still be decompressed of a log.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(ALL_BYTES)
    }
}

impl Budget {
    /// Reads what it is decompressed to, as far as it goes before damage.
    fn read(&mut self, content: impl Read, most: u64) -> Vec<u8> {
        let mut plain = Vec::new();
        let _ = content.take(PLAIN_BYTES.min(most).min(self.0)).read_to_end(&mut plain);
        self.0 = self.0.saturating_sub(u64::try_from(plain.len()).unwrap_or(u64::MAX));
        plain
    }
}

/// MariaDB's compressed part: a byte of which the upper half is 8 for zlib and the lower three bits tell the bytes of the
/// length that follows, the highest first; then a stream of zlib (`binlog_buf_uncompress`, sql/log_event.cc).
pub(super) fn mariadb(part: &[u8], budget: &mut Budget) -> Option<Vec<u8>> {
    let mut body = Body(part);
    let head = body.u8()?;
    (head & 0xf0 == 0x80).then_some(())?;
    let bytes = body.bytes(usize::from(head & 0x07))?;
    let length = bytes.iter().try_fold(0_u64, |length, byte| length.checked_mul(256)?.checked_add(u64::from(*byte)))?;
    let plain = budget.read(flate2::read::ZlibDecoder::new(body.0), length);
    (!plain.is_empty() || length == 0).then_some(plain)
}

/// MySQL's transaction payload: fields of kind, length and value up to a 0: 1 the size, 2 the compression (0 Zstandard, 255
/// none), 3 the size decompressed (libbinlogevents, compression/payload_event).
pub(super) fn payload(part: &[u8], budget: &mut Budget) -> Option<Vec<u8>> {
    let mut body = Body(part);
    let mut compression = 255;
    loop {
        let kind = body.packed()?;
        if kind == 0 {
            break;
        }
        let length = body.packed_length()?;
        let mut value = Body(body.bytes(length)?);
        if kind == 2 {
            compression = value.packed().unwrap_or(255);
        }
    }
    match compression {
        0 => {
            let memory = Memory(body.0.to_vec());
            let plain = budget.read(Content::new(Compression::Zstandard, &memory).ok()?, PLAIN_BYTES);
            (!plain.is_empty()).then_some(plain)
        }
        _ => Some(body.0.to_vec()),
    }
}
