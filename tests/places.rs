//! Logs in places that the settings alone tell, and a database whose write-ahead log was not yet put in, as MariaDB, nginx and
//! SQLite leave them.

use kanshiki_testkit::{Need, Running, kanshiki_path, need, run, tempdir, tool, tool_path, wait_until, write_file};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn examined(place: &Path, root: &Path) -> PathBuf {
    let image = place.join("disk.img");
    let _ = run(tool("mkfs.ext4").args(["-q", "-F", "-d"]).arg(root).arg(&image).arg("64M")).exits(0);
    place.join("case")
}

fn ask(place: &Path, root: &Path, question: &str) -> Vec<Value> {
    let case = examined(place, root);
    let image = place.join("disk.img");
    let examined = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case));
    assert!(matches!(examined.code, 0 | 3), "{}", examined.stderr);
    let asked = run(Command::new(kanshiki_path()).args(["query", "--jsonl", question, "--case"]).arg(&case));
    let rows = asked.exits(0).stdout;
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == "row").collect()
}

fn put(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_file(&path, bytes);
}

/// Path and parser of each log that was read whole.
const LEDGER: &str =
    "SELECT f.path, l.parser FROM logs l JOIN files f ON f.id = l.file WHERE l.state = 'whole' ORDER BY f.path";

fn ledger(rows: &[Value]) -> Vec<(String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let parser = |row: &Value| text(row, "parser").split(' ').next().unwrap().to_owned();
    rows.iter().map(|row| (text(row, "path"), parser(row))).collect()
}

#[test]
fn logs_of_mariadb_are_read_where_its_settings_have_them() {
    let programs = ["mariadbd", "mariadb-install-db", "mariadb", "mkfs.ext4"];
    if !need(&programs.map(Need::Tool)) || !need(&[Need::Root]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    let (data, socket) = (place.join("data"), place.join("socket"));
    std::fs::create_dir_all(place.join("odd")).unwrap();
    let made = run(Command::new(tool_path("mariadb-install-db").unwrap())
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--user=root"])
        .arg(format!("--datadir={}", data.display())));
    let _ = made.exits(0);
    let settings = "[mysqld]\nuser=root\ndatadir=PLACE/data\nsocket=PLACE/socket\npid-file=PLACE/pid\nskip-networking\n\
        general_log\ngeneral-log-file=PLACE/odd/queries\nslow_query_log=1\nslow_query_log_file=tardy\nlong_query_time=0\n\
        log_error=PLACE/odd/trouble\nlog_bin=changes\nserver_id=7\n";
    write_file(&place.join("settings"), settings.replace("PLACE", &place.display().to_string()));
    let server = Running::start(
        Command::new(tool_path("mariadbd").unwrap()).arg(format!("--defaults-file={}/settings", place.display())),
    );
    wait_until("the server listens", || socket.exists());
    let client = |statement: &str| {
        run(Command::new(tool_path("mariadb").unwrap())
            .args(["--no-defaults", "-u", "root", "-S"])
            .arg(&socket)
            .args(["-e", statement]))
    };
    wait_until("the server answers", || client("create database if not exists shop").code == 0);
    server.signal("-TERM");
    let _ = server.wait();

    let root = place.join("root");
    put(&root, "etc/mysql/my.cnf", "!includedir /etc/mysql/conf.d/\n");
    put(&root, "etc/mysql/conf.d/server.cnf", settings.replace("PLACE", "/srv"));
    for name in ["odd/queries", "odd/trouble.err", "data/tardy", "data/changes.000001"] {
        put(&root, &format!("srv/{name}"), std::fs::read(place.join(name)).unwrap());
    }
    let found = ledger(&ask(place, &root, LEDGER));
    let expected = [
        ("/srv/data/changes.000001", "binlog"),
        ("/srv/data/tardy", "mysql-slow"),
        ("/srv/odd/queries", "mysql-general"),
        ("/srv/odd/trouble.err", "mysql-error"),
    ];
    assert_eq!(found, expected.map(|(path, parser)| (path.to_owned(), parser.to_owned())));
}

#[test]
fn relative_logs_of_nginx_lie_where_nginx_makes_them() {
    if !need(&[Need::Tool("nginx"), Need::Tool("mkfs.ext4")]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    let (settings, prefix) = (place.join("conf"), place.join("prefix"));
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::create_dir_all(prefix.join("logs")).unwrap();
    let text = "pid PLACE/pid; error_log logs/trouble debug; events { }\nhttp { include more/*; access_log hits; }\n";
    write_file(&settings.join("nginx.conf"), text.replace("PLACE", &place.display().to_string()));
    put(&settings, "more/site", "server { listen 127.0.0.1:1; access_log of-site; }\n");
    // Settings are read, and logs opened, by a test of them too.
    let mut command = Command::new(tool_path("nginx").unwrap());
    command.arg("-t").arg("-p").arg(&prefix).arg("-c").arg(settings.join("nginx.conf"));
    let _ = run(&mut command).exits(0);
    let root = place.join("root");
    put(&root, "etc/nginx/nginx.conf", text);
    put(&root, "etc/nginx/more/site", "server { access_log of-site; }\n");
    let line = "192.0.2.7 - - [29/Feb/2024:23:59:58 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"curl\"\n";
    for name in ["hits", "of-site"] {
        assert!(prefix.join(name).exists(), "{name}");
        put(&root, &format!("usr/share/nginx/{name}"), line);
    }
    assert!(prefix.join("logs/trouble").exists());
    put(
        &root,
        "usr/share/nginx/logs/trouble",
        "2024/02/29 23:59:58 [error] 7#8: *1 open() failed, client: 192.0.2.7\n",
    );
    let found = ledger(&ask(place, &root, LEDGER));
    let expected = [
        ("/usr/share/nginx/hits", "web-access"),
        ("/usr/share/nginx/logs/trouble", "web-error"),
        ("/usr/share/nginx/of-site", "web-access"),
    ];
    assert_eq!(found, expected.map(|(path, parser)| (path.to_owned(), parser.to_owned())));
}

#[test]
fn rows_in_a_write_ahead_log_alone_are_read_as_sqlite_reads_them() {
    if !need(&[Need::Tool("sqlite3"), Need::Tool("mkfs.ext4")]) {
        return;
    }
    let place = tempdir();
    let place = place.path();
    let database = place.join("wtmp.db");
    let sqlite = |database: &Path, statements: &str| {
        run(Command::new(tool_path("sqlite3").unwrap()).arg(database).arg(statements)).exits(0).stdout
    };
    let script = "PRAGMA journal_mode = WAL;
        CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, Login INTEGER, Logout INTEGER, TTY TEXT,
            RemoteHost TEXT, Service TEXT) STRICT;
        INSERT INTO wtmp VALUES (1, 3, 'anna', 1709251200000000, NULL, 'pts/0', '192.0.2.7', 'sshd');
        PRAGMA wal_checkpoint;
        INSERT INTO wtmp VALUES (2, 3, 'bert', 1709251300000000, NULL, 'pts/1', '192.0.2.8', 'sshd');\n";
    write_file(&place.join("script"), format!(".dbconfig no_ckpt_on_close on\n{script}"));
    let _ = sqlite(&database, &format!(".read {}/script", place.display()));
    let log = std::fs::read(place.join("wtmp.db-wal")).unwrap();
    assert!(log.len() > 4096, "{}", log.len());
    let root = place.join("root");
    put(&root, "var/lib/wtmpdb/wtmp.db", std::fs::read(&database).unwrap());
    put(&root, "var/lib/wtmpdb/wtmp.db-wal", &log);
    let users = ask(place, &root, "SELECT user FROM timeline WHERE kind = 'login.session-opened' ORDER BY time");
    let users: Vec<&str> = users.iter().map(|row| row["user"].as_str().unwrap()).collect();
    assert_eq!(users.join("\n"), sqlite(&database, "SELECT User FROM wtmp ORDER BY Login").trim());
    assert_eq!(users, ["anna", "bert"]);
    let asked = ["query", "--jsonl", "SELECT message FROM issues", "--case"];
    let issues = run(Command::new(kanshiki_path()).args(asked).arg(place.join("case"))).exits(0).stdout;
    assert!(issues.contains("-wal beside it: its 1 committed frames"), "{issues}");
}
