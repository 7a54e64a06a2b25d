//! Blind spots of settings as programs are given them.

use super::*;
use kanshiki_filesystem::{MemoryFileSystem, NodeType, Volume};
use proptest::prelude::*;
use std::sync::Arc;

fn spots_of(filesystem: MemoryFileSystem) -> Vec<Spot> {
    find(&View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) }))
}

/// The spots of a service, as `state path:line what | reason`, the beginning of what is not logged alone.
pub(super) fn told(files: &[(&str, &str)], service: &str) -> Vec<String> {
    let spots = spots_of(MemoryFileSystem::of_paths(files));
    let spots = spots.iter().filter(|spot| spot.service.starts_with(service));
    spots
        .map(|spot| {
            let line = spot.evidence.span.map_or_else(String::new, |(_, _, line)| format!(":{line}"));
            let state = if spot.is_known { "" } else { "unknown " };
            let what: Vec<&str> = spot.unlogged.split(' ').take(2).collect();
            format!("{state}{}{line} {} | {}", visible(&spot.evidence.path), what.join(" "), spot.reason)
        })
        .collect()
}

#[test]
fn mysql_without_a_general_log_does_not_tell_what_was_read() {
    let main = ("/etc/my.cnf", "[client]\ngeneral_log=1\n!includedir /etc/my.cnf.d/\n");
    let data = ("/var/lib/mysql/ibdata1", "");
    let bare = told(&[main, data], "mysql");
    assert_eq!(
        bare[0],
        "/etc/my.cnf queries that | general_log is not set; its default is OFF; no audit plugin is set either"
    );
    assert!(
        bare[2].starts_with("unknown /etc/my.cnf rows that | log_bin is not set; its default is OFF before MySQL 8.0")
    );
    assert_eq!(bare.len(), 4);
    let server =
        |text: &'static str| [main, data, ("/etc/my.cnf.d/server.cnf", text), ("/var/lib/mysql/mysql.ibd", "x")];
    let all = "[mysqld]\ngeneral-log\nloose_slow_query_log = ON # x\n";
    assert_eq!(told(&server(all), "mysql"), [""; 0]);
    let nowhere = told(&server("[mysqld]\ngeneral_log=1\nlog_output=NONE\nslow_query_log=1\nskip-log-bin\n"), "mysql");
    let expected = [
        "/etc/my.cnf.d/server.cnf:3 queries that | set: log_output=NONE",
        "/etc/my.cnf.d/server.cnf:3 connections that | set: log_output=NONE",
        "/etc/my.cnf.d/server.cnf:5 rows that | set: skip-log-bin",
    ];
    assert_eq!(nowhere, expected);
    // The last setting counts, and a group of one version says nothing that can be judged.
    let later = told(&server("[mysqld]\ngeneral_log=1\nslow_query_log=1\n[mysqld-5.7]\ngeneral_log=0\n"), "mysql");
    assert!(later[0].starts_with("unknown /etc/my.cnf.d/server.cnf:5 queries"), "{later:#?}");
    let persisted = r#"{"Version": 2, "mysql_dynamic_variables": {"general_log": {"Value": "OFF"}}}"#;
    let mut files = server(all).to_vec();
    files.push(("/var/lib/mysql/mysqld-auto.cnf", persisted));
    assert!(told(&files, "mysql")[0].starts_with("/var/lib/mysql/mysqld-auto.cnf queries that | set by SET PERSIST"));
}

#[test]
fn the_audit_plugin_of_mariadb_logs_what_its_events_say() {
    let of = |text: &str| {
        let files = [("/etc/mysql/my.cnf", text), ("/usr/sbin/mariadbd", "x")];
        told(&files, "mariadb")
            .into_iter()
            .filter(|it| !it.contains("rows that") && !it.contains("statements that"))
            .collect::<Vec<_>>()
    };
    let plugin = "[mariadb]\nplugin_load_add = server_audit\n";
    assert_eq!(of(&format!("{plugin}server_audit_logging=ON\n")), [""; 0]);
    let connections = of(&format!("{plugin}server_audit_logging=ON\nserver_audit_events = CONNECT,QUERY_DDL\n"));
    assert_eq!(connections.len(), 1, "{connections:#?}");
    assert!(connections[0].ends_with("server_audit_events leaves them out"));
    assert_eq!(of(&format!("{plugin}server_audit_logging=OFF\n")).len(), 2);
    assert!(of(plugin).iter().all(|it| it.starts_with("unknown")), "{:#?}", of(plugin));
}

#[test]
fn postgres_logs_no_statements_by_default() {
    let main = "/etc/postgresql/15/main/postgresql.conf";
    let found = told(&[(main, "log_connections = on\n#log_statement = 'all'\n")], "postgresql");
    assert!(found[0].contains("statements: what | log_statement is not set; its default is none"), "{found:#?}");
    assert_eq!(found.len(), 2);
    // ALTER SYSTEM is read last, included files at their place.
    let auto =
        ("/var/lib/postgresql/15/main/postgresql.auto.conf", "log_statement = 'mod'\nlog_disconnections = 'yes'\n");
    let files =
        [(main, "include_dir = 'conf.d'\n"), ("/etc/postgresql/15/main/conf.d/a.conf", "Log_Connections true"), auto];
    let found = told(&files, "postgresql");
    assert_eq!(
        found,
        ["/var/lib/postgresql/15/main/postgresql.auto.conf:1 queries that | set: log_statement = 'mod'; \
          log_min_duration_statement is off, too"]
    );
    let all = "log_min_duration_statement = 0\nlog_connections=all\nlog_disconnections=1\n";
    assert_eq!(told(&[(main, all)], "postgresql"), [""; 0]);
    let audit = told(&[(main, "shared_preload_libraries = 'pgaudit'\n")], "postgresql");
    assert!(audit[0].starts_with("unknown"));
}

#[test]
fn settings_that_make_logs_vanish_are_told() {
    let vsftpd = |text: &str| told(&[("/etc/vsftpd.conf", text)], "vsftpd");
    let found = vsftpd("xferlog_enable=YES\nvsftpd_log_file=/dev/null\nlog_ftp_protocol=YES\n");
    assert_eq!(found, ["/etc/vsftpd.conf:2 what its | set: vsftpd_log_file=/dev/null"]);
    let found = vsftpd("dual_log_enable=YES\nxferlog_file=/dev/null\nlog_ftp_protocol=YES\n");
    assert_eq!(found, ["/etc/vsftpd.conf:2 transfers, in | set: xferlog_file=/dev/null"]);
    let data = ("/var/lib/mysql/ibdata1", "");
    let general = "[mysqld]\ngeneral_log=1\ngeneral_log_file=/dev/null\n";
    let found = told(&[("/etc/my.cnf", general), data], "mysql");
    assert!(found[0].starts_with("/etc/my.cnf:3 queries that | set: general_log_file=/dev/null"), "{found:#?}");
    assert!(found[1].starts_with("/etc/my.cnf:3 connections that"), "{found:#?}");
    let settings = "log_statement=all\nlog_connections=on\nlog_disconnections=on\nlog_min_messages = panic\n";
    let found = told(&[("/etc/postgresql/15/main/postgresql.conf", settings)], "postgres");
    assert_eq!(
        found,
        ["/etc/postgresql/15/main/postgresql.conf:4 connections, statements | set: log_min_messages = panic"]
    );
    let apache = |text: &str| told(&[("/etc/apache2/apache2.conf", text)], "apache");
    let sites = "SecAuditEngine On\n<VirtualHost *:80>\nServerName a\n</VirtualHost>\n<VirtualHost *:81>\nCustomLog a b\n\
        </VirtualHost>\n";
    let found = apache(sites);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].starts_with("/etc/apache2/apache2.conf:2 requests of | set: <VirtualHost *:80>; neither"),
        "{found:#?}"
    );
    assert_eq!(apache(&format!("{sites}CustomLog x y\n")), [""; 0]);
    let found = apache("SecAuditEngine On\nCustomLog a combined \"expr=%{REMOTE_ADDR} != '192.0.2.66'\"\n");
    assert!(found[0].starts_with("/etc/apache2/apache2.conf:2 requests that"), "{found:#?}");
    let nginx = |text: &str| told(&[("/etc/nginx/nginx.conf", text)], "nginx");
    let found = nginx("access_log \"off\";\nserver { error_log /dev/null crit; }\nlog_format a '$request_body';\n");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[1].starts_with("/etc/nginx/nginx.conf:2 errors, and"), "{found:#?}");
}

#[test]
fn mariadb_tells_of_logins_that_fail_from_the_second_level_of_warnings_on() {
    let of = |text: &str| {
        let files = [("/etc/my.cnf", text), ("/usr/sbin/mariadbd", "x"), ("/var/lib/mysql/ibdata1", "")];
        told(&files, "mariadb").into_iter().filter(|it| it.contains("logins that")).collect::<Vec<_>>()
    };
    assert_eq!(of("[mysqld]\n"), [""; 0]);
    assert_eq!(of("[mysqld]\nlog_warnings=2\n"), [""; 0]);
    assert_eq!(of("[mysqld]\nlog_warnings\n"), [""; 0]);
    assert_eq!(of("[mysqld]\nlog_warnings=1\ngeneral_log=1\n"), [""; 0]);
    for line in ["log_warnings=0", "log-warnings = 1", "skip-log-warnings"] {
        let found = of(&format!("[mysqld]\n{line}\n"));
        assert_eq!(found, [format!("/etc/my.cnf:2 logins that | set: {line}; no audit plugin is set either")]);
    }
}

#[test]
fn settings_of_sudo_may_go_on_in_further_lines_and_be_of_some_alone() {
    let of = |text: &str| {
        let all = format!("Defaults log_output\n{text}");
        told(&[("/etc/sudoers", &all)], "sudo")
    };
    assert_eq!(
        of("Defaults env_reset, \\\n !syslog, \\\n !log_allowed\n"),
        [
            "/etc/sudoers:2 commands that | set: Defaults env_reset, \\\\; there is no logfile either",
            "/etc/sudoers:2 commands that | set: Defaults env_reset, \\\\"
        ]
    );
    assert_eq!(of("Defaults \\\n !syslog\n").len(), 1);
    let found = of("Defaults !syslog\nDefaults:bob logfile=\"/data/sudo.log\"\n");
    assert_eq!(found, ["/etc/sudoers:2 commands that | set: Defaults !syslog; a logfile is set for some alone"]);
    assert_eq!(of("Defaults !syslog\nDefaults logfile=/data/sudo.log\n"), [""; 0]);
    assert_eq!(of("Defaults!/bin/sh !log_allowed\n").len(), 1);
}

#[test]
fn records_of_logins_that_are_links_into_nothing_are_told() {
    let mut filesystem = MemoryFileSystem::of_paths(&[
        ("/var/log/btmp", "x"),
        ("/etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
        ("/bin/sh", "x"),
    ]);
    let log = filesystem.add(2, b"none", NodeType::Directory, b"");
    let _ = log;
    filesystem.add(12, b"wtmp", NodeType::Symlink, b"/dev/null");
    let spots = spots_of(filesystem);
    let found: Vec<&str> = spots.iter().filter(|it| it.service == "wtmp").map(|it| it.reason.as_str()).collect();
    assert_eq!(found, ["it is a link to /dev/null"]);
}

#[test]
fn ftp_servers_tell_what_their_switches_let_through() {
    let vsftpd = |text: &str| told(&[("/etc/vsftpd.conf", text)], "vsftpd");
    let none = vsftpd("# xferlog_enable=YES\n");
    assert_eq!(none.len(), 1);
    assert!(none[0].starts_with("/etc/vsftpd.conf what its | xferlog_enable is not set; its default is NO"));
    let standard = vsftpd("xferlog_enable=YES\nxferlog_std_format=YES\nlog_ftp_protocol=YES\n");
    assert_eq!(standard, ["/etc/vsftpd.conf:2 logins, deletions, | set: xferlog_std_format=YES"]);
    assert_eq!(vsftpd("xferlog_enable=YES\nlog_ftp_protocol=YES\n"), [""; 0]);
    assert_eq!(vsftpd("syslog_enable=YES\nlog_ftp_protocol=maybe\n").len(), 1);
    assert!(vsftpd("syslog_enable=YES\nlog_ftp_protocol=maybe\n")[0].starts_with("unknown"));
    let files =
        [("/etc/proftpd/proftpd.conf", "Include conf.d\n"), ("/etc/proftpd/conf.d/a.conf", "TransferLog NONE\n")];
    let proftpd = told(&files, "proftpd");
    assert!(proftpd[0].starts_with("/etc/proftpd/conf.d/a.conf:1 uploads and"), "{proftpd:#?}");
    assert_eq!(proftpd.len(), 2);
    let pure = told(&[("/etc/pure-ftpd.conf", "SyslogFacility  none\n")], "pure-ftpd");
    assert_eq!(pure, ["/etc/pure-ftpd.conf:1 what its | set: SyslogFacility  none; there is no AltLog either"]);
}

#[test]
fn of_sshd_the_first_setting_counts_and_its_sftp_server_is_silent_by_default() {
    let main = "Include /etc/ssh/sshd_config.d/*.conf\nLogLevel VERBOSE\nSubsystem sftp internal-sftp\nMatch User x\nLogLevel QUIET\n";
    let files = [("/etc/ssh/sshd_config", main), ("/etc/ssh/sshd_config.d/a.conf", "loglevel error\n")];
    let found = told(&files, "sshd");
    let expected = [
        "/etc/ssh/sshd_config commands that | sshd writes no command to its log at any LogLevel",
        "/etc/ssh/sshd_config.d/a.conf:1 logins, accepted | set: loglevel error",
        "/etc/ssh/sshd_config:5 logins, accepted | set: LogLevel QUIET; for those who match",
        "/etc/ssh/sshd_config:3 files that | set: Subsystem sftp internal-sftp; no -l is given; the default level is ERROR",
    ];
    assert_eq!(found, expected);
    let told_all = "Subsystem sftp /usr/lib/openssh/sftp-server -f AUTH -l INFO\n";
    assert_eq!(told(&[("/etc/ssh/sshd_config", told_all)], "sshd").len(), 1);
}

#[test]
fn one_line_of_sshd_may_include_files_of_several_patterns() {
    let files = [
        ("/etc/ssh/sshd_config", "Include a.d/*.conf \"/etc/ssh/b.conf\"\nSubsystem sftp internal-sftp -l INFO\n"),
        ("/etc/ssh/b.conf", "LogLevel QUIET\n"),
    ];
    assert_eq!(told(&files, "sshd")[1..], ["/etc/ssh/b.conf:1 logins, accepted | set: LogLevel QUIET"]);
}

#[test]
fn what_several_patterns_lead_to_is_told_once() {
    let files = [("/var/spool/cron/crontabs/root", "MAILTO=\"\"\n0 0 * * * x\n")];
    assert_eq!(told(&files, "cron").len(), 1);
}

#[test]
fn web_servers_log_what_their_settings_say_but_no_bodies() {
    let apache = |text: &str| told(&[("/etc/apache2/apache2.conf", text)], "apache");
    assert_eq!(apache("#CustomLog x y\n").len(), 2);
    let found = apache(
        "CustomLog /dev/null common\nErrorLog \"/dev/null\"\nCustomLog a combined env=!own\nSecAuditEngine On\n",
    );
    assert_eq!(found.len(), 3, "{found:#?}");
    let nginx = [
        ("/etc/nginx/nginx.conf", "http {\n  include sites-enabled/*;\n}\n"),
        ("/etc/nginx/sites-enabled/a", "server { listen 80; # access_log off;\n  location /x { access_log off; }\n}\n"),
    ];
    let found = told(&nginx, "nginx");
    assert_eq!(found[0], "/etc/nginx/sites-enabled/a:2 requests of | set: location /x { access_log off; }");
    assert_eq!(found.len(), 2);
}

#[test]
fn what_audit_rules_do_not_name_is_not_logged() {
    let of = |rules: &str| {
        told(&[("/etc/audit/auditd.conf", "write_logs = yes\n"), ("/etc/audit/rules.d/a.rules", rules)], "audit")
    };
    assert_eq!(of("-D\n-b 8192\n")[0], "/etc/audit/rules.d/a.rules programs that | there are no rules");
    assert!(
        of("-w /etc/passwd -p wa\n")[0].ends_with("none of the 1 rules names execve; what they name alone is logged")
    );
    assert_eq!(of("-a always,exit -F arch=b64 -S execve -k x\n"), [""; 0]);
    assert_eq!(of("-a task,never\n-a always,exit -S execve\n").len(), 1);
    assert_eq!(told(&[("/etc/audit/auditd.conf", "log_format = NOLOG\n")], "audit").len(), 2);
}

#[test]
fn a_journal_in_memory_is_gone_and_rsyslog_tells_what_its_selectors_take() {
    let daemon = ("/usr/lib/systemd/systemd-journald", "x");
    let found = told(&[daemon], "journal");
    assert!(found[0].contains("there is no /var/log/journal, so that auto keeps it in memory"), "{found:#?}");
    assert_eq!(told(&[daemon, ("/var/log/journal/", "")], "journal"), [""; 0]);
    let files = [
        daemon,
        ("/var/log/journal/", ""),
        ("/etc/systemd/journald.conf", "[Journal]\n#Storage=auto\n"),
        ("/usr/lib/systemd/journald.conf.d/z.conf", "[Journal]\nStorage=persistent\n"),
        ("/etc/systemd/journald.conf.d/z.conf", "[Journal]\nStorage=volatile\n"),
    ];
    assert!(
        told(&files, "journal")[0]
            .starts_with("/etc/systemd/journald.conf.d/z.conf:2 the journal | set: Storage=volatile")
    );
    let rsyslog = |text: &str| told(&[("/etc/rsyslog.conf", text)], "rsyslog");
    assert_eq!(rsyslog("auth,authpriv.*\t/var/log/auth.log\n*.*;auth,authpriv.none -/var/log/syslog\n"), [""; 0]);
    let found = rsyslog("*.info;authpriv.none;auth.none;cron.none\t/var/log/messages\n");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].ends_with("no selector sends auth and authpriv anywhere"));
    assert!(rsyslog("if $programname == 'sshd' then /var/log/x\n").iter().all(|it| it.starts_with("unknown")));
}

#[test]
fn histories_that_are_not_kept_are_told_with_their_line() {
    let mut filesystem = MemoryFileSystem::of_paths(&[
        ("/root/.bashrc", "alias l=ls\nexport HISTFILE=/dev/null\n"),
        ("/home/anna/.bashrc", "HISTCONTROL=ignoreboth\nHISTTIMEFORMAT='%F '\n"),
        ("/usr/bin/bash", "x"),
    ]);
    let root = filesystem.add(2, b"home2", NodeType::Directory, b"");
    let _ = root;
    filesystem.add(11, b".bash_history", NodeType::Symlink, b"/dev/null");
    let spots = spots_of(filesystem);
    let spots: Vec<String> = spots.iter().map(|it| format!("{} | {}", it.unlogged, it.reason)).collect();
    assert!(
        spots.contains(&"commands typed by root: no history is kept | it is a link to /dev/null".to_owned()),
        "{spots:#?}"
    );
    assert!(
        spots
            .iter()
            .any(|it| it.starts_with("commands typed by root") && it.contains("set: export HISTFILE=/dev/null"))
    );
    assert!(spots.iter().any(|it| it.contains("a blank before them | set: HISTCONTROL=ignoreboth")));
    assert!(!spots.iter().any(|it| it.contains("HISTTIMEFORMAT is not set")));
}

#[test]
fn what_is_missing_from_a_system_is_told_and_from_a_data_disk_not() {
    let data = [("/photos/a.jpg", "x"), ("/var/log/", "")];
    assert_eq!(spots_of(MemoryFileSystem::of_paths(&data)), []);
    let system = [("/etc/passwd", "root:x:0:0::/root:/bin/sh\n"), ("/bin/sh", "x"), ("/var/log/wtmp", "x")];
    let spots = spots_of(MemoryFileSystem::of_paths(&system));
    let services: Vec<&str> = spots.iter().map(|spot| spot.service.as_str()).collect();
    assert_eq!(services, ["audit", "accounting", "syslog", "firewall", "btmp"]);
}

#[test]
fn other_services_are_told_by_what_they_have() {
    let one = |files: &[(&str, &str)], service: &str| {
        let found = told(files, service);
        assert_eq!(found.len(), 1, "{found:#?}");
        found.into_iter().next().unwrap()
    };
    assert!(one(&[("/etc/redis/redis.conf", "loglevel debug\n")], "redis").contains("no log of commands at all"));
    assert_eq!(
        one(&[("/etc/samba/smb.conf", "[global]\nlog level = 1\n[x]\npath=/x\n")], "samba"),
        "/etc/samba/smb.conf files that | no share has the module full_audit; none has it by default"
    );
    assert!(one(&[("/etc/samba/smb.conf", "log level = 1\ninclude = /etc/%m.conf\n")], "samba").starts_with("unknown"));
    assert!(one(&[("/etc/exports", "# x\n/srv *(rw)\n")], "nfs").starts_with("/etc/exports:2 "));
    assert!(
        one(&[("/etc/docker/daemon.json", "{\n \"log-driver\": \"none\"\n}")], "docker")
            .starts_with("/etc/docker/daemon.json:2 ")
    );
    assert!(one(&[("/etc/docker/daemon.json", "{")], "docker").starts_with("unknown"));
    assert!(
        one(&[("/etc/bind/named.conf", "include \"/etc/bind/o\";\n"), ("/etc/bind/o", "options { };\n")], "bind")
            .contains("querylog")
    );
    assert_eq!(told(&[("/etc/bind/named.conf", "logging {\n category queries { x; };\n};\n")], "bind"), [""; 0]);
    assert!(one(&[("/etc/firewalld/firewalld.conf", "LogDenied=off\n")], "firewalld").contains("set: LogDenied=off"));
    assert!(one(&[("/etc/nftables.conf", "table inet f { chain i { drop } }\n")], "nftables").contains("no rule logs"));
    assert_eq!(told(&[("/etc/nftables.conf", "table inet f { chain i { log drop } }\n")], "nftables"), [""; 0]);
    assert!(
        one(&[("/etc/fstab", "UUID=x / ext4 noatime,errors=remount-ro 0 1\nUUID=y none swap sw 0 0\n")], "filesystem")
            .starts_with("/etc/fstab:1 ")
    );
    assert!(one(&[("/etc/sudoers", "Defaults env_reset\n")], "sudo").contains("log_output"));
    assert!(one(&[("/etc/cron.d/x", "MAILTO=\"\"\n* * * * * root x\n")], "cron").starts_with("/etc/cron.d/x:1 "));
}

#[test]
fn what_rotation_removes_is_told_for_each_log() {
    let files = [
        ("/etc/logrotate.conf", "weekly\nrotate 4\ninclude /etc/logrotate.d\n"),
        (
            "/etc/logrotate.d/a",
            "/var/log/a.log\n/var/log/b.log\n{\n  daily\n  rotate 7\n  postrotate\n  rotate 99\n  endscript\n}\n/var/log/c {\n  rotate -1\n}\n",
        ),
        ("/etc/logrotate.d/b", "/var/log/d {\n  maxage 30\n}\n"),
    ];
    let spots = spots_of(MemoryFileSystem::of_paths(&files));
    let spots: Vec<&str> = spots.iter().map(|spot| spot.unlogged.as_str()).collect();
    let expected = [
        "what is older than the rotation of /var/log/a.log /var/log/b.log keeps: in 7 older files, rotated daily",
        "what is older than the rotation of /var/log/d keeps: in 4 older files, for 30 days at most, rotated weekly",
    ];
    assert_eq!(spots, expected);
}

#[test]
fn settings_that_include_themselves_or_are_no_text_cannot_be_judged() {
    let circle = told(
        &[("/etc/postgresql/15/main/postgresql.conf", "include 'postgresql.conf'\nlog_statement=all\n")],
        "postgresql",
    );
    assert!(circle.iter().all(|it| it.starts_with("unknown") && it.contains("includes itself")), "{circle:#?}");
    assert_eq!(circle.len(), 4);
    assert!(
        told(&[("/etc/vsftpd.conf", "xferlog_enable=NO\n\0\0")], "vsftpd")[0]
            .contains("but /etc/vsftpd.conf is no text")
    );
}

/// Files that settings are read from.
const FILES: &[&str] = &[
    "/etc/my.cnf",
    "/etc/postgresql/15/main/postgresql.conf",
    "/etc/vsftpd.conf",
    "/etc/proftpd/proftpd.conf",
    "/etc/pure-ftpd.conf",
    "/etc/ssh/sshd_config",
    "/etc/apache2/apache2.conf",
    "/etc/nginx/nginx.conf",
    "/etc/audit/auditd.conf",
    "/etc/audit/audit.rules",
    "/etc/systemd/journald.conf",
    "/etc/rsyslog.conf",
    "/etc/logrotate.conf",
    "/etc/fstab",
    "/etc/sudoers",
    "/etc/crontab",
    "/etc/default/cron",
    "/etc/profile",
    "/bin/bash",
    "/etc/passwd",
    "/etc/samba/smb.conf",
    "/etc/exports",
    "/etc/docker/daemon.json",
    "/etc/bind/named.conf",
    "/etc/unbound/unbound.conf",
    "/etc/ufw/ufw.conf",
    "/etc/nftables.conf",
    "/var/lib/mysql/mysqld-auto.cnf",
];

/// Words that settings are made of.
const WORDS: &[&str] = &[
    "include ",
    "if ",
    " then ",
    "auth.* ",
    ":msg, contains, \"",
    "stop",
    "& ~\n",
    "{",
    "}",
    "action(",
    "\n",
    "!includedir ",
    "Include ",
    "/etc/*",
    "[mysqld]",
    "general_log",
    "=",
    "\"",
    "'",
    "{",
    "}",
    ";",
    "#",
    "-e",
    " 0",
    "-S ",
    "HISTFILE=",
    "Match",
    "Subsystem sftp ",
    "-l ",
    "rotate ",
    "postrotate",
    "\n",
    "MAILTO=",
    "server_audit_logging",
    "*.*",
    ".none ",
    "EXTRA_OPTS",
    "-L",
    "CustomLog ",
    "access_log ",
    "off",
    "Defaults ",
    "@include ",
    "\\",
];

proptest! {
    #[test]
    fn any_bytes_never_panic(
        parts in prop::collection::vec(prop_oneof![
            prop::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..8),
        ], 0..40)
    ) {
        let mut filesystem = MemoryFileSystem::of_paths(&FILES.iter().map(|path| (*path, "")).collect::<Vec<_>>());
        let content = parts.concat();
        // Every file has the same content.
        for inode in 11..200 {
            if let Some(node) = filesystem.node_mut(inode).filter(|node| node.node.node_type == NodeType::File) {
                node.content.clone_from(&content);
                node.node.size = content.len() as u64;
            }
        }
        let spots = spots_of(filesystem);
        prop_assert!(spots.len() < 1000);
    }
}
