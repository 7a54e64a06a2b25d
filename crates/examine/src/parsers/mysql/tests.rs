use super::*;
use crate::host::Host;
use crate::parser::{Candidate, Parser};
use crate::testing::{Parsed, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

fn claims(parser: &dyn Parser, head: &str) -> bool {
    parser.claims(&Candidate { path: b"/var/lib/mysql/x", head: head.as_bytes(), host: &Host::unknown() })
}

/// Parses with the parser that alone claims the log, and compares the events with what is expected of them.
fn check(parser: &dyn Parser, log: &str, expected: &[Value]) -> Parsed {
    let all: [&dyn Parser; 4] = [&MysqlGeneral, &MysqlSlow, &MysqlErrors, &MysqlAudit];
    let claiming: Vec<&str> = all.iter().filter(|it| claims(**it, log)).map(|it| it.id()).collect();
    assert_eq!(claiming, [parser.id()]);
    let parsed = parse(parser, "/var/lib/mysql/x", "2024-03-01T00:00:00Z", log.as_bytes());
    parsed.assert_events(expected);
    parsed
}

// Of mariadbd 10.11.
const GENERAL: &str = "mariadbd, Version: 10.11.19-MariaDB-0+deb12u1-log (Debian 12). started with:
Tcp port: 0  Unix socket: /tmp/my/s
Time\t\t    Id Command\tArgument
261128 11:17:31\t     4 Connect\troot@localhost on  using Socket
\t\t     4 Query\tcreate database shop
\t\t     4 Init DB\tshop
\t\t     4 Query\tselect *
from t

\t\twhere v like '%x%'
261128  9:17:32\t     5 Connect\tanna@192.0.2.7 on shop using TCP/IP
\t\t     5 Connect\tAccess denied for user 'anna'@'192.0.2.7' (using password: YES)
\t\t     4 Quit\t
\t\t     6 Connect\tbert@192.0.2.8 on shop using TCP/IP
";

#[test]
fn the_general_log_of_mariadb_tells_who_asked_what() {
    let parsed = check(
        &MysqlGeneral,
        GENERAL,
        &[
            json!({"kind": "database.log-started", "time": null}),
            json!({"kind": "database.login", "time": "2026-11-28T11:17:31Z", "basis": "zone-inferred", "user": "root",
                "address": "localhost", "connection": 4, "line": 4}),
            json!({"kind": "database.query", "message": "create database shop", "user": "root", "command": "Query"}),
            json!({"kind": "database.command", "message": "shop", "command": "Init DB"}),
            json!({"kind": "database.query", "message": "select *\\u{a}from t\\u{a}\\u{9}\\u{9}where v like '%x%'", "database": "shop",
                "line": 7}),
            json!({"kind": "database.login-attempt", "time": "2026-11-28T09:17:32Z", "user": "anna", "address": "192.0.2.7"}),
            json!({"kind": "database.login-failed", "user": "anna", "address": "192.0.2.7", "connection": 5}),
            json!({"kind": "database.logout", "user": "root", "message": null}),
            json!({"kind": "database.login", "user": "bert", "address": "192.0.2.8", "database": "shop"}),
        ],
    );
    assert_eq!((parsed.row.records, parsed.row.others, parsed.issues.len()), (9, 0, 0));
    assert_eq!(parsed.events[4]["length"], "\t\t     4 Query\tselect *\nfrom t\n\n\t\twhere v like '%x%'\n".len());
}

#[test]
fn the_general_log_of_mysql_states_its_zone() {
    // The first two of crowdsec's hub; the others of the manual of MySQL 8.0.
    let log = "2023-07-31T08:34:16.116872Z        14 Connect   Access denied for user 'user'@'192.168.121.1' (using password: YES)
2023-07-31T10:34:17.5+02:00\t   15 Connect\troot@localhost on mysql using Socket
2023-07-31T08:34:18.000000Z\t   15 Query\tSELECT 1
";
    check(
        &MysqlGeneral,
        log,
        &[
            json!({"kind": "database.login-failed", "time": "2023-07-31T08:34:16.116872Z", "basis": "stated",
                "user": "user", "address": "192.168.121.1"}),
            json!({"kind": "database.login", "time": "2023-07-31T08:34:17.5Z", "user": "root", "database": "mysql"}),
            json!({"kind": "database.query", "message": "SELECT 1", "user": "root", "address": "localhost"}),
        ],
    );
}

#[test]
fn the_log_of_slow_queries_tells_rows_and_times() {
    let log = "/usr/sbin/mysqld, Version: 8.0.30 (MySQL Community Server - GPL). started with:
Tcp port: 3306  Unix socket: (null)
Time\t\t    Id Command\tArgument
# Time: 261128 11:17:31
# User@Host: root[root] @ localhost []
# Thread_id: 4  Schema:   QC_hit: No
# Query_time: 0.000285  Lock_time: 0.000000  Rows_sent: 0  Rows_examined: 0
# Rows_affected: 1  Bytes_sent: 11
SET timestamp=1795864651;
create database shop;
# User@Host: anna[anna] @  [192.0.2.7]
# Thread_id: 4  Schema: shop  QC_hit: No
# Query_time: 2.015257  Lock_time: 0.000078  Rows_sent: 7  Rows_examined: 100
#
# explain: id\tselect_type
#
use `shop`;
SET timestamp=1795864652;
select *
# a comment
from t;
# Time: 2024-02-29T23:59:58.123456Z
# User@Host: root[root] @ localhost []  Id:    14
# Query_time: 10.000400  Lock_time: 0.000000 Rows_sent: 1  Rows_examined: 0
SET timestamp=1709251188;
# administrator command: Quit;
";
    check(
        &MysqlSlow,
        log,
        &[
            json!({"kind": "database.log-started"}),
            json!({"kind": "database.query-slow", "time": "2026-11-28T11:17:31Z", "basis": "stated", "user": "root",
                "address": "localhost", "connection": 4, "microseconds": 285, "rows": 0, "rows_affected": 1, "database": null,
                "message": "create database shop;"}),
            json!({"time": "2026-11-28T11:17:32Z", "user": "anna", "address": "192.0.2.7", "database": "shop", "rows": 7,
                "microseconds": 2015257, "rows_examined": 100, "message": "select *\\u{a}# a comment\\u{a}from t;"}),
            json!({"time": "2024-02-29T23:59:58.123456Z", "connection": 14, "microseconds": 10000400, "rows": 1,
                "message": "# administrator command: Quit;"}),
        ],
    );
}

#[test]
fn error_logs_tell_failed_logins_in_every_version() {
    // Those of crowdsec's hub, and of the manuals.
    let log = "2021-11-09  5:13:12 8 [Warning] Access denied for user 'example-user'@'172.17.0.1' (using password: YES)
221128 14:49:17 [Warning] Access denied for user 'o'brien'@'192.168.1.192' (using password: YES)
2020-04-16T05:13:40.861934Z 344 [Note] Access denied for user 'root'@'27.155.87.54' (using password: YES)
2021-10-28T08:06:45.411498Z 25 [Note] [MY-010926] [Server] Access denied for user 'seb'@'42.42.42.42' (using password: NO)
261128 11:17:33 server_audit: STOPPED
221128 14:49:17 mysqld_safe Starting mysqld daemon with databases from /var/lib/mysql
2021-11-09 15:13:12 8 [Warning] Aborted connection 8 to db: 'shop' user: 'anna' host: '192.0.2.7' (Got timeout)
2021-11-09 15:13:12 0 [ERROR] InnoDB: Unable to lock ./ibdata1
    more of it
{ \"prio\" : 2, \"err_code\" : 10926, \"source_line\" : 1, \"msg\" : \"Access denied for user 'a'@'b' (using password: NO)\", \"time\" : \"2024-02-29T23:59:58.5Z\", \"thread\" : 7, \"err_symbol\" : \"ER_ACCESS_DENIED_ERROR_WITH_PASSWORD\", \"SQL_state\" : \"28000\", \"subsystem\" : \"Server\", \"label\" : \"Note\" }
";
    check(
        &MysqlErrors,
        log,
        &[
            json!({"kind": "database.login-failed", "time": "2021-11-09T05:13:12Z", "basis": "zone-inferred",
                "user": "example-user", "address": "172.17.0.1", "connection": 8, "level": "Warning"}),
            json!({"kind": "database.login-failed", "time": "2022-11-28T14:49:17Z", "user": "o'brien"}),
            json!({"kind": "database.login-failed", "time": "2020-04-16T05:13:40.861934Z", "basis": "stated", "user": "root"}),
            json!({"kind": "database.login-failed", "user": "seb", "code": "MY-010926", "subsystem": "Server"}),
            json!({"kind": "database.message", "subsystem": "server_audit", "message": "STOPPED"}),
            json!({"kind": "database.message", "subsystem": "mysqld_safe"}),
            json!({"kind": "database.connection-aborted", "database": "shop", "user": "anna", "address": "192.0.2.7"}),
            json!({"kind": "database.error", "time": "2021-11-09T15:13:12Z", "connection": null}),
            json!({"kind": "database.message", "basis": "neighbour", "message": "    more of it"}),
            json!({"kind": "database.login-failed", "time": "2024-02-29T23:59:58.5Z", "user": "a", "address": "b",
                "code": "ER_ACCESS_DENIED_ERROR_WITH_PASSWORD", "connection": 7}),
        ],
    );
}

#[test]
fn server_audit_tells_statements_and_tables() {
    let log = r"20261128 11:17:31,vm,root,localhost,4,0,CONNECT,,,0
20261128 11:17:31,vm,root,localhost,4,1,QUERY,shop,'insert into t values(1,\'a\',now()),(2,\'b\\n\'\'c\',now())',0
20261128 11:17:31,vm,root,localhost,4,5,WRITE,shop,t,
20261128 11:17:31,vm,anna,192.0.2.7,5,0,FAILED_CONNECT,,,1045
20261128 11:17:31,vm,anna,192.0.2.7,5,0,DISCONNECT,,,0
20261128 11:17:31,vm,anna
";
    check(
        &MysqlAudit,
        log,
        &[
            json!({"kind": "database.login", "time": "2026-11-28T11:17:31Z", "host": "vm", "user": "root", "connection": 4}),
            json!({"kind": "database.query", "database": "shop", "command": "QUERY", "error": null,
                "message": r"insert into t values(1,\\'a\\',now()),(2,\\'b\\\\n\\'\\'c\\',now())"}),
            json!({"kind": "database.table", "table": "t", "command": "WRITE"}),
            json!({"kind": "database.login-failed", "user": "anna", "address": "192.0.2.7", "error": 1045}),
            json!({"kind": "database.logout"}),
            json!({"kind": "database.other"}),
        ],
    );
}

#[test]
fn audit_plugins_of_mysql_tell_the_same_in_each_form() {
    // Of the manuals of MySQL Enterprise Audit and of Percona's audit log.
    let log = r#"<?xml version="1.0" encoding="utf-8"?>
<AUDIT>
 <AUDIT_RECORD>
  <TIMESTAMP>2024-02-29T23:59:58 UTC</TIMESTAMP>
  <NAME>Query</NAME>
  <CONNECTION_ID>5</CONNECTION_ID>
  <STATUS>0</STATUS>
  <USER>root[root] @ localhost [127.0.0.1]</USER>
  <HOST>localhost</HOST>
  <IP>127.0.0.1</IP>
  <COMMAND_CLASS>select</COMMAND_CLASS>
  <SQLTEXT>select &apos;&lt;&apos;</SQLTEXT>
 </AUDIT_RECORD>
<AUDIT_RECORD
  NAME="Query"
  TIMESTAMP="2024-02-29T23:59:58 UTC"
  COMMAND_CLASS="select"
  CONNECTION_ID="5"
  STATUS="0"
  SQLTEXT="select &apos;&lt;&apos;"
  USER="root[root] @ localhost []"
  HOST="localhost"
  IP="127.0.0.1"
/>
<AUDIT_RECORD TIMESTAMP="2024-02-29T23:59:58 UTC" NAME="Query" CONNECTION_ID="5" STATUS="0" USER="root[root] @ localhost []" IP="127.0.0.1" COMMAND_CLASS="select" SQLTEXT="select &apos;&lt;&apos;"/>
</AUDIT>
"#;
    let json_log = r#"[
{"audit_record":{"name":"Query","record":"4707_2014","timestamp":"2024-02-29T23:59:58 UTC","command_class":"select","connection_id":"5","status":0,"sqltext":"select '\u003c'","user":"root[root] @ localhost []","host":"localhost","os_user":"","ip":"127.0.0.1"}}
{ "timestamp": "2024-02-29 23:59:58", "id": 0, "class": "general", "event": "status", "connection_id": 5, "account": { "user": "root", "host": "localhost" }, "login": { "user": "root", "os": "", "ip": "127.0.0.1", "proxy": "" }, "general_data": { "command": "Query", "sql_command": "select", "query": "select '<'", "status": 0 } },
"Query","49284_2014-08-27T10:47:11","2024-02-29T23:59:58 UTC","select","5",0,"select '<'","root[root] @ localhost []","localhost","","127.0.0.1",""
"#;
    let same = json!({"kind": "database.query", "time": "2024-02-29T23:59:58Z", "basis": "stated", "user": "root",
        "address": "127.0.0.1", "connection": 5, "class": "select", "message": "select '<'", "error": null});
    check(&MysqlAudit, log, &[same.clone(), same.clone(), same.clone()]);
    check(&MysqlAudit, json_log, &[same.clone(), same.clone(), same]);
}

#[test]
fn audit_plugins_tell_tables_apart_from_statements_and_no_client_names_itself() {
    // Of the manual of MySQL 8.0, 8.4.5.4, with attributes and a statement that feign other accounts.
    let json_log = r#"[
{ "timestamp": "2019-10-03 13:50:01", "id": 0, "class": "audit", "event": "startup", "connection_id": 0, "startup_data": { "server_id": 1, "mysql_version": "8.0.18", "args": ["/usr/sbin/mysqld"] } },
{ "timestamp": "2019-10-03 14:23:35", "id": 1, "class": "connection", "event": "connect", "connection_id": 5, "account": { "user": "anna", "host": "quay" }, "login": { "user": "anna", "os": "", "ip": "192.0.2.7", "proxy": "" }, "connection_data": { "connection_type": "ssl", "status": 0, "db": "shop", "connection_attributes": { "_pid": "43236", "ip": "203.0.113.9", "user": "nobody", "status": "1" } } },
{ "timestamp": "2019-10-03 14:23:41", "id": 2, "class": "table_access", "event": "insert", "connection_id": 5, "account": { "user": "anna", "host": "quay" }, "login": { "user": "anna", "os": "", "ip": "192.0.2.7", "proxy": "" }, "table_access_data": { "db": "shop", "table": "t1", "query": "INSERT INTO t1 VALUES(1)", "sql_command": "insert" } },
{ "timestamp": "2019-10-03 14:23:41", "id": 3, "class": "general", "event": "status", "connection_id": 5, "account": { "user": "anna", "host": "quay" }, "login": { "user": "anna", "os": "", "ip": "192.0.2.7", "proxy": "" }, "general_data": { "command": "Query", "sql_command": "insert", "query": "INSERT INTO t1 VALUES(1)", "status": 0 } }
]
"#;
    let table = json!({"kind": "database.table", "time": "2019-10-03T14:23:41Z", "basis": "stated", "user": "anna",
        "address": "192.0.2.7", "connection": 5, "database": "shop", "table": "t1", "message": "INSERT INTO t1 VALUES(1)"});
    check(
        &MysqlAudit,
        json_log,
        &[
            json!({"kind": "database.command", "command": "startup"}),
            json!({"kind": "database.login", "user": "anna", "address": "192.0.2.7", "database": "shop", "error": null}),
            table.clone(),
            json!({"kind": "database.query", "message": "INSERT INTO t1 VALUES(1)", "class": "insert", "table": null}),
        ],
    );
    let xml = r#"<?xml version="1.0" encoding="utf-8"?>
<AUDIT>
 <AUDIT_RECORD>
  <TIMESTAMP>2019-10-03T14:23:41 UTC</TIMESTAMP>
  <RECORD_ID>4_2019-10-03T14:06:33</RECORD_ID>
  <NAME>TableInsert</NAME>
  <CONNECTION_ID>5</CONNECTION_ID>
  <USER>anna[anna] @ quay [192.0.2.7]</USER>
  <OS_LOGIN/>
  <HOST>quay</HOST>
  <IP>192.0.2.7</IP>
  <COMMAND_CLASS>insert</COMMAND_CLASS>
  <SQLTEXT>INSERT INTO t1 VALUES(1)</SQLTEXT>
  <DB>shop</DB>
  <TABLE>t1</TABLE>
 </AUDIT_RECORD>
 <AUDIT_RECORD>
  <TIMESTAMP>2019-10-03T14:23:42 UTC</TIMESTAMP>
  <NAME>Query</NAME>
  <CONNECTION_ID>5</CONNECTION_ID>
  <STATUS>0</STATUS>
  <USER>anna[anna] @ quay [192.0.2.7]</USER>
  <SQLTEXT>select 1 where USER="nobody" and NAME="Quit" and IP="203.0.113.9"</SQLTEXT>
 </AUDIT_RECORD>
<AUDIT_RECORD OS_USER="os" PRIV_USER="priv" TIMESTAMP="2019-10-03T14:23:43 UTC" NAME="Quit" CONNECTION_ID="5" STATUS="0" USER="anna[anna] @ quay [192.0.2.7]"/>
</AUDIT>
"#;
    check(
        &MysqlAudit,
        xml,
        &[
            table,
            json!({"kind": "database.query", "user": "anna", "address": "192.0.2.7"}),
            json!({"kind": "database.logout", "user": "anna", "address": "192.0.2.7"}),
        ],
    );
}

#[test]
fn a_connection_that_goes_on_as_another_account_is_told_as_such() {
    let log = "261128 11:17:31\t     4 Connect\tanna@localhost on shop using Socket\n\t\t     4 Query\tselect 1\n\
        \t\t     4 Change user\tbert@localhost on \n\t\t     4 Query\tselect 2\n\
        \t\t     4 Change user\tcarl@localhost on shop\n\t\t     4 Change user\tAccess denied for user 'carl'@'localhost' (using password: YES)\n";
    check(
        &MysqlGeneral,
        log,
        &[
            json!({"kind": "database.login", "user": "anna", "command": "Connect"}),
            json!({"kind": "database.query", "user": "anna"}),
            json!({"kind": "database.user-changed", "user": "bert", "command": "Change user", "connection": 4}),
            json!({"kind": "database.query", "user": "bert"}),
            json!({"kind": "database.login-attempt", "user": "carl", "command": "Change user"}),
            json!({"kind": "database.login-failed", "user": "carl", "command": "Change user"}),
        ],
    );
}

#[test]
fn lines_that_innodb_writes_itself_have_no_level() {
    let log = "240302  9:00:00  InnoDB: Initializing buffer pool, size = 128.0M
240302 10:00:00 InnoDB: The InnoDB memory heap is disabled
2014-05-27 21:28:50 7f6c7f7fe700 InnoDB: Error: unable to create temporary file; errno: 2
240302 10:00:01 - mysqld got signal 11 ;
";
    check(
        &MysqlErrors,
        log,
        &[
            json!({"kind": "database.message", "time": "2024-03-02T09:00:00Z", "subsystem": "InnoDB",
                "message": "Initializing buffer pool, size = 128.0M", "level": null}),
            json!({"kind": "database.message", "message": "The InnoDB memory heap is disabled"}),
            json!({"time": "2014-05-27T21:28:50Z", "subsystem": "InnoDB"}),
            json!({"kind": "database.error", "message": "mysqld got signal 11 ;"}),
        ],
    );
}

/// Beginnings of logs that lead into each part of the parsers.
const STARTS: [&str; 10] = [
    "",
    GENERAL,
    "261128 11:17:31\t     4 Connect\troot@",
    "# Time: 261128 11:17:31\n# User@Host: ",
    "# User@Host: a[b] @ c []\n# Query_time: 1.0 Lock_time: ",
    "2021-11-09  5:13:12 8 [Warning] A",
    "{ \"prio\" : 2, \"time\" : \"2024-02-29T23:59:58.5Z\", \"msg\":\"",
    "20261128 11:17:31,vm,root,localhost,4,1,QUERY,shop,",
    "<AUDIT_RECORD\n NAME=\"",
    "\"Query\",\"1\",\"2024-02-29T23:59:58 UTC\",",
];

#[test]
fn a_time_that_a_client_set_moves_no_record_of_the_slow_log() {
    let log = "# Time: 261129  0:55:11
# User@Host: evil[evil] @ localhost []
# Thread_id: 6  Schema: d  QC_hit: No
# Query_time: 1.000000  Lock_time: 0.000000  Rows_sent: 1  Rows_examined: 0
use d;
SET timestamp=1000000000;
select sleep(1);
# User@Host: evil[evil] @ localhost []
# Thread_id: 6  Schema: d  QC_hit: No
# Query_time: 1.000000  Lock_time: 0.000000  Rows_sent: 1  Rows_examined: 0
SET timestamp=1795913710;
select 2;
";
    let parsed = parse(&MysqlSlow, "/x", "2026-12-01T00:00:00Z", log.as_bytes());
    assert_eq!(parsed.all("time"), ["2026-11-29T00:55:11Z", "2026-11-29T00:55:10Z"]);
    assert_eq!(parsed.all("basis"), ["zone-inferred", "stated"]);
    assert_eq!(parsed.all("set_timestamp"), [json!(1_000_000_000), json!(null)]);
    assert_eq!(parsed.all("database"), ["d", "d"]);
}

#[test]
fn what_a_server_sets_before_a_slow_statement_is_no_part_of_it() {
    let log = "# Time: 240302 10:00:00
# User@Host: anna[anna] @ localhost []
# Query_time: 2.000000  Lock_time: 0.000000  Rows_sent: 0  Rows_examined: 1
SET last_insert_id=1,insert_id=12,timestamp=1709373600;
# a note
insert t values (1);
";
    check(
        &MysqlSlow,
        log,
        &[json!({"time": "2024-03-02T10:00:00Z", "basis": "stated", "message": "# a note\\u{a}insert t values (1);"})],
    );
}

#[test]
fn the_database_of_a_login_and_the_account_that_it_stands_for_are_its_own() {
    let log = "240302 10:00:00\t     4 Connect\tanna@192.0.2.7 as anonymous on \n\t\t     4 Init DB\tshop\n\t\t     4 Quit\t\n";
    let parsed = parse(&MysqlGeneral, "/var/lib/mysql/x", "2024-03-03T00:00:00Z", log.as_bytes());
    assert_eq!(parsed.all("address")[0], "192.0.2.7");
    assert_eq!(parsed.all("database"), [json!(null), json!("shop"), json!("shop")]);
}

#[test]
fn a_quote_inside_a_value_ends_it_not() {
    let line = br#""Query","1","2014-08-27T10:47:23 UTC","insert","37",0,"insert t values (""x"",""y"")","root[root] @ localhost []","localhost","","","shop""#;
    let parsed = parse(&MysqlAudit, "/var/lib/mysql/audit.log", "2024-03-03T00:00:00Z", line);
    assert_eq!((&parsed.all("user")[0], &parsed.all("address")[0]), (&json!("root"), &json!("localhost")));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0..STARTS.len()) {
        let log = [STARTS[start].as_bytes(), &bytes].concat();
        let all: [&dyn Parser; 4] = [&MysqlGeneral, &MysqlSlow, &MysqlErrors, &MysqlAudit];
        for parser in all {
            let _ = parser.claims(&Candidate { path: b"/x", head: &log, host: &Host::unknown() });
            let _ = parse(parser, "/x", "2024-03-01T12:00:00Z", &log);
        }
    }
}
