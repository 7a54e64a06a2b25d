//! Which files may be logs, by their paths; what they are is told by their content.

use regex::bytes::{RegexSet, RegexSetBuilder};

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
    // Databases keep logs beside their tables.
    "/var/lib/mysql/*-bin.*",
    "/var/lib/mysql/*.err",
    "/var/lib/mysql/*log*",
    "/var/lib/postgresql/**/log/*",
    "/var/lib/pgsql/**/log/*",
    // Containers.
    "/var/lib/docker/containers/*/*",
    "/var/lib/containers/storage/overlay-containers/**",
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
    "/var/lib/cloud/**",
];

/// Tells which paths may be logs.
#[derive(Debug)]
pub(crate) struct Places(RegexSet);

impl Places {
    pub(crate) fn new() -> Result<Self, regex::Error> {
        let patterns = PLACES.iter().map(|place| pattern(place));
        // Names are bytes, and may hold line breaks.
        Ok(Self(RegexSetBuilder::new(patterns).unicode(false).dot_matches_new_line(true).build()?))
    }

    pub(crate) fn may_be_log(&self, path: &[u8]) -> bool {
        self.0.is_match(path)
    }
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
        let places = Places::new().unwrap();
        for path in [
            "/var/log/auth.log.1",
            "/srv/app/logs/x",
            "/opt/a/b.log",
            "/home/anna/.bash_history",
            "/var/log/journal/0/system.journal",
        ] {
            assert!(places.may_be_log(path.as_bytes()), "{path}");
        }
        assert!(places.may_be_log(b"/var/log/a\nb\xff"));
        for path in ["/etc/passwd", "/usr/bin/log", "/home/anna/photo.jpg", "/var/lib/dpkg/status"] {
            assert!(!places.may_be_log(path.as_bytes()), "{path}");
        }
    }
}
