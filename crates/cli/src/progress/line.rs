//! The progress in words.

use kanshiki_model::Size;
use std::time::Duration;

/// How far a part of the work is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snapshot<'a> {
    /// What is being done.
    pub(super) task: &'a str,
    /// Bytes done.
    pub(super) done: u64,
    /// Bytes to do, where that is known.
    pub(super) total: Option<u64>,
    /// Bytes a second, where that can be told.
    pub(super) rate: Option<u64>,
    /// Bytes of the source that are unreadable as it stands.
    pub(super) unreadable: u64,
}

impl Snapshot<'_> {
    /// Hundredths of the work that are done.
    pub(super) fn percent(&self) -> Option<u64> {
        let total = self.total.filter(|total| *total > 0)?;
        u64::try_from(u128::from(self.done.min(total)) * 100 / u128::from(total)).ok()
    }

    /// Seconds that the rest will take at the present rate.
    pub(super) fn seconds_left(&self) -> Option<u64> {
        let left = self.total?.saturating_sub(self.done);
        self.rate.filter(|rate| *rate > 0).map(|rate| left.div_ceil(rate))
    }

    /// One line of at most `width` characters; what does not fit is left out from the end, the unreadable bytes last.
    pub(super) fn line(&self, width: usize) -> String {
        let mut parts = vec![match self.total {
            Some(total) => format!("{}: {} of {}", self.task, Size(self.done).short(), Size(total).short()),
            None => format!("{}: {}", self.task, Size(self.done).short()),
        }];
        if self.unreadable > 0 {
            parts.push(format!("{} unreadable", Size(self.unreadable).short()));
        }
        parts.extend(self.percent().map(|percent| format!("{percent} %")));
        parts.extend(self.rate.map(|rate| format!("{}/s", Size(rate).short())));
        parts.extend(self.seconds_left().map(|seconds| format!("{} left", whole_seconds(seconds))));
        while parts.len() > 1 && parts.join(", ").chars().count() > width {
            parts.pop();
        }
        parts.join(", ").chars().take(width).collect()
    }
}

/// A duration that is only guessed: without tenths.
fn whole_seconds(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { duration(Duration::from_secs(seconds)) }
}

/// A duration as people say it: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{}.{} s", seconds, duration.subsec_millis() / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Snapshot<'static> =
        Snapshot { task: "read /dev/sdb", done: 512 << 20, total: Some(1 << 30), rate: Some(4 << 20), unreadable: 512 };

    #[test]
    fn a_wide_line_says_everything() {
        assert_eq!(
            HALF.line(100),
            "read /dev/sdb: 512.0 MiB of 1.0 GiB, 512 bytes unreadable, 50 %, 4.0 MiB/s, 2 min 08 s left"
        );
    }

    #[test]
    fn a_narrow_line_keeps_the_unreadable_bytes() {
        assert_eq!(HALF.line(64), "read /dev/sdb: 512.0 MiB of 1.0 GiB, 512 bytes unreadable, 50 %");
        assert_eq!(HALF.line(20), "read /dev/sdb: 512.0");
    }

    #[test]
    fn what_is_left_is_told_without_tenths() {
        let nearly = Snapshot { done: (1 << 30) - (12 << 20), unreadable: 0, ..HALF };
        assert_eq!(nearly.line(100), "read /dev/sdb: 1012.0 MiB of 1.0 GiB, 98 %, 4.0 MiB/s, 3 s left");
    }

    #[test]
    fn without_a_total_there_is_no_percentage() {
        let stream = Snapshot { total: None, unreadable: 0, rate: None, ..HALF };
        assert_eq!(stream.line(80), "read /dev/sdb: 512.0 MiB");
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        let said: Vec<String> =
            [400, 12_000, 185_000, 7_620_000].into_iter().map(|ms| duration(Duration::from_millis(ms))).collect();
        assert_eq!(said, ["0.4 s", "12 s", "3 min 05 s", "2 h 07 min"]);
    }
}
