//! Records of logins, sudo, and what cron does with the output of its jobs.

use super::config::{Config, Dialect, behind, holds, words};
use super::{Finder, missing};
use crate::settings;

pub(super) fn find(finder: &mut Finder<'_>) {
    logins(finder);
    sudo(finder);
    cron(finder);
}

/// No program makes these files: while one is missing, nothing is recorded (wtmp(5); lastb(1)). Newer systems keep a database
/// in their place.
fn logins(finder: &mut Finder<'_>) {
    if !finder.is_system() || finder.any_of(&["/var/log"]).is_none() {
        return;
    }
    let reason = "the file is missing, and programs that record logins do not make it";
    let databases = ["/var/lib/wtmpdb/wtmp.db", "/var/log/wtmp.db"];
    if finder.any_of(&["/var/log/wtmp"]).is_none() && finder.any_of(&databases).is_none() {
        finder.tell_always(
            "wtmp",
            "logins and logouts, starts and ends of the system",
            reason,
            missing("/var/log/wtmp"),
        );
    }
    if finder.any_of(&["/var/log/btmp"]).is_none() {
        finder.tell_always(
            "btmp",
            "logins that failed, in the form that lastb reads",
            reason,
            missing("/var/log/btmp"),
        );
    }
}

/// sudo logs the command that it is given, not what is typed into a shell that it opens; `log_output`, `log_input` and
/// `log_subcmds` are off by default, `syslog` is on (sudoers(5)).
fn sudo(finder: &mut Finder<'_>) {
    let include: fn(&[u8]) -> Option<Vec<u8>> = |line| {
        let folder = behind(line, "@includedir").or_else(|| behind(line, "#includedir"));
        let file = behind(line, "@include").or_else(|| behind(line, "#include"));
        folder.map(|folder| [folder, b"/*".as_slice()].concat()).or_else(|| file.map(<[u8]>::to_vec))
    };
    let Some(config) = finder.config(&["/etc/sudoers"], Dialect { include, has_several: false, folder: None }) else {
        return;
    };
    let has = |word: &str| defaults(&config).any(|option| option == word.as_bytes());
    let names = |word: &str| defaults(&config).any(|option| option.starts_with(word.as_bytes()));
    if !["log_output", "log_input", "log_subcmds"].iter().any(|it| names(it))
        && !config.lines().any(|it| holds(it.text, "LOG_OUTPUT:"))
    {
        let reason = "none of log_output, log_input and log_subcmds is set; they are off by default";
        let unlogged = "what was done in a shell that sudo opened (`sudo -i`, `sudo bash`, an editor)";
        finder.tell("sudo", unlogged, config.absent(reason));
    }
    if has("!syslog") && !names("logfile") {
        let line = config.lines().find(|line| line.text.starts_with(b"Defaults") && holds(line.text, "!syslog"));
        if let Some(line) = line {
            finder.tell("sudo", "commands that sudo ran", config.at(&line).and("there is no logfile either"));
        }
    }
}

/// The options of all lines `Defaults`.
fn defaults(config: &Config) -> impl Iterator<Item = &[u8]> {
    config.lines().filter(|line| line.text.starts_with(b"Defaults")).flat_map(|line| {
        let text = line.text;
        text.split(|byte| *byte == b',' || byte.is_ascii_whitespace()).filter(|word| !word.is_empty())
    })
}

/// The output of jobs is dropped where `MAILTO` is empty (crontab(5)); `cron -L 0` logs no job (cron(8) of Debian).
fn cron(finder: &mut Finder<'_>) {
    for pattern in ["/etc/crontab", "/etc/cron.d/*", "/var/spool/cron/crontabs/*", "/var/spool/cron/*"] {
        for path in settings::paths(finder.view, pattern.as_bytes()) {
            let Ok(path) = String::from_utf8(path) else { continue };
            let Some(config) = finder.config(&[&path], Dialect::PLAIN) else { continue };
            let is_empty = |line: &[u8]| {
                let text: Vec<u8> = line.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                matches!(text.as_slice(), b"MAILTO=" | b"MAILTO=\"\"" | b"MAILTO=''")
            };
            if let Some(line) = config.lines().find(|line| is_empty(line.text)) {
                finder.tell("cron", "what the jobs below this line printed: it is sent to nobody", config.at(&line));
            }
        }
    }
    let Some(config) = finder.config(&["/etc/default/cron"], Dialect::PLAIN) else { return };
    let is_silent = |text: &[u8]| {
        let words: Vec<&[u8]> = words(text).map(|word| word.trim_ascii_end()).collect();
        text.starts_with(b"EXTRA_OPTS")
            && (holds(text, "-L0")
                || words.windows(2).any(|pair| matches!(pair, [option, [b'0', ..]] if option.ends_with(b"-L"))))
    };
    if let Some(line) = config.lines().find(|line| is_silent(line.text)) {
        finder.tell("cron", "jobs that were run", config.at(&line));
    }
}
