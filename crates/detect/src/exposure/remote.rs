//! Services that rule the machine from afar: Docker's (dockerd(8)) and SNMP (snmpd.conf(5)).

use super::rules::{ANYBODY, WEAKENED};
use super::teller::{Hole, Reach, Teller, Value};
use kanshiki_machine::config::{Dialect, holds, words};
use kanshiki_model::{Severity, visible};

/// Where options of dockerd stand.
const DOCKER: &[&str] = &[
    "/etc/docker/daemon.json",
    "/etc/systemd/system/docker.service",
    "/etc/systemd/system/docker.service.d/*.conf",
    "/usr/lib/systemd/system/docker.service",
    "/lib/systemd/system/docker.service",
    "/etc/default/docker",
    "/etc/sysconfig/docker",
];

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    docker(teller);
    snmp(teller);
}

/// Whoever reaches the port of dockerd is root, unless `tlsverify` asks for a certificate.
fn docker(teller: &mut Teller<'_, '_>) {
    let Some(config) = teller.config(DOCKER, Dialect::PLAIN) else { return };
    let programs = ["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd", "/snap/bin/docker"];
    let service = teller.service("docker", &["docker.service", "snap.docker.dockerd.service"], &programs);
    let is_used = |text: &&[u8]| !text.starts_with(b"#");
    let asks = config.lines().map(|line| line.text).filter(is_used).any(|text| {
        let is_refused =
            ["tlsverify=false", "tlsverify\": false", "tlsverify\":false"].iter().any(|it| holds(text, it));
        holds(text, "tlsverify") && !is_refused
    });
    for line in config.lines().filter(|line| is_used(&line.text)).take(10_000) {
        let mut rest = line.text;
        while let Some(at) = memchr::memmem::find(rest, b"tcp://") {
            rest = rest.get(at.saturating_add(6)..).unwrap_or_default();
            let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b',' | b'/');
            let address = rest.split(is_end).next().unwrap_or_default();
            let reach = Reach::of(address);
            let value = Value { bytes: address.to_vec(), is_set: true, place: line.evidence() };
            let about = if asks { "a certificate is asked for" } else { "nothing is asked for" };
            teller.row(&service, "hosts", &value, &format!("{}; {about}", reach.words()));
            if reach.is_remote() && !asks {
                let title = format!("docker takes orders from anybody at {}", visible(address));
                let text = format!(
                    "Whoever connects starts containers that hold the machine's disk, and is root; {}.",
                    reach.words()
                );
                let key = visible(address);
                let hole = Hole { severity: Severity::High, key: &key, title, text, values: &[&value] };
                teller.hole(&ANYBODY, &service, hole);
            }
        }
    }
}

/// `rocommunity name [source]`, `rwcommunity name [source]`, `com2sec [-Cn context] name source community`.
fn snmp(teller: &mut Teller<'_, '_>) {
    let starts = ["/etc/snmp/snmpd.conf", "/etc/snmp/snmpd.conf.d/*.conf"];
    let Some(config) = teller.config(&starts, Dialect::PLAIN) else { return };
    let service = teller.service("snmpd", &["snmpd.service"], &["/usr/sbin/snmpd"]);
    let first = |line: &[u8]| words(line).next().unwrap_or_default().to_ascii_lowercase();
    let listen = config.lines().filter(|line| first(line.text) == b"agentaddress").last();
    let listen = listen.map(|line| (line.text.get(12..).unwrap_or_default().trim_ascii().to_vec(), line.evidence()));
    let listen = Value::of(listen, "udp:161", config.evidence());
    let reach = listen.bytes.split(|byte| *byte == b',').map(snmp_reach).max().unwrap_or(Reach::All);
    teller.row(&service, "agentAddress", &listen, reach.words());
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")).take(10_000) {
        let fields: Vec<&[u8]> = words(line.text).collect();
        let name = first(line.text);
        let (community, source) = match name.as_slice() {
            b"rocommunity" | b"rocommunity6" | b"rwcommunity" | b"rwcommunity6" => {
                (fields.get(1), fields.get(2).filter(|it| !it.starts_with(b"-") && !it.starts_with(b".")))
            }
            b"com2sec" | b"com2sec6" if fields.get(1) != Some(&b"-Cn".as_slice()) => (fields.get(3), fields.get(2)),
            _ => continue,
        };
        let Some(community) = community else { continue };
        let source = source.copied().unwrap_or(b"default");
        let from = if source == b"default" { Reach::All } else { Reach::of_network(source) };
        let value = Value { bytes: line.text.to_vec(), is_set: true, place: line.evidence() };
        let may_write = name.starts_with(b"rw");
        let may = if may_write { "changed" } else { "read" };
        teller.row(&service, "community", &value, &format!("the machine's state may be {may} by who knows this word"));
        if !from.min(reach).is_remote() {
            continue;
        }
        let is_guessed = matches!(*community, b"public" | b"private");
        let severity = match (may_write, is_guessed) {
            (true, _) => Severity::Medium,
            (false, true) => Severity::Low,
            (false, false) => continue,
        };
        let title = format!("snmpd lets its state be {may} with the community {}", visible(community));
        let text = format!("The word is sent as it is, and is all that is asked for; {}.", reach.words());
        let rule = if is_guessed { &ANYBODY } else { &WEAKENED };
        let key = format!("{} {}", visible(&name), visible(community));
        teller.hole(rule, &service, Hole { severity, key: &key, title, text, values: &[&value, &listen] });
    }
}

/// `udp:127.0.0.1:161`, `udp6:[::1]:161`, `161`, `127.0.0.1`, `unix:/run/x`.
fn snmp_reach(address: &[u8]) -> Reach {
    let address = address.trim_ascii();
    let transports = [b"udp6:".as_slice(), b"udp:", b"tcp6:", b"tcp:", b"dtlsudp:", b"tlstcp:"];
    let inner = transports.iter().find_map(|it| address.strip_prefix(*it)).unwrap_or(address);
    if inner.iter().all(u8::is_ascii_digit) { Reach::All } else { Reach::of(inner) }
}
