//! The forms of time in access logs.

use crate::clock::Clock;
use crate::scan::{Scan, number};
use crate::zone::Civil;
use kanshiki_model::{TimeBasis, Timestamp};

/// A form of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// `10/Oct/2000:13:55:36 -0700`.
    Common,
    /// `2000-10-10T13:55:36-07:00`.
    Iso,
    /// A number since 1970 in a unit of so many nanoseconds, with a fraction or not.
    Epoch(i64),
    /// Digits of the fraction of a second: three or six.
    Fraction(usize),
    /// The parts of a pattern of strftime(3).
    Pattern(Vec<Item>),
}

/// A part of a pattern of strftime(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Byte(u8),
    Year,
    /// Two digits: 1969 to 2068.
    ShortYear,
    Month,
    MonthName,
    Day,
    Hour,
    /// Of a clock of twelve hours.
    HalfHour,
    Minute,
    Second,
    Afternoon,
    Zone,
    /// Letters: a name of a zone or a day.
    Word,
    Epoch,
}

/// When, as far as the parts of a line told it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct When {
    civil: Civil,
    ahead: Option<i64>,
    epoch: Option<i64>,
    afternoon: Option<bool>,
}

impl TimeForm {
    /// The form of a pattern of strftime(3); `None` if it has parts that are not known.
    pub(super) fn of_pattern(pattern: &[u8]) -> Option<Self> {
        let mut items = Vec::new();
        let mut rest = pattern;
        while let Some((byte, behind)) = rest.split_first() {
            rest = behind;
            if *byte != b'%' {
                items.push(Item::Byte(*byte));
                continue;
            }
            let (mut sign, mut behind) = rest.split_first()?;
            // Flags of padding and of other alphabets change nothing that is read here.
            while matches!(sign, b'E' | b'O' | b'_' | b'-' | b'0') {
                (sign, behind) = behind.split_first()?;
            }
            rest = behind;
            items.extend_from_slice(items_of(*sign)?);
        }
        Some(Self::Pattern(items))
    }

    /// Takes a time off the front of a line.
    pub(super) fn take(&self, scan: &mut Scan<'_>, when: &mut When) -> Option<()> {
        match self {
            Self::Common => common(scan, when),
            Self::Iso => {
                let (civil, ahead) = scan.iso()?;
                (when.civil, when.ahead) = (civil, ahead);
                Some(())
            }
            Self::Epoch(unit) => {
                when.epoch = Some(epoch(scan, *unit)?);
                Some(())
            }
            Self::Fraction(places) => {
                let digits = scan.digits(*places)?;
                let unit = if *places == 3 { 1_000_000 } else { 1_000 };
                when.civil.nanosecond = digits.checked_mul(unit)?;
                Some(())
            }
            Self::Pattern(items) => items.iter().try_for_each(|item| item.take(scan, when)),
        }
    }
}

impl When {
    /// The point in time, and how it is known.
    pub(super) fn at(self, clock: &mut Clock<'_>) -> (Option<Timestamp>, TimeBasis) {
        if let Some(nanoseconds) = self.epoch {
            let nanoseconds = nanoseconds.saturating_add(i64::from(self.civil.nanosecond));
            return (Some(Timestamp::from_nanoseconds(nanoseconds)), TimeBasis::Stated);
        }
        let hour = match self.afternoon {
            Some(true) if self.civil.hour < 12 => self.civil.hour.saturating_add(12),
            Some(false) if self.civil.hour == 12 => 0,
            _ => self.civil.hour,
        };
        let civil = Civil { hour, ..self.civil };
        match civil {
            Civil { month: 0, .. } => (None, TimeBasis::Neighbour),
            Civil { year: 0, .. } => clock.yearless(civil),
            _ => clock.at(civil, self.ahead),
        }
    }

    /// A time in any of the forms that JSON objects have it in.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let mut when = Self::default();
        for form in [TimeForm::Iso, TimeForm::Common] {
            let mut scan = Scan(text);
            if form.take(&mut scan, &mut when).is_some() && scan.0.is_empty() {
                return Some(when);
            }
        }
        let mut scan = Scan(text);
        let whole = scan.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        // Seconds up to the year 5138, milliseconds, microseconds, nanoseconds.
        let unit = match whole {
            0..=11 => 1_000_000_000,
            12..=14 => 1_000_000,
            15..=17 => 1_000,
            _ => 1,
        };
        let epoch = epoch(&mut scan, unit)?;
        scan.0.is_empty().then_some(Self { epoch: Some(epoch), ..Self::default() })
    }
}

/// `10/Oct/2000:13:55:36 -0700`.
fn common(scan: &mut Scan<'_>, when: &mut When) -> Option<()> {
    let day = scan.two()?;
    scan.byte(b'/')?;
    let month = scan.month_name()?;
    scan.byte(b'/')?;
    let year = i32::try_from(scan.digits(4)?).ok()?;
    scan.byte(b':')?;
    let (hour, minute, second) = scan.clock()?;
    // Some set the fraction behind the seconds.
    let nanosecond = scan.fraction();
    when.civil = Civil { year, month, day, hour, minute, second, nanosecond };
    if scan.byte(b' ').is_some() {
        when.ahead = Some(scan.zone()?);
    }
    Some(())
}

/// A number with a fraction or not, in a unit of so many nanoseconds, as nanoseconds.
fn epoch(scan: &mut Scan<'_>, unit: i64) -> Option<i64> {
    let count = scan.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = scan.0.split_at_checked(count)?;
    let whole = number(digits)?.checked_mul(unit)?;
    scan.0 = rest;
    let part = i64::from(scan.fraction()).checked_mul(unit)?.checked_div(1_000_000_000)?;
    whole.checked_add(part)
}

/// The parts that a sign of strftime(3) stands for.
const fn items_of(sign: u8) -> Option<&'static [Item]> {
    Some(match sign {
        b'Y' | b'G' => &[Item::Year],
        b'y' | b'g' => &[Item::ShortYear],
        b'm' => &[Item::Month],
        b'b' | b'B' | b'h' => &[Item::MonthName],
        b'd' | b'e' => &[Item::Day],
        b'H' | b'k' => &[Item::Hour],
        b'I' | b'l' => &[Item::HalfHour],
        b'M' => &[Item::Minute],
        b'S' => &[Item::Second],
        b'p' | b'P' => &[Item::Afternoon],
        b'z' => &[Item::Zone],
        b'Z' | b'a' | b'A' => &[Item::Word],
        b's' => &[Item::Epoch],
        b'T' => &[Item::Hour, Item::Byte(b':'), Item::Minute, Item::Byte(b':'), Item::Second],
        b'R' => &[Item::Hour, Item::Byte(b':'), Item::Minute],
        b'F' => &[Item::Year, Item::Byte(b'-'), Item::Month, Item::Byte(b'-'), Item::Day],
        b'D' | b'x' => &[Item::Month, Item::Byte(b'/'), Item::Day, Item::Byte(b'/'), Item::ShortYear],
        b'X' => &[Item::Hour, Item::Byte(b':'), Item::Minute, Item::Byte(b':'), Item::Second],
        b'c' => &[
            Item::Word,
            Item::Byte(b' '),
            Item::MonthName,
            Item::Byte(b' '),
            Item::Day,
            Item::Byte(b' '),
            Item::Hour,
            Item::Byte(b':'),
            Item::Minute,
            Item::Byte(b':'),
            Item::Second,
            Item::Byte(b' '),
            Item::Year,
        ],
        b'n' => &[Item::Byte(b'\n')],
        b't' => &[Item::Byte(b'\t')],
        b'%' => &[Item::Byte(b'%')],
        _ => return None,
    })
}

impl Item {
    fn take(self, scan: &mut Scan<'_>, when: &mut When) -> Option<()> {
        let civil = &mut when.civil;
        match self {
            Self::Byte(byte) => scan.byte(byte)?,
            Self::Year => civil.year = i32::try_from(scan.digits(4)?).ok()?,
            Self::ShortYear => {
                let year = i32::from(scan.two()?);
                civil.year = year.checked_add(if year < 69 { 2000 } else { 1900 })?;
            }
            Self::Month => civil.month = padded(scan)?,
            Self::MonthName => {
                civil.month = scan.month_name()?;
                // The rest of the whole name.
                skip_letters(scan);
            }
            Self::Day => civil.day = padded(scan)?,
            Self::Hour | Self::HalfHour => civil.hour = padded(scan)?,
            Self::Minute => civil.minute = scan.two()?,
            Self::Second => civil.second = scan.two()?,
            Self::Afternoon => {
                let (half, rest) = scan.0.split_at_checked(2)?;
                when.afternoon = Some(half.eq_ignore_ascii_case(b"pm"));
                scan.0 = rest;
            }
            Self::Zone => when.ahead = Some(scan.zone()?),
            Self::Word => {
                if scan.0.starts_with(b"UTC") || scan.0.starts_with(b"GMT") {
                    when.ahead = Some(0);
                }
                skip_letters(scan);
            }
            Self::Epoch => when.epoch = Some(epoch(scan, 1_000_000_000)?),
        }
        Some(())
    }
}

/// One or two digits, a blank before one or not.
fn padded(scan: &mut Scan<'_>) -> Option<u8> {
    scan.two().or_else(|| scan.day()).or_else(|| scan.digits(1).and_then(|digit| u8::try_from(digit).ok()))
}

fn skip_letters(scan: &mut Scan<'_>) {
    let letters = scan.0.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    scan.0 = scan.0.get(letters..).unwrap_or_default();
}
