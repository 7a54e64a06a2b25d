//! Logs of PostgreSQL.
//!
//! | form | record | source |
//! | --- | --- | --- |
//! | text | what `log_line_prefix` says, then `LOG:  message`; `DETAIL:  `, `STATEMENT:  ` and others in lines of their own; further lines behind a tab | PostgreSQL 15, elog.c, `log_line_prefix` |
//! | CSV | time, user, database, process, client, … in quotes | csvlog.c, chapter 20.8.4 of the manual |
//! | JSON | an object, one a line | jsonlog.c, chapter 20.8.5 |
//!
//! Prefixes are taken from the settings in the image; else the widely used ones are tried, and at last a time with anything
//! behind it.

mod csv;
mod entry;
mod json;
mod prefix;
mod text;
mod zones;

pub(crate) use csv::PostgresCsv;
pub(crate) use json::PostgresJson;
pub(crate) use prefix::Prefixes;
pub(crate) use text::PostgresText;
pub(crate) use zones::Zones;

use crate::details::Details;
use crate::scan::Scan;
use crate::zone::Civil;
use std::sync::LazyLock;

/// Takes a record apart that came by syslog or lies in the journal, behind the number that the server sets before it there:
/// `[3-1] LOG:  message`.
pub(crate) fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) {
    static KNOWN: LazyLock<Prefixes> = LazyLock::new(Prefixes::known);
    let mut scan = Scan(message);
    if scan.byte(b'[').is_some() {
        let Some(number) = scan.until(b']').filter(|number| number.len() < 16) else { return };
        if number.iter().any(|byte| !byte.is_ascii_digit() && *byte != b'-') || scan.byte(b' ').is_none() {
            return;
        }
    }
    if let Some(found) = KNOWN.take(scan.0).or_else(|| Prefixes::take_bare(scan.0)) {
        entry::describe_bare(&found, details);
    }
}

/// What a record says of its time.
#[derive(Debug, Clone, Copy)]
struct Shown<'a> {
    civil: Civil,
    /// Seconds ahead of UTC, as a number or by a short name that is known; not all that is called `CST` is the same.
    ahead: Option<i64>,
    /// The short name of the zone; empty if there is none.
    name: &'a [u8],
}

/// `2021-09-28 09:22:18.536 UTC`.
fn time<'a>(scan: &mut Scan<'a>) -> Option<Shown<'a>> {
    // With a `T` in the middle it is one of syslog, which may carry such records.
    (scan.0.get(10) == Some(&b' ')).then_some(())?;
    let (civil, mut ahead) = scan.iso()?;
    let mut short: &[u8] = b"";
    let mut behind = *scan;
    if ahead.is_none() && behind.byte(b' ').is_some() {
        let length =
            behind.0.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-')).count();
        if let Some((name, rest)) = behind.0.split_at_checked(length)
            && (2..=5).contains(&length)
        {
            ahead = zone(name);
            // Words that are no name of a zone belong to what follows.
            if ahead.is_some() || name.iter().all(u8::is_ascii_uppercase) {
                scan.0 = rest;
                // `+03` is a number, and no name.
                short = if name.iter().all(u8::is_ascii_alphabetic) { name } else { b"" };
            }
        }
    }
    Some(Shown { civil, ahead, name: short })
}

/// Seconds that a zone is ahead of UTC, by its short name. Those that PostgreSQL takes by itself (tznames/Default).
fn zone(name: &[u8]) -> Option<i64> {
    const HOUR: i64 = 3600;
    let hours = match name {
        b"UTC" | b"GMT" | b"Z" | b"WET" | b"UCT" => 0,
        b"CET" | b"BST" | b"WEST" | b"MEZ" => 1,
        b"CEST" | b"EET" | b"SAST" | b"MESZ" => 2,
        b"EEST" | b"MSK" | b"EAT" => 3,
        b"PKT" => 5,
        b"HKT" | b"SGT" | b"AWST" => 8,
        b"JST" | b"KST" => 9,
        b"AEST" => 10,
        b"AEDT" => 11,
        b"NZST" => 12,
        b"NZDT" => 13,
        b"BRT" | b"ART" | b"ADT" => -3,
        b"EDT" | b"AST" => -4,
        b"EST" | b"CDT" => -5,
        b"CST" | b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" | b"AKDT" => -8,
        b"AKST" => -9,
        b"HST" => -10,
        _ => return Scan(name).zone(),
    };
    Some(HOUR.saturating_mul(hours))
}

#[cfg(test)]
mod tests;
