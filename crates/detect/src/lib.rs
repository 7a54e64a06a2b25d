//! Answers the investigator's questions from the files of an image and from the events that are in the store.
//!
//! ```text
//! View ─▶ packages ─▶ detectors of files ───┐
//!                                           ├─▶ findings, inventory ─▶ store
//! store ─▶ detectors of events ─────────────┘
//! ```
//!
//! Each detector is a function of the table `DETECTORS`. It sees all, changes nothing, and adds to what is found.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod access;
mod accounts;
mod commands;
mod contents;
mod data;
mod databases;
mod events;
mod exposure;
mod found;
mod indicators;
mod lists;
mod names;
mod owned;
mod packages;
mod passwords;
mod persistence;
mod rights;
mod rules;
mod sessions;
mod sigma;
mod sql;
#[cfg(test)]
mod testing;
mod time;
mod times;
mod unknown;
mod uploads;
mod web;

use found::Found;
use kanshiki_filesystem::View;
use kanshiki_lists::{IndicatorError, ListError};
use kanshiki_model::{Issue, Progress, Rule};
use kanshiki_packages::Packages;
use kanshiki_rules::sigma::Sigma;
use kanshiki_rules::yara::Yara;
use kanshiki_store::{Reader, StoreError, Writer};
use lists::Lists;
use owned::Owned;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// Those that look, in the order in which they are asked.
const DETECTORS: &[(&str, Detector)] = &[
    ("access", access::find),
    ("sessions", sessions::find),
    ("accounts", accounts::find),
    ("passwords", passwords::find),
    ("exposure", exposure::find),
    ("databases of packages", databases::find),
    ("names", names::find),
    ("times", times::find),
    ("rights", rights::find),
    ("persistence", persistence::find),
    ("contents", contents::find),
    ("commands", commands::find),
    ("sigma", sigma::find),
    ("web", web::find),
    ("data", data::find),
    ("uploads", uploads::find),
    ("sql", sql::find),
    ("suspects", contents::suspects::find),
    // Looks at what the others found, too.
    ("indicators", indicators::find),
    ("ledger", unknown::find),
];

/// All rules, in the order of the detectors that follow them.
#[must_use]
pub fn rules() -> Vec<&'static Rule> {
    let own = [
        access::RULES,
        sessions::RULES,
        accounts::RULES,
        passwords::RULES,
        exposure::RULES,
        packages::RULES,
        databases::RULES,
        names::RULES,
        times::RULES,
        rights::RULES,
        persistence::RULES,
        lists::RULES,
        indicators::RULES,
        commands::RULES,
        commands::removals::RULES,
        web::RULES,
        data::RULES,
        uploads::RULES,
        sql::RULES,
        unknown::RULES,
        rules::RULES,
        sigma::RULES,
    ];
    own.into_iter().flatten().copied().chain(contents::rules()).collect()
}

/// Looks for something.
type Detector = fn(&Image<'_>, &mut Found) -> Result<(), DetectError>;

/// Why findings could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// The store does not do what it must.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A question to the store failed.
    #[error("cannot ask the store")]
    Ask(#[from] rusqlite::Error),
    /// A list of the user's cannot be used.
    #[error("cannot use the list `{path}`")]
    List {
        /// Its path, made visible.
        path: String,
        /// Why.
        #[source]
        source: ListError,
    },
    /// Indicators of the user's cannot be used.
    #[error("cannot use the indicators `{path}`")]
    Indicators {
        /// Their path, made visible.
        path: String,
        /// Why.
        #[source]
        source: IndicatorError,
    },
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Exhibit<'a> {
    /// Its name, as a person reads it.
    pub name: &'a str,
    /// What tells it from all others, as the examination entered it.
    pub source: &'a str,
    /// Bytes of the image.
    pub size: u64,
}

/// What the user wants beyond what is always looked at.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Lists of words that are tried as passwords, one word a line.
    pub wordlists: Vec<PathBuf>,
    /// Lists of digests of files that are known, and that no rule about contents tells of.
    pub known: Vec<PathBuf>,
    /// Lists of digests of files that are told wherever they are.
    pub bad: Vec<PathBuf>,
    /// Indicators: plain, CSV, STIX or MISP.
    pub indicators: Vec<PathBuf>,
    /// The folder for indexes of large lists; `None` keeps them in memory, whatever they take.
    pub index_folder: Option<PathBuf>,
    /// YARA rules of the analyst, by which every file is looked at.
    pub yara: Option<Yara>,
    /// Sigma rules of the analyst, which look at the records of logs.
    pub sigma: Option<Sigma>,
    /// Leaves out the rules that the program brings along for contents.
    pub no_own_rules: bool,
    /// What was wrong with rules when they were loaded.
    pub issues: Vec<Issue>,
}

impl Options {
    /// Looks at the beginning of all lists, and at all indicators, so that what cannot be used is told before the work.
    ///
    /// # Errors
    ///
    /// [`DetectError::List`] and [`DetectError::Indicators`].
    pub fn check(&self) -> Result<(), DetectError> {
        self.known.iter().chain(&self.bad).try_for_each(|path| lists::check(path))?;
        self.indicators.iter().try_for_each(|path| indicators::open(path).map(|_| ()))
    }
}

/// What a detector sees.
struct Image<'a> {
    view: &'a View,
    /// Whose the files are.
    owned: &'a Owned,
    options: &'a Options,
    /// What others know of files.
    lists: &'a Lists,
    progress: &'a dyn Progress,
    /// The store, for questions in SQL; tables that a detector makes for itself are temporary.
    db: &'a Connection,
    /// The number of the exhibit in the store.
    exhibit: i64,
    /// The zone of the machine's clock, as Asia/Tokyo; `None` for UTC.
    zone: Option<String>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All detectors have looked.
    Whole,
    /// It was asked to end; what was concluded before is left as it is.
    Interrupted,
}

/// Looks for all that the detectors know in an exhibit that was examined, and enters what they find in the place of what was
/// found before.
///
/// # Errors
///
/// [`DetectError`].
pub fn detect(
    view: &View,
    exhibit: &Exhibit<'_>,
    options: &Options,
    store: &Path,
    progress: &dyn Progress,
) -> Result<Outcome, DetectError> {
    let mut found = Found::default();
    found.issues.extend(options.issues.iter().cloned());
    {
        let reader = Reader::open(store)?;
        let db = reader.connection();
        let (id, zone) = db.query_row("SELECT id, zone FROM exhibits WHERE source = ?", [exhibit.source], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        progress.begin("findings: packages", None);
        let packages = Packages::read(view);
        let Some(changed) = packages::hold(view, &packages, progress, &mut found)? else {
            return Ok(Outcome::Interrupted);
        };
        let owned = Owned::new(packages, changed);
        let Some(lists) = Lists::open(options, progress)? else { return Ok(Outcome::Interrupted) };
        let image = Image { view, owned: &owned, options, lists: &lists, progress, db, exhibit: id, zone };
        for (name, detector) in DETECTORS {
            if progress.stop_requested() {
                return Ok(Outcome::Interrupted);
            }
            progress.begin(&format!("findings: {name}"), None);
            detector(&image, &mut found)?;
        }
        if progress.stop_requested() {
            return Ok(Outcome::Interrupted);
        }
        found.keep_indicators(&owned);
    }
    found.end();
    let mut writer = Writer::create_or_open(store)?;
    let id = writer.exhibit(exhibit.name, exhibit.source, exhibit.size)?;
    for issue in found.issues.iter() {
        progress.issue(issue);
        writer.issue_once(id, issue)?;
    }
    let volumes: Result<Vec<_>, StoreError> =
        view.volumes().iter().map(|volume| writer.volume(id, &volume.name)).collect();
    writer.conclude(id, &volumes?, &found.findings, &found.inventory)?;
    writer.close()?;
    Ok(Outcome::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_says_what_to_do_next() {
        let mut seen = HashSet::new();
        for rule in rules() {
            assert!(seen.insert(rule.id), "{} is there twice", rule.id);
            assert!(rule.id.contains('.') && rule.next.ends_with(['.', '`']), "{}: {}", rule.id, rule.next);
            let digits = rule.technique.trim_start_matches('T');
            assert!(digits.bytes().all(|sign| sign.is_ascii_digit() || sign == b'.'), "{}", rule.id);
        }
        assert!(seen.len() > 80, "{}", seen.len());
    }
}
