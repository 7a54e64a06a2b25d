//! `kanshiki schema`: the JSON Schemas of what the program writes.

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use clap::ValueEnum;
use kanshiki_custody::{CASE_SCHEMA, CUSTODY_ENTRY_SCHEMA, CUSTODY_HEAD_SCHEMA, MANIFEST_SCHEMA};

/// Print the JSON Schema of a file that kanshiki writes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kanshiki schema manifest > manifest.schema.json")]
pub(crate) struct SchemaArguments {
    /// The file: manifest, case, custody-entry or custody-head
    #[arg(value_enum, value_name = "NAME", hide_possible_values = true)]
    name: SchemaName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SchemaName {
    Manifest,
    Case,
    CustodyEntry,
    CustodyHead,
}

/// Runs the verb.
pub(crate) fn run(arguments: &SchemaArguments, console: &Console) -> Result<Exit, Failure> {
    console.result(match arguments.name {
        SchemaName::Manifest => MANIFEST_SCHEMA,
        SchemaName::Case => CASE_SCHEMA,
        SchemaName::CustodyEntry => CUSTODY_ENTRY_SCHEMA,
        SchemaName::CustodyHead => CUSTODY_HEAD_SCHEMA,
    })?;
    Ok(Exit::Done)
}
