//! The years of records that tell month and day alone.
//!
//! The last record of a log was written when the file was last changed: its year is known. From there the years are counted
//! back by the changes from December to January. How many there are is known only when the whole file was read: at first as
//! few are taken as the dates of the first record and of the file allow, and if that was wrong, the file is read again.

use crate::parser::Context;
use crate::rotated::{self, Added, Day};
use crate::zone::{Civil, is_leap};

/// How the years lie in a file that was read before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct YearHint {
    /// Changes of the year from the first record to the last.
    pub changes: i32,
    /// Years by which all lie further back than the file's time says.
    pub back: i32,
    /// What tells that they do.
    pub by: Witness,
}

/// What tells the years of a file, beside its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Witness {
    /// Nothing.
    #[default]
    None,
    /// There was a 29 February.
    LeapDay,
    /// A record of the file tells its year, month and day.
    Record(i32, u8, u8),
}

/// Days for which a file may be written on behind the date in its name: that is the day of the rotation, or that on which the
/// file was begun.
const WRITTEN_ON: i64 = 180;

/// Years of records that tell them for their neighbours; earlier ones are clocks that were not set.
const CREDIBLE: std::ops::Range<i32> = 1980..2200;

/// The day of the last record, as the file tells it, and whether its name does: one that was copied much later, or made older
/// than it is, bears the date that rotation gave it.
fn day_of_file(context: &Context<'_>) -> (Option<Day>, bool) {
    let modified = context.modified.and_then(|time| context.host.zone.civil(time));
    let modified = modified.map(|civil| (civil.year, civil.month, civil.day));
    let Some((.., Added::Day(named))) = rotated::apart(context.path) else { return (modified, false) };
    let days = |day| seconds(day).map(|seconds| seconds.div_euclid(86_400));
    let behind = modified.and_then(|modified| days(modified)?.checked_sub(days(named)?));
    if behind.is_some_and(|behind| (0..=WRITTEN_ON).contains(&behind)) {
        (modified, false)
    } else {
        (Some(named), true)
    }
}

fn seconds((year, month, day): Day) -> Option<i64> {
    Civil { year, month, day, ..Civil::default() }.seconds()
}

/// Tells the year of one record after the other.
#[derive(Debug)]
pub struct Years {
    /// The day of the last record, as the file tells it.
    file: Option<Day>,
    is_named: bool,
    /// Years by which the neighbours in the rotation tell that the file's day is too late.
    shift: i32,
    told: Option<YearHint>,
    assumed: YearHint,
    /// Changes of the year so far.
    changes: i32,
    /// What tells the years, and the year that was assumed for it.
    witness: (Witness, i32),
    /// The record before, once there was one that tells no year.
    last: Option<Day>,
    /// The last record that tells its year, before there was one that does not.
    stated: Option<Day>,
}

/// Months by which a date goes back where the year has changed; less is a clock that was set back.
const HALF_A_YEAR: u8 = 6;

impl Years {
    /// For the records of a file.
    #[must_use]
    pub fn new(context: &Context<'_>) -> Self {
        let (file, is_named) = day_of_file(context);
        Self {
            file,
            is_named,
            shift: context.shift,
            told: context.years,
            assumed: YearHint::default(),
            changes: 0,
            witness: (Witness::None, 0),
            last: None,
            stated: None,
        }
    }

    /// The year of the next record; `None` if nothing is known to tell it by.
    pub fn year(&mut self, month: u8, day: u8) -> Option<i32> {
        let year = match self.last {
            Some(last) => self.next(last, month)?,
            None => self.first(month, day)?,
        };
        self.last = Some((year, month, day));
        if (month, day) == (2, 29) && self.witness.0 == Witness::None {
            self.witness = (Witness::LeapDay, year);
        }
        Some(year)
    }

    fn first(&mut self, month: u8, day: u8) -> Option<i32> {
        let Some((year, at_month, at_day)) = self.file else {
            return self.stated.and_then(|(year, last, _)| year.checked_add(change(last, month)));
        };
        // A record from a later day of the year than the file's last change is of the year before.
        let before = i32::from((month, day) > (at_month, at_day));
        self.assumed = self.told.unwrap_or(YearHint { changes: before, ..YearHint::default() });
        let year = year.checked_sub(self.shift)?.checked_sub(self.assumed.changes)?.checked_sub(self.assumed.back)?;
        if let Some(stated) = self.stated {
            self.record(stated, year.saturating_sub(change(stated.1, month)));
        }
        Some(year)
    }

    /// The year of a record behind another, and counts its change.
    fn next(&mut self, (year, last, _): Day, month: u8) -> Option<i32> {
        let change = change(last, month);
        self.changes = self.changes.saturating_add(change);
        year.checked_add(change)
    }

    /// A record that tells its year itself, from which that of its neighbours is known.
    pub fn neighbour(&mut self, shown: &Civil) {
        let told = (shown.year, shown.month, shown.day);
        if !CREDIBLE.contains(&shown.year) {
            return;
        }
        let Some(last) = self.last else {
            self.stated = Some(told);
            return;
        };
        let Some(year) = self.next(last, shown.month) else { return };
        self.last = Some((year, shown.month, shown.day));
        self.record(told, year);
    }

    /// Takes note of the first record that tells its year; it counts for more than a 29 February.
    fn record(&mut self, (year, month, day): Day, assumed: i32) {
        if !matches!(self.witness.0, Witness::Record(..)) {
            self.witness = (Witness::Record(year, month, day), assumed);
        }
    }

    /// At the end of the file: how the years lie, if the file must be read again with that.
    #[must_use]
    pub fn hint(&self) -> Option<YearHint> {
        let changes = self.changes.saturating_add(i32::from(self.ends_a_year_before()));
        let (by, assumed) = self.witness;
        // With the right number of changes, the year of the witness is another.
        let year = assumed.saturating_add(self.assumed.changes).saturating_sub(changes);
        let back = match by {
            Witness::None => 0,
            // The next year that had such a day, at most eight back: 1896 and 1904.
            Witness::LeapDay => (0..9).find(|back| year.checked_sub(*back).is_some_and(is_leap)).unwrap_or(0),
            Witness::Record(told, ..) => year.saturating_sub(told),
        };
        let settles = self.told.is_none() && self.last.is_some() && self.file.is_some();
        (settles && (changes, back) != (self.assumed.changes, 0)).then_some(YearHint { changes, back, by })
    }

    /// Whether the last record would lie behind the file's last change, were it of the same year. A day is given for zones
    /// that are not known.
    fn ends_a_year_before(&self) -> bool {
        let (Some((year, at_month, at_day)), Some((_, month, day))) = (self.file, self.last) else { return false };
        let (Some(last), Some(file)) = (seconds((year, month, day)), seconds((year, at_month, at_day))) else {
            return false;
        };
        last.saturating_sub(file) > 86_400
    }

    /// How the years are known, in words.
    #[must_use]
    pub fn reason(&self) -> String {
        let day = |(year, month, day): Day| format!("{year:04}-{month:02}-{day:02}");
        let Some(file) = self.file else {
            return match self.stated {
                Some(stated) => format!("years counted from a record of {} that tells its own", day(stated)),
                None => "no year is known: neither the records nor the file tell one".to_owned(),
            };
        };
        let what = if self.is_named { "the date in the file's name," } else { "the file's last change on" };
        let mut reason = format!("years counted back from {what} {}", day(file));
        if self.shift != 0 {
            let years = self.shift;
            reason.push_str(&format!(
                " and {years} further back, since the newer file of the rotation begins before that"
            ));
        }
        match self.assumed.by {
            Witness::None => {}
            Witness::LeapDay => reason.push_str("; the nearest that have the 29 February of a record"),
            Witness::Record(year, month, at) => {
                reason = format!("years counted from a record of {} that tells its own", day((year, month, at)));
            }
        }
        reason
    }
}

/// By how much the year changes from the month of one record to that of the next.
fn change(last: u8, month: u8) -> i32 {
    if last.saturating_sub(month) >= HALF_A_YEAR {
        1
    } else if (last, month) == (1, 12) {
        // The clock was set back over the end of a year. Other steps forward are silences.
        -1
    } else {
        0
    }
}

/// A date and time with its year told by [`Years`].
impl Years {
    /// The record's time with its year; `None` if no year is known.
    pub fn complete(&mut self, shown: Civil) -> Option<Civil> {
        self.year(shown.month, shown.day).map(|year| Civil { year, ..shown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use kanshiki_model::Timestamp;

    fn years(modified: &str, told: Option<YearHint>, dates: &[(u8, u8)]) -> (Vec<i32>, Option<YearHint>) {
        let host = Host::unknown();
        let modified: Timestamp = modified.parse().unwrap();
        let mut years = Years::new(&Context {
            path: b"",
            modified: Some(modified),
            owner: None,
            host: &host,
            years: told,
            shift: 0,
        });
        let found = dates.iter().map(|(month, day)| years.year(*month, *day).unwrap()).collect();
        (found, years.hint())
    }

    #[test]
    fn a_log_over_new_year_begins_in_the_year_before() {
        let found = years("2024-01-03T00:00:00Z", None, &[(12, 30), (12, 31), (1, 1), (1, 3)]);
        assert_eq!(found, (vec![2023, 2023, 2024, 2024], None));
        let found = years("2024-05-03T00:00:00Z", None, &[(4, 30), (5, 1), (4, 29), (5, 3)]);
        assert_eq!(found, (vec![2024; 4], None));
    }

    #[test]
    fn a_log_that_ends_in_the_year_before_the_change_of_its_file_stays_there() {
        let dates = [(12, 30), (12, 31), (12, 31)];
        assert_eq!(years("2024-01-03T00:00:00Z", None, &dates), (vec![2023; 3], None));
        // The clock of the records may be hours ahead of the zone that is taken.
        let (_, hint) = years("2024-03-05T23:00:00Z", None, &[(3, 6), (3, 6)]);
        assert_eq!(hint, Some(YearHint::default()));
    }

    #[test]
    fn the_date_in_a_rotated_name_tells_the_year_whenever_the_file_was_copied() {
        let host = Host::unknown();
        for (path, modified, expected) in [
            ("/var/log/messages-20210502.gz", "2024-01-03T00:00:00Z", (Some((2021, 5, 2)), true)),
            ("/var/log/messages-20210502.gz", "2020-01-03T00:00:00Z", (Some((2021, 5, 2)), true)),
            // Begun on that day, and written on.
            ("/var/log/messages.20210502", "2021-06-03T00:00:00Z", (Some((2021, 6, 3)), false)),
            ("/var/log/messages", "2024-01-03T00:00:00Z", (Some((2024, 1, 3)), false)),
        ] {
            let modified = Some(modified.parse().unwrap());
            let context = Context { path: path.as_bytes(), modified, owner: None, host: &host, years: None, shift: 0 };
            assert_eq!(day_of_file(&context), expected, "{path}");
        }
    }

    #[test]
    fn a_record_that_tells_its_year_tells_that_of_its_neighbours() {
        let host = Host::unknown();
        let read = |told: Option<YearHint>| {
            let modified: Timestamp = "2026-01-03T00:00:00Z".parse().unwrap();
            let context =
                Context { path: b"", modified: Some(modified), owner: None, host: &host, years: told, shift: 0 };
            let mut years = Years::new(&context);
            let mut found = vec![years.year(11, 30).unwrap(), years.year(12, 31).unwrap()];
            years.neighbour(&Civil { year: 1970, month: 1, day: 1, ..Civil::default() });
            years.neighbour(&Civil { year: 2016, month: 1, day: 1, ..Civil::default() });
            found.push(years.year(1, 2).unwrap());
            (found, years.hint(), years.reason())
        };
        let (found, hint, _) = read(None);
        assert_eq!(found, [2025, 2025, 2026]);
        assert_eq!(hint, Some(YearHint { changes: 1, back: 10, by: Witness::Record(2016, 1, 1) }));
        let (found, again, reason) = read(hint);
        assert_eq!((found, again), (vec![2015, 2015, 2016], None));
        assert_eq!(reason, "years counted from a record of 2016-01-01 that tells its own");
    }

    #[test]
    fn records_without_a_year_behind_one_that_tells_it_are_of_that_year() {
        let host = Host::unknown();
        for (modified, back) in [(Some("2019-07-01T00:00:00Z".parse().unwrap()), Some(-5)), (None, None)] {
            let mut years =
                Years::new(&Context { path: b"", modified, owner: None, host: &host, years: None, shift: 0 });
            years.neighbour(&Civil { year: 2023, month: 12, day: 31, ..Civil::default() });
            let year = years.year(1, 1).unwrap();
            assert_eq!(years.hint().map(|hint| hint.back), back);
            assert_eq!(year - back.unwrap_or(0), 2024);
        }
    }

    #[test]
    fn a_log_of_several_years_is_read_again_with_their_number() {
        let dates = [(3, 1), (12, 1), (1, 1), (11, 1), (2, 1), (3, 2)];
        let (_, hint) = years("2024-03-03T00:00:00Z", None, &dates);
        assert_eq!(hint, Some(YearHint { changes: 2, ..YearHint::default() }));
        assert_eq!(years("2024-03-03T00:00:00Z", hint, &dates), (vec![2022, 2022, 2023, 2023, 2024, 2024], None));
    }

    #[test]
    fn a_29_february_tells_the_year() {
        let dates = [(2, 28), (2, 29), (3, 1)];
        let (_, hint) = years("2023-03-03T00:00:00Z", None, &dates);
        assert_eq!(hint, Some(YearHint { changes: 0, back: 3, by: Witness::LeapDay }));
        assert_eq!(years("2023-03-03T00:00:00Z", hint, &dates).0, [2020; 3]);
        // More changes of the year than were assumed move the day to another year.
        let dates = [(2, 29), (12, 1), (1, 1), (11, 1), (1, 1)];
        let (_, hint) = years("2023-03-03T00:00:00Z", None, &dates);
        assert_eq!(years("2023-03-03T00:00:00Z", hint, &dates).0, [2020, 2020, 2021, 2021, 2022]);
    }

    #[test]
    fn without_a_time_of_the_file_there_is_no_year() {
        let host = Host::unknown();
        let mut years =
            Years::new(&Context { path: b"", modified: None, owner: None, host: &host, years: None, shift: 0 });
        assert_eq!((years.year(1, 1), years.hint()), (None, None));
    }
}
