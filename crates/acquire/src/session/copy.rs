//! The first pass: from the source to hashers and destinations, in order; what cannot be read is left for later.

use crate::AcquireError;
use crate::destination::{Destination, DestinationThreads, Lost, Stored};
use crate::error::with_causes;
use crate::hashers::hash_threads;
use crate::stream::{Buffer, CHUNK_BYTES, Chunk, ChunkStream, Fault, Feed, Item, StreamError, Work};
use kanshiki_custody::leaves::leaf_count;
use kanshiki_custody::manifest::SourceKind;
use kanshiki_model::{Algorithm, ByteRange, ByteRanges, Digest, Issue, Progress};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the first pass has to work with.
#[derive(Debug)]
pub(crate) struct Copy {
    /// The source, or the source behind what earlier sessions have left.
    pub(crate) feed: Arc<SourceFeed>,
    /// Digests of the whole image.
    pub(crate) algorithms: Vec<Algorithm>,
    /// What the reading threads do besides reading.
    pub(crate) work: Work,
    /// How long the source may give nothing.
    pub(crate) patience: Duration,
    /// How many bytes a stream must give, where that was told.
    pub(crate) stream_bytes: Option<u64>,
    /// What an earlier session has found to stay unreadable.
    pub(crate) known_unreadable: ByteRanges,
}

/// What the first pass has come to.
#[derive(Debug)]
pub(crate) struct Copied {
    /// The destinations that are well.
    pub(crate) destinations: Vec<Destination>,
    /// The destinations that are lost.
    pub(crate) lost: Vec<Lost>,
    /// The length of the image in bytes, as far as it is known.
    pub(crate) bytes: u64,
    /// The bytes that could not be read yet: whole chunks.
    pub(crate) pending: ByteRanges,
    /// The bytes of chunks taken over from an earlier session which that session could not read.
    pub(crate) unreadable: ByteRanges,
    /// Digests of the whole image; `None` if a chunk is missing in between.
    pub(crate) digests: Option<Vec<Digest>>,
    /// Why the pass ended before the source; `None` if it did not.
    pub(crate) stopped: Option<AcquireError>,
}

impl Copy {
    /// Reads the source to its end, or up to where it must stop.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Internal`] if the compressor cannot be set up.
    pub(crate) fn run(&self, destinations: Vec<Destination>, progress: &dyn Progress) -> Result<Copied, AcquireError> {
        let internal = |error: StreamError| AcquireError::Internal(error.to_string());
        let feed: Arc<dyn Feed> = Arc::clone(&self.feed) as Arc<dyn Feed>;
        let mut stream = ChunkStream::start(feed, self.work, 0, u64::MAX).map_err(internal)?;
        let threads = DestinationThreads::start(destinations);
        let mut hashers = Some(hash_threads(&self.algorithms));
        let (mut pending, mut unreadable) = (ByteRanges::new(), ByteRanges::new());
        let mut bytes: u64 = 0;
        let mut given = Instant::now();
        progress.begin("acquire", self.feed.len().or(self.stream_bytes));
        let stop = || progress.stop_requested() || threads.all_failed();
        let stopped = loop {
            let item = match stream.next(self.patience, &stop) {
                Ok(Some(item)) => item,
                Ok(None) => break self.feed.ended_before(bytes).or_else(|| self.too_short(bytes)),
                Err(error) => break Some(self.ended_early(&error, bytes)),
            };
            let range = self.range(&item);
            if let Some(told) = self.stream_bytes.filter(|told| range.end > *told) {
                break Some(too_long(told));
            }
            match item.outcome {
                Ok(chunk) => {
                    if let Some(hashers) = &hashers {
                        hashers.feed(&chunk);
                    }
                    threads.chunk(&chunk);
                    given = Instant::now();
                    if chunk.stored() != 0 {
                        // What was given up is zero; anything else was read, whatever the map says.
                        let given_up = self.known_unreadable.within(range).filter(|known| is_zero(&chunk, *known));
                        given_up.for_each(|known| unreadable.insert(known));
                    }
                }
                Err(Fault::Gone(error)) => break Some(lost_source(range.start, &with_causes(&error))),
                Err(Fault::Foreign) => break Some(foreign_stream(&format!("bytes {range} differ"))),
                Err(Fault::Unreadable(_) | Fault::Ended(_)) => {
                    // Digests in order end here; they are worked out from the finished image.
                    hashers = None;
                    threads.reserve(item.index, range.len());
                    pending.insert(range);
                    if given.elapsed() >= self.patience {
                        progress.issue(&only_errors(self.patience, range.start));
                        given = Instant::now();
                    }
                    progress.unreadable(pending.total_bytes());
                }
            }
            bytes = range.end;
            progress.advance(range.len());
        };
        let (destinations, lost) = threads.finish();
        let digests = match hashers.map(|hashers| hashers.finish()) {
            Some(None) => return Err(AcquireError::Internal("a hashing thread has died".to_owned())),
            Some(digests) => digests,
            None => None,
        };
        Ok(Copied { destinations, lost, bytes, pending, unreadable, digests, stopped })
    }

    /// Why a stream that ended here cannot be all of the source; `None` if nothing was told of its length.
    fn too_short(&self, bytes: u64) -> Option<AcquireError> {
        let told = self.stream_bytes.filter(|told| bytes < *told)?;
        Some(lost_source(bytes, &format!("standard input ended, and --size tells of {told} bytes")))
    }

    fn range(&self, item: &Item) -> ByteRange {
        let start = item.index.saturating_mul(CHUNK_BYTES);
        let bytes = match (&item.outcome, self.feed.expected()) {
            (Ok(chunk), _) => chunk.bytes().len() as u64,
            (Err(_), Some(length)) => length.saturating_sub(start).min(CHUNK_BYTES),
            (Err(_), None) => CHUNK_BYTES,
        };
        ByteRange::new(start, start.saturating_add(bytes))
    }

    fn ended_early(&self, error: &StreamError, done_bytes: u64) -> AcquireError {
        match error {
            StreamError::Stopped => {
                // What earlier sessions have left behind this place is still there.
                let done_bytes = done_bytes.saturating_add(self.feed.left_behind(done_bytes));
                AcquireError::Interrupted { done_bytes, total_bytes: self.feed.expected() }
            }
            StreamError::Slow(_) => lost_source(done_bytes, &error.to_string()),
            _ => AcquireError::Internal(error.to_string()),
        }
    }
}

/// Whether these bytes of the image, within the chunk, are all zero.
fn is_zero(chunk: &Chunk, range: ByteRange) -> bool {
    let at = |place: u64| usize::try_from(place.saturating_sub(chunk.offset())).unwrap_or(usize::MAX);
    chunk.bytes().get(at(range.start)..at(range.end)).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
}

/// What is told while a source answers with errors alone. The work goes on: healthy parts may lie behind, and a disk that
/// is ill may not answer at all when it is asked again later.
fn only_errors(patience: Duration, offset: u64) -> Issue {
    let seconds = patience.as_secs();
    let note = format!(
        "the source has given only errors for {seconds} seconds, now at byte {offset}; the work goes on, as healthy parts \
         may lie behind, and when it is interrupted --resume takes it up"
    );
    Issue::new("source", note)
}

fn too_long(told: u64) -> AcquireError {
    let reason = format!("standard input gives more than the {told} bytes that --size tells of");
    let hint = Some("with the right --size, or without one, the same command with --resume goes on".to_owned());
    AcquireError::Refused { path: "-".to_owned(), reason, hint }
}

fn foreign_stream(difference: &str) -> AcquireError {
    let reason = format!("the exhibit under way is of another source: {difference}");
    let hint = Some("feed the stream with which it was begun, or begin anew as another --exhibit".to_owned());
    AcquireError::Refused { path: "-".to_owned(), reason, hint }
}

fn lost_source(offset: u64, reason: &str) -> AcquireError {
    AcquireError::SourceLost { offset, reason: reason.to_owned() }
}

/// The source behind what earlier sessions have left: a chunk that a destination holds, and whose leaf fits, is taken
/// from there.
#[derive(Debug)]
pub(crate) struct SourceFeed {
    source: Arc<dyn Feed>,
    kind: SourceKind,
    stored: Vec<(usize, Stored)>,
    taken_over: AtomicU64,
}

impl SourceFeed {
    /// A source with what the destinations hold, each with its number.
    #[must_use]
    pub(crate) fn new(source: Arc<dyn Feed>, kind: SourceKind, stored: Vec<(usize, Stored)>) -> Self {
        Self { source, kind, stored, taken_over: AtomicU64::new(0) }
    }

    /// Bytes that were taken from a destination.
    #[must_use]
    pub(crate) fn taken_over(&self) -> u64 {
        self.taken_over.load(Ordering::Relaxed)
    }

    /// Bytes behind this place whose leaves earlier sessions have left in a destination.
    fn left_behind(&self, bytes: u64) -> u64 {
        let (first, end) = (leaf_count(bytes), self.expected().map_or(u64::MAX, leaf_count));
        let left = |(_, stored): &(usize, Stored)| {
            (first..stored.leaves().min(end)).filter(|index| stored.is_known(*index)).count() as u64
        };
        let most = self.stored.iter().map(left).max().unwrap_or(0).saturating_mul(CHUNK_BYTES);
        most.min(self.expected().unwrap_or(u64::MAX).saturating_sub(bytes))
    }

    /// The length that the source had when it was opened.
    fn expected(&self) -> Option<u64> {
        self.source.len()
    }

    /// Why a stream of this length cannot be the one of which earlier sessions have read more; `None` if they have not.
    fn ended_before(&self, bytes: u64) -> Option<AcquireError> {
        let known = |(_, stored): &(usize, Stored)| stored.knows_from(leaf_count(bytes));
        let longer = self.kind == SourceKind::Stream && self.stored.iter().any(known);
        longer.then(|| foreign_stream(&format!("it ends after {bytes} bytes, and more were read before")))
    }

    /// Fills the buffer from a destination and notes which ones hold the bytes.
    fn fill_stored(&self, index: u64, buffer: &mut Buffer) -> bool {
        let mut held: u64 = 0;
        for (number, stored) in &self.stored {
            let found = if held == 0 {
                stored.read(index, buffer.as_mut())
            } else {
                let mut copy = vec![0; buffer.as_slice().len()];
                stored.read(index, &mut copy) && copy == buffer.as_slice()
            };
            held |= u64::from(found) << number;
        }
        buffer.set_stored(held);
        if held != 0 {
            self.taken_over.fetch_add(buffer.as_slice().len() as u64, Ordering::Relaxed);
        }
        held != 0
    }

    /// Compares a chunk of a stream, which must be read anyway, with what earlier sessions have left.
    fn compare(&self, index: u64, buffer: &mut Buffer) -> Result<(), Fault> {
        let mut copy = vec![0; buffer.as_slice().len()];
        let mut held: u64 = 0;
        for (number, stored) in &self.stored {
            if stored.contradicts(index, buffer.as_slice()) {
                return Err(Fault::Foreign);
            }
            // The last chunk may have been cut short together with the stream.
            let agrees = stored.agrees(index, buffer.as_slice()) == Some(true);
            held |= u64::from(agrees && stored.read(index, &mut copy)) << number;
        }
        buffer.set_stored(held);
        Ok(())
    }
}

impl Feed for SourceFeed {
    fn len(&self) -> Option<u64> {
        self.source.len()
    }

    fn fill(&self, index: u64, buffer: &mut Buffer) -> Result<(), Fault> {
        if self.fill_stored(index, buffer) { Ok(()) } else { self.source.fill(index, buffer) }
    }

    fn take(&self, cursor: &AtomicU64, end: u64, buffer: &mut Buffer) -> Option<(u64, Result<(), Fault>)> {
        if self.kind == SourceKind::Stream {
            let (index, read) = self.source.take(cursor, end, buffer)?;
            return Some((index, read.and_then(|()| self.compare(index, buffer))));
        }
        let index = cursor.fetch_add(1, Ordering::Relaxed);
        if index >= end {
            return None;
        }
        buffer.set_len(self.len().unwrap_or(u64::MAX).saturating_sub(index.saturating_mul(CHUNK_BYTES)));
        Some((index, self.fill(index, buffer)))
    }
}
