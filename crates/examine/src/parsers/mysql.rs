//! Logs of MySQL and MariaDB that are text.
//!
//! | log | record | source |
//! | --- | --- | --- |
//! | general | `240302 10:00:00⇥     4 Query⇥select 1`, `⇥⇥     4 Quit⇥` of the same second | MariaDB, MySQL up to 5.6: log.cc |
//! | general | `2024-03-02T10:00:00.123456Z⇥    4 Query⇥select 1` | MySQL 5.7 and later: log.cc |
//! | slow | `# Time: …`, `# User@Host: root[root] @ localhost []`, `# Query_time: …`, `SET timestamp=…;`, the statement | both |
//! | error | `2024-03-02 10:00:00 8 [Warning] message`, `240302 10:00:00 [Note] message` | MariaDB |
//! | error | `2024-03-02T10:00:00.123456Z 8 [Note] [MY-010926] [Server] message`, an object of JSON | MySQL 5.6 to 8 |
//! | audit | `20240302 10:00:00,host,user,from,4,12,QUERY,database,'select 1',0` | MariaDB's server_audit |
//! | audit | elements `AUDIT_RECORD` with attributes or elements, objects of JSON, CSV | MySQL Enterprise Audit, Percona |
//!
//! Lines that begin no record belong to the record before them.

mod audit;
mod error;
mod general;
mod slow;

pub(crate) use audit::MysqlAudit;
pub(crate) use error::MysqlErrors;
pub(crate) use general::MysqlGeneral;
pub(crate) use slow::MysqlSlow;

use crate::details::Details;
use crate::scan::{Scan, between, number};
use crate::zone::Civil;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp};

/// Takes a line of the error log apart that came by syslog or lies in the journal, where MariaDB's packages have it go.
pub(crate) fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) {
    error::describe(message, details);
}

/// `240302 10:00:00` with a blank in the place of the hour's first zero or not; of this century (log.cc).
fn short_time(scan: &mut Scan<'_>) -> Option<Civil> {
    let year = i32::from(scan.two()?).checked_add(2000)?;
    let (month, day) = (scan.two()?, scan.two()?);
    blank_clock(scan, Civil { year, month, day, ..Civil::default() })
}

/// A blank and `10:00:00`, with a further blank in the place of the hour's first zero in older versions.
fn blank_clock(scan: &mut Scan<'_>, date: Civil) -> Option<Civil> {
    scan.byte(b' ')?;
    let hour = scan.day()?;
    scan.byte(b':')?;
    let minute = scan.two()?;
    scan.byte(b':')?;
    Some(Civil { hour, minute, second: scan.two()?, ..date })
}

/// `2024-03-02 10:00:00`, a blank in the place of the hour's first zero or not, with a zone or not.
fn long_time(scan: &mut Scan<'_>) -> Option<(Civil, Option<i64>)> {
    let mut ahead = *scan;
    if let Some(found) = ahead.iso() {
        *scan = ahead;
        return Some(found);
    }
    let year = i32::try_from(scan.digits(4)?).ok()?;
    scan.byte(b'-')?;
    let month = scan.two()?;
    scan.byte(b'-')?;
    let day = scan.two()?;
    Some((blank_clock(scan, Civil { year, month, day, ..Civil::default() })?, None))
}

/// Digits as a number.
fn digits(scan: &mut Scan<'_>) -> Option<i64> {
    let count = scan.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = scan.0.split_at_checked(count)?;
    let found = number(digits)?;
    scan.0 = rest;
    Some(found)
}

/// Account and address of `Access denied for user 'x'@'h' (using password: YES)`, wherever it stands. Both may hold quotes.
fn denied(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memmem::find(message, b"Access denied for user '")?;
    let rest = message.get(at..)?;
    let (user, host) = between(rest, b"Access denied for user '", b"'@'")?;
    let end = memchr::memrchr(b'\'', host)?;
    Some((user, host.get(..end)?))
}

/// Account and address of `root[root] @ localhost [127.0.0.1]`: the name that was given, and the address if there is one.
fn account(text: &[u8]) -> (&[u8], &[u8]) {
    let Some(at) = memchr::memmem::rfind(text, b" @ ") else { return (text.trim_ascii(), b"") };
    let (user, rest) = text.split_at_checked(at).unwrap_or_default();
    let user = memchr::memrchr(b'[', user).and_then(|open| user.get(..open)).unwrap_or(user);
    let rest = rest.get(3..).unwrap_or_default();
    let open = memchr::memchr(b'[', rest).unwrap_or(rest.len());
    let (host, address) = rest.split_at_checked(open).unwrap_or_default();
    let close = memchr::memchr(b']', address).unwrap_or(address.len());
    let address = address.get(1..close).unwrap_or_default();
    (user.trim_ascii(), if address.is_empty() { host.trim_ascii() } else { address })
}

/// Whether a line is one of those that a server writes when it opens a log.
fn is_start(line: &[u8]) -> bool {
    is_version(line)
        || line.starts_with(b"Tcp port: ")
        || (line.starts_with(b"Time") && memchr::memmem::find(line, b"Id Command").is_some())
}

/// Whether a line is the first of those.
fn is_version(line: &[u8]) -> bool {
    line.ends_with(b". started with:") && memchr::memmem::find(line, b", Version: ").is_some()
}

/// An event of these details.
fn event<'a>(
    details: &'a Details<'_>,
    (time, basis): (Option<Timestamp>, TimeBasis),
    span: Span,
    message: &'a [u8],
) -> Event<'a> {
    Event { time, basis, span, message, ..details.event() }
}

#[cfg(test)]
mod tests;
