//! OpenSSH's server (sshd_config(5), sftp-server(8) of OpenSSH 9).

use super::Finder;
use crate::blind::judged::JudgeConfig;
use kanshiki_machine::config::{Config, Line, behind, holds, words};
use kanshiki_machine::services::ssh::{DIALECT, MAIN, settings};
use kanshiki_model::visible;

/// What tells that the server is installed.
const SIGNS: &[&str] = &["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/etc/ssh/sshd_config"];

pub(super) fn find(finder: &mut Finder<'_>) {
    let Some(sign) = finder.any_of(SIGNS) else { return };
    finder.tell_always(
        "sshd",
        "commands that clients give (`ssh HOST COMMAND`), and files that scp and rsync take or bring",
        "sshd writes no command to its log at any LogLevel",
        sign,
    );
    let Some(config) = MAIN.iter().find_map(|main| finder.config(&[main], DIALECT)) else { return };
    levels(finder, &config);
    transfers(finder, &config);
}

/// Logins, failed and accepted, are told at the level INFO, which is the default (`auth_log` of auth.c). Of a setting the first
/// counts; behind a `Match` it counts for those who match.
fn levels(finder: &mut Finder<'_>, config: &Config) {
    let mut is_set = false;
    for setting in settings(config) {
        let is_general = setting.conditions.is_empty();
        if setting.name != b"loglevel" || (is_general && is_set) {
            continue;
        }
        is_set |= is_general;
        let level = setting.value.to_ascii_uppercase();
        if matches!(level.as_slice(), b"QUIET" | b"FATAL" | b"ERROR") {
            let judged = config.at(&setting.line);
            let judged = if is_general { judged } else { judged.and("for those who match") };
            finder.tell("sshd", "logins, accepted and failed, as sshd tells them (PAM tells its own)", judged);
        }
    }
}

/// The SFTP server logs what clients do at INFO and above, and its default is ERROR (sftp-server(8), `-l`).
fn transfers(finder: &mut Finder<'_>, config: &Config) {
    let mut has_subsystem = false;
    for line in config.lines() {
        let Some((name, command)) = command(&line) else { continue };
        // Of several subsystems of this name the first counts.
        if name == b"subsystem" && std::mem::replace(&mut has_subsystem, true) {
            continue;
        }
        let level = words(command).skip_while(|word| *word != b"-l").nth(1);
        let is_logged = level.is_some_and(|level| {
            [b"INFO".as_slice(), b"VERBOSE", b"DEBUG", b"DEBUG1", b"DEBUG2", b"DEBUG3"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(level))
        });
        if !is_logged {
            let level = level.map_or_else(
                || "no -l is given; the default level is ERROR".to_owned(),
                |level| format!("nothing is told at level {}", visible(level)),
            );
            let unlogged = "files that SFTP takes, brings, renames or deletes";
            finder.tell("sshd", unlogged, config.at(&line).and(&level));
        }
    }
}

/// The command of the SFTP server, of `Subsystem sftp` or `ForceCommand`, with the name of the setting in lower case.
fn command<'l>(line: &Line<'l>) -> Option<(Vec<u8>, &'l [u8])> {
    if let Some(rest) = behind(line.text, "Subsystem") {
        return behind(rest, "sftp").map(|command| (b"subsystem".to_vec(), command));
    }
    let command = behind(line.text, "ForceCommand")?;
    let is_server = holds(command, "internal-sftp") || holds(command, "sftp-server");
    is_server.then(|| (b"forcecommand".to_vec(), command))
}
