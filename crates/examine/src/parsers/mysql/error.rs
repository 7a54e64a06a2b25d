//! The error log.

use super::{denied, digits, event, long_time, short_time};
use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::json::{Tokens, unescape};
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::scan::{Scan, number};
use crate::text::{each_line, is_half};
use crate::zone::Civil;
use kanshiki_model::{Span, TimeBasis, Timestamp};
use std::io;

/// The parser of error logs.
#[derive(Debug)]
pub(crate) struct MysqlErrors;

impl Parser for MysqlErrors {
    fn id(&self) -> &'static str {
        "mysql-error"
    }

    fn edition(&self) -> u32 {
        3
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        is_half(candidate.head, &mut |line| Line::parse(line).is_some())
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut clock = Clock::new(context);
        let (mut last, mut plain) = (None, Vec::new());
        each_line(input, output, &mut |bytes, span, output| match Line::parse(bytes) {
            Some(mut line) => {
                if bytes.starts_with(b"{") {
                    plain.clear();
                    unescape(line.message, &mut plain);
                    line.message = &plain;
                }
                let time = clock.at(line.civil, line.ahead);
                last = time.0;
                tell(&line, time, span, output);
            }
            None => {
                // Further lines of InnoDB, the call trace of a crash.
                let details = Details::new("database.message");
                output.event(&event(&details, (last, TimeBasis::Neighbour), span, bytes));
            }
        })?;
        clock.finish(output);
        Ok(())
    }
}

/// The parts of a line.
struct Line<'a> {
    civil: Civil,
    ahead: Option<i64>,
    thread: Option<i64>,
    level: &'a [u8],
    code: &'a [u8],
    subsystem: &'a [u8],
    message: &'a [u8],
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        match line.first()? {
            b'{' => Self::json(line),
            b'0'..=b'9' => Self::text(Scan(line)),
            _ => None,
        }
    }

    /// `TIME [THREAD] [LEVEL] [[CODE] [SUBSYSTEM]] message`, `TIME mysqld_safe message`, `TIME server_audit: message`.
    fn text(mut scan: Scan<'a>) -> Option<Self> {
        let mut long = scan;
        let ((civil, ahead), is_long) = match long_time(&mut long) {
            Some(found) => {
                scan = long;
                (found, true)
            }
            None => ((short_time(&mut scan)?, None), false),
        };
        scan.byte(b' ')?;
        scan.0 = scan.0.trim_ascii_start();
        let none = b"".as_slice();
        let mut line = Self { civil, ahead, thread: None, level: none, code: none, subsystem: none, message: none };
        for name in [b"mysqld_safe ".as_slice(), b"server_audit: ", b"mariadbd-safe ", b"mysqld_multi "] {
            if let Some(message) = scan.0.strip_prefix(name) {
                line.subsystem = name.split(|byte| matches!(byte, b' ' | b':')).next().unwrap_or_default();
                line.message = message;
                return Some(line);
            }
        }
        if let Some(message) = innodb(scan.0) {
            (line.subsystem, line.message) = (b"InnoDB", message);
            return Some(line);
        }
        if let Some(message) = scan.0.strip_prefix(b"- ").filter(|message| message.starts_with(b"mysqld got ")) {
            (line.level, line.message) = (b"ERROR", message);
            return Some(line);
        }
        // Programs that join a MariaDB write the thread as 0x7f….
        if let Some(rest) = scan.0.strip_prefix(b"0x") {
            scan.0 = rest;
            let _ = scan.until(b' ')?;
        } else if let Some(thread) = digits(&mut scan) {
            line.thread = Some(thread);
            scan.byte(b' ')?;
        } else if is_long {
            // Without a thread it is of another program.
            return None;
        }
        scan.byte(b'[')?;
        line.level = scan.until(b']')?;
        let levels: [&[u8]; 6] = [b"Note", b"Warning", b"ERROR", b"System", b"Error", b"Info"];
        levels.contains(&line.level).then_some(())?;
        scan.byte(b' ')?;
        if scan.0.starts_with(b"[MY-") {
            scan.byte(b'[')?;
            line.code = scan.until(b']')?;
            if scan.text(b" [").is_some() {
                line.subsystem = scan.until(b']')?;
            }
            let _ = scan.byte(b' ');
        }
        line.message = scan.0;
        Some(line)
    }

    /// An object of MySQL's log_sink_json.
    fn json(line: &'a [u8]) -> Option<Self> {
        let none = b"".as_slice();
        let mut found = Self {
            civil: Civil::default(),
            ahead: None,
            thread: None,
            level: none,
            code: none,
            subsystem: none,
            message: none,
        };
        let (mut has_time, mut is_log) = (false, false);
        let mut tokens = Tokens::new(line);
        while let Some(token) = tokens.next_token()? {
            match token.name {
                b"time" => {
                    let (civil, ahead) = Scan(token.value).iso()?;
                    (found.civil, found.ahead, has_time) = (civil, ahead, true);
                }
                b"thread" => found.thread = number(token.value),
                b"label" => found.level = token.value,
                b"prio" => is_log = true,
                b"err_symbol" => found.code = token.value,
                b"subsystem" => found.subsystem = token.value,
                b"msg" => found.message = token.value,
                _ => {}
            }
        }
        (has_time && is_log && !found.message.is_empty()).then_some(found)
    }
}

/// The message of `InnoDB: message` and of `7f6c7f7fe700 InnoDB: message`, as InnoDB writes it itself in MySQL 5.5 and 5.6.
fn innodb(text: &[u8]) -> Option<&[u8]> {
    let thread = text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let behind = text.get(thread..)?;
    let behind = if thread > 0 { behind.strip_prefix(b" ")? } else { behind };
    behind.strip_prefix(b"InnoDB: ")
}

/// Takes a line apart; one without a time is that of a program that leaves it to syslog.
pub(super) fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) {
    let none = b"".as_slice();
    let civil = Civil::default();
    let bare = Line { civil, ahead: None, thread: None, level: none, code: none, subsystem: none, message };
    Line::parse(message).unwrap_or(bare).tell(details);
}

fn tell(line: &Line<'_>, time: (Option<Timestamp>, TimeBasis), span: Span, output: &mut Output<'_>) {
    let mut details = Details::new("database.message");
    line.tell(&mut details);
    output.event(&event(&details, time, span, line.message));
}

impl<'a> Line<'a> {
    fn tell(&self, details: &mut Details<'a>) {
        let is_error = self.level.eq_ignore_ascii_case(b"error");
        details.kind = if is_error { "database.error" } else { "database.message" };
        details.text("level", self.level);
        details.text("code", self.code);
        details.text("subsystem", self.subsystem);
        details.number("connection", self.thread.filter(|thread| *thread != 0));
        if let Some((user, address)) = denied(self.message) {
            details.kind = "database.login-failed";
            (details.user, details.address) = (user, address);
        } else if self.message.starts_with(b"Aborted connection ") {
            aborted(self.message, details);
        }
    }
}

/// `Aborted connection 8 to db: 'shop' user: 'anna' host: '192.0.2.7' (Got an error reading communication packets)`.
fn aborted<'a>(message: &'a [u8], details: &mut Details<'a>) {
    details.kind = "database.connection-aborted";
    let value = |before: &[u8], behind: &[u8]| {
        let at = memchr::memmem::find(message, before)?.checked_add(before.len())?;
        let rest = message.get(at..)?;
        rest.get(..memchr::memmem::find(rest, behind)?)
    };
    details.text("database", value(b" to db: '", b"' user: '").unwrap_or_default());
    details.user = value(b"' user: '", b"' host: '").unwrap_or_default();
    details.address = value(b"' host: '", b"' (").unwrap_or_default();
}
