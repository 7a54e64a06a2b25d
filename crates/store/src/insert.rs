//! Enters rows of events, as quickly as SQLite takes them.

use crate::batch::{Row, TEXTS};
use crate::rows::FileId;
use crate::writer::saturated;
use crate::{Result, StoreError};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

/// Numbers of an event, which stand before its texts.
const NUMBERS: usize = 9;

/// Without `id`: SQLite counts on from the last event, and need not look whether there is one of that number.
const BEHIND: &str = "INSERT INTO events (time, basis, kind, file, offset, content_offset, length, line, pid,
    host, program, user, address, message, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// With `id`, which is the last.
const NUMBERED: &str = "INSERT INTO events (time, basis, kind, file, offset, content_offset, length, line, pid,
    host, program, user, address, message, fields, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Enters events one after the other. Most values of an event are those of the one before: they stay bound.
pub(crate) struct Inserter<'db, 'b> {
    statement: CachedStatement<'db>,
    numbers: [Option<i64>; NUMBERS],
    texts: [&'b [u8]; TEXTS],
}

impl<'db, 'b> Inserter<'db, 'b> {
    /// For one event of this number, which is higher than that of any other.
    pub(crate) fn numbered(db: &'db Connection, id: i64) -> Result<Self> {
        let mut inserter = Self::new(db, NUMBERED)?;
        let bound = inserter.statement.raw_bind_parameter(NUMBERS + TEXTS + 1, id);
        bound.map_err(StoreError::sqlite("write"))?;
        Ok(inserter)
    }

    /// For events behind the last one.
    pub(crate) fn behind(db: &'db Connection) -> Result<Self> {
        Self::new(db, BEHIND)
    }

    /// With nothing bound yet, which stands for `NULL`.
    fn new(db: &'db Connection, sql: &str) -> Result<Self> {
        let statement = db.prepare_cached(sql).map_err(StoreError::sqlite("write"))?;
        Ok(Self { statement, numbers: [None; NUMBERS], texts: [b""; TEXTS] })
    }

    /// Enters an event; an empty text is none.
    pub(crate) fn insert(&mut self, row: &Row, kind: i64, file: FileId, texts: [&'b [u8]; TEXTS]) -> Result<()> {
        let span = row.span;
        let numbers = [
            row.time,
            Some(row.basis.number()),
            Some(kind),
            Some(file.0),
            Some(saturated(span.offset)),
            span.content_offset.map(saturated),
            Some(saturated(span.length)),
            span.line.map(saturated),
            row.pid,
        ];
        self.execute(numbers, texts).map_err(StoreError::sqlite("write"))
    }

    fn execute(&mut self, numbers: [Option<i64>; NUMBERS], texts: [&'b [u8]; TEXTS]) -> rusqlite::Result<()> {
        for (place, (bound, number)) in (1_usize..).zip(self.numbers.iter_mut().zip(numbers)) {
            if *bound != number {
                *bound = number;
                self.statement.raw_bind_parameter(place, number)?;
            }
        }
        for (place, (bound, text)) in (NUMBERS + 1..).zip(self.texts.iter_mut().zip(texts)) {
            if *bound != text {
                *bound = text;
                self.statement.raw_bind_parameter(place, Text(text))?;
            }
        }
        self.statement.raw_execute().map(drop)
    }
}

/// A text of a batch, which is UTF-8; `NULL` if it is empty.
struct Text<'a>(&'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = if self.0.is_empty() { ValueRef::Null } else { ValueRef::Text(self.0) };
        Ok(ToSqlOutput::Borrowed(value))
    }
}
