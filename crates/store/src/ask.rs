//! Questions in SQL, and their answers row by row.

use crate::{Reader, Result, StoreError};
use rusqlite::types::{Value, ValueRef};
use std::ops::ControlFlow;

/// What a question may leave open.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    /// `:from`, nanoseconds since 1970 in UTC.
    pub from: Option<i64>,
    /// `:to`.
    pub to: Option<i64>,
    /// `:text`.
    pub text: Option<String>,
}

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// What is handed on of an answer: the names of the columns first, then the rows.
#[derive(Debug)]
pub enum Part<'a> {
    /// The names of the columns.
    Columns(&'a [String]),
    /// A row.
    Row(&'a [Answer]),
}

impl Reader {
    /// Asks one question in SQL.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`] if SQLite does not understand or answer it.
    pub fn ask(
        &self,
        sql: &str,
        parameters: &Parameters,
        each: &mut dyn FnMut(Part<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let failed = |source| StoreError::Sqlite { action: "ask", source };
        let mut statement = self.connection().prepare(sql).map_err(failed)?;
        let text = parameters.text.clone().map_or(Value::Null, Value::Text);
        let number = |number: Option<i64>| number.map_or(Value::Null, Value::Integer);
        for (name, value) in [(":from", number(parameters.from)), (":to", number(parameters.to)), (":text", text)] {
            if let Some(index) = statement.parameter_index(name).map_err(failed)? {
                statement.raw_bind_parameter(index, value).map_err(failed)?;
            }
        }
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        if each(Part::Columns(&columns)).is_break() {
            return Ok(());
        }
        let mut rows = statement.raw_query();
        let mut answers = Vec::with_capacity(columns.len());
        while let Some(row) = rows.next().map_err(failed)? {
            answers.clear();
            for column in 0..columns.len() {
                answers.push(answer(row.get_ref(column).map_err(failed)?));
            }
            if each(Part::Row(&answers)).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn answer(value: ValueRef<'_>) -> Answer {
    match value {
        ValueRef::Null => Answer::Null,
        ValueRef::Integer(number) => Answer::Integer(number),
        ValueRef::Real(number) => Answer::Real(number),
        ValueRef::Text(text) => Answer::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Answer::Blob(bytes.to_vec()),
    }
}
