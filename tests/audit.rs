//! Audit logs in an image, with the audit system's own tools beside them.

use kanshiki_testkit::{Need, beside, ext_image, kanshiki_path, need, run, tempdir, write_file};
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

/// The real logs as `/var/log/audit/NUMBER.log` of an image, examined.
fn examined(place: &Path) -> (PathBuf, Vec<PathBuf>) {
    let logs: Vec<PathBuf> = FILES.iter().map(|file| beside(LOGS).unwrap().join(file)).collect();
    let (image, case) = (place.join("disk.img"), place.join("case"));
    ext_image(&image, 64, &[], |root| {
        let folder = root.join("var/log/audit");
        std::fs::create_dir_all(&folder).unwrap();
        for (number, log) in logs.iter().enumerate() {
            write_file(&folder.join(format!("{number}.log")), std::fs::read(log).unwrap());
        }
    });
    let ran = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(3);
    // One line of all is cut off.
    assert!(ran.stdout.contains("not understood 1 records"), "{}", ran.stdout);
    (case, logs)
}

#[test]
fn events_of_real_audit_logs_are_those_of_ausearch_and_their_numbers_those_of_aureport() {
    let needs = [Need::Tool("mkfs.ext4"), Need::Tool("ausearch"), Need::Tool("aureport"), Need::Beside(LOGS)];
    if !need(&needs) {
        return;
    }
    let place = tempdir();
    let (case, logs) = examined(place.path());
    let rows = query(
        &case,
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
    assert_eq!(all, 96);
}

#[test]
fn commands_and_addresses_of_real_audit_logs_are_those_that_ausearch_interprets() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Tool("ausearch"), Need::Beside(LOGS)]) {
        return;
    }
    let place = tempdir();
    let (case, logs) = examined(place.path());
    let mut compared = 0;
    for (number, log) in logs.iter().enumerate() {
        let interpreted = run(Command::new("ausearch").args(["--interpret", "--input"]).arg(log)).exits(0).stdout;
        let path = format!("/var/log/audit/{number}.log");
        let events = query(
            &case,
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
    assert!(compared > 80, "{compared}");
}
