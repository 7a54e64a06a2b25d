//! Disks on which some sectors cannot be read.
#![expect(clippy::single_range_in_vec_init, reason = "a list of bad places may hold one")]

use kanshiki_testkit::{
    BadDevice, Exhibit, LoopAccess, LoopDevice, Need, Running, TempDir, Workplace, ddrescuelog_bad_bytes, kanshiki,
    manifest, need, noise, restored, run, sample_image, sha256sum, sha256sum_check, tempdir, wait_until, write_file,
};
use serde_json::{Value, json};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;
const SECTOR: u64 = 512;

/// Six MiB and an odd number of sectors.
const DISK_BYTES: u64 = 6 * MIB + 3 * SECTOR;

const FORMATS: [&[&str]; 3] =
    [&["--format", "raw"], &["--format", "split", "--split-size", "2500K"], &["--format", "zstd"]];

/// The medium as it was before it went bad, and the places that are bad.
struct Disk {
    folder: TempDir,
    healthy: PathBuf,
    bad: Vec<Range<u64>>,
}

impl Disk {
    fn new(bytes: u64, bad: &[Range<u64>]) -> Self {
        let folder = tempdir();
        let healthy = folder.path().join("healthy");
        sample_image(&healthy, bytes, 11);
        Self { folder, healthy, bad: bad.to_vec() }
    }

    fn device(&self) -> BadDevice {
        BadDevice::new(&self.healthy, 512, &self.bad)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn exhibit(&self, case: &str) -> Exhibit {
        Exhibit::new(&self.path(case), "E1")
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.healthy).unwrap()
    }

    /// What the image must be: the medium, with zeroes in the bad places.
    fn zero_filled(&self) -> Vec<u8> {
        let mut bytes = self.bytes();
        self.bad.iter().for_each(|bad| bytes[indices(bad)].fill(0));
        bytes
    }

    /// SHA-256 of the bytes that can be read, one after the other.
    fn sha256_of_the_readable(&self) -> String {
        let bytes = self.bytes();
        let (mut readable, mut done) = (Vec::new(), 0);
        for bad in &self.bad {
            readable.extend_from_slice(&bytes[indices(&(done..bad.start))]);
            done = bad.end;
        }
        readable.extend_from_slice(&bytes[usize::try_from(done).unwrap()..]);
        self.sha256(&readable)
    }

    fn sha256(&self, bytes: &[u8]) -> String {
        let file = self.path("hashed");
        write_file(&file, bytes);
        sha256sum(&file)
    }

    /// Compares all that the exhibit says of the bad places with what they are.
    #[track_caller]
    fn check(&self, exhibit: &Exhibit) {
        let image = exhibit.image();
        assert_eq!(image.len(), self.bytes().len());
        let expected = self.zero_filled();
        let differing = image.iter().zip(&expected).position(|(found, expected)| found != expected);
        assert_eq!(differing, None, "the first byte that differs");

        let manifest = exhibit.manifest();
        let listed: Vec<Value> = self.bad.iter().map(|bad| json!({"start": bad.start, "end": bad.end})).collect();
        assert_eq!(manifest["image"]["unreadable"], Value::from(listed));
        assert_eq!(manifest["image"]["digests"]["sha256"], self.sha256(&image).as_str());
        assert_eq!(manifest["image"]["readable_digests"]["sha256"], self.sha256_of_the_readable().as_str());

        let map = exhibit.file("image.map");
        let _ = run(Command::new("ddrescuelog").arg("--show-status").arg(&map)).exits(0);
        assert_eq!(ddrescuelog_bad_bytes(&map, SECTOR), self.bad);

        let _ = sha256sum_check(&exhibit.folder()).exits(0);
        let _ = kanshiki([Path::new("verify"), &exhibit.folder()]).exits(0);
    }
}

fn indices(range: &Range<u64>) -> Range<usize> {
    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
}

fn have_the_tools() -> bool {
    let tools = [Need::Tool("ddrescue"), Need::Tool("ddrescuelog"), Need::Tool("zstd")];
    need(&[BadDevice::NEEDS, &tools].concat())
}

/// One sector from each of so many places, apart from each other.
fn scattered(seed: u64, count: usize) -> Vec<Range<u64>> {
    let sectors = DISK_BYTES / SECTOR;
    let mut numbers: Vec<u64> = noise(seed, count * 8)
        .chunks_exact(8)
        .map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()) % sectors / 2 * 2)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.iter().map(|number| number * SECTOR..(number + 1) * SECTOR).collect()
}

#[track_caller]
fn acquired_with_bad(bad: &[Range<u64>], formats: &[&[&str]]) {
    let disk = Disk::new(DISK_BYTES, bad);
    let device = disk.device();
    for (number, format) in formats.iter().enumerate() {
        let exhibit = disk.exhibit(&format!("case{number}"));
        let ran = run(exhibit.acquire(device.path()).args(*format)).exits(3);
        let bytes: u64 = bad.iter().map(|bad| bad.end - bad.start).sum();
        let said = format!("{bytes} bytes in {} places could not be read", bad.len());
        assert!(ran.stdout.contains(&said), "{}", ran.stdout);
        disk.check(&exhibit);
    }
}

#[test]
fn a_single_bad_sector_costs_that_sector_alone_in_every_format() {
    if have_the_tools() {
        acquired_with_bad(&[3 * MIB + 7 * SECTOR..3 * MIB + 8 * SECTOR], &FORMATS);
    }
}

#[test]
fn a_long_bad_run_over_the_border_of_two_chunks_is_listed_exactly() {
    if have_the_tools() {
        acquired_with_bad(&[2 * MIB - 20_480..2 * MIB + 45_056], &FORMATS[..1]);
    }
}

#[test]
fn the_first_and_the_last_sectors_of_a_disk_are_listed_like_all_others() {
    if have_the_tools() {
        acquired_with_bad(&[0..SECTOR, DISK_BYTES - 2 * SECTOR..DISK_BYTES], &FORMATS);
    }
}

#[test]
fn bad_sectors_next_to_the_borders_of_chunks_take_no_neighbour_with_them() {
    if have_the_tools() {
        let bad = [MIB - SECTOR..MIB, 2 * MIB..2 * MIB + SECTOR, 4 * MIB - SECTOR..4 * MIB + SECTOR];
        acquired_with_bad(&bad, &FORMATS[..1]);
    }
}

#[test]
fn bad_sectors_all_over_the_disk_are_listed_one_by_one() {
    if have_the_tools() {
        let seed = u64::from(std::process::id());
        println!("seed {seed}");
        acquired_with_bad(&scattered(seed, 25), &FORMATS[..1]);
    }
}

#[test]
fn a_disk_on_which_nothing_can_be_read_ends_in_an_image_of_zeroes() {
    if !have_the_tools() {
        return;
    }
    let disk = Disk::new(MIB + SECTOR, &[0..MIB + SECTOR]);
    let device = disk.device();
    let exhibit = disk.exhibit("case");
    let begun = Instant::now();
    let _ = run(exhibit.acquire(device.path()).args(["--retries", "0"])).exits(3);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    disk.check(&exhibit);
}

#[test]
fn a_bad_place_costs_the_whole_sector_of_4096_bytes_and_no_more() {
    if !have_the_tools() {
        return;
    }
    let mut disk = Disk::new(2 * MIB + 3 * 4096, &[MIB + 512..MIB + 1024]);
    let device = BadDevice::new(&disk.healthy, 4096, &disk.bad);
    disk.bad = vec![MIB..MIB + 4096];
    let exhibit = disk.exhibit("case");
    let _ = run(&mut exhibit.acquire(device.path())).exits(3);
    disk.check(&exhibit);
}

#[test]
fn ddrescue_goes_on_from_the_map_and_reads_only_what_is_missing() {
    if !have_the_tools() {
        return;
    }
    let disk = Disk::new(DISK_BYTES, &[5 * SECTOR..6 * SECTOR, MIB - SECTOR..MIB + 9 * SECTOR]);
    let device = disk.device();
    let exhibit = disk.exhibit("case");
    let _ = run(&mut exhibit.acquire(device.path())).exits(3);
    let (image, map, reads) = (disk.path("image"), disk.path("map"), disk.path("reads"));
    write_file(&image, std::fs::read(exhibit.file("image.raw")).unwrap());
    write_file(&map, std::fs::read(exhibit.file("image.map")).unwrap());

    // A better drive gives the sectors at last: here the healthy copy of the medium.
    let mut log = std::ffi::OsString::from("--log-reads=");
    log.push(&reads);
    let ran = run(Command::new("ddrescue").args(["--quiet", "--retry-passes=1"]).arg(log).args([
        &disk.healthy,
        &image,
        &map,
    ]));

    let _ = ran.exits(0);
    assert_eq!(sha256sum(&image), sha256sum(&disk.healthy));
    assert_eq!(ddrescuelog_bad_bytes(&map, SECTOR), []);
    let log = std::fs::read_to_string(&reads).unwrap();
    let read: u64 = log.lines().filter_map(bytes_read).sum();
    assert_eq!(read, 11 * SECTOR, "{log}");
}

/// The size in a line `POSITION SIZE COPIED ERROR` of ddrescue's log of reads.
fn bytes_read(line: &str) -> Option<u64> {
    let mut fields = line.split_whitespace().filter_map(|field| field.strip_prefix("0x").or(Some(field)));
    let _position = u64::from_str_radix(fields.next()?, 16).ok()?;
    fields.next()?.parse().ok()
}

#[test]
fn two_destinations_get_the_same_exhibit_of_a_bad_disk() {
    if !have_the_tools() {
        return;
    }
    let disk = Disk::new(DISK_BYTES, &[4 * MIB + SECTOR..4 * MIB + 3 * SECTOR, DISK_BYTES - SECTOR..DISK_BYTES]);
    let device = disk.device();
    let (first, second) = (disk.exhibit("first"), disk.exhibit("second"));
    let _ = run(first.acquire(device.path()).args(["--format", "zstd", "--also"]).arg(second.case())).exits(3);
    disk.check(&first);
    disk.check(&second);
    assert_eq!(sha256sum(&first.file("image.raw.zst")), sha256sum(&second.file("image.raw.zst")));
}

/// Fails reads that touch the range, and notes each failed one as `OFFSET COUNT` in the file.
fn failing(range: &Range<u64>, note: &Path, more: &str) -> String {
    format!(
        "if [ $offset -lt {} ] && [ $end -gt {} ]; then\n{more}\necho $offset $count >> {}\nfail\nfi",
        range.end,
        range.start,
        note.display()
    )
}

#[test]
fn a_sector_that_is_read_at_a_later_try_is_in_the_image() {
    if !have_the_tools() {
        return;
    }
    let disk = Disk::new(2 * MIB, &[MIB + 8 * SECTOR..MIB + 10 * SECTOR]);
    let tries = disk.path("tries");
    // Each of the two sectors is tried alone once after all larger pieces, then three times more.
    let heal = format!(
        "[ $(grep -c ' 512$' {}) -ge 7 ] && exec dd if={} bs=512 skip=$((offset / 512)) count=1 status=none",
        tries.display(),
        disk.healthy.display()
    );
    write_file(&tries, "");
    let device = BadDevice::scripted(&disk.healthy, 512, &failing(&disk.bad[0], &tries, &heal));
    let exhibit = disk.exhibit("case");

    let _ = run(exhibit.acquire(device.path()).args(["--retries", "5"])).exits(0);

    assert_eq!(sha256sum(&exhibit.file("image.raw")), sha256sum(&disk.healthy));
    let manifest = exhibit.manifest();
    assert_eq!(manifest["image"]["unreadable"], json!([]));
    assert_eq!(manifest["image"]["readable_digests"], Value::Null);
    assert_eq!(std::fs::read_to_string(&tries).unwrap().lines().filter(|line| line.ends_with(" 512")).count(), 7);
}

#[test]
fn an_acquisition_ended_while_it_recovers_is_resumed_to_the_same_exhibit() {
    if !have_the_tools() {
        return;
    }
    let disk = Disk::new(3 * MIB, &[2 * MIB - 4 * SECTOR..2 * MIB + 4 * SECTOR]);
    let tries = disk.path("tries");
    let device = BadDevice::scripted(&disk.healthy, 512, &failing(&disk.bad[0], &tries, "sleep 0.02"));
    let undisturbed = disk.exhibit("undisturbed");
    let _ = run(undisturbed.acquire(device.path()).args(["--format", "zstd"])).exits(3);

    for (signal, code) in [("-KILL", 128 + 9), ("-INT", 130)] {
        let exhibit = disk.exhibit(signal);
        write_file(&tries, "");
        let running = Running::start(exhibit.acquire(device.path()).args(["--format", "zstd"]));
        // Single sectors are tried when all larger pieces have been.
        wait_until("a single sector is tried", || std::fs::read_to_string(&tries).unwrap().contains(" 512\n"));
        running.signal(signal);
        let _ = running.wait().exits(code);
        assert!(!exhibit.folder().exists());

        let _ = run(exhibit.acquire(device.path()).args(["--format", "zstd", "--resume"])).exits(3);

        disk.check(&exhibit);
        for name in ["image.raw.zst", "image.leaves", "image.map"] {
            assert_eq!(sha256sum(&exhibit.file(name)), sha256sum(&undisturbed.file(name)), "{name} after {signal}");
        }
        assert_eq!(exhibit.manifest()["image"], undisturbed.manifest()["image"]);
        assert_eq!(exhibit.manifest()["run"]["sessions"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn the_end_of_a_disk_that_is_no_whole_sector_is_read_or_listed_and_the_rest_is_copied() {
    if !need(&[Need::Root, Need::LoopDevices]) {
        return;
    }
    let place = Workplace::new();
    for (whole, rest) in [(20 * MIB, 512), (3 * MIB + 4096, 3584), (4096, 512)] {
        let source = place.path("disk");
        let bytes = noise(5, usize::try_from(whole + rest).unwrap());
        write_file(&source, &bytes);
        let disk = LoopDevice::attach(&source, LoopAccess::ReadOnly, 4096);
        let ran = place.acquire(disk.path(), &[]);
        assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
        let manifest = manifest(&place.exhibit());
        let image = restored(&place.exhibit());
        assert_eq!(image.len(), bytes.len());
        assert!(image[..usize::try_from(whole).unwrap()] == bytes[..usize::try_from(whole).unwrap()]);
        assert!(manifest["issues"].to_string().contains("are no whole sector"), "{}", manifest["issues"]);
        if ran.code == 3 {
            assert_eq!(manifest["image"]["unreadable"], json!([{"start": whole, "end": whole + rest}]));
        } else {
            assert!(image == bytes);
        }
        let _ = place.verify(&["--read-only"]).exits(0);
        std::fs::remove_dir_all(place.case()).unwrap();
    }
}

#[test]
fn what_an_exhibit_could_not_read_stays_unreadable_when_its_image_is_copied() {
    if !need(BadDevice::NEEDS) {
        return;
    }
    let place = Workplace::new();
    let source = place.path("disk");
    write_file(&source, noise(5, usize::try_from(6 * MIB).unwrap()));
    let bad = [65_536..66_048, 3 * MIB..3 * MIB + 2048];
    let disk = BadDevice::new(&source, 512, &bad);
    for (format, first) in [("raw", "image.raw"), ("split", "image.raw.001"), ("zstd", "image.raw.zst")] {
        let mut more = vec!["--format", format];
        more.extend(["--split-size", "2500K"].iter().filter(|_| format == "split"));
        let _ = place.acquire(disk.path(), &more).exits(3);
        let copy = Workplace::new();
        let ran = copy.acquire(place.exhibit().join(first), &["--quiet"]).exits(3);
        assert!(ran.stderr.contains("could not be read"), "{}", ran.stderr);
        let (before, now) = (manifest(&place.exhibit()), manifest(&copy.exhibit()));
        let issues = now["issues"].to_string();
        if format == "zstd" {
            assert!(issues.contains("it is the compressed image of exhibit E1"), "{issues}");
        } else {
            assert_eq!(now["image"]["unreadable"], before["image"]["unreadable"]);
            assert_eq!(now["image"]["digests"], before["image"]["digests"]);
            assert_eq!(now["image"]["readable_digests"], before["image"]["readable_digests"]);
            assert!(issues.contains("says the manifest beside it"), "{issues}");
        }
        std::fs::remove_dir_all(place.case()).unwrap();
    }
}

#[test]
fn an_image_whose_record_cannot_be_read_or_tells_of_another_length_is_copied_with_a_reservation() {
    let place = Workplace::new();
    let source = place.path("disk");
    write_file(&source, noise(5, usize::try_from(2 * MIB).unwrap()));
    let _ = place.acquire(&source, &[]).exits(0);
    let folder = place.path("copied");
    std::fs::create_dir(&folder).unwrap();
    for name in ["image.raw", "manifest.json"] {
        write_file(&folder.join(name), std::fs::read(place.exhibit().join(name)).unwrap());
    }
    let image = folder.join("image.raw");
    let _ = Workplace::new().acquire(&image, &[]).exits(0);
    std::fs::File::options().write(true).open(&image).unwrap().set_len(MIB).unwrap();
    let ran = Workplace::new().acquire(&image, &["--quiet"]).exits(3);
    assert!(ran.stderr.contains("tells of an image of 2097152 bytes, and it has 1048576"), "{}", ran.stderr);
    write_file(&folder.join("manifest.json"), "{");
    let ran = Workplace::new().acquire(&image, &["--quiet"]).exits(3);
    assert!(ran.stderr.contains("the manifest beside it cannot be read"), "{}", ran.stderr);
}

#[test]
fn a_disk_that_fails_now_and_then_is_read_whole_and_not_said_to_have_changed() {
    if !need(BadDevice::NEEDS) {
        return;
    }
    let place = Workplace::new();
    let source = place.path("disk");
    write_file(&source, noise(5, usize::try_from(MIB / 2).unwrap()));
    let count = place.path("count");
    let script = format!(
        "n=$(cat {0} 2>/dev/null || echo 0); echo $((n + 1)) >{0}; [ $((n % 3)) -ne 0 ] && fail",
        count.display()
    );
    let disk = BadDevice::scripted(&source, 512, &script);
    let _ = place.acquire(disk.path(), &["--retries", "20", "--quiet"]).exits(0);
    assert_eq!(manifest(&place.exhibit())["source"]["change"]["differences"], json!([]));
}

#[test]
fn a_bad_disk_on_standard_input_is_told_to_be_given_as_the_source() {
    if !need(BadDevice::NEEDS) {
        return;
    }
    let place = Workplace::new();
    let source = place.path("disk");
    write_file(&source, noise(5, usize::try_from(3 * MIB).unwrap()));
    let disk = BadDevice::new(&source, 512, &[2 * MIB..2 * MIB + 512]);
    let ran = place.acquire_stdin(disk.path(), &[]).exits(4);
    assert!(ran.stderr.contains("give it as SOURCE in place of `-`"), "{}", ran.stderr);
}

#[test]
fn a_disk_that_does_not_answer_while_it_is_recovered_ends_the_work_which_can_be_resumed() {
    if !have_the_tools() || !need(&[Need::Tool("strace")]) {
        return;
    }
    let disk = Disk::new(DISK_BYTES, &[3 * MIB + 7 * SECTOR..3 * MIB + 8 * SECTOR]);
    let device = disk.device();
    let exhibit = disk.exhibit("case");
    // No thread but the one that recovers reads so often.
    let delay = "inject=pread64:delay_enter=20000000:when=15+";
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-o", "/dev/null", "-e", "trace=pread64", "-e", delay, "-P"]).arg(device.path());
    strace.arg(kanshiki_testkit::kanshiki_path()).args(exhibit.acquire(device.path()).get_args());
    let ran = Running::start(strace.args(["--patience", "3"])).wait().exits(4);
    assert!(ran.stderr.contains("the source gave no data for 3 seconds"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the source stopped at byte 31"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--resume goes on"), "{}", ran.stderr);
    let _ = run(exhibit.acquire(device.path()).arg("--resume")).exits(3);
    disk.check(&exhibit);
}
