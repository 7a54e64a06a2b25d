//! Metadata of the volume in memory: chunks of 64 KiB, bounded in number.
//!
//! A compressed image has to decompress a frame for every read, and a directory, an inode table or an extent tree is read
//! in many small pieces. Contents of files do not come through here.

use kanshiki_image::bytes::length;
use kanshiki_image::{ReadAt, ReadError};
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a chunk. No block of ext4 is larger, and each lies inside one chunk.
const CHUNK: u64 = 65_536;

/// Parts of the cache with a lock each, so that threads seldom wait for each other.
const SHARDS: u64 = 16;

/// Chunks in a shard: 12 MiB in all.
const CHUNKS_OF_A_SHARD: usize = 12;

/// Chunks that a thread finds again without a lock.
const RECENT: usize = 8;

/// The number that the next cache gets.
static NEXT_CACHE: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// What this thread used last, of any cache.
    static LAST_USED: RefCell<Recent> = const { RefCell::new(Recent { chunks: Vec::new(), oldest: 0 }) };
}

/// Some bytes of the volume, shared with the cache.
#[derive(Clone)]
pub(crate) struct Bytes {
    chunk: Arc<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Bytes {
    /// Bytes that are no part of a chunk.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { end: bytes.len(), chunk: Arc::new(bytes), start: 0 }
    }

    /// A part of these bytes; `None` if it reaches past their end.
    pub(crate) fn part(&self, start: usize, length: usize) -> Option<Self> {
        let start = self.start.checked_add(start)?;
        let end = start.checked_add(length).filter(|end| *end <= self.end)?;
        Some(Self { chunk: Arc::clone(&self.chunk), start, end })
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.chunk.get(self.start..self.end).unwrap_or_default()
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bytes").field("length", &self.len()).finish_non_exhaustive()
    }
}

/// The chunks that a thread used last, each with the number of its cache.
struct Recent {
    chunks: Vec<(u64, u64, Arc<Vec<u8>>)>,
    oldest: usize,
}

impl Recent {
    fn find(&self, cache: u64, number: u64) -> Option<Arc<Vec<u8>>> {
        let found = self.chunks.iter().find(|chunk| chunk.0 == cache && chunk.1 == number)?;
        Some(Arc::clone(&found.2))
    }

    fn put(&mut self, cache: u64, number: u64, bytes: &Arc<Vec<u8>>) {
        let new = (cache, number, Arc::clone(bytes));
        if self.chunks.len() < RECENT {
            self.chunks.push(new);
        } else if let Some(oldest) = self.chunks.get_mut(self.oldest) {
            *oldest = new;
            self.oldest = self.oldest.saturating_add(1) % RECENT;
        }
    }
}

/// The chunks that were used last.
pub(crate) struct Cache {
    /// Tells it from all others, whose chunks a thread may have used before.
    identity: u64,
    shards: Vec<Mutex<Shard>>,
}

#[derive(Default)]
struct Shard {
    chunks: Vec<Kept>,
    /// Memory of a chunk that is kept no longer.
    spare: Option<Vec<u8>>,
    /// Counts uses, so that the chunk that was not used for longest can be told.
    uses: u64,
}

struct Kept {
    number: u64,
    used: u64,
    bytes: Arc<Vec<u8>>,
}

impl Cache {
    pub(crate) fn new() -> Self {
        let identity = NEXT_CACHE.fetch_add(1, Ordering::Relaxed);
        Self { identity, shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// `bytes` bytes of the source at `offset`.
    pub(crate) fn get(&self, source: &dyn ReadAt, offset: u64, bytes: usize) -> Result<Bytes, ReadError> {
        let number = offset / CHUNK;
        let within = usize::try_from(offset % CHUNK).unwrap_or(usize::MAX);
        let end = within.saturating_add(bytes);
        if length(end) > CHUNK {
            return directly(source, offset, bytes);
        }
        let chunk = match LAST_USED.with_borrow(|recent| recent.find(self.identity, number)) {
            Some(chunk) => chunk,
            None => match self.chunk(source, number) {
                Ok(chunk) => {
                    LAST_USED.with_borrow_mut(|recent| recent.put(self.identity, number, &chunk));
                    chunk
                }
                // Bad sectors beside the bytes that are wanted are of no account.
                Err(_) => return directly(source, offset, bytes),
            },
        };
        if end > chunk.len() {
            return Err(ReadError::Io { offset, source: io::ErrorKind::UnexpectedEof.into() });
        }
        Ok(Bytes { chunk, start: within, end })
    }

    /// A chunk out of the cache or the source.
    fn chunk(&self, source: &dyn ReadAt, number: u64) -> Result<Arc<Vec<u8>>, ReadError> {
        match self.kept(number) {
            Some(chunk) => Ok(chunk),
            None => Ok(self.keep(number, read_chunk(source, number, self.spare(number))?)),
        }
    }

    /// Memory to read a chunk into.
    fn spare(&self, number: u64) -> Vec<u8> {
        let shard = self.shard(number).map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner));
        shard.and_then(|mut shard| shard.spare.take()).unwrap_or_default()
    }

    fn shard(&self, number: u64) -> Option<&Mutex<Shard>> {
        self.shards.get(usize::try_from(number % SHARDS).unwrap_or(0))
    }

    fn kept(&self, number: u64) -> Option<Arc<Vec<u8>>> {
        let mut shard = self.shard(number)?.lock().unwrap_or_else(PoisonError::into_inner);
        shard.uses = shard.uses.wrapping_add(1);
        let now = shard.uses;
        let kept = shard.chunks.iter_mut().find(|kept| kept.number == number)?;
        kept.used = now;
        Some(Arc::clone(&kept.bytes))
    }

    fn keep(&self, number: u64, chunk: Vec<u8>) -> Arc<Vec<u8>> {
        let bytes = Arc::new(chunk);
        let Some(shard) = self.shard(number) else { return bytes };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Kept { number, used: shard.uses, bytes: Arc::clone(&bytes) };
        if shard.chunks.len() < CHUNKS_OF_A_SHARD {
            shard.chunks.push(new);
        } else if let Some(oldest) = shard.chunks.iter_mut().min_by_key(|kept| kept.used) {
            // Nobody may be at it still.
            let old = std::mem::replace(oldest, new);
            shard.spare = Arc::into_inner(old.bytes);
        }
        bytes
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

fn read_chunk(source: &dyn ReadAt, number: u64, spare: Vec<u8>) -> Result<Vec<u8>, ReadError> {
    let mut bytes = spare;
    bytes.resize(usize::try_from(CHUNK).unwrap_or(0), 0);
    let read = source.read_at(number.saturating_mul(CHUNK), &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

fn directly(source: &dyn ReadAt, offset: u64, bytes: usize) -> Result<Bytes, ReadError> {
    let mut buffer = vec![0; bytes];
    kanshiki_image::read_exact_at(source, offset, &mut buffer)?;
    Ok(Bytes::new(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_image::{Gaps, Memory};
    use kanshiki_model::{ByteRange, ByteRanges};

    fn content(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| (at / 1024) as u8).collect()
    }

    #[test]
    fn what_is_read_is_what_lies_there_in_and_across_chunks_and_no_further_than_the_end() {
        let source = Memory(content(200_000));
        let cache = Cache::new();
        for _ in 0..2 {
            assert_eq!(cache.get(&source, 70_000, 3000).unwrap()[..], source.0[70_000..73_000]);
            assert_eq!(cache.get(&source, 65_000, 3000).unwrap()[..], source.0[65_000..68_000]);
            assert_eq!(cache.get(&source, 199_000, 1000).unwrap()[..], source.0[199_000..]);
            assert!(cache.get(&source, 199_000, 1001).is_err());
            assert!(cache.get(&source, u64::MAX - 5, 5).is_err());
        }
    }

    #[test]
    fn bad_sectors_beside_what_is_wanted_are_of_no_account() {
        let gaps: ByteRanges = [ByteRange::new(512, 1024)].into_iter().collect();
        let source = Gaps::new(Arc::new(Memory(content(65_536))), gaps);
        let cache = Cache::new();
        assert_eq!(cache.get(&source, 4096, 4).unwrap()[..], [4, 4, 4, 4]);
        assert!(cache.get(&source, 1000, 100).is_err());
    }

    #[test]
    fn two_caches_are_not_mistaken_for_each_other_on_one_thread() {
        let (first, second) = (Cache::new(), Cache::new());
        assert_eq!(first.get(&Memory(vec![1; 70_000]), 5, 1).unwrap()[..], [1]);
        assert_eq!(second.get(&Memory(vec![2; 70_000]), 5, 1).unwrap()[..], [2]);
        assert_eq!(first.get(&Memory(vec![3; 70_000]), 5, 1).unwrap()[..], [1]);
    }

    #[test]
    fn bytes_in_use_stay_as_they_are_when_their_chunk_is_kept_no_longer() {
        let source = Memory(content(65_536 * 500));
        let cache = Cache::new();
        let held = cache.get(&source, 65_536 + 4096, 100).unwrap();
        for number in 0..500 {
            cache.get(&source, number * 65_536, 1).unwrap();
        }
        assert_eq!(held[..], source.0[65_536 + 4096..65_536 + 4196]);
    }

    #[test]
    fn the_number_of_chunks_is_bounded() {
        let source = Memory(content(65_536 * 500));
        let cache = Cache::new();
        for number in 0..500 {
            cache.get(&source, number * 65_536, 1).unwrap();
        }
        let kept: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().chunks.len()).sum();
        assert_eq!(kept, 16 * 12);
    }
}
