//! The image in the seekable format of Zstandard, one frame for each chunk, with the table of frames at the end.
//!
//! A chunk that could not be read at first keeps a slot: its frame, and a skippable frame that fills the slot up. The
//! file is a row of whole frames at any time, so that a broken-off one can be walked.

use super::frame_index::{FrameIndex, Place};
use super::{ImageWriter, StoredChunks, open_file};
use crate::stream::{CHUNK_BYTES, Chunk};
use kanshiki_custody::OutputDir;
use kanshiki_image::RawFile;
use kanshiki_image::zstd::{self, FrameDecoder, FrameEncoder, FrameKind, SeekEntry};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

/// The name of the image file.
pub(crate) const FILE_NAME: &str = "image.raw.zst";

/// The name of the index while the work is under way.
pub(super) const INDEX_NAME: &str = "image.index";

const CHUNK_LEN: usize = 1 << 20;

/// Bytes of a slot: the largest frame of a chunk, and the header of a skippable frame.
fn slot_bytes() -> u64 {
    (zstd::frame_bound(CHUNK_LEN) as u64).saturating_add(8)
}

/// A zstd image under way.
#[derive(Debug)]
pub(crate) struct ZstdWriter {
    dir: Arc<OutputDir>,
    file: File,
    index: FrameIndex,
    encoder: FrameEncoder,
    frame: Vec<u8>,
    // Where the next frame goes.
    end: u64,
    // The number of the next chunk.
    next: u64,
}

impl ZstdWriter {
    /// Opens the image file in an exhibit's folder; on a broken-off one it goes on behind the last whole frame.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn open(dir: &Arc<OutputDir>, level: i32, resume: bool) -> io::Result<Self> {
        let file = open_file(dir, FILE_NAME, resume)?;
        let index = FrameIndex::new(open_file(dir, INDEX_NAME, resume)?)?;
        let dir = Arc::clone(dir);
        let encoder = FrameEncoder::new(level)?;
        let mut writer = Self { dir, file, index, encoder, frame: Vec::new(), end: 0, next: 0 };
        writer.walk()?;
        Ok(writer)
    }

    /// Finds the whole frames of an earlier session.
    fn walk(&mut self) -> io::Result<()> {
        let file = RawFile::from_file(self.file.try_clone()?)?;
        let mut frame: Option<Place> = None;
        for walked in zstd::walk_frames(&file, 0) {
            let Ok(walked) = walked else { break };
            match (walked.kind, frame.take()) {
                (FrameKind::Data { content_bytes: Some(bytes) }, before) if bytes <= CHUNK_BYTES => {
                    if let Some(before) = before {
                        self.index.push(before)?;
                    }
                    let Ok(compressed) = u32::try_from(walked.compressed_bytes) else { break };
                    frame = Some(Place { offset: walked.offset, compressed, slot: false });
                }
                (FrameKind::Skippable, Some(before))
                    if u64::from(before.compressed).saturating_add(walked.compressed_bytes) == slot_bytes()
                        && self.is_filler(walked.offset) =>
                {
                    self.index.push(Place { slot: true, ..before })?;
                }
                // The table of frames, or something that is not ours.
                (_, before) => {
                    frame = before;
                    break;
                }
            }
        }
        if let Some(last) = frame {
            self.index.push(last)?;
        }
        self.end = match self.index.count().checked_sub(1).map(|last| self.index.get(last)).transpose()?.flatten() {
            Some(place) => place_end(place),
            None => 0,
        };
        Ok(())
    }

    /// Whether the skippable frame at `offset` fills a slot; the table of frames is a skippable frame too.
    fn is_filler(&self, offset: u64) -> bool {
        let mut magic = [0; 4];
        self.file.read_exact_at(&mut magic, offset).is_ok() && zstd::skippable_header(0).starts_with(&magic)
    }

    /// Cuts the file off before the chunk with this number.
    fn cut(&mut self, index: u64) -> io::Result<()> {
        if let Some(place) = self.index.get(index)? {
            self.index.truncate(index)?;
            self.end = place.offset;
        }
        self.file.set_len(self.end)
    }

    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        let compressed = u32::try_from(frame.len()).map_err(io::Error::other)?;
        self.file.write_all_at(frame, self.end)?;
        self.index.push(Place { offset: self.end, compressed, slot: false })?;
        self.end = self.end.saturating_add(frame.len() as u64);
        Ok(())
    }

    /// Writes bytes into a slot at `offset`; returns the length of their frame.
    fn fill_slot(&mut self, offset: u64, bytes: &[u8]) -> io::Result<u32> {
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        self.encoder.encode(bytes, &mut frame)?;
        let compressed = u32::try_from(frame.len()).map_err(io::Error::other)?;
        let filler = slot_bytes().saturating_sub(frame.len() as u64).saturating_sub(8);
        frame.extend_from_slice(&zstd::skippable_header(u32::try_from(filler).map_err(io::Error::other)?));
        self.file.write_all_at(&frame, offset)?;
        // What an earlier, longer frame has left would make the file depend on its history.
        let tail = offset.saturating_add(frame.len() as u64);
        let length = offset.saturating_add(slot_bytes()).saturating_sub(tail);
        let zeroes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.write_all_at(&zeroes, tail)?;
        self.frame = frame;
        Ok(compressed)
    }
}

/// The byte after a frame, or after its slot.
fn place_end(place: Place) -> u64 {
    place.offset.saturating_add(if place.slot { slot_bytes() } else { u64::from(place.compressed) })
}

impl ImageWriter for ZstdWriter {
    fn put(&mut self, chunk: &Chunk) -> io::Result<()> {
        if self.index.get(self.next)?.is_some_and(|place| place.slot) {
            self.rewrite(self.next, chunk.bytes())?;
        } else {
            self.cut(self.next)?;
            if chunk.frame().is_empty() {
                let mut frame = std::mem::take(&mut self.frame);
                frame.clear();
                self.encoder.encode(chunk.bytes(), &mut frame)?;
                self.append(&frame)?;
                self.frame = frame;
            } else {
                self.append(chunk.frame())?;
            }
        }
        self.next = self.next.saturating_add(1);
        Ok(())
    }

    fn reserve(&mut self, index: u64, bytes: usize) -> io::Result<()> {
        if !self.index.get(index)?.is_some_and(|place| place.slot) {
            self.cut(index)?;
            let offset = self.end;
            let compressed = self.fill_slot(offset, &vec![0; bytes])?;
            self.index.push(Place { offset, compressed, slot: true })?;
            self.end = offset.saturating_add(slot_bytes());
        }
        self.next = index.saturating_add(1);
        Ok(())
    }

    fn pass(&mut self, chunk: &Chunk) -> io::Result<()> {
        if self.next >= self.index.count() {
            // A chunk before it was damaged, and the file was cut off there.
            return self.put(chunk);
        }
        self.next = self.next.saturating_add(1);
        Ok(())
    }

    fn rewrite(&mut self, index: u64, bytes: &[u8]) -> io::Result<()> {
        let place = self.index.get(index)?.filter(|place| place.slot);
        let place = place.ok_or_else(|| io::Error::other(format!("no slot for chunk {index}")))?;
        let compressed = self.fill_slot(place.offset, bytes)?;
        self.index.set(index, Place { compressed, ..place })
    }

    fn read_chunk(&self, index: u64, buf: &mut [u8]) -> io::Result<bool> {
        let mut decoder = FrameDecoder::new()?;
        read_frame(&self.file, &self.index, index, &mut decoder, buf)
    }

    fn reader(&mut self) -> io::Result<Box<dyn StoredChunks>> {
        Ok(Box::new(StoredFrames {
            file: self.file.try_clone()?,
            index: self.index.snapshot()?,
            idle: Mutex::default(),
        }))
    }

    fn files(&self) -> io::Result<Vec<File>> {
        Ok(vec![self.file.try_clone()?])
    }

    fn finish(&mut self, image_bytes: u64) -> io::Result<Vec<String>> {
        let chunks = image_bytes.div_ceil(CHUNK_BYTES);
        if self.index.count() != chunks {
            return Err(io::Error::other(format!("{} frames for {chunks} chunks", self.index.count())));
        }
        self.file.set_len(self.end)?;
        let mut slots = 0;
        for index in 0..chunks {
            slots += u64::from(self.index.get(index)?.is_some_and(|place| place.slot));
        }
        let frames = chunks.saturating_add(slots);
        let header = zstd::seek_table_header(frames);
        let header = header.ok_or_else(|| io::Error::other("too many frames for the seekable format"))?;
        let mut table = TableWriter { file: &self.file, offset: self.end };
        let mut out = io::BufWriter::with_capacity(64 << 10, &mut table);
        out.write_all(&header)?;
        for index in 0..chunks {
            let Some(place) = self.index.get(index)? else { continue };
            let bytes = image_bytes.saturating_sub(index.saturating_mul(CHUNK_BYTES)).min(CHUNK_BYTES);
            let decompressed = u32::try_from(bytes).map_err(io::Error::other)?;
            out.write_all(&SeekEntry { compressed: place.compressed, decompressed }.to_bytes())?;
            if place.slot {
                let filler = slot_bytes().saturating_sub(u64::from(place.compressed));
                let compressed = u32::try_from(filler).map_err(io::Error::other)?;
                out.write_all(&SeekEntry { compressed, decompressed: 0 }.to_bytes())?;
            }
        }
        let footer = zstd::seek_table_footer(frames);
        out.write_all(&footer.ok_or_else(|| io::Error::other("too many frames for the seekable format"))?)?;
        out.flush()?;
        drop(out);
        self.file.sync_all()?;
        self.dir.remove_own(INDEX_NAME).map_err(io::Error::other)?;
        Ok(vec![FILE_NAME.to_owned()])
    }
}

/// Writes the table of frames behind the frames.
struct TableWriter<'a> {
    file: &'a File,
    offset: u64,
}

impl io::Write for TableWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all_at(bytes, self.offset)?;
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn read_frame(
    file: &File,
    index: &FrameIndex,
    number: u64,
    decoder: &mut FrameDecoder,
    buf: &mut [u8],
) -> io::Result<bool> {
    let Some(place) = index.get(number)? else { return Ok(false) };
    let mut frame = vec![0; usize::try_from(place.compressed).map_err(io::Error::other)?];
    file.read_exact_at(&mut frame, place.offset)?;
    Ok(decoder.decode(&frame, buf)? == buf.len())
}

#[derive(Debug)]
struct StoredFrames {
    file: File,
    index: FrameIndex,
    idle: Mutex<Vec<FrameDecoder>>,
}

impl StoredChunks for StoredFrames {
    fn read_chunk(&self, index: u64, buf: &mut [u8]) -> bool {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let Some(mut decoder) = kept.or_else(|| FrameDecoder::new().ok()) else { return false };
        let read = read_frame(&self.file, &self.index, index, &mut decoder, buf);
        idle().push(decoder);
        read.unwrap_or(false)
    }
}
