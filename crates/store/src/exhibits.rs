//! What was examined, and which of its files are logs.

use crate::{Reader, Result, StoreError};
use kanshiki_model::from_visible;
use rusqlite::OptionalExtension as _;

/// Where a log lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// The name of its volume.
    pub volume: String,
    /// The path.
    pub path: Vec<u8>,
    /// The inode.
    pub inode: u64,
}

impl Reader {
    /// The names of the exhibits, in the order in which they were examined.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn exhibits(&self) -> Result<Vec<String>> {
        self.texts("SELECT name FROM exhibits ORDER BY id")
    }

    /// What tells the exhibits of this name from all others.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn sources_of(&self, name: &str) -> Result<Vec<String>> {
        let mut statement = self
            .connection()
            .prepare("SELECT source FROM exhibits WHERE name = ? ORDER BY id")
            .map_err(StoreError::sqlite("read"))?;
        let sources = statement.query_map([name], |row| row.get(0));
        sources.and_then(Iterator::collect).map_err(StoreError::sqlite("read"))
    }

    /// The zones of the exhibits' clocks, each once, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn zones(&self) -> Result<Vec<String>> {
        self.texts("SELECT DISTINCT zone FROM exhibits WHERE zone IS NOT NULL ORDER BY zone")
    }

    /// The logs of the exhibit with this source, in the order of their paths; `None` if it was not examined. To those that were
    /// removed the path need not lead.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn logs_of(&self, source: &str) -> Result<Option<Vec<LogPlace>>> {
        let read = StoreError::sqlite("read");
        let exhibit = "SELECT id FROM exhibits WHERE source = ?";
        let exhibit: Option<i64> =
            self.connection().query_row(exhibit, [source], |row| row.get(0)).optional().map_err(read)?;
        let Some(exhibit) = exhibit else { return Ok(None) };
        let sql =
            "SELECT v.name, f.path, f.inode FROM logs l JOIN files f ON f.id = l.file JOIN volumes v ON v.id = f.volume
            WHERE v.exhibit = ? AND f.path IS NOT NULL ORDER BY f.path";
        let mut statement = self.connection().prepare(sql).map_err(StoreError::sqlite("read"))?;
        let logs = statement.query_map([exhibit], |row| {
            let (path, inode): (String, i64) = (row.get(1)?, row.get(2)?);
            // A text that cannot be turned back is none of this store's own.
            let path = from_visible(&path).unwrap_or_default();
            Ok(LogPlace { volume: row.get(0)?, path, inode: u64::try_from(inode).unwrap_or(0) })
        });
        logs.and_then(Iterator::collect).map(Some).map_err(StoreError::sqlite("read"))
    }

    fn texts(&self, sql: &str) -> Result<Vec<String>> {
        let mut statement = self.connection().prepare(sql).map_err(StoreError::sqlite("read"))?;
        let texts = statement.query_map([], |row| row.get(0));
        texts.and_then(Iterator::collect).map_err(StoreError::sqlite("read"))
    }
}
