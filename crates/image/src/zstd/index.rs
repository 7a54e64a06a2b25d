//! Where each frame lies. In memory there is one checkpoint for every 1024 frames; the entries between are read again
//! when they are needed, so that an image of 16 TiB takes a few hundred kilobytes.

use super::cache::Cache;
use super::table::{FOOTER_BYTES, Footer, SEEK_TABLE_MAGIC, SKIPPABLE_HEADER_BYTES, SeekEntry};
use super::{FrameKind, MAX_FRAME_BYTES, WalkError, walk_frames};
use crate::bytes::{bounded, length, u32_le};
use crate::{OpenError, ReadAt, ReadError, read_exact_at};
use std::sync::Arc;

const BLOCK_ENTRIES: u64 = 1024;
/// Blocks of entries that are kept after use, in bytes.
const KEPT_BYTES: usize = 512 * 1024;
/// A frame that stores its content as it is takes a little more than its content; one far longer is no sane frame.
const MAX_COMPRESSED_BYTES: u64 = MAX_FRAME_BYTES.saturating_mul(2);

/// A frame with content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// Its length in the file, in bytes.
    pub compressed_bytes: u64,
    /// Where its content begins, in bytes from the start of the content.
    pub content_offset: u64,
    /// The length of its content, in bytes.
    pub content_bytes: u64,
}

impl Frame {
    /// Whether the frame may be decoded.
    fn is_sane(&self) -> bool {
        self.content_bytes <= MAX_FRAME_BYTES && self.compressed_bytes <= MAX_COMPRESSED_BYTES
    }

    fn content_end(&self) -> u64 {
        self.content_offset.saturating_add(self.content_bytes)
    }
}

/// The sums of the sizes before a block of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checkpoint {
    offset: u64,
    content_offset: u64,
}

/// Where the sizes of frames come from.
#[derive(Debug)]
enum Origin {
    Table {
        first_entry: u64,
        entry_bytes: u64,
        frames: u64,
    },
    /// The headers of the frames up to this byte.
    FrameHeaders {
        end: u64,
    },
}

#[derive(Debug)]
pub(super) struct Index {
    origin: Origin,
    checkpoints: Vec<Checkpoint>,
    content_bytes: u64,
    kept: Cache<Arc<[Frame]>>,
}

impl Index {
    pub(super) fn open(file: &dyn ReadAt) -> Result<Self, OpenError> {
        match find_table(file)? {
            Some((origin, frames_end)) => Self::from_table(file, origin, frames_end),
            None => Self::from_headers(file),
        }
    }

    /// The frames up to the first that is damaged or cut off, by their headers alone; and why there are no more.
    pub(super) fn up_to_damage(file: &dyn ReadAt) -> Result<(Self, Option<WalkError>), OpenError> {
        let mut index = Self {
            origin: Origin::FrameHeaders { end: u64::MAX },
            checkpoints: Vec::new(),
            content_bytes: 0,
            kept: Cache::new(KEPT_BYTES),
        };
        let why = index.walk(file)?;
        Ok((index, why))
    }

    /// Length of the whole content in bytes.
    pub(super) fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// Finds the frame that holds the content's byte `at`.
    pub(super) fn find(&self, file: &dyn ReadAt, at: u64) -> Result<Frame, ReadError> {
        let after = self.checkpoints.partition_point(|checkpoint| checkpoint.content_offset <= at);
        let number = length(after.saturating_sub(1));
        let block = match self.kept.get(number) {
            Some(block) => block,
            None => {
                let block: Arc<[Frame]> = self.block(file, number)?.into();
                let bytes = size_of::<Frame>().saturating_mul(block.len());
                self.kept.put(number, bytes, Arc::clone(&block));
                block
            }
        };
        let frame = block.get(block.partition_point(|frame| frame.content_end() <= at));
        // The sizes were checked when the image was opened; they can only differ if the file was changed since.
        frame.filter(|frame| frame.content_offset <= at && frame.is_sane()).copied().ok_or_else(|| ReadError::Damaged {
            structure: "seek table",
            offset: self.checkpoints.get(after.saturating_sub(1)).map_or(0, |checkpoint| checkpoint.offset),
            detail: format!("no frame holds byte {at} of the content any longer"),
        })
    }

    fn block(&self, file: &dyn ReadAt, number: u64) -> Result<Vec<Frame>, ReadError> {
        let mut next = bounded(number, usize::MAX);
        next = next.min(self.checkpoints.len().saturating_sub(1));
        let mut sums = self.checkpoints.get(next).copied().unwrap_or(Checkpoint { offset: 0, content_offset: 0 });
        let mut frames = Vec::new();
        match self.origin {
            Origin::Table { .. } => {
                for entry in self.entries(file, number)? {
                    frames.extend(sums.pass(u64::from(entry.compressed), u64::from(entry.decompressed)));
                }
            }
            Origin::FrameHeaders { end } => {
                let mut walk = walk_frames(file, sums.offset);
                for _ in 0..BLOCK_ENTRIES {
                    if walk.offset() >= end {
                        break;
                    }
                    let Some(walked) = walk.next() else { break };
                    let walked = walked.map_err(WalkError::into_read_error)?;
                    let content_bytes = match walked.kind {
                        FrameKind::Data { content_bytes } => content_bytes.unwrap_or(0),
                        FrameKind::Skippable => 0,
                    };
                    frames.extend(sums.pass(walked.compressed_bytes, content_bytes));
                }
            }
        }
        Ok(frames)
    }

    /// The entries of a block of the table.
    fn entries(&self, file: &dyn ReadAt, block: u64) -> Result<Vec<SeekEntry>, ReadError> {
        let Origin::Table { first_entry, entry_bytes, frames } = self.origin else { return Ok(Vec::new()) };
        let first = block.saturating_mul(BLOCK_ENTRIES);
        let count = frames.saturating_sub(first).min(BLOCK_ENTRIES);
        let mut bytes = vec![0; bounded(count.saturating_mul(entry_bytes), usize::MAX)];
        read_exact_at(file, first_entry.saturating_add(first.saturating_mul(entry_bytes)), &mut bytes)?;
        Ok(bytes.chunks_exact(bounded(entry_bytes, 12).max(8)).filter_map(SeekEntry::parse).collect())
    }

    fn from_table(file: &dyn ReadAt, origin: Origin, frames_end: u64) -> Result<Self, OpenError> {
        let Origin::Table { first_entry, entry_bytes, frames } = origin else { return Self::from_headers(file) };
        let mut index = Self { origin, checkpoints: Vec::new(), content_bytes: 0, kept: Cache::new(KEPT_BYTES) };
        let mut sums = Checkpoint { offset: 0, content_offset: 0 };
        for block in 0..frames.div_ceil(BLOCK_ENTRIES) {
            index.checkpoints.push(sums);
            let mut at = first_entry.saturating_add(block.saturating_mul(BLOCK_ENTRIES).saturating_mul(entry_bytes));
            for entry in index.entries(file, block)? {
                let damaged = |detail| OpenError::Damaged { structure: "seek table", offset: at, detail };
                if entry.compressed == 0 && entry.decompressed != 0 {
                    return Err(damaged(format!("a frame of no bytes holds {} bytes", entry.decompressed)));
                }
                let frame = sums.pass(u64::from(entry.compressed), u64::from(entry.decompressed));
                if sums.offset > frames_end {
                    let end = sums.offset;
                    return Err(damaged(format!(
                        "a frame ends at byte {end}, but the frames end at byte {frames_end}"
                    )));
                }
                frame.map_or(Ok(()), check_size)?;
                at = at.saturating_add(entry_bytes);
            }
        }
        check_unlisted(file, sums.offset, frames_end)?;
        index.content_bytes = sums.content_offset;
        Ok(index)
    }

    fn from_headers(file: &dyn ReadAt) -> Result<Self, OpenError> {
        match Self::up_to_damage(file)? {
            (index, None) => Ok(index),
            (_, Some(error)) => Err(error.into_open_error()),
        }
    }

    /// Goes through the frames from the first on; gives out why the walk ended before the end of the file.
    fn walk(&mut self, file: &dyn ReadAt) -> Result<Option<WalkError>, OpenError> {
        let mut sums = Checkpoint { offset: 0, content_offset: 0 };
        let mut why = None;
        for (number, walked) in (0_u64..).zip(walk_frames(file, 0)) {
            let walked = match walked {
                Ok(walked) => walked,
                Err(error) => {
                    why = Some(error);
                    break;
                }
            };
            if number.is_multiple_of(BLOCK_ENTRIES) {
                self.checkpoints.push(sums);
            }
            let content_bytes = match walked.kind {
                FrameKind::Data { content_bytes: Some(content_bytes) } => content_bytes,
                FrameKind::Data { content_bytes: None } => {
                    return Err(unsupported(format!(
                        "the frame at byte {} does not state the size of its content, and there is no seek table; \
                         restore the image with `zstd -d` first",
                        walked.offset
                    )));
                }
                FrameKind::Skippable => 0,
            };
            sums.pass(walked.compressed_bytes, content_bytes).map_or(Ok(()), check_size)?;
        }
        self.origin = Origin::FrameHeaders { end: sums.offset };
        self.content_bytes = sums.content_offset;
        Ok(why)
    }
}

impl Checkpoint {
    /// Adds a frame's sizes; gives the frame if it has content.
    fn pass(&mut self, compressed_bytes: u64, content_bytes: u64) -> Option<Frame> {
        let Self { offset, content_offset } = *self;
        self.offset = offset.saturating_add(compressed_bytes);
        self.content_offset = content_offset.saturating_add(content_bytes);
        (content_bytes > 0).then_some(Frame { offset, compressed_bytes, content_offset, content_bytes })
    }
}

/// Looks for a seek table at the end; gives it with the byte at which its own frame begins.
fn find_table(file: &dyn ReadAt) -> Result<Option<(Origin, u64)>, OpenError> {
    let Some(footer_at) = file.len().checked_sub(FOOTER_BYTES) else { return Ok(None) };
    let mut bytes = [0; 9];
    read_exact_at(file, footer_at, &mut bytes)?;
    let Some(footer) = Footer::parse(&bytes) else { return Ok(None) };
    if footer.unknown_flags != 0 {
        return Err(unsupported(format!("its seek table has the unknown flags {:#04x}", footer.unknown_flags)));
    }
    let damaged = |detail| OpenError::Damaged { structure: "seek table footer", offset: footer_at, detail };
    let whole = footer.payload_bytes().saturating_add(SKIPPABLE_HEADER_BYTES);
    let Some(table_at) = file.len().checked_sub(whole) else {
        return Err(damaged(format!("a table of {whole} bytes in a file of {} bytes", file.len())));
    };
    let mut header = [0; 8];
    read_exact_at(file, table_at, &mut header)?;
    let found = (u32_le(&header, 0).unwrap_or(0), u32_le(&header, 4).map_or(0, u64::from));
    if found != (SEEK_TABLE_MAGIC, footer.payload_bytes()) {
        return Err(damaged(format!(
            "expected a frame of magic {SEEK_TABLE_MAGIC:#010x} and length {} at byte {table_at}, \
             found magic {:#010x} and length {}",
            footer.payload_bytes(),
            found.0,
            found.1
        )));
    }
    let first_entry = table_at.saturating_add(SKIPPABLE_HEADER_BYTES);
    let frames = u64::from(footer.frames);
    Ok(Some((Origin::Table { first_entry, entry_bytes: footer.entry_bytes, frames }, table_at)))
}

/// Some writers leave trailing skippable frames out of the table. Content must not be left out.
fn check_unlisted(file: &dyn ReadAt, from: u64, frames_end: u64) -> Result<(), OpenError> {
    for walked in walk_frames(file, from) {
        let walked = walked.map_err(WalkError::into_open_error)?;
        if walked.offset >= frames_end {
            break;
        }
        if walked.kind != FrameKind::Skippable {
            let detail = format!("the frame at byte {} is not in the table", walked.offset);
            return Err(OpenError::Damaged { structure: "seek table", offset: frames_end, detail });
        }
    }
    Ok(())
}

fn check_size(frame: Frame) -> Result<(), OpenError> {
    if frame.is_sane() {
        return Ok(());
    }
    Err(unsupported(format!(
        "the frame at byte {} takes {} bytes and holds {}; at most {MAX_FRAME_BYTES} bytes are decoded at once; \
         restore the image with `zstd -d` first",
        frame.offset, frame.compressed_bytes, frame.content_bytes
    )))
}

fn unsupported(detail: String) -> OpenError {
    OpenError::Unsupported { format: "zstd", detail }
}
