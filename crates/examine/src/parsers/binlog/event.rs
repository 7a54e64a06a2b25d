//! The events of a binary log.

use super::body::Body;
use super::rows::Table;
use super::{HEAD, MOST_BYTES, decompress};
use crate::details::Details;
use crate::output::Output;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp};
use std::collections::HashMap;
use std::io::Write as _;

/// Tables that are known by their numbers at one time.
const TABLES: usize = 4096;

/// Bits of the flags of an event: the file is open (of the format description alone).
const IN_USE: u16 = 1;

/// The head of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    seconds: u32,
    kind: u8,
    server: u32,
    pub(super) size: u64,
    /// Where the event ends in the log of the server that it is of; 0 if that is not known.
    end: u32,
    flags: u16,
}

impl Head {
    /// Of its 19 bytes; `None` if there are fewer.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut body = Body(bytes);
        let (seconds, kind, server) = (body.u32()?, body.u8()?, body.u32()?);
        let (size, end, flags) = (u64::from(body.u32()?), body.u32()?, body.u16()?);
        Some(Self { seconds, kind, server, size, end, flags })
    }

    fn time(&self, microseconds: u32) -> (Option<Timestamp>, TimeBasis) {
        // Events that a server makes up for another have no time.
        if self.seconds == 0 {
            return (None, TimeBasis::Neighbour);
        }
        let whole = i64::from(self.seconds).saturating_mul(1_000_000_000);
        let part = i64::from(microseconds).saturating_mul(1000);
        (Some(Timestamp::from_nanoseconds(whole.saturating_add(part))), TimeBasis::Stated)
    }
}

/// What the events so far say of those that follow.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Lengths of the heads of the kinds of events, from kind 1 on.
    heads: Vec<u8>,
    has_checksums: bool,
    server: Option<u32>,
    tables: HashMap<u64, Table>,
    text: Vec<u8>,
    budget: decompress::Budget,
}

/// Names of the kinds of events (binary_log::Log_event_type; MariaDB's from 160 on).
const fn name_of(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "Start_v3",
        2 => "Query",
        3 => "Stop",
        4 => "Rotate",
        5 => "Intvar",
        6 => "Load",
        7 => "Slave",
        8 => "Create_file",
        9 => "Append_block",
        10 => "Exec_load",
        11 => "Delete_file",
        12 => "New_load",
        13 => "Rand",
        14 => "User_var",
        15 => "Format_desc",
        16 => "Xid",
        17 => "Begin_load_query",
        18 => "Execute_load_query",
        19 => "Table_map",
        20 | 23 | 30 | 166 | 169 => "Write_rows",
        21 | 24 | 31 | 167 | 170 => "Update_rows",
        22 | 25 | 32 | 168 | 171 => "Delete_rows",
        26 => "Incident",
        27 | 41 => "Heartbeat",
        28 => "Ignorable",
        29 => "Rows_query",
        33 => "Gtid",
        34 => "Anonymous_Gtid",
        35 => "Previous_gtids",
        36 => "Transaction_context",
        37 => "View_change",
        38 => "XA_prepare",
        39 => "Update_rows_partial",
        40 => "Transaction_payload",
        42 => "Gtid_tagged",
        160 => "Annotate_rows",
        161 => "Binlog_checkpoint",
        162 => "Gtid",
        163 => "Gtid_list",
        164 => "Start_encryption",
        165 => "Query_compressed",
        _ => return None,
    })
}

impl Log {
    /// Whether these may be the first bytes of an event.
    pub(super) fn may_be(&self, head: &Head, position: u64) -> bool {
        let is_sized = head.size >= 19 && head.size < MOST_BYTES;
        // Kinds of later versions are passed over by their size, if that leads where the event says it ends.
        is_sized && (name_of(head.kind).is_some() || ends_here(head, position))
    }

    /// Whether these are the first bytes of an event, among bytes of which it is not known whether an event begins there.
    pub(super) fn is_surely(&self, head: &Head, position: u64) -> bool {
        self.may_be(head, position)
            && name_of(head.kind).is_some()
            && self.server.is_none_or(|server| server == head.server)
            && ends_here(head, position)
    }

    /// Whether the checksum of an event is right; `None` if it has none.
    pub(super) fn is_sound(&self, head: &Head, event: &[u8]) -> Option<bool> {
        self.has_checksums.then(|| is_sound(head, event))
    }

    /// Takes an event; false if no further one can be read.
    pub(super) fn event(&mut self, head: &Head, bytes: &[u8], span: Span, output: &mut Output<'_>) -> bool {
        let body = bytes.get(HEAD..).unwrap_or_default();
        if head.kind == 15 {
            self.describe(body);
        }
        self.server = self.server.or(Some(head.server));
        let is_whole = u64::try_from(bytes.len()).is_ok_and(|length| length == head.size);
        let body = match self.has_checksums && is_whole {
            true => {
                if !is_sound(head, bytes) {
                    output.issue(span, "the checksum of the event is wrong");
                }
                body.get(..body.len().saturating_sub(4)).unwrap_or_default()
            }
            false => body,
        };
        self.tell(head, body, span, output);
        if head.kind == 164 {
            output
                .issue(span, "from here on the log is encrypted by MariaDB; its events cannot be read without the key");
        }
        head.kind != 164
    }

    /// Format description: version (2), server (50), time (4), length of heads (1), one byte for each kind; of servers that
    /// know checksums a byte for the algorithm and 4 for the sum.
    fn describe(&mut self, body: &[u8]) {
        let mut heads = Body(body);
        let (_, Some(server), _, _) = (heads.u16(), heads.bytes(50), heads.u32(), heads.u8()) else { return };
        self.has_checksums = false;
        self.heads = heads.0.to_vec();
        if knows_checksums(server)
            && let Some((lengths, [algorithm, ..])) = heads.0.split_last_chunk::<5>()
        {
            self.has_checksums = *algorithm == 1;
            self.heads = lengths.to_vec();
        }
        self.tables.clear();
    }

    /// Takes the head of its kind off an event.
    fn head<'a>(&self, kind: u8, usual: usize, body: &mut Body<'a>) -> Option<Body<'a>> {
        let place = usize::from(kind).checked_sub(1)?;
        let length = self.heads.get(place).filter(|length| **length > 0).map_or(usual, |length| usize::from(*length));
        body.bytes(length).map(Body)
    }

    fn tell(&mut self, head: &Head, bytes: &[u8], span: Span, output: &mut Output<'_>) {
        let body = Body(bytes);
        let told = match head.kind {
            2 | 18 => self.query(head, body, span, output),
            165 => self.query_compressed(head, body, span, output),
            19 => self.map(head, body, span, output),
            20..=25 | 30..=32 | 39 | 166..=171 => self.rows(head, body, span, output),
            40 => self.payload(head, body, span, output),
            29 => plain(head, span, "database.query", body.0.get(1..).unwrap_or_default(), output),
            160 => plain(head, span, "database.query", body.0, output),
            4 => plain(head, span, "database.log-rotated", body.0.get(8..).unwrap_or_default(), output),
            15 => {
                let server = body.0.get(2..52).unwrap_or_default();
                let end = memchr::memchr(0, server).unwrap_or(server.len());
                plain(head, span, "database.log-started", server.get(..end).unwrap_or_default(), output)
            }
            3 => plain(head, span, "database.log-stopped", b"", output),
            16 => xid(head, body, span, output),
            33 | 34 | 162 => self.gtid(head, body, span, output),
            _ => plain(head, span, "database.binlog", b"", output),
        };
        if told.is_none() {
            output.other("database.other", span, b"", "the data of the event are not as its kind says");
        }
    }

    /// Query: thread (4), seconds (4), length of the database (1), error (2), length of variables (2); variables,
    /// database, 0, statement. Execute_load_query has 13 bytes more in its head.
    fn query(&self, head: &Head, mut body: Body<'_>, span: Span, output: &mut Output<'_>) -> Option<()> {
        let usual = if head.kind == 18 { 26 } else { 13 };
        let mut own = self.head(head.kind, usual, &mut body)?;
        let (thread, seconds, length) = (own.u32()?, own.u32()?, own.u8()?);
        let error = own.u16()?;
        let variables = own.u16().unwrap_or(0);
        let variables = Variables::parse(Body(body.bytes(usize::from(variables))?));
        let database = body.bytes(usize::from(length))?;
        body.u8()?;
        let mut details =
            Details::new(if is_of_transaction(body.0) { "database.transaction" } else { "database.query" });
        details.user = variables.user;
        details.address = variables.host;
        details.text("command", name_of(head.kind).unwrap_or_default().as_bytes());
        details.number("connection", Some(i64::from(thread)));
        details.text("database", database);
        details.number("seconds", Some(i64::from(seconds)).filter(|seconds| *seconds > 0));
        details.number("error", Some(i64::from(error)).filter(|error| *error > 0));
        details.number("server", Some(i64::from(head.server)));
        give(&details, head.time(variables.microseconds), span, body.0, output)
    }

    /// MariaDB: as a query, the statement compressed.
    fn query_compressed(&mut self, head: &Head, body: Body<'_>, span: Span, output: &mut Output<'_>) -> Option<()> {
        let mut own = body;
        self.head(head.kind, 13, &mut own)?;
        let mut lengths = body;
        let (_, database) = (lengths.bytes(8)?, usize::from(lengths.u8()?));
        let (_, variables) = (lengths.u16()?, usize::from(lengths.u16()?));
        let before = variables.checked_add(database)?.checked_add(1)?;
        let begins = body.0.len().checked_sub(own.0.len())?.checked_add(before)?;
        let (front, packed) = body.0.split_at_checked(begins)?;
        let whole = [front, &decompress::mariadb(packed, &mut self.budget)?].concat();
        self.query(head, Body(&whole), span, output)
    }

    /// Table_map: number (6), flags (2); names and columns.
    fn map(&mut self, head: &Head, mut body: Body<'_>, span: Span, output: &mut Output<'_>) -> Option<()> {
        let number = self.head(head.kind, 8, &mut body)?.number(6)?;
        let table = Table::parse(body)?;
        let mut details = Details::new("database.binlog");
        details.text("command", b"Table_map");
        details.text("database", &table.database);
        details.text("table", &table.name);
        give(&details, head.time(0), span, b"", output)?;
        if self.tables.len() >= TABLES {
            self.tables.clear();
        }
        self.tables.insert(number, table);
        Some(())
    }

    /// Rows: number of the table (6), flags (2), in the second version length of more (2) and that; columns and rows.
    fn rows(&mut self, head: &Head, mut body: Body<'_>, span: Span, output: &mut Output<'_>) -> Option<()> {
        let is_second = matches!(head.kind, 30..=32 | 39 | 169..=171);
        let mut own = self.head(head.kind, if is_second { 10 } else { 8 }, &mut body)?;
        let number = own.number(6)?;
        own.u16()?;
        if is_second {
            let more = own.u16()?.checked_sub(2)?;
            body.bytes(usize::from(more))?;
        }
        let (command, done, images) = match head.kind {
            20 | 23 | 30 | 166 | 169 => ("insert", "into", 1),
            22 | 25 | 32 | 168 | 171 => ("delete", "from", 1),
            _ => ("update", "in", 2),
        };
        let (table, budget) = (self.tables.get(&number), &mut self.budget);
        let rows = table.and_then(|table| match head.kind {
            // Of partial updates of JSON the lengths are not told by the columns.
            39 => None,
            166..=171 => {
                // The columns stand before the part that is compressed.
                let mut columns = body;
                let bitmap = columns.packed_length()?.div_ceil(8).checked_mul(images)?;
                columns.bytes(bitmap)?;
                let front = body.0.len().checked_sub(columns.0.len())?;
                let plain = decompress::mariadb(columns.0, budget)?;
                table.count(Body(&[body.0.get(..front)?, &plain].concat()), images)
            }
            _ => table.count(body, images),
        });
        let mut details = Details::new("database.change");
        details.text("command", command.as_bytes());
        self.text.clear();
        let (database, name) = table.map_or((b"".as_slice(), b"".as_slice()), |table| (&table.database, &table.name));
        details.text("database", database);
        details.text("table", name);
        details.number("rows", rows);
        details.number("server", Some(i64::from(head.server)));
        let count = rows.map_or_else(|| "rows".to_owned(), |rows| format!("{rows} rows"));
        let _ = write!(self.text, "{command} {count} {done} ");
        self.text.extend_from_slice(&[database, b".", name].concat());
        give(&details, head.time(0), span, &self.text, output)
    }

    /// MySQL: the events of a transaction, compressed together. They have no checksums of their own.
    fn payload(&mut self, head: &Head, body: Body<'_>, span: Span, output: &mut Output<'_>) -> Option<()> {
        plain(head, span, "database.binlog", b"", output)?;
        let whole = decompress::payload(body.0, &mut self.budget)?;
        let mut rest = whole.as_slice();
        while !rest.is_empty() && !output.is_stopped() {
            let inner = Head::parse(rest).filter(|inner| inner.size >= 19 && inner.kind != 40 && inner.kind != 15)?;
            let (event, behind) = rest.split_at_checked(usize::try_from(inner.size).ok()?)?;
            rest = behind;
            self.tell(&inner, event.get(HEAD..)?, span, output);
        }
        Some(())
    }

    /// MariaDB: sequence number (8), domain (4). MySQL: flags (1), source (16), number (8).
    fn gtid(&mut self, head: &Head, mut body: Body<'_>, span: Span, output: &mut Output<'_>) -> Option<()> {
        self.text.clear();
        if head.kind == 162 {
            let (sequence, domain) = (body.number(8)?, body.u32()?);
            let _ = write!(self.text, "{domain}-{}-{sequence}", head.server);
        } else {
            body.u8()?;
            let source = body.bytes(16)?;
            let number = body.number(8)?;
            for (place, byte) in source.iter().enumerate() {
                let dash = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
                let _ = write!(self.text, "{dash}{byte:02x}");
            }
            let _ = write!(self.text, ":{number}");
            if head.kind == 34 {
                self.text.clear();
            }
        }
        let mut details = Details::new("database.transaction");
        details.text("command", name_of(head.kind).unwrap_or_default().as_bytes());
        details.text("gtid", &self.text);
        details.number("server", Some(i64::from(head.server)));
        give(&details, head.time(0), span, &self.text, output)
    }
}

/// Whether an event ends where it says that it does. Positions of logs beyond 4 GiB begin anew.
pub(super) fn ends_here(head: &Head, position: u64) -> bool {
    let end = position.checked_add(head.size).map(|end| end & u64::from(u32::MAX));
    end == Some(u64::from(head.end))
}

/// Whether the checksum of an event is right. It is that of a closed file.
fn is_sound(head: &Head, bytes: &[u8]) -> bool {
    let Some((summed, told)) = bytes.split_last_chunk::<4>() else { return false };
    let mut sum = flate2::Crc::new();
    match (head.kind, summed.split_at_checked(17)) {
        (15, Some((front, rest))) => {
            sum.update(front);
            sum.update(&(head.flags & !IN_USE).to_le_bytes());
            sum.update(rest.get(2..).unwrap_or_default());
        }
        _ => sum.update(summed),
    }
    sum.sum() == u32::from_le_bytes(*told)
}

/// Whether servers of this version write the algorithm of checksums: MySQL from 5.6.1 on, MariaDB from 5.3 on.
fn knows_checksums(server: &[u8]) -> bool {
    if memchr::memmem::find(server, b"MariaDB").is_some() {
        return true;
    }
    let mut numbers =
        server.split(|byte| !byte.is_ascii_digit()).map(|digits| crate::scan::number(digits).unwrap_or(0));
    let version = [0; 3].map(|_: i64| numbers.next().unwrap_or(0));
    version >= [5, 6, 1]
}

/// Whether a statement begins or ends a transaction.
fn is_of_transaction(statement: &[u8]) -> bool {
    let words: [&[u8]; 5] = [b"BEGIN", b"COMMIT", b"ROLLBACK", b"SAVEPOINT", b"XA "];
    words.iter().any(|word| statement.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
}

fn xid(head: &Head, mut body: Body<'_>, span: Span, output: &mut Output<'_>) -> Option<()> {
    let number = body.number(8)?;
    let mut details = Details::new("database.transaction");
    details.text("command", b"Xid");
    details.number("xid", i64::try_from(number).ok());
    details.number("server", Some(i64::from(head.server)));
    give(&details, head.time(0), span, b"COMMIT", output)
}

/// An event of which no more is told than its kind, and a text.
fn plain(head: &Head, span: Span, kind: &'static str, message: &[u8], output: &mut Output<'_>) -> Option<()> {
    let mut details = Details::new(kind);
    match name_of(head.kind) {
        Some(name) => details.text("command", name.as_bytes()),
        None => details.number("type", Some(i64::from(head.kind))),
    }
    details.number("server", Some(i64::from(head.server)));
    give(&details, head.time(0), span, message, output)
}

fn give(
    details: &Details<'_>,
    (time, basis): (Option<Timestamp>, TimeBasis),
    span: Span,
    message: &[u8],
    output: &mut Output<'_>,
) -> Option<()> {
    output.event(&Event { time, basis, span, message, ..details.event() });
    Some(())
}

/// What stands beside a statement.
#[derive(Default)]
struct Variables<'a> {
    user: &'a [u8],
    host: &'a [u8],
    microseconds: u32,
}

impl<'a> Variables<'a> {
    /// Each is a byte for its kind and data whose length the kind tells; at the first that is not known it ends
    /// (`Query_event_status_vars`, statement_events.h).
    fn parse(mut body: Body<'a>) -> Self {
        let mut found = Self::default();
        while found.next(&mut body).is_some() {}
        found
    }

    fn next(&mut self, body: &mut Body<'a>) -> Option<()> {
        let length = match body.u8()? {
            0 | 3 | 10 => 4,
            1 | 9 | 17 | 129 => 8,
            4 => 6,
            5 | 6 => usize::from(body.u8()?),
            2 => usize::from(body.u8()?).checked_add(1)?,
            7 | 8 | 18 => 2,
            16 | 19 | 20 => 1,
            11 => {
                self.user = body.short_text()?;
                self.host = body.short_text()?;
                0
            }
            12 => {
                let count = body.u8()?;
                // 254 stands for more than can be told.
                for _ in 0..if count == 254 { 0 } else { count } {
                    let end = memchr::memchr(0, body.0)?;
                    body.bytes(end.checked_add(1)?)?;
                }
                0
            }
            13 | 128 => {
                self.microseconds = u32::try_from(body.number(3)?).ok().filter(|part| *part < 1_000_000)?;
                0
            }
            _ => return None,
        };
        body.bytes(length).map(|_| ())
    }
}
