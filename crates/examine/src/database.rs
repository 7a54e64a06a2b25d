//! SQLite databases that parsers read.

use crate::input::Input;
use crate::output::Output;
use kanshiki_machine::sqlite::{self, Database};
use kanshiki_model::Span;
use std::io;

/// Opens the database that is the content of a file, for a parser, and tells what has to be known of files beside it; with the
/// place of the whole file.
///
/// # Errors
///
/// [`sqlite::DatabaseError`].
pub(crate) fn open_for(input: &Input<'_>, output: &mut Output<'_>) -> io::Result<(Database, Span)> {
    let database = sqlite::open(&mut *input.read()?, input.siblings()).map_err(io::Error::other)?;
    let span = Span { length: database.bytes, content_offset: input.compression().map(|_| 0), ..Span::default() };
    for note in &database.notes {
        output.issue(span, note);
    }
    Ok((database, span))
}
