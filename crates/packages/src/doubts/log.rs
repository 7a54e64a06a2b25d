//! When dpkg ran, as `dpkg.log` has it: `2024-03-01 12:00:00 startup archives unpack`, in local time.

use crate::file;
use kanshiki_filesystem::View;
use kanshiki_image::ReadAt;
use kanshiki_model::{ByteRange, Timestamp};
use kanshiki_walk::contents::RangeReader;
use kanshiki_walk::decompress::{Compression, Content};
use std::io::Read;

/// Where the logs lie: `dpkg.log`, `dpkg.log.1`, `dpkg.log.2.gz`.
const FOLDER: &[u8] = b"/var/log";

/// Logs that are read.
const LOGS: usize = 200;

/// Bytes of one log that are read.
const LOG_BYTES: u64 = 16 << 20;

/// Bytes of a date and a time.
const TIME_BYTES: usize = 19;

/// When dpkg did something, in seconds since 1970 as if local time were UTC, in order.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<i64>);

impl Runs {
    pub(super) fn read(view: &View) -> Self {
        let mut times = Vec::new();
        for name in file::names(view, FOLDER, &|name| name.starts_with(b"dpkg.log")).0.into_iter().take(LOGS) {
            if let Ok((_, source)) = file::open(view, &[FOLDER, b"/", &name].concat()) {
                // Of a log that is damaged what comes before the damage.
                times.extend(self::times(&content(&*source)));
            }
        }
        times.sort_unstable();
        times.dedup();
        Self(times)
    }

    /// The last time that is not after this one, and the first that is; `None` if the logs do not reach so far back.
    pub(super) fn around(&self, seconds: i64) -> Option<(i64, Option<i64>)> {
        let after = self.0.partition_point(|time| *time <= seconds);
        let before = self.0.get(after.checked_sub(1)?)?;
        Some((*before, self.0.get(after).copied()))
    }
}

fn content(source: &dyn ReadAt) -> Vec<u8> {
    let (mut head, mut bytes) = ([0; 10], Vec::new());
    let read = source.read_at(0, &mut head).unwrap_or(0);
    let plain = || RangeReader::new(source, ByteRange::new(0, source.len().min(LOG_BYTES)));
    let _ = match Compression::sniff(head.get(..read).unwrap_or_default()) {
        Some(compression) => {
            Content::new(compression, source).and_then(|content| content.take(LOG_BYTES).read_to_end(&mut bytes))
        }
        None => plain().read_to_end(&mut bytes),
    };
    bytes
}

/// The times of the lines, those of the same second once where they stand together.
fn times(log: &[u8]) -> Vec<i64> {
    let mut times = Vec::new();
    let mut last: &[u8] = b"";
    for line in log.split(|byte| *byte == b'\n') {
        let text = line.get(..TIME_BYTES).unwrap_or_default();
        if text == last {
            continue;
        }
        last = text;
        times.extend(time(text));
    }
    times
}

fn time(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (date, time) = text.split_once(' ')?;
    let time: Timestamp = format!("{date}T{time}Z").parse().ok()?;
    time.as_nanoseconds().checked_div(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_lines_that_have_one() {
        let log = b"2024-03-01 12:00:00 startup\n2024-03-01 12:00:00 install\nnothing\n2024-13-01 12:00:00 x\n2024-03-02 00:00:01 y";
        assert_eq!(times(log), [1_709_294_400, 1_709_337_601]);
        let runs = Runs(times(log));
        assert_eq!(runs.around(1_709_294_399), None);
        assert_eq!(runs.around(1_709_294_400), Some((1_709_294_400, Some(1_709_337_601))));
        assert_eq!(runs.around(i64::MAX), Some((1_709_337_601, None)));
    }
}
