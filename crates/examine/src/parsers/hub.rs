//! Real lines of logs with what another program reads from them: the tests of CrowdSec's hub.

use super::PARSERS;
use crate::host::Host;
use crate::parser::Candidate;
use crate::testing::parse;
use kanshiki_testkit::{Need, beside, need};
use serde_json::Value;
use std::collections::BTreeMap;

const HUB: &str = "shared/logs/crowdsec-hub";

/// What the hub says of one line, by the names of its fields.
type Said = BTreeMap<String, String>;

/// The lines of a file of assertions: `results["s01-parse"]["parser"][0].Evt.Meta["http_status"] == "500"`.
fn said(text: &str) -> Vec<Said> {
    let mut all: BTreeMap<String, Said> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("results[\"s01-parse\"]")) {
        let Some((left, right)) = line.split_once(" == ") else { continue };
        let (Some((record, name)), Ok(value)) = (left.split_once(".Evt."), serde_json::from_str::<String>(right))
        else {
            continue;
        };
        all.entry(record.to_owned()).or_default().insert(name.replace('"', ""), value);
    }
    all.into_values().collect()
}

/// The event of one line, by the parser that claims it.
fn event(line: &str) -> Option<(&'static str, Value)> {
    let candidate = Candidate { path: b"/var/log/x", head: line.as_bytes(), host: &Host::unknown() };
    let parser = PARSERS.iter().find(|parser| parser.claims(&candidate))?;
    let mut parsed = parse(*parser, "/var/log/x", "2024-03-01T00:00:00Z", line.as_bytes());
    (!parsed.events.is_empty()).then(|| (parser.id(), parsed.events.remove(0)))
}

#[test]
fn lines_of_web_servers_and_databases_are_read_as_crowdsec_reads_them() {
    if !need(&[Need::Beside(HUB)]) {
        return;
    }
    let mut read: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for folder in std::fs::read_dir(beside(HUB).unwrap()).unwrap() {
        let folder = folder.unwrap();
        let name = folder.file_name().into_string().unwrap();
        let kinds = ["apache", "nginx", "http", "mysql", "mariadb", "pgsql"];
        let Some(text) = kinds
            .iter()
            .any(|kind| name.starts_with(kind))
            .then(|| std::fs::read_to_string(folder.path().join("parser.assert")).ok())
            .flatten()
        else {
            continue;
        };
        let log: String = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect();
        for said in said(&text) {
            let (Some(message), Some(source)) = (said.get("Parsed[message]"), said.get("Meta[source_ip]")) else {
                continue;
            };
            // Of error logs the hub keeps what stands behind the head of a line.
            let Some(line) = log.lines().find(|line| line.contains(message.as_str())) else { continue };
            let Some((parser, event)) = event(line) else {
                *unknown.entry(name.clone()).or_default() += 1;
                continue;
            };
            *read.entry(parser).or_default() += 1;
            assert_eq!(event["address"], **source, "{line}\n{event}");
            for (theirs, ours) in [("Meta[http_verb]", "method"), ("Meta[user]", "user"), ("Meta[db]", "database")] {
                let is_told = ours != "method" || event["kind"] == "web.request";
                if let Some(value) = said.get(theirs).filter(|value| is_told && !value.is_empty() && *value != "-") {
                    assert_eq!(event[ours], **value, "{ours} of {line}\n{event}");
                }
            }
            if let Some(status) =
                said.get("Meta[http_status]").filter(|status| event["kind"] == "web.request" && !status.is_empty())
            {
                assert_eq!(event["status"], status.parse::<i64>().unwrap(), "{line}\n{event}");
            }
            if let Some(path) =
                said.get("Meta[http_path]").filter(|path| event["kind"] == "web.request" && !path.is_empty())
            {
                let ours = event["path"].as_str().unwrap_or("").replace("\\\\", "\\");
                assert!(ours.contains(path.as_str()) || event["path"].is_null(), "{line}\n{event}");
            }
        }
    }
    // A form that its author alone knows, which the settings of his machine would tell.
    assert_eq!(unknown.keys().collect::<Vec<_>>(), ["nginx_http-catch-npm"]);
    assert!(read.values().sum::<usize>() > 40 && read.len() >= 5, "{read:?}");
}

#[test]
fn lines_of_servers_are_told_alike_where_they_came_by_syslog() {
    for (line, kind, user, address) in [
        // Of CrowdSec's hub.
        (
            "Jul  8 11:07:07 h nginx[2869]: 167.71.13.196 - - [08/Jul/2021:11:07:07 +0000] \"GET /wp-config.php HTTP/1.1\" 200 5 \"-\" \"Go-http-client/1.1\"",
            "web.request",
            None,
            Some("167.71.13.196"),
        ),
        (
            "2024-03-05T10:00:00+01:00 h nginx: 192.0.2.7 - - [08/Jul/2021:11:07:07 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\"",
            "web.request",
            None,
            Some("192.0.2.7"),
        ),
        (
            "Jul  8 11:07:07 h nginx: 2024/03/02 10:00:00 [error] 7#8: *1 user \"foo\": password mismatch, client: 192.0.2.7, server: _",
            "web.login-failed",
            Some("foo"),
            Some("192.0.2.7"),
        ),
        (
            "Jul  8 11:07:07 h tomcat9[7]: 09:13:34.820 [x] WARN  o.a.g.r.auth.AuthenticationService - Authentication attempt from 192.0.2.7 for user \"anna\" failed.",
            "web.login-failed",
            Some("anna"),
            Some("192.0.2.7"),
        ),
        (
            "Jul  8 11:07:07 h httpd[1]: [auth_basic:error] [pid 7:tid 8] [client 192.0.2.7:5] AH01618: user anna not found: /",
            "web.login-failed",
            Some("anna"),
            Some("192.0.2.7"),
        ),
        (
            "Jul  8 11:07:07 h mariadbd[9]: 2021-11-09  5:13:12 8 [Warning] Access denied for user 'anna'@'192.0.2.7' (using password: YES)",
            "database.login-failed",
            Some("anna"),
            Some("192.0.2.7"),
        ),
        (
            "Jul  8 11:07:07 h postgres[9]: [3-1] 2026-11-28 12:29:41 CET [9] FATAL:  password authentication failed for user \"anna\"",
            "database.login-failed",
            Some("anna"),
            None,
        ),
        (
            "Jul  8 11:07:07 h postgres[9]: [3-1] user=anna,db=shop LOG:  statement: select 1",
            "database.query",
            None,
            None,
        ),
    ] {
        let (parser, event) = event(line).unwrap();
        assert_eq!((parser, event["kind"].as_str().unwrap()), ("syslog", kind), "{event}");
        assert_eq!((event["user"].as_str(), event["address"].as_str()), (user, address), "{event}");
    }
}
