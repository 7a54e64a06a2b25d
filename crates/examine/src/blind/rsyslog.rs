//! rsyslog: what its selectors take, and what its rules throw away (rsyslog.conf(5); its manual, "Filter Conditions" and
//! "RainerScript").

mod discards;

use super::Finder;
use crate::blind::judged::{JudgeConfig, Judged, Verdict};
use kanshiki_machine::config::{Config, Dialect, Line, behind, holds, unquoted};

const MAIN: &[&str] = &["/etc/rsyslog.conf"];

/// Settings of rsyslog.
pub(crate) const DIALECT: Dialect = Dialect { include: included, ..Dialect::PLAIN };

fn included(line: &[u8]) -> Option<Vec<u8>> {
    if let Some(pattern) = behind(line, "$IncludeConfig") {
        return Some(pattern.to_vec());
    }
    let rest = line.strip_prefix(b"include(")?;
    let at = memchr::memmem::find(rest, b"file=")?;
    Some(unquoted(rest.get(at.saturating_add(5)..)?).to_vec())
}

/// What rules throw away; what is in the journal on the disk all the same is not told of selectors.
pub(super) fn find(finder: &mut Finder<'_>, has_journal: bool) {
    let Some(config) = finder.config(MAIN, DIALECT) else { return };
    if !has_journal {
        selectors(finder, &config);
    }
    discards::find(finder, &config, has_journal);
}

/// What a selector of rsyslog sends nowhere (rsyslog.conf(5), "SELECTORS").
fn selectors(finder: &mut Finder<'_>, config: &Config) {
    for (facilities, unlogged) in [
        (
            &[b"auth".as_slice(), b"authpriv"][..],
            "logins, failed ones too, sudo, su and changes of accounts, in files of rsyslog",
        ),
        (&[b"cron".as_slice()][..], "jobs that cron ran, in files of rsyslog"),
    ] {
        let sent: Vec<Sent<'_>> = facilities.iter().map(|facility| sent(config, facility)).collect();
        if sent.iter().any(|it| matches!(it, Sent::Kept)) {
            continue;
        }
        let names = facilities.iter().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>().join(" and ");
        let away = sent.iter().find_map(|it| if let Sent::Away(line) = it { Some(line) } else { None });
        let judged = match away {
            Some(line) => config.at(line).and("another machine gets them, and no file on this one"),
            None => config.absent(&format!("no selector sends {names} anywhere")),
        };
        let judged = if is_program(config) {
            let judged = judged.and("but there are rules of other forms, which are not judged");
            Judged { verdict: Verdict::Unknown, ..judged }
        } else {
            judged
        };
        finder.tell("rsyslog", unlogged, judged);
    }
}

/// Whether there are rules that are no selectors: RainerScript, and filters by property.
fn is_program(config: &Config) -> bool {
    config.lines().any(|line| {
        let text = line.text;
        [b"if ".as_slice(), b"if(", b":", b"action(", b"ruleset(", b"call ", b"*.* call"].iter().any(|it| text.starts_with(it))
            // A selector over several lines.
            || text.ends_with(b"\\")
            || (holds(text, "action(") && !text.starts_with(b"#"))
    })
}

/// Where a facility goes.
enum Sent<'c> {
    Nowhere,
    /// To another machine alone.
    Away(Line<'c>),
    Kept,
}

/// Where selectors send a facility.
fn sent<'c>(config: &'c Config, facility: &[u8]) -> Sent<'c> {
    let mut found = Sent::Nowhere;
    for line in config.lines() {
        let Some((_, action)) = selector(line.text).filter(|(selector, _)| selects(selector, facility)) else {
            continue;
        };
        match target(action) {
            Target::Nothing => {}
            Target::Away => found = Sent::Away(line),
            Target::Kept => return Sent::Kept,
        }
    }
    found
}

/// A line of a selector as that and its action.
fn selector(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(u8::is_ascii_whitespace)?;
    let (selector, action) = text.split_at_checked(end)?;
    let is_selector = !matches!(text.first(), Some(b'#' | b'$' | b':' | b'&' | b'}')) && selector.contains(&b'.');
    is_selector.then(|| (selector, action.trim_ascii()))
}

/// What an action does with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// It throws it away, or writes it to `/dev/null`.
    Nothing,
    /// It sends it to another machine.
    Away,
    /// It goes to a file, or to something that may keep it.
    Kept,
}

/// Of an action in the old form: `/PATH`, `-/PATH;FORM`, `@HOST`, `~`, `stop`, `action(…)`, users.
fn target(action: &[u8]) -> Target {
    let path = action.strip_prefix(b"-").unwrap_or(action);
    let path = path.split(|byte| *byte == b';' || byte.is_ascii_whitespace()).next().unwrap_or_default();
    if matches!(path, b"~" | b"stop" | b"/dev/null") || is_user(path) {
        return Target::Nothing;
    }
    if action.starts_with(b"action(") {
        return if holds(action, "\"/dev/null\"") {
            Target::Nothing
        } else if ["\"omfwd\"", "\"omrelp\"", "\"omgssapi\""].iter().any(|it| holds(action, it)) {
            Target::Away
        } else {
            Target::Kept
        };
    }
    let is_away = action.starts_with(b"@") || action.starts_with(b":omrelp:") || action.starts_with(b":omgssapi:");
    if is_away { Target::Away } else { Target::Kept }
}

/// Whether records are shown to those who are logged in, and kept nowhere: `*`, `root`, `:omusrmsg:*`.
fn is_user(action: &[u8]) -> bool {
    action == b"*" || action.starts_with(b":omusrmsg:")
}

/// Whether `FACILITY[,FACILITY].PRIORITY[;…]` takes a facility; later parts change what earlier ones took.
fn selects(selector: &[u8], facility: &[u8]) -> bool {
    let mut takes = false;
    for part in selector.split(|byte| *byte == b';') {
        let Some(point) = part.iter().rposition(|byte| *byte == b'.') else { continue };
        let (names, priority) = part.split_at_checked(point).unwrap_or_default();
        let is_named = names.split(|byte| *byte == b',').any(|name| name == b"*" || name == facility);
        if is_named {
            takes = !matches!(priority, b".none" | b".!*");
        }
    }
    takes
}

/// Where the parameters of a call end: at the bracket that is in no quotes.
pub(crate) fn end(inside: &[u8]) -> usize {
    let mut is_quoted = false;
    let mut is_escaped = false;
    let end = inside.iter().position(|byte| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match byte {
            b'\\' => is_escaped = !was_escaped,
            b'"' if !was_escaped => is_quoted = !is_quoted,
            b')' if !is_quoted => return true,
            _ => {}
        }
        false
    });
    end.unwrap_or(inside.len())
}

#[cfg(test)]
mod tests;
