//! Whether a service starts with the machine: systemd.unit(5), rcN.d of System V, init(5) of Upstart.

use kanshiki_filesystem::{Follow, NodeType, View};
use kanshiki_machine::settings;
use kanshiki_model::{EvidencePath, visible};

/// Whether something starts with the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Boot {
    /// It does, by this file.
    Yes(String),
    /// It does not, for this reason.
    No(String),
    /// The image does not tell.
    Unknown,
}

impl Boot {
    /// For the table.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Yes(_) => "yes",
            Self::No(_) => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// Folders of units, those that go before others first.
const UNITS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// Folders of System V, of Debian and of Red Hat.
const RC: [&str; 2] = ["/etc/rc[2345].d", "/etc/rc.d/rc[2345].d"];

/// Whether one of these units, or a script or job of the same name, starts with the machine.
pub(super) fn boot(view: &View, units: &[&str]) -> Boot {
    let mut no = None;
    for unit in units {
        match of_unit(view, unit) {
            Boot::Yes(path) => return Boot::Yes(path),
            Boot::No(why) => no = no.or(Some(why)),
            Boot::Unknown => {}
        }
    }
    no.map_or(Boot::Unknown, Boot::No)
}

fn of_unit(view: &View, unit: &str) -> Boot {
    let masked = format!("/etc/systemd/system/{unit}");
    if target(view, &masked).as_deref() == Some(b"/dev/null") {
        return Boot::No(format!("{masked} leads to /dev/null"));
    }
    for folder in UNITS {
        let patterns = ["wants", "requires"].map(|kind| format!("{folder}/*.{kind}/{unit}"));
        for path in patterns.iter().flat_map(|pattern| settings::paths(view, pattern.as_bytes())) {
            if is_there(view, &path) {
                return Boot::Yes(visible(&path));
            }
        }
    }
    let name = unit.split('.').next().unwrap_or(unit);
    let is_unit = UNITS.iter().any(|folder| is_there(view, format!("{folder}/{unit}").as_bytes()));
    // A unit goes before the script of its name, but not where the machine has no systemd.
    if !is_unit {
        let patterns = RC.map(|folder| format!("{folder}/S[0-9][0-9]{name}"));
        let scripts = patterns.iter().flat_map(|pattern| settings::paths(view, pattern.as_bytes()));
        if let Some(path) = scripts.into_iter().find(|path| is_there(view, path)) {
            return Boot::Yes(visible(&path));
        }
        let job = format!("/etc/init/{name}.conf");
        if is_there(view, job.as_bytes()) {
            let manual = format!("/etc/init/{name}.override");
            let is_manual = settings::read(view, manual.as_bytes())
                .is_some_and(|text| text.split(|byte| *byte == b'\n').any(|line| line.trim_ascii() == b"manual"));
            return if is_manual { Boot::No(format!("{manual} says manual")) } else { Boot::Yes(job) };
        }
        if is_there(view, format!("/etc/init.d/{name}").as_bytes()) {
            return Boot::No(format!("no link in /etc/rc2.d to /etc/rc5.d starts /etc/init.d/{name}"));
        }
        return Boot::Unknown;
    }
    Boot::No(format!("nothing wants {unit}"))
}

fn is_there(view: &View, path: &[u8]) -> bool {
    view.lookup(&EvidencePath::from_bytes(path), Follow::AllButLast).is_ok()
}

/// What a link says, if there is one.
fn target(view: &View, path: &str) -> Option<Vec<u8>> {
    let located = view.lookup(&EvidencePath::from_bytes(path.as_bytes()), Follow::AllButLast).ok()?;
    let is_link = located.node.node_type == NodeType::Symlink;
    is_link.then(|| view.filesystem(located.place)?.link_target(located.place.node).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::view;

    #[test]
    fn links_of_systemd_and_system_v_tell_what_starts() {
        let view = view(&[
            ("/etc/systemd/system/multi-user.target.wants/ssh.service", ""),
            ("/usr/lib/systemd/system/ssh.service", ""),
            ("/usr/lib/systemd/system/vsftpd.service", ""),
            ("/etc/rc3.d/S20snmpd", ""),
            ("/etc/init.d/snmpd", ""),
            ("/etc/init.d/rsync", ""),
            ("/etc/rc2.d/K20rsync", ""),
            ("/etc/init/mysql.conf", ""),
            ("/etc/init/mysql.override", "manual\n"),
        ]);
        let name = |unit: &str| boot(&view, &[unit]);
        assert_eq!(
            name("ssh.service"),
            Boot::Yes("/etc/systemd/system/multi-user.target.wants/ssh.service".to_owned())
        );
        assert_eq!(name("vsftpd.service"), Boot::No("nothing wants vsftpd.service".to_owned()));
        assert_eq!(name("snmpd.service"), Boot::Yes("/etc/rc3.d/S20snmpd".to_owned()));
        assert_eq!(name("rsync.service").name(), "no");
        assert_eq!(name("mysql.service"), Boot::No("/etc/init/mysql.override says manual".to_owned()));
        assert_eq!(name("nothing.service"), Boot::Unknown);
    }
}
