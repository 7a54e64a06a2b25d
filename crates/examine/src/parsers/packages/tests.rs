use super::*;
use crate::testing::parse;
use proptest::prelude::*;
use serde_json::{Value, json};

fn assert_events(path: &str, log: &[u8], expected: &[Value]) {
    let parsed = parse(&Packages, path, "2024-03-01T12:00:00Z", log);
    parsed.assert_events(expected);
}

#[test]
fn steps_of_dpkg_have_packages_and_versions() {
    let log = b"2009-02-25 11:45:23 conffile /etc/X11/Xsession keep
2016-08-03 15:25:53 startup archives install
2016-08-06 17:35:39 install base-passwd:amd64 <none> 3.5.33
2016-08-09 04:57:14 status half-installed base-passwd:amd64 3.5.33
2016-08-09 04:57:15 upgrade vim:amd64 2:8.0-1 2:8.0-2
2016-08-09 04:57:16 remove telnetd:all 0.17 <none>
2016-08-09 04:57:17 nonsense
";
    let expected = [
        json!({"kind": "package.conffile", "path": "/etc/X11/Xsession", "action": "keep", "basis": "zone-inferred"}),
        json!({"kind": "package.run", "action": "archives install"}),
        json!({"kind": "package.installed", "package": "base-passwd", "architecture": "amd64", "version": "3.5.33",
            "old_version": null, "time": "2016-08-06T17:35:39Z", "message": "install base-passwd:amd64 <none> 3.5.33"}),
        json!({"kind": "package.status", "state": "half-installed", "package": "base-passwd"}),
        json!({"kind": "package.upgraded", "old_version": "2:8.0-1", "version": "2:8.0-2"}),
        json!({"kind": "package.removed", "package": "telnetd", "version": null, "old_version": "0.17"}),
        json!({"kind": "package.other"}),
    ];
    assert_events("/var/log/dpkg.log", log, &expected);
}

#[test]
fn a_run_of_apt_tells_who_asked_and_each_package() {
    let log = b"
Start-Date: 2019-07-10  16:38:12
Commandline: apt-get install nmap
Requested-By: anna (1000)
Install: liblua5.3-0:amd64 (5.3.3-1, automatic), nmap:amd64 (7.40-1)
Upgrade: vim:amd64 (2:8.0-1, 2:8.0-2)
Error: Sub-process /usr/bin/dpkg returned an error code (1)
End-Date: 2019-07-10  16:38:20

Start-Date: 2019-07-11  01:00:00
Purge: rsyslog:amd64 (8.24)
";
    let expected = [
        json!({"kind": "package.run", "message": "apt-get install nmap", "user": "anna", "uid": 1000, "line": 2,
            "time": "2019-07-10T16:38:12Z"}),
        json!({"kind": "package.installed", "package": "liblua5.3-0", "version": "5.3.3-1", "automatic": true, "line": 5}),
        json!({"kind": "package.installed", "package": "nmap", "automatic": null, "user": "anna",
            "command": "apt-get install nmap"}),
        json!({"kind": "package.upgraded", "package": "vim", "old_version": "2:8.0-1", "version": "2:8.0-2"}),
        json!({"kind": "package.error"}),
        json!({"kind": "package.run-ended", "time": "2019-07-10T16:38:20Z"}),
        json!({"kind": "package.run", "user": null, "time": "2019-07-11T01:00:00Z"}),
        json!({"kind": "package.purged", "package": "rsyslog"}),
    ];
    assert_events("/var/log/apt/history.log", log, &expected);
}

#[test]
fn the_terminal_of_apt_has_the_time_of_its_run() {
    let log = b"Log started: 2019-07-10  16:38:08
(Reading database ... 5%\r(Reading database ... 35%\rUnpacking vim:amd64 (2:8.0-2) over (2:8.0-1) ...
Setting up vim (2:8.0-2) ...
Processing triggers for man-db (2.7) ...
Log ended: 2019-07-10  16:38:10
";
    let expected = [
        json!({"kind": "package.run", "time": "2019-07-10T16:38:08Z", "basis": "zone-inferred"}),
        json!({"kind": "package.unpacked", "package": "vim", "version": "2:8.0-2", "old_version": "2:8.0-1",
            "time": "2019-07-10T16:38:08Z", "basis": "neighbour"}),
        json!({"kind": "package.configured", "package": "vim", "architecture": null}),
        json!({"kind": "package.run-ended"}),
    ];
    assert_events("/var/log/apt/term.log", log, &expected);
}

#[test]
fn yum_and_dnf_tell_packages_in_each_of_their_forms() {
    let yum = b"Feb 29 23:59:58 Installed: 1:nmap-ncat-6.40-19.el7.x86_64\nMar 01 00:00:01 Erased: telnet\n";
    let expected = [
        json!({"kind": "package.installed", "package": "nmap-ncat", "version": "6.40-19.el7", "architecture": "x86_64",
            "time": "2024-02-29T23:59:58Z", "program": "yum"}),
        json!({"kind": "package.removed", "package": "telnet"}),
    ];
    assert_events("/var/log/yum.log", yum, &expected);
    let dnf = b"2024-01-02T03:04:05+0100 INFO --- logging initialized ---
2024-01-02T03:04:05Z DDEBUG Command: dnf install -y nmap
2024-01-02T03:04:06Z INFO Dependencies resolved.
=====
 Package
2024-01-02T03:04:07Z SUBDEBUG Installed: nmap-3:7.93-1.fc39.x86_64
2024-01-02T03:04:08Z [77] ERROR no space
";
    let expected = [
        json!({"kind": "package.log", "level": "INFO", "time": "2024-01-02T02:04:05Z", "basis": "stated"}),
        json!({"kind": "package.run", "command": "dnf install -y nmap"}),
        json!({"kind": "package.log", "message": "Dependencies resolved.\\u{a}=====\\u{a} Package", "line": 3}),
        json!({"kind": "package.installed", "package": "nmap", "version": "3:7.93-1.fc39"}),
        json!({"kind": "package.error", "pid": 77}),
    ];
    assert_events("/var/log/dnf.rpm.log", dnf, &expected);
    let hawkey = b"INFO Feb-28 10:00:00 === Started libdnf-0.22.3 ===\n";
    assert_events("/var/log/hawkey.log", hawkey, &[json!({"kind": "package.log", "time": "2024-02-28T10:00:00Z"})]);
}

#[test]
fn lines_of_syslog_are_none_of_these() {
    for head in [&b"Feb 29 23:59:58 host sshd[1]: Installed: x\n"[..], b"2024-01-02 03:04:05 install\n", b"", b"\n\n"] {
        assert!(form(head, Some("dnf")).is_none(), "{}", String::from_utf8_lossy(head));
    }
}

#[test]
fn logs_of_other_programs_with_lines_like_those_of_dnf_are_none() {
    let head = b"2024-03-02 10:00:00,123 INFO org.apache.hadoop: started\n";
    let claims = |path: &[u8]| Packages.claims(&Candidate { path, head, host: &crate::host::Host::unknown() });
    assert!(claims(b"/var/log/dnf.log.2.gz") && !claims(b"/var/log/hadoop/x.log"));
}

#[test]
fn update_alternatives_and_unattended_upgrades_are_read() {
    let log =
        b"update-alternatives 2025-06-24 14:36:53: run with --quiet --install /usr/bin/pager pager /usr/bin/less 77
update-alternatives 2025-06-24 14:36:53: link group pager updated to point to /usr/bin/less
update-alternatives 2025-06-24 14:36:55: auto-repair link group pager
";
    let expected = [
        json!({"kind": "package.run", "time": "2025-06-24T14:36:53Z", "program": "update-alternatives",
            "command": "--quiet --install /usr/bin/pager pager /usr/bin/less 77"}),
        json!({"kind": "package.alternative", "alternative": "pager", "path": "/usr/bin/less"}),
        json!({"kind": "package.log"}),
    ];
    assert_events("/var/log/alternatives.log", log, &expected);
    let log =
        b"2024-01-02 06:25:03,123 INFO Starting unattended upgrades script\n2024-01-02 06:25:09,001 ERROR Lock held\n";
    let expected = [
        json!({"kind": "package.log", "time": "2024-01-02T06:25:03.123Z", "program": "unattended-upgrades"}),
        json!({"kind": "package.error", "level": "ERROR", "program": "unattended-upgrades"}),
    ];
    assert_events("/var/log/unattended-upgrades/unattended-upgrades.log.1", log, &expected);
    let head = &log[..60];
    assert!(Packages.claims(&Candidate {
        path: b"/var/log/unattended-upgrades/unattended-upgrades.log.2.gz",
        head,
        host: &crate::host::Host::unknown()
    }));
}

#[test]
fn zypp_tells_who_asked_and_what_scripts_printed() {
    let log = b"# 2024-02-29 23:59:57 something
2024-02-29 23:59:58|command|root@quay|'zypper' 'in' 'nmap'|
2024-02-29 23:59:59|install|nmap|7.94-1.1|x86_64|root@quay|repo-oss|abcdef|
2024-02-29 23:59:59|install|libpcap1|1.10-1|x86_64||repo-oss|abcdef|
2024-03-01 00:00:01|remove |nmap|7.94-1.1|x86_64|root@quay|
2024-03-01 00:00:02|radd   |extra|https://x.example/|
no line
";
    let expected = [
        json!({"kind": "package.log", "action": "output", "time": null}),
        json!({"kind": "package.run", "user": "root", "command": "'zypper' 'in' 'nmap'", "program": "zypp"}),
        json!({"kind": "package.installed", "package": "nmap", "version": "7.94-1.1", "architecture": "x86_64",
            "user": "root", "repository": "repo-oss", "time": "2024-02-29T23:59:59Z"}),
        json!({"kind": "package.installed", "package": "libpcap1", "user": null}),
        json!({"kind": "package.removed", "package": "nmap", "user": "root"}),
        json!({"kind": "package.repository", "repository": "extra", "url": "https://x.example/"}),
        json!({"kind": "package.other"}),
    ];
    assert_events("/var/log/zypp/history", log, &expected);
}

#[test]
fn pacman_tells_packages_in_old_and_new_lines() {
    let log = b"[2012-02-29 23:59] installed nmap (5.51-1)
[2024-02-29T23:59:58+0100] [PACMAN] Running 'pacman -S nmap'
[2024-02-29T23:59:59+0100] [ALPM] upgraded nmap (5.51-1 -> 7.94-1)
[2024-02-29T23:59:59+0100] [ALPM-SCRIPTLET] removed x (1)
[2024-02-29T23:59:59+0100] [ALPM] transaction completed
";
    let expected = [
        json!({"kind": "package.installed", "package": "nmap", "version": "5.51-1", "time": "2012-02-29T23:59:00Z"}),
        json!({"kind": "package.run", "command": "pacman -S nmap", "time": "2024-02-29T22:59:58Z", "basis": "stated"}),
        json!({"kind": "package.upgraded", "old_version": "5.51-1", "version": "7.94-1", "program": "pacman"}),
        json!({"kind": "package.log", "source": "ALPM-SCRIPTLET", "package": null}),
        json!({"kind": "package.log"}),
    ];
    assert_events("/var/log/pacman.log", log, &expected);
}

#[test]
fn a_long_command_stands_beside_the_run_alone() {
    let log = format!(
        "Start-Date: 2019-07-10  16:38:08\nCommandline: {}\nInstall: a (1){}\n",
        "x".repeat(5000),
        ")".repeat(5000)
    );
    let parsed = parse(&Packages, "/var/log/apt/history.log", "2024-03-01T12:00:00Z", log.as_bytes());
    let lengths: Vec<usize> = parsed.all("command").iter().map(|it| it.as_str().unwrap_or_default().len()).collect();
    assert_eq!(lengths, [5000, 256]);
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0..STARTS.len()) {
        let _ = parse(&Packages, "/x", "2024-03-01T12:00:00Z", &[STARTS[start], &bytes].concat());
    }

    #[test]
    fn any_signs_never_panic(text in "[a-z0-9:.()<>, \r\n-]{0,100}", start in 0..STARTS.len()) {
        let _ = parse(&Packages, "/x", "2024-03-01T12:00:00Z", &[STARTS[start], text.as_bytes()].concat());
    }
}

/// Beginnings of files that lead into each form.
const STARTS: [&[u8]; 12] = [
    b"update-alternatives 2025-06-24 14:36:53: link group ",
    b"2024-02-29 23:59:58|install|",
    b"[2024-02-29T23:59:58+0100] [ALPM] upgraded ",
    b"[2012-02-29 23:59] ",
    b"2016-08-06 17:35:39 install a b c\n2016-08-06 17:35:39 upgrade ",
    b"Start-Date: 2019-07-10  16:38:12\nInstall: ",
    b"Start-Date: ",
    b"Log started: 2019-07-10  16:38:08\nUnpacking ",
    b"Feb 29 23:59:58 Installed: ",
    b"2024-01-02T03:04:05+0100 INFO x\n",
    b"2024-01-02T03:04:05+0100 [",
    b"INFO Feb-28 10:00:00 ",
];
