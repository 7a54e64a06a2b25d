//! PostgreSQL: `listen_addresses` and the lines of pg_hba.conf (PostgreSQL 17, 19.3 and 20.1).

use crate::exposure::rules::{ANYBODY, PLAIN_TEXT, REACHABLE};
use crate::exposure::teller::{Hole, Reach, Service, Teller, Value};
use kanshiki_machine::config::{Dialect, Line, behind, unquoted, words};
use kanshiki_machine::services::postgres::{Cluster, clusters, setting};
use kanshiki_model::{Severity, visible};

/// Lines of one pg_hba.conf that are told.
const LINES: usize = 500;

/// `include` is known since PostgreSQL 16.
const DIALECT: Dialect = Dialect { include, ..Dialect::PLAIN };

fn include(line: &[u8]) -> Option<Vec<u8>> {
    if let Some(folder) = behind(line, "include_dir") {
        return Some([unquoted(folder), b"/*.conf"].concat());
    }
    behind(line, "include_if_exists").or_else(|| behind(line, "include")).map(|it| unquoted(it).to_vec())
}

/// A line: who may come from where, and how they are asked.
struct Access {
    is_local: bool,
    is_encrypted: bool,
    from: Reach,
    method: Vec<u8>,
    value: Value,
}

pub(super) fn find(teller: &mut Teller<'_, '_>) {
    for cluster in clusters(teller.image.view) {
        let units = ["postgresql.service", "postgresql@*.service", "postgresql-*.service"];
        let service = teller.service("postgresql", &units, &[]);
        judge(teller, &service, &cluster);
    }
}

fn judge(teller: &mut Teller<'_, '_>, service: &Service, cluster: &Cluster) {
    let settings = cluster.config.settings(|line| setting(line.text));
    let listen = Value::last(&settings, "listen_addresses", "localhost");
    let reach = if listen.bytes.is_empty() {
        Reach::Nobody
    } else {
        Reach::furthest(listen.bytes.split(|byte| *byte == b',')).unwrap_or(Reach::Local)
    };
    teller.row(service, "listen_addresses", &listen, reach.words());
    for (name, default, about) in [
        ("port", "5432", "the port"),
        ("ssl", "off", "whether connections can be encrypted"),
        ("password_encryption", "scram-sha-256", "how passwords are kept"),
        ("shared_preload_libraries", "", "libraries that it loads"),
        ("archive_command", "", "a command that is run for each part of the log of changes"),
    ] {
        teller.row(service, name, &Value::last(&settings, name, default), about);
    }
    let path = format!("{}/pg_hba.conf", cluster.folder);
    let path = Value::last(&settings, "hba_file", &path).shown();
    let Some(config) = teller.config(&[&path], DIALECT) else { return };
    let lines: Vec<Access> = config.lines().filter_map(|line| access(&line)).take(LINES).collect();
    for access in &lines {
        teller.row(service, "pg_hba.conf", &access.value, words_of(access));
    }
    for access in &lines {
        let from = access.from.min(reach);
        let at = visible(&access.value.bytes);
        let hole = |severity, key: &'static str, title: &str, text: &str| {
            (severity, key, title.to_owned(), format!("{text} {at}; {}.", reach.words()))
        };
        let is_trust = access.method == b"trust";
        let (rule, (severity, key, title, text)) = match (is_trust, access.is_local || !from.is_remote()) {
            (true, true) => (
                &ANYBODY,
                hole(
                    Severity::Low,
                    "local",
                    "postgresql trusts whoever is on the machine",
                    "Every account is any user of the database:",
                ),
            ),
            (true, false) => {
                let severity = if from == Reach::All { Severity::High } else { Severity::Medium };
                let title = "postgresql lets others in without a password";
                (&ANYBODY, hole(severity, "trust", title, "Whoever comes from there is the user that they say to be:"))
            }
            (false, false) if access.method == b"password" && !access.is_encrypted => {
                let title = "postgresql takes passwords in plain text";
                (&PLAIN_TEXT, hole(Severity::Medium, "plain", title, "The password is sent as it is:"))
            }
            (false, false) if from == Reach::All && access.method != b"reject" && access.method != b"cert" => {
                let title = "postgresql can be reached from every address";
                (&REACHABLE, hole(Severity::Low, "network", title, "Passwords can be tried from elsewhere:"))
            }
            _ => continue,
        };
        let values: &[&Value] = if access.is_local { &[&access.value] } else { &[&access.value, &listen] };
        teller.hole(rule, service, Hole { severity, key: &format!("{key} {at}"), title, text, values });
    }
}

fn words_of(access: &Access) -> &'static str {
    match access.method.as_slice() {
        b"trust" => "no password is asked for",
        b"password" => "a password is asked for, in plain text",
        b"md5" | b"scram-sha-256" => "a password is asked for",
        b"peer" | b"ident" => "the account of the machine counts",
        b"reject" => "nobody is let in",
        _ => "who comes is asked by other means",
    }
}

/// `type database user [address [mask]] method [options]`.
fn access(line: &Line<'_>) -> Option<Access> {
    if line.text.starts_with(b"#") {
        return None;
    }
    let fields: Vec<&[u8]> = words(line.text).map(unquoted).collect();
    let kind = *fields.first()?;
    let is_local = kind == b"local";
    if !is_local && !kind.starts_with(b"host") {
        return None;
    }
    let address = if is_local { b"".as_slice() } else { fields.get(3)? };
    let next = *fields.get(if is_local { 3 } else { 4 })?;
    // An address may have its mask behind it.
    let is_mask = !is_local && std::str::from_utf8(next).is_ok_and(|it| it.parse::<std::net::IpAddr>().is_ok());
    let method = if is_mask { *fields.get(5)? } else { next };
    let from = match address {
        b"all" => Reach::All,
        b"samehost" => Reach::Local,
        _ if is_mask => Reach::of_network(&[address, b"/", next].concat()),
        _ => Reach::of_network(address),
    };
    let value = Value { bytes: line.text.to_vec(), is_set: true, place: line.evidence() };
    Some(Access { is_local, is_encrypted: kind == b"hostssl", from, method: method.to_ascii_lowercase(), value })
}
