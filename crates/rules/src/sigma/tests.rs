//! Rules and correlations as the specification has them, and what is wrong with others.

use super::{Origin, Sigma};
use kanshiki_model::{Question, Severity};
use proptest::prelude::*;
use std::collections::HashMap;

const COMMANDS: Origin = Origin { product: "linux", category: "process_creation", service: "auditd" };
const SSHD: Origin = Origin { product: "linux", category: "", service: "sshd" };

const RULES: &str = r#"
title: A tool in memory
id: 11111111-1111-4111-8111-111111111111
description: Something ran from memory.
author: somebody
logsource: { product: linux, category: process_creation }
detection:
    selection:
        Image|startswith: '/dev/shm/'
    filter:
        CommandLine|contains: 'harmless'
    condition: selection and not filter
level: critical
tags: [attack.defense_evasion, attack.t1620]
---
title: A refused login
name: refused
logsource: { product: linux, service: sshd }
detection:
    keywords: ['Failed password']
    condition: keywords
level: low
---
title: Many refused logins
correlation:
    type: event_count
    rules: [refused]
    group-by: [address]
    timespan: 5m
    condition: { gte: 3 }
level: high
tags: [attack.credential_access, attack.t1110]
"#;

fn load(text: &str) -> (Sigma, Vec<String>) {
    let place = kanshiki_testkit::tempdir();
    let file = place.path().join("rules.yml");
    kanshiki_testkit::write_file(&file, text);
    let (sigma, issues) = Sigma::load(&[file]).unwrap();
    (sigma, issues.iter().map(ToString::to_string).collect())
}

fn fields(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn rules_fit_records_of_their_source_alone() {
    let (sigma, issues) = load(RULES);
    assert_eq!((issues, sigma.set().rules), (Vec::new(), 3));
    assert_eq!((sigma.fitting(&[COMMANDS]), sigma.fitting(&[SSHD])), (1, 1));
    let mut watch = sigma.begin().unwrap();
    let evil = fields(&[("Image", "/dev/shm/x"), ("CommandLine", "/dev/shm/x -d")]);
    let hits = watch.see(&[COMMANDS], std::slice::from_ref(&evil), Some(1));
    assert_eq!(hits.len(), 1);
    let hit = &hits[0];
    assert_eq!((hit.title.as_str(), hit.severity), ("A tool in memory", Some(Severity::High)));
    assert_eq!((hit.technique.as_deref(), hit.question), (Some("T1620"), Some(Question::Hidden)));
    assert_eq!(sigma.said(&hit.title).unwrap().description, "Something ran from memory.");
    assert!(watch.see(&[SSHD], std::slice::from_ref(&evil), Some(1)).is_empty());
    let harmless = fields(&[("Image", "/dev/shm/x"), ("CommandLine", "/dev/shm/x harmless")]);
    assert!(watch.see(&[COMMANDS], &[harmless], Some(1)).is_empty());
}

#[test]
fn correlations_count_within_their_time_and_group() {
    let (sigma, _) = load(RULES);
    let correlated = |tries: &[(i64, &str)]| -> Vec<Vec<(String, String)>> {
        let mut watch = sigma.begin().unwrap();
        let hits = tries.iter().flat_map(|(time, address)| {
            // Two records of one event count once.
            let record = fields(&[("message", "Failed password for root"), ("address", address)]);
            watch.see(&[SSHD], &[record.clone(), record], Some(*time))
        });
        hits.filter(|hit| hit.is_correlation).map(|hit| hit.group).collect()
    };
    let group = vec![("address".to_owned(), "192.0.2.1".to_owned())];
    assert_eq!(correlated(&[(0, "192.0.2.1"), (60, "192.0.2.1"), (120, "192.0.2.1")]), [group]);
    assert!(correlated(&[(0, "192.0.2.1"), (60, "192.0.2.2"), (120, "192.0.2.1")]).is_empty());
    assert!(correlated(&[(0, "192.0.2.1"), (600, "192.0.2.1"), (1200, "192.0.2.1")]).is_empty());
}

#[test]
fn what_cannot_be_used_is_told_and_the_rest_is_used() {
    let bad = "title: Bad\nlogsource: {product: linux}\ndetection:\n  a: {x: 1}\n  condition: nothing_of_this\n---\n\
        title: Alone\ncorrelation: {type: event_count, rules: [nobody], timespan: 1m, condition: {gte: 2}}\n---\n";
    // One that builds on a later one stays; those that build on what is left out go with it.
    let chain = "\n---\ntitle: Above\ncorrelation: {type: event_count, rules: [below], timespan: 1m, condition: {gte: 2}}\n---\n\
        title: Below\nname: below\ncorrelation: {type: event_count, rules: [refused], timespan: 1m, condition: {gte: 2}}\n";
    let (sigma, issues) = load(&format!("{bad}{RULES}{chain}"));
    assert_eq!(sigma.set().rules, 5);
    assert_eq!(issues.len(), 2, "{issues:#?}");
    assert!(issues.iter().all(|issue| issue.contains("rules rules.yml") && issue.contains("left out")), "{issues:#?}");
    let place = kanshiki_testkit::tempdir();
    let file = place.path().join("x.yml");
    kanshiki_testkit::write_file(&file, "nothing: here");
    assert!(Sigma::load(&[file]).unwrap_err().to_string().starts_with("no Sigma rule can be used"));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(text in "[ a-z:{}\\[\\]|*&!'\"\n-]{0,200}") {
        let place = kanshiki_testkit::tempdir();
        let file = place.path().join("x.yml");
        kanshiki_testkit::write_file(&file, format!("{text}\n---\n{RULES}{text}"));
        let _ = Sigma::load(&[file]);
    }
}
