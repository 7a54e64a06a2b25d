//! `kanshiki query`: questions to the case's store.

use crate::console::Console;
use crate::csv::harmless_row;
use crate::events::tell_if_unfinished;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use clap::ValueEnum;
use jiff::tz::TimeZone;
use kanshiki_browse::bounds::Times;

use kanshiki_model::{hex, is_hidden, visible_text};
use kanshiki_store::{Answer, Parameters, Part, QUESTIONS, Reader};
use serde_json::{Map, Value};
use std::ops::ControlFlow;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
The question is SQL, as SQLite understands it, or the name of a ready-made one (--list). The store
is opened for reading alone: no question changes anything. docs/store.md tells the tables; the view
`timeline` has the events with names and readable times.

Exit codes: 0 done; 3 done, but an examination did not come to its end, and events are missing; 4 not
done: no store, or a question that SQLite does not understand.

Examples:
  kanshiki query --list
  kanshiki query --case cases/2026-014 failures
  kanshiki query --case cases/2026-014 changed-files --from 2024-03-05 --to 2024-03-06
  kanshiki query --case cases/2026-014 \"SELECT utc, message FROM timeline WHERE user = 'root'\" --format csv";

/// Ask the case's store in SQL, or one of the ready-made questions
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct QueryArguments {
    /// SQL, or the name of a ready-made question
    #[arg(value_name = "QUESTION", required_unless_present = "list")]
    question: Option<String>,
    /// Case folder
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    case: Option<PathBuf>,
    /// List the ready-made questions
    #[arg(long)]
    list: bool,
    /// For ready-made questions: leave out what comes before this time, as 2024, 2024-03-05 or 2024-03-05T10:11
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// For ready-made questions: leave out what comes after this time; a year, a month, a day and so on mean all of it
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// For ready-made questions that look for a text
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Form of the rows: table or csv
    #[arg(
        long,
        value_enum,
        value_name = "FORM",
        hide_possible_values = true,
        default_value = "table",
        conflicts_with = "jsonl"
    )]
    format: Form,
    /// How rows are written.
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Table,
    Csv,
}

/// Rows that are kept to find out how wide the columns of a table are.
const MEASURED: usize = 1000;

/// The widest column of a table, but for the last.
const WIDEST: usize = 60;

/// Runs the verb.
pub(crate) fn run(arguments: &QueryArguments, console: &Console) -> Result<Exit, Failure> {
    let mut output = Output::new(arguments.rows, console)?;
    if arguments.list {
        for question in QUESTIONS {
            output.line(&format!("{:<16} {}", question.name, question.answers))?;
        }
        return output.finish();
    }
    let (Some(case), Some(asked)) = (&arguments.case, &arguments.question) else {
        return Err(Failure::new("there is no question").exit(Exit::CommandLine));
    };
    let times = Times::between(arguments.from.as_deref(), arguments.to.as_deref(), &TimeZone::UTC);
    let (from, to) = times.map_err(|error| Failure::of(&error).exit(Exit::CommandLine))?.nanoseconds();
    let reader = Reader::open(&case.join(kanshiki_custody::case::EVENTS)).map_err(|error| Failure::of(&error))?;
    tell_if_unfinished(&reader, case, &mut output)?;
    let sql = QUESTIONS.iter().find(|question| question.name == asked).map_or(asked.as_str(), |question| question.sql);
    let given = [(":from", from.is_some()), (":to", to.is_some()), (":text", arguments.text.is_some())];
    if let Some((name, _)) = given.iter().find(|(name, is_given)| *is_given && !sql.contains(name)) {
        let failure = Failure::new(format!("this question does not ask for {name}")).exit(Exit::CommandLine);
        return Err(failure.hint("`kanshiki timeline --case` filters all events by time and text"));
    }
    let parameters = Parameters { from, to, text: arguments.text.clone() };
    let mut writer =
        Rows { output: &mut output, form: arguments.format, columns: Vec::new(), kept: Vec::new(), widths: None };
    let mut result = Ok(());
    let asked = reader.ask(sql, &parameters, &mut |part| {
        result = match part {
            Part::Columns(columns) => writer.columns(columns),
            Part::Row(row) => writer.row(row),
        };
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    result?;
    asked.map_err(|error| {
        let failure = Failure::of(&error);
        if sql.contains(' ') { failure } else { failure.hint("`kanshiki query --list` shows the ready-made questions") }
    })?;
    writer.end()?;
    output.finish()
}

/// Writes the rows of an answer.
struct Rows<'o> {
    output: &'o mut Output,
    form: Form,
    columns: Vec<String>,
    /// Rows of a table that wait for the widths.
    kept: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

/// Gives columns of the same name a number behind it, so that an object has room for all: `id`, `id_2`.
fn number_twins(columns: &mut [String]) {
    for index in 1..columns.len() {
        let (before, rest) = columns.split_at_mut(index);
        let Some(name) = rest.first_mut() else { return };
        let mut number = 2;
        let mut numbered = name.clone();
        while before.contains(&numbered) {
            numbered = format!("{name}_{number}");
            number += 1;
        }
        *name = numbered;
    }
}

impl Rows<'_> {
    fn columns(&mut self, columns: &[String]) -> Result<(), Failure> {
        self.columns = columns.iter().map(|column| shown(column)).collect();
        if self.output.is_json() {
            number_twins(&mut self.columns);
            return Ok(());
        }
        match self.form {
            Form::Csv => self.output.line(&harmless_row(&self.columns)),
            Form::Table => {
                self.kept.push(self.columns.clone());
                Ok(())
            }
        }
    }

    fn row(&mut self, row: &[Answer]) -> Result<(), Failure> {
        if self.output.is_json() {
            let object: Map<String, Value> = self.columns.iter().cloned().zip(row.iter().map(value)).collect();
            return self.output.object("row", &object);
        }
        let texts: Vec<String> = row.iter().map(text).collect();
        match (self.form, &self.widths) {
            (Form::Csv, _) => self.output.line(&harmless_row(&texts)),
            (Form::Table, Some(widths)) => self.output.line(&aligned(&texts, widths)),
            (Form::Table, None) => {
                self.kept.push(texts);
                if self.kept.len() > MEASURED { self.end() } else { Ok(()) }
            }
        }
    }

    /// Writes the rows that wait.
    fn end(&mut self) -> Result<(), Failure> {
        if self.widths.is_some() {
            return Ok(());
        }
        let kept = std::mem::take(&mut self.kept);
        let width =
            |column: usize| kept.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max();
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| width(column).unwrap_or(0).min(WIDEST)).collect();
        for row in &kept {
            self.output.line(&aligned(row, &widths))?;
        }
        self.widths = Some(widths);
        Ok(())
    }
}

fn aligned(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (text, width) in row.iter().zip(widths) {
        line.push_str(&format!("{text:<width$}  "));
    }
    line.truncate(line.trim_end().len());
    line
}

/// Texts of the store are visible text already; one that is not, in a store from somebody else, is made so.
fn shown(text: &str) -> String {
    if text.chars().any(is_hidden) { visible_text(text) } else { text.to_owned() }
}

fn text(answer: &Answer) -> String {
    match answer {
        Answer::Null => String::new(),
        Answer::Integer(number) => number.to_string(),
        Answer::Real(number) => number.to_string(),
        Answer::Text(text) => shown(text),
        Answer::Blob(bytes) => hex(bytes),
    }
}

fn value(answer: &Answer) -> Value {
    match answer {
        Answer::Null => Value::Null,
        Answer::Integer(number) => (*number).into(),
        Answer::Real(number) => (*number).into(),
        Answer::Text(text) => shown(text).into(),
        Answer::Blob(bytes) => hex(bytes).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_one_name_are_numbered() {
        let mut columns = ["id", "n", "id", "id_2", "id"].map(str::to_owned);
        number_twins(&mut columns);
        assert_eq!(columns, ["id", "n", "id_2", "id_2_2", "id_3"]);
    }
}
