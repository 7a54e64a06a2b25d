//! inetd and xinetd: services that are started when somebody comes.

use super::rules::{ANYBODY, PLAIN_TEXT, REACHABLE};
use super::teller::{Hole, Teller, Value};
use kanshiki_filesystem::View;
use kanshiki_machine::config::{Config, Dialect, Evidence, assignment, holds, words};
use kanshiki_machine::settings;
use kanshiki_model::{Rule, Severity, visible};

/// A service that is started.
struct Started {
    name: Vec<u8>,
    /// With its arguments.
    program: Vec<u8>,
    place: Evidence,
    /// Who starts it.
    by: &'static str,
}

/// Services with what is wrong with them: names of services or parts of names of programs.
const KNOWN: &[(&[&str], &Rule, Severity, &str)] = &[
    (
        &["telnet", "telnetd"],
        &PLAIN_TEXT,
        Severity::High,
        "A shell over the network, with name, password and all that is typed in plain text.",
    ),
    (
        &["shell", "login", "exec", "rshd", "rlogind", "rexecd"],
        &ANYBODY,
        Severity::High,
        "A shell for whoever says to be one that is trusted: the other machine's word and address are all that counts.",
    ),
    (
        &["tftp", "tftpd"],
        &ANYBODY,
        Severity::Medium,
        "Whoever comes may take files, and bring them where it is told -c; there are no passwords.",
    ),
    (
        &["finger", "fingerd", "systat", "netstat"],
        &REACHABLE,
        Severity::Low,
        "Tells strangers who is there and what runs.",
    ),
    (&["chargen", "echo"], &REACHABLE, Severity::Low, "Answers more than it is asked, for attacks on others."),
];

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    for started in started(teller.image.view) {
        let units = [format!("{}.service", started.by), format!("openbsd-{}.service", started.by)];
        let units: Vec<&str> = units.iter().map(String::as_str).collect();
        let name = visible(&started.name);
        let programs = ["/usr/sbin/inetd", "/usr/sbin/xinetd", "/sbin/inetd"];
        let service = teller.service(format!("{} {name}", started.by), &units, &programs);
        let value = Value { bytes: started.program.clone(), is_set: true, place: started.place.clone() };
        let known = KNOWN.iter().find(|(names, ..)| names.iter().any(|known| is_named(&started, known)));
        teller.row(&service, "service", &value, known.map_or("a program for whoever comes", |it| it.3));
        if let Some((names, rule, severity, text)) = known {
            let what = names.first().copied().unwrap_or_default();
            let title = format!("{} starts {name} for whoever comes", started.by);
            let text = (*text).to_owned();
            teller.hole(rule, &service, Hole { severity: *severity, key: what, title, text, values: &[&value] });
        }
    }
    telnet_socket(teller);
}

/// systemd in the place of inetd.
fn telnet_socket(teller: &mut Teller<'_, '_>) {
    for (unit, text) in [
        ("telnet.socket", "A shell over the network, with name, password and all that is typed in plain text."),
        ("rsh.socket", "A shell for whoever says to be one that is trusted."),
        ("rlogin.socket", "A shell for whoever says to be one that is trusted."),
    ] {
        let service = teller.service(unit, &[unit], &[]);
        let super::boot::Boot::Yes(path) = &service.boot else { continue };
        let Some(place) = teller.any_of(&[path]) else { continue };
        let value = Value { bytes: unit.as_bytes().to_vec(), is_set: true, place };
        teller.row(&service, "unit", &value, text);
        let rule = if unit == "telnet.socket" { &PLAIN_TEXT } else { &ANYBODY };
        let title = format!("{unit} is started for whoever comes");
        let hole = Hole { severity: Severity::High, key: unit, title, text: text.to_owned(), values: &[&value] };
        teller.hole(rule, &service, hole);
    }
}

fn is_named(started: &Started, known: &str) -> bool {
    started.name == known.as_bytes() || (known.ends_with('d') && holds(&started.program, known))
}

/// Whether inetd or xinetd starts a program with this in its name.
pub(super) fn starts(view: &View, program: &str) -> bool {
    started(view).iter().any(|it| holds(&it.program, program))
}

fn started(view: &View) -> Vec<Started> {
    let mut found = of_inetd(view);
    let patterns = ["/etc/xinetd.conf", "/etc/xinetd.d/*"];
    for path in patterns.iter().flat_map(|pattern| settings::paths(view, pattern.as_bytes())) {
        if let Some(config) = Config::gather(view, &[&String::from_utf8_lossy(&path)], Dialect::PLAIN) {
            of_xinetd(&config, &mut found);
        }
    }
    found
}

/// `service type protocol wait user program arguments` (inetd(8)); a service may have an address before a colon.
fn of_inetd(view: &View) -> Vec<Started> {
    let Some(config) = Config::gather(view, &["/etc/inetd.conf"], Dialect::PLAIN) else { return Vec::new() };
    let mut found = Vec::new();
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")).take(1000) {
        let fields: Vec<&[u8]> = words(line.text).collect();
        let (Some(name), Some(program)) = (fields.first(), fields.get(5..)) else { continue };
        let (address, name) = match memchr::memrchr(b':', name).and_then(|at| name.split_at_checked(at)) {
            Some((address, name)) => (address, name.get(1..).unwrap_or_default()),
            None => (b"*".as_slice(), *name),
        };
        if super::teller::Reach::of(address).is_remote() && !program.is_empty() {
            let program = program.join(&b" "[..]);
            found.push(Started { name: name.to_vec(), program, place: line.evidence(), by: "inetd" });
        }
    }
    found
}

/// `service name { … }` with `disable = yes` where it is off (xinetd.conf(5)).
fn of_xinetd(config: &Config, found: &mut Vec<Started>) {
    let mut open: Option<Started> = None;
    let mut is_off = false;
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")) {
        let mut fields = words(line.text);
        if fields.next() == Some(b"service") {
            let name = fields.next().unwrap_or_default().to_vec();
            is_off = false;
            open = Some(Started { name, program: Vec::new(), place: line.evidence(), by: "xinetd" });
        } else if line.text == b"}" {
            found.extend(open.take().filter(|_| !is_off && found.len() < 1000));
        } else if let (Some(open), Some((name, value))) = (&mut open, assignment(line.text)) {
            match name.as_slice() {
                b"disable" => is_off = value.eq_ignore_ascii_case(b"yes"),
                b"server" => open.program = value,
                b"bind" | b"interface" => is_off |= !super::teller::Reach::of(&value).is_remote(),
                _ => {}
            }
        }
    }
}
