//! Times in words.

use kanshiki_model::Timestamp;

/// Nanoseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// Nanoseconds of an hour.
pub(crate) const HOUR: i64 = 3600 * SECOND;

/// Nanoseconds of a day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// A time to the second, in UTC.
pub(crate) fn utc(time: i64) -> String {
    Timestamp::from_nanoseconds(time.div_euclid(SECOND).saturating_mul(SECOND)).to_string()
}

/// A stretch of time, as `between A and B` or `at A`.
pub(crate) fn stretch(first: i64, last: i64) -> String {
    if utc(first) == utc(last) {
        format!("at {}", utc(first))
    } else {
        format!("between {} and {}", utc(first), utc(last))
    }
}
