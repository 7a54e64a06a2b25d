//! What rotation and compression add to the names of logs.

use crate::scan::Scan;
use crate::zone::Civil;

/// Digits of a number that counts rotations; longer ones are times, as rotatelogs writes them.
const NUMBER_DIGITS: usize = 6;

/// The forms of dates behind names, the longest first: `d` for a digit. logrotate's `dateformat` is one of them as a rule, with
/// a point or a dash before it: the day, with the hour or the seconds since 1970 (logrotate(8)).
const DATES: [&str; 4] = ["dddddddd-dddddddddd", "dddd-dd-dd", "dddddddddd", "dddddddd"];

/// A day: year, month, day.
pub(crate) type Day = (i32, u8, u8);

/// Which of the files of a log one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// The one that is written.
    Nothing,
    /// Number 1 is the newest.
    Number(u32),
    /// The day of the rotation, or that of the records.
    Day(Day),
}

/// The path of a log in two parts, which are its name together, and what rotation put between them: `/var/log/shop`, `.log` and
/// the day of `/var/log/shop-20240110.log.gz`. `None` for what is of no known form.
pub(crate) fn apart(path: &[u8]) -> Option<(&[u8], &[u8], Added)> {
    let path = without_compression(path);
    let (inner, extension) = match path.strip_suffix(b".log") {
        Some(inner) if added(inner).is_some() => (inner, b".log".as_slice()),
        _ => (path, b"".as_slice()),
    };
    let name = inner.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    match added(inner) {
        Some((log, added)) => Some((log, extension, added)),
        // A number or a time in a form that is not known.
        None if is_numbered(name) => None,
        None => Some((inner, extension, Added::Nothing)),
    }
}

/// The endings of names of files that are compressed in a way that is read, with what they are compressed with.
pub(crate) const COMPRESSED: [(&[u8], &str); 4] =
    [(b".gz", "gzip"), (b".xz", "xz"), (b".zst", "zstd"), (b".bz2", "bzip2")];

/// A name without the ending of a compression.
pub(crate) fn without_compression(name: &[u8]) -> &[u8] {
    COMPRESSED.iter().find_map(|(ending, _)| name.strip_suffix(*ending)).unwrap_or(name)
}

/// What stands before that which rotation added.
fn added(path: &[u8]) -> Option<(&[u8], Added)> {
    for form in DATES {
        let Some((before, text)) = path.len().checked_sub(form.len()).and_then(|at| path.split_at_checked(at)) else {
            continue;
        };
        let fits =
            form.bytes().zip(text).all(|(form, byte)| if form == b'd' { byte.is_ascii_digit() } else { *byte == form });
        if let Some(date) = date(text).filter(|_| fits)
            && let Some(log) = log_before(before, b".-")
        {
            return Some((log, Added::Day(date)));
        }
    }
    let digits = path.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, number) = path.split_at_checked(path.len().checked_sub(digits)?)?;
    let number = std::str::from_utf8(number).ok().filter(|_| digits <= NUMBER_DIGITS)?.parse().ok()?;
    Some((log_before(before, b".")?, Added::Number(number)))
}

/// A path without the mark at its end, if it is one of these and a name stands before it.
fn log_before<'a>(path: &'a [u8], marks: &[u8]) -> Option<&'a [u8]> {
    let (mark, log) = path.split_last()?;
    (marks.contains(mark) && log.last().is_some_and(|byte| *byte != b'/')).then_some(log)
}

/// The day of `20240110…` or `2024-01-10`.
fn date(text: &[u8]) -> Option<Day> {
    let mut scan = Scan(text);
    let year = i32::try_from(scan.digits(4)?).ok()?;
    let _ = scan.byte(b'-');
    let month = scan.two()?;
    let _ = scan.byte(b'-');
    let day = scan.two()?;
    let is_date = Civil { year, month, day, ..Civil::default() }.seconds().is_some() && (1970..2200).contains(&year);
    is_date.then_some((year, month, day))
}

/// Whether digits stand behind a point or a dash at the end of a name.
fn is_numbered(name: &[u8]) -> bool {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let before = name.len().checked_sub(digits).and_then(|at| name.get(..at));
    digits > 0 && before.and_then(<[u8]>::split_last).is_some_and(|(mark, log)| b".-".contains(mark) && !log.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let day = Added::Day((2024, 1, 10));
        for (path, log, extension, added) in [
            ("/var/log/syslog", "/var/log/syslog", "", Added::Nothing),
            ("/var/log/syslog.gz", "/var/log/syslog", "", Added::Nothing),
            ("/var/log/auth.log", "/var/log/auth.log", "", Added::Nothing),
            ("/var/log/auth.log.12.gz", "/var/log/auth.log", "", Added::Number(12)),
            ("/var/log/x-20240110.zst", "/var/log/x", "", day),
            ("/var/log/x.20240110", "/var/log/x", "", day),
            ("/var/log/x.log-2024-01-10.gz", "/var/log/x.log", "", day),
            ("/var/log/x.log-2024011003", "/var/log/x.log", "", day),
            ("/var/log/x.log-20240110-1704844800", "/var/log/x.log", "", day),
            ("/var/log/x-20240110.log", "/var/log/x", ".log", day),
            ("/var/log/x.1.log", "/var/log/x", ".log", Added::Number(1)),
        ] {
            let expected = (log.as_bytes(), extension.as_bytes(), added);
            assert_eq!(apart(path.as_bytes()), Some(expected), "{path}");
        }
        for path in ["/var/log/x-20240132", "/var/log/x.1704844800", "/var/log/x-00000101", "/var/log/x-7"] {
            assert_eq!(apart(path.as_bytes()), None, "{path}");
        }
        for path in ["/var/log/20240110", "20240110", "/var/log/.1", ""] {
            assert_eq!(apart(path.as_bytes()), Some((path.as_bytes(), b"".as_slice(), Added::Nothing)), "{path}");
        }
    }
}
