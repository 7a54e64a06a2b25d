//! Reads numbers, words and times off the front of a line.

use crate::zone::Civil;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// What is left of a line. Each method takes something off its front, or nothing and gives `None`… but for those of several
/// parts, which may have taken the first of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan<'a>(pub(crate) &'a [u8]);

impl<'a> Scan<'a> {
    /// This byte.
    pub(crate) fn byte(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    /// These bytes.
    pub(crate) fn text(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// What stands before the next such byte, which is taken off too.
    pub(crate) fn until(&mut self, byte: u8) -> Option<&'a [u8]> {
        let end = memchr::memchr(byte, self.0)?;
        let (word, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..)?;
        Some(word)
    }

    /// Exactly so many digits.
    pub(crate) fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let mut number = 0_u32;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number.checked_mul(10)?.checked_add(u32::from(digit.checked_sub(b'0')?))?;
        }
        self.0 = rest;
        Some(number)
    }

    /// Exactly two digits.
    pub(crate) fn two(&mut self) -> Option<u8> {
        self.digits(2).and_then(|number| u8::try_from(number).ok())
    }

    /// The English name of a month, as its number.
    pub(crate) fn month_name(&mut self) -> Option<u8> {
        let (name, rest) = self.0.split_first_chunk::<3>()?;
        let number = (1_u8..).zip(MONTHS).find(|(_, month)| *month == name)?.0;
        self.0 = rest;
        Some(number)
    }

    /// A day of two places, the first of which may be a blank or left out before a blank.
    pub(crate) fn day(&mut self) -> Option<u8> {
        match self.0.split_first()? {
            (b' ', rest) => {
                let mut scan = Scan(rest);
                let day = scan.digits(1)?;
                self.0 = scan.0;
                u8::try_from(day).ok()
            }
            (digit, [b' ', ..]) if digit.is_ascii_digit() => self.digits(1).and_then(|day| u8::try_from(day).ok()),
            _ => self.two(),
        }
    }

    /// A time as ctime(3) writes it, `Thu Feb 29 23:59:59 2024`; the day may have one place, two, or a blank before it.
    pub(crate) fn ctime(&mut self) -> Option<Civil> {
        let (weekday, rest) = self.0.split_first_chunk::<3>()?;
        if !weekday.iter().all(u8::is_ascii_alphabetic) {
            return None;
        }
        self.0 = rest;
        self.byte(b' ')?;
        let month = self.month_name()?;
        self.byte(b' ')?;
        let _ = self.byte(b' ');
        let day = self.until(b' ').filter(|day| day.len() <= 2).and_then(number)?;
        let (hour, minute, second) = self.clock()?;
        let nanosecond = self.fraction();
        self.byte(b' ')?;
        let year = i32::try_from(self.digits(4)?).ok()?;
        Some(Civil { year, month, day: u8::try_from(day).ok()?, hour, minute, second, nanosecond })
    }

    /// A time of the common log format, `29/Feb/2024:23:59:59 +0100`, and seconds ahead of UTC.
    pub(crate) fn clf(&mut self) -> Option<(Civil, Option<i64>)> {
        let day = self.two()?;
        self.byte(b'/')?;
        let month = self.month_name()?;
        self.byte(b'/')?;
        let year = i32::try_from(self.digits(4)?).ok()?;
        self.byte(b':')?;
        let (hour, minute, second) = self.clock()?;
        let shown = Civil { year, month, day, hour, minute, second, nanosecond: 0 };
        self.byte(b' ')?;
        Some((shown, self.zone()))
    }

    /// `[Thu, ]29 Feb 2024 23:59:58 +0100[ (CET)]` (RFC 5322, section 3.3), and seconds ahead of UTC.
    pub(crate) fn mail_date(&mut self) -> Option<(Civil, Option<i64>)> {
        if let Some(at) = memchr::memchr(b',', self.0.get(..self.0.len().min(12))?) {
            self.0 = self.0.get(at.saturating_add(1)..)?;
        }
        self.0 = self.0.trim_ascii_start();
        let day = self.two().or_else(|| u8::try_from(self.digits(1)?).ok())?;
        self.byte(b' ')?;
        let month = self.month_name()?;
        self.byte(b' ')?;
        let year = i32::try_from(self.digits(4)?).ok()?;
        self.byte(b' ')?;
        let (hour, minute, second) = self.clock()?;
        self.byte(b' ')?;
        let ahead = self.zone().or_else(|| (self.0.starts_with(b"GMT") || self.0.starts_with(b"UT")).then_some(0));
        Some((Civil { year, month, day, hour, minute, second, nanosecond: 0 }, ahead))
    }

    /// `hh:mm:ss`.
    pub(crate) fn clock(&mut self) -> Option<(u8, u8, u8)> {
        let hour = self.two()?;
        self.byte(b':')?;
        let minute = self.two()?;
        self.byte(b':')?;
        Some((hour, minute, self.two()?))
    }

    /// `.` or `,` and digits, as nanoseconds; further digits are passed over. 0 if there is none.
    pub(crate) fn fraction(&mut self) -> u32 {
        let Some((b'.' | b',', rest)) = self.0.split_first() else { return 0 };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return 0;
        }
        let mut nanoseconds = 0_u32;
        for place in 0..9 {
            let digit = rest.get(place).filter(|_| place < digits).map_or(0, |byte| byte.wrapping_sub(b'0'));
            nanoseconds = nanoseconds.saturating_mul(10).saturating_add(u32::from(digit));
        }
        self.0 = rest.get(digits..).unwrap_or_default();
        nanoseconds
    }

    /// A time of ISO 8601 with its zone, if it has one, in seconds ahead of UTC: `2024-02-29T23:59:59.5+01:00`, with `T` or a
    /// blank in the middle.
    pub(crate) fn iso(&mut self) -> Option<(Civil, Option<i64>)> {
        let year = i32::try_from(self.digits(4)?).ok()?;
        self.byte(b'-')?;
        let month = self.two()?;
        self.byte(b'-')?;
        let day = self.two()?;
        self.byte(b'T').or_else(|| self.byte(b' ')).or_else(|| self.byte(b't'))?;
        let (hour, minute, second) = self.clock()?;
        let nanosecond = self.fraction();
        Some((Civil { year, month, day, hour, minute, second, nanosecond }, self.zone()))
    }

    /// `Z`, `+01:00`, `+0100` or `-05`, as seconds ahead of UTC.
    pub(crate) fn zone(&mut self) -> Option<i64> {
        let (sign, rest) = self.0.split_first()?;
        let sign = match sign {
            b'Z' | b'z' => {
                self.0 = rest;
                return Some(0);
            }
            b'+' => 1_i64,
            b'-' => -1,
            _ => return None,
        };
        let mut scan = Scan(rest);
        let hours = i64::from(scan.two()?);
        let mut minutes = scan;
        let _ = minutes.byte(b':');
        let minutes = match minutes.two() {
            Some(number) => {
                scan = minutes;
                i64::from(number)
            }
            None => 0,
        };
        self.0 = scan.0;
        Some(sign.saturating_mul(hours.saturating_mul(3600).saturating_add(minutes.saturating_mul(60))))
    }
}

/// A text of digits alone as a number.
pub(crate) fn number(text: &[u8]) -> Option<i64> {
    let mut number = None;
    for digit in text {
        let digit = i64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        number = Some(number.unwrap_or(0_i64).checked_mul(10)?.checked_add(digit)?);
    }
    number
}

/// What stands between two texts, the first from the front and the last from the end: of `user oracle from x` between `user `
/// and ` from `, whatever blanks it holds itself.
pub(crate) fn between<'a>(text: &'a [u8], before: &[u8], behind: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let rest = text.strip_prefix(before)?;
    let at = memchr::memmem::rfind(rest, behind)?;
    let (middle, rest) = rest.split_at_checked(at)?;
    Some((middle, rest.strip_prefix(behind)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_their_parts() {
        let read = |text: &'static str| {
            let mut scan = Scan(text.as_bytes());
            let (civil, ahead) = scan.iso()?;
            Some((civil.hour, civil.second, civil.nanosecond, ahead, std::str::from_utf8(scan.0).unwrap()))
        };
        assert_eq!(read("2024-02-29T23:59:58.25+01:30 x"), Some((23, 58, 250_000_000, Some(5400), " x")));
        assert_eq!(read("2024-02-29 23:59:58,1234567890-0500"), Some((23, 58, 123_456_789, Some(-18_000), "")));
        assert_eq!(read("2024-02-29t23:59:58Z"), Some((23, 58, 0, Some(0), "")));
        assert_eq!(read("2024-02-29T23:59:58 UTC"), Some((23, 58, 0, None, " UTC")));
        assert_eq!(read("2024-2-29T23:59:58"), None);
    }

    #[test]
    fn numbers_are_digits_alone() {
        assert_eq!(
            [number(b"042"), number(b""), number(b"-1"), number(b"99999999999999999999")],
            [Some(42), None, None, None]
        );
    }
}
