//! Ranges of numbers and of times as the command line gives them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use kanshiki_model::FileTime;
use std::str::FromStr;

/// Numbers from the first to the last, both among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// Why a range cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BoundsError {
    /// An end is no number.
    #[error("`{found}` is no number: expected as in 5, 5.., ..5 or 2..5")]
    Number {
        /// What was given.
        found: String,
    },
    /// An end is no time.
    #[error(
        "`{found}` is no time: expected as in 2024, 2024-03, 2024-03-05, 2024-03-05T10:11 or 2024-03-05T10:11:12.5Z"
    )]
    Time {
        /// What was given.
        found: String,
    },
    /// The range ends before it begins.
    #[error("`{found}` ends before it begins")]
    Reversed {
        /// What was given.
        found: String,
    },
}

impl Numbers {
    /// Reads `N`, `A..B`, `A..` or `..B` with a reader for each number.
    ///
    /// # Errors
    ///
    /// [`BoundsError`].
    pub fn parse(text: &str, number: impl Fn(&str) -> Option<u64>) -> Result<Self, BoundsError> {
        let read = |part: &str| number(part).ok_or_else(|| BoundsError::Number { found: part.to_owned() });
        let range = match text.split_once("..") {
            None => {
                let only = read(text)?;
                Self { first: only, last: only }
            }
            Some((first, last)) => Self {
                first: if first.is_empty() { 0 } else { read(first)? },
                last: if last.is_empty() { u64::MAX } else { read(last)? },
            },
        };
        if range.first > range.last {
            return Err(BoundsError::Reversed { found: text.to_owned() });
        }
        Ok(range)
    }

    /// Whether a number lies among them.
    #[must_use]
    pub const fn contains(self, number: u64) -> bool {
        self.first <= number && number <= self.last
    }
}

impl FromStr for Numbers {
    type Err = BoundsError;

    fn from_str(text: &str) -> Result<Self, BoundsError> {
        Self::parse(text, |part| part.parse().ok())
    }
}

/// A moment: seconds since 1970 in UTC, and nanoseconds after them.
type Moment = (i64, u32);

/// Times from the first moment up to, but without, the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    from: Moment,
    until: Moment,
}

impl Times {
    /// All times.
    pub const ALL: Self = Self { from: (i64::MIN, 0), until: (i64::MAX, u32::MAX) };

    /// Reads `T`, `A..B`, `A..` or `..B`. A year, a month, a day, a minute or a second stands for all of it, so that `2024-03-05` is that
    /// day and `2024-03-05..2024-03-06` both days. Times without an offset are taken in `zone`.
    ///
    /// # Errors
    ///
    /// [`BoundsError`].
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, BoundsError> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let from = if first.is_empty() { Self::ALL.from } else { moments(first, zone)?.0 };
        let until = if last.is_empty() { Self::ALL.until } else { moments(last, zone)?.1 };
        if from >= until {
            return Err(BoundsError::Reversed { found: text.to_owned() });
        }
        Ok(Self { from, until })
    }

    /// From the beginning of one time to the end of another, each as in [`Self::parse`].
    ///
    /// # Errors
    ///
    /// [`BoundsError`].
    pub fn between(from: Option<&str>, to: Option<&str>, zone: &TimeZone) -> Result<Self, BoundsError> {
        Self::parse(&format!("{}..{}", from.unwrap_or_default(), to.unwrap_or_default()), zone)
    }

    /// The first and the one behind the last, in nanoseconds since 1970 in UTC, as near as they have numbers (years 1678 to
    /// 2261); `None` where there is no bound.
    #[must_use]
    pub fn nanoseconds(self) -> (Option<i64>, Option<i64>) {
        let number = |moment: Moment, without: Moment| {
            let (seconds, nanoseconds) = moment;
            (moment != without).then(|| seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanoseconds)))
        };
        (number(self.from, Self::ALL.from), number(self.until, Self::ALL.until))
    }

    /// Whether a time lies among them. Whole seconds count as their beginning.
    #[must_use]
    pub fn contains(self, time: FileTime) -> bool {
        let moment = (time.seconds(), time.nanoseconds().unwrap_or(0));
        self.from <= moment && moment < self.until
    }
}

impl FromStr for Times {
    type Err = BoundsError;

    fn from_str(text: &str) -> Result<Self, BoundsError> {
        Self::parse(text, &TimeZone::UTC)
    }
}

/// The beginning and the end of what a time stands for.
fn moments(text: &str, zone: &TimeZone) -> Result<(Moment, Moment), BoundsError> {
    let wrong = || BoundsError::Time { found: text.to_owned() };
    if let Some(months) = months(text) {
        let (first, next) = months.map_err(|()| wrong())?;
        return Ok((midnight(first, zone).ok_or_else(wrong)?, midnight(next, zone).ok_or_else(wrong)?));
    }
    let moment = |time: jiff::Timestamp| (time.as_second(), u32::try_from(time.subsec_nanosecond()).unwrap_or(0));
    // A time that a clock shows twice, or not at all, begins with the first and ends with the last that it may be.
    let (start, last, step) = match text.parse::<jiff::Timestamp>() {
        Ok(time) => (time, time, Step::of(text)),
        Err(_) => {
            let civil = text.parse::<DateTime>().map_err(|_| wrong())?;
            let step = Step::of(text);
            if step == Step::Day {
                let date = text.parse::<Date>().map_err(|_| wrong())?;
                let next = date.tomorrow().map_err(|_| wrong())?;
                let midnight = jiff::civil::Time::midnight();
                let start = zone.to_timestamp(date.to_datetime(midnight)).map_err(|_| wrong())?;
                let end = zone.to_timestamp(next.to_datetime(midnight)).map_err(|_| wrong())?;
                return Ok((moment(start), moment(end)));
            }
            let either = zone.to_ambiguous_timestamp(civil);
            (either.earlier().map_err(|_| wrong())?, either.later().map_err(|_| wrong())?, step)
        }
    };
    let (start, last) = (moment(start), moment(last));
    let end = match step {
        Step::Day | Step::Hour => (last.0.saturating_add(3600), last.1),
        Step::Minute => (last.0.saturating_add(60), last.1),
        Step::Second => (last.0.saturating_add(1), last.1),
        Step::Nanosecond => (last.0, last.1.saturating_add(1)),
    };
    Ok((start, end))
}

/// The first day of the year `2024` or the month `2024-03`, and the first day behind it; `None` if it is neither.
fn months(text: &str) -> Option<Result<(Date, Date), ()>> {
    let (year, month) = text.split_once('-').map_or((text, None), |(year, month)| (year, Some(month)));
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(year, 4) || month.is_some_and(|month| !digits(month, 2)) {
        return None;
    }
    let year: i16 = year.parse().ok()?;
    let date = |year: i16, month: i8| Date::new(year, month, 1).map_err(|_| ());
    let next_year = || date(year.saturating_add(1), 1);
    Some(match month.map(str::parse::<i8>) {
        None => date(year, 1).and_then(|first| Ok((first, next_year()?))),
        Some(Ok(12)) => date(year, 12).and_then(|first| Ok((first, next_year()?))),
        Some(Ok(month)) => date(year, month).and_then(|first| Ok((first, date(year, month.saturating_add(1))?))),
        Some(Err(_)) => Err(()),
    })
}

/// The beginning of a day.
fn midnight(date: Date, zone: &TimeZone) -> Option<Moment> {
    let time = zone.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()?;
    Some((time.as_second(), u32::try_from(time.subsec_nanosecond()).unwrap_or(0)))
}

/// How much a time stands for, by how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Day,
    Hour,
    Minute,
    Second,
    Nanosecond,
}

impl Step {
    fn of(text: &str) -> Self {
        let Some((_, clock)) = text.split_once(['T', 't', ' ']) else { return Self::Day };
        let clock = clock.split(['Z', 'z', '+', '-']).next().unwrap_or(clock);
        match (clock.contains('.'), clock.matches(':').count()) {
            (true, _) => Self::Nanosecond,
            (false, 2..) => Self::Second,
            (false, 1) => Self::Minute,
            (false, _) => Self::Hour,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(range: &str, seconds: i64, nanoseconds: u32) -> bool {
        range.parse::<Times>().unwrap().contains(FileTime::new(seconds, Some(nanoseconds)))
    }

    // 2024-03-05 is the day that begins 1,709,596,800 seconds after 1970.
    #[test]
    fn a_day_is_all_of_the_day() {
        assert!(has("2024-03-05", 1_709_596_800, 0) && has("2024-03-05", 1_709_683_199, 999_999_999));
        assert!(!has("2024-03-05", 1_709_596_799, 999_999_999) && !has("2024-03-05", 1_709_683_200, 0));
        assert!(has("2024-03-05..2024-03-06", 1_709_769_599, 0) && !has("..2024-03-04", 1_709_596_800, 0));
        assert!(has("2024-03-05..", i64::MAX, 0) && has("..2024-03-05", i64::MIN, 0));
    }

    #[test]
    fn an_hour_is_all_of_the_hour() {
        assert!(has("2024-03-05T10", 1_709_632_800, 0) && has("2024-03-05T10", 1_709_636_399, 999_999_999));
        assert!(!has("2024-03-05T10", 1_709_632_799, 0) && !has("2024-03-05T10", 1_709_636_400, 0));
    }

    #[test]
    fn a_year_or_a_month_is_all_of_it() {
        // 2024 begins 1,704,067,200 seconds after 1970, March 1,709,251,200, April 1,711,929,600, 2025 1,735,689,600.
        assert!(has("2024", 1_704_067_200, 0) && has("2024", 1_735_689_599, 999_999_999));
        assert!(!has("2024", 1_704_067_199, 999_999_999) && !has("2024", 1_735_689_600, 0));
        assert!(has("2024-03", 1_709_251_200, 0) && has("2024-03", 1_711_929_599, 0));
        assert!(!has("2024-03", 1_709_251_199, 0) && !has("2024-03", 1_711_929_600, 0));
        assert!(has("2024-12", 1_735_689_599, 0) && !has("2024-12", 1_735_689_600, 0));
        assert!(has("2039..", i64::MAX, 0) && !has("2039..", 1_735_689_600, 0) && has("..2023-12", 0, 0));
        for wrong in ["2024-13", "2024-00", "202", "20240", "2024-3"] {
            assert!(wrong.parse::<Times>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_minute_a_second_and_a_nanosecond_are_all_of_it() {
        assert!(has("2024-03-05T00:01", 1_709_596_919, 9) && !has("2024-03-05T00:01", 1_709_596_920, 0));
        assert!(has("2024-03-05T00:00:01Z", 1_709_596_801, 9) && !has("2024-03-05T00:00:01Z", 1_709_596_802, 0));
        assert!(has("2024-03-05T00:00:01.5Z", 1_709_596_801, 500_000_000));
        assert!(!has("2024-03-05T00:00:01.5Z", 1_709_596_801, 500_000_001));
        assert!(has("2024-03-05T01:00+01:00", 1_709_596_800, 0));
    }

    #[test]
    fn a_time_that_a_clock_shows_twice_or_never_takes_in_all_that_it_may_be() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let seconds = |text: &str| Times::parse(text, &zone).unwrap().nanoseconds();
        let utc = |text: &str| Times::parse(text, &TimeZone::UTC).unwrap().nanoseconds();
        assert_eq!(seconds("2024-10-27T02:30"), utc("2024-10-27T00:30..2024-10-27T01:30"));
        assert_eq!(seconds("2024-03-31T02:30"), utc("2024-03-31T00:30..2024-03-31T01:30"));
    }

    #[test]
    fn bounds_that_have_no_number_are_bounds_all_the_same() {
        let numbers = |from, to| Times::between(from, to, &TimeZone::UTC).unwrap().nanoseconds();
        assert_eq!(numbers(Some("2500"), None), (Some(i64::MAX), None));
        assert_eq!(numbers(None, Some("0001")), (None, Some(i64::MIN)));
        assert_eq!(numbers(None, None), (None, None));
    }

    #[test]
    fn a_zone_moves_times_without_an_offset() {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let day = Times::parse("2024-03-05", &zone).unwrap();
        assert!(day.contains(FileTime::new(1_709_596_800 - 9 * 3600, None)));
        assert!(!day.contains(FileTime::new(1_709_596_800 + 15 * 3600, None)));
    }

    #[test]
    fn ranges_that_are_none_are_refused_with_what_was_given() {
        assert_eq!("5..2".parse::<Numbers>().unwrap_err().to_string(), "`5..2` ends before it begins");
        assert!("x".parse::<Numbers>().is_err() && "".parse::<Numbers>().is_err());
        assert_eq!(
            "today".parse::<Times>().unwrap_err().to_string(),
            "`today` is no time: expected as in 2024, 2024-03, 2024-03-05, 2024-03-05T10:11 or 2024-03-05T10:11:12.5Z"
        );
        assert!("2024-03-06..2024-03-05".parse::<Times>().is_err());
    }

    #[test]
    fn numbers_have_both_ends() {
        let range: Numbers = "2..5".parse().unwrap();
        assert!(range.contains(2) && range.contains(5) && !range.contains(6));
        assert!("..5".parse::<Numbers>().unwrap().contains(0) && "3..".parse::<Numbers>().unwrap().contains(u64::MAX));
        assert_eq!("7".parse(), Ok(Numbers { first: 7, last: 7 }));
    }
}
