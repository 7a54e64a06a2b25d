//! One mail.

use crate::clock::Clock;
use crate::details::Details;
use crate::output::Output;
use crate::scan::Scan;
use crate::zone::Civil;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp, Value};

/// Bytes of one header, and of the beginning of the body, that are given.
const HEADER_BYTES: usize = 4 << 10;
const BODY_BYTES: usize = 2 << 10;

/// Nanoseconds by which the date that a mail tells may be another than that at which it came, for it to be believed.
const BELIEVED: u64 = 25 * 3600 * 1_000_000_000;

/// Headers that are kept.
const HEADERS: [&[u8]; 5] = [b"from", b"to", b"date", b"subject", b"message-id"];
const FROM: usize = 0;
const TO: usize = 1;
const DATE: usize = 2;
const SUBJECT: usize = 3;
const ID: usize = 4;

/// A mail that is read.
#[derive(Debug)]
pub(super) struct Message {
    sender: Vec<u8>,
    delivered: Civil,
    ahead: Option<i64>,
    span: Span,
    headers: [Vec<u8>; HEADERS.len()],
    /// The header that is going on.
    current: Option<usize>,
    is_body: bool,
    body: Vec<u8>,
    body_lines: i64,
}

/// When a line says that a mail came, and the seconds of its zone, if it has one.
type Delivered = (Civil, Option<i64>);

/// Sender and time of the line that begins a mail.
pub(super) fn separator(line: &[u8]) -> Option<(&[u8], Delivered)> {
    let rest = line.strip_prefix(b"From ")?;
    let end = rest.iter().position(|byte| *byte == b' ')?;
    let (sender, date) = rest.split_at_checked(end)?;
    let mut scan = Scan(date.trim_ascii());
    // The name of the day says nothing more.
    let _ = scan.until(b' ')?;
    scan = Scan(scan.0.trim_ascii_start());
    let month = scan.month_name()?;
    scan.byte(b' ')?;
    let day = scan.day().or_else(|| one_digit(&mut scan))?;
    scan.byte(b' ')?;
    let (hour, minute, second) = scan.clock()?;
    scan.byte(b' ')?;
    // Some put the zone between, as a name or a number.
    let mut ahead = None;
    if !scan.0.first()?.is_ascii_digit() {
        let mut zone = Scan(scan.until(b' ')?);
        ahead = zone.zone();
    }
    let year = i32::try_from(scan.digits(4)?).ok()?;
    Some((sender, (Civil { year, month, day, hour, minute, second, nanosecond: 0 }, ahead)))
}

fn one_digit(scan: &mut Scan<'_>) -> Option<u8> {
    u8::try_from(scan.digits(1)?).ok()
}

/// A date of a header, with or without the name of the day.
fn date(text: &[u8]) -> Option<Timestamp> {
    let (shown, ahead) = Scan(text.trim_ascii()).mail_date()?;
    shown.at_offset(ahead?)
}

impl Message {
    pub(super) fn new(sender: &[u8], (delivered, ahead): Delivered, span: Span) -> Self {
        Self {
            sender: sender.to_vec(),
            delivered,
            ahead,
            span,
            headers: Default::default(),
            current: None,
            is_body: false,
            body: Vec::new(),
            body_lines: 0,
        }
    }

    pub(super) fn line(&mut self, line: &[u8], span: Span) {
        self.span.length = self.span.length.saturating_add(span.length);
        if self.is_body {
            self.body_lines = self.body_lines.saturating_add(1);
            push(&mut self.body, b"\n", line, BODY_BYTES);
        } else if line.is_empty() {
            self.is_body = true;
        } else if matches!(line.first(), Some(b' ' | b'\t')) {
            if let Some(header) = self.current.and_then(|current| self.headers.get_mut(current)) {
                push(header, b" ", line.trim_ascii(), HEADER_BYTES);
            }
        } else {
            self.header(line);
        }
    }

    fn header(&mut self, line: &[u8]) {
        let end = memchr::memchr(b':', line).unwrap_or(line.len());
        let (name, value) = line.split_at_checked(end).unwrap_or((line, b""));
        self.current = HEADERS.iter().position(|header| header.eq_ignore_ascii_case(name));
        if let Some(header) =
            self.current.and_then(|current| self.headers.get_mut(current)).filter(|old| old.is_empty())
        {
            push(header, b"", value.get(1..).unwrap_or_default().trim_ascii(), HEADER_BYTES);
        } else {
            self.current = None;
        }
    }

    fn value(&self, header: usize) -> &[u8] {
        self.headers.get(header).map_or(b"".as_slice(), Vec::as_slice)
    }

    /// The time that the mail tells with its zone, if it fits to when it came; else when it came.
    fn time(&self, clock: &mut Clock<'_>) -> (Option<Timestamp>, TimeBasis) {
        let delivered = clock.at(self.delivered, self.ahead);
        let told = date(self.value(DATE));
        let fits = |told: &Timestamp| {
            delivered.0.is_none_or(|came| came.as_nanoseconds().abs_diff(told.as_nanoseconds()) <= BELIEVED)
        };
        match told.filter(fits) {
            Some(told) => (Some(told), TimeBasis::Stated),
            None => delivered,
        }
    }

    pub(super) fn give(&self, path: &[u8], clock: &mut Clock<'_>, output: &mut Output<'_>) {
        let (time, basis) = self.time(clock);
        let subject = self.value(SUBJECT);
        let mut details = Details::new("mail.received");
        details.user = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        details.text("sender", &self.sender);
        details.text("from", self.value(FROM));
        details.text("to", self.value(TO));
        details.text("date", self.value(DATE));
        details.text("message_id", self.value(ID));
        if let Some((account, command)) = of_cron(subject) {
            details.text("cron_account", account);
            details.text("command", command);
        }
        details.add("body_lines", Value::Number(self.body_lines));
        details.text("body", self.body.trim_ascii_end());
        output.event(&Event { time, basis, span: self.span, message: subject, ..details.event() });
    }
}

/// Account with host, and command, of `Cron <USER@HOST> COMMAND`.
fn of_cron(subject: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = subject.strip_prefix(b"Cron <")?;
    let (account, rest) = inside.split_at_checked(memchr::memchr(b'>', inside)?)?;
    Some((account, rest.strip_prefix(b"> ")?))
}

/// Adds a line to a text of bounded length.
fn push(text: &mut Vec<u8>, between: &[u8], line: &[u8], most: usize) {
    if !text.is_empty() && text.len() < most {
        text.extend_from_slice(between);
    }
    let room = most.saturating_sub(text.len()).min(line.len());
    text.extend_from_slice(line.get(..room).unwrap_or_default());
}
