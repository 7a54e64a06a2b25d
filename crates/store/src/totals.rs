//! How much there is.

use crate::{Reader, Result, StoreError};

/// How much there is in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Files, each name of each.
    pub files: i64,
    /// Logs that were read.
    pub logs: i64,
    /// Events.
    pub events: i64,
    /// Records that were not understood.
    pub others: i64,
    /// What could not be read or understood.
    pub issues: i64,
}

impl Reader {
    /// How much there is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn totals(&self) -> Result<Totals> {
        let number =
            |sql: &str| self.connection().query_row(sql, [], |row| row.get(0)).map_err(StoreError::sqlite("read"));
        Ok(Totals {
            files: number("SELECT coalesce(max(id), 0) FROM files")?,
            logs: number("SELECT count(*) FROM logs WHERE state <> 'waiting'")?,
            events: number("SELECT coalesce(max(id), 0) FROM events")?,
            others: number("SELECT coalesce(sum(others), 0) FROM logs")?,
            issues: number("SELECT count(*) FROM issues")?,
        })
    }
}
