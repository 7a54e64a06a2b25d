//! Writing: one writer, in transactions of whole parts.
//!
//! A part is the tree of an exhibit, or one log: it is in the store whole or not at all, whatever happens. Each is a
//! savepoint, so that it can be taken out again; SQLite rolls back what a kill left behind.

use crate::batch::{EventBatch, Times};
use crate::hours::Hours;
use crate::insert::Inserter;
use crate::rows::{ExhibitId, FileId, FileRow, Gap, LogRow, VolumeId};
use crate::schema;
use crate::{Result, StoreError};
use kanshiki_model::{Issue, visible};
use rusqlite::{Connection, params};
use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::Path;

/// Bytes of texts after which a transaction ends with the part that is under way.
const TRANSACTION_BYTES: usize = 64 << 20;

const INSERT_FILE: &str =
    "INSERT INTO files (id, volume, path, inode, generation, state, type, size, mode, uid, gid, links,
    modified, accessed, changed, created, deleted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// The one that writes a store.
#[derive(Debug)]
pub struct Writer {
    pub(crate) db: Connection,
    /// Locked as long as this one writes; a kill unlocks it.
    _folder: Option<File>,
    kinds: HashMap<&'static str, i64>,
    next_event: i64,
    next_file: i64,
    hours: Hours,
    /// Bytes of texts since the last transaction began.
    written: usize,
    part: Part,
}

/// The part that is under way.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    first_event: i64,
    first_file: i64,
    times: Times,
}

/// Which files the events of a batch belong to.
#[derive(Debug, Clone, Copy)]
pub enum Files<'a> {
    /// All to one log.
    Log(FileId),
    /// Each to the one at its place.
    Each(&'a [FileId]),
}

impl Files<'_> {
    fn of(&self, number: usize) -> Option<FileId> {
        match self {
            Self::Log(file) => Some(*file),
            Self::Each(files) => files.get(number).copied(),
        }
    }

    fn log(&self) -> Option<FileId> {
        match self {
            Self::Log(file) => Some(*file),
            Self::Each(_) => None,
        }
    }
}

impl Writer {
    /// Makes the store, or opens it to go on.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn create_or_open(path: &Path) -> Result<Self> {
        let folder = lock(path)?;
        let db = schema::create_or_open(path)?;
        let next = |table: &str| -> Result<i64> {
            let sql = format!("SELECT coalesce(max(id), 0) + 1 FROM {table}");
            db.query_row(&sql, [], |row| row.get(0)).map_err(StoreError::sqlite("read"))
        };
        let (next_event, next_file) = (next("events")?, next("files")?);
        let hours = Hours::default();
        let writer = Self {
            db,
            _folder: folder,
            kinds: HashMap::new(),
            next_event,
            next_file,
            hours,
            written: 0,
            part: Part::default(),
        };
        writer.execute("BEGIN IMMEDIATE")?;
        Ok(writer)
    }

    fn execute(&self, sql: &str) -> Result<()> {
        self.db.execute_batch(sql).map_err(StoreError::sqlite("write"))
    }

    /// Begins a part.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn begin_part(&mut self) -> Result<()> {
        self.execute("SAVEPOINT part")?;
        self.part = Part { first_event: self.next_event, first_file: self.next_file, times: Times::default() };
        self.hours = Hours::default();
        // Numbers given in a part that is taken out again are gone with it.
        self.kinds.clear();
        Ok(())
    }

    /// Takes out all that was written since the part began, and ends it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn take_out_part(&mut self) -> Result<()> {
        (self.next_event, self.next_file) = (self.part.first_event, self.part.first_file);
        self.execute("ROLLBACK TO part; RELEASE part")
    }

    /// Ends a part; the transaction ends with it if much was written.
    pub(crate) fn end_part(&mut self) -> Result<()> {
        self.execute("RELEASE part")?;
        if self.written > TRANSACTION_BYTES { self.commit() } else { Ok(()) }
    }

    /// Brings what was written to the medium.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn commit(&mut self) -> Result<()> {
        self.written = 0;
        self.execute("COMMIT; BEGIN IMMEDIATE")
    }

    /// Brings what was written to the medium, and closes the store.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn close(self) -> Result<()> {
        self.execute("COMMIT; PRAGMA optimize")?;
        self.db.close().map_err(|(_, error)| StoreError::Sqlite { action: "close", source: error })
    }

    /// The number of an exhibit; it is entered if it is new. `source` tells one image from another.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn exhibit(&mut self, name: &str, source: &str, size: u64) -> Result<ExhibitId> {
        let sql = "INSERT INTO exhibits (name, source, size) VALUES (?, ?, ?)
            ON CONFLICT (source) DO UPDATE SET name = excluded.name RETURNING id";
        let id = self.db.query_row(sql, params![name, source, saturated(size)], |row| row.get(0));
        id.map(ExhibitId).map_err(StoreError::sqlite("write"))
    }

    /// Notes the name of the zone in which the clock of an exhibit's machine ran.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn zone(&mut self, exhibit: ExhibitId, zone: Option<&str>) -> Result<()> {
        let done = self.db.execute("UPDATE exhibits SET zone = ? WHERE id = ?", params![zone, exhibit.0]);
        done.map(drop).map_err(StoreError::sqlite("write"))
    }

    /// The number of a volume; it is entered if it is new.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn volume(&mut self, exhibit: ExhibitId, name: &str) -> Result<VolumeId> {
        let sql = "INSERT INTO volumes (exhibit, name) VALUES (?, ?)
            ON CONFLICT (exhibit, name) DO UPDATE SET name = excluded.name RETURNING id";
        let id = self.db.query_row(sql, params![exhibit.0, name], |row| row.get(0));
        id.map(VolumeId).map_err(StoreError::sqlite("write"))
    }

    /// Enters a file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn file(&mut self, file: &FileRow<'_>) -> Result<FileId> {
        let id = self.next_file;
        let [modified, accessed, changed, created, deleted] = file.times;
        let mut statement = self.db.prepare_cached(INSERT_FILE).map_err(StoreError::sqlite("write"))?;
        let row = params![
            id,
            file.volume.0,
            file.path.map(visible),
            saturated(file.inode),
            file.generation,
            file.state,
            file.file_type,
            saturated(file.size),
            file.mode,
            file.uid,
            file.gid,
            file.links,
            modified,
            accessed,
            changed,
            created,
            deleted
        ];
        statement.execute(row).map_err(StoreError::sqlite("write"))?;
        self.written = self.written.saturating_add(file.path.map_or(0, <[u8]>::len)).saturating_add(64);
        self.next_file = id.saturating_add(1);
        Ok(FileId(id))
    }

    /// Enters events, all of one log or each of the file beside it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`], [`StoreError::Numbers`].
    pub fn put(&mut self, files: Files<'_>, mut batch: EventBatch) -> Result<()> {
        let first = self.next_event;
        let kinds = self.kind_numbers(&batch)?;
        let mut inserter = Inserter::numbered(&self.db, first)?;
        for (number, (row, texts)) in batch.rows().enumerate() {
            let (Some(file), Some(kind)) = (files.of(number), kinds.get(row.kind)) else { break };
            inserter.insert(row, *kind, file, texts)?;
            self.next_event = self.next_event.saturating_add(1);
            if number == 0 {
                inserter = Inserter::behind(&self.db)?;
            }
        }
        drop(inserter);
        if self.next_event == first {
            return Ok(());
        }
        let (found, expected) = (self.db.last_insert_rowid(), self.next_event.saturating_sub(1));
        if found != expected {
            return Err(StoreError::Numbers { found, expected });
        }
        for count in batch.hours() {
            self.hours.add(kinds.get(count.kind).copied().unwrap_or(0), count.hour, count.events);
        }
        if self.hours.is_full() {
            self.hours.write(&self.db, files.log())?;
        }
        batch.seal();
        let (times, untimed) = batch.times();
        self.block(first, files.log(), times, untimed, batch.trigrams())?;
        for time in [times.earliest, times.latest].into_iter().flatten() {
            self.part.times.add(time);
        }
        self.written = self.written.saturating_add(batch.weight());
        Ok(())
    }

    /// The numbers of the kinds of a batch.
    fn kind_numbers(&mut self, batch: &EventBatch) -> Result<Vec<i64>> {
        let mut numbers = Vec::with_capacity(batch.kinds().len());
        for kind in batch.kinds() {
            numbers.push(match self.kinds.get(kind) {
                Some(number) => *number,
                None => *self.kinds.entry(kind).or_insert(kind_number(&self.db, kind)?),
            });
        }
        Ok(numbers)
    }

    fn block(&self, first: i64, log: Option<FileId>, times: Times, untimed: i64, trigrams: &[u8]) -> Result<()> {
        let sql =
            "INSERT INTO blocks (first, last, file, earliest, latest, untimed, trigrams) VALUES (?, ?, ?, ?, ?, ?, ?)";
        let mut statement = self.db.prepare_cached(sql).map_err(StoreError::sqlite("write"))?;
        let last = self.next_event.saturating_sub(1);
        let row = params![first, last, log.map(|file| file.0), times.earliest, times.latest, untimed, trigrams];
        statement.execute(row).map_err(StoreError::sqlite("write"))?;
        Ok(())
    }

    /// Ends the part of a log with what the log covers.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn end_log(&mut self, file: FileId, log: &LogRow, gaps: &[Gap]) -> Result<()> {
        self.hours.write(&self.db, Some(file))?;
        let Part { first_event: first, times, .. } = self.part;
        let (first, last) = (Some(first), Some(self.next_event.saturating_sub(1)));
        let (first, last) = if last < first { (None, None) } else { (first, last) };
        let sql = "UPDATE logs SET parser = ?2, state = ?3, compression = ?4, records = ?5, others = ?6,
            first_event = ?7, last_event = ?8, earliest = ?9, latest = ?10, habit = ?11, times = ?12 WHERE file = ?1";
        let mut statement = self.db.prepare_cached(sql).map_err(StoreError::sqlite("write"))?;
        let row = params![
            file.0,
            log.parser,
            log.state,
            log.compression,
            saturated(log.records),
            saturated(log.others),
            first,
            last,
            times.earliest,
            times.latest,
            log.habit,
            log.times
        ];
        statement.execute(row).map_err(StoreError::sqlite("write"))?;
        drop(statement);
        for gap in gaps {
            let row = params![file.0, gap.start, gap.end, gap.reason];
            let sql = "INSERT INTO gaps (file, start, end, reason) VALUES (?, ?, ?, ?)";
            self.db.prepare_cached(sql).and_then(|mut it| it.execute(row)).map_err(StoreError::sqlite("write"))?;
        }
        self.end_part()
    }

    /// Ends the part of the tree of an exhibit; `readers` as for [`Self::note_readers`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn end_tree(&mut self, exhibit: ExhibitId, readers: &str) -> Result<()> {
        self.hours.write(&self.db, None)?;
        let sql = "UPDATE exhibits SET has_tree = 1 WHERE id = ?";
        self.db.execute(sql, [exhibit.0]).map_err(StoreError::sqlite("write"))?;
        self.note_readers(exhibit, readers)
    }

    /// Enters what is known of an exhibit without one of its files, unless that is there already.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn issue_once(&mut self, exhibit: ExhibitId, issue: &Issue) -> Result<()> {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM issues WHERE exhibit = ? AND file IS NULL AND subject = ? AND message = ?)";
        let row = params![exhibit.0, issue.subject, issue.message];
        let is_there: bool = self.db.query_row(sql, row, |row| row.get(0)).map_err(StoreError::sqlite("read"))?;
        if is_there { Ok(()) } else { self.issue(exhibit, None, issue) }
    }

    /// Enters what could not be read or understood.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn issue(&mut self, exhibit: ExhibitId, file: Option<FileId>, issue: &Issue) -> Result<()> {
        let range = issue.range.map(|range| (saturated(range.start), saturated(range.len())));
        let (file, offset, length) = (file.map(|file| file.0), range.map(|it| it.0), range.map(|it| it.1));
        let sql = "INSERT INTO issues (exhibit, file, offset, length, subject, message) VALUES (?, ?, ?, ?, ?, ?)";
        let row = params![exhibit.0, file, offset, length, issue.subject, issue.message];
        self.db.prepare_cached(sql).and_then(|mut it| it.execute(row)).map_err(StoreError::sqlite("write"))?;
        Ok(())
    }
}

/// Locks the folder of a store for one writer; SQLite's own locks would keep readers out too. Where a filesystem knows no
/// locks, nothing is locked.
fn lock(path: &Path) -> Result<Option<File>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(folder) = File::open(folder) else { return Ok(None) };
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

fn kind_number(db: &Connection, name: &str) -> Result<i64> {
    let sql = "INSERT INTO kinds (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id";
    db.query_row(sql, [name], |row| row.get(0)).map_err(StoreError::sqlite("write"))
}

/// A number as SQLite keeps it; what is larger is no length or place on any disk.
pub(crate) fn saturated(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
