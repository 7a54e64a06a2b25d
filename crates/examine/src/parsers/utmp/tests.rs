use super::*;
use crate::testing::{Parsed, parse};
use kanshiki_testkit::{Need, beside, need};
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// What a record holds that a test makes.
#[derive(Clone, Copy)]
struct Made<'a> {
    kind: i16,
    pid: i32,
    line: &'a [u8],
    user: &'a [u8],
    host: &'a [u8],
    seconds: u32,
    address: [u8; 16],
}

const LOGIN: Made<'static> = Made {
    kind: 7,
    pid: 4711,
    line: b"pts/0",
    user: b"anna",
    host: b"quay.example",
    seconds: 1_709_251_198,
    address: [192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// A record in each layout: of 384 or 400 bytes, with the most significant byte first or last.
fn made(made: Made<'_>, is_wide: bool, is_big: bool) -> Vec<u8> {
    let order = |mut bytes: Vec<u8>| {
        if is_big {
            bytes.reverse();
        }
        bytes
    };
    let mut record = vec![0; if is_wide { 400 } else { 384 }];
    let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &order(made.kind.to_le_bytes().to_vec()));
    put(4, &order(made.pid.to_le_bytes().to_vec()));
    put(8, made.line);
    put(40, b"ts/0");
    put(44, made.user);
    put(76, made.host);
    put(334, &order(1_i16.to_le_bytes().to_vec()));
    if is_wide {
        put(336, &order(9_i64.to_le_bytes().to_vec()));
        put(344, &order(i64::from(made.seconds).to_le_bytes().to_vec()));
        put(352, &order(250_000_i64.to_le_bytes().to_vec()));
        put(360, &made.address);
    } else {
        put(336, &order(9_i32.to_le_bytes().to_vec()));
        put(340, &order(made.seconds.to_le_bytes().to_vec()));
        put(344, &order(250_000_i32.to_le_bytes().to_vec()));
        put(348, &made.address);
    }
    record
}

fn plain(record: Made<'_>) -> Vec<u8> {
    made(record, false, false)
}

fn wtmp(bytes: &[u8]) -> Parsed {
    parse(&Utmp, "/var/log/wtmp", "2024-03-01T12:00:00Z", bytes)
}

#[test]
fn each_layout_gives_the_same_record() {
    for (is_wide, is_big) in [(false, false), (true, false), (false, true), (true, true)] {
        let closed = Made { kind: 8, user: b"", host: b"", seconds: 1_709_251_258, address: [0; 16], ..LOGIN };
        let bytes = [made(LOGIN, is_wide, is_big), made(closed, is_wide, is_big)].concat();
        let candidate = Candidate { path: b"/srv/x", head: &bytes, host: &crate::host::Host::unknown() };
        assert!(Utmp.claims(&candidate));
        let parsed = wtmp(&bytes);
        assert_eq!(parsed.all("time"), ["2024-02-29T23:59:58.25Z", "2024-03-01T00:00:58.25Z"]);
        for (name, values) in [
            ("kind", [json!("login.session-opened"), json!("login.session-closed")]),
            ("user", [json!("anna"), json!("anna")]),
            ("address", [json!("192.0.2.7"), json!("192.0.2.7")]),
            ("tty", [json!("pts/0"), json!("pts/0")]),
            ("pid", [json!(4711), json!(4711)]),
            ("session", [json!(9), json!(9)]),
            ("exit", [json!(null), json!(1)]),
            ("seconds", [json!(null), json!(60)]),
            ("remote_host", [json!("quay.example"), json!(null)]),
            (
                "message",
                [
                    json!("logged in: anna on pts/0 from quay.example"),
                    json!("session ended: anna on pts/0 from 192.0.2.7"),
                ],
            ),
        ] {
            assert_eq!(parsed.all(name), values, "{name}, wide {is_wide}, big {is_big}");
        }
        assert_eq!((parsed.row.records, parsed.row.others, parsed.issues.len()), (2, 0, 0));
    }
}

#[test]
fn the_machine_the_clock_and_failed_logins_have_kinds_of_their_own() {
    let record = |kind, pid, user, host| plain(Made { kind, pid, user, host, line: b"~", address: [0; 16], ..LOGIN });
    let bytes = [
        record(2, 0, b"reboot", b"6.1.0-18-amd64"),
        record(1, 53 + 256 * 78, b"runlevel", b"6.1.0-18-amd64"),
        record(4, 0, b"", b""),
        record(3, 0, b"", b""),
        record(6, 1, b"LOGIN", b""),
        record(1, 0, b"shutdown", b"6.1.0-18-amd64"),
    ]
    .concat();
    let parsed = wtmp(&bytes);
    let kinds = [
        "login.boot",
        "login.runlevel",
        "login.clock-changed",
        "login.clock-changed",
        "login.waiting",
        "login.shutdown",
    ];
    assert_eq!(parsed.all("kind"), kinds);
    assert_eq!((&parsed.events[1]["runlevel"], &parsed.events[1]["runlevel_before"]), (&json!("5"), &json!("N")));
    assert_eq!(parsed.events[0]["message"], "system boot: reboot on ~, kernel 6.1.0-18-amd64");

    let six = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9];
    let tried = |user, address| plain(Made { kind: 6, line: b"ssh:notty", user, address, ..LOGIN });
    let named = plain(Made { kind: 6, host: b"2001:db8::2", address: [0; 16], ..LOGIN });
    let parsed = parse(
        &Utmp,
        "/var/log/btmp-20240301",
        "2024-03-01T12:00:00Z",
        &[tried(b"root", six), tried(b"\xff\x1b[2J", mapped), named].concat(),
    );
    assert_eq!(parsed.all("kind"), ["login.login-failed"; 3]);
    assert_eq!(parsed.all("address"), ["2001:db8::1", "192.0.2.9", "2001:db8::2"]);
    assert_eq!(parsed.all("user"), ["root", "\\xff\\u{1b}[2J", "anna"]);
}

#[test]
fn zeroes_are_told_with_what_lies_around_them() {
    let later = plain(Made { seconds: 1_709_254_798, ..LOGIN });
    let bytes = [plain(LOGIN), vec![0; 3 * 384], later.clone(), vec![0; 384]].concat();
    let parsed = wtmp(&bytes);
    assert_eq!(parsed.all("kind"), ["login.session-opened", "login.zeroed", "login.session-opened", "login.zeroed"]);
    assert_eq!(
        parsed.events[1],
        json!({"kind": "login.zeroed", "basis": "neighbour", "offset": 384, "length": 1152, "records": 3,
            "time": "2024-02-29T23:59:58.25Z", "after": "2024-02-29T23:59:58.25Z", "before": "2024-03-01T00:59:58.25Z",
            "message": "3 records of zeroes, between 2024-02-29T23:59:58.25Z and 2024-03-01T00:59:58.25Z"})
    );
    assert_eq!((parsed.row.records, parsed.issues.len()), (2, 2));
    assert_eq!(
        parsed.issues[1].to_string(),
        "/var/log/wtmp, bytes 1920-2304: 1 records of zeroes, after 2024-03-01T00:59:58.25Z; \
         tools that hide logins leave such, and crashes at the end of a file"
    );
}

#[test]
fn shifted_damaged_and_cut_records_are_told_and_the_rest_goes_on() {
    let mut damaged = plain(LOGIN);
    damaged[..4].copy_from_slice(&[99, 0, 0, 0]);
    let good = plain(LOGIN);
    let bytes = [&good[..], b"shifted", &good, &damaged, &good, &[0; 100], &good, &good[..60]].concat();
    let parsed = wtmp(&bytes);
    assert_eq!((parsed.row.records, parsed.row.others), (4, 4));
    let opened = parsed.events.iter().filter(|event| event["kind"] == "login.session-opened");
    assert_eq!(opened.map(|event| event["offset"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 391, 1159, 1643]);
    let issues: Vec<String> = parsed.issues.iter().map(ToString::to_string).collect();
    assert_eq!(
        issues,
        [
            "/var/log/wtmp, bytes 384-391: 7 bytes that are no record; the next one begins at byte 391",
            "/var/log/wtmp, bytes 775-1159: 384 bytes that are no record; the next one begins at byte 1159",
            "/var/log/wtmp, bytes 1543-1643: 100 bytes that are no record; the next one begins at byte 1643",
            "/var/log/wtmp, bytes 2027-2087: a record cut off after 60 of 384 bytes",
        ]
    );
    assert_eq!(parsed.events[3]["message"], "pts/0 ts/0anna quay.example");
}

#[test]
fn the_last_second_of_four_bytes_is_of_2106() {
    let parsed = wtmp(&plain(Made { seconds: u32::MAX, ..LOGIN }));
    assert_eq!(parsed.all("time"), ["2106-02-07T06:28:15.25Z"]);
    // A machine without a clock that keeps the time starts in 1970.
    let parsed = wtmp(&[plain(LOGIN), plain(Made { kind: 2, seconds: 10, ..LOGIN })].concat());
    assert_eq!(parsed.all("time"), ["2024-02-29T23:59:58.25Z", "1970-01-01T00:00:10.25Z"]);
}

const FOLDER: &str = "shared/logs/plaso/test_data/utmp";

/// What utmpdump says of a file: type, pid, id, user, line, host, address, time.
fn utmpdump(path: &Path) -> Vec<Vec<String>> {
    let dumped = Command::new("utmpdump").env("TZ", "UTC").arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&dumped.stdout).into_owned();
    let fields =
        |line: &str| line.split('[').skip(1).map(|field| field.trim_end_matches([' ', ']']).to_owned()).collect();
    text.lines().map(fields).collect()
}

#[test]
fn real_files_give_what_utmpdump_gives() {
    if !need(&[Need::Beside(FOLDER), Need::Tool("utmpdump")]) {
        return;
    }
    let mut compared = 0;
    for name in ["utmp", "utmp_corrupted", "utmp_x86_64"] {
        let path = beside(FOLDER).unwrap().join(name);
        let parsed = wtmp(&std::fs::read(&path).unwrap());
        let events: Vec<_> = parsed.events.iter().filter(|event| event["kind"] != "login.other").collect();
        let dumped = utmpdump(&path);
        let dumped: Vec<_> = dumped.iter().filter(|fields| fields[0] != "99").collect();
        assert_eq!(events.len(), dumped.len(), "{name}");
        for (event, fields) in events.iter().zip(dumped) {
            let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
            let host = if fields[0] == "2" { text("kernel") } else { text("remote_host") };
            let time = event["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            let time = format!("{time:.6}").replace('.', ",").replace('Z', "+00:00");
            let user = if fields[0] == "8" { String::new() } else { text("user") };
            let made = [event["type"].to_string(), text("id"), user, text("tty"), host, time];
            let expected = [0, 2, 3, 4, 5, 7].map(|field| fields[field].clone());
            assert_eq!(made, expected, "{event}");
            compared += 1;
        }
    }
    assert_eq!(compared, 14 + 2 + 6);
}

proptest! {
    #[test]
    fn any_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..1000), cut in 0_usize..800, is_wide: bool, is_big: bool,
    ) {
        let record = made(LOGIN, is_wide, is_big);
        let whole = [&record[..], &record, &bytes, &record].concat();
        let parsed = wtmp(&whole[cut.min(whole.len())..]);
        prop_assert!(parsed.error.is_none());
        let _ = wtmp(&bytes);
    }
}
