//! `kanshiki examine` on records of logins, with last and lastb of util-linux beside it.

use kanshiki_testkit::{Need, ext_image, kanshiki_path, need, run, tempdir, write_file};
use serde_json::Value;
use std::fmt::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

const NEEDS: &[Need] = &[
    Need::Root,
    Need::Tool("utmpdump"),
    Need::Tool("last"),
    Need::Tool("lastb"),
    Need::Tool("mkfs.ext4"),
    Need::Tool("sqlite3"),
];

/// A day of a machine, in the form of utmpdump: the boot, sessions that end, that are cut off, and the shutdown.
fn day() -> String {
    let mut text = String::from(
        "[2] [00000] [~~  ] [reboot  ] [~           ] [6.1.0-18-amd64      ] [0.0.0.0        ] [2024-02-29T08:00:00,000000+00:00]
[1] [00053] [~~  ] [runlevel] [~           ] [6.1.0-18-amd64      ] [0.0.0.0        ] [2024-02-29T08:00:05,000000+00:00]
",
    );
    for number in 0..20 {
        let (line, user) = (number % 5, ["anna", "root", "bert"][number % 3]);
        let address = if number % 4 == 0 { "2001:db8::7" } else { "192.0.2.7" };
        let _ = writeln!(
            text,
            "[7] [{:05}] [ts/{line}] [{user:8}] [pts/{line}       ] [{address:20}] [{address:15}] [2024-02-29T09:{number:02}:00,250000+00:00]
[8] [{:05}] [    ] [        ] [pts/{line}       ] [                    ] [0.0.0.0        ] [2024-02-29T09:{number:02}:30,000000+00:00]",
            1000 + number,
            1000 + number
        );
    }
    text + "[1] [00000] [~~  ] [shutdown] [~           ] [6.1.0-18-amd64      ] [0.0.0.0        ] [2024-02-29T18:00:00,000000+00:00]\n"
}

fn records(place: &Path, text: &str) -> Vec<u8> {
    let dump = place.join("dump");
    write_file(&dump, text);
    let made = Command::new("utmpdump").arg("-r").arg(&dump).env("TZ", "UTC").output().unwrap();
    std::fs::remove_file(dump).unwrap();
    made.stdout
}

fn query(case: &Path, sql: &str) -> Vec<Value> {
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", sql, "--case"]).arg(case)).exits(0).stdout;
    let rows = asked.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

/// The answer as texts, the columns with a blank between them.
fn texts(case: &Path, sql: &str) -> Vec<String> {
    let row = |row: &Value| row["text"].as_str().unwrap().to_owned();
    query(case, sql).iter().map(row).collect()
}

/// User, line, host and time of each login that last or lastb shows, the oldest first.
fn last(program: &str, file: &Path) -> Vec<String> {
    let shown = run(Command::new(program).args(["-f"]).arg(file).args(["-w", "--time-format", "iso"]).env("TZ", "UTC"));
    let lines = shown.exits(0).stdout;
    let logins =
        lines.lines().filter(|line| line.contains('T') && !line.contains("begins") && !line.starts_with("reboot"));
    let words = |line: &str| line.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
    let mut logins: Vec<String> = logins.map(words).collect();
    logins.reverse();
    logins
}

#[test]
fn logins_are_those_that_last_and_lastb_show() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    let wtmp = records(place, &day());
    assert_eq!(wtmp.len() % 384, 0);
    // Somebody wiped three records in the middle.
    let mut wiped = wtmp.clone();
    wiped[384 * 10..384 * 13].fill(0);
    let failed = day().replace("[7] ", "[6] ");
    let failed: String =
        failed.lines().filter(|line| line.starts_with("[6]")).map(|line| format!("{line}\n")).collect();
    let btmp = records(place, &failed);
    for (name, bytes) in [("wtmp", &wtmp), ("btmp", &btmp)] {
        write_file(&place.join(name), bytes);
    }
    let mut record = 1_709_251_198_u32.to_le_bytes().to_vec();
    record.resize(292, 0);
    record[4..9].copy_from_slice(b"pts/3");
    record[36..45].copy_from_slice(b"192.0.2.9");
    let image = place.join("disk.img");
    ext_image(&image, 16, &[], |root| {
        for folder in ["var/log", "etc", "var/lib/wtmpdb"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        write_file(&root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nbert:x:70000:70000::/home/bert:/bin/sh\n");
        write_file(&root.join("var/log/wtmp"), &wtmp);
        write_file(&root.join("var/log/wtmp.1"), &wiped);
        write_file(&root.join("var/log/btmp"), &btmp);
        let lastlog = root.join("var/log/lastlog");
        // Sparse, as it is on every machine.
        let file = std::fs::File::create(&lastlog).unwrap();
        file.set_len(292 * 3_000_000_000).unwrap();
        file.write_all_at(&record, 292 * 70_000).unwrap();
        let sql =
            "CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, Login INTEGER, Logout INTEGER,
            TTY TEXT, RemoteHost TEXT, Service TEXT) STRICT;
            INSERT INTO wtmp VALUES (1, 3, 'anna', 1709251200000000, NULL, 'pts/0', '192.0.2.7', 'sshd');";
        let made = run(Command::new("sqlite3").arg(root.join("var/lib/wtmpdb/wtmp.db")).arg(sql));
        let _ = made.exits(0);
    });
    let case = place.join("case");
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(3);

    let shown = |path: &str, kind: &str| {
        let sql = format!(
            "SELECT user || ' ' || (fields ->> 'tty') || ' ' || (fields ->> 'remote_host') || ' ' ||
                strftime('%Y-%m-%dT%H:%M:%S+00:00', time / 1000000000, 'unixepoch') AS text
                FROM timeline WHERE path = '{path}' AND kind = '{kind}' ORDER BY id"
        );
        texts(&case, &sql)
    };
    assert_eq!(shown("/var/log/wtmp", "login.session-opened"), last("last", &place.join("wtmp")));
    assert_eq!(shown("/var/log/btmp", "login.login-failed"), last("lastb", &place.join("btmp")));
    assert_eq!(shown("/var/log/wtmp", "login.session-opened").len(), 20);
    assert_eq!(shown("/var/log/btmp", "login.login-failed").len(), 20);

    let ended = "SELECT DISTINCT user || ' ' || (fields ->> 'seconds') AS text FROM timeline
        WHERE path = '/var/log/wtmp' AND kind = 'login.session-closed' ORDER BY 1";
    assert_eq!(texts(&case, ended), ["anna 29", "bert 29", "root 29"]);

    let zeroed = query(
        &case,
        "SELECT offset, length, fields ->> 'records' AS records FROM timeline WHERE kind = 'login.zeroed'",
    );
    assert_eq!(
        (&zeroed[0]["offset"], &zeroed[0]["length"], &zeroed[0]["records"]),
        (&3840.into(), &1152.into(), &3.into())
    );
    assert_eq!(zeroed.len(), 1);

    let last = "SELECT user || ' ' || address || ' ' || utc AS text FROM timeline WHERE kind = 'login.last'";
    assert_eq!(texts(&case, last), ["bert 192.0.2.9 2024-02-29T23:59:58Z"]);
    let logins = query(
        &case,
        "SELECT user, address FROM timeline WHERE path = '/var/lib/wtmpdb/wtmp.db' AND kind GLOB 'login.*'",
    );
    assert_eq!((&logins[0]["user"], &logins[0]["address"]), (&"anna".into(), &"192.0.2.7".into()));
}
