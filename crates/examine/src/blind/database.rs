//! Databases: MySQL and MariaDB, PostgreSQL, Redis, MongoDB.

pub(crate) mod mysql;
mod postgres;

use super::Finder;
use crate::blind::judged::JudgeConfig;
use kanshiki_machine::config::{Dialect, holds};

pub(super) fn find(finder: &mut Finder<'_>) {
    mysql::find(finder);
    postgres::find(finder);
    redis(finder);
    mongodb(finder);
}

/// Redis and Valkey write no command to their log, whatever `loglevel` is (redis.conf, `loglevel`); SLOWLOG and MONITOR are in
/// memory alone.
fn redis(finder: &mut Finder<'_>) {
    for (name, paths) in [
        (
            "redis",
            &["/etc/redis/*.conf", "/etc/redis*.conf", "/usr/bin/redis-server", "/usr/local/bin/redis-server"][..],
        ),
        ("valkey", &["/etc/valkey/*.conf", "/etc/valkey*.conf", "/usr/bin/valkey-server"][..]),
    ] {
        if let Some(evidence) = finder.any_of(paths) {
            let unlogged = "commands of clients: what was read, changed or deleted, and by whom";
            finder.tell_always(name, unlogged, "it has no log of commands at all", evidence);
        }
    }
}

/// mongod logs operations that take longer than `operationProfiling.slowOpThresholdMs` (default 100), others only with a
/// higher verbosity (MongoDB manual, "Configuration File Options").
fn mongodb(finder: &mut Finder<'_>) {
    let Some(config) = finder.config(&["/etc/mongod.conf", "/etc/mongodb.conf"], Dialect::PLAIN) else { return };
    let touched = ["verbosity", "slowOpThresholdMs", "slowms", "profile", "auditLog", "verbose"];
    let settings = || config.lines().filter(|line| !line.text.starts_with(b"#"));
    if settings().any(|line| touched.iter().any(|word| holds(line.text, word))) {
        return;
    }
    let reason = "neither verbosity nor slowOpThresholdMs is set; by default operations above 100 ms alone are logged";
    finder.tell(
        "mongodb",
        "operations that take less than 100 ms: what was read, changed or deleted",
        config.absent(reason),
    );
}
