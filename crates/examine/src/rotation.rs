//! Holes in the rotation of logs: files that are missing between others, and silences between one file and the next.

pub(crate) mod years;

use crate::coverage::{LEAST, TIMES_THE_HABIT};
use crate::rotated::{self, Added};
use crate::zone::Civil;
use kanshiki_store::{ExhibitId, FileId, Gap, LedgerFile, StoreError, Writer};
use std::collections::BTreeMap;

/// Deleted files that one reason names.
const NAMED: usize = 8;

/// Volume, and the path without what rotation adds.
type Series = (i64, String);

/// Where a file stands in the rotation of its log, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// Days since 1970 of `-YYYYMMDD`.
    Day(i64),
    /// The number of `.1`, negative, and zero for the current file.
    Number(i64),
}

/// The files of one log.
#[derive(Debug, Default)]
struct Members {
    present: Vec<(Turn, LedgerFile)>,
    deleted: Vec<String>,
}

/// Finds the holes in the rotations of an exhibit and enters them, in the place of those that were found before.
pub(crate) fn enter(writer: &mut Writer, exhibit: ExhibitId) -> Result<(), StoreError> {
    let mut all: BTreeMap<Series, Members> = BTreeMap::new();
    writer.ledger_files(exhibit, true, &mut |file| {
        if let Some((series, _)) = turn(&file) {
            all.entry(series).or_default();
        }
    })?;
    // Empty files are no logs, and yet not missing.
    writer.ledger_files(exhibit, false, &mut |file| {
        let Some((series, turn)) = turn(&file) else { return };
        let Some(members) = all.get_mut(&series) else { return };
        if !file.is_deleted {
            members.present.push((turn, file));
        } else if members.deleted.len() < NAMED && turn != Turn::Number(0) {
            members.deleted.push(file.path);
        }
    })?;
    let gaps: Vec<_> = all.values_mut().flat_map(holes).collect();
    writer.rotation_gaps(exhibit, &gaps)
}

/// The log that a file belongs to, and where it stands there; `None` if what rotation added is of no known form.
fn turn(file: &LedgerFile) -> Option<(Series, Turn)> {
    let (log, extension, added) = rotated::apart(file.path.as_bytes())?;
    let turn = match added {
        Added::Nothing => Turn::Number(0),
        Added::Number(number) => Turn::Number(i64::from(number).checked_neg()?),
        Added::Day((year, month, day)) => {
            let seconds = Civil { year, month, day, ..Civil::default() }.seconds()?;
            Turn::Day(seconds.div_euclid(86_400))
        }
    };
    Some(((file.volume, String::from_utf8_lossy(&[log, extension].concat()).into_owned()), turn))
}

/// The holes of one log.
fn holes(members: &mut Members) -> Vec<(FileId, Gap)> {
    members.present.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.path.cmp(&b.1.path)));
    let step = step(&members.present);
    let mut gaps = Vec::new();
    let mut before: Option<&LedgerFile> = None;
    let mut last: Option<&(Turn, LedgerFile)> = None;
    let mut is_told = false;
    for member in &members.present {
        let (turn, file) = member;
        let start = before.and_then(|it| it.latest);
        let is_ordered = start.zip(file.earliest).is_none_or(|(start, end)| start <= end);
        let times = |reason| {
            let (start, end) = if is_ordered { (start, file.earliest) } else { (None, None) };
            (file.file, Gap { start, end, reason })
        };
        let missing = last.and_then(|(before, older)| missing((*before, older), (*turn, file), step));
        if let Some(missing) = missing {
            is_told = true;
            gaps.push(times(missing + &deleted(&members.deleted)));
        } else if let Some(older) = before.filter(|older| !is_told && is_silent(older, file)) {
            let reason = format!(
                "silent between the last record of {} and the first of {}, longer than ten times what is usual for this log",
                older.path, file.path
            );
            gaps.push(times(reason + &deleted(&members.deleted)));
        }
        if file.latest.is_some() {
            before = Some(file);
            is_told = false;
        }
        last = Some(member);
    }
    gaps.extend(last.filter(|_| members.present.len() > 1).and_then(|(turn, newest)| {
        let missing = newest_missing(*turn, newest)?;
        let start = before.and_then(|it| it.latest);
        Some((newest.file, Gap { start, end: None, reason: missing + &deleted(&members.deleted) }))
    }));
    gaps
}

/// What is missing behind the newest file of a series with numbers that count back: that the log itself is not there alone is
/// usual before it is written to again. Numbers that rise, as those of MySQL's binary logs, have zeroes before them.
fn newest_missing(turn: Turn, newest: &LedgerFile) -> Option<String> {
    let Turn::Number(number) = turn else { return None };
    let number = number.checked_neg()?;
    let ending = format!(".{number}");
    let is_plain = newest.path.rsplit_once('.').is_some_and(|(name, _)| name.ends_with(&ending));
    if !is_plain && !newest.path.ends_with(&ending) {
        return None;
    }
    let count = number.checked_sub(1).filter(|count| *count > 0)?;
    let numbers = if count == 1 { "number 1".to_owned() } else { format!("numbers 1 to {count}") };
    Some(format!("{numbers} and the log itself missing behind {}", newest.path))
}

/// What is missing between two files that follow each other.
fn missing(older: (Turn, &LedgerFile), newer: (Turn, &LedgerFile), step: Option<i64>) -> Option<String> {
    let (what, count) = match (older.0, newer.0) {
        (Turn::Number(older), Turn::Number(newer)) => {
            let count = newer.saturating_sub(older).saturating_sub(1);
            let (first, last) = (newer.saturating_sub(1).saturating_neg(), older.saturating_add(1).saturating_neg());
            let what = if count == 1 { format!("number {first}") } else { format!("numbers {first} to {last}") };
            (what, count)
        }
        (Turn::Day(older), Turn::Day(newer)) => {
            let step = step?;
            let length = newer.saturating_sub(older);
            // Months differ in length, and a rotation may come late by some days.
            let count = length.saturating_add(step.checked_div(2)?).checked_div(step)?.saturating_sub(1);
            let every = if step == 1 { "day".to_owned() } else { format!("{step} days") };
            (format!("{count} of a series with one every {every}"), count)
        }
        _ => return None,
    };
    (count > 0).then(|| format!("{what} missing between {} and {}", older.1.path, newer.1.path))
}

/// The days between two dated files, if most steps are of the same length.
fn step(present: &[(Turn, LedgerFile)]) -> Option<i64> {
    let days = present.iter().filter_map(|(turn, _)| if let Turn::Day(day) = turn { Some(*day) } else { None });
    let days: Vec<i64> = days.collect();
    let steps = days.iter().zip(days.iter().skip(1)).map(|(older, newer)| newer.saturating_sub(*older));
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    let mut all = 0_usize;
    for step in steps.filter(|step| *step > 0) {
        all = all.saturating_add(1);
        let count = counts.entry(step).or_default();
        *count = count.saturating_add(1);
    }
    let (step, count) = counts.into_iter().max_by_key(|(step, count)| (*count, step.saturating_neg()))?;
    (count >= 2 && count.saturating_mul(2) >= all).then_some(step)
}

/// Whether nothing is told between two files for longer than the log's habit.
fn is_silent(older: &LedgerFile, newer: &LedgerFile) -> bool {
    let (Some(start), Some(end)) = (older.latest, newer.earliest) else { return false };
    let Some(habit) = older.habit.max(newer.habit) else { return false };
    end.saturating_sub(start) > habit.saturating_mul(TIMES_THE_HABIT).max(LEAST)
}

/// Names the deleted files of a log.
fn deleted(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; deleted of this log: {}", names.join(", ")) }
}
