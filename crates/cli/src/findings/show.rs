//! Findings for people and for programs.

use super::{Length, severity};
use crate::failure::{Failure, harmless};
use crate::output::Output;
use kanshiki_model::{Question, Severity, Timestamp};
use kanshiki_store::{Reader, StoredEvidence, StoredFinding};
use serde_json::{Value, json};

/// Characters of a line of text.
const WIDTH: usize = 92;

/// Shows findings to people.
pub(super) struct Shown<'o> {
    pub(super) reader: &'o Reader,
    pub(super) output: &'o mut Output,
    /// Whether the case has several exhibits, so that findings have to say of which they are.
    pub(super) has_several: bool,
}

impl Shown<'_> {
    /// A question with what answers it.
    pub(super) fn question(
        &mut self,
        question: Question,
        findings: &[&StoredFinding],
        length: &dyn Fn(&StoredFinding) -> Length,
    ) -> Result<(), Failure> {
        self.output.painted_line(("", question.words(), ""), |paint, words| paint.strong(words))?;
        if findings.is_empty() {
            self.output.line("  nothing was found")?;
        }
        for finding in findings {
            match length(finding) {
                Length::Line => self.heading(finding)?,
                Length::Full => self.full(finding)?,
            }
        }
        self.output.line("")
    }

    fn heading(&mut self, finding: &StoredFinding) -> Result<(), Failure> {
        let word = format!("{:<6}", finding.severity);
        let exhibit = if self.has_several { format!("{}: ", finding.exhibit) } else { String::new() };
        let verdict = finding.verdict.as_ref().map_or_else(String::new, |it| format!(" [{}]", it.verdict));
        let rest = format!("  {}  {exhibit}{}{verdict}", finding.name, finding.title);
        let severity = severity(finding);
        self.output.painted_line(("  ", &word, &rest), |paint, word| match severity {
            Severity::High => paint.bad(word),
            Severity::Medium => paint.warning(word),
            _ => word.to_owned(),
        })
    }

    fn full(&mut self, finding: &StoredFinding) -> Result<(), Failure> {
        self.heading(finding)?;
        let mut facts = vec![times(finding), format!("confidence {}", finding.confidence)];
        facts.extend(finding.technique.as_ref().map(|technique| format!("ATT&CK {technique}")));
        facts.push(finding.rule.clone());
        self.part(None, &facts.into_iter().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(", "))?;
        self.part(None, &finding.explanation)?;
        if let Some(verdict) = &finding.verdict {
            let note = verdict.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
            let time = utc(verdict.time);
            self.part(Some("verdict"), &format!("{} by {} at {time}{note}", verdict.verdict, verdict.who))?;
        }
        let evidence = self.reader.evidence_of(finding.id).map_err(|error| Failure::of(&error))?;
        for (number, evidence) in evidence.iter().enumerate() {
            self.part(Some(if number == 0 { "evidence" } else { "" }), &place(evidence))?;
        }
        if finding.more_evidence > 0 {
            self.part(Some(""), &format!("and {} more", finding.more_evidence))?;
        }
        self.part(Some("next"), &finding.next)
    }

    /// A text behind its label, or a further one below it if the label is empty, in lines that fit; without a label it stands
    /// below the title.
    fn part(&mut self, label: Option<&str>, text: &str) -> Result<(), Failure> {
        let indent = if label.is_some() { 20 } else { 10 };
        let mut line = format!("{:10}{:<width$}", "", label.unwrap_or_default(), width = indent - 10);
        let mut used = 0;
        for word in text.split(' ') {
            let length = word.chars().count();
            if used > 0 && used + length > WIDTH - indent {
                self.output.line(line.trim_end())?;
                line = " ".repeat(indent);
                used = 0;
            }
            line.push_str(word);
            line.push(' ');
            used += length + 1;
        }
        self.output.line(line.trim_end())
    }
}

/// The times that a finding concerns, in words.
fn times(finding: &StoredFinding) -> String {
    match (finding.first, finding.last) {
        (Some(first), Some(last)) if utc(first) != utc(last) => format!("{} to {}", utc(first), utc(last)),
        (Some(time), _) | (None, Some(time)) => utc(time),
        (None, None) => String::new(),
    }
}

fn utc(time: i64) -> String {
    Timestamp::from_nanoseconds(time.div_euclid(1_000_000_000).saturating_mul(1_000_000_000)).to_string()
}

/// Where evidence lies and what it shows.
fn place(evidence: &StoredEvidence) -> String {
    let volume = evidence.volume.as_ref().filter(|it| !it.is_empty()).map_or_else(String::new, |it| format!("{it}:"));
    let path = match (&evidence.path, evidence.inode) {
        (Some(path), _) => path.clone(),
        (None, Some(inode)) => format!("inode {inode}"),
        (None, None) => String::new(),
    };
    let at = match (evidence.line, evidence.offset) {
        (Some(line), _) => format!(" line {line}"),
        (None, Some(offset)) => format!(" byte {offset}"),
        (None, None) => String::new(),
    };
    let note = if evidence.note.is_empty() { String::new() } else { format!(", {}", evidence.note) };
    let message = evidence.message.as_ref().map_or_else(String::new, |message| format!(": {message}"));
    harmless(&format!("{volume}{path}{at}{note}{message}"))
}

/// A finding as an object.
pub(super) fn object(finding: &StoredFinding, evidence: &[StoredEvidence]) -> Value {
    let time = |time: Option<i64>| time.map(|time| Timestamp::from_nanoseconds(time).to_string());
    let evidence: Vec<Value> = evidence
        .iter()
        .map(|it| {
            json!({
                "event": it.event, "time": time(it.time), "volume": it.volume, "path": it.path, "inode": it.inode,
                "offset": it.offset, "length": it.length, "line": it.line, "message": it.message, "note": it.note,
            })
        })
        .collect();
    let verdict = finding
        .verdict
        .as_ref()
        .map(|it| json!({ "verdict": it.verdict, "note": it.note, "who": it.who, "time": time(Some(it.time)) }));
    json!({
        "name": finding.name, "exhibit": finding.exhibit, "question": finding.question, "severity": finding.severity,
        "confidence": finding.confidence, "rule": finding.rule, "technique": finding.technique, "title": finding.title,
        "explanation": finding.explanation, "next": finding.next, "first": time(finding.first), "last": time(finding.last),
        "evidence": evidence, "more_evidence": finding.more_evidence, "verdict": verdict,
    })
}
