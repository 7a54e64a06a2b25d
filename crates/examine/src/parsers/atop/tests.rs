use super::layout::RECORD_BYTES;
use super::*;
use crate::host::Host;
use crate::testing::{Parsed, parse_on};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use kanshiki_machine::Accounts;
use kanshiki_testkit::{Need, need, tempdir};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::io::Write as _;
use std::process::Command;

fn atop(bytes: &[u8]) -> Parsed {
    let accounts = Accounts::of_passwd(b"root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/:/bin/sh\n");
    let host = Host { accounts, ..Host::unknown() };
    parse_on(&host, &Atop, "/var/log/atop/atop_20240229", "2024-03-01T00:00:00Z", bytes)
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file of a version with two processes in one interval, after the record since boot.
fn made(version: u16, process_bytes: usize, ticks_at: usize, has_groups: bool) -> Vec<u8> {
    let mut file = vec![0; HEADER_BYTES];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &0xfeed_beef_u32.to_le_bytes());
    put(4, &(version | 0x8000).to_le_bytes());
    put(10, &480_u16.to_le_bytes());
    put(12, &96_u16.to_le_bytes());
    put(14, &100_u16.to_le_bytes());
    put(32, &u32::try_from(process_bytes).unwrap().to_le_bytes());
    put(36 + 65, b"ferry");
    let mut system = vec![0; 4096];
    let mut put = |at: usize, bytes: &[u8]| system[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &2_u64.to_le_bytes());
    put(32, &1.79_f32.to_le_bytes());
    for (place, ticks) in [500_u64, 9000, 0, 2000, 400, 50, 50, 0].into_iter().enumerate() {
        put(88 + place * 8, &ticks.to_le_bytes());
    }
    let process = |pid: u32, uid: u32, is_process: u8, name: &[u8], ticks: u64| {
        let mut process = vec![0; process_bytes];
        process[4..8].copy_from_slice(&pid.to_le_bytes());
        process[12..16].copy_from_slice(&uid.to_le_bytes());
        process[48..48 + name.len()].copy_from_slice(name);
        process[64] = is_process;
        process[88..92].copy_from_slice(b"./x\xff");
        process[ticks_at..ticks_at + 8].copy_from_slice(&ticks.to_le_bytes());
        process[ticks_at + 8..ticks_at + 16].copy_from_slice(&1_u64.to_le_bytes());
        process
    };
    let tasks = [
        process(7, 0, 1, b"idle", 3),
        process(8, 1000, 1, b"miner", 8999),
        process(8, 1000, 0, b"thread", 8999),
        process(9, 0, 1, b"sshd", 600),
    ]
    .concat();
    let (system, tasks) = (packed(&system), packed(&tasks));
    let groups: &[u8] = if has_groups { &[1; 30] } else { b"" };
    for (time, flags) in [(1_709_251_198_u64, 1_u16), (1_709_251_258, 0)] {
        let mut record = [0; RECORD_BYTES];
        let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &time.to_le_bytes());
        put(8, &flags.to_le_bytes());
        let group_bytes = u32::try_from(groups.len()).unwrap();
        for (at, number) in [
            (16, u32::try_from(system.len()).unwrap()),
            (20, u32::try_from(tasks.len()).unwrap()),
            (24, 60),
            (28, 4),
            (40, 120),
            (72, group_bytes / 3),
            (84, group_bytes - group_bytes / 3),
        ] {
            put(at, &number.to_le_bytes());
        }
        file.extend([&record[..], &system, &tasks, groups].concat());
    }
    file
}

#[test]
fn each_version_tells_the_processor_and_who_used_it() {
    for (version, process_bytes, ticks_at) in [
        (0x201, 776, 376),
        (0x203, 784, 384),
        (0x207, 840, 384),
        (0x209, 968, 448),
        (0x20c, 968, 408),
        (0x20d, 992, 432),
    ] {
        let parsed = atop(&made(version, process_bytes, ticks_at, version >= 0x20b));
        assert_eq!(parsed.issues.len(), 0, "{version:x} {:?}", parsed.issues);
        assert_eq!(parsed.all("kind"), ["atop.since-boot", "atop.cpu", "atop.process", "atop.process"]);
        let cpu = &parsed.events[1];
        for (name, value) in [
            ("time", json!("2024-03-01T00:00:58Z")),
            ("host", json!("ferry")),
            ("busy", json!(8000)),
            ("user", json!(7500)),
            ("system", json!(500)),
            ("iowait", json!(333)),
            ("idle", json!(1667)),
            ("load_1", json!(179)),
            ("processors", json!(2)),
            ("processes", json!(120)),
        ] {
            assert_eq!(cpu[name], value, "{name} in {cpu}");
        }
        let miner = json!({"kind": "atop.process", "time": "2024-03-01T00:00:58Z", "basis": "stated", "host": "ferry",
            "offset": cpu["offset"], "length": cpu["length"], "pid": 8, "program": "miner", "user": "anna", "uid": 1000,
            "cpu": 15000, "ticks": 9000, "seconds": 60, "parent": 0, "command": "./x\\xff",
            "message": "150.00 % of a processor: ./x\\xff"});
        assert_eq!(parsed.events[2], miner);
        assert_eq!(parsed.events[3]["program"], "sshd");
    }
}

#[test]
fn damage_is_told_and_versions_that_are_not_read_are_named() {
    let whole = made(0x208, 968, 448, false);
    let second = usize::try_from(atop(&whole).events[1]["offset"].as_u64().unwrap()).unwrap();
    let damaged = [&whole[..second], &[0; 77], &whole[second..], &whole[second..second + 100]].concat();
    let parsed = atop(&damaged);
    let issues: Vec<&str> = parsed.issues.iter().map(|issue| issue.message.as_str()).collect();
    assert_eq!(issues, ["77 bytes that are no interval", "an interval cut off at the end of the file"]);
    assert_eq!(parsed.events.len(), 4);
    let old = atop(&made(0x11a, 700, 300, false));
    let issue = "/var/log/atop/atop_20240229, bytes 0-480: written by atop 1.26, which is not read";
    assert_eq!(old.issues[0].to_string(), issue);
    let odd = atop(&made(0x208, 960, 448, false));
    assert_eq!(odd.issues[0].message, "written by atop 2.8 with 960 bytes for each process, which is not read");
}

#[test]
fn a_log_of_this_machine_gives_what_atop_gives() {
    if !need(&[Need::Root, Need::Tool("atop")]) {
        return;
    }
    let place = tempdir();
    let file = place.path().join("atop_20240229");
    let mut busy = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
    let status = Command::new("atop").arg("-w").arg(&file).args(["1", "3"]).status();
    busy.kill().unwrap();
    let _ = busy.wait().unwrap();
    assert!(status.unwrap().success());
    let shown =
        Command::new("atop").arg("-r").arg(&file).args(["-P", "CPU,CPL,PRC"]).env("LC_ALL", "C").output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let lines = |label: &str| {
        let lines = shown.lines().filter(|line| line.starts_with(label));
        lines.map(|line| line.split(' ').collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let parsed = atop(&std::fs::read(&file).unwrap());
    assert_eq!(parsed.issues.len(), 0, "{:?}", parsed.issues);
    let events: Vec<&Json> = parsed.events.iter().filter(|event| event["processors"].is_number()).collect();
    let (processors, loads) = (lines("CPU "), lines("CPL "));
    assert_eq!((events.len(), loads.len()), (processors.len(), processors.len()));
    assert!(events.len() >= 3);
    for ((event, cpu), load) in events.iter().zip(&processors).zip(&loads) {
        let time = event["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert_eq!(time.as_second().to_string(), cpu[2]);
        // Kernel, user, nice, idle, waiting, interrupts, soft interrupts, stolen.
        let ticks: Vec<f64> = cpu[8..16].iter().map(|ticks| ticks.parse().unwrap()).collect();
        let all: f64 = ticks.iter().sum();
        let idle = event["idle"].as_f64().unwrap();
        assert!((idle - ticks[3] / all * 10_000.0).abs() <= 1.0, "{event} {cpu:?}");
        let system = ticks[0] + ticks[5] + ticks[6];
        assert!((event["system"].as_f64().unwrap() - system / all * 10_000.0).abs() <= 1.0, "{event} {cpu:?}");
        assert_eq!(event["load_1"].as_f64().unwrap() / 100.0, load[7].parse::<f64>().unwrap(), "{load:?}");
    }
    // The shell that did nothing but run.
    let pid = i64::from(busy.id());
    let ours = parsed.events.iter().filter(|event| event["kind"] == "atop.process" && event["pid"] == pid);
    let ours: Vec<u64> = ours.map(|event| event["ticks"].as_u64().unwrap()).collect();
    let theirs = lines("PRC ").into_iter().filter(|line| line[6] == pid.to_string()).skip(1);
    let theirs: Vec<u64> =
        theirs.map(|line| line[10].parse::<u64>().unwrap() + line[11].parse::<u64>().unwrap()).collect();
    assert_eq!(ours, theirs);
    assert!(!ours.is_empty());
}

proptest! {
    #[test]
    fn any_bytes_never_panic(
        changes in prop::collection::vec((0_usize..1500, any::<u8>()), 0..20), cut in 0_usize..2500, is_new: bool,
    ) {
        let mut bytes = if is_new { made(0x20d, 992, 432, true) } else { made(0x208, 968, 448, false) };
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut);
        let _ = atop(&bytes);
    }
}
