//! Transfers as wu-ftpd wrote them first (xferlog(5)), and vsftpd, proftpd and pure-ftpd after it.
//!
//! `TIME SECONDS HOST BYTES FILE TYPE FLAGS DIRECTION ACCESS USER SERVICE METHOD ID COMPLETION`
//!
//! Blanks in the name of a file are underscores in most servers, but not in all, and what an anonymous user gives for a password
//! may hold some. So the fields behind the name are looked for from the end.

use super::{Claim, Record, Time};
use crate::details::Details;
use crate::programs::ftp::{Action, remote};
use crate::scan::{Scan, number};
use kanshiki_model::Value;

/// Takes a line apart.
pub(super) fn read(line: &[u8]) -> Option<Record<'_>> {
    let mut scan = Scan(line);
    let time = Time::Shown(scan.ctime()?, None);
    scan.byte(b' ')?;
    while scan.byte(b' ').is_some() {}
    let message = scan.0;
    let seconds = number(scan.until(b' ')?)?;
    let host = scan.until(b' ')?;
    let bytes = number(scan.until(b' ')?)?;
    let tail = Tail::find(scan.0)?;
    let action = match tail.middle.direction {
        b'i' => Action::Upload,
        b'd' => Action::Delete,
        _ => Action::Download,
    };
    let mut details = Details::new(action.kind(tail.is_complete));
    remote(host, &mut details);
    details.user = tail.user;
    details.text("file", tail.middle.file);
    details.number("bytes", Some(bytes));
    details.number("seconds", Some(seconds));
    details.text("mode", if tail.middle.kind == b'a' { b"ascii" } else { b"binary" });
    if tail.middle.flags != b"_" {
        details.text("flags", tail.middle.flags);
    }
    let access: &[u8] = match tail.middle.access {
        b'a' => b"anonymous",
        b'g' => b"guest",
        _ => b"real",
    };
    details.text("access", access);
    if tail.middle.access == b'a' {
        // What stands in the place of the user is what was given for a password.
        details.user = b"anonymous";
        details.text("anonymous_password", tail.user);
    }
    details.text("service", tail.service);
    if tail.id != b"*" {
        details.text("authenticated", tail.id);
    }
    details.add("complete", Value::Flag(tail.is_complete));
    Some(Record { time, pid: None, program: b"", message, details, claim: Claim::None })
}

/// What stands from the file on.
struct Tail<'a> {
    middle: Middle<'a>,
    user: &'a [u8],
    service: &'a [u8],
    id: &'a [u8],
    is_complete: bool,
}

impl<'a> Tail<'a> {
    fn find(text: &'a [u8]) -> Option<Self> {
        let (rest, completion) = last_word(text.trim_ascii_end())?;
        let is_complete = match completion {
            b"c" => true,
            b"i" => false,
            _ => return None,
        };
        let (rest, id) = last_word(rest)?;
        let (rest, method) = last_word(rest)?;
        let (before, service) = last_word(rest)?;
        if !matches!(method, b"0" | b"1") {
            return None;
        }
        // Usually the user is one word.
        let (mut rest, mut user) = last_word(before)?;
        loop {
            if let Some(middle) = Middle::parse(rest) {
                return Some(Self { middle, user, service, id, is_complete });
            }
            let (shorter, word) = last_word(rest)?;
            let length = user.len().saturating_add(word.len()).saturating_add(1);
            user = before.get(before.len().saturating_sub(length)..)?;
            rest = shorter;
        }
    }
}

/// `FILE TYPE FLAGS DIRECTION ACCESS`.
struct Middle<'a> {
    file: &'a [u8],
    kind: u8,
    flags: &'a [u8],
    direction: u8,
    access: u8,
}

impl<'a> Middle<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let (rest, access) = last_word(text)?;
        let (rest, direction) = last_word(rest)?;
        let (rest, flags) = last_word(rest)?;
        let (file, kind) = last_word(rest)?;
        let ([access @ (b'a' | b'g' | b'r')], [direction @ (b'i' | b'o' | b'd')], [kind @ (b'a' | b'b')]) =
            (access, direction, kind)
        else {
            return None;
        };
        let is_flags = !flags.is_empty() && flags.iter().all(|flag| matches!(flag, b'_' | b'C' | b'U' | b'T'));
        let middle = Self { file, kind: *kind, flags, direction: *direction, access: *access };
        (is_flags && !file.is_empty()).then_some(middle)
    }
}

fn last_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, word) = text.split_at_checked(memchr::memrchr(b' ', text)?)?;
    Some((before, word.get(1..)?))
}
