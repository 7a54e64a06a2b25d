//! Statements that read tables whole, or many rows.

use super::statement::{Read, code, read, short, tables};
use super::{DUMP, FULL_READ, MANY, MANY_ROWS, OUTFILE, TOLD};
use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::time::DAY;
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Finding, Rule, Severity};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one way of reading one table.
struct Reading {
    made: Finding,
    days: BTreeSet<i64>,
    times: u64,
    is_local: bool,
}

const STATEMENTS: &[&str] = &["database.query", "database.query-slow", "shell.sql", "database.table"];

/// Statements that read tables whole.
pub(super) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let columns = "e.id, e.time, coalesce(e.user, ''), coalesce(e.address, ''), coalesce(e.message, ''),
        coalesce(e.fields ->> 'rows', 0), coalesce(e.fields ->> 'database', ''), coalesce(e.fields ->> 'bytes', 0)";
    let mut told: BTreeMap<(&'static str, String), Reading> = BTreeMap::new();
    each(image, STATEMENTS, columns, "", &mut |row| {
        let (event, time): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let (user, address, statement, database) = (text(row, 2), text(row, 3), text(row, 4), text(row, 6));
        let (rows, bytes): (i64, i64) = (row.get(5)?, row.get(7)?);
        let mut add = |rule: &'static Rule, key: String, title: String, explanation: String| {
            let key = (rule.id, key);
            if told.len() >= TOLD && !told.contains_key(&key) {
                return;
            }
            let is_local = matches!(address, "" | "localhost" | "127.0.0.1" | "::1");
            let reading = told.entry(key).or_insert_with_key(|(_, key)| {
                let made = finding(rule, key.as_str(), title).explained(explanation);
                let made = if is_local { made } else { made.indicator(address_kind(address), address) };
                Reading { made, days: BTreeSet::new(), times: 0, is_local }
            });
            reading.times = reading.times.saturating_add(1);
            if let Some(time) = time
                && reading.days.len() < 1000
            {
                reading.days.insert(time.div_euclid(DAY));
            }
            let made = reading.made.clone();
            let first = made.times.0.into_iter().chain(time).min();
            let last = made.times.1.into_iter().chain(time).max();
            let note = if database.is_empty() { String::new() } else { format!("in database {database}") };
            reading.made = made.between(first, last).event(event, note);
        };
        let who = if address.is_empty() { user.to_owned() } else { format!("{user} from {address}") };
        let what = read(statement);
        match &what {
            Some(Read::Dump { table, by }) => add(
                &DUMP,
                format!("{user} {address} {database} {table}"),
                format!("table {table} was dumped by {who}"),
                format!("The statement is that of {by}, which writes all rows of a table out."),
            ),
            Some(Read::Outfile { what }) if code(statement).is_none() => add(
                &OUTFILE,
                format!("{user} {address} {what}"),
                format!("rows were written to a file of the server by {who}: {what}"),
                "The statement makes the server itself write what it reads to a file.".to_owned(),
            ),
            Some(Read::Whole { table }) if rows < MANY => add(
                &FULL_READ,
                format!("{user} {address} {database} {table}"),
                format!("table {table} was read whole by {who}"),
                "All columns were asked for, without a condition and without a limit.".to_owned(),
            ),
            _ => {}
        }
        if rows >= MANY && !matches!(what, Some(Read::Dump { .. })) {
            let tables = tables(statement);
            let of = if tables.is_empty() { String::new() } else { format!(" of {tables}") };
            let size = if bytes > 0 { format!(", {bytes} bytes") } else { String::new() };
            add(
                &MANY_ROWS,
                format!("{user} {address} {database} {tables}"),
                format!("{rows} rows{of} were read by {who}"),
                format!("The log tells of an answer with {rows} rows{size}, to: {}.", short(statement)),
            );
        }
        Ok(())
    })?;
    told.into_values().for_each(|reading| found.add(weigh(reading)));
    Ok(())
}

/// What is done on many days by somebody on the machine is a backup or a program; what comes from elsewhere is not.
fn weigh(reading: Reading) -> Finding {
    let Reading { made, days, times, is_local } = reading;
    let is_usual = days.len() >= 3 && is_local || times >= 50 && made.rule.id == FULL_READ.id;
    let explanation = format!("{} It was done {times} times on {} days.", made.explanation, days.len().max(1));
    let made = made.explained(explanation);
    match (is_usual, is_local, made.rule.id == DUMP.id) {
        (true, ..) => made.weighed(Severity::Info, Confidence::Low),
        (_, false, true) => made.weighed(Severity::High, Confidence::Medium),
        (_, false, false) if made.rule.id == FULL_READ.id => made.weighed(Severity::Medium, Confidence::Low),
        _ => made,
    }
}
