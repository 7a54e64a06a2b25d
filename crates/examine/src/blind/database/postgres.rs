//! PostgreSQL: `postgresql.conf` of each cluster and what ALTER SYSTEM wrote (PostgreSQL 17, 19.1 and 19.8). What ALTER ROLE
//! and ALTER DATABASE set lies in the database itself.

use crate::blind::Finder;
use crate::blind::judged::{JudgeSettings, Judged, Verdict};
use kanshiki_machine::config::{Config, Settings, holds, is_off};
use kanshiki_machine::services::postgres::{Cluster, clusters, setting};
use kanshiki_model::visible;

pub(super) fn find(finder: &mut Finder<'_>) {
    for Cluster { folder, config, .. } in clusters(finder.view) {
        cluster(finder, &format!("postgresql {}", visible(folder.as_bytes())), &config);
    }
}

fn cluster(finder: &mut Finder<'_>, service: &str, config: &Config) {
    let settings = config.settings(|line| setting(line.text));
    let statements = settings.judge("log_statement", "none", |value| match value.to_ascii_lowercase().as_slice() {
        b"none" | b"ddl" | b"mod" => Some(true),
        b"all" => Some(false),
        _ => None,
    });
    let level = settings.last("log_statement").map(|it| it.value.to_ascii_lowercase());
    let unlogged = match level.as_deref() {
        Some(b"mod") => "queries that change nothing, such as SELECT: what was read out of tables, and by whom",
        Some(b"ddl") => "statements but those of definitions: what was read, changed or deleted in tables, and by whom",
        _ => "statements: what was read, changed or deleted in tables, and by whom",
    };
    let statements = otherwise_logged(&settings, statements);
    finder.tell(service, unlogged, statements);
    let connections = settings.judge("log_connections", "off", connections_are_off);
    finder.tell(service, "connections that succeed: who was logged in, from where, and when", connections);
    // `LOG` ranks between `ERROR` and `FATAL` there.
    let level = settings.judge("log_min_messages", "warning", |value| {
        Some(matches!(value.to_ascii_lowercase().as_slice(), b"fatal" | b"panic"))
    });
    finder.tell(
        service,
        "connections, statements and all else that is told as LOG, whatever other settings say",
        level,
    );
    let ends = settings.judge("log_disconnections", "off", switch_is_off);
    finder.tell(service, "ends of connections: how long each lasted", ends);
}

/// A switch, which may be cut to what tells it from others (`parse_bool_with_len`, bool.c).
fn switch_is_off(value: &[u8]) -> Option<bool> {
    match value.to_ascii_lowercase().as_slice() {
        b"of" | b"f" | b"fa" | b"fal" | b"fals" | b"n" => Some(true),
        b"t" | b"tr" | b"tru" | b"y" | b"ye" => Some(false),
        value => is_off(value),
    }
}

/// Since version 18 a list of what is logged of a connection, of which `receipt` tells no user.
fn connections_are_off(value: &[u8]) -> Option<bool> {
    match value.to_ascii_lowercase().as_slice() {
        b"" => Some(true),
        value if ["all", "authentication", "authorization"].iter().any(|word| holds(value, word)) => Some(false),
        value => switch_is_off(value),
    }
}

/// `log_min_duration_statement = 0` logs all statements; modules that log statements have settings of their own.
fn otherwise_logged(settings: &Settings<'_>, judged: Judged) -> Judged {
    if judged.verdict == Verdict::Logged {
        return judged;
    }
    let duration = settings.last("log_min_duration_statement");
    if duration.is_some_and(|it| matches!(it.value.as_slice(), b"0" | b"0ms" | b"0s" | b"0min")) {
        return Judged { verdict: Verdict::Logged, ..judged };
    }
    let modules = settings.found.iter().rev().find(|it| {
        matches!(it.name.as_slice(), b"shared_preload_libraries" | b"session_preload_libraries")
            && ["audit", "auto_explain", "pg_stat_monitor"].iter().any(|module| holds(&it.value, module))
    });
    if modules.is_some() {
        let judged = judged.and("a module is set that may log them, and is not judged");
        return Judged { verdict: Verdict::Unknown, ..judged };
    }
    match duration.filter(|it| it.value != b"-1") {
        Some(it) => judged.and(&format!("those that take long enough for {} are logged", visible(it.line.text))),
        None => judged.and("log_min_duration_statement is off, too"),
    }
}
