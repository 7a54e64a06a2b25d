//! Compressed files read as what they hold, within bounds.
//!
//! | format | begins with | source |
//! | --- | --- | --- |
//! | gzip | 1f 8b | RFC 1952, section 2.3.1 |
//! | xz | fd 37 7a 58 5a 00 | The .xz File Format 1.2.1, section 2.1.1.1 |
//! | Zstandard | 28 b5 2f fd | RFC 8878, section 3.1.1 |
//! | bzip2 | `BZh`, `1` to `9`, and 31 41 59 26 53 59 or, if empty, 17 72 45 38 50 90 | bzip2 1.0.8, compress.c |

mod decoder;

use crate::contents::stored_runs;
use decoder::{Decoder, Input, begins_frame};
use kanshiki_image::ReadAt;
use kanshiki_model::ByteRange;
use std::io::{self, Read};

/// Largest content of one compressed file, in bytes.
pub const CONTENT_BYTES: u64 = 4 << 30;

/// Largest content of one compressed file, as a multiple of its compressed size.
pub const CONTENT_RATIO: u64 = 1000;

/// Content that is always given, however small the file.
const FREE_BYTES: u64 = 64 << 20;

/// Bytes of an xz stream that is read without waiting for whole chunks: for each of its blocks, of 16 bytes and more, 16
/// bytes are kept.
const XZ_STREAM_BYTES: u64 = 32 << 20;

/// Content of a stream that fails after less than this may be nonsense that a decoder made of plain bytes.
const DOUBTFUL_BYTES: u64 = 64 << 10;

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

/// The content of a compressed file: of all members that stand behind each other, whatever each is compressed with.
///
/// Every byte that can be decompressed is given before an error is. After [`CONTENT_BYTES`], or [`CONTENT_RATIO`] times the
/// length of the file, follows an error that holds [`TooLarge`].
pub struct Content<'a> {
    source: &'a dyn ReadAt,
    member: Option<Member<'a>>,
    /// An error to be told once what came before it was given.
    waiting: Option<io::Error>,
    /// Where the bytes begin that give no content.
    rest: u64,
    left: u64,
    limit: u64,
    member_start: u64,
}

/// Behind the compressed members stand bytes that are not compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the compressed content ends at byte {at} of the file, and other bytes follow")]
pub struct Trailing {
    /// Where they begin in the file.
    pub at: u64,
}

/// One stream of a format, from its header to its end.
struct Member<'a> {
    compression: Compression,
    start: u64,
    decoder: Decoder<'a>,
    given: u64,
    /// Whether single bytes are asked for, so that none is lost with an error.
    is_careful: bool,
    /// Compressed bytes that were read when content was last given.
    read: u64,
}

impl std::fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").field("rest", &self.rest).field("left", &self.left).finish_non_exhaustive()
    }
}

impl<'a> Content<'a> {
    /// The content of a source that begins with this compression.
    pub fn new(compression: Compression, source: &'a dyn ReadAt) -> io::Result<Self> {
        let limit = source.len().saturating_mul(CONTENT_RATIO).clamp(FREE_BYTES, CONTENT_BYTES);
        let member = Some(Member::open(source, compression, 0)?);
        Ok(Self { source, member, waiting: None, rest: 0, left: limit, limit, member_start: 0 })
    }

    /// After an error: where the bytes of the file begin that gave no content, though there may be something in them.
    #[must_use]
    pub const fn rest(&self) -> u64 {
        self.rest
    }

    /// The byte of the file at which the member begins that content was last read from.
    #[must_use]
    pub const fn member_start(&self) -> u64 {
        self.member_start
    }

    /// Reads from the members, one after the other.
    fn read_members(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            match member.read(buf) {
                Ok(0) => {
                    let end = member.start.saturating_add(member.decoder.read_bytes());
                    self.member = None;
                    if let Some(waiting) = self.waiting.take() {
                        return Err(waiting);
                    }
                    self.next_member(end)?;
                }
                Ok(read) => {
                    self.member_start = member.start;
                    return Ok(read);
                }
                Err(error) if member.is_careful => return Err(self.end(error)),
                Err(error) => {
                    // The decoders keep back what they made in the call that failed; a second pass gets at it.
                    let mut careful = Member::open_carefully(self.source, member)?;
                    match careful.pass_over(member.given) {
                        Ok(()) => {
                            self.waiting = Some(error);
                            self.member = Some(careful);
                        }
                        Err(_) => return Err(self.end(error)),
                    }
                }
            }
        }
        Ok(0)
    }

    /// Ends with an error: the one that was met first.
    fn end(&mut self, error: io::Error) -> io::Error {
        if let Some(member) = self.member.take() {
            let read = if member.given < DOUBTFUL_BYTES { 0 } else { member.read };
            self.rest = member.start.saturating_add(read);
        }
        self.waiting.take().unwrap_or(error)
    }

    /// Goes on behind a member: zeroes may stand there, and then a further one.
    fn next_member(&mut self, end: u64) -> io::Result<()> {
        let Some(at) = first_byte_set(self.source, end)? else { return Ok(()) };
        let mut head = [0; 10];
        let read = self.source.read_at(at, &mut head).map_err(io::Error::other)?;
        let head = head.get(..read).unwrap_or_default();
        match Compression::sniff(head).or(begins_frame(head).then_some(Compression::Zstandard)) {
            Some(compression) => self.member = Some(Member::open(self.source, compression, at)?),
            None => {
                self.rest = end;
                return Err(io::Error::other(Trailing { at: end }));
            }
        }
        Ok(())
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            // Whether there is more decides whether there is anything to tell.
            return match self.read_members(&mut [0])? {
                0 => Ok(0),
                _ => {
                    self.rest = self.source.len();
                    Err(io::Error::other(TooLarge { limit: self.limit, compressed: self.source.len() }))
                }
            };
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let read = self.read_members(buf.get_mut(..most).unwrap_or_default())?;
        self.left = self.left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

impl<'a> Member<'a> {
    fn open(source: &'a dyn ReadAt, compression: Compression, start: u64) -> io::Result<Self> {
        let decoder = Decoder::new(compression, Input::new(source, start))?;
        Ok(Self { compression, start, decoder, given: 0, is_careful: false, read: 0 })
    }

    fn open_carefully(source: &'a dyn ReadAt, failed: &Self) -> io::Result<Self> {
        let input = Input::new(source, failed.start);
        let decoder = match failed.compression {
            // The other decoder of xz gives nothing of a chunk that is cut off, which may be all there is.
            Compression::Xz if failed.decoder.read_bytes() <= XZ_STREAM_BYTES => Decoder::xz_parts(input),
            compression => Decoder::new(compression, input)?,
        };
        Ok(Self { decoder, is_careful: true, given: 0, ..*failed })
    }

    /// Reads what was given before.
    fn pass_over(&mut self, bytes: u64) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        while self.given < bytes {
            let most = usize::try_from(bytes.saturating_sub(self.given)).unwrap_or(usize::MAX).min(buffer.len());
            let read = self.decoder.read(buffer.get_mut(..most).unwrap_or_default())?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.given = self.given.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        self.read = self.decoder.read_bytes();
        Ok(())
    }

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = if self.is_careful { 1 } else { buf.len() };
        let read = self.decoder.read(buf.get_mut(..most).unwrap_or_default())?;
        if read > 0 {
            self.given = self.given.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            self.read = self.decoder.read_bytes();
        }
        Ok(read)
    }
}

/// The first byte from `at` on that is not zero; `None` if there is none.
fn first_byte_set(source: &dyn ReadAt, at: u64) -> io::Result<Option<u64>> {
    let behind = ByteRange::new(at.min(source.len()), source.len());
    let mut buffer = [0; 4096];
    for run in stored_runs(source, 4096) {
        let mut run = run.intersect(behind);
        while !run.is_empty() {
            let most = usize::try_from(run.len()).unwrap_or(usize::MAX).min(buffer.len());
            let part = buffer.get_mut(..most).unwrap_or_default();
            let read = source.read_at(run.start, part).map_err(io::Error::other)?;
            let part = part.get(..read).unwrap_or_default();
            if let Some(index) = part.iter().position(|byte| *byte != 0) {
                return Ok(Some(run.start.saturating_add(u64::try_from(index).unwrap_or(u64::MAX))));
            }
            if read == 0 {
                return Ok(None);
            }
            run.start = run.start.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
