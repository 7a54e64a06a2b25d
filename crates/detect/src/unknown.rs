//! What cannot be known, from the coverage ledger: what would not have been logged, silences, logs that could not be read; and
//! traces of logs that were wiped.

mod silences;
#[cfg(test)]
mod tests;
mod zeroes;

use crate::events::{each, text};
use crate::found::{Building as _, Found, finding};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Evidence, Question, Rule, Severity, Span, from_visible};
use std::collections::BTreeMap;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] =
    &[&BLIND_SPOT, &silences::SILENCE, &silences::HOLE, &silences::MISSING, &zeroes::ZEROES, &NOT_READ, &ZEROED];

static BLIND_SPOT: Rule = Rule {
    id: "unknown.not-logged",
    question: Question::Unknown,
    severity: Severity::Info,
    confidence: Confidence::High,
    technique: "",
    next: "Look for the same in other places: of the network, of a proxy, in backups, in the memory of people.",
};

static NOT_READ: Rule = Rule {
    id: "unknown.log-not-read",
    question: Question::Unknown,
    severity: Severity::Info,
    confidence: Confidence::High,
    technique: "",
    next: "`kanshiki query --case DIR coverage` tells why; look at the files by hand.",
};

static ZEROED: Rule = Rule {
    id: "hidden.records-zeroed",
    question: Question::Hidden,
    severity: Severity::High,
    confidence: Confidence::High,
    technique: "T1070.002",
    next: "Compare with the other logs of logins: auth.log or secure, the journal, auditd, lastlog.",
};

/// Looks at the ledger.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    blind_spots(image, found)?;
    silences::find(image, found)?;
    zeroes::find(image, found)?;
    not_read(image, found)?;
    zeroed(image, found)
}

/// A place in a file, from the columns volume, path, inode, offset, length, line of a row from this one on.
fn place(image: &Image<'_>, row: &rusqlite::Row<'_>, from: usize, note: &str) -> rusqlite::Result<Evidence> {
    let column = |number: usize| from.saturating_add(number);
    let number = |at: usize| row.get::<_, Option<i64>>(column(at)).map(|it| it.and_then(|it| u64::try_from(it).ok()));
    let volume: Option<String> = row.get(column(0))?;
    let volume = volume.and_then(|name| image.view.volumes().iter().position(|it| it.name == name));
    let path = text(row, column(1));
    let (inode, offset, length, line) = (number(2)?, number(3)?, number(4)?, number(5)?);
    let span = offset.zip(length).map(|(offset, length)| Span { offset, content_offset: None, length, line });
    Ok(Evidence::File { volume, inode, path: from_visible(path).unwrap_or_default(), span, note: note.to_owned() })
}

fn blind_spots(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let sql = "SELECT b.service, b.unlogged, b.state, b.reason, v.name, b.path, b.inode, b.offset, b.length, b.line
        FROM main.blind_spots b LEFT JOIN main.volumes v ON v.id = b.volume WHERE b.exhibit = ? ORDER BY b.rowid";
    let mut statement = image.db.prepare(sql)?;
    let mut rows = statement.query([image.exhibit])?;
    while let Some(row) = rows.next()? {
        let (service, unlogged, reason) = (text(row, 0), text(row, 1), text(row, 3));
        let sure = if text(row, 2) == "unknown" { "perhaps " } else { "" };
        let title = format!("{service}: {sure}no record of {unlogged}");
        let evidence = place(image, row, 4, reason)?;
        let path = text(row, 5);
        found.add(
            finding(&BLIND_SPOT, format!("{service} {unlogged} {path} {reason}"), title)
                .explained(format!("By the settings of the image, this leaves no record: {reason}."))
                .evidence(evidence),
        );
    }
    Ok(())
}

/// Logs that could not be read, or not to their end.
fn not_read(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let sql = "SELECT l.state, v.name, f.path, f.inode, NULL, NULL, NULL
        FROM main.logs l JOIN main.files f ON f.id = l.file JOIN main.volumes v ON v.id = f.volume
        WHERE v.exhibit = ? AND l.state IN ('cut', 'unreadable', 'unsupported') ORDER BY l.state, f.path";
    let mut statement = image.db.prepare(sql)?;
    let mut rows = statement.query([image.exhibit])?;
    let mut by_state = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let state = text(row, 0);
        let words = match state {
            "cut" => "logs that were not read to their end",
            "unreadable" => "logs that could not be read",
            _ => "files in the places of logs whose form is not known",
        };
        let made = by_state.remove(state).unwrap_or_else(|| {
            finding(&NOT_READ, state, words).explained("What they would tell is not among the events.")
        });
        let evidence = place(image, row, 1, "")?;
        by_state.insert(state.to_owned(), made.evidence(evidence));
    }
    by_state.into_values().for_each(|made| found.add(made));
    Ok(())
}

/// Records of logins that were overwritten with zeroes.
fn zeroed(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let columns = "e.id, e.time, coalesce(e.message, ''), e.file";
    let mut by_file: BTreeMap<i64, kanshiki_model::Finding> = BTreeMap::new();
    each(image, &["login.zeroed"], columns, "e.id", &mut |row| {
        let (event, time, file): (i64, Option<i64>, i64) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let path: String = image
            .db
            .prepare_cached("SELECT coalesce(path, '') FROM main.files WHERE id = ?")?
            .query_row([file], |row| row.get(0))?;
        let made = by_file.remove(&file).unwrap_or_else(|| {
            finding(&ZEROED, path.as_str(), format!("records of logins were overwritten with zeroes in {path}"))
                .explained("No program of the system writes zeroes over a record: tools that wipe a login do.")
        });
        by_file.insert(file, made.widened(time).event(event, ""));
        Ok(())
    })?;
    by_file.into_values().for_each(|made| found.add(made));
    Ok(())
}
