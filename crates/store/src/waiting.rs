//! Files that may be logs, from the walk over the tree to the reading.

use crate::rows::{ExhibitId, FileId, WaitingLog};
use crate::writer::{Writer, saturated};
use crate::{Result, StoreError};
use kanshiki_model::from_visible;
use rusqlite::{Row, params};

/// Logs that are given at once.
const SOME: i64 = 4096;

impl Writer {
    /// Whether all files of an exhibit are in.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn has_tree(&self, exhibit: ExhibitId) -> Result<bool> {
        let sql = "SELECT has_tree FROM exhibits WHERE id = ?";
        self.db.query_row(sql, [exhibit.0], |row| row.get(0)).map_err(StoreError::sqlite("read"))
    }

    /// Notes that a file may be a log, which begins at this byte of its volume.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn wait(&mut self, file: FileId, place: u64) -> Result<()> {
        let sql = "INSERT INTO logs (file, parser, state, place, records, others) VALUES (?, '', 'waiting', ?, 0, 0)";
        let row = params![file.0, saturated(place)];
        let mut statement = self.db.prepare_cached(sql).map_err(StoreError::sqlite("write"))?;
        statement.execute(row).map(drop).map_err(StoreError::sqlite("write"))
    }

    /// Some of the files of an exhibit that wait to be read, in the order in which they lie on the disk, behind `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn waiting(&self, exhibit: ExhibitId, after: Option<&WaitingLog>) -> Result<Vec<WaitingLog>> {
        if after.is_none() {
            self.queue(exhibit)?;
        }
        let sql = "SELECT f.id, v.name, f.path, f.inode, f.size, f.modified, f.changed, f.created, l.place, q.rowid
            FROM temp.queue q CROSS JOIN main.logs l ON l.file = q.file CROSS JOIN main.files f ON f.id = q.file
            CROSS JOIN main.volumes v ON v.id = f.volume WHERE q.rowid > ? ORDER BY q.rowid LIMIT ?";
        let behind = after.map_or(0, |after| after.turn);
        let mut statement = self.db.prepare(sql).map_err(StoreError::sqlite("read"))?;
        let rows = statement.query_map(params![behind, SOME], waiting_log);
        rows.and_then(Iterator::collect).map_err(StoreError::sqlite("read"))
    }

    /// Puts the files that wait in their order, once, however many there are.
    fn queue(&self, exhibit: ExhibitId) -> Result<()> {
        let table = "DROP TABLE IF EXISTS temp.queue; CREATE TEMP TABLE queue (file INTEGER NOT NULL)";
        self.db.execute_batch(table).map_err(StoreError::sqlite("read"))?;
        let sql = "INSERT INTO temp.queue SELECT l.file FROM main.logs l JOIN main.files f ON f.id = l.file
            JOIN main.volumes v ON v.id = f.volume WHERE v.exhibit = ? AND l.state = 'waiting'
            ORDER BY v.name, l.place, f.id";
        self.db.execute(sql, [exhibit.0]).map(drop).map_err(StoreError::sqlite("read"))
    }

    /// Bytes of the files of an exhibit that wait to be read.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn waiting_bytes(&self, exhibit: ExhibitId) -> Result<u64> {
        let sql = "SELECT total(f.size) FROM logs l JOIN files f ON f.id = l.file JOIN volumes v ON v.id = f.volume
            WHERE v.exhibit = ? AND l.state = 'waiting'";
        let sum: std::result::Result<i64, _> =
            self.db.query_row(&format!("SELECT CAST(({sql}) AS INTEGER)"), [exhibit.0], |row| row.get(0));
        sum.map(|sum| u64::try_from(sum).unwrap_or(0)).map_err(StoreError::sqlite("read"))
    }

    /// Ends the part of a file that turned out to be no log.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn end_no_log(&mut self, file: FileId) -> Result<()> {
        self.db.execute("DELETE FROM logs WHERE file = ?", [file.0]).map_err(StoreError::sqlite("write"))?;
        self.end_part()
    }
}

fn waiting_log(row: &Row<'_>) -> rusqlite::Result<WaitingLog> {
    let number = |at: usize| -> rusqlite::Result<u64> { Ok(u64::try_from(row.get::<_, i64>(at)?).unwrap_or(0)) };
    let path: String = row.get(2)?;
    Ok(WaitingLog {
        file: FileId(row.get(0)?),
        volume: row.get(1)?,
        path: from_visible(&path).unwrap_or_default(),
        inode: number(3)?,
        size: number(4)?,
        modified: row.get(5)?,
        changed: row.get(6)?,
        created: row.get(7)?,
        place: number(8)?,
        turn: row.get(9)?,
    })
}
