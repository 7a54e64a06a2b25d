//! The years of logs whose records tell none, checked against the other files of their rotation: an older file ends before a
//! newer one begins. Where all were copied or restored, their last changes tell the year of the copy alone.

use super::{Series, Turn, turn};
use kanshiki_model::{Issue, Progress};
use kanshiki_store::{ExhibitId, FileId, LedgerFile, StoreError, Writer};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

const DAY: i64 = 86_400 * 1_000_000_000;

/// By how much an older file may end behind the beginning of the newer one: clocks are set, and a year has 365 days or 366.
const SLACK: i64 = DAY.saturating_mul(2);

/// A year of 365 days in nanoseconds.
const YEAR: i64 = DAY.saturating_mul(365);

/// The files whose records lie in years that are too late, with the number of these years; what they gave is forgotten, and
/// they wait to be read again.
pub(crate) fn shifts(
    writer: &mut Writer,
    exhibit: ExhibitId,
    progress: &dyn Progress,
) -> Result<HashMap<FileId, i32>, StoreError> {
    let mut all: BTreeMap<Series, Vec<(Turn, LedgerFile)>> = BTreeMap::new();
    writer.ledger_files(exhibit, true, &mut |file| {
        if let Some((series, turn)) = turn(&file)
            && file.earliest.is_some()
            && !file.is_deleted
        {
            all.entry(series).or_default().push((turn, file));
        }
    })?;
    let mut shifts = HashMap::new();
    for files in all.values_mut() {
        files.sort_by_key(|(turn, _)| Reverse(*turn));
        let late = late(files, &|file| writer.infers_years(file))?;
        for issue in late.issues {
            progress.issue(&issue);
            writer.issue_once(exhibit, &issue)?;
        }
        shifts.extend(late.shifts);
    }
    if !shifts.is_empty() {
        let files: Vec<_> = shifts.keys().copied().collect();
        writer.read_again(&files)?;
    }
    Ok(shifts)
}

/// What does not fit in the files of one log.
#[derive(Debug, Default)]
struct Late {
    shifts: Vec<(FileId, i32)>,
    issues: Vec<Issue>,
}

/// Goes from the newest file to the oldest.
fn late(
    files: &[(Turn, LedgerFile)],
    infers_years: &dyn Fn(FileId) -> Result<bool, StoreError>,
) -> Result<Late, StoreError> {
    let mut late = Late::default();
    let mut newer: Option<(&LedgerFile, i64)> = None;
    for (_, file) in files {
        let (Some(mut earliest), Some(latest)) = (file.earliest, file.latest) else { continue };
        if let Some((before, begin)) = newer
            && latest > begin.saturating_add(SLACK)
        {
            // The nearest year in which it fits.
            let excess = latest.saturating_sub(begin).saturating_sub(SLACK);
            let years = excess.saturating_add(YEAR).saturating_sub(1).div_euclid(YEAR);
            if is_before(before, file) && infers_years(before.file)? {
                let (path, what) = (&before.path, "its last change lies before that of");
                let why =
                    format!("{what} {}, which is older by its name: the years of its records may be wrong", file.path);
                late.issues.push(Issue::new(path.clone(), why));
            } else if infers_years(file.file)? {
                late.shifts.push((file.file, i32::try_from(years).unwrap_or(i32::MAX)));
                earliest = earliest.saturating_sub(years.saturating_mul(YEAR));
            }
        }
        newer = Some((file, earliest));
    }
    Ok(late)
}

/// Whether the last change of the newer file lies before that of the older one, as no rotation leaves it.
fn is_before(newer: &LedgerFile, older: &LedgerFile) -> bool {
    let (Some(newer), Some(older)) = (newer.modified, older.modified) else { return false };
    newer.saturating_add(SLACK) < older
}
