//! Files that daemons of syslog write: rsyslog (rsyslog.conf(5); its manual, "omfile" and "Templates"), syslog-ng (its manual,
//! "file()"), sysklogd (syslog.conf(5)).

use super::Named;
use crate::blind::rsyslog::{self, end};
use kanshiki_machine::config::{Config, Dialect, behind, unquoted, words};
use std::collections::HashMap;

/// Names of files that rsyslog makes of a message, by the name of the template.
type Templates = HashMap<Vec<u8>, Vec<u8>>;

/// Bytes of a template's name of files.
const TEMPLATE_BYTES: usize = 4096;

/// Calls of one name that are looked at, and bytes of each: what is not closed goes on to the end of all settings.
const CALLS: usize = 4096;
const CALL_BYTES: usize = 16 << 10;

/// Sections of a template that are looked at.
const SECTIONS: usize = 64;

const SYSLOG_NG: Dialect = Dialect {
    include: |line| {
        let pattern = behind(line, "@include").or_else(|| behind(line, "include"))?;
        Some(unquoted(pattern.strip_suffix(b";").unwrap_or(pattern)).to_vec())
    },
    folder: Some("/etc/syslog-ng"),
    ..Dialect::PLAIN
};

pub(super) fn find(named: &mut Named<'_>) {
    let mains = ["/etc/rsyslog.conf", "/etc/rsyslog.d/*.conf", "/etc/syslog.conf", "/etc/syslog.d/*.conf"];
    if let Some(config) = named.config(&mains, rsyslog::DIALECT) {
        targets(named, &config);
    }
    let mains = ["/etc/syslog-ng/syslog-ng.conf", "/etc/syslog-ng/conf.d/*"];
    if let Some(config) = named.config(&mains, SYSLOG_NG) {
        let text = text(&config);
        for inside in calls(&text, b"file") {
            let path = inside.trim_ascii_start();
            let end = path.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b')');
            let path = if path.starts_with(b"\"") || path.starts_with(b"'") {
                unquoted(path)
            } else {
                path.get(..end.unwrap_or(path.len())).unwrap_or_default()
            };
            named.add(path);
        }
    }
}

/// All lines but comments, with line breaks between.
fn text(config: &Config) -> Vec<u8> {
    let lines = config.lines().filter(|line| !line.text.starts_with(b"#"));
    lines.flat_map(|line| [line.text, b"\n"]).flatten().copied().collect()
}

fn targets(named: &mut Named<'_>, config: &Config) {
    let text = text(config);
    let templates = templates(config, &text);
    for inside in calls(&text, b"action") {
        let inside = &inside.get(..end(inside)).unwrap_or_default();
        if let Some(path) = parameter(inside, b"file") {
            named.add_pattern(path.to_vec());
        }
        if let Some(path) = parameter(inside, b"dynafile").and_then(|name| templates.get(name)) {
            named.add_pattern(path.clone());
        }
    }
    // `SELECTOR -/PATH;FORM`, `SELECTOR ?TEMPLATE`, `& /PATH`, `:msg, contains, "x" /PATH`, `if … then /PATH`.
    for line in config.lines().filter(|line| !line.text.starts_with(b"#") && !line.text.starts_with(b"$")) {
        for word in words(line.text).skip(1) {
            let word = word.strip_prefix(b"-").unwrap_or(word);
            let target = word.split(|byte| *byte == b';').next().unwrap_or_default();
            if target.starts_with(b"/") {
                named.add_pattern(target.to_vec());
            } else if let Some(path) = target.strip_prefix(b"?").and_then(|name| templates.get(name)) {
                named.add_pattern(path.clone());
            }
        }
    }
}

/// The templates: `$template NAME,"TEXT"`, `template(name="NAME" type="string" string="TEXT")`, and lists of constants and
/// properties.
fn templates(config: &Config, text: &[u8]) -> Templates {
    let mut templates = Templates::new();
    for line in config.lines() {
        let Some(rest) = behind(line.text, "$template") else { continue };
        let Some(comma) = memchr::memchr(b',', rest) else { continue };
        let (name, path) = rest.split_at_checked(comma).unwrap_or_default();
        let path = unquoted(path.get(1..).unwrap_or_default().trim_ascii_start());
        templates.insert(name.trim_ascii().to_vec(), properties(path));
    }
    for inside in calls(text, b"template") {
        let (inside, rest) = inside.split_at_checked(end(inside)).unwrap_or_default();
        let Some(name) = parameter(inside, b"name") else { continue };
        let path = match parameter(inside, b"string") {
            Some(path) => properties(path),
            None => list(rest.get(1..).unwrap_or_default()),
        };
        templates.insert(name.to_vec(), path);
    }
    templates
}

/// `/srv/%HOSTNAME%/%$YEAR%.log` with `*` for each property; `\` stands before a sign that is meant as such.
fn properties(path: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::new();
    for (place, part) in path.split(|byte| *byte == b'%').enumerate() {
        if place.is_multiple_of(2) {
            pattern.extend(part.iter().filter(|byte| **byte != b'\\').take(TEMPLATE_BYTES));
        } else {
            pattern.push(b'*');
        }
    }
    pattern
}

/// `{ constant(value="/srv/") property(name="hostname") … }`.
fn list(text: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::new();
    let Some(mut rest) = text.trim_ascii_start().strip_prefix(b"{") else { return pattern };
    for _ in 0..SECTIONS {
        let section = rest.trim_ascii_start();
        let Some(open) = memchr::memchr(b'(', section).filter(|_| !section.starts_with(b"}")) else { break };
        let (kind, inside) = section.split_at_checked(open).unwrap_or_default();
        let inside = inside.get(1..).unwrap_or_default();
        let (parameters, behind) = inside.split_at_checked(end(inside)).unwrap_or_default();
        if kind.trim_ascii() == b"constant" {
            pattern.extend(parameter(parameters, b"value").unwrap_or_default().iter().take(TEMPLATE_BYTES));
        } else {
            pattern.push(b'*');
        }
        rest = behind.get(1..).unwrap_or_default();
    }
    pattern
}

/// What stands behind each `NAME(`.
fn calls<'t>(text: &'t [u8], name: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
    let calls = memchr::memchr_iter(b'(', text).filter_map(move |open| {
        let (before, inside) = text.split_at_checked(open)?;
        let before = before.trim_ascii_end();
        let start = before.len().checked_sub(name.len())?;
        let is_word = start.checked_sub(1).and_then(|at| before.get(at)).is_none_or(|byte| !is_name(*byte));
        let is_call = before.get(start..)?.eq_ignore_ascii_case(name) && is_word;
        is_call.then(|| inside.get(1..CALL_BYTES.min(inside.len()))).flatten()
    });
    calls.take(CALLS)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'$')
}

/// The value of `NAME="VALUE"` among parameters.
fn parameter<'t>(inside: &'t [u8], name: &[u8]) -> Option<&'t [u8]> {
    memchr::memchr_iter(b'=', inside).find_map(|equals| {
        let (before, value) = inside.split_at_checked(equals)?;
        let before = before.trim_ascii_end();
        let start = before.len().checked_sub(name.len())?;
        let is_word = start.checked_sub(1).and_then(|at| before.get(at)).is_none_or(|byte| !is_name(*byte));
        let is_named = is_word && before.get(start..)?.eq_ignore_ascii_case(name);
        is_named.then(|| unquoted(value.get(1..).unwrap_or_default().trim_ascii()))
    })
}
