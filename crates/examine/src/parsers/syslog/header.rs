//! What stands before the message of a line.

use crate::scan::{self, Scan};
use crate::zone::Civil;

/// The parts of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header<'a> {
    /// Facility times eight plus severity.
    pub(super) priority: Option<i64>,
    pub(super) time: Time,
    pub(super) host: &'a [u8],
    pub(super) program: &'a [u8],
    pub(super) pid: Option<i64>,
    pub(super) message: &'a [u8],
}

/// A time as a line tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// With the seconds that its clock was ahead of UTC.
    At(Civil, i64),
    /// Without a zone.
    Local(Civil),
    /// Without year and zone.
    Yearless(Civil),
    /// RFC 5424 lets the time be left out, as `-`.
    None,
}

impl<'a> Header<'a> {
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut scan = Scan(line);
        let priority = priority(&mut scan);
        // What rsyslog writes in the place of a priority that is none.
        if priority.is_none() {
            scan = Scan(line.strip_prefix(b"<invld>").unwrap_or(line));
        }
        if priority.is_some()
            && let Some(rest) = scan.0.strip_prefix(b"1 ")
        {
            return Self::rfc5424(rest, priority);
        }
        // syslog-ng and others write this form without the priority.
        if let Some(rest) = scan.0.strip_prefix(b"1 ")
            && let Some(header) = Self::rfc5424(rest, priority)
        {
            return Some(header);
        }
        let time = time(&mut scan)?;
        scan.byte(b' ')?;
        let host = scan.until(b' ')?;
        let mut header = Self { priority, time, host, program: b"", pid: None, message: scan.0 };
        header.tag();
        Some(header)
    }

    /// Whether its host may be one: wget and others have an address of the web behind the time.
    pub(super) fn has_host(&self) -> bool {
        memchr::memmem::find(self.host, b"://").is_none()
    }

    /// Takes `tag[pid]: ` off the message. The tag ends at the first sign that is neither letter nor digit (RFC 3164,
    /// section 5.3); programs write paths and dashes in it nevertheless.
    fn tag(&mut self) {
        // Of syslogd itself, in the place of a tag: `message repeated 2 times: [ …]`, `last message repeated 3 times`.
        if self.message.starts_with(b"message repeated ") || self.message.starts_with(b"last message repeated ") {
            return;
        }
        let end = self.message.iter().take(256).position(|byte| matches!(byte, b':' | b'[' | b' '));
        let Some((tag, rest)) = end.and_then(|end| self.message.split_at_checked(end)) else { return };
        let (pid, rest) = match rest.strip_prefix(b"[") {
            Some(inside) => {
                let Some(close) = inside.iter().take(64).position(|byte| *byte == b']') else { return };
                let Some((number, rest)) = inside.split_at_checked(close) else { return };
                (scan::number(number), rest.strip_prefix(b"]").unwrap_or(rest))
            }
            None => (None, rest),
        };
        // proftpd's system log is of this form but for the colon.
        let is_proftpd = tag == b"proftpd" && pid.is_some();
        let Some(message) = rest.strip_prefix(b":").or_else(|| is_proftpd.then_some(rest)) else { return };
        if tag.is_empty() {
            return;
        }
        (self.program, self.pid) = (tag, pid);
        self.message = message.strip_prefix(b" ").unwrap_or(message);
    }

    /// `TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]`, each but the last `-` if there is none.
    fn rfc5424(rest: &'a [u8], priority: Option<i64>) -> Option<Self> {
        let mut scan = Scan(rest);
        let time = match scan.0.strip_prefix(b"- ") {
            Some(rest) => {
                scan = Scan(rest);
                Time::None
            }
            None => {
                let time = time(&mut scan)?;
                scan.byte(b' ')?;
                time
            }
        };
        let mut next = || {
            let word = scan.until(b' ')?;
            Some(if word == b"-" { b"".as_slice() } else { word })
        };
        let (host, program, pid, _id) = (next()?, next()?, next()?, next()?);
        let message = behind_data(scan.0)?;
        let message = message.strip_prefix(b" ").unwrap_or(message);
        // RSYSLOG_SyslogProtocol23Format writes one blank, and rsyslog keeps the one behind the colon of a tag in the text.
        let message = message.strip_prefix(b" ").unwrap_or(message);
        // A mark of UTF-8 may stand before the text (section 6.4).
        let message = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message);
        Some(Self { priority, time, host, program, pid: scan::number(pid), message })
    }
}

/// `<` number `>`, at most 191 (RFC 5424, section 6.2.1).
fn priority(scan: &mut Scan<'_>) -> Option<i64> {
    let rest = scan.0.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let (number, rest) = rest.split_at_checked(end)?;
    let number = scan::number(number).filter(|number| *number <= 191)?;
    *scan = Scan(rest.get(1..)?);
    Some(number)
}

/// A time in any of the forms.
fn time(scan: &mut Scan<'_>) -> Option<Time> {
    if scan.0.first()?.is_ascii_digit() {
        let (civil, ahead) = scan.iso()?;
        return Some(match ahead {
            Some(ahead) => Time::At(civil, ahead),
            None => Time::Local(civil),
        });
    }
    let month = scan.month_name()?;
    scan.byte(b' ')?;
    let day = scan.day()?;
    scan.byte(b' ')?;
    // Some write the year between day and time: `Feb 29 2024 23:59:59` (Cisco, syslog-ng's templates).
    let year = match scan.0.get(4) {
        Some(b' ') if scan.0.first_chunk::<4>()?.iter().all(u8::is_ascii_digit) => {
            let year = scan.digits(4)?;
            scan.byte(b' ')?;
            Some(i32::try_from(year).ok()?)
        }
        _ => None,
    };
    let (hour, minute, second) = scan.clock()?;
    let nanosecond = scan.fraction();
    let civil = Civil { year: year.unwrap_or(0), month, day, hour, minute, second, nanosecond };
    Some(if year.is_some() { Time::Local(civil) } else { Time::Yearless(civil) })
}

/// What stands behind structured data: `-`, or elements `[id name="value" …]` in which `"`, `]` and `\` are escaped (section
/// 6.3.3).
fn behind_data(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return Some(rest);
    }
    let mut rest = text;
    let mut any = false;
    while let Some(inside) = rest.strip_prefix(b"[") {
        let (mut quoted, mut escaped) = (false, false);
        let end = inside.iter().position(|byte| {
            if escaped {
                escaped = false;
                return false;
            }
            match byte {
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b']' if !quoted => return true,
                _ => {}
            }
            false
        })?;
        rest = inside.get(end.saturating_add(1)..)?;
        any = true;
    }
    any.then_some(rest)
}
