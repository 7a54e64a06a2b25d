//! Finds frames one after the other by their headers, without decoding them.
//!
//! | part of a frame | bytes |
//! | --- | --- |
//! | magic 0xFD2FB528 | 4 |
//! | descriptor: bits 7-6 size of the content size, 5 single segment, 3 reserved, 2 checksum, 1-0 dictionary | 1 |
//! | window descriptor, unless single segment | 1 |
//! | dictionary identifier | 0, 1, 2, 4 |
//! | content size | 0, 1, 2, 4, 8 |
//! | blocks: a header of bit 0 last, bits 2-1 type, bits 23-3 size; then the content | 3 and more |
//! | checksum | 0 or 4 |
//!
//! Source: RFC 8878, section 3.1.1.

use crate::bytes::{array, u16_le, u32_le, u64_le};
use crate::{OpenError, ReadAt, ReadError};

const FRAME_MAGIC: u32 = 0xFD2F_B528;
/// RFC 8878, section 3.1.1.2.4: a block is never larger.
const MAX_BLOCK_BYTES: u32 = 128 * 1024;
/// The longest frame header with its magic.
const MAX_HEADER_BYTES: usize = 18;

/// A complete frame of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkedFrame {
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// Its length in the file.
    pub compressed_bytes: u64,
    /// What it holds.
    pub kind: FrameKind,
}

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// Content.
    Data {
        /// Length of the content, where the frame states it.
        content_bytes: Option<u64>,
    },
    /// Bytes that decoders pass over.
    Skippable,
}

/// Why the walk ends before the end of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// The file ends inside a frame.
    #[error("incomplete zstd frame at byte {offset}: it reaches past the end of the file at byte {end}")]
    Incomplete {
        /// Where the frame begins.
        offset: u64,
        /// Length of the file.
        end: u64,
    },
    /// The bytes are no frame.
    #[error("invalid zstd frame at byte {offset}: {detail}")]
    Invalid {
        /// Where the frame begins.
        offset: u64,
        /// What was expected and what was found.
        detail: String,
    },
    /// The medium did not give the bytes.
    #[error("cannot read the zstd frame at byte {offset}")]
    Read {
        /// Where the frame begins.
        offset: u64,
        /// Why.
        #[source]
        source: ReadError,
    },
}

impl WalkError {
    pub(crate) fn into_read_error(self) -> ReadError {
        let structure = "zstd frame";
        match self {
            Self::Read { source, .. } => source,
            Self::Incomplete { offset, end } => {
                let detail = format!("it reaches past the end of the file at byte {end}");
                ReadError::Damaged { structure, offset, detail }
            }
            Self::Invalid { offset, detail } => ReadError::Damaged { structure, offset, detail },
        }
    }

    pub(crate) fn into_open_error(self) -> OpenError {
        match self.into_read_error() {
            ReadError::Damaged { structure, offset, detail } => OpenError::Damaged { structure, offset, detail },
            other => OpenError::Read(other),
        }
    }
}

/// Walks over the frames of `file` from byte `from`, which must be the beginning of a frame or the end of the file.
/// Only headers are read, a few bytes at a time.
pub fn walk_frames(file: &dyn ReadAt, from: u64) -> FrameWalk<'_> {
    FrameWalk { file, next: from, ended: false }
}

/// The complete frames of a file, in order; after an error there is nothing more.
#[derive(Debug)]
pub struct FrameWalk<'a> {
    file: &'a dyn ReadAt,
    next: u64,
    ended: bool,
}

impl FrameWalk<'_> {
    /// The byte after the last complete frame.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.next
    }

    fn incomplete(&self) -> WalkError {
        WalkError::Incomplete { offset: self.next, end: self.file.len() }
    }

    fn invalid(&self, detail: String) -> WalkError {
        WalkError::Invalid { offset: self.next, detail }
    }

    fn read<'b>(&self, at: u64, buf: &'b mut [u8]) -> Result<&'b [u8], WalkError> {
        let read = self.file.read_at(at, buf).map_err(|source| WalkError::Read { offset: self.next, source })?;
        Ok(buf.get(..read).unwrap_or_default())
    }

    fn frame(&self) -> Result<WalkedFrame, WalkError> {
        let mut buf = [0; MAX_HEADER_BYTES];
        let bytes = self.read(self.next, &mut buf)?;
        let magic = u32_le(bytes, 0).ok_or_else(|| self.incomplete())?;
        let (kind, end) = if magic == FRAME_MAGIC {
            self.data_frame(bytes)?
        } else if magic & 0xffff_fff0 == super::FILLER_MAGIC {
            let payload_bytes = u64::from(u32_le(bytes, 4).ok_or_else(|| self.incomplete())?);
            let length = payload_bytes.saturating_add(super::SKIPPABLE_HEADER_BYTES);
            (FrameKind::Skippable, self.next.saturating_add(length))
        } else {
            return Err(self.invalid(format!("expected magic {FRAME_MAGIC:#010x}, found {magic:#010x}")));
        };
        if end > self.file.len() {
            return Err(self.incomplete());
        }
        Ok(WalkedFrame { offset: self.next, compressed_bytes: end.saturating_sub(self.next), kind })
    }

    /// The frame's kind, and the byte after its end.
    fn data_frame(&self, bytes: &[u8]) -> Result<(FrameKind, u64), WalkError> {
        let [descriptor] = array(bytes, 4).ok_or_else(|| self.incomplete())?;
        if descriptor & 0b1000 != 0 {
            return Err(self.invalid(format!("reserved bit set in descriptor {descriptor:#04x}")));
        }
        let header = Header::parse(descriptor, bytes).ok_or_else(|| self.incomplete())?;
        let mut at = self.next.saturating_add(header.header_bytes);
        loop {
            let mut buf = [0; 4];
            let three = buf.get_mut(..3).unwrap_or_default();
            if self.read(at, three)?.len() < 3 {
                return Err(self.incomplete());
            }
            let block = u32::from_le_bytes(buf);
            let size = block >> 3;
            let stored = match (block >> 1) & 3 {
                3 => return Err(self.invalid(format!("block of reserved type 3 at byte {at}"))),
                _ if size > MAX_BLOCK_BYTES => {
                    return Err(self.invalid(format!("block of {size} bytes at byte {at}: at most {MAX_BLOCK_BYTES}")));
                }
                // A run of one byte is stored as that byte.
                1 => 1,
                _ => size,
            };
            at = at.saturating_add(3).saturating_add(u64::from(stored));
            if at > self.file.len() {
                return Err(self.incomplete());
            }
            if block & 1 == 1 {
                break;
            }
        }
        let end = at.saturating_add(if descriptor & 0b100 == 0 { 0 } else { 4 });
        Ok((FrameKind::Data { content_bytes: header.content_bytes }, end))
    }
}

impl Iterator for FrameWalk<'_> {
    type Item = Result<WalkedFrame, WalkError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended || self.next == self.file.len() {
            return None;
        }
        let frame = self.frame();
        match &frame {
            Ok(frame) => self.next = self.next.saturating_add(frame.compressed_bytes),
            Err(_) => self.ended = true,
        }
        Some(frame)
    }
}

struct Header {
    header_bytes: u64,
    content_bytes: Option<u64>,
}

impl Header {
    /// Reads the fields after the descriptor; `None` if the bytes end before.
    fn parse(descriptor: u8, bytes: &[u8]) -> Option<Self> {
        let single_segment = descriptor & 0b10_0000 != 0;
        let dictionary_bytes = match descriptor & 3 {
            3 => 4,
            length => usize::from(length),
        };
        let at = if single_segment { 5_usize } else { 6 }.checked_add(dictionary_bytes)?;
        let (size_bytes, content_bytes) = match descriptor >> 6 {
            0 if single_segment => (1, Some(u64::from(array::<1>(bytes, at).map(|[size]| size)?))),
            0 => (0, None),
            // RFC 8878, section 3.1.1.1.4: the two-byte form counts from 256.
            1 => (2, Some(u64::from(u16_le(bytes, at)?).saturating_add(256))),
            2 => (4, Some(u64::from(u32_le(bytes, at)?))),
            _ => (8, Some(u64_le(bytes, at)?)),
        };
        Some(Self { header_bytes: crate::bytes::length(at).checked_add(size_bytes)?, content_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FrameEncoder, skippable_header};
    use super::*;
    use crate::Memory;
    use proptest::prelude::*;

    fn data(length: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let input: Vec<u8> = (0..length).map(|at| (at * at / 7) as u8).collect();
        FrameEncoder::new(1).unwrap().encode(&input, &mut out).unwrap();
        out
    }

    fn filler(payload_bytes: u32) -> Vec<u8> {
        let mut out = skippable_header(payload_bytes).to_vec();
        out.resize(out.len() + payload_bytes as usize, 0xff);
        out
    }

    #[test]
    fn frames_and_fillers_are_found_with_their_sizes() {
        let mut file = Vec::new();
        let mut expected = Vec::new();
        for (bytes, kind) in [
            (data(0), FrameKind::Data { content_bytes: Some(0) }),
            (data(255), FrameKind::Data { content_bytes: Some(255) }),
            (filler(77), FrameKind::Skippable),
            (data(256), FrameKind::Data { content_bytes: Some(256) }),
            (data(70_000), FrameKind::Data { content_bytes: Some(70_000) }),
            (data(1 << 20), FrameKind::Data { content_bytes: Some(1 << 20) }),
        ] {
            expected.push(WalkedFrame { offset: file.len() as u64, compressed_bytes: bytes.len() as u64, kind });
            file.extend(bytes);
        }
        let walked: Vec<_> = walk_frames(&Memory(file), 0).map(Result::unwrap).collect();
        assert_eq!(walked, expected);
    }

    #[test]
    fn a_file_cut_anywhere_gives_the_complete_frames_and_names_the_incomplete_one() {
        let mut file = data(300);
        let second = file.len() as u64;
        file.extend(data(200_000));
        let end = file.len();
        for cut in second as usize + 1..end {
            let memory = Memory(file[..cut].to_vec());
            let mut walk = walk_frames(&memory, 0);
            assert!(walk.next().unwrap().is_ok());
            let error = walk.next().unwrap().unwrap_err();
            assert!(matches!(error, WalkError::Incomplete { offset, .. } if offset == second), "{cut}: {error}");
            assert!(walk.next().is_none());
            assert_eq!(walk.offset(), second);
        }
    }

    #[test]
    fn zeroes_are_no_frame() {
        let error = walk_frames(&Memory(vec![0; 100]), 0).next().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "invalid zstd frame at byte 0: expected magic 0xfd2fb528, found 0x00000000");
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), magic in any::<bool>()) {
            let mut file = if magic { FRAME_MAGIC.to_le_bytes().to_vec() } else { Vec::new() };
            file.extend(bytes);
            let file = Memory(file);
            prop_assert!(walk_frames(&file, 0).count() <= 300);
        }
    }
}
