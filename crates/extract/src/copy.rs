//! The content of one file, from the evidence to the output: holes stay holes, and what cannot be read is zeroes and
//! told.

use kanshiki_image::bytes::{bounded, length};
use kanshiki_image::{Around, Next, ReadAt, ReadError, RunState};
use kanshiki_model::{Algorithm, ByteRange, ByteRanges, Digest, Hasher, Progress};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Read and written at once.
const CHUNK: usize = 1 << 20;

/// Bytes of holes that are hashed in one extraction. A hole costs nothing to store, but its zeroes have to go through the
/// hash: at 1 GB/s, this is a minute.
pub(crate) const HASHED_HOLES: u64 = 64 << 30;

/// What may still be spent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Bytes of content.
    pub(crate) bytes: u64,
    /// Bytes of holes that go through the hash.
    pub(crate) holes: u64,
}

/// What became of a content.
#[derive(Debug)]
pub(crate) struct Copied {
    /// Bytes that were written, holes not counted.
    pub(crate) written: u64,
    /// The digest of the file as written, zeroes for what could not be read; `None` if its holes are too large.
    pub(crate) sha256: Option<Digest>,
    /// What could not be read.
    pub(crate) unreadable: ByteRanges,
    /// The first reason why something could not be read.
    pub(crate) reason: Option<String>,
}

/// Why a content was not copied.
#[derive(Debug)]
pub(crate) enum CopyEnd {
    /// The caller wants to stop.
    Stopped,
    /// It has this many bytes of content, more than may still be written.
    TooLarge(u64),
    /// The output failed.
    Output(io::Error),
}

/// Copies a content into an empty file.
pub(crate) fn copy(
    source: &dyn ReadAt,
    file: &File,
    budget: &mut Budget,
    buffer: &mut Vec<u8>,
    progress: &dyn Progress,
) -> Result<Copied, CopyEnd> {
    let (data, holes) = weigh(source, budget.bytes);
    if data > budget.bytes {
        return Err(CopyEnd::TooLarge(data));
    }
    let hasher = (holes <= budget.holes).then(|| Hasher::new(Algorithm::Sha256));
    if hasher.is_some() {
        budget.holes = budget.holes.saturating_sub(holes);
    }
    buffer.resize(CHUNK, 0);
    let mut copy = Copy {
        source,
        file,
        hasher,
        buffer,
        progress,
        written: 0,
        end: 0,
        unreadable: ByteRanges::new(),
        reason: None,
    };
    for (run, state) in source.runs() {
        match state {
            RunState::Data | RunState::Unreadable => copy.stored(run)?,
            RunState::Hole => copy.zeroes(run.len())?,
        }
    }
    budget.bytes = budget.bytes.saturating_sub(copy.written);
    copy.finish()
}

/// Bytes of data and of everything else; data is counted no further than past `enough`.
fn weigh(source: &dyn ReadAt, enough: u64) -> (u64, u64) {
    let (mut data, mut rest) = (0_u64, 0_u64);
    for (run, state) in source.runs() {
        match state {
            RunState::Data => data = data.saturating_add(run.len()),
            RunState::Hole | RunState::Unreadable => rest = rest.saturating_add(run.len()),
        }
        if data > enough {
            break;
        }
    }
    (data, rest)
}

struct Copy<'a> {
    source: &'a dyn ReadAt,
    file: &'a File,
    hasher: Option<Hasher>,
    buffer: &'a mut Vec<u8>,
    progress: &'a dyn Progress,
    written: u64,
    /// Where the bytes that were written end.
    end: u64,
    unreadable: ByteRanges,
    reason: Option<String>,
}

impl Copy<'_> {
    /// What can be read of a run, and zeroes for the rest.
    fn stored(&mut self, run: ByteRange) -> Result<(), CopyEnd> {
        let mut around = Around::new(self.source, run);
        while !around.rest().is_empty() {
            self.go_on()?;
            let at = around.rest().start;
            match around.next(self.buffer) {
                Next::Bytes(read) => self.write(at, read)?,
                Next::Unreadable(range, error) => {
                    self.lost(range, &error);
                    self.zeroes(range.len())?;
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, at: u64, size: usize) -> Result<(), CopyEnd> {
        let part = self.buffer.get(..size).unwrap_or_default();
        self.file.write_all_at(part, at).map_err(CopyEnd::Output)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(part);
        }
        let size = length(size);
        self.written = self.written.saturating_add(size);
        self.end = at.saturating_add(size);
        self.progress.advance(size);
        Ok(())
    }

    /// Zeroes that are hashed and not written.
    fn zeroes(&mut self, mut bytes: u64) -> Result<(), CopyEnd> {
        static ZEROES: [u8; 1 << 16] = [0; 1 << 16];
        let Some(hasher) = &mut self.hasher else { return Ok(()) };
        while bytes > 0 {
            if self.progress.stop_requested() {
                return Err(CopyEnd::Stopped);
            }
            let some = ZEROES.get(..bounded(bytes, ZEROES.len())).unwrap_or_default();
            hasher.update(some);
            bytes = bytes.saturating_sub(length(some.len()));
        }
        Ok(())
    }

    fn lost(&mut self, range: ByteRange, error: &ReadError) {
        self.unreadable.insert(range);
        if self.reason.is_none() {
            self.reason = Some(error.to_string());
        }
    }

    fn go_on(&self) -> Result<(), CopyEnd> {
        if self.progress.stop_requested() { Err(CopyEnd::Stopped) } else { Ok(()) }
    }

    fn finish(self) -> Result<Copied, CopyEnd> {
        if self.end < self.source.len() {
            self.file.set_len(self.source.len()).map_err(CopyEnd::Output)?;
        }
        let sha256 = self.hasher.map(Hasher::finish);
        Ok(Copied { written: self.written, sha256, unreadable: self.unreadable, reason: self.reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_image::{Gaps, Memory};
    use kanshiki_model::Silent;
    use kanshiki_testkit::{noise, sha256sum, tempdir};
    use std::os::unix::fs::MetadataExt as _;
    use std::sync::Arc;

    const PLENTY: Budget = Budget { bytes: 1 << 30, holes: 1 << 30 };

    /// A file of the folder, open for writing.
    fn file(folder: &std::path::Path) -> (std::path::PathBuf, File) {
        let root = crate::output::Folder::create_root(&folder.join("out")).unwrap();
        (folder.join("out/f"), root.create_file("f").unwrap())
    }

    /// A huge hole with a few bytes near its end.
    #[derive(Debug)]
    struct Sparse(u64);

    impl ReadAt for Sparse {
        fn len(&self) -> u64 {
            self.0
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, kanshiki_image::ReadError> {
            let size = bounded(self.0.saturating_sub(offset), buf.len());
            buf[..size].fill(7);
            Ok(size)
        }
        fn runs(&self) -> kanshiki_image::Runs<'_> {
            let hole = (ByteRange::new(0, self.0 - 100), RunState::Hole);
            Box::new([hole, (ByteRange::new(self.0 - 100, self.0), RunState::Data)].into_iter())
        }
    }

    #[test]
    fn a_copy_has_the_bytes_and_the_digest_of_the_source() {
        let place = tempdir();
        let (path, file) = file(place.path());
        let bytes = noise(3, 2_500_001);
        let copied = copy(&Memory(bytes.clone()), &file, &mut PLENTY.clone(), &mut Vec::new(), &Silent).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(copied.sha256.unwrap().to_hex(), sha256sum(&path));
        assert_eq!((copied.written, copied.unreadable.total_bytes()), (2_500_001, 0));
    }

    #[test]
    fn unreadable_bytes_are_zeroes_and_told_and_the_digest_is_that_of_the_file() {
        let place = tempdir();
        let (path, file) = file(place.path());
        let gaps = [ByteRange::new(10, 20), ByteRange::new(9_000, 12_000)].into_iter().collect();
        let source = Gaps::new(Arc::new(Memory(vec![1; 12_000])), gaps);
        let copied = copy(&source, &file, &mut PLENTY.clone(), &mut Vec::new(), &Silent).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((bytes.len(), bytes.iter().filter(|byte| **byte == 0).count()), (12_000, 3_010));
        assert_eq!(copied.unreadable.as_slice(), [ByteRange::new(10, 20), ByteRange::new(9_000, 12_000)]);
        assert_eq!(copied.sha256.unwrap().to_hex(), sha256sum(&path));
    }

    #[test]
    fn holes_stay_holes_and_one_too_large_to_hash_costs_the_digest_alone() {
        let place = tempdir();
        let (path, file) = file(place.path());
        let mut budget = PLENTY;
        let copied = copy(&Sparse(8 << 40), &file, &mut budget, &mut Vec::new(), &Silent).unwrap();
        assert_eq!((copied.written, copied.sha256), (100, None));
        assert_eq!(path.metadata().unwrap().len(), 8 << 40);
        assert!(path.metadata().unwrap().blocks() < 100);
        assert_eq!(budget.holes, PLENTY.holes);
    }

    #[test]
    fn a_content_above_the_budget_is_not_begun() {
        let place = tempdir();
        let (path, file) = file(place.path());
        let mut budget = Budget { bytes: 999, holes: 0 };
        let end = copy(&Memory(vec![1; 1000]), &file, &mut budget, &mut Vec::new(), &Silent).unwrap_err();
        assert!(matches!(end, CopyEnd::TooLarge(1000)));
        assert_eq!(path.metadata().unwrap().len(), 0);
    }
}
