//! FTP servers: vsftpd, proftpd, pure-ftpd.

use super::Finder;
use crate::blind::judged::{JudgeConfig, JudgeSettings, Verdict};
use kanshiki_machine::config::{Dialect, Settings, assignment, behind, is_off, words};
use kanshiki_machine::services::ftp::{PROFTPD, PROFTPD_MAIN, PURE_FTPD, VSFTPD};
use kanshiki_machine::settings;

pub(super) fn find(finder: &mut Finder<'_>) {
    vsftpd(finder);
    proftpd(finder);
    pure_ftpd(finder);
}

/// vsftpd.conf(5) of 3.0: `xferlog_enable`, `dual_log_enable`, `syslog_enable`, `log_ftp_protocol` and `xferlog_std_format` are
/// NO by default; `vsf_log_init` of logging.c tells how they work together.
fn vsftpd(finder: &mut Finder<'_>) {
    for pattern in VSFTPD {
        for path in settings::paths(finder.view, pattern.as_bytes()) {
            let Some(config) = finder.config(&[&String::from_utf8_lossy(&path)], Dialect::PLAIN) else { continue };
            let settings = config.settings(|line| assignment(line.text));
            vsftpd_server(finder, &settings);
        }
    }
}

fn vsftpd_server(finder: &mut Finder<'_>, settings: &Settings<'_>) {
    let judge = |name: &str| settings.judge(name, "NO", is_off);
    let logs = |name: &str| judge(name).verdict == Verdict::Logged;
    let own = settings.judge("vsftpd_log_file", "/var/log/vsftpd.log", |value| Some(value == b"/dev/null"));
    let xferlog = settings.judge("xferlog_file", "/var/log/xferlog", |value| Some(value == b"/dev/null"));
    let (is_dual, is_standard) = (logs("dual_log_enable"), logs("xferlog_std_format"));
    if (is_dual || (logs("xferlog_enable") && is_standard)) && xferlog.verdict == Verdict::Silent {
        finder.tell("vsftpd", "transfers, in the form of an xferlog", xferlog);
    }
    if !logs("syslog_enable") && (is_dual || (logs("xferlog_enable") && !is_standard)) && own.verdict == Verdict::Silent
    {
        let unlogged = "what its clients do, but what an xferlog holds of transfers where one is kept";
        return finder.tell("vsftpd", unlogged, own);
    }
    if !logs("dual_log_enable") && !logs("syslog_enable") {
        let transfers = judge("xferlog_enable").and("neither dual_log_enable nor syslog_enable is on");
        if transfers.verdict != Verdict::Logged {
            let unlogged = "what its clients do: logins, uploads, downloads, deletions, renamings";
            return finder.tell("vsftpd", unlogged, transfers);
        }
        if logs("xferlog_std_format") {
            let mut format = judge("xferlog_std_format");
            format.verdict = Verdict::Silent;
            let unlogged = "logins, deletions, renamings, folders and commands: an xferlog holds transfers alone";
            return finder.tell("vsftpd", unlogged, format);
        }
    }
    let unlogged = "commands as such: folders that were listed, files that were looked for, what was refused";
    finder.tell("vsftpd", unlogged, judge("log_ftp_protocol"));
}

/// proftpd: `TransferLog` has a default, and NONE switches it off (mod_log, "TransferLog"); commands are in an `ExtendedLog`
/// alone, of which there is none by default ("ExtendedLog"); `SystemLog none` switches off its own log.
fn proftpd(finder: &mut Finder<'_>) {
    let Some(config) = finder.config(&PROFTPD_MAIN, PROFTPD) else { return };
    let has_extended = config.lines().any(|line| behind(line.text, "ExtendedLog").is_some());
    for line in config.lines() {
        let is_none = |name: &str| behind(line.text, name).is_some_and(|value| value.eq_ignore_ascii_case(b"none"));
        if is_none("TransferLog") && !has_extended {
            finder.tell("proftpd", "uploads and downloads", config.at(&line).and("there is no ExtendedLog either"));
        }
        if is_none("SystemLog") {
            finder.tell("proftpd", "logins and sessions, as proftpd itself tells them", config.at(&line));
        }
    }
    if !has_extended {
        let absent = config.absent("there is no ExtendedLog; there is none by default");
        finder.tell("proftpd", "commands as such: folders that were listed, renamings, what was refused", absent);
    }
}

/// pure-ftpd logs to syslog unless the facility is `none` (pure-ftpd(8), `-f`); Debian keeps each option in a file of its own.
fn pure_ftpd(finder: &mut Finder<'_>) {
    let text = "what its clients do: logins, uploads, downloads, deletions";
    let alt = finder.any_of(&["/etc/pure-ftpd/conf/AltLog"]);
    if let Some(config) = finder.config(&["/etc/pure-ftpd/conf/SyslogFacility"], Dialect::PLAIN)
        && let Some(line) = config.lines().find(|line| line.text.eq_ignore_ascii_case(b"none") && alt.is_none())
    {
        finder.tell("pure-ftpd", text, config.at(&line).and("there is no AltLog either"));
    }
    let Some(config) = finder.config(&PURE_FTPD, Dialect::PLAIN) else { return };
    if config.lines().any(|line| behind(line.text, "AltLog").is_some()) {
        return;
    }
    let is_none = |line: &[u8]| {
        behind(line, "SyslogFacility")
            .and_then(|facility| words(facility).next())
            .is_some_and(|it| it.eq_ignore_ascii_case(b"none"))
    };
    if let Some(line) = config.lines().find(|line| is_none(line.text)) {
        finder.tell("pure-ftpd", text, config.at(&line).and("there is no AltLog either"));
    }
}
