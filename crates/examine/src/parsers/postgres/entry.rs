//! What a record says, in whatever form it was written.

use super::Shown;
use super::zones::Names;
use crate::clock::Clock;
use crate::details::Details;
use crate::output::Output;
use crate::parser::Context;
use crate::scan::{Scan, between, number};
use kanshiki_model::{Event, Span, TimeBasis, Timestamp};
use std::collections::HashMap;

/// Processes whose clients are remembered.
const PROCESSES: usize = 4096;

/// Bytes of an address that are remembered.
const ADDRESS_BYTES: usize = 256;

/// A record.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry<'a> {
    pub(super) shown: Option<Shown<'a>>,
    /// Nanoseconds since 1970.
    pub(super) epoch: Option<i64>,
    pub(super) user: &'a [u8],
    pub(super) database: &'a [u8],
    pub(super) application: &'a [u8],
    pub(super) host: &'a [u8],
    pub(super) port: Option<i64>,
    pub(super) process: Option<i64>,
    pub(super) sqlstate: &'a [u8],
    pub(super) level: &'a [u8],
    pub(super) message: &'a [u8],
    pub(super) detail: &'a [u8],
    pub(super) hint: &'a [u8],
    pub(super) context: &'a [u8],
    /// The statement that failed.
    pub(super) statement: &'a [u8],
}

/// Gives records as events, and knows the clients of the processes that serve them.
#[derive(Debug)]
pub(super) struct Teller<'a> {
    clock: Clock<'a>,
    names: Names<'a>,
    clients: HashMap<i64, Vec<u8>>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(context: &Context<'a>) -> Self {
        let told = context.host.postgres_zones.choose(context);
        let zone = told.unwrap_or(&context.host.zone);
        Self { clock: Clock::in_zone(context, zone), names: Names::new(zone, told.is_some()), clients: HashMap::new() }
    }

    pub(super) fn finish(self, output: &mut Output<'_>) {
        self.clock.finish(output);
    }

    pub(super) fn tell(&mut self, entry: &Entry<'_>, span: Span, output: &mut Output<'_>) {
        let time: (Option<Timestamp>, TimeBasis) = match (entry.epoch, &entry.shown) {
            (Some(epoch), _) => (Some(Timestamp::from_nanoseconds(epoch)), TimeBasis::Stated),
            (None, Some(shown)) => self.names.at(shown, &mut self.clock, span, output),
            (None, None) => (None, TimeBasis::Neighbour),
        };
        let mut details = Details::new("database.message");
        details.user = entry.user;
        details.address = entry.host;
        let mut port = entry.port;
        let mut message = entry.message;
        describe(entry, &mut details, &mut message, &mut port);
        let known = entry.process.and_then(|process| self.clients.get(&process)).cloned();
        if let (Some(process), "database.connection") = (entry.process, details.kind) {
            if self.clients.len() >= PROCESSES {
                self.clients.clear();
            }
            let address = details.address.get(..ADDRESS_BYTES).unwrap_or(details.address);
            self.clients.insert(process, address.to_vec());
        }
        if details.address.is_empty()
            && let Some(known) = &known
        {
            details.address = known;
        }
        details.text("level", entry.level);
        details.text("database", entry.database);
        details.text("application", entry.application);
        details.text("sqlstate", if entry.sqlstate == b"00000" { b"" } else { entry.sqlstate });
        details.number("port", port);
        details.text("detail", entry.detail);
        details.text("hint", entry.hint);
        details.text("context", entry.context);
        details.text("statement", entry.statement);
        let event = Event { time: time.0, basis: time.1, span, pid: entry.process, message, ..details.event() };
        output.event(&event);
        // A statement that failed is a question to the tables too.
        if !entry.statement.is_empty() {
            output.also(&Event { kind: "database.query-failed", message: entry.statement, fields: &[], ..event });
        }
        if let (Some(process), "database.logout") = (entry.process, details.kind) {
            self.clients.remove(&process);
        }
    }
}

/// Tells a record of one line whose time is known otherwise.
pub(super) fn describe_bare<'a>(entry: &Entry<'a>, details: &mut Details<'a>) {
    let Entry { user, database, application, host, port, sqlstate, level, message, .. } = *entry;
    (details.kind, details.user, details.address) = ("database.message", user, host);
    let (mut statement, mut port) = (message, port);
    describe(entry, details, &mut statement, &mut port);
    if details.kind == "database.query" {
        details.text("statement", statement);
    }
    details.text("level", level);
    details.text("database", database);
    details.text("application", application);
    details.text("sqlstate", sqlstate);
    details.number("port", port);
}

/// Tells the kind of a message, and takes it apart (postmaster.c, postinit.c, auth.c, postgres.c of PostgreSQL 9 to 17).
fn describe<'a>(entry: &Entry<'a>, details: &mut Details<'a>, message: &mut &'a [u8], port: &mut Option<i64>) {
    let text = entry.message;
    if matches!(entry.level, b"ERROR" | b"FATAL" | b"PANIC") {
        details.kind = "database.error";
        refused(text, details);
        return;
    }
    let mut scan = Scan(text);
    if scan.text(b"duration: ").is_some() {
        let (Some(milliseconds), rest) = (scan.until(b' '), scan.0) else { return };
        details.number("microseconds", microseconds(milliseconds));
        let Some(rest) = rest.strip_prefix(b"ms  ") else { return };
        scan.0 = rest;
    }
    if let Some((command, statement)) = statement(scan.0) {
        details.kind = "database.query";
        details.text("command", command);
        *message = statement;
    } else if let Some(rest) = text.strip_prefix(b"connection received: host=") {
        details.kind = "database.connection";
        let end = memchr::memmem::rfind(rest, b" port=").unwrap_or(rest.len());
        let (host, behind) = rest.split_at_checked(end).unwrap_or_default();
        details.address = host;
        *port = number(behind.get(6..).unwrap_or_default());
    } else if text.starts_with(b"connection authorized: ") || text.starts_with(b"replication connection authorized: ") {
        details.kind = "database.login";
        if details.user.is_empty() {
            details.user = value(text, b"user=");
        }
        if entry.database.is_empty() {
            details.text("database", value(text, b"database="));
        }
        if entry.application.is_empty() {
            details.text("application", value(text, b"application_name="));
        }
    } else if text.starts_with(b"disconnection: ") {
        details.kind = "database.logout";
        if details.user.is_empty() {
            details.user = value(text, b"user=");
        }
        if entry.host.is_empty() {
            details.address = value(text, b"host=");
        }
    } else if text.starts_with(b"connection authenticated: ") {
        details.kind = "database.authenticated";
        details.text("method", value(text, b"method="));
    }
}

/// The command and the statement of `statement: …`, `execute NAME: …`, and of `parse` and `bind` that took long.
fn statement(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(statement) = text.strip_prefix(b"statement: ") {
        return Some((b"statement", statement));
    }
    let commands: [&[u8]; 5] = [b"execute fetch from ", b"execute ", b"parse ", b"bind ", b"fastpath function call: "];
    let command = commands.iter().find(|command| text.starts_with(command))?;
    let rest = text.get(command.len()..)?;
    let at = memchr::memmem::find(rest, b": ")?;
    let command = command.split(|byte| *byte == b' ').next().unwrap_or_default();
    Some((command, rest.get(at.saturating_add(2)..)?))
}

/// Account and address of a login that was refused.
fn refused<'a>(text: &'a [u8], details: &mut Details<'a>) {
    let quoted = |before: &[u8]| {
        let at = memchr::memmem::find(text, before)?.checked_add(before.len())?;
        let rest = text.get(at..)?;
        // A name may hold quotes; what ends it stands behind them.
        let ends: [&[u8]; 4] = [b"\", user \"", b"\", database \"", b"\" does not exist", b"\" is not permitted"];
        let end = ends.iter().find_map(|end| memchr::memmem::find(rest, end)).or_else(|| memchr::memrchr(b'"', rest));
        rest.get(..end?)
    };
    let is_login_failed = memchr::memmem::find(text, b" authentication failed for user \"").is_some()
        || text.starts_with(b"no pg_hba.conf entry for ")
        || text.starts_with(b"pg_hba.conf rejects ")
        || between(text, b"role \"", b"\" does not exist").is_some_and(|(_, rest)| rest.is_empty())
        || between(text, b"role \"", b"\" is not permitted to log in").is_some();
    if !is_login_failed {
        return;
    }
    details.kind = "database.login-failed";
    if details.user.is_empty() {
        details.user = quoted(b"user \"").or_else(|| quoted(b"role \"")).unwrap_or_default();
    }
    if details.address.is_empty() {
        details.address = quoted(b"host \"").unwrap_or_default();
    }
}

/// What stands behind a name up to the next blank.
fn value<'a>(text: &'a [u8], name: &[u8]) -> &'a [u8] {
    let Some(at) = memchr::memmem::find(text, name) else { return b"" };
    let rest = text.get(at.saturating_add(name.len())..).unwrap_or_default();
    rest.split(|byte| *byte == b' ').next().unwrap_or_default()
}

/// Milliseconds with a fraction, as microseconds.
fn microseconds(text: &[u8]) -> Option<i64> {
    let end = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = text.split_at_checked(end)?;
    let part = i64::from(Scan(rest).fraction()).checked_div(1_000_000)?;
    number(whole)?.checked_mul(1000)?.checked_add(part)
}
