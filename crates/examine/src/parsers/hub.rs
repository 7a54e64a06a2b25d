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
