//! `kanshiki examine` on the log of a fail2ban that runs for the test, with its own database beside it.

use kanshiki_testkit::{Need, Running, ext_image, kanshiki_path, need, run, tempdir, tool, wait_until, write_file};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const NEEDS: &[Need] = &[
    Need::Root,
    Need::LoopDevices,
    Need::Mount,
    Need::Tool("fail2ban-server"),
    Need::Tool("fail2ban-client"),
    Need::Tool("sqlite3"),
    Need::Tool("mkfs.ext4"),
    Need::File("/etc/localtime"),
];

/// A jail that looks through one file and bans nobody in earnest.
fn settings(place: &Path) {
    let folder = place.join("etc");
    for name in ["filter.d", "action.d"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    let at = place.display();
    write_file(
        &folder.join("fail2ban.conf"),
        format!(
            "[DEFAULT]\nloglevel = INFO\nlogtarget = {at}/fail2ban.log\nsyslogsocket = auto\nsocket = {at}/socket
pidfile = {at}/pid\ndbfile = {at}/bans.sqlite3\ndbpurgeage = 1d\ndbmaxmatches = 10\n[Definition]\n[Thread]\nstacksize = 0\n"
        ),
    );
    write_file(
        &folder.join("filter.d/ssh.conf"),
        "[Definition]\nfailregex = ^.*Failed password for .* from <HOST> port\n",
    );
    write_file(&folder.join("action.d/none.conf"), "[Definition]\nactionban = true\nactionunban = true\n");
    write_file(
        &folder.join("jail.conf"),
        format!(
            "[ssh]\nenabled = true\nfilter = ssh\nbackend = polling\nlogpath = {at}/auth.log\naction = none\nmaxretry = 3
findtime = 600\nbantime = 600\nignoreip = 192.0.2.99\nusedns = no\n"
        ),
    );
}

fn start(place: &Path) -> Running {
    let server = Running::start(tool("fail2ban-server").arg("-c").arg(place.join("etc")).args(["-f", "start"]));
    wait_until("fail2ban", || client(place, &["ping"]) == 0);
    server
}

fn client(place: &Path, command: &[&str]) -> i32 {
    run(tool("fail2ban-client").arg("-c").arg(place.join("etc")).args(command)).code
}

fn query(case: &Path, sql: &str) -> Vec<Value> {
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", sql, "--case"]).arg(case)).exits(0).stdout;
    let rows = asked.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

fn texts(case: &Path, sql: &str) -> Vec<String> {
    query(case, sql).iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn bans_are_those_that_fail2ban_keeps_in_its_database() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    settings(place);
    let now = run(Command::new("date").arg("+%Y-%m-%dT%H:%M:%S%:z")).exits(0).stdout;
    let failed =
        |address: &str| format!("{} ferry sshd[1]: Failed password for root from {address} port 1 ssh2\n", now.trim());
    write_file(&place.join("auth.log"), "");
    let server = start(place);
    let attack = ["192.0.2.7", "2001:db8::7", "192.0.2.99"].map(|address| failed(address).repeat(3)).concat();
    write_file(&place.join("auth.log"), attack + &failed("198.51.100.1"));
    let log = || std::fs::read_to_string(place.join("fail2ban.log")).unwrap_or_default();
    wait_until("two bans", || log().matches("] Ban ").count() == 2);
    assert_eq!(client(place, &["set", "ssh", "banip", "203.0.113.9"]), 0);
    wait_until("a third ban", || log().contains("Ban 203.0.113.9"));
    assert_eq!(client(place, &["set", "ssh", "unbanip", "203.0.113.9"]), 0);
    assert_eq!(client(place, &["stop"]), 0);
    let _ = server.wait();
    // Those that are banned still are so again.
    let server = start(place);
    wait_until("two bans again", || log().matches("Restore Ban").count() == 2);
    assert_eq!(client(place, &["stop"]), 0);
    let _ = server.wait();

    let (image, case) = (place.join("disk.img"), place.join("case"));
    ext_image(&image, 16, &[], |root| {
        std::fs::create_dir_all(root.join("var/log")).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        let _ = std::fs::copy("/etc/localtime", root.join("etc/localtime")).unwrap();
        let _ = std::fs::copy(place.join("fail2ban.log"), root.join("var/log/fail2ban.log")).unwrap();
    });
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);

    let of = |kind: &str| {
        let jail = "fields ->> 'jail' = 'ssh'";
        texts(
            &case,
            &format!("SELECT address AS text FROM timeline WHERE kind = 'fail2ban.{kind}' AND {jail} ORDER BY 1"),
        )
    };
    let (four, six) = ("192.0.2.7", "2001:db8::7");
    assert_eq!(of("ban"), [four, six, "203.0.113.9"]);
    assert_eq!(of("ban-restored"), [four, six]);
    assert_eq!(of("unban").iter().filter(|address| *address == "203.0.113.9").count(), 1);
    assert_eq!(of("found"), [four, four, four, "198.51.100.1", six, six, six]);
    assert_eq!(of("ignored"), ["192.0.2.99"; 3]);

    let bans = run(Command::new("sqlite3")
        .arg(place.join("bans.sqlite3"))
        .arg("SELECT ip FROM bips WHERE jail = 'ssh' ORDER BY 1"));
    let bans = bans.exits(0).stdout;
    assert_eq!(of("ban-restored"), bans.lines().collect::<Vec<_>>());

    let all = "SELECT count(*) AS n, sum(abs(time / 1000000000 - unixepoch()) < 600) AS now FROM timeline
        WHERE path = '/var/log/fail2ban.log' AND kind GLOB 'fail2ban*'";
    let (all, lines) = (&query(&case, all)[0], log().lines().count() as u64);
    assert_eq!((all["n"].as_u64(), all["now"].as_u64()), (Some(lines), Some(lines)));
}
