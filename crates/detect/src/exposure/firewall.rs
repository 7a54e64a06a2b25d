//! Rules of the machine's firewall that are set when it starts: nftables, iptables, ufw, firewalld.

use super::boot::Boot;
use super::rules::NO_FIREWALL;
use super::teller::{Service, Teller, Value};
use crate::found::{Building as _, finding};
use kanshiki_machine::config::{Config, Dialect, Evidence, Line, assignment, behind, holds, unquoted, words};
use kanshiki_machine::services::firewall::{IPTABLES, NFTABLES};

/// Rules of one place that are told.
const RULES_TOLD: usize = 200;

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    let guards = [nftables(teller), iptables(teller), ufw(teller), firewalld(teller)].contains(&true);
    let others =
        ["/etc/shorewall/shorewall.conf", "/etc/csf/csf.conf", "/etc/ferm/ferm.conf", "/etc/firehol/firehol.conf"];
    let other = teller.any_of(&others);
    if let Some(place) = &other {
        let service = Service { name: "firewall".to_owned(), boot: Boot::Unknown };
        let value = Value { bytes: b"is there".to_vec(), is_set: true, place: place.clone() };
        teller.row(&service, "other", &value, "settings of a firewall that are not read");
    }
    if guards || other.is_some() {
        return;
    }
    let place = Evidence { path: b"/etc/nftables.conf".to_vec(), place: None, span: None };
    let service = Service { name: "firewall".to_owned(), boot: Boot::Unknown };
    let value = Value { bytes: b"none found".to_vec(), is_set: false, place };
    teller.row(
        &service,
        "rules",
        &value,
        "what listens can be reached, unless something before the machine keeps others off",
    );
    let text =
        "No rules of nftables, iptables, ufw or firewalld that are set at the start keep anybody off what listens.";
    let made = finding(&NO_FIREWALL, "none", "no firewall was found").explained(text);
    teller.found.add(
        made.setting(&value.place, "or /etc/iptables/rules.v4, /etc/sysconfig/iptables, /etc/ufw, /etc/firewalld"),
    );
}

/// Tells lines of rules that let somebody in.
fn rules<'c>(teller: &mut Teller<'_, '_>, service: &Service, lines: impl Iterator<Item = Line<'c>>) {
    for line in lines.take(RULES_TOLD) {
        let value = Value { bytes: line.text.to_vec(), is_set: true, place: line.evidence() };
        teller.row(service, "rule", &value, "lets in what it describes");
    }
}

fn policy(teller: &mut Teller<'_, '_>, service: &Service, config: &Config, guards: bool) -> bool {
    let bytes = if guards { b"refused".to_vec() } else { b"let in".to_vec() };
    let value = Value { bytes, is_set: true, place: config.evidence() };
    teller.row(service, "input", &value, "what becomes of connections that no rule lets in");
    guards && !matches!(service.boot, Boot::No(_))
}

/// A chain of the hook `input` whose policy is drop, or that ends with one (nft(8)).
fn nftables(teller: &mut Teller<'_, '_>) -> bool {
    let dialect = Dialect { include: |line| behind(line, "include").map(|it| unquoted(it).to_vec()), ..Dialect::PLAIN };
    let Some(config) = teller.config(NFTABLES, dialect) else { return false };
    let service = teller.service("nftables", &["nftables.service"], &["/usr/sbin/nft", "/sbin/nft"]);
    let mut is_input = false;
    let mut guards = false;
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")) {
        if behind(line.text, "chain").is_some() {
            is_input = false;
        }
        is_input |= holds(line.text, "hook input");
        let is_refusal = line.text.starts_with(b"drop") || line.text.starts_with(b"reject");
        guards |= is_input && (holds(line.text, "policy drop") || is_refusal);
    }
    rules(teller, &service, config.lines().filter(|line| !line.text.starts_with(b"#") && holds(line.text, "dport")));
    policy(teller, &service, &config, guards)
}

/// What iptables-save writes: `:INPUT DROP [0:0]`, or a rule without conditions that refuses.
fn iptables(teller: &mut Teller<'_, '_>) -> bool {
    let Some(config) = teller.config(IPTABLES, Dialect::PLAIN) else { return false };
    let units = ["netfilter-persistent.service", "iptables.service", "iptables-persistent.service"];
    let service = teller.service("iptables", &units, &[]);
    let mut table = Vec::new();
    let mut guards = false;
    for line in config.lines() {
        if let Some(name) = line.text.strip_prefix(b"*") {
            table = name.to_vec();
        }
        let mut fields = words(line.text);
        let refuses = |target: Option<&[u8]>| matches!(target, Some(b"DROP" | b"REJECT"));
        guards |= table == b"filter"
            && match fields.next() {
                Some(b":INPUT") => refuses(fields.next()),
                Some(b"-A") => {
                    fields.next() == Some(b"INPUT") && fields.next() == Some(b"-j") && refuses(fields.next())
                }
                _ => false,
            };
    }
    let lets_in = |text: &[u8]| text.starts_with(b"-A INPUT") && holds(text, "-j ACCEPT");
    rules(teller, &service, config.lines().filter(|line| lets_in(line.text)));
    policy(teller, &service, &config, guards)
}

/// ufw.conf and /etc/default/ufw of ufw(8); its input is refused by default.
fn ufw(teller: &mut Teller<'_, '_>) -> bool {
    let Some(config) = teller.config(&["/etc/ufw/ufw.conf", "/etc/default/ufw"], Dialect::PLAIN) else { return false };
    let settings = config.settings(|line| assignment(line.text));
    let service = teller.service("ufw", &["ufw.service"], &["/usr/sbin/ufw"]);
    let enabled = Value::last(&settings, "enabled", "no");
    let input = Value::last(&settings, "default_input_policy", "DROP");
    teller.row(&service, "ENABLED", &enabled, "whether its rules are set");
    teller.row(&service, "DEFAULT_INPUT_POLICY", &input, "what becomes of connections that no rule lets in");
    if let Some(added) = teller.config(&["/etc/ufw/user.rules", "/var/lib/ufw/user.rules"], Dialect::PLAIN) {
        rules(teller, &service, added.lines().filter(|line| line.text.starts_with(b"-A ufw-user-input")));
    }
    enabled.is_on(false) && !input.is("ACCEPT") && !matches!(service.boot, Boot::No(_))
}

/// firewalld.conf(5) and firewalld.zone(5).
fn firewalld(teller: &mut Teller<'_, '_>) -> bool {
    let Some(config) = teller.config(&["/etc/firewalld/firewalld.conf"], Dialect::PLAIN) else { return false };
    let settings = config.settings(|line| assignment(line.text));
    let service = teller.service("firewalld", &["firewalld.service"], &["/usr/sbin/firewalld"]);
    let zone = Value::last(&settings, "defaultzone", "public");
    teller.row(&service, "DefaultZone", &zone, "the rules for interfaces that none are named for");
    let file = format!("{}.xml", zone.shown());
    let paths = [format!("/etc/firewalld/zones/{file}"), format!("/usr/lib/firewalld/zones/{file}")];
    let Some(zone) = paths.iter().find_map(|path| teller.config(&[path], Dialect::PLAIN)) else {
        return !matches!(service.boot, Boot::No(_)) && !zone.is("trusted");
    };
    let lets_in = |text: &[u8]| text.starts_with(b"<service") || text.starts_with(b"<port");
    rules(teller, &service, zone.lines().filter(|line| lets_in(line.text)));
    let guards = !zone.lines().any(|line| holds(line.text, "target=\"ACCEPT\""));
    policy(teller, &service, &zone, guards)
}
