//! What stands before a message: `log_line_prefix`.

use super::entry::Entry;
use super::time;
use crate::scan::{Scan, number};
use kanshiki_filesystem::View;
use kanshiki_machine::settings;

/// Prefixes of the settings that are kept.
const PREFIXES: usize = 16;

/// Where servers keep their settings.
const SETTINGS: &[&str] = &[
    "/etc/postgresql/*/*/postgresql.conf",
    "/etc/postgresql/*/*/conf.d/*.conf",
    "/var/lib/postgresql/*/*/postgresql.auto.conf",
    "/var/lib/postgresql/data/postgresql*.conf",
    "/var/lib/pgsql/data/postgresql*.conf",
    "/var/lib/pgsql/*/data/postgresql*.conf",
    "/usr/local/pgsql/data/postgresql*.conf",
];

/// Prefixes that are widely used: of Debian's packages, of PostgreSQL itself by version, of pgBadger's manual, of Amazon's
/// RDS; the last is a time with anything behind it.
const KNOWN: &[&str] = &[
    "%m [%p] %q%u@%d ",
    "%t [%p-%l] %q%u@%d ",
    "%m [%p] %h %q%u@%d ",
    "%t:%r:%u@%d:[%p]:",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h ",
    "%t [%p]: [%l-1] %quser=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "< %m %u@%d >",
    "< %m >",
    "%m %?",
];

/// Words that stand before a message (`error_severity`, elog.c), and before what belongs to one.
const LEVELS: [&[u8]; 19] = [
    b"LOG",
    b"ERROR",
    b"FATAL",
    b"STATEMENT",
    b"DETAIL",
    b"HINT",
    b"CONTEXT",
    b"WARNING",
    b"NOTICE",
    b"INFO",
    b"PANIC",
    b"QUERY",
    b"LOCATION",
    b"BACKTRACE",
    b"DEBUG",
    b"DEBUG1",
    b"DEBUG2",
    b"DEBUG3",
    b"DEBUG5",
];

/// A part of a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    Time,
    /// Milliseconds since 1970 as `1586.123`.
    Epoch,
    Text(Name),
    /// Processes that serve no client write nothing from here on.
    Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    User,
    Database,
    Application,
    Host,
    /// `192.0.2.7(5432)`.
    HostAndPort,
    Process,
    Sqlstate,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Prefix(Vec<Part>);

/// The prefixes that may be met on a machine.
#[derive(Debug)]
pub(crate) struct Prefixes(Vec<Prefix>);

impl Prefixes {
    /// The widely used ones.
    pub(crate) fn known() -> Self {
        Self::with(Vec::new())
    }

    /// Those of the settings in the image before them.
    pub(crate) fn of(view: &View) -> Self {
        let mut told = Vec::new();
        for pattern in SETTINGS {
            for path in settings::paths(view, pattern.as_bytes()) {
                let Some(bytes) = settings::read(view, &path) else { continue };
                told.extend(bytes.split(|byte| *byte == b'\n').filter_map(setting));
            }
        }
        Self::with(told)
    }

    fn with(told: Vec<Vec<u8>>) -> Self {
        let mut prefixes: Vec<Prefix> = Vec::new();
        let told = told.iter().rev().map(Vec::as_slice).filter(|text| !text.is_empty()).take(PREFIXES);
        for text in told.chain(KNOWN.iter().map(|text| text.as_bytes())) {
            let prefix = Prefix::compile(text);
            if !prefixes.contains(&prefix) {
                prefixes.push(prefix);
            }
        }
        Self(prefixes)
    }

    /// What a line says that has anything before its level, or nothing.
    pub(super) fn take_bare<'l>(line: &'l [u8]) -> Option<Entry<'l>> {
        let (_, rest) = line.split_at_checked(level_at(line)?)?;
        Entry::default().at_level(Scan(rest))
    }

    /// What the first line of a record says, by the first prefix that fits.
    pub(super) fn take<'l>(&self, line: &'l [u8]) -> Option<Entry<'l>> {
        // Most lines have one of the levels; without it no prefix need be tried.
        memchr::memmem::find(line, b":  ")?;
        self.0.iter().find_map(|prefix| prefix.take(line))
    }
}

/// The value of `log_line_prefix`, if a line sets it: in quotes, doubled within, or behind a comment sign not at all.
fn setting(line: &[u8]) -> Option<Vec<u8>> {
    let rest = line.trim_ascii().strip_prefix(b"log_line_prefix")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii_start();
    let mut inside = rest.strip_prefix(b"'")?.iter().peekable();
    let mut value = Vec::new();
    while let Some(byte) = inside.next() {
        if *byte == b'\'' && inside.next_if(|next| **next == b'\'').is_none() {
            return Some(value);
        }
        value.push(*byte);
    }
    None
}

impl Prefix {
    fn compile(text: &[u8]) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((byte, behind)) = rest.split_first() {
            rest = behind;
            if *byte != b'%' {
                literal(&mut parts, *byte);
                continue;
            }
            // `%-10u` pads with blanks.
            let padding = rest.iter().take_while(|sign| sign.is_ascii_digit() || **sign == b'-').count();
            rest = rest.get(padding..).unwrap_or_default();
            let Some((sign, behind)) = rest.split_first() else { break };
            rest = behind;
            parts.push(match sign {
                b'%' => {
                    literal(&mut parts, b'%');
                    continue;
                }
                b't' | b'm' => Part::Time,
                b'n' => Part::Epoch,
                b'q' => Part::Stop,
                b'u' => Part::Text(Name::User),
                b'd' => Part::Text(Name::Database),
                b'a' => Part::Text(Name::Application),
                b'h' => Part::Text(Name::Host),
                b'r' => Part::Text(Name::HostAndPort),
                b'p' => Part::Text(Name::Process),
                b'e' => Part::Text(Name::Sqlstate),
                _ => Part::Text(Name::Other),
            });
        }
        Self(parts)
    }

    fn take<'l>(&self, line: &'l [u8]) -> Option<Entry<'l>> {
        let mut scan = Scan(line);
        let mut found = Entry::default();
        for (place, part) in self.0.iter().enumerate() {
            match part {
                Part::Literal(literal) => scan.text(literal)?,
                Part::Time => {
                    found.shown = Some(time(&mut scan)?);
                }
                Part::Epoch => {
                    let end = scan.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    let (seconds, rest) = scan.0.split_at_checked(end)?;
                    scan.0 = rest;
                    let part = i64::from(scan.fraction());
                    found.epoch = Some(number(seconds)?.checked_mul(1_000_000_000)?.checked_add(part)?);
                }
                Part::Stop => {
                    if let Some(found) = found.at_level(scan) {
                        return Some(found);
                    }
                }
                Part::Text(name) => {
                    let end = match self.0.get(place.saturating_add(1)) {
                        Some(Part::Literal(literal)) => memchr::memmem::find(scan.0, literal)?,
                        _ => level_at(scan.0)?,
                    };
                    let (text, rest) = scan.0.split_at_checked(end)?;
                    scan.0 = rest;
                    found.set(*name, text.trim_ascii())?;
                }
            }
        }
        found.at_level(scan)
    }
}

fn literal(parts: &mut Vec<Part>, byte: u8) {
    match parts.last_mut() {
        Some(Part::Literal(bytes)) => bytes.push(byte),
        _ => parts.push(Part::Literal(vec![byte])),
    }
}

/// Where a level begins, which stands behind a sign that is no letter.
fn level_at(text: &[u8]) -> Option<usize> {
    let mut from = 0_usize;
    loop {
        let colon = from.checked_add(memchr::memmem::find(text.get(from..)?, b":  ")?)?;
        let before = text.get(..colon)?;
        let letters = before.iter().rev().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count();
        let start = colon.checked_sub(letters)?;
        if LEVELS.contains(&before.get(start..)?) {
            return Some(start);
        }
        from = colon.checked_add(1)?;
    }
}

impl<'a> Entry<'a> {
    fn set(&mut self, name: Name, text: &'a [u8]) -> Option<()> {
        let is_known = !matches!(text, b"[unknown]" | b"");
        match name {
            Name::Process => self.process = Some(number(text)?),
            Name::Sqlstate => self.sqlstate = text,
            // Blanks in a name would be parts of another prefix.
            Name::User | Name::Database | Name::Host | Name::HostAndPort if text.contains(&b' ') => return None,
            Name::User if is_known => self.user = text,
            Name::Database if is_known => self.database = text,
            Name::Application if is_known => self.application = text,
            Name::Host => self.host = text,
            Name::HostAndPort => {
                match text.strip_suffix(b")").and_then(|text| text.split(|byte| *byte == b'(').next_back()) {
                    Some(port) => {
                        self.port = number(port);
                        self.host = text.get(..text.len().saturating_sub(port.len()).saturating_sub(2))?;
                    }
                    None => self.host = text,
                }
            }
            _ => {}
        }
        Some(())
    }

    /// With the level and the message, if they are what is left.
    fn at_level(mut self, scan: Scan<'a>) -> Option<Self> {
        let colon = scan.0.iter().take(10).position(|byte| *byte == b':')?;
        let (level, rest) = scan.0.split_at_checked(colon)?;
        LEVELS.contains(&level).then_some(())?;
        self.level = level;
        self.message = rest.strip_prefix(b":  ")?;
        Some(self)
    }
}
