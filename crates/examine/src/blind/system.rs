//! Records of logins, sudo, and what cron does with the output of its jobs.

use super::{Evidence, Finder, missing};
use crate::blind::judged::JudgeConfig;
use kanshiki_filesystem::{Follow, NodeType};
use kanshiki_machine::config::{Config, Dialect, Line, behind, holds, words};
use kanshiki_machine::settings;
use kanshiki_model::{EvidencePath, visible};

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
    for (service, path, unlogged) in [
        ("wtmp", "/var/log/wtmp", "logins and logouts, starts and ends of the system"),
        ("btmp", "/var/log/btmp", "logins that failed, in the form that lastb reads"),
    ] {
        let has_database = service == "wtmp" && finder.any_of(&databases).is_some();
        if let Some(link) = null_link(finder, path.as_bytes()) {
            finder.tell_always(service, unlogged, "it is a link to /dev/null", link);
        } else if finder.any_of(&[path]).is_none() && !has_database {
            finder.tell_always(service, unlogged, reason, missing(path));
        }
    }
}

/// A link into nothing: what is written to it is gone.
pub(super) fn null_link(finder: &Finder<'_>, path: &[u8]) -> Option<Evidence> {
    let found = finder.view.lookup(&EvidencePath::from_bytes(path), Follow::AllButLast).ok()?;
    if found.node.node_type != NodeType::Symlink {
        return None;
    }
    let target = finder.view.filesystem(found.place)?.link_target(found.place.node).ok()?;
    let place = Some((found.place.volume, found.place.node.inode));
    (target == b"/dev/null").then(|| Evidence { path: found.path.as_bytes().to_vec(), place, span: None })
}

/// sudo logs the command that it is given, not what is typed into a shell that it opens; `log_output`, `log_input` and
/// `log_subcmds` are off by default, `syslog` is on (sudoers(5)).
fn sudo(finder: &mut Finder<'_>) {
    let include: fn(&[u8]) -> Option<Vec<u8>> = |line| {
        let folder = behind(line, "@includedir").or_else(|| behind(line, "#includedir"));
        let file = behind(line, "@include").or_else(|| behind(line, "#include"));
        folder.map(|folder| [folder, b"/*".as_slice()].concat()).or_else(|| file.map(<[u8]>::to_vec))
    };
    let Some(config) = finder.config(&["/etc/sudoers"], Dialect { include, ..Dialect::PLAIN }) else {
        return;
    };
    let options = defaults(&config);
    let names = |word: &str| options.iter().any(|(_, _, option)| option.starts_with(word.as_bytes()));
    if !["log_output", "log_input", "log_subcmds"].iter().any(|it| names(it))
        && !config.lines().any(|it| holds(it.text, "LOG_OUTPUT:"))
    {
        let reason = "none of log_output, log_input and log_subcmds is set; they are off by default";
        let unlogged = "what was done in a shell that sudo opened (`sudo -i`, `sudo bash`, an editor)";
        finder.tell("sudo", unlogged, config.absent(reason));
    }
    // A log for some accounts, hosts or commands alone has nothing of the others.
    let has_file = options.iter().any(|(_, scope, option)| scope.is_empty() && option.starts_with(b"logfile"));
    let reason = if names("logfile") { "a logfile is set for some alone" } else { "there is no logfile either" };
    for (line, scope, option) in &options {
        let unlogged = match option.as_slice() {
            b"!syslog" if !has_file => "commands that sudo ran",
            b"!log_allowed" => "commands that sudo allowed",
            _ => continue,
        };
        let unlogged =
            if scope.is_empty() { unlogged.to_owned() } else { format!("{unlogged} (of {})", visible(scope)) };
        let judged = config.at(line);
        let judged = if option == b"!syslog" { judged.and(reason) } else { judged };
        finder.tell("sudo", &unlogged, judged);
    }
}

/// The options of all lines `Defaults`, each with the line that it begins in, and what it is for: `@HOST`, `:USER`, `!COMMAND`,
/// `>RUNAS`, or nothing (sudoers(5), "Defaults"). A line goes on behind a `\\`.
fn defaults(config: &Config) -> Vec<(Line<'_>, Vec<u8>, Vec<u8>)> {
    let mut options = Vec::new();
    let mut begun: Option<(Line<'_>, Vec<u8>)> = None;
    for line in config.lines() {
        let (first, mut text) = begun.take().unwrap_or_else(|| (line.clone(), Vec::new()));
        let part = line.text.strip_suffix(b"\\");
        text.extend(part.unwrap_or(line.text).iter().take(DEFAULTS_BYTES));
        text.push(b' ');
        if part.is_some() && text.len() < DEFAULTS_BYTES {
            begun = Some((first, text));
            continue;
        }
        let Some(rest) = text.strip_prefix(b"Defaults") else { continue };
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let (scope, rest) = rest.split_at_checked(end).unwrap_or_default();
        for option in rest.split(|byte| *byte == b',' || byte.is_ascii_whitespace()).filter(|word| !word.is_empty()) {
            if options.len() < OPTIONS {
                options.push((first.clone(), scope.to_vec(), option.to_vec()));
            }
        }
    }
    options
}

/// Bytes of a line of sudoers with those that it goes on in, and options that are looked at.
const DEFAULTS_BYTES: usize = 16 << 10;
const OPTIONS: usize = 10_000;

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
