//! What the lines of a text tell together: lists, and commands that a terminal does not show.

use crate::engine::shown;
use crate::inspection::Sign;
use crate::rules::{ADDRESS_LIST, CARDS, COMBINATIONS, ContentRule, HIDDEN_COMMAND, MAIL_ADDRESSES, PASSWORD_LIST};
use crate::traits::Traits;
use kanshiki_image::bytes::length;
use std::collections::HashSet;
use std::net::IpAddr;

/// Blanks in a row that push a command out of sight; tables in comments have fewer.
const BLANKS: usize = 100;

/// Signs of hidden commands that are kept for one file.
const HIDDEN: usize = 4;

/// Passwords that are used most, by the lists of several years. Any list to try passwords from has most of them.
const COMMON: &[&[u8]] = &[
    b"123456",
    b"password",
    b"12345678",
    b"qwerty",
    b"123456789",
    b"12345",
    b"1234",
    b"111111",
    b"1234567",
    b"dragon",
    b"123123",
    b"abc123",
    b"monkey",
    b"letmein",
    b"iloveyou",
    b"admin123",
    b"password1",
    b"qwerty123",
    b"000000",
    b"sunshine",
    b"root123",
    b"toor",
    b"1q2w3e4r",
    b"passw0rd",
    b"P@ssw0rd",
    b"football",
    b"master",
    b"welcome",
];

/// Kinds of text that hold no lists, or those of their makers.
const NO_LISTS: Traits = Traits::DOCUMENT
    .and(Traits::SOURCE)
    .and(Traits::PHP)
    .and(Traits::PERL)
    .and(Traits::PYTHON)
    .and(Traits::JSP)
    .and(Traits::ASP)
    .and(Traits::SCRIPT);

/// Looks at the lines of one segment of a text that begins at `offset`.
pub(crate) fn look(traits: Traits, offset: u64, bytes: &[u8], signs: &mut Vec<Sign>) {
    if traits.any(Traits::RUN) {
        hidden(offset, bytes, signs);
    }
    if offset == 0 && !traits.any(NO_LISTS) {
        lists(bytes, signs);
    }
}

fn hidden(offset: u64, bytes: &[u8], signs: &mut Vec<Sign>) {
    let kept = signs.iter().filter(|sign| sign.rule == &HIDDEN_COMMAND).count();
    let mut found = Vec::new();
    // A line may end with carriage return and line feed; behind a bare carriage return the line is written over.
    let feeds = memchr::memchr_iter(b'\n', bytes).count();
    let returns = memchr::memchr_iter(b'\r', bytes).filter(|at| bytes.get(at.saturating_add(1)) != Some(&b'\n'));
    // Where lines end with carriage returns alone, nothing is hidden by them.
    let is_old = returns.count() > feeds.saturating_div(2).max(1);
    for at in memchr::memchr_iter(b'\r', bytes).take_while(|_| !is_old) {
        let before = line_before(bytes, at);
        let behind = bytes.get(at.saturating_add(1)..).unwrap_or_default();
        let cover = behind.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        let is_crlf = matches!(behind.first(), None | Some(b'\n' | b'\r'));
        if !is_crlf
            && is_command(before)
            && is_command(cover)
            && cover.len() >= before.len()
            && !before.starts_with(b"#")
        {
            found.push((at.saturating_sub(before.len()), before.len()));
        }
        if found.len() >= HIDDEN {
            break;
        }
    }
    for at in memchr::memmem::find_iter(bytes, b"\x1b[") {
        let behind = bytes.get(at.saturating_add(2)..).unwrap_or_default();
        let number = behind.iter().take(8).take_while(|it| it.is_ascii_digit() || **it == b';').count();
        let hides = match behind.get(number) {
            Some(b'm') => behind.get(..number) == Some(b"8"),
            // Up a line, to its beginning, away with it, back over it.
            Some(b'A' | b'D' | b'F' | b'G' | b'K' | b'J') => true,
            _ => false,
        };
        if hides && is_command(line_before(bytes, at)) && !in_quotes(line_before(bytes, at)) {
            found.push((at, number.saturating_add(3)));
        }
        if found.len() >= HIDDEN {
            break;
        }
    }
    let blanks = [b' '; BLANKS];
    let mut from = 0_usize;
    while let Some(at) = memchr::memmem::find(bytes.get(from..).unwrap_or_default(), &blanks) {
        let start = from.saturating_add(at);
        let behind = bytes.get(start..).unwrap_or_default();
        let run = behind.iter().take_while(|it| **it == b' ').count();
        let rest = behind.get(run..).unwrap_or_default();
        let text = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let before = line_before(bytes, start);
        if !before.is_empty() && !before.starts_with(b"#") && is_command(text) && text.first() != Some(&b'#') {
            found.push((start.saturating_add(run), text.len().min(400)));
        }
        if found.len() >= HIDDEN {
            break;
        }
        from = start.saturating_add(run);
    }
    for (start, long) in found.into_iter().take(HIDDEN.saturating_sub(kept)) {
        let text = bytes.get(start..start.saturating_add(long)).unwrap_or_default();
        let offset = offset.saturating_add(length(start));
        signs.push(Sign { rule: &HIDDEN_COMMAND, offset, length: length(long), what: shown(text) });
    }
}

/// The part of the line that ends before `at`, at most some hundred bytes of it.
fn line_before(bytes: &[u8], at: usize) -> &[u8] {
    let near = bytes.get(at.saturating_sub(1000)..at).unwrap_or_default();
    near.rsplit(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default()
}

/// Whether a text has a word in it that could be run, rather than marks of a table or a drawing.
fn is_command(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let word = text.windows(2).any(|pair| pair.iter().all(u8::is_ascii_alphabetic));
    // Files may begin as a script and go on with what is packed.
    let shown = text.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\t') && std::str::from_utf8(text).is_ok();
    shown && text.len() >= 4 && word && letters.saturating_mul(3) >= text.len()
}

/// Whether the line is within a text that is printed.
fn in_quotes(before: &[u8]) -> bool {
    let count = |quote: u8| before.iter().filter(|byte| **byte == quote).count();
    count(b'"') % 2 == 1 || count(b'\'') % 2 == 1
}

/// Counts of the lines at the beginning of a text.
#[derive(Debug, Default)]
struct Tally<'a> {
    lines: usize,
    addresses: usize,
    combinations: usize,
    mails: usize,
    passwords: HashSet<&'a [u8]>,
    cards: HashSet<u64>,
}

/// Lines that make a list.
const MANY: usize = 100;

fn lists(bytes: &[u8], signs: &mut Vec<Sign>) {
    let mut tally = Tally::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        tally.lines = tally.lines.saturating_add(1);
        let add = |is: bool, count: &mut usize| *count = count.saturating_add(usize::from(is));
        add(is_address(line), &mut tally.addresses);
        add(is_combination(line), &mut tally.combinations);
        add(has_mail(line), &mut tally.mails);
        if let Some(common) = COMMON.iter().find(|it| **it == line) {
            tally.passwords.insert(common);
        }
        cards(line, &mut tally.cards);
    }
    let mut put = |rule: &'static ContentRule, what: String| signs.push(Sign { rule, offset: 0, length: 0, what });
    let most = |count: usize, percent: usize| {
        count >= MANY && count.saturating_mul(100) >= tally.lines.saturating_mul(percent)
    };
    let of = |count: usize| format!("{count} of the first {} lines", tally.lines);
    if most(tally.addresses, 90) {
        put(&ADDRESS_LIST, of(tally.addresses));
    }
    if most(tally.combinations, 80) {
        put(&COMBINATIONS, of(tally.combinations));
    } else if most(tally.mails, 60) && tally.mails >= 500 {
        put(&MAIL_ADDRESSES, of(tally.mails));
    }
    if tally.passwords.len() >= 6 {
        put(&PASSWORD_LIST, format!("{} of the {} passwords that are used most", tally.passwords.len(), COMMON.len()));
    }
    if tally.cards.len() >= 20 {
        put(&CARDS, format!("{} different numbers in the first {} lines", tally.cards.len(), tally.lines));
    }
}

/// Whether a line is an address alone, perhaps with a port or a prefix's length.
fn is_address(line: &[u8]) -> bool {
    if line.len() > 48 || !line.first().is_some_and(u8::is_ascii_hexdigit) {
        return false;
    }
    let Ok(text) = std::str::from_utf8(line) else { return false };
    let host = match text.rsplit_once(['/', ':']) {
        Some((host, number)) if host.contains('.') && number.parse::<u16>().is_ok() => host,
        _ => text,
    };
    host.parse::<IpAddr>().is_ok()
}

/// Whether a line is an account and a password, perhaps with a machine before or behind them: `root:123456`,
/// `192.0.2.7:22:root:123456`, `a@example.org:secret`.
fn is_combination(line: &[u8]) -> bool {
    let parted = line.iter().any(|byte| matches!(byte, b':' | b'|' | b';'));
    if line.len() > 120 || !parted || line.contains(&b' ') || line.contains(&b'/') {
        return false;
    }
    let parts: Vec<&[u8]> = line.split(|byte| matches!(byte, b':' | b'|' | b';')).collect();
    let is_account = |part: &[u8]| {
        is_mail(part)
            || matches!(
                part,
                b"root"
                    | b"admin"
                    | b"user"
                    | b"test"
                    | b"oracle"
                    | b"ubuntu"
                    | b"pi"
                    | b"guest"
                    | b"postgres"
                    | b"ftpuser"
                    | b"support"
                    | b"administrator"
                    | b"git"
                    | b"mysql"
                    | b"nagios"
                    | b"tomcat"
            )
    };
    match parts.as_slice() {
        [account, password] => is_account(account) && !password.is_empty(),
        [host, account, password] => is_address(host) && is_account(account) && !password.is_empty(),
        [host, port, account, password] => {
            is_address(host) && port.iter().all(u8::is_ascii_digit) && is_account(account) && !password.is_empty()
        }
        _ => false,
    }
}

fn is_mail(text: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'@', text) else { return false };
    let (name, domain) = text.split_at(at);
    let domain = domain.get(1..).unwrap_or_default();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(*byte, b'.' | b'-' | b'_' | b'+');
    !name.is_empty() && name.iter().all(is_plain) && domain.contains(&b'.') && domain.iter().all(is_plain)
}

fn has_mail(line: &[u8]) -> bool {
    line.contains(&b'@')
        && line.split(|byte| matches!(byte, b',' | b';' | b'\t' | b' ' | b'"' | b'<' | b'>' | b'\'')).any(is_mail)
}

/// Takes the numbers of cards in a line: 13 to 16 digits that begin like those of the large networks, with the check digit
/// of Luhn (ISO/IEC 7812-1), perhaps in groups of four.
fn cards(line: &[u8], found: &mut HashSet<u64>) {
    // Nearly no line has as many digits as a card; counting them is quick.
    let count = line.iter().fold(0_usize, |count, byte| count.saturating_add(usize::from(byte.is_ascii_digit())));
    if count < 13 {
        return;
    }
    let mut digits: Vec<u8> = Vec::new();
    let fields = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(*byte, b'-' | b'.' | b'_'));
    for field in line.split(fields) {
        if field.len() < 13 || field.len() > 19 || !field.first().is_some_and(|it| matches!(it, b'3'..=b'6')) {
            continue;
        }
        digits.clear();
        digits.extend(field.iter().filter(|byte| **byte != b'-').map(|byte| byte.wrapping_sub(b'0')));
        let known = matches!(
            (digits.first(), digits.get(1), digits.len()),
            (Some(4), _, 16) | (Some(5), Some(1..=5), 16) | (Some(3), Some(4 | 7), 15) | (Some(6), Some(0 | 5), 16)
        );
        if known && digits.iter().all(|digit| *digit < 10) && is_luhn(&digits) {
            let number = digits.iter().fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(*digit)));
            found.insert(number);
        }
    }
}

fn is_luhn(digits: &[u8]) -> bool {
    let doubled = |(place, digit): (usize, &u8)| match (place % 2, digit) {
        (1, 5..) => u32::from(*digit).saturating_mul(2).saturating_sub(9),
        (1, _) => u32::from(*digit).saturating_mul(2),
        _ => u32::from(*digit),
    };
    digits.iter().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}
