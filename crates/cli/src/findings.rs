//! `kanshiki findings`: what an examination concludes, question by question, and what the analyst says of it.

mod gone;
mod indicators;
mod show;
mod verdict;

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use clap::builder::PossibleValuesParser;
use clap::{Subcommand, ValueEnum};
pub(crate) use gone::Findings;
pub(crate) use indicators::IocsArguments;
use kanshiki_custody::case::EVENTS;
use kanshiki_model::{Issue, Question, Severity, visible_text};
use kanshiki_store::{Reader, StoredFinding};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use verdict::VerdictArguments;

pub(crate) use indicators::run as run_iocs;

const AFTER_HELP: &str = "\
Findings are made by `kanshiki examine`, and made anew when it runs again; what is said of them is
kept. Each has a name, by which it is accepted, rejected or given a note. Those of severity high and
medium are told in full, the others in a line: --full tells all. What was rejected is left out,
unless --all is given.

Questions: entry, ran, persists, changed, hidden, read-out, onward, holes, unknown.

Exit codes: 0 done; 3 done, but an examination did not come to its end; 4 not done.

Examples:
  kanshiki findings --case cases/2026-014
  kanshiki findings --case cases/2026-014 --question entry --severity medium --full
  kanshiki findings --rules
  kanshiki findings accept 3f9a0c71d2e4 --case cases/2026-014 --examiner 'A. Mori' --note 'seen in vsftpd.log'
  kanshiki findings reject 77b1e09a4c55 --case cases/2026-014 --note 'the backup server'";

/// Show what an examination concludes, by the questions of an investigator; accept, reject and note
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
pub(crate) struct FindingsArguments {
    #[command(subcommand)]
    verdict: Option<VerdictVerb>,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Subcommand)]
enum VerdictVerb {
    /// Say that a finding is right
    Accept(VerdictArguments),
    /// Say that a finding is wrong, or harmless; it is left out from then on
    Reject(VerdictArguments),
    /// Say something about a finding
    Note(VerdictArguments),
}

#[derive(Debug, clap::Args)]
struct ListArguments {
    /// Case folder
    #[arg(long, value_name = "DIR", required_unless_present = "rules")]
    case: Option<PathBuf>,
    /// List the rules: name, severity, question, technique of MITRE ATT&CK
    #[arg(long, conflicts_with = "case")]
    rules: bool,
    /// Only what answers this question; may be given again
    #[arg(long, value_name = "QUESTION", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(Question::ALL.iter().map(|it| it.name())))]
    question: Vec<String>,
    /// Only from this severity on: info, low, medium or high
    #[arg(long, value_name = "SEVERITY", default_value = "info", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(Severity::ALL.iter().map(|it| it.name())))]
    severity: String,
    /// Only of this rule or source of rules, as access.brute-force or access; may be given again
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Only of the exhibit of this name
    #[arg(long, value_name = "NAME")]
    exhibit: Option<String>,
    /// What was rejected too
    #[arg(long)]
    all: bool,
    /// Every finding in full
    #[arg(long, conflicts_with = "brief")]
    full: bool,
    /// Every finding in a line
    #[arg(long)]
    brief: bool,
    #[command(flatten)]
    rows: RowsArguments,
}

impl FindingsArguments {
    /// Whether results and failures are for programs.
    pub(crate) const fn wants_json(&self) -> bool {
        match &self.verdict {
            Some(VerdictVerb::Accept(verdict) | VerdictVerb::Reject(verdict) | VerdictVerb::Note(verdict)) => {
                verdict.wants_json()
            }
            None => self.list.rows.jsonl,
        }
    }
}

/// How much is told of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Length {
    Full,
    Line,
}

impl ListArguments {
    fn wants(&self, finding: &StoredFinding) -> bool {
        let least = Severity::of_name(&self.severity).unwrap_or(Severity::Info);
        let is_rejected = finding.verdict.as_ref().is_some_and(|it| it.verdict == "rejected");
        severity(finding) >= least
            && (self.question.is_empty() || self.question.contains(&finding.question))
            && (self.rule.is_empty() || self.rule.iter().any(|name| is_of(&finding.rule, name)))
            && self.exhibit.as_ref().is_none_or(|name| finding.exhibit == *name)
            && (self.all || !is_rejected)
    }

    fn length(&self, finding: &StoredFinding) -> Length {
        if self.full || (!self.brief && severity(finding) >= Severity::Medium) { Length::Full } else { Length::Line }
    }
}

/// How much a finding matters; one of a store from elsewhere that says something else is taken for a fact.
fn severity(finding: &StoredFinding) -> Severity {
    Severity::of_name(&finding.severity).unwrap_or(Severity::Info)
}

/// Opens the store of a case for its findings.
fn open(case: &Path) -> Result<Reader, Failure> {
    let reader = Reader::open(&case.join(EVENTS))
        .map_err(|error| Failure::of(&error).hint("`kanshiki examine IMAGE --case DIR` makes it"))?;
    if reader.has_findings().map_err(|error| Failure::of(&error))? {
        return Ok(reader);
    }
    let failure = Failure::new("the store of this case was made by an older version, which made no findings");
    Err(failure.hint("`kanshiki examine` of the same image again makes them"))
}

/// Runs the verb.
pub(crate) fn run(arguments: &FindingsArguments, console: &Console) -> Result<Exit, Failure> {
    match &arguments.verdict {
        Some(VerdictVerb::Accept(of)) => verdict::enter(of, "accepted", console),
        Some(VerdictVerb::Reject(of)) => verdict::enter(of, "rejected", console),
        Some(VerdictVerb::Note(of)) => verdict::enter(of, "noted", console),
        None => list(&arguments.list, console),
    }
}

/// The rules that findings are made by.
fn list_rules(arguments: &ListArguments, console: &Console) -> Result<Exit, Failure> {
    let mut output = Output::new(arguments.rows, console)?;
    for rule in kanshiki_detect::rules() {
        let (severity, confidence, question) = (rule.severity.name(), rule.confidence.name(), rule.question.name());
        if output.is_json() {
            let object = serde_json::json!({
                "rule": rule.id, "severity": severity, "confidence": confidence, "question": question,
                "technique": rule.technique, "next": rule.next,
            });
            output.object("rule", &object)?;
        } else {
            output.line(&format!("{:<34} {severity:<7} {question:<9} {}", rule.id, rule.technique))?;
        }
    }
    output.finish()
}

/// Refuses names of rules and exhibits that there are none of: an empty answer would mean that nothing was found.
fn check(arguments: &ListArguments, exhibits: &[String], findings: &[StoredFinding]) -> Result<(), Failure> {
    let rules = kanshiki_detect::rules();
    let rules = rules.iter().map(|rule| rule.id).chain(findings.iter().map(|finding| finding.rule.as_str()));
    let rules: BTreeSet<&str> = rules.collect();
    if let Some(name) = arguments.rule.iter().find(|name| !rules.iter().any(|rule| is_of(rule, name))) {
        let failure = Failure::new(format!("there is no rule or source of rules {}", visible_text(name)));
        return Err(failure.hint("`kanshiki findings --rules` lists them"));
    }
    match &arguments.exhibit {
        Some(name) if !exhibits.contains(name) => {
            let failure = Failure::new(format!("the case has no exhibit {}", visible_text(name)));
            Err(failure.hint(format!("its exhibits: {}", exhibits.join(", "))))
        }
        _ => Ok(()),
    }
}

/// Whether a rule has this name, or is of the source of this name.
fn is_of(rule: &str, name: &str) -> bool {
    rule.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn list(arguments: &ListArguments, console: &Console) -> Result<Exit, Failure> {
    if arguments.rules {
        return list_rules(arguments, console);
    }
    let Some(case) = &arguments.case else { return Err(Failure::new("there is no case").exit(Exit::CommandLine)) };
    let reader = open(case)?;
    let mut output = Output::new(arguments.rows, console)?;
    crate::events::tell_if_unfinished(&reader, case, &mut output)?;
    let exhibits = reader.exhibits().map_err(|error| Failure::of(&error))?;
    let subject = || kanshiki_model::visible_path(case);
    if exhibits.is_empty() {
        output.issue(&Issue::new(subject(), "nothing was examined in this case, so that there are no findings"))?;
    }
    for name in reader.without_findings().map_err(|error| Failure::of(&error))? {
        let what = "its examination did not come to its end, so that findings are missing, or older than what is there: the \
            same `kanshiki examine` again makes them";
        output.issue(&Issue::new(format!("exhibit {name}"), what))?;
    }
    let mut findings = reader.findings().map_err(|error| Failure::of(&error))?;
    check(arguments, &exhibits, &findings)?;
    let total = findings.len();
    findings.retain(|finding| arguments.wants(finding));
    // By question, and within it the gravest first; those that are as grave in the order of time.
    let place = |finding: &StoredFinding| Question::of_name(&finding.question).unwrap_or(Question::Unknown);
    findings.sort_by_key(|finding| {
        let time = finding.first.unwrap_or(i64::MAX);
        (place(finding), std::cmp::Reverse(severity(finding)), time, finding.id)
    });
    if output.is_json() {
        for finding in &findings {
            let evidence = reader.evidence_of(finding.id).map_err(|error| Failure::of(&error))?;
            output.object("finding", &show::object(finding, &evidence))?;
        }
        return output.finish();
    }
    let mut shown = show::Shown { reader: &reader, output: &mut output, has_several: exhibits.len() > 1 };
    for question in Question::ALL {
        if !arguments.question.is_empty() && !arguments.question.iter().any(|it| it == question.name()) {
            continue;
        }
        let of_it: Vec<&StoredFinding> = findings.iter().filter(|finding| place(finding) == *question).collect();
        shown.question(*question, &of_it, &|finding| arguments.length(finding))?;
    }
    output.line(&format!("{} of {total} findings", findings.len()))?;
    output.finish()
}
