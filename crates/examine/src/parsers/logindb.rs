//! wtmp.db and lastlog2.db: what wtmp and lastlog hold, in SQLite, with times that go on after 2038.
//!
//! | table | columns | source |
//! | --- | --- | --- |
//! | `wtmp` | ID, Type (1 boot, 2 run level, 3 login), User, Login, Logout (microseconds), TTY, RemoteHost, Service | wtmpdb, `lib/sqlite.c` |
//! | `Lastlog2` | Name, Time (seconds), TTY, RemoteHost, Service | util-linux 2.40, `liblastlog2/src/lastlog2.c` |

use crate::database;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser, ToldBy};
use kanshiki_machine::sqlite::{self, MAGIC};
use kanshiki_model::{Event, Span, TimeBasis, Timestamp};
use rusqlite::Row;
use std::io;
use std::net::IpAddr;

/// The parser of wtmp.db and lastlog2.db.
#[derive(Debug)]
pub(crate) struct LoginDatabase;

impl Parser for LoginDatabase {
    fn id(&self) -> &'static str {
        "logindb"
    }

    fn told_by(&self) -> ToldBy {
        ToldBy::Bytes
    }

    fn edition(&self) -> u32 {
        2
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let name = candidate.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        // The schema stands at the end of the first page; in a database with longer pages the name has to tell.
        let has_table = |table: &[u8]| memchr::memmem::find(candidate.head, table).is_some();
        let is_named = matches!(name, b"wtmp.db" | b"lastlog2.db");
        candidate.head.starts_with(MAGIC) && (is_named || has_table(b"wtmp(ID ") || has_table(b"Lastlog2(Name "))
    }

    fn parse(&self, input: &Input<'_>, _: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let (database, span) = database::open_for(input, output)?;
        // In the order in which they lie: a table is gone through in that of its rows, and nothing has to be sorted.
        let wtmp = "SELECT ID, Type, User, Login, Logout, TTY, RemoteHost, Service FROM wtmp";
        let lastlog = "SELECT rowid, Name, Time, TTY, RemoteHost, Service FROM Lastlog2";
        if database.has_table("wtmp") {
            database.each_row(wtmp, &mut |row| session(row, span, output))?;
        }
        if database.has_table("Lastlog2") {
            database.each_row(lastlog, &mut |row| last(row, span, output))?;
        }
        Ok(())
    }
}

/// The events of a row of `wtmp`; whether more are wanted.
fn session(row: &Row<'_>, span: Span, output: &mut Output<'_>) -> bool {
    let (kind, login, logout) = (sqlite::number(row, 1), micro(row, 3), micro(row, 4));
    let (began, ended) = match kind {
        Some(1) => ("login.boot", "login.shutdown"),
        Some(2) => ("login.runlevel", "login.runlevel"),
        Some(3) => ("login.session-opened", "login.session-closed"),
        _ => {
            output.other("login.other", span, sqlite::bytes(row, 2), "a row of wtmp of a type that is not known");
            return !output.is_stopped();
        }
    };
    let columns = [sqlite::bytes(row, 5), sqlite::bytes(row, 6), sqlite::bytes(row, 7)];
    let user = sqlite::bytes(row, 2);
    let opened = details(began, user, columns);
    emit(opened, columns, sqlite::number(row, 0), login, None, span, &mut |event| output.event(event));
    if logout.is_some() {
        let seconds = logout.zip(login).map(|(end, start)| end.as_nanoseconds().saturating_sub(start.as_nanoseconds()));
        let seconds = seconds.map(|nanoseconds| nanoseconds.div_euclid(1_000_000_000));
        let closed = details(ended, user, columns);
        emit(closed, columns, sqlite::number(row, 0), logout, seconds, span, &mut |event| output.also(event));
    }
    !output.is_stopped()
}

/// The event of a row of `Lastlog2`; whether more are wanted.
fn last(row: &Row<'_>, span: Span, output: &mut Output<'_>) -> bool {
    let columns = [sqlite::bytes(row, 3), sqlite::bytes(row, 4), sqlite::bytes(row, 5)];
    let time = sqlite::number(row, 2).and_then(|seconds| seconds.checked_mul(1_000_000_000));
    let time = time.filter(|time| *time != 0).map(Timestamp::from_nanoseconds);
    let last = details("login.last", sqlite::bytes(row, 1), columns);
    emit(last, columns, sqlite::number(row, 0), time, None, span, &mut |event| output.event(event));
    !output.is_stopped()
}

fn micro(row: &Row<'_>, column: usize) -> Option<Timestamp> {
    let time = sqlite::number(row, column)?.checked_mul(1000)?;
    (time != 0).then_some(Timestamp::from_nanoseconds(time))
}

/// What all rows have: who, on which line, from where, by which service.
fn details<'a>(kind: &'static str, user: &'a [u8], [tty, host, service]: [&'a [u8]; 3]) -> Details<'a> {
    let mut details = Details::new(kind);
    details.user = user;
    details.text("tty", tty);
    details.text(if kind == "login.boot" { "kernel" } else { "remote_host" }, host);
    details.text("service", service);
    details
}

fn emit(
    mut details: Details<'_>,
    [tty, host, _]: [&[u8]; 3],
    number: Option<i64>,
    time: Option<Timestamp>,
    seconds: Option<i64>,
    span: Span,
    put: &mut dyn FnMut(&Event<'_>),
) {
    let address = std::str::from_utf8(host).ok().and_then(|host| host.parse::<IpAddr>().ok());
    let address = address.map_or_else(String::new, |address| address.to_canonical().to_string());
    details.number("row", number);
    details.number("seconds", seconds);
    let what: &[u8] = match details.kind {
        "login.boot" => b"system boot",
        "login.shutdown" => b"shutdown",
        "login.runlevel" => b"run level changed",
        "login.session-opened" => b"logged in",
        "login.session-closed" => b"session ended",
        _ => b"last login",
    };
    let mut message = what.to_vec();
    let from = if details.kind == "login.boot" { b", kernel ".as_slice() } else { b" from " };
    for (word, text) in [(&b": "[..], details.user), (b" on ", tty), (from, host)] {
        if !text.is_empty() {
            message.extend_from_slice(word);
            message.extend_from_slice(text);
        }
    }
    put(&Event {
        time,
        basis: TimeBasis::Stated,
        span,
        address: address.as_bytes(),
        message: &message,
        ..details.event()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::parse;
    use proptest::prelude::*;
    use rusqlite::{Connection, MAIN_DB};
    use serde_json::json;

    /// As wtmpdb 0.73 and util-linux 2.40 make them.
    fn made() -> Vec<u8> {
        let sql = "CREATE TABLE IF NOT EXISTS wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, Login INTEGER,
                Logout INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT) STRICT;
            INSERT INTO wtmp VALUES (1, 1, 'reboot', 1709251198250000, 1709254798000000, '~', '6.12.48-amd64', NULL),
                (2, 3, 'anna', 1709251200000000, 1709251260500000, 'pts/0', '::ffff:192.0.2.7', 'sshd'),
                (3, 3, 'root', 4294967296000000, NULL, 'tty1', NULL, 'login'), (4, 9, 'odd', NULL, NULL, NULL, NULL, NULL);
            CREATE TABLE IF NOT EXISTS Lastlog2(Name TEXT PRIMARY KEY, Time INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT);
            INSERT INTO Lastlog2 VALUES ('anna', 1709251200, 'pts/0', 'quay.example', 'sshd');";
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        connection.serialize(MAIN_DB).unwrap().to_vec()
    }

    #[test]
    fn rows_become_events_of_their_beginning_and_their_end() {
        let bytes = made();
        let host = crate::host::Host::unknown();
        assert!(LoginDatabase.claims(&Candidate {
            path: b"/var/lib/wtmpdb/wtmp.db",
            head: &bytes[..4096],
            host: &host
        }));
        assert!(LoginDatabase.claims(&Candidate { path: b"/x", head: &bytes[..4096], host: &host }));
        let parsed = parse(&LoginDatabase, "/var/lib/wtmpdb/wtmp.db", "2024-03-01T00:00:00Z", &bytes);
        let kinds = [
            "login.boot",
            "login.shutdown",
            "login.session-opened",
            "login.session-closed",
            "login.session-opened",
            "login.other",
            "login.last",
        ];
        assert_eq!(parsed.all("kind"), kinds);
        assert_eq!(
            parsed.all("time"),
            [
                json!("2024-02-29T23:59:58.25Z"),
                json!("2024-03-01T00:59:58Z"),
                json!("2024-03-01T00:00:00Z"),
                json!("2024-03-01T00:01:00.5Z"),
                json!("2106-02-07T06:28:16Z"),
                json!(null),
                json!("2024-03-01T00:00:00Z")
            ]
        );
        let closed = json!({"kind": "login.session-closed", "basis": "stated", "offset": 0, "length": bytes.len(), "row": 2,
            "time": "2024-03-01T00:01:00.5Z", "user": "anna", "address": "192.0.2.7", "tty": "pts/0", "service": "sshd",
            "remote_host": "::ffff:192.0.2.7", "seconds": 60, "message": "session ended: anna on pts/0 from ::ffff:192.0.2.7"});
        assert_eq!(parsed.events[3], closed);
        assert_eq!(parsed.events[0]["message"], "system boot: reboot on ~, kernel 6.12.48-amd64");
        assert_eq!((parsed.row.records, parsed.row.others, parsed.error), (4, 1, None));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(changes in prop::collection::vec((0_usize..12288, any::<u8>()), 0..60), cut in 0_usize..20000) {
            let mut bytes = made();
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            bytes.truncate(cut);
            let _ = parse(&LoginDatabase, "/var/lib/wtmpdb/wtmp.db", "2024-03-01T00:00:00Z", &bytes);
        }
    }
}
