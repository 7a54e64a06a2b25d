use super::*;
use crate::host::Host;
use crate::parser::{Candidate, Parser};
use crate::testing::{Parsed, parse, parse_on};
use kanshiki_filesystem::{MemoryFileSystem, View, Volume};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

const ALL: [&dyn Parser; 3] = [&PostgresCsv, &PostgresJson, &PostgresText];

/// Parses with the parser that alone claims the log, and compares the events with what is expected of them.
fn check(host: &Host, parser: &dyn Parser, log: &str, expected: &[Value]) -> Parsed {
    let candidate = Candidate { path: b"/x", head: log.as_bytes(), host };
    let claiming: Vec<&str> = ALL.iter().filter(|it| it.claims(&candidate)).map(|it| it.id()).collect();
    assert_eq!(claiming, [parser.id()]);
    let parsed = parse_on(host, parser, "/x", "2024-03-01T00:00:00Z", log.as_bytes());
    parsed.assert_events(expected);
    parsed
}

// Of PostgreSQL 15.18, each form written by the same run.
const TEXT: &str = "2026-11-28 12:29:41.488 CET [19031] LOG:  database system is ready to accept connections
2026-11-28 12:29:41.767 CET [19047] [unknown]@[unknown] LOG:  connection received: host=192.0.2.7 port=5678
2026-11-28 12:29:41.789 CET [19047] anna@shop LOG:  connection authorized: user=anna database=shop application_name=psql
2026-11-28 12:29:41.820 CET [19047] anna@shop LOG:  statement: select *
\tfrom t
\twhere a=1
2026-11-28 12:29:41.821 CET [19047] anna@shop LOG:  duration: 0.739 ms
2026-11-28 12:29:41.825 CET [19047] anna@shop ERROR:  division by zero
2026-11-28 12:29:41.825 CET [19047] anna@shop STATEMENT:  select 1/0
\tfrom t
2026-11-28 12:29:41.826 CET [19047] anna@shop LOG:  duration: 1002.5 ms  execute <unnamed>: select pg_sleep(1)
2026-11-28 12:29:41.866 CET [19047] anna@shop LOG:  disconnection: session time: 0:00:00.101 user=anna database=shop host=192.0.2.7 port=5678
2026-11-28 12:29:42.254 CET [19056] nobody@postgres FATAL:  password authentication failed for user \"nobody\"
2026-11-28 12:29:42.254 CET [19056] nobody@postgres DETAIL:  Role \"nobody\" does not exist.
\tConnection matched pg_hba.conf line 85
2026-11-28 12:29:42.3 CET [19057] [unknown]@[unknown] FATAL:  no pg_hba.conf entry for host \"192.0.2.9\", user \"x\", database \"y\", no encryption
";

#[test]
fn lines_are_put_together_and_tell_who_asked_what() {
    let expected = [
        json!({"kind": "database.message", "time": "2026-11-28T11:29:41.488Z", "basis": "stated", "pid": 19031, "level": "LOG"}),
        json!({"kind": "database.connection", "address": "192.0.2.7", "port": 5678, "user": null}),
        json!({"kind": "database.login", "user": "anna", "database": "shop", "address": "192.0.2.7", "application": "psql"}),
        json!({"kind": "database.query", "message": "select *\\u{a}from t\\u{a}where a=1", "user": "anna", "line": 4,
            "command": "statement", "address": "192.0.2.7"}),
        json!({"kind": "database.message", "microseconds": 739}),
        json!({"kind": "database.error", "message": "division by zero", "statement": "select 1/0\\u{a}from t", "line": 8}),
        json!({"kind": "database.query-failed", "message": "select 1/0\\u{a}from t", "user": "anna", "line": 8}),
        json!({"kind": "database.query", "message": "select pg_sleep(1)", "microseconds": 1_002_500, "command": "execute"}),
        json!({"kind": "database.logout", "address": "192.0.2.7"}),
        json!({"kind": "database.login-failed", "user": "nobody", "pid": 19056,
            "detail": "Role \"nobody\" does not exist.\\u{a}Connection matched pg_hba.conf line 85"}),
        json!({"kind": "database.login-failed", "user": "x", "address": "192.0.2.9"}),
    ];
    let parsed = check(&Host::unknown(), &PostgresText, TEXT, &expected);
    assert_eq!((parsed.row.records, parsed.row.others, parsed.row.times), (10, 0, None));
}

#[test]
fn prefixes_are_those_of_the_settings_or_widely_used_ones() {
    let settings = "#log_line_prefix = 'no'\nlog_line_prefix = '%n|%-8u|%d|%a|%h|%e|it''s ' # x\n";
    let filesystem = MemoryFileSystem::of_paths(&[("/etc/postgresql/15/main/postgresql.conf", settings)]);
    let host = Host::of(&View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) }));
    let log = "1709251198.123|anna    |shop|my app|192.0.2.7|22012|it's ERROR:  division by zero\n";
    check(
        &host,
        &PostgresText,
        log,
        &[json!({"time": "2024-02-29T23:59:58.123Z", "user": "anna", "database": "shop", "application": "my app",
            "address": "192.0.2.7", "sqlstate": "22012", "kind": "database.error"})],
    );
    // The first two of crowdsec's hub.
    let log = "2021-09-28 09:22:18.536 UTC [147] 1.2.3.4 i_dont_exist@postgres FATAL:  password authentication failed for user \"i_dont_exist\"
2021-09-28 09:22:19.536 UTC:1.2.3.4(5432):i_dont_exist@postgres:[127]:FATAL:  password authentication failed for user \"i_dont_exist\"
2021-09-28 09:22:19 +03 [12-1] anna@shop LOG:  statement: select 'ERROR:  x'
2021-09-28 09:22:19 XYZ something else 7 LOG:  statement: select 2
2021-09-28 09:22:19 UTC [7]: [3-1] user=anna,db=shop,app=psql,client=192.0.2.7 LOG:  statement: select 3
";
    let same =
        json!({"kind": "database.login-failed", "address": "1.2.3.4", "user": "i_dont_exist", "database": "postgres"});
    check(
        &Host::unknown(),
        &PostgresText,
        log,
        &[
            same.clone(),
            same,
            json!({"message": "select 'ERROR:  x'", "time": "2021-09-28T06:22:19Z", "basis": "stated", "user": "anna", "pid": 12}),
            json!({"message": "select 2", "time": "2021-09-28T09:22:19Z", "basis": "zone-inferred"}),
            json!({"message": "select 3", "user": "anna", "address": "192.0.2.7", "application": "psql"}),
        ],
    );
}

#[test]
fn csv_and_json_tell_the_same() {
    let csv = r#"2026-11-28 12:29:41.789 CET,"anna","shop",19047,"192.0.2.7:5678",6b0abb25.4a67,3,"authentication",2026-11-28 12:29:41 CET,3/1,0,LOG,00000,"connection authorized: user=anna database=shop application_name=psql",,,,,,,,,"","client backend",,0
2026-11-28 12:29:41.820 CET,"anna","shop",19047,"192.0.2.7:5678",6b0abb25.4a67,6,"idle",2026-11-28 12:29:41 CET,3/3,0,LOG,00000,"statement: select ""x""
from t",,,,,,,,,"psql","client backend",,0
2026-11-28 12:29:41.825 CET,"anna","shop",19047,"192.0.2.7:5678",6b0abb25.4a67,9,"SELECT",2026-11-28 12:29:41 CET,3/4,0,ERROR,22012,"division by zero",,,,,,"select 1/0",,,"psql","client backend",,0
2026-11-28 12:29:42.254 CET,"nobody","shop",19056,"192.0.2.7:5678",6b0abb26.4a70,2,"authentication",2026-11-28 12:29:42 CET,3/9,0,FATAL,28P01,"password authentication failed for user ""nobody""","Role ""nobody"" does not exist.
More.",,,,,,,,"","client backend",,0
"#;
    let objects = r#"{"timestamp":"2026-11-28 12:29:41.789 CET","user":"anna","dbname":"shop","pid":19047,"remote_host":"192.0.2.7","remote_port":5678,"error_severity":"LOG","message":"connection authorized: user=anna database=shop application_name=psql","backend_type":"client backend","query_id":0}
{"timestamp":"2026-11-28 12:29:41.820 CET","user":"anna","dbname":"shop","pid":19047,"remote_host":"192.0.2.7","remote_port":5678,"error_severity":"LOG","message":"statement: select \"x\"\nfrom t","application_name":"psql"}
{"timestamp":"2026-11-28 12:29:41.825 CET","user":"anna","dbname":"shop","pid":19047,"remote_host":"192.0.2.7","remote_port":5678,"error_severity":"ERROR","state_code":"22012","message":"division by zero","statement":"select 1/0","application_name":"psql"}
{"timestamp":"2026-11-28 12:29:42.254 CET","user":"nobody","dbname":"shop","pid":19056,"remote_host":"192.0.2.7","remote_port":5678,"error_severity":"FATAL","state_code":"28P01","message":"password authentication failed for user \"nobody\"","detail":"Role \"nobody\" does not exist.\nMore."}
"#;
    let expected = [
        json!({"kind": "database.login", "time": "2026-11-28T11:29:41.789Z", "basis": "stated", "user": "anna",
            "address": "192.0.2.7", "port": 5678, "database": "shop", "application": "psql", "sqlstate": null}),
        json!({"kind": "database.query", "message": "select \"x\"\\u{a}from t", "application": "psql", "line": 2}),
        json!({"kind": "database.error", "sqlstate": "22012", "statement": "select 1/0"}),
        json!({"kind": "database.query-failed", "message": "select 1/0"}),
        json!({"kind": "database.login-failed", "user": "nobody", "sqlstate": "28P01",
            "detail": "Role \"nobody\" does not exist.\\u{a}More."}),
    ];
    check(&Host::unknown(), &PostgresCsv, csv, &expected);
    check(&Host::unknown(), &PostgresJson, objects, &expected);
}

#[test]
fn a_record_of_csv_that_was_cut_does_not_take_the_next_ones_with_it() {
    let record = "2026-11-28 12:29:41.825 CET,\"anna\",\"shop\",1,\"[local]\",6b.4a,9,\"SELECT\",2026-11-28 12:29:41 CET,3/4,0,LOG,00000,\"statement: select 1\",,,,,,,,,\"psql\"\n";
    let cut = &record[..record.len() - 20];
    let log = [record, &cut[..cut.len() - 8], "\n", record, record].concat();
    let parsed = parse(&PostgresCsv, "/x", "2024-03-01T00:00:00Z", log.as_bytes());
    assert_eq!(parsed.all("kind"), ["database.query", "database.other", "database.query", "database.query"]);
}

fn host(files: &[(&str, &str)]) -> Host {
    let filesystem = MemoryFileSystem::of_paths(files);
    Host::of(&View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) }))
}

#[test]
fn times_are_in_the_zone_that_the_settings_of_the_server_tell() {
    let host = host(&[
        ("/etc/timezone", "Europe/Berlin\n"),
        ("/etc/postgresql/15/main/postgresql.conf", "log_timezone = 'America/Chicago'\ninclude_dir 'conf.d'\n"),
        ("/etc/postgresql/15/main/conf.d/a.conf", "log_timezone = 'Asia/Kolkata'\n"),
        ("/etc/postgresql/16/old/postgresql.conf", "log_timezone = 'UTC'\n"),
        ("/var/lib/postgresql/16/old/postgresql.auto.conf", "log_timezone = 'Asia/Shanghai'\n"),
        ("/srv/pg/x", ""),
    ]);
    let parse = |parser: &dyn Parser, path: &str, log: &str| {
        let parsed = parse_on(&host, parser, path, "2026-12-01T00:00:00Z", log.as_bytes());
        let issues = parsed.issues.iter().map(|issue| issue.message.clone()).collect::<Vec<_>>();
        (parsed.all("time"), parsed.all("basis"), parsed.row.times.unwrap_or_default(), issues)
    };
    let ist = "2026-11-29 00:55:33.766 IST [1] LOG:  x\n";
    let (times, bases, reason, issues) = parse(&PostgresText, "/var/log/postgresql/postgresql-15-main.log.1", ist);
    assert_eq!((times, bases), (vec![json!("2026-11-28T19:25:33.766Z")], vec![json!("zone-inferred")]));
    let place = "zone Asia/Kolkata of log_timezone, line 1 of /etc/postgresql/15/main/conf.d/a.conf";
    assert_eq!((reason.as_str(), issues), (place, vec![]));
    let csv = "2026-11-29 00:55:33.766 CST,,,1,,6b.4a,9,,2026-11-28 12:29:41 CST,3/4,0,LOG,00000,\"x\",,,,,,,,,\"\"\n";
    let (times, ..) = parse(&PostgresCsv, "/var/lib/postgresql/16/old/log/x.csv", csv);
    assert_eq!(times, ["2026-11-28T16:55:33.766Z"]);
    let json_line = r#"{"timestamp":"2026-11-29 00:55:33.766 IST","pid":1,"error_severity":"LOG","message":"x"}"#;
    let (times, _, _, issues) = parse(&PostgresJson, "/var/lib/postgresql/15/main/log/x.json", json_line);
    assert_eq!((times, issues), (vec![json!("2026-11-28T19:25:33.766Z")], vec![]));
    // A name that does not fit is told, once.
    let berlin = "2026-11-29 00:55:33 CET [1] LOG:  x\n".repeat(2);
    let (times, bases, _, issues) = parse(&PostgresText, "/var/lib/postgresql/15/main/log/x.log", &berlin);
    assert_eq!((&times[0], &bases[0]), (&json!("2026-11-28T23:55:33Z"), &json!("stated")));
    assert_eq!(issues.len(), 1);
    assert!(issues[0].starts_with("CET is no name of the zone that was expected at that time"), "{issues:?}");
    // Of which of the two it is cannot be told.
    let (times, _, reason, issues) = parse(&PostgresText, "/srv/pg/postgresql.log", ist);
    assert_eq!(times, ["2026-11-28T23:55:33.766Z"]);
    assert_eq!((reason.as_str(), issues.len()), ("zone Europe/Berlin of /etc/timezone", 1));
}

#[test]
fn quotes_within_names_are_part_of_them() {
    // Of PostgreSQL 15.18.
    let csv = r#"2026-11-28 12:29:42.254 CET,"no""bo,dy","post""gres",19056,"[local]",6b0abb26.4a70,2,"authentication",2026-11-28 12:29:42 CET,3/9,0,FATAL,28P01,"password authentication failed for user ""no""bo,dy""",,,,,,,,,"","client backend",,0
"#;
    let failed = json!({"kind": "database.login-failed", "user": "no\"bo,dy", "database": "post\"gres", "pid": 19056});
    check(&Host::unknown(), &PostgresCsv, csv, std::slice::from_ref(&failed));
    let object = r#"{"timestamp":"2026-11-28 12:29:42.254 CET","user":"no\"bo,dy","dbname":"post\"gres","pid":19056,"error_severity":"FATAL","state_code":"28P01","message":"password authentication failed for user \"no\"bo,dy\""}"#;
    check(&Host::unknown(), &PostgresJson, object, &[failed]);
    let text = "2026-11-28 12:29:42.254 CET [7] FATAL:  password authentication failed for user \"no\"bo,dy\"
2026-11-28 12:29:42.3 CET [8] FATAL:  no pg_hba.conf entry for host \"192.0.2.9\", user \"x\"y\", database \"z\", no encryption
2026-11-28 12:29:42.3 CET [9] FATAL:  role \"a\"b\" does not exist
";
    let parsed = parse(&PostgresText, "/x", "2026-12-01T00:00:00Z", text.as_bytes());
    assert_eq!(parsed.all("user"), ["no\"bo,dy", "x\"y", "a\"b"]);
    assert_eq!(parsed.all("address")[1], "192.0.2.9");
}

/// Beginnings of logs that lead into each part of the parsers.
const STARTS: [&str; 6] = [
    "",
    "2026-11-28 12:29:41.488 CET [1] a@b LOG:  ",
    "2026-11-28 12:29:41.488 CET [1] a@b LOG:  duration: 1 ms  ",
    "2026-11-28 12:29:41.488 CET [1] a@b FATAL:  no pg_hba.conf entry for ",
    "2026-11-28 12:29:41.789 CET,\"anna\",\"shop\",19047,\"",
    "{\"timestamp\":\"2026-11-28 12:29:41.789 CET\",\"error_severity\":\"LOG\",\"message\":\"",
];

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0..STARTS.len()) {
        let log = [STARTS[start].as_bytes(), &bytes].concat();
        let prefix = [b"log_line_prefix = '".as_slice(), &bytes].concat();
        let prefix = String::from_utf8_lossy(&prefix);
        let filesystem = MemoryFileSystem::of_paths(&[("/var/lib/pgsql/data/postgresql.conf", &*prefix)]);
        let host = Host::of(&View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) }));
        for parser in ALL {
            let _ = parser.claims(&Candidate { path: b"/x", head: &log, host: &host });
            let _ = parse_on(&host, parser, "/x", "2024-03-01T12:00:00Z", &log);
        }
    }
}
