//! The command line as a user meets it: help texts, versions, and what a wrong command line gets.
//!
//! `KANSHIKI_UPDATE_SNAPSHOTS=1 cargo test -p kanshiki` writes the help texts anew; the difference is then read in the
//! change.
#![expect(clippy::expect_used, reason = "the helpers of a test fail like the test itself")]

use std::path::Path;
use std::process::{Command, Output};

fn kanshiki(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kanshiki"))
        .args(arguments)
        .env_remove("COLUMNS")
        .env_remove("NO_COLOR")
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn assert_help_is_the_snapshot(name: &str, arguments: &[&str]) {
    let output = kanshiki(arguments);
    assert_eq!(output.status.code(), Some(0));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(format!("{name}.txt"));
    if std::env::var_os("KANSHIKI_UPDATE_SNAPSHOTS").is_some() {
        #[expect(clippy::disallowed_methods, reason = "writes the expectation of this test, when asked to")]
        std::fs::write(&path, &output.stdout).expect("the snapshot is written");
    }
    let expected = std::fs::read_to_string(&path).expect("the snapshot is there");
    assert_eq!(text(&output.stdout), expected);
    assert!(expected.lines().all(|line| line.chars().count() <= 100), "a line is longer than 100 characters");
    assert!(!expected.contains('\u{1b}'));
}

#[test]
fn help_that_cannot_be_written_is_a_failure() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    for arguments in [&["--help"][..], &["ls", "--help"], &["--version"]] {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" > /dev/full", env!("CARGO_BIN_EXE_kanshiki")]).args(arguments);
        assert_eq!(command.status().expect("the shell starts").code(), Some(4), "{arguments:?}");
    }
}

fn assert_refused(arguments: &[&str], message: &str) {
    let output = kanshiki(arguments);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
}

const ACQUIRE: [&str; 6] = ["acquire", "disk.raw", "--case", "no-such-case", "--exhibit", "E1"];

fn acquire_with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ACQUIRE.iter().chain(more).copied().collect()
}

#[test]
#[cfg(all(feature = "demo", feature = "manual", feature = "mount", feature = "shell"))]
fn the_help_of_the_program_is_the_snapshot() {
    assert_help_is_the_snapshot("kanshiki", &["--help"]);
}

#[test]
fn the_help_of_acquire_is_the_snapshot() {
    assert_help_is_the_snapshot("acquire", &["acquire", "--help"]);
}

#[test]
fn the_help_of_verify_is_the_snapshot() {
    assert_help_is_the_snapshot("verify", &["verify", "--help"]);
}

#[test]
fn the_help_of_custody_and_its_verbs_are_the_snapshots() {
    assert_help_is_the_snapshot("custody", &["custody", "--help"]);
    assert_help_is_the_snapshot("custody-add", &["custody", "add", "--help"]);
    assert_help_is_the_snapshot("custody-log", &["custody", "log", "--help"]);
}

#[test]
fn the_help_of_info_and_schema_are_the_snapshots() {
    assert_help_is_the_snapshot("info", &["info", "--help"]);
    assert_help_is_the_snapshot("schema", &["schema", "--help"]);
}

#[test]
fn the_help_of_the_verbs_that_look_into_images_are_the_snapshots() {
    for verb in ["ls", "tree", "stat", "cat", "hexdump", "blocks", "deleted", "packages", "check", "extract"] {
        assert_help_is_the_snapshot(verb, &[verb, "--help"]);
    }
    for verb in ["find", "grep", "strings", "hash", "timeline"] {
        assert_help_is_the_snapshot(verb, &[verb, "--help"]);
    }
}

#[test]
#[cfg(feature = "shell")]
fn the_help_of_shell_is_the_snapshot() {
    assert_help_is_the_snapshot("shell", &["shell", "--help"]);
}

#[test]
#[cfg(feature = "mount")]
fn the_help_of_mount_is_the_snapshot() {
    assert_help_is_the_snapshot("mount", &["mount", "--help"]);
}

#[test]
fn every_schema_that_help_names_is_printed() {
    for name in ["manifest", "case", "custody-entry", "custody-head"] {
        let schema: serde_json::Value =
            serde_json::from_slice(&kanshiki(&["schema", name]).stdout).expect("the schema is JSON");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
}

#[test]
#[cfg(feature = "demo")]
fn the_help_of_demo_is_the_snapshot() {
    assert_help_is_the_snapshot("demo", &["demo", "--help"]);
}

#[test]
#[cfg(feature = "manual")]
fn the_help_of_completions_and_manual_are_the_snapshots() {
    assert_help_is_the_snapshot("completions", &["completions", "--help"]);
    assert_help_is_the_snapshot("manual", &["manual", "--help"]);
}

#[test]
fn the_version_begins_with_name_and_number() {
    let output = kanshiki(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with(concat!("kanshiki ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn nothing_to_do_is_a_wrong_command_line() {
    let output = kanshiki(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("Usage: kanshiki"));
}

#[test]
fn an_unknown_verb_is_named() {
    assert_refused(&["aquire"], "'aquire'");
}

#[test]
fn acquire_without_source_case_and_exhibit_names_all_three() {
    let stderr = text(&kanshiki(&["acquire"]).stderr);
    assert!(["--case <DIR>", "--exhibit <ID>", "<SOURCE>"].iter().all(|name| stderr.contains(name)), "{stderr}");
    assert_refused(&["acquire"], "required");
}

#[test]
fn a_list_of_disks_takes_no_source() {
    assert_refused(&["acquire", "/dev/sda", "--list"], "cannot be used with");
}

#[test]
fn an_exhibit_that_would_leave_its_folder_is_refused() {
    assert_refused(&["acquire", "disk.raw", "--case", "c", "--exhibit", "../E1"], "../E1");
}

#[test]
fn an_unknown_hash_is_refused_with_the_known_ones() {
    assert_refused(&acquire_with(&["--hash", "md5,crc32"]), "expected md5, sha1, sha256, sha512 or blake3");
}

#[test]
fn a_size_that_is_none_is_refused() {
    assert_refused(&acquire_with(&["--format", "split", "--split-size", "much"]), "`much` is not a size");
}

#[test]
fn options_of_another_format_are_refused() {
    assert_refused(&acquire_with(&["--split-size", "1G"]), "no meaning without --format split");
    assert_refused(&acquire_with(&["--zstd-level", "3"]), "no meaning without --format zstd");
}

#[test]
fn levels_and_patience_have_limits() {
    assert_refused(&acquire_with(&["--format", "zstd", "--zstd-level", "20"]), "20 is not in 1..=19");
    assert_refused(&acquire_with(&["--patience", "0"]), "0 is not in 1..");
}

#[test]
fn ranges_and_digests_to_verify_are_checked() {
    assert_refused(&["verify", "x", "--range", "2M-1M"], "must lie above the start");
    assert_refused(&["verify", "x", "--sha256", "abc"], "a sha256 digest has 64 hexadecimal digits, found 3");
    assert_refused(&["verify", "x", "--quick", "--sha256", &"0".repeat(64)], "cannot be used with");
}

#[test]
fn handing_over_needs_a_receiver() {
    assert_refused(&["custody", "add", "--act", "handed-over", "--case", "x"], "--to <NAME>");
}

#[test]
fn a_case_that_is_not_there_is_named() {
    let output = kanshiki(&["custody", "log", "--case", "/no/such/case"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("/no/such/case"), "{}", text(&output.stderr));
}

#[test]
fn a_wrong_command_line_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let case = folder.path().join("case");
    let case = case.to_str().expect("the path is UTF-8");
    assert_refused(&["acquire", "x", "--case", case, "--exhibit", "E1", "--retries", "few"], "--retries");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder is there").count(), 0);
}

#[test]
fn colour_comes_only_when_it_is_asked_for() {
    let always = text(&kanshiki(&["--color", "always", "verify", "/no/such/image"]).stderr);
    let auto = text(&kanshiki(&["verify", "/no/such/image"]).stderr);
    assert!(always.starts_with("\u{1b}[1;31merror\u{1b}[0m: "), "{always}");
    assert!(auto.starts_with("error: "), "{auto}");
    assert!(text(&kanshiki(&["--color=always", "--help"]).stdout).contains('\u{1b}'));
}

#[test]
fn a_failure_is_also_an_event_for_programs() {
    let output = kanshiki(&["verify", "/no/such/image", "--json", "--quiet"]);
    assert_eq!(output.status.code(), Some(4));
    let event: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(event["event"], "error");
    assert_eq!(event["exit_code"], 4);
    assert_eq!(event["schema"], 1);
}

#[test]
fn a_reader_that_goes_away_does_not_make_a_failure() {
    let script = "\"$0\" --help | true; exit ${PIPESTATUS[0]}";
    let status = Command::new("bash").args(["-c", script, env!("CARGO_BIN_EXE_kanshiki")]).status();
    assert_eq!(status.expect("bash is there").code(), Some(0));
}

#[test]
fn standard_output_that_cannot_be_written_is_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full is there");
    let program = Command::new(env!("CARGO_BIN_EXE_kanshiki")).args(["schema", "manifest"]).stdout(full).output();
    let output = program.expect("the program starts");
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("because: no space left on device"), "{}", text(&output.stderr));
}

#[test]
#[cfg(feature = "manual")]
fn manual_pages_are_made_for_every_verb_and_replace_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_str().expect("the path is UTF-8");
    assert_eq!(kanshiki(&["manual", "--dir", path]).status.code(), Some(0));
    let page = std::fs::read_to_string(folder.path().join("kanshiki-acquire.1")).expect("the page is there");
    assert!(page.contains("kanshiki\\-acquire") && page.contains("\\-\\-exhibit"), "{page}");
    let again = kanshiki(&["manual", "--dir", path]);
    assert_eq!(again.status.code(), Some(4));
    assert!(text(&again.stderr).contains("because: file exists"), "{}", text(&again.stderr));
}

#[test]
#[cfg(feature = "manual")]
fn completions_are_made_for_bash() {
    let script = text(&kanshiki(&["completions", "bash"]).stdout);
    assert!(script.contains("--exhibit") && script.contains("complete -F"), "{script}");
}
