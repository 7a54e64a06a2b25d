//! The decoders of one compressed stream, with the bytes that they read counted.

use super::Compression;
use crate::contents::RangeReader;
use kanshiki_image::ReadAt;
use kanshiki_model::ByteRange;
use lzma_rust2::{Action, Status};
use std::io::{self, BufRead, BufReader, Read};

/// Memory of one xz decoder, in KiB: `xz -9` needs a little more than 64 MiB.
const XZ_KIB: u32 = 80 << 10;

/// Compressed bytes read at once.
const READ_BYTES: usize = 64 << 10;

/// The largest window of a Zstandard frame as a power of two: 128 MiB, which is what zstd(1) reads without being told to.
const ZSTD_WINDOW: u32 = 27;

/// The compressed bytes from a place on, counted.
pub(super) struct Input<'a> {
    bytes: BufReader<RangeReader<'a>>,
    pub(super) read: u64,
}

impl<'a> Input<'a> {
    pub(super) fn new(source: &'a dyn ReadAt, start: u64) -> Self {
        let bytes = RangeReader::new(source, ByteRange::new(start, source.len().max(start)));
        Self { bytes: BufReader::with_capacity(READ_BYTES, bytes), read: 0 }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buf)?;
        self.read = self.read.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.bytes.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
        self.read = self.read.saturating_add(u64::try_from(amount).unwrap_or(u64::MAX));
    }
}

pub(super) enum Decoder<'a> {
    Gzip(Box<flate2::bufread::GzDecoder<Input<'a>>>),
    Bzip2(bzip2::bufread::BzDecoder<Input<'a>>),
    Xz(Box<lzma_rust2::XzReader<Input<'a>>>),
    XzParts(Box<XzParts<Input<'a>>>),
    Zstandard(ZstdReader<Input<'a>>),
}

impl<'a> Decoder<'a> {
    /// Of xz, without waiting for whole chunks.
    pub(super) fn xz_parts(input: Input<'a>) -> Self {
        Self::XzParts(Box::new(XzParts::new(input)))
    }

    /// Reads one stream: a member, or for Zstandard the frames behind each other.
    pub(super) fn new(compression: Compression, input: Input<'a>) -> io::Result<Self> {
        Ok(match compression {
            Compression::Gzip => Self::Gzip(Box::new(flate2::bufread::GzDecoder::new(input))),
            Compression::Bzip2 => Self::Bzip2(bzip2::bufread::BzDecoder::new(input)),
            Compression::Xz => Self::Xz(Box::new(lzma_rust2::XzReader::new_mem_limit(input, false, XZ_KIB))),
            Compression::Zstandard => Self::Zstandard(ZstdReader::new(input)?),
        })
    }

    /// Compressed bytes that were read.
    pub(super) fn read_bytes(&self) -> u64 {
        match self {
            Self::Gzip(decoder) => decoder.get_ref().read,
            Self::Bzip2(decoder) => decoder.get_ref().read,
            Self::Xz(decoder) => decoder.inner().read,
            Self::XzParts(decoder) => decoder.compressed.read,
            Self::Zstandard(decoder) => decoder.compressed.read,
        }
    }
}

impl Read for Decoder<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buf),
            Self::Bzip2(decoder) => decoder.read(buf),
            Self::Xz(decoder) => decoder.read(buf),
            Self::XzParts(decoder) => decoder.read(buf),
            Self::Zstandard(decoder) => decoder.read(buf),
        }
    }
}

/// Reads xz as far as its bytes go, without waiting for whole chunks.
pub(super) struct XzParts<R> {
    compressed: R,
    stream: lzma_rust2::XzStream,
    failed: Option<io::Error>,
}

impl<R: BufRead> XzParts<R> {
    fn new(compressed: R) -> Self {
        Self { compressed, stream: lzma_rust2::XzStream::new_mem_limit(false, XZ_KIB), failed: None }
    }
}

impl<R: BufRead> Read for XzParts<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !buf.is_empty() {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            let input = self.compressed.fill_buf()?;
            let action = if input.is_empty() { Action::Finish } else { Action::Run };
            let is_end = input.is_empty();
            let before = (self.stream.total_in(), self.stream.total_out());
            let result = self.stream.process(input, buf, action);
            let since = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(0);
            let taken = since(self.stream.total_in(), before.0);
            let given = since(self.stream.total_out(), before.1).min(buf.len());
            self.compressed.consume(taken);
            let is_over = match result {
                Ok(result) => result.status == Status::StreamEnd,
                Err(error) => {
                    self.failed = Some(error);
                    false
                }
            };
            if given > 0 || is_over {
                return Ok(given);
            }
            if is_end && self.failed.is_none() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}

pub(super) struct ZstdReader<R> {
    compressed: R,
    context: zstd_safe::DCtx<'static>,
    in_frame: bool,
    frames: u64,
}

impl<R: BufRead> ZstdReader<R> {
    fn new(compressed: R) -> io::Result<Self> {
        let mut context = zstd_safe::DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        context.set_parameter(zstd_safe::DParameter::WindowLogMax(ZSTD_WINDOW)).map_err(zstd_error)?;
        Ok(Self { compressed, context, in_frame: false, frames: 0 })
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !buf.is_empty() {
            let input = self.compressed.fill_buf()?;
            let is_end = input.is_empty();
            if !self.in_frame && self.frames > 0 && !begins_frame(input) {
                return Ok(0);
            }
            let mut from = zstd_safe::InBuffer::around(input);
            let mut into = zstd_safe::OutBuffer::around(&mut *buf);
            let hint = self.context.decompress_stream(&mut into, &mut from).map_err(zstd_error)?;
            let (taken, given) = (from.pos(), into.pos());
            self.in_frame = hint != 0;
            if hint == 0 {
                self.frames = self.frames.saturating_add(1);
            }
            self.compressed.consume(taken);
            if given > 0 {
                return Ok(given);
            }
            if is_end {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}

/// Whether these bytes begin a frame, or one that is to be skipped (RFC 8878, sections 3.1.1 and 3.1.2).
pub(super) fn begins_frame(bytes: &[u8]) -> bool {
    match bytes.first_chunk() {
        Some([0x28, 0xb5, 0x2f, 0xfd]) => true,
        Some([first, 0x2a, 0x4d, 0x18]) => first >> 4 == 5,
        _ => false,
    }
}

fn zstd_error(code: zstd_safe::ErrorCode) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, zstd_safe::get_error_name(code).to_ascii_lowercase())
}
