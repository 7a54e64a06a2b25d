//! What was run: commands of histories, auditd, sudo and cron that an intruder types and hardly anybody else.

pub(crate) mod removals;
mod table;
#[cfg(test)]
mod tests;
mod weight;

use crate::events::{each, text};
use crate::found::{Building as _, Found, finding};
use crate::{DetectError, Image};
use aho_corasick::AhoCorasick;
use kanshiki_model::{Finding, Rule, Severity};
use std::collections::BTreeMap;
use table::{PATTERNS, Pattern};

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = table::RULES;

/// Kinds of events whose message is a command.
const KINDS: &[&str] =
    &["shell.command", "shell.input", "audit.exec", "audit.command", "audit.tty", "sudo.command", "cron.command"];

/// Accounts of which something is told.
const ACCOUNTS: usize = 1000;

/// Looks at all commands.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    // A command is looked at closely only if it holds a first word of one of the patterns.
    let words = PATTERNS.iter().flat_map(|pattern| pattern.first.iter());
    let Ok(searcher) = AhoCorasick::new(words) else { return Ok(()) };
    let mut told: BTreeMap<(usize, String), Finding> = BTreeMap::new();
    let columns = "e.id, e.time, coalesce(e.user, ''), coalesce(e.fields ->> 'command', e.message, ''), k.name";
    each(image, KINDS, columns, "e.time, e.id", &mut |row| {
        let command = text(row, 3);
        if !searcher.is_match(command) {
            return Ok(());
        }
        for (number, pattern) in PATTERNS.iter().enumerate().filter(|(_, pattern)| pattern.fits(command)) {
            let (event, time): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
            let Some(severity) = weight::weigh(pattern, command) else { continue };
            let key = (number, text(row, 2).to_owned());
            if told.len() >= ACCOUNTS && !told.contains_key(&key) {
                continue;
            }
            let made = told
                .remove(&key)
                .unwrap_or_else(|| begin(pattern, &key.1, command).weighed(severity, pattern.rule.confidence));
            // The gravest is named.
            let made = if severity > made.severity { graver(made, pattern, &key.1, command, severity) } else { made };
            told.insert(key, made.widened(time).event(event, text(row, 4)));
        }
        Ok(())
    })?;
    told.into_values().for_each(|made| found.add(made));
    removals::find(image, found)
}

/// The same finding with a graver command in its title.
fn graver(made: Finding, pattern: &Pattern, user: &str, command: &str, severity: Severity) -> Finding {
    let begun = begin(pattern, user, command);
    Finding { title: begun.title, severity, ..made }
}

fn begin(pattern: &Pattern, user: &str, command: &str) -> Finding {
    let who = if user.is_empty() { "somebody".to_owned() } else { user.to_owned() };
    let shown: String = command.chars().take(120).collect();
    let made = finding(pattern.rule, format!("{} {user}", pattern.what), format!("{who} {}: {shown}", pattern.what));
    made.explained(pattern.means)
}
