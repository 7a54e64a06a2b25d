//! A source as a stream of chunks in order: read, looked at and compressed by several threads, several requests in
//! flight.
//!
//! ```text
//!            ┌─ worker: read ▸ all zero? ▸ leaf ▸ compress ─┐
//!  feed ─────┼─ worker                                      ├──▶ put in order ──▶ next()
//!            └─ worker                                      ┘
//! ```
//!
//! Memory is bounded by the number of buffers. A worker takes a buffer before it takes a chunk's number, so the lowest
//! outstanding chunk always has a buffer and the stream cannot lock up.

mod buffer;

use buffer::Pool;
pub(crate) use buffer::{Buffer, Chunk, is_zero};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use kanshiki_custody::leaves::{LEAF_BYTES, leaf_digest};
use kanshiki_image::zstd::FrameEncoder;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bytes in a chunk: one leaf, one frame, one read.
pub(crate) const CHUNK_BYTES: u64 = LEAF_BYTES;

/// Chunks that may wait for the consumers behind the workers.
const WAITING_CHUNKS: usize = 20;

/// How often a wait looks whether it should end.
const TICK: Duration = Duration::from_millis(100);

/// Why a chunk could not be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The medium did not give all of the bytes; others may be had.
    Unreadable(io::Error),
    /// The source ended early: only the first so many bytes of the chunk exist.
    Ended(usize),
    /// The source is gone, or cannot be read at all.
    Gone(io::Error),
    /// The source does not hold what earlier sessions have read from it.
    Foreign,
}

/// What chunks are read from.
pub(crate) trait Feed: Send + Sync + fmt::Debug {
    /// Length in bytes; `None` for a stream that has not ended yet.
    fn len(&self) -> Option<u64>;

    /// Fills the buffer, whose length is set, with the chunk of this number.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the bytes could not all be read.
    fn fill(&self, index: u64, buffer: &mut Buffer) -> Result<(), Fault>;

    /// Takes the number of the next chunk from `cursor` and fills the buffer with it; `None` at the end. A source that
    /// can only be read in order overrides this.
    fn take(&self, cursor: &AtomicU64, end: u64, buffer: &mut Buffer) -> Option<(u64, Result<(), Fault>)> {
        let index = cursor.fetch_add(1, Ordering::Relaxed);
        if index >= end {
            return None;
        }
        let offset = index.saturating_mul(CHUNK_BYTES);
        buffer.set_len(self.len().unwrap_or(u64::MAX).saturating_sub(offset));
        Some((index, self.fill(index, buffer)))
    }
}

/// What the workers do with a chunk besides reading it and working out its leaf.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    /// Compress each chunk to one zstd frame of this level.
    pub(crate) compress: Option<i32>,
    /// Leave out the compression of chunks that are already in all of these destinations.
    pub(crate) stored: u64,
}

/// One chunk of the stream, or why it could not be read.
#[derive(Debug)]
pub(crate) struct Item {
    /// The chunk's number, counted from 0.
    pub(crate) index: u64,
    /// The chunk, or the fault.
    pub(crate) outcome: Result<Arc<Chunk>, Fault>,
}

/// Why the stream gave no chunk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StreamError {
    /// The source gave nothing for so long.
    #[error("the source gave no data for {} seconds", .0.as_secs())]
    Slow(Duration),
    /// The work was asked to stop.
    #[error("interrupted")]
    Stopped,
    /// A chunk could not be compressed.
    #[error("cannot compress")]
    Compress(#[source] io::Error),
    /// A worker ended without a word.
    #[error("a reading thread has died")]
    Dead,
}

/// The chunks of a feed from one number up to another, in order.
#[derive(Debug)]
pub(crate) struct ChunkStream {
    shared: Arc<Shared>,
    results: Receiver<Result<Option<Item>, io::Error>>,
    pending: BTreeMap<u64, Item>,
    next: u64,
    end: u64,
    running: usize,
}

#[derive(Debug)]
struct Shared {
    feed: Arc<dyn Feed>,
    pool: Arc<Pool>,
    cursor: AtomicU64,
    end: u64,
    stop: AtomicBool,
    work: Work,
    zero: ZeroChunk,
}

/// What an all-zero chunk of full length comes to, worked out once.
#[derive(Debug)]
struct ZeroChunk {
    leaf: [u8; 32],
    frame: Vec<u8>,
}

impl ChunkStream {
    /// Starts to read chunks `from` up to `end` (`u64::MAX`: up to the end of the feed).
    ///
    /// # Errors
    ///
    /// [`StreamError::Compress`] if the compressor cannot be set up.
    pub(crate) fn start(feed: Arc<dyn Feed>, work: Work, from: u64, end: u64) -> Result<Self, StreamError> {
        let workers = std::thread::available_parallelism().map_or(4, |cores| cores.get().clamp(4, 16));
        let end = end.min(feed.len().map_or(u64::MAX, |bytes| bytes.div_ceil(CHUNK_BYTES)));
        let zero = ZeroChunk::new(work).map_err(StreamError::Compress)?;
        let shared = Arc::new(Shared {
            feed,
            pool: Pool::new(workers.saturating_add(WAITING_CHUNKS)),
            cursor: AtomicU64::new(from),
            end,
            stop: AtomicBool::new(false),
            work,
            zero,
        });
        let (sender, results) = unbounded();
        for _ in 0..workers {
            let (shared, sender) = (Arc::clone(&shared), sender.clone());
            std::thread::spawn(move || shared.work(&sender));
        }
        Ok(Self { shared, results, pending: BTreeMap::new(), next: from, end, running: workers })
    }

    /// Waits for the next chunk; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`StreamError::Slow`] if nothing came for `patience`, [`StreamError::Stopped`] if `stop` says so.
    pub(crate) fn next(&mut self, patience: Duration, stop: &dyn Fn() -> bool) -> Result<Option<Item>, StreamError> {
        let mut began = Instant::now();
        loop {
            if stop() {
                return Err(StreamError::Stopped);
            }
            if let Some(item) = self.pending.remove(&self.next) {
                self.next = self.next.saturating_add(1);
                return Ok(Some(item));
            }
            if self.next >= self.end || (self.running == 0 && self.pending.is_empty()) {
                return Ok(None);
            }
            match self.results.recv_timeout(TICK) {
                Ok(Ok(Some(item))) => {
                    self.pending.insert(item.index, item);
                    began = Instant::now();
                }
                Ok(Ok(None)) => self.running = self.running.saturating_sub(1),
                Ok(Err(error)) => return Err(StreamError::Compress(error)),
                Err(RecvTimeoutError::Timeout) if began.elapsed() < patience => {}
                Err(RecvTimeoutError::Timeout) => return Err(StreamError::Slow(patience)),
                Err(RecvTimeoutError::Disconnected) => return Err(StreamError::Dead),
            }
        }
    }
}

impl Drop for ChunkStream {
    fn drop(&mut self) {
        // A worker may be caught in a read that never returns: it is told to end, not waited for.
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.pool.close();
    }
}

impl ZeroChunk {
    fn new(work: Work) -> io::Result<Self> {
        let zeroes = vec![0; usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX)];
        let mut frame = Vec::new();
        if let Some(level) = work.compress {
            FrameEncoder::new(level)?.encode(&zeroes, &mut frame)?;
        }
        Ok(Self { leaf: leaf_digest(&zeroes), frame })
    }
}

impl Shared {
    fn work(&self, results: &Sender<Result<Option<Item>, io::Error>>) {
        let outcome = self.read_chunks(results);
        let _ = results.send(outcome.map(|()| None));
    }

    fn read_chunks(&self, results: &Sender<Result<Option<Item>, io::Error>>) -> io::Result<()> {
        let mut encoder = self.work.compress.map(FrameEncoder::new).transpose()?;
        while let Some(mut buffer) = self.pool.take() {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let Some((index, read)) = self.feed.take(&self.cursor, self.end, &mut buffer) else { break };
            let outcome = match read {
                Ok(()) => Ok(Arc::new(self.examine(index, buffer, encoder.as_mut())?)),
                Err(fault) => Err(fault),
            };
            if results.send(Ok(Some(Item { index, outcome }))).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Works out what the consumers need to know of a chunk.
    fn examine(&self, index: u64, buffer: Buffer, encoder: Option<&mut FrameEncoder>) -> io::Result<Chunk> {
        let mut chunk = Chunk::new(index, buffer);
        let encoder =
            encoder.filter(|_| self.work.stored == 0 || chunk.stored() & self.work.stored != self.work.stored);
        if chunk.is_zero() && chunk.bytes().len() as u64 == CHUNK_BYTES {
            chunk.set_leaf(self.zero.leaf);
            if encoder.is_some() {
                chunk.set_frame(&self.zero.frame);
            }
        } else {
            chunk.set_leaf(leaf_digest(chunk.bytes()));
            if let Some(encoder) = encoder {
                chunk.encode(encoder)?;
            }
        }
        Ok(chunk)
    }
}
