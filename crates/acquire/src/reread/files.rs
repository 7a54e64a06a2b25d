//! Digests of the files of an image, worked out from the chunks that pass by.

use super::ImageFeed;
use crate::stream::Chunk;
use kanshiki_model::{Algorithm, Hasher};
use std::sync::Arc;

/// Bytes read at once where the chunks leave gaps.
const BLOCK_BYTES: usize = 64 << 10;

/// One file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileDigest {
    /// Its name.
    pub(crate) name: String,
    /// Its length in bytes.
    pub(crate) bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// Works out the digests of an image's files in one pass over its chunks.
#[derive(Debug)]
pub(super) struct FileHasher {
    image: Arc<ImageFeed>,
    // The file under way, and the bytes of it that are taken in.
    file: usize,
    position: u64,
    hasher: Hasher,
    done: Vec<FileDigest>,
    // A chunk was missing, so the rest cannot be told.
    broken: bool,
    next_chunk: u64,
}

impl FileHasher {
    pub(super) fn new(image: Arc<ImageFeed>) -> Self {
        let hasher = Hasher::new(Algorithm::Sha256);
        Self { image, file: 0, position: 0, hasher, done: Vec::new(), broken: false, next_chunk: 0 }
    }

    pub(super) fn update(&mut self, chunk: &Chunk) {
        if self.image.has_frames() {
            if !chunk.frame().is_empty() {
                // What lies between the frames, and the frames of chunks that did not come, is read from the file.
                self.fill_gap(chunk.frame_offset());
                self.take_in(chunk.frame());
            }
            return;
        }
        self.broken |= chunk.index() != self.next_chunk;
        self.next_chunk = chunk.index().saturating_add(1);
        let mut rest = chunk.bytes();
        while !rest.is_empty() && !self.broken {
            let Some((_, file)) = self.image.files().get(self.file) else { return };
            let room = usize::try_from(file.len().saturating_sub(self.position)).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.take_in(now);
            rest = later;
            if !rest.is_empty() {
                self.end_file();
            }
        }
    }

    /// The digests of all files; empty if bytes were missing.
    pub(super) fn finish(mut self) -> Vec<FileDigest> {
        while self.file < self.image.files().len() && !self.broken {
            let length = self.image.files().get(self.file).map_or(0, |(_, file)| file.len());
            self.fill_gap(length);
            self.end_file();
        }
        if self.broken { Vec::new() } else { self.done }
    }

    fn take_in(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.position = self.position.saturating_add(bytes.len() as u64);
    }

    /// Takes in the bytes of the file under way up to `end`.
    fn fill_gap(&mut self, end: u64) {
        let mut block = vec![0; BLOCK_BYTES];
        while self.position < end && !self.broken {
            let wanted = usize::try_from(end.saturating_sub(self.position)).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
            let block = block.get_mut(..wanted).unwrap_or_default();
            let Some((_, file)) = self.image.files().get(self.file) else { break };
            match file.read_at(self.position, block) {
                Ok(read) if read == wanted => self.take_in(block),
                _ => self.broken = true,
            }
        }
    }

    fn end_file(&mut self) {
        let hasher = std::mem::replace(&mut self.hasher, Hasher::new(Algorithm::Sha256));
        if let Some((name, _)) = self.image.files().get(self.file) {
            let (bytes, sha256) = (self.position, hasher.finish().to_hex());
            self.done.push(FileDigest { name: name.clone(), bytes, sha256 });
        }
        self.file = self.file.saturating_add(1);
        self.position = 0;
    }
}
