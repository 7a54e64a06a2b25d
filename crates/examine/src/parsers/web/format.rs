//! A form of lines, compiled once into pieces that are matched one after the other without any memory of their own.

use super::time::{TimeForm, When};
use crate::scan::{Scan, number};

/// Places in one line at which a text may be taken to end anew, since what follows it did not fit.
const RETRIES: usize = 16;

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// These bytes.
    Literal(Vec<u8>),
    Field(Field),
}

/// What a part of a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    /// Up to the literal that follows.
    Text(Text),
    /// Digits, or `-`.
    Number(Number),
    /// How long it took, in a unit of so many microseconds; with a fraction or not.
    Duration(i64),
    Time(TimeForm),
}

/// A text of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Address,
    /// What identd said of the client.
    Ident,
    User,
    Vhost,
    /// The first line of the request.
    Request,
    Method,
    Path,
    Query,
    /// A path with a query right behind it, or none.
    Target,
    Protocol,
    Referrer,
    Agent,
    /// For whom a proxy says that it asked.
    Forwarded,
    /// What no event tells.
    Other,
}

/// A number of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Status,
    /// Bytes of the answer without its headers.
    Bytes,
    /// Bytes of the answer with its headers.
    Sent,
    /// Bytes of the request.
    Received,
    Port,
    Process,
}

/// What a line says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Taken<'a> {
    pub(super) address: &'a [u8],
    pub(super) user: &'a [u8],
    pub(super) vhost: &'a [u8],
    pub(super) request: &'a [u8],
    pub(super) method: &'a [u8],
    pub(super) path: &'a [u8],
    pub(super) query: &'a [u8],
    pub(super) protocol: &'a [u8],
    pub(super) referrer: &'a [u8],
    pub(super) agent: &'a [u8],
    pub(super) forwarded: &'a [u8],
    pub(super) status: Option<i64>,
    pub(super) bytes: Option<i64>,
    pub(super) sent: Option<i64>,
    pub(super) received: Option<i64>,
    pub(super) port: Option<i64>,
    pub(super) process: Option<i64>,
    pub(super) microseconds: Option<i64>,
    pub(super) when: When,
    has_ident: bool,
}

impl<'a> Taken<'a> {
    /// Takes a text; false if it cannot be one of that kind. `-` stands for none.
    pub(super) fn set(&mut self, kind: Text, text: &'a [u8]) -> bool {
        let slot = match kind {
            Text::Address => &mut self.address,
            Text::User => &mut self.user,
            Text::Vhost => &mut self.vhost,
            Text::Request => &mut self.request,
            Text::Method => &mut self.method,
            Text::Target => {
                // A path may hold a question mark too, but there it is not told from the one before the query.
                let mark = memchr::memchr(b'?', text).unwrap_or(text.len());
                let (path, query) = text.split_at_checked(mark).unwrap_or_default();
                return self.set(Text::Path, path) && self.set(Text::Query, query);
            }
            Text::Path => &mut self.path,
            Text::Query => &mut self.query,
            Text::Protocol => &mut self.protocol,
            Text::Referrer => &mut self.referrer,
            Text::Agent => &mut self.agent,
            Text::Forwarded => &mut self.forwarded,
            Text::Ident => {
                self.has_ident = text != b"-";
                // A name of a user, not an address or a number that stands in the wrong place.
                let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                return text.iter().all(is_name) && text.first().is_some_and(|byte| !byte.is_ascii_digit());
            }
            Text::Other => return true,
        };
        // Proxies name those before them one after the other: `192.0.2.7, 192.0.2.8`.
        if kind == Text::Forwarded && text.ends_with(b",") {
            return false;
        }
        // Lines of syslog hold those of nginx, and words enough before them.
        if kind == Text::User && self.has_ident && memchr::memchr(b' ', text).is_some() {
            return false;
        }
        // A host or an address holds no blank; that of the client is never left out.
        let is_name = matches!(kind, Text::Address | Text::Vhost);
        if is_name && (memchr::memchr(b' ', text).is_some() || (kind == Text::Address && text.is_empty())) {
            return false;
        }
        if slot.is_empty() && text != b"-" {
            *slot = text;
        }
        true
    }

    pub(super) const fn set_number(&mut self, kind: Number, number: Option<i64>) {
        let slot = match kind {
            Number::Status => &mut self.status,
            Number::Bytes => &mut self.bytes,
            Number::Sent => &mut self.sent,
            Number::Received => &mut self.received,
            Number::Port => &mut self.port,
            Number::Process => &mut self.process,
        };
        *slot = number;
    }
}

/// A form of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Format(Vec<Piece>);

/// Where a text was taken to end, and may end later.
#[derive(Clone, Copy)]
struct Retry<'a, 't> {
    piece: usize,
    kind: Text,
    text: &'a [u8],
    /// Where the literal that follows was found.
    at: usize,
    before: Taken<'t>,
}

impl Format {
    pub(super) fn literal(&mut self, bytes: &[u8]) {
        match self.0.last_mut() {
            Some(Piece::Literal(last)) => last.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => self.0.push(Piece::Literal(bytes.to_vec())),
        }
    }

    /// Adds a field. Two texts with nothing between them are one: where the first ends is not told, but for a path with its
    /// query.
    pub(super) fn field(&mut self, field: Field) {
        match (self.0.last_mut(), &field) {
            (Some(Piece::Field(Field::Text(last))), Field::Text(next)) => {
                *last = match (*last, next) {
                    (Text::Path | Text::Target, Text::Query) => Text::Target,
                    (last, next) if last == *next => last,
                    _ => Text::Other,
                };
            }
            _ => self.0.push(Piece::Field(field)),
        }
    }

    pub(super) fn text(&mut self, kind: Text) {
        self.field(Field::Text(kind));
    }

    /// Whether lines are known by this form alone: it tells when, and what was asked or answered.
    pub(super) fn is_telling(&self) -> bool {
        let has = |is: &dyn Fn(&Field) -> bool| self.0.iter().any(|piece| matches!(piece, Piece::Field(it) if is(it)));
        let says = |field: &Field| {
            matches!(
                field,
                Field::Number(Number::Status) | Field::Text(Text::Request | Text::Path | Text::Target | Text::Method)
            )
        };
        has(&|field| matches!(field, Field::Time(_))) && has(&says)
    }

    /// Whether it ends with a text that may be anything, so that lines of stricter forms have this one too.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.0.last(), Some(Piece::Field(Field::Text(Text::Other | Text::Agent | Text::Referrer))))
    }

    /// What a line of this form says; `None` if it is of another.
    pub(super) fn take<'a>(&self, line: &'a [u8]) -> Option<Taken<'a>> {
        let mut taken = Taken::default();
        let mut scan = Scan(line);
        let mut retry: Option<Retry<'a, 'a>> = None;
        let mut retries = RETRIES;
        let mut next = 0;
        loop {
            let step = match self.0.get(next) {
                None if scan.0.is_empty() => return Some(taken),
                None => None,
                Some(Piece::Literal(literal)) => scan.text(literal),
                Some(Piece::Field(Field::Text(kind))) => {
                    let fresh = Retry { piece: next, kind: *kind, text: scan.0, at: 0, before: taken };
                    self.text_at(fresh, &mut scan, &mut taken, &mut retry)
                }
                Some(Piece::Field(Field::Number(kind))) => digits(&mut scan).map(|it| taken.set_number(*kind, it)),
                Some(Piece::Field(Field::Duration(unit))) => {
                    duration(&mut scan, *unit).map(|it| taken.microseconds = taken.microseconds.or(it))
                }
                Some(Piece::Field(Field::Time(form))) => form.take(&mut scan, &mut taken.when),
            };
            match (step, retry) {
                (Some(()), _) => next = next.saturating_add(1),
                (None, Some(again)) if retries > 0 => {
                    retries = retries.saturating_sub(1);
                    retry = None;
                    let later = Retry { at: again.at.saturating_add(1), ..again };
                    taken = again.before;
                    self.text_at(later, &mut scan, &mut taken, &mut retry)?;
                    next = again.piece.saturating_add(1);
                }
                (None, _) => return None,
            }
        }
    }

    /// Where a text that may hold anything ends if a protocol, which is always called `HTTP/…`, comes behind the literal. Apache
    /// writes paths decoded, with the blanks in them.
    fn before_protocol(&self, from: &Retry<'_, '_>, literal: &[u8]) -> Option<usize> {
        let next = self.0.get(from.piece.saturating_add(2));
        if !matches!(next, Some(Piece::Field(Field::Text(Text::Protocol)))) {
            return None;
        }
        let mut at = from.at;
        loop {
            at = find(from.text, at, literal)?;
            if from.text.get(at.saturating_add(literal.len())..)?.starts_with(b"HTTP/") {
                return Some(at);
            }
            at = at.saturating_add(1);
        }
    }

    /// Takes a text that ends where the literal behind it is found, at `from.at` or later.
    fn text_at<'a>(
        &self,
        from: Retry<'a, 'a>,
        scan: &mut Scan<'a>,
        taken: &mut Taken<'a>,
        retry: &mut Option<Retry<'a, 'a>>,
    ) -> Option<()> {
        let end = match self.0.get(from.piece.saturating_add(1)) {
            Some(Piece::Literal(literal)) => {
                match from.piece.checked_sub(1).and_then(|before| self.0.get(before)) {
                    // A quote that is not escaped ends the text for good.
                    Some(Piece::Literal(before)) if before.ends_with(b"\"") && literal.starts_with(b"\"") => {
                        quoted_end(from.text, literal)?
                    }
                    _ => {
                        let at = self.before_protocol(&from, literal).or_else(|| find(from.text, from.at, literal))?;
                        *retry = Some(Retry { at, ..from });
                        at
                    }
                }
            }
            _ => from.text.len(),
        };
        let (text, rest) = from.text.split_at_checked(end)?;
        *scan = Scan(rest);
        taken.set(from.kind, text).then_some(())
    }
}

/// Where a literal is found in a text, at `from` or later.
fn find(text: &[u8], from: usize, literal: &[u8]) -> Option<usize> {
    let first = *literal.first()?;
    let mut from = from;
    loop {
        let at = from.checked_add(memchr::memchr(first, text.get(from..)?)?)?;
        if text.get(at..)?.starts_with(literal) {
            return Some(at);
        }
        from = at.checked_add(1)?;
    }
}

/// Where a literal that begins with a quote is found in a text. A byte behind a backslash belongs to the text: Apache
/// writes `\"` and `\x16`, nginx `\x22`.
fn quoted_end(text: &[u8], literal: &[u8]) -> Option<usize> {
    let mut from = 0_usize;
    loop {
        let at = from.checked_add(memchr::memchr2(b'"', b'\\', text.get(from..)?)?)?;
        let rest = text.get(at..)?;
        if rest.starts_with(b"\\") {
            from = at.checked_add(2)?;
        } else if rest.starts_with(literal) {
            return Some(at);
        } else {
            from = at.checked_add(1)?;
        }
    }
}

/// Digits as a number, or `-` for none.
fn digits(scan: &mut Scan<'_>) -> Option<Option<i64>> {
    let count = scan.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return scan.byte(b'-').map(|()| None);
    }
    let (digits, rest) = scan.0.split_at_checked(count)?;
    scan.0 = rest;
    Some(number(digits))
}

/// A number with a fraction or not, in a unit of so many microseconds, or `-` for none.
fn duration(scan: &mut Scan<'_>, unit: i64) -> Option<Option<i64>> {
    let whole = digits(scan)?;
    let fraction = i64::from(scan.fraction());
    Some(whole.and_then(|whole| microseconds(whole, fraction, unit)))
}

/// Microseconds of so many whole units and billionths of one.
fn microseconds(whole: i64, billionths: i64, unit: i64) -> Option<i64> {
    let part = billionths.checked_mul(unit)?.checked_div(1_000_000_000)?;
    whole.checked_mul(unit)?.checked_add(part)
}

/// A text that is a number with a fraction or not, in a unit of so many microseconds; nanoseconds if the unit is 0.
pub(super) fn duration_of(text: &[u8], unit: i64) -> Option<i64> {
    let mut scan = Scan(text);
    let whole = digits(&mut scan)??;
    let fraction = i64::from(scan.fraction());
    if unit == 0 { whole.checked_div(1000) } else { microseconds(whole, fraction, unit) }
}
