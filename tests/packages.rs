//! Logs of packages and lines that stand for others, in an image, with grep beside them.

use kanshiki_testkit::{Need, beside, ext_image, kanshiki_path, need, run, tempdir, write_file};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const LOGS: &str = "shared/logs";

fn query(case: &Path, question: &str) -> Vec<Value> {
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", question, "--case"]).arg(case));
    let rows = asked.exits(0).stdout;
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

/// Packages that the lines of a kind name, each with its versions in parentheses.
fn theirs(log: &Path, kind: &str) -> i64 {
    let script = format!("grep '^{kind}: ' \"$1\" | grep -o '([^)]*)' | wc -l");
    let counted = run(Command::new("sh").args(["-c", &script, "sh"]).arg(log)).exits(0).stdout;
    counted.trim().parse().unwrap()
}

#[test]
fn every_package_of_a_real_history_of_apt_is_an_event() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Beside(LOGS)]) {
        return;
    }
    let place = tempdir();
    let log = beside(LOGS).unwrap().join("plaso/test_data/apt_history.log");
    let (image, case) = (place.path().join("disk.img"), place.path().join("case"));
    ext_image(&image, 64, &[], |root| {
        std::fs::create_dir_all(root.join("var/log/apt")).unwrap();
        write_file(&root.join("var/log/apt/history.log"), std::fs::read(&log).unwrap());
    });
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);
    for (kind, name) in [
        ("package.installed", "Install"),
        ("package.upgraded", "Upgrade"),
        ("package.removed", "Remove"),
        ("package.purged", "Purge"),
    ] {
        let rows = query(&case, &format!("SELECT count(*) AS n FROM timeline WHERE kind = '{kind}'"));
        assert_eq!(rows[0]["n"], theirs(&log, name), "{kind}");
    }
    let runs = query(&case, "SELECT count(*) AS n FROM timeline WHERE kind = 'package.run' AND message <> ''");
    let counted = run(Command::new("grep").args(["-c", "^Commandline: "]).arg(&log)).exits(0).stdout;
    assert_eq!(runs[0]["n"], counted.trim().parse::<i64>().unwrap());
}

#[test]
fn failures_that_a_line_stands_for_are_counted_so_often() {
    if !need(&[Need::Tool("mkfs.ext4")]) {
        return;
    }
    let place = tempdir();
    let (image, case) = (place.path().join("disk.img"), place.path().join("case"));
    ext_image(&image, 64, &[], |root| {
        std::fs::create_dir_all(root.join("var/log")).unwrap();
        let failed = "Failed password for root from 192.0.2.7 port 1 ssh2";
        let log = format!(
            "2024-03-05T00:00:00Z h sshd[1]: {failed}
2024-03-05T00:00:01Z h sshd[1]: message repeated 5 times: [ {failed}]
2024-03-05T00:00:02Z h sshd[1]: Failed password for root from 192.0.2.8 port 1 ssh2\n"
        );
        write_file(&root.join("var/log/auth.log"), log);
    });
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);
    let failures = query(&case, "failures");
    let failures: Vec<(&str, i64)> =
        failures.iter().map(|row| (row["address"].as_str().unwrap(), row["failures"].as_i64().unwrap())).collect();
    assert_eq!(failures, [("192.0.2.7", 6), ("192.0.2.8", 1)]);
}
