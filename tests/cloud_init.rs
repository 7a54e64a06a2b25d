//! `kanshiki examine` on what a cloud-init leaves behind that runs through all its stages for the test.

use kanshiki_testkit::{Need, ext_image, kanshiki_path, need, run, tempdir, write_file};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const NEEDS: &[Need] = &[
    Need::Root,
    Need::LoopDevices,
    Need::Mount,
    Need::Tool("cloud-init"),
    Need::Tool("unshare"),
    Need::Tool("useradd"),
    Need::Tool("mkfs.ext4"),
    Need::File("/etc/localtime"),
];

const USER_DATA: &str = r#"#cloud-config
users:
  - name: anna
    uid: "7701"
bootcmd:
  - "echo early"
write_files:
  - path: /run/written
    content: "seven b"
runcmd:
  - "echo from-the-command"
  - "exit 3"
"#;

fn query(case: &Path, sql: &str) -> Vec<Value> {
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", sql, "--case"]).arg(case)).exits(0).stdout;
    let rows = asked.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

/// Runs cloud-init in the folder, and gives the case of an image with its logs and its data.
fn session(place: &Path) -> std::path::PathBuf {
    write_file(&place.join("session.sh"), include_str!("cloud_init/session.sh"));
    write_file(&place.join("user-data"), USER_DATA);
    let ran = run(Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "--uts", "--net", "--propagation", "private", "sh"])
        .arg(place.join("session.sh"))
        .arg(place));
    let _ = ran.exits(0);
    let (image, case) = (place.join("disk.img"), place.join("case"));
    ext_image(&image, 16, &[], |root| {
        std::fs::create_dir_all(root.join("var/lib")).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        let _ = std::fs::copy("/etc/localtime", root.join("etc/localtime")).unwrap();
        for (from, to) in [("log", "var/log"), ("cloud", "var/lib/cloud")] {
            let _ = run(Command::new("cp").arg("-a").arg(place.join(from)).arg(root.join(to))).exits(0);
        }
    });
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);
    case
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn what_an_instance_was_told_and_did_stands_in_the_store() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    let case = session(place);
    let count = |what: &str| {
        query(&case, &format!("SELECT count(*) AS n FROM timeline WHERE {what}"))[0]["n"].as_u64().unwrap()
    };

    // Every line of the log is an event; commands and files are those that grep counts.
    let log = place.join("log/cloud-init.log");
    let grep = |text: &str| {
        let counted = run(Command::new("grep").args(["-c", "-e", text]).arg(&log)).stdout;
        counted.trim().parse::<u64>().unwrap()
    };
    let of_log = "path = '/var/log/cloud-init.log' AND kind GLOB 'cloud-init*'";
    assert_eq!(count(of_log), grep("."));
    assert_eq!(count(&format!("{of_log} AND basis = 'zone-inferred'")), grep(r"^20[0-9-]* [0-9:,]* - "));
    assert_eq!(count(&format!("{of_log} AND kind = 'cloud-init.command'")), grep(r"\]: Running command "));
    assert_eq!(count(&format!("{of_log} AND kind = 'cloud-init.write'")), grep(r"\]: Writing to "));
    assert_eq!(
        count(&format!("{of_log} AND kind <> 'cloud-init.other' AND abs(time / 1000000000 - unixepoch()) > 600")),
        0
    );

    let written = query(
        &case,
        "SELECT fields ->> 'path' AS path, fields ->> 'bytes' AS bytes FROM timeline WHERE kind = 'cloud-init.write'
            AND fields ->> 'path' = '/run/written'",
    );
    assert_eq!(written.len(), 1);
    assert_eq!(written[0]["bytes"], 7);
    let added = query(&case, "SELECT user FROM timeline WHERE kind = 'cloud-init.user-added'");
    assert_eq!(added.iter().map(|row| &row["user"]).collect::<Vec<_>>(), [&json!("anna")]);
    let scripts = query(
        &case,
        "SELECT message FROM timeline WHERE kind = 'cloud-init.script' AND (path GLOB '*/scripts/runcmd'
            OR path GLOB '*/user-data.txt') ORDER BY path",
    );
    let visible = |text: &str| text.replace('\n', "\\u{a}");
    let scripts: Vec<&str> = scripts.iter().map(|row| row["message"].as_str().unwrap()).collect();
    assert_eq!(scripts, [visible("#!/bin/sh\necho from-the-command\nexit 3\n"), visible(USER_DATA)]);

    stages(place, &case);
}

/// Stages begin and end when `status.json` says, and the logs tell the same ones.
fn stages(place: &Path, case: &Path) {
    let status = &json_of(&place.join("cloud/data/status.json"))["v1"];
    for stage in ["init-local", "init", "modules-config", "modules-final"] {
        for (name, kind) in [("start", "started"), ("finished", "finished")] {
            let rows = query(
                case,
                &format!(
                    "SELECT time, fields ->> 'errors' AS errors FROM timeline WHERE kind = 'cloud-init.stage-{kind}'
                        AND path = '/var/lib/cloud/data/status.json' AND fields ->> 'stage' = '{stage}'"
                ),
            );
            assert_eq!(rows.len(), 1, "{stage} {kind}");
            let seconds = rows[0]["time"].as_f64().unwrap() / 1e9;
            assert!((seconds - status[stage][name].as_f64().unwrap()).abs() < 1e-3, "{stage} {kind}: {seconds}");
            let has_failed = stage == "modules-final" && kind == "finished";
            assert_eq!(rows[0]["errors"].is_string(), has_failed, "{}", rows[0]);
        }
    }
    for path in ["/var/log/cloud-init.log", "/var/log/cloud-init-output.log"] {
        let told = query(
            case,
            &format!(
                "SELECT fields ->> 'stage' AS stage FROM timeline WHERE kind = 'cloud-init.stage-started' AND path = '{path}' ORDER BY line"
            ),
        );
        let told: Vec<&str> = told.iter().map(|row| row["stage"].as_str().unwrap()).collect();
        assert_eq!(told, ["init-local", "init", "modules:config", "modules:final"], "{path}");
    }
    let result = &json_of(&place.join("cloud/data/result.json"))["v1"];
    let told = query(
        case,
        "SELECT fields ->> 'datasource' AS datasource, fields ->> 'errors' AS errors FROM timeline
            WHERE kind = 'cloud-init.result'",
    );
    assert_eq!((told.len(), &told[0]["datasource"]), (1, &result["datasource"]));
    assert_eq!(result["errors"], json!([told[0]["errors"]]));
}
