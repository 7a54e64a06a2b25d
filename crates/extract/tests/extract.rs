//! Trees of every kind, copied out, with all that could go wrong.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test itself")]

mod common;

use common::Fake;
use kanshiki_extract::{Custody, ExtractError, Extraction, Heading, Options, Wanted, extract, names};
use kanshiki_filesystem::View;
use kanshiki_image::{Gaps, Memory, ReadAt, ReadError, RunState, Runs};
use kanshiki_model::{ByteRange, Clock, EvidencePath, Issue, Progress, Silent, Timestamp};
use kanshiki_testkit::{sha256sum, sha256sum_check, tempdir, write_file};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanoseconds(1_700_000_000_000_000_000)
    }
}

fn path(path: &str) -> Wanted {
    Wanted::Path(EvidencePath::from_bytes(path))
}

fn wanting(wanted: Vec<Wanted>) -> Options {
    Options { wanted, ..Options::default() }
}

fn run(view: &View, out: &Path, options: &Options) -> Result<Extraction, ExtractError> {
    extract(view, out, Heading::new(), options, &FixedClock, &Silent)
}

fn everything(fake: Fake, out: &Path) -> Extraction {
    run(&fake.view(), out, &wanting(vec![path("/")])).unwrap()
}

/// The records of the manifest.
fn manifest(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out.join("manifest.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The records of entries by path.
fn entries(out: &Path) -> BTreeMap<String, Value> {
    let records = manifest(out).into_iter().filter(|record| record["type"] == "entry");
    records.map(|record| (record["path"].as_str().unwrap().to_owned(), record)).collect()
}

/// Everything below a folder: paths with whether it is a plain file.
fn below(folder: &Path) -> Vec<(PathBuf, std::fs::Metadata)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let metadata = entry.path().symlink_metadata().unwrap();
        if metadata.is_dir() {
            found.extend(below(&entry.path()));
        }
        found.push((entry.path(), metadata));
    }
    found
}

#[test]
fn a_tree_comes_out_with_contents_digests_and_metadata() {
    let mut fake = Fake::new();
    fake.directory(11);
    fake.file(12, "root:x:0:0\n");
    fake.file(13, "");
    fake.name(2, b"etc", 11);
    fake.name(11, b"passwd", 12);
    fake.name(11, b"empty", 13);
    let place = tempdir();
    let out = place.path().join("out");
    let options = Options { extents: true, ..wanting(vec![path("/etc"), path("/etc/passwd")]) };
    let result = run(&fake.view(), &out, &options).unwrap();
    assert_eq!((result.files, result.directories, result.entries), (2, 1, 3));
    assert!(result.is_complete());
    assert_eq!(std::fs::read_to_string(out.join("files/etc/passwd")).unwrap(), "root:x:0:0\n");
    let _ = sha256sum_check(&out).exits(0);
    let passwd = &entries(&out)["/etc/passwd"];
    assert_eq!(passwd["sha256"], sha256sum(&out.join("files/etc/passwd")));
    assert_eq!(passwd["output"], "files/etc/passwd");
    assert_eq!(passwd["status"], "extracted");
    assert_eq!((&passwd["inode"], &passwd["generation"]), (&12.into(), &7.into()));
    assert_eq!((&passwd["mode"], &passwd["volume"]), (&0o104_755.into(), &"p1".into()));
    assert_eq!(passwd["modified"], "2023-11-14T22:13:20.000000005Z");
    assert_eq!(passwd["created"], Value::Null);
    assert_eq!(passwd["xattrs"][0]["value_hex"], "01fe");
    assert_eq!(passwd["extents"][0]["at"], 8192);
    let records = manifest(&out);
    assert_eq!((&records[0]["type"], &records[0]["kind"]), (&"begin".into(), &"kanshiki extraction".into()));
    let end = records.last().unwrap();
    assert_eq!((&end["type"], &end["complete"], &end["files"]), (&"end".into(), &true.into(), &2.into()));
}

#[test]
fn files_are_readable_by_their_owner_alone_and_nothing_can_be_run() {
    let mut fake = Fake::new();
    fake.file(12, "#!/bin/sh");
    fake.name(2, b"suid", 12);
    let place = tempdir();
    let out = place.path().join("out");
    let _ = everything(fake, &out);
    let mode = |name: &str| out.join(name).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("files/suid"), mode("files"), mode("")), (0o400, 0o700, 0o700));
    assert_eq!((mode("manifest.jsonl"), mode("SHA256SUMS")), (0o400, 0o400));
}

#[test]
fn links_devices_pipes_and_sockets_are_told_and_not_made() {
    let mut fake = Fake::new();
    for (inode, mode, name) in [
        (20, 0o120_777, "link"),
        (21, 0o020_600, "tty"),
        (22, 0o060_600, "sda"),
        (23, 0o010_600, "pipe"),
        (24, 0o140_755, "socket"),
    ] {
        fake.other(inode, mode);
        fake.name(2, name.as_bytes(), inode);
    }
    let place = tempdir();
    let out = place.path().join("out");
    let result = everything(fake, &out);
    assert_eq!((result.listed, result.files), (5, 0));
    assert!(result.is_complete());
    assert_eq!(std::fs::read_dir(out.join("files")).unwrap().count(), 0);
    let entries = entries(&out);
    assert_eq!(
        (&entries["/link"]["link_target"], &entries["/link"]["status"]),
        (&"/etc/passwd".into(), &"listed".into())
    );
    assert_eq!(entries["/sda"]["node_type"], "block-device");
}

#[test]
fn hostile_names_stay_inside_and_can_be_told_apart() {
    let hostile: [&[u8]; 12] = [
        b"../escape",
        b"..",
        b"",
        b"/absolute",
        b"a\0b",
        b"\x1b[2J\n",
        b"\xff",
        &[b'n'; 255],
        b"README",
        b"readme",
        b"README",
        b"%2E",
    ];
    let mut fake = Fake::new();
    for (index, name) in hostile.iter().enumerate() {
        let inode = 100 + index as u64;
        fake.file(inode, format!("{index}"));
        // The walk takes `..` for what it is in every directory.
        fake.name(2, name, inode);
    }
    let place = tempdir();
    let out = place.path().join("out");
    let result = everything(fake, &out);
    assert_eq!(result.files, 11);
    let _ = sha256sum_check(&out).exits(0);
    let mut originals: Vec<Vec<u8>> = below(&out.join("files"))
        .iter()
        .map(|(path, _)| names::original(path.file_name().unwrap().to_str().unwrap()).unwrap())
        .collect();
    let mut expected: Vec<Vec<u8>> = hostile.iter().filter(|name| **name != b"..").map(|name| name.to_vec()).collect();
    originals.sort();
    expected.sort();
    assert_eq!(originals, expected);
    let lower: std::collections::BTreeSet<String> =
        below(&out).iter().map(|(path, _)| path.to_str().unwrap().to_lowercase()).collect();
    assert_eq!(lower.len(), below(&out).len());
    assert!(!place.path().join("escape").exists());
}

#[test]
fn several_names_of_one_file_are_written_once() {
    let mut fake = Fake::new();
    fake.file(12, "once");
    fake.name(2, b"a", 12);
    fake.name(2, b"b", 12);
    let place = tempdir();
    let out = place.path().join("out");
    let result = everything(fake, &out);
    assert_eq!((result.files, result.listed, result.bytes), (1, 1, 4));
    let second = &entries(&out)["/b"];
    assert_eq!((&second["status"], &second["same_as"]), (&"same-file".into(), &"files/a".into()));
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_comes_out() {
    let mut fake = Fake::new();
    fake.unreadable(12);
    let gaps = std::iter::once(ByteRange::new(4096, 8192)).collect();
    fake.content(13, Arc::new(Gaps::new(Arc::new(Memory(vec![1; 10_000])), gaps)));
    fake.file(14, "good");
    fake.name(2, b"damaged", 12);
    fake.name(2, b"gap", 13);
    fake.name(2, b"good", 14);
    fake.name(2, b"gone", 999);
    let place = tempdir();
    let out = place.path().join("out");
    let result = everything(fake, &out);
    assert_eq!((result.files, result.partial, result.failed, result.issues), (1, 1, 2, 3));
    assert!(!result.is_complete());
    let entries = entries(&out);
    assert_eq!(entries["/damaged"]["status"], "failed");
    assert!(entries["/damaged"]["reason"].as_str().unwrap().contains("damaged extent header of inode 12, byte 8192"));
    assert_eq!(entries["/gap"]["unreadable"], serde_json::json!([{ "start": 4096, "end": 8192 }]));
    assert_eq!(entries["/gone"]["reason"], "no inode 999: they go from 1 to 14");
    let _ = sha256sum_check(&out).exits(0);
}

/// A hole with a few bytes at its end.
#[derive(Debug)]
struct Sparse(u64);

impl ReadAt for Sparse {
    fn len(&self) -> u64 {
        self.0
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let size = buf.len().min((self.0 - offset) as usize);
        buf[..size].fill(7);
        Ok(size)
    }
    fn runs(&self) -> Runs<'_> {
        let split = self.0 - 100;
        Box::new(
            [(ByteRange::new(0, split), RunState::Hole), (ByteRange::new(split, self.0), RunState::Data)].into_iter(),
        )
    }
}

#[test]
fn a_sparse_file_of_10_tib_takes_neither_room_nor_hours() {
    let mut fake = Fake::new();
    fake.content(12, Arc::new(Sparse(10 << 40)));
    fake.name(2, b"sparse", 12);
    let place = tempdir();
    let out = place.path().join("out");
    let begun = std::time::Instant::now();
    let result = everything(fake, &out);
    assert!(begun.elapsed().as_secs() < 10);
    let metadata = out.join("files/sparse").metadata().unwrap();
    assert_eq!(metadata.len(), 10 << 40);
    assert!(metadata.blocks() < 100);
    assert_eq!((result.partial, result.bytes), (1, 100));
    assert_eq!(entries(&out)["/sparse"]["reason"], "its holes are too large to be hashed; the content is whole");
    let _ = sha256sum_check(&out).exits(0);
}

#[test]
fn what_goes_over_the_limit_is_left_out_and_told() {
    let mut fake = Fake::new();
    for (inode, name) in [(12, "a"), (13, "b"), (14, "c")] {
        fake.file(inode, vec![1; if inode == 13 { 900 } else { 400 }]);
        fake.name(2, name.as_bytes(), inode);
    }
    let place = tempdir();
    let out = place.path().join("out");
    let options = Options { max_bytes: Some(1000), ..wanting(vec![path("/")]) };
    let result = run(&fake.view(), &out, &options).unwrap();
    assert_eq!((result.files, result.failed, result.bytes), (2, 1, 800));
    assert_eq!(entries(&out)["/b"]["status"], "too-large");
    assert!(!out.join("files/b").exists());
}

#[test]
fn deep_trees_come_out_whole_with_paths_that_programs_can_open() {
    let mut fake = Fake::new();
    let mut parent = 2;
    for inode in 100..700 {
        fake.directory(inode);
        fake.name(parent, &[b'd'; 200], inode);
        fake.file(inode + 1000, format!("{inode}"));
        fake.name(inode, b"f", inode + 1000);
        parent = inode;
    }
    let place = tempdir();
    let out = place.path().join("out");
    let result = everything(fake, &out);
    assert_eq!((result.files, result.directories), (600, 601));
    let _ = sha256sum_check(&out).exits(0);
    assert!(below(&out).iter().all(|(path, _)| path.strip_prefix(&out).unwrap().as_os_str().len() < 2300));
}

#[test]
fn deleted_inodes_come_out_by_their_number() {
    let mut fake = Fake::new();
    fake.file(12, "deleted");
    fake.delete(12);
    let place = tempdir();
    let out = place.path().join("out");
    let result = run(&fake.view(), &out, &wanting(vec![Wanted::Inode { volume: 0, inode: 12 }])).unwrap();
    assert_eq!(result.files, 1);
    assert_eq!(std::fs::read_to_string(out.join("inodes/p1-inode-12")).unwrap(), "deleted");
    assert_eq!(entries(&out)["/$inode-12"]["state"], "deleted");
}

#[test]
fn nothing_is_written_when_something_asked_for_is_not_there_or_the_folder_is_not_empty() {
    let place = tempdir();
    let out = place.path().join("out");
    let missing = run(&Fake::new().view(), &out, &wanting(vec![path("/no/such")])).unwrap_err();
    assert_eq!(missing.to_string(), "`/no` does not exist");
    assert!(run(&Fake::new().view(), &out, &wanting(vec![Wanted::Inode { volume: 0, inode: 99 }])).is_err());
    assert!(!out.exists());
    std::fs::create_dir(&out).unwrap();
    write_file(&out.join("x"), "");
    assert!(matches!(run(&Fake::new().view(), &out, &wanting(vec![path("/")])), Err(ExtractError::NotEmpty { .. })));
}

/// Asks to stop after so many questions.
#[derive(Debug)]
struct StopAfter(AtomicU64);

impl Progress for StopAfter {
    fn begin(&self, _task: &str, _total_bytes: Option<u64>) {}
    fn advance(&self, _bytes: u64) {}
    fn unreadable(&self, _bytes: u64) {}
    fn issue(&self, _issue: &Issue) {}
    fn stop_requested(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

#[test]
fn an_interrupted_extraction_says_so_and_leaves_whole_files_alone() {
    for questions in 1..12 {
        let mut fake = Fake::new();
        for inode in 12..15 {
            fake.file(inode, vec![1; 3 << 20]);
            fake.name(2, format!("{inode}").as_bytes(), inode);
        }
        let place = tempdir();
        let out = place.path().join("out");
        let stop = StopAfter(AtomicU64::new(questions));
        let options = wanting(vec![path("/")]);
        let result = extract(&fake.view(), &out, Heading::new(), &options, &FixedClock, &stop).unwrap();
        assert!(result.interrupted);
        let end = manifest(&out).pop().unwrap();
        assert_eq!((&end["complete"], &end["reason"]), (&false.into(), &"interrupted".into()));
        let _ = sha256sum_check(&out).exits(0);
        let files = below(&out).into_iter().filter(|(path, _)| path.starts_with(out.join("files")));
        for (path, metadata) in files.filter(|(_, metadata)| metadata.is_file()) {
            assert_eq!(metadata.len(), 3 << 20, "{}", path.display());
        }
    }
}

#[test]
fn the_custody_log_names_the_manifest() {
    let place = tempdir();
    let (case, out) = (place.path().join("case"), place.path().join("out"));
    let _ = kanshiki_custody::Case::create_or_open(&case, &FixedClock).unwrap();
    let custody = Custody {
        case: case.clone(),
        who: "A. Mori".to_owned(),
        tool: "kanshiki".to_owned(),
        from: "disk.raw".to_owned(),
        to: None,
    };
    let mut options = wanting(vec![path("/")]);
    options.custody = Some(custody);
    let result = run(&Fake::new().view(), &out, &options).unwrap();
    let entry: Value = serde_json::from_slice(&std::fs::read(case.join("custody/00000000.json")).unwrap()).unwrap();
    assert_eq!((&entry["act"], &entry["who"]), (&"copied".into(), &"A. Mori".into()));
    // The first act of a case names the files of the case too.
    let subjects = entry["subjects"].as_array().unwrap();
    assert_eq!(
        (subjects.len(), &subjects[0]["name"], &subjects[1]["name"]),
        (3, &"case.json".into(), &"verify.sh".into())
    );
    assert_eq!(subjects[2]["sha256"], sha256sum(&out.join("manifest.jsonl")));
    assert_eq!(result.custody_entry, Some(0));
    let inside = run(&Fake::new().view(), &case.join("out"), &options).unwrap_err();
    assert!(matches!(inside, ExtractError::InsideCase { .. }));
}

#[test]
fn two_runs_over_one_tree_give_the_same_files_and_the_same_manifest() {
    let make = |out: &Path| {
        let mut fake = Fake::new();
        for inode in 12..40 {
            fake.file(inode, format!("{inode}"));
            fake.name(2, [b"a", b"A"][inode as usize % 2], inode);
        }
        everything(fake, out)
    };
    let place = tempdir();
    let (first, second) = (place.path().join("1"), place.path().join("2"));
    assert_eq!(make(&first).manifest_sha256, make(&second).manifest_sha256);
    assert_eq!(sha256sum(&first.join("SHA256SUMS")), sha256sum(&second.join("SHA256SUMS")));
}

/// A name as a hostile disk may hold it.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let parts = prop_oneof![
        Just(b"..".to_vec()),
        Just(b"/".to_vec()),
        Just(b"\0".to_vec()),
        Just(b"%".to_vec()),
        Just(b"~".to_vec()),
        Just(b"a".to_vec()),
        Just(b"A".to_vec()),
        Just(b"manifest.jsonl".to_vec()),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(parts, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_names_are_every_output_stays_inside_and_is_a_plain_file_or_folder(
        entries in prop::collection::vec((name(), 0_u64..20, any::<bool>()), 0..40),
    ) {
        let place = tempdir();
        let out = place.path().join("a/out");
        std::fs::create_dir(place.path().join("a")).unwrap();
        let mut fake = Fake::new();
        let mut directories = vec![2];
        for (index, (name, parent, is_directory)) in entries.iter().enumerate() {
            let inode = 100 + index as u64;
            let parent = directories[*parent as usize % directories.len()];
            if *is_directory { fake.directory(inode) } else { fake.file(inode, name.clone()) }
            fake.name(parent, name, inode);
            if *is_directory { directories.push(inode) }
        }
        let result = run(&fake.view(), &out, &wanting(vec![path("/")])).unwrap();
        prop_assert!(result.is_complete());
        let found = below(place.path());
        let files = found.iter().filter(|(_, metadata)| metadata.is_file()).count() as u64;
        prop_assert_eq!(files, result.files + 2);
        for (path, metadata) in &found {
            prop_assert!(path.starts_with(&out) || out.starts_with(path));
            prop_assert!(metadata.is_dir() || metadata.is_file());
            prop_assert!(metadata.is_dir() || metadata.nlink() == 1);
        }
        let _ = sha256sum_check(&out).exits(0);
    }
}
