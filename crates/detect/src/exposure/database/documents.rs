//! MongoDB (mongod.conf of 7.0) and Elasticsearch and OpenSearch (elasticsearch.yml of 8.11).

use crate::exposure::rules::ANYBODY;
use crate::exposure::teller::{Hole, Reach, Service, Teller, Value, Version};
use kanshiki_machine::config::{Config, Dialect, Settings, unquoted};
use kanshiki_model::Severity;

/// `name: value` of YAML or `name = value`, without the names of what it stands in.
fn pair(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if line.starts_with(b"#") {
        return None;
    }
    let at = line.iter().position(|byte| matches!(byte, b':' | b'='))?;
    let (name, value) = line.split_at_checked(at)?;
    let value = unquoted(value.get(1..)?.trim_ascii());
    Some((name.trim_ascii().to_ascii_lowercase(), value.to_vec()))
}

fn settings(config: &Config) -> Settings<'_> {
    config.settings(|line| pair(line.text))
}

/// It listens to the machine alone since 3.6, and asks for no password unless `authorization` is enabled.
pub(super) fn mongodb(teller: &mut Teller<'_, '_>) {
    let Some(config) = teller.config(&["/etc/mongod.conf", "/etc/mongodb.conf"], Dialect::PLAIN) else { return };
    let programs = ["/usr/bin/mongod", "/usr/local/bin/mongod"];
    let service = teller.service("mongodb", &["mongod.service", "mongodb.service"], &programs);
    let settings = settings(&config);
    let of = |name: &str, default: &str| Value::last(&settings, name, default);
    let packages = ["mongodb-org-server", "mongodb-server", "mongodb-server-core", "mongodb-org"];
    let is_old = teller.version(&packages).is_some_and(|version| version < Version(3, 6));
    let default = if is_old { "0.0.0.0" } else { "127.0.0.1" };
    let bind = if of("bindip", "").is_set { of("bindip", default) } else { of("bind_ip", default) };
    let all = of("bindipall", "false");
    let (authorization, auth) = (of("authorization", "disabled"), of("auth", "false"));
    let (asks, password) =
        if auth.is_set { (auth.is_on(false), auth) } else { (authorization.is("enabled"), authorization) };
    let reach = if all.is_on(false) { Reach::All } else { furthest(&bind) };
    let bind = if all.is_on(false) { all } else { bind };
    judge(teller, &service, (&bind, "bindIp", reach), (&password, "authorization", asks));
}

/// It listens to the machine alone unless `network.host` or `http.host` says otherwise; it asks for a password since 8.0.
pub(super) fn elasticsearch(teller: &mut Teller<'_, '_>) {
    for (name, path, guard, is_off) in [
        ("elasticsearch", "/etc/elasticsearch/elasticsearch.yml", "xpack.security.enabled", false),
        ("opensearch", "/etc/opensearch/opensearch.yml", "plugins.security.disabled", true),
    ] {
        let Some(config) = teller.config(&[path], Dialect::PLAIN) else { continue };
        let settings = settings(&config);
        let of = |name: &str, default: &str| Value::last(&settings, name, default);
        let unit = format!("{name}.service");
        let program = format!("/usr/share/{name}/bin/{name}");
        let service = teller.service(name, &[&unit], &[&program]);
        let http = of("http.host", "_local_");
        let host = if http.is_set { http } else { of("network.host", "_local_") };
        let is_old = teller.version(&["elasticsearch"]).is_some_and(|version| version < Version(8, 0));
        let default = if is_off || is_old { "false" } else { "true" };
        let guard_value = of(guard, default);
        let asks = guard_value.is_on(true) != is_off;
        judge(teller, &service, (&host, "network.host", furthest(&host)), (&guard_value, guard, asks));
    }
}

/// Addresses of a list as `[ "127.0.0.1", _site_ ]` or `127.0.0.1,::1`.
fn furthest(value: &Value) -> Reach {
    let parts = value.bytes.split(|byte| matches!(byte, b',' | b'[' | b']' | b'"' | b'\'' | b' '));
    // An address in brackets is none here.
    let reach = parts.filter(|part| !part.is_empty()).map(|part| match part {
        b"_local_" => Reach::Local,
        b"_site_" | b"_global_" | b"_non_loopback_" => Reach::All,
        address => Reach::of(address),
    });
    reach.max().unwrap_or(Reach::Local)
}

fn judge(
    teller: &mut Teller<'_, '_>,
    service: &Service,
    (bind, bind_name, reach): (&Value, &str, Reach),
    (password, password_name, asks): (&Value, &str, bool),
) {
    teller.row(service, bind_name, bind, reach.words());
    let about = if asks { "passwords are asked for" } else { "no passwords are asked for" };
    teller.row(service, password_name, password, about);
    if reach.is_remote() && !asks {
        let severity = if reach == Reach::All { Severity::High } else { Severity::Medium };
        let title = format!("{} lets anybody in without a password", service.name);
        let text = format!("Whoever connects reads, changes and deletes all; {}.", reach.words());
        let hole = Hole { severity, key: "anybody", title, text, values: &[bind, password] };
        teller.hole(&ANYBODY, service, hole);
    }
}
