//! Audit logs in an image, with the audit system's own tools beside them.

use kanshiki_testkit::{Need, beside, ext_image, kanshiki_path, need, run, tempdir, workspace_root, write_file};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const LOGS: &str = "shared/logs";

/// Real logs, from systems of 2007 to 2024.
const FILES: &[&str] = &[
    "go-libaudit/auparse/testdata/audit-rhel6.log",
    "go-libaudit/auparse/testdata/audit-rhel7.log",
    "go-libaudit/auparse/testdata/audit-ubuntu14.log",
    "go-libaudit/auparse/testdata/audit-ubuntu16.log",
    "go-libaudit/auparse/testdata/audit-ubuntu17.log",
    "go-libaudit/auparse/testdata/test2.log",
    "go-libaudit/auparse/testdata/test3.log",
    "go-libaudit/testdata/lost_messages.log",
    "go-libaudit/testdata/out_of_order.log",
    "crowdsec-hub/auditd-logs/auditd-logs.log",
    "crowdsec-hub/auditd-postexploit-rm/auditd-postexploit-rm.log",
];

/// Events of the log that lies in testdata.
const EVENTS: usize = 99;

/// An event as it is compared: milliseconds since 1970, serial number, number of records.
type Compared = (i64, i64, i64);

/// The events of a log as ausearch puts them together.
fn theirs(log: &Path) -> Vec<Compared> {
    let mut command = Command::new("ausearch");
    let _ = command.arg("--input").arg(log);
    let printed = run(&mut command).exits(0).stdout;
    let mut events = Vec::new();
    for event in printed.split("----\n").skip(1) {
        let records: Vec<&str> = event.lines().filter(|line| line.contains("type=")).collect();
        let id = records[0].split_once("audit(").unwrap().1.split_once(')').unwrap().0;
        let (time, serial) = id.split_once(':').unwrap();
        let (seconds, milliseconds) = time.split_once('.').unwrap();
        let time = seconds.parse::<i64>().unwrap() * 1000 + milliseconds.parse::<i64>().unwrap();
        events.push((time, serial.parse().unwrap(), i64::try_from(records.len()).unwrap()));
    }
    events.sort_unstable();
    events
}

fn query(case: &Path, question: &str) -> Vec<Value> {
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", question, "--case"]).arg(case));
    let rows = asked.exits(0).stdout;
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

/// Logs that lie beside the checkout.
fn shared() -> Vec<PathBuf> {
    FILES.iter().map(|file| beside(LOGS).unwrap().join(file)).collect()
}

/// The log of an auditd in which is known what was done.
fn own() -> Vec<PathBuf> {
    vec![workspace_root().join("testdata/audit/audit.log")]
}

/// The logs as `/var/log/audit/NUMBER.log` of an image, examined; so many of their lines are cut off.
fn examined(place: &Path, logs: &[PathBuf], cut: usize) -> PathBuf {
    let (image, case) = (place.join("disk.img"), place.join("case"));
    ext_image(&image, 64, &[], |root| {
        let folder = root.join("var/log/audit");
        std::fs::create_dir_all(&folder).unwrap();
        for (number, log) in logs.iter().enumerate() {
            write_file(&folder.join(format!("{number}.log")), std::fs::read(log).unwrap());
        }
    });
    let ran = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case));
    let ran = ran.exits(if cut == 0 { 0 } else { 3 });
    assert!(ran.stdout.contains(&format!("not understood {cut} records")), "{}", ran.stdout);
    case
}

#[test]
fn events_of_real_audit_logs_are_those_of_ausearch_and_their_numbers_those_of_aureport() {
    let needs = [Need::Tool("mkfs.ext4"), Need::Tool("ausearch"), Need::Tool("aureport"), Need::Beside(LOGS)];
    if !need(&needs) {
        return;
    }
    let place = tempdir();
    let logs = shared();
    assert_eq!(assert_events_are_theirs(&examined(place.path(), &logs, 1), &logs), 96);
}

/// Returns how many events there are that both know.
fn assert_events_are_theirs(case: &Path, logs: &[PathBuf]) -> usize {
    let rows = query(
        case,
        "SELECT path, time / 1000000 AS time, kind, fields ->> 'serial' AS serial, fields ->> 'records' AS records,
            fields ->> 'types' AS types, message FROM timeline WHERE kind GLOB 'audit*' AND kind <> 'audit.other'",
    );
    let mut ours: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for row in &rows {
        ours.entry(row["path"].as_str().unwrap().to_owned()).or_default().push(row);
    }
    let mut all = 0;
    for (number, log) in logs.iter().enumerate() {
        let rows = &ours[&format!("/var/log/audit/{number}.log")];
        let of = |row: &Value| ["time", "serial", "records"].map(|name| row[name].as_i64().unwrap());
        // ausearch passes over what AppArmor says.
        let is_theirs = |row: &&&Value| !row["message"].as_str().unwrap().starts_with("AVC apparmor=");
        let mut events: Vec<Compared> = rows.iter().filter(is_theirs).map(|row| of(row).into()).collect();
        events.sort_unstable();
        assert_eq!(events, theirs(log), "{}", log.display());
        all += events.len();

        // Every USER_LOGIN is a login or a failed one, and nothing else is a login.
        let report = run(Command::new("aureport").args(["--login", "--input"]).arg(log)).stdout;
        let logins = report.lines().filter(|line| line.starts_with(|sign: char| sign.is_ascii_digit())).count();
        let found = rows.iter().filter(|row| {
            row["types"] == "USER_LOGIN" && matches!(row["kind"].as_str(), Some("audit.login" | "audit.login-failed"))
        });
        assert_eq!(found.count(), logins, "{}", log.display());
    }
    all
}

#[test]
fn commands_and_addresses_of_real_audit_logs_are_those_that_ausearch_interprets() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Tool("ausearch"), Need::Beside(LOGS)]) {
        return;
    }
    let place = tempdir();
    let logs = shared();
    let compared = assert_facts_are_theirs(&examined(place.path(), &logs, 1), &logs);
    assert!(compared > 80, "{compared}");
}

/// Returns how many facts were compared.
fn assert_facts_are_theirs(case: &Path, logs: &[PathBuf]) -> usize {
    let mut compared = 0;
    for (number, log) in logs.iter().enumerate() {
        let interpreted = run(Command::new("ausearch").args(["--interpret", "--input"]).arg(log)).exits(0).stdout;
        let path = format!("/var/log/audit/{number}.log");
        let events = query(
            case,
            &format!(
                "SELECT program, address, fields ->> 'serial' AS serial, fields ->> 'syscall' AS syscall,
                    fields ->> 'exe' AS exe, fields ->> 'port' AS port FROM timeline WHERE path = '{path}' AND kind GLOB 'audit*' AND kind <> 'audit.other'"
            ),
        );
        for event in events {
            let serial = format!(":{}) : ", event["serial"]);
            let records: Vec<&str> = interpreted.lines().filter(|line| line.contains(&serial)).collect();
            for (name, text) in [("syscall", &event["syscall"]), ("exe", &event["exe"]), ("lport", &event["port"])] {
                let Some(text) =
                    text.as_str().map(str::to_owned).or_else(|| text.as_i64().map(|port| port.to_string()))
                else {
                    continue;
                };
                let wanted = format!(" {name}={text}");
                assert!(records.iter().any(|record| record.contains(&wanted)), "{wanted} in {records:?}");
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn what_was_done_under_a_real_auditd_is_told_as_ausearch_tells_it_and_as_it_was() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Tool("ausearch"), Need::Tool("aureport")]) {
        return;
    }
    let place = tempdir();
    let logs = own();
    let case = examined(place.path(), &logs, 0);
    assert_eq!(assert_events_are_theirs(&case, &logs), EVENTS);
    assert!(assert_facts_are_theirs(&case, &logs) > 100);

    let texts = |sql: &str| -> Vec<String> {
        query(&case, sql).iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect()
    };
    let kind = |kind: &str, text: &str| {
        texts(&format!("SELECT {text} AS text FROM timeline WHERE kind = 'audit.{kind}' ORDER BY id"))
    };
    let commands = kind("exec", "message");
    // The shell, three that change files, those that make an argument, and the argument itself, which stands in several records.
    let begins = [
        "sh -c '\\u{a}cd /srv/quay\\u{a}",
        "mv 'a file' renamed",
        "chmod 600 renamed",
        "rm -f renamed 'line\\u{a}feed \u{f6}'",
        "head -c 9000 /dev/zero",
        "tr \\\\0 x",
        "/usr/bin/printf %s 'two words' \u{f6}\\u{1b}[31m '' xxx",
        "sudo -n id -u",
        "id -u",
        "sudo -n cat '/etc/shadow file'",
        "su bert -c id",
        "python3 -c '\\u{a}import socket\\u{a}",
    ];
    assert_eq!(commands.len(), begins.len());
    for (command, begin) in commands.iter().zip(begins) {
        assert!(command.starts_with(begin), "{begin}: {command}");
    }
    assert_eq!(kind("exec-failed", "coalesce(fields ->> 'path', '-')").len(), 2);
    let on_files = texts(
        "SELECT (fields ->> 'syscall') || ' ' || (fields ->> 'path') AS text FROM timeline
            WHERE kind = 'audit.file' AND fields ->> 'key' = 'ferry-files' ORDER BY id",
    );
    let files = ["openat a file", "openat line\\u{a}feed \u{f6}", "renameat2 renamed", "fchmodat renamed"];
    assert_eq!(on_files[..4], files);
    assert_eq!(on_files[4..], ["unlinkat renamed", "unlinkat line\\u{a}feed \u{f6}"]);
    let network = ["connect 127.0.0.1 48023", "connect ::1 48023", "bind 127.0.0.1 0"];
    assert_eq!(kind("network", "message || ' ' || (fields ->> 'port')"), network);
    let commands = ["anna: id -u success", "anna: cat /etc/shadow file failed"];
    assert_eq!(kind("command", "user || ': ' || message || ' ' || (fields ->> 'result')"), commands);
    assert_eq!(kind("anomaly", "program || ' ' || (fields ->> 'signal')"), ["python3 6"]);
    // sshd says of an account that there is none `(invalid user)`, and says it three times; su tells a try itself.
    let invalid = "(invalid user) sshd";
    assert_eq!(kind("login-failed", "user || ' ' || program"), ["root sshd", invalid, invalid, invalid, "bert su"]);
    assert_eq!(kind("auth-failed", "user || ' ' || address"), ["root 127.0.0.1", "nosuch 127.0.0.1"]);
    let sessions = ["bert 127.0.0.1 7702", "anna 127.0.0.1 7701"];
    let by_ssh = kind("session-opened", "user || ' ' || coalesce(address, '-') || ' ' || (fields ->> 'auid')");
    assert_eq!(by_ssh[..2], sessions);
    let accounts = kind("account", "(fields ->> 'exe') || ' ' || user");
    let removed = ["/usr/sbin/userdel bert", "/usr/sbin/userdel anna"];
    assert_eq!((accounts.len(), &accounts[10..]), (12, &removed.map(str::to_owned)[..]));
}
