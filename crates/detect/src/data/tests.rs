//! Data that go out, and the everyday work of a server.

use super::find;
use crate::testing::{Told, found_in, titles, view};
use kanshiki_model::Value;

const NOON: i64 = 1_700_000_000;
const DAY: i64 = 86_400;

fn query(statement: &str, user: &str, address: &str, time: i64) -> Told {
    Told {
        path: "/var/log/mysql/mysql.log",
        kind: "database.query",
        time,
        user: user.to_owned(),
        address: address.to_owned(),
        message: statement.to_owned(),
        ..Told::default()
    }
}

fn told(events: &[Told]) -> Vec<String> {
    titles(&found_in(&view(&[]), events, find))
}

#[test]
fn a_dump_from_elsewhere_is_high_and_the_backup_of_every_night_is_not() {
    let dump = "SELECT /*!40001 SQL_NO_CACHE */ * FROM `customers`";
    let found = told(&[query(dump, "booking", "192.0.2.9", NOON)]);
    assert_eq!(found, ["high data.table-dumped: table customers was dumped by booking from 192.0.2.9"]);
    let nights: Vec<Told> = (0..10).map(|day| query(dump, "backup", "localhost", NOON + day * DAY)).collect();
    assert_eq!(told(&nights), ["info data.table-dumped: table customers was dumped by backup from localhost"]);
    let once = told(&[query(dump, "root", "localhost", NOON)]);
    assert_eq!(once, ["medium data.table-dumped: table customers was dumped by root from localhost"]);
}

#[test]
fn files_of_the_server_and_many_rows_are_told() {
    let mut slow = query("SELECT name FROM customers WHERE id > 0", "web", "localhost", NOON);
    slow.kind = "database.query-slow";
    slow.fields = vec![("rows", Value::Number(48_000))];
    let mut few = slow.clone();
    few.fields = vec![("rows", Value::Number(48))];
    let out = query("select * from c into outfile '/var/www/x.csv'", "web", "localhost", NOON);
    let expected = [
        "medium data.many-rows: 48000 rows of customers were read by web from localhost",
        "high data.written-to-file: rows were written to a file of the server by web from localhost: into outfile '/var/www/x.csv'",
    ];
    assert_eq!(told(&[slow, few.clone(), out]), expected);
    assert_eq!(told(&[few]), [""; 0]);
}

#[test]
fn fetched_files_are_summed_up() {
    let fetch = |file: &'static str, bytes: i64| Told {
        path: "/var/log/vsftpd.log",
        kind: "ftp.download",
        time: NOON,
        user: "migrate".to_owned(),
        address: "192.0.2.9".to_owned(),
        fields: vec![("file", Value::Text(file.as_bytes())), ("bytes", Value::Number(bytes))],
        ..Told::default()
    };
    let found = told(&[fetch("/a.txt", 10), fetch("/backup/customers.sql.gz", 90)]);
    assert_eq!(found, ["medium data.fetched: migrate fetched 2 files over ftp from 192.0.2.9, 100 bytes"]);
    assert_eq!(
        told(&[fetch("/a.txt", 10)]),
        ["low data.fetched: migrate fetched 1 files over ftp from 192.0.2.9, 10 bytes"]
    );
}

#[test]
fn what_sftp_gives_out_is_told_with_who_the_process_served() {
    let line = |kind: &'static str, user: &str, pid: i64, file: &'static str| Told {
        path: "/var/log/auth.log",
        kind,
        time: NOON,
        user: user.to_owned(),
        address: if user.is_empty() { String::new() } else { "192.0.2.9".to_owned() },
        pid: Some(pid),
        fields: vec![("file", Value::Text(file.as_bytes())), ("bytes", Value::Number(50))],
        ..Told::default()
    };
    let found = told(&[
        line("sftp.session-opened", "anna", 7, ""),
        line("sftp.download", "", 7, "/srv/customers.sql"),
        line("sftp.download", "", 8, "/srv/film"),
    ]);
    let expected = [
        "medium data.fetched: anna fetched 1 files over sftp from 192.0.2.9, 50 bytes",
        "low data.fetched: somebody fetched 1 files over sftp, 50 bytes",
    ];
    assert_eq!(found, expected);
}

fn request(path: &str, bytes: i64, address: &str) -> Told {
    let path: &'static str = Box::leak(path.to_owned().into_boxed_str());
    Told {
        path: "/var/log/nginx/access.log",
        kind: "web.request",
        time: NOON,
        address: address.to_owned(),
        message: format!("GET {path} HTTP/1.1"),
        fields: vec![
            ("path", Value::Text(path.as_bytes())),
            ("bytes", Value::Number(bytes)),
            ("status", Value::Number(200)),
            ("user_agent", Value::Text(b"curl/8.0")),
        ],
        ..Told::default()
    }
}

/// A site whose answers have a few thousand bytes each.
fn everyday() -> Vec<Told> {
    (0..400)
        .map(|number| request(&format!("/page{}.php?id={number}", number % 50), 3000 + 15 * number, "198.51.100.4"))
        .collect()
}

#[test]
fn an_answer_far_above_the_norm_is_told_and_a_large_file_is_not() {
    let mut events: Vec<Told> = (0..20).map(|_| request("/list?id=1", 9000, "192.0.2.9")).collect();
    events.push(request("/list?id=1+or+1=1", 9_000_000, "192.0.2.9"));
    let found = told(&events);
    assert_eq!(found, ["low data.large-answer: an answer of 9000000 bytes to 192.0.2.9, where 9000 are usual: /list"]);
    let files: Vec<Told> = (0..20).map(|_| request("/film.mp4", 900_000_000, "192.0.2.9")).collect();
    assert_eq!(told(&files), [""; 0]);
}

#[test]
fn a_page_that_was_never_asked_for_before_is_held_against_the_site() {
    let expected =
        "medium data.large-answer: an answer of 88123456 bytes to 192.0.2.9, where 16384 are usual: /export.php";
    for times in [1, 5] {
        let mut events = everyday();
        events.extend((0..times).map(|_| request("/export.php?table=customers", 88_123_456, "192.0.2.9")));
        let found = found_in(&view(&[]), &events, find);
        assert_eq!(titles(&found), [expected]);
        assert!(found.findings[0].explanation.contains(&format!("{times} times")), "{}", found.findings[0].explanation);
    }
    // What many visitors get is what the site is for, and files are what they are.
    let mut offered = everyday();
    offered.extend(
        (0..30).map(|number| request(&format!("/download/{number}"), 88_123_456, &format!("192.0.2.{number}"))),
    );
    offered.push(request("/film.mp4", 900_000_000, "192.0.2.9"));
    assert_eq!(told(&offered), [""; 0]);
    assert_eq!(told(&everyday()), [""; 0]);
}

#[test]
fn dumps_and_backups_that_lay_in_the_web_root_are_told_with_who_fetched_them() {
    let found = told(&[request("/db.sql", 555_500_000, "192.0.2.9")]);
    let expected = "medium data.backup-fetched: /db.sql was fetched from the web server by 192.0.2.9, 555500000 bytes";
    assert_eq!(found, [expected]);
    for path in
        ["/old/site.tar.gz", "/backup-2024.zip", "/dump.sql.gz?x=1", "/config.php.bak", "/customers.7z", "/a.sqlite"]
    {
        assert!(told(&[request(path, 5000, "192.0.2.9")])[0].starts_with("medium data.backup-fetched"), "{path}");
    }
    let mut missing = request("/db.sql", 300, "192.0.2.9");
    missing.fields[2] = ("status", Value::Number(404));
    let harmless = [missing, request("/releases/app-1.2.tar.gz", 5000, "192.0.2.9"), request("/a.sql", 0, "192.0.2.9")];
    assert_eq!(told(&harmless), [""; 0]);
    // One answer to everything, as of pages that are made in the browser.
    let same = ["/db.sql", "/backup.zip", "/dump.sql.gz", "/www.tar.gz"].map(|path| request(path, 1234, "192.0.2.9"));
    assert_eq!(told(&same), [""; 0]);
    let offered: Vec<Told> = (0..20).map(|it| request("/export.zip", 5000, &format!("192.0.2.{it}"))).collect();
    assert_eq!(told(&offered), [""; 0]);
}
