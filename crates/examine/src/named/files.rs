//! Logs of programs that name one path on a line of their settings, and what logrotate rotates.

use super::Named;
use crate::blind::rotation;
use kanshiki_machine::config::{Dialect, assignment, behind, unquoted, words};
use kanshiki_machine::services::ftp::{PROFTPD, PURE_FTPD, VSFTPD};

/// Settings of the form `NAME = PATH` or `NAME PATH`: files, names of settings in lower case.
const ASSIGNED: &[(&[&str], &[&str])] = &[
    // auditd.conf(5).
    (&["/etc/audit/auditd.conf"], &["log_file"]),
    // vsftpd.conf(5).
    (&VSFTPD, &["vsftpd_log_file", "xferlog_file"]),
    // pure-ftpd(8), `--altlog`: `FORM:PATH`.
    (&PURE_FTPD, &["altlog"]),
    // fail2ban's `jail.conf` reads logs, and does not write them; `fail2ban.conf` names its own.
    (&["/etc/fail2ban/fail2ban.conf", "/etc/fail2ban/fail2ban.local"], &["logtarget"]),
    // exim's specification, 52.
    (&["/etc/exim4/exim4.conf", "/etc/exim/exim.conf", "/etc/exim4/conf.d/main/*"], &["log_file_path"]),
    // dnf.conf(5); yum.conf(5).
    (&["/etc/dnf/dnf.conf", "/etc/yum.conf"], &["logfile", "logdir"]),
    // pacman.conf(5).
    (&["/etc/pacman.conf"], &["logfile"]),
];

pub(super) fn find(named: &mut Named<'_>) {
    for (files, names) in ASSIGNED {
        let Some(config) = named.config(files, Dialect::PLAIN) else { continue };
        for (name, value) in config.lines().filter_map(|line| assignment(line.text)) {
            if names.iter().any(|it| it.as_bytes() == name) {
                named.add(behind_form(&value));
            }
        }
    }
    proftpd(named);
    // Debian's pure-ftpd has each option in a file of its own.
    if let Some(config) = named.config(&["/etc/pure-ftpd/conf/AltLog"], Dialect::PLAIN) {
        config.lines().for_each(|line| named.add(behind_form(line.text)));
    }
    for pattern in rotation::logs(named.view) {
        named.add_pattern(pattern);
    }
}

/// The path of `clf:/var/log/x` (pure-ftpd), `/var/log/%slog` (exim), `: syslog` alone (exim) and of any other form.
fn behind_form(value: &[u8]) -> &[u8] {
    let at = memchr::memchr(b'/', value).unwrap_or(value.len());
    value.get(at..).unwrap_or_default()
}

/// proftpd's directives of mod_core, mod_log, mod_xfer, mod_tls, mod_sftp, mod_sql and mod_ban; a path stands first among the
/// arguments. `%` puts in names of the server.
fn proftpd(named: &mut Named<'_>) {
    let mains =
        ["/etc/proftpd/proftpd.conf", "/etc/proftpd.conf", "/usr/local/etc/proftpd.conf", "/etc/proftpd/conf.d/*"];
    let Some(config) = named.config(&mains, PROFTPD) else { return };
    for line in config.lines() {
        let directives = [
            "TransferLog",
            "SystemLog",
            "ServerLog",
            "ExtendedLog",
            "TLSLog",
            "SFTPLog",
            "SQLLogFile",
            "BanLog",
            "ControlsLog",
            "DebugLog",
        ];
        if let Some(path) = directives.iter().find_map(|name| behind(line.text, name)) {
            let path = if path.starts_with(b"\"") { unquoted(path) } else { words(path).next().unwrap_or_default() };
            named.add(path);
        }
    }
}
