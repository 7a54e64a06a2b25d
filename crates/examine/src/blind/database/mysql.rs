//! MySQL and MariaDB: option files (MySQL 8.0 Reference Manual, 4.2.2.2; MariaDB, "Configuring MariaDB with Option Files").

use crate::blind::judged::{JudgeSettings, Judged, Verdict};
use crate::blind::{Evidence, Finder};
use kanshiki_filesystem::View;
use kanshiki_machine::config::{Settings, holds};
use kanshiki_machine::services::mysql::{DIALECT, INCLUDED, MAIN, MARIADB, SIGNS, SKIPPED, is_off, options};
use kanshiki_machine::settings::{self, Found};
use kanshiki_model::visible_text;
use serde_json::Value;

pub(super) fn find(finder: &mut Finder<'_>) {
    let Some(sign) = finder.any_of(SIGNS) else { return };
    let is_mariadb = finder.any_of(MARIADB).is_some();
    let config = finder.config(MAIN, DIALECT).or_else(|| {
        let mut config = finder.config(INCLUDED, DIALECT)?;
        config.is_unknown("the image has no my.cnf that includes this file");
        Some(config)
    });
    let config = config.unwrap_or_default();
    let server = Server { view: finder.view, is_mariadb, sign, settings: options(&config, is_mariadb) };
    let service = if is_mariadb { "mariadb" } else { "mysql" };
    finder.tell(
        service,
        "queries that change nothing, such as SELECT: what was read out of tables, and by whom",
        server.queries(),
    );
    finder.tell(service, "connections that succeed: who was logged in, from where, and when", server.connections());
    finder.tell(
        service,
        "rows that statements changed, as a binary log keeps them (reads are in no binary log)",
        server.changes(),
    );
    if is_mariadb {
        finder.tell(service, "logins that failed: who tried to log in, from where, and when", server.refusals());
    }
    let slow = server.judge("slow_query_log", "OFF", is_off);
    finder.tell(
        service,
        "statements that take long, such as the dump of a large table, with the rows that they read",
        slow,
    );
}

/// The value of an option that `mysqld-auto.cnf` in the folder of the data keeps (MySQL 8.0 Reference Manual, 7.1.9.3).
pub(crate) fn persisted(view: &View, folder: &[u8], name: &str) -> Option<(String, Evidence)> {
    let Found::File(file) = settings::open(view, &[folder, b"/mysqld-auto.cnf".as_slice()].concat()) else {
        return None;
    };
    let json: Value = serde_json::from_slice(&file.bytes).ok()?;
    // The groups of version 2 of the file, then those of version 1.
    let groups = [
        "/mysql_dynamic_variables",
        "/mysql_static_variables",
        "/mysql_server",
        "/mysql_server/mysql_server_static_options",
    ];
    let value = groups.iter().find_map(|group| json.pointer(group)?.get(name)?.get("Value")?.as_str())?;
    let evidence = Evidence { path: file.path, place: Some((file.volume, file.inode)), span: None };
    Some((value.to_owned(), evidence))
}

/// A server with its options.
struct Server<'a> {
    view: &'a View,
    is_mariadb: bool,
    sign: Evidence,
    settings: Settings<'a>,
}

impl Server<'_> {
    /// What an option says; SET PERSIST of MySQL 8 goes before the option files.
    fn judge(&self, name: &str, default: &str, is_silent: fn(&[u8]) -> Option<bool>) -> Judged {
        if let Some((value, evidence)) = self.persisted(name) {
            let verdict = match is_silent(value.as_bytes()) {
                Some(true) => Verdict::Silent,
                Some(false) => Verdict::Logged,
                None => Verdict::Unknown,
            };
            return Judged {
                verdict,
                reason: format!("set by SET PERSIST: {name} = {}", visible_text(&value)),
                evidence,
            };
        }
        let mut judged = self.settings.judge(name, default, is_silent);
        if judged.evidence.path.is_empty() {
            judged.evidence = self.sign.clone();
            judged.reason.push_str("; the image has no my.cnf");
        }
        judged
    }

    fn persisted(&self, name: &str) -> Option<(String, Evidence)> {
        persisted(self.view, &self.data(), name)
    }

    fn data(&self) -> Vec<u8> {
        self.settings.last("datadir").map_or_else(|| b"/var/lib/mysql".to_vec(), |setting| setting.value.clone())
    }

    /// The general log is off by default (MySQL 8.0, 7.4.3; MariaDB, "General Query Log"); with `log_output = NONE` it and the
    /// slow log are not written, whatever else is set.
    fn queries(&self) -> Judged {
        let general = self.judge("general_log", "OFF", is_off);
        match general.verdict {
            Verdict::Logged => {
                let file = self.judge("general_log_file", "", |value| Some(value == b"/dev/null"));
                let is_table =
                    self.settings.last("log_output").is_some_and(|it| holds(&it.value.to_ascii_lowercase(), "table"));
                if file.verdict == Verdict::Silent && !is_table {
                    return self.or_audit(file, &["QUERY", "QUERY_DML"]);
                }
                self.judge("log_output", "FILE", |value| {
                    Some(value.split(|byte| *byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"NONE")))
                })
            }
            _ => self.or_audit(general, &["QUERY", "QUERY_DML"]),
        }
    }

    /// Connections are in the general log, and in that of an audit plugin; the error log has those that fail alone.
    fn connections(&self) -> Judged {
        let general = self.judge("general_log", "OFF", is_off);
        match general.verdict {
            Verdict::Logged => self.queries(),
            _ => self.or_audit(general, &["CONNECT"]),
        }
    }

    /// MariaDB tells in its error log of logins that fail from `log_warnings` 2 on, which is the default since 10.2.4 (MariaDB,
    /// "log_warnings"); an attempt is in the general log and in that of an audit plugin too.
    fn refusals(&self) -> Judged {
        let judged = self.judge("log_warnings", "2", |value| match value {
            b"" => Some(false),
            SKIPPED => Some(true),
            level => std::str::from_utf8(level).ok()?.parse::<u64>().ok().map(|level| level < 2),
        });
        // Without a value it is 2.
        let is_bare = |text: &[u8]| !text.contains(&b'=');
        let is_bare = self.settings.last("log_warnings").is_some_and(|it| it.value != SKIPPED && is_bare(it.line.text));
        match judged.verdict {
            Verdict::Logged => judged,
            _ if is_bare => Judged { verdict: Verdict::Logged, ..judged },
            _ if self.queries_are_kept() => Judged { verdict: Verdict::Logged, ..judged },
            _ => self.or_audit(judged, &["CONNECT"]),
        }
    }

    fn queries_are_kept(&self) -> bool {
        self.judge("general_log", "OFF", is_off).verdict == Verdict::Logged && self.queries().verdict == Verdict::Logged
    }

    /// As judged, unless an audit plugin logs such events. The plugin of MariaDB logs all events if `server_audit_events` is
    /// empty (MariaDB, "MariaDB Audit Plugin - Log Settings"); what others log is not judged.
    fn or_audit(&self, judged: Judged, events: &[&str]) -> Judged {
        let is_audit = |name: &[u8], value: &[u8]| {
            name.starts_with(b"server_audit") || name.starts_with(b"audit_log") || holds(value, "audit")
        };
        let Some(audit) = self.settings.found.iter().rev().find(|it| is_audit(&it.name, &it.value)) else {
            return judged.and("no audit plugin is set either");
        };
        let Some(logging) = self.settings.last("server_audit_logging") else {
            let reason = format!("{}; an audit plugin is set, whose own settings are not judged", judged.reason);
            return Judged { verdict: Verdict::Unknown, reason, evidence: audit.line.evidence() };
        };
        let logs_them = match self.settings.last("server_audit_events") {
            None => true,
            Some(set) => {
                set.value.trim_ascii().is_empty()
                    || set
                        .value
                        .split(|byte| *byte == b',')
                        .any(|word| events.iter().any(|event| word.trim_ascii().eq_ignore_ascii_case(event.as_bytes())))
            }
        };
        match is_off(&logging.value) {
            Some(false) if logs_them => Judged { verdict: Verdict::Logged, ..judged },
            Some(false) => judged.and("server_audit_events leaves them out"),
            Some(true) => judged.and("server_audit_logging is off"),
            None => Judged { verdict: Verdict::Unknown, ..judged },
        }
    }

    /// The binary log is off by default but in MySQL 8.0 and later (MySQL 8.0, 7.4.4; MariaDB, "Activating the Binary Log").
    fn changes(&self) -> Judged {
        let is_skipped = |value: &[u8]| match value {
            SKIPPED => Some(true),
            b"0" | b"of one version" => None,
            value if value.eq_ignore_ascii_case(b"off") => None,
            _ => Some(false),
        };
        let set = self.judge("log_bin", "", is_skipped);
        if set.verdict != Verdict::Logged || self.settings.last("log_bin").is_some() {
            return set;
        }
        let has_ibd = settings::read(self.view, &[&self.data(), b"/mysql.ibd".as_slice()].concat()).is_some();
        if self.is_mariadb {
            self.judge("log_bin", "OFF", |_| Some(true))
        } else if has_ibd {
            self.judge("log_bin", "ON since MySQL 8.0", |_| Some(false))
        } else {
            self.judge("log_bin", "OFF before MySQL 8.0 and ON since, and the image does not tell the version", |_| {
                None
            })
        }
    }
}
