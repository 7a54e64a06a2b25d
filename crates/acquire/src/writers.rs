//! Where an image is written: raw, raw in parts, or seekable zstd. A writer is fed chunks in order; chunks whose bytes
//! come later keep their place.

mod frame_index;
mod raw;
mod split;
mod zstd;

pub(crate) use raw::RawWriter;
pub(crate) use split::{MAX_PARTS, SplitWriter};
pub(crate) use zstd::ZstdWriter;

use crate::stream::Chunk;
use kanshiki_custody::OutputDir;
use kanshiki_custody::manifest::Format;
use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// Writes one image.
pub(crate) trait ImageWriter: Send + fmt::Debug {
    /// Writes the next chunk.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn put(&mut self, chunk: &Chunk) -> io::Result<()>;

    /// Keeps the place of the next chunk, of `bytes` bytes, which comes later; it reads as zeroes until then.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn reserve(&mut self, index: u64, bytes: usize) -> io::Result<()>;

    /// Passes over the next chunk, which an earlier session has written.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn pass(&mut self, chunk: &Chunk) -> io::Result<()>;

    /// Writes a chunk whose place was kept.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn rewrite(&mut self, index: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reads a chunk as it is written so far; returns whether all of `buf` could be filled.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn read_chunk(&self, index: u64, buf: &mut [u8]) -> io::Result<bool>;

    /// What reads chunks that earlier sessions have written, beside the writer.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn reader(&mut self) -> io::Result<Box<dyn StoredChunks>>;

    /// Makes the image's files as long as the work has come, so that zeroes at the end count as written.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn extend(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The open files, to be brought to the medium while the work goes on; those that were closed are there.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn files(&self) -> io::Result<Vec<File>>;

    /// Ends an image of `image_bytes` bytes and brings it to the medium; returns the names of its files.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn finish(&mut self, image_bytes: u64) -> io::Result<Vec<String>>;
}

/// Chunks that earlier sessions have written.
pub(crate) trait StoredChunks: Send + Sync + fmt::Debug {
    /// Reads a chunk; returns whether all of `buf` could be filled. The bytes are believed only if their leaf fits.
    fn read_chunk(&self, index: u64, buf: &mut [u8]) -> bool;
}

/// How an image is stored, with what the format needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Storage {
    /// The format.
    pub(crate) format: Format,
    /// Bytes in a part of a split image.
    pub(crate) split_bytes: u64,
    /// The level of zstd.
    pub(crate) zstd_level: i32,
}

/// Opens a writer in an exhibit's folder; with `resume` on what is there already.
///
/// # Errors
///
/// The operating system's; what the folder's rules refuse, as [`io::ErrorKind::Other`].
pub(crate) fn open(dir: &Arc<OutputDir>, storage: Storage, resume: bool) -> io::Result<Box<dyn ImageWriter>> {
    Ok(match storage.format {
        Format::Raw => Box::new(RawWriter::open(dir, resume)?),
        Format::Split => Box::new(SplitWriter::open(dir, storage.split_bytes, resume)?),
        Format::Zstd => Box::new(ZstdWriter::open(dir, storage.zstd_level, resume)?),
    })
}

/// Opens a file of the exhibit for reading and writing: the one that is there when the work is resumed, else a new one.
fn open_file(dir: &Arc<OutputDir>, name: &str, resume: bool) -> io::Result<File> {
    if resume && exists(dir, name) {
        return dir.reopen(name).map_err(io::Error::other);
    }
    dir.create_new(name).map_err(io::Error::other)
}

/// Whether a file of this name is one of an image in this format.
pub(crate) fn is_image_file(format: Format, name: &str) -> bool {
    match format {
        Format::Raw => name == raw::FILE_NAME,
        Format::Split => name.strip_prefix("image.raw.").is_some_and(|number| {
            number
                .parse::<usize>()
                .is_ok_and(|number| number.checked_sub(1).map(split::part_name).as_deref() == Some(name))
        }),
        Format::Zstd => name == zstd::FILE_NAME || name == zstd::INDEX_NAME,
    }
}

/// Whether the exhibit's folder has a regular file of this name.
pub(crate) fn exists(dir: &OutputDir, name: &str) -> bool {
    dir.open_file(name).is_ok()
}
