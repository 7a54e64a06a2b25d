//! A list as a sorted index, in which a digest is found by a few reads.
//!
//! | byte | bytes | what |
//! | --- | --- | --- |
//! | 0 | 8 | `KSHLIST1` |
//! | 8 | 8 | bytes of the list |
//! | 16 | 32 | SHA-256 of the list |
//! | 48 | 40 | digests of MD5, SHA-1, SHA-256, SHA-512 and BLAKE3, each once |
//! | 88 | | for each of these that has any: the table of beginnings, then the records |
//!
//! The table of beginnings has 65,537 numbers: how many records come before those whose digests begin with these two bytes.
//! A record is the digest and, in 8 bytes, the number of the line or row in which it stands first. Numbers are big-endian.
//!
//! Of a line with several digests the strongest is taken: who knows files by that needs no weaker one.

mod build;

use crate::{ListError, open};
use kanshiki_model::{Algorithm, Digest, Hasher, Progress};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// A list from this size on is converted into a file once; a smaller one in memory each time.
pub const LARGE_BYTES: u64 = 16 << 20;

const MAGIC: &[u8; 8] = b"KSHLIST1";

/// Bytes before the first table.
const HEADER: usize = 88;

/// Beginnings of digests that a table tells apart.
const BEGINNINGS: usize = 1 << 16;

/// Bytes of a table.
const TABLE: u64 = 8 * (1 << 16) + 8;

/// Bytes of the number of a line.
const NUMBER: usize = 8;

/// Records that are read at once.
const AT_ONCE: u64 = 64;

/// A list in which digests are looked up.
#[derive(Debug)]
pub struct Index {
    bytes: Bytes,
    digest: Digest,
    sections: Vec<Section>,
}

/// Where the records are.
#[derive(Debug)]
enum Bytes {
    Memory(Vec<u8>),
    File(File),
}

/// The digests of one algorithm.
#[derive(Debug)]
struct Section {
    algorithm: Algorithm,
    /// Where the records begin.
    start: u64,
    /// How many records come before each beginning; one number more than there are beginnings.
    table: Vec<u64>,
}

impl Section {
    fn width(&self) -> usize {
        width(self.algorithm)
    }

    fn len(&self) -> u64 {
        self.table.last().copied().unwrap_or(0)
    }
}

/// Bytes of a record.
const fn width(algorithm: Algorithm) -> usize {
    algorithm.digest_bytes().saturating_add(NUMBER)
}

impl Bytes {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Self::File(file) => file.read_exact_at(buffer, offset),
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
                let from = bytes.get(start..).and_then(|rest| rest.get(..buffer.len()));
                buffer.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Memory(bytes) => Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
        }
    }
}

impl Index {
    /// The index of a list. That of a large one is kept in `folder`, which is made if there is none, under a name that changes
    /// with the file's place, size and times; it is made again if it is not whole. Without a folder all stays in memory.
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub fn open(list: &Path, folder: Option<&Path>, progress: &dyn Progress) -> Result<Self, ListError> {
        let file = open(list)?;
        let before = Stamp::of(&file)?;
        let index = match folder.filter(|_| before.size >= LARGE_BYTES) {
            None => Self::read(Bytes::Memory(build::in_memory(list, progress)?)).map_err(ListError::Write)?,
            Some(folder) => {
                let name = folder.join(format!("{}.index", before.name()));
                match Self::kept(&name) {
                    Some(index) => index,
                    None => {
                        build::into_file(list, folder, &name, progress)?;
                        Self::kept(&name).ok_or_else(|| ListError::Write(io::ErrorKind::InvalidData.into()))?
                    }
                }
            }
        };
        if Stamp::of(&open(list)?)? != before {
            return Err(ListError::Changed);
        }
        if index.is_empty() { Err(ListError::Empty) } else { Ok(index) }
    }

    /// The index of this name, if there is one and it is whole.
    fn kept(name: &Path) -> Option<Self> {
        Self::read(Bytes::File(File::open(name).ok()?)).ok()
    }

    /// Reads the header and the tables.
    fn read(bytes: Bytes) -> io::Result<Self> {
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let mut header = [0; HEADER];
        bytes.read_exact_at(&mut header, 0)?;
        let digest = header.get(16..48).and_then(|digest| Digest::new(Algorithm::Sha256, digest));
        let counts = header.get(48..).map(numbers).unwrap_or_default();
        if !header.starts_with(MAGIC) || counts.len() != Algorithm::ALL.len() {
            return Err(damaged());
        }
        let (mut at, mut sections, length) = (u64::try_from(HEADER).map_err(|_| damaged())?, Vec::new(), bytes.len()?);
        for (algorithm, count) in Algorithm::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
            let mut table = vec![0; usize::try_from(TABLE).map_err(|_| damaged())?];
            bytes.read_exact_at(&mut table, at)?;
            let section = Section { algorithm, start: at.saturating_add(TABLE), table: numbers(&table) };
            if section.len() != count || !section.table.is_sorted() {
                return Err(damaged());
            }
            let records = u64::try_from(section.width()).ok().and_then(|width| width.checked_mul(count));
            at = records.and_then(|records| records.checked_add(section.start)).ok_or_else(damaged)?;
            sections.push(section);
        }
        if at != length {
            return Err(damaged());
        }
        Ok(Self { bytes, digest: digest.ok_or_else(damaged)?, sections })
    }

    /// The SHA-256 of the list.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many digests it has; those that are there twice count once.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.sections.iter().fold(0, |sum, section| sum.saturating_add(section.len()))
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The algorithms of its digests.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.sections.iter().map(|section| section.algorithm)
    }

    /// The number of the line or row in which a digest stands first; `None` if it is not in the list.
    ///
    /// # Errors
    ///
    /// The index cannot be read.
    pub fn look_up(&self, digest: &Digest) -> io::Result<Option<u64>> {
        let section = self.sections.iter().find(|section| section.algorithm == digest.algorithm());
        let (Some(section), [first, second, ..]) = (section, digest.as_bytes()) else { return Ok(None) };
        let beginning = usize::from(*first) << 8 | usize::from(*second);
        let before = |beginning: usize| section.table.get(beginning).copied().unwrap_or(0);
        let (mut from, mut to) = (before(beginning), before(beginning.saturating_add(1)));
        let width = section.width();
        let place = |number: u64| {
            let bytes = u64::try_from(width).unwrap_or(u64::MAX).saturating_mul(number);
            section.start.saturating_add(bytes)
        };
        let mut record = vec![0; width];
        while to.saturating_sub(from) > AT_ONCE {
            let middle = from.midpoint(to);
            self.bytes.read_exact_at(&mut record, place(middle))?;
            if record.as_slice() < digest.as_bytes() { from = middle } else { to = middle.saturating_add(1) }
        }
        let count = usize::try_from(to.saturating_sub(from)).unwrap_or(0);
        let mut records = vec![0; count.saturating_mul(width)];
        self.bytes.read_exact_at(&mut records, place(from))?;
        let found = records.chunks_exact(width).find_map(|record| record.strip_prefix(digest.as_bytes()));
        Ok(found.and_then(|number| numbers(number).first().copied()))
    }
}

/// Numbers of 8 bytes.
fn numbers(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks_exact(8).filter_map(|bytes| Some(u64::from_be_bytes(*bytes.first_chunk()?))).collect()
}

/// What tells whether a file is still the one that it was: its content cannot change without its time of change.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    words: [i128; 4],
}

impl Stamp {
    fn of(file: &File) -> Result<Self, ListError> {
        let facts = file.metadata().map_err(ListError::Read)?;
        let time = |seconds: i64, rest: i64| i128::from(seconds) << 32 | i128::from(rest);
        let words = [
            i128::from(facts.dev()),
            i128::from(facts.ino()),
            time(facts.mtime(), facts.mtime_nsec()),
            time(facts.ctime(), facts.ctime_nsec()),
        ];
        Ok(Self { size: facts.len(), words })
    }

    fn name(&self) -> String {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(&self.size.to_be_bytes());
        self.words.iter().for_each(|word| hasher.update(&word.to_be_bytes()));
        hasher.finish().to_hex().chars().take(32).collect()
    }
}

/// Where an index is written before it is whole.
fn partial(name: &Path) -> PathBuf {
    name.with_extension("partial")
}

#[cfg(test)]
mod tests;
