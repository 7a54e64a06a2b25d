//! What the machine's clocks show, and how far they can be trusted.

use crate::device::{read_text, shown, sysfs_open, text_fact};
use crate::ioctl::{self, RtcTime};
use kanshiki_model::{Fact, Facts, Timestamp, visible, visible_text};
use rustix::time::{ClockId, clock_gettime};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

const NANOSECONDS: i64 = 1_000_000_000;

/// The bit that says that nothing keeps the clock right. Source: Linux 6.12, include/uapi/linux/timex.h.
const STA_UNSYNC: i32 = 0x40;

/// The system clock, its zone, the hardware clock and its difference, whether NTP keeps the clock, and the time since the
/// machine started.
#[must_use]
pub fn clock_facts(now: Timestamp) -> Facts {
    let mut facts = Facts::from([
        ("system_utc".to_owned(), Fact::probed(now.to_string(), "the system clock")),
        ("zone".to_owned(), zone(env::var_os("TZ"), Path::new("/etc"))),
        ("seconds_since_start".to_owned(), since_start()),
    ]);
    facts.extend(hardware(now));
    facts.extend(kept_right());
    facts
}

/// The zone of local time: from the environment, else from the system's setting.
fn zone(told: Option<OsString>, etc: &Path) -> Fact {
    if let Some(told) = told.filter(|told| !told.is_empty()) {
        return Fact::probed(visible(told.as_bytes()), "the environment variable TZ");
    }
    let link = etc.join("localtime");
    match fs::read_link(&link) {
        Ok(target) => {
            let target = target.into_os_string().into_vec();
            let marker = b"zoneinfo/";
            let start = target.windows(marker.len()).position(|window| window == marker);
            let name = start.and_then(|start| target.get(start + marker.len()..)).unwrap_or(&target);
            Fact::probed(visible(name), shown(&link))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => text_fact(&etc.join("timezone")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Fact::derived("UTC", format!("{} is not there, which means UTC", shown(&link)))
        }
        Err(error) => Fact::unknown(format!("cannot read {}: {error}", shown(&link))),
    }
}

fn since_start() -> Fact {
    let time = clock_gettime(ClockId::Boottime);
    let nanoseconds = time.tv_sec.saturating_mul(NANOSECONDS).saturating_add(time.tv_nsec);
    Fact::probed(seconds(nanoseconds), "CLOCK_BOOTTIME")
}

/// The hardware clock and its difference from the system clock; it may hold local time, which the file
/// `/etc/adjtime` tells.
fn hardware(now: Timestamp) -> Facts {
    let device = Path::new("/dev/rtc0");
    let clock = sysfs_open(device).and_then(|file| ioctl::hardware_clock(&file));
    let unix = clock.as_ref().ok().and_then(unix_seconds);
    let (time, difference) = match (&clock, unix) {
        (Ok(_), Some(unix)) => {
            let time = Timestamp::from_nanoseconds(unix.saturating_mul(NANOSECONDS));
            let difference = time.as_nanoseconds().saturating_sub(now.as_nanoseconds());
            let how = "hardware clock less system clock, taken as UTC; the hardware clock counts whole seconds";
            (Fact::probed(time.to_string(), "/dev/rtc0, RTC_RD_TIME"), Fact::derived(seconds(difference), how))
        }
        (Ok(time), None) => {
            let reason = format!("the hardware clock shows no time: {time:?}");
            (Fact::unknown(reason.clone()), Fact::unknown(reason))
        }
        (Err(error), _) => {
            let reason = format!("cannot read /dev/rtc0: {error}");
            (Fact::unknown(reason.clone()), Fact::unknown(reason))
        }
    };
    Facts::from([
        ("hardware_clock".to_owned(), time),
        ("hardware_clock_difference_seconds".to_owned(), difference),
        ("hardware_clock_holds".to_owned(), hardware_zone(Path::new("/etc/adjtime"))),
    ])
}

/// The third line of /etc/adjtime is `UTC` or `LOCAL`. Source: hwclock(8).
fn hardware_zone(path: &Path) -> Fact {
    match read_text(path) {
        // The text is made visible, so that a line feed is four characters and more.
        Ok(text) if text.ends_with("LOCAL") => Fact::probed("local time", shown(path)),
        Ok(text) if text.ends_with("UTC") => Fact::probed("UTC", shown(path)),
        Ok(_) => Fact::unknown(format!("{} does not say", shown(path))),
        Err(error) => Fact::unknown(format!("cannot read {}: {error}", shown(path))),
    }
}

/// Whether the kernel believes its clock to be kept right, and how wrong it may be.
fn kept_right() -> Facts {
    match ioctl::clock_state() {
        Ok(state) => {
            let estimated = Fact::probed(state.estimated_error_microseconds, "adjtimex");
            let largest = Fact::probed(state.maximum_error_microseconds, "adjtimex");
            Facts::from([
                ("synchronised".to_owned(), Fact::probed(state.status & STA_UNSYNC == 0, "adjtimex")),
                ("estimated_error_microseconds".to_owned(), estimated),
                ("maximum_error_microseconds".to_owned(), largest),
            ])
        }
        Err(error) => {
            let unknown = Fact::unknown(visible_text(&format!("adjtimex: {error}")));
            let names = ["synchronised", "estimated_error_microseconds", "maximum_error_microseconds"];
            names.map(|name| (name.to_owned(), unknown.clone())).into()
        }
    }
}

/// Seconds with milliseconds.
fn seconds(nanoseconds: i64) -> f64 {
    let milliseconds = nanoseconds / 1_000_000;
    // Below 2^53 for every time between 1677 and 2262.
    milliseconds as f64 / 1000.0
}

/// Seconds since 1970 of a date in the proleptic Gregorian calendar; `None` if it is no date.
fn unix_seconds(time: &RtcTime) -> Option<i64> {
    let (month, day) = (i64::from(time.month) + 1, i64::from(time.day));
    let (hour, minute, second) = (i64::from(time.hour), i64::from(time.minute), i64::from(time.second));
    let valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second)
        && (0..1000).contains(&time.year);
    if !valid {
        return None;
    }
    // Years that begin in March put the leap day at the end.
    let year = i64::from(time.year) + 1900 - i64::from(month <= 2);
    let months_since_march = (month + 9) % 12;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (months_since_march * 153 + 2) / 5 + day - 1;
    /// Days from 1 March of the year 0 to 1970-01-01.
    const TO_1970: i64 = 719_468;
    Some(((days - TO_1970) * 24 + hour) * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn time(year: i32, month: i32, day: i32, hour: i32, minute: i32, second: i32) -> RtcTime {
        RtcTime { second, minute, hour, day, month: month - 1, year: year - 1900, ..RtcTime::default() }
    }

    #[test]
    fn dates_of_the_hardware_clock_become_seconds_since_1970() {
        assert_eq!(unix_seconds(&time(1970, 1, 1, 0, 0, 0)), Some(0));
        assert_eq!(unix_seconds(&time(2000, 2, 29, 12, 0, 0)), Some(951_825_600));
        assert_eq!(unix_seconds(&time(2000, 3, 1, 0, 0, 0)), Some(951_868_800));
        assert_eq!(unix_seconds(&time(2023, 11, 14, 22, 13, 20)), Some(1_700_000_000));
        assert_eq!(unix_seconds(&time(2100, 12, 31, 23, 59, 59)), Some(4_133_980_799));
        assert_eq!(unix_seconds(&time(2023, 13, 1, 0, 0, 0)), None);
        assert_eq!(unix_seconds(&time(2023, 0, 1, 0, 0, 0)), None);
    }

    #[test]
    fn the_zone_is_that_of_the_environment_then_that_of_the_link() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(zone(Some("Asia/Tokyo".into()), folder.path()).text().as_deref(), Some("Asia/Tokyo"));
        assert_eq!(zone(None, folder.path()).text().as_deref(), Some("UTC"));
        symlink("/usr/share/zoneinfo/Europe/Berlin", folder.path().join("localtime")).unwrap();
        assert_eq!(zone(Some("".into()), folder.path()).text().as_deref(), Some("Europe/Berlin"));
    }

    #[test]
    fn every_fact_of_the_clock_has_a_source_or_a_reason() {
        for (name, fact) in clock_facts(Timestamp::from_nanoseconds(1_700_000_000_000_000_000)) {
            assert_ne!(fact.source.is_some(), fact.reason.is_some(), "{name}");
        }
    }
}
