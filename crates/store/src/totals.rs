//! How much there is.

use crate::{Reader, Result, StoreError};
use rusqlite::OptionalExtension as _;

/// How much there is of an exhibit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files, each name of each.
    pub files: i64,
    /// Logs, read or not.
    pub logs: i64,
    /// Those of them that could not be read, or are of no form that is known.
    pub unread: i64,
    /// Events.
    pub events: i64,
    /// Records that were not understood.
    pub others: i64,
    /// What could not be read or understood.
    pub issues: i64,
    /// What would not have been logged.
    pub blind_spots: i64,
    /// Findings of severity high, medium, low and info.
    pub findings: [i64; 4],
}

impl Reader {
    /// How much there is of the exhibit with this source.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn totals(&self, source: &str) -> Result<Totals> {
        let read = || StoreError::sqlite("read");
        let id = "SELECT id FROM exhibits WHERE source = ?";
        let id = self.connection().query_row(id, [source], |row| row.get::<_, i64>(0)).optional().map_err(read())?;
        let Some(id) = id else { return Ok(Totals::default()) };
        let number = |sql: &str| self.connection().query_row(sql, [id], |row| row.get(0)).map_err(read());
        let of = |severity: &str| {
            number(&format!("SELECT count(*) FROM findings WHERE exhibit = ? AND severity = '{severity}'"))
        };
        let of_logs = "FROM logs l JOIN files f ON f.id = l.file JOIN volumes v ON v.id = f.volume WHERE v.exhibit = ?";
        let others = "EXISTS (SELECT 1 FROM exhibits WHERE id <> ?)";
        // Where there is no other exhibit, all events are its own, however many there are.
        let events = if number(&format!("SELECT {others}"))? == 0 {
            number("SELECT coalesce(sum(last - first + 1), 0) FROM blocks WHERE ? IS NOT NULL")?
        } else {
            number(
                "SELECT count(*) FROM events e JOIN files f ON f.id = e.file JOIN volumes v ON v.id = f.volume WHERE v.exhibit = ?",
            )?
        };
        Ok(Totals {
            files: number("SELECT count(*) FROM files f JOIN volumes v ON v.id = f.volume WHERE v.exhibit = ?")?,
            logs: number(&format!("SELECT count(*) {of_logs} AND l.state <> 'waiting'"))?,
            unread: number(&format!("SELECT count(*) {of_logs} AND l.state IN ('unsupported', 'unreadable')"))?,
            events,
            others: number(&format!("SELECT coalesce(sum(l.others), 0) {of_logs}"))?,
            issues: number("SELECT count(*) FROM issues WHERE exhibit = ?")?,
            blind_spots: number("SELECT count(*) FROM blind_spots WHERE exhibit = ?")?,
            findings: if self.has_findings()? { [of("high")?, of("medium")?, of("low")?, of("info")?] } else { [0; 4] },
        })
    }
}
