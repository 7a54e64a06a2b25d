//! The tables, and how the file is opened.

use crate::{Result, StoreError};
use kanshiki_model::TimeBasis;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use std::path::Path;

/// The number of the schema.
pub const SCHEMA: i64 = 1;

/// What tells our files from other SQLite files: `kans` (PRAGMA application_id).
const APPLICATION: i64 = 0x6b61_6e73;

/// How much of the file is kept in memory, in KiB.
const CACHE_KIB: i64 = 32 << 10;

/// Bytes of a page of a new file: large enough that pages are seldom begun, and small enough that the bitmaps of `blocks`,
/// which are about as large, leave little of their pages empty.
const PAGE_BYTES: i64 = 8192;

const TABLES: &str = include_str!("schema.sql");

/// Opens the store for writing; makes it if there is none.
pub(crate) fn create_or_open(path: &Path) -> Result<Connection> {
    no_other_than_a_file(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(StoreError::sqlite("open"))?;
    set_up(&db, path)?;
    // Appended pages are in no journal: a rollback journal stays small, where a write-ahead log would hold everything twice.
    let mode = format!(
        "PRAGMA page_size = {PAGE_BYTES}; PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;
         PRAGMA temp_store = FILE;"
    );
    db.execute_batch(&mode).map_err(StoreError::sqlite("open"))?;
    let is_new = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    if is_new.map_err(not_a_store(path))? == 0 {
        create(&db)?;
    }
    check(&db, path)?;
    bring_up(&db).map_err(StoreError::sqlite("open"))?;
    Ok(db)
}

/// Gives a store what it lacks of the tables and columns that were added since it was made.
fn bring_up(db: &Connection) -> rusqlite::Result<()> {
    let has = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|count| count > 0);
    // None of the statements does anything where its table, index or view is there.
    db.execute_batch(TABLES)?;
    if !has("SELECT count(*) FROM pragma_table_info('exhibits') WHERE name = 'readers'")? {
        db.execute_batch("ALTER TABLE exhibits ADD COLUMN readers TEXT")?;
    }
    if !has("SELECT count(*) FROM pragma_table_info('exhibits') WHERE name = 'concluded'")? {
        db.execute_batch("ALTER TABLE exhibits ADD COLUMN concluded INTEGER NOT NULL DEFAULT 0")?;
    }
    if !has("SELECT count(*) FROM pragma_table_info('timeline') WHERE name = 'exhibit'")? {
        db.execute_batch("DROP VIEW timeline")?;
        db.execute_batch(TABLES)?;
    }
    Ok(())
}

/// Opens the store for reading alone.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    if !path.try_exists().unwrap_or(true) {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    no_other_than_a_file(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(StoreError::sqlite("open"))?;
    set_up(&db, path)?;
    check(&db, path)?;
    Ok(db)
}

/// Refuses what SQLite would wait for, such as a pipe, or write to at another place, in the place of the store and its journal.
fn no_other_than_a_file(path: &Path) -> Result<()> {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-journal");
    for path in [path, Path::new(&journal)] {
        let is_other = match std::fs::metadata(path) {
            Ok(facts) => !facts.is_file(),
            // A link that leads nowhere would make a file there.
            Err(_) => path.is_symlink(),
        };
        if is_other {
            return Err(StoreError::NotAStore { path: path.to_owned() });
        }
    }
    Ok(())
}

fn set_up(db: &Connection, path: &Path) -> Result<()> {
    // The store may come from somebody else: its schema must not be able to do anything.
    let settings = format!("PRAGMA trusted_schema = OFF; PRAGMA cache_size = -{CACHE_KIB};");
    db.execute_batch(&settings).map_err(not_a_store(path))?;
    db.busy_timeout(std::time::Duration::from_secs(5)).map_err(StoreError::sqlite("open"))
}

fn create(db: &Connection) -> Result<()> {
    let sql =
        format!("BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {SCHEMA}; {TABLES}");
    db.execute_batch(&sql).map_err(StoreError::sqlite("make"))?;
    for basis in TimeBasis::ALL {
        let row = params![basis.number(), basis.name()];
        db.execute("INSERT INTO bases (id, name) VALUES (?, ?)", row).map_err(StoreError::sqlite("make"))?;
    }
    db.execute("INSERT INTO meta (key, value) VALUES ('schema', ?)", [SCHEMA.to_string()])
        .map_err(StoreError::sqlite("make"))?;
    db.execute_batch("COMMIT").map_err(StoreError::sqlite("make"))
}

fn check(db: &Connection, path: &Path) -> Result<()> {
    let pragma = |name: &str| db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).optional();
    let application = pragma("application_id").map_err(not_a_store(path))?;
    if application != Some(APPLICATION) {
        return Err(StoreError::NotAStore { path: path.to_owned() });
    }
    match pragma("user_version").map_err(StoreError::sqlite("open"))? {
        Some(SCHEMA) => Ok(()),
        found => Err(StoreError::Schema { path: path.to_owned(), found: found.unwrap_or(0), expected: SCHEMA }),
    }
}

fn not_a_store(path: &Path) -> impl FnOnce(rusqlite::Error) -> StoreError + '_ {
    |error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => StoreError::NotAStore { path: path.to_owned() },
        _ => StoreError::Sqlite { action: "open", source: error },
    }
}
