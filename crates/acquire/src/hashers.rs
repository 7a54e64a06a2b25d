//! Digests of a stream, each algorithm on a thread of its own beside the others.

use crate::stream::Chunk;
use crossbeam_channel::{Sender, bounded};
use kanshiki_model::{Algorithm, Digest};
use sha2::Digest as _;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Bytes read at once when a small file is hashed.
const BLOCK_BYTES: usize = 64 << 10;

/// Chunks that may wait for one algorithm.
const QUEUE: usize = 6;

/// One digest under way.
#[derive(Debug, Clone)]
pub(crate) enum Hasher {
    /// RFC 1321.
    Md5(md5::Md5),
    /// FIPS 180-4.
    Sha1(sha1::Sha1),
    /// FIPS 180-4.
    Sha256(sha2::Sha256),
    /// FIPS 180-4.
    Sha512(sha2::Sha512),
    /// BLAKE3 with 32 bytes of output.
    Blake3(Box<blake3::Hasher>),
}

impl Hasher {
    /// Begins a digest.
    #[must_use]
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Md5 => Self::Md5(md5::Md5::new()),
            Algorithm::Sha1 => Self::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
            Algorithm::Blake3 => Self::Blake3(Box::default()),
        }
    }

    /// The algorithm of the digest.
    #[must_use]
    pub(crate) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Md5(_) => Algorithm::Md5,
            Self::Sha1(_) => Algorithm::Sha1,
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
            Self::Blake3(_) => Algorithm::Blake3,
        }
    }

    /// Takes in more bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(state) => state.update(bytes),
            Self::Sha1(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
            Self::Blake3(state) => {
                state.update(bytes);
            }
        }
    }

    /// The digest of all bytes taken in.
    #[must_use]
    pub(crate) fn finish(self) -> Digest {
        let algorithm = self.algorithm();
        let bytes = match self {
            Self::Md5(state) => state.finalize().to_vec(),
            Self::Sha1(state) => state.finalize().to_vec(),
            Self::Sha256(state) => state.finalize().to_vec(),
            Self::Sha512(state) => state.finalize().to_vec(),
            Self::Blake3(state) => state.finalize().as_bytes().to_vec(),
        };
        // An algorithm returns as many bytes as it is defined to.
        Digest::new(algorithm, &bytes).unwrap_or_else(|| Digest::sha256([0; 32]))
    }
}

/// Length in bytes, and SHA-256 in hexadecimal, of all that a reader gives.
pub(crate) fn hash_all(mut reader: impl io::Read) -> io::Result<(u64, String)> {
    let (mut hasher, mut block, mut bytes) = (Hasher::new(Algorithm::Sha256), vec![0; BLOCK_BYTES], 0_u64);
    loop {
        let read = reader.read(&mut block)?;
        if read == 0 {
            return Ok((bytes, hasher.finish().to_hex()));
        }
        hasher.update(block.get(..read).unwrap_or_default());
        bytes = bytes.saturating_add(read as u64);
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
