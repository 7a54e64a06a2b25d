//! `kanshiki examine` on the files of a systemd-journald that runs for the test, with journalctl beside it.

use kanshiki_testkit::{Need, ext_image, kanshiki_path, need, run, tempdir, tool, tool_path, write_file};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const TOOLS: [&str; 5] = ["systemd-journald", "journalctl", "logger", "unshare", "mkfs.ext4"];

/// What the machine of the test is called, under which name the folder of its journal stands.
const MACHINE: &str = "0123456789abcdef0123456789abcdef";

fn query(case: &Path, sql: &str) -> Vec<Value> {
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", sql, "--case"]).arg(case)).exits(0).stdout;
    let rows = asked.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

/// The entries of a file as journalctl shows them, in the words of an event.
fn by_journalctl(file: &Path) -> Vec<Value> {
    let shown = run(tool("journalctl").args(["-o", "json", "--all", "--file"]).arg(file)).exits(0).stdout;
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<i64>().ok());
    shown
        .lines()
        .map(|line| {
            let entry: Value = serde_json::from_str(line).unwrap();
            let cursor = entry["__CURSOR"].as_str().unwrap();
            let seqnum = cursor.split(';').find_map(|part| part.strip_prefix("i=")).unwrap();
            json!({
                "time": number(&entry["__REALTIME_TIMESTAMP"]),
                "host": entry["_HOSTNAME"],
                "program": entry["SYSLOG_IDENTIFIER"],
                "pid": number(&entry["_PID"]),
                "message": entry["MESSAGE"],
                "priority": number(&entry["PRIORITY"]),
                "facility": number(&entry["SYSLOG_FACILITY"]),
                "transport": entry["_TRANSPORT"],
                "uid": number(&entry["_UID"]),
                "exe": entry["_EXE"],
                "cmdline": entry["_CMDLINE"],
                "boot": entry["_BOOT_ID"],
                "monotonic": number(&entry["__MONOTONIC_TIMESTAMP"]),
                "seqnum": i64::from_str_radix(seqnum, 16).unwrap(),
            })
        })
        .collect()
}

/// The same of the store.
fn by_kanshiki(case: &Path, file: &str) -> Vec<Value> {
    let field = |name: &str| format!("fields ->> '{name}'");
    let mut rows = query(
        case,
        &format!(
            "SELECT time / 1000 AS time, host, program, pid, coalesce(message, '') AS message, {} AS priority, {} AS facility, {} AS transport,
                {} AS uid, {} AS exe, {} AS cmdline, {} AS boot, {} AS monotonic, {} AS seqnum FROM timeline
                WHERE path = '/var/log/journal/{MACHINE}/{file}' AND kind NOT GLOB 'file.*' AND kind <> 'journal.file' ORDER BY time",
            field("priority"),
            field("facility"),
            field("transport"),
            field("process_uid"),
            field("exe"),
            field("cmdline"),
            field("boot_id"),
            field("monotonic"),
            field("seqnum"),
        ),
    );
    for row in &mut rows {
        let row = row.as_object_mut().unwrap();
        for name in ["schema", "type"] {
            let _ = row.remove(name);
        }
    }
    rows
}

/// Runs the daemon in the folder, and gives the files of its journal.
fn session(place: &Path) -> Vec<PathBuf> {
    write_file(&place.join("session.sh"), include_str!("journal/session.sh"));
    let ran = run(Command::new("unshare")
        .args(["--mount", "--mount-proc", "--pid", "--fork", "--kill-child", "--uts", "--propagation", "private", "sh"])
        .arg(place.join("session.sh"))
        .arg(place)
        .arg(tool_path("systemd-journald").unwrap()));
    let _ = ran.exits(0);
    let folder = place.join("log/journal").join(MACHINE);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn entries_of_a_journal_that_is_open_archived_or_set_aside_are_those_of_journalctl() {
    let tools = TOOLS.map(Need::Tool);
    if !need(&[Need::Root, Need::LoopDevices, Need::Mount]) || !need(&tools) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    let files = session(place);
    assert_eq!(files.len(), 3, "{files:?}");
    let (image, case) = (place.join("disk.img"), place.join("case"));
    ext_image(&image, 64, &[], |root| {
        std::fs::create_dir_all(root.join("var/log")).unwrap();
        let copied = run(Command::new("cp").arg("-a").arg(place.join("log/journal")).arg(root.join("var/log")));
        let _ = copied.exits(0);
    });
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);

    let mut all = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let (ours, theirs) = (by_kanshiki(&case, name), by_journalctl(file));
        assert_eq!(ours, theirs, "{name}");
        all.extend(ours);
    }
    let written =
        ["hello", "of its own", "to the stream", "late", "Failed password for root from 192.0.2.7 port 3 ssh2"];
    let times = |text: &str| all.iter().filter(|entry| entry["message"] == text).count();
    assert_eq!(written.map(times), [4, 4, 4, 1, 1]);
    assert_eq!(all.iter().filter(|entry| entry["message"].as_str().unwrap().len() == 5000).count(), 4);

    let states =
        query(&case, "SELECT fields ->> 'state' AS state FROM timeline WHERE kind = 'journal.file' ORDER BY path");
    let states: Vec<&str> = states.iter().map(|row| row["state"].as_str().unwrap()).collect();
    // In the order of their names: `system.journal`, and of the others `…@0006….journal~` or `…@45c3….journal` first.
    let mut expected = vec!["offline"];
    expected.extend(files[1..].iter().map(|file| {
        let is_set_aside = file.extension().unwrap() == "journal~";
        if is_set_aside { "online" } else { "archived" }
    }));
    assert_eq!(states, expected);
    let logins = query(&case, "logins");
    let logins: Vec<&Value> = logins.iter().map(|row| &row["user"]).collect();
    assert_eq!(logins, [&json!("anna"); 4]);
}
