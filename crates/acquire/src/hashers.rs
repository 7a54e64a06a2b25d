//! Digests of a stream, each algorithm on a thread of its own beside the others.

use crate::stream::Chunk;
use crossbeam_channel::{Sender, bounded};
use kanshiki_model::{Algorithm, Digest, Hasher};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Bytes read at once when a file is hashed whole.
const BLOCK_BYTES: usize = 64 << 10;

/// Chunks that may wait for one algorithm.
const QUEUE: usize = 6;

/// Length in bytes, and SHA-256 in hexadecimal, of all that a reader gives.
pub(crate) fn hash_all(mut reader: impl io::Read) -> io::Result<(u64, String)> {
    let (mut hasher, mut block, mut bytes) = (Hasher::new(Algorithm::Sha256), vec![0; BLOCK_BYTES], 0_u64);
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok((bytes, hasher.finish().to_hex())),
            Ok(read) => {
                hasher.update(block.get(..read).unwrap_or_default());
                bytes = bytes.saturating_add(read as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Threads that are fed the chunks of a stream in order, each with a task of its own.
#[derive(Debug)]
pub(crate) struct ChunkThreads<T> {
    threads: Vec<(Sender<Arc<Chunk>>, JoinHandle<T>)>,
}

impl<T: Send + 'static> ChunkThreads<T> {
    /// No thread yet.
    #[must_use]
    pub(crate) const fn new() -> Self {
        Self { threads: Vec::new() }
    }

    /// Starts a thread that takes in chunks with `each` and ends with `finish`.
    pub(crate) fn spawn<S: Send + 'static>(
        &mut self,
        mut state: S,
        each: impl Fn(&mut S, &Chunk) + Send + 'static,
        finish: impl FnOnce(S) -> T + Send + 'static,
    ) {
        let (sender, receiver) = bounded::<Arc<Chunk>>(QUEUE);
        let thread = std::thread::spawn(move || {
            receiver.iter().for_each(|chunk| each(&mut state, &chunk));
            finish(state)
        });
        self.threads.push((sender, thread));
    }

    /// Hands the next chunk to every thread; waits while one of them is behind.
    pub(crate) fn feed(&self, chunk: &Arc<Chunk>) {
        for (sender, _) in &self.threads {
            // A send fails only if the thread has died; then `finish` says so.
            let _ = sender.send(Arc::clone(chunk));
        }
    }

    /// Waits until all chunks are taken in, and returns the results in the order in which the threads were started;
    /// `None` if a thread has died.
    #[must_use]
    pub(crate) fn finish(self) -> Option<Vec<T>> {
        self.threads
            .into_iter()
            .map(|(sender, thread)| {
                drop(sender);
                thread.join().ok()
            })
            .collect()
    }
}

/// Digest threads over the whole stream, one for each algorithm.
#[must_use]
pub(crate) fn hash_threads(algorithms: &[Algorithm]) -> ChunkThreads<Digest> {
    let mut threads = ChunkThreads::new();
    for algorithm in algorithms {
        threads.spawn(Hasher::new(*algorithm), |hasher, chunk| hasher.update(chunk.bytes()), Hasher::finish);
    }
    threads
}
