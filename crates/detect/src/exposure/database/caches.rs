//! Redis and its descendants (redis.conf of 7.2, networking.c) and memcached (memcached(1)).

use crate::exposure::rules::{ANYBODY, REACHABLE};
use crate::exposure::teller::{Hole, Reach, Service, Teller, Value, Version};
use kanshiki_machine::config::{Dialect, assignment, behind, unquoted, words};
use kanshiki_machine::settings;
use kanshiki_model::{Severity, visible};

const REDIS: [&str; 5] = [
    "/etc/redis/*.conf",
    "/etc/redis.conf",
    "/etc/valkey/*.conf",
    "/usr/local/etc/redis.conf",
    "/opt/redis/redis.conf",
];

pub(super) fn redis(teller: &mut Teller<'_, '_>) {
    let view = teller.image.view;
    let paths: Vec<Vec<u8>> = REDIS.iter().flat_map(|pattern| settings::paths(view, pattern.as_bytes())).collect();
    let dialect = Dialect { include: |line| behind(line, "include").map(|it| unquoted(it).to_vec()), ..Dialect::PLAIN };
    for path in paths.iter().filter(|path| !path.ends_with(b"sentinel.conf")) {
        let Some(config) = teller.config(&[&String::from_utf8_lossy(path)], dialect) else { continue };
        let settings = config.settings(|line| assignment(line.text));
        let of = |name: &str, default: &str| Value::last(&settings, name, default);
        let programs = ["/usr/bin/redis-server", "/usr/bin/valkey-server", "/usr/local/bin/redis-server"];
        let service = teller.service("redis", &["redis-server.service", "redis.service", "valkey.service"], &programs);
        let mut users =
            settings.found.iter().filter(|it| it.name == b"user" && words(&it.value).next() == Some(b"default"));
        let user = users.next_back().map(|it| (it.value.clone(), it.line.evidence()));
        let server = Redis {
            bind: of("bind", "*"),
            protected: of("protected-mode", "yes"),
            password: of("requirepass", ""),
            port: of("port", "6379"),
            acl: of("aclfile", ""),
            user: Value::of(user, "on nopass", config.evidence()),
        };
        judge_redis(teller, &service, &server, &visible(path));
    }
}

/// The settings of a server.
struct Redis {
    bind: Value,
    protected: Value,
    password: Value,
    port: Value,
    acl: Value,
    user: Value,
}

fn judge_redis(teller: &mut Teller<'_, '_>, service: &Service, redis: &Redis, path: &str) {
    let addresses = words(&redis.bind.bytes).map(|it| it.strip_prefix(b"-").unwrap_or(it));
    let reach = if redis.port.is("0") { Reach::Nobody } else { Reach::furthest(addresses).unwrap_or(Reach::Nobody) };
    let asks = !redis.password.bytes.is_empty()
        || (redis.user.is_set && !words(&redis.user.bytes).any(|word| word == b"nopass"))
        || !redis.acl.bytes.is_empty();
    // Up to 6.2 it protected those alone that had no `bind` (acceptCommonHandler of networking.c), before 3.2 nobody.
    let version = teller.version(&["redis-server", "redis", "valkey", "redis-tools"]);
    let covers_bound = version.is_some_and(|version| version >= Version(7, 0));
    let is_old = version.is_some_and(|version| version < Version(3, 2));
    let is_protected = redis.protected.is_on(true) && !is_old && (covers_bound || !redis.bind.is_set);
    teller.row(service, "bind", &redis.bind, reach.words());
    teller.row(service, "port", &redis.port, "the port");
    let about = if asks { "a password is asked for" } else { "no password is asked for" };
    let hidden =
        Value { bytes: if redis.password.is_set { b"set".to_vec() } else { Vec::new() }, ..redis.password.clone() };
    teller.row(service, "requirepass", &hidden, about);
    teller.row(
        service,
        "protected-mode",
        &redis.protected,
        "whether others are refused as long as there is no password",
    );
    if !reach.is_remote() {
        return;
    }
    if asks {
        let title = "redis can be reached over the network".to_owned();
        let text = format!("It takes as many tries of passwords as somebody can send; {}.", reach.words());
        let hole = Hole { severity: Severity::Low, key: path, title, text, values: &[&redis.bind, &redis.password] };
        return teller.hole(&REACHABLE, service, hole);
    }
    if is_protected {
        return;
    }
    // Which version it is may decide, as long as protection is on.
    let is_sure = !redis.protected.is_on(true) || version.is_some();
    let severity = if reach == Reach::All && is_sure { Severity::High } else { Severity::Medium };
    let title = "redis lets anybody in without a password".to_owned();
    let text = format!(
        "Whoever connects reads and changes all, and writes files where the server may: crontabs, authorized_keys; {}.",
        reach.words()
    );
    let values = [&redis.bind, &redis.password, &redis.protected];
    teller.hole(&ANYBODY, service, Hole { severity, key: path, title, text, values: &values });
}

/// Without `-l` it listens on every address; `-S` asks for passwords.
pub(super) fn memcached(teller: &mut Teller<'_, '_>) {
    let Some(config) = teller.config(&["/etc/memcached.conf", "/etc/sysconfig/memcached"], Dialect::PLAIN) else {
        return;
    };
    let service =
        teller.service("memcached", &["memcached.service"], &["/usr/bin/memcached", "/usr/local/bin/memcached"]);
    let (mut listen, mut asks) = (None, false);
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")) {
        let options: Vec<&[u8]> =
            line.text.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'=')).collect();
        let mut options = options.into_iter().filter(|word| !word.is_empty());
        while let Some(option) = options.next() {
            let address = match option {
                b"-S" | b"--enable-sasl" => {
                    asks = true;
                    None
                }
                b"-l" | b"--listen" => options.next(),
                b"-s" => options.next().map(|_| b"/".as_slice()),
                _ => option.strip_prefix(b"-l"),
            };
            listen = address.map(|address| (address.to_vec(), line.evidence())).or(listen);
        }
    }
    let listen = Value::of(listen, "*", config.evidence());
    let reach = Reach::furthest(listen.bytes.split(|byte| *byte == b',')).unwrap_or(Reach::All);
    let about = if asks { "passwords are asked for" } else { "no passwords are asked for" };
    teller.row(&service, "-l", &listen, &format!("{}; {about}", reach.words()));
    if reach.is_remote() && !asks {
        let title = "memcached lets anybody in without a password".to_owned();
        let text = format!("Sessions and what else is kept there can be read and changed; {}.", reach.words());
        let hole = Hole { severity: Severity::Medium, key: "memcached", title, text, values: &[&listen] };
        teller.hole(&ANYBODY, &service, hole);
    }
}
