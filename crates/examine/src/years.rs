//! The years of records that tell month and day alone.
//!
//! The last record of a log was written when the file was last changed: its year is known. From there the years are counted
//! back by the changes from December to January. How many there are is known only when the whole file was read: at first as
//! few are taken as the dates of the first record and of the file allow, and if that was wrong, the file is read again.

use crate::parser::Context;
use crate::scan::Scan;
use crate::zone::{Civil, is_leap};

/// How the years lie in a file that was read before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct YearHint {
    /// Changes of the year from the first record to the last.
    pub changes: i32,
    /// Years by which all lie further back than the file's time says, since there was a 29 February.
    pub back: i32,
}

/// The date that rotation put behind the name of a file, as in `messages-20240303.gz`: its last record is not of a later day,
/// whenever the file was copied.
fn date_in(path: &[u8]) -> Option<(i32, u8, u8)> {
    let endings = [b".gz".as_slice(), b".xz", b".zst", b".bz2"];
    let name = endings.iter().find_map(|ending| path.strip_suffix(*ending)).unwrap_or(path);
    let (before, digits) = name.split_at_checked(name.len().checked_sub(8)?)?;
    before.ends_with(b"-").then_some(())?;
    let mut scan = Scan(digits);
    let (year, month, day) = (i32::try_from(scan.digits(4)?).ok()?, scan.two()?, scan.two()?);
    let is_date = Civil { year, month, day, ..Civil::default() }.seconds().is_some() && (1970..2200).contains(&year);
    is_date.then_some((year, month, day))
}

/// Tells the year of one record after the other.
#[derive(Debug)]
pub struct Years {
    /// The year of the file's last change, and its month and day; or those in its name, where rotation put them there.
    modified: Option<(i32, u8, u8)>,
    is_named: bool,
    told: Option<YearHint>,
    assumed: YearHint,
    found: YearHint,
    /// The year, the month and the day of the record before.
    last: Option<(i32, u8, u8)>,
}

/// Months by which a date goes back where the year has changed; less is a clock that was set back.
const HALF_A_YEAR: u8 = 6;

impl Years {
    /// For the records of a file.
    #[must_use]
    pub fn new(context: &Context<'_>) -> Self {
        let named = date_in(context.path);
        let modified = context.modified.and_then(|time| context.host.zone.civil(time));
        let modified = named.or(modified.map(|civil| (civil.year, civil.month, civil.day)));
        Self {
            modified,
            is_named: named.is_some(),
            told: context.years,
            assumed: YearHint::default(),
            found: YearHint::default(),
            last: None,
        }
    }

    /// The year of the next record; `None` if the file has no time of its own to tell it by.
    pub fn year(&mut self, month: u8, day: u8) -> Option<i32> {
        let (modified, at_month, at_day) = self.modified?;
        let year = match self.last {
            None => {
                // A record from a later day of the year than the file's last change is of the year before.
                let before = i32::from((month, day) > (at_month, at_day));
                self.assumed = self.told.unwrap_or(YearHint { changes: before, back: 0 });
                modified.checked_sub(self.assumed.changes)?.checked_sub(self.assumed.back)?
            }
            Some((year, last, _)) if last.saturating_sub(month) >= HALF_A_YEAR => {
                self.found.changes = self.found.changes.saturating_add(1);
                year.checked_add(1)?
            }
            // The clock was set back over the end of a year. Other steps forward are silences.
            Some((year, 1, _)) if month == 12 => {
                self.found.changes = self.found.changes.saturating_sub(1);
                year.checked_sub(1)?
            }
            Some((year, ..)) => year,
        };
        self.last = Some((year, month, day));
        if (month, day) == (2, 29) && self.found.back == 0 {
            // The next year that had such a day, at most eight back: 1896 and 1904.
            let back = (0..9).find(|back| year.checked_sub(*back).is_some_and(is_leap)).unwrap_or(0);
            self.found.back = back;
        }
        Some(year)
    }

    /// At the end of the file: how the years lie, if the file must be read again with that.
    #[must_use]
    pub fn hint(&self) -> Option<YearHint> {
        let back = self.assumed.back.saturating_add(self.found.back);
        let found = YearHint { changes: self.found.changes.saturating_add(i32::from(self.ends_a_year_before())), back };
        let settles = self.told.is_none() && self.last.is_some() && self.modified.is_some();
        (settles && found != self.assumed).then_some(found)
    }

    /// Whether the last record would lie behind the file's last change, were it of the same year. A day is given for zones
    /// that are not known.
    fn ends_a_year_before(&self) -> bool {
        let (Some((year, at_month, at_day)), Some((_, month, day))) = (self.modified, self.last) else { return false };
        let seconds = |month, day| Civil { year, month, day, ..Civil::default() }.seconds();
        let (Some(last), Some(modified)) = (seconds(month, day), seconds(at_month, at_day)) else { return false };
        last.saturating_sub(modified) > 86_400
    }

    /// How the years are known, in words.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.modified {
            Some((year, month, day)) => {
                let what = if self.is_named { "the date in the file's name," } else { "the file's last change on" };
                format!("years counted back from {what} {year:04}-{month:02}-{day:02}")
            }
            None => "no year is known: neither the records nor the file tell one".to_owned(),
        }
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
        let mut years =
            Years::new(&Context { path: b"", modified: Some(modified), owner: None, host: &host, years: told });
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
        assert_eq!(date_in(b"/var/log/messages-20210502.gz"), Some((2021, 5, 2)));
        for path in
            ["/var/log/messages-20210532", "/var/log/x-2021050", "/var/log/x.20210502", "20210502", "/x-00000101"]
        {
            assert_eq!(date_in(path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn a_log_of_several_years_is_read_again_with_their_number() {
        let dates = [(3, 1), (12, 1), (1, 1), (11, 1), (2, 1), (3, 2)];
        let (_, hint) = years("2024-03-03T00:00:00Z", None, &dates);
        assert_eq!(hint, Some(YearHint { changes: 2, back: 0 }));
        assert_eq!(years("2024-03-03T00:00:00Z", hint, &dates), (vec![2022, 2022, 2023, 2023, 2024, 2024], None));
    }

    #[test]
    fn a_29_february_tells_the_year() {
        let dates = [(2, 28), (2, 29), (3, 1)];
        let (_, hint) = years("2023-03-03T00:00:00Z", None, &dates);
        assert_eq!(hint, Some(YearHint { changes: 0, back: 3 }));
        assert_eq!(years("2023-03-03T00:00:00Z", hint, &dates).0, [2020; 3]);
    }

    #[test]
    fn without_a_time_of_the_file_there_is_no_year() {
        let host = Host::unknown();
        let mut years = Years::new(&Context { path: b"", modified: None, owner: None, host: &host, years: None });
        assert_eq!((years.year(1, 1), years.hint()), (None, None));
    }
}
