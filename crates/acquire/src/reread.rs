//! A finished image read again: every leaf compared, digests worked out anew, and the digests of its files.

mod feed;
mod files;

pub(crate) use feed::ImageFeed;
pub(crate) use files::FileDigest;

use crate::hashers::ChunkThreads;
use crate::stream::{CHUNK_BYTES, Chunk, ChunkStream, Fault, Feed, StreamError, Work};
use files::FileHasher;
use kanshiki_custody::leaves::LeafDigest;
use kanshiki_model::{Algorithm, ByteRange, ByteRanges, Digest, Hasher, Progress, visible_text};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long a medium may give nothing before the reading ends.
const PATIENCE: Duration = Duration::from_secs(600);

/// The most problems that are told one by one.
const TOLD_PROBLEMS: usize = 100;

/// What is asked of a second reading.
#[derive(Debug)]
pub(crate) struct Reread<'a> {
    /// The image.
    pub(crate) image: Arc<ImageFeed>,
    /// Digests of all bytes; empty if none are wanted.
    pub(crate) algorithms: &'a [Algorithm],
    /// Whether the digests of the image's files are wanted.
    pub(crate) files: bool,
    /// Bytes that were unreadable when the image was made: digests without them are worked out if there are any.
    pub(crate) unreadable: &'a ByteRanges,
    /// The bytes to read, whole chunks; digests want all.
    pub(crate) range: ByteRange,
    /// What the reading is called in the progress.
    pub(crate) task: &'a str,
}

/// What a second reading has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Digests of all bytes, in the order in which they were asked for; empty if bytes are missing.
    pub(crate) digests: Vec<Digest>,
    /// Digests of the bytes that were readable when the image was made; empty if bytes are missing or all were readable.
    pub(crate) readable: Vec<Digest>,
    /// Digests of the image's files; empty if bytes are missing.
    pub(crate) files: Vec<FileDigest>,
    /// Bytes that were read and compared with a leaf.
    pub(crate) compared_bytes: u64,
    /// Bytes whose leaf differs, or that cannot be made out of a damaged image.
    pub(crate) differing: ByteRanges,
    /// Bytes that the medium did not give.
    pub(crate) unread: ByteRanges,
    /// Why the first of them was not given.
    pub(crate) unread_reason: Option<String>,
    /// Chunks that could not be had.
    pub(crate) missing_chunks: u64,
    /// What was wrong, in plain words.
    pub(crate) problems: Vec<String>,
}

/// Why a second reading did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RereadError {
    /// The work was asked to stop.
    #[error("interrupted")]
    Stopped,
    /// The medium gives nothing, or the program broke its own rules.
    #[error("{0}")]
    Failed(String),
}

/// What a thread of a second reading returns.
enum Outcome {
    Digest(Digest),
    Files(Vec<FileDigest>),
}

impl Reread<'_> {
    /// Reads the image; `leaf` returns the leaf that a chunk should have, `None` if there is none to compare with.
    ///
    /// # Errors
    ///
    /// [`RereadError`].
    pub(crate) fn run(
        &self,
        mut leaf: impl FnMut(u64) -> Option<LeafDigest>,
        progress: &dyn Progress,
    ) -> Result<Found, RereadError> {
        let failed = |error: StreamError| match error {
            StreamError::Stopped => RereadError::Stopped,
            other => RereadError::Failed(other.to_string()),
        };
        let (from, end) = (self.range.start / CHUNK_BYTES, self.range.end.div_ceil(CHUNK_BYTES));
        let feed = Arc::clone(&self.image) as Arc<dyn Feed>;
        let mut stream = ChunkStream::start(feed, Work::default(), from, end).map_err(failed)?;
        let threads = self.threads();
        let mut found = Found::default();
        progress.begin(self.task, Some(self.range.len()));
        while let Some(item) = stream.next(PATIENCE, &|| progress.stop_requested()).map_err(failed)? {
            let start = item.index.saturating_mul(CHUNK_BYTES);
            let range = ByteRange::new(start, start.saturating_add(CHUNK_BYTES).min(self.image.bytes()));
            match item.outcome {
                Ok(chunk) => {
                    compare(&chunk, range, leaf(item.index), &mut found);
                    threads.feed(&chunk);
                }
                Err(fault) => found.fault(range, fault),
            }
            progress.advance(range.len());
        }
        let results = threads.finish().ok_or_else(|| RereadError::Failed("a hashing thread has died".to_owned()))?;
        self.sort(results, &mut found);
        Ok(found)
    }

    /// The threads: the digests of all bytes, those of the readable bytes, and the files.
    fn threads(&self) -> ChunkThreads<Outcome> {
        let mut threads = ChunkThreads::new();
        let digest = |hasher: Hasher| Outcome::Digest(hasher.finish());
        for algorithm in self.algorithms {
            threads.spawn(Hasher::new(*algorithm), |hasher, chunk| hasher.update(chunk.bytes()), digest);
        }
        if !self.unreadable.is_empty() {
            for algorithm in self.algorithms {
                let unreadable = self.unreadable.clone();
                let each = move |hasher: &mut Hasher, chunk: &Chunk| update_readable(hasher, chunk, &unreadable);
                threads.spawn(Hasher::new(*algorithm), each, digest);
            }
        }
        if self.files {
            let files = FileHasher::new(Arc::clone(&self.image));
            threads.spawn(files, FileHasher::update, |files| Outcome::Files(files.finish()));
        }
        threads
    }

    /// Puts the threads' results where they belong; a digest of a stream with a gap says nothing.
    fn sort(&self, results: Vec<Outcome>, found: &mut Found) {
        for result in results {
            match result {
                Outcome::Files(files) => found.files = files,
                Outcome::Digest(_) if found.missing_chunks > 0 => {}
                Outcome::Digest(digest) if found.digests.len() < self.algorithms.len() => found.digests.push(digest),
                Outcome::Digest(digest) => found.readable.push(digest),
            }
        }
    }
}

impl Found {
    fn fault(&mut self, range: ByteRange, fault: Fault) {
        self.missing_chunks = self.missing_chunks.saturating_add(1);
        match fault {
            Fault::Gone(error) | Fault::Unreadable(error) if error.kind() != io::ErrorKind::InvalidData => {
                self.unread.insert(range);
                self.unread_reason.get_or_insert_with(|| format!("bytes {range} cannot be read: {error}"));
            }
            Fault::Gone(error) | Fault::Unreadable(error) => {
                self.differing.insert(range);
                self.problem(format!("bytes {range}: {error}"));
            }
            Fault::Ended(bytes) => {
                self.differing.insert(range);
                let end = range.start.saturating_add(bytes as u64);
                self.problem(format!("bytes {end}-{} are missing: the image ends before", range.end));
            }
            Fault::Foreign => {}
        }
    }

    fn problem(&mut self, text: String) {
        if self.problems.len() < TOLD_PROBLEMS {
            self.problems.push(visible_text(&text));
        } else if self.problems.len() == TOLD_PROBLEMS {
            self.problems.push("further problems are told as ranges alone".to_owned());
        }
    }
}

fn compare(chunk: &Chunk, range: ByteRange, leaf: Option<LeafDigest>, found: &mut Found) {
    match leaf {
        Some(leaf) if leaf == *chunk.leaf() => {}
        Some(_) => {
            found.differing.insert(range);
        }
        None => return,
    }
    found.compared_bytes = found.compared_bytes.saturating_add(range.len());
}

/// Takes in the bytes of a chunk that were readable.
fn update_readable(hasher: &mut Hasher, chunk: &Chunk, unreadable: &ByteRanges) {
    let window = ByteRange::new(chunk.offset(), chunk.offset().saturating_add(chunk.bytes().len() as u64));
    let mut update = |start: u64, end: u64| {
        let at = |place: u64| usize::try_from(place.saturating_sub(window.start)).unwrap_or(usize::MAX);
        hasher.update(chunk.bytes().get(at(start)..at(end)).unwrap_or_default());
    };
    let mut from = window.start;
    for gap in unreadable.within(window) {
        update(from, gap.start);
        from = gap.end;
    }
    update(from, window.end);
}
