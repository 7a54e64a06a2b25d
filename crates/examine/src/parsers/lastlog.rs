//! lastlog: the last login of every account, at the place of its number (lastlog(5), glibc 2.36, `bits/utmp.h`).
//!
//! | field | bytes | 292 bytes: x86, 32-bit ARM, POWER, s390 | 296 bytes: 64-bit ARM |
//! | --- | --- | --- | --- |
//! | `ll_time`, seconds since 1970 | 4 or 8 | 0 | 0 |
//! | `ll_line` | 32 | 4 | 8 |
//! | `ll_host` | 256 | 36 | 40 |
//!
//! Either may have its time with the most significant byte first. The file is sparse: an account with the number 4,294,967,294
//! makes it 1.25 TB long with one stored block, so that only what is stored is read. Records of zeroes are accounts that never
//! logged in.

use crate::input::Input;
use crate::lines::length;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser, ToldBy};
use crate::window::Window;
use kanshiki_machine::Endian;
use kanshiki_model::{Event, TimeBasis, Timestamp, Value};
use std::io;
use std::net::IpAddr;

/// Bytes by which the layout is told.
const SAMPLE_BYTES: usize = 128 << 10;

/// Bytes of the longest record.
const MOST_BYTES: usize = 296;

/// Seconds of 1990.
const SECONDS_1990: i64 = 631_152_000;

/// The parser of lastlog.
#[derive(Debug)]
pub(crate) struct Lastlog;

impl Parser for Lastlog {
    fn id(&self) -> &'static str {
        "lastlog"
    }

    fn told_by(&self) -> ToldBy {
        ToldBy::Bytes
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let head = candidate.head;
        // Nothing in the content tells it from other files of zeroes.
        candidate.stem() == b"lastlog" && (head.is_empty() || head.contains(&0))
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let layout = layout_of(input, context.modified)?;
        let mut window = Window::new(input)?;
        let size = length(layout.bytes());
        while !output.is_stopped() {
            let hole = window.hole().checked_div(size).and_then(|records| records.checked_mul(size)).unwrap_or(0);
            window.advance(hole);
            let position = window.position();
            let mut record = [0; MOST_BYTES];
            let bytes = window.peek(layout.bytes());
            let seen = bytes.len().min(layout.bytes());
            let (Some(room), Some(bytes)) = (record.get_mut(..seen), bytes.get(..seen)) else { break };
            room.copy_from_slice(bytes);
            if seen == 0 {
                break;
            }
            let span = window.span(position, length(seen));
            if seen < layout.bytes() {
                if room.iter().all(|byte| *byte == 0) {
                    break;
                }
                let why = format!("a record cut off after {seen} of {size} bytes");
                output.other("login.other", span, b"", &why);
                break;
            }
            if room.iter().any(|byte| *byte != 0) {
                let uid = position.checked_div(size).unwrap_or(0);
                match layout.decode(room) {
                    Some(record) => event(&record, uid, span, context, output),
                    None => output.other("login.other", span, room, "no record of lastlog"),
                }
            }
            window.advance(size);
        }
        window.finish()
    }
}

fn event(record: &Record<'_>, uid: u64, span: kanshiki_model::Span, context: &Context<'_>, output: &mut Output<'_>) {
    let name = u32::try_from(uid).ok().and_then(|uid| context.host.accounts.name(uid)).unwrap_or_default();
    let address = std::str::from_utf8(record.host).ok().and_then(|host| host.parse::<IpAddr>().ok());
    let address = address.map_or_else(String::new, |address| address.to_canonical().to_string());
    let mut message = b"last login of ".to_vec();
    match name {
        b"" => message.extend_from_slice(format!("the account {uid}").as_bytes()),
        name => message.extend_from_slice(name),
    }
    let mut fields = vec![("uid", Value::Number(i64::try_from(uid).unwrap_or(i64::MAX)))];
    for (word, field, text) in [(&b" on "[..], "tty", record.line), (b" from ", "remote_host", record.host)] {
        if !text.is_empty() {
            message.extend_from_slice(word);
            message.extend_from_slice(text);
            fields.push((field, Value::Text(text)));
        }
    }
    output.event(&Event {
        kind: "login.last",
        time: record.time,
        basis: TimeBasis::Stated,
        span,
        user: name,
        address: address.as_bytes(),
        message: &message,
        fields: &fields,
        ..Event::default()
    });
}

/// How records lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    is_wide: bool,
    endian: Endian,
}

/// A record, taken apart.
struct Record<'a> {
    time: Option<Timestamp>,
    line: &'a [u8],
    host: &'a [u8],
    /// Whether it is as a login makes it: a time of our days, a line, and nothing behind the texts.
    is_clean: bool,
}

impl Layout {
    const ALL: [Self; 4] = [
        Self { is_wide: false, endian: Endian::Little },
        Self { is_wide: true, endian: Endian::Little },
        Self { is_wide: false, endian: Endian::Big },
        Self { is_wide: true, endian: Endian::Big },
    ];

    const fn bytes(self) -> usize {
        if self.is_wide { MOST_BYTES } else { 292 }
    }

    fn decode(self, bytes: &[u8]) -> Option<Record<'_>> {
        let (seconds, texts) = if self.is_wide {
            (self.endian.u64(bytes, 0)?.cast_signed(), bytes.get(8..)?)
        } else {
            (self.endian.u32(bytes, 0)?.into(), bytes.get(4..)?)
        };
        let (line, host) = texts.split_at_checked(32)?;
        let ((line, is_line_clean), (host, is_host_clean)) = (until_zero(line)?, until_zero(host.get(..256)?)?);
        let nanoseconds = seconds.checked_mul(1_000_000_000)?;
        let is_sound = (0..1 << 40).contains(&seconds) && line.iter().all(|byte| !byte.is_ascii_control());
        is_sound.then_some(Record {
            time: (seconds > 0).then_some(Timestamp::from_nanoseconds(nanoseconds)),
            line,
            host,
            is_clean: is_line_clean && is_host_clean && seconds >= SECONDS_1990,
        })
    }

    /// How many records in some bytes are of this layout; the bytes begin so far behind the beginning of the file. A time
    /// whose bytes are read in the wrong order may be one of our days too, but seldom one before the last change of the file.
    fn score(self, bytes: &[u8], position: u64, modified: Option<Timestamp>) -> u64 {
        let size = length(self.bytes());
        let into = position.checked_rem(size).unwrap_or(0);
        let skip = usize::try_from(size.saturating_sub(into).checked_rem(size).unwrap_or(0)).unwrap_or(0);
        let records = bytes.get(skip..).unwrap_or_default().chunks_exact(self.bytes());
        let records = records.filter_map(|record| self.decode(record).filter(|record| record.is_clean));
        let is_before = |time: Option<Timestamp>| time.zip(modified).is_some_and(|(time, modified)| time <= modified);
        records.map(|record| 1_u64.saturating_add(u64::from(is_before(record.time)))).sum()
    }
}

/// A text that ends with a zero or fills its field, and whether nothing stands behind it.
fn until_zero(field: &[u8]) -> Option<(&[u8], bool)> {
    let end = memchr::memchr(0, field).unwrap_or(field.len());
    let (text, rest) = field.split_at_checked(end)?;
    Some((text, rest.iter().all(|byte| *byte == 0)))
}

/// The layout of which most records are among the first that are stored; that of x86 if there are none.
fn layout_of(input: &Input<'_>, modified: Option<Timestamp>) -> io::Result<Layout> {
    let mut window = Window::new(input)?;
    loop {
        let hole = window.hole();
        window.advance(hole);
        let position = window.position();
        let bytes = window.peek(SAMPLE_BYTES);
        let bytes = bytes.get(..SAMPLE_BYTES).unwrap_or(bytes);
        let scores = Layout::ALL.map(|layout| (layout, layout.score(bytes, position, modified)));
        let best = scores.into_iter().rev().max_by_key(|(_, score)| *score).filter(|(_, score)| *score > 0);
        match best {
            Some((layout, _)) => return Ok(layout),
            None if bytes.is_empty() => return Ok(Layout::ALL[0]),
            None => {
                let seen = length(bytes.len());
                window.advance(seen);
            }
        }
    }
}

#[cfg(test)]
mod tests;
