//! The raw logs of atop (`/var/log/atop/atop_20240229`): how busy the processor was, and which processes made it so.
//!
//! | part | bytes | content |
//! | --- | --- | --- |
//! | `rawheader` | 480: 0xfeedbeef, the version, lengths of the structures | once |
//! | `rawrecord` | 96: time, interval, lengths of what follows | each interval |
//! | `sstat` | compressed (zlib) | the system; its first 256 bytes have been the same since atop 2.1 |
//! | `tstat`, several | compressed (zlib) | the processes and threads that did something |
//! | `cstat`, process numbers | compressed (zlib), from atop 2.11 | control groups; not read |
//!
//! Source: atop 2.1 to 2.13, rawlog.h, photosyst.h, photoproc.h, on machines of 64 bits; the offsets of `tstat` are those that a
//! compiler gives for each of these versions.

mod layout;

use crate::details::Details;
use crate::input::Input;
use crate::lines::length;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser, ToldBy};
use crate::processor::{Load, Ticks};
use crate::window::Window;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp, Value};
use layout::{HEADER_BYTES, Header, Process, Record};
use std::io::{self, Read as _};

/// Processes of one interval that are told, those with most ticks first.
const PROCESSES: usize = 5;

/// Hundredths of a percent of one processor that a process must have used to be told.
const LEAST: i64 = 100;

/// Bytes of `sstat` that are looked at.
const SYSTEM_BYTES: usize = 256;

/// The parser of atop's raw logs.
#[derive(Debug)]
pub(crate) struct Atop;

impl Parser for Atop {
    fn id(&self) -> &'static str {
        "atop"
    }

    fn told_by(&self) -> ToldBy {
        ToldBy::Bytes
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        Header::is_magic(candidate.head)
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut window = Window::new(input)?;
        let head = window.peek(HEADER_BYTES);
        let seen = length(head.len());
        match Header::parse(head) {
            Ok(header) => {
                let _ = window.skip(length(header.bytes));
                Reading { header, context, last: None, left: PROCESS_BYTES }.read(&mut window, output);
            }
            Err(why) => output.issue(window.span(0, seen.min(length(HEADER_BYTES))), &why),
        }
        window.finish()
    }
}

/// Goes over the intervals of a file.
struct Reading<'a> {
    header: Header,
    context: &'a Context<'a>,
    /// The time of the last interval.
    last: Option<i64>,
    /// Bytes of processes that may still be decompressed.
    left: u64,
}

/// Bytes of processes that one file may hold: a hundred processes in each interval of ten seconds make 900 MB a day.
const PROCESS_BYTES: u64 = 16 << 30;

impl Reading<'_> {
    fn read(mut self, window: &mut Window<'_>, output: &mut Output<'_>) {
        while !output.is_stopped() {
            let start = window.position();
            let bytes = window.peek(self.header.record_bytes);
            if bytes.is_empty() {
                break;
            }
            if bytes.len() < self.header.record_bytes {
                let left = length(bytes.len());
                output.issue(window.span(start, left), &format!("an interval cut off after {left} bytes"));
                break;
            }
            let Some(record) = self.header.record(bytes) else {
                self.find_next(start, window, output);
                continue;
            };
            let all = self.header.record_bytes.saturating_add(record.bytes());
            let bytes = window.peek(all);
            let Some(bytes) = bytes.get(..all) else {
                let left = length(bytes.len());
                output.issue(window.span(start, left), "an interval cut off at the end of the file");
                break;
            };
            let bytes = bytes.to_vec();
            let span = window.span(start, length(all));
            window.advance(length(all));
            self.last = Some(record.time);
            self.interval(&record, bytes.get(self.header.record_bytes..).unwrap_or_default(), span, output);
        }
    }

    /// Moves on to the next bytes that can be an interval: compressed bytes of zlib stand behind them.
    fn find_next(&self, start: u64, window: &mut Window<'_>, output: &mut Output<'_>) {
        let size = self.header.record_bytes;
        loop {
            window.advance(1);
            let bytes = window.peek(size.saturating_add(1));
            let is_near = |record: &Record| {
                self.last.is_none_or(|last| (last..last.saturating_add(32 * 86_400)).contains(&record.time))
            };
            let is_record = bytes.get(size) == Some(&0x78) && self.header.record(bytes).as_ref().is_some_and(is_near);
            if bytes.len() <= size || is_record {
                break;
            }
        }
        let rest = window.peek(size.saturating_add(1)).len();
        if rest <= size {
            window.advance(length(rest));
        }
        let bytes = window.position().saturating_sub(start);
        output.issue(window.span(start, bytes), &format!("{bytes} bytes that are no interval"));
    }

    fn interval(&mut self, record: &Record, bytes: &[u8], span: Span, output: &mut Output<'_>) {
        let (system, rest) = bytes.split_at_checked(record.system_bytes).unwrap_or_default();
        let mut first = [0; SYSTEM_BYTES];
        if flate2::read::ZlibDecoder::new(system).read_exact(&mut first).is_err() {
            output.issue(span, "the compressed measures of the system cannot be read");
            return;
        }
        let Some(ticks) = self.ticks(&first) else {
            return output.issue(span, "the measures of the processors cannot be read");
        };
        let mut details = Details::new(if record.is_since_boot { "atop.since-boot" } else { "atop.cpu" });
        let message = ticks.tell(Some(record.seconds), self.load(&first), &mut details);
        details.number("processors", self.header.endian.u64(&first, 0).and_then(|number| i64::try_from(number).ok()));
        for (name, number) in [("processes", record.processes), ("zombies", record.zombies), ("exited", record.exited)]
        {
            details.number(name, Some(number.into()));
        }
        output.event(&Event {
            time: Some(Timestamp::from_nanoseconds(record.time.saturating_mul(1_000_000_000))),
            basis: TimeBasis::Stated,
            span,
            host: &self.header.host,
            message: message.as_bytes(),
            ..details.event()
        });
        if !record.is_since_boot {
            let processes = rest.get(..record.process_bytes).unwrap_or_default();
            match self.busiest(record, processes) {
                Ok(busiest) => busiest.iter().for_each(|process| self.process(process, record, span, output)),
                Err(_) => output.issue(span, "the compressed measures of the processes cannot be read"),
            }
        }
    }

    /// The ticks of all processors together, in the interval.
    fn ticks(&self, system: &[u8]) -> Option<Ticks> {
        // `cpu.all` stands at byte 80; its numbers behind that of the processor.
        let number = |place: usize| self.header.endian.u64(system, 88_usize.checked_add(place.checked_mul(8)?)?);
        let (kernel, interrupts, soft) = (number(0)?, number(5)?, number(6)?);
        Some(Ticks {
            user: number(1)?,
            nice: number(2)?,
            system: kernel.saturating_add(interrupts).saturating_add(soft),
            idle: number(3)?,
            iowait: number(4)?,
            steal: number(7)?,
        })
    }

    /// The load, in hundredths; it is kept as numbers with a point.
    fn load(&self, system: &[u8]) -> Option<Load> {
        let load = |at| {
            let text = format!("{:.2}", f32::from_bits(self.header.endian.u32(system, at)?));
            let (whole, parts) = text.split_once('.')?;
            whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(parts.parse().ok()?)
        };
        Some([load(32)?, load(36)?, load(40)?])
    }

    /// The processes that used most of the processor. Those that used too little are left out, and threads are part of their
    /// process.
    fn busiest(&mut self, record: &Record, bytes: &[u8]) -> io::Result<Vec<Process>> {
        let Some(layout) = self.header.process else { return Ok(Vec::new()) };
        let mut decoder = flate2::read::ZlibDecoder::new(bytes);
        let mut one = vec![0; layout.bytes];
        let mut busiest: Vec<Process> = Vec::new();
        for _ in 0..record.tasks {
            self.left = self.left.saturating_sub(length(layout.bytes));
            if self.left == 0 {
                return Err(io::Error::other("more processes than a file can hold in earnest"));
            }
            decoder.read_exact(&mut one)?;
            let Some(process) = layout.parse(self.header.endian, &one).filter(|process| process.is_process) else {
                continue;
            };
            if process.share(record.seconds, self.header.hertz) >= LEAST {
                busiest.push(process);
                busiest.sort_by_key(|process| std::cmp::Reverse(process.ticks));
                busiest.truncate(PROCESSES);
            }
        }
        Ok(busiest)
    }

    fn process(&self, process: &Process, record: &Record, span: Span, output: &mut Output<'_>) {
        let share = process.share(record.seconds, self.header.hertz);
        let (percent, parts) = (share.div_euclid(100), share.rem_euclid(100));
        let mut message = format!("{percent}.{parts:02} % of a processor: ").into_bytes();
        message.extend_from_slice(if process.command.is_empty() { &process.name } else { &process.command });
        let fields = [
            ("cpu", Value::Number(share)),
            ("ticks", Value::Number(i64::try_from(process.ticks).unwrap_or(i64::MAX))),
            ("seconds", Value::Number(record.seconds)),
            ("uid", Value::Number(process.uid.into())),
            ("parent", Value::Number(process.parent.into())),
            ("command", Value::Text(&process.command)),
        ];
        output.also(&Event {
            kind: "atop.process",
            time: Some(Timestamp::from_nanoseconds(record.time.saturating_mul(1_000_000_000))),
            basis: TimeBasis::Stated,
            span,
            host: &self.header.host,
            program: &process.name,
            pid: Some(process.pid.into()),
            user: self.context.host.accounts.name(process.uid).unwrap_or_default(),
            message: &message,
            fields: &fields,
            ..Event::default()
        });
    }
}

#[cfg(test)]
mod tests;
