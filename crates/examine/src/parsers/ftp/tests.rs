use super::*;
use crate::host::Host;
use crate::parsers::PARSERS;
use crate::parsers::syslog::Syslog;
use crate::testing::{Parsed, parse};
use kanshiki_testkit::{Need, beside, need};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(form: &Form, log: &[u8]) -> Parsed {
    parse(form, "/var/log/x.log", "2024-03-01T12:00:00Z", log)
}

#[test]
fn lines_of_vsftpd_tell_who_did_what_with_which_file() {
    let log = br#"Thu Feb 29 23:59:58 2024 [pid 2] CONNECT: Client "::ffff:192.0.2.7"
Thu Feb 29 23:59:58 2024 [pid 1] [anna] FAIL LOGIN: Client "::ffff:192.0.2.7"
Thu Feb 29 23:59:59 2024 [pid 1] [ftp] OK LOGIN: Client "2001:db8::1", anon password "n"
Fri Mar  1 00:00:00 2024 [pid 3] [anna] OK UPLOAD: Client "192.0.2.7", "/srv/a "b", c.txt", 1884648 bytes, 41264.44Kbyte/sec
Fri Mar  1 00:00:00 2024 [pid 3] [anna] FAIL DOWNLOAD: Client "192.0.2.7", "/srv/x*", 0.00Kbyte/sec
Fri Mar 01 00:00:01 2024 [pid 3] [anna] OK RENAME: Client "192.0.2.7", "/srv/a b /srv/c d"
Fri Mar 1 00:00:02 2024 [pid 3] [anna] OK CHMOD: Client "192.0.2.7", "/srv/c d 0644"
Fri Mar  1 00:00:03 2024 [pid 3] [anna] FAIL DELETE: Client "192.0.2.7", "/srv/c d"
Fri Mar  1 00:00:04 2024 [pid 3] [anna] FTP command: Client "192.0.2.7", "STOR a b"
Fri Mar  1 00:00:04 2024 [pid 3] [anna] FTP response: Client "192.0.2.7", "226 Transfer complete."
Fri Mar  1 00:00:05 2024 [pid 3] [www-data] FTP response: Client "192.0.2.7", "530 Permission denied."
Fri Mar  1 00:00:06 2024 [pid 3] [anna] OK DOWNLOAD: Client "192.0.2.7", "/srv/empty", 0.00Kbyte/sec
no line of vsftpd
"#;
    let parsed = read(&VSFTPD, log);
    parsed.assert_events(&[
        json!({"kind": "ftp.connect", "address": "192.0.2.7", "pid": 2, "time": "2024-02-29T23:59:58Z"}),
        json!({"kind": "ftp.login-failed", "user": "anna", "address": "192.0.2.7"}),
        json!({"kind": "ftp.login", "user": "ftp", "address": "2001:db8::1", "anonymous_password": "n"}),
        json!({"kind": "ftp.upload", "user": "anna", "file": "/srv/a \"b\", c.txt", "bytes": 1_884_648,
                "kbytes_per_second": "41264.44", "time": "2024-03-01T00:00:00Z", "basis": "zone-inferred", "pid": 3}),
        json!({"kind": "ftp.download-failed", "file": "/srv/x*", "bytes": 0, "kbytes_per_second": "0.00"}),
        json!({"kind": "ftp.rename", "file": "/srv/a b", "to": "/srv/c d", "time": "2024-03-01T00:00:01Z"}),
        json!({"kind": "ftp.chmod", "file": "/srv/c d", "mode": "0644", "time": "2024-03-01T00:00:02Z"}),
        json!({"kind": "ftp.delete-failed", "file": "/srv/c d"}),
        json!({"kind": "ftp.command", "command": "STOR", "argument": "a b"}),
        json!({"kind": "ftp.response", "code": 226, "response": "Transfer complete."}),
        json!({"kind": "ftp.login-failed", "user": "www-data", "code": 530}),
        json!({"kind": "ftp.download", "file": "/srv/empty", "bytes": 0}),
        json!({"kind": "ftp.other", "message": "no line of vsftpd", "line": 13}),
    ]);
    assert_eq!((parsed.row.records, parsed.row.others), (12, 1));
}

#[test]
fn a_name_that_looks_like_a_line_does_not_make_a_login() {
    let log = br#"Thu Feb 29 23:59:58 2024 [pid 1] [x] OK LOGIN: Client "198.51.100.1"] FAIL LOGIN: Client "192.0.2.7"
Thu Feb 29 23:59:58 2024 [pid 1] [x] OK LOGIN: Client "198.51.100.1", anon password "y] FAIL LOGIN: Client "192.0.2.7"
Thu Feb 29 23:59:58 2024 [pid 1] [x] OK DELETE: Client "198.51.100.1", "/y] FTP command: Client "192.0.2.7", "PASS z"
Thu Feb 29 23:59:58 2024 [pid 1] [x"#;
    let parsed = read(&VSFTPD, log);
    assert_eq!(parsed.all("kind"), ["ftp.login-failed", "ftp.login-failed", "ftp.delete", "ftp"]);
    assert_eq!(parsed.all("user")[0], "x] OK LOGIN: Client \"198.51.100.1\"");
    assert_eq!(parsed.all("address")[..2], ["192.0.2.7", "192.0.2.7"]);
    assert_eq!(parsed.all("ambiguous"), [json!(null), json!(null), json!(true), json!(null)]);
}

#[test]
fn an_xferlog_is_read_from_both_ends() {
    // xferlog(5) of proftpd; vsftpd's with an anonymous user; a name and a password with blanks.
    let log = b"Thu Feb 29 23:59:58 2024 4 192.0.2.7 1884648 /home/anna/a_b.txt b _ i r anna ftp 0 * c
Thu Feb  9 23:59:58 2024 1 ::ffff:192.0.2.8 0 /pub/c.iso b _ o a mozilla@example.com ftp 0 * i
Thu Feb 29 23:59:58 2024 1 quay.example 17 /pub/a b _ o r x b.txt a CU d g be rt@x y ftp 1 anna c
Thu Feb 29 23:59:58 2024 1 quay.example 17 /pub/a b _ x r anna ftp 1 anna c\n";
    let parsed = read(&XFERLOG, log);
    parsed.assert_events(&[
            json!({"kind": "ftp.upload", "user": "anna", "address": "192.0.2.7", "bytes": 1_884_648, "seconds": 4,
                "file": "/home/anna/a_b.txt", "mode": "binary", "access": "real", "service": "ftp", "complete": true,
                "flags": null, "authenticated": null, "time": "2024-02-29T23:59:58Z"}),
            json!({"kind": "ftp.download-failed", "user": "anonymous", "address": "192.0.2.8", "bytes": 0,
                "anonymous_password": "mozilla@example.com", "access": "anonymous", "complete": false}),
            json!({"kind": "ftp.delete", "user": "be rt@x y", "remote_host": "quay.example", "file": "/pub/a b _ o r x b.txt",
                "mode": "ascii", "flags": "CU", "access": "guest", "authenticated": "anna"}),
            json!({"kind": "ftp.other"}),
        ],
    );
}

#[test]
fn commands_in_the_common_log_format_become_transfers_and_logins() {
    // ExtendedLog of proftpd, pure-ftpd's CLF, and a request to a web server, which is none of either.
    let log = br#"192.0.2.7 UNKNOWN anna [29/Feb/2024:23:59:58 +0100] "USER anna" 331 -
192.0.2.7 UNKNOWN anna [29/Feb/2024:23:59:58 +0100] "PASS (hidden)" 230 -
quay.example UNKNOWN - [29/Feb/2024:23:59:58 +0100] "USER ghost" 331 -
192.0.2.7 UNKNOWN - [29/Feb/2024:23:59:58 +0100] "PASS (hidden)" 530 -
quay.example UNKNOWN - [29/Feb/2024:23:59:58 +0100] "PASS (hidden)" 530 -
192.0.2.7 UNKNOWN anna [29/Feb/2024:23:59:58 +0100] "STOR a b" 226 17
192.0.2.7 UNKNOWN anna [29/Feb/2024:23:59:58 +0100] "RETR "q".txt" 550 -
192.0.2.7 UNKNOWN anna [29/Feb/2024:23:59:58 +0100] "SITE CHMOD 644 a" 200 -
192.0.2.7 UNKNOWN anna [29/Feb/2024:23:59:58 +0100] "RNTO c" 250 -
192.0.2.7 - anna [29/Feb/2024:23:59:58 +0100] "PUT /home/anna/a%20b" 200 17
192.0.2.7 - - [29/Feb/2024:23:59:58 +0000] "GET / HTTP/1.1" 200 17
"#;
    let parsed = read(&ACCESS, log);
    parsed.assert_events(&[
            json!({"kind": "ftp.command", "user": "anna", "command": "USER", "argument": "anna", "code": 331,
                "time": "2024-02-29T22:59:58Z", "basis": "stated", "program": "proftpd"}),
            json!({"kind": "ftp.login", "user": "anna", "address": "192.0.2.7"}),
            json!({"kind": "ftp.command", "user": "ghost"}),
            json!({"kind": "ftp.login-failed", "user": "anna", "address": "192.0.2.7"}),
            json!({"kind": "ftp.login-failed", "user": "ghost", "remote_host": "quay.example"}),
            json!({"kind": "ftp.upload", "file": "a b", "bytes": 17, "message": "\"STOR a b\" 226 17"}),
            json!({"kind": "ftp.download-failed", "file": "\"q\".txt", "code": 550}),
            json!({"kind": "ftp.chmod", "file": "644 a"}),
            json!({"kind": "ftp.rename", "to": "c", "file": null}),
            json!({"kind": "ftp.upload", "file": "/home/anna/a%20b", "program": "pure-ftpd", "time": "2024-02-29T22:59:58Z"}),
            json!({"kind": "ftp.other"}),
        ],
    );
}

#[test]
fn the_other_logs_of_pure_ftpd_are_read() {
    let parsed = read(
        &STATS,
        b"1709251198 65e11ff0.1a2b anna 192.0.2.7 D 17 3 /home/anna//a b\n1709251198 x.y anna h D 1 1 /\n",
    );
    parsed.assert_events(&[
            json!({"kind": "ftp.download", "user": "anna", "address": "192.0.2.7", "bytes": 17, "seconds": 3, "pid": 6699,
                "file": "/home/anna//a b", "time": "2024-02-29T23:59:58Z", "session": "65e11ff0.1a2b", "basis": "stated"}),
            json!({"kind": "ftp.other"}),
        ],
    );
    let log = b"#Software: Pure-FTPd 1.0.50\n#Version: 1.0\n#Date: 2024-02-29 23:00:00
#Fields: date time c-ip cs-method cs-uri-stem sc-status cs-username sc-bytes
2024-02-29 23:59:58 192.0.2.7 []created /home/anna/a 226 anna 17\n";
    let parsed = read(&W3C, log);
    parsed.assert_events(&[
        json!({"kind": "ftp.upload", "user": "anna", "file": "/home/anna/a", "bytes": 17, "basis": "stated",
            "time": "2024-02-29T23:59:58Z"}),
    ]);
}

#[test]
fn servers_that_write_to_syslog_are_understood_there() {
    let log = br#"Jan  1 00:00:00 h vsftpd[7]: [anna] OK UPLOAD: Client "192.0.2.7", "/a", 17 bytes, 1.00Kbyte/sec
Jan  1 00:00:00 h vsftpd: pam_unix(vsftpd:auth): check pass; user unknown
Jan  1 00:00:00 h proftpd[7]: h (192.0.2.7[192.0.2.7]): USER anna: Login successful.
Jan  1 00:00:00 h proftpd[7] h (quay.example[192.0.2.7]): USER x (Login failed): y (Login failed): Invalid shell: '/bin/false'
Jan  1 00:00:00 h proftpd[7]: h (192.0.2.7[192.0.2.7]) - USER bob: no such user found from 192.0.2.7 [192.0.2.7] to ::ffff:10.0.0.1:21
Jan  1 00:00:00 h proftpd[7]: h (192.0.2.7[192.0.2.7]): FTP session opened.
Jan  1 00:00:00 h proftpd[7]: h (192.0.2.7[192.0.2.7]): Maximum login attempts (3) exceeded, connection refused
Jan  1 00:00:00 h pure-ftpd: (?@192.0.2.7) [INFO] New connection from 192.0.2.7
Jan  1 00:00:00 h pure-ftpd: (?@192.0.2.7) [INFO] an@na is now logged in
Jan  1 00:00:00 h pure-ftpd: (an@na@192.0.2.7) [NOTICE] /home/anna//a uploaded b uploaded  (17 bytes, 3.14KB/sec)
Jan  1 00:00:00 h pure-ftpd: (anna@192.0.2.7) [NOTICE] Deleted /home/anna//a
Jan  1 00:00:00 h pure-ftpd: (anna@quay.example) [NOTICE] File successfully renamed or moved: [/a]->[/b]
Jan  1 00:00:00 h pure-ftpd: (?@192.0.2.7) [WARNING] Authentication failed for user [x] y]
"#;
    let parsed = parse(&Syslog, "/var/log/syslog", "2024-03-01T12:00:00Z", log);
    parsed.assert_events(&[
        json!({"kind": "ftp.upload", "user": "anna", "address": "192.0.2.7", "file": "/a", "bytes": 17, "pid": 7}),
        json!({"program": "vsftpd", "service": "vsftpd"}),
        json!({"kind": "ftp.login", "user": "anna", "address": "192.0.2.7", "server": "h"}),
        json!({"kind": "ftp.login-failed", "user": "x (Login failed): y", "reason": "Invalid shell: '/bin/false'",
                "remote_host": "quay.example", "address": "192.0.2.7", "program": "proftpd", "pid": 7}),
        json!({"kind": "ftp.login-failed", "user": "bob", "invalid": true}),
        json!({"kind": "ftp.session-opened", "protocol": "FTP"}),
        json!({"kind": "ftp.too-many", "address": "192.0.2.7"}),
        json!({"kind": "ftp.connect", "address": "192.0.2.7", "level": "INFO"}),
        json!({"kind": "ftp.login", "user": "an@na"}),
        json!({"kind": "ftp.upload", "user": "an@na", "file": "/home/anna//a uploaded b", "bytes": 17,
                "kbytes_per_second": "3.14"}),
        json!({"kind": "ftp.delete", "file": "/home/anna//a"}),
        json!({"kind": "ftp.rename", "file": "/a", "to": "/b", "remote_host": "quay.example"}),
        json!({"kind": "ftp.login-failed", "user": "x] y"}),
    ]);
}

const FOLDER: &str = "shared/logs/crowdsec-hub";

/// What the parser that claims a file of the shared logs makes of it.
fn shared(path: &str) -> (&'static str, Parsed) {
    let bytes = std::fs::read(beside(FOLDER).unwrap().join(path)).unwrap();
    let host = Host::unknown();
    let candidate = Candidate { path: path.as_bytes(), head: &bytes[..bytes.len().min(4096)], host: &host };
    let parser = PARSERS.iter().find(|parser| parser.claims(&candidate)).unwrap();
    (parser.id(), parse(*parser, path, "2024-03-01T12:00:00Z", &bytes))
}

/// The `.assert` files beside the logs tell which failed logins there are: 3 lines of vsftpd (the first two have no account
/// or are no failure), 6 and 6 of proftpd, 15 of pure-ftpd.
#[test]
fn attacks_in_real_logs_are_found() {
    if !need(&[Need::Beside(FOLDER)]) {
        return;
    }
    for (path, parser, users, addresses) in [
        (
            "vsftpd-logs/vsftpd-logs.log",
            "vsftpd",
            ["user"; 2].into_iter().chain(["www-data"]).collect::<Vec<_>>(),
            vec!["93.24.101.89", "93.24.101.90", "1.2.3.4"],
        ),
        ("proftpd-bf/proftpd-bf.log", "syslog", vec!["seb"; 6], vec!["192.168.1.142"; 6]),
        (
            "proftpd-user-enum/proftpd-user-enum.log",
            "syslog",
            vec!["asd", "foo", "bar", "foobar", "root", "admin"],
            vec!["192.168.1.142"; 6],
        ),
        ("pureftpd-logs/pureftpd-logs.log", "syslog", vec!["root"; 15], vec!["172.21.10.2"; 15]),
    ] {
        let (id, parsed) = shared(path);
        let failures: Vec<&Value> = parsed.events.iter().filter(|event| event["kind"] == "ftp.login-failed").collect();
        let all =
            |name: &str| failures.iter().map(|event| event[name].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!((id, all("user"), all("address")), (parser, strings(&users), strings(&addresses)), "{path}");
        assert_eq!(parsed.row.others, 0, "{path}");
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

const PLASO: &str = "shared/logs/plaso/test_data";

#[test]
fn a_real_log_of_vsftpd_is_understood_whole() {
    if !need(&[Need::Beside(PLASO)]) {
        return;
    }
    let bytes = std::fs::read(beside(PLASO).unwrap().join("vsftpd.log")).unwrap();
    let parsed = read(&VSFTPD, &bytes);
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    assert_eq!((parsed.events.len(), parsed.row.others), (lines, 0));
    for event in &parsed.events {
        let message = event["message"].as_str().unwrap();
        let kind = event["kind"].as_str().unwrap();
        assert_eq!(kind == "ftp.upload", message.contains(" OK UPLOAD: "), "{event}");
        assert_eq!(kind == "ftp.download", message.contains(" OK DOWNLOAD: "), "{event}");
        assert_eq!(kind == "ftp.login", message.contains(" OK LOGIN: "), "{event}");
        assert_ne!(kind, "ftp", "{event}");
    }
}

/// Beginnings of lines that lead into each part.
const STARTS: [&[u8]; 12] = [
    b"",
    b"Thu Feb 29 23:59:58 2024 [pid 1] [a] OK LOGIN: Client \"",
    b"Thu Feb 29 23:59:58 2024 [pid 1] [a] OK UPLOAD: Client \"1\", \"",
    b"Thu Feb 29 23:59:58 2024 [pid 1] [a] OK RENAME: Client \"1\", \"",
    b"Thu Feb 29 23:59:58 2024 [pid 1] [",
    b"Thu Feb 29 23:59:58 2024 1 h 1 ",
    b"h - u [29/Feb/2024:23:59:58 +0100] \"SITE ",
    b"h - ",
    b"1709251198 65e11ff0.1a2b ",
    b"2024-02-29 23:59:58 h []sent ",
    b"Feb 29 23:59:58 h proftpd[1]: h (",
    b"Feb 29 23:59:58 h pure-ftpd: (",
];

/// Ends of lines that lead into each part.
const ENDS: [&[u8]; 6] = [b"", b"\"", b", 1.0Kbyte/sec", b" b _ i r a ftp 0 * c", b"\" 226 1", b" (1 bytes, 2KB/sec)"];

/// A sample of `testdata/ftp`: its name, the parser that must claim it, its lines that are no records, and its bytes.
macro_rules! sample {
    ($name:literal, $parser:literal, $others:literal) => {
        ($name, $parser, $others, include_bytes!(concat!("../../../../../testdata/ftp/", $name)).as_slice())
    };
}

#[test]
fn logs_that_proftpd_and_pure_ftpd_wrote_tell_what_the_client_did() {
    // Two wrong passwords, an anonymous login, two uploads, one download and one of a file that is not there.
    let transfers = [("ftp.upload", 123_457), ("ftp.upload", 0), ("ftp.download", 123_457)];
    for (name, id, comments, bytes) in [
        sample!("proftpd-access.log", "ftp-access", 0),
        sample!("proftpd-xferlog", "xferlog", 0),
        sample!("proftpd-system.log", "syslog", 0),
        sample!("pure-clf.log", "ftp-access", 0),
        sample!("pure-stats.log", "ftp-stats", 0),
        sample!("pure-w3c.log", "ftp-w3c", 4),
        sample!("pure-xferlog", "xferlog", 0),
    ] {
        let (path, host) = (format!("/var/log/{name}"), Host::unknown());
        let candidate = Candidate { path: path.as_bytes(), head: bytes, host: &host };
        let parser = PARSERS.iter().find(|parser| parser.claims(&candidate)).unwrap();
        assert_eq!(parser.id(), id, "{name}");
        let parsed = parse(*parser, &path, "2026-11-28T16:00:00Z", bytes);
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() - comments;
        assert_eq!(
            (parsed.events.len(), parsed.row.others, parsed.issues.len()),
            (lines, 0, 0),
            "{name}: {:?}",
            parsed.issues
        );
        assert!(parsed.all("time").iter().all(|time| time.as_str().unwrap().starts_with("2026-11-28T15:5")), "{name}");
        let count = |kind: &str| parsed.events.iter().filter(|event| event["kind"] == kind).count();
        let is_transfer = |event: &&Value| ["ftp.upload", "ftp.download"].iter().any(|kind| event["kind"] == *kind);
        let told: Vec<(&str, i64)> = parsed
            .events
            .iter()
            .filter(is_transfer)
            .map(|event| (event["kind"].as_str().unwrap(), event["bytes"].as_i64().unwrap()))
            .collect();
        match name {
            "proftpd-system.log" => assert_eq!((count("ftp.login-failed"), count("ftp.login")), (2, 1)),
            "proftpd-access.log" => {
                assert_eq!((count("ftp.login-failed"), count("ftp.login"), count("ftp.download-failed")), (2, 1, 1));
                assert_eq!(told, transfers);
            }
            _ => assert_eq!(told, transfers, "{name}"),
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..120), start in 0..STARTS.len(), end in 0..ENDS.len(),
    ) {
        let line = [STARTS[start], &bytes, ENDS[end]].concat();
        for form in [&VSFTPD, &XFERLOG, &ACCESS, &STATS, &W3C] {
            let _ = read(form, &line);
        }
        let _ = parse(&Syslog, "/x", "2024-03-01T12:00:00Z", &line);
    }
}
