//! Which files may be logs, by their paths; what they are is told by their content.

use kanshiki_machine::settings::is_like;
use kanshiki_model::{Issue, visible};
use regex::bytes::{RegexSet, RegexSetBuilder};
use std::collections::HashSet;

/// Patterns of paths from the root of the host: `*` stands for anything but a slash, `**` for anything.
const PLACES: &[&str] = &[
    // Logs of services, journals, records of logins, wherever they are kept.
    "/var/log/**",
    "/var/adm/**",
    "/run/log/**",
    "/var/run/utmp",
    "/run/utmp",
    "/var/lib/lastlog/*",
    "/var/lib/wtmpdb/*",
    "/**.log",
    "/**.log.*",
    "/**.log-*",
    "/**/logs/*",
    "/**/access_log*",
    "/**/error_log*",
    "/usr/local/apache/domlogs/**",
    "/etc/apache2/logs/domlogs/**",
    // Journals that were copied aside.
    "/**.journal",
    "/**.journal~",
    "/**.journal.*",
    // Databases keep logs beside their tables.
    "/var/lib/mysql/*-bin.*",
    "/var/lib/mysql/*.err",
    "/var/lib/mysql/*log*",
    "/var/lib/mysql/*audit*",
    "/var/lib/postgresql/**/log/*",
    "/var/lib/postgresql/**/pg_log/*",
    "/var/lib/pgsql/**/log/*",
    "/var/lib/pgsql/**/pg_log/*",
    // Containers.
    "/var/lib/docker/containers/*/*",
    "/**/config.v2.json",
    "/**/hostconfig.json",
    "/var/lib/containers/storage/*-containers/**",
    "/home/*/.local/share/containers/storage/*-containers/**",
    "/root/.local/share/containers/storage/*-containers/**",
    // What users typed.
    "/root/.*",
    "/home/*/.*",
    "/var/www/.*",
    "/var/lib/*/.*history*",
    "/**/.*_history",
    "/**/.local/share/fish/fish_history",
    "/**/.viminfo",
    "/**/.lesshst",
    "/**/.wget-hsts",
    // Mails that cron and others sent to local users.
    "/var/mail/*",
    "/var/spool/mail/*",
    // Packages.
    "/var/lib/dnf/history.sqlite*",
    "/var/lib/dnf/history/*",
    "/var/lib/yum/history/*",
    "/usr/lib/sysimage/libdnf5/*.sqlite*",
    "/usr/lib/sysimage/dnf/*.sqlite*",
    "/var/lib/cloud/**",
];

/// Folders in which nothing but logs is kept.
const OF_LOGS: [&[u8]; 3] = [b"/var/log/", b"/var/adm/", b"/run/log/"];

/// Places of the settings that are kept, beside those above.
const TOLD: usize = 128;

/// Tells which paths may be logs.
#[derive(Debug)]
pub(crate) struct Places {
    known: RegexSet,
    /// Those that the settings in the image name, with anything behind them that rotation adds.
    told: Vec<Vec<u8>>,
    /// Those that are not kept.
    left_out: usize,
}

impl Places {
    /// Those that are known, and those of the settings: paths with `*` for anything.
    pub(crate) fn new<'a>(told: impl Iterator<Item = &'a [u8]>) -> Result<Self, regex::Error> {
        let patterns = PLACES.iter().map(|place| pattern(place));
        // Names are bytes, and may hold line breaks.
        let known = RegexSetBuilder::new(patterns).unicode(false).dot_matches_new_line(true).build()?;
        let mut places: Vec<Vec<u8>> = Vec::new();
        let mut left_out = 0_usize;
        let mut seen = HashSet::new();
        for path in told.filter(|path| is_narrow(path) && !known.is_match(&filled(path)) && seen.insert(*path)) {
            if places.len() < TOLD {
                places.push([path, b"*"].concat());
            } else {
                left_out = left_out.saturating_add(1);
            }
        }
        Ok(Self { known, told: places, left_out })
    }

    /// What has to be known of places that are not kept, since there are too many.
    pub(crate) fn issue(&self) -> Option<Issue> {
        let left_out = Some(self.left_out).filter(|left_out| *left_out > 0)?;
        let message =
            format!("they name {left_out} more places of logs than are looked at; files in those are not read");
        Some(Issue::new("settings in the image", message))
    }

    /// All of them in one text.
    pub(crate) fn told(&self) -> String {
        let told = self.told.iter().map(|path| visible(path));
        PLACES.iter().map(|place| (*place).to_owned()).chain(told).collect::<Vec<_>>().join(" ")
    }

    /// Whether all files of this path are logs, whatever they hold.
    pub(crate) fn is_of_logs(&self, path: &[u8]) -> bool {
        OF_LOGS.iter().any(|folder| path.starts_with(folder)) || self.told.iter().any(|told| is_like(path, told))
    }

    pub(crate) fn may_be_log(&self, path: &[u8]) -> bool {
        self.known.is_match(path) || self.told.iter().any(|told| is_like(path, told))
    }
}

/// Whether a path of the settings leads to some files alone: its name has a part that is no `*`, or it lies in a folder that is
/// itself in another, and named without any.
fn is_narrow(path: &[u8]) -> bool {
    let slash = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
    let (folder, name) = path.split_at_checked(slash).unwrap_or_default();
    let in_folder = !folder.contains(&b'*') && folder.iter().filter(|byte| **byte == b'/').count() >= 2;
    name.iter().filter(|byte| !matches!(byte, b'*' | b'/')).count() >= 3 || (in_folder && name.len() > 1)
}

/// A pattern with names in the place of `*`, which may be several.
fn filled(path: &[u8]) -> Vec<u8> {
    path.split(|byte| *byte == b'*').collect::<Vec<_>>().join(b"x/x".as_slice())
}

fn pattern(place: &str) -> String {
    let escaped = regex::escape(place);
    format!("^{}$", escaped.replace(r"\*\*", ".*").replace(r"\*", "[^/]*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_known_by_their_places() {
        let told: [&[u8]; 5] = [b"/srv/shop/requests", b"/srv/*/hits", b"/srv/*", b"/mnt/logs/*", b"/srv/*/*"];
        let places = Places::new(told.into_iter()).unwrap();
        for path in [
            "/var/log/auth.log.1",
            "/srv/app/logs/x",
            "/opt/a/b.log",
            "/home/anna/.bash_history",
            "/var/log/journal/0/system.journal",
            "/srv/shop/requests.1.gz",
            "/srv/a.example/hits",
            "/mnt/logs/quay/auth",
        ] {
            assert!(places.may_be_log(path.as_bytes()), "{path}");
        }
        assert!(places.may_be_log(b"/var/log/a\nb\xff"));
        assert!(places.is_of_logs(b"/var/log/x") && places.is_of_logs(b"/srv/shop/requests.1.gz"));
        assert!(!places.is_of_logs(b"/opt/a/b.log") && !places.is_of_logs(b"/home/anna/.bash_history"));
        for path in
            ["/etc/passwd", "/usr/bin/log", "/home/anna/photo.jpg", "/srv/other", "/srv/a/b", "/var/lib/dpkg/status"]
        {
            assert!(!places.may_be_log(path.as_bytes()), "{path}");
        }
    }
}
