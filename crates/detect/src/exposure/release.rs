//! Whether holes were still closed in the release that the machine ran, at the time at which it ran last.

use super::boot::Boot;
use super::rules::OLD_RELEASE;
use super::teller::{Service, Teller, Value};
use crate::DetectError;
use crate::found::{Building as _, finding};
use crate::time::{DAY, HOUR, utc};
use kanshiki_machine::config::{Dialect, assignment, holds};
use kanshiki_model::{Confidence, FileTime, Severity, Timestamp};

/// A release by `ID` and `VERSION_ID` of os-release(5), with the day on which support for all ended.
type Release = (&'static str, &'static str, &'static str);

/// The ends of support that costs nothing more: of Debian with its long-term support (<https://wiki.debian.org/LTS>), of Ubuntu
/// without what is sold (<https://wiki.ubuntu.com/Releases>), of Red Hat's "maintenance support"
/// (<https://access.redhat.com/support/policy/updates/errata>), of CentOS (<https://www.centos.org/centos-linux-eol/>), Rocky
/// (<https://wiki.rockylinux.org/rocky/version/>), Alma (<https://wiki.almalinux.org/release-notes/>), openSUSE
/// (<https://en.opensuse.org/Lifetime>), SUSE's general support (<https://www.suse.com/lifecycle>), Amazon
/// (<https://aws.amazon.com/amazon-linux-2/faqs/>), Fedora (<https://docs.fedoraproject.org/en-US/releases/eol/>).
const ENDS: &[Release] = &[
    ("debian", "5", "2012-02-06"),
    ("debian", "6", "2016-02-29"),
    ("debian", "7", "2018-05-31"),
    ("debian", "8", "2020-06-30"),
    ("debian", "9", "2022-06-30"),
    ("debian", "10", "2024-06-30"),
    ("debian", "11", "2026-08-31"),
    ("debian", "12", "2028-06-30"),
    ("debian", "13", "2030-06-30"),
    ("ubuntu", "8.04", "2013-05-09"),
    ("ubuntu", "10.04", "2015-04-30"),
    ("ubuntu", "12.04", "2017-04-28"),
    ("ubuntu", "14.04", "2019-04-30"),
    ("ubuntu", "14.10", "2015-07-23"),
    ("ubuntu", "15.04", "2016-02-04"),
    ("ubuntu", "15.10", "2016-07-28"),
    ("ubuntu", "16.04", "2021-04-30"),
    ("ubuntu", "16.10", "2017-07-20"),
    ("ubuntu", "17.04", "2018-01-13"),
    ("ubuntu", "17.10", "2018-07-19"),
    ("ubuntu", "18.04", "2023-05-31"),
    ("ubuntu", "18.10", "2019-07-18"),
    ("ubuntu", "19.04", "2020-01-23"),
    ("ubuntu", "19.10", "2020-07-17"),
    ("ubuntu", "20.04", "2025-05-31"),
    ("ubuntu", "20.10", "2021-07-22"),
    ("ubuntu", "21.04", "2022-01-20"),
    ("ubuntu", "21.10", "2022-07-14"),
    ("ubuntu", "22.04", "2027-04-30"),
    ("ubuntu", "22.10", "2023-07-20"),
    ("ubuntu", "23.04", "2024-01-25"),
    ("ubuntu", "23.10", "2024-07-12"),
    ("ubuntu", "24.04", "2029-05-31"),
    ("ubuntu", "24.10", "2025-07-10"),
    ("ubuntu", "25.04", "2026-01-17"),
    ("ubuntu", "25.10", "2026-07-31"),
    ("rhel", "4", "2012-02-29"),
    ("rhel", "5", "2017-03-31"),
    ("rhel", "6", "2020-11-30"),
    ("rhel", "7", "2024-06-30"),
    ("rhel", "8", "2029-05-31"),
    ("rhel", "9", "2032-05-31"),
    ("centos", "5", "2017-03-31"),
    ("centos", "6", "2020-11-30"),
    ("centos", "7", "2024-06-30"),
    ("centos", "8", "2021-12-31"),
    ("centos-stream", "8", "2024-05-31"),
    ("centos-stream", "9", "2027-05-31"),
    ("centos-stream", "10", "2030-01-01"),
    ("ol", "5", "2017-06-30"),
    ("ol", "6", "2021-03-31"),
    ("ol", "7", "2024-12-31"),
    ("rocky", "8", "2029-05-31"),
    ("rocky", "9", "2032-05-31"),
    ("almalinux", "8", "2029-05-31"),
    ("almalinux", "9", "2032-05-31"),
    ("opensuse", "13.1", "2016-02-03"),
    ("opensuse", "13.2", "2017-01-17"),
    ("opensuse", "42.1", "2017-05-17"),
    ("opensuse", "42.2", "2018-01-26"),
    ("opensuse", "42.3", "2019-07-01"),
    ("opensuse-leap", "15.0", "2019-12-03"),
    ("opensuse-leap", "15.1", "2021-02-02"),
    ("opensuse-leap", "15.2", "2022-01-04"),
    ("opensuse-leap", "15.3", "2022-12-31"),
    ("opensuse-leap", "15.4", "2023-12-07"),
    ("opensuse-leap", "15.5", "2024-12-31"),
    ("opensuse-leap", "15.6", "2026-04-30"),
    ("sles", "11.4", "2019-03-31"),
    ("sles", "12.3", "2019-06-30"),
    ("sles", "12.4", "2020-06-30"),
    ("sles", "12.5", "2024-10-31"),
    ("sles", "15.1", "2021-01-31"),
    ("sles", "15.2", "2021-12-31"),
    ("sles", "15.3", "2022-12-31"),
    ("sles", "15.4", "2023-12-31"),
    ("sles", "15.5", "2024-12-31"),
    ("amzn", "2018.03", "2023-12-31"),
    ("amzn", "2017.09", "2023-12-31"),
    ("amzn", "2", "2026-06-30"),
    ("fedora", "28", "2019-05-28"),
    ("fedora", "29", "2019-11-26"),
    ("fedora", "30", "2020-05-26"),
    ("fedora", "31", "2020-11-24"),
    ("fedora", "32", "2021-05-25"),
    ("fedora", "33", "2021-11-30"),
    ("fedora", "34", "2022-06-07"),
    ("fedora", "35", "2022-12-13"),
    ("fedora", "36", "2023-05-16"),
    ("fedora", "37", "2023-12-05"),
    ("fedora", "38", "2024-05-21"),
    ("fedora", "39", "2024-11-26"),
    ("fedora", "40", "2025-05-13"),
    ("fedora", "41", "2025-12-15"),
];

/// Files that name the release where there is no os-release, as `CentOS release 6.10 (Final)`, with what they begin with.
const OLD: &[(&str, &str, &str)] = &[
    ("/etc/centos-release", "CentOS", "centos"),
    ("/etc/redhat-release", "CentOS", "centos"),
    ("/etc/redhat-release", "Red Hat Enterprise", "rhel"),
    ("/etc/system-release", "Amazon Linux", "amzn"),
    ("/etc/debian_version", "", "debian"),
];

/// What bought support leaves behind.
const BOUGHT: &[&str] =
    &["/var/lib/ubuntu-advantage/private/machine-token.json", "/var/lib/ubuntu-pro/private/machine-token.json"];

pub(super) fn find(teller: &mut Teller<'_, '_>) -> Result<(), DetectError> {
    let Some((id, version, shown)) = named(teller) else { return Ok(()) };
    // Fedora and others tell the day themselves (os-release(5), SUPPORT_END).
    let own = teller.config(&["/etc/os-release", "/usr/lib/os-release"], Dialect::PLAIN).and_then(|config| {
        let settings = config.settings(|line| assignment(line.text));
        settings.last("support_end").map(|it| String::from_utf8_lossy(&it.value).into_owned())
    });
    let is_day = |day: &String| day.len() == 10 && day.bytes().all(|sign| sign.is_ascii_digit() || sign == b'-');
    let end = own.filter(is_day).or_else(|| end_of(&id, &version).map(str::to_owned));
    let last = last(teller)?;
    let words = match (&end, &last) {
        (None, _) => "when its support ends is not known here".to_owned(),
        (Some(end), None) => format!("its support ends on {end}; when it ran last is not known"),
        (Some(end), Some((time, how))) => format!("its support ends on {end}; {how} {}", day(*time)),
    };
    let service = Service { name: "release".to_owned(), boot: Boot::Unknown };
    teller.row(&service, "name", &shown, &words);
    let (Some(end), Some((time, how))) = (end, last) else { return Ok(()) };
    if day(time) <= end {
        return Ok(());
    }
    let is_bought = teller.any_of(BOUGHT).is_some();
    let note = if is_bought { " The machine was enrolled for support that is bought beyond that." } else { "" };
    let title = format!("{} was out of support", shown.shown());
    let text =
        format!("Support ended on {end}, and {how} {}: holes that were found after it stayed open.{note}", day(time));
    let made = finding(&OLD_RELEASE, "release", title).explained(text).setting(&shown.place, "");
    teller.found.add(if is_bought { made.weighed(Severity::Low, Confidence::Medium) } else { made });
    Ok(())
}

fn day(time: i64) -> String {
    utc(time).chars().take(10).collect()
}

fn end_of(id: &str, version: &str) -> Option<&'static str> {
    let is_of = |known: &str| version.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    ENDS.iter().find(|(name, known, _)| *name == id && is_of(known)).map(|(_, _, end)| *end)
}

/// `ID`, `VERSION_ID`, and how the release calls itself.
fn named(teller: &mut Teller<'_, '_>) -> Option<(String, String, Value)> {
    for path in ["/etc/os-release", "/usr/lib/os-release"] {
        let Some(config) = teller.config(&[path], Dialect::PLAIN) else { continue };
        let settings = config.settings(|line| assignment(line.text));
        let of = |name: &str| Value::last(&settings, name, "");
        let (id, version) = (of("id").shown(), of("version_id").shown());
        let is_stream = holds(&of("name").bytes, "Stream");
        let id = if id == "centos" && is_stream { "centos-stream".to_owned() } else { id };
        let pretty = of("pretty_name");
        let shown = if pretty.is_set { pretty } else { of("name") };
        if !id.is_empty() {
            return Some((id, version, shown));
        }
    }
    OLD.iter().find_map(|(path, start, id)| {
        let config = teller.config(&[path], Dialect::PLAIN)?;
        let line = config.lines().find(|line| line.text.starts_with(start.as_bytes()))?;
        let text = String::from_utf8_lossy(line.text);
        let begin = text.find(|sign: char| sign.is_ascii_digit())?;
        let version: String = text.get(begin..)?.chars().take_while(|it| it.is_ascii_digit() || *it == '.').collect();
        let bytes = if *id == "debian" { [b"Debian ", line.text].concat() } else { line.text.to_vec() };
        Some(((*id).to_owned(), version, Value { bytes, is_set: true, place: line.evidence() }))
    })
}

/// When the machine ran last, in nanoseconds, and how that is known: by its logs, unless they tell of a time at which the
/// filesystem was not written any more.
fn last(teller: &Teller<'_, '_>) -> Result<Option<(i64, &'static str)>, DetectError> {
    let sql =
        "SELECT max(h.hour) FROM main.hours h JOIN main.files f ON f.id = h.file JOIN main.volumes v ON v.id = f.volume
        WHERE v.exhibit = ?";
    let hour: Option<i64> = teller.image.db.query_row(sql, [teller.image.exhibit], |row| row.get(0))?;
    let logged = hour.and_then(|hour| hour.checked_mul(HOUR));
    let volumes = teller.image.view.volumes().iter();
    let written = volumes
        .filter_map(|it| it.filesystem.summary().written.and_then(FileTime::timestamp).map(Timestamp::as_nanoseconds))
        .max();
    Ok(match (logged, written) {
        (Some(logged), Some(written)) if logged > written.saturating_add(DAY) => {
            Some((written, "the filesystem was last written on"))
        }
        (Some(logged), _) => Some((logged, "the logs go on to")),
        (None, Some(written)) => Some((written, "the filesystem was last written on")),
        (None, None) => None,
    })
}
