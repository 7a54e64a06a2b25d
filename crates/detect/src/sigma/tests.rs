//! Rules in the words of SigmaHQ find events of their source.

use super::find;
use crate::Options;
use crate::testing::{Told, found_with, titles, view};
use kanshiki_model::Value;
use kanshiki_rules::sigma::Sigma;

const RULES: &str = r#"
title: Hidden program
logsource: { product: linux, category: process_creation }
detection:
    selection: { CommandLine|contains: '/dev/shm/' }
    condition: selection
level: high
tags: [attack.execution, attack.t1059.004]
---
title: Firewall off
logsource: { product: linux, service: auditd }
detection:
    selection: { type: 'EXECVE', a0: 'iptables', a1: '-F' }
    condition: selection
level: medium
---
title: Traversal
logsource: { category: webserver }
detection:
    selection: { cs-uri-query|contains: '../../' }
    condition: selection
---
title: Segmentation
logsource: { product: linux, service: sshd }
detection:
    keywords: ['fatal: buffer']
    condition: keywords
level: low
---
title: Windows
logsource: { product: windows, service: security }
detection:
    selection: { EventID: 1 }
    condition: selection
---
title: Guesses
id: guesses
logsource: { product: linux, service: sshd }
detection:
    keywords: ['Failed password']
    condition: keywords
---
title: Many guesses
correlation: { type: event_count, rules: [guesses], group-by: [src_ip], timespan: 5m, condition: { gte: 3 } }
level: high
"#;

fn event(kind: &'static str, time: i64, message: &str, fields: Vec<(&'static str, Value<'static>)>) -> Told {
    Told {
        path: "/var/log/x",
        kind,
        time,
        user: "anna".to_owned(),
        message: message.to_owned(),
        fields,
        ..Told::default()
    }
}

#[test]
fn rules_find_events_of_their_source_alone() {
    let place = kanshiki_testkit::tempdir();
    let file = place.path().join("rules.yml");
    kanshiki_testkit::write_file(&file, RULES);
    let (sigma, issues) = Sigma::load(&[file]).unwrap();
    assert_eq!(issues, []);
    let options = Options { sigma: Some(sigma), ..Options::default() };
    let failed = |time: i64| Told {
        address: "192.0.2.9".to_owned(),
        ..event("ssh.login-failed", time, "Failed password for root from 192.0.2.9", Vec::new())
    };
    let types = || vec![("types", Value::Text(b"SYSCALL,EXECVE,CWD,PATH"))];
    let events = [
        event("shell.command", 10, "/dev/shm/x --run", Vec::new()),
        event("shell.command", 11, "/usr/bin/x --run", Vec::new()),
        event("audit.exec", 12, "iptables -F INPUT", types()),
        event("audit.exec", 13, "iptables -L", types()),
        event("web.request", 14, "GET /", vec![("path", Value::Text(b"/a?f=../../etc/passwd"))]),
        event("ssh", 15, "fatal: buffer error", Vec::new()),
        event("syslog", 16, "fatal: buffer error", Vec::new()),
        failed(100),
        failed(160),
        failed(220),
    ];
    let found = found_with(&view(&[]), &events, find, &options);
    let mut told = titles(&found);
    told.sort();
    let expected = [
        "high rules.sigma: Hidden program: anna",
        "high rules.sigma: Many guesses: src_ip 192.0.2.9",
        "low rules.sigma: Segmentation: anna",
        "medium rules.sigma: Firewall off: anna",
        "medium rules.sigma: Traversal: anna",
    ];
    assert_eq!(told, expected);
    let message = "rules that ask for logs that are not read here, such as those of other systems: 1";
    assert_eq!(found.issues.iter().map(|issue| issue.message.as_str()).collect::<Vec<_>>(), [message]);
    // Without rules nothing is looked at.
    assert!(titles(&found_with(&view(&[]), &events, find, &Options::default())).is_empty());
}
