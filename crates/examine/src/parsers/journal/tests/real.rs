//! Journals made by systemd-journal-remote, compared with what journalctl says of them.

use super::*;
use kanshiki_testkit::{Need, need, noise, run, tempdir, tool, write_file};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const NEEDS: &[Need] =
    &[Need::Tool("systemd-journal-remote"), Need::Tool("journalctl"), Need::Tool("xz"), Need::Tool("lz4")];

/// Entries in the export format (<https://systemd.io/JOURNAL_EXPORT_FORMATS>).
fn export(entries: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for number in 0..entries {
        let message =
            format!("Failed password for invalid user u{number} from 192.0.2.{} port {number} ssh2", number % 250);
        let long = format!("{}{number}{}", "x".repeat(3000), "abc".repeat(200));
        let boot = format!("{:032x}", 1 + number / 500);
        let time = (1_709_247_600_000_000 + number * 1_234_567).to_string();
        let pid = (100 + number % 50).to_string();
        let monotonic = (number * 1000).to_string();
        let mut add = |name: &str, value: &[u8]| {
            out.extend_from_slice(name.as_bytes());
            let is_text = value.iter().all(|byte| (b' '..0x7f).contains(byte));
            if is_text {
                out.push(b'=');
            } else {
                out.push(b'\n');
                out.extend_from_slice(&(value.len() as u64).to_le_bytes());
            }
            out.extend_from_slice(value);
            out.push(b'\n');
        };
        for (name, value) in [
            ("__REALTIME_TIMESTAMP", time.as_str()),
            ("__MONOTONIC_TIMESTAMP", &monotonic),
            ("_BOOT_ID", &boot),
            ("_HOSTNAME", "ferry"),
            ("_TRANSPORT", "syslog"),
            ("PRIORITY", "6"),
            ("SYSLOG_IDENTIFIER", "sshd"),
            ("_PID", &pid),
            ("_COMM", "sshd"),
            ("_SYSTEMD_UNIT", "ssh.service"),
            ("MESSAGE", &message),
        ] {
            add(name, value.as_bytes());
        }
        if number % 40 == 0 {
            add("LONG", long.as_bytes());
        }
        if number % 50 == 1 {
            // Bytes that do not get shorter, and some that are no text.
            add("NOISE", &noise(number, 700));
        }
        if number % 11 == 2 {
            add("SEVERAL", b"one");
            add("SEVERAL", b"two\nlines\0\xff");
            add("EMPTY", b"");
        }
        out.push(b'\n');
    }
    out
}

/// A journal as systemd makes it of these entries.
fn journal_of(export: &[u8], flags: &[&str], keyed: bool, compact: bool) -> Vec<u8> {
    let place = tempdir();
    let (input, file) = (place.path().join("input"), place.path().join("made.journal"));
    write_file(&input, export);
    let flag = |is_set: bool| if is_set { "1" } else { "0" };
    let made = tool("systemd-journal-remote")
        .args(flags)
        .arg("-o")
        .arg(&file)
        .arg(&input)
        .env("SYSTEMD_JOURNAL_KEYED_HASH", flag(keyed))
        .env("SYSTEMD_JOURNAL_COMPACT", flag(compact))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    std::fs::read(&file).unwrap()
}

/// What journalctl says: for each entry its cursor's parts that we know, the times, and all fields with their values.
fn by_journalctl(bytes: &[u8], place: &Path) -> Vec<Whole> {
    let file = place.join("asked.journal");
    write_file(&file, bytes);
    let text = run(tool("journalctl").args(["-o", "json", "--all", "--file"]).arg(&file)).exits(0).stdout;
    text.lines().map(|line| of_json(&serde_json::from_str(line).unwrap())).collect()
}

fn of_json(entry: &serde_json::Value) -> Whole {
    let number = |name: &str| entry[name].as_str().unwrap().parse().unwrap();
    let part = |begin: &str| {
        let mut parts = entry["__CURSOR"].as_str().unwrap().split(';');
        parts.find_map(|part| part.strip_prefix(begin)).unwrap().to_owned()
    };
    let mut fields = Vec::new();
    for (name, value) in entry.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with("__")) {
        let values = match value {
            serde_json::Value::Array(values) if !values.iter().all(serde_json::Value::is_number) => values.clone(),
            value => vec![value.clone()],
        };
        for value in values {
            let value = match value {
                serde_json::Value::Array(bytes) => bytes.iter().map(|byte| byte.as_u64().unwrap() as u8).collect(),
                value => value.as_str().unwrap().as_bytes().to_vec(),
            };
            fields.push([name.as_bytes(), b"=", &value].concat());
        }
    }
    fields.sort();
    Whole {
        seqnum: u64::from_str_radix(&part("i="), 16).unwrap(),
        times: (number("__REALTIME_TIMESTAMP"), number("__MONOTONIC_TIMESTAMP")),
        boot: part("b="),
        ranges: Vec::new(),
        fields,
        is_linked: Some(true),
    }
}

/// Compresses with a program.
fn packed(program: &[&str], content: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new(program[0]).args(&program[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(content).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// The block of a frame of LZ4 that has one, with the length before it as systemd writes it (LZ4 Frame Format 1.6).
fn lz4(content: &[u8]) -> Vec<u8> {
    let frame = packed(&["lz4", "-c", "--no-frame-crc", "--no-content-size"], content);
    let length = u32::from_le_bytes(*frame[7..].first_chunk().unwrap());
    let block = &frame[11..11 + (length & 0x7fff_ffff) as usize];
    assert_eq!(length >> 31, 0, "stored without compression");
    [&(content.len() as u64).to_le_bytes(), block].concat()
}

/// Compresses the longer DATA objects of a journal in which nothing is compressed, as systemd of the years before Zstandard
/// did; what is left over becomes an array of no entries.
fn recompressed(bytes: &[u8], bit: u8, pack: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let start = if bytes[12] & 16 != 0 { 72 } else { 64 };
    let mut at = 272_usize.min(u64::from_le_bytes(*bytes[88..].first_chunk().unwrap()) as usize);
    while at + 16 <= bytes.len() && bytes[at] != 0 {
        let size = u64::from_le_bytes(*bytes[at + 8..].first_chunk().unwrap()) as usize;
        let end = (at + size).next_multiple_of(8);
        if bytes[at] == 1 && size > 2000 {
            let stored = pack(&bytes[at + start..at + size]);
            let middle = (at + start + stored.len()).next_multiple_of(8);
            assert!(middle + 24 <= end);
            bytes[at + 1] = bit;
            bytes[at + 8..at + 16].copy_from_slice(&((start + stored.len()) as u64).to_le_bytes());
            bytes[at + start..end].fill(0);
            bytes[at + start..at + start + stored.len()].copy_from_slice(&stored);
            bytes[middle] = 6;
            bytes[middle + 8..middle + 16].copy_from_slice(&((end - middle) as u64).to_le_bytes());
        }
        at = end;
    }
    bytes[12] |= bit;
    bytes
}

fn expect_same(bytes: &[u8], place: &Path) -> Vec<Whole> {
    let expected = by_journalctl(bytes, place);
    let found = collect(bytes);
    assert_eq!(found.issues, []);
    assert_eq!(found.entries.len(), expected.len());
    for (found, expected) in found.entries.iter().zip(&expected) {
        assert_eq!(&Whole { ranges: Vec::new(), ..found.clone() }, expected);
    }
    found.entries
}

#[test]
fn every_field_of_every_entry_is_that_of_journalctl() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let export = export(1500);
    for (compact, keyed) in FORMS {
        for flags in [&[][..], &["--compress=no"]] {
            let bytes = journal_of(&export, flags, keyed, compact);
            assert_eq!(u32::from(bytes[12]) & 20, u32::from(compact) * 16 + u32::from(keyed) * 4);
            assert_eq!(expect_same(&bytes, place.path()).len(), 1500);
            if !flags.is_empty() {
                let xz = |content: &[u8]| packed(&["xz", "-c", "--check=none"], content);
                assert_eq!(expect_same(&recompressed(&bytes, 1, &xz), place.path()).len(), 1500);
                assert_eq!(expect_same(&recompressed(&bytes, 2, &lz4), place.path()).len(), 1500);
            }
        }
    }
}

#[test]
fn every_entry_that_is_untouched_is_found_in_damaged_and_truncated_copies() {
    if !need(NEEDS) {
        return;
    }
    let export = export(600);
    for (compact, keyed) in FORMS {
        let bytes = journal_of(&export, &[], keyed, compact);
        let whole = collect(&bytes).entries;
        let end = whole.iter().flat_map(|entry| &entry.ranges).map(|range| range.end).max().unwrap();
        let mut random = noise(u64::from(compact) * 2 + u64::from(keyed), 40 * 8).into_iter();
        let mut next = |below: u64| {
            let bytes: Vec<u8> = random.by_ref().take(4).collect();
            u64::from(u32::from_le_bytes(*bytes.first_chunk().unwrap())) % below
        };
        for round in 0..20_u64 {
            let start = 272 + next(end - 272);
            let range = ByteRange::new(start, (start + 1 + next(if round % 2 == 0 { 64 } else { 20_000 })).min(end));
            let mut damaged = bytes.clone();
            let place = &mut damaged[range.start as usize..range.end as usize];
            let length = place.len();
            if round % 3 == 0 {
                place.fill(0)
            } else {
                place.copy_from_slice(&noise(round, length))
            }
            let untouched = |other: &ByteRange| other.intersect(range).is_empty();
            expect_untouched(&whole, &collect(&damaged), &untouched);
            let found = collect(&bytes[..start as usize]);
            expect_untouched(&whole, &found, &|other| other.end <= start);
        }
    }
}
