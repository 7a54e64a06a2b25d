//! What the coverage ledger tells of the logs of an exhibit together.

use crate::rows::{BlindSpot, ExhibitId, FileId, Gap};
use crate::writer::{Writer, saturated};
use crate::{Result, StoreError};
use kanshiki_model::{TimeBasis, visible};
use rusqlite::params;

/// What the reason of every hole in a rotation begins with, so that it is told from the silences within one log.
const ROTATION: &str = "rotation: ";

/// A file with what it covers as a log, if it is one. Times are nanoseconds since 1970 in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerFile {
    /// Its number.
    pub file: FileId,
    /// The number of its volume.
    pub volume: i64,
    /// The path, made visible.
    pub path: String,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// Its last change.
    pub modified: Option<i64>,
    /// The first of its records.
    pub earliest: Option<i64>,
    /// The last.
    pub latest: Option<i64>,
    /// Nanoseconds between two records that are usual for it.
    pub habit: Option<i64>,
}

impl Writer {
    /// Goes over the regular files of an exhibit that have a name, or over its logs alone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn ledger_files(&self, exhibit: ExhibitId, logs_alone: bool, visit: &mut dyn FnMut(LedgerFile)) -> Result<()> {
        let join = if logs_alone { "JOIN" } else { "LEFT JOIN" };
        let sql = format!(
            "SELECT f.id, f.volume, f.path, f.state = 'deleted', f.modified, l.earliest, l.latest, l.habit
            FROM files f {join} logs l ON l.file = f.id
            WHERE f.volume IN (SELECT id FROM volumes WHERE exhibit = ?) AND f.type = 'file' AND f.path IS NOT NULL"
        );
        let mut all = || -> rusqlite::Result<()> {
            let mut statement = self.db.prepare(&sql)?;
            let mut rows = statement.query([exhibit.0])?;
            while let Some(row) = rows.next()? {
                visit(LedgerFile {
                    file: FileId(row.get(0)?),
                    volume: row.get(1)?,
                    path: row.get(2)?,
                    is_deleted: row.get(3)?,
                    modified: row.get(4)?,
                    earliest: row.get(5)?,
                    latest: row.get(6)?,
                    habit: row.get(7)?,
                });
            }
            Ok(())
        };
        all().map_err(StoreError::sqlite("read"))
    }

    /// Whether a log tells the year of no record of it, so that all of them are inferred.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn infers_years(&self, log: FileId) -> Result<bool> {
        let sql =
            "SELECT NOT EXISTS (SELECT 1 FROM events WHERE file = ?1 AND basis IN (?2, ?3) AND time IS NOT NULL AND id
            BETWEEN (SELECT first_event FROM logs WHERE file = ?1) AND (SELECT last_event FROM logs WHERE file = ?1))";
        let [stated, zone] = [TimeBasis::Stated, TimeBasis::ZoneInferred].map(TimeBasis::number);
        let row = params![log.0, stated, zone];
        self.db.query_row(sql, row, |row| row.get(0)).map_err(StoreError::sqlite("read"))
    }

    /// Enters the holes in the rotations of an exhibit in the place of those that were there, as a part of its own.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn rotation_gaps(&mut self, exhibit: ExhibitId, gaps: &[(FileId, Gap)]) -> Result<()> {
        self.begin_part()?;
        let sql = "DELETE FROM gaps WHERE substr(reason, 1, length(?2)) = ?2 AND file IN
            (SELECT f.id FROM files f JOIN volumes v ON v.id = f.volume WHERE v.exhibit = ?1)";
        self.db.execute(sql, params![exhibit.0, ROTATION]).map_err(StoreError::sqlite("write"))?;
        for (file, gap) in gaps {
            let sql = "INSERT INTO gaps (file, start, end, reason) VALUES (?, ?, ?, ?)";
            let row = params![file.0, gap.start, gap.end, format!("{ROTATION}{}", gap.reason)];
            self.db.prepare_cached(sql).and_then(|mut it| it.execute(row)).map_err(StoreError::sqlite("write"))?;
        }
        self.end_part()
    }

    /// Enters what would not have been logged on the machine of an exhibit in the place of what was there, as a part of its
    /// own.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn blind_spots(&mut self, exhibit: ExhibitId, spots: &[BlindSpot<'_>]) -> Result<()> {
        self.begin_part()?;
        let sql = "DELETE FROM blind_spots WHERE exhibit = ?";
        self.db.execute(sql, [exhibit.0]).map_err(StoreError::sqlite("write"))?;
        for spot in spots {
            let sql = "INSERT INTO blind_spots (exhibit, service, unlogged, state, reason, volume, path, inode, offset, length, line)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
            let row = params![
                exhibit.0,
                spot.service,
                spot.unlogged,
                spot.state,
                spot.reason,
                spot.file.map(|(volume, _)| volume.0),
                visible(spot.path),
                spot.file.map(|(_, inode)| saturated(inode)),
                spot.span.map(|(offset, _, _)| saturated(offset)),
                spot.span.map(|(_, length, _)| saturated(length)),
                spot.span.map(|(_, _, line)| saturated(line)),
            ];
            self.db.prepare_cached(sql).and_then(|mut it| it.execute(row)).map_err(StoreError::sqlite("write"))?;
        }
        self.end_part()
    }
}
