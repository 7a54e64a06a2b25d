//! A booking server that was broken into, with the logs of daemons that ran for it, held against a list of facts; and the same
//! server on a day on which nothing happened.

use kanshiki_testkit::{Need, kanshiki_path, need, run, tempdir, tool, write_file};
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

const TOOLS: &[&str] = &[
    "rsyslogd",
    "sshd",
    "ssh",
    "ssh-keygen",
    "vsftpd",
    "mariadbd",
    "mariadb-install-db",
    "mariadb",
    "nginx",
    "sudo",
    "useradd",
    "unshare",
    "python3",
    "mkfs.ext4",
];

/// Runs the script, makes an image of the tree and examines it.
fn examined(place: &Path, time: &str) {
    write_file(&place.join("session.sh"), include_str!("compromised/session.sh"));
    write_file(&place.join("guess.py"), include_str!("compromised/guess.py"));
    write_file(&place.join("get.py"), include_str!("compromised/get.py"));
    write_file(&place.join("proxy.py"), include_str!("syslogd/proxy.py"));
    // All at once, so that they differ.
    let listeners = [0; 3].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = listeners.map(|listener| listener.local_addr().unwrap().port().to_string());
    let ran = run(Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "bash"])
        .arg(place.join("session.sh"))
        .arg(place)
        .args(ports)
        .arg(time));
    let _ = ran.exits(0);
    let image = place.join("disk.img");
    let _ = run(tool("mkfs.ext4").args(["-q", "-F", "-d"]).arg(place.join("root")).arg(&image).arg("96M")).exits(0);
    let run = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(place.join("case")));
    assert!(matches!(run.code, 0 | 3), "{}", run.stderr);
}

fn rows(place: &Path, arguments: &[&str], kind: &str) -> Vec<Value> {
    let told = run(Command::new(kanshiki_path()).args(arguments).arg("--case").arg(place.join("case"))).exits(0).stdout;
    told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|row| row["type"] == kind).collect()
}

/// What must be found: severity, rule, and a part of the title.
const FACTS: &[(&str, &str, &str)] = &[
    ("low", "access.brute-force", "brute force on ftp from 127.0.0.66: 30 failed logins"),
    ("high", "access.success-after-failures", "login to ftp as migrate from 127.0.0.66 after 30 failures"),
    ("low", "access.root-login", "127.0.0.66"),
    ("high", "accounts.root-twin", "toor"),
    ("medium", "accounts.temporary", "migrate"),
    ("high", "accounts.password-is-name", "the password of migrate is “migrate2024”"),
    ("high", "persistence.suspicious", "/etc/cron.d/refresh"),
    ("high", "persistence.preload", "/usr/local/lib/libsystem.so"),
    ("medium", "files.temporary-program", "/var/tmp/.x/run"),
    ("high", "content.miner-protocol", "/var/tmp/.x/run"),
    ("high", "content.web-shell", "/var/www/html/up.php"),
    ("low", "web.attack", "SQL"),
    ("high", "ran.download-and-run", "migrate"),
    ("medium", "onward.scan", "nmap"),
    ("medium", "data.fetched", "migrate fetched 1 files over ftp from 127.0.0.66"),
    ("medium", "data.fetched", "root fetched 1 files over sftp from 127.0.0.66"),
    ("medium", "data.table-dumped", "table customers was dumped by shop"),
    ("medium", "hidden.no-history", "/root/.bash_history"),
    ("medium", "exposure.plain-text", "vsftpd"),
    ("medium", "accounts.sudo-without-password", "migrate"),
    ("medium", "sessions.one-sided", "the session of root from 127.0.0.88"),
];

#[test]
fn a_night_of_real_daemons_is_told_fact_by_fact_and_a_day_of_them_is_not() {
    let tools: Vec<Need> = TOOLS.iter().map(|name| Need::Tool(name)).collect();
    let here = [Need::Root, Need::Mount, Need::File("/usr/share/zoneinfo/Europe/Athens")];
    if !need(&here) || !need(&tools) {
        return;
    }
    let place = tempdir();
    examined(place.path(), "day");
    let silent = rows(place.path(), &["findings", "--severity", "low", "--json"], "finding");
    assert!(silent.is_empty(), "{silent:#?}");
    let sessions = rows(place.path(), &["query", "sessions", "--jsonl"], "row");
    let told: Vec<String> = sessions
        .iter()
        .map(|row| ["user", "service", "address", "end", "told_by"].map(|it| row[it].as_str().unwrap_or("-")).join(" "))
        .collect();
    assert_eq!(told, ["anna ssh 127.0.0.20 logout sshd, PAM, wtmp"; 2]);

    let place = tempdir();
    examined(place.path(), "night");
    let found = rows(place.path(), &["findings", "--severity", "low", "--json"], "finding");
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let told: Vec<(String, String, String)> =
        found.iter().map(|row| (text(row, "severity"), text(row, "rule"), text(row, "title"))).collect();
    for (severity, rule, part) in FACTS {
        let is_told = told.iter().any(|(a, b, title)| a == severity && b == rule && title.contains(part));
        assert!(is_told, "{severity} {rule} {part} in {told:#?}");
    }
}
