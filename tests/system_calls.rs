//! What the kernel is asked to do with a source: reading, and nothing else.

use kanshiki_testkit::{
    LoopAccess, LoopDevice, Need, Workplace, kanshiki_path, manifest, need, run, sample_image, sha256sum,
};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};

/// The system calls that may name the source or one of its descriptors.
const READING: &[&str] = &[
    "open",
    "openat",
    "close",
    "dup",
    "fcntl",
    "fadvise64",
    "stat",
    "lstat",
    "fstat",
    "newfstatat",
    "statx",
    "statfs",
    "fstatfs",
    "readlink",
    "readlinkat",
    "access",
    "faccessat2",
    "getxattr",
    "lseek",
    "read",
    "readv",
    "pread64",
    "preadv",
    "preadv2",
    "ioctl",
];

/// The requests that may go to the source: questions, and the one that forbids writing.
const REQUESTS: &[&str] = &["BLKGETDISKSEQ", "BLKGETSIZE64", "BLKPBSZGET", "BLKROGET", "BLKROSET", "BLKSSZGET"];

/// Flags of open(2) with which a file could be changed.
const CHANGING: &[&str] = &["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];

/// Runs an acquisition under strace; returns the lines of the trace that name the source.
#[track_caller]
fn traced(place: &Workplace, source: &Path, more: &[&str]) -> Vec<String> {
    let trace = place.path("trace");
    let mut strace = Command::new("strace");
    // Without the contents of buffers, so that only names and descriptors can name the source.
    strace.args(["-f", "-yy", "-s", "0", "-o"]).arg(&trace).arg(kanshiki_path());
    let _ = run(strace.args(place.acquire_command(source, more).get_args())).exits(0);
    let path = source.to_str().unwrap();
    let names = [format!("<{path}>"), format!("<{path}<"), format!("\"{path}\"")];
    let trace = String::from_utf8_lossy(&std::fs::read(trace).unwrap()).into_owned();
    trace.lines().filter(|line| names.iter().any(|name| line.contains(name))).map(str::to_owned).collect()
}

/// The name of the system call of a line such as `4711  openat(…` or `4711  <... openat resumed>…`.
fn call(line: &str) -> &str {
    let line = line.trim_start_matches(|character: char| character.is_ascii_digit() || character == ' ');
    let line = line.strip_prefix("<... ").unwrap_or(line);
    line.split(['(', ' ']).next().unwrap_or_default()
}

#[track_caller]
fn assert_only_reading(lines: &[String]) {
    for line in lines {
        assert!(READING.contains(&call(line)), "not a call that only reads: {line}");
        assert!(CHANGING.iter().all(|flag| !line.contains(flag)), "opened for changing: {line}");
        let asked = call(line) != "ioctl" || line.contains(" resumed>");
        // A call that another thread interrupts in the trace ends with `<unfinished ...>` in the place of a comma.
        let is = |request: &&str| line.contains(&format!(" {request},")) || line.contains(&format!(" {request} <"));
        assert!(asked || REQUESTS.iter().any(is), "{line}");
    }
    assert!(lines.iter().any(|line| call(line) == "pread64"), "the source was not read: {lines:#?}");
}

/// Sectors that were written to a disk since it is there: the seventh number of Documentation/block/stat.rst.
#[track_caller]
fn sectors_written(device: &Path) -> String {
    let stat = Path::new("/sys/block").join(device.file_name().unwrap()).join("stat");
    std::fs::read_to_string(stat).unwrap().split_whitespace().nth(6).unwrap().to_owned()
}

#[test]
fn a_file_is_opened_for_reading_only_and_nothing_else_is_done_to_it() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    for format in ["raw", "split", "zstd"] {
        let place = Workplace::new();
        let source = place.path("source");
        sample_image(&source, (3 << 20) + 777, 1);
        let before = sha256sum(&source);
        assert_only_reading(&traced(&place, &source, &["--format", format, "--twice"]));
        assert_eq!(sha256sum(&source), before);
    }
}

#[test]
fn every_part_of_a_split_source_is_opened_for_reading_only() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let place = Workplace::new();
    for name in ["disk.raw.001", "disk.raw.002"] {
        sample_image(&place.path(name), 2 << 20, 1);
    }
    let first = place.path("disk.raw.001");
    assert_only_reading(&traced(&place, &first, &["--no-verify"]));
    let trace = std::fs::read_to_string(place.path("trace")).unwrap();
    let second: Vec<String> = trace.lines().filter(|line| line.contains("/disk.raw.002")).map(str::to_owned).collect();
    assert_only_reading(&second);
}

#[test]
fn a_device_is_opened_for_reading_only_and_the_only_thing_set_is_its_protection() {
    if !need(&[Need::Root, Need::LoopDevices, Need::Tool("strace")]) {
        return;
    }
    for format in ["raw", "split", "zstd"] {
        let place = Workplace::new();
        let disk = place.path("disk");
        sample_image(&disk, (3 << 20) + 512, 1);
        let device = LoopDevice::attach(&disk, LoopAccess::ReadWrite, 512);
        let (digest, written) = (sha256sum(&disk), sectors_written(device.path()));
        let lines = traced(&place, device.path(), &["--format", format, "--twice"]);
        assert_only_reading(&lines);
        let set: Vec<&String> = lines.iter().filter(|line| line.contains("BLKROSET")).collect();
        assert!(set.len() == 2 && set[0].contains("[1]") && set[1].contains("[0]"), "{set:?}");
        assert_eq!((sha256sum(&disk), sectors_written(device.path())), (digest, written));
    }
}

#[test]
fn a_device_refuses_writes_while_it_is_copied_and_takes_them_again_afterwards() {
    if !need(&[Need::Root, Need::LoopDevices]) {
        return;
    }
    let place = Workplace::new();
    let disk = place.path("disk");
    sample_image(&disk, 24 << 20, 1);
    let device = LoopDevice::attach(&disk, LoopAccess::ReadWrite, 512);
    let flag = Path::new("/sys/block").join(device.path().file_name().unwrap()).join("ro");
    let read_only = || std::fs::read_to_string(&flag).unwrap().trim() == "1";
    assert!(!read_only());
    let mut command = place.acquire_command(device.path(), &["--quiet", "--twice"]);
    let mut running = command.stdin(Stdio::null()).spawn().unwrap();
    let mut was_read_only = false;
    let status = loop {
        was_read_only |= read_only();
        std::thread::sleep(std::time::Duration::from_millis(1));
        if let Some(status) = running.try_wait().unwrap() {
            break status;
        }
    };
    assert_eq!((status.code(), was_read_only, read_only()), (Some(0), true, false));
    let protection = &manifest(&place.exhibit())["source"]["protection"];
    let facts = ["read_only_before", "read_only_set", "read_only_after"].map(|name| protection[name]["value"].clone());
    assert_eq!(facts, [json!(false), json!(true), json!(false)]);
}
