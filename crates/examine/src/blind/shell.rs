//! Histories of shells (bash(1), "HISTORY"; zshparam(1)).

use super::system::null_link;
use super::{Evidence, Finder};
use crate::blind::judged::JudgeConfig;
use kanshiki_machine::config::{Config, Dialect, Line};
use kanshiki_machine::settings;
use kanshiki_model::visible;

/// Read by shells of all accounts.
const GENERAL: &[&str] = &[
    "/etc/profile",
    "/etc/profile.d/*.sh",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/bash.bashrc.local",
    "/etc/zsh/*",
    "/etc/zshrc",
    "/etc/zprofile",
    "/etc/environment",
];

/// Read by the shells of one, in its home.
const OWN: &[&str] = &[".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", ".zprofile", ".zshenv"];

/// Where homes are.
const HOMES: &[&str] = &["/root", "/home/*"];

/// Files in which a shell keeps its history.
const HISTORIES: &[&str] = &[".bash_history", ".zsh_history", ".zhistory", ".histfile"];

/// Homes that are looked at.
const ACCOUNTS: usize = 512;

pub(super) fn find(finder: &mut Finder<'_>) {
    let Some(shell) = finder.any_of(&["/usr/bin/bash", "/bin/bash", "/usr/bin/zsh", "/bin/zsh"]) else { return };
    let reason = "an interactive shell alone keeps a history, and writes it when it ends in order";
    finder.tell_always(
        "shell",
        "commands of shells that are not interactive (web shells, scripts, `ssh HOST COMMAND`), or that are killed",
        reason,
        shell,
    );
    let mut has_times = false;
    let mut blanks: Vec<(String, Evidence)> = Vec::new();
    if let Some(config) = finder.config(GENERAL, Dialect::PLAIN) {
        judge(finder, &config, "all accounts", &mut has_times, &mut blanks);
    }
    let homes: Vec<Vec<u8>> =
        HOMES.iter().flat_map(|home| settings::paths(finder.view, home.as_bytes())).take(ACCOUNTS).collect();
    for home in homes {
        let name = visible(home.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
        histories(finder, &home, &name);
        let Ok(home) = String::from_utf8(home) else { continue };
        let own: Vec<String> = OWN.iter().map(|file| format!("{home}/{file}")).collect();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        if let Some(config) = finder.config(&own, Dialect::PLAIN) {
            judge(finder, &config, &name, &mut has_times, &mut blanks);
        }
    }
    if let Some((line, evidence)) = blanks.first() {
        let more = blanks.len().saturating_sub(1);
        let more = if more == 0 { String::new() } else { format!("; and in {more} places more") };
        let unlogged = "commands that were typed with a blank before them";
        finder.tell_always("shell", unlogged, &format!("set: {line}{more}"), evidence.clone());
    }
    let bash = finder.any_of(&["/usr/bin/bash", "/bin/bash"]);
    if let Some(bash) = bash.filter(|_| !has_times) {
        let unlogged = "when a command was typed: histories of bash hold no times";
        finder.tell_always("shell", unlogged, "HISTTIMEFORMAT is not set in any profile; it is not by default", bash);
    }
}

/// What the profiles of some accounts say of their histories.
fn judge(
    finder: &mut Finder<'_>,
    config: &Config,
    whose: &str,
    has_times: &mut bool,
    blanks: &mut Vec<(String, Evidence)>,
) {
    for line in config.lines().filter(|line| !line.text.starts_with(b"#")) {
        if is_silenced(&line) {
            let unlogged = format!("commands typed by {whose}: no history is kept");
            let reason = "as far as the shell comes to this line";
            finder.tell("shell", &unlogged, config.at(&line).and(reason));
        }
        for (name, value) in assignments(line.text) {
            *has_times |= name == b"HISTTIMEFORMAT" && !value.is_empty();
            if name == b"HISTCONTROL" && [b"ignorespace".as_slice(), b"ignoreboth"].iter().any(|it| has_part(value, it))
            {
                blanks.push((visible(line.text), line.evidence()));
            }
        }
    }
}

/// Whether one of the parts between colons is this.
fn has_part(value: &[u8], part: &[u8]) -> bool {
    value.split(|byte| *byte == b':').any(|it| it == part)
}

/// Whether a line keeps a shell from writing a history: `unset HISTFILE`, `HISTFILE=/dev/null`, `HISTSIZE=0`, `set +o history`.
fn is_silenced(line: &Line<'_>) -> bool {
    let text = line.text;
    let command: Vec<&[u8]> =
        text.split(|byte| byte.is_ascii_whitespace() || *byte == b';').filter(|it| !it.is_empty()).collect();
    let is_unset = command.windows(2).any(|pair| pair == [b"unset".as_slice(), b"HISTFILE"]);
    let is_off = command.windows(3).any(|words| words == [b"set".as_slice(), b"+o", b"history"]);
    let is_set = assignments(text).any(|(name, value)| match name {
        b"HISTFILE" => matches!(value, b"/dev/null" | b""),
        b"HISTSIZE" | b"HISTFILESIZE" | b"SAVEHIST" => value == b"0",
        _ => false,
    });
    is_unset || is_off || is_set
}

/// The assignments of a line that begins with one, or with `export`, `declare`, `typeset` or `readonly`; several may stand
/// behind each other.
fn assignments(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let words = line.split(|byte| byte.is_ascii_whitespace() || *byte == b';').filter(|word| !word.is_empty());
    let is_word = |word: &&[u8]| {
        word.contains(&b'=')
            || matches!(*word, b"export" | b"declare" | b"typeset" | b"readonly" | b"-x" | b"-r" | b"-rx")
    };
    words.take_while(is_word).filter_map(|word| {
        let at = memchr::memchr(b'=', word)?;
        let (name, value) = word.split_at_checked(at)?;
        let value = value.get(1..)?;
        let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
        let value = value.strip_suffix(b"\"").or_else(|| value.strip_suffix(b"'")).unwrap_or(value);
        Some((name, value))
    })
}

/// Histories that are links into nothing.
fn histories(finder: &mut Finder<'_>, home: &[u8], name: &str) {
    for history in HISTORIES {
        let path = [home, b"/".as_slice(), history.as_bytes()].concat();
        if let Some(link) = null_link(finder, &path) {
            let unlogged = format!("commands typed by {name}: no history is kept");
            finder.tell_always("shell", &unlogged, "it is a link to /dev/null", link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_those_at_the_front_of_a_line() {
        let found = |line: &'static str| {
            assignments(line.as_bytes())
                .map(|(name, value)| format!("{}:{}", visible(name), visible(value)))
                .collect::<Vec<_>>()
        };
        assert_eq!(found("export HISTSIZE=0 HISTFILE=\"/dev/null\""), ["HISTSIZE:0", "HISTFILE:/dev/null"]);
        assert_eq!(found("HISTSIZE=0; set +o history"), ["HISTSIZE:0"]);
        assert_eq!(found("echo HISTSIZE=0"), [""; 0]);
    }
}
