//! Zeroes in the place of lines of logs.

use super::silences::{BOOT, says_boot};
use crate::events::{each, text};
use crate::found::{Building as _, Found, finding};
use crate::time::stretch;
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Finding, Question, Rule, Severity};
use std::collections::BTreeMap;

pub(super) static ZEROES: Rule = Rule {
    id: "hidden.log-zeroes",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1070.002",
    next: "Look whether the machine crashed then; compare with the journal and with other logs of that time; look for the lines in \
        free space: `kanshiki strings --unallocated`.",
};

/// Stretches of zeroes that are weighed.
const WEIGHED: usize = 1000;

/// A stretch of zeroes in a log.
struct Stretch {
    event: i64,
    file: i64,
    path: String,
    offset: i64,
    length: i64,
    /// Of the records before and behind it.
    before: Option<i64>,
    after: Option<i64>,
}

/// Tells logs with zeroes in them, by file; the gravest stretch says how grave it is.
pub(super) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut by_file: BTreeMap<i64, Finding> = BTreeMap::new();
    for stretch in read(image)? {
        let (severity, why) = weigh(image, &stretch)?;
        let made = by_file.remove(&stretch.file).unwrap_or_else(|| {
            let title = format!("zeroes stand in the place of lines in {}", stretch.path);
            finding(&ZEROES, stretch.path.as_str(), title).weighed(Severity::Info, Confidence::Medium)
        });
        let note = format!("bytes {} to {} are zeroes", stretch.offset, stretch.offset.saturating_add(stretch.length));
        let graver = severity > made.severity;
        let made =
            if graver { made.explained(format!("{note}. {why}")).weighed(severity, Confidence::Medium) } else { made };
        let made = made.widened(stretch.before).widened(stretch.after).event(stretch.event, note);
        by_file.insert(stretch.file, made);
    }
    by_file.into_values().for_each(|made| found.add(made));
    Ok(())
}

fn read(image: &Image<'_>) -> Result<Vec<Stretch>, DetectError> {
    let mut all = Vec::new();
    let columns = "e.id, e.file, e.offset, e.length,
        (SELECT coalesce(f.path, '') FROM main.files f WHERE f.id = e.file),
        (SELECT n.time FROM main.events n WHERE n.id BETWEEN r.first AND e.id - 1 AND n.time IS NOT NULL AND n.file = e.file
            ORDER BY n.id DESC LIMIT 1),
        (SELECT n.time FROM main.events n WHERE n.id BETWEEN e.id + 1 AND r.last AND n.time IS NOT NULL AND n.file = e.file
            ORDER BY n.id LIMIT 1)";
    each(image, &["log.zeroes"], columns, "", &mut |row| {
        if all.len() < WEIGHED {
            all.push(Stretch {
                event: row.get(0)?,
                file: row.get(1)?,
                offset: row.get(2)?,
                length: row.get(3)?,
                path: text(row, 4).to_owned(),
                before: row.get(5)?,
                after: row.get(6)?,
            });
        }
        Ok(())
    })?;
    Ok(all)
}

/// How grave it is, and why.
fn weigh(image: &Image<'_>, stretch_of: &Stretch) -> Result<(Severity, String), DetectError> {
    let (Some(before), Some(after)) = (stretch_of.before, stretch_of.after) else {
        let why = if stretch_of.before.is_none() {
            "No record stands before them: so it is where a log was emptied while its service went on writing at its old place."
        } else {
            "No record stands behind them: so it is where a machine crashed before the last lines were on the disk, and was not used since."
        };
        return Ok((Severity::Low, why.to_owned()));
    };
    let when = stretch(before.min(after), before.max(after));
    let ids = [stretch_of.event, after.saturating_add(BOOT)];
    if is_boot_near(image, after)? || says_boot(image, stretch_of.file, "e.id > ?2 AND e.time <= ?3", ids)? {
        let why = format!(
            "The machine was started behind them: a crash leaves zeroes where lines were not yet on the disk. They lie {when}."
        );
        return Ok((Severity::Low, why));
    }
    let why = format!(
        "They lie {when}, among other lines, and no start of the machine is told behind them: a crash leaves such zeroes too, but then \
        the machine starts anew; else somebody wrote over the lines."
    );
    Ok((Severity::Medium, why))
}

/// Whether wtmp or auditd tell that the machine was started about this time.
fn is_boot_near(image: &Image<'_>, time: i64) -> Result<bool, DetectError> {
    let mut is_near = false;
    each(image, &["login.boot", "audit.boot"], "e.time", "", &mut |row| {
        let boot: Option<i64> = row.get(0)?;
        is_near |= boot.is_some_and(|boot| boot.saturating_sub(time).abs() <= BOOT);
        Ok(())
    })?;
    Ok(is_near)
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::testing::{Told, found_in, titles, view};

    fn told(kinds: &[(&'static str, i64, &'static str)]) -> Vec<String> {
        let events: Vec<Told> = kinds
            .iter()
            .map(|(kind, time, message)| Told {
                path: "/var/log/syslog",
                kind,
                time: *time,
                message: (*message).to_owned(),
                ..Told::default()
            })
            .collect();
        titles(&found_in(&view(&[]), &events, find))
    }

    #[test]
    fn zeroes_among_the_lines_of_a_log_are_told_and_lighter_if_the_machine_crashed() {
        let line = |time| ("syslog.message", time, "a line");
        let zeroes = ("log.zeroes", 0, "");
        let title = "hidden.log-zeroes: zeroes stand in the place of lines in /var/log/syslog";
        let start = ("syslog.message", 1_700_000_100, "Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)");
        assert_eq!(told(&[line(1_700_000_000), zeroes, line(1_700_009_000)]), [format!("medium {title}")]);
        assert_eq!(told(&[line(1_700_000_000), zeroes, start, line(1_700_000_101)]), [format!("low {title}")]);
        assert_eq!(told(&[line(1_700_000_000), zeroes]), [format!("low {title}")]);
        assert_eq!(told(&[zeroes, line(1_700_000_000)]), [format!("low {title}")]);
        assert_eq!(told(&[line(1_700_000_000), line(1_700_009_000)]), [""; 0]);
    }
}
