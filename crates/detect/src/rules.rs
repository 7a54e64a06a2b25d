//! Rules of the analyst and those that the program brings along: what they find in contents becomes findings.

#[cfg(test)]
mod tests;

use crate::Options;
use crate::contents::{Inspected, evidence};
use crate::found::{Building as _, Found, finding};
use crate::owned::Owned;
use kanshiki_model::{Confidence, Finding, Issue, Question, Rule, Severity, Span, visible};
use kanshiki_rules::yara::{LOOKED_AT, Match, Subject, Yara};
use std::collections::BTreeMap;

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&YARA];

/// Findings of one rule of a file that are kept; the rest is counted and told.
const OF_ONE_RULE: usize = 200;

static YARA: Rule = Rule {
    id: "rules.yara",
    question: Question::Ran,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "",
    next: "Read the rule, look at the bytes that it names with `kanshiki hexdump`, and compare the file with its original.",
};

/// Rules for contents, for one thread after the other.
#[derive(Debug, Clone)]
pub(crate) struct Scanners {
    /// Those of the program, for files that no package answers for.
    own: Option<Yara>,
    /// Those of the analyst, for all files.
    analyst: Option<Yara>,
}

impl Scanners {
    pub(crate) fn new(options: &Options) -> Self {
        Self { own: (!options.no_own_rules).then(Yara::own), analyst: options.yara.clone() }
    }

    /// Whether files that a package answers for are looked at too.
    pub(crate) const fn want_all(&self) -> bool {
        self.analyst.is_some()
    }

    /// What fits a file that begins with these bytes and is so long; own rules look at what nobody answers for.
    pub(crate) fn scan(
        &self,
        subject: &Subject<'_>,
        bytes: &[u8],
        size: u64,
        is_for_own: bool,
        issues: &mut Vec<Issue>,
    ) -> Vec<Match> {
        let mut matches = Vec::new();
        if let Some(mut own) = self.own.clone().filter(|_| is_for_own) {
            let scanned = own.scan(subject, bytes);
            matches.extend(scanned.matches);
            issues.extend(scanned.incomplete.map(|why| Issue::new(visible(subject.path), format!("own rules: {why}"))));
        }
        if let Some(mut analyst) = self.analyst.clone() {
            let scanned = analyst.scan(subject, bytes);
            matches.extend(scanned.matches);
            issues.extend(scanned.incomplete.map(|why| Issue::new(visible(subject.path), format!("rules: {why}"))));
            if usize::try_from(size).map_or(true, |size| size > LOOKED_AT) {
                let message = format!("rules have seen the first {LOOKED_AT} of its {size} bytes");
                issues.push(Issue::new(visible(subject.path), message));
            }
        }
        matches
    }
}

/// The beginning of a file as rules see it: in one piece.
#[derive(Debug, Default)]
pub(crate) struct Whole(Vec<u8>);

impl Whole {
    /// Adds the next bytes of a file of this length, as far as rules look.
    pub(crate) fn add(&mut self, bytes: &[u8], length: u64) {
        if self.0.capacity() == 0 {
            self.0.reserve_exact(usize::try_from(length).unwrap_or(LOOKED_AT).min(LOOKED_AT));
        }
        let room = LOOKED_AT.saturating_sub(self.0.len());
        self.0.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// How many findings of rules are kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// How many files each rule fits, by the names of its file and of itself.
    counts: BTreeMap<(String, String), usize>,
}

impl Kept {
    /// Whether what a rule has found is kept: a rule that fits everything leaves room for the others.
    pub(crate) fn keeps(&mut self, it: &Match) -> bool {
        let count = self.counts.entry((it.file.clone(), it.rule.clone())).or_default();
        *count = count.saturating_add(1);
        *count <= OF_ONE_RULE
    }

    /// Tells what was left out.
    pub(crate) fn end(&self, found: &mut Found) {
        for ((file, rule), count) in self.counts.iter().filter(|(_, count)| **count > OF_ONE_RULE) {
            let message = format!("it fits {count} files, of which the first {OF_ONE_RULE} are told");
            found.issues.push(Issue::new(format!("rule {rule} of {file}"), message));
        }
    }
}

/// What a rule found in a file.
pub(crate) fn report(it: &Match, inspected: &Inspected, owned: &Owned) -> Finding {
    let shown = visible(&inspected.path);
    let what = it.description.as_deref().unwrap_or("A rule fits");
    let key = format!("{} {} {shown}", it.file, it.rule);
    let mut made = finding(&YARA, key, format!("{what} ({}): {shown}", it.rule))
        .explained(explanation(it, &owned.of(&inspected.path).belongs()))
        .weighed(it.severity.unwrap_or(YARA.severity), YARA.confidence)
        .about(it.question, it.technique.as_deref())
        .indicator("path", &shown);
    if let Some(digest) = &inspected.digest {
        made = made.indicator("sha256", digest);
    }
    if it.places.is_empty() {
        made = made.evidence(evidence(inspected, None, ""));
    }
    for place in &it.places {
        let span = Span { offset: place.offset, content_offset: None, length: place.length, line: None };
        made = made.evidence(evidence(inspected, Some(span), &place.string));
    }
    made.more_evidence = made.more_evidence.saturating_add(it.more_places);
    made
}

/// What a rule says of itself, and whose the file is.
fn explanation(it: &Match, owner: &str) -> String {
    let mut said = format!("Rule `{}` of `{}`", it.rule, it.file);
    let parts = [("by", it.author.as_deref()), ("see", it.reference.as_deref())];
    for (word, part) in parts {
        if let Some(part) = part {
            said.push_str(&format!(", {word} {part}"));
        }
    }
    if !it.tags.is_empty() {
        said.push_str(&format!(", tagged {}", it.tags.join(" ")));
    }
    said.push_str(&format!(". The file {owner}."));
    said
}
