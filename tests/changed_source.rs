//! Sources that are written while or between the sessions that copy them: said in the output, in the manifest and by
//! the exit code, or refused.

use kanshiki_testkit::{LoopAccess, LoopDevice, Need, Ran, Running, Workplace, manifest, need, noise, write_file};
use serde_json::{Value, json};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

const MIB: u64 = 1 << 20;

/// So many chunks that not all of what was read is compared before a session goes on.
const BYTES: u64 = 64 * MIB;

/// Lies in a chunk that is compared only by those who read the source again as a whole.
const UNSAMPLED: u64 = 3 * MIB / 2;

/// A source of noise.
fn source(place: &Workplace) -> PathBuf {
    let source = place.path("source");
    write_file(&source, noise(7, usize::try_from(BYTES).unwrap()));
    source
}

/// Writes as another program does: a file, or a device past the cache of its file.
fn overwrite(path: &Path, offset: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(b"kanshiki", offset).unwrap();
    file.sync_all().unwrap();
}

/// Begins an acquisition and interrupts it after 40 MiB.
#[track_caller]
fn interrupted(place: &Workplace, source: &Path) {
    let running = Running::start(&mut place.slow_acquire_command(source, &[], 20));
    place.wait_for_image(40 * MIB);
    running.signal("-INT");
    let _ = running.wait().exits(130);
}

/// The change that a manifest records, and the issues that it lists.
fn recorded(place: &Workplace) -> (Value, String) {
    let manifest = manifest(&place.exhibit());
    (manifest["source"]["change"]["differences"].clone(), manifest["issues"].to_string())
}

/// A quiet run that ended with a manifest which says everywhere that the source changed.
#[track_caller]
fn assert_said(ran: Ran, place: &Workplace, words: &str) {
    let ran = ran.exits(3);
    assert!(ran.stderr.contains(words), "`{words}` is not in\n{}", ran.stderr);
    let (differences, issues) = recorded(place);
    assert!(differences.to_string().contains(words), "`{words}` is not in {differences}");
    assert!(issues.contains(words), "`{words}` is not in {issues}");
}

/// A disk whose acquisition was interrupted; `None` where the machine has not what that needs.
fn interrupted_disk() -> Option<(Workplace, LoopDevice)> {
    if !need(&[Need::Root, Need::LoopDevices, Need::Tool("strace")]) {
        return None;
    }
    let place = Workplace::new();
    let disk = LoopDevice::attach(&source(&place), LoopAccess::ReadWrite, 512);
    interrupted(&place, disk.path());
    Some((place, disk))
}

#[test]
fn a_disk_that_is_written_between_two_sessions_is_said_to_have_changed() {
    let Some((place, disk)) = interrupted_disk() else { return };
    overwrite(disk.path(), UNSAMPLED);
    assert_said(place.acquire(disk.path(), &["--resume", "--quiet"]), &place, "WRITTEN on the disk since");
    let between = manifest(&place.exhibit())["run"]["reading"]["changed_between_sessions"].clone();
    assert_eq!(between["value"], json!(true));
    // What was found stays found: another session of the same exhibit says it again.
    let ran = place.acquire(disk.path(), &["--resume", "--quiet"]).exits(3);
    assert!(ran.stderr.contains("WRITTEN on the disk since"), "{}", ran.stderr);
}

#[test]
fn a_change_that_one_session_has_seen_is_told_by_the_one_that_ends_the_work() {
    let Some((place, disk)) = interrupted_disk() else { return };
    overwrite(disk.path(), UNSAMPLED);
    let running = Running::start(&mut place.slow_acquire_command(disk.path(), &["--resume"], 200));
    kanshiki_testkit::wait_until("the second session", || {
        std::fs::read_to_string(place.partial().join("state.json")).is_ok_and(|state| state.contains("WRITTEN"))
    });
    running.signal("-KILL");
    let _ = running.wait();
    assert_said(place.acquire(disk.path(), &["--resume", "--quiet"]), &place, "WRITTEN on the disk since");
}

#[test]
fn a_disk_that_was_attached_anew_is_not_known_to_be_unwritten_unless_it_is_read_twice() {
    if !need(&[Need::Root, Need::LoopDevices, Need::Tool("strace")]) {
        return;
    }
    for (written, more, code) in [(false, "--no-progress", 0), (false, "--twice", 0), (true, "--twice", 3)] {
        let place = Workplace::new();
        let source = source(&place);
        let disk = LoopDevice::attach(&source, LoopAccess::ReadWrite, 512);
        interrupted(&place, disk.path());
        drop(disk);
        if written {
            overwrite(&source, UNSAMPLED);
        }
        let disk = LoopDevice::attach(&source, LoopAccess::ReadWrite, 512);
        let ran = place.acquire(disk.path(), &["--resume", more]).exits(code);
        assert!(ran.stderr.contains("the disk was attached anew"), "{}", ran.stderr);
        let (differences, _) = recorded(&place);
        let between = manifest(&place.exhibit())["run"]["reading"]["changed_between_sessions"].clone();
        if more == "--twice" {
            assert_eq!(between["value"], json!(written));
        } else {
            assert_eq!(between["value"], Value::Null);
            assert!(between["reason"].as_str().unwrap().contains("attached anew"), "{between}");
        }
        assert_eq!(differences.to_string().contains("1048576-2097152"), written, "{differences}");
    }
}

#[test]
fn a_disk_that_nobody_writes_is_not_said_to_have_changed() {
    let Some((place, disk)) = interrupted_disk() else { return };
    let ran = place.acquire(disk.path(), &["--resume", "--quiet"]).exits(0);
    assert_eq!(ran.stderr, "");
    let (differences, issues) = recorded(&place);
    assert_eq!((differences, issues.as_str()), (json!([]), "[]"));
    let compared = manifest(&place.exhibit())["source"]["change"]["compared"].to_string();
    assert!(compared.contains("sectors written") && compared.contains("sectors discarded"), "{compared}");
}

#[test]
fn a_file_that_is_written_between_two_sessions_is_said_to_have_changed() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    for keep_time in [false, true] {
        let place = Workplace::new();
        let source = source(&place);
        interrupted(&place, &source);
        let written = source.metadata().unwrap().modified().unwrap();
        overwrite(&source, UNSAMPLED);
        if keep_time {
            File::options().write(true).open(&source).unwrap().set_modified(written).unwrap();
        }
        let words = if keep_time { "with the time of writing as before" } else { "was last written at" };
        assert_said(place.acquire(&source, &["--resume", "--quiet"]), &place, words);
    }
}

#[test]
fn a_file_that_is_written_while_it_is_read_is_said_to_have_changed() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let place = Workplace::new();
    let source = source(&place);
    let running = Running::start(&mut place.slow_acquire_command(&source, &["--quiet"], 20));
    place.wait_for_image(8 * MIB);
    overwrite(&source, UNSAMPLED);
    assert_said(running.wait(), &place, "while it was read");
}

#[test]
fn a_later_part_that_is_written_between_two_sessions_is_said_to_have_changed() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let place = Workplace::new();
    let bytes = noise(7, usize::try_from(BYTES).unwrap());
    let parts = ["disk.001", "disk.002"].map(|name| place.path(name));
    write_file(&parts[0], &bytes[..bytes.len() / 2]);
    write_file(&parts[1], &bytes[bytes.len() / 2..]);
    // The first part is read slowly, the second is long done with then.
    let running = Running::start(&mut place.slow_acquire_command(&parts[0], &[], 20));
    place.wait_for_image(20 * MIB);
    running.signal("-INT");
    let _ = running.wait().exits(130);
    overwrite(&parts[1], BYTES / 2 - 3 * MIB / 2);
    assert_said(place.acquire(&parts[0], &["--resume", "--quiet"]), &place, "part 2 of the source was last written at");
    let recorded = manifest(&place.exhibit())["source"]["facts"]["part_files"]["value"].clone();
    assert_eq!(recorded.as_array().unwrap().len(), 2);
    assert_eq!(recorded[1]["path"], json!(parts[1].canonicalize().unwrap()));
    assert_eq!(recorded[1]["bytes"], json!(BYTES / 2));
    assert_eq!(recorded[1]["inode"], json!(std::os::unix::fs::MetadataExt::ino(&parts[1].metadata().unwrap())));
    // A part that is written after the end is told by a later look.
    overwrite(&parts[1], BYTES / 2 - 3 * MIB / 2);
    let ran = place.acquire(&parts[0], &["--resume", "--quiet"]).exits(3);
    assert!(ran.stderr.contains("part 2 of the source was last written at"), "{}", ran.stderr);
}
