//! What the verbs write that list many things: rows on standard output, issues on standard error or among the rows.

use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::failure::{Failure, harmless};
use crate::json::json_text;
use kanshiki_model::{Issue, Note, is_hidden};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd as _;

/// The number of the form in which JSON lines are written; see docs/browse-json.md.
const SCHEMA: u32 = 1;

/// How rows are written.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct RowsArguments {
    /// One JSON object a line on standard output; its fields stand in docs/browse-json.md
    #[arg(long, visible_alias = "json")]
    pub(crate) jsonl: bool,
}

/// Takes rows and issues and writes them, readable or as JSON lines. Memory stays flat however many there are.
pub(crate) struct Output {
    rows: BufWriter<Box<dyn Write + Send>>,
    notes: Box<dyn Write + Send>,
    json: bool,
    issues: u64,
    no: bool,
    issues_are_rows: bool,
    /// The colours of rows, and of what is told beside them.
    paint: (Paint, Paint),
    /// What is told at the end: damage that was noticed on the way.
    noticed: Option<Noticed>,
}

/// Gives the damage that was noticed since it was last asked.
type Noticed = Box<dyn Fn() -> Vec<Issue> + Send>;

#[derive(Serialize)]
struct Line<'a, T> {
    schema: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

#[derive(Serialize)]
struct NoteLine<'a> {
    subject: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct End {
    exit_code: u8,
    issues: u64,
}

impl Output {
    /// Writes to standard output and standard error.
    pub(crate) fn new(rows: RowsArguments, console: &Console) -> Result<Self, Failure> {
        let output = Self::to(Box::new(standard_output()?), Box::new(io::stderr()), rows.jsonl);
        Ok(Self { paint: (console.out(), console.err()), ..output })
    }

    /// Writes rows and notes to these.
    pub(crate) fn to(rows: Box<dyn Write + Send>, notes: Box<dyn Write + Send>, json: bool) -> Self {
        Self {
            rows: BufWriter::with_capacity(1 << 16, rows),
            notes,
            json,
            issues: 0,
            no: false,
            issues_are_rows: false,
            paint: (Paint::default(), Paint::default()),
            noticed: None,
        }
    }

    /// Lets damage be told at the end that nobody knows of before.
    pub(crate) fn tell_at_end(&mut self, noticed: impl Fn() -> Vec<Issue> + Send + 'static) {
        self.noticed = Some(Box::new(noticed));
    }

    /// Whether rows are JSON lines.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a line for people. What comes from evidence must have been made visible before; what still is not is made so
    /// here, tabs excepted.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        let written = if line.chars().any(|character| is_hidden(character) && character != '\t') {
            let parts: Vec<String> = line.split('\t').map(harmless).collect();
            self.rows.write_all(parts.join("\t").as_bytes())
        } else {
            self.rows.write_all(line.as_bytes())
        };
        written.and_then(|()| self.rows.write_all(b"\n")).map_err(|error| cannot_write(&error))
    }

    /// Writes a line like [`Self::line`] of which one part, such as a name, may have a colour.
    pub(crate) fn painted_line(
        &mut self,
        (before, part, after): (&str, &str, &str),
        paint: impl Fn(Paint, &str) -> String,
    ) -> Result<(), Failure> {
        // Colours are escape sequences themselves, so all else is made harmless before they are put in.
        let line = [harmless(before), paint(self.paint.0, &harmless(part)), harmless(after), "\n".to_owned()].concat();
        self.bytes(line.as_bytes())
    }

    /// The colours of rows.
    pub(crate) const fn paint(&self) -> Paint {
        self.paint.0
    }

    /// Writes bytes as they are: the content of a file.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.rows.write_all(bytes).map_err(|error| cannot_write(&error))
    }

    /// Writes an object on a line of its own, with `schema` and `type` before its fields.
    pub(crate) fn object(&mut self, kind: &'static str, body: &impl Serialize) -> Result<(), Failure> {
        let line = object_line(kind, body)?;
        self.rows.write_all(line.as_bytes()).map_err(|error| cannot_write(&error))
    }

    /// Tells that something is damaged, unreadable or not known; the verb then ends with 3.
    pub(crate) fn issue(&mut self, issue: &Issue) -> Result<(), Failure> {
        self.issues = self.issues.saturating_add(1);
        if self.json {
            return self.object("issue", issue);
        }
        if self.issues_are_rows {
            return self.line(&harmless(&issue.to_string()));
        }
        // Rows before the issue are shown before it, where both go to one terminal.
        self.flush()?;
        // There is nobody to tell if that fails.
        let _ = self
            .notes
            .write_all(format!("{}: {}\n", self.paint.1.warning("issue"), harmless(&issue.to_string())).as_bytes());
        Ok(())
    }

    /// Tells something that is no issue.
    pub(crate) fn note(&mut self, note: &Note) -> Result<(), Failure> {
        if self.json {
            return self.object("note", &NoteLine { subject: &note.subject, message: &note.message });
        }
        self.flush()?;
        let _ = self
            .notes
            .write_all(format!("{}: {}\n", self.paint.1.strong("note"), harmless(&note.to_string())).as_bytes());
        Ok(())
    }

    /// Lets people read issues on standard output, where they are what was asked for.
    pub(crate) const fn issues_are_rows(&mut self) {
        self.issues_are_rows = true;
    }

    /// Makes the answer no: the verb then ends with 1.
    pub(crate) const fn answer_no(&mut self) {
        self.no = true;
    }

    /// The number of issues told so far.
    pub(crate) const fn issues(&self) -> u64 {
        self.issues
    }

    /// Writes what is still held back.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.rows.flush().map_err(|error| cannot_write(&error))
    }

    /// Ends the output and says how the program ends.
    pub(crate) fn finish(mut self) -> Result<Exit, Failure> {
        let noticed = self.noticed.take().map(|noticed| noticed()).unwrap_or_default();
        for issue in &noticed {
            self.issue(issue)?;
            // Where something is damaged, the answer is not known to be no.
            self.no = false;
        }
        let exit = match (self.no, self.issues) {
            (true, _) => Exit::No,
            (false, 0) => Exit::Done,
            (false, _) => Exit::Part,
        };
        if self.json {
            let issues = self.issues;
            self.object("end", &End { exit_code: exit.code(), issues })?;
        }
        self.flush()?;
        Ok(exit)
    }
}

/// The line that [`Output::object`] writes, for threads that make many of them.
pub(crate) fn object_line(kind: &'static str, body: &impl Serialize) -> Result<String, Failure> {
    let mut line = json_text(&Line { schema: SCHEMA, kind, body })?;
    line.push('\n');
    Ok(line)
}

/// Standard output without the buffer of lines that the standard library puts before it.
fn standard_output() -> Result<File, Failure> {
    let handle = io::stdout().as_fd().try_clone_to_owned();
    handle.map(File::from).map_err(|error| cannot_write(&error))
}

/// A reader that has gone away is no failure; all others are.
fn cannot_write(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::quiet_end(),
        _ => Failure::from_error("cannot write to standard output", error),
    }
}
