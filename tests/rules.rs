//! Rules of the analyst over an image, from the command line to findings, issues and the custody log.

use kanshiki_testkit::{Need, Ran, kanshiki_path, need, run, tempdir, tool, write_file};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn kanshiki(arguments: &[&str], place: &Path) -> Ran {
    run(Command::new(kanshiki_path()).args(arguments).current_dir(place))
}

/// Makes an image of these files.
fn image(place: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = place.join("root").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_file(&path, text);
    }
    let _: Ran = run(tool("mkfs.ext4")
        .args(["-q", "-F", "-E", "root_owner=0:0", "-d"])
        .arg(place.join("root"))
        .arg(place.join("disk.img"))
        .arg("16M"))
    .exits(0);
}

/// The findings of a rule.
fn findings(place: &Path, case: &str, rule: &str) -> Vec<Value> {
    let told = kanshiki(&["findings", "--case", case, "--json"], place).exits(0).stdout;
    let rows = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["rule"] == rule).collect()
}

#[test]
fn yara_rules_find_files_and_those_that_do_not_compile_are_told() {
    if !need(&[Need::Tool("mkfs.ext4")]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    image(place, &[("srv/data/tool", "....marked...."), ("home/anna/note", "nothing")]);
    std::fs::create_dir(place.join("rules")).unwrap();
    let good =
        "rule Marked { meta: description = \"A mark\" severity = \"high\" strings: $a = \"marked\" condition: $a }";
    write_file(&place.join("rules/good.yar"), good);
    write_file(
        &place.join("rules/bad.yara"),
        "rule Bad {\n  condition: nothing_of_this\n}\nrule Fits { condition: false }",
    );

    let examined = kanshiki(&["examine", "disk.img", "--case", "case", "--rules", "rules", "--json"], place);
    assert_eq!(examined.code, 3, "{}", examined.stderr);
    let found = findings(place, "case", "rules.yara");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((&found[0]["severity"], &found[0]["question"]), (&"high".into(), &"ran".into()));
    assert_eq!(found[0]["title"], "A mark (Marked): /srv/data/tool");
    let evidence = &found[0]["evidence"][0];
    assert_eq!((&evidence["offset"], &evidence["length"]), (&4.into(), &6.into()), "{evidence:#}");
    let log = kanshiki(&["custody", "log", "--case", "case"], place).exits(0).stdout;
    assert!(log.contains("with 2 YARA rules of 2 files (SHA-256 over their digests "), "{log}");
    let asked = ["query", "--jsonl", "SELECT subject, message FROM issues", "--case", "case"];
    let issues = kanshiki(&asked, place).exits(0).stdout;
    assert!(issues.contains("rules bad.yara, line 2") && issues.contains("left out: "), "{issues}");

    // Without them the same image has none.
    let _: Ran = kanshiki(&["examine", "disk.img", "--case", "other", "--quiet"], place).exits(0);
    assert_eq!(findings(place, "other", "rules.yara"), [Value::Null; 0]);
}

#[test]
fn rules_that_cannot_be_used_end_the_work_before_it_begins() {
    if !need(&[Need::Tool("mkfs.ext4")]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    image(place, &[("a", "x")]);
    write_file(&place.join("bad.yar"), "rule Bad { condition: nothing_of_this }");
    for (rules, message) in [("missing", "cannot read `missing`"), ("bad.yar", "no YARA rule can be used")] {
        let refused = kanshiki(&["examine", "disk.img", "--case", "case", "--rules", rules], place);
        assert_eq!(refused.code, 4);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
        assert!(!place.join("case").exists());
    }
}

#[test]
fn sigma_rules_find_events_of_logs() {
    if !need(&[Need::Tool("mkfs.ext4")]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    let log = "2025-03-12T03:00:00+00:00 quay sshd[7]: error: Could not load host key: /etc/ssh/x\n".repeat(2);
    image(place, &[("var/log/auth.log", &log), ("home/anna/.bash_history", "ls\nxdotool key x\n")]);
    let rules = "title: Keys typed by a program\nlogsource: { product: linux, category: process_creation }\ndetection:\n  \
        selection: { CommandLine|startswith: 'xdotool ' }\n  condition: selection\nlevel: high\ntags: [attack.execution]\n---\n\
        title: Keys that are missing\nlogsource: { product: linux, service: sshd }\ndetection:\n  keywords: ['Could not load host key']\n  \
        condition: keywords\nlevel: low\n";
    write_file(&place.join("rules.yml"), rules);
    let examined = kanshiki(&["examine", "disk.img", "--case", "case", "--sigma", "rules.yml", "--quiet"], place);
    assert_eq!(examined.code, 0, "{}", examined.stderr);
    let found = findings(place, "case", "rules.sigma");
    let told: Vec<(&str, &str, usize)> = found
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap();
            (text("severity"), text("title"), row["evidence"].as_array().unwrap().len())
        })
        .collect();
    assert_eq!(told, [("high", "Keys typed by a program: anna", 1), ("low", "Keys that are missing", 2)]);
    let log = kanshiki(&["custody", "log", "--case", "case"], place).exits(0).stdout;
    assert!(log.contains("with 2 Sigma rules of 1 files (SHA-256 over their digests "), "{log}");
}
