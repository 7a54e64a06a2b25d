use super::*;
use crate::testing::{Parsed, parse};
use kanshiki_testkit::{Need, need, tempdir};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::process::Command;

fn sa(bytes: &[u8]) -> Parsed {
    parse(&Sysstat, "/var/log/sysstat/sa29", "2024-03-01T00:00:00Z", bytes)
}

/// A file that sadc writes for the test: four records, one a second.
fn measured() -> Option<(Vec<u8>, Vec<Value>)> {
    let sadc = "/usr/lib/sysstat/sadc";
    if !need(&[Need::File(sadc), Need::Tool("sadf")]) {
        return None;
    }
    let place = tempdir();
    let file = place.path().join("sa29");
    assert!(Command::new(sadc).args(["-C", "a comment"]).arg(&file).status().unwrap().success());
    assert!(
        Command::new(sadc).args(["1", "4"]).arg(&file).stdout(std::process::Stdio::null()).status().unwrap().success()
    );
    let shown =
        Command::new("sadf").args(["-j"]).arg(&file).args(["--", "-u", "-q"]).env("LC_ALL", "C").output().unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let statistics = shown["sysstat"]["hosts"][0]["statistics"].as_array().unwrap().clone();
    Some((std::fs::read(&file).unwrap(), statistics))
}

#[test]
fn a_file_of_this_machine_gives_what_sadf_gives() {
    let Some((bytes, statistics)) = measured() else { return };
    let parsed = sa(&bytes);
    assert_eq!(parsed.issues.len(), 0, "{:?}", parsed.issues);
    let intervals: Vec<&Value> = parsed.events.iter().filter(|event| event["kind"] == "sysstat.cpu").collect();
    let shown: Vec<&Value> = statistics.iter().filter(|one| one["timestamp"]["interval"] != 0).collect();
    assert_eq!(intervals.len(), shown.len());
    assert!(intervals.len() >= 3);
    for (event, shown) in intervals.iter().zip(shown) {
        let load = &shown["cpu-load"][0];
        for (field, name) in
            [("user", "user"), ("nice", "nice"), ("system", "system"), ("iowait", "iowait"), ("idle", "idle")]
        {
            let (ours, theirs) = (event[field].as_f64().unwrap() / 100.0, load[name].as_f64().unwrap());
            assert!((ours - theirs).abs() < 0.02, "{field}: {ours} and {theirs} in {event}");
        }
        for (field, name) in [("load_1", "ldavg-1"), ("load_5", "ldavg-5"), ("load_15", "ldavg-15")] {
            let theirs = shown["queue"][name].as_f64().unwrap();
            assert!((event[field].as_f64().unwrap() / 100.0 - theirs).abs() < 0.001, "{field} in {event}");
        }
        let time = format!(
            "{}T{}Z",
            shown["timestamp"]["date"].as_str().unwrap(),
            shown["timestamp"]["time"].as_str().unwrap()
        );
        assert_eq!(event["time"], time);
    }
    let comment = parsed.events.iter().find(|event| event["kind"] == "sysstat.comment").unwrap();
    assert_eq!(comment["message"], "a comment");
}

#[test]
fn damaged_bytes_are_passed_over_up_to_the_next_record() {
    let Some((bytes, _)) = measured() else { return };
    let whole = sa(&bytes);
    let record = whole.events.iter().rev().find(|event| event["kind"] == "sysstat.cpu").unwrap();
    let at = usize::try_from(record["offset"].as_u64().unwrap()).unwrap();
    let damaged = [&bytes[..at], &[0xa5; 777], &bytes[at..], &bytes[at..at + 100]].concat();
    let parsed = sa(&damaged);
    let issues: Vec<String> = parsed.issues.iter().map(|issue| issue.message.clone()).collect();
    assert_eq!(issues, ["777 bytes that are no record", "a record cut off at the end of the file, or damaged"]);
    assert_eq!(parsed.events.len(), whole.events.len());
}

#[test]
fn formats_that_are_not_read_are_named_with_their_version() {
    let mut bytes = vec![0; 400];
    bytes[..12].copy_from_slice(&[0x96, 0xd5, 0x70, 0x21, 9, 1, 5, 0, 0x20, 1, 0, 0]);
    let parsed = sa(&bytes);
    let issue = "/var/log/sysstat/sa29, bytes 0-76: written by sysstat 9.1.5 in format 2170, which is not read";
    assert_eq!(parsed.issues[0].to_string(), issue);
    bytes[2] = 0x75;
    assert_eq!(sa(&bytes).issues[0].message, "the header of sysstat 9.1.5, format 2175, contradicts itself");
}

/// A file of format 2173 or 2171 of a machine of 64 bits, with two processors, and a restart that makes them three.
fn old(format: u8) -> Vec<u8> {
    let mut file = vec![0x96, 0xd5, format, 0x21, 11, 2, 0, 0, 0x20, 1, 0, 0];
    file.resize(76, 0);
    let begun = 1_709_251_198_u64;
    let mut header = begun.to_le_bytes().to_vec();
    let activities = 2_u32.to_le_bytes();
    if format == 0x73 {
        header.extend([&2_u32.to_le_bytes()[..], &activities, &1_u32.to_le_bytes()].concat());
    } else {
        header.extend(activities);
    }
    header.extend([29, 1, 124, 8]);
    let names = header.len();
    header.resize(names + 65, 0);
    header.extend(b"ferry");
    header.resize(0x120, 0);
    file.extend(header);
    let activity = |id: u32, version: u32, items: u32, size: u32| {
        [id, version, items, 1, size].into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
    };
    file.extend(activity(CPU, FIRST, 3, 160));
    file.extend(activity(QUEUE, 0x8b, 1, 32));
    let record = |time: u64, kind: u8| {
        let mut record = vec![0; 48];
        record[32..40].copy_from_slice(&time.to_le_bytes());
        record[40..44].copy_from_slice(&[kind, 23, 59, u8::try_from(time % 60).unwrap()]);
        record
    };
    let measures = |time: u64, processors: u64, idle: u64| {
        let mut bytes = record(time, 1);
        for processor in 0..=processors {
            for (number, counter) in [time - begun, 0, 0, idle, 0, 0, 0, 0, 0, 0].into_iter().enumerate() {
                let counter = counter + u64::from(number < 4) * processor;
                bytes.extend([counter.to_le_bytes(), [0; 8]].concat());
            }
        }
        let mut queue = [0; 32];
        queue[16..20].copy_from_slice(&179_u32.to_le_bytes());
        bytes.extend(queue);
        bytes
    };
    file.extend(measures(begun + 60, 2, 0));
    file.extend(measures(begun + 120, 2, 20));
    if format == 0x73 {
        file.extend(record(begun + 130, 2));
        file.extend(activity(CPU, FIRST, 4, 160));
        file.extend(measures(begun + 180, 3, 0));
        file.extend(measures(begun + 240, 3, 180));
    }
    file
}

#[test]
fn older_formats_are_read_over_a_restart() {
    let parsed = sa(&old(0x73));
    assert_eq!(parsed.all("kind"), ["sysstat.load", "sysstat.cpu", "sysstat.restart", "sysstat.load", "sysstat.cpu"]);
    assert_eq!(parsed.all("busy"), [json!(null), json!(7500), json!(null), json!(null), json!(2500)]);
    assert_eq!(parsed.all("processors"), [json!(2), json!(2), json!(null), json!(3), json!(3)]);
    assert_eq!(parsed.all("time")[1], "2024-03-01T00:01:58Z");
    assert_eq!((&parsed.events[1]["host"], &parsed.events[1]["load_1"]), (&json!("ferry"), &json!(179)));
    assert_eq!(parsed.issues.len(), 0);
    assert_eq!(sa(&old(0x71)).all("busy"), [json!(null), json!(7500)]);
}

proptest! {
    #[test]
    fn any_bytes_never_panic(
        changes in prop::collection::vec((0_usize..2000, any::<u8>()), 0..20), cut in 0_usize..2500, is_old: bool,
    ) {
        let mut bytes = old(if is_old { 0x71 } else { 0x73 });
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut);
        let _ = sa(&bytes);
        if let Some(format) = bytes.get_mut(2) {
            *format = 0x75;
        }
        let _ = sa(&bytes);
    }
}
