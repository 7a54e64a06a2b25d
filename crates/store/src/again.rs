//! Logs that are to be read again, since a newer program knows more of them: what they gave is forgotten, and they wait.

use crate::rows::{ExhibitId, FileId};
use crate::writer::Writer;
use crate::{Result, StoreError};
use kanshiki_model::from_visible;
use rusqlite::params;

/// A log that was read, or that no parser knew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLog {
    /// Its number.
    pub file: FileId,
    /// The parser with its edition; empty if none knew it.
    pub parser: String,
}

impl Writer {
    /// For which parsers and places the files of an exhibit were looked at, as [`Self::note_readers`] was told.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn readers(&self, exhibit: ExhibitId) -> Result<Option<String>> {
        let sql = "SELECT readers FROM exhibits WHERE id = ?";
        self.db.query_row(sql, [exhibit.0], |row| row.get(0)).map_err(StoreError::sqlite("read"))
    }

    /// Notes for which parsers and places the files of an exhibit are looked at, and ends the part.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn note_readers(&mut self, exhibit: ExhibitId, readers: &str) -> Result<()> {
        let sql = "UPDATE exhibits SET readers = ? WHERE id = ?";
        self.db.execute(sql, params![readers, exhibit.0]).map_err(StoreError::sqlite("write"))?;
        self.end_part()
    }

    /// The logs of an exhibit that do not wait.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn read_logs(&self, exhibit: ExhibitId) -> Result<Vec<ReadLog>> {
        let sql = "SELECT l.file, l.parser FROM logs l JOIN files f ON f.id = l.file
            JOIN volumes v ON v.id = f.volume WHERE v.exhibit = ? AND l.state <> 'waiting' ORDER BY l.file";
        let mut statement = self.db.prepare(sql).map_err(StoreError::sqlite("read"))?;
        let rows =
            statement.query_map([exhibit.0], |row| Ok(ReadLog { file: FileId(row.get(0)?), parser: row.get(1)? }));
        rows.and_then(Iterator::collect).map_err(StoreError::sqlite("read"))
    }

    /// Has logs wait, and forgets what they gave, as a part of its own.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn read_again(&mut self, logs: &[FileId]) -> Result<()> {
        self.begin_part()?;
        self.forget(logs)?;
        self.end_part()
    }

    /// Forgets what logs gave, and has them wait.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn forget(&mut self, logs: &[FileId]) -> Result<()> {
        let all = || -> rusqlite::Result<()> {
            self.db
                .execute_batch("DROP TABLE IF EXISTS temp.again; CREATE TEMP TABLE again (file INTEGER PRIMARY KEY)")?;
            for log in logs {
                self.db.prepare_cached("INSERT OR IGNORE INTO temp.again VALUES (?)")?.execute([log.0])?;
                // The events of a log stand together; there is no index to find them by their file.
                let sql = "DELETE FROM events WHERE file = ?1 AND id BETWEEN
                    (SELECT first_event FROM logs WHERE file = ?1) AND (SELECT last_event FROM logs WHERE file = ?1)";
                self.db.prepare_cached(sql)?.execute([log.0])?;
            }
            self.db.execute_batch(
                "DELETE FROM main.blocks WHERE file IN (SELECT file FROM temp.again);
                DELETE FROM main.hours WHERE file IN (SELECT file FROM temp.again);
                DELETE FROM main.gaps WHERE file IN (SELECT file FROM temp.again);
                DELETE FROM main.issues WHERE file IN (SELECT file FROM temp.again);
                UPDATE main.logs SET parser = '', state = 'waiting', compression = NULL, records = 0, others = 0,
                    first_event = NULL, last_event = NULL, earliest = NULL, latest = NULL, habit = NULL, times = NULL
                    WHERE file IN (SELECT file FROM temp.again);
                DROP TABLE temp.again",
            )
        };
        all().map_err(StoreError::sqlite("write"))
    }

    /// The files of an exhibit that are no logs, and yet may be one by their path: regular ones with a content and a name, of
    /// each inode the first, unless it is a log by another name. Each with its volume's name and its inode.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn no_logs(
        &self,
        exhibit: ExhibitId,
        may_be_log: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Vec<(FileId, String, u64)>> {
        let sql =
            "SELECT f.id, v.name, f.inode, f.path, f.links, f.volume FROM files f JOIN volumes v ON v.id = f.volume
            WHERE v.exhibit = ? AND f.type = 'file' AND f.state <> 'deleted' AND f.size > 0 AND f.path IS NOT NULL
            AND f.id NOT IN (SELECT file FROM logs) ORDER BY f.id";
        let mut seen = std::collections::HashSet::new();
        let mut found = Vec::new();
        let mut all = || -> rusqlite::Result<()> {
            let linked = "SELECT f.volume, f.inode FROM logs l JOIN files f ON f.id = l.file WHERE f.links > 1";
            let mut linked = self.db.prepare(linked)?;
            let mut rows = linked.query([])?;
            while let Some(row) = rows.next()? {
                seen.insert((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
            }
            let mut statement = self.db.prepare(sql)?;
            let mut rows = statement.query([exhibit.0])?;
            while let Some(row) = rows.next()? {
                let path: String = row.get(3)?;
                let inode: i64 = row.get(2)?;
                if !may_be_log(&from_visible(&path).unwrap_or_default()) {
                    continue;
                }
                if row.get::<_, i64>(4)? < 2 || seen.insert((row.get(5)?, inode)) {
                    found.push((FileId(row.get(0)?), row.get(1)?, u64::try_from(inode).unwrap_or(0)));
                }
            }
            Ok(())
        };
        all().map_err(StoreError::sqlite("read"))?;
        Ok(found)
    }
}
