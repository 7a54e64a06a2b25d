//! Whether data were read out: dumps and full reads of tables, files fetched, answers far above the norm; and for what the logs
//! cannot tell it.

mod answers;
pub(crate) mod statement;
mod statements;
#[cfg(test)]
mod tests;

use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Finding, Question, Rule, Severity};
use std::collections::{BTreeMap, HashMap};

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] =
    &[&DUMP, &OUTFILE, &FULL_READ, &MANY_ROWS, &DOWNLOAD, &LARGE_ANSWER, &BACKUP_FETCHED];

static DUMP: Rule = Rule {
    id: "data.table-dumped",
    question: Question::ReadOut,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1213.006",
    next: "Compare with the times of the usual backups; look where the dump went: `kanshiki query --case DIR transfers`.",
};

static OUTFILE: Rule = Rule {
    id: "data.written-to-file",
    question: Question::ReadOut,
    severity: Severity::High,
    confidence: Confidence::High,
    technique: "T1213.006",
    next: "Look for the file, deleted or not, and for who fetched it. Such a statement can also write a page with code into the \
        folder of a web server.",
};

static FULL_READ: Rule = Rule {
    id: "data.table-read",
    question: Question::ReadOut,
    severity: Severity::Low,
    confidence: Confidence::Low,
    technique: "T1213.006",
    next: "Find out how many rows the table had then, and whether a program of the machine reads it so too.",
};

static MANY_ROWS: Rule = Rule {
    id: "data.many-rows",
    question: Question::ReadOut,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1213.006",
    next: "Find out which program asks so, and whether it did before.",
};

static DOWNLOAD: Rule = Rule {
    id: "data.fetched",
    question: Question::ReadOut,
    severity: Severity::Low,
    confidence: Confidence::High,
    technique: "T1048.003",
    next: "Take the files out of the image, if they are still there, and look at what they hold.",
};

static LARGE_ANSWER: Rule = Rule {
    id: "data.large-answer",
    question: Question::ReadOut,
    severity: Severity::Low,
    confidence: Confidence::Medium,
    technique: "T1048.003",
    next: "Look at what lies behind the address of the page, and who asked for it otherwise.",
};

static BACKUP_FETCHED: Rule = Rule {
    id: "data.backup-fetched",
    question: Question::ReadOut,
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    technique: "T1048.003",
    next: "Look at the file, if it is still there, and at what else these addresses asked for; take it out of the web server's reach.",
};

/// Rows sent at once from which on it is told.
const MANY: i64 = 10_000;

/// Findings that are kept.
const TOLD: usize = 2000;

/// Looks at all that tells of data going out.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    statements::find(image, found)?;
    fetched(image, found)?;
    answers::find(image, found)
}

/// Names of files that hold more than a page.
const PRECIOUS: &[&str] = &[
    ".sql", "dump", "backup", ".tar", ".tgz", ".zip", ".gz", ".7z", "passwd", "shadow", "id_rsa", ".kdbx", ".bak",
    "customer", ".csv", ".db", ".sqlite",
];

/// Processes of SFTP servers of which it is remembered whose they are.
const PROCESSES: usize = 100_000;

/// Files that were fetched over FTP and SFTP, by who and from where.
fn fetched(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let columns = "e.id, e.time, coalesce(e.user, ''), coalesce(e.address, ''), coalesce(e.fields ->> 'file', ''),
        coalesce(e.fields ->> 'bytes', 0), k.name, coalesce(e.pid, 0)";
    let kinds = &["ftp.download", "sftp.download", "sftp.session-opened"];
    let mut told: BTreeMap<(&'static str, String, String), Fetched> = BTreeMap::new();
    // The lines of an SFTP server name its process, and the first of them alone who it serves.
    let mut served: HashMap<i64, (String, String)> = HashMap::new();
    each(image, kinds, columns, "e.time, e.id", &mut |row| {
        let (event, time, process): (i64, Option<i64>, i64) = (row.get(0)?, row.get(1)?, row.get(7)?);
        let mut who = (text(row, 2).to_owned(), text(row, 3).to_owned());
        let protocol = if text(row, 6) == "ftp.download" { "ftp" } else { "sftp" };
        if text(row, 6) == "sftp.session-opened" {
            if served.len() < PROCESSES || served.contains_key(&process) {
                served.insert(process, who);
            }
            return Ok(());
        }
        if protocol == "sftp" {
            who = served.get(&process).cloned().unwrap_or_else(|| ("somebody".to_owned(), String::new()));
        }
        let key = (protocol, who.0, who.1);
        if told.len() < TOLD || told.contains_key(&key) {
            let fetched = told.entry(key).or_insert_with_key(Fetched::begin);
            fetched.take(event, time, text(row, 4), row.get(5)?);
        }
        Ok(())
    })?;
    for ((protocol, user, address), fetched) in told {
        let Fetched { mut made, files, bytes, is_precious } = fetched;
        let from = if address.is_empty() { String::new() } else { format!(" from {address}") };
        made.title = format!("{user} fetched {files} files over {protocol}{from}, {bytes} bytes");
        let made = made.explained("The log of the server tells each file and its size.");
        found.add(if is_precious { made.weighed(Severity::Medium, Confidence::Medium) } else { made });
    }
    Ok(())
}

/// What one account fetched from one address.
struct Fetched {
    made: Finding,
    files: u64,
    bytes: u64,
    is_precious: bool,
}

impl Fetched {
    fn begin((protocol, user, address): &(&'static str, String, String)) -> Self {
        let made = finding(&DOWNLOAD, format!("{protocol} {user} {address}"), "");
        let made = if address.is_empty() { made } else { made.indicator(address_kind(address), address) };
        Self { made, files: 0, bytes: 0, is_precious: false }
    }

    fn take(&mut self, event: i64, time: Option<i64>, file: &str, bytes: i64) {
        let name = file.to_ascii_lowercase();
        let is_precious = PRECIOUS.iter().any(|part| name.contains(part));
        let made = self.made.clone();
        // What is worth most stands first in the list.
        let made = if is_precious || self.files < 10 { made.event(event, format!("{bytes} bytes")) } else { made };
        self.made = made.widened(time);
        self.files = self.files.saturating_add(1);
        self.bytes = u64::try_from(bytes).unwrap_or(0).saturating_add(self.bytes);
        self.is_precious |= is_precious;
    }
}
