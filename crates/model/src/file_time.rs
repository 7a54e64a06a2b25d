//! The times that a filesystem keeps.

use crate::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt;

/// A time as an inode holds it, in UTC. It reaches further than [`Timestamp`]: ext4 keeps the years 1901 to 2446.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime {
    seconds: i64,
    nanoseconds: Option<u32>,
}

impl FileTime {
    /// `seconds` since 1970 in UTC; `nanoseconds` is `None` where the inode keeps whole seconds alone. A number above
    /// 999,999,999, which no kernel writes, is kept as it was found.
    #[must_use]
    pub const fn new(seconds: i64, nanoseconds: Option<u32>) -> Self {
        Self { seconds, nanoseconds }
    }

    /// Whole seconds since 1970 in UTC, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds after [`Self::seconds`]; `None` where they are not recorded.
    #[must_use]
    pub const fn nanoseconds(self) -> Option<u32> {
        self.nanoseconds
    }

    /// The same as a [`Timestamp`]; `None` before 1677 and after 2262.
    #[must_use]
    pub fn timestamp(self) -> Option<Timestamp> {
        let whole = self.seconds.checked_mul(1_000_000_000)?;
        whole.checked_add(i64::from(self.nanoseconds.unwrap_or(0))).map(Timestamp::from_nanoseconds)
    }
}

/// RFC 3339 with `Z`: nine digits after the point where nanoseconds are recorded, none where they are not.
impl fmt::Display for FileTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.nanoseconds.unwrap_or(0);
        let time = jiff::Timestamp::from_second(self.seconds).ok().filter(|_| nanoseconds < 1_000_000_000);
        match (time, self.nanoseconds) {
            (Some(time), Some(nanoseconds)) => write!(f, "{}.{nanoseconds:09}Z", time.strftime("%Y-%m-%dT%H:%M:%S")),
            (Some(time), None) => write!(f, "{}", time.strftime("%Y-%m-%dT%H:%M:%SZ")),
            (None, _) => write!(f, "{} s and {nanoseconds} ns", self.seconds),
        }
    }
}

impl Serialize for FileTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_shown_where_they_are_recorded() {
        assert_eq!(FileTime::new(1_700_000_000, Some(5)).to_string(), "2023-11-14T22:13:20.000000005Z");
        assert_eq!(FileTime::new(1_700_000_000, None).to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(FileTime::new(-1, Some(500_000_000)).to_string(), "1969-12-31T23:59:59.500000000Z");
    }

    #[test]
    fn times_past_the_reach_of_a_timestamp_and_impossible_nanoseconds_are_still_shown() {
        let late = FileTime::new(15_032_385_535, Some(0));
        assert_eq!(late.to_string(), "2446-05-10T22:38:55.000000000Z");
        assert_eq!(late.timestamp(), None);
        assert_eq!(FileTime::new(7, Some(1_073_741_823)).to_string(), "7 s and 1073741823 ns");
    }
}
