//! What several logs tell becomes one session, and what differs stays apart.

use super::find;
use crate::found::Found;
use crate::testing::{Told, found_in, titles, view};
use kanshiki_model::Value;

const NOON: i64 = 1_700_000_000;

/// An event of a log: kind, seconds behind noon, account, address, process, further fields.
struct Line(&'static str, &'static str, i64, &'static str, &'static str, i64, &'static [(&'static str, &'static str)]);

fn run(lines: &[Line]) -> Found {
    let events: Vec<Told> = lines
        .iter()
        .map(|Line(path, kind, time, user, address, process, fields)| Told {
            path,
            kind,
            time: NOON + time,
            user: (*user).to_owned(),
            address: (*address).to_owned(),
            pid: Some(*process).filter(|process| *process != 0),
            fields: fields.iter().map(|(name, value)| (*name, Value::Text(value.as_bytes()))).collect(),
            ..Told::default()
        })
        .collect();
    found_in(&view(&[]), &events, find)
}

/// `user service address tty seconds end (logs)` of each session.
fn sessions(lines: &[Line]) -> Vec<String> {
    let found = run(lines);
    let of = |row: &kanshiki_store::InventoryRow| {
        let facts: serde_json::Value = serde_json::from_str(&row.facts).unwrap();
        let field = |name: &str| facts[name].as_str().unwrap_or("-").to_owned();
        let (service, address, tty) = (field("service"), field("address"), field("tty"));
        format!("{} {service} {address} {tty} {} {} ({})", row.name, facts["seconds"], field("end"), field("told_by"))
    };
    found.inventory.iter().map(of).collect()
}

const AUTH: &str = "/var/log/auth.log";
const JOURNAL: &str = "/var/log/journal/x/system.journal";
const WTMP: &str = "/var/log/wtmp";
const FROM: &str = "192.0.2.7";
const SSHD: &[(&str, &str)] = &[("service", "sshd")];

#[test]
fn all_logs_of_one_session_become_one_row() {
    let lines = [
        Line(AUTH, "ssh.login", 0, "anna", FROM, 700, &[("method", "password")]),
        Line(AUTH, "pam.session-opened", 0, "anna", "", 700, SSHD),
        Line(AUTH, "logind.session-opened", 0, "anna", "", 300, &[("session", "5")]),
        Line(JOURNAL, "ssh.login", 0, "anna", FROM, 700, &[("method", "password")]),
        Line(JOURNAL, "pam.session-opened", 0, "anna", "", 700, SSHD),
        Line(WTMP, "login.session-opened", 1, "anna", FROM, 712, &[("tty", "pts/0")]),
        Line(WTMP, "login.session-closed", 61, "anna", "", 712, &[("tty", "pts/0")]),
        Line(AUTH, "pam.session-closed", 61, "anna", "", 700, SSHD),
        Line(AUTH, "logind.session-closed", 62, "", "", 300, &[("session", "5")]),
    ];
    assert_eq!(sessions(&lines), ["anna ssh 192.0.2.7 pts/0 62 logout (sshd, PAM, logind, wtmp)"]);
}

#[test]
fn two_sessions_of_one_account_at_the_same_time_stay_apart() {
    let lines = [
        Line(AUTH, "ssh.login", 0, "anna", FROM, 700, &[]),
        Line(AUTH, "pam.session-opened", 0, "anna", "", 700, SSHD),
        Line(AUTH, "ssh.login", 1, "anna", FROM, 701, &[]),
        Line(AUTH, "pam.session-opened", 1, "anna", "", 701, SSHD),
        Line(AUTH, "pam.session-closed", 5, "anna", "", 701, SSHD),
        Line(AUTH, "pam.session-closed", 9, "anna", "", 700, SSHD),
        Line(WTMP, "login.session-opened", 2, "anna", FROM, 709, &[("tty", "pts/0")]),
        Line("/var/log/vsftpd.log", "ftp.login", 2, "anna", FROM, 720, &[]),
        // Another account, and cron, which is no login.
        Line(AUTH, "pam.session-opened", 2, "bert", "", 800, &[("service", "su-l")]),
        Line(AUTH, "pam.session-opened", 3, "root", "", 801, &[("service", "cron")]),
    ];
    let expected = [
        "anna ssh 192.0.2.7  9 logout (sshd, PAM)",
        "anna ssh 192.0.2.7 pts/0 4 logout (sshd, PAM, wtmp)",
        "bert su   null not told (PAM)",
        "anna ftp 192.0.2.7  null not told (FTP server)",
    ];
    assert_eq!(sessions(&lines), expected);
}

#[test]
fn a_boot_ends_what_is_open_and_says_whether_it_was_shut_down() {
    let open = |time, user| Line(WTMP, "login.session-opened", time, user, "", 9, &[("tty", "tty1")]);
    let lines = [
        open(0, "anna"),
        Line(WTMP, "login.shutdown", 100, "", "", 0, &[]),
        Line(WTMP, "login.boot", 160, "", "", 0, &[]),
        open(200, "bert"),
        Line(WTMP, "login.boot", 500, "", "", 0, &[]),
        open(600, "cora"),
    ];
    let expected = [
        "anna login  tty1 100 shutdown (wtmp)",
        "bert login  tty1 300 boot without shutdown (wtmp)",
        "cora login  tty1 null not told (wtmp)",
    ];
    assert_eq!(sessions(&lines), expected);
}

#[test]
fn a_copy_of_a_log_makes_no_second_session() {
    let old = "/var/log/auth.log.1";
    let lines = [
        Line(AUTH, "ssh.login", 0, "anna", FROM, 700, &[]),
        Line(old, "ssh.login", 0, "anna", FROM, 700, &[]),
        Line(AUTH, "ssh.disconnect", 7, "anna", FROM, 705, &[]),
    ];
    assert_eq!(sessions(&lines), ["anna ssh 192.0.2.7  null not told (sshd)"]);
}

#[test]
fn a_session_of_wtmp_without_a_line_of_sshd_is_told_where_others_have_theirs() {
    let both = |lines: &mut Vec<Line>, time, user, process| {
        lines.push(Line(AUTH, "ssh.login", time, user, FROM, process, &[]));
        lines.push(Line(WTMP, "login.session-opened", time, user, FROM, process + 9, &[("tty", "pts/1")]));
        lines.push(Line(WTMP, "login.session-closed", time + 30, user, "", process + 9, &[("tty", "pts/1")]));
    };
    let mut lines = Vec::new();
    both(&mut lines, 0, "anna", 700);
    both(&mut lines, 1000, "anna", 800);
    assert!(titles(&run(&lines)).is_empty());
    lines.push(Line(WTMP, "login.session-opened", 500, "mallory", "203.0.113.9", 750, &[("tty", "pts/1")]));
    let expected = "medium sessions.one-sided: the session of mallory from 203.0.113.9 at 2023-11-14T22:21:40Z stands in what wtmp \
        wrote, but not in the log of sshd";
    assert_eq!(titles(&run(&lines)), [expected]);
    // Before the log begins nothing can be said, and where no session meets it the clocks differ.
    lines.last_mut().unwrap().2 = -500;
    assert!(titles(&run(&lines)).is_empty());
    let strangers: Vec<Line> = lines.into_iter().filter(|line| line.0 == AUTH || line.2 == 0).collect();
    assert_eq!(titles(&run(&strangers)).len(), 0);
    // Who takes out the lines with the address forgets those of PAM.
    let mut lines = Vec::new();
    both(&mut lines, 0, "anna", 700);
    both(&mut lines, 1000, "anna", 800);
    lines.push(Line(AUTH, "pam.session-opened", 500, "root", "", 750, SSHD));
    lines.push(Line(WTMP, "login.session-opened", 501, "root", "203.0.113.9", 759, &[("tty", "pts/1")]));
    let expected = "medium sessions.one-sided: the session of root from 203.0.113.9 at 2023-11-14T22:21:40Z stands in what PAM and \
        wtmp wrote, but not in the log of sshd";
    assert_eq!(titles(&run(&lines)), [expected]);
    lines.push(Line(AUTH, "pam.session-opened", 600, "root", "", 760, &[("service", "login")]));
    assert_eq!(titles(&run(&lines)), [expected]);
}
