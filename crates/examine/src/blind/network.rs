//! Connections of the network and questions to name servers.

use super::{Finder, missing};
use crate::blind::judged::{JudgeConfig, JudgeSettings};
use kanshiki_machine::config::{Config, Dialect, assignment, behind, holds, is_off, unquoted};

pub(super) fn find(finder: &mut Finder<'_>) {
    firewall(finder);
    bind(finder);
    dnsmasq(finder);
    unbound(finder);
}

const CONNECTIONS: &str = "connections that came in, went out or were refused, as a firewall tells them";

/// Rules of packet filters; of ufw and firewalld their own switch tells (ufw(8), "LOGGING"; firewalld.conf(5), `LogDenied`).
fn firewall(finder: &mut Finder<'_>) {
    let mut has_any = false;
    if let Some(config) = finder.config(&["/etc/ufw/ufw.conf"], Dialect::PLAIN) {
        let settings = config.settings(|line| assignment(line.text));
        let is_enabled = settings.last("enabled").is_some_and(|it| is_off(&it.value) == Some(false));
        if is_enabled {
            has_any = true;
            finder.tell(
                "ufw",
                CONNECTIONS,
                settings.judge("loglevel", "low", |value| Some(is_off(value) == Some(true))),
            );
        }
    }
    if let Some(config) = finder.config(&["/etc/firewalld/firewalld.conf"], Dialect::PLAIN) {
        has_any = true;
        let settings = config.settings(|line| assignment(line.text));
        let denied = settings.judge("logdenied", "off", |value| Some(value.eq_ignore_ascii_case(b"off")));
        finder.tell("firewalld", "connections that were refused", denied);
    }
    let include: fn(&[u8]) -> Option<Vec<u8>> = |line| behind(line, "include").map(|rest| unquoted(rest).to_vec());
    let nftables = Dialect { include, folder: Some("/etc"), ..Dialect::PLAIN };
    for (name, paths, dialect) in [
        ("nftables", &["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"][..], nftables),
        (
            "iptables",
            &[
                "/etc/iptables/rules.v4",
                "/etc/iptables/rules.v6",
                "/etc/sysconfig/iptables",
                "/etc/sysconfig/ip6tables",
            ][..],
            Dialect::PLAIN,
        ),
    ] {
        let Some(config) = finder.config(paths, dialect) else { continue };
        has_any = true;
        if !has_log_rule(&config) {
            finder.tell(name, CONNECTIONS, config.absent("no rule logs anything"));
        }
    }
    if !has_any && finder.is_system() {
        let reason = "there are no settings of a packet filter (nftables, iptables, ufw, firewalld)";
        finder.tell_always("firewall", CONNECTIONS, reason, missing("/etc/nftables.conf"));
    }
}

/// `log` of nft(8), and the targets `LOG` and `NFLOG` of iptables-extensions(8).
fn has_log_rule(config: &Config) -> bool {
    config.lines().filter(|line| !line.text.starts_with(b"#")).any(|line| {
        let words = line.text.split(|byte| !byte.is_ascii_alphanumeric());
        words.into_iter().any(|word| matches!(word, b"log" | b"LOG" | b"NFLOG" | b"ULOG"))
    })
}

const QUESTIONS: &str = "questions of clients: which names were asked for, and by whom";

/// named logs questions with `querylog yes`, or if a category `queries` is set (BIND 9 Administrator Reference Manual,
/// `querylog`).
fn bind(finder: &mut Finder<'_>) {
    let include: fn(&[u8]) -> Option<Vec<u8>> = |line| {
        let rest = behind(line, "include")?;
        Some(unquoted(rest.strip_suffix(b";").unwrap_or(rest)).to_vec())
    };
    let mains = ["/etc/bind/named.conf", "/etc/named.conf"];
    let Some(config) = finder.config(&mains, Dialect { include, ..Dialect::PLAIN }) else { return };
    let is_comment = |line: &[u8]| line.starts_with(b"//") || line.starts_with(b"#");
    let set = config.lines().find(|line| {
        !is_comment(line.text)
            && (holds(line.text, "querylog")
                || holds(line.text, "category queries")
                || holds(line.text, "category \"queries\""))
    });
    match set {
        None => finder.tell(
            "bind",
            QUESTIONS,
            config.absent("neither querylog nor a category queries is set; it is off by default"),
        ),
        Some(line) if holds(line.text, "querylog no") => finder.tell("bind", QUESTIONS, config.at(&line)),
        Some(_) => {}
    }
}

/// dnsmasq(8): `log-queries` is off by default.
fn dnsmasq(finder: &mut Finder<'_>) {
    let starts = ["/etc/dnsmasq.conf", "/etc/dnsmasq.d/*"];
    if finder.any_of(&["/usr/sbin/dnsmasq"]).is_none() {
        return;
    }
    let Some(config) = finder.config(&starts, Dialect::PLAIN) else { return };
    if !config.lines().any(|line| line.text.starts_with(b"log-queries")) {
        finder.tell("dnsmasq", QUESTIONS, config.absent("log-queries is not set; it is off by default"));
    }
}

/// unbound.conf(5): `log-queries` and `log-replies` are no by default.
fn unbound(finder: &mut Finder<'_>) {
    let include: fn(&[u8]) -> Option<Vec<u8>> = |line| {
        let rest = line.strip_prefix(b"include-toplevel:").or_else(|| line.strip_prefix(b"include:"))?;
        Some(unquoted(rest.trim_ascii()).to_vec())
    };
    let Some(config) = finder.config(&["/etc/unbound/unbound.conf"], Dialect { include, ..Dialect::PLAIN }) else {
        return;
    };
    let settings = config.settings(|line| {
        let at = memchr::memchr(b':', line.text).filter(|_| !line.text.starts_with(b"#"))?;
        let (name, value) = line.text.split_at_checked(at)?;
        Some((name.to_vec(), unquoted(value.get(1..)?.trim_ascii()).to_vec()))
    });
    let replies = settings.last("log-replies").is_some_and(|it| it.value == b"yes");
    if !replies {
        finder.tell("unbound", QUESTIONS, settings.judge("log-queries", "no", is_off).and("log-replies is off, too"));
    }
}
