//! Buffers that go round: taken by a worker, shared by the consumers, given back when the last of them is done.

use super::CHUNK_BYTES;
use crossbeam_channel::{Receiver, Sender, unbounded};
use kanshiki_image::bytes::{PAGE, page_start};
use kanshiki_image::zstd::FrameEncoder;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes looked at together when zeroes are looked for: long enough to be fast, short enough to end early.
const ZERO_SCAN: usize = 4096;

/// Memory for one chunk, aligned for direct I/O.
pub(crate) struct Buffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
    frame: Vec<u8>,
    frame_offset: u64,
    stored: u64,
    home: Option<Arc<Pool>>,
}

/// All buffers of one stream.
pub(super) struct Pool {
    free: Receiver<Buffer>,
    give_back: Mutex<Option<Sender<Buffer>>>,
}

impl Pool {
    pub(super) fn new(buffers: usize) -> Arc<Self> {
        let (sender, free) = unbounded();
        (0..buffers).for_each(|_| {
            let _ = sender.send(Buffer::new());
        });
        Arc::new(Self { free, give_back: Mutex::new(Some(sender)) })
    }

    /// Waits for a free buffer; `None` once the pool is closed.
    pub(super) fn take(self: &Arc<Self>) -> Option<Buffer> {
        let mut buffer = self.free.recv().ok()?;
        buffer.frame.clear();
        buffer.stored = 0;
        buffer.home = Some(Arc::clone(self));
        Some(buffer)
    }

    /// Lets every waiting and coming [`Pool::take`] return `None` when the free buffers are used up.
    pub(super) fn close(&self) {
        self.give_back.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Buffer {
    /// A buffer of one chunk that belongs to no pool.
    #[must_use]
    pub(crate) fn new() -> Self {
        let bytes = usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX);
        // No block of a device is larger than a page. Where no start can be told, direct I/O is refused by the kernel, not misled.
        let memory = vec![0; bytes.saturating_add(PAGE)];
        let start = page_start(&memory);
        Self { memory, start, len: bytes, frame: Vec::new(), frame_offset: 0, stored: 0, home: None }
    }

    /// Sets how many bytes of the buffer count; at most a chunk.
    pub(crate) fn set_len(&mut self, bytes: u64) {
        self.len = usize::try_from(bytes.min(CHUNK_BYTES)).unwrap_or(usize::MAX);
    }

    /// The bytes that count.
    #[must_use]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.memory.get(self.start..self.start.saturating_add(self.len)).unwrap_or_default()
    }

    /// The bytes that count, to be filled, and the place for the zstd frame they come from, which lies at
    /// `frame_offset` of its file.
    pub(crate) fn with_frame(&mut self, frame_offset: u64) -> (&mut [u8], &mut Vec<u8>) {
        self.frame_offset = frame_offset;
        let bytes = self.memory.get_mut(self.start..self.start.saturating_add(self.len)).unwrap_or_default();
        (bytes, &mut self.frame)
    }

    /// Notes in which destinations the bytes are already: bit 0 is the first destination.
    pub(crate) const fn set_stored(&mut self, destinations: u64) {
        self.stored = destinations;
    }

    /// The bytes that count, to be filled.
    pub(crate) fn as_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..self.start.saturating_add(self.len)).unwrap_or_default()
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(home) = self.home.take() else { return };
        let buffer = Self {
            memory: std::mem::take(&mut self.memory),
            start: self.start,
            len: self.len,
            frame: std::mem::take(&mut self.frame),
            frame_offset: 0,
            stored: 0,
            home: None,
        };
        if let Some(sender) = home.give_back.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            let _ = sender.send(buffer);
        }
    }
}

/// One chunk of the source, with all that the workers found out about it.
pub(crate) struct Chunk {
    index: u64,
    buffer: Buffer,
    zero: bool,
    leaf: [u8; 32],
}

impl Chunk {
    /// Takes a filled buffer as the chunk with this number.
    #[must_use]
    pub(crate) fn new(index: u64, buffer: Buffer) -> Self {
        let zero = is_zero(buffer.as_slice());
        Self { index, buffer, zero, leaf: [0; 32] }
    }

    /// The chunk's number, counted from 0.
    #[must_use]
    pub(crate) const fn index(&self) -> u64 {
        self.index
    }

    /// The chunk's place in the source, in bytes.
    #[must_use]
    pub(crate) const fn offset(&self) -> u64 {
        self.index.saturating_mul(CHUNK_BYTES)
    }

    /// The chunk's bytes.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.as_slice()
    }

    /// Whether all bytes are zero.
    #[must_use]
    pub(crate) const fn is_zero(&self) -> bool {
        self.zero
    }

    /// The BLAKE3 digest of the bytes.
    #[must_use]
    pub(crate) const fn leaf(&self) -> &[u8; 32] {
        &self.leaf
    }

    /// Whether the bytes are already in the destination with this number.
    #[must_use]
    pub(crate) const fn is_stored(&self, destination: usize) -> bool {
        destination < 64 && self.buffer.stored >> destination & 1 == 1
    }

    /// In which destinations the bytes are already: bit 0 is the first destination.
    #[must_use]
    pub(crate) const fn stored(&self) -> u64 {
        self.buffer.stored
    }

    /// The bytes as one zstd frame; empty if the stream neither compresses nor reads frames.
    #[must_use]
    pub(crate) fn frame(&self) -> &[u8] {
        &self.buffer.frame
    }

    /// Where the frame lies in its file, in bytes; only for frames that were read.
    #[must_use]
    pub(crate) const fn frame_offset(&self) -> u64 {
        self.buffer.frame_offset
    }

    pub(super) const fn set_leaf(&mut self, leaf: [u8; 32]) {
        self.leaf = leaf;
    }

    pub(super) fn set_frame(&mut self, frame: &[u8]) {
        self.buffer.frame.extend_from_slice(frame);
    }

    pub(super) fn encode(&mut self, encoder: &mut FrameEncoder) -> io::Result<()> {
        let mut frame = std::mem::take(&mut self.buffer.frame);
        let encoded = encoder.encode(self.buffer.as_slice(), &mut frame);
        self.buffer.frame = frame;
        encoded
    }
}

/// Whether all bytes are zero.
#[must_use]
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    // Without an early end inside, the inner loop becomes wide vector instructions.
    bytes.chunks(ZERO_SCAN).all(|part| part.iter().fold(0, |sum, byte| sum | byte) == 0)
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &self.len).finish_non_exhaustive()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("free", &self.free.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk").field("index", &self.index).field("len", &self.bytes().len()).finish_non_exhaustive()
    }
}
