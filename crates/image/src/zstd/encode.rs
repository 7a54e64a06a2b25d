//! Bytes to one frame, and one frame to bytes.

use std::fmt;
use std::io::{self, Cursor};
use zstd_safe::{CCtx, CParameter, DCtx};

/// The longest frame that `input_bytes` bytes can become.
#[must_use]
pub fn frame_bound(input_bytes: usize) -> usize {
    zstd_safe::compress_bound(input_bytes)
}

/// Makes frames that state their content's size and end with its checksum, so that `zstd -t` finds damage. The same
/// input gives the same frame, whatever was encoded before.
pub struct FrameEncoder {
    context: CCtx<'static>,
    level: i32,
}

impl FrameEncoder {
    /// An encoder of compression level `level` (1 fast to 22 small; below 0 faster still).
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::OutOfMemory`], or [`io::ErrorKind::InvalidInput`] for a level that does not exist.
    pub fn new(level: i32) -> io::Result<Self> {
        if !(zstd_safe::min_c_level()..=zstd_safe::max_c_level()).contains(&level) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("zstd has no compression level {level}")));
        }
        let mut context = CCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        for parameter in
            [CParameter::CompressionLevel(level), CParameter::ContentSizeFlag(true), CParameter::ChecksumFlag(true)]
        {
            context.set_parameter(parameter).map_err(error)?;
        }
        Ok(Self { context, level })
    }

    /// Appends one complete frame that holds `input` to `out`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::OutOfMemory`] and the compressor's own; `out` is then as before.
    pub fn encode(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let before = out.len();
        out.try_reserve(frame_bound(input.len())).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut rest = Cursor::new(&mut *out);
        rest.set_position(crate::bytes::length(before));
        let result = self.context.compress2(&mut rest, input);
        result.map(|_| ()).map_err(|code| {
            out.truncate(before);
            error(code)
        })
    }
}

impl fmt::Debug for FrameEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameEncoder").field("level", &self.level).finish_non_exhaustive()
    }
}

/// Decodes frames one at a time, straight into the caller's memory: what a frame demands as its window is never
/// allocated, so a hostile frame cannot ask for much.
pub struct FrameDecoder {
    context: DCtx<'static>,
}

impl FrameDecoder {
    /// A decoder.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::OutOfMemory`].
    pub fn new() -> io::Result<Self> {
        Ok(Self { context: DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)? })
    }

    /// Decodes `frame`, which must be exactly one frame, to the beginning of `out`; returns the length of the content.
    /// The bytes of `out` after that are left with no certain value. A skippable frame has no content.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] if `frame` is damaged, is not exactly one frame, needs a dictionary, or its
    /// content does not fit in `out`.
    pub fn decode(&mut self, frame: &[u8], out: &mut [u8]) -> io::Result<usize> {
        let whole = zstd_safe::find_frame_compressed_size(frame).map_err(error)?;
        if whole != frame.len() {
            let detail = format!("the frame ends after {whole} of {} bytes", frame.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, detail));
        }
        self.context.decompress(out, frame).map_err(error)
    }
}

impl fmt::Debug for FrameDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameDecoder").finish_non_exhaustive()
    }
}

fn error(code: zstd_safe::ErrorCode) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, zstd_safe::get_error_name(code).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(input: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        FrameEncoder::new(1).unwrap().encode(input, &mut out).unwrap();
        out
    }

    #[test]
    fn a_frame_is_appended_and_the_same_whatever_came_before() {
        let mut encoder = FrameEncoder::new(1).unwrap();
        let mut out = b"kept".to_vec();
        encoder.encode(&[7; 100_000], &mut out).unwrap();
        let end = out.len();
        encoder.encode(b"evidence", &mut out).unwrap();
        assert_eq!(&out[..4], b"kept");
        assert_eq!(out[4..end], encoded(&[7; 100_000]));
        assert_eq!(out[end..], encoded(b"evidence"));
    }

    #[test]
    fn a_frame_states_its_content_size_and_carries_a_checksum() {
        let frame = encoded(b"evidence");
        assert_eq!(zstd_safe::get_frame_content_size(&frame).unwrap(), Some(8));
        assert_eq!(frame[4] & 0b100, 0b100, "content checksum flag, RFC 8878 section 3.1.1.1.1.5");
    }

    #[test]
    fn the_empty_input_becomes_a_frame_too() {
        assert_eq!(FrameDecoder::new().unwrap().decode(&encoded(b""), &mut []).unwrap(), 0);
    }

    #[test]
    fn a_level_that_does_not_exist_is_refused() {
        assert_eq!(FrameEncoder::new(23).unwrap_err().to_string(), "zstd has no compression level 23");
    }

    #[test]
    fn a_changed_bit_in_the_content_is_an_error() {
        let mut frame = encoded(b"evidence");
        frame[10] ^= 1;
        let error = FrameDecoder::new().unwrap().decode(&frame, &mut [0; 8]).unwrap_err();
        assert_eq!(error.to_string(), "restored data doesn't match checksum");
    }

    #[test]
    fn two_frames_in_one_are_refused() {
        let mut frames = encoded(b"a");
        frames.extend(encoded(b"b"));
        assert!(FrameDecoder::new().unwrap().decode(&frames, &mut [0; 8]).is_err());
    }

    #[test]
    fn a_content_that_does_not_fit_is_refused() {
        assert!(FrameDecoder::new().unwrap().decode(&encoded(&[0; 100]), &mut [0; 99]).is_err());
    }

    proptest! {
        #[test]
        fn decoding_gives_what_was_encoded(input in prop::collection::vec(any::<u8>(), 0..5000), level in -5..19) {
            let mut frame = Vec::new();
            FrameEncoder::new(level).unwrap().encode(&input, &mut frame).unwrap();
            prop_assert!(frame.len() <= frame_bound(input.len()));
            let mut out = vec![0; input.len()];
            prop_assert_eq!(FrameDecoder::new().unwrap().decode(&frame, &mut out).unwrap(), input.len());
            prop_assert_eq!(out, input);
        }

        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd];
            frame.extend(bytes);
            let _ = FrameDecoder::new().unwrap().decode(&frame, &mut [0; 64]);
        }
    }
}
