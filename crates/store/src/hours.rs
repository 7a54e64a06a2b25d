//! How many events of each kind fall into each hour.

use crate::rows::FileId;
use crate::{Result, StoreError};
use rusqlite::{Connection, params};
use std::collections::HashMap;

const HOUR: i64 = 3_600_000_000_000;

/// Hours that are kept in memory; a log with more of them has further rows for the same hour.
const MOST: usize = 1 << 18;

/// The hour of a time, in hours since 1970.
pub(crate) const fn hour_of(time: i64) -> i64 {
    time.div_euclid(HOUR)
}

/// Events by kind and hour, of one part.
#[derive(Debug, Default)]
pub(crate) struct Hours {
    counts: HashMap<(i64, Option<i64>), i64>,
}

impl Hours {
    /// Counts so many events of a kind in an hour.
    pub(crate) fn add(&mut self, kind: i64, hour: Option<i64>, events: i64) {
        let total = self.counts.entry((kind, hour)).or_insert(0);
        *total = total.saturating_add(events);
    }

    /// Whether it should be written.
    pub(crate) fn is_full(&self) -> bool {
        self.counts.len() >= MOST
    }

    /// Writes what was counted, in one order, and begins anew.
    pub(crate) fn write(&mut self, db: &Connection, file: Option<FileId>) -> Result<()> {
        let mut counts: Vec<((i64, Option<i64>), i64)> = self.counts.drain().collect();
        counts.sort_unstable();
        let sql = "INSERT INTO hours (file, kind, hour, events) VALUES (?, ?, ?, ?)";
        let mut statement = db.prepare_cached(sql).map_err(StoreError::sqlite("write"))?;
        for ((kind, hour), events) in counts {
            let row = params![file.map(|file| file.0), kind, hour, events];
            statement.execute(row).map_err(StoreError::sqlite("write"))?;
        }
        Ok(())
    }
}
