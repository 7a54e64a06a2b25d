//! One line of the log: `[node=NODE ]type=TYPE msg=audit(SECONDS.MILLISECONDS:SERIAL): BODY`, and the fields of its body.

use crate::scan::Scan;
use kanshiki_model::Timestamp;
use std::borrow::Cow;

/// Parts what the kernel wrote from what auditd added to it with `log_format = ENRICHED`.
const ENRICHED: u8 = 0x1d;

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// The machine, where several send to one log; empty otherwise.
    pub(super) node: &'a [u8],
    /// The name of its type.
    pub(super) kind: &'a [u8],
    pub(super) id: Id,
    pub(super) body: &'a [u8],
}

/// What records of one event have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) seconds: i64,
    pub(super) milliseconds: i64,
    pub(super) serial: u64,
}

impl Id {
    pub(super) fn time(self) -> Option<Timestamp> {
        let nanoseconds = self.seconds.checked_mul(1_000_000_000)?;
        let fraction = self.milliseconds.checked_mul(1_000_000)?;
        nanoseconds.checked_add(fraction).map(Timestamp::from_nanoseconds)
    }
}

impl<'a> Record<'a> {
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut scan = Scan(line);
        let node = match scan.text(b"node=") {
            Some(()) => scan.until(b' ')?,
            None => {
                scan = Scan(line);
                b""
            }
        };
        scan.text(b"type=")?;
        let kind = scan.until(b' ')?;
        scan.text(b"msg=audit(")?;
        let seconds = decimal(&mut scan)?;
        scan.byte(b'.')?;
        let milliseconds = decimal(&mut scan).filter(|number| *number < 1000)?;
        scan.byte(b':')?;
        let serial = decimal(&mut scan)?;
        scan.byte(b')')?;
        // auditd itself left the colon out in what it said of its own settings before version 2.8.
        let _ = scan.byte(b':');
        let id = Id { seconds: i64::try_from(seconds).ok()?, milliseconds: i64::try_from(milliseconds).ok()?, serial };
        id.time()?;
        let body = scan.0.trim_ascii_start();
        (!kind.is_empty()).then_some(Self { node, kind, id, body })
    }
}

/// A decimal number off the front.
fn decimal(scan: &mut Scan<'_>) -> Option<u64> {
    let mut number = None;
    while let Some((digit @ b'0'..=b'9', rest)) = scan.0.split_first() {
        let digit = u64::from(digit.wrapping_sub(b'0'));
        number = Some(number.unwrap_or(0_u64).checked_mul(10)?.checked_add(digit)?);
        scan.0 = rest;
    }
    number
}

/// What a record says, without what auditd added to it.
pub(super) fn as_written(body: &[u8]) -> &[u8] {
    let end = memchr::memchr(ENRICHED, body).unwrap_or(body.len());
    body.get(..end).unwrap_or_default().trim_ascii_end()
}

/// The value of a field, as it stands in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// The word before the name: `old` and `new` in `old auid=0 new auid=1000` of old kernels.
    pub(super) before: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    is_quoted: bool,
}

impl<'a> Field<'a> {
    /// The value of a field that the kernel writes in hexadecimal digits where quotes could not hold it
    /// (audit_log_n_untrustedstring in kernel/audit.c); empty for `?` and `(null)`.
    pub(super) fn text(&self) -> Cow<'a, [u8]> {
        match self.value {
            value if self.is_quoted => Cow::Borrowed(value),
            b"?" | b"(null)" | b"(none)" => Cow::Borrowed(b""),
            value => hexadecimal(value).map_or(Cow::Borrowed(value), Cow::Owned),
        }
    }

    /// The value as it stands there; empty for `?` and `(null)`.
    pub(super) fn plain(&self) -> &'a [u8] {
        if !self.is_quoted && matches!(self.value, b"?" | b"(null)" | b"(none)") { b"" } else { self.value }
    }
}

/// The bytes of hexadecimal digits, the letters among them capitals; `None` if it is anything else.
pub(super) fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'A'..=b'F' => Some(byte.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    };
    if text.is_empty() || text.len().checked_rem(2) != Some(0) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len().div_euclid(2));
    for pair in text.chunks_exact(2) {
        let [high, low] = pair.first_chunk::<2>()?;
        bytes.push(digit(*high)?.wrapping_shl(4) | digit(*low)?);
    }
    Some(bytes)
}

/// The fields of a body, those inside of `msg='…'` and those behind it too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let mut before = b"".as_slice();
        loop {
            let start = self.0.iter().position(|byte| !is_between(*byte))?;
            let rest = self.0.get(start..)?;
            let end = rest.iter().position(|byte| *byte == b'=' || matches!(*byte, b' ' | ENRICHED))?;
            let (word, rest) = rest.split_at_checked(end)?;
            let Some(rest) = rest.strip_prefix(b"=") else {
                before = word;
                self.0 = rest;
                continue;
            };
            match rest.first() {
                // Fields stand inside.
                Some(b'\'' | b'{') => self.0 = rest,
                Some(b'"') => {
                    let inside = rest.get(1..)?;
                    let end = memchr::memchr(b'"', inside).unwrap_or(inside.len());
                    self.0 = inside.get(end.saturating_add(1)..).unwrap_or_default();
                    return Some(Field { before, name: word, value: inside.get(..end)?, is_quoted: true });
                }
                _ => {
                    let end = rest.iter().position(|byte| matches!(*byte, b' ' | ENRICHED)).unwrap_or(rest.len());
                    let (value, rest) = rest.split_at_checked(end)?;
                    self.0 = rest;
                    return Some(Field { before, name: word, value: without_end(value), is_quoted: false });
                }
            }
        }
    }
}

const fn is_between(byte: u8) -> bool {
    matches!(byte, b' ' | ENRICHED | b'\'' | b'(' | b',' | b'{' | b'}')
}

/// Takes the end of `msg='…'` off, and that of the parentheses in which the oldest kernels had some fields.
fn without_end(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"'").unwrap_or(value);
    let value = value.strip_suffix(b",").unwrap_or(value);
    match value.strip_suffix(b")") {
        Some(inside) if memchr::memchr(b'(', inside).is_none() => inside,
        _ => value,
    }
}
