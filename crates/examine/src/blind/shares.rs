//! Files that others reach over the network, and what containers print.

use super::Finder;
use crate::blind::judged::{JudgeConfig, JudgeSettings, Judged, Verdict};
use kanshiki_machine::config::{Config, Dialect, holds};
use kanshiki_machine::services::samba::{DIALECT, parameter};
use kanshiki_machine::settings::{self, Found};
use serde_json::Value;

/// Containers that are looked at.
const CONTAINERS: usize = 512;

pub(super) fn find(finder: &mut Finder<'_>) {
    samba(finder);
    nfs(finder);
    docker(finder);
}

/// Samba logs accesses to files by the modules `full_audit`, `extd_audit` and `audit` alone (vfs_full_audit(8)); `log level` is
/// 0 by default (smb.conf(5)), at which no login is told.
fn samba(finder: &mut Finder<'_>) {
    let Some(mut config) = finder.config(&["/etc/samba/smb.conf"], DIALECT) else { return };
    let depends = config.lines().any(|line| {
        parameter(line.text).is_some_and(|(name, value)| match name.as_slice() {
            b"include" => value.contains(&b'%') || value == b"registry",
            b"configbackend" => value != b"file",
            _ => false,
        })
    });
    if depends {
        config.is_unknown("they take in others that depend on the client, or lie in the registry");
    }
    let has_audit = |config: &Config| {
        config.lines().any(|line| {
            parameter(line.text).is_some_and(|(name, value)| {
                matches!(name.as_slice(), b"vfsobjects" | b"vfsobject") && holds(&value, "audit")
            })
        })
    };
    if !has_audit(&config) {
        let unlogged = "files that were read, changed or deleted through shares, and by whom";
        finder.tell("samba", unlogged, config.absent("no share has the module full_audit; none has it by default"));
    }
    let settings = config.settings(|line| parameter(line.text));
    if settings.last("loglevel").is_none() && settings.last("debuglevel").is_none() {
        let judged = settings.judge_one(None, ("log level", "0"), |_| Some(true));
        finder.tell("samba", "logins to shares, accepted and failed", judged);
    }
}

/// The server in the kernel has no log of accesses (exports(5) knows no option for one).
fn nfs(finder: &mut Finder<'_>) {
    let Some(config) = finder.config(&["/etc/exports", "/etc/exports.d/*.exports"], Dialect::PLAIN) else { return };
    if let Some(line) = config.lines().find(|line| line.text.starts_with(b"/") || line.text.starts_with(b"\"/")) {
        let judged = config.at(&line).and("the server in the kernel has no log of accesses");
        finder.tell("nfs", "files that were read, changed or deleted through exported folders, and by whom", judged);
    }
}

/// `log-driver` is json-file by default; `none` keeps nothing (Docker, "Configure logging drivers"). Each container keeps the
/// one that it was made with.
fn docker(finder: &mut Finder<'_>) {
    let unlogged = "what containers print that are made without a log driver of their own";
    if let Some(config) = finder.config(&["/etc/docker/daemon.json"], Dialect::PLAIN) {
        let found = settings::read(finder.view, b"/etc/docker/daemon.json").unwrap_or_default();
        match serde_json::from_slice::<Value>(&found) {
            Ok(json) if json.get("log-driver").and_then(Value::as_str) == Some("none") => {
                let line = config.lines().find(|line| holds(line.text, "log-driver"));
                let judged = line.map_or_else(|| config.absent("log-driver is none"), |line| config.at(&line));
                finder.tell("docker", unlogged, judged);
            }
            Ok(_) => {}
            Err(_) => {
                let judged = Judged { verdict: Verdict::Unknown, ..config.absent("it is no JSON") };
                finder.tell("docker", unlogged, judged);
            }
        }
    }
    let pattern = b"/var/lib/docker/containers/*/hostconfig.json";
    for path in settings::paths(finder.view, pattern).into_iter().take(CONTAINERS) {
        let Found::File(file) = settings::open(finder.view, &path) else { continue };
        let json = serde_json::from_slice::<Value>(&file.bytes).unwrap_or_default();
        if json.pointer("/LogConfig/Type").and_then(Value::as_str) == Some("none") {
            let evidence = kanshiki_machine::config::Evidence {
                path: file.path,
                place: Some((file.volume, file.inode)),
                span: None,
            };
            finder.tell_always("docker", "what this container prints", "its log driver is none", evidence);
        }
    }
}
