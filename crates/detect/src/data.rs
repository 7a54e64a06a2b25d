//! Whether data were read out: dumps and full reads of tables, files fetched, answers far above the norm; and for what the logs
//! cannot tell it.

mod statement;
#[cfg(test)]
mod tests;

use crate::events::{each, text};
use crate::found::{Building as _, Found, address_kind, finding};
use crate::time::DAY;
use crate::{DetectError, Image};
use kanshiki_model::{Confidence, Finding, Question, Rule, Severity};
use statement::{Read, read};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The rules of this detector.
pub(crate) const RULES: &[&Rule] = &[&DUMP, &OUTFILE, &FULL_READ, &MANY_ROWS, &DOWNLOAD, &LARGE_ANSWER];

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

/// Rows sent at once from which on it is told.
const MANY: i64 = 10_000;

/// Findings that are kept.
const TOLD: usize = 2000;

/// Looks at all that tells of data going out.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    statements(image, found)?;
    fetched(image, found)?;
    answers(image, found)
}

/// What is known of one way of reading one table.
struct Reading {
    made: Finding,
    days: BTreeSet<i64>,
    times: u64,
    is_local: bool,
}

const STATEMENTS: &[&str] = &["database.query", "database.query-slow", "shell.sql", "database.table"];

/// Statements that read tables whole.
fn statements(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let columns = "e.id, e.time, coalesce(e.user, ''), coalesce(e.address, ''), coalesce(e.message, ''),
        coalesce(e.fields ->> 'rows_sent', 0), coalesce(e.fields ->> 'database', ''), k.name";
    let mut told: BTreeMap<(&'static str, String), Reading> = BTreeMap::new();
    each(image, STATEMENTS, columns, "", &mut |row| {
        let (event, time): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let (user, address, statement, database) = (text(row, 2), text(row, 3), text(row, 4), text(row, 6));
        let rows: i64 = row.get(5)?;
        let mut add = |rule: &'static Rule, key: String, title: String, explanation: String| {
            let key = (rule.id, key);
            if told.len() >= TOLD && !told.contains_key(&key) {
                return;
            }
            let is_local = matches!(address, "" | "localhost" | "127.0.0.1" | "::1");
            let reading = told.entry(key).or_insert_with_key(|(_, key)| {
                let made = finding(rule, key.as_str(), title).explained(explanation);
                let made = if is_local { made } else { made.indicator(address_kind(address), address) };
                Reading { made, days: BTreeSet::new(), times: 0, is_local }
            });
            reading.times = reading.times.saturating_add(1);
            if let Some(time) = time
                && reading.days.len() < 1000
            {
                reading.days.insert(time.div_euclid(DAY));
            }
            let made = reading.made.clone();
            let note = if database.is_empty() { String::new() } else { format!("in database {database}") };
            reading.made = made.widened(time).event(event, note);
        };
        let who = if address.is_empty() { user.to_owned() } else { format!("{user} from {address}") };
        match read(statement) {
            Some(Read::Dump { table, by }) => add(
                &DUMP,
                format!("{user} {address} {database} {table}"),
                format!("table {table} was dumped by {who}"),
                format!("The statement is that of {by}, which writes all rows of a table out."),
            ),
            Some(Read::Outfile { what }) => add(
                &OUTFILE,
                format!("{user} {address} {what}"),
                format!("rows were written to a file of the server by {who}: {what}"),
                "The statement makes the server itself write what it reads to a file.".to_owned(),
            ),
            Some(Read::Whole { table }) => add(
                &FULL_READ,
                format!("{user} {address} {database} {table}"),
                format!("table {table} was read whole by {who}"),
                "All columns were asked for, without a condition and without a limit.".to_owned(),
            ),
            None => {}
        }
        if rows >= MANY {
            add(
                &MANY_ROWS,
                format!("{user} {address} {database}"),
                format!("answers with many rows to {who}: {rows} and more"),
                format!("The log tells of answers with {MANY} rows and more."),
            );
        }
        Ok(())
    })?;
    told.into_values().for_each(|reading| found.add(weigh(reading)));
    Ok(())
}

/// What is done on many days by somebody on the machine is a backup or a program; what comes from elsewhere is not.
fn weigh(reading: Reading) -> Finding {
    let Reading { made, days, times, is_local } = reading;
    let is_usual = days.len() >= 3 && is_local || times >= 50 && made.rule.id == FULL_READ.id;
    let explanation = format!("{} It was done {times} times on {} days.", made.explanation, days.len().max(1));
    let made = made.explained(explanation);
    match (is_usual, is_local, made.rule.id == DUMP.id) {
        (true, ..) => made.weighed(Severity::Info, Confidence::Low),
        (_, false, true) => made.weighed(Severity::High, Confidence::Medium),
        (_, false, false) if made.rule.id == FULL_READ.id => made.weighed(Severity::Medium, Confidence::Low),
        _ => made,
    }
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

/// Bytes of an answer from which on it can be far above the norm.
const LARGE: i64 = 4 << 20;

/// Answers of web servers that are far larger than what the same page gives otherwise.
fn answers(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let columns = "e.id, e.time, coalesce(e.address, ''), coalesce(e.message, ''), coalesce(e.fields ->> 'path', ''),
        coalesce(e.fields ->> 'bytes', 0)";
    let mut pages: BTreeMap<String, (u64, i64, i64)> = BTreeMap::new();
    let mut large: Vec<(i64, Option<i64>, String, String, String, i64)> = Vec::new();
    each(image, &["web.request"], columns, "", &mut |row| {
        let bytes: i64 = row.get(5)?;
        let page = text(row, 4).split('?').next().unwrap_or_default();
        if pages.len() < 50_000 || pages.contains_key(page) {
            let (count, sum, most) = pages.entry(page.to_owned()).or_insert((0, 0, 0));
            *count = count.saturating_add(1);
            *sum = sum.saturating_add(bytes);
            *most = (*most).max(bytes);
        }
        if bytes >= LARGE && large.len() < 100_000 {
            let line: String = text(row, 3).chars().take(200).collect();
            large.push((row.get(0)?, row.get(1)?, text(row, 2).to_owned(), page.to_owned(), line, bytes));
        }
        Ok(())
    })?;
    let mut told: BTreeMap<(String, String), Finding> = BTreeMap::new();
    for (event, time, address, page, line, bytes) in large {
        let Some((count, sum, _)) = pages.get(&page) else { continue };
        let others = i64::try_from(*count).unwrap_or(i64::MAX).saturating_sub(1);
        let mean = sum.saturating_sub(bytes).checked_div(others).unwrap_or(0);
        // Files are as large at every time; a page that lists what it is asked for is not.
        let is_page = !has_file_ending(&page);
        if !is_page || others < 5 || bytes < mean.saturating_mul(20) {
            continue;
        }
        let key = (address.clone(), page.clone());
        let made = told.remove(&key).unwrap_or_else(|| {
            let title = format!("an answer of {bytes} bytes to {address}, where {mean} are usual: {page}");
            finding(&LARGE_ANSWER, format!("{address} {page}"), title)
                .explained("The page answered with twenty times and more of what it gives otherwise.")
                .indicator(address_kind(&address), &address)
        });
        told.insert(key, made.widened(time).event(event, line));
    }
    told.into_values().for_each(|made| found.add(made));
    Ok(())
}

fn has_file_ending(page: &str) -> bool {
    let endings = [
        ".zip", ".gz", ".iso", ".mp4", ".pdf", ".jpg", ".png", ".exe", ".deb", ".rpm", ".tar", ".webm", ".mp3", ".bin",
        ".img", ".xz",
    ];
    let page = page.to_ascii_lowercase();
    endings.iter().any(|ending| page.ends_with(ending))
}
