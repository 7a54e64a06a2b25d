//! pure-ftpd's other logs of transfers (pure-ftpd 1.0.50, altlog.c): its statistics, and the form of W3C, whose times are UTC.

use super::{Claim, Record, Time};
use crate::details::Details;
use crate::programs::ftp::{Action, remote};
use crate::scan::{Scan, number};

/// `SECONDS START.PID USER HOST U|D BYTES DURATION FILE`, the start and the process in hexadecimal digits.
pub(super) fn stats(line: &[u8]) -> Option<Record<'_>> {
    let mut scan = Scan(line);
    let time = Time::Epoch(number(scan.until(b' ')?)?);
    let message = scan.0;
    let session = scan.until(b' ')?;
    let mut numbers = Scan(session);
    let (_, pid) = (hexadecimal(numbers.until(b'.')?)?, hexadecimal(numbers.0)?);
    let user = scan.until(b' ')?;
    let host = scan.until(b' ')?;
    let action = match scan.until(b' ')? {
        b"U" => Action::Upload,
        b"D" => Action::Download,
        _ => return None,
    };
    let mut details = Details::new(action.kind(true));
    details.user = if user == b"-" { b"" } else { user };
    remote(host, &mut details);
    let bytes = number(scan.until(b' ')?)?;
    let seconds = number(scan.until(b' ')?)?;
    details.text("file", scan.0);
    details.number("bytes", Some(bytes));
    details.number("seconds", Some(seconds));
    details.text("session", session);
    Some(Record { time, pid: Some(pid), program: b"pure-ftpd", message, details, claim: Claim::None })
}

/// `2024-02-29 22:59:59 HOST []sent|[]created FILE 226 USER BYTES`.
pub(super) fn w3c(line: &[u8]) -> Option<Record<'_>> {
    let mut scan = Scan(line);
    let (shown, _) = scan.iso()?;
    scan.byte(b' ')?;
    let message = scan.0;
    let host = scan.until(b' ')?;
    let action = match scan.until(b' ')? {
        b"[]sent" => Action::Download,
        b"[]created" => Action::Upload,
        _ => return None,
    };
    let mut details = Details::new(action.kind(true));
    remote(host, &mut details);
    details.text("file", scan.until(b' ')?);
    scan.text(b"226 ")?;
    details.user = scan.until(b' ')?;
    details.number("bytes", Some(number(scan.0)?));
    Some(Record {
        time: Time::Shown(shown, Some(0)),
        pid: None,
        program: b"pure-ftpd",
        message,
        details,
        claim: Claim::None,
    })
}

fn hexadecimal(text: &[u8]) -> Option<i64> {
    i64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok().filter(|number| *number >= 0)
}
