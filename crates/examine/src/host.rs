//! What is known of the machine whose disk is examined, as far as its records do not tell it themselves.

use crate::parsers::postgres::{Prefixes, Zones};
use crate::parsers::web::Formats;
use crate::zone::Zone;
use jiff::tz::TimeZone;
use kanshiki_filesystem::{Follow, View};
use kanshiki_machine::Accounts;
use kanshiki_machine::settings::{self, Found, read};
use kanshiki_model::{EvidencePath, visible};

/// What is known of the machine.
#[derive(Debug)]
pub struct Host {
    /// Its zone.
    pub zone: Zone,
    /// What is wrong with the settings that tell the zone, and where they contradict each other.
    pub(crate) doubts: Vec<String>,
    /// Its name; empty if it is not known.
    pub name: Vec<u8>,
    /// Its accounts.
    pub accounts: Accounts,
    /// The forms of its access logs.
    pub(crate) web: Formats,
    /// The prefixes of its logs of PostgreSQL.
    pub(crate) postgres: Prefixes,
    /// The zones of their times.
    pub(crate) postgres_zones: Zones,
}

impl Host {
    /// A machine of which nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            zone: Zone::unknown(),
            doubts: Vec::new(),
            name: Vec::new(),
            accounts: Accounts::default(),
            web: Formats::known(),
            postgres: Prefixes::known(),
            postgres_zones: Zones::default(),
        }
    }

    /// What the settings in the image tell.
    #[must_use]
    pub fn of(view: &View) -> Self {
        let name = read(view, b"/etc/hostname").unwrap_or_default();
        let accounts = read(view, b"/etc/passwd").map(|passwd| Accounts::of_passwd(&passwd)).unwrap_or_default();
        let (zone, doubts) = zone(view);
        Self {
            zone,
            doubts,
            name: name.trim_ascii().to_vec(),
            accounts,
            web: Formats::of(view),
            postgres: Prefixes::of(view),
            postgres_zones: Zones::of(view),
        }
    }
}

/// The zone of `/etc/localtime` (tzfile(5), RFC 9636), or the one named in `/etc/timezone` or `/etc/sysconfig/clock`. With what
/// is wrong with them, and where they contradict each other.
fn zone(view: &View) -> (Zone, Vec<String>) {
    let mut doubts = Vec::new();
    let named = zone_name(view).map(|name| (name, "the link /etc/localtime"));
    let in_files = in_files(view);
    let mut zone = None;
    match settings::open(view, b"/etc/localtime") {
        Found::File(file) => {
            let name = named.as_ref().map_or("a zone without a name", |(name, _)| name.as_str());
            match TimeZone::tzif(name, &file.bytes) {
                Ok(tz) => zone = Some((tz, format!("zone {} of /etc/localtime", visible(name.as_bytes())))),
                Err(_) => doubts.push("/etc/localtime is damaged: it holds no zone".to_owned()),
            }
        }
        // Links into a database of zones that the image has not are taken by their name.
        Found::Nothing if named.is_none() && is_there(view) => {
            doubts.push("/etc/localtime is a link to something that is not there".to_owned());
        }
        Found::Nothing => {}
        Found::Directory | Found::Other => doubts.push("/etc/localtime is no file".to_owned()),
        Found::Unreadable(why) => doubts.push(format!("/etc/localtime cannot be read: {why}")),
    }
    for (name, from) in named.into_iter().chain(in_files) {
        // Of the bundled data, since the image's own are not there.
        let Ok(tz) = TimeZone::get(&name) else {
            doubts.push(format!("{} of {from} is no known zone", visible(name.as_bytes())));
            continue;
        };
        let reason = format!("zone {} of {from}", visible(name.as_bytes()));
        match &zone {
            None => zone = Some((tz, reason)),
            Some((known, _)) if !is_alike(known, &tz) => {
                doubts.push(format!("{from} tells another: {}", visible(name.as_bytes())))
            }
            Some(_) => {}
        }
    }
    let zone = zone.map_or_else(Zone::unknown, |(zone, reason)| Zone::new(zone, reason));
    let taken = |doubt: String| {
        format!(
            "{doubt}; {} is taken",
            zone.reason().strip_suffix(" taken, since the image tells none").unwrap_or(zone.reason())
        )
    };
    let doubts = doubts.into_iter().map(taken).collect();
    (zone, doubts)
}

/// Whether two zones have the same clock through some years, looked at each month.
fn is_alike(one: &TimeZone, other: &TimeZone) -> bool {
    const MONTH: i64 = 2_629_746;
    (480..684_i64).all(|month| {
        let time = jiff::Timestamp::from_second(month.saturating_mul(MONTH));
        time.is_ok_and(|time| one.to_offset(time) == other.to_offset(time))
    })
}

/// The names that files of settings tell: `/etc/timezone` of Debian, `ZONE=` or `TIMEZONE=` of Red Hat and SUSE; lines may be
/// comments.
fn in_files(view: &View) -> Vec<(String, &'static str)> {
    let lines = |path: &str| {
        let text = read(view, path.as_bytes()).unwrap_or_default();
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
        lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>()
    };
    let debian = lines("/etc/timezone").into_iter().next().map(|name| (name, "/etc/timezone"));
    let clock = lines("/etc/sysconfig/clock").into_iter().find_map(|line| {
        let value = line.strip_prefix("ZONE=").or_else(|| line.strip_prefix("TIMEZONE="))?;
        let name = value.trim_matches(|sign| matches!(sign, '"' | '\''));
        (!name.is_empty()).then(|| (name.replace(' ', "_"), "/etc/sysconfig/clock"))
    });
    debian.into_iter().chain(clock).collect()
}

/// Whether there is a name `/etc/localtime`, wherever it leads.
fn is_there(view: &View) -> bool {
    view.lookup(&EvidencePath::from_bytes(b"/etc/localtime".as_slice()), Follow::AllButLast).is_ok()
}

/// The name of the zone, from the target of the link `/etc/localtime`; below `posix` and `right` (with leap seconds) lie the
/// same zones.
fn zone_name(view: &View) -> Option<String> {
    let path = EvidencePath::from_bytes(b"/etc/localtime".as_slice());
    let found = view.lookup(&path, Follow::AllButLast).ok()?;
    let target = view.filesystem(found.place)?.link_target(found.place.node).ok()?;
    let target = String::from_utf8(target).ok()?;
    let (_, name) = target.split_once("zoneinfo/")?;
    Some(name.strip_prefix("posix/").or_else(|| name.strip_prefix("right/")).unwrap_or(name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::Civil;
    use kanshiki_filesystem::{MemoryFileSystem, NodeType, Volume};
    use std::sync::Arc;

    fn host(filesystem: MemoryFileSystem) -> Host {
        Host::of(&View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) }))
    }

    #[test]
    fn the_zone_is_that_of_the_image() {
        let mut filesystem = MemoryFileSystem::of_paths(&[
            ("/etc/hostname", "ferry\n"),
            ("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n"),
        ]);
        // The first directory that was made.
        filesystem.add(11, b"localtime", NodeType::Symlink, b"/usr/share/zoneinfo/Asia/Tokyo");
        let host = host(filesystem);
        let noon = Civil { year: 2024, month: 2, day: 29, hour: 12, ..Civil::default() };
        assert_eq!(host.zone.wall().at(&noon).unwrap().to_string(), "2024-02-29T03:00:00Z");
        assert_eq!(host.zone.reason(), "zone Asia/Tokyo of the link /etc/localtime");
        assert_eq!(host.name, b"ferry");
        assert_eq!(host.accounts.name(1000), Some(&b"anna"[..]));
    }

    #[test]
    fn without_settings_it_is_utc_and_said() {
        let reason = "zone UTC taken, since the image tells none";
        assert_eq!(host(MemoryFileSystem::of_paths(&[])).zone.reason(), reason);
        let host = host(MemoryFileSystem::of_paths(&[("/etc/timezone", "No/Where\n"), ("/etc/localtime", "nonsense")]));
        assert_eq!(host.zone.reason(), reason);
        let doubts = [
            "/etc/localtime is damaged: it holds no zone; zone UTC is taken",
            "No/Where of /etc/timezone is no known zone; zone UTC is taken",
        ];
        assert_eq!(host.doubts, doubts);
    }

    #[test]
    fn zones_are_told_by_links_and_by_files_of_several_systems() {
        let linked = |target: &[u8], files: &[(&str, &str)]| {
            let files: Vec<_> = [("/etc/hostname", "h")].iter().chain(files).copied().collect();
            let mut filesystem = MemoryFileSystem::of_paths(&files);
            filesystem.add(11, b"localtime", NodeType::Symlink, target);
            let host = host(filesystem);
            (host.zone.reason().to_owned(), host.doubts)
        };
        let berlin = "zone Europe/Berlin of the link /etc/localtime".to_owned();
        let named = linked(b"../usr/share/zoneinfo/posix/Europe/Berlin", &[]);
        assert_eq!(named, (berlin.clone(), vec![]));
        let named = linked(b"/usr/share/zoneinfo/right/Europe/Berlin", &[("/etc/timezone", "Europe/Berlin")]);
        assert_eq!(named, (berlin.clone(), vec![]));
        let (reason, doubts) =
            linked(b"/usr/share/zoneinfo/Europe/Berlin", &[("/etc/timezone", "# x\n\nAsia/Tokyo\n")]);
        let doubt = "/etc/timezone tells another: Asia/Tokyo; zone Europe/Berlin of the link /etc/localtime is taken";
        assert_eq!((reason, doubts), (berlin, vec![doubt.to_owned()]));
        let clock = "# The zone\nZONE=\"America/New York\"\nUTC=true\n";
        let (reason, doubts) = linked(b"/no/where", &[("/etc/sysconfig/clock", clock)]);
        assert_eq!(reason, "zone America/New_York of /etc/sysconfig/clock");
        assert!(doubts[0].starts_with("/etc/localtime is a link to something that is not there"), "{doubts:?}");
        let (reason, doubts) = linked(b"localtime", &[]);
        assert_eq!((reason.as_str(), doubts.len()), ("zone UTC taken, since the image tells none", 1));
    }
}
