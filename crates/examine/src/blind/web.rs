//! Web servers: Apache (mod_log_config) and nginx (ngx_http_log_module).

use super::Finder;
use crate::blind::judged::JudgeConfig;
use kanshiki_machine::config::{Config, Line, behind, holds, unquoted, words};
use kanshiki_machine::services::web::{APACHE, NGINX, apache, nginx};

pub(super) fn find(finder: &mut Finder<'_>) {
    of_apache(finder);
    of_nginx(finder);
}

const REQUESTS: &str = "requests: who asked for what, and when";

const BODIES: &str = "what was sent with requests (POST): forms, files, commands for a web shell";

/// No log of accesses is written without CustomLog, GlobalLog or TransferLog; bodies are written by mod_security and mod_dumpio
/// alone.
fn of_apache(finder: &mut Finder<'_>) {
    for (starts, folder) in APACHE {
        let Some(config) = finder.config(starts, apache(folder)) else {
            continue;
        };
        let mut has_log = false;
        for line in config.lines() {
            let log = ["CustomLog", "GlobalLog", "TransferLog"].iter().find_map(|name| behind(line.text, name));
            if let Some(log) = log {
                has_log |= !is_nowhere(log);
                if is_nowhere(log) {
                    finder.tell("apache", "requests of the server or site whose log this is", config.at(&line));
                } else if is_conditional(log) {
                    finder.tell("apache", "requests that this condition leaves out", config.at(&line));
                }
            }
            if behind(line.text, "ErrorLog").is_some_and(is_nowhere) {
                finder.tell("apache", "errors, and what scripts write to their error output", config.at(&line));
            }
        }
        if has_log {
            silent_sites(finder, &config);
        } else {
            finder.tell(
                "apache",
                REQUESTS,
                config.absent("there is no CustomLog, GlobalLog or TransferLog; no log is the default"),
            );
        }
        let logs_bodies = |line: &[u8]| {
            behind(line, "DumpIOInput").is_some()
                || behind(line, "SecAuditEngine").is_some_and(|it| !it.eq_ignore_ascii_case(b"off"))
        };
        if !config.lines().any(|line| logs_bodies(line.text)) {
            finder.tell(
                "apache",
                BODIES,
                config.absent("logs of accesses hold no bodies; neither mod_security nor mod_dumpio is set"),
            );
        }
    }
}

/// Whether a condition stands behind file and form: `env=NAME`, `expr=…`, in quotes or not, with blanks or without.
fn is_conditional(log: &[u8]) -> bool {
    [" env=", " expr=", " \"env=", " \"expr="].iter().any(|it| holds(log, it))
}

/// Sites that no log is named for; they have none where the server itself has none either.
fn silent_sites(finder: &mut Finder<'_>, config: &Config) {
    let mut site: Option<(Line<'_>, bool)> = None;
    let mut silent = Vec::new();
    for line in config.lines() {
        if behind(line.text, "<VirtualHost").is_some() {
            site = Some((line, false));
        } else if line.text.to_ascii_lowercase().starts_with(b"</virtualhost") {
            silent.extend(site.take().filter(|(_, has_log)| !has_log).map(|(line, _)| line));
        } else if ["CustomLog", "TransferLog"].iter().any(|name| behind(line.text, name).is_some()) {
            match &mut site {
                Some((_, has_log)) => *has_log = true,
                // Of the server itself, which sites without one have too.
                None => return,
            }
        } else if behind(line.text, "GlobalLog").is_some() {
            return;
        }
    }
    for line in silent {
        let judged = config.at(&line).and("neither it nor the server itself has a CustomLog or TransferLog");
        finder.tell("apache", "requests of this site", judged);
    }
}

/// Whether a log goes to `/dev/null`.
fn is_nowhere(arguments: &[u8]) -> bool {
    let first = unquoted(arguments);
    words(first).next() == Some(b"/dev/null")
}

/// nginx writes `logs/access.log` unless `access_log off` says otherwise; bodies are written where `$request_body` is part of a
/// form alone.
fn of_nginx(finder: &mut Finder<'_>) {
    for (start, folder) in NGINX {
        let Some(config) = finder.config(&[start], nginx(folder)) else {
            continue;
        };
        for line in config.lines().filter(|line| !line.text.starts_with(b"#")) {
            // Several may stand on one line, as in `location /x { access_log off; }`.
            let statements = line.text.split(|byte| matches!(byte, b';' | b'{' | b'}')).map(<[u8]>::trim_ascii);
            let of = |statement: &'_ [u8]| -> Option<&'static str> {
                if let Some(rest) = behind(statement, "access_log") {
                    return if unquoted(rest) == b"off" || is_nowhere(rest) {
                        Some("requests of the server or location where this stands")
                    } else {
                        let is_part = words(rest).any(|word| word.starts_with(b"if="));
                        is_part.then_some("requests that this condition leaves out")
                    };
                }
                let is_silent = behind(statement, "error_log").is_some_and(is_nowhere);
                is_silent.then_some("errors, and what is refused")
            };
            for unlogged in statements.take_while(|it| !it.starts_with(b"#")).filter_map(of) {
                finder.tell("nginx", unlogged, config.at(&line));
            }
        }
        if !logs_bodies(&config) {
            finder.tell("nginx", BODIES, config.absent("no form of a log has $request_body; the default has none"));
        }
    }
}

fn logs_bodies(config: &Config) -> bool {
    config.lines().any(|line| !line.text.starts_with(b"#") && holds(line.text, "$request_body"))
}
