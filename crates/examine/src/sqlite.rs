//! SQLite databases of an image: hostile bytes, opened in memory, read-only, with bounds on what they can cost.
//!
//! A database may be built to harm whoever opens it: views and triggers in the place of tables, cells that point astray,
//! trees that lead into themselves. So nothing of the schema is trusted, views are off, cells are checked, and neither rows nor
//! steps nor the length of values are without a bound (<https://www.sqlite.org/security.html>).

use crate::input::Input;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, MAIN_DB, Row};
use std::io::{self, Read as _};

/// The longest database that is read, in bytes.
pub(crate) const DATABASE_BYTES: u64 = 64 << 20;

/// The first bytes of every database (<https://www.sqlite.org/fileformat.html>, 1.3).
pub(crate) const MAGIC: &[u8] = b"SQLite format 3\0";

/// The longest text or blob, in bytes.
const VALUE_BYTES: i32 = 1 << 20;

/// Steps of SQLite's machine for all questions to one database; a row takes about ten.
const STEPS: u64 = 400_000_000;

/// Steps between two looks at their number.
const STRIDE: i32 = 100_000;

/// Rows of one answer that are read.
const ROWS: u64 = 5_000_000;

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    #[error("the database is longer than {} MiB", DATABASE_BYTES >> 20)]
    TooLarge,
    #[error("cannot read the database")]
    Io(#[from] std::io::Error),
    #[error("SQLite does not open the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// A database in memory.
#[derive(Debug)]
pub(crate) struct Database {
    /// To ask questions of. They read the bytes of the image's file alone.
    pub(crate) connection: Connection,
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// Whether the database had a write-ahead log beside it when it was last changed: what stands there is not read.
    pub(crate) has_write_ahead_log: bool,
}

impl Database {
    /// Whether it has a table of this name.
    pub(crate) fn has_table(&self, name: &str) -> bool {
        let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE";
        self.connection.query_row(sql, [name], |_| Ok(())).is_ok()
    }

    /// Hands on the rows of an answer, until enough is said.
    ///
    /// # Errors
    ///
    /// The question cannot be answered to its end, or has too many rows; the rows before are handed on.
    pub(crate) fn each_row(&self, sql: &str, each: &mut dyn FnMut(&Row<'_>) -> bool) -> io::Result<()> {
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

/// Opens the database that is the content of a file.
///
/// # Errors
///
/// [`DatabaseError`].
pub(crate) fn open(input: &Input<'_>) -> Result<Database, DatabaseError> {
    let mut content = Vec::new();
    input.read()?.take(DATABASE_BYTES.saturating_add(1)).read_to_end(&mut content)?;
    let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
    if bytes > DATABASE_BYTES {
        return Err(DatabaseError::TooLarge);
    }
    // Bytes 18 and 19 say how the file is written and read: 2 stands for a write-ahead log, which memory has none of.
    let mut has_write_ahead_log = false;
    for version in content.iter_mut().skip(18).take(2).filter(|version| **version == 2) {
        has_write_ahead_log = true;
        *version = 1;
    }
    let mut connection = Connection::open_in_memory()?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES)?;
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
    Ok(Database { connection, bytes, has_write_ahead_log })
}

/// The bytes of a text or blob; of anything else none.
pub(crate) fn bytes<'r>(row: &'r Row<'_>, column: usize) -> &'r [u8] {
    match row.get_ref(column) {
        Ok(rusqlite::types::ValueRef::Text(bytes) | rusqlite::types::ValueRef::Blob(bytes)) => bytes,
        _ => b"",
    }
}

/// A whole number; `None` for anything else.
pub(crate) fn number(row: &Row<'_>, column: usize) -> Option<i64> {
    match row.get_ref(column) {
        Ok(rusqlite::types::ValueRef::Integer(number)) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_image::Memory;
    use proptest::prelude::*;

    /// The bytes of a database that these statements make.
    fn made(statements: &str) -> Vec<u8> {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(statements).unwrap();
        connection.serialize(MAIN_DB).unwrap().to_vec()
    }

    fn count(bytes: &[u8]) -> Result<i64, String> {
        let memory = Memory(bytes.to_vec());
        let database = open(&Input::new(&memory)).map_err(|error| error.to_string())?;
        let count = database.connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
        count.map_err(|error| error.to_string())
    }

    #[test]
    fn a_database_is_read_with_a_write_ahead_log_too_and_a_view_is_no_table() {
        let mut bytes = made("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)");
        assert_eq!(count(&bytes), Ok(2));
        bytes[18..20].fill(2);
        assert_eq!(count(&bytes), Ok(2));
        assert!(open(&Input::new(&Memory(bytes))).unwrap().has_write_ahead_log);
        let view = made("CREATE TABLE s (a); CREATE VIEW t AS SELECT * FROM s");
        assert_eq!(count(&view), Err("access to view \"t\" prohibited".to_owned()));
    }

    #[test]
    fn a_question_without_end_ends_and_nothing_is_written() {
        let memory = Memory(made("CREATE TABLE t (a)"));
        let database = open(&Input::new(&memory)).unwrap();
        let written = database.connection.execute("INSERT INTO t VALUES (1)", []);
        assert_eq!(written.unwrap_err().to_string(), "attempt to write a readonly database");
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let endless = database.connection.query_row(endless, [], |row| row.get::<_, i64>(0));
        assert_eq!(endless.unwrap_err().to_string(), "interrupted");
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(changes in prop::collection::vec((0_usize..8192, any::<u8>()), 0..40), cut in 0_usize..8193) {
            let mut bytes = made("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)");
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            bytes.truncate(cut);
            let _ = count(&bytes);
        }
    }
}
