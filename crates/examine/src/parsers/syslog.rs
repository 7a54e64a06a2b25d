//! Lines of syslog, in the forms that syslogd, rsyslogd and syslog-ng write.
//!
//! | form | begins with | source |
//! | --- | --- | --- |
//! | traditional | `Feb 29 23:59:59 host tag[pid]: message` | RFC 3164, section 4.1; rsyslog's RSYSLOG_TraditionalFileFormat |
//! | with ISO time | `2024-02-29T23:59:59.123456+01:00 host tag[pid]: message` | rsyslog's RSYSLOG_FileFormat |
//! | RFC 5424 | `1 2024-02-29T23:59:59Z host app procid msgid [data] message` | RFC 5424, section 6 |
//!
//! Each may have its priority before it, as `<34>`. What the message says of logins, commands and accounts is taken out of it
//! by its program; see the modules below.

mod accounts;
mod header;
mod ssh;
mod system;

use crate::input::Input;
use crate::lines::Line;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::years::Years;
use crate::zone::{Civil, WallClock};
use header::{Header, Time};
use kanshiki_model::{Event, TimeBasis, Timestamp, Value};
use std::io;

/// Lines of the head that are looked at to tell a log by.
const HEAD_LINES: usize = 20;

/// Fields that one event may have.
const FIELDS: usize = 12;

/// The parser of syslog.
#[derive(Debug)]
pub(crate) struct Syslog;

impl Parser for Syslog {
    fn id(&self) -> &'static str {
        "syslog"
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let lines = candidate.head.split(|byte| *byte == b'\n').map(trim_nul).filter(|line| !line.is_empty());
        let (mut syslog, mut all) = (0_usize, 0_usize);
        for line in lines.take(HEAD_LINES) {
            all = all.saturating_add(1);
            syslog = syslog.saturating_add(usize::from(Header::parse(line).is_some()));
        }
        // Others may stand among them: the second line of a message, the end of the head.
        syslog > 0 && syslog.saturating_mul(2) >= all
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut reader = Reader { wall: context.host.zone.wall(), years: Years::new(context), uses: Uses::default() };
        let mut lines = input.lines()?;
        while let Some(line) = lines.next_line()? {
            reader.line(&line, output);
            if output.is_stopped() {
                return Ok(());
            }
        }
        if let Some(hint) = reader.years.hint() {
            output.read_again(hint);
        }
        let reasons = [
            reader.uses.years.then(|| reader.years.reason()),
            reader.uses.zone.then(|| context.host.zone.reason().to_owned()),
        ];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        if !reasons.is_empty() {
            output.times(reasons.join("; "));
        }
        Ok(())
    }
}

struct Reader<'a> {
    wall: WallClock<'a>,
    years: Years,
    uses: Uses,
}

/// What was inferred.
#[derive(Default)]
struct Uses {
    years: bool,
    zone: bool,
}

impl Reader<'_> {
    fn line(&mut self, line: &Line<'_>, output: &mut Output<'_>) {
        let bytes = trim_nul(line.bytes);
        if bytes.is_empty() {
            if !line.bytes.is_empty() {
                output.issue(line.span, "zeroes in the place of lines, as a crash leaves them");
            }
            return;
        }
        if bytes.len() < line.bytes.len() {
            output.issue(line.span, "zeroes before or behind a line, as a crash leaves them");
        }
        if line.left_out > 0 {
            output.issue(line.span, "the line is longer than 1 MiB; the rest of it is left out");
        }
        let Some(header) = Header::parse(bytes) else {
            output.other("syslog.other", line.span, bytes, "no line of syslog");
            return;
        };
        let (time, basis) = self.time(&header.time);
        let mut details = Details::new("syslog");
        details.number("priority", header.priority);
        describe(&header, &mut details);
        output.event(&Event {
            kind: details.kind,
            time,
            basis,
            span: line.span,
            host: header.host,
            program: header.program,
            pid: header.pid,
            user: details.user,
            address: details.address,
            message: header.message,
            fields: details.fields(),
        });
    }

    fn time(&mut self, time: &Time) -> (Option<Timestamp>, TimeBasis) {
        match *time {
            Time::At(civil, ahead) => (civil.at_offset(ahead), TimeBasis::Stated),
            Time::Local(civil) => {
                self.uses.zone = true;
                (self.wall.at(&civil), TimeBasis::ZoneInferred)
            }
            Time::Yearless(civil) => {
                (self.uses.zone, self.uses.years) = (true, true);
                let time = self.years.complete(civil).and_then(|civil: Civil| self.wall.at(&civil));
                (time, TimeBasis::YearAndZoneInferred)
            }
            Time::None => (None, TimeBasis::Neighbour),
        }
    }
}

/// What the message of a record says, taken apart.
struct Details<'a> {
    kind: &'static str,
    user: &'a [u8],
    address: &'a [u8],
    fields: [(&'static str, Value<'a>); FIELDS],
    used: usize,
}

impl<'a> Details<'a> {
    const fn new(kind: &'static str) -> Self {
        Self { kind, user: b"", address: b"", fields: [("", Value::Flag(false)); FIELDS], used: 0 }
    }

    fn add(&mut self, name: &'static str, value: Value<'a>) {
        if let Some(field) = self.fields.get_mut(self.used) {
            *field = (name, value);
            self.used = self.used.saturating_add(1);
        }
    }

    fn text(&mut self, name: &'static str, text: &'a [u8]) {
        if !text.is_empty() {
            self.add(name, Value::Text(text));
        }
    }

    fn number(&mut self, name: &'static str, number: Option<i64>) {
        if let Some(number) = number {
            self.add(name, Value::Number(number));
        }
    }

    fn fields(&self) -> &[(&'static str, Value<'a>)] {
        self.fields.get(..self.used).unwrap_or_default()
    }
}

/// Takes the message apart as its program writes it.
fn describe<'a>(header: &Header<'a>, details: &mut Details<'a>) {
    let message = header.message;
    match header.program {
        b"sshd" | b"sshd-session" | b"sshd-auth" => ssh::describe(message, details),
        b"sudo" => accounts::sudo(message, details),
        b"su" | b"su-l" => accounts::su(message, details),
        b"useradd" | b"usermod" | b"userdel" | b"groupadd" | b"groupmod" | b"groupdel" | b"passwd" | b"chpasswd"
        | b"gpasswd" | b"chage" | b"chsh" | b"chfn" => accounts::tool(message, details),
        b"CRON" | b"cron" | b"CROND" | b"crond" | b"crontab" | b"/usr/sbin/cron" => system::cron(message, details),
        b"systemd" => system::systemd(message, details),
        b"kernel" => system::kernel(message, details),
        _ => {
            let _ = accounts::pam(message, details);
        }
    }
}

/// Zeroes before and behind a line, which a crash leaves where blocks were kept and never written.
fn trim_nul(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_prefix(&[0]) {
        line = rest;
    }
    while let Some(rest) = line.strip_suffix(&[0]) {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests;
