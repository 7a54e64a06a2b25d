//! What is written is read back; what was not finished is not there; what is no store is refused.

use crate::{
    EventBatch, ExhibitId, FileId, FileRow, Files, Filter, Gap, LogRow, Reader, StoreError, StoredEvent, Writer,
};
use kanshiki_model::{ByteRange, Event, Issue, Span, TimeBasis, Timestamp, Value};
use kanshiki_testkit::{run, tempdir};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

const SECOND: i64 = 1_000_000_000;

/// A store with one exhibit and one file in it, and no event yet.
fn begun(path: &Path) -> (Writer, ExhibitId, FileId) {
    let mut writer = Writer::create_or_open(path).unwrap();
    let exhibit = writer.exhibit("disk", "sha256:00", 1 << 30).unwrap();
    let volume = writer.volume(exhibit, "p1").unwrap();
    writer.begin_part().unwrap();
    let file = FileRow {
        volume,
        path: Some(b"/var/log/auth.log"),
        inode: 12,
        generation: Some(7),
        state: "live",
        file_type: "file",
        size: 4096,
        mode: 0o640,
        uid: 0,
        gid: 4,
        links: 1,
        times: [Some(SECOND), None, Some(-SECOND), None, None],
    };
    let file = writer.file(&file).unwrap();
    writer.end_tree(exhibit, "parsers").unwrap();
    (writer, exhibit, file)
}

/// Puts events with these seconds and messages, as one log.
fn put(writer: &mut Writer, file: FileId, events: &[(Option<i64>, &str)]) {
    let mut batch = EventBatch::default();
    for (number, (seconds, message)) in events.iter().enumerate() {
        let line = u64::try_from(number).unwrap() + 1;
        batch.push(&Event {
            kind: "ssh.login-failed",
            time: seconds.map(|seconds| Timestamp::from_nanoseconds(seconds * SECOND)),
            basis: TimeBasis::YearInferred,
            span: Span { offset: line * 100, content_offset: None, length: 99, line: Some(line) },
            program: b"sshd",
            pid: Some(42),
            user: b"root",
            address: b"192.0.2.7",
            message: message.as_bytes(),
            fields: &[("port", Value::Number(4711))],
            ..Event::default()
        });
    }
    writer.put(Files::Log(file), batch).unwrap();
}

fn messages(path: &Path, filter: &Filter) -> Vec<String> {
    let mut found = Vec::new();
    let reader = Reader::open(path).unwrap();
    reader
        .events(filter, &mut |event: &StoredEvent| {
            found.push(event.message.clone().unwrap_or_default());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(reader.count(filter).unwrap(), i64::try_from(found.len()).unwrap());
    found
}

#[test]
fn events_come_back_in_the_order_of_time_with_all_that_was_put() {
    let place = tempdir();
    let path = place.path().join("events.sqlite");
    let (mut writer, exhibit, file) = begun(&path);
    writer.begin_part().unwrap();
    put(&mut writer, file, &[(Some(30), "third"), (None, "no time"), (Some(-5), "first"), (Some(30), "fourth")]);
    let gap = Gap { start: Some(SECOND), end: None, reason: "silent".to_owned() };
    writer.issue(exhibit, Some(file), &Issue::at("auth.log", ByteRange::new(5, 9), "no record")).unwrap();
    let log = LogRow { parser: "syslog 1".to_owned(), state: "whole", records: 4, ..LogRow::default() };
    writer.end_log(file, &log, &[gap]).unwrap();
    writer.close().unwrap();

    assert_eq!(messages(&path, &Filter::default()), ["first", "third", "fourth", "no time"]);
    let range = Filter { from: Some(0), to: Some(31 * SECOND), ..Filter::default() };
    assert_eq!(messages(&path, &range), ["third", "fourth"]);
    for (sources, kinds, exhibit, expected) in [
        (vec!["ssh"], vec![], None, 4),
        (vec!["ssh"], vec!["*.login"], None, 0),
        (vec!["ss"], vec![], None, 0),
        (vec![], vec![], Some("di*"), 4),
        (vec![], vec![], Some("other"), 0),
    ] {
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        let (sources, kinds) = (owned(sources), owned(kinds));
        let filter = Filter { sources, kinds, exhibit: exhibit.map(str::to_owned), ..Filter::default() };
        assert_eq!(messages(&path, &filter).len(), expected, "{filter:?}");
    }
    let mut all = Vec::new();
    let reader = Reader::open(&path).unwrap();
    let filter = Filter {
        text: Some("FIRST".to_owned()),
        user: Some("root".to_owned()),
        address: Some("192.0.2.7".to_owned()),
        kinds: vec!["ssh.*".to_owned()],
        path: Some("/var/log/*".to_owned()),
        ..Filter::default()
    };
    reader
        .events(&filter, &mut |event| {
            all.push(event.clone());
            ControlFlow::Continue(())
        })
        .unwrap();
    let text = |text: &str| Some(text.to_owned());
    let expected = StoredEvent {
        id: 3,
        time: Some(-5 * SECOND),
        basis: "year-inferred".to_owned(),
        kind: "ssh.login-failed".to_owned(),
        exhibit: "disk".to_owned(),
        volume: "p1".to_owned(),
        path: text("/var/log/auth.log"),
        inode: 12,
        state: "live".to_owned(),
        file_type: "file".to_owned(),
        mode: 0o640,
        uid: 0,
        gid: 4,
        size: 4096,
        offset: 300,
        content_offset: None,
        length: 99,
        line: Some(3),
        host: None,
        program: text("sshd"),
        pid: Some(42),
        user: text("root"),
        address: text("192.0.2.7"),
        message: text("first"),
        fields: text(r#"{"port":4711}"#),
    };
    assert_eq!(all, [expected]);
}

#[test]
fn a_text_is_found_in_any_case_and_signs_of_patterns_stand_for_themselves() {
    let place = tempdir();
    let path = place.path().join("events.sqlite");
    let (mut writer, _, file) = begun(&path);
    writer.begin_part().unwrap();
    put(&mut writer, file, &[(Some(1), "100% Sure"), (Some(2), "100x sure"), (Some(3), "a_b!"), (Some(4), "axb!")]);
    writer.end_log(file, &LogRow::default(), &[]).unwrap();
    writer.close().unwrap();
    let find = |text: &str| messages(&path, &Filter { text: Some(text.to_owned()), ..Filter::default() });
    assert_eq!(find("100% s"), ["100% Sure"]);
    assert_eq!(find("A_B!"), ["a_b!"]);
    assert_eq!(find("4711").len(), 4);
    assert_eq!(find("xmrig").len(), 0);
}

#[test]
fn a_part_that_was_not_ended_is_not_there_and_the_numbers_go_on() {
    let place = tempdir();
    let path = place.path().join("events.sqlite");
    let (mut writer, _, file) = begun(&path);
    writer.begin_part().unwrap();
    put(&mut writer, file, &[(Some(1), "whole")]);
    writer.end_log(file, &LogRow::default(), &[]).unwrap();
    writer.commit().unwrap();
    writer.begin_part().unwrap();
    put(&mut writer, file, &[(Some(2), "lost")]);
    // As a kill leaves it.
    drop(writer);
    assert_eq!(messages(&path, &Filter::default()), ["whole"]);

    let mut writer = Writer::create_or_open(&path).unwrap();
    writer.begin_part().unwrap();
    put(&mut writer, file, &[(Some(2), "taken out")]);
    writer.take_out_part().unwrap();
    writer.begin_part().unwrap();
    put(&mut writer, file, &[(Some(3), "again")]);
    writer.end_log(file, &LogRow::default(), &[]).unwrap();
    writer.close().unwrap();
    assert_eq!(messages(&path, &Filter::default()), ["whole", "again"]);
}

#[test]
fn one_alone_writes_and_others_may_read() {
    let place = tempdir();
    let path = place.path().join("events.sqlite");
    let (writer, ..) = begun(&path);
    assert!(matches!(Writer::create_or_open(&path), Err(StoreError::Busy { .. })));
    writer.close().unwrap();
    let (writer, ..) = (Writer::create_or_open(&path).unwrap(), ());
    assert!(Reader::open(&path).unwrap().exhibits().is_ok());
    drop(writer);
}

#[test]
fn the_sqlite3_shell_opens_the_store_and_shows_the_timeline() {
    if !kanshiki_testkit::need(&[kanshiki_testkit::Need::Tool("sqlite3")]) {
        return;
    }
    let place = tempdir();
    let path = place.path().join("events.sqlite");
    let (mut writer, _, file) = begun(&path);
    writer.begin_part().unwrap();
    put(&mut writer, file, &[(Some(-1), "one"), (Some(1_700_000_000), "two")]);
    writer.end_log(file, &LogRow::default(), &[]).unwrap();
    writer.close().unwrap();
    let sql = "SELECT utc, basis, kind, path, user, message FROM timeline ORDER BY time";
    let shown = run(Command::new("sqlite3").arg(&path).arg(sql)).exits(0).stdout;
    let expected = "1969-12-31T23:59:59Z|year-inferred|ssh.login-failed|/var/log/auth.log|root|one
2023-11-14T22:13:20Z|year-inferred|ssh.login-failed|/var/log/auth.log|root|two\n";
    assert_eq!(shown, expected);
    let sum = "SELECT hour * 3600, events FROM hours ORDER BY hour; PRAGMA integrity_check";
    assert_eq!(run(Command::new("sqlite3").arg(&path).arg(sum)).exits(0).stdout, "-3600|1\n1699999200|1\nok\n");
}

#[test]
fn what_is_no_store_or_another_schema_is_refused() {
    let place = tempdir();
    let path = place.path().join("x");
    assert!(matches!(Reader::open(&path), Err(StoreError::Missing { .. })));
    kanshiki_testkit::write_file(&path, "no database at all, only text that is long enough to be read as a header");
    assert!(matches!(Reader::open(&path), Err(StoreError::NotAStore { .. })));
    assert!(matches!(Writer::create_or_open(&path), Err(StoreError::NotAStore { .. })));
    // What SQLite would wait for, or make elsewhere.
    let pipe = place.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let link = place.path().join("link");
    std::os::unix::fs::symlink(place.path().join("elsewhere"), &link).unwrap();
    for path in [&pipe, &link] {
        assert!(matches!(Writer::create_or_open(path), Err(StoreError::NotAStore { .. })));
    }
    assert!(matches!(Reader::open(&pipe), Err(StoreError::NotAStore { .. })));
    assert!(!place.path().join("elsewhere").exists());
    let path = place.path().join("newer");
    drop(begun(&path));
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let said = Reader::open(&path).unwrap_err().to_string();
    assert!(said.ends_with("has schema 99; this program reads schema 1"), "{said}");
}

#[test]
fn a_reader_can_neither_write_nor_make_files() {
    let place = tempdir();
    let path = place.path().join("events.sqlite");
    begun(&path).0.close().unwrap();
    let reader = Reader::open(&path).unwrap();
    let other = place.path().join("other").display().to_string();
    for sql in ["DELETE FROM files".to_owned(), format!("ATTACH '{other}' AS x"), format!("VACUUM INTO '{other}'")] {
        assert!(reader.connection().execute_batch(&sql).is_err(), "{sql}");
    }
    assert!(!place.path().join("other").exists());
}

#[test]
fn every_question_has_a_name_of_its_own() {
    let mut names: Vec<&str> = crate::QUESTIONS.iter().map(|question| question.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}
