//! Silences of logs: those that are usual for a log, or that a machine has that was off, and those that are holes.
//!
//! A log is held against itself: in how many of its hours, or days, it tells something. A silence of one that tells something
//! nearly always is weighed by what the other logs tell of that time. If they go on, the machine was up, and somebody took
//! records out, or kept the log from being written.

use super::place;
use crate::events::text;
use crate::found::{Building as _, Found, finding};
use crate::time::{DAY, HOUR, SECOND, stretch};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Evidence, Question, Rule, Severity};
use std::collections::{BTreeMap, BTreeSet};

pub(super) static SILENCE: Rule = Rule {
    id: "hidden.silence",
    question: Question::Hidden,
    severity: Severity::Info,
    confidence: Confidence::Low,
    technique: "T1070.002",
    next: "Look whether the machine was off then, and whether other logs tell of that time.",
};

pub(super) static HOLE: Rule = Rule {
    id: "hidden.log-hole",
    question: Question::Hidden,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1070.002",
    next: "Look at what others tell of that time: `kanshiki timeline --case DIR --from TIME --to TIME`; look for older copies of the \
        log, and for what was deleted of it: `kanshiki deleted`.",
};

pub(super) static MISSING: Rule = Rule {
    id: "hidden.log-missing",
    question: Question::Hidden,
    severity: Severity::Low,
    confidence: Confidence::Low,
    technique: "T1070.002",
    next: "Look for the file among the deleted ones: `kanshiki deleted`.",
};

/// Silences that are weighed, the first ones by path.
const WEIGHED: usize = 500;

/// Hours of all logs that are kept.
const HOURS: usize = 4_000_000;

/// Nanoseconds of a silence from which on it is told, whatever the log; and of a log that tells something nearly always.
const LONG: i64 = DAY;
const SHORT: i64 = 4 * HOUR;
const GRAVE: i64 = 12 * HOUR;

/// A boot so close to the end of a silence belongs to it.
pub(super) const BOOT: i64 = 10 * 60 * SECOND;

/// What the reasons of the ledger begin with that are about several files of a rotation.
const ROTATION: &str = "rotation: ";

/// A log with all its rotated files: volume and path.
type Series = (i64, String);

/// A stretch in which a log tells nothing.
struct Silence {
    series: Series,
    file: i64,
    path: String,
    start: i64,
    end: i64,
    reason: String,
    place: Evidence,
}

/// Why a silence is told, and how grave it is.
struct Judged {
    severity: Severity,
    confidence: Confidence,
    text: String,
}

/// Looks at the silences of the ledger, and at files that are missing in a rotation.
pub(super) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let silences = read(image, found)?;
    if silences.is_empty() {
        return Ok(());
    }
    let known = Known::read(image)?;
    let mut usual = BTreeMap::new();
    for silence in &silences {
        if let Some(judged) = known.judge(image, silence, &silences)? {
            found.add(hole(image, silence, judged)?);
        } else if silence.end.saturating_sub(silence.start) >= LONG {
            let path = silence.path.as_str();
            let made = usual.remove(path).unwrap_or_else(|| {
                finding(&SILENCE, path, format!("{path} is silent for a day and more"))
                    .explained("The log has no record for far longer than is usual for it.")
            });
            let made = made.widened(Some(silence.start)).widened(Some(silence.end));
            usual.insert(path, made.evidence(silence.place.clone()));
        }
    }
    usual.into_values().for_each(|made| found.add(made));
    Ok(())
}

/// The silences of an exhibit; files that are missing are told at once.
fn read(image: &Image<'_>, found: &mut Found) -> Result<Vec<Silence>, DetectError> {
    let sql = "SELECT g.start, g.\"end\", g.reason, v.name, f.path, f.inode, NULL, NULL, NULL, f.id, f.volume
        FROM main.gaps g JOIN main.files f ON f.id = g.file JOIN main.volumes v ON v.id = f.volume
        WHERE v.exhibit = ? ORDER BY f.path, g.start";
    let mut statement = image.db.prepare(sql)?;
    let mut rows = statement.query([image.exhibit])?;
    let mut silences = Vec::new();
    while let Some(row) = rows.next()? {
        let (start, end): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
        let (reason, path) = (text(row, 2), text(row, 4));
        let when = start.zip(end).map_or_else(String::new, |(start, end)| stretch(start, end));
        let rotation = reason.strip_prefix(ROTATION);
        if rotation.is_some_and(|reason| !reason.starts_with("silent ")) {
            let title = format!("a hole in the rotation of {path} {when}");
            let made = finding(&MISSING, format!("{path} {reason} {start:?}"), title).explained(reason);
            found.add(made.between(start, end).evidence(place(image, row, 3, reason)?));
        } else if let Some((start, end)) = start.zip(end)
            && end.saturating_sub(start) >= SHORT
            && silences.len() < WEIGHED
        {
            let reason = rotation.unwrap_or(reason);
            silences.push(Silence {
                series: (row.get(10)?, series(path).to_owned()),
                file: row.get(9)?,
                path: path.to_owned(),
                start,
                end,
                reason: reason.to_owned(),
                place: place(image, row, 3, &format!("{when}: {reason}"))?,
            });
        }
    }
    Ok(silences)
}

/// What is told of a hole.
fn hole(image: &Image<'_>, silence: &Silence, judged: Judged) -> Result<kanshiki_model::Finding, DetectError> {
    let Silence { path, start, end, .. } = silence;
    let hours = end.saturating_sub(*start).div_euclid(HOUR);
    let title = format!("{path} tells nothing for {hours} hours {}", stretch(*start, *end));
    let mut made = finding(&HOLE, format!("{path} {start}"), title)
        .explained(judged.text)
        .weighed(judged.severity, judged.confidence)
        .between(Some(*start), Some(*end))
        .evidence(silence.place.clone());
    for (time, note) in [(start, "the last record before it"), (end, "the first record behind it")] {
        if let Some(event) = event_at(image, silence.file, *time)? {
            made = made.event(event, note);
        }
    }
    Ok(made)
}

/// The number of an event of a log by its time.
fn event_at(image: &Image<'_>, file: i64, time: i64) -> Result<Option<i64>, DetectError> {
    let sql = "SELECT min(e.id) FROM main.logs l JOIN main.events e ON e.id BETWEEN l.first_event AND l.last_event
        WHERE l.file = ? AND e.time = ?";
    Ok(image.db.prepare_cached(sql)?.query_row([file, time], |row| row.get(0))?)
}

/// What all logs of an exhibit tell, by the hour.
struct Known {
    hours: BTreeMap<Series, BTreeSet<i64>>,
    /// When the machine started, by wtmp and auditd.
    boots: Vec<i64>,
}

impl Known {
    fn read(image: &Image<'_>) -> Result<Self, DetectError> {
        let sql = "SELECT DISTINCT f.volume, f.path, h.hour FROM main.hours h JOIN main.files f ON f.id = h.file
            JOIN main.volumes v ON v.id = f.volume WHERE v.exhibit = ? AND h.hour IS NOT NULL AND f.path IS NOT NULL";
        let mut statement = image.db.prepare(sql)?;
        let mut rows = statement.query([image.exhibit])?;
        let mut hours: BTreeMap<Series, BTreeSet<i64>> = BTreeMap::new();
        let mut kept = 0_usize;
        while let Some(row) = rows.next()? {
            kept = kept.saturating_add(1);
            if kept > HOURS {
                break;
            }
            hours.entry((row.get(0)?, series(text(row, 1)).to_owned())).or_default().insert(row.get(2)?);
        }
        let mut boots = Vec::new();
        crate::events::each(image, &["login.boot", "audit.boot"], "e.time", "", &mut |row| {
            let time: Option<i64> = row.get(0)?;
            boots.extend(time.filter(|_| boots.len() < 100_000));
            Ok(())
        })?;
        Ok(Self { hours, boots })
    }

    /// Why a silence is a hole; `None` if it is usual for its log, or if the machine was off.
    fn judge(&self, image: &Image<'_>, silence: &Silence, all: &[Silence]) -> Result<Option<Judged>, DetectError> {
        let Some(regular) = self.hours.get(&silence.series).and_then(|own| Regular::of(own, silence)) else {
            return Ok(None);
        };
        let length = silence.end.saturating_sub(silence.start);
        let is_like = |other: &&Silence| {
            other.series == silence.series && other.end.saturating_sub(other.start).saturating_mul(2) >= length
        };
        // This one is among them.
        if all.iter().filter(is_like).count() > 3 {
            return Ok(None);
        }
        let others = self.others(silence, &regular);
        let is_boot_near = self.boots.iter().any(|boot| boot.saturating_sub(silence.end).abs() <= BOOT)
            || begins_with_boot(image, silence)?;
        let habit = format!(
            "Outside of this time the log tells something in {} of {} {}.",
            regular.told,
            regular.all,
            if regular.is_hourly { "hours" } else { "days" }
        );
        let boot = if is_boot_near { " The machine was started at its end." } else { "" };
        if let Some(others) = others {
            let is_grave = length >= GRAVE && is_of_machine(&silence.path);
            let text = format!(
                "{habit} The machine was up meanwhile: {others}. So records were taken out, or the log was kept from being written: by \
                somebody, or since its service stopped or its disk was full.{boot}"
            );
            let severity = if is_grave { Severity::Medium } else { Severity::Low };
            return Ok(Some(Judged { severity, confidence: Confidence::Medium, text }));
        }
        if is_boot_near || length < GRAVE {
            return Ok(None);
        }
        let text = format!(
            "{habit} No other log tells whether the machine was up meanwhile; it may have been off, though no start of it is told at the \
            end. {}.",
            silence.reason
        );
        Ok(Some(Judged { severity: Severity::Low, confidence: Confidence::Low, text }))
    }

    /// What the other logs tell of that time, in words, if they go on as they do at other times.
    fn others(&self, silence: &Silence, regular: &Regular) -> Option<String> {
        let mut inside = BTreeSet::new();
        let mut outside: BTreeSet<i64> = BTreeSet::new();
        let mut named: Vec<(usize, &str)> = Vec::new();
        for (series, hours) in self.hours.iter().filter(|(series, _)| **series != silence.series) {
            let within: Vec<i64> = hours.range(regular.hole.clone()).copied().collect();
            outside.extend(hours.range(regular.first..=regular.last).filter(|hour| !regular.hole.contains(hour)));
            if !within.is_empty() && is_of_machine(&series.1) {
                named.push((within.len(), series.1.as_str()));
                inside.extend(within);
            }
        }
        let (hole, rest) = (regular.length(), regular.outside());
        let share = |count: usize, all: i64| i128::try_from(count).unwrap_or(i128::MAX).saturating_mul(i128::from(all));
        // In at least half as large a part of the hours as outside.
        let goes_on = inside.len() >= 2 && share(inside.len(), rest).saturating_mul(2) >= share(outside.len(), hole);
        named.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
        let words: Vec<String> = named
            .iter()
            .take(5)
            .map(|(count, path)| format!("{path} tells something in {count} of {hole} hours"))
            .collect();
        goes_on.then(|| words.join(", "))
    }
}

/// A log that tells something nearly always.
struct Regular {
    /// The hours that lie wholly within the silence.
    hole: std::ops::Range<i64>,
    /// The first and the last hour of the log.
    first: i64,
    last: i64,
    is_hourly: bool,
    /// Hours, or days, outside of the silence, and those of them in which it tells something.
    all: i64,
    told: i64,
}

impl Regular {
    /// `None` if it often tells nothing, or is too short to know; or if another file of the log tells of that time.
    fn of(own: &BTreeSet<i64>, silence: &Silence) -> Option<Self> {
        let hole = silence.start.div_euclid(HOUR).checked_add(1)?..silence.end.div_euclid(HOUR);
        let (first, last) = (*own.first()?, *own.last()?);
        if hole.is_empty() || own.range(hole.clone()).next().is_some() {
            return None;
        }
        let mut regular = Self { hole, first, last, is_hourly: true, all: 0, told: 0 };
        regular.all = regular.outside();
        regular.told = i64::try_from(own.len()).ok()?;
        let is_long = |all: i64, hole: i64, least: i64| all >= least && all >= hole.saturating_mul(3);
        let is_dense = |told: i64, all: i64| told.saturating_mul(10) >= all.saturating_mul(9);
        if is_long(regular.all, regular.length(), 7 * 24) && is_dense(regular.told, regular.all) {
            return Some(regular);
        }
        // Nights and weekends: by days, of which a silence must take more than a long weekend.
        let days: BTreeSet<i64> = own.iter().map(|hour| hour.div_euclid(24)).collect();
        let missing = regular.length().div_euclid(24);
        let span = days.last()?.checked_sub(*days.first()?)?.checked_add(1)?;
        regular.is_hourly = false;
        regular.all = span.saturating_sub(missing);
        regular.told = i64::try_from(days.len()).ok()?;
        (missing >= 3 && is_long(regular.all, missing, 14) && is_dense(regular.told, regular.all)).then_some(regular)
    }

    /// Hours of the silence.
    fn length(&self) -> i64 {
        self.hole.end.saturating_sub(self.hole.start)
    }

    /// Hours of the log outside of it.
    fn outside(&self) -> i64 {
        self.last.saturating_sub(self.first).saturating_add(1).saturating_sub(self.length())
    }
}

/// Whether the machine was started when a log begins again, by what the log says.
fn begins_with_boot(image: &Image<'_>, silence: &Silence) -> Result<bool, DetectError> {
    says_boot(image, silence.file, "e.time >= ?2 AND e.time <= ?3", [silence.end, silence.end.saturating_add(BOOT)])
}

/// Whether one of the first records of a log that are of this condition, of two numbers, tells of a start of the machine.
pub(super) fn says_boot(
    image: &Image<'_>,
    file: i64,
    condition: &str,
    [one, two]: [i64; 2],
) -> Result<bool, DetectError> {
    let sql = format!(
        "SELECT coalesce(e.message, '') FROM main.logs l JOIN main.events e ON e.id BETWEEN l.first_event AND l.last_event
        WHERE l.file = ?1 AND {condition} ORDER BY e.id LIMIT 500"
    );
    let mut statement = image.db.prepare_cached(&sql)?;
    let mut rows = statement.query([file, one, two])?;
    while let Some(row) = rows.next()? {
        // The kernel's first lines, and those of the loggers when they are started (rsyslogd, syslogd of busybox, syslog-ng).
        let signs = ["Linux version ", "Command line: ", "syslogd started", "syslog-ng starting up"];
        let message = text(row, 0);
        let is_rsyslogd = message.contains("software=\"rsyslogd\"") && message.ends_with(" start");
        if is_rsyslogd || signs.iter().any(|sign| message.contains(sign)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a log is one of the machine itself: below /var/log others may be kept that came over the network, in folders of theirs.
fn is_of_machine(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/var/log/").or_else(|| path.strip_prefix("/run/log/")) else {
        return ["/var/run/", "/run/", "/var/lib/"].iter().any(|place| path.starts_with(place));
    };
    let services = [
        "journal",
        "audit",
        "apache2",
        "httpd",
        "nginx",
        "lighttpd",
        "mysql",
        "mariadb",
        "postgresql",
        "exim4",
        "exim",
        "samba",
        "squid",
        "fail2ban",
        "apt",
        "sysstat",
        "sa",
        "atop",
        "proftpd",
        "vsftpd",
        "pure-ftpd",
        "dovecot",
        "letsencrypt",
    ];
    rest.split_once('/').is_none_or(|(folder, _)| services.contains(&folder))
}

/// The path of a log without what rotation and compression add: `/var/log/auth.log` of `/var/log/auth.log.2.gz`.
fn series(path: &str) -> &str {
    let mut stem = path;
    for ending in [".gz", ".xz", ".bz2", ".zst"] {
        stem = stem.strip_suffix(ending).unwrap_or(stem);
    }
    // journald: `system@….journal`.
    if stem.ends_with(".journal") || stem.ends_with(".journal~") {
        return stem.split(['@', '.']).next().unwrap_or(stem);
    }
    let Some((before, last)) = stem.rsplit_once(['.', '-']) else { return stem };
    let is_number = !last.is_empty() && last.len() <= 14 && last.bytes().all(|byte| byte.is_ascii_digit());
    if !before.is_empty() && !before.ends_with('/') && (is_number || last == "old") { before } else { stem }
}

#[cfg(test)]
mod tests;
