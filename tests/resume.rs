//! Acquisitions that were interrupted, and what comes of them: the same exhibit, or a refusal.

use kanshiki_testkit::{
    Need, Ran, Workplace, custody_acts, image_files, kanshiki_path, lasting_manifest, manifest, need, noise, restored,
    run, sample_image, sha256sum, write_file,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FORMATS: [&[&str]; 3] =
    [&["--format", "raw"], &["--format", "split", "--split-size", "1000003"], &["--format", "zstd"]];

const MIB: u64 = 1 << 20;
const BYTES: u64 = 12 * MIB + 777;

/// A program that is ended with the test, however that ends.
struct Running(Child);

impl Running {
    /// Sends SIGINT and waits for the end.
    #[track_caller]
    fn interrupt(mut self) -> Ran {
        let _ = run(Command::new("kill").args(["-INT", &self.0.id().to_string()])).exits(0);
        let begun = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it did not end within 10 s of the signal");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.end()
    }

    fn end(mut self) -> Ran {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        std::io::Read::read_to_string(&mut self.0.stdout.take().unwrap(), &mut stdout).unwrap();
        std::io::Read::read_to_string(&mut self.0.stderr.take().unwrap(), &mut stderr).unwrap();
        let status = self.0.wait().unwrap();
        Ran { code: status.code().unwrap_or(-1), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Begins an acquisition of a file every read of which takes `milliseconds` longer.
///
/// strace waits before each read of that file and stays beside: the child is kanshiki itself.
#[track_caller]
fn slowly(place: &Workplace, source: &Path, more: &[&str], milliseconds: u64) -> Running {
    let delay = format!("inject=pread64:delay_enter={}", milliseconds * 1000);
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-o", "/dev/null", "-e", "trace=pread64", "-e", &delay, "-P"]);
    strace.arg(source).arg(kanshiki_path()).args(place.acquire_command(source, more).get_args());
    Running(strace.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Waits until the image under way has so many bytes.
#[track_caller]
fn wait_for(partial: &Path, bytes: u64) {
    let begun = Instant::now();
    let written = || -> u64 {
        if !partial.exists() {
            return 0;
        }
        image_files(partial).iter().map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum()
    };
    while written() < bytes {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} has not {bytes} bytes within 20 s", partial.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A source, the exhibit of an undisturbed run, and a case in which its acquisition was interrupted in the middle.
struct Interrupted {
    place: Workplace,
    source: PathBuf,
    format: &'static [&'static str],
    expected: BTreeMap<String, String>,
}

impl Interrupted {
    fn new(format: &'static [&'static str]) -> Self {
        let place = Workplace::new();
        let source = place.path("source");
        // Noise, so that the compressed image grows like the others.
        write_file(&source, noise(7, usize::try_from(BYTES).unwrap()));
        let _ = place.acquire(&source, format).exits(0);
        let expected = exhibit(&place.exhibit());
        std::fs::remove_dir_all(place.case()).unwrap();
        let running = slowly(&place, &source, format, 30);
        wait_for(&place.partial(), 4 * MIB);
        let ran = running.interrupt().exits(130);
        assert!(ran.stderr.contains("interrupted") && ran.stderr.contains("--resume"), "{}", ran.stderr);
        Self { place, source, format, expected }
    }

    /// A copy of the case in a place of its own.
    fn copy(&self) -> Workplace {
        let copy = Workplace::new();
        let _ =
            run(Command::new("cp").args(["-a", "--sparse=always"]).arg(self.place.case()).arg(copy.case())).exits(0);
        copy
    }

    fn resume(&self, place: &Workplace, source: &Path) -> Ran {
        place.acquire(source, &[self.format, &["--resume"]].concat())
    }

    #[track_caller]
    fn assert_healed(&self, place: &Workplace, what: &str) {
        let ran = self.resume(place, &self.source);
        assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
        assert_eq!(difference(&self.expected, &exhibit(&place.exhibit())), Vec::<String>::new(), "{what}");
        let _ = place.verify(&["--read-only"]).exits(0);
    }
}

/// The content of an exhibit's files by name: of the manifest, what does not record the run.
#[track_caller]
fn exhibit(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let content = match name.as_str() {
            "manifest.json" => lasting_manifest(folder).to_string(),
            "manifest.txt" | "SHA256SUMS" => String::new(),
            _ => sha256sum(&entry.path()),
        };
        files.insert(name, content);
    }
    files
}

fn difference(expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Vec<String> {
    let names = expected.keys().chain(found.keys().filter(|name| !expected.contains_key(*name)));
    let differing = names.filter(|name| expected.get(*name) != found.get(*name));
    differing.map(|name| format!("{name}: {:?} and {:?}", expected.get(name), found.get(name))).collect()
}

/// Changes one byte of a file.
fn flip(file: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x40], at).unwrap();
}

fn cut(file: &Path, bytes: u64) {
    File::options().write(true).open(file).unwrap().set_len(bytes).unwrap();
}

fn length(file: &Path) -> u64 {
    file.metadata().unwrap().len()
}

#[track_caller]
fn assert_refused(ran: Ran, words: &[&str]) {
    let ran = ran.exits(4);
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is not in\n{}", ran.stderr);
    }
}

#[test]
fn after_ctrl_c_the_work_goes_on_and_gives_the_exhibit_of_an_undisturbed_run() {
    if !need(&[Need::Tool("strace"), Need::Tool("zstd")]) {
        return;
    }
    for format in FORMATS {
        let begun = Interrupted::new(format);
        let place = &begun.place;
        // Without --resume nothing is touched.
        assert_refused(place.acquire(&begun.source, format), &["E1", "--resume"]);
        begun.assert_healed(place, "interrupted");
        assert!(restored(&place.exhibit()) == std::fs::read(&begun.source).unwrap());
        let sessions = manifest(&place.exhibit())["run"]["sessions"].clone();
        assert_eq!((&sessions[0]["end"], &sessions[1]["end"]), (&json!("interrupted"), &json!("complete")));
        assert!(sessions[1]["taken_over_bytes"].as_u64().unwrap() >= 3 * MIB, "{sessions}");
        assert_eq!(custody_acts(&place.case()), ["opened", "resumed", "acquired"]);
    }
}

#[test]
fn another_source_is_refused_and_the_right_one_goes_on_afterwards() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let begun = Interrupted::new(FORMATS[0]);
    let bytes = std::fs::read(&begun.source).unwrap();
    let other = begun.place.path("other");
    // Of the same length, with the same first and last sectors.
    let mut changed = bytes.clone();
    changed[2_500_000] ^= 1;
    write_file(&other, &changed);
    assert_refused(begun.resume(&begun.place, &other), &["another source", "--exhibit"]);
    write_file(&other, [bytes.as_slice(), &[0; 512]].concat());
    assert_refused(begun.resume(&begun.place, &other), &["another source", "bytes"]);
    write_file(&other, &bytes[..bytes.len() - 512]);
    assert_refused(begun.resume(&begun.place, &other), &["another source", "bytes"]);
    begun.assert_healed(&begun.place, "after refusals");
}

/// Length of the header of `image.leaves`, in bytes.
const LEAVES_HEADER: u64 = 96;

#[test]
fn whatever_was_changed_in_a_partial_image_or_its_leaves_is_read_again() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut numbers = noise(seed, 1 << 12)
        .chunks(8)
        .map(|eight| u64::from_le_bytes(eight.try_into().unwrap()))
        .collect::<Vec<_>>()
        .into_iter();
    let mut below = |limit: u64| numbers.next().unwrap() % limit;
    for format in FORMATS {
        let begun = Interrupted::new(format);
        let files = |place: &Workplace| {
            let mut files = image_files(&place.partial());
            files.push(place.partial().join("image.leaves"));
            files
        };
        for number in 0..files(&begun.place).len().min(3) * 4 {
            let place = begun.copy();
            let files = files(&place);
            // The leaves are the last one.
            let file = &files[files.len() - 1 - (number / 4) % files.len()];
            // A byte changed in the header of the leaves may make them those of a newer version; the next test changes all.
            let header = if number == 0 { LEAVES_HEADER } else { 0 };
            let at = header + below(length(file).saturating_sub(header).max(1));
            let what = format!("{format:?} {} kind {} at {at}, seed {seed}", file.display(), number % 4);
            match number % 4 {
                _ if length(file) == 0 => {}
                0 => flip(file, at),
                1 => cut(file, at),
                2 => File::options().write(true).open(file).unwrap().write_all_at(&vec![0; 5000], at).unwrap(),
                _ => std::fs::remove_file(file).unwrap(),
            }
            begun.assert_healed(&place, &what);
        }
    }
}

#[test]
fn a_changed_byte_in_the_header_of_the_leaves_is_healed_or_refused() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let begun = Interrupted::new(FORMATS[0]);
    for at in (0..LEAVES_HEADER).step_by(3) {
        let place = begun.copy();
        flip(&place.partial().join("image.leaves"), at);
        let ran = begun.resume(&place, &begun.source);
        if ran.code != 0 {
            assert_refused(ran, &["newer version"]);
            continue;
        }
        assert_eq!(difference(&begun.expected, &exhibit(&place.exhibit())), Vec::<String>::new(), "byte {at}");
    }
}

#[test]
fn a_changed_map_or_state_gives_the_same_exhibit_or_a_refusal() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let begun = Interrupted::new(FORMATS[0]);
    let copy = begun.copy();
    let map = copy.partial().join("image.map");
    let text = std::fs::read_to_string(&map).unwrap();
    for (number, changed) in [text.replace('+', "-"), text.replace("0x", "0y"), String::new()].iter().enumerate() {
        let place = begun.copy();
        write_file(&place.partial().join("image.map"), changed);
        let ran = begun.resume(&place, &begun.source);
        if ran.code == 4 {
            assert!(ran.stderr.contains("map"), "{}", ran.stderr);
        } else {
            assert_eq!(ran.code, 0, "map {number}: {}", ran.stderr);
            assert_eq!(difference(&begun.expected, &exhibit(&place.exhibit())), Vec::<String>::new(), "map {number}");
        }
    }
    let state = std::fs::read_to_string(begun.place.partial().join("state.json")).unwrap();
    let newer = state.replacen("\"schema\": 1", "\"schema\": 9", 1);
    let damaged = state.replacen("\"sessions\"", "\"sess", 1);
    for (changed, word) in [(newer.as_str(), "newer version"), (&damaged, "damaged state.json"), ("", "damaged")] {
        let place = begun.copy();
        write_file(&place.partial().join("state.json"), changed);
        assert_refused(begun.resume(&place, &begun.source), &[word]);
        assert!(place.partial().join("image.raw").exists());
    }
    let place = begun.copy();
    std::fs::remove_file(place.partial().join("state.json")).unwrap();
    begun.assert_healed(&place, "no state");
}

#[test]
fn destinations_at_different_points_come_to_the_same_end() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    for format in FORMATS {
        let begun = Interrupted::new(format);
        // Each as a second destination: further on, not begun, at the same point with damage, and complete.
        for second in ["further", "empty", "damaged", "complete"] {
            let place = begun.copy();
            let also = place.path("second");
            let in_second = |more: &[&str]| {
                let mut command = Command::new(kanshiki_path());
                command.arg("acquire").arg(&begun.source).arg("--case").arg(&also).args(["--exhibit", "E1"]);
                command.args(format).args(more);
                command
            };
            match second {
                "further" => {
                    let other = Workplace::new();
                    let running = slowly(&other, &begun.source, format, 30);
                    wait_for(&other.partial(), 8 * MIB);
                    let _ = running.interrupt().exits(130);
                    let _ = run(Command::new("cp").arg("-a").arg(other.case()).arg(&also)).exits(0);
                }
                "complete" => {
                    let _ = run(&mut in_second(&[])).exits(0);
                }
                "damaged" => {
                    let _ = run(Command::new("cp").arg("-a").arg(place.case()).arg(&also)).exits(0);
                    for file in image_files(&also.join("exhibits/E1.partial")) {
                        flip(&file, length(&file) / 2);
                    }
                }
                _ => {}
            }
            let ran = place.acquire(&begun.source, &[format, &["--resume", "--also", also.to_str().unwrap()]].concat());
            assert_eq!(ran.code, 0, "{second}: {}", ran.stderr);
            for folder in [place.exhibit(), also.join("exhibits/E1")] {
                let mut found = exhibit(&folder);
                let mut manifest: Value = lasting_manifest(&folder);
                manifest["case"] = json!("case");
                manifest["tool"]["options"]["value"]["also"] = json!([]);
                // Only a copy beside a complete one is compared with it.
                if let Some(compared) = manifest["source"]["change"]["compared"].as_array_mut() {
                    compared.retain(|what| !what.to_string().contains("every leaf of the exhibit in"));
                }
                found.insert("manifest.json".to_owned(), manifest.to_string());
                assert_eq!(difference(&begun.expected, &found), Vec::<String>::new(), "{second} {}", folder.display());
            }
            let _ = run(Command::new(kanshiki_path()).arg("verify").arg(&also)).exits(0);
            let _ = place.verify(&[]).exits(0);
        }
    }
}

#[test]
fn standard_input_is_fed_again_after_an_interruption_and_another_stream_is_refused() {
    for format in FORMATS {
        let place = Workplace::new();
        let (source, other) = (place.path("source"), place.path("other"));
        let bytes = noise(3, usize::try_from(BYTES).unwrap());
        write_file(&source, &bytes);
        let mut command = place.acquire_command("-", format);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Running(command.spawn().unwrap());
        let mut pipe = running.0.stdin.take().unwrap();
        pipe.write_all(&bytes[..5_500_000]).unwrap();
        wait_for(&place.partial(), 5 * MIB);
        // The pipe stays open: the reader waits for more.
        let _ = running.interrupt().exits(130);
        drop(pipe);

        let mut changed = bytes.clone();
        changed[2_500_000] ^= 1;
        write_file(&other, &changed);
        let resume = [format, &["--resume"]].concat();
        assert_refused(place.acquire_stdin(&other, &resume), &["another source"]);
        // It ends before what the first session has read.
        for length in [3_000_000, 2 << 20] {
            write_file(&other, &bytes[..length]);
            assert_refused(place.acquire_stdin(&other, &resume), &["another source", "it ends after"]);
        }
        let _ = place.acquire_stdin(&source, &resume).exits(0);
        assert!(restored(&place.exhibit()) == bytes);
        assert_eq!(manifest(&place.exhibit())["image"]["digests"]["sha256"], json!(sha256sum(&source)));
        let _ = place.verify(&[]).exits(0);
    }
}

#[test]
fn of_two_runs_at_once_one_is_told_of_the_other() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let place = Workplace::new();
    let source = place.path("source");
    sample_image(&source, BYTES, 1);
    let running = slowly(&place, &source, &[], 100);
    wait_for(&place.partial(), MIB);
    assert_refused(place.acquire(&source, &[]), &["in use by another run"]);
    assert_refused(place.acquire(&source, &["--resume"]), &["in use by another run"]);
    let _ = running.end().exits(0);
    let _ = place.verify(&[]).exits(0);
    assert_eq!(custody_acts(&place.case()), ["opened", "acquired", "verified"]);
}

#[test]
fn resuming_a_finished_exhibit_changes_nothing_and_says_so() {
    let place = Workplace::new();
    let source = place.path("source");
    sample_image(&source, BYTES, 1);
    let _ = place.acquire(&source, &[]).exits(0);
    let before = std::fs::read(place.exhibit().join("manifest.json")).unwrap();
    let ran = place.acquire(&source, &["--resume"]).exits(0);
    assert!(ran.stderr.contains("the exhibit was complete before"), "{}", ran.stderr);
    assert_eq!(std::fs::read(place.exhibit().join("manifest.json")).unwrap(), before);
    assert_eq!(custody_acts(&place.case()), ["opened", "acquired"]);
    // What a kill just after the final name leaves.
    write_file(&place.exhibit().join("lock"), "");
    write_file(&place.exhibit().join("state.json"), "{}");
    let _ = place.acquire(&source, &["--resume"]).exits(0);
    let _ = place.verify(&[]).exits(0);
    assert!(!place.exhibit().join("lock").exists() && !place.exhibit().join("state.json").exists());
    // A source of the same length that holds something else, and one that is shorter.
    sample_image(&source, BYTES, 2);
    assert_refused(place.acquire(&source, &["--resume"]), &["complete", "another source", "--exhibit"]);
    cut(&source, 5 * MIB);
    assert_refused(place.acquire(&source, &["--resume"]), &["complete", "another source", "--exhibit"]);
}

#[test]
fn what_came_before_a_stall_is_kept_when_the_program_is_killed() {
    let place = Workplace::new();
    let input = place.path("input");
    sample_image(&input, 9 * MIB, 1);
    let mut command = place.acquire_command("-", &[]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&std::fs::read(&input).unwrap()).unwrap();
    let running = Running(child);
    let leaves = place.partial().join("image.leaves");
    let begun = Instant::now();
    // The header, and the leaves of eight whole MiB at the least: the ninth may still wait for its end.
    while std::fs::metadata(&leaves).map_or(0, |metadata| metadata.len()) < 96 + 8 * 32 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the leaves are not written while the source gives nothing");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(running);
    drop(pipe);
    let ran = place.acquire_stdin(&input, &["--resume"]).exits(0);
    assert_eq!(manifest(&place.exhibit())["image"]["digests"]["sha256"], sha256sum(&input), "{}", ran.stderr);
    let sessions = manifest(&place.exhibit())["run"]["sessions"].as_array().unwrap().len();
    assert_eq!(sessions, 2);
}

#[test]
fn a_connection_that_goes_away_leaves_the_acquisition_resumable() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let place = Workplace::new();
    let source = place.path("source");
    sample_image(&source, BYTES, 1);
    let running = slowly(&place, &source, &[], 100);
    wait_for(&place.partial(), MIB);
    let _ = run(Command::new("kill").args(["-HUP", &running.0.id().to_string()])).exits(0);
    let ran = running.end();
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    let _ = place.acquire(&source, &["--resume"]).exits(0);
    assert_eq!(manifest(&place.exhibit())["run"]["sessions"][0]["end"], "interrupted");
}

#[test]
fn standard_input_without_bytes_is_refused() {
    let place = Workplace::new();
    let ran = place.acquire_stdin(std::path::Path::new("/dev/null"), &[]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("standard input gave no bytes"), "{}", ran.stderr);
    assert!(!place.exhibit().exists());
}

/// The calls between which the disk holds something else.
const STEPS: &str = "mkdirat,openat,renameat,renameat2,unlinkat,fchmod,ftruncate";

/// Lets every one of the steps in turn meet with something, until a run meets with it no more.
fn at_every_step(what: &str, calls: &str, expected_codes: &[i32]) {
    let place = Workplace::new();
    let source = place.path("source");
    sample_image(&source, 2 * MIB + 777, 1);
    let _ = place.acquire(&source, &["--quiet"]).exits(0);
    let expected = exhibit(&place.exhibit());
    for step in 1.. {
        assert!(step < 300, "the steps have no end");
        let place = Workplace::new();
        let mut strace = Command::new("strace");
        let inject = format!("inject={calls}:{what}:when={step}");
        strace.args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &inject]).arg(kanshiki_path());
        let ran = run(strace.args(place.acquire_command(&source, &["--quiet"]).get_args()));
        if ran.code == 0 {
            let _ = place.verify(&["--read-only"]).exits(0);
        } else {
            assert!(expected_codes.contains(&ran.code), "step {step}: {} {}", ran.code, ran.stderr);
            let ran = place.acquire(&source, &["--quiet", "--resume"]);
            assert_eq!(ran.code, 0, "step {step}: {}", ran.stderr);
        }
        assert_eq!(difference(&expected, &exhibit(&place.exhibit())), Vec::<String>::new(), "step {step}");
        let _ = place.verify(&["--read-only"]).exits(0);
        if ran.code == 0 && step > 40 {
            return;
        }
    }
}

#[test]
fn a_kill_before_any_single_step_is_healed() {
    if need(&[Need::Tool("strace")]) {
        at_every_step("signal=KILL", STEPS, &[128 + 9, -1]);
    }
}

#[test]
fn a_disk_that_does_not_take_a_step_or_a_sync_is_told_and_can_be_gone_on_with() {
    if need(&[Need::Tool("strace")]) {
        at_every_step("error=EIO", "fsync,fdatasync,renameat,renameat2", &[3, 4]);
    }
}

#[test]
fn another_file_of_the_same_bytes_is_refused_and_a_later_time_is_recorded() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let begun = Interrupted::new(FORMATS[0]);
    let acts = custody_acts(&begun.place.case());
    let other = begun.place.path("other");
    write_file(&other, std::fs::read(&begun.source).unwrap());
    assert_refused(begun.resume(&begun.place, &other), &["another source", "inode", "--exhibit"]);
    assert_eq!(custody_acts(&begun.place.case()), acts, "a refusal is no act of resuming");
    let _ = run(Command::new("touch").args(["-d", "2030-01-01T00:00:00Z"]).arg(&begun.source)).exits(0);
    let ran = begun.resume(&begun.place, &begun.source).exits(3);
    assert!(ran.stderr.contains("last written at"), "{}", ran.stderr);
    assert!(manifest(&begun.place.exhibit())["issues"].to_string().contains("last written at"));
    assert_refused(begun.place.acquire(&other, &["--resume", "--quiet"]), &["complete", "another source", "inode"]);
}

#[test]
fn digests_that_the_run_did_not_begin_with_are_said_not_to_be_made() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let begun = Interrupted::new(FORMATS[0]);
    let ran = begun.place.acquire(&begun.source, &["--resume", "--hash", "md5"]).exits(0);
    assert!(ran.stderr.contains("sha256: --hash md5 is not made"), "{}", ran.stderr);
    assert!(manifest(&begun.place.exhibit())["issues"].to_string().contains("--hash md5 is not made"));
}

#[test]
fn what_is_no_part_of_the_exhibit_is_named_before_it_is_finished() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let begun = Interrupted::new(FORMATS[0]);
    let stranger = begun.place.partial().join("notes.txt");
    write_file(&stranger, "x");
    let words = ["holds what is no part of the exhibit: notes.txt", "move it elsewhere"];
    assert_refused(begun.resume(&begun.place, &begun.source), &words);
    std::fs::remove_file(stranger).unwrap();
    // A state that names another format must not leave the old image behind.
    let copy = begun.copy();
    let state = copy.partial().join("state.json");
    let text = std::fs::read_to_string(&state).unwrap().replace("\"format\": \"raw\"", "\"format\": \"zstd\"");
    write_file(&state, text);
    assert_refused(begun.resume(&copy, &begun.source), &["no part of the exhibit: image.raw"]);
    // Without a state, what fits is taken over, and this is said.
    let copy = begun.copy();
    std::fs::remove_file(copy.partial().join("state.json")).unwrap();
    let ran = begun.resume(&copy, &begun.source).exits(0);
    assert!(ran.stderr.contains("there was no state.json: begun anew, with what fits"), "{}", ran.stderr);
    begun.assert_healed(&begun.place, "after refusals");
}

#[test]
fn leaves_of_a_newer_version_are_told_as_such() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let begun = Interrupted::new(FORMATS[0]);
    let leaves = File::options().write(true).open(begun.place.partial().join("image.leaves")).unwrap();
    leaves.write_all_at(&[2], 16).unwrap();
    let ran = begun.resume(&begun.place, &begun.source).exits(4);
    assert!(ran.stderr.contains("because: leaf file of version 2, made by a newer version"), "{}", ran.stderr);
    assert!(ran.stderr.contains("use the version of kanshiki that began it"), "{}", ran.stderr);
}
