//! Indicators of the user's: by what an attacker who was seen elsewhere is found in events, paths, digests and other findings.

#[cfg(test)]
mod tests;

use crate::events::text;
use crate::found::{Building as _, Found, finding, push_evidence, widened};
use crate::lists::Bad;
use crate::owned::Owned;
use crate::{DetectError, Image};
use kanshiki_lists::{Indicator, Indicators, Matcher, What};
use kanshiki_model::{
    Algorithm, Confidence, Digest, Evidence, Finding, Issue, Question, Rule, Severity, from_visible, visible,
    visible_text,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&SEEN, &FILE];

static SEEN: Rule = Rule {
    id: "lists.indicator",
    question: Question::Entry,
    severity: Severity::Medium,
    confidence: Confidence::High,
    technique: "",
    next: "Look at all that came from there or went there, and at what happened around it: `kanshiki timeline --case DIR --text VALUE`.",
};

static FILE: Rule = Rule {
    id: "lists.indicator-file",
    question: Question::Ran,
    severity: Severity::Medium,
    confidence: Confidence::High,
    technique: "",
    next: "Find out what the list knows of it, when it came here and whether it ran: `kanshiki timeline --case DIR --path PATH`.",
};

/// Indicators of which something is told.
const TOLD: usize = 1000;

/// Kinds of events that are named.
const KINDS: usize = 5;

/// All indicators of the user's.
#[derive(Debug, Default)]
pub(crate) struct Indicated {
    sources: Vec<Source>,
    /// With the number of its source.
    all: Vec<Indicator>,
    source_of: Vec<usize>,
    matcher: Matcher,
}

#[derive(Debug)]
struct Source {
    path: PathBuf,
    /// The name of its file, made visible.
    name: String,
    sha256: Option<String>,
    count: usize,
    issues: Vec<Issue>,
}

/// Reads a file of indicators.
pub(crate) fn open(path: &Path) -> Result<Indicators, DetectError> {
    Indicators::open(path)
        .map_err(|source| DetectError::Indicators { path: visible(path.as_os_str().as_encoded_bytes()), source })
}

impl Indicated {
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, DetectError> {
        let mut new = Self::default();
        for path in paths {
            let read = open(path)?;
            let name = visible(path.file_name().unwrap_or(path.as_os_str()).as_encoded_bytes());
            let mut issues: Vec<Issue> = read
                .refused
                .iter()
                .map(|it| Issue::new(format!("indicators {name}"), format!("line or object {}: {}", it.number, it.why)))
                .collect();
            let listed = u64::try_from(issues.len()).unwrap_or(u64::MAX);
            let more = [
                (read.refused_in_all.saturating_sub(listed), "further indicators are not looked for"),
                (read.left_out, "indicators are left out: there are too many"),
            ];
            for (count, what) in more.into_iter().filter(|it| it.0 > 0) {
                issues.push(Issue::new(format!("indicators {name}"), format!("{count} {what}")));
            }
            new.source_of.extend(read.list.iter().map(|_| new.sources.len()));
            let sha256 = read.digest.map(|digest| digest.to_hex());
            new.sources.push(Source { path: path.clone(), name, sha256, count: read.list.len(), issues });
            new.all.extend(read.list);
        }
        new.matcher = Matcher::new(&new.all);
        Ok(new)
    }

    pub(crate) fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.matcher.algorithms()
    }

    pub(crate) fn of_digest(&self, digest: &Digest) -> Option<usize> {
        self.matcher.of_digest(digest)
    }

    /// A finding for each digest of indicators that a file has.
    pub(crate) fn tell_file(&self, file: &Bad, owned: &Owned, found: &mut Found) {
        let shown = visible(&file.path);
        for number in &file.indicated {
            let Some((indicator, source)) = self.get(*number) else { continue };
            let value = indicator.what.value();
            let kind = indicator.what.kind();
            let title = format!("file of the indicators {}: {shown}", source.name);
            let owner = owned.of(&file.path).belongs();
            let made = finding(&FILE, format!("{kind} {value} {shown}"), title)
                .weighed(Severity::High, Confidence::High)
                .explained(format!(
                    "Its {kind} is {value}. {} Its length in bytes is {}, and it {owner}.",
                    told_of(indicator, source),
                    file.size
                ))
                .indicator("path", &shown)
                .evidence(file.evidence());
            let digests = file.digests.iter();
            found.add(digests.fold(made, |made, digest| made.indicator(digest.algorithm().name(), digest.to_hex())));
        }
    }

    fn get(&self, number: usize) -> Option<(&Indicator, &Source)> {
        let source = self.source_of.get(number).and_then(|source| self.sources.get(*source));
        self.all.get(number).zip(source)
    }
}

/// What a list says of an indicator.
fn told_of(indicator: &Indicator, source: &Source) -> String {
    let label = if indicator.label.is_empty() { String::new() } else { format!(": {}", indicator.label) };
    format!("It is number {} of {}{label}.", indicator.number, source.name)
}

/// How much an indicator that is found matters. Names of accounts and files are those of others, too.
const fn severity(what: &What) -> Severity {
    match what {
        What::Digest(_) | What::Url(_) | What::Wallet(_) | What::Key(_) => Severity::High,
        What::Account(_) => Severity::Low,
        _ => Severity::Medium,
    }
}

/// What was found of one indicator.
#[derive(Debug)]
struct Made {
    finding: Finding,
    events: u64,
    kinds: BTreeMap<String, u64>,
    files: u64,
    findings: u64,
}

/// Those of which something was found.
#[derive(Debug, Default)]
struct All {
    made: BTreeMap<usize, Made>,
    left_out: u64,
}

impl All {
    /// What was found of an indicator, if it is among those that are told.
    fn of(&mut self, indicated: &Indicated, number: usize) -> Option<&mut Made> {
        if !self.made.contains_key(&number) {
            if self.made.len() >= TOLD {
                self.left_out = self.left_out.saturating_add(1);
                return None;
            }
            let (indicator, _) = indicated.get(number)?;
            let what = &indicator.what;
            let rule = match what {
                What::Digest(_) | What::Path(_) | What::Name(_) | What::Wallet(_) => &FILE,
                _ => &SEEN,
            };
            let finding = finding(rule, format!("{} {}", what.kind(), what.value()), String::new())
                .weighed(severity(what), rule.confidence)
                .indicator(what.kind(), what.value());
            let made = Made { finding, events: 0, kinds: BTreeMap::new(), files: 0, findings: 0 };
            self.made.insert(number, made);
        }
        self.made.get_mut(&number)
    }
}

impl Made {
    fn event(&mut self, event: i64, time: Option<i64>, kind: &str, note: &str) {
        self.events = self.events.saturating_add(1);
        let count = self.kinds.entry(kind.to_owned()).or_default();
        *count = count.saturating_add(1);
        self.finding.times = widened(self.finding.times, time);
        let evidence = Evidence::Event { event, note: note.chars().take(200).collect() };
        push_evidence(&mut self.finding, evidence);
    }
}

/// Looks for all indicators.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let indicated = &image.lists.indicated;
    if indicated.all.is_empty() {
        return Ok(());
    }
    let mut all = All::default();
    of_findings(indicated, found, &mut all);
    of_files(image, indicated, &mut all)?;
    of_events(image, indicated, &mut all)?;
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, made) in all.made {
        let Some((indicator, source)) = indicated.get(number) else { continue };
        let count = seen.entry(source.name.as_str()).or_default();
        *count = count.saturating_add(1);
        found.add(ended(made, indicator, source));
    }
    if all.left_out > 0 {
        let message = format!("more than {TOLD} indicators were found; those found first are told");
        found.issues.push(Issue::new("indicators", message));
    }
    for source in &indicated.sources {
        found.issues.extend(source.issues.iter().cloned());
        let facts = vec![
            ("role", json!("indicators")),
            ("sha256", json!(source.sha256)),
            ("indicators", json!(source.count)),
            ("indicators_found", json!(seen.get(source.name.as_str()).copied().unwrap_or(0))),
        ];
        found.row("list", source.path.as_os_str().as_encoded_bytes(), facts, None);
    }
    Ok(())
}

/// The finding with its title, now that it is known how often the indicator was found.
fn ended(made: Made, indicator: &Indicator, source: &Source) -> Finding {
    let Made { mut finding, events, kinds, files, findings } = made;
    let mut where_found = Vec::new();
    for (count, one, many) in
        [(events, "event", "events"), (files, "file", "files"), (findings, "other finding", "other findings")]
    {
        if count > 0 {
            where_found.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    }
    let (kind, value) = (indicator.what.kind(), indicator.what.value());
    finding.title = format!("{kind} {value} of the indicators {}: {}", source.name, where_found.join(", "));
    let mut kinds: Vec<(String, u64)> = kinds.into_iter().collect();
    kinds.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let kinds: Vec<String> = kinds.into_iter().take(KINDS).map(|(kind, count)| format!("{count} {kind}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" Events: {}.", kinds.join(", ")) };
    finding.explained(format!("{}{kinds}", told_of(indicator, source)))
}

/// What other findings name: what stands in files that were looked at. Digests of files are compared without that.
fn of_findings(indicated: &Indicated, found: &Found, all: &mut All) {
    for other in &found.findings {
        let file = other.evidence.iter().find(|it| matches!(it, Evidence::File { .. }));
        let Some(Evidence::File { volume, inode, path, span, .. }) = file else { continue };
        if other.rule.id.starts_with("lists.") {
            continue;
        }
        let mut numbers = Vec::new();
        for named in other
            .indicators
            .iter()
            .filter(|it| !matches!(it.kind, "path" | "account" | "md5" | "sha1" | "sha256" | "sha512"))
        {
            indicated.matcher.of_text(&named.value, &mut |number| numbers.push(number));
        }
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            let Some(made) = all.of(indicated, number) else { continue };
            made.findings = made.findings.saturating_add(1);
            let note = format!("named by {}: {}", other.rule.id, other.title);
            push_evidence(
                &mut made.finding,
                Evidence::File { volume: *volume, inode: *inode, path: path.clone(), span: *span, note },
            );
        }
    }
}

/// Paths and names of files, also of those that were deleted.
fn of_files(image: &Image<'_>, indicated: &Indicated, all: &mut All) -> Result<(), DetectError> {
    if !indicated.matcher.wants_paths() {
        return Ok(());
    }
    let sql = "SELECT v.name, f.path, f.inode, f.state FROM main.files f JOIN main.volumes v ON v.id = f.volume
        WHERE v.exhibit = ? AND f.path IS NOT NULL ORDER BY f.id";
    let mut statement = image.db.prepare(sql)?;
    let mut rows = statement.query([image.exhibit])?;
    let mut numbers = Vec::new();
    while let Some(row) = rows.next()? {
        let path = text(row, 1);
        numbers.clear();
        indicated.matcher.of_path(path, &mut |number| numbers.push(number));
        for number in &numbers {
            let Some(made) = all.of(indicated, *number) else { continue };
            let state = text(row, 3);
            let volume = image.view.volumes().iter().position(|it| it.name == text(row, 0));
            // What was deleted may stand there no more.
            let inode: Option<i64> = if state == "allocated" { row.get(2)? } else { None };
            made.files = made.files.saturating_add(1);
            push_evidence(
                &mut made.finding,
                Evidence::File {
                    volume,
                    inode: inode.and_then(|inode| u64::try_from(inode).ok()),
                    path: from_visible(path).unwrap_or_default(),
                    span: None,
                    note: state.to_owned(),
                },
            );
        }
    }
    Ok(())
}

/// All texts of the events of logs.
fn of_events(image: &Image<'_>, indicated: &Indicated, all: &mut All) -> Result<(), DetectError> {
    let sql = "SELECT e.id, e.time, k.name, coalesce(e.user, ''), coalesce(e.address, ''), coalesce(e.message, ''), coalesce(e.fields, '')
        FROM (SELECT l.first_event AS first, l.last_event AS last FROM main.logs l JOIN main.files f ON f.id = l.file
            JOIN main.volumes v ON v.id = f.volume WHERE v.exhibit = ? AND l.first_event IS NOT NULL ORDER BY l.first_event) r
        CROSS JOIN main.events e ON e.id BETWEEN r.first AND r.last CROSS JOIN main.kinds k ON k.id = e.kind";
    let mut statement = image.db.prepare(sql)?;
    let mut rows = statement.query([image.exhibit])?;
    let (mut numbers, mut count) = (Vec::new(), 0_u32);
    while let Some(row) = rows.next()? {
        count = count.wrapping_add(1);
        if count.trailing_zeros() >= 12 && image.progress.stop_requested() {
            break;
        }
        numbers.clear();
        for column in 4..7 {
            indicated.matcher.of_text(text(row, column), &mut |number| numbers.push(number));
        }
        numbers.extend(indicated.matcher.of_account(text(row, 3)));
        numbers.sort_unstable();
        numbers.dedup();
        for number in &numbers {
            let Some(made) = all.of(indicated, *number) else { continue };
            let kind = text(row, 2);
            made.event(row.get(0)?, row.get(1)?, kind, &visible_text(kind));
        }
    }
    Ok(())
}
