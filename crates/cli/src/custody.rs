//! `kanshiki custody`: reads, continues and checks the chain of custody.

use crate::clock::SystemClock;
use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use clap::{Subcommand, ValueEnum};
use kanshiki_custody::log::{Act, ActKind, CustodyLog, Entry, LogCheck, LogVerdict};
use kanshiki_custody::{Case, CustodyError};
use serde_json::{Value, json};
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Each act is a file of its own in CASE/custody that holds the SHA-256 of the file before it;
CASE/verify.sh checks the chain with sha256sum alone.

Examples:
  kanshiki custody log --case cases/2026-014
  kanshiki custody note 'sealed in bag 4711' --case cases/2026-014 --examiner 'A. Mori'
  kanshiki custody add --act handed-over --to 'B. Okafor' --case cases/2026-014
  kanshiki custody check --case cases/2026-014";

/// Read, continue or check the chain of custody of a case
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
pub(crate) struct CustodyArguments {
    /// What to do
    #[command(subcommand)]
    verb: CustodyVerb,
}

#[derive(Debug, Subcommand)]
enum CustodyVerb {
    /// Show every act with its time, person and subjects; exit code 3 if the log is not what was written
    Log(CaseArguments),
    /// Add a note; the log is continued, never changed
    Note {
        /// What is to be remembered
        #[arg(value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        text: String,
        /// Who notes it
        #[arg(long, value_name = "NAME")]
        examiner: Option<String>,
        #[command(flatten)]
        case: CaseArguments,
    },
    /// Add an act that the program cannot see: the case was copied, handed over, closed, or opened again
    Add {
        /// The act: copied, handed-over, closed or opened
        #[arg(long, value_enum, value_name = "ACT", hide_possible_values = true)]
        act: ActChoice,
        /// What was done
        #[arg(long, value_name = "TEXT")]
        text: Option<String>,
        /// Who got the case or the copy, or where it went
        #[arg(long, value_name = "NAME", required_if_eq_any = [("act", "handed-over"), ("act", "copied")])]
        to: Option<String>,
        /// Who did it
        #[arg(long, value_name = "NAME")]
        examiner: Option<String>,
        #[command(flatten)]
        case: CaseArguments,
    },
    /// Check that no act was changed, removed, added or cut off; exit code 0 intact, 1 differs, 4 no answer
    Check(CaseArguments),
}

#[derive(Debug, clap::Args)]
struct CaseArguments {
    /// Case folder
    #[arg(long = "case", value_name = "DIR")]
    path: PathBuf,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// The acts that people tell; the others are entered by the work itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ActChoice {
    Copied,
    HandedOver,
    Closed,
    Opened,
}

impl From<ActChoice> for ActKind {
    fn from(choice: ActChoice) -> Self {
        match choice {
            ActChoice::Copied => Self::Copied,
            ActChoice::HandedOver => Self::HandedOver,
            ActChoice::Closed => Self::Closed,
            ActChoice::Opened => Self::Opened,
        }
    }
}

impl CustodyArguments {
    /// Whether results and failures are for programs.
    pub(crate) const fn wants_json(&self) -> bool {
        match &self.verb {
            CustodyVerb::Log(case) | CustodyVerb::Check(case) => case.json,
            CustodyVerb::Note { case, .. } | CustodyVerb::Add { case, .. } => case.json,
        }
    }
}

/// Runs the verb.
pub(crate) fn run(arguments: CustodyArguments, console: &Console) -> Result<Exit, Failure> {
    match arguments.verb {
        CustodyVerb::Log(case) => show(&case, console),
        CustodyVerb::Note { text, examiner, case } => add(ActKind::Note, text, examiner, &case, console),
        CustodyVerb::Add { act, text, to, examiner, case } => {
            let what = sentence(act.into(), text, to);
            add(act.into(), what, examiner, &case, console)
        }
        CustodyVerb::Check(case) => check(&case, console),
    }
}

fn open(case: &CaseArguments) -> Result<CustodyLog, Failure> {
    let failure = |error: CustodyError| Failure::of(&error);
    CustodyLog::open(&Case::open(&case.path).map_err(failure)?).map_err(failure)
}

/// What was done, in one text: `handed over to B. Okafor: disk and copy`.
fn sentence(act: ActKind, text: Option<String>, to: Option<String>) -> String {
    let mut sentence = act.name().replace('-', " ");
    if let Some(to) = to {
        sentence.push_str(&format!(" to {to}"));
    }
    if let Some(text) = text {
        sentence.push_str(&format!(": {text}"));
    }
    sentence
}

fn add(
    kind: ActKind,
    what: String,
    examiner: Option<String>,
    case: &CaseArguments,
    console: &Console,
) -> Result<Exit, Failure> {
    let who = examiner.unwrap_or_else(|| "not told".to_owned());
    let tool = format!("kanshiki {}", crate::arguments::VERSION);
    let act = Act { kind, who, what, subjects: Vec::new(), tool };
    let entry = open(case)?.append(act, &SystemClock).map_err(|error| Failure::of(&error))?;
    if case.json {
        console.json(&json!({ "schema": 1, "entry": entry }))?;
    } else {
        console.result(&format!("entry {} added: {}\n", entry.sequence, line(&entry)))?;
    }
    Ok(Exit::Done)
}

fn show(case: &CaseArguments, console: &Console) -> Result<Exit, Failure> {
    let log = open(case)?;
    let entries = log.entries().map_err(|error| Failure::of(&error))?;
    let check = log.check().map_err(|error| Failure::of(&error))?;
    let unread = entries.iter().any(|(_, entry)| entry.is_err());
    let exit = if unread || check.verdict() != LogVerdict::Intact { Exit::Part } else { Exit::Done };
    if case.json {
        let entries: Vec<Value> = entries
            .iter()
            .map(|(number, entry)| match entry {
                Ok(entry) => json!(entry),
                Err(error) => json!({ "sequence": number, "error": error.to_string() }),
            })
            .collect();
        console.json(&json!({
            "schema": 1,
            "exit_code": exit.code(),
            "entries": entries,
            "problems": check.problems,
            "unreadable": check.unreadable,
            "newer": check.newer,
        }))?;
    } else {
        for (number, entry) in &entries {
            console.result(&match entry {
                Ok(entry) => shown(*number, entry, console.out()),
                Err(error) => {
                    let label = console.out().bad("cannot be read");
                    format!("{number:>8}  {label}: {}\n", harmless(&error.to_string()))
                }
            })?;
        }
        console.result(&doubts(&check, console.out()))?;
    }
    Ok(exit)
}

/// What speaks against the log as it was shown; nothing if nothing does.
fn doubts(check: &LogCheck, paint: Paint) -> String {
    let answer = match check.verdict() {
        LogVerdict::Intact => return String::new(),
        LogVerdict::Differs => paint.bad("DIFFERS: the log is not what was written"),
        LogVerdict::CannotJudge => paint.bad("not everything could be judged"),
    };
    let mut text = format!("{answer} (exit code 3); see `kanshiki custody check`\n");
    for line in check.problems.iter().chain(&check.unreadable).chain(&check.newer) {
        text.push_str(&format!("  ! {}\n", harmless(line)));
    }
    text
}

fn line(entry: &Entry) -> String {
    harmless(&format!("{}  {}  by {}", entry.time, entry.act.name(), entry.who))
}

fn shown(number: u64, entry: &Entry, paint: Paint) -> String {
    let mut text = format!("{number:>8}  {}\n", paint.strong(&line(entry)));
    text.push_str(&format!("          {}\n", harmless(&entry.what)));
    for subject in &entry.subjects {
        text.push_str(&format!("          {}  {}\n", harmless(&subject.sha256), harmless(&subject.name)));
    }
    text
}

fn check(case: &CaseArguments, console: &Console) -> Result<Exit, Failure> {
    let check = open(case)?.check().map_err(|error| Failure::of(&error))?;
    let (word, exit) = match check.verdict() {
        LogVerdict::Intact => ("intact", Exit::Done),
        LogVerdict::Differs => ("differs", Exit::No),
        LogVerdict::CannotJudge => ("impossible", Exit::NotDone),
    };
    if case.json {
        console.json(&json!({
            "schema": 1,
            "verdict": word,
            "exit_code": exit.code(),
            "entries": check.entries,
            "head": check.head,
            "problems": check.problems,
            "notes": check.notes,
            "unreadable": check.unreadable,
            "newer": check.newer,
        }))?;
    } else {
        console.result(&check_text(&check, console.out()))?;
    }
    Ok(exit)
}

fn check_text(check: &LogCheck, paint: Paint) -> String {
    let answer = match check.verdict() {
        LogVerdict::Intact => paint.good("intact: every act is there, in its place and unchanged"),
        LogVerdict::Differs => paint.bad("DIFFERS: the log is not what was written (exit code 1)"),
        LogVerdict::CannotJudge => paint.bad("no answer: not everything could be judged (exit code 4)"),
    };
    let mut text = format!("{answer}\n  entries  {}\n", check.entries);
    if let Some(head) = &check.head {
        text.push_str(&format!("  head     {}\n", harmless(head)));
    }
    let lists =
        [("!", &check.problems), ("unreadable:", &check.unreadable), ("newer:", &check.newer), ("note:", &check.notes)];
    for (mark, lines) in lists {
        lines.iter().for_each(|line| text.push_str(&format!("  {mark} {}\n", harmless(line))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_told_in_one_sentence() {
        let what = sentence(ActKind::HandedOver, Some("disk and copy".to_owned()), Some("B. Okafor".to_owned()));
        assert_eq!(what, "handed over to B. Okafor: disk and copy");
        assert_eq!(sentence(ActKind::Closed, None, None), "closed");
    }
}
