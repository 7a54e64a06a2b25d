//! Sources that are written while or between the sessions that copy them: said in the output, in the manifest and by
//! the exit code, or refused.

use kanshiki_testkit::{
    LoopAccess, LoopDevice, Need, Ran, Running, Workplace, manifest, need, noise, sha256sum, write_file,
};
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

/// A case that holds the exhibit of the source, with the folder of a second one beside it.
#[track_caller]
fn complete(source: impl AsRef<Path>, place: &Workplace) -> PathBuf {
    let _ = place.acquire(source, &["--quiet"]).exits(0);
    place.path("second")
}

/// Makes a second copy beside the complete one, which is another by one byte, and compares all that is said of it.
#[track_caller]
fn assert_told_apart(source: &Path, place: &Workplace, also: &Path, words: &str) {
    let more = ["--resume", "--json", "--also", also.to_str().unwrap()];
    let ran = place.acquire(source, &more).exits(3);
    let result: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    let second = also.join("exhibits/E1");
    for (copy, folder) in [(0, place.exhibit()), (1, second.clone())] {
        let copy = &result["copies"][copy];
        assert_eq!(copy["folder"], json!(folder));
        assert_eq!(copy["digests"]["sha256"], json!(sha256sum(&folder.join("image.raw"))));
        assert_eq!(copy["manifest_sha256"], json!(sha256sum(&folder.join("manifest.json"))));
        assert_eq!(copy["complete_before"], json!(folder == place.exhibit()));
    }
    assert_ne!(result["copies"][0]["digests"], result["copies"][1]["digests"]);
    assert_eq!(result["manifest_sha256"], result["copies"][0]["manifest_sha256"]);
    let changed = format!("the source HAS CHANGED since the exhibit in {} was made", place.exhibit().display());
    let manifest = manifest(&second);
    let said = [&result["reservations"], &manifest["issues"], &manifest["source"]["change"]["differences"]];
    for said in said.map(Value::to_string) {
        for words in [changed.as_str(), "MiB 1 (bytes 1048576-2097152)", words] {
            assert!(said.contains(words), "`{words}` is not in {said}");
        }
    }
    assert_eq!(manifest["source"]["change"]["ranges"], json!([{"start": MIB, "end": 2 * MIB}]));
    // Later runs say it again, now of two complete exhibits.
    let ran = place.acquire(source, &["--resume", "--also", also.to_str().unwrap()]).exits(3);
    for words in ["the copies ARE NOT THE SAME", &sha256sum(&second.join("image.raw")), &changed] {
        assert!(ran.stdout.contains(words), "`{words}` is not in {}", ran.stdout);
    }
}

#[test]
fn a_copy_that_is_made_beside_a_complete_one_of_a_disk_that_was_written_since_is_said_to_be_another() {
    if !need(&[Need::Root, Need::LoopDevices]) {
        return;
    }
    let place = Workplace::new();
    let disk = LoopDevice::attach(&source(&place), LoopAccess::ReadWrite, 512);
    let also = complete(disk.path(), &place);
    overwrite(disk.path(), UNSAMPLED);
    let ran = place.acquire(disk.path(), &["--resume", "--quiet"]).exits(3);
    assert!(ran.stderr.contains("WRITTEN on the disk since"), "{}", ran.stderr);
    assert_told_apart(disk.path(), &place, &also, "WRITTEN on the disk since");
}

#[test]
fn a_copy_that_is_made_beside_a_complete_one_of_a_file_that_was_written_since_is_said_to_be_another() {
    for keep_time in [false, true] {
        let place = Workplace::new();
        let source = source(&place);
        let written = source.metadata().unwrap().modified().unwrap();
        let also = complete(&source, &place);
        overwrite(&source, UNSAMPLED);
        if keep_time {
            File::options().write(true).open(&source).unwrap().set_modified(written).unwrap();
        }
        let words = if keep_time { "with the time of writing as before" } else { "was last written at" };
        assert_told_apart(&source, &place, &also, words);
    }
}

#[test]
fn a_copy_that_is_made_beside_a_complete_one_of_the_same_source_is_the_same() {
    let place = Workplace::new();
    let source = source(&place);
    let also = complete(&source, &place);
    let ran = place.acquire(&source, &["--resume", "--also", also.to_str().unwrap()]).exits(0);
    for folder in [place.exhibit(), also.join("exhibits/E1")] {
        for words in [folder.display().to_string(), sha256sum(&folder.join("manifest.json"))] {
            assert!(ran.stdout.contains(&words), "`{words}` is not in {}", ran.stdout);
        }
    }
    assert_eq!(sha256sum(&place.exhibit().join("image.raw")), sha256sum(&also.join("exhibits/E1/image.raw")));
    let compared = manifest(&also.join("exhibits/E1"))["source"]["change"]["compared"].to_string();
    assert!(compared.contains("every leaf of the exhibit in"), "{compared}");
    let _ = place.acquire(&source, &["--resume", "--also", also.to_str().unwrap()]).exits(0);
}

#[test]
fn a_stream_beside_a_complete_exhibit_of_another_is_said_to_be_another() {
    let place = Workplace::new();
    let source = source(&place);
    let _ = place.acquire_stdin(&source, &["--size", "64M"]).exits(0);
    overwrite(&source, UNSAMPLED);
    let also = place.path("second");
    let more = ["--size", "64M", "--resume", "--quiet", "--also", also.to_str().unwrap()];
    let ran = place.acquire_stdin(&source, &more).exits(3);
    assert!(ran.stderr.contains("HAS CHANGED since the exhibit in"), "{}", ran.stderr);
}
