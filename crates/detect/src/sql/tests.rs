//! Statements that reach beyond the data, and those that do not.

use super::find;
use crate::testing::{Told, found_in, titles, view};
use kanshiki_filesystem::View;

fn query(kind: &'static str, statement: &str) -> Told {
    Told {
        path: "/var/log/mysql/mysql.log",
        kind,
        time: 1_700_000_000,
        user: "shop".to_owned(),
        address: "192.0.2.9".to_owned(),
        message: statement.to_owned(),
        ..Told::default()
    }
}

fn told_in(view: &View, statement: &str) -> Vec<String> {
    titles(&found_in(view, &[query("database.query", statement)], find))
}

#[test]
fn libraries_that_are_loaded_are_told_unless_a_package_brought_them() {
    let statement = "CREATE FUNCTION sys_exec RETURNS int SONAME 'udf_sys.so'";
    let expected = "high database.library-loaded: the database server was made to load udf_sys.so: create sys_exec, \
        by shop from 192.0.2.9";
    for kind in ["database.query", "database.query-slow", "shell.sql"] {
        assert_eq!(titles(&found_in(&view(&[]), &[query(kind, statement)], find)), [expected]);
    }
    let again = "create aggregate function if not exists\n f returns string soname \"udf_sys.so\";";
    assert_eq!(told_in(&view(&[]), again)[0].split(": ").last(), Some("create f, by shop from 192.0.2.9"));
    let plugin = "INSTALL SONAME 'x.so'";
    assert!(told_in(&view(&[]), plugin)[0].starts_with("medium database.library-loaded"));
    let status = "Package: server\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n";
    let files = view(&[
        ("/var/lib/dpkg/status", status),
        (
            "/var/lib/dpkg/info/server.list",
            "/.\n/usr\n/usr/lib\n/usr/lib/mysql\n/usr/lib/mysql/plugin\n/usr/lib/mysql/plugin/auth_pam.so\n",
        ),
        ("/usr/lib/mysql/plugin/auth_pam.so", "x"),
    ]);
    for harmless in ["INSTALL SONAME 'auth_pam'", "INSTALL PLUGIN pam SONAME 'auth_pam.so'"] {
        assert_eq!(told_in(&files, harmless), [""; 0]);
    }
    for harmless in [
        "CREATE FUNCTION tax(a INT) RETURNS INT RETURN a * 2",
        "SELECT * FROM t WHERE note = 'CREATE FUNCTION x SONAME y'",
        "DROP FUNCTION sys_exec",
        "CREATE FUNCTION x RETURNS int SONAME",
    ] {
        assert_eq!(told_in(&view(&[]), harmless), [""; 0], "{harmless}");
    }
}

#[test]
fn code_that_is_written_and_programs_that_are_run_are_told() {
    let page = "SELECT '<?php system($_GET[0]); ?>' INTO DUMPFILE '/var/www/html/x.php'";
    let expected = "high database.code-written: the database server was made to write code to /var/www/html/x.php, \
        by shop from 192.0.2.9";
    assert_eq!(told_in(&view(&[]), page), [expected]);
    for statement in ["select sys_exec('id')", "COPY t FROM PROGRAM 'id'", "SELECT sys_eval('id > /tmp/x')"] {
        assert!(told_in(&view(&[]), statement)[0].starts_with("high database.command-run"), "{statement}");
    }
    for harmless in
        ["SELECT a INTO OUTFILE '/tmp/a.csv' FROM t", "COPY t FROM STDIN", "SELECT 'sys_exec is a function'"]
    {
        assert_eq!(told_in(&view(&[]), harmless), [""; 0], "{harmless}");
    }
}
