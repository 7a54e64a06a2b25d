//! The log of slow queries.

use super::{account, digits, event, is_start, is_version, long_time, short_time};
use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::record::Record;
use crate::scan::Scan;
use crate::text::each_line_as_it_is;
use kanshiki_model::{Span, TimeBasis, Timestamp};
use std::io;

/// The parser of logs of slow queries.
#[derive(Debug)]
pub(crate) struct MysqlSlow;

impl Parser for MysqlSlow {
    fn id(&self) -> &'static str {
        "mysql-slow"
    }

    fn edition(&self) -> u32 {
        2
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let mut lines = candidate.head.split(|byte| *byte == b'\n');
        // One statement may fill the head; in a log that was rotated the rest of one may stand first.
        lines.any(|line| line.starts_with(USER)) && memchr::memmem::find(candidate.head, b"# Query_time: ").is_some()
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut clock = Clock::new(context);
        let mut record = Record::default();
        let mut last = (None, TimeBasis::Neighbour);
        // Whether what was read of the record is its time alone.
        let mut is_timed = false;
        let read = each_line_as_it_is(input, output, &mut |line, span, output| {
            let begins = line.starts_with(TIME) || (line.starts_with(USER) && !is_timed);
            is_timed = line.starts_with(TIME);
            if begins {
                tell(&record, &mut clock, &mut last, output);
                record.begin(line, span);
            } else if is_start(line) {
                tell(&record, &mut clock, &mut last, output);
                record.end();
                start(line, span, last.0, output);
            } else if !record.add(line, span) {
                output.other("database.other", span, line, "no record of a log of slow queries");
            }
        });
        tell(&record, &mut clock, &mut last, output);
        clock.finish(output);
        read
    }
}

const TIME: &[u8] = b"# Time: ";
const USER: &[u8] = b"# User@Host: ";

fn start(line: &[u8], span: Span, last: Option<Timestamp>, output: &mut Output<'_>) {
    if is_version(line) {
        let details = Details::new("database.log-started");
        output.event(&event(&details, (last, TimeBasis::Neighbour), span, line));
    }
}

/// Nanoseconds by which the start of a statement may lie from the time of the log: two days, since a statement may take long,
/// and the zone be another.
const FAR: u64 = 172_800_000_000_000;

/// Tells a record that is whole.
fn tell(record: &Record, clock: &mut Clock<'_>, last: &mut (Option<Timestamp>, TimeBasis), output: &mut Output<'_>) {
    let Some((bytes, span)) = record.get() else { return };
    let mut details = Details::new("database.query-slow");
    let (mut local, mut stated, mut epoch) = (None, None, None);
    let mut database: &[u8] = b"";
    let mut rest = bytes;
    loop {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, behind) = rest.split_at_checked(end).unwrap_or_default();
        if let Some(time) = line.strip_prefix(TIME) {
            (local, stated) = times(time);
        } else if let Some(user) = line.strip_prefix(USER) {
            let identity = memchr::memmem::find(user, b"  Id: ");
            let (user, connection) = user.split_at_checked(identity.unwrap_or(user.len())).unwrap_or_default();
            (details.user, details.address) = account(user);
            numbers(connection, &mut details, &mut database);
        } else if let Some(facts) = line.strip_prefix(b"# ").filter(|facts| !facts.starts_with(b"administrator")) {
            numbers(facts, &mut details, &mut database);
        } else if let Some(settings) = line.strip_prefix(b"SET ").filter(|it| is_setting(it)) {
            // `SET insert_id=12,timestamp=1709373600;`: the statement begins in the next line, whatever it begins with.
            let at = memchr::memmem::rfind(settings, b"timestamp=");
            epoch = at.and_then(|at| digits(&mut Scan(settings.get(at.saturating_add(10)..)?)));
            rest = behind.strip_prefix(b"\n").unwrap_or_default();
            break;
        } else if let Some(name) = line.strip_prefix(b"use ").filter(|name| name.ends_with(b";")) {
            let name = name.strip_suffix(b";").unwrap_or(name);
            database = name.strip_prefix(b"`").and_then(|it| it.strip_suffix(b"`")).unwrap_or(name);
        } else if line != b"#" {
            break;
        }
        match behind.strip_prefix(b"\n") {
            Some(behind) => rest = behind,
            None => {
                rest = b"";
                break;
            }
        }
    }
    let since = epoch.and_then(|seconds| seconds.checked_mul(1_000_000_000)).map(Timestamp::from_nanoseconds);
    details.text("database", database);
    // The time of the log itself, as if it were UTC; further records of one second have none of their own in old versions.
    let logged = stated.map(|(civil, _)| civil).or(local).map_or(last.0, |civil| civil.at_offset(0));
    // A client may set what the server takes for the time (`SET timestamp = 1`).
    let is_far =
        |time: Timestamp| logged.is_some_and(|logged| time.as_nanoseconds().abs_diff(logged.as_nanoseconds()) > FAR);
    let set = since.filter(|time| is_far(*time));
    details.number("set_timestamp", set.and(epoch));
    let since = since.filter(|_| set.is_none());
    *last = match (stated, since, local) {
        // Versions that state the zone count microseconds.
        (Some((civil, ahead)), ..) => clock.at(civil, Some(ahead)),
        (None, Some(time), _) => (Some(time), TimeBasis::Stated),
        (None, None, Some(civil)) => clock.at(civil, None),
        (None, None, None) => *last,
    };
    output.event(&event(&details, *last, span, rest));
}

/// Whether a server set this before a statement, and not a client.
fn is_setting(settings: &[u8]) -> bool {
    [b"timestamp=".as_slice(), b"insert_id=", b"last_insert_id="].iter().any(|name| settings.starts_with(name))
}

/// A time without and one with its zone.
fn times(text: &[u8]) -> (Option<crate::zone::Civil>, Option<(crate::zone::Civil, i64)>) {
    if let Some((civil, ahead)) = long_time(&mut Scan(text)) {
        return match ahead {
            Some(ahead) => (None, Some((civil, ahead))),
            None => (Some(civil), None),
        };
    }
    (short_time(&mut Scan(text)), None)
}

/// `Query_time: 0.000285  Lock_time: 0.000000  Rows_sent: 1`, `Thread_id: 4  Schema: shop  QC_hit: No`.
fn numbers<'a>(facts: &'a [u8], details: &mut Details<'a>, database: &mut &'a [u8]) {
    let mut words = facts.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).peekable();
    while let Some(name) = words.next() {
        // A name without a value is followed by the next name.
        let Some(value) = words.next_if(|word| !word.ends_with(b":")) else { continue };
        match name {
            b"Query_time:" => details.number("microseconds", microseconds(value)),
            b"Lock_time:" => details.number("lock_microseconds", microseconds(value)),
            b"Rows_sent:" => details.number("rows", digits(&mut Scan(value))),
            b"Rows_examined:" => details.number("rows_examined", digits(&mut Scan(value))),
            b"Rows_affected:" => details.number("rows_affected", digits(&mut Scan(value))),
            b"Bytes_sent:" => details.number("bytes", digits(&mut Scan(value))),
            b"Thread_id:" | b"Id:" => details.number("connection", digits(&mut Scan(value))),
            b"Schema:" => *database = value,
            b"Errno:" | b"Last_errno:" => details.number("error", digits(&mut Scan(value)).filter(|error| *error != 0)),
            _ => {}
        }
    }
}

/// Seconds with a fraction, as microseconds.
fn microseconds(text: &[u8]) -> Option<i64> {
    let mut scan = Scan(text);
    let whole = digits(&mut scan)?;
    let part = i64::from(scan.fraction()).checked_div(1000)?;
    whole.checked_mul(1_000_000)?.checked_add(part)
}
