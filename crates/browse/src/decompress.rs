//! Compressed files read as what they hold, within bounds.
//!
//! | format | begins with | source |
//! | --- | --- | --- |
//! | gzip | 1f 8b | RFC 1952, section 2.3.1 |
//! | xz | fd 37 7a 58 5a 00 | The .xz File Format 1.2.1, section 2.1.1.1 |
//! | Zstandard | 28 b5 2f fd | RFC 8878, section 3.1.1 |
//! | bzip2 | `BZh`, `1` to `9`, and 31 41 59 26 53 59 or, if empty, 17 72 45 38 50 90 | bzip2 1.0.8, compress.c |

use std::io::{self, BufRead, Read};

/// Largest content of one compressed file, in bytes.
pub const CONTENT_BYTES: u64 = 4 << 30;

/// Largest content of one compressed file, as a multiple of its compressed size.
pub const CONTENT_RATIO: u64 = 1000;

/// Content that is always given, however small the file.
const FREE_BYTES: u64 = 1 << 20;

/// Memory of one xz decoder, in KiB: `xz -9` needs a little more than 64 MiB.
const XZ_KIB: u32 = 80 << 10;

/// The largest window of a Zstandard frame as a power of two: 64 MiB. `zstd --ultra -22` makes 27 of large files.
const ZSTD_WINDOW: u32 = 26;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// The .xz file format.
    Xz,
    /// RFC 8878.
    Zstandard,
    /// bzip2.
    Bzip2,
}

impl Compression {
    /// Tells the compression by the first bytes of a file; 10 are enough.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        if head.starts_with(&[0x1f, 0x8b, 8]) {
            return Some(Self::Gzip);
        }
        if head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
            return Some(Self::Xz);
        }
        if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            return Some(Self::Zstandard);
        }
        let rest = head.strip_prefix(b"BZh")?;
        let (level, rest) = rest.split_first()?;
        let is_block = rest.starts_with(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59]);
        let is_end = rest.starts_with(&[0x17, 0x72, 0x45, 0x38, 0x50, 0x90]);
        (matches!(level, b'1'..=b'9') && (is_block || is_end)).then_some(Self::Bzip2)
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstandard => "zstd",
            Self::Bzip2 => "bzip2",
        }
    }
}

/// The content is larger than is decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} bytes of content in {compressed} compressed bytes; the rest is left out")]
pub struct TooLarge {
    /// Bytes that were given.
    pub limit: u64,
    /// Length of the compressed file.
    pub compressed: u64,
}

/// Reads the content of a compressed file of `compressed_bytes`. After [`CONTENT_BYTES`], or [`CONTENT_RATIO`] times
/// `compressed_bytes`, follows an error that holds [`TooLarge`].
pub fn decompress<'a>(
    compression: Compression,
    compressed: impl BufRead + 'a,
    compressed_bytes: u64,
) -> io::Result<Box<dyn Read + 'a>> {
    let limit = compressed_bytes.saturating_mul(CONTENT_RATIO).clamp(FREE_BYTES, CONTENT_BYTES);
    let reader: Box<dyn Read + 'a> = match compression {
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(compressed)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(compressed)),
        Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(compressed, true, XZ_KIB)),
        Compression::Zstandard => Box::new(ZstdReader::new(compressed)?),
    };
    Ok(Box::new(Bounded { reader, left: limit, limit, compressed: compressed_bytes }))
}

struct Bounded<R> {
    reader: R,
    left: u64,
    limit: u64,
    compressed: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            // Whether there is more decides whether there is anything to tell.
            return match self.reader.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::other(TooLarge { limit: self.limit, compressed: self.compressed })),
            };
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let read = self.reader.read(buf.get_mut(..most).unwrap_or_default())?;
        self.left = self.left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

struct ZstdReader<R> {
    compressed: R,
    context: zstd_safe::DCtx<'static>,
    in_frame: bool,
}

impl<R: BufRead> ZstdReader<R> {
    fn new(compressed: R) -> io::Result<Self> {
        let mut context = zstd_safe::DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        context.set_parameter(zstd_safe::DParameter::WindowLogMax(ZSTD_WINDOW)).map_err(zstd_error)?;
        Ok(Self { compressed, context, in_frame: false })
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !buf.is_empty() {
            let input = self.compressed.fill_buf()?;
            let is_end = input.is_empty();
            if is_end && !self.in_frame {
                return Ok(0);
            }
            let mut from = zstd_safe::InBuffer::around(input);
            let mut into = zstd_safe::OutBuffer::around(&mut *buf);
            let hint = self.context.decompress_stream(&mut into, &mut from).map_err(zstd_error)?;
            let (taken, given) = (from.pos(), into.pos());
            self.in_frame = hint != 0;
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

fn zstd_error(code: zstd_safe::ErrorCode) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, zstd_safe::get_error_name(code).to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
