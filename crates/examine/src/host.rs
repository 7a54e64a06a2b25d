//! What is known of the machine whose disk is examined, as far as its records do not tell it themselves.

use crate::accounts::Accounts;
use crate::parsers::postgres::{Prefixes, Zones};
use crate::parsers::web::Formats;
use crate::settings::read;
use crate::zone::Zone;
use jiff::tz::TimeZone;
use kanshiki_filesystem::{Follow, View};
use kanshiki_model::{EvidencePath, visible};

/// What is known of the machine.
#[derive(Debug)]
pub struct Host {
    /// Its zone.
    pub zone: Zone,
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
        Self {
            zone: zone(view),
            name: name.trim_ascii().to_vec(),
            accounts,
            web: Formats::of(view),
            postgres: Prefixes::of(view),
            postgres_zones: Zones::of(view),
        }
    }
}

/// The zone of `/etc/localtime` (tzfile(5), RFC 9636), or the one named in `/etc/timezone`.
fn zone(view: &View) -> Zone {
    if let Some(bytes) = read(view, b"/etc/localtime") {
        let name = zone_name(view).unwrap_or_else(|| "a zone without a name".to_owned());
        if let Ok(zone) = TimeZone::tzif(&name, &bytes) {
            return Zone::new(zone, format!("zone {} of /etc/localtime", visible(name.as_bytes())));
        }
    }
    let named = zone_name(view).map(|name| (name, "the link /etc/localtime"));
    let in_file = || {
        let text = read(view, b"/etc/timezone")?;
        Some((String::from_utf8(text.trim_ascii().to_vec()).ok()?, "/etc/timezone"))
    };
    for (name, from) in [named, in_file()].into_iter().flatten() {
        // Of the bundled data, since the image's own are not there.
        if let Ok(zone) = TimeZone::get(&name) {
            return Zone::new(zone, format!("zone {} of {from}", visible(name.as_bytes())));
        }
    }
    Zone::unknown()
}

/// The name of the zone, from the target of the link `/etc/localtime`.
fn zone_name(view: &View) -> Option<String> {
    let path = EvidencePath::from_bytes(b"/etc/localtime".as_slice());
    let found = view.lookup(&path, Follow::AllButLast).ok()?;
    let target = view.filesystem(found.place)?.link_target(found.place.node).ok()?;
    let target = String::from_utf8(target).ok()?;
    target.split_once("zoneinfo/").map(|(_, name)| name.to_owned())
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
        let host = host(MemoryFileSystem::of_paths(&[("/etc/timezone", "No/Where\n"), ("/etc/localtime", "nonsense")]));
        assert_eq!(host.zone.reason(), "zone UTC taken, since the image tells none");
    }
}
