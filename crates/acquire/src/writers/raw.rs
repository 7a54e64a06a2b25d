//! The bytes as they are in one file, with runs of zeroes as holes.

use super::{ImageWriter, StoredChunks, open_file};
use crate::stream::{CHUNK_BYTES, Chunk, is_zero};
use kanshiki_custody::OutputDir;
use rustix::fs::FallocateFlags;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// The name of the image file.
pub(crate) const FILE_NAME: &str = "image.raw";

/// Zeroes shorter than this are written: a hole is worth a place in the filesystem's tables only when it is long.
const HOLE_BYTES: usize = 64 << 10;

/// A raw image under way.
#[derive(Debug)]
pub(crate) struct RawWriter {
    file: SparseFile,
}

impl RawWriter {
    /// Opens the image file in an exhibit's folder.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn open(dir: &Arc<OutputDir>, resume: bool) -> io::Result<Self> {
        Ok(Self { file: SparseFile::new(open_file(dir, FILE_NAME, resume)?)? })
    }
}

impl ImageWriter for RawWriter {
    fn put(&mut self, chunk: &Chunk) -> io::Result<()> {
        self.file.write(chunk.offset(), chunk.bytes(), chunk.is_zero())
    }

    fn reserve(&mut self, index: u64, bytes: usize) -> io::Result<()> {
        self.file.zero(index.saturating_mul(CHUNK_BYTES), bytes)
    }

    fn pass(&mut self, _chunk: &Chunk) -> io::Result<()> {
        Ok(())
    }

    fn rewrite(&mut self, index: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.rewrite(index.saturating_mul(CHUNK_BYTES), bytes)
    }

    fn read_chunk(&self, index: u64, buf: &mut [u8]) -> io::Result<bool> {
        read_or_zero(&self.file.file, index.saturating_mul(CHUNK_BYTES), buf)?;
        Ok(true)
    }

    fn reader(&mut self) -> io::Result<Box<dyn StoredChunks>> {
        Ok(Box::new(StoredFile(self.file.file.try_clone()?)))
    }

    fn files(&self) -> io::Result<Vec<File>> {
        Ok(vec![self.file.file.try_clone()?])
    }

    fn extend(&mut self) -> io::Result<()> {
        self.file.extend()
    }

    fn finish(&mut self, image_bytes: u64) -> io::Result<Vec<String>> {
        self.file.finish(image_bytes)?;
        Ok(vec![FILE_NAME.to_owned()])
    }
}

#[derive(Debug)]
struct StoredFile(File);

impl StoredChunks for StoredFile {
    fn read_chunk(&self, index: u64, buf: &mut [u8]) -> bool {
        // A hole at the end that was not reached yet reads short: those bytes are not known to be there.
        self.0.read_exact_at(buf, index.saturating_mul(CHUNK_BYTES)).is_ok()
    }
}

/// A file in which zeroes become holes.
#[derive(Debug)]
pub(super) struct SparseFile {
    file: File,
    // Below this an earlier session, or this one, may have left bytes that are not zero.
    written: u64,
    // Where the work has come to: up to here everything was written or is zero.
    reached: u64,
}

impl SparseFile {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let written = file.metadata()?.len();
        Ok(Self { file, written, reached: 0 })
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// Writes bytes; `all_zero` saves looking for zeroes.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], all_zero: bool) -> io::Result<()> {
        if all_zero {
            return self.zero(offset, bytes.len());
        }
        let mut pending: Option<(u64, usize, usize)> = None;
        let mut at = 0;
        for part in bytes.chunks(HOLE_BYTES) {
            let place = offset.saturating_add(at as u64);
            if part.len() == HOLE_BYTES && is_zero(part) {
                if let Some((place, from, to)) = pending.take() {
                    self.write_all(place, bytes.get(from..to).unwrap_or_default())?;
                }
                self.zero(place, part.len())?;
            } else {
                let (place, from, _) = pending.unwrap_or((place, at, at));
                pending = Some((place, from, at.saturating_add(part.len())));
            }
            at = at.saturating_add(part.len());
        }
        match pending {
            Some((place, from, to)) => self.write_all(place, bytes.get(from..to).unwrap_or_default()),
            None => Ok(()),
        }
    }

    /// Writes bytes over those that are there.
    pub(super) fn rewrite(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.written = self.written.max(offset.saturating_add(bytes.len() as u64));
        self.write(offset, bytes, false)
    }

    fn write_all(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.reached = self.reached.max(offset.saturating_add(bytes.len() as u64));
        self.file.write_all_at(bytes, offset)
    }

    /// Makes the file as long as the work has come: a hole at the end counts as written from then on.
    pub(super) fn extend(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() < self.reached {
            self.file.set_len(self.reached)?;
        }
        Ok(())
    }

    /// Lets bytes read as zeroes.
    pub(super) fn zero(&mut self, offset: u64, bytes: usize) -> io::Result<()> {
        self.reached = self.reached.max(offset.saturating_add(bytes as u64));
        let length = self.written.saturating_sub(offset).min(bytes as u64);
        if length == 0 {
            return Ok(());
        }
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if rustix::fs::fallocate(&self.file, punch, offset, length).is_ok() {
            return Ok(());
        }
        let zeroes = vec![0; usize::try_from(length).unwrap_or(bytes)];
        self.file.write_all_at(&zeroes, offset)
    }

    /// Sets the length and brings everything to the medium.
    pub(super) fn finish(&mut self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)?;
        self.file.sync_all()
    }
}

/// Reads bytes; what lies behind the end of the file is zero, since everything up to there was written or kept.
pub(super) fn read_or_zero(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(done as u64)) {
            Ok(0) => {
                rest.fill(0);
                break;
            }
            Ok(read) => done = done.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
