//! The daily files of sysstat (`/var/log/sysstat/sa29`, `/var/log/sa/sa29`): how busy the processor was, and the load.
//!
//! | record | event |
//! | --- | --- |
//! | 1, measures | `sysstat.cpu`, from the difference to the record before |
//! | 2, restart | `sysstat.restart`: the machine was started |
//! | 4, comment | `sysstat.comment` |
//!
//! The formats of sysstat 9.1.6 to 12.7 are read (see [`layout`]), of machines with either order of bytes.

mod layout;

use crate::details::Details;
use crate::input::Input;
use crate::lines::length;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser, ToldBy};
use crate::processor::{Load, Ticks, tell_load};
use crate::window::Window;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp};
use layout::{Activity, CPU, FIRST, HEADER_BYTES, Layout, MAGIC_BYTES, Magic, OLD_ACTIVITY_BYTES, QUEUE, RecordHeader};
use std::io;

/// Bytes of one record that are kept in memory: 10 numbers of each of 8192 processors fit.
const KEPT_BYTES: u64 = 4 << 20;

/// Bytes of a comment (`MAX_COMMENT_LEN`).
const COMMENT_BYTES: usize = 64;

/// Chained structures that are passed over.
const EXTRAS: usize = 64;

/// Seconds that the next record may lie behind the last one, where it is looked for in damaged bytes.
const NEAR: u64 = 32 * 86_400;

/// The parser of sa files.
#[derive(Debug)]
pub(crate) struct Sysstat;

impl Parser for Sysstat {
    fn id(&self) -> &'static str {
        "sysstat"
    }

    fn told_by(&self) -> ToldBy {
        ToldBy::Bytes
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        Magic::parse(candidate.head).is_some()
    }

    fn parse(&self, input: &Input<'_>, _: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut window = Window::new(input)?;
        // The activities stand behind the header: 256 of 1024 bytes at most.
        let head = window.peek(MAGIC_BYTES.saturating_add(HEADER_BYTES).saturating_add(256 << 10));
        let Some(magic) = Magic::parse(head) else { return Ok(()) };
        let layout = Layout::parse(magic, head);
        if !matches!(magic.format, 0x2171 | 0x2173 | 0x2175) {
            let why = format!("written by sysstat {} in format {:x}, which is not read", magic.version(), magic.format);
            output.issue(window.span(0, length(MAGIC_BYTES)), &why);
            return window.finish();
        }
        let Some(layout) = layout else {
            let why =
                format!("the header of sysstat {}, format {:x}, contradicts itself", magic.version(), magic.format);
            output.issue(window.span(0, length(MAGIC_BYTES)), &why);
            return window.finish();
        };
        let is_whole = window.skip(length(layout.bytes)) && (!layout.has_extra || skip_extras(&layout, &mut window));
        if is_whole {
            Reading { activities: layout.activities.clone(), last: layout.begun, layout: &layout, before: None }
                .read(&mut window, output);
        }
        window.finish()
    }
}

/// Passes over structures that later versions may add; false if they are none, or cut off.
fn skip_extras(layout: &Layout, window: &mut Window<'_>) -> bool {
    for _ in 0..EXTRAS {
        let endian = layout.magic.endian;
        let extra = window.peek(24);
        let (Some(count), Some(size), Some(next)) = (endian.u32(extra, 0), endian.u32(extra, 4), endian.u32(extra, 8))
        else {
            return false;
        };
        let is_sound = count <= 8192 && size <= 1024;
        if !is_sound || !window.skip(u64::from(count).saturating_mul(size.into()).saturating_add(24)) {
            return false;
        }
        if next == 0 {
            return true;
        }
    }
    false
}

/// Goes over the records of a file.
struct Reading<'l> {
    layout: &'l Layout,
    /// With the numbers of items that the last restart told.
    activities: Vec<Activity>,
    /// The time of the last record.
    last: u64,
    before: Option<Measures>,
}

/// What a record measures.
#[derive(Debug, Default)]
struct Measures {
    time: u64,
    /// For all processors together, and for each: user, nice, system, idle, iowait, steal, interrupts, soft interrupts.
    processors: Vec<[u64; 8]>,
    load: Option<Load>,
}

impl Reading<'_> {
    fn read(mut self, window: &mut Window<'_>, output: &mut Output<'_>) {
        while !output.is_stopped() {
            let start = window.position();
            let bytes = window.peek(self.layout.record_bytes);
            if bytes.is_empty() {
                break;
            }
            if bytes.len() < self.layout.record_bytes {
                let left = length(bytes.len());
                output.issue(window.span(start, left), &format!("a record cut off after {left} bytes"));
                break;
            }
            match self.layout.record(bytes) {
                Some(header) if window.skip(length(self.layout.record_bytes)) => {
                    if !self.record(header, start, window, output) {
                        let bytes = self.find_next(start, window);
                        output.issue(window.span(start, bytes), "a record cut off at the end of the file, or damaged");
                    }
                    self.last = header.time;
                }
                _ => {
                    let bytes = self.find_next(start, window);
                    output.issue(window.span(start, bytes), &format!("{bytes} bytes that are no record"));
                }
            }
        }
    }

    /// Moves on to the next bytes that can be a record of this time, or to the end; gives how many bytes that is from `start`.
    fn find_next(&mut self, start: u64, window: &mut Window<'_>) -> u64 {
        self.before = None;
        loop {
            window.advance(u64::from(window.position() == start));
            let bytes = window.peek(self.layout.record_bytes);
            if bytes.len() < self.layout.record_bytes {
                let rest = length(bytes.len());
                window.advance(rest);
                break;
            }
            let near = self.last..self.last.saturating_add(NEAR);
            let is_near = |header: &RecordHeader| header.is_certain && near.contains(&header.time);
            if self.layout.record(bytes).as_ref().is_some_and(is_near) {
                break;
            }
            window.advance(1);
        }
        window.position().saturating_sub(start)
    }

    /// Reads what belongs to a record; false if it is cut off.
    fn record(&mut self, header: RecordHeader, start: u64, window: &mut Window<'_>, output: &mut Output<'_>) -> bool {
        let mut details = Details::new("sysstat.cpu");
        match header.kind {
            2 => {
                self.before = None;
                if !self.restart(window) {
                    return false;
                }
                details.kind = "sysstat.restart";
                self.emit(&details, header, start, b"the machine was started", window, output);
            }
            4 => {
                let comment = window.peek(COMMENT_BYTES);
                let comment = comment.get(..COMMENT_BYTES).unwrap_or_default().to_vec();
                if !window.skip(length(COMMENT_BYTES)) {
                    return false;
                }
                details.kind = "sysstat.comment";
                let comment = comment.split(|byte| *byte == 0).next().unwrap_or_default();
                self.emit(&details, header, start, comment, window, output);
            }
            _ if header.has_extra && !skip_extras(self.layout, window) => return false,
            1 | 3 => {
                let Some(measures) = self.measures(header.time, window) else { return false };
                self.tell(measures, header, start, window, output);
            }
            _ => {}
        }
        !matches!(header.kind, 2 | 4) || !header.has_extra || skip_extras(self.layout, window)
    }

    /// What a restart tells: numbers of items that may have changed.
    fn restart(&mut self, window: &mut Window<'_>) -> bool {
        if self.layout.magic.format == 0x2175 {
            return window.skip(4);
        }
        for _ in 0..self.layout.volatile {
            let bytes = window.peek(OLD_ACTIVITY_BYTES);
            if let Some(told) = Activity::old(self.layout.magic.endian, bytes).filter(|told| told.items > 0)
                && let Some(activity) = self.activities.iter_mut().find(|activity| activity.id == told.id)
            {
                activity.items = told.items;
            }
            if !window.skip(length(OLD_ACTIVITY_BYTES)) {
                return false;
            }
        }
        true
    }

    fn measures(&self, time: u64, window: &mut Window<'_>) -> Option<Measures> {
        let endian = self.layout.magic.endian;
        let mut measures = Measures { time, ..Measures::default() };
        for activity in &self.activities {
            let items = if activity.is_counted {
                let items = endian.u32(window.peek(4), 0).filter(|items| *items <= 1 << 17)?;
                window.skip(4).then_some(items)?
            } else {
                activity.items
            };
            let all = activity.bytes(items);
            if matches!(activity.id, CPU | QUEUE) && all <= KEPT_BYTES {
                let wanted = usize::try_from(all).ok()?;
                let bytes = window.peek(wanted).get(..wanted)?;
                match activity.id {
                    CPU => measures.processors = self.processors(activity, bytes),
                    _ => measures.load = self.load(activity, bytes),
                }
            }
            window.skip(all).then_some(())?;
        }
        Some(measures)
    }

    fn processors(&self, activity: &Activity, bytes: &[u8]) -> Vec<[u64; 8]> {
        let endian = self.layout.magic.endian;
        // In the first version each number fills 16 bytes.
        let stride = if activity.version == FIRST { 16 } else { 8 };
        let size = usize::try_from(activity.item_bytes).unwrap_or(usize::MAX).max(1);
        let counters = |item: &[u8]| -> Option<[u64; 8]> {
            let mut counters = [0; 8];
            for (number, counter) in counters.iter_mut().enumerate() {
                *counter = endian.u64(item, number.checked_mul(stride)?)?;
            }
            Some(counters)
        };
        let is_known = matches!(activity.version, FIRST | 0x8b);
        bytes.chunks_exact(size).filter(|_| is_known).filter_map(counters).collect()
    }

    fn load(&self, activity: &Activity, bytes: &[u8]) -> Option<Load> {
        let endian = self.layout.magic.endian;
        let at = match activity.version {
            FIRST => 8,
            0x8b => 16,
            0x8c => 24,
            _ => return None,
        };
        Some([endian.u32(bytes, at)?, endian.u32(bytes, at.checked_add(4)?)?, endian.u32(bytes, at.checked_add(8)?)?])
    }

    /// Tells the measures of an interval, which begins with those before.
    fn tell(
        &mut self,
        now: Measures,
        header: RecordHeader,
        start: u64,
        window: &mut Window<'_>,
        output: &mut Output<'_>,
    ) {
        let before = self.before.as_ref();
        let ticks = before.map(|before| ticks(&before.processors, &now.processors)).filter(Ticks::is_some);
        let seconds = before.and_then(|before| now.time.checked_sub(before.time)).and_then(|s| i64::try_from(s).ok());
        let mut details = Details::new("sysstat.cpu");
        let message = match (ticks, now.load) {
            (Some(ticks), load) => ticks.tell(seconds, load, &mut details),
            // The first record after a start has nothing to be compared with.
            (None, Some(load)) => {
                details.kind = "sysstat.load";
                tell_load(load, &mut details).split_off(2)
            }
            (None, None) => {
                details.kind = "sysstat.load";
                "nothing of the processor and the load".to_owned()
            }
        };
        let processors = now.processors.len().saturating_sub(usize::from(now.processors.len() > 1));
        details.number("processors", i64::try_from(processors).ok().filter(|processors| *processors > 0));
        self.emit(&details, header, start, message.as_bytes(), window, output);
        self.before = Some(now);
    }

    fn emit(
        &self,
        details: &Details<'_>,
        header: RecordHeader,
        start: u64,
        message: &[u8],
        window: &mut Window<'_>,
        output: &mut Output<'_>,
    ) {
        let end = window.position();
        let span: Span = window.span(start, end.saturating_sub(start));
        let time = i64::try_from(header.time).ok().and_then(|seconds| seconds.checked_mul(1_000_000_000));
        output.event(&Event {
            time: time.map(Timestamp::from_nanoseconds),
            basis: TimeBasis::Stated,
            span,
            host: &self.layout.host,
            message,
            ..details.event()
        });
    }
}

/// The ticks of all processors between two records. Where there are several, the first of the list stands for all of them
/// together; it is worked out from the others, as sar does, since some kernels count it wrongly.
fn ticks(before: &[[u64; 8]], now: &[[u64; 8]]) -> Ticks {
    let first = usize::from(now.len() > 1);
    let mut ticks = Ticks::default();
    for (before, now) in before.iter().zip(now).skip(first) {
        // A processor that is off has no counters.
        if now.iter().all(|counter| *counter == 0) {
            continue;
        }
        let mut passed = [0_u64; 8];
        for (passed, (before, now)) in passed.iter_mut().zip(before.iter().zip(now)) {
            // The kernel lets idle and waiting times go back at times.
            *passed = now.saturating_sub(*before);
        }
        let [user, nice, system, idle, iowait, steal, interrupts, soft] = passed;
        let system = system.saturating_add(interrupts).saturating_add(soft);
        for (sum, part) in [
            (&mut ticks.user, user),
            (&mut ticks.nice, nice),
            (&mut ticks.system, system),
            (&mut ticks.idle, idle),
            (&mut ticks.iowait, iowait),
            (&mut ticks.steal, steal),
        ] {
            *sum = sum.saturating_add(part);
        }
    }
    ticks
}

#[cfg(test)]
mod tests;
