//! `kanshiki custody` on a small case.
#![expect(clippy::expect_used, reason = "the helpers of a test fail like the test itself")]

use kanshiki_custody::Case;
use kanshiki_model::{Clock, Timestamp};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanoseconds(1_700_000_000_000_000_000)
    }
}

fn new_case(folder: &Path) -> PathBuf {
    let path = folder.join("case");
    Case::create_or_open(&path, &Noon).expect("the case is made");
    path
}

fn custody(case: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kanshiki"));
    command.arg("custody").args(arguments).arg("--case").arg(case).output().expect("the program starts")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn notes_and_acts_are_added_in_order_and_the_log_is_intact() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let case = new_case(folder.path());
    let before = json(&custody(&case, &["log", "--json"]))["entries"].as_array().expect("a list").len();

    let note = custody(&case, &["note", "sealed in bag 4711", "--examiner", "A. Mori"]);
    let handed = custody(&case, &["add", "--act", "handed-over", "--to", "B. Okafor", "--text", "the copy"]);
    assert_eq!((note.status.code(), handed.status.code()), (Some(0), Some(0)));

    let log = json(&custody(&case, &["log", "--json"]));
    let added = &log["entries"].as_array().expect("a list")[before..];
    assert_eq!(added.len(), 2);
    assert_eq!((&added[0]["act"], &added[0]["who"]), (&"note".into(), &"A. Mori".into()));
    assert_eq!(added[0]["what"], "sealed in bag 4711");
    assert_eq!((&added[1]["act"], &added[1]["who"]), (&"handed-over".into(), &"not told".into()));
    assert_eq!(added[1]["what"], "handed over to B. Okafor: the copy");
    let check = custody(&case, &["check", "--json"]);
    assert_eq!((check.status.code(), &json(&check)["verdict"]), (Some(0), &"intact".into()));
}

#[test]
fn an_act_that_was_changed_is_exit_code_1() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let case = new_case(folder.path());
    assert_eq!(custody(&case, &["note", "as it was"]).status.code(), Some(0));
    assert_eq!(custody(&case, &["note", "after it"]).status.code(), Some(0));
    let log = case.join("custody");
    let mut names: Vec<_> = std::fs::read_dir(&log)
        .expect("the log is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    names.sort();
    let path = &names[names.len() - 2];
    let changed = std::fs::read_to_string(path).expect("the entry is there").replace("as it was", "as it is.");
    replace(path, &changed);

    let check = custody(&case, &["check"]);
    assert_eq!(check.status.code(), Some(1), "{check:?}");
    assert!(String::from_utf8_lossy(&check.stdout).starts_with("DIFFERS"));
}

#[expect(clippy::disallowed_methods, reason = "does to the log what must be noticed")]
fn replace(path: &Path, text: &str) {
    std::fs::remove_file(path).expect("the old entry goes");
    std::fs::write(path, text).expect("the changed entry comes");
}

#[test]
fn a_name_in_the_log_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let case = new_case(folder.path());
    assert_eq!(custody(&case, &["note", "\u{1b}[2J gone"]).status.code(), Some(0));
    let log = custody(&case, &["log"]);
    assert!(!log.stdout.contains(&0x1b));
    assert!(String::from_utf8_lossy(&log.stdout).contains("\\u{1b}[2J gone"));
}

#[test]
fn a_log_with_an_act_removed_or_changed_is_shown_with_what_is_wrong_and_exit_code_3() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let case = new_case(folder.path());
    for text in ["first", "as it was", "last"] {
        assert_eq!(custody(&case, &["note", text]).status.code(), Some(0));
    }
    assert_eq!(custody(&case, &["log"]).status.code(), Some(0));
    let entry = case.join("custody/00000001.json");
    let before = std::fs::read_to_string(&entry).expect("the entry is there");

    replace(&entry, &before.replace("as it was", "as it is."));
    let log = custody(&case, &["log"]);
    let said = String::from_utf8_lossy(&log.stdout);
    assert_eq!(log.status.code(), Some(3), "{said}");
    assert!(said.contains("as it is.") && said.contains("! entry 1 was changed"), "{said}");
    assert!(said.contains("kanshiki custody check"), "{said}");

    remove(&entry);
    let log = custody(&case, &["log", "--json"]);
    assert_eq!((log.status.code(), &json(&log)["exit_code"]), (Some(3), &3.into()));
    assert_eq!(json(&log)["problems"][0], "entry 1 is missing");
}

#[expect(clippy::disallowed_methods, reason = "does to the log what must be noticed")]
fn remove(path: &Path) {
    std::fs::remove_file(path).expect("the entry goes");
}
