//! Which parser reads a file: told by its first bytes, and where those say nothing, by what stands behind them.
//!
//! A log may begin with a record that is longer than the head, with lines of something else, or with zeroes where a daemon
//! wrote on at its old place after the file was emptied. An end to hiding a log behind such a beginning: lines from further
//! in are looked at too, so many that a file that is none is not read whole.

use crate::host::Host;
use crate::input::Input;
use crate::parser::{Candidate, Parser, ToldBy, stem};
use crate::parsers::PARSERS;
use crate::text::{HEAD_LINES, is_text};
use crate::window::Window;

/// Bytes behind the beginning that are looked at for lines, and those at the end.
const FURTHER_BYTES: usize = 1 << 20;
const LAST_BYTES: usize = 64 << 10;

/// Stored zeroes at the beginning that are passed over; holes cost nothing.
const ZERO_BYTES: u64 = 64 << 20;

/// Sections of lines from which on they are no shorter than this, so that many short lines do not make many of them.
const SHORT_SECTIONS: usize = 256;
const SECTION_BYTES: usize = 4096;

/// Logs that go by their name once a single line is of the form, by the parser.
const NAMES: [(&str, &[&[u8]]); 5] = [
    (
        "syslog",
        &[
            b"auth.log",
            b"secure",
            b"syslog",
            b"messages",
            b"kern.log",
            b"cron",
            b"cron.log",
            b"maillog",
            b"mail.log",
            b"daemon.log",
            b"user.log",
        ],
    ),
    ("audit", &[b"audit.log"]),
    ("web-access", &[b"access.log", b"access_log", b"ssl_access.log", b"ssl_access_log", b"other_vhosts_access.log"]),
    ("web-error", &[b"error.log", b"error_log", b"ssl_error_log"]),
    ("vsftpd", &[b"vsftpd.log"]),
];

/// Files in the places of logs that tell nothing which a parser reads, though some of their lines look like it: the folder that
/// they lie in, and the beginning and the end of their name without what rotation adds.
const NO_LOGS: &[(&[u8], &[u8], &[u8])] = &[
    // What debootstrap printed: lines of wget, gpgv and dpkg.
    (b"/var/log/", b"bootstrap.log", b""),
    (b"/var/log/", b"fontconfig.log", b""),
    // What the installers of Debian and Ubuntu asked and found; their syslog is one.
    (b"/var/log/installer/", b"partman", b""),
    (b"/var/log/installer/", b"hardware-summary", b""),
    (b"/var/log/installer/", b"lsb-release", b""),
    (b"/var/log/installer/", b"status", b""),
    (b"/var/log/installer/", b"cdebconf", b""),
    (b"/var/log/installer/", b"media-info", b""),
    // Questions to apt's planner, and its answers.
    (b"/var/log/apt/", b"eipp.log", b""),
    // Logs of the X server have seconds since its start alone.
    (b"/var/log/", b"Xorg.", b".log"),
    // What databases write ahead of their tables.
    (b"/var/lib/mysql/", b"aria_log", b""),
    (b"/var/lib/mysql/", b"ib_logfile0", b""),
    (b"/var/lib/mysql/", b"ib_logfile1", b""),
];

/// Whether a file tells nothing that a parser reads, by its path.
pub(crate) fn is_no_log(path: &[u8]) -> bool {
    let stem = stem(path);
    let is_of = |(folder, begin, end): &(&[u8], &[u8], &[u8])| {
        let is_name = if end.is_empty() { stem == *begin } else { stem.starts_with(begin) && stem.ends_with(end) };
        path.starts_with(folder) && is_name
    };
    NO_LOGS.iter().any(is_of)
}

/// What was told of a file.
pub(crate) struct Recognised {
    /// Who reads it.
    pub(crate) parser: Option<&'static dyn Parser>,
    /// The bytes that it was told by; the first ones if nobody reads it.
    pub(crate) head: Vec<u8>,
    /// Whether all bytes that were looked at are zeroes, or there are none.
    pub(crate) is_empty: bool,
    /// Why its first bytes could not be read.
    pub(crate) error: Option<String>,
}

/// Tells who reads a file. `is_in_place` where all files are logs: there those are looked into that do not begin with text.
pub(crate) fn recognise(path: &[u8], input: &Input<'_>, host: &Host, is_in_place: bool) -> Recognised {
    let (head, error) = input.beginning();
    let error = error.map(|error| error.to_string());
    if head.is_empty() && error.is_none() {
        return Recognised { parser: None, head, is_empty: true, error };
    }
    if error.is_none() && is_no_log(path) {
        return Recognised { parser: None, head, is_empty: false, error };
    }
    if let Some(parser) = claiming(path, &head, host, &|_| true) {
        return Recognised { parser: Some(parser), head, is_empty: false, error };
    }
    let zeroes = head.iter().position(|byte| *byte != 0).unwrap_or(head.len());
    let is_zero = zeroes == head.len();
    let may_be_text = is_zero || is_text(head.get(zeroes..).unwrap_or_default());
    if error.is_none()
        && (is_in_place || may_be_text)
        && let Ok(window) = Window::new(input)
    {
        return Further { path, host, is_in_place }.look(window, input, head);
    }
    Recognised { parser: None, is_empty: is_zero, head, error }
}

/// The first parser that claims a file by these bytes, of those that tell their files by such.
fn claiming(path: &[u8], head: &[u8], host: &Host, is_asked: &dyn Fn(ToldBy) -> bool) -> Option<&'static dyn Parser> {
    let candidate = Candidate { path, head, host };
    PARSERS.iter().find(|parser| is_asked(parser.told_by()) && parser.claims(&candidate)).copied()
}

/// The second look, behind the beginning.
struct Further<'f> {
    path: &'f [u8],
    host: &'f Host,
    is_in_place: bool,
}

impl Further<'_> {
    fn look(&self, mut window: Window<'_>, input: &Input<'_>, head: Vec<u8>) -> Recognised {
        if !skip_zeroes(&mut window, self.is_in_place) {
            return Recognised { parser: None, head, is_empty: true, error: None };
        }
        let is_behind_zeroes = window.position() > 0;
        let further = window.peek(FURTHER_BYTES);
        let further = further.get(..further.len().min(FURTHER_BYTES)).unwrap_or_default();
        let behind = further.get(..further.len().min(SECTION_BYTES)).unwrap_or_default();
        let is_text = |told: ToldBy| told != ToldBy::Bytes;
        let claimed = if is_behind_zeroes { claiming(self.path, behind, self.host, &is_text) } else { None };
        let found = claimed.map(|parser| (parser, behind.to_vec())).or_else(|| self.lines(further)).or_else(|| {
            let source = input.plain().filter(|source| source.len() > u64::try_from(FURTHER_BYTES).unwrap_or(0))?;
            let mut last = vec![0; LAST_BYTES];
            let from = source.len().saturating_sub(u64::try_from(LAST_BYTES).unwrap_or(0));
            let read = source.read_at(from, &mut last).ok()?;
            let cut = memchr::memchr(b'\n', last.get(..read)?)?.saturating_add(1);
            self.lines(last.get(cut..read)?)
        });
        match found {
            Some((parser, head)) => Recognised { parser: Some(parser), head, is_empty: false, error: None },
            None => Recognised { parser: None, head, is_empty: false, error: None },
        }
    }

    /// The parser that claims some of these lines, and those.
    fn lines(&self, bytes: &[u8]) -> Option<(&'static dyn Parser, Vec<u8>)> {
        let is_of_lines = |told: ToldBy| told == ToldBy::Lines;
        for section in (Sections { rest: bytes, given: 0 }) {
            if let Some(parser) = claiming(self.path, section, self.host, &is_of_lines) {
                return Some((parser, section.to_vec()));
            }
        }
        let stem = Candidate { path: self.path, head: b"", host: self.host }.stem();
        let (id, _) = NAMES.iter().find(|(_, names)| names.contains(&stem))?;
        let named = PARSERS.iter().find(|parser| parser.id() == *id)?;
        let claims = |line: &&[u8]| named.claims(&Candidate { path: self.path, head: line, host: self.host });
        let line = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).find(claims)?;
        Some((*named, line.to_vec()))
    }
}

/// Moves behind the zeroes at the beginning; false if there is nothing else, or too many are stored to go on.
fn skip_zeroes(window: &mut Window<'_>, is_in_place: bool) -> bool {
    let mut left = if is_in_place { ZERO_BYTES } else { ZERO_BYTES >> 6 };
    loop {
        let hole = window.hole();
        window.advance(hole);
        let seen = window.peek(1);
        let zeroes = seen.iter().position(|byte| *byte != 0);
        let passed = u64::try_from(zeroes.unwrap_or(seen.len())).unwrap_or(u64::MAX);
        window.advance(passed);
        left = left.saturating_sub(passed);
        if zeroes.is_some() {
            return true;
        }
        if (passed == 0 && hole == 0) || left == 0 {
            return false;
        }
    }
}

/// Pieces of so many lines as parsers look at, one behind the other.
struct Sections<'s> {
    rest: &'s [u8],
    given: usize,
}

impl<'s> Iterator for Sections<'s> {
    type Item = &'s [u8];

    fn next(&mut self) -> Option<&'s [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let least = if self.given < SHORT_SECTIONS { 0 } else { SECTION_BYTES };
        let ends = memchr::memchr_iter(b'\n', self.rest).map(|at| at.saturating_add(1));
        let end = ends.skip(HEAD_LINES.saturating_sub(1)).find(|end| *end >= least).unwrap_or(self.rest.len());
        let (section, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        self.given = self.given.saturating_add(1);
        Some(section)
    }
}

#[cfg(test)]
mod tests;
