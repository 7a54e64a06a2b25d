//! What the detectors find, on its way to the store.

use crate::owned::{Owned, Owner};
use kanshiki_machine::config;
use kanshiki_model::{
    Algorithm, Confidence, Evidence, Finding, Indicator, Issue, Question, Rule, Severity, Span, visible,
};
use kanshiki_store::InventoryRow;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Findings of one rule that are kept; the rest is counted and told.
const OF_ONE_RULE: usize = 1000;

/// Rows of the inventory that are kept.
const ROWS: usize = 100_000;

/// Evidence of one finding that is listed; the rest is counted.
const EVIDENCE: usize = 20;

/// Indicators of one finding.
pub(crate) const MANY_INDICATORS: usize = EVIDENCE;

/// Characters of a title, an explanation or a note that are kept.
const TEXT: usize = 2000;

/// Issues that are kept; the rest is counted and told.
const ISSUES: usize = 1000;

/// What could not be read or decided: a damaged disk has more of it than anybody reads.
#[derive(Debug, Default)]
pub(crate) struct Issues {
    kept: Vec<Issue>,
    left_out: u64,
}

impl Issues {
    pub(crate) fn push(&mut self, issue: Issue) {
        if self.kept.len() < ISSUES {
            self.kept.push(issue);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    pub(crate) fn extend(&mut self, issues: impl IntoIterator<Item = Issue>) {
        issues.into_iter().for_each(|issue| self.push(issue));
    }
}

impl std::ops::Deref for Issues {
    type Target = [Issue];

    fn deref(&self) -> &[Issue] {
        &self.kept
    }
}

/// What the detectors find.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) findings: Vec<Finding>,
    pub(crate) inventory: Vec<InventoryRow>,
    pub(crate) issues: Issues,
    counts: HashMap<&'static str, usize>,
    rows_left_out: usize,
}

impl Found {
    /// Keeps a finding.
    pub(crate) fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.rule.id).or_default();
        *count = count.saturating_add(1);
        if *count <= OF_ONE_RULE {
            self.findings.push(finding);
        }
    }

    /// Keeps something that the machine has: `facts` are the columns, in a fixed order for the kind.
    pub(crate) fn row(
        &mut self,
        kind: &'static str,
        name: &[u8],
        facts: Vec<(&'static str, Value)>,
        evidence: Option<Evidence>,
    ) {
        if self.inventory.len() >= ROWS {
            self.rows_left_out = self.rows_left_out.saturating_add(1);
            return;
        }
        let facts: Map<String, Value> = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let facts = Value::Object(facts).to_string();
        self.inventory.push(InventoryRow { kind, name: visible(name), facts, evidence });
    }

    /// Leaves out indicators that every machine has: by them nobody is found elsewhere.
    pub(crate) fn keep_indicators(&mut self, owned: &Owned) {
        for finding in &mut self.findings {
            // Weak settings and what is not known are no traces of somebody.
            if matches!(finding.question, Question::Holes | Question::Unknown) {
                finding.indicators.clear();
            }
            // The digest of a log or a history is known nowhere else.
            let is_of_log = finding.indicators.iter().any(|it| it.kind == "path" && is_everybodys(&it.value));
            finding.indicators.retain(|indicator| match indicator.kind {
                "path" if is_everybodys(&indicator.value) => false,
                "path" => matches!(owned.of(indicator.value.as_bytes()), Owner::Nobody | Owner::NotKnown),
                "account" => indicator.value != "root" && !indicator.value.is_empty(),
                kind => !is_of_log || kind.parse::<Algorithm>().is_err(),
            });
        }
    }

    /// Tells what was left out.
    pub(crate) fn end(&mut self) {
        let mut left_out: Vec<_> = self.counts.iter().filter(|(_, count)| **count > OF_ONE_RULE).collect();
        left_out.sort_unstable();
        for (rule, count) in left_out {
            let message = format!("{count} findings, of which the first {OF_ONE_RULE} are kept");
            self.issues.kept.push(Issue::new(format!("findings of {rule}"), message));
        }
        if self.issues.left_out > 0 {
            let message = format!("{} further issues of files that were looked at are left out", self.issues.left_out);
            self.issues.kept.push(Issue::new("findings", message));
        }
        if self.rows_left_out > 0 {
            let message = format!("{} rows behind the first {ROWS} are left out", self.rows_left_out);
            self.issues.kept.push(Issue::new("the inventory", message));
        }
    }
}

/// Begins a finding about `key`, which tells it from others of its rule. Key and title are visible text.
pub(crate) fn finding(rule: &'static Rule, key: impl Into<String>, title: impl Into<String>) -> Finding {
    Finding {
        rule,
        severity: rule.severity,
        confidence: rule.confidence,
        question: rule.question,
        technique: rule.technique.into(),
        key: key.into(),
        title: cut(title.into()),
        explanation: String::new(),
        times: (None, None),
        evidence: Vec::new(),
        more_evidence: 0,
        indicators: Vec::new(),
    }
}

/// What is put into a finding, one thing after the other.
pub(crate) trait Building: Sized {
    /// What it means, in plain words, as visible text.
    fn explained(self, explanation: impl Into<String>) -> Self;
    /// Weighed otherwise than the rule says.
    fn weighed(self, severity: Severity, confidence: Confidence) -> Self;
    /// Answering this question by this technique, where the rule leaves that open.
    fn about(self, question: Option<Question>, technique: Option<&str>) -> Self;
    /// Between these times; told the wrong way round, as by inodes that changed before they were born, they are turned.
    fn between(self, first: Option<i64>, last: Option<i64>) -> Self;
    /// Between these times and this one.
    fn widened(self, time: Option<i64>) -> Self;
    /// Resting on an event of the store.
    fn event(self, event: i64, note: impl Into<String>) -> Self;
    /// Resting on a setting, or on its absence.
    fn setting(self, place: &config::Evidence, note: impl Into<String>) -> Self;
    /// Resting on a file or bytes of it.
    fn evidence(self, evidence: Evidence) -> Self;
    /// That may be found elsewhere by this.
    fn indicator(self, kind: &'static str, value: impl Into<String>) -> Self;
}

impl Building for Finding {
    fn explained(mut self, explanation: impl Into<String>) -> Self {
        self.explanation = cut(explanation.into());
        self
    }

    fn weighed(mut self, severity: Severity, confidence: Confidence) -> Self {
        (self.severity, self.confidence) = (severity, confidence);
        self
    }

    fn about(mut self, question: Option<Question>, technique: Option<&str>) -> Self {
        self.question = question.unwrap_or(self.question);
        if let Some(technique) = technique {
            self.technique = technique.to_owned().into();
        }
        self
    }

    fn between(mut self, first: Option<i64>, last: Option<i64>) -> Self {
        self.times = in_order(first, last);
        self
    }

    fn widened(mut self, time: Option<i64>) -> Self {
        self.times = widened(self.times, time);
        self
    }

    fn event(self, event: i64, note: impl Into<String>) -> Self {
        self.evidence(Evidence::Event { event, note: cut(note.into()) })
    }

    fn setting(self, place: &config::Evidence, note: impl Into<String>) -> Self {
        self.evidence(of_setting(place, note))
    }

    fn evidence(mut self, evidence: Evidence) -> Self {
        push_evidence(&mut self, evidence);
        self
    }

    fn indicator(mut self, kind: &'static str, value: impl Into<String>) -> Self {
        let indicator = Indicator { kind, value: value.into() };
        // Words that stand for an address are none.
        if matches!(kind, "ipv4" | "ipv6" | "domain") && indicator.value.contains(' ') {
            return self;
        }
        if !self.indicators.contains(&indicator) && self.indicators.len() < MANY_INDICATORS {
            self.indicators.push(indicator);
        }
        self
    }
}

/// The first and the last of these times.
pub(crate) fn widened((first, last): (Option<i64>, Option<i64>), time: Option<i64>) -> (Option<i64>, Option<i64>) {
    let all = || first.into_iter().chain(last).chain(time);
    (all().min(), all().max())
}

/// Two times, the earlier first.
fn in_order(first: Option<i64>, last: Option<i64>) -> (Option<i64>, Option<i64>) {
    if first.zip(last).is_some_and(|(first, last)| last < first) { (last, first) } else { (first, last) }
}

/// Adds evidence to a finding, or counts it if it has enough.
pub(crate) fn push_evidence(finding: &mut Finding, evidence: Evidence) {
    if finding.evidence.len() < EVIDENCE {
        finding.evidence.push(evidence);
    } else {
        finding.more_evidence = finding.more_evidence.saturating_add(1);
    }
}

/// Where a setting stands, as evidence.
pub(crate) fn of_setting(place: &config::Evidence, note: impl Into<String>) -> Evidence {
    let span = place.span.map(|(offset, length, line)| Span { offset, content_offset: None, length, line: Some(line) });
    Evidence::File {
        volume: place.place.map(|(volume, _)| volume),
        inode: place.place.map(|(_, inode)| inode),
        path: place.path.clone(),
        span,
        note: cut(note.into()),
    }
}

/// Whether every machine has a file of this path.
fn is_everybodys(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let settings =
        ["passwd", "shadow", "group", "gshadow", "sudoers", "aliases", "crontab", "environment", "hosts", "profile"];
    let of_account = [
        ".bash_history",
        ".zsh_history",
        ".mysql_history",
        ".psql_history",
        ".python_history",
        ".lesshst",
        ".viminfo",
        ".bashrc",
        ".bash_profile",
        ".bash_login",
        ".bash_logout",
        ".profile",
        ".zshrc",
        "authorized_keys",
        "known_hosts",
    ];
    path.starts_with("/var/log/")
        || of_account.contains(&name)
        || path.strip_prefix("/etc/").is_some_and(|name| settings.contains(&name.trim_end_matches('-')))
}

/// The kind of indicator that a network address is.
pub(crate) fn address_kind(address: &str) -> &'static str {
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => "ipv4",
        Ok(std::net::IpAddr::V6(_)) => "ipv6",
        Err(_) => "domain",
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    static RULE: Rule = Rule {
        id: "test.rule",
        question: Question::Entry,
        severity: Severity::Low,
        confidence: Confidence::Low,
        technique: "",
        next: "",
    };

    #[test]
    fn the_first_time_is_never_after_the_last() {
        let times = |first, last| finding(&RULE, "k", "t").between(first, last).times;
        assert_eq!(times(Some(9), Some(7)), (Some(7), Some(9)));
        assert_eq!(times(Some(7), Some(9)), (Some(7), Some(9)));
        let widened = |time| finding(&RULE, "k", "t").between(Some(7), Some(9)).widened(time).times;
        assert_eq!((widened(Some(3)), widened(Some(8))), ((Some(3), Some(9)), (Some(7), Some(9))));
        assert_eq!(widened(None), (Some(7), Some(9)));
        assert_eq!((times(None, Some(7)), times(Some(7), None)), ((None, Some(7)), (Some(7), None)));
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let mut found = Found::default();
        let many = (0..30).fold(finding(&RULE, "k", "t"), |finding, event| finding.event(event, ""));
        assert_eq!((many.evidence.len(), many.more_evidence), (20, 10));
        for _ in 0..1005 {
            found.add(many.clone());
        }
        found.end();
        assert_eq!((found.findings.len(), found.issues.len()), (1000, 1));
        assert_eq!(found.issues[0].message, "1005 findings, of which the first 1000 are kept");
    }
}
