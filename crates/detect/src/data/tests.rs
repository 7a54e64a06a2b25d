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
    slow.fields = vec![("rows_sent", Value::Number(48_000))];
    let mut few = slow.clone();
    few.fields = vec![("rows_sent", Value::Number(48))];
    let out = query("select * from c into outfile '/var/www/x.php'", "web", "localhost", NOON);
    let expected = [
        "medium data.many-rows: answers with many rows to web from localhost: 48000 and more",
        "high data.written-to-file: rows were written to a file of the server by web from localhost: into outfile '/var/www/x.php'",
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

#[test]
fn an_answer_far_above_the_norm_is_told_and_a_large_file_is_not() {
    let request = |path: &'static str, bytes: i64| Told {
        path: "/var/log/nginx/access.log",
        kind: "web.request",
        time: NOON,
        address: "192.0.2.9".to_owned(),
        message: format!("GET {path} HTTP/1.1"),
        fields: vec![("path", Value::Text(path.as_bytes())), ("bytes", Value::Number(bytes))],
        ..Told::default()
    };
    let mut events: Vec<Told> = (0..20).map(|_| request("/list?id=1", 9000)).collect();
    events.push(request("/list?id=1+or+1=1", 9_000_000));
    let found = told(&events);
    assert_eq!(found, ["low data.large-answer: an answer of 9000000 bytes to 192.0.2.9, where 9000 are usual: /list"]);
    let files: Vec<Told> = (0..20).map(|_| request("/film.mp4", 900_000_000)).collect();
    assert_eq!(told(&files), [""; 0]);
}
