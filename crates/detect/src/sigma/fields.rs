//! Which kinds of events are which source of logs in Sigma, and what their fields are called there.
//!
//! Source: Sigma's taxonomy (`sigma-specification`, appendix "taxonomy"), and the rules of SigmaHQ for Linux and web servers.

use crate::events::text;
use kanshiki_rules::sigma::Origin;
use rusqlite::Row;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Kinds of events with their source.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) kinds: &'static [&'static str],
    pub(super) origins: &'static [Origin],
    form: Form,
}

/// How an event becomes records.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// A command that was run.
    Command,
    /// An event of auditd: one record for each type of those that it was put together from.
    Audit,
    /// A request to a web server.
    Request,
    /// A line of a log.
    Line,
}

const fn linux(category: &'static str, service: &'static str) -> Origin {
    Origin { product: "linux", category, service }
}

/// All of them; a kind stands in one alone.
pub(super) const SOURCES: &[Source] = &[
    Source { kinds: &["shell.command", "shell.input"], origins: &[linux("process_creation", "")], form: Form::Command },
    Source {
        kinds: &["sudo.command"],
        origins: &[linux("process_creation", "sudo"), linux("", "auth")],
        form: Form::Command,
    },
    Source {
        kinds: &["cron.command"],
        origins: &[linux("process_creation", "cron"), linux("", "syslog")],
        form: Form::Command,
    },
    Source {
        kinds: &["audit.exec", "audit.command", "audit.tty"],
        origins: &[linux("process_creation", "auditd")],
        form: Form::Audit,
    },
    Source { kinds: &["audit.network"], origins: &[linux("network_connection", "auditd")], form: Form::Audit },
    Source {
        kinds: &[
            "audit",
            "audit.exec-failed",
            "audit.login",
            "audit.login-failed",
            "audit.auth",
            "audit.auth-failed",
            "audit.session-opened",
            "audit.session-closed",
            "audit.account",
            "audit.file",
            "audit.avc",
            "audit.anomaly",
            "audit.config",
            "audit.service",
        ],
        origins: &[linux("", "auditd")],
        form: Form::Audit,
    },
    Source {
        kinds: &[
            "ssh",
            "ssh.login",
            "ssh.login-failed",
            "ssh.auth-failed",
            "ssh.refused",
            "ssh.connection",
            "ssh.invalid-user",
            "ssh.disconnect",
            "ssh.too-many",
            "sftp",
            "sftp.download",
            "sftp.upload",
        ],
        origins: &[linux("", "sshd"), linux("", "auth")],
        form: Form::Line,
    },
    Source { kinds: &["sudo", "sudo.refused"], origins: &[linux("", "sudo"), linux("", "auth")], form: Form::Line },
    Source {
        kinds: &[
            "su.session",
            "su.failed",
            "pam",
            "pam.failed",
            "pam.session-opened",
            "pam.session-closed",
            "account.added",
            "account.changed",
            "account.removed",
            "account.password-changed",
            "account.group-added",
            "account.group-joined",
            "logind.session-opened",
        ],
        origins: &[linux("", "auth")],
        form: Form::Line,
    },
    Source {
        kinds: &[
            "ftp",
            "ftp.login",
            "ftp.login-failed",
            "ftp.connect",
            "ftp.command",
            "ftp.response",
            "ftp.upload",
            "ftp.download",
        ],
        origins: &[linux("", "vsftpd")],
        form: Form::Line,
    },
    Source { kinds: &["cron"], origins: &[linux("", "cron"), linux("", "syslog")], form: Form::Line },
    Source {
        kinds: &["syslog", "systemd", "systemd.unit", "kernel", "kernel.segfault", "kernel.oom", "kernel.firewall"],
        origins: &[linux("", "syslog")],
        form: Form::Line,
    },
    Source {
        kinds: &["web.request"],
        origins: &[
            Origin { product: "linux", category: "webserver", service: "" },
            Origin { product: "apache", category: "webserver", service: "access" },
            Origin { product: "nginx", category: "webserver", service: "access" },
        ],
        form: Form::Request,
    },
    Source {
        kinds: &["web.error"],
        origins: &[
            Origin { product: "apache", category: "", service: "error" },
            Origin { product: "nginx", category: "", service: "error" },
        ],
        form: Form::Line,
    },
    Source {
        kinds: &["database.query", "database.query-slow"],
        origins: &[Origin { product: "linux", category: "database", service: "" }],
        form: Form::Line,
    },
];

/// Arguments of a command that get a field of their own.
const ARGUMENTS: usize = 64;

/// The records that an event is in Sigma.
pub(super) fn records(source: &Source, row: &Row<'_>) -> Vec<HashMap<String, String>> {
    let mut fields: HashMap<String, String> = HashMap::new();
    let own: Map<String, Value> = serde_json::from_str(text(row, 9)).unwrap_or_default();
    for (name, value) in &own {
        match value {
            Value::String(text) => drop(fields.insert(name.clone(), text.clone())),
            Value::Null | Value::Array(_) | Value::Object(_) => {}
            other => drop(fields.insert(name.clone(), other.to_string())),
        }
    }
    for (name, column) in
        [("User", 3), ("user", 3), ("address", 4), ("src_ip", 4), ("program", 5), ("host", 7), ("message", 8)]
    {
        if !text(row, column).is_empty() {
            fields.insert(name.to_owned(), text(row, column).to_owned());
        }
    }
    match source.form {
        Form::Line => vec![fields],
        Form::Command => vec![of_command(fields, text(row, 8))],
        Form::Audit => of_audit(fields, text(row, 8), text(row, 2)),
        Form::Request => vec![of_request(fields, text(row, 4))],
    }
}

/// `CommandLine`, `Image`, `CurrentDirectory`.
fn of_command(mut fields: HashMap<String, String>, message: &str) -> HashMap<String, String> {
    let command = fields.get("command").cloned().unwrap_or_else(|| message.to_owned());
    let image = words(&command).into_iter().next().unwrap_or_default();
    fields.entry("Image".to_owned()).or_insert(image);
    if let Some(directory) = fields.get("directory").cloned() {
        fields.insert("CurrentDirectory".to_owned(), directory);
    }
    fields.insert("CommandLine".to_owned(), command);
    fields
}

/// A record for each type, all with what the event as a whole tells.
fn of_audit(mut fields: HashMap<String, String>, message: &str, kind: &str) -> Vec<HashMap<String, String>> {
    let rename = |fields: &mut HashMap<String, String>, from: &str, to: &str| {
        if let Some(value) = fields.get(from).cloned() {
            fields.entry(to.to_owned()).or_insert(value);
        }
    };
    if kind.starts_with("audit.exec") || matches!(kind, "audit.command" | "audit.tty") {
        let command = fields.get("command").cloned().unwrap_or_else(|| message.to_owned());
        for (number, word) in words(&command).into_iter().take(ARGUMENTS).enumerate() {
            fields.insert(format!("a{number}"), word);
        }
        rename(&mut fields, "a0", "Image");
        fields.insert("CommandLine".to_owned(), command);
    }
    if let Some(exe) = fields.get("exe").cloned() {
        fields.insert("Image".to_owned(), exe.clone());
        let name = exe.rsplit('/').next().unwrap_or_default();
        fields.entry("comm".to_owned()).or_insert_with(|| name.to_owned());
    }
    for (from, to) in [
        ("path", "name"),
        ("directory", "cwd"),
        ("directory", "CurrentDirectory"),
        ("address", "DestinationIp"),
        ("port", "DestinationPort"),
        ("operation", "op"),
        ("result", "res"),
        ("architecture", "arch"),
        ("session", "ses"),
        ("path", "TargetFilename"),
    ] {
        rename(&mut fields, from, to);
    }
    let types = fields.get("types").cloned().unwrap_or_default();
    let types: Vec<&str> = types.split([',', ' ']).filter(|name| !name.is_empty()).take(16).collect();
    if types.is_empty() {
        return vec![fields];
    }
    let of_type = |name: &&str| {
        let mut record = fields.clone();
        record.insert("type".to_owned(), (*name).to_owned());
        // Those of a system call are numbers, which the event does not tell.
        if *name != "EXECVE" {
            record.retain(|name, _| !is_argument(name));
        }
        record
    };
    types.iter().map(of_type).collect()
}

/// Whether a field is one of `a0`, `a1` and so on.
fn is_argument(name: &str) -> bool {
    name.strip_prefix('a').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The fields of W3C that rules for web servers use.
fn of_request(mut fields: HashMap<String, String>, address: &str) -> HashMap<String, String> {
    let path = fields.get("path").cloned().unwrap_or_default();
    let (stem, query) = path.split_once('?').map_or((path.as_str(), None), |(stem, query)| (stem, Some(query)));
    let query = query.map(str::to_owned).or_else(|| fields.get("query").cloned()).unwrap_or_default();
    // Rules look for what stands behind the question mark in either of the two.
    let whole = if path.contains('?') || query.is_empty() { path.clone() } else { format!("{path}?{query}") };
    let of = |fields: &HashMap<String, String>, name: &str| fields.get(name).cloned().unwrap_or_default();
    let named = [
        ("cs-uri-stem", stem.to_owned()),
        ("cs-uri-query", whole.clone()),
        ("cs-uri", whole),
        ("c-uri", path.clone()),
        ("cs-method", of(&fields, "method")),
        ("sc-status", of(&fields, "status")),
        ("sc-bytes", of(&fields, "bytes")),
        ("cs-user-agent", of(&fields, "user_agent")),
        ("c-useragent", of(&fields, "user_agent")),
        ("cs-referer", of(&fields, "referrer")),
        ("cs-host", of(&fields, "vhost")),
        ("c-ip", address.to_owned()),
    ];
    fields
        .extend(named.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value)));
    fields
}

/// The words of a command line; quotation marks keep blanks together.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut is_begun) = (Vec::new(), String::new(), None, false);
    for sign in command.chars() {
        match (quote, sign) {
            (None, '"' | '\'') => (quote, is_begun) = (Some(sign), true),
            (Some(mark), _) if mark == sign => quote = None,
            (None, ' ' | '\t') => {
                if is_begun {
                    words.push(std::mem::take(&mut word));
                }
                is_begun = false;
            }
            _ => {
                word.push(sign);
                is_begun = true;
            }
        }
    }
    if is_begun {
        words.push(word);
    }
    words
}
