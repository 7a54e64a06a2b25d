//! One destination of an acquisition: the exhibit's folder in a case, the image's writer and its leaves.

use crate::stream::{CHUNK_BYTES, Chunk};
use crate::writers::{self, ImageWriter, Storage, StoredChunks};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use kanshiki_custody::leaves::{self, LeafDigest, LeafFile, LeavesError, leaf_count, leaf_digest};
use kanshiki_custody::map::Mapfile;
use kanshiki_custody::{Case, LockGuard, OutputDir};
use kanshiki_image::drop_cache;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The name of the ddrescue mapfile in an exhibit's folder.
pub(crate) const MAP_NAME: &str = "image.map";

/// Chunks that may wait for one destination.
const QUEUE: usize = 6;

/// How long leaves may wait before they are written: what a kill can cost.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// How often the image is brought to its medium while the work goes on: what a power cut can cost.
const SYNC_EVERY: Duration = Duration::from_secs(10);

/// One destination of an acquisition.
#[derive(Debug)]
pub(crate) struct Destination {
    /// The case.
    pub(crate) case: Case,
    /// The folder of the exhibit under way.
    pub(crate) dir: Arc<OutputDir>,
    /// The path of that folder.
    pub(crate) path: PathBuf,
    /// The image's writer.
    pub(crate) writer: Box<dyn ImageWriter>,
    leaves: LeafFile,
    /// Keeps every other run away from the folder.
    pub(crate) lock: LockGuard,
    // Its bit in `Chunk::stored`.
    number: usize,
    syncing: Arc<AtomicBool>,
}

/// What is written to a destination, in order.
#[derive(Debug, Clone)]
enum Step {
    Chunk(Arc<Chunk>),
    Reserve { index: u64, bytes: usize },
}

/// A destination that could not be written any more.
#[derive(Debug)]
pub(crate) struct Lost {
    /// The folder of the exhibit.
    pub(crate) path: PathBuf,
    /// The operating system's reason.
    pub(crate) error: io::Error,
}

impl Destination {
    /// Opens image and leaves in the folder of an exhibit; with `resume` those that are there.
    ///
    /// # Errors
    ///
    /// The operating system's, and what the folder's rules refuse.
    pub(crate) fn open(
        case: Case,
        dir: Arc<OutputDir>,
        lock: LockGuard,
        path: PathBuf,
        storage: Storage,
        resume: bool,
        number: usize,
    ) -> io::Result<Self> {
        let there = resume && writers::exists(&dir, leaves::FILE_NAME);
        let leaves = if there { reopen_leaves(&dir)? } else { None };
        let leaves = match leaves {
            Some(leaves) => leaves,
            None => LeafFile::create(dir.create_new(leaves::FILE_NAME).map_err(io::Error::other)?)
                .map_err(io::Error::other)?,
        };
        let writer = writers::open(&dir, storage, resume)?;
        Ok(Self { case, dir, path, writer, leaves, lock, number, syncing: Arc::default() })
    }

    /// What reads the chunks of earlier sessions beside the writing; `None` if there are none.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn stored(&mut self) -> io::Result<Option<Stored>> {
        if self.leaves.count() == 0 {
            return Ok(None);
        }
        let leaves = LeafFile::reopen(self.dir.reopen(leaves::FILE_NAME).map_err(io::Error::other)?);
        Ok(Some(Stored { leaves: leaves.map_err(io::Error::other)?, chunks: self.writer.reader()? }))
    }

    /// The bytes of the image whose leaves may be known.
    #[must_use]
    pub(crate) const fn left_bytes(&self) -> u64 {
        self.leaves.count().saturating_mul(CHUNK_BYTES)
    }

    /// The leaf with this number, if it is known.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn leaf(&self, index: u64) -> io::Result<Option<LeafDigest>> {
        self.leaves.get(index).map_err(io::Error::other)
    }

    /// Reads a chunk as it is written so far.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn read_chunk(&self, index: u64, buf: &mut [u8]) -> io::Result<bool> {
        self.writer.read_chunk(index, buf)
    }

    /// Writes a chunk whose place was kept. Its leaf is not known before [`Destination::settle`].
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn rewrite(&mut self, index: u64, bytes: &[u8]) -> io::Result<()> {
        self.writer.rewrite(index, bytes)
    }

    /// Declares a chunk done whose place was kept, as it is written now.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn settle(&mut self, index: u64, bytes: &[u8]) -> io::Result<()> {
        self.leaves.set(index, &leaf_digest(bytes)).map_err(io::Error::other)
    }

    /// Replaces the mapfile.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn write_map(&self, map: &Mapfile) -> io::Result<()> {
        self.dir.replace(MAP_NAME, map.to_text().as_bytes()).map_err(io::Error::other)
    }

    /// Brings image and leaves to the medium.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.writer.extend()?;
        for file in self.writer.files()? {
            file.sync_data()?;
        }
        self.leaves.sync().map_err(io::Error::other)
    }

    /// Ends image and leaves; returns the names of the image's files and the root.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn finish(&mut self, image_bytes: u64) -> io::Result<(Vec<String>, leaves::Root)> {
        let names = self.writer.finish(image_bytes)?;
        // Damage may have left something behind the end.
        self.leaves.truncate(leaf_count(image_bytes)).map_err(io::Error::other)?;
        let root = self.leaves.finish(image_bytes).map_err(io::Error::other)?;
        Ok((names, root))
    }

    fn step(&mut self, step: &Step) -> io::Result<()> {
        match step {
            Step::Chunk(chunk) if chunk.is_stored(self.number) => self.writer.pass(chunk),
            Step::Chunk(chunk) => {
                self.writer.put(chunk)?;
                self.leaves.set(chunk.index(), chunk.leaf()).map_err(io::Error::other)
            }
            Step::Reserve { index, bytes } => {
                self.leaves.forget(*index).map_err(io::Error::other)?;
                self.writer.reserve(*index, *bytes)
            }
        }
    }

    /// Does all steps; after a failed one the rest is passed over.
    fn run(&mut self, steps: &Receiver<Step>, failed: &AtomicBool) -> io::Result<()> {
        let mut result = Ok(());
        let (mut flushed, mut synced) = (Instant::now(), Instant::now());
        loop {
            // While the source gives nothing, what came before it is brought to safety all the same.
            let step = match steps.recv_timeout(FLUSH_EVERY) {
                Ok(step) => Some(step),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if result.is_err() {
                continue;
            }
            if let Some(step) = step {
                result = self.step(&step);
            }
            if result.is_ok() && flushed.elapsed() >= FLUSH_EVERY {
                result = self.writer.extend().and_then(|()| self.leaves.flush().map_err(io::Error::other));
                flushed = Instant::now();
            }
            if result.is_ok() && synced.elapsed() >= SYNC_EVERY {
                result = self.sync_beside();
                synced = Instant::now();
            }
            failed.store(result.is_err(), Ordering::Relaxed);
        }
        result
    }

    /// Brings the image to its medium beside the writing. A failure shows again at the end, where it counts.
    fn sync_beside(&self) -> io::Result<()> {
        if self.syncing.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let (files, syncing) = (self.writer.files()?, Arc::clone(&self.syncing));
        std::thread::spawn(move || {
            // What is on the medium need not push other things out of the page cache.
            files.iter().filter(|file| file.sync_data().is_ok()).for_each(|file| drop(drop_cache(file)));
            syncing.store(false, Ordering::Relaxed);
        });
        Ok(())
    }
}

/// The leaves of an earlier session. A file that does not begin as one of leaves is removed: then `None`, and the source
/// is read from the start.
fn reopen_leaves(dir: &OutputDir) -> io::Result<Option<LeafFile>> {
    match LeafFile::reopen(dir.reopen(leaves::FILE_NAME).map_err(io::Error::other)?) {
        Ok(leaves) => Ok(Some(leaves)),
        Err(LeavesError::Magic | LeavesError::Header { .. }) => {
            dir.remove_own(leaves::FILE_NAME).map_err(io::Error::other)?;
            Ok(None)
        }
        Err(error) => Err(io::Error::other(error)),
    }
}

/// What earlier sessions have left in one destination.
#[derive(Debug)]
pub(crate) struct Stored {
    leaves: LeafFile,
    chunks: Box<dyn StoredChunks>,
}

impl Stored {
    /// Reads a chunk; returns whether it is there and its leaf fits.
    pub(crate) fn read(&self, index: u64, buf: &mut [u8]) -> bool {
        let Ok(Some(leaf)) = self.leaves.get(index) else { return false };
        self.chunks.read_chunk(index, buf) && leaf_digest(buf) == leaf
    }

    /// Whether the leaf of a chunk with these bytes is the one that was left; `None` if none was left.
    #[must_use]
    pub(crate) fn agrees(&self, index: u64, bytes: &[u8]) -> Option<bool> {
        let leaf = self.leaves.get(index).ok().flatten()?;
        Some(leaf_digest(bytes) == leaf)
    }

    /// Whether a chunk is there and its leaf fits, but is not these bytes. A leaf that fits nothing is only damaged.
    #[must_use]
    pub(crate) fn contradicts(&self, index: u64, bytes: &[u8]) -> bool {
        self.agrees(index, bytes) == Some(false) && self.read(index, &mut vec![0; bytes.len()])
    }

    /// Whether the leaf of the chunk with this number is known.
    #[must_use]
    pub(crate) fn is_known(&self, index: u64) -> bool {
        self.leaves.get(index).ok().flatten().is_some()
    }

    /// Whether a leaf is known of a chunk with this number or a higher one.
    #[must_use]
    pub(crate) fn knows_from(&self, index: u64) -> bool {
        (index..self.leaves()).any(|index| self.leaves.get(index).ok().flatten().is_some())
    }

    /// The number of leaves that may be known.
    #[must_use]
    pub(crate) const fn leaves(&self) -> u64 {
        self.leaves.count()
    }
}

/// Destinations with a thread each, fed in order.
#[derive(Debug)]
pub(crate) struct DestinationThreads {
    threads: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    sender: Sender<Step>,
    failed: Arc<AtomicBool>,
    thread: JoinHandle<(Destination, io::Result<()>)>,
}

impl DestinationThreads {
    /// Starts a thread for each destination.
    #[must_use]
    pub(crate) fn start(destinations: Vec<Destination>) -> Self {
        let start = |mut destination: Destination| {
            let (sender, steps) = bounded(QUEUE);
            let failed = Arc::new(AtomicBool::new(false));
            let flag = Arc::clone(&failed);
            let thread = std::thread::spawn(move || {
                let result = destination.run(&steps, &flag);
                (destination, result)
            });
            Running { sender, failed, thread }
        };
        Self { threads: destinations.into_iter().map(start).collect() }
    }

    /// Hands the next chunk to every destination.
    pub(crate) fn chunk(&self, chunk: &Arc<Chunk>) {
        self.send(&Step::Chunk(Arc::clone(chunk)));
    }

    /// Keeps the place of the next chunk in every destination.
    pub(crate) fn reserve(&self, index: u64, bytes: u64) {
        let bytes = usize::try_from(bytes.min(CHUNK_BYTES)).unwrap_or(usize::MAX);
        self.send(&Step::Reserve { index, bytes });
    }

    fn send(&self, step: &Step) {
        for running in &self.threads {
            // A send fails only if the thread has died; then `finish` says so.
            let _ = running.sender.send(step.clone());
        }
    }

    /// Whether no destination can be written any more.
    #[must_use]
    pub(crate) fn all_failed(&self) -> bool {
        self.threads.iter().all(|running| running.failed.load(Ordering::Relaxed) || running.thread.is_finished())
    }

    /// Waits until everything is written; returns the destinations that are well, and those that are lost.
    #[must_use]
    pub(crate) fn finish(self) -> (Vec<Destination>, Vec<Lost>) {
        let (mut well, mut lost) = (Vec::new(), Vec::new());
        for running in self.threads {
            drop(running.sender);
            match running.thread.join() {
                Ok((destination, Ok(()))) => well.push(destination),
                Ok((destination, Err(error))) => lost.push(Lost { path: destination.path, error }),
                Err(_) => {
                    lost.push(Lost { path: PathBuf::new(), error: io::Error::other("a writing thread has died") })
                }
            }
        }
        (well, lost)
    }
}
