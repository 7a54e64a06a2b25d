//! Logs that MariaDB and PostgreSQL write, read by `kanshiki examine`, and what `mariadb-binlog` says of the same bytes.

use kanshiki_testkit::{Need, Running, kanshiki_path, need, run, tempdir, tool, tool_path, wait_until, write_file};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Examines an image with this tree.
fn examined(place: &Path, root: &Path) -> std::path::PathBuf {
    let image = place.join("disk.img");
    let _ = run(tool("mkfs.ext4").args(["-q", "-F", "-d"]).arg(root).arg(&image).arg("64M")).exits(0);
    let case = place.join("case");
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);
    case
}

fn ask(case: &Path, question: &str, more: &[&str]) -> Vec<Value> {
    let asked =
        run(Command::new(kanshiki_path()).args(["query", "--jsonl", question]).args(more).arg("--case").arg(case));
    let answer = asked.exits(0).stdout;
    let rows = answer.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or("")
}

const STATEMENTS: &str = "create database shop; use shop;
create table t(id int primary key, v varchar(300), d datetime(3), n decimal(12,3), e enum('x','y'), b blob, c char(9));
insert into t values(1,'a',now(),1.5,'x','blob','c'),(2,'b''c',now(),-2,'y',repeat('z',60000),null);
update t set v='changed' where id=1;
select *
from t
where v like '%changed%';
delete from t where id=2;
create user anna@localhost identified by 'right'; grant all on shop.* to anna@localhost;
set global log_bin_compress=1; set global log_bin_compress_min_len=10;
create table u(id int, v text);
insert into u values(1, repeat('a', 5000)),(2, repeat('b', 5000)),(3, null);
start transaction; insert into u values(4, 'x'); savepoint s; delete from u where id < 3; commit;
set session binlog_format=statement; insert into u values(5, 'as a statement'); insert into u values(last_insert_id(), @@hostname);
flush binary logs; drop table u;";

/// The lines that `mariadb-binlog` prints of a binary log.
fn said_by_mariadb(log: &Path) -> Vec<String> {
    let ran = run(Command::new(tool_path("mariadb-binlog").unwrap())
        .args(["--no-defaults", "--base64-output=decode-rows", "-v"])
        .arg(log));
    ran.exits(0).stdout.lines().map(str::to_owned).collect()
}

/// The events of a binary log as `mariadb-binlog` tells them, counted by their names.
fn told_by_mariadb(log: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in said_by_mariadb(log) {
        let Some((_, event)) = line.split_once(" end_log_pos ").filter(|_| line.starts_with('#')) else { continue };
        let name = event.split('\t').next_back().unwrap_or("");
        let event = event.split_once('\t').map_or(name, |(_, event)| event);
        let name = event.split([' ', '\t', ':']).next().unwrap_or("");
        *counts.entry(name.to_lowercase().replace("compressed_rows", "rows")).or_default() += 1;
    }
    counts
}

fn told_by_kanshiki(case: &Path, path: &str) -> BTreeMap<String, usize> {
    let question = format!(
        "SELECT kind, json_extract(fields, '$.command') AS command FROM timeline WHERE path = '{path}' AND kind NOT GLOB 'file.*'"
    );
    let mut counts = BTreeMap::new();
    for row in ask(case, &question, &[]) {
        let name = match text(&row, "command") {
            "insert" => "write_rows",
            "update" => "update_rows",
            "delete" => "delete_rows",
            "Format_desc" => "start",
            "Binlog_checkpoint" => "binlog",
            "Gtid_list" => "gtid",
            other => other,
        };
        *counts.entry(name.to_lowercase()).or_default() += 1;
    }
    counts
}

#[test]
fn what_mariadb_writes_in_all_its_logs_is_read() {
    let programs = ["mariadbd", "mariadb-install-db", "mariadb", "mariadb-binlog", "mkfs.ext4"];
    if !need(&programs.map(Need::Tool)) || !need(&[Need::Root, Need::File("/usr/lib/mysql/plugin/server_audit.so")]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    let (data, socket) = (place.join("data"), place.join("socket"));
    let made = run(Command::new(tool_path("mariadb-install-db").unwrap())
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--user=root"])
        .arg(format!("--datadir={}", data.display())));
    let _ = made.exits(0);
    let settings = format!(
        "[mysqld]\nuser=root\ndatadir={data}\nsocket={socket}\npid-file={place}/pid\nskip-networking\ngeneral_log=1\n\
        general_log_file=general.log\nslow_query_log=1\nslow_query_log_file=slow.log\nlong_query_time=0\n\
        log_error={data}/own.err\nlog_warnings=9\nlog_bin=own-bin\nserver_id=7\nbinlog_format=ROW\n\
        binlog_annotate_row_events=1\nplugin_load_add=server_audit\nserver_audit_logging=ON\n",
        data = data.display(),
        socket = socket.display(),
        place = place.display()
    );
    write_file(&place.join("settings"), settings);
    let server = Running::start(
        Command::new(tool_path("mariadbd").unwrap()).arg(format!("--defaults-file={}/settings", place.display())),
    );
    wait_until("the server listens", || socket.exists());
    let client = |more: &[&str]| {
        run(Command::new(tool_path("mariadb").unwrap()).args(["--no-defaults", "-S"]).arg(&socket).args(more))
    };
    wait_until("the server answers", || client(&["-u", "root", "-e", "do 1"]).code == 0);
    let _ = client(&["-u", "root", "-e", STATEMENTS]).exits(0);
    for _ in 0..3 {
        let _ = client(&["-u", "anna", "-pwrong", "-e", "select 1"]).exits(1);
    }
    let _ = client(&["-u", "nobody", "-e", "select 1"]).exits(1);
    let _ = client(&["-u", "anna", "-pright", "shop", "-e", "select count(*) from t"]).exits(0);
    server.signal("-TERM");
    let _ = server.wait();

    let root = place.join("root");
    let logs = root.join("var/lib/mysql");
    std::fs::create_dir_all(&logs).unwrap();
    let names = ["general.log", "slow.log", "own.err", "server_audit.log", "own-bin.000001", "own-bin.000002"];
    for name in names {
        std::fs::copy(data.join(name), logs.join(name)).unwrap();
    }
    let case = examined(place, &root);
    let states = ask(&case, "SELECT f.path, l.state, l.others FROM logs l JOIN files f ON f.id = l.file", &[]);
    assert_eq!(states.len(), names.len(), "{states:#?}");
    assert!(states.iter().all(|row| row["state"] == "whole" && row["others"] == 0), "{states:#?}");

    // Binary logs, event by event.
    for name in ["own-bin.000001", "own-bin.000002"] {
        let expected = told_by_mariadb(&logs.join(name));
        assert!(expected.values().sum::<usize>() > 3, "{expected:?}");
        assert_eq!(told_by_kanshiki(&case, &format!("/var/lib/mysql/{name}")), expected, "{name}");
    }
    // Rows that were changed, as the decoded rows of mariadb-binlog count them.
    let changes = ask(
        &case,
        "SELECT json_extract(fields, '$.command') AS command, json_extract(fields, '$.table') AS t,
            sum(json_extract(fields, '$.rows')) AS n FROM timeline WHERE kind = 'database.change' GROUP BY 1, 2",
        &[],
    );
    let changed: BTreeMap<String, i64> = changes
        .iter()
        .map(|row| (format!("{} {}", text(row, "command"), text(row, "t")), row["n"].as_i64().unwrap()))
        .collect();
    let mut decoded = BTreeMap::new();
    for line in ["own-bin.000001", "own-bin.000002"].iter().flat_map(|name| said_by_mariadb(&logs.join(name))) {
        let Some(change) = line.strip_prefix("### ").and_then(|rest| rest.strip_suffix('`')) else { continue };
        let (command, table) = (change.split(' ').next().unwrap(), change.rsplit('`').next().unwrap());
        *decoded.entry(format!("{} {table}", command.to_lowercase())).or_default() += 1;
    }
    assert_eq!(changed, decoded);
    assert_eq!(decoded.values().sum::<i64>(), 10);

    // Failed logins: three of anna and one of nobody, in the general, the error and the audit log.
    let failures = ask(&case, "failures", &[]);
    let of = |user: &str| -> i64 {
        failures.iter().filter(|row| row["user"] == user).map(|row| row["failures"].as_i64().unwrap()).sum()
    };
    assert_eq!((of("anna"), of("nobody")), (9, 3), "{failures:#?}");
    // Those who were let in, in the general and the audit log: root as often as was asked, anna once.
    let logins = ask(&case, "logins", &[]);
    let of = |user: &str, log: &str| {
        let of_both = |row: &&Value| row["user"] == user && text(row, "path").ends_with(log);
        logins.iter().filter(of_both).count()
    };
    assert_eq!((of("anna", "general.log"), of("anna", "server_audit.log")), (1, 1), "{logins:#?}");
    assert_eq!(of("root", "general.log"), of("root", "server_audit.log"));

    // Who asked what of a table: the statement of several lines, whole, in three logs.
    let queries = ask(&case, "table-queries", &["--text", "changed%"]);
    let whole: Vec<&str> = queries
        .iter()
        .filter(|row| text(row, "message").starts_with("select *") && row["user"] == "root")
        .map(|row| text(row, "path"))
        .collect();
    let expected = ["general.log", "server_audit.log", "slow.log"].map(|name| format!("/var/lib/mysql/{name}"));
    let mut sorted = whole.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
}

/// Statements for PostgreSQL, each asked alone.
const ASKED: [&str; 5] = [
    "create table guests(name text)",
    "insert into guests values ('a\"b'),\n('c')",
    "select *\nfrom guests\n\twhere name='c'",
    "select 1/0 from guests",
    "selct",
];

#[test]
fn what_postgresql_writes_in_all_forms_is_read_alike() {
    let Some(server) = tool_path("postgres").and_then(|path| path.canonicalize().ok()) else {
        let _ = need(&[Need::Tool("postgres")]);
        return;
    };
    if !need(&[Need::Root, Need::Tool("setpriv"), Need::Tool("psql"), Need::Tool("mkfs.ext4")]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    let folder = server.parent().unwrap();
    // The server refuses to be run by root.
    let as_nobody = |program: &Path| {
        let mut command = tool("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).current_dir(place);
        command
    };
    let data = place.join("data");
    let _ = run(Command::new("chmod").arg("755").arg(place)).exits(0);
    let own = place.join("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::create_dir(&data).unwrap();
    write_file(&place.join("password"), "right\n");
    let _ = run(Command::new("chown").args(["-R", "65534:65534"]).arg(place)).exits(0);
    let made = run(as_nobody(&folder.join("initdb"))
        .args(["-A", "scram-sha-256", "-U", "postgres", "--no-sync", "--pwfile"])
        .arg(place.join("password"))
        .arg("-D")
        .arg(&data));
    let _ = made.exits(0);
    let settings = format!(
        "listen_addresses=''\nunix_socket_directories='{}'\nlogging_collector=on\nlog_destination='stderr,csvlog,jsonlog'\n\
        log_directory='log'\nlog_filename='own.log'\nlog_line_prefix='%m|%p|%q%u/%d (%a) '\nlog_connections=on\n\
        log_disconnections=on\nlog_statement=all\nlog_timezone='Asia/Tokyo'\n",
        own.display()
    );
    write_file(&data.join("postgresql.conf"), &settings);
    let running = Running::start(as_nobody(&server).arg("-D").arg(&data));
    let client = |user: &str, password: &str, statement: &str| {
        let mut command = tool("psql");
        command.env("PGPASSWORD", password).env("PGHOST", &own).args(["-U", user, "postgres", "-c", statement]);
        run(&mut command)
    };
    wait_until("the server answers", || client("postgres", "right", "select 0").code == 0);
    for statement in ASKED {
        let _ = client("postgres", "right", statement);
    }
    for _ in 0..3 {
        let _ = client("postgres", "wrong", "select 1").exits(2);
    }
    let _ = client("intruder", "x", "select 1").exits(2);
    running.signal("-INT");
    let _ = running.wait();

    let root = place.join("root");
    let (logs, etc) = (root.join("var/lib/pgsql/data/log"), root.join("var/lib/pgsql/data"));
    std::fs::create_dir_all(&logs).unwrap();
    write_file(&etc.join("postgresql.conf"), &settings);
    for name in ["own.log", "own.csv", "own.json"] {
        std::fs::copy(data.join("log").join(name), logs.join(name)).unwrap();
    }
    let case = examined(place, &root);
    // Each form tells the same events in the same order; a text log rounds nothing away.
    let of = |name: &str| -> Vec<String> {
        let question = format!(
            "SELECT utc, kind, user, pid, message, json_extract(fields, '$.database') AS d FROM timeline
             WHERE path GLOB '*/{name}' AND kind GLOB 'database.*' ORDER BY id"
        );
        let rows = ask(&case, &question, &[]);
        // The text log has where in a statement an error is behind the message, the others in a field of its own.
        let message = |row: &Value| text(row, "message").split(" at character ").next().unwrap_or("").to_owned();
        rows.iter()
            .map(|row| {
                format!("{} {} {} {} {} {}", row["utc"], row["kind"], row["user"], row["pid"], row["d"], message(row))
            })
            .collect()
    };
    let csv = of("own.csv");
    assert_eq!(of("own.log"), csv);
    assert_eq!(of("own.json"), csv);
    let count =
        |kind: &str, message: &str| csv.iter().filter(|row| row.contains(kind) && row.contains(message)).count();
    assert_eq!(count("\"database.login-failed\" \"postgres\"", ""), 3);
    assert_eq!(count("\"database.login-failed\" \"intruder\"", ""), 1);
    assert_eq!(count("\"database.query-failed\"", "select 1/0 from guests"), 1);
    assert_eq!(count("\"database.query-failed\"", "selct"), 1);
    let asked = ask(&case, "table-queries", &["--text", "guests"]);
    let select = |row: &&Value| text(row, "message") == "select *\\u{a}from guests\\u{a}\\u{9}where name='c'";
    assert_eq!(asked.iter().filter(select).count(), 3, "{asked:#?}");
}
