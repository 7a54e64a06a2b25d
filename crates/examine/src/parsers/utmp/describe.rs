//! What a record says, as an event.

use super::layout::{Layout, Record};
use crate::details::Details;
use crate::output::Output;
use kanshiki_model::{Event, Span, TimeBasis};
use std::collections::HashMap;
use std::io::Write as _;
use std::net::IpAddr;

/// Lines whose open sessions are remembered.
const LINES: usize = 4096;

/// Makes events of records, and remembers who is on which line.
#[derive(Debug)]
pub(super) struct Describer {
    is_failures: bool,
    layout: Layout,
    open: HashMap<Vec<u8>, Session>,
    message: Vec<u8>,
}

/// An open session.
#[derive(Debug)]
struct Session {
    user: Vec<u8>,
    pid: i32,
    address: String,
    opened: Option<i64>,
}

impl Describer {
    /// For a file, whose records are failed logins or not.
    pub(super) fn new(is_failures: bool, layout: Layout) -> Self {
        Self { is_failures, layout, open: HashMap::new(), message: Vec::new() }
    }

    /// The event of a record.
    pub(super) fn event(&mut self, record: &Record<'_>, span: Span, output: &mut Output<'_>) {
        let ended = match record.kind {
            2 => {
                self.open.clear();
                None
            }
            8 if !self.is_failures => self.open.remove(record.line),
            _ => None,
        };
        let mut details = Details::new(self.kind(record));
        let address = address(record).map_or_else(String::new, |address| address.to_string());
        details.user = record.user;
        details.address = address.as_bytes();
        details.text("tty", record.line);
        details.text("id", record.id);
        if record.kind == 2 {
            details.text("kernel", record.host);
        } else {
            details.text("remote_host", record.host);
        }
        details.number("type", Some(record.kind.into()));
        details.number("session", Some(record.session).filter(|session| *session != 0));
        if record.kind == 8 {
            details.number("termination", Some(record.termination.into()));
            details.number("exit", Some(record.exit.into()));
        }
        // The number of a run level is a character, and the one before it stands above it.
        let levels = record.pid.to_le_bytes();
        let mut pid = Some(i64::from(record.pid)).filter(|pid| *pid != 0);
        if record.kind == 1 {
            details.text("runlevel", levels.get(..1).filter(|level| **level != [0]).unwrap_or_default());
            details.text("runlevel_before", levels.get(1..2).filter(|level| **level != [0]).unwrap_or_default());
            pid = None;
        }
        if let Some(session) = &ended {
            // The record of the end seldom names the user.
            if details.user.is_empty() {
                details.user = &session.user;
                details.number("opened_pid", Some(session.pid.into()));
            }
            if details.address.is_empty() {
                details.address = session.address.as_bytes();
            }
            let seconds =
                record.time.zip(session.opened).map(|(end, opened)| end.as_nanoseconds().saturating_sub(opened));
            details.number("seconds", seconds.map(|nanoseconds| nanoseconds.div_euclid(1_000_000_000)));
        }
        details.text("layout", self.layout.name().as_bytes());
        self.message.clear();
        // Writing to memory does not fail.
        let _ = say(&details, record, &mut self.message);
        output.event(&Event {
            time: record.time,
            basis: TimeBasis::Stated,
            span,
            pid,
            message: &self.message,
            ..details.event()
        });
        if record.kind == 7 && !self.is_failures && self.open.len() < LINES {
            let opened = record.time.map(|time| time.as_nanoseconds());
            let session = Session { user: record.user.to_vec(), pid: record.pid, address, opened };
            self.open.insert(record.line.to_vec(), session);
        }
    }

    fn kind(&self, record: &Record<'_>) -> &'static str {
        match record.kind {
            5..=7 if self.is_failures => "login.login-failed",
            1 if record.user == b"shutdown" => "login.shutdown",
            1 => "login.runlevel",
            2 => "login.boot",
            3 | 4 => "login.clock-changed",
            5 | 6 => "login.waiting",
            7 => "login.session-opened",
            8 => "login.session-closed",
            9 => "login.accounting",
            _ => "login.empty",
        }
    }
}

/// The address of the remote host: as a number, or what its name is if that is one.
fn address(record: &Record<'_>) -> Option<IpAddr> {
    let named = || std::str::from_utf8(record.host).ok()?.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    record.address.filter(|_| record.kind != 2).or_else(named)
}

/// What happened, for people.
fn say(details: &Details<'_>, record: &Record<'_>, message: &mut Vec<u8>) -> std::io::Result<()> {
    let what: &[u8] = match details.kind {
        "login.login-failed" => b"login failed",
        "login.shutdown" => b"shutdown",
        "login.runlevel" => b"run level changed",
        "login.boot" => b"system boot",
        "login.clock-changed" if record.kind == 3 => b"clock changed: the time after it",
        "login.clock-changed" => b"clock changed: the time before it",
        "login.waiting" => b"waiting for a login",
        "login.session-opened" => b"logged in",
        "login.session-closed" => b"session ended",
        "login.accounting" => b"accounting",
        _ => b"a record out of use",
    };
    message.write_all(what)?;
    let from = match record.kind {
        2 => b"",
        _ if record.host.is_empty() => details.address,
        _ => record.host,
    };
    for (word, text) in [(&b": "[..], details.user), (b" on ", record.line), (b" from ", from)] {
        if !text.is_empty() {
            message.write_all(word)?;
            message.write_all(text)?;
        }
    }
    if record.kind == 2 && !record.host.is_empty() {
        message.write_all(b", kernel ")?;
        message.write_all(record.host)?;
    }
    Ok(())
}
