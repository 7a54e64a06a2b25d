//! The seek table's parts as bytes.

use crate::bytes::{array, u32_le};

/// Magic number of the skippable frames that fill a slot (RFC 8878, section 3.1.2: any of 0x184D2A50 to 0x184D2A5F).
pub const FILLER_MAGIC: u32 = 0x184D_2A50;
/// Magic number of the skippable frame that holds the seek table.
pub const SEEK_TABLE_MAGIC: u32 = 0x184D_2A5E;
/// Magic number at the very end of a file with a seek table.
pub(crate) const FOOTER_MAGIC: u32 = 0x8F92_EAB1;
/// Length of a skippable frame without its payload, in bytes.
pub const SKIPPABLE_HEADER_BYTES: u64 = 8;
/// Length of the footer in bytes.
pub(crate) const FOOTER_BYTES: u64 = 9;
/// The most frames that zstd's own library takes (zstd_seekable.h, `ZSTD_SEEKABLE_MAXFRAMES`).
const MAX_FRAMES: u64 = 0x800_0000;
/// The descriptor's bit that says that entries carry checksums.
const CHECKSUM_FLAG: u8 = 0x80;
/// Bits of the descriptor which a reader must find zero.
const RESERVED_FLAGS: u8 = 0x7c;

/// The header of a skippable frame that is followed by `payload_bytes` bytes of any value.
#[must_use]
pub const fn skippable_header(payload_bytes: u32) -> [u8; 8] {
    header(FILLER_MAGIC, payload_bytes)
}

const fn header(magic: u32, payload_bytes: u32) -> [u8; 8] {
    let [a, b, c, d] = magic.to_le_bytes();
    let [e, f, g, h] = payload_bytes.to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

/// One frame in the seek table, skippable frames included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeekEntry {
    /// Length of the frame in the file, in bytes.
    pub compressed: u32,
    /// Length of its content in bytes; 0 for a skippable frame.
    pub decompressed: u32,
}

impl SeekEntry {
    /// The entry as it stands in the table.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 8] {
        header(self.compressed, self.decompressed)
    }

    /// Reads an entry; what follows it, such as a checksum, is left alone.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self { compressed: u32_le(bytes, 0)?, decompressed: u32_le(bytes, 4)? })
    }
}

/// The beginning of a seek table of `frames` entries; `None` if a seek table cannot hold so many.
#[must_use]
pub fn seek_table_header(frames: u64) -> Option<[u8; 8]> {
    let payload_bytes = frames.checked_mul(8)?.checked_add(FOOTER_BYTES)?;
    (frames <= MAX_FRAMES).then(|| Some(header(SEEK_TABLE_MAGIC, u32::try_from(payload_bytes).ok()?)))?
}

/// The end of a seek table of `frames` entries without checksums; `None` if a seek table cannot hold so many.
#[must_use]
pub fn seek_table_footer(frames: u64) -> Option<[u8; 9]> {
    let [a, b, c, d] = u32::try_from(frames).ok().filter(|_| frames <= MAX_FRAMES)?.to_le_bytes();
    let [f, g, h, i] = FOOTER_MAGIC.to_le_bytes();
    Some([a, b, c, d, 0, f, g, h, i])
}

/// What the footer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Footer {
    /// Number of entries.
    pub(crate) frames: u32,
    /// Length of an entry in bytes.
    pub(crate) entry_bytes: u64,
    /// Descriptor bits that are set and have no known meaning.
    pub(crate) unknown_flags: u8,
}

impl Footer {
    /// Reads the last bytes of a file; `None` if they are no footer.
    pub(crate) fn parse(bytes: &[u8; 9]) -> Option<Self> {
        let [descriptor] = array(bytes, 4)?;
        (u32_le(bytes, 5)? == FOOTER_MAGIC).then_some(())?;
        let entry_bytes = if descriptor & CHECKSUM_FLAG == 0 { 8 } else { 12 };
        Some(Self { frames: u32_le(bytes, 0)?, entry_bytes, unknown_flags: descriptor & RESERVED_FLAGS })
    }

    /// Length of the entries and the footer in bytes.
    pub(crate) fn payload_bytes(self) -> u64 {
        u64::from(self.frames).saturating_mul(self.entry_bytes).saturating_add(FOOTER_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_footers_are_little_endian() {
        assert_eq!(skippable_header(3), [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]);
        assert_eq!(seek_table_header(2), Some([0x5e, 0x2a, 0x4d, 0x18, 25, 0, 0, 0]));
        assert_eq!(seek_table_footer(2), Some([2, 0, 0, 0, 0, 0xb1, 0xea, 0x92, 0x8f]));
        assert_eq!(SeekEntry { compressed: 1, decompressed: 256 }.to_bytes(), [1, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn too_many_frames_have_no_table() {
        assert_eq!(seek_table_header(MAX_FRAMES + 1), None);
        assert_eq!(seek_table_footer(MAX_FRAMES + 1), None);
        assert!(seek_table_header(MAX_FRAMES).is_some());
    }

    #[test]
    fn a_footer_is_read_with_and_without_checksums() {
        let footer = Footer { frames: 2, entry_bytes: 8, unknown_flags: 0 };
        assert_eq!(Footer::parse(&seek_table_footer(2).unwrap()), Some(footer));
        let with_checksums = Footer { frames: 2, entry_bytes: 12, unknown_flags: 4 };
        assert_eq!(Footer::parse(&[2, 0, 0, 0, 0x87, 0xb1, 0xea, 0x92, 0x8f]), Some(with_checksums));
        assert_eq!(Footer::parse(&[0; 9]), None);
    }
}
