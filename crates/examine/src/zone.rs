//! From what a clock on the wall of the machine showed to a point in time.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use kanshiki_model::Timestamp;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60;
const QUARTER: i64 = 15 * MINUTE;

/// The zone of a machine, and how it is known.
#[derive(Debug, Clone)]
pub struct Zone {
    zone: TimeZone,
    reason: String,
}

impl Zone {
    /// UTC, for want of anything better.
    #[must_use]
    pub fn unknown() -> Self {
        Self { zone: TimeZone::UTC, reason: "zone UTC taken, since the image tells none".to_owned() }
    }

    /// This zone, known for this reason.
    #[must_use]
    pub const fn new(zone: TimeZone, reason: String) -> Self {
        Self { zone, reason }
    }

    /// How it is known, in words.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Its name in the database of zones, if it has one there.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.zone.iana_name().filter(|name| TimeZone::get(name).is_ok())
    }

    /// Whether clocks of both show the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.zone == other.zone
    }

    /// What a clock in this zone shows at a point in time.
    #[must_use]
    pub fn civil(&self, time: Timestamp) -> Option<Civil> {
        let time = jiff::Timestamp::from_nanosecond(i128::from(time.as_nanoseconds())).ok()?;
        Civil::of(self.zone.to_datetime(time))
    }

    /// Seconds ahead of UTC when a clock in this zone shows this and the zone has this short name, such as `CEST`; `None` if
    /// it has another name then.
    #[must_use]
    pub fn ahead_by_name(&self, shown: &Civil, name: &[u8]) -> Option<i64> {
        let (first, second) = offsets_at(&self.zone, shown)?;
        [Some(first), second].into_iter().flatten().find(|ahead| {
            let seconds = shown.seconds().and_then(|seconds| seconds.checked_sub(*ahead));
            let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
            time.is_some_and(|time| {
                let info = self.zone.to_offset_info(time);
                info.abbreviation().as_bytes() == name && i64::from(info.offset().seconds()) == *ahead
            })
        })
    }

    /// Something that turns many times of this zone into points in time.
    #[must_use]
    pub fn wall(&self) -> WallClock<'_> {
        WallClock { zone: self, quarter: i64::MIN, offset: 0, later: None, last: None }
    }
}

/// Turns times of a zone into points in time; quick for times that lie near each other.
///
/// A time that the clock showed twice, when it was set back in autumn, is taken for the earlier of the two, or for the later
/// where the earlier would go back far behind the time before; one that it never showed, in spring, as if it had not been set
/// yet.
#[derive(Debug)]
pub struct WallClock<'a> {
    zone: &'a Zone,
    /// The quarter of an hour that was asked for last, as the clock showed it, since 1970.
    quarter: i64,
    /// Seconds that the zone is ahead of UTC in it.
    offset: i64,
    /// The same when the clock showed it for the second time.
    later: Option<i64>,
    /// The time before, in seconds since 1970 in UTC.
    last: Option<i64>,
}

/// Seconds by which the times of a log go back without a clock that was set back: writers that wait for each other.
const DISORDER: i64 = 600;

impl WallClock<'_> {
    /// The point in time at which the clock showed this; `None` if there is no such day, or it lies outside of the years
    /// 1678 to 2261.
    pub fn at(&mut self, shown: &Civil) -> Option<Timestamp> {
        let seconds = shown.seconds()?;
        let quarter = seconds.div_euclid(QUARTER);
        if quarter != self.quarter {
            // Zones are ahead of UTC by whole quarters of an hour today; by odd seconds before they were made.
            (self.offset, self.later) = offsets_at(&self.zone.zone, shown)?;
            self.quarter = quarter;
        }
        let mut time = seconds.checked_sub(self.offset)?;
        if let (Some(later), Some(last)) = (self.later, self.last)
            && time < last.saturating_sub(DISORDER)
        {
            time = seconds.checked_sub(later)?;
        }
        self.last = Some(time);
        let nanoseconds = time.checked_mul(SECOND)?;
        nanoseconds.checked_add(i64::from(shown.nanosecond)).map(Timestamp::from_nanoseconds)
    }
}

/// Seconds that a zone is ahead of UTC when its clock shows this, and when it shows it for the second time.
fn offsets_at(zone: &TimeZone, shown: &Civil) -> Option<(i64, Option<i64>)> {
    let date =
        jiff::civil::Date::new(i16::try_from(shown.year).ok()?, number(shown.month)?, number(shown.day)?).ok()?;
    let time =
        DateTime::from_parts(date, jiff::civil::Time::new(number(shown.hour)?, number(shown.minute)?, 0, 0).ok()?);
    let offset = match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => (offset, None),
        AmbiguousOffset::Gap { before, .. } => (before, None),
        AmbiguousOffset::Fold { before, after } => (before, Some(after)),
    };
    let (first, second) = offset;
    Some((i64::from(first.seconds()), second.map(|second| i64::from(second.seconds()))))
}

fn number(number: u8) -> Option<i8> {
    i8::try_from(number).ok()
}

/// What a clock and a calendar show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
    /// 0 to 999,999,999.
    pub nanosecond: u32,
}

impl Civil {
    /// Seconds since 1970, if the clock shows UTC; `None` if there is no such time.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        let valid = (1..=days_of(self.year, self.month)?).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second <= 60
            && self.nanosecond < 1_000_000_000;
        if !valid {
            return None;
        }
        let days = days_since_1970(self.year, self.month, self.day)?;
        let hours = days.checked_mul(24)?.checked_add(i64::from(self.hour))?;
        let minutes = hours.checked_mul(60)?.checked_add(i64::from(self.minute))?;
        minutes.checked_mul(60)?.checked_add(i64::from(self.second))
    }

    /// The point in time, if the clock is so many seconds ahead of UTC.
    #[must_use]
    pub fn at_offset(&self, ahead: i64) -> Option<Timestamp> {
        let nanoseconds = self.seconds()?.checked_sub(ahead)?.checked_mul(SECOND)?;
        nanoseconds.checked_add(i64::from(self.nanosecond)).map(Timestamp::from_nanoseconds)
    }

    fn of(time: DateTime) -> Option<Self> {
        let small = |number: i8| u8::try_from(number).ok();
        Some(Self {
            year: i32::from(time.year()),
            month: small(time.month())?,
            day: small(time.day())?,
            hour: small(time.hour())?,
            minute: small(time.minute())?,
            second: small(time.second())?,
            nanosecond: u32::try_from(time.subsec_nanosecond()).ok()?,
        })
    }
}

/// Days of a month; `None` if there is no such month.
const fn days_of(year: i32, month: u8) -> Option<u8> {
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => return None,
    })
}

/// Whether a year has a 29 February.
pub(crate) const fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days from 1970-01-01 to a day of the Gregorian calendar; the day is valid.
///
/// The year is counted from March, so that the leap day comes last: then the days before a month are (153 m + 2) / 5.
fn days_since_1970(year: i32, month: u8, day: u8) -> Option<i64> {
    let from_march = i64::from(month).checked_add(9)?.checked_rem(12)?;
    let year = if month <= 2 { i64::from(year).checked_sub(1)? } else { i64::from(year) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year =
        from_march.checked_mul(153)?.checked_add(2)?.div_euclid(5).checked_add(i64::from(day))?.checked_sub(1)?;
    let leap_days = of_era.div_euclid(4).checked_sub(of_era.div_euclid(100))?;
    let days = of_era.checked_mul(365)?.checked_add(leap_days)?.checked_add(of_year)?;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    era.checked_mul(146_097)?.checked_add(days)?.checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn civil(year: i32, month: u8, day: u8, hour: u8, minute: u8) -> Civil {
        Civil { year, month, day, hour, minute, second: 0, nanosecond: 0 }
    }

    #[test]
    fn the_hour_that_the_clock_shows_twice_is_the_first_and_the_one_it_never_shows_goes_on() {
        let zone = Zone::new(jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(), String::new());
        let mut wall = zone.wall();
        let shown = [
            civil(2024, 10, 27, 2, 30),
            civil(2024, 3, 31, 2, 30),
            civil(2024, 7, 1, 0, 0),
            civil(1969, 12, 31, 23, 59),
        ];
        let times = shown.map(|shown| wall.at(&shown).unwrap().to_string());
        assert_eq!(
            times,
            ["2024-10-27T00:30:00Z", "2024-03-31T01:30:00Z", "2024-06-30T22:00:00Z", "1969-12-31T22:59:00Z"]
        );
    }

    #[test]
    fn records_go_on_in_the_hour_that_the_clock_shows_for_the_second_time() {
        let zone = Zone::new(jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(), String::new());
        let mut wall = zone.wall();
        let shown = [(2, 59), (2, 58), (2, 0), (2, 30), (2, 29), (3, 0)];
        let times = shown.map(|(hour, minute)| wall.at(&civil(2024, 10, 27, hour, minute)).unwrap().to_string());
        let expected = ["00:59", "00:58", "01:00", "01:30", "01:29", "02:00"];
        assert_eq!(times, expected.map(|time| format!("2024-10-27T{time}:00Z")));
    }

    #[test]
    fn there_is_no_29_february_in_other_years() {
        let mut wall = WallClock { zone: &Zone::unknown(), quarter: i64::MIN, offset: 0, later: None, last: None };
        assert_eq!(wall.at(&civil(2024, 2, 29, 0, 0)).unwrap().to_string(), "2024-02-29T00:00:00Z");
        assert_eq!(wall.at(&civil(2106, 2, 8, 0, 0)).unwrap().to_string(), "2106-02-08T00:00:00Z");
        for shown in
            [civil(2023, 2, 29, 0, 0), civil(2100, 2, 29, 0, 0), civil(2024, 13, 1, 0, 0), civil(2024, 1, 1, 24, 0)]
        {
            assert_eq!(wall.at(&shown), None);
        }
    }

    proptest! {
        #[test]
        fn times_are_those_of_the_library(seconds in -9_000_000_000_i64..9_000_000_000) {
            let time = Timestamp::from_nanoseconds(seconds * SECOND + 5);
            let civil = Zone::unknown().civil(time).unwrap();
            prop_assert_eq!(civil.at_offset(0), Some(time));
            let zone = Zone::new(jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0").unwrap(), String::new());
            let shown = zone.zone.to_datetime(jiff::Timestamp::from_second(seconds).unwrap());
            let shown = Civil { nanosecond: 5, ..Civil::of(shown).unwrap() };
            let found = zone.wall().at(&shown).unwrap().as_nanoseconds() - time.as_nanoseconds();
            prop_assert!(found == 0 || found == -3600 * SECOND, "{}", found);
        }
    }
}
