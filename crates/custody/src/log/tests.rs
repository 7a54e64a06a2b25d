use super::*;
use crate::case::tests::{FixedClock, new_case};
use proptest::prelude::*;
use std::process::{Command, Stdio};

const CASE_VARIABLE: &str = "KANSHIKI_TEST_CUSTODY_CASE";

pub(super) fn act(kind: ActKind, what: &str) -> Act {
    let subjects = vec![Subject { name: "image.raw".to_owned(), sha256: "ab".repeat(32) }];
    Act { kind, who: "Jane Doe".to_owned(), what: what.to_owned(), subjects, tool: "kanshiki 0.1.0".to_owned() }
}

pub(super) fn log_of(acts: u64) -> (tempfile::TempDir, Case, CustodyLog) {
    let (temporary, case) = new_case();
    let log = CustodyLog::open(&case).unwrap();
    for number in 0..acts {
        log.append(act(ActKind::Note, &format!("note {number}")), &FixedClock).unwrap();
    }
    (temporary, case, log)
}

fn problems(log: &CustodyLog) -> Vec<String> {
    log.check().unwrap().problems
}

fn change(log: &CustodyLog, name: &str, from: &str, to: &str) {
    let text = String::from_utf8(log.folder.read_small(name, 1 << 20).unwrap()).unwrap();
    assert!(text.contains(from), "{text}");
    log.folder.replace(name, text.replace(from, to).as_bytes()).unwrap();
}

/// The script's exit code and output under one shell; `None` if the shell is not installed.
pub(super) fn run_script(shell: &[&str], case: &Case, arguments: &[&str]) -> Option<(i32, String)> {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(case.path().join("verify.sh")).args(arguments);
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    Some((output.status.code().unwrap(), text))
}

#[track_caller]
pub(super) fn assert_script(case: &Case, arguments: &[&str], code: i32, words: &str) {
    for shell in [&["dash"][..], &["busybox", "sh"][..], &["bash", "--posix"][..]] {
        match run_script(shell, case, arguments) {
            Some((found, text)) => {
                assert_eq!(found, code, "{shell:?}: {text}");
                assert!(text.contains(words), "{shell:?}: {text}");
            }
            None => println!("skipped: {shell:?} is not installed"),
        }
    }
}

#[test]
fn an_entry_is_one_line_of_json() {
    let (_temporary, case, log) = log_of(0);
    let own = case.own_files().unwrap();
    let [record, script] = own.as_slice() else { panic!("{own:?}") };
    assert_eq!(script.sha256, hex_sha256(crate::case::VERIFY_SCRIPT.as_bytes()));
    log.append(act(ActKind::HandedOver, "to the \"lab\"\n"), &FixedClock).unwrap();
    let bytes = log.folder.read_small("00000000.json", 1 << 20).unwrap();
    assert_eq!(
        String::from_utf8(bytes.clone()).unwrap(),
        format!(
            "{{\"schema\":1,\"kind\":\"kanshiki custody entry\",\"sequence\":0,\"previous\":\"{NO_PREVIOUS}\",\
             \"time\":\"2023-11-14T22:13:20Z\",\"act\":\"handed-over\",\"who\":\"Jane Doe\",\
             \"what\":\"to the \\\"lab\\\"\\n\",\"subjects\":[{{\"name\":\"case.json\",\"sha256\":\"{}\"}},\
             {{\"name\":\"verify.sh\",\"sha256\":\"{}\"}},{{\"name\":\"image.raw\",\"sha256\":\"{}\"}}],\
             \"tool\":\"kanshiki 0.1.0\"}}\n",
            record.sha256,
            script.sha256,
            "ab".repeat(32)
        )
    );
    assert_eq!(
        String::from_utf8(log.folder.read_small("HEAD", 1 << 20).unwrap()).unwrap(),
        format!(
            "{{\"schema\":1,\"kind\":\"kanshiki custody head\",\"entries\":1,\"sha256\":\"{}\"}}\n",
            hex_sha256(&bytes)
        )
    );
}

#[test]
fn a_good_log_is_intact_and_lists_its_acts() {
    let (_temporary, case, log) = log_of(12);
    let check = log.check().unwrap();
    let entries = log.entries().unwrap();
    assert_eq!((check.verdict(), check.entries, check.notes), (LogVerdict::Intact, 12, vec![]));
    assert_eq!(entries.len(), 12);
    assert_eq!(entries[11].1.as_ref().unwrap().what, "note 11");
    assert_script(&case, &[], 0, "HEAD and 12 entries agree");
}

#[test]
fn text_of_operators_is_shown_visibly() {
    let (_temporary, _case, log) = log_of(0);
    let entry = log.append(act(ActKind::Note, "a\u{1b}[2J"), &FixedClock).unwrap();
    let line = entry.to_string();
    assert_eq!(line.lines().next().unwrap(), "     0  2023-11-14T22:13:20Z  note         Jane Doe: a\\u{1b}[2J");
}

#[test]
fn a_changed_entry_is_named() {
    let (_temporary, case, log) = log_of(5);
    change(&log, "00000002.json", "note 2", "note X");
    let found = problems(&log);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("entry 2 was changed: entry 3 names "), "{found:?}");
    assert_script(&case, &[], 1, "differs: custody/00000003.json does not follow from the entry before it");
}

#[test]
fn a_changed_last_entry_is_named() {
    let (_temporary, case, log) = log_of(3);
    change(&log, "00000002.json", "note 2", "note X");
    assert!(problems(&log)[0].starts_with("entry 2 was changed: HEAD names "));
    assert!(matches!(log.append(act(ActKind::Note, "x"), &FixedClock), Err(CustodyError::LogDamaged { .. })));
    assert_eq!(log.check().unwrap().entries, 3);
    assert_script(&case, &[], 1, "differs: HEAD does not name entry 3 as the last");
}

#[test]
fn an_entry_whose_link_was_changed_is_named_and_the_one_before_is_not_accused() {
    let (_temporary, _case, log) = log_of(5);
    let digest = hex_sha256(&log.folder.read_small("00000001.json", 1 << 20).unwrap());
    change(&log, "00000002.json", &digest, &"0".repeat(64));
    let found = problems(&log);
    assert_eq!(found[0], "entry 1 is not confirmed: entry 2, changed itself, names another");
    assert!(found[1].starts_with("entry 2 was changed: entry 3 names "), "{found:?}");
    assert_eq!(found.len(), 2);
}

#[test]
fn missing_entries_are_named() {
    let (_temporary, case, log) = log_of(9);
    for name in ["00000002.json", "00000005.json", "00000006.json"] {
        log.folder.remove_own(name).unwrap();
    }
    assert_eq!(problems(&log), ["entry 2 is missing", "entries 5 to 6 are missing"]);
    assert_script(&case, &[], 1, "differs: custody/00000002.json is missing before custody/00000008.json");
}

#[test]
fn a_log_cut_at_its_end_is_told_by_head() {
    let (_temporary, case, log) = log_of(4);
    log.folder.remove_own("00000003.json").unwrap();
    assert_eq!(problems(&log), ["the log is cut: HEAD names 4 entries, it ends after 3"]);
    assert_eq!(
        log.append(act(ActKind::Note, "x"), &FixedClock).unwrap_err().to_string(),
        format!(
            "the custody log of `{}` is damaged, nothing was added to it: entry 3, which HEAD names, is missing",
            case.path().display()
        )
    );
    assert_script(&case, &[], 1, "differs: HEAD does not name entry 3 as the last");
}

#[test]
fn an_entry_cut_short_is_named_with_the_byte() {
    let (_temporary, case, log) = log_of(3);
    let bytes = log.folder.read_small("00000001.json", 1 << 20).unwrap();
    log.folder.replace("00000001.json", &bytes[..100]).unwrap();
    let found = problems(&log);
    assert_eq!(
        found[0],
        "custody/00000001.json: damaged kanshiki custody entry: cut short at line 1, column 100 (byte 100)"
    );
    assert!(found[1].starts_with("entry 1 was changed: entry 2 names "), "{found:?}");
    assert_script(&case, &[], 1, "or is cut");
}

#[test]
fn an_emptied_entry_is_named() {
    let (_temporary, case, log) = log_of(3);
    log.folder.replace("00000002.json", b"").unwrap();
    assert!(problems(&log)[0].starts_with("custody/00000002.json: damaged kanshiki custody entry: cut short"));
    assert_script(&case, &[], 1, "differs: HEAD does not name entry 2 as the last");
    log.folder.replace("00000001.json", b"").unwrap();
    assert_script(&case, &[], 1, "differs: custody/00000001.json is missing before custody/00000002.json");
}

#[test]
fn added_entries_and_stray_files_are_named() {
    let (_temporary, case, log) = log_of(3);
    let bytes = log.folder.read_small("00000002.json", 1 << 20).unwrap();
    log.folder.write_new("00000003.json", &bytes).unwrap();
    log.folder.write_new("00000004.json", &bytes).unwrap();
    log.folder.write_new("note.txt", b"").unwrap();
    let found = problems(&log);
    assert_eq!(found[0], "custody/note.txt was added: it does not belong to the log");
    assert_eq!(found[1], "entries from 3 on were added: HEAD names 3 entries");
    assert_script(&case, &[], 1, "differs: custody/note.txt does not belong to the log");
}

#[test]
fn one_entry_added_that_does_not_follow_is_told_and_not_mended() {
    let (_temporary, case, log) = log_of(3);
    let bytes = log.folder.read_small("00000002.json", 1 << 20).unwrap();
    log.folder.write_new("00000003.json", &bytes).unwrap();
    assert_eq!(log.check().unwrap().verdict(), LogVerdict::Differs);
    assert!(matches!(log.append(act(ActKind::Note, "x"), &FixedClock), Err(CustodyError::LogDamaged { .. })));
    assert_script(&case, &[], 1, "differs: custody/00000003.json does not follow");
}

#[test]
fn a_newer_entry_or_head_cannot_be_judged() {
    let (_temporary, case, log) = log_of(2);
    change(&log, "HEAD", "\"schema\":1", "\"schema\":2");
    let check = log.check().unwrap();
    assert_eq!(check.verdict(), LogVerdict::CannotJudge);
    assert_eq!(
        check.newer,
        ["custody/HEAD: kanshiki custody head of schema 2, made by a newer version of kanshiki: this one reads up to \
          schema 1"]
    );
    change(&log, "00000001.json", "\"schema\":1", "\"schema\":2");
    assert_eq!(log.check().unwrap().newer.len(), 2);
    assert_script(&case, &[], 4, "custody/00000001.json was made by a newer kanshiki");
}

#[test]
fn a_head_of_a_schema_that_never_was_differs() {
    let (_temporary, case, log) = log_of(2);
    change(&log, "HEAD", "\"schema\":1", "\"schema\":0");
    let check = log.check().unwrap();
    assert_eq!(check.verdict(), LogVerdict::Differs);
    assert_eq!(check.problems, ["custody/HEAD: damaged kanshiki custody head: schema 0, but the first one is 1"]);
    assert_script(&case, &[], 1, "differs: HEAD does not name entry 2 as the last");
}

#[test]
fn a_run_cut_off_between_entry_and_head_is_told_as_such_and_mended_by_the_next_act() {
    let (_temporary, case, log) = log_of(2);
    let head = log.folder.read_small("HEAD", 1 << 20).unwrap();
    log.append(act(ActKind::Note, "cut off"), &FixedClock).unwrap();
    log.folder.replace("HEAD", &head).unwrap();
    let check = log.check().unwrap();
    assert_eq!(check.verdict(), LogVerdict::Intact);
    assert_eq!(
        check.notes,
        ["HEAD is one entry behind: a run was cut off after it wrote entry 2; the next act mends this"]
    );
    assert_script(&case, &[], 0, "HEAD is one entry behind 3 entries");
    let next = log.append(act(ActKind::Note, "next"), &FixedClock).unwrap();
    assert_eq!((next.sequence, log.check().unwrap()), (3, LogCheck { notes: vec![], ..log.check().unwrap() }));
}

#[test]
fn a_first_run_cut_off_before_head_is_mended() {
    let (_temporary, case, log) = log_of(1);
    log.folder.remove_own("HEAD").unwrap();
    assert_eq!(log.check().unwrap().verdict(), LogVerdict::Intact);
    assert_script(&case, &[], 0, "HEAD is one entry behind 1 entries");
    assert_eq!(log.append(act(ActKind::Note, "next"), &FixedClock).unwrap().sequence, 1);
}

#[test]
fn a_removed_head_is_told() {
    let (_temporary, case, log) = log_of(3);
    log.folder.remove_own("HEAD").unwrap();
    assert_eq!(problems(&log), ["HEAD is missing, yet there are 3 entries"]);
    assert!(log.append(act(ActKind::Note, "x"), &FixedClock).is_err());
    assert_script(&case, &[], 1, "differs: HEAD");
}

#[test]
fn a_damaged_head_is_named_and_nothing_is_added() {
    let (_temporary, case, log) = log_of(3);
    log.folder.replace("HEAD", b"{").unwrap();
    assert_eq!(problems(&log), ["custody/HEAD: damaged kanshiki custody head: cut short at line 1, column 1 (byte 1)"]);
    assert!(matches!(log.append(act(ActKind::Note, "x"), &FixedClock), Err(CustodyError::Record { .. })));
    assert_script(&case, &[], 1, "differs: HEAD");
}

#[test]
fn an_empty_log_beside_exhibits_was_removed() {
    let (_temporary, case, log) = log_of(0);
    assert_eq!(log.check().unwrap().verdict(), LogVerdict::Intact);
    assert_script(&case, &[], 0, "HEAD and 0 entries agree");
    let (_dir, guard) = case.begin_exhibit("E1").unwrap();
    assert_eq!(problems(&log), Vec::<String>::new());
    case.finish_exhibit("E1", guard).unwrap();
    assert_eq!(problems(&log), ["the log is empty, yet there are exhibits: it was removed"]);
    assert_script(&case, &[], 1, "differs: exhibits/E1 is there without an entry");
}

#[test]
fn the_script_checks_the_files_of_all_exhibits_when_asked() {
    let (_temporary, case, _log) = log_of(1);
    let (dir, guard) = case.begin_exhibit("E1").unwrap();
    dir.write_new("image.raw", b"abc").unwrap();
    let sums = crate::sums::to_text(&[("image.raw", hex_sha256(b"abc"))]);
    dir.write_new("SHA256SUMS", sums.as_bytes()).unwrap();
    case.finish_exhibit("E1", guard).unwrap();
    drop(case.begin_exhibit("E2").unwrap());
    assert_script(&case, &["--all"], 0, "image.raw: OK");
    OutputDir::open(&case.exhibit_dir("E1")).unwrap().replace("image.raw", b"abd").unwrap();
    assert_script(&case, &[], 0, "agree");
    assert_script(&case, &["--all"], 1, "differs: exhibits/E1");
}

#[test]
fn a_removed_folder_is_told_as_such() {
    let (_temporary, case) = new_case();
    std::fs::remove_dir(case.path().join("custody")).unwrap();
    assert_eq!(
        CustodyLog::open(&case).unwrap_err().to_string(),
        format!("the custody log of `{}` is missing: its folder `custody` was removed", case.path().display())
    );
}

#[test]
fn a_clock_set_back_is_a_note_and_no_problem() {
    #[derive(Debug)]
    struct Earlier;
    impl Clock for Earlier {
        fn now(&self) -> kanshiki_model::Timestamp {
            kanshiki_model::Timestamp::from_nanoseconds(0)
        }
    }
    let (_temporary, _case, log) = log_of(1);
    log.append(act(ActKind::Note, "x"), &Earlier).unwrap();
    let check = log.check().unwrap();
    assert_eq!(check.verdict(), LogVerdict::Intact);
    assert_eq!(
        check.notes,
        ["entry 1 is of 1970-01-01T00:00:00Z, before entry 0 of 2023-11-14T22:13:20Z: the clock was set back or was \
          wrong"]
    );
}

#[test]
fn after_closed_no_evidence_is_added_until_the_case_is_opened_again() {
    let (_temporary, case, log) = log_of(1);
    log.append(act(ActKind::Closed, "done"), &FixedClock).unwrap();
    log.append(act(ActKind::Verified, "intact"), &FixedClock).unwrap();
    let refused = format!(
        "the case `{}` is closed: `acquired` is not added before an entry `opened` says why it goes on",
        case.path().display()
    );
    assert_eq!(log.append(act(ActKind::Acquired, "x"), &FixedClock).unwrap_err().to_string(), refused);
    assert_eq!(log.check_appendable(ActKind::Acquired).unwrap_err().to_string(), refused);
    assert!(log.check_appendable(ActKind::HandedOver).is_ok());
    log.append(act(ActKind::Opened, "one more disk"), &FixedClock).unwrap();
    log.append(act(ActKind::Acquired, "x"), &FixedClock).unwrap();
    assert_eq!(log.check().unwrap().entries, 5);
}

#[test]
fn a_text_too_long_is_refused_with_both_lengths() {
    let (_temporary, _case, log) = log_of(0);
    let error = log.append(act(ActKind::Note, &"x".repeat(TEXT_LIMIT + 1)), &FixedClock).unwrap_err();
    assert_eq!(error.to_string(), "the what has 65537 bytes: the custody log takes at most 65536");
    log.append(act(ActKind::Note, &"\u{1}".repeat(TEXT_LIMIT)), &FixedClock).unwrap();
    let mut many = act(ActKind::Note, "x");
    many.subjects = vec![many.subjects[0].clone(); 20_000];
    assert!(matches!(log.append(many, &FixedClock), Err(CustodyError::TooLong { field: "entry as JSON", .. })));
    assert_eq!(log.check().unwrap().entries, 1);
}

#[test]
fn eight_threads_at_once_lose_nothing() {
    let (_temporary, case, log) = log_of(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let case = &case;
            scope.spawn(move || {
                let log = CustodyLog::open(case).unwrap();
                for number in 0..25 {
                    log.append(act(ActKind::Note, &format!("{thread}/{number}")), &FixedClock).unwrap();
                    assert_eq!(log.check().unwrap().problems, Vec::<String>::new());
                }
            });
        }
    });
    let mut texts: Vec<String> = log.entries().unwrap().into_iter().map(|(_, entry)| entry.unwrap().what).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 200);
    assert_eq!(log.check().unwrap().verdict(), LogVerdict::Intact);
}

fn appending_process(case: &Case, acts: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "log::tests::a_process_that_is_given_no_case_appends_nothing", "--nocapture"])
        .env(CASE_VARIABLE, case.path())
        .env("KANSHIKI_TEST_CUSTODY_ACTS", acts)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

// Run by the two tests below in processes of its own.
#[test]
fn a_process_that_is_given_no_case_appends_nothing() {
    let Some(path) = std::env::var_os(CASE_VARIABLE) else { return };
    let acts: u32 = std::env::var("KANSHIKI_TEST_CUSTODY_ACTS").unwrap().parse().unwrap();
    let log = CustodyLog::open(&Case::open(Path::new(&path)).unwrap()).unwrap();
    for number in 0..acts {
        log.append(act(ActKind::Note, &format!("process {} {number}", std::process::id())), &FixedClock).unwrap();
    }
}

#[test]
fn eight_processes_at_once_lose_nothing() {
    let (_temporary, case, log) = log_of(0);
    let mut processes: Vec<_> = (0..8).map(|_| appending_process(&case, "25")).collect();
    for process in &mut processes {
        assert!(process.wait().unwrap().success());
    }
    let check = log.check().unwrap();
    assert_eq!((check.verdict(), check.entries), (LogVerdict::Intact, 200));
    assert_script(&case, &[], 0, "HEAD and 200 entries agree");
}

#[test]
fn a_log_survives_processes_killed_while_they_append() {
    let (_temporary, case, log) = log_of(0);
    for round in 0..20_u64 {
        let mut process = appending_process(&case, "100000");
        std::thread::sleep(std::time::Duration::from_micros(15_000 + round * 1_237));
        process.kill().unwrap();
        process.wait().unwrap();
        let check = log.check().unwrap();
        assert_eq!(check.problems, Vec::<String>::new());
        let next = log.append(act(ActKind::Note, "after the kill"), &FixedClock).unwrap();
        assert!(next.sequence >= check.entries);
    }
    let check = log.check().unwrap();
    assert_eq!((check.verdict(), check.notes), (LogVerdict::Intact, vec![]));
    assert!(check.entries >= 20);
}

#[test]
fn an_entry_that_the_filesystem_left_empty_is_taken_away_by_the_next_act() {
    let (_temporary, case, log) = log_of(1);
    drop(log.folder.create_new("00000001.json").unwrap());
    assert_script(&case, &[], 0, "HEAD and 1 entries agree");
    let check = log.check().unwrap();
    let next = log.append(act(ActKind::Note, "next"), &FixedClock).unwrap();
    assert_eq!(check.verdict(), LogVerdict::Intact);
    assert_eq!(check.notes, ["custody/00000001.json is empty: a run was cut off before it wrote entry 1"]);
    assert_eq!((next.sequence, log.check().unwrap().verdict()), (1, LogVerdict::Intact));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..300, keep in 0_usize..400) {
        let _ = Entry::parse(&bytes);
        let _ = Head::parse(&bytes);
        let mut entry = Entry::new(0, NO_PREVIOUS.to_owned(), FixedClock.now(), act(ActKind::Note, "x")).to_json();
        entry.truncate(keep);
        if let (Some(place), Some(byte)) = (entry.get_mut(at), bytes.first()) {
            *place = *byte;
        }
        let _ = Entry::parse(&entry);
        let mut head = Head::new(1, NO_PREVIOUS.to_owned()).to_json();
        head.truncate(keep);
        let _ = Head::parse(&head);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_changed_byte_of_any_entry_is_found(entry in 0_u64..4, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (_temporary, _case, log) = log_of(4);
        let name = entry_name(entry);
        let mut bytes = log.folder.read_small(&name, 1 << 20).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        log.folder.replace(&name, &bytes).unwrap();
        prop_assert_ne!(log.check().unwrap().verdict(), LogVerdict::Intact);
    }
}

#[test]
fn an_entry_that_was_forged_behind_the_last_is_added_and_not_left_by_a_run_that_was_cut_off() {
    let (_temporary, case, log) = log_of(2);
    let last = log.folder.read_small("00000001.json", 1 << 20).unwrap();
    let forged = Entry::new(2, "ab".repeat(32), FixedClock.now(), act(ActKind::Note, "forged"));
    log.folder.write_new("00000002.json", &forged.to_json()).unwrap();
    let check = log.check().unwrap();
    let problem = "entry 2 was added: HEAD does not name it, and it does not follow from the entries before it";
    assert_eq!((check.problems, check.notes), (vec![problem.to_owned()], vec![]));
    assert!(matches!(log.append(act(ActKind::Note, "x"), &FixedClock), Err(CustodyError::LogDamaged { .. })));
    assert_script(&case, &[], 1, "00000002.json does not follow");

    log.folder.remove_own("00000002.json").unwrap();
    let genuine = Entry::new(2, hex_sha256(&last), FixedClock.now(), act(ActKind::Note, "cut off"));
    log.folder.write_new("00000002.json", &genuine.to_json()).unwrap();
    let check = log.check().unwrap();
    assert!(check.problems.is_empty() && check.notes[0].starts_with("HEAD is one entry behind"), "{check:?}");

    log.folder.replace("00000002.json", b"no JSON").unwrap();
    let check = log.check().unwrap();
    assert_eq!((check.problems.len(), check.notes), (1, vec![]));
}
