//! Settings as programs are given them, and where they have logs written to.

use super::*;
use kanshiki_filesystem::{MemoryFileSystem, Volume};
use proptest::prelude::*;
use std::sync::Arc;

fn named(files: &[(&str, &str)]) -> Vec<String> {
    let filesystem = MemoryFileSystem::of_paths(files);
    let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
    paths(&view).iter().map(|path| kanshiki_model::visible(path)).collect()
}

/// Fails unless all of these are named.
fn assert_named(files: &[(&str, &str)], expected: &[&str]) {
    let named = named(files);
    for path in expected {
        assert!(named.iter().any(|it| it == path), "{path} of {named:#?}");
    }
}

#[test]
fn logs_of_mysql_are_relative_to_its_data_and_may_be_persisted() {
    let cnf = "[mysqld]\ndatadir = /data/mysql/\ngeneral-log-file=queries\nslow_query_log_file = \"/srv/slow one\"\n\
        log-bin\nserver_audit_file_path=/srv/audit/\n[mysqld_safe]\nlog-error=/srv/errors\n";
    let persisted = r#"{"Version": 2, "mysql_dynamic_variables": {"general_log_file": {"Value": "/srv/persisted"}}}"#;
    let files = [
        ("/etc/mysql/my.cnf", "!includedir /etc/mysql/conf.d/\n"),
        ("/etc/mysql/conf.d/a.cnf", cnf),
        ("/data/mysql/mysqld-auto.cnf", persisted),
    ];
    let expected = [
        "/data/mysql/queries",
        "/srv/slow one",
        "/srv/audit",
        "/srv/errors",
        "/srv/persisted",
        "/data/mysql/binlog.0",
        "/data/mysql/*.err",
        "/data/mysql/server_audit",
    ];
    assert_named(&files, &expected);
    // A switch is no path.
    assert!(!named(&files).iter().any(|path| path.ends_with("/1")));
}

#[test]
fn logs_of_postgresql_are_those_of_all_its_settings() {
    let files = [
        ("/etc/postgresql/15/main/postgresql.conf", "data_directory = '/data/pg'\ninclude_dir 'conf.d'\n"),
        ("/etc/postgresql/15/main/conf.d/a.conf", "log_directory = 'records' # x\nlog_filename='pg-%a_%H%M.log'\n"),
        ("/data/pg/postgresql.auto.conf", "log_directory = '/srv/pg'\n"),
        ("/var/lib/pgsql/data/postgresql.conf", ""),
    ];
    let expected = [
        "/data/pg/records/pg-*_*",
        "/srv/pg/pg-*_*",
        "/data/pg/log/postgresql-*",
        "/var/lib/pgsql/data/log/postgresql-*",
    ];
    assert_named(&files, &expected);
}

#[test]
fn targets_of_rsyslog_are_named_in_all_its_forms() {
    let conf = "$IncludeConfig /etc/rsyslog.d/*.conf\n$template Remote,\"/srv/remote/%HOSTNAME%/%$YEAR%-%programname%\"\n\
        auth,authpriv.* -/srv/auth;Format\n*.* ?Remote\n& ~\n:msg, contains, \"/no\" /srv/filtered\n\
        if $programname == 'x' then -/srv/x\n# *.* /srv/comment\n*.* @@192.0.2.7\n";
    let more = "template(name=\"List\" type=\"list\") {\n  constant(value=\"/srv/list/\")\n  property(name=\"hostname\")\n\
        constant(value=\".txt\") }\ntemplate (name=\"S\" type=\"string\"\n string=\"/srv/s/%fromhost-ip%\")\n\
        *.* action(type=\"omfile\"\n  template=\"F\" dynaFile=\"List\")\n\
        if ($msg contains \")\") then { action(type=\"omfile\" File=\"/srv/action (1)\") action(dynafile=\"S\") }\n";
    let files = [("/etc/rsyslog.conf", conf), ("/etc/rsyslog.d/a.conf", more)];
    let expected =
        ["/srv/list/*.txt", "/srv/action (1)", "/srv/s/*", "/srv/auth", "/srv/remote/*/*-*", "/srv/filtered", "/srv/x"];
    let mut found = named(&files);
    found.retain(|path| path.starts_with("/srv"));
    found.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn destinations_of_syslog_ng_are_named() {
    let files = [
        ("/etc/syslog-ng/syslog-ng.conf", "@include \"conf.d/*.conf\"\nsource s { file(\"/proc/kmsg\"); };\n"),
        (
            "/etc/syslog-ng/conf.d/d.conf",
            "destination d {\n file(\"/srv/$HOST/${YEAR}.$(lowercase X)log\" perm(0600)); };\ndestination e { file (/srv/plain); };",
        ),
    ];
    assert_eq!(named(&files), ["/srv/*/*.*log", "/srv/plain"]);
}

#[test]
fn other_programs_name_their_logs_too() {
    let files = [
        ("/etc/audit/auditd.conf", "log_file = /srv/audit/records\n"),
        ("/etc/vsftpd.conf", "vsftpd_log_file=/srv/vsftpd\nxferlog_file=/srv/xfer\n"),
        ("/etc/proftpd/proftpd.conf", "Include /etc/proftpd/conf.d/\nTransferLog /srv/pro/transfers\nSystemLog none\n"),
        ("/etc/proftpd/conf.d/a.conf", "<VirtualHost x>\n  ExtendedLog /srv/pro/all ALL default\n"),
        ("/etc/pure-ftpd/conf/AltLog", "clf:/srv/pure/transfers\n"),
        ("/etc/logrotate.conf", "include /etc/logrotate.d\n"),
        (
            "/etc/logrotate.d/app",
            "/srv/app/*.out /srv/app/trace\n\"/srv/other\" {\n  daily\n  postrotate\n /bin/x\n endscript\n}\n",
        ),
    ];
    let expected = [
        "/srv/audit/records",
        "/srv/vsftpd",
        "/srv/xfer",
        "/srv/pro/transfers",
        "/srv/pro/all",
        "/srv/pure/transfers",
        "/srv/app/*.out",
        "/srv/app/trace",
        "/srv/other",
    ];
    assert_named(&files, &expected);
    assert!(!named(&files).iter().any(|path| path.contains("/bin/")));
}

#[test]
fn settings_that_close_nothing_end() {
    let unclosed = "action(template(name=\"x\" {file(".repeat(30_000);
    let options = format!("[mysqld]\n{}", "datadir=/a\nlog=b\n".repeat(50_000));
    let found = named(&[
        ("/etc/rsyslog.conf", &unclosed),
        ("/etc/syslog-ng/syslog-ng.conf", &unclosed),
        ("/etc/my.cnf", &options),
        ("/etc/logrotate.conf", &"/a /b {\n}\n".repeat(50_000)),
    ]);
    assert!(found.contains(&"/a/b".to_owned()));
}

proptest! {
    #[test]
    fn any_settings_never_panic(text in "[a-z/=(){}\"'%$\\\\?;, \n*-]{0,200}") {
        let paths = [
            "/etc/my.cnf", "/etc/rsyslog.conf", "/etc/syslog-ng/syslog-ng.conf", "/etc/proftpd.conf", "/etc/logrotate.conf",
            "/var/lib/pgsql/data/postgresql.conf", "/etc/vsftpd.conf",
        ];
        let starts = ["[mysqld]\nlog=", "template(name=\"x\" ", "file(", "ExtendedLog ", "/", "log_directory=", "xferlog_file="];
        let texts: Vec<String> = starts.iter().map(|start| format!("{start}{text}")).collect();
        let files: Vec<(&str, &str)> = paths.iter().copied().zip(texts.iter().map(String::as_str)).collect();
        let _ = named(&files);
    }
}
