//! Logs that do not begin as logs do, that were emptied, damaged or removed: each is read, or the ledger says why not.

use kanshiki_testkit::{Need, debugfs_write, ext_image, kanshiki_path, need, run, tempdir, tool, write_file};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;

const NEEDS: &[Need] = &[Need::Tool("mkfs.ext4"), Need::Tool("debugfs"), Need::Tool("zgrep")];

fn query(case: &Path, question: &str) -> Vec<Value> {
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", question, "--case"]).arg(case));
    let lines = asked.exits(0).stdout;
    lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|row| row["type"] == "row").collect()
}

/// Failed logins, a thousand of them.
fn logins() -> String {
    let mut log = String::new();
    for number in 0..1000 {
        let (hour, minute) = (number / 60 % 24, number % 60);
        let _ = writeln!(
            log,
            "Mar  5 {hour:02}:{minute:02}:00 ferry sshd[{number}]: Failed password for root from 192.0.2.1 port 22 ssh2"
        );
    }
    log
}

fn fill(root: &Path) {
    let logs = root.join("var/log");
    std::fs::create_dir_all(&logs).unwrap();
    let put = |name: &str, content: &[u8]| write_file(&logs.join(name), content);
    let log = logins();
    put("auth.log.1", ("    at com.example.Main.run(Main.java)\n".repeat(60) + &log).as_bytes());
    put("auth.log.2", &[vec![0; 1 << 21], log.clone().into_bytes()].concat());
    // As a daemon writes on at its old place in a file that was emptied.
    let mut sparse = std::fs::File::create(logs.join("auth.log.3")).unwrap();
    let _ = sparse.seek(SeekFrom::Start(1 << 30)).unwrap();
    sparse.write_all(log.as_bytes()).unwrap();
    put("auth.log", b"");
    put("gone.log", log.as_bytes());
    put("auth.log.4", log.as_bytes());
    assert!(Command::new("gzip").arg(logs.join("auth.log.4")).status().unwrap().success());
    let mut gzip = std::fs::read(logs.join("auth.log.4.gz")).unwrap();
    gzip[..4].fill(0);
    put("auth.log.4.gz", &gzip);
    put("tallylog", &[1; 64]);
}

#[test]
fn logs_that_do_not_begin_as_such_are_read_or_the_ledger_says_why_not() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let (image, case) = (place.path().join("disk.img"), place.path().join("case"));
    ext_image(&image, 64, &["-O", "^orphan_file"], fill);
    // Removed while it was open.
    let stat = run(tool("debugfs").args(["-R", "stat /var/log/gone.log"]).arg(&image)).exits(0).stdout;
    let number = stat.split_whitespace().nth(1).unwrap().to_owned();
    debugfs_write(&image, "unlink /var/log/gone.log");
    debugfs_write(&image, &format!("set_inode_field <{number}> links_count 0"));
    debugfs_write(&image, &format!("set_super_value last_orphan {number}"));
    let ran = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(3);
    assert!(ran.stdout.contains(", 2 not read"), "{}", ran.stdout);
    assert!(ran.stderr.contains("2 not read"), "{}", ran.stderr);

    let rows = query(
        &case,
        "SELECT f.path, l.state, l.records, l.others FROM logs l JOIN files f ON f.id = l.file ORDER BY path",
    );
    let number_of = |row: &Value, name: &str| row[name].as_i64().unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["path"].as_str().unwrap(),
                row["state"].as_str().unwrap(),
                number_of(row, "records"),
                number_of(row, "others"),
            )
        })
        .collect();
    let expected = [
        ("/var/log/auth.log", "empty", 0, 0),
        ("/var/log/auth.log.1", "whole", 1000, 60),
        ("/var/log/auth.log.2", "whole", 1000, 0),
        ("/var/log/auth.log.3", "whole", 1000, 0),
        ("/var/log/auth.log.4.gz", "unreadable", 0, 0),
        // debugfs leaves the name where it stood in the directory.
        ("/var/log/gone.log", "whole", 1000, 0),
        ("/var/log/tallylog", "unsupported", 0, 0),
    ];
    assert_eq!(found, expected);

    // The zeroes are told with their place, and every record lies where another tool finds it.
    let zeroes = query(&case, "SELECT offset, length FROM issues WHERE subject LIKE '%.3' AND message LIKE 'zeroes%'");
    let zeroes: Vec<_> = zeroes.iter().map(|row| (number_of(row, "offset"), number_of(row, "length"))).collect();
    assert_eq!(zeroes, [(0, 1 << 30)]);
    let first =
        "SELECT min(offset) AS offset, min(line) AS line FROM timeline WHERE kind = 'ssh.login-failed' AND path = ";
    for (path, offset) in [("/var/log/auth.log.2", 1 << 21), ("/var/log/auth.log.3", 1 << 30)] {
        let first = &query(&case, &format!("{first}'{path}'"))[0];
        assert_eq!((number_of(first, "offset"), number_of(first, "line")), (offset, 1), "{path}");
    }
    // It is taken out with the other logs.
    let out = place.path().join("logs");
    let _ = run(Command::new(kanshiki_path()).arg("logs").arg(&image).arg("--case").arg(&case).arg("--out").arg(&out));
    let taken = run(Command::new("grep").args(["-rl", "port 22 ssh2"]).arg(&out)).exits(0).stdout;
    assert!(taken.contains(&format!("inode-{number}")), "{taken}");
}
