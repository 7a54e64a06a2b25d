//! Sigma rules of the analyst over the events of an image: each kind of event has its source of logs and its fields in Sigma.

mod fields;
#[cfg(test)]
mod tests;

use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::{DetectError, Image};
use fields::{SOURCES, Source, records};
use kanshiki_model::{Confidence, Finding, Issue, Question, Rule, Severity};
use kanshiki_rules::sigma::{Hit, Sigma, Watch};
use rusqlite::Row;
use std::collections::BTreeMap;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&SIGMA];

static SIGMA: Rule = Rule {
    id: "rules.sigma",
    question: Question::Ran,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "",
    next: "Read the rule and what it says of false alarms, and look at the events in their place on the timeline.",
};

/// Findings that are kept: by rule, and of correlations by group.
const TOLD: usize = 1000;

/// Looks at the events that rules ask for.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let Some(sigma) = &image.options.sigma else { return Ok(()) };
    let mut watch = match sigma.begin() {
        Ok(watch) => watch,
        Err(why) => {
            found.issues.push(Issue::new("Sigma rules", why));
            return Ok(());
        }
    };
    let sources: Vec<&Source> = SOURCES.iter().filter(|source| sigma.fitting(source.origins) > 0).collect();
    untouched(sigma, found);
    let kinds: Vec<&'static str> = sources.iter().flat_map(|source| source.kinds.iter().copied()).collect();
    if kinds.is_empty() {
        return Ok(());
    }
    let columns = "e.id, e.time, k.name, coalesce(e.user, ''), coalesce(e.address, ''), coalesce(e.program, ''), e.pid,
        coalesce(e.host, ''), coalesce(e.message, ''), coalesce(e.fields, '{}')";
    let order = if sigma.has_correlations() { "e.time, e.id" } else { "" };
    let mut told: BTreeMap<(String, String), Finding> = BTreeMap::new();
    let mut left_out = 0_u64;
    each(image, &kinds, columns, order, &mut |row| {
        for (hit, event, time) in see(&sources, &mut watch, row)? {
            let key = (hit.id.clone(), group(&hit, row));
            if told.len() >= TOLD && !told.contains_key(&key) {
                left_out = left_out.saturating_add(1);
                continue;
            }
            let made = told.remove(&key).unwrap_or_else(|| begin(sigma, &hit, &key.1));
            let line: String = text(row, 8).chars().take(200).collect();
            let made = made.widened(time).event(event, line);
            let address = text(row, 4);
            told.insert(key, if address.is_empty() { made } else { made.indicator(address_kind(address), address) });
        }
        Ok(())
    })?;
    if left_out > 0 {
        found.issues.push(Issue::new("Sigma rules", format!("{left_out} further matches are left out")));
    }
    told.into_values().for_each(|made| found.add(made));
    Ok(())
}

/// Tells how many rules ask for logs that no event comes from.
fn untouched(sigma: &Sigma, found: &mut Found) {
    let all: Vec<_> = SOURCES.iter().flat_map(|source| source.origins.iter().copied()).collect();
    let others = sigma.detections().saturating_sub(sigma.fitting(&all));
    if others > 0 {
        let message =
            format!("rules that ask for logs that are not read here, such as those of other systems: {others}");
        found.issues.push(Issue::new("Sigma rules", message));
    }
}

/// What rules find in an event, with its number and time.
fn see(sources: &[&Source], watch: &mut Watch, row: &Row<'_>) -> rusqlite::Result<Vec<(Hit, i64, Option<i64>)>> {
    let (event, time): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
    let kind = text(row, 2);
    let Some(source) = sources.iter().find(|source| source.kinds.contains(&kind)) else { return Ok(Vec::new()) };
    let seconds = time.map(|time| time.div_euclid(1_000_000_000));
    let hits = watch.see(source.origins, &records(source, row), seconds);
    Ok(hits.into_iter().map(|hit| (hit, event, time)).collect())
}

/// By what matches of one rule are told apart: the group of a correlation, else the account or the address.
fn group(hit: &Hit, row: &Row<'_>) -> String {
    if hit.is_correlation {
        return hit.group.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ");
    }
    let who = if text(row, 4).is_empty() { text(row, 3) } else { text(row, 4) };
    who.to_owned()
}

fn begin(sigma: &Sigma, hit: &Hit, group: &str) -> Finding {
    let said = sigma.said(&hit.title).cloned().unwrap_or_default();
    let of = if group.is_empty() { String::new() } else { format!(": {group}") };
    let author = if said.author.is_empty() { String::new() } else { format!(" by {}", said.author) };
    let what = if hit.is_correlation { "Correlation" } else { "Rule" };
    let text = format!("{} {what} `{}` of `{}`{author}.", said.description, hit.id, said.file);
    finding(&SIGMA, format!("{} {group}", hit.id), format!("{}{of}", hit.title))
        .explained(text.trim())
        .weighed(hit.severity.unwrap_or(SIGMA.severity), SIGMA.confidence)
        .about(hit.question, hit.technique.as_deref())
}
