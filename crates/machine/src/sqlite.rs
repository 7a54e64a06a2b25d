//! SQLite databases of an image: hostile bytes, opened in memory, read-only, with bounds on what they can cost.
//!
//! A database may be built to harm whoever opens it: views and triggers in the place of tables, cells that point astray,
//! trees that lead into themselves. So nothing of the schema is trusted, views are off, cells are checked, and neither rows nor
//! steps nor the length of values are without a bound (<https://www.sqlite.org/security.html>).
//!
//! What a machine that lost its power left beside a database is made use of in memory, as SQLite does when it opens it: a rollback
//! journal is played back, and what a write-ahead log committed is put in.

mod journal;
#[cfg(test)]
mod tests;
mod wal;

use crate::Endian;
use kanshiki_filesystem::{Follow, LookupError, NodeType, View};
use kanshiki_image::Source;
use kanshiki_model::{ByteRange, EvidencePath};
use kanshiki_walk::contents::RangeReader;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, MAIN_DB, Row};
use std::io::{self, Read};

/// The longest database that is read, in bytes.
pub const DATABASE_BYTES: u64 = 64 << 20;

/// The first bytes of every database (<https://www.sqlite.org/fileformat.html>, 1.3).
pub const MAGIC: &[u8] = b"SQLite format 3\0";

/// What a database may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The longest database that is read, in bytes.
    pub database_bytes: u64,
    /// The longest text or blob, in bytes.
    pub value_bytes: i32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { database_bytes: DATABASE_BYTES, value_bytes: 1 << 20 }
    }
}

/// Steps of SQLite's machine for all questions to one database; a row takes about ten.
const STEPS: u64 = 400_000_000;

/// Steps between two looks at their number.
const STRIDE: i32 = 100_000;

/// Rows of one answer that are read.
const ROWS: u64 = 5_000_000;

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("the database is longer than {} MiB", limit >> 20)]
    /// It is longer than is read.
    TooLarge {
        /// Bytes that are read.
        limit: u64,
    },
    #[error("cannot read the database")]
    /// Its bytes cannot be read.
    Io(#[from] std::io::Error),
    #[error("SQLite does not open the database: {0}")]
    /// SQLite refuses it.
    Sqlite(#[from] rusqlite::Error),
}

/// A database in memory.
#[derive(Debug)]
pub struct Database {
    /// To ask questions of.
    pub connection: Connection,
    /// Bytes of the file.
    pub bytes: u64,
    /// What has to be known of files beside it.
    pub notes: Vec<String>,
}

impl Database {
    /// Whether it has a table of this name.
    pub fn has_table(&self, name: &str) -> bool {
        let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE";
        self.connection.query_row(sql, [name], |_| Ok(())).is_ok()
    }

    /// Hands on the rows of an answer, until enough is said.
    ///
    /// # Errors
    ///
    /// The question cannot be answered to its end, or has too many rows; the rows before are handed on.
    pub fn each_row(&self, sql: &str, each: &mut dyn FnMut(&Row<'_>) -> bool) -> io::Result<()> {
        let mut statement = self.connection.prepare(sql).map_err(io::Error::other)?;
        let mut rows = statement.query([]).map_err(io::Error::other)?;
        let mut count = 0_u64;
        while let Some(row) = rows.next().map_err(io::Error::other)? {
            count = count.saturating_add(1);
            if count > ROWS {
                return Err(io::Error::other(format!("the table has more than {ROWS} rows; the rest is not read")));
            }
            if !each(row) {
                break;
            }
        }
        Ok(())
    }
}

/// Opens files that lie beside the one that is read.
pub trait Siblings: std::fmt::Debug {
    /// The content of the file whose name has this behind it; `None` if there is none, and why it cannot be read otherwise.
    fn open(&self, ending: &str) -> Option<Result<Source, String>>;
}

/// The files beside the one of an image at this path.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// The image.
    pub view: &'a View,
    /// The path of the file.
    pub path: &'a [u8],
}

impl Siblings for Beside<'_> {
    fn open(&self, ending: &str) -> Option<Result<Source, String>> {
        let path = EvidencePath::from_bytes([self.path, ending.as_bytes()].concat());
        let located = match self.view.lookup(&path, Follow::AllButLast) {
            Ok(located) => located,
            Err(LookupError::NotFound { .. }) => return None,
            Err(error) => return Some(Err(error.to_string())),
        };
        if located.node.node_type != NodeType::File {
            return None;
        }
        let filesystem = self.view.filesystem(located.place)?;
        Some(filesystem.content(located.place.node).map_err(|error| error.to_string()))
    }
}

/// Opens the database with this content, and makes use of what lies beside it, if that is known.
///
/// # Errors
///
/// [`DatabaseError`].
pub fn open(content: &mut dyn Read, siblings: Option<&dyn Siblings>) -> Result<Database, DatabaseError> {
    open_within(content, siblings, Bounds::default())
}

/// The same with bounds of the caller's.
///
/// # Errors
///
/// [`DatabaseError`].
pub fn open_within(
    content: &mut dyn Read,
    siblings: Option<&dyn Siblings>,
    bounds: Bounds,
) -> Result<Database, DatabaseError> {
    let mut read = Vec::new();
    content.take(bounds.database_bytes.saturating_add(1)).read_to_end(&mut read)?;
    let length = u64::try_from(read.len()).unwrap_or(u64::MAX);
    if length > bounds.database_bytes {
        return Err(DatabaseError::TooLarge { limit: bounds.database_bytes });
    }
    let (mut content, mut notes) = (read, Vec::new());
    // Bytes 18 and 19 say how the file is written and read: 2 stands for a write-ahead log.
    match siblings {
        Some(siblings) => complete(siblings, &mut content, &mut notes),
        None if content.get(18) == Some(&2) => notes.push(
            "the database is used with a write-ahead log; what is in that file alone is not read, since it is not known here"
                .to_owned(),
        ),
        None => {}
    }
    // Memory has no write-ahead log.
    content.iter_mut().skip(18).take(2).filter(|version| **version == 2).for_each(|version| *version = 1);
    let mut connection = Connection::open_in_memory()?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, bounds.value_bytes)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.deserialize_read_exact(MAIN_DB, &*content, content.len(), true)?;
    drop(content);
    for (setting, is_on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(setting, is_on)?;
    }
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;")?;
    let mut steps = 0_u64;
    let stride = u64::try_from(STRIDE).unwrap_or(1);
    let is_too_long = move || {
        steps = steps.saturating_add(stride);
        steps > STEPS
    };
    connection.progress_handler(STRIDE, Some(is_too_long))?;
    Ok(Database { connection, bytes: length, notes })
}

/// Makes use of what lies beside a database, the journal first (`sqlite3PagerSharedLock` of pager.c).
fn complete(siblings: &dyn Siblings, content: &mut Vec<u8>, notes: &mut Vec<String>) {
    let mut note = |ending: &str, what: &str| notes.push(format!("the database has a file {ending} beside it: {what}"));
    for ending in ["-journal", "-wal"] {
        let Some(beside) = siblings.open(ending).map(|source| source.and_then(|source| read(&source))) else {
            continue;
        };
        let result = beside.and_then(|(beside, is_whole)| {
            let done = match ending {
                "-wal" => wal::apply(&beside, page_bytes(content), content)?,
                _ => journal::roll_back(&beside, content)?,
            };
            Ok(done.map(|done| if is_whole { done } else { format!("{done}; it is longer than what is read of it") }))
        });
        match result {
            Ok(Some(done)) => note(ending, &done),
            Ok(None) => {}
            Err(why) => {
                note(ending, &format!("it is not read, and what the database holds may be older or unfinished: {why}"))
            }
        }
    }
}

/// Bytes of a page, as the header says.
fn page_bytes(content: &[u8]) -> usize {
    match Endian::Big.u16(content, 16) {
        Some(1) => 65_536,
        bytes => bytes.map_or(0, usize::from),
    }
}

/// The content of a file beside, and whether that is all of it.
fn read(source: &Source) -> Result<(Vec<u8>, bool), String> {
    let range = ByteRange::new(0, source.len().min(DATABASE_BYTES));
    let mut content = Vec::new();
    RangeReader::new(&**source, range).read_to_end(&mut content).map_err(|error| error.to_string())?;
    Ok((content, source.len() <= DATABASE_BYTES))
}

/// The bytes of a text or blob; of anything else none.
pub fn bytes<'r>(row: &'r Row<'_>, column: usize) -> &'r [u8] {
    match row.get_ref(column) {
        Ok(rusqlite::types::ValueRef::Text(bytes) | rusqlite::types::ValueRef::Blob(bytes)) => bytes,
        _ => b"",
    }
}

/// A whole number; `None` for anything else.
pub fn number(row: &Row<'_>, column: usize) -> Option<i64> {
    match row.get_ref(column) {
        Ok(rusqlite::types::ValueRef::Integer(number)) => Some(number),
        _ => None,
    }
}
