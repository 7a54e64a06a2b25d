//! What `kanshiki examine` says would not have been logged, beside what the programs themselves make of the same settings.

use kanshiki_testkit::{Need, ext_image, kanshiki_path, need, run, tempdir, tool_path, write_file};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const NEEDS: &[Need] = &[Need::Tool("mkfs.ext4"), Need::Tool("sqlite3")];

/// Examines an image with these files and gives the blind spots, as the store has them.
fn blind_spots(place: &Path, files: &[(&str, &str)]) -> (PathBuf, Vec<Value>) {
    let (image, case) = (place.join("disk.img"), place.join("case"));
    ext_image(&image, 64, &[], |root| {
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            write_file(&path, text);
        }
    });
    let examined = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);
    let asked = ["query", "--jsonl", "SELECT * FROM blind_spots ORDER BY rowid", "--case"];
    let lines = run(Command::new(kanshiki_path()).args(asked).arg(&case)).exits(0).stdout;
    let rows: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|row| row["type"] == "row")
        .collect();
    let told = format!("blind spots  {}", rows.len());
    assert!(examined.stdout.contains(&told), "{}", examined.stdout);
    (image, rows)
}

/// Whether a service is said not to log what begins with this.
fn is_told(rows: &[Value], service: &str, unlogged: &str) -> bool {
    rows.iter().any(|row| {
        assert_eq!(row["state"], "unlogged", "{row}");
        row["service"].as_str().unwrap().starts_with(service) && row["unlogged"].as_str().unwrap().starts_with(unlogged)
    })
}

#[test]
fn a_blind_spot_leads_to_the_bytes_of_its_setting() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let files = [
        ("etc/vsftpd.conf", "listen=YES\nxferlog_enable=NO\n"),
        ("etc/ssh/sshd_config", "LogLevel QUIET\nSubsystem sftp internal-sftp -l VERBOSE\n"),
        ("etc/postgresql/15/main/postgresql.conf", "port = 5432\n"),
    ];
    let (image, rows) = blind_spots(place.path(), &files);
    let of = |service: &str| {
        rows.iter().filter(|row| row["service"].as_str().unwrap().starts_with(service)).collect::<Vec<_>>()
    };
    let vsftpd = of("vsftpd");
    assert_eq!(vsftpd.len(), 1);
    assert_eq!((&vsftpd[0]["line"], &vsftpd[0]["path"]), (&json!(2), &json!("/etc/vsftpd.conf")));
    let (offset, length) = (vsftpd[0]["offset"].as_u64().unwrap(), vsftpd[0]["length"].as_u64().unwrap());
    let range = format!("{offset}-{}", offset + length);
    let inode = vsftpd[0]["inode"].to_string();
    let cat = ["--inode", &inode, "--range", &range];
    let cut = run(Command::new(kanshiki_path()).arg("cat").arg(&image).args(cat)).exits(0);
    assert_eq!(cut.stdout, "xferlog_enable=NO");
    assert_eq!(of("sshd").len(), 2);
    // A setting that is absent has no line.
    assert!(of("postgresql").iter().all(|row| row["line"].is_null() && !row["inode"].is_null()));

    // Examined again nothing is doubled; the ready-made question tells the same.
    let case = place.path().join("case");
    let again = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);
    assert!(again.stdout.contains(&format!("blind spots  {}", rows.len())));
    let asked = run(Command::new(kanshiki_path()).args(["query", "blind-spots", "--case"]).arg(&case)).exits(0).stdout;
    assert_eq!(asked.lines().count(), rows.len() + 1);
}

#[test]
fn a_store_of_before_blind_spots_gets_them() {
    if !need(NEEDS) {
        return;
    }
    let place = tempdir();
    let (image, rows) = blind_spots(place.path(), &[("etc/vsftpd.conf", "xferlog_enable=NO\n")]);
    let store = place.path().join("case/events.sqlite");
    let _ = run(Command::new("sqlite3").arg(&store).arg("DROP TABLE blind_spots")).exits(0);
    let case = place.path().join("case");
    let _ = run(Command::new(kanshiki_path()).arg("examine").arg(&image).arg("--case").arg(&case)).exits(0);
    let count = run(Command::new("sqlite3").arg(&store).arg("SELECT count(*) FROM blind_spots")).exits(0).stdout;
    assert_eq!(count.trim(), rows.len().to_string());
}

/// What mariadbd makes of an option file.
fn mariadb_says(settings: &Path, variable: &str) -> String {
    let mut command = Command::new(tool_path("mariadbd").unwrap());
    let said =
        run(command.arg(format!("--defaults-file={}", settings.display())).args(["--verbose", "--help"])).exits(0);
    let line = said.stdout.lines().find(|line| line.split(' ').next() == Some(variable));
    line.unwrap_or_else(|| panic!("{variable}")).split_whitespace().last().unwrap().to_owned()
}

#[test]
fn what_mariadb_does_not_log_is_what_its_own_variables_say() {
    if !need(NEEDS) || !need(&[Need::Tool("mariadbd")]) {
        return;
    }
    for text in [
        "[mysqld]\n",
        "[client]\ngeneral_log=1\n[server]\nslow-query-log\n",
        "[mariadb]\nloose_general-log = on\n[mysqld]\nskip-slow-query-log\n",
        "[mysqld]\ngeneral_log=1\ngeneral_log=OFF # later\nenable-slow_query_log\n",
        "[mysqld]\ngeneral_log\nlog_output=NONE\n",
        "[mariadb-10.2]\ngeneral_log=1\n[mysqld]\nslow_query_log=TRUE\ngeneral_log=true\n",
    ] {
        let place = tempdir();
        let settings = place.path().join("my.cnf");
        write_file(&settings, text);
        let (_, rows) = blind_spots(place.path(), &[("etc/my.cnf", text), ("usr/sbin/mariadbd", "x")]);
        let is_on = |variable: &str| {
            mariadb_says(&settings, variable) == "TRUE" && mariadb_says(&settings, "log-output") != "NONE"
        };
        assert_eq!(is_told(&rows, "mariadb", "queries that"), !is_on("general-log"), "{text}");
        let slow_is_on = mariadb_says(&settings, "slow-query-log") == "TRUE";
        assert_eq!(is_told(&rows, "mariadb", "statements that take long"), !slow_is_on, "{text}");
        // `log-bin` has no default: the server keeps no binary log.
        assert!(is_told(&rows, "mariadb", "rows that statements"), "{text}");
    }
}

#[test]
fn what_postgres_does_not_log_is_what_its_own_settings_say() {
    if !need(NEEDS) || !need(&[Need::Tool("postgres")]) {
        return;
    }
    for text in [
        "",
        "log_statement = 'all'\nlog_connections = on\n",
        "log_statement=mod # no reads\nlog_connections 'TRUE'\nlog_disconnections = y\n",
        "LOG_STATEMENT = all\nlog_statement = ddl\nlog_connections = of\n",
    ] {
        let place = tempdir();
        write_file(&place.path().join("postgresql.conf"), text);
        write_file(&place.path().join("postgresql.auto.conf"), "");
        let says = |name: &str| {
            let mut command = Command::new(tool_path("postgres").unwrap());
            run(command.args(["-C", name, "-D"]).arg(place.path())).exits(0).stdout.trim().to_owned()
        };
        let (_, rows) = blind_spots(place.path(), &[("etc/postgresql/15/main/postgresql.conf", text)]);
        let statements = match says("log_statement").as_str() {
            "none" => Some("statements: what was read, changed"),
            "ddl" => Some("statements but those of definitions"),
            "mod" => Some("queries that change nothing"),
            _ => None,
        };
        let told = rows.iter().filter(|row| row["unlogged"].as_str().unwrap().contains("what was read")).count();
        assert_eq!(told, usize::from(statements.is_some()), "{text}");
        assert!(statements.is_none_or(|statements| is_told(&rows, "postgresql", statements)), "{text}");
        assert_eq!(is_told(&rows, "postgresql", "connections that"), says("log_connections") == "off", "{text}");
        assert_eq!(is_told(&rows, "postgresql", "ends of"), says("log_disconnections") == "off", "{text}");
    }
}
