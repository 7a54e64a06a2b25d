//! The bytes as they are in parts of one size: `image.raw.001` and so on.

use super::raw::SparseFile;
use super::{ImageWriter, StoredChunks, open_file};
use crate::stream::{CHUNK_BYTES, Chunk};
use kanshiki_custody::OutputDir;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// The most parts that one image may have; all of them are open at once.
pub(crate) const MAX_PARTS: u64 = 9999;

/// A raw image in parts under way.
#[derive(Debug)]
pub(crate) struct SplitWriter {
    dir: Arc<OutputDir>,
    part_bytes: u64,
    parts: Vec<SparseFile>,
    resume: bool,
}

/// The name of part number `index`, counted from 0: `image.raw.001` is the first.
#[must_use]
pub(crate) fn part_name(index: usize) -> String {
    format!("image.raw.{:03}", index.saturating_add(1))
}

/// A piece of a chunk that lies in one part: the part, the offset in the part, and the piece's place in the chunk.
type Piece = (usize, u64, std::ops::Range<usize>);

/// The pieces of `length` bytes from `offset` on.
fn pieces(part_bytes: u64, offset: u64, length: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut done: usize = 0;
    while done < length {
        let at = offset.saturating_add(done as u64);
        let (part, within) = (at / part_bytes, at % part_bytes);
        let room = usize::try_from(part_bytes.saturating_sub(within)).unwrap_or(usize::MAX);
        let end = done.saturating_add(room.min(length.saturating_sub(done)));
        pieces.push((usize::try_from(part).unwrap_or(usize::MAX), within, done..end));
        done = end;
    }
    pieces
}

impl SplitWriter {
    /// Opens the parts in an exhibit's folder.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn open(dir: &Arc<OutputDir>, part_bytes: u64, resume: bool) -> io::Result<Self> {
        let dir = Arc::clone(dir);
        let mut writer = Self { dir, part_bytes: part_bytes.max(1), parts: Vec::new(), resume };
        while resume && super::exists(&writer.dir, &part_name(writer.parts.len())) {
            writer.open_next()?;
        }
        Ok(writer)
    }

    fn open_next(&mut self) -> io::Result<()> {
        let name = part_name(self.parts.len());
        self.parts.push(SparseFile::new(open_file(&self.dir, &name, self.resume)?)?);
        Ok(())
    }

    /// The part with this number; made if it is not there yet, with all before it.
    fn part(&mut self, index: usize) -> io::Result<&mut SparseFile> {
        if index as u64 >= MAX_PARTS {
            return Err(io::Error::other(format!("the image needs more than {MAX_PARTS} parts")));
        }
        while self.parts.len() <= index {
            // A part that is complete gets its length: all but the last are full.
            if let Some(last) = self.parts.last() {
                last.file().set_len(self.part_bytes)?;
            }
            self.open_next()?;
        }
        self.parts.get_mut(index).ok_or_else(|| io::Error::other("a part is missing"))
    }
}

impl ImageWriter for SplitWriter {
    fn put(&mut self, chunk: &Chunk) -> io::Result<()> {
        for (part, offset, range) in pieces(self.part_bytes, chunk.offset(), chunk.bytes().len()) {
            let bytes = chunk.bytes().get(range).unwrap_or_default();
            self.part(part)?.write(offset, bytes, chunk.is_zero())?;
        }
        Ok(())
    }

    fn reserve(&mut self, index: u64, bytes: usize) -> io::Result<()> {
        for (part, offset, range) in pieces(self.part_bytes, index.saturating_mul(CHUNK_BYTES), bytes) {
            self.part(part)?.zero(offset, range.len())?;
        }
        Ok(())
    }

    fn pass(&mut self, _chunk: &Chunk) -> io::Result<()> {
        Ok(())
    }

    fn rewrite(&mut self, index: u64, bytes: &[u8]) -> io::Result<()> {
        for (part, offset, range) in pieces(self.part_bytes, index.saturating_mul(CHUNK_BYTES), bytes.len()) {
            self.part(part)?.rewrite(offset, bytes.get(range).unwrap_or_default())?;
        }
        Ok(())
    }

    fn read_chunk(&self, index: u64, buf: &mut [u8]) -> io::Result<bool> {
        for (part, offset, range) in pieces(self.part_bytes, index.saturating_mul(CHUNK_BYTES), buf.len()) {
            let (Some(part), Some(buf)) = (self.parts.get(part), buf.get_mut(range)) else { return Ok(false) };
            part.read(offset, buf)?;
        }
        Ok(true)
    }

    fn reader(&mut self) -> io::Result<Box<dyn StoredChunks>> {
        Ok(Box::new(StoredParts { part_bytes: self.part_bytes, parts: self.files()? }))
    }

    fn files(&self) -> io::Result<Vec<File>> {
        self.parts.iter().map(|part| part.file().try_clone()).collect()
    }

    fn finish(&mut self, image_bytes: u64) -> io::Result<Vec<String>> {
        let count = usize::try_from(image_bytes.div_ceil(self.part_bytes)).unwrap_or(usize::MAX);
        if let Some(last) = count.checked_sub(1) {
            self.part(last)?;
        }
        for (index, part) in self.parts.iter_mut().enumerate() {
            let start = self.part_bytes.saturating_mul(index as u64);
            part.finish(image_bytes.saturating_sub(start).min(self.part_bytes))?;
        }
        Ok((0..count).map(part_name).collect())
    }
}

#[derive(Debug)]
struct StoredParts {
    part_bytes: u64,
    parts: Vec<File>,
}

impl StoredChunks for StoredParts {
    fn read_chunk(&self, index: u64, buf: &mut [u8]) -> bool {
        let offset = index.saturating_mul(CHUNK_BYTES);
        pieces(self.part_bytes, offset, buf.len()).into_iter().all(|(part, offset, range)| {
            let (Some(part), Some(buf)) = (self.parts.get(part), buf.get_mut(range)) else { return false };
            part.read_exact_at(buf, offset).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_at_the_ends_of_parts() {
        assert_eq!(pieces(10, 8, 15), [(0, 8, 0..2), (1, 0, 2..12), (2, 0, 12..15)]);
        assert_eq!(pieces(10, 10, 10), [(1, 0, 0..10)]);
        assert_eq!(pieces(10, 3, 0), []);
    }
}
