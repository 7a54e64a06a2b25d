//! How grave a command is that has the form of something suspicious: what administrators type in that form weighs less.

use super::table::Pattern;
use kanshiki_model::Severity;

/// How grave it is; `None` if it is nothing at all.
pub(super) fn weigh(pattern: &Pattern, command: &str) -> Option<Severity> {
    let usual = pattern.rule.severity;
    match pattern.rule.id {
        "ran.download-and-run" if is_from_a_site(command) => Some(Severity::Medium),
        "hidden.logs-wiped" if is_of_old_logs(command) => Some(Severity::Low),
        "hidden.times-set" if !command.contains(" /") && !command.contains(" -r") => Some(Severity::Low),
        "onward.scan" if is_of_itself(command) => None,
        _ => Some(usual),
    }
}

/// Installers are loaded so: over TLS that is checked, from a host with a name.
fn is_from_a_site(command: &str) -> bool {
    let has_name = |rest: &str| rest.chars().next().is_some_and(|sign| sign.is_ascii_alphabetic());
    command.match_indices("https://").all(|(at, it)| command.get(at.saturating_add(it.len())..).is_some_and(has_name))
        && command.contains("https://")
        && ![
            "http://",
            "ftp://",
            " -k",
            "--insecure",
            "--no-check-certificate",
            "pastebin",
            "/raw",
            "transfer.sh",
            "ngrok",
        ]
        .iter()
        .any(|sign| command.contains(sign))
}

/// Whether all logs that it names were put away by a rotation.
fn is_of_old_logs(command: &str) -> bool {
    let mut logs = command.split_ascii_whitespace().filter(|word| word.contains("/log")).peekable();
    let is_old = |word: &str| {
        let bare = [".gz", ".xz", ".bz2", ".zst"].iter().find_map(|ending| word.strip_suffix(ending));
        let number = bare.unwrap_or(word).rsplit(['.', '-']).next().unwrap_or_default();
        number == "*" && bare.is_some() || !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    logs.peek().is_some() && logs.all(is_old)
}

/// Whether it looks at no other machine than its own.
fn is_of_itself(command: &str) -> bool {
    let names = ["localhost", "127.", "::1"];
    let words = command.split_ascii_whitespace().skip(1);
    let hosts = words
        .filter(|word| word.contains('.') || word.contains(':') || word.bytes().all(|it| it.is_ascii_alphabetic()));
    let mut hosts = hosts.filter(|word| !word.starts_with('-') && !word.starts_with('/')).peekable();
    hosts.peek().is_some() && hosts.all(|host| names.iter().any(|name| host.starts_with(name)))
}
