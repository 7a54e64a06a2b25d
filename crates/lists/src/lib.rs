//! What others know: lists of digests of files, known or bad, and indicators.
//!
//! ```text
//! list ─▶ text or SQLite ─▶ a line, a row ─▶ sorted runs ─▶ Index ─▶ look_up
//! indicators ─▶ plain, CSV, STIX or MISP ─▶ Indicator ─▶ Matcher ─▶ texts, paths, digests
//! ```
//!
//! The lists are the analyst's, but come from anywhere: no line of them can panic, hang or fill the memory.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod index;
mod indicators;
mod known;
mod label;
#[cfg(feature = "sqlite")]
mod nsrl;
mod text;

pub use index::{Index, LARGE_BYTES};
pub use indicators::{Indicator, IndicatorError, Indicators, Matcher, Refused, What};
pub use known::KnownList;
pub use label::labels;

use kanshiki_model::{Algorithm, Digest, Hasher};
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::path::Path;

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// It cannot be read.
    #[error("cannot read the list")]
    Read(#[source] io::Error),
    /// It is a folder, a pipe or a device; lists are read more than once.
    #[error("not a regular file; a list is read more than once")]
    NotAFile,
    /// It holds no digest.
    #[error(
        "no digest in the first {PEEKED} lines: expected a list of sha256sum, md5sum or hashdeep, of the NSRL, or of digests"
    )]
    Empty,
    /// It is a database, but not one of the NSRL's.
    #[error("a database without a table FILE or METADATA that has columns sha256, sha1 or md5")]
    NoTable,
    /// It is a database of which a part stands in another file.
    #[error(
        "a database with a write-ahead log beside it: open it once with sqlite3 and `PRAGMA wal_checkpoint(TRUNCATE)`"
    )]
    WriteAheadLog,
    /// It is a database, and this build cannot read it.
    #[error("a database of SQLite, which this build of the program does not read")]
    NoSqlite,
    /// SQLite cannot read it.
    #[cfg(feature = "sqlite")]
    #[error("cannot read the database")]
    Sqlite(#[from] rusqlite::Error),
    /// It is a database that has more rows than it can.
    #[error("the database is damaged: it has more rows than bytes")]
    Endless,
    /// It changed while it was read.
    #[error("the list changed while it was read")]
    Changed,
    /// Its index cannot be written.
    #[error("cannot write the index of the list")]
    Write(#[source] io::Error),
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Lines that tell which algorithms a list has.
const PEEKED: u64 = 1000;

/// A digest of a list.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// The algorithms that it may be of, the likeliest first; never empty.
    may_be: &'static [Algorithm],
    bytes: [u8; 64],
    length: usize,
}

impl Found {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// A line or row of a list.
#[derive(Debug)]
struct Entry<'a> {
    /// Its number, from 1 on.
    number: u64,
    /// The digests, in their order; none in a line that has none.
    digests: &'a [Found],
    /// The line, or the name in the row.
    text: &'a [u8],
}

/// Where the lines of a list go, until it wants no more.
type Take<'a> = &'a mut dyn FnMut(&Entry<'_>) -> ControlFlow<()>;

/// Hands on every line or row of a list.
fn each(path: &Path, take: Take<'_>) -> Result<(), ListError> {
    let file = open(path)?;
    if is_sqlite(&file) {
        return each_row(path, take);
    }
    text::each(file, take).map_err(ListError::Read)
}

#[cfg(feature = "sqlite")]
fn each_row(path: &Path, take: Take<'_>) -> Result<(), ListError> {
    nsrl::each(path, take)
}

#[cfg(not(feature = "sqlite"))]
fn each_row(_: &Path, _: Take<'_>) -> Result<(), ListError> {
    Err(ListError::NoSqlite)
}

fn open(path: &Path) -> Result<File, ListError> {
    // A pipe would keep whoever opens it waiting.
    if !std::fs::metadata(path).map_err(ListError::Read)?.is_file() {
        return Err(ListError::NotAFile);
    }
    File::open(path).map_err(ListError::Read)
}

/// The SHA-256 of a file.
fn sha256(path: &Path) -> io::Result<Digest> {
    let (mut file, mut hasher) = (File::open(path)?, Hasher::new(Algorithm::Sha256));
    let mut buffer = vec![0; 1 << 17];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
}

/// Whether a file begins as databases of SQLite do (<https://www.sqlite.org/fileformat.html>, 1.3).
fn is_sqlite(file: &File) -> bool {
    let mut magic = [0; 16];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut magic, 0).is_ok() && magic == *b"SQLite format 3\0"
}

/// Tells whether a list can be read and holds digests, from its beginning.
///
/// # Errors
///
/// [`ListError`].
pub fn check(path: &Path) -> Result<(), ListError> {
    KnownList::open(path).map(|_| ())
}

/// Goes through a text as through a list, and counts its digests; for tests with any bytes.
#[must_use]
pub fn count_digests(text: &[u8]) -> usize {
    let mut count = 0_usize;
    let _ = text::each(text, &mut |entry| {
        count = count.saturating_add(entry.digests.len());
        ControlFlow::Continue(())
    });
    count
}
