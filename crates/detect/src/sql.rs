//! What statements make a database server do beyond its data: load libraries, run programs, write code.

#[cfg(test)]
mod tests;

use crate::data::statement::{code, on_one_line, short};
use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::persistence::traits::is_library_of_package;
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Finding, Question, Rule, Severity};
use std::collections::BTreeMap;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&LIBRARY, &COMMAND, &CODE];

static LIBRARY: Rule = Rule {
    id: "database.library-loaded",
    question: Question::Persists,
    severity: Severity::High,
    confidence: Confidence::Medium,
    technique: "T1505.001",
    next: "Take the library out of the folder for plugins of the server, also if it was deleted; look for statements that call the \
        function, and for how the account came to its rights.",
};

static COMMAND: Rule = Rule {
    id: "database.command-run",
    question: Question::Ran,
    severity: Severity::High,
    confidence: Confidence::Medium,
    technique: "T1059",
    next: "Look at what the account of the database server did at that time, and at who the client is.",
};

static CODE: Rule = Rule {
    id: "database.code-written",
    question: Question::Persists,
    severity: Severity::High,
    confidence: Confidence::High,
    technique: "T1505.003",
    next: "Look for the file, deleted or not, and in the log of the web server for requests to it.",
};

/// Findings that are kept.
const TOLD: usize = 1000;

const STATEMENTS: &[&str] = &["database.query", "database.query-slow", "shell.sql"];

/// Looks at all statements.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let columns = "e.id, e.time, coalesce(e.user, ''), coalesce(e.address, ''), coalesce(e.message, '')";
    let mut told: BTreeMap<(&'static str, String), Finding> = BTreeMap::new();
    each(image, STATEMENTS, columns, "", &mut |row| {
        let (event, time): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let (user, address, statement) = (text(row, 2), text(row, 3), text(row, 4));
        let Some((rule, what, means, severity)) = judge(image, statement) else { return Ok(()) };
        let key = (rule.id, format!("{user} {address} {what}"));
        if told.len() >= TOLD && !told.contains_key(&key) {
            return Ok(());
        }
        let made = told.remove(&key).unwrap_or_else(|| {
            let by = if user.is_empty() { "somebody" } else { user };
            let from = if address.is_empty() { String::new() } else { format!(" from {address}") };
            let made = finding(rule, &key.1, format!("{what}, by {by}{from}")).explained(means);
            let is_local = matches!(address, "" | "localhost" | "127.0.0.1" | "::1");
            let made = made.weighed(severity, rule.confidence);
            if is_local { made } else { made.indicator(address_kind(address), address) }
        });
        let first = made.times.0.into_iter().chain(time).min();
        let last = made.times.1.into_iter().chain(time).max();
        told.insert(key, made.between(first, last).event(event, short(statement)));
        Ok(())
    })?;
    told.into_values().for_each(|made| found.add(made));
    Ok(())
}

/// What a statement does, if it is one of these: the rule, in words, and what that means.
fn judge(image: &Image<'_>, statement: &str) -> Option<(&'static Rule, String, &'static str, Severity)> {
    let whole = on_one_line(statement);
    let words: Vec<&str> = whole.split(' ').take(40).collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let first = lower.first().map(String::as_str).unwrap_or_default();
    if let ("create" | "install", Some(place)) = (first, lower.iter().position(|word| word == "soname")) {
        // `INSTALL SONAME 'library'` of MariaDB loads all that is in it.
        let library =
            words.get(place.saturating_add(1)).map(|word| name(word)).filter(|library| !library.is_empty())?;
        let function = lower.iter().position(|word| word == "function" || word == "plugin");
        // `CREATE FUNCTION IF NOT EXISTS name` and `CREATE AGGREGATE FUNCTION name`.
        let named = function.and_then(|at| {
            let behind = words.get(at.saturating_add(1)..)?;
            behind.iter().find(|word| !["if", "not", "exists"].contains(&word.to_ascii_lowercase().as_str()))
        });
        let what = named.map(|it| name(it)).filter(|it| !it.is_empty() && first == "create" || function.is_some());
        if is_library_of_package(&library, image) {
            return None;
        }
        let what = what.map_or_else(|| "plugins".to_owned(), |it| format!("{first} {it}"));
        let title = format!("the database server was made to load {library}: {what}");
        let means = "A library in the server runs as the server, and its functions run commands of the system for whoever may ask: \
            no package brought it.";
        let severity = if first == "create" { Severity::High } else { Severity::Medium };
        return Some((&LIBRARY, title, means, severity));
    }
    if let Some(target) = code(statement) {
        let title = format!("the database server was made to write code to {target}");
        let means =
            "The statement writes a page, a library or a script: who asks the page runs commands as the web server.";
        return Some((&CODE, title, means, Severity::High));
    }
    let joined = lower.join(" ");
    let is_run = ["sys_exec(", "sys_eval(", "sys_bineval(", "lib_mysqludf_sys", "xp_cmdshell"];
    let is_called =
        matches!(first, "select" | "do" | "exec" | "call") && is_run.iter().any(|part| joined.contains(part));
    let is_program = first == "copy" && (joined.contains(" to program ") || joined.contains(" from program "));
    (is_called || is_program).then(|| {
        let title = format!("the database server was made to run a program: {}", short(&words.join(" ")));
        (&COMMAND, title, "The statement runs a command of the system as the database server.", Severity::High)
    })
}

/// A name without its quotes and what ends the statement.
fn name(word: &str) -> String {
    short(word.trim_end_matches(';').trim_matches(['\'', '"', '`']))
}
