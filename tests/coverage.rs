//! What the logs of an image cover together: holes in their rotation.

use kanshiki_testkit::{Need, ext_image, kanshiki_path, need, run, tempdir, write_file};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const NEEDS: &[Need] = &[Need::Tool("mkfs.ext4"), Need::Tool("zgrep")];

/// The rows of an answer as arrays of their texts, without what every line has.
fn query(case: &Path, question: &str) -> Vec<Value> {
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", question, "--case"]).arg(case));
    let lines = asked.exits(0).stdout;
    lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|row| row["type"] == "row").collect()
}

/// A record each minute of a day, from midnight to the end of `hours`.
fn day(day: u32, hours: u32) -> String {
    let mut log = String::new();
    for minute in 0..hours * 60 {
        let (hour, minute) = (minute / 60, minute % 60);
        let _ = writeln!(log, "2024-03-{day:02}T{hour:02}:{minute:02}:00+00:00 ferry cron[7]: (root) CMD (true)");
    }
    log
}

#[test]
fn holes_in_the_rotation_of_logs_are_told_once() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let image = place.path().join("disk.img");
    ext_image(&image, 64, &[], |root| {
        let logs = root.join("var/log");
        std::fs::create_dir_all(&logs).unwrap();
        // Of the numbered ones the third is missing, and the first ends in the middle of its day.
        for (name, number, hours) in [("syslog.4", 1, 24), ("syslog.2", 3, 24), ("syslog.1", 4, 12), ("syslog", 5, 24)]
        {
            write_file(&logs.join(name), day(number, hours));
        }
        for name in ["syslog.4", "syslog.2"] {
            assert!(Command::new("gzip").arg(logs.join(name)).status().unwrap().success());
        }
        for number in [1, 2, 3, 5, 6] {
            write_file(&logs.join(format!("messages-202403{number:02}")), day(number, 24));
        }
        // An empty file is not missing.
        for (name, text) in [("kern.log.3", day(1, 24)), ("kern.log.2", String::new()), ("kern.log.1", day(2, 24))] {
            write_file(&logs.join(name), text);
        }
        // The newest ones are gone; the numbers of binary logs rise.
        for (name, number) in [("mail.log.4", 6), ("mail.log.3", 7), ("binlog.000003", 1), ("binlog.000004", 2)] {
            write_file(&logs.join(name), day(number, 24));
        }
    });
    let case = place.path().join("case");
    let gaps = || {
        let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);
        let rows = query(&case, "gaps");
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("none").to_owned();
        rows.iter().map(|row| ["path", "start", "end", "reason"].map(|key| text(row, key))).collect::<Vec<_>>()
    };
    let expected = [
        [
            "/var/log/syslog.2.gz",
            "2024-03-01T23:59:00Z",
            "2024-03-03T00:00:00Z",
            "rotation: number 3 missing between /var/log/syslog.4.gz and /var/log/syslog.2.gz",
        ],
        [
            "/var/log/messages-20240305",
            "2024-03-03T23:59:00Z",
            "2024-03-05T00:00:00Z",
            "rotation: 1 of a series with one every day missing between /var/log/messages-20240303 and /var/log/messages-20240305",
        ],
        [
            "/var/log/syslog",
            "2024-03-04T11:59:00Z",
            "2024-03-05T00:00:00Z",
            "rotation: silent between the last record of /var/log/syslog.1 and the first of /var/log/syslog, longer than ten times what is usual for this log",
        ],
        [
            "/var/log/mail.log.3",
            "2024-03-07T23:59:00Z",
            "none",
            "rotation: numbers 1 to 2 and the log itself missing behind /var/log/mail.log.3",
        ],
    ];
    assert_eq!(gaps(), expected);
    // Examined again, nothing is doubled.
    assert_eq!(gaps(), expected);
}
