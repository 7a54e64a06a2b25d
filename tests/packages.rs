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

/// Events of a log as `kind package version old-version`, without steps between.
fn told(case: &Path, log: &str) -> Vec<String> {
    let rows = query(
        case,
        &format!(
            "SELECT kind, fields ->> 'package' AS package, fields ->> 'version' AS version,
                fields ->> 'old_version' AS old, fields ->> 'automatic' AS automatic FROM timeline
                WHERE path = '/var/log/{log}' AND kind GLOB 'package.*' AND kind NOT IN ('package.status', 'package.run',
                'package.run-ended') ORDER BY id"
        ),
    );
    rows.iter()
        .map(|row| {
            let words = ["kind", "package", "version", "old"].map(|name| row[name].as_str().unwrap_or("-"));
            let automatic = if row["automatic"] == 1 { " automatic" } else { "" };
            words.join(" ").trim_start_matches("package.").to_owned() + automatic
        })
        .collect()
}

#[test]
fn what_a_real_apt_and_dpkg_did_is_told_alike_by_their_three_logs() {
    let tools = ["apt-get", "dpkg", "dpkg-deb", "mkfs.ext4"].map(Need::Tool);
    if !need(&[Need::Root, Need::LoopDevices, Need::Mount, Need::File("/etc/localtime")]) || !need(&tools) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    write_file(&place.join("session.sh"), include_str!("packages/session.sh"));
    let _ = run(Command::new("sh").arg(place.join("session.sh")).arg(place)).exits(0);
    let (image, case) = (place.join("disk.img"), place.join("case"));
    let logs = ["dpkg.log", "apt/history.log", "apt/term.log"];
    let log = place.join("root/var/log");
    ext_image(&image, 16, &[], |root| {
        std::fs::create_dir_all(root.join("var/log/apt")).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        let _ = std::fs::copy("/etc/localtime", root.join("etc/localtime")).unwrap();
        for name in logs {
            let _ = std::fs::copy(log.join(name), root.join("var/log").join(name)).unwrap();
        }
    });
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);

    let history = [
        "installed quay 1:2.0~rc1-1 - automatic",
        "installed ferry 1.0-1 -",
        "upgraded ferry 1.1-1 1.0-1",
        "downgraded ferry 1.0-1 1.1-1",
        "reinstalled ferry 1.0-1 -",
        "installed broken 1.0 -",
        "error - - -",
        "removed ferry 1.0-1 -",
        "purged ferry - -",
        "purged quay 1:2.0~rc1-1 -",
    ];
    let mut ours = told(&case, "apt/history.log");
    // Which of two packages of one run stands first is apt's own.
    ours[..2].sort_by_key(|event| event.contains("ferry"));
    assert_eq!(ours, history);
    let steps = [
        "installed quay 1:2.0~rc1-1 -",
        "installed ferry 1.0-1 -",
        "configured quay 1:2.0~rc1-1 -",
        "configured ferry 1.0-1 -",
        "upgraded ferry 1.1-1 1.0-1",
        "configured ferry 1.1-1 -",
        "upgraded ferry 1.0-1 1.1-1",
        "configured ferry 1.0-1 -",
        "reinstalled ferry 1.0-1 1.0-1",
        "configured ferry 1.0-1 -",
        "installed broken 1.0 -",
        "removed ferry - 1.0-1",
        "purged ferry - 1.0-1",
        "removed quay - 1:2.0~rc1-1",
        "purged quay - 1:2.0~rc1-1",
    ];
    assert_eq!(told(&case, "dpkg.log"), steps);
    let shown = [
        "unpacked quay 1:2.0~rc1-1 -",
        "unpacked ferry 1.0-1 -",
        "configured quay 1:2.0~rc1-1 -",
        "configured ferry 1.0-1 -",
        "unpacked ferry 1.1-1 1.0-1",
        "configured ferry 1.1-1 -",
        "unpacked ferry 1.0-1 1.1-1",
        "configured ferry 1.0-1 -",
        "unpacked ferry 1.0-1 1.0-1",
        "configured ferry 1.0-1 -",
        "error - - -",
        "removed ferry 1.0-1 -",
        "purged ferry 1.0-1 -",
        "removed quay 1:2.0~rc1-1 -",
        "purged quay 1:2.0~rc1-1 -",
    ];
    assert_eq!(told(&case, "apt/term.log"), shown);

    // No line of dpkg is left out, and all of it was just now.
    let all = &query(
        &case,
        "SELECT count(*) AS n, sum(abs(time / 1000000000 - unixepoch()) < 600) AS now FROM timeline
        WHERE path = '/var/log/dpkg.log' AND kind GLOB 'package.*'",
    )[0];
    let lines = std::fs::read_to_string(log.join("dpkg.log")).unwrap().lines().count();
    assert_eq!((all["n"].as_u64(), all["now"].as_u64()), (Some(lines as u64), Some(lines as u64)));
}
