//! Files and devices read past the page cache (`O_DIRECT`), at any offset and length.

use crate::bytes::{bounded, copy, length};
use crate::raw::{file_runs, open_flags, read_once};
use crate::{RawFile, ReadAt, ReadError, Runs};
use rustix::fs::OFlags;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What direct reads begin and end at, and where their memory begins: a page, and a sector of every disk in use.
const ALIGNMENT: u64 = 4096;
const ALIGNMENT_IN_MEMORY: usize = 4096;
/// The largest piece that goes through a buffer of our own.
const BOUNCE_BYTES: usize = 1 << 20;
/// Buffers kept for the next read.
const KEPT_BUFFERS: usize = 4;

/// Opens a regular file or a block device for reading past the page cache.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidInput`] if the filesystem cannot do it, or the path is neither; the operating system's.
pub fn open_direct(path: &Path) -> io::Result<DirectFile> {
    DirectFile::from_file(open_flags(path, OFlags::DIRECT)?)
}

/// A regular file or a block device, read past the page cache. Reads that are aligned to 4096 bytes in offset, length
/// and memory go straight; others go through a buffer.
#[derive(Debug)]
pub struct DirectFile {
    raw: RawFile,
    buffers: Mutex<Vec<Aligned>>,
}

impl DirectFile {
    /// Takes a file that was opened for reading with `O_DIRECT`, and tries one read: some filesystems accept the flag
    /// but refuse to read.
    ///
    /// # Errors
    ///
    /// As [`open_direct`]. A medium that does not give the first bytes is no error here.
    pub fn from_file(file: File) -> io::Result<Self> {
        let direct = Self { raw: RawFile::from_file(file)?, buffers: Mutex::default() };
        match direct.read_at(0, &mut [0]) {
            Err(ReadError::Io { source, .. })
                if matches!(source.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
            {
                Err(source)
            }
            _ => Ok(direct),
        }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &File {
        self.raw.file()
    }

    /// Reads the beginning of `buf`, through a buffer unless everything is aligned.
    fn read_some(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let aligned_bytes = buf.len() & !ALIGNMENT_IN_MEMORY.saturating_sub(1);
        let in_place = offset.is_multiple_of(ALIGNMENT) && buf.as_ptr().align_offset(ALIGNMENT_IN_MEMORY) == 0;
        if in_place && let Some(aligned) = buf.get_mut(..aligned_bytes).filter(|aligned| !aligned.is_empty()) {
            return read_once(self.file(), offset, aligned);
        }
        let start = offset & !ALIGNMENT.saturating_sub(1);
        let skip = bounded(offset.saturating_sub(start), ALIGNMENT_IN_MEMORY);
        let wanted = skip.saturating_add(buf.len()).div_ceil(ALIGNMENT_IN_MEMORY);
        let wanted = wanted.saturating_mul(ALIGNMENT_IN_MEMORY).min(BOUNCE_BYTES);
        let mut buffer = self.take_buffer();
        let result = read_once(self.file(), start, buffer.first(wanted)).map(|read| {
            let got = buffer.first(wanted).get(skip..read).unwrap_or_default();
            copy(got, buf)
        });
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() < KEPT_BUFFERS {
            buffers.push(buffer);
        }
        result
    }

    fn take_buffer(&self) -> Aligned {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_else(Aligned::new)
    }
}

impl ReadAt for DirectFile {
    fn len(&self) -> u64 {
        self.raw.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = bounded(self.len().saturating_sub(offset), buf.len());
        let mut done = 0;
        while done < wanted {
            let at = offset.saturating_add(length(done));
            // The whole rest of the buffer, not only what there is to read: a read across the end of the file is
            // aligned, one that stops at the end may not be.
            let rest = buf.get_mut(done..).unwrap_or_default();
            let read = self.read_some(at, rest)?;
            if read == 0 {
                return Err(ReadError::Io { offset: at, source: io::ErrorKind::UnexpectedEof.into() });
            }
            done = done.saturating_add(read);
        }
        Ok(done.min(wanted))
    }

    fn runs(&self) -> Runs<'_> {
        file_runs(self.file(), self.len())
    }
}

/// Memory that begins at a multiple of the alignment.
#[derive(Debug)]
struct Aligned {
    memory: Vec<u8>,
    start: usize,
}

impl Aligned {
    fn new() -> Self {
        let memory = vec![0; BOUNCE_BYTES.saturating_add(ALIGNMENT_IN_MEMORY)];
        let start = memory.as_ptr().align_offset(ALIGNMENT_IN_MEMORY).min(ALIGNMENT_IN_MEMORY);
        Self { memory, start }
    }

    /// The first bytes; at most [`BOUNCE_BYTES`].
    fn first(&mut self, bytes: usize) -> &mut [u8] {
        self.memory.get_mut(self.start..self.start.saturating_add(bytes)).unwrap_or_default()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file of 2.5 MiB and a bit; `None` where the filesystem has no direct reads.
    fn sample() -> Option<(tempfile::TempDir, DirectFile, Vec<u8>)> {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let content: Vec<u8> = (0..2_621_447_u32).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect();
        let path = folder.path().join("content");
        std::fs::write(&path, &content).unwrap();
        let direct = open_direct(&path);
        if direct.is_err() {
            eprintln!("SKIPPED direct reads: needs a filesystem with direct reads at /var/tmp");
        }
        Some((folder, direct.ok()?, content))
    }

    fn check(direct: &DirectFile, content: &[u8], start: usize, length: usize) {
        let mut buf = vec![0; length];
        let read = direct.read_at(start as u64, &mut buf).unwrap();
        let start = start.min(content.len());
        assert_eq!(&buf[..read], &content[start..(start + length).min(content.len())]);
    }

    #[test]
    fn any_offset_and_length_equal_the_content() {
        let Some((_folder, direct, content)) = sample() else { return };
        let edges = [(0, 2_621_447), (0, 4096), (1, 1), (4095, 2), (4096, 1 << 20), (2_621_440, 4096), (3 << 20, 5)];
        for (start, length) in edges {
            check(&direct, &content, start, length);
        }
        let ranges = (0_usize..2_700_000, 0_usize..1_500_000);
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(40));
        runner
            .run(&ranges, |(start, length)| {
                check(&direct, &content, start, length);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn aligned_memory_is_read_in_place() {
        let Some((_folder, direct, content)) = sample() else { return };
        let mut buffer = Aligned::new();
        let aligned = buffer.first(8192);
        assert_eq!(direct.read_at(4096, aligned).unwrap(), 8192);
        assert_eq!(aligned, &content[4096..12_288]);
    }
}
