//! Signals, limits and zeroes: what a run may meet that has nothing to do with the source.

use kanshiki_testkit::{
    Need, Ran, Running, Workplace, kanshiki_path, need, noise, restored, run, sha256sum, wait_until, write_file,
};
use std::fs::File;
use std::process::Command;
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// Runs kanshiki in a shell that first does something to itself.
#[track_caller]
fn in_shell(before: &str, command: &Command) -> Ran {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{before} exec \"$0\" \"$@\"")).arg(command.get_program()).args(command.get_args());
    run(&mut shell)
}

#[test]
fn a_split_image_of_more_parts_than_may_be_open_is_made_resumed_and_verified() {
    let place = Workplace::new();
    let source = place.path("source");
    let bytes = noise(11, usize::try_from(MIB).unwrap());
    write_file(&source, &bytes);
    let options = ["--format", "split", "--split-size", "4100"];
    let limit = "ulimit -n 100;";
    let _ = in_shell(limit, &place.acquire_command(&source, &options)).exits(0);
    assert_eq!(restored(&place.exhibit()), bytes);
    let mut verify = Command::new(kanshiki_path());
    let _ = in_shell(limit, verify.arg("verify").arg(place.case())).exits(0);
    let first = place.exhibit().join("image.raw.001");
    let mut info = Command::new(kanshiki_path());
    let ran = in_shell(limit, info.arg("info").arg(&first));
    assert!(!ran.stderr.contains("too many open files"), "{}", ran.stderr);
    // The parts are an image again, and with a lost state everything in them is still taken over.
    std::fs::rename(place.exhibit(), place.path("parts")).unwrap();
    let again = Workplace::new();
    let _ = in_shell("ulimit -Sn 100;", &again.acquire_command(place.path("parts/image.raw.001"), &options)).exits(0);
    assert_eq!(restored(&again.exhibit()), bytes);
}

#[test]
fn zeroes_that_were_read_before_an_interruption_are_taken_over() {
    for format in [&["--format", "raw"] as &[&str], &["--format", "split", "--split-size", "3G"]] {
        let place = Workplace::new();
        let source = place.path("source");
        File::create(&source).unwrap().set_len(1 << 40).unwrap();
        let running = Running::start(&mut place.acquire_command(&source, format));
        let leaves = place.partial().join("image.leaves");
        wait_until("leaves", || std::fs::metadata(&leaves).is_ok_and(|metadata| metadata.len() > 100 * 32));
        running.signal("-INT");
        let ran = running.wait().exits(130);
        let done: u64 =
            ran.stderr.split("interrupted with ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(done > 100 * MIB);
        let running = Running::start(&mut place.acquire_command(&source, &[format, &["--resume"]].concat()));
        let state = place.partial().join("state.json");
        let sessions = || std::fs::read_to_string(&state).unwrap_or_default().matches("taken_over_bytes").count();
        wait_until("the second session", || sessions() == 2);
        std::thread::sleep(Duration::from_secs(3));
        running.signal("-INT");
        let _ = running.wait().exits(130);
        let state: serde_json::Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
        let taken_over = state["sessions"][1]["taken_over_bytes"].as_u64().unwrap();
        assert!(taken_over + MIB >= done.min(64 * MIB), "{taken_over} of {done}");
        // A session that is interrupted before it has looked at all of it has lost nothing.
        let running = Running::start(&mut place.acquire_command(&source, &[format, &["--resume"]].concat()));
        wait_until("the third session", || sessions() == 3);
        running.signal("-INT");
        let ran = running.wait().exits(130);
        let left = ran.stderr.split("interrupted with ").nth(1).unwrap().split(' ').next().unwrap();
        assert!(left.parse::<u64>().unwrap() + MIB >= done, "{left} of {done}");
    }
}

/// An acquisition of a terabyte of zeroes, which takes a while.
fn long_run(place: &Workplace, before: &str) -> Running {
    let source = place.path("source");
    File::create(&source).unwrap().set_len(1 << 40).unwrap();
    let command = place.acquire_command(&source, &[]);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{before} exec \"$0\" \"$@\"")).arg(command.get_program()).args(command.get_args());
    let running = Running::start(&mut shell);
    wait_until("the image", || place.partial().join("image.raw").exists());
    std::thread::sleep(Duration::from_millis(300));
    running
}

#[test]
fn a_hang_up_that_was_ignored_at_the_start_stays_ignored() {
    let place = Workplace::new();
    let running = long_run(&place, "trap '' HUP;");
    running.signal("-HUP");
    std::thread::sleep(Duration::from_millis(800));
    let state = std::fs::read_to_string(place.partial().join("state.json")).unwrap();
    assert!(state.contains("\"end\": \"under way\""), "{state}");
    running.signal("-INT");
    let ran = running.wait().exits(130);
    assert!(ran.stderr.contains("interrupted with"), "{}", ran.stderr);
}

#[test]
fn a_signal_that_comes_twice_within_a_moment_is_one_request() {
    let place = Workplace::new();
    let running = long_run(&place, "");
    // Both are there when it goes on.
    for signal in ["-STOP", "-INT", "-TERM", "-CONT"] {
        running.signal(signal);
    }
    let ran = running.wait().exits(130);
    assert!(ran.stderr.contains("interrupted with"), "{}", ran.stderr);
    let state = std::fs::read_to_string(place.partial().join("state.json")).unwrap();
    assert!(state.contains("\"end\": \"interrupted\""), "{state}");
}

#[test]
fn an_exhibit_whose_result_cannot_be_written_is_said_to_be_complete_all_the_same() {
    for more in [&[] as &[&str], &["--json"]] {
        let place = Workplace::new();
        let source = place.path("source");
        write_file(&source, noise(11, usize::try_from(MIB).unwrap()));
        let ran = in_shell("exec >/dev/full;", &place.acquire_command(&source, more)).exits(3);
        let sha256 = sha256sum(&place.exhibit().join("manifest.json"));
        let complete =
            format!("exhibit E1 is complete, read back and verified in {}: sha256 ", place.exhibit().display());
        for words in ["cannot write to standard output", &complete, &format!(", manifest {sha256}")] {
            assert!(ran.stderr.contains(words), "`{words}` is not in {}", ran.stderr);
        }
        let _ = place.verify(&["--read-only"]).exits(0);
    }
}

#[test]
fn a_source_that_gives_only_errors_is_told_of_and_asked_on_however_long_that_takes() {
    if !need(&[Need::Tool("strace")]) {
        return;
    }
    let place = Workplace::new();
    let source = place.path("source");
    write_file(&source, noise(11, usize::try_from(64 * MIB).unwrap()));
    // Beginning and end alone are tried sixteen times: that takes longer than the patience.
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-o", "/dev/null", "-e", "trace=pread64"]);
    strace.args(["-e", "inject=pread64:error=EIO:delay_enter=300000", "-P"]).arg(&source).arg(kanshiki_path());
    let running = Running::start(strace.args(place.acquire_command(&source, &["--patience", "2"]).get_args()));
    wait_until("the image", || place.partial().join("image.raw").exists());
    std::thread::sleep(Duration::from_secs(6));
    running.signal("-INT");
    let ran = running.wait().exits(130);
    assert!(ran.stderr.contains("the source has given only errors for 2 seconds, now at byte "), "{}", ran.stderr);
    assert!(!ran.stderr.contains("gave no data"), "{}", ran.stderr);
    let _ = place.acquire(&source, &["--resume"]).exits(0);
    assert_eq!(sha256sum(&place.exhibit().join("image.raw")), sha256sum(&source));
}
