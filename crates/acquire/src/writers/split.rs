//! The bytes as they are in parts of one size: `image.raw.001` and so on.

use super::raw::SparseFile;
use super::{ImageWriter, StoredChunks, open_file};
use crate::stream::{CHUNK_BYTES, Chunk};
use kanshiki_custody::OutputDir;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

/// The most parts that one image may have.
pub(crate) const MAX_PARTS: u64 = 9999;

/// The most parts that are open at once, for writing and again for reading: far below what a process may open.
const MAX_OPEN: usize = 16;

/// A raw image in parts under way.
#[derive(Debug)]
pub(crate) struct SplitWriter {
    dir: Arc<OutputDir>,
    part_bytes: u64,
    // By part, whether it is on the medium as it is.
    settled: Vec<bool>,
    // The open parts, the one used last at the end.
    open: VecDeque<(usize, SparseFile)>,
    reader: PartReader,
    resume: bool,
}

/// Opens parts for reading, and keeps a few of them open.
#[derive(Debug)]
struct PartReader {
    dir: Arc<OutputDir>,
    part_bytes: u64,
    open: Mutex<VecDeque<(usize, Arc<File>)>>,
}

impl PartReader {
    fn new(dir: &Arc<OutputDir>, part_bytes: u64) -> Self {
        Self { dir: Arc::clone(dir), part_bytes, open: Mutex::default() }
    }

    fn file(&self, part: usize) -> io::Result<Arc<File>> {
        let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = open().iter().find(|(number, _)| *number == part) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(self.dir.open_file(&part_name(part)).map_err(io::Error::other)?);
        let mut open = open();
        open.push_back((part, Arc::clone(&file)));
        if open.len() > MAX_OPEN {
            open.pop_front();
        }
        Ok(file)
    }
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
        let part_bytes = part_bytes.max(1);
        let reader = PartReader::new(dir, part_bytes);
        let dir = Arc::clone(dir);
        let mut writer = Self { dir, part_bytes, settled: Vec::new(), open: VecDeque::new(), reader, resume };
        while resume && super::exists(&writer.dir, &part_name(writer.settled.len())) {
            writer.settled.push(false);
        }
        Ok(writer)
    }

    /// The part with this number, open; made if it is not there yet, with all before it.
    fn part(&mut self, index: usize) -> io::Result<&mut SparseFile> {
        if index as u64 >= MAX_PARTS {
            return Err(io::Error::other(format!("the image needs more than {MAX_PARTS} parts")));
        }
        while self.settled.len() <= index {
            // A part that is complete gets its length: all but the last are full.
            if let Some(last) = self.settled.len().checked_sub(1) {
                let part_bytes = self.part_bytes;
                self.opened(last)?.file().set_len(part_bytes)?;
            }
            self.settled.push(false);
            self.opened(self.settled.len().saturating_sub(1))?;
        }
        self.opened(index)
    }

    fn opened(&mut self, index: usize) -> io::Result<&mut SparseFile> {
        match self.open.iter().position(|(number, _)| *number == index) {
            Some(at) => {
                let found = self.open.remove(at);
                self.open.extend(found);
            }
            None => {
                while self.open.len() >= MAX_OPEN {
                    self.close_oldest()?;
                }
                // A part that was closed is there; another one may be there if an earlier session left it.
                let resume = self.resume || self.settled.get(index).copied().unwrap_or(false);
                let file = SparseFile::new(open_file(&self.dir, &part_name(index), resume)?)?;
                self.open.push_back((index, file));
            }
        }
        if let Some(settled) = self.settled.get_mut(index) {
            *settled = false;
        }
        let last = self.open.back_mut().map(|(_, file)| file);
        last.ok_or_else(|| io::Error::other("a part is missing"))
    }

    /// Brings the part that was not used for longest to the medium and closes it.
    fn close_oldest(&mut self) -> io::Result<()> {
        if let Some((number, file)) = self.open.front() {
            file.file().sync_data()?;
            if let Some(settled) = self.settled.get_mut(*number) {
                *settled = true;
            }
            self.open.pop_front();
        }
        Ok(())
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
            let Some(buf) = buf.get_mut(range).filter(|_| part < self.settled.len()) else { return Ok(false) };
            super::raw::read_or_zero(self.reader.file(part)?.as_ref(), offset, buf)?;
        }
        Ok(true)
    }

    fn reader(&mut self) -> io::Result<Box<dyn StoredChunks>> {
        Ok(Box::new(PartReader::new(&self.dir, self.part_bytes)))
    }

    fn files(&self) -> io::Result<Vec<File>> {
        self.open.iter().map(|(_, part)| part.file().try_clone()).collect()
    }

    fn extend(&mut self) -> io::Result<()> {
        self.open.iter_mut().try_for_each(|(_, part)| part.extend())
    }

    fn finish(&mut self, image_bytes: u64) -> io::Result<Vec<String>> {
        let count = usize::try_from(image_bytes.div_ceil(self.part_bytes)).unwrap_or(usize::MAX);
        if let Some(last) = count.checked_sub(1) {
            self.part(last)?;
        }
        for index in 0..self.settled.len() {
            let settled = self.settled.get(index).copied().unwrap_or(false);
            // A part that was closed has its full length.
            if settled && index.saturating_add(1) < count {
                continue;
            }
            let start = self.part_bytes.saturating_mul(index as u64);
            let bytes = image_bytes.saturating_sub(start).min(self.part_bytes);
            self.opened(index)?.finish(bytes)?;
        }
        Ok((0..count).map(part_name).collect())
    }
}

impl StoredChunks for PartReader {
    fn read_chunk(&self, index: u64, buf: &mut [u8]) -> bool {
        pieces(self.part_bytes, index.saturating_mul(CHUNK_BYTES), buf.len()).into_iter().all(
            |(part, offset, range)| {
                let buf = buf.get_mut(range);
                // What an earlier session has not reached reads short: those bytes are not known to be there.
                buf.is_some_and(|buf| self.file(part).is_ok_and(|file| file.read_exact_at(buf, offset).is_ok()))
            },
        )
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
