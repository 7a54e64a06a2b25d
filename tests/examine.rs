//! `kanshiki examine` and `kanshiki query`, with logs in an image made by mke2fs, and other tools beside them.

use kanshiki_testkit::{Need, Ran, Running, ext_image, kanshiki_path, need, run, tempdir, wait_until, write_file};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const NEEDS: &[Need] = &[Need::Tool("mkfs.ext4"), Need::Tool("zgrep"), Need::Tool("xzgrep"), Need::Tool("sqlite3")];

fn examine(image: &Path, case: &Path) -> Command {
    let mut command = Command::new(kanshiki_path());
    command.arg("examine").arg(image).arg("--case").arg(case);
    command
}

/// The rows of an answer, without what every line has.
fn query(case: &Path, question: &str, more: &[&str]) -> Vec<Value> {
    let asked =
        run(Command::new(kanshiki_path()).args(["query", "--jsonl", question]).args(more).arg("--case").arg(case));
    let lines = asked.exits(0).stdout;
    let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

/// Failed logins of an attack, one each second, a login behind them.
fn attack(lines: usize) -> String {
    let mut log = String::new();
    for number in 0..lines {
        let (minute, second) = (number / 60 % 60, number % 60);
        let _ = writeln!(
            log,
            "Mar  5 {:02}:{minute:02}:{second:02} ferry sshd[{}]: Failed password for invalid user oracle from 192.0.2.{} port {} ssh2",
            number / 3600 % 24,
            1000 + number,
            number % 250,
            1024 + number % 60000
        );
    }
    log + "Mar  5 23:59:58 ferry sshd[99999]: Accepted password for root from 192.0.2.7 port 4711 ssh2\n"
}

fn compressed(tool: &str, bytes: &str, place: &Path) -> Vec<u8> {
    let plain = place.join("plain");
    write_file(&plain, bytes);
    let packed = Command::new(tool).args(["-kc"]).arg(&plain).output().unwrap();
    assert!(packed.status.success());
    std::fs::remove_file(plain).unwrap();
    packed.stdout
}

/// An image with logs, current and rotated, in the zone of Tokyo.
fn image(place: &Path, lines: usize) -> std::path::PathBuf {
    let image = place.join("disk.img");
    let packed = [compressed("gzip", &attack(lines), place), compressed("xz", &attack(7), place)];
    ext_image(&image, 64, &[], |root| {
        std::fs::create_dir_all(root.join("var/log")).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        std::os::unix::fs::symlink("/usr/share/zoneinfo/Asia/Tokyo", root.join("etc/localtime")).unwrap();
        write_file(&root.join("etc/hostname"), "ferry\n");
        let log = root.join("var/log/auth.log");
        write_file(&log, attack(lines) + "no line of syslog\n");
        write_file(&root.join("var/log/auth.log.2.gz"), &packed[0]);
        write_file(&root.join("var/log/auth.log-20240305.xz"), &packed[1]);
        write_file(&root.join("var/log/strange.log"), "what is this?\nnobody knows\n");
        write_file(&root.join("var/log/binary"), [0, 1, 2, 3, 255].repeat(100));
        for name in ["auth.log", "auth.log.2.gz", "auth.log-20240305.xz"] {
            let touched = Command::new("touch")
                .args(["-d", "2024-03-05T15:00:00Z"])
                .arg(root.join("var/log").join(name))
                .status();
            assert!(touched.unwrap().success());
        }
    });
    image
}

#[test]
fn logs_of_every_rotation_become_events_with_their_places() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let image = image(place.path(), 500);
    let case = place.path().join("case");
    let ran: Ran = run(&mut examine(&image, &case)).exits(3);
    assert!(ran.stdout.contains("not understood 1 records"), "{}", ran.stdout);

    let rows = query(
        &case,
        "SELECT path, count(*) AS n FROM timeline WHERE kind GLOB 'ssh.*' GROUP BY path ORDER BY path",
        &[],
    );
    let counts: Vec<(&str, i64)> =
        rows.iter().map(|row| (row["path"].as_str().unwrap(), row["n"].as_i64().unwrap())).collect();
    assert_eq!(
        counts,
        [("/var/log/auth.log", 501), ("/var/log/auth.log-20240305.xz", 8), ("/var/log/auth.log.2.gz", 501)]
    );

    // The zone of the image, the year of the file, the account that was tried.
    let logins = query(&case, "logins", &["--from", "2024-03-05", "--to", "2024-03-05"]);
    assert_eq!(logins.len(), 3);
    for login in &logins {
        assert_eq!((&login["utc"], &login["user"]), (&json!("2024-03-05T14:59:58Z"), &json!("root")));
    }
    let failures = query(&case, "SELECT DISTINCT user FROM timeline WHERE kind = 'ssh.login-failed'", &[]);
    assert_eq!(failures[0]["user"], "oracle");

    // An event leads back to its bytes, as another tool cuts them out.
    let place_of = query(
        &case,
        "SELECT offset, length FROM timeline WHERE kind = 'ssh.login' AND path = '/var/log/auth.log'",
        &[],
    );
    let (offset, length) = (place_of[0]["offset"].as_u64().unwrap(), place_of[0]["length"].as_u64().unwrap());
    let range = format!("{offset}-{}", offset + length);
    let cut = run(Command::new(kanshiki_path()).arg("cat").arg(&image).args(["/var/log/auth.log", "--range", &range]));
    assert_eq!(
        cut.exits(0).stdout,
        "Mar  5 23:59:58 ferry sshd[99999]: Accepted password for root from 192.0.2.7 port 4711 ssh2\n"
    );

    let states =
        query(&case, "SELECT f.path, l.state, l.times FROM logs l JOIN files f ON f.id = l.file ORDER BY f.path", &[]);
    let states: Vec<(&str, &str)> =
        states.iter().map(|row| (row["path"].as_str().unwrap(), row["state"].as_str().unwrap())).collect();
    let expected = [
        ("/var/log/auth.log", "whole"),
        ("/var/log/auth.log-20240305.xz", "whole"),
        ("/var/log/auth.log.2.gz", "whole"),
        ("/var/log/binary", "unsupported"),
        ("/var/log/strange.log", "unsupported"),
    ];
    assert_eq!(states, expected);
    let issue = &query(&case, "issues", &[])[0];
    assert_eq!((&issue["subject"], &issue["message"]), (&json!("/var/log/auth.log"), &json!("no line of syslog")));
}

#[test]
fn logs_over_several_years_are_read_again_with_their_years() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let image = place.path().join("disk.img");
    // One that is handed on as a whole, and one of which a part was handed on before its years were known.
    let years = "Mar  5 00:00:01 h a: 1\nDec  5 00:00:01 h a: 2\nJan  5 00:00:01 h a: 3\nNov  5 00:00:01 h a: 4\nJan  5 00:00:01 h a: 5\n";
    ext_image(&image, 64, &[], |root| {
        std::fs::create_dir_all(root.join("var/log")).unwrap();
        write_file(&root.join("var/log/small.log"), years);
        write_file(&root.join("var/log/large.log"), "Feb  5 00:00:01 h a: zero\n".repeat(50_000) + years);
        for name in ["small.log", "large.log"] {
            let touched = Command::new("touch")
                .args(["-d", "2024-03-05T15:00:00Z"])
                .arg(root.join("var/log").join(name))
                .status();
            assert!(touched.unwrap().success());
        }
    });
    let case = place.path().join("case");
    let _ = run(&mut examine(&image, &case)).exits(0);
    let rows = query(
        &case,
        "SELECT path, count(*) AS n, min(utc) AS first, max(utc) AS last FROM timeline WHERE kind = 'syslog' GROUP BY path ORDER BY path",
        &[],
    );
    let first = |row: &Value| (row["n"].as_i64().unwrap(), row["first"].as_str().unwrap().to_owned());
    assert_eq!(first(&rows[0]), (50_005, "2022-02-05T00:00:01Z".to_owned()));
    assert_eq!(first(&rows[1]), (5, "2022-03-05T00:00:01Z".to_owned()));
    assert!(rows.iter().all(|row| row["last"] == "2024-01-05T00:00:01Z"), "{rows:?}");
}

#[test]
fn examined_again_nothing_is_doubled() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let image = image(place.path(), 50);
    let case = place.path().join("case");
    // The entries of the custody log alone are two.
    let told = |ran: Ran| ran.exits(3).stdout.replace("entry 1", "entry 0");
    let first = told(run(&mut examine(&image, &case)));
    assert_eq!(told(run(&mut examine(&image, &case))), first);
    let check = run(Command::new("sqlite3").arg(case.join("events.sqlite")).arg("PRAGMA integrity_check")).exits(0);
    assert_eq!(check.stdout, "ok\n");
}

#[test]
fn one_core_gives_the_same_store_as_all() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Tool("taskset"), Need::Tool("xzgrep")]) {
        return;
    }
    let place = tempdir();
    let image = image(place.path(), 50_000);
    let store = |name: &str, command: &mut Command| {
        let _: Ran = run(command).exits(3);
        std::fs::read(place.path().join(name).join("events.sqlite")).unwrap()
    };
    let all = store("all", &mut examine(&image, &place.path().join("all")));
    let mut one = Command::new("taskset");
    one.args(["-c", "0"]).arg(kanshiki_path()).arg("examine").arg(&image);
    let one = store("one", one.arg("--case").arg(place.path().join("one")));
    assert!(all == one, "the stores differ");
}

#[test]
fn a_killed_examination_goes_on_and_gives_what_an_undisturbed_one_gives() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let image = image(place.path(), 200_000);
    let dump = |case: &Path| {
        let sql = "SELECT id, time, basis, kind, path, offset, line, user, address, message, fields FROM timeline ORDER BY id;
            SELECT * FROM hours ORDER BY 1, 2, 3; SELECT file, records, others, earliest, latest FROM logs ORDER BY file";
        run(Command::new("sqlite3").arg(case.join("events.sqlite")).arg(sql)).exits(0).stdout
    };
    let undisturbed = place.path().join("undisturbed");
    let _ = run(&mut examine(&image, &undisturbed)).exits(3);
    let case = place.path().join("case");
    for milliseconds in [50, 150, 300, 500] {
        let running = Running::start(&mut examine(&image, &case));
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        running.signal("-KILL");
        let _ = running.wait();
    }
    let running = Running::start(&mut examine(&image, &case));
    wait_until("a store", || case.join("events.sqlite").exists());
    running.signal("-INT");
    let _ = running.wait();
    let _ = run(&mut examine(&image, &case)).exits(3);
    assert!(dump(&case) == dump(&undisturbed), "the stores differ");
}

#[test]
fn a_question_changes_nothing_and_its_answer_comes_in_every_form() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let image = image(place.path(), 5);
    let case = place.path().join("case");
    let _ = run(&mut examine(&image, &case)).exits(3);
    let ask = |words: &[&str]| run(Command::new(kanshiki_path()).arg("query").args(words).arg("--case").arg(&case));
    let csv = ask(&["SELECT '=1+1' AS formula, 'a,\"b' AS quoted, NULL AS empty, -5 AS number", "--format", "csv"]);
    assert_eq!(csv.exits(0).stdout, "formula,quoted,empty,number\n'=1+1,\"a,\"\"b\",,-5\n");
    let table = ask(&["SELECT char(27) || '[2J' AS sign, 1 AS one"]);
    assert_eq!(table.exits(0).stdout, "sign       one\n\\u{1b}[2J  1\n");
    let refused = ask(&["DELETE FROM events"]).exits(4);
    assert!(refused.stderr.contains("readonly"), "{}", refused.stderr);
    let wrong = ask(&["SELECT nonsense FROM nowhere"]).exits(4);
    assert!(wrong.stderr.contains("no such table: nowhere"), "{}", wrong.stderr);
    let none = run(Command::new(kanshiki_path()).args(["query", "logins", "--case"]).arg(place.path())).exits(4);
    assert!(none.stderr.contains("there is no store at"), "{}", none.stderr);
    let listed = run(Command::new(kanshiki_path()).args(["query", "--list"])).exits(0).stdout;
    for name in listed.lines().map(|line| line.split(' ').next().unwrap()) {
        let _ = ask(&[name]).exits(0);
    }
}

/// What `kanshiki timeline --case` prints.
fn timeline(case: &Path, more: &[&str]) -> String {
    run(Command::new(kanshiki_path()).arg("timeline").args(more).arg("--case").arg(case)).exits(0).stdout
}

#[test]
fn the_events_of_a_case_stand_on_one_line_of_time_in_every_form() {
    if !need(&[Need::Tool("mkfs.ext4"), Need::Tool("xzgrep"), Need::Tool("sqlite3"), Need::Tool("mactime")]) {
        return;
    }
    let place = tempdir();
    let image = image(place.path(), 300);
    let case = place.path().join("case");
    let _: Ran = run(&mut examine(&image, &case)).exits(3);
    let count = |condition: &str| {
        let sql = format!("SELECT count(*) FROM timeline WHERE {condition}");
        let counted = run(Command::new("sqlite3").arg(case.join("events.sqlite")).arg(sql)).exits(0).stdout;
        counted.trim().parse::<usize>().unwrap()
    };

    let all = timeline(&case, &[]);
    assert_eq!(all.lines().count(), count("1"));
    let login = "2024-03-05T14:59:58Z           yz ssh.login            root       192.0.2.7       Accepted password";
    assert_eq!(all.lines().filter(|line| line.starts_with(login)).count(), 3);
    let chosen = ["--user", "oracle", "--address", "192.0.2.7", "--kind", "*.login-failed", "--path", "*/auth.log"];
    let condition =
        "user = 'oracle' AND address = '192.0.2.7' AND kind GLOB '*.login-failed' AND path GLOB '*/auth.log'";
    assert_eq!(timeline(&case, &chosen).lines().count(), count(condition));
    let in_range = timeline(&case, &["--zone", "image", "--from", "2024-03-05T00:01", "--to", "2024-03-05T00:01"]);
    assert_eq!(in_range.lines().count(), count("utc >= '2024-03-04T15:01' AND utc < '2024-03-04T15:02'"));
    assert!(in_range.lines().all(|line| line.contains(" 2024-03-05T00:01:")));

    let table = timeline(&case, &["--source", "ssh", "--format", "csv"]);
    assert_eq!(table.lines().count(), count("kind GLOB 'ssh*'") + 1);
    let sketch = timeline(&case, &["--source", "ssh", "--format", "timesketch"]);
    for line in sketch.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let has = |name: &str| event.get(name).is_some();
        assert!(["message", "datetime", "timestamp", "timestamp_desc"].into_iter().all(has), "{line}");
    }
    let hours = timeline(&case, &["--source", "ssh", "--format", "histogram", "--by", "hour", "--jsonl"]);
    let hours: Vec<Value> = hours.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&hours[0]["start"], &hours[0]["events"]), (&json!("2024-03-04T15:00:00"), &json!(607)));
    for wrong in [&["--by", "hour"][..], &["--format", "csv", "--jsonl"]] {
        let _ = run(Command::new(kanshiki_path()).args(["timeline", "--case"]).arg(&case).args(wrong)).exits(2);
    }
    let bars = timeline(&case, &["--source", "ssh", "--format", "histogram", "--zone", "Asia/Tokyo"]);
    let expected =
        format!("2024-03-05 00:00  607  {}\n… 22 hours without events\n2024-03-05 23:00    3  █\n", "█".repeat(60));
    assert_eq!(bars, expected);

    let body = place.path().join("body");
    write_file(&body, timeline(&case, &["--format", "body", "--source", "ssh", "--source", "file"]));
    let shown = run(Command::new("mactime").arg("-b").arg(&body).args(["-d", "-z", "UTC"])).exits(0).stdout;
    let logins =
        shown.lines().filter(|line| line.starts_with("Tue Mar 05 2024 14:59:58,") && line.contains("[ssh.login]"));
    assert_eq!(logins.count(), 3);
    assert!(shown.lines().any(|line| line.ends_with("\"/etc/hostname\"")), "{shown}");
}

#[test]
fn logs_are_taken_out_exactly_and_entered_in_custody() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let image = image(place.path(), 40);
    let (case, out) = (place.path().join("case"), place.path().join("logs"));
    let _: Ran = run(&mut examine(&image, &case)).exits(3);
    let logs = |more: &[&str]| {
        let mut command = Command::new(kanshiki_path());
        command.arg("logs").args(more).arg("--case").arg(&case).arg("--out").arg(&out);
        run(&mut command)
    };
    // The case has no folder of the exhibit, since the image lies elsewhere.
    assert!(logs(&[]).exits(2).stderr.contains("name the image that was examined"));
    let taken = logs(&[image.to_str().unwrap(), "--examiner", "anna"]).exits(0).stdout;
    assert!(taken.contains("custody log"), "{taken}");
    let _: Ran = run(Command::new("sha256sum").args(["-c", "--quiet", "SHA256SUMS"]).current_dir(&out)).exits(0);
    let mut names: Vec<_> =
        std::fs::read_dir(out.join("files/var/log")).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["auth.log", "auth.log-20240305.xz", "auth.log.2.gz", "binary", "strange.log"]);
    assert_eq!(
        std::fs::read(out.join("files/var/log/auth.log")).unwrap(),
        (attack(40) + "no line of syslog\n").as_bytes()
    );
    let log = run(Command::new(kanshiki_path()).args(["custody", "log", "--case"]).arg(&case)).exits(0).stdout;
    assert!(log.contains("anna"), "{log}");
}

#[test]
fn what_is_looked_at_otherwise_is_another_exhibit_with_counts_of_its_own() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let image = image(place.path(), 20);
    let case = place.path().join("case");
    let first: Ran = run(&mut examine(&image, &case)).exits(3);
    let other: Ran = run(examine(&image, &case).args(["--journal", "ignore"])).exits(3);
    let events = |ran: &Ran| ran.stdout.lines().find(|line| line.contains("events ")).unwrap().to_owned();
    assert_eq!(events(&first), events(&other));
    assert!(other.stderr.contains("the case has another exhibit of this name"), "{}", other.stderr);
    assert_eq!(query(&case, "SELECT count(*) AS n FROM exhibits", &[])[0]["n"], 2);
    let refused = run(Command::new(kanshiki_path()).args(["query", "issues", "--from", "2024", "--case"]).arg(&case));
    assert!(refused.exits(2).stderr.contains("does not ask for :from"));
    let _: Ran = run(examine(&image, &case).arg("-q")).exits(3);
}

/// All that a store says, whatever the numbers of its rows are.
fn content(case: &Path) -> String {
    let sql = "SELECT time, basis, kind, path, offset, line, user, address, message, fields FROM timeline ORDER BY 1, 3, 4, 5;
        SELECT f.path, h.hour, k.name, sum(h.events) FROM hours h JOIN kinds k ON k.id = h.kind
            LEFT JOIN files f ON f.id = h.file GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
        SELECT f.path, l.parser, l.state, l.records, l.others, l.earliest, l.latest, l.habit, l.times,
            l.last_event - l.first_event FROM logs l JOIN files f ON f.id = l.file ORDER BY 1;
        SELECT subject, offset, message FROM issues ORDER BY 1, 2, 3; SELECT start, reason FROM gaps ORDER BY 1, 2;
        SELECT sum(last - first + 1), count(*) FROM blocks; SELECT count(*) FROM files; SELECT readers FROM exhibits";
    run(Command::new("sqlite3").arg(case.join("events.sqlite")).arg(sql)).exits(0).stdout
}

#[test]
fn what_an_older_edition_read_is_read_anew_and_nothing_is_doubled() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let image = image(place.path(), 100_000);
    let (fresh, case) = (place.path().join("fresh"), place.path().join("case"));
    let first = run(&mut examine(&image, &fresh)).exits(3).stdout;
    let _: Ran = run(&mut examine(&image, &case)).exits(3);
    let change = |sql: &str| {
        let _: Ran = run(Command::new("sqlite3").arg(case.join("events.sqlite")).arg(sql)).exits(0);
    };
    for (older, kills) in [
        // By an older edition; what it gave was less, and wrong.
        ("UPDATE logs SET parser = 'syslog 0', records = 1; UPDATE events SET message = 'old' WHERE kind IN (SELECT id FROM kinds WHERE name GLOB 'ssh.*');
          INSERT INTO issues (file, exhibit, subject, message) SELECT file, 1, 'old', 'old' FROM logs", false),
        // By a program that knew neither the parser nor the place of one, nor noted what it knew.
        ("UPDATE logs SET parser = '', state = 'unsupported' WHERE file = (SELECT id FROM files WHERE path = '/var/log/auth.log');
          DELETE FROM events WHERE file = (SELECT id FROM files WHERE path = '/var/log/auth.log.2.gz') AND offset = 0 AND content_offset IS NOT NULL;
          DELETE FROM blocks WHERE file = (SELECT id FROM files WHERE path = '/var/log/auth.log.2.gz');
          DELETE FROM hours WHERE file = (SELECT id FROM files WHERE path = '/var/log/auth.log.2.gz');
          DELETE FROM logs WHERE file = (SELECT id FROM files WHERE path = '/var/log/auth.log.2.gz');
          DELETE FROM gaps WHERE file = (SELECT id FROM files WHERE path = '/var/log/auth.log.2.gz');
          UPDATE exhibits SET readers = NULL", false),
        ("UPDATE logs SET parser = 'syslog 0'; ALTER TABLE exhibits DROP COLUMN readers", true),
    ] {
        change(older);
        for milliseconds in if kills { &[30, 80, 150, 250, 400][..] } else { &[] } {
            let running = Running::start(&mut examine(&image, &case));
            std::thread::sleep(std::time::Duration::from_millis(*milliseconds));
            running.signal("-KILL");
            let _ = running.wait();
        }
        let again = run(&mut examine(&image, &case)).exits(3).stdout;
        assert!(content(&case) == content(&fresh), "the stores differ after {older}");
        let numbers = |text: &str| text.lines().filter(|line| line.contains("events ") || line.contains("issues ")).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(numbers(&again), numbers(&first));
    }
    // What a newer program read stays.
    change("UPDATE logs SET parser = 'syslog 4000000000'");
    let _: Ran = run(&mut examine(&image, &case)).exits(3);
    assert_eq!(query(&case, "SELECT DISTINCT parser FROM logs", &[])[0]["parser"], "syslog 4000000000");
}

#[test]
fn an_examination_is_entered_in_custody_and_the_case_stays_intact() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let image = image(place.path(), 40);
    let case = place.path().join("case");
    let custody = |what: &str| run(Command::new(kanshiki_path()).args(["custody", what, "--case"]).arg(&case));
    let ran: Ran = run(examine(&image, &case).args(["--examiner", "anna"])).exits(3);
    assert!(ran.stdout.contains("custody log  entry "), "{}", ran.stdout);
    let log = custody("log").exits(0).stdout;
    assert!(log.contains("note  by anna"), "{log}");
    assert!(log.contains("examined exhibit disk.img (file "), "{log}");
    assert!(log.contains("; whole, with 2 issues that the store tells"), "{log}");
    assert_eq!(custody("check").code, 0);
    let _: Ran = run(Command::new("sh").arg("verify.sh").current_dir(&case)).exits(0);
    // The first act names the files of the case itself.
    let own = case.join("case.json");
    let before = std::fs::read(&own).unwrap();
    write_file(&own, [before.as_slice(), b" "].concat());
    let _: Ran = run(Command::new(kanshiki_path()).arg("verify").arg(&case)).exits(1);
    let _: Ran = run(Command::new("sh").arg("verify.sh").current_dir(&case)).exits(1);
    write_file(&own, before);
    // A log that cannot be continued is told before the work.
    std::fs::rename(case.join("custody"), place.path().join("aside")).unwrap();
    let refused = run(&mut examine(&image, &case)).exits(4);
    assert!(refused.stderr.contains("custody"), "{}", refused.stderr);
}
