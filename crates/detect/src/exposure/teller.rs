//! What all services have in common: a value with where it stands, who can reach it, a row of the table.

use super::boot::{Boot, boot};
use crate::Image;
use crate::found::{Building as _, Found, finding, of_setting};
use kanshiki_machine::config::{Config, Dialect, Evidence, Settings};
use kanshiki_machine::settings;
use kanshiki_model::{Confidence, EvidencePath, Issue, Rule, Severity, visible};
use serde_json::json;

/// A value as it is set, or as the program takes it where nothing sets it.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) bytes: Vec<u8>,
    pub(super) is_set: bool,
    /// The line that sets it; where none does, the file that could.
    pub(super) place: Evidence,
}

impl Value {
    /// The last setting of a name, which counts with most programs.
    pub(super) fn last(settings: &Settings<'_>, name: &str, default: &str) -> Self {
        let set = settings.last(name).map(|it| (it.value.clone(), it.line.evidence()));
        Self::of(set, default, settings.config().evidence())
    }

    pub(super) fn of(set: Option<(Vec<u8>, Evidence)>, default: &str, file: Evidence) -> Self {
        match set {
            Some((bytes, place)) => Self { bytes, is_set: true, place },
            None => Self { bytes: default.as_bytes().to_vec(), is_set: false, place: file },
        }
    }

    /// As text, made visible.
    pub(super) fn shown(&self) -> String {
        visible(&self.bytes)
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.bytes.eq_ignore_ascii_case(text.as_bytes())
    }

    /// Whether a switch is on; of what is neither on nor off the default.
    pub(super) fn is_on(&self, default: bool) -> bool {
        kanshiki_machine::config::is_off(&self.bytes).map_or(default, |is_off| !is_off)
    }
}

/// Who can reach a service over the network, as its own settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// It does not listen on the network.
    Nobody,
    /// The machine itself.
    Local,
    /// Those who can reach one address of the machine.
    One,
    /// Whoever can reach the machine.
    All,
}

impl Reach {
    /// The reach of an address to listen on, with or without brackets or a port behind it.
    pub(super) fn of(address: &[u8]) -> Self {
        let text = String::from_utf8_lossy(address.trim_ascii()).to_ascii_lowercase();
        if text.starts_with('/') || text.starts_with('@') || text.starts_with("unix:") {
            return Self::Nobody;
        }
        let inner = text.strip_prefix('[').map(|rest| rest.split(']').next().unwrap_or_default().to_owned());
        let has_port = text.matches(':').count() == 1;
        let host =
            inner.unwrap_or_else(|| if has_port { text.split(':').next().unwrap_or_default().into() } else { text });
        match host.as_str() {
            "" | "*" | "0.0.0.0" | "::" | "0" | "0.0.0.0/0" | "::/0" => Self::All,
            "localhost" | "ip6-localhost" | "localhost.localdomain" => Self::Local,
            host => match host.split('%').next().unwrap_or(host).parse::<std::net::IpAddr>() {
                Ok(address) if address.is_loopback() => Self::Local,
                Ok(std::net::IpAddr::V6(address)) if address.to_ipv4_mapped().is_some_and(|it| it.is_loopback()) => {
                    Self::Local
                }
                _ => Self::One,
            },
        }
    }

    /// The reach of addresses of those that may come, as `192.0.2.0/24`.
    pub(super) fn of_network(network: &[u8]) -> Self {
        match memchr::memchr(b'/', network).and_then(|at| network.split_at_checked(at)) {
            Some((_, b"/0" | b"/0.0.0.0")) => Self::All,
            Some((address, _)) => Self::of(address),
            None => Self::of(network),
        }
    }

    /// The furthest of several.
    pub(super) fn furthest<'b>(addresses: impl IntoIterator<Item = &'b [u8]>) -> Option<Self> {
        addresses.into_iter().map(Self::of).max()
    }

    /// Whether other machines can.
    pub(super) fn is_remote(self) -> bool {
        self >= Self::One
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Nobody => "it does not listen on the network",
            Self::Local => "the machine itself alone reaches it",
            Self::One => "other machines reach it on one of its addresses",
            Self::All => "it listens on every address of the machine",
        }
    }
}

/// A service, and whether it starts with the machine.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) boot: Boot,
}

/// Takes what is found of services.
pub(super) struct Teller<'a, 'f> {
    pub(super) image: &'a Image<'a>,
    pub(super) found: &'f mut Found,
}

impl Teller<'_, '_> {
    /// A service that these units or scripts start, and that is one of these programs.
    pub(super) fn service(&self, name: impl Into<String>, units: &[&str], programs: &[&str]) -> Service {
        let view = self.image.view;
        // Settings outlive their program; where the image has no programs at all, they may lie elsewhere.
        let is_gone = !programs.is_empty()
            && self.any_of(programs).is_none()
            && self.any_of(&["/usr/bin/sh", "/bin/sh", "/bin/bash"]).is_some();
        let boot = match programs.first() {
            Some(program) if is_gone => Boot::No(format!("there is no {program}")),
            _ => boot(view, units),
        };
        Service { name: name.into(), boot }
    }

    /// Reads settings with all that they include; `None` if none of the files is there. Tells what could not be read.
    pub(super) fn config(&mut self, starts: &[&str], dialect: Dialect) -> Option<Config> {
        let config = Config::gather(self.image.view, starts, dialect)?;
        if let Some(why) = config.unknown() {
            let path = visible(&config.evidence().path);
            let subject = if path.is_empty() { starts.first().copied().unwrap_or_default().to_owned() } else { path };
            self.found.issues.push(Issue::new(subject, format!("settings are not known as a whole: {why}")));
        }
        Some(config)
    }

    /// The first of some paths that is there, whatever it is; a path may be a pattern.
    pub(super) fn any_of(&self, paths: &[&str]) -> Option<Evidence> {
        let view = self.image.view;
        paths.iter().flat_map(|path| settings::paths(view, path.as_bytes())).find_map(|path| {
            let located = view.lookup(&EvidencePath::from_bytes(path), kanshiki_filesystem::Follow::All).ok()?;
            let place = Some((located.place.volume, located.place.node.inode));
            Some(Evidence { path: located.path.as_bytes().to_vec(), place, span: None })
        })
    }

    /// The version of the first package that has one of these names, without its epoch.
    pub(super) fn version(&self, names: &[&str]) -> Option<Version> {
        let mut packages = self.image.owned.packages().packages();
        let package = packages.find(|package| {
            package.state != kanshiki_packages::PackageState::ConfigFiles
                && names.iter().any(|name| name.as_bytes() == package.name)
        })?;
        Version::of(&package.version)
    }

    /// A row of the table.
    pub(super) fn row(&mut self, service: &Service, setting: &str, value: &Value, allows: &str) {
        let text: String = value.shown().chars().take(300).collect();
        let facts = vec![
            ("setting", json!(setting)),
            ("value", json!(text)),
            ("origin", json!(if value.is_set { "set" } else { "default" })),
            ("allows", json!(allows)),
            ("boot", json!(service.boot.name())),
        ];
        self.found.row("exposure", service.name.as_bytes(), facts, Some(of_setting(&value.place, "")));
    }

    /// Whether all values stand in files that are as their package brought them.
    fn is_brought(&self, values: &[&Value]) -> bool {
        let is_brought = |value: &&Value| self.image.owned.of(&value.place.path).is_package();
        !values.is_empty() && values.iter().all(is_brought)
    }

    /// A hole. `key` tells it from others of the rule; what does not start with the machine matters less.
    pub(super) fn hole(&mut self, rule: &'static Rule, service: &Service, hole: Hole<'_>) {
        let severity = match (self.is_brought(hole.values), hole.severity) {
            (true, Severity::High | Severity::Medium) => Severity::Low,
            (true, _) => Severity::Info,
            (false, severity) => severity,
        };
        let severity = match (&service.boot, severity) {
            (Boot::No(_), Severity::High) => Severity::Medium,
            (Boot::No(_), Severity::Medium) => Severity::Low,
            (_, severity) => severity,
        };
        let boot = match &service.boot {
            Boot::No(why) => format!(" {} does not start with the machine: {why}.", service.name),
            Boot::Yes(_) | Boot::Unknown => String::new(),
        };
        let text = format!("{}{boot}", hole.text);
        let confidence = if matches!(service.boot, Boot::Yes(_)) { rule.confidence } else { Confidence::Medium };
        let confidence = confidence.min(rule.confidence);
        let made = finding(rule, format!("{} {}", service.name, hole.key), hole.title).explained(text);
        let made = made.weighed(severity, confidence);
        self.found.add(hole.values.iter().fold(made, |made, value| {
            let note = if value.is_set { "set here" } else { "nothing sets it here; this is the default" };
            made.setting(&value.place, note)
        }));
    }
}

/// What is told of a hole.
pub(super) struct Hole<'h> {
    pub(super) severity: Severity,
    pub(super) key: &'h str,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) values: &'h [&'h Value],
}

/// The numbers that a version begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32);

impl Version {
    /// The first two numbers behind an epoch.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let text = memchr::memchr(b':', text).and_then(|at| text.get(at.checked_add(1)?..)).unwrap_or(text);
        let mut numbers = text
            .split(|byte| !byte.is_ascii_digit())
            .filter_map(|digits| std::str::from_utf8(digits).ok()?.parse::<u32>().ok());
        Some(Self(numbers.next()?, numbers.next().unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_tell_who_can_reach_them() {
        for (address, reach) in [
            ("*", Reach::All),
            ("0.0.0.0:6379", Reach::All),
            ("[::]:22", Reach::All),
            ("::", Reach::All),
            ("127.0.0.1:80", Reach::Local),
            ("127.9.9.9", Reach::Local),
            ("::1", Reach::Local),
            ("[::1]:80", Reach::Local),
            ("::ffff:127.0.0.1", Reach::Local),
            ("localhost", Reach::Local),
            ("192.0.2.1", Reach::One),
            ("fe80::1%eth0", Reach::One),
            ("/run/x.sock", Reach::Nobody),
        ] {
            assert_eq!(Reach::of(address.as_bytes()), reach, "{address}");
        }
        assert_eq!(Reach::furthest([b"127.0.0.1".as_slice(), b"192.0.2.1"]), Some(Reach::One));
    }

    #[test]
    fn versions_are_read_behind_their_epoch() {
        assert_eq!(Version::of(b"1:9.2p1-2+deb12u3"), Some(Version(9, 2)));
        assert_eq!(Version::of(b"7"), Some(Version(7, 0)));
        assert_eq!(Version::of(b""), None);
    }
}
