//! The command line.

#[cfg(feature = "browse")]
use crate::browse;
use crate::console::ColorChoice;
#[cfg(feature = "demo")]
use crate::demo;
use crate::exit::Exit;
#[cfg(feature = "manual")]
use crate::manual;
#[cfg(feature = "rescue")]
use crate::rescue;
use crate::{acquire, custody, schema, verify};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

/// The version with the commit, where it is known.
pub(crate) const VERSION: &str = env!("KANSHIKI_VERSION");

/// The commit from which the program was built, where it is known.
pub(crate) const COMMIT: Option<&str> = option_env!("KANSHIKI_COMMIT");

const AFTER_HELP: &str = "\
Exit codes:
    0  done, complete, nothing against it
    1  done, and the answer is no: something differs
    2  the command line is wrong
    3  done in part, or with reservations; the output lists them
    4  not done
  130  interrupted; what was written can be taken up again

Examples:
  kanshiki acquire --list
  kanshiki acquire /dev/sdb --case cases/2026-014 --exhibit laptop-disk
  kanshiki verify cases/2026-014
  kanshiki help acquire";

/// Copies disks, proves the copies, and reads them without changing them
#[derive(Debug, Parser)]
#[command(name = "kanshiki", version = VERSION, after_help = AFTER_HELP, max_term_width = 100)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
pub(crate) struct Arguments {
    /// When to use colour: auto, always or never; the variable NO_COLOR is obeyed
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", hide_possible_values = true)]
    #[arg(help_heading = "Output")]
    pub(crate) color: ColorChoice,
    /// What to do
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Acquire(Box<acquire::AcquireArguments>),
    Verify(verify::VerifyArguments),
    Custody(custody::CustodyArguments),
    #[cfg(feature = "browse")]
    #[command(flatten)]
    Browse(browse::BrowseVerb),
    Schema(schema::SchemaArguments),
    #[cfg(feature = "rescue")]
    Rescue(rescue::RescueArguments),
    #[cfg(feature = "demo")]
    Demo(demo::DemoArguments),
    #[cfg(feature = "manual")]
    Completions(manual::CompletionsArguments),
    #[cfg(feature = "manual")]
    Manual(manual::ManualArguments),
}

impl Verb {
    /// Whether results and failures are for programs.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Acquire(arguments) => arguments.output.json,
            Self::Verify(arguments) => arguments.output.json,
            Self::Custody(arguments) => arguments.wants_json(),
            #[cfg(feature = "browse")]
            Self::Browse(verb) => verb.wants_json(),
            Self::Schema(_) => false,
            #[cfg(feature = "rescue")]
            Self::Rescue(arguments) => arguments.wants_json(),
            #[cfg(feature = "demo")]
            Self::Demo(_) => false,
            #[cfg(feature = "manual")]
            Self::Completions(_) | Self::Manual(_) => false,
        }
    }
}

/// How long work tells what it does.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArguments {
    /// One JSON object a line on standard output: begin, progress, issue, and at the end result or error
    #[arg(long)]
    pub(crate) json: bool,
    /// Nothing but errors and reservations; with --json the result alone
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// A plain line every 10 seconds in place of the line that is redrawn
    #[arg(long)]
    pub(crate) no_progress: bool,
}

impl Arguments {
    /// Reads the command line; what cannot be read, and help that was asked for, is told here.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        let words: Vec<OsString> = std::env::args_os().collect();
        let parsed = command(&words).try_get_matches_from(words).and_then(|matches| Self::from_arg_matches(&matches));
        parsed.map_err(|error| {
            let printed = error.print().and_then(|()| std::io::Write::flush(&mut std::io::stdout()));
            let is_lost = printed.is_err_and(|error| error.kind() != std::io::ErrorKind::BrokenPipe);
            match (error.use_stderr(), is_lost) {
                (true, _) => Exit::CommandLine.into(),
                (false, true) => Exit::NotDone.into(),
                (false, false) => Exit::Done.into(),
            }
        })
    }
}

/// The command as clap knows it; help and errors obey `--color` too, which is not parsed when they are made.
fn command(words: &[OsString]) -> clap::Command {
    let after_option = words.windows(2).find(|pair| pair[0] == "--color").map(|pair| pair[1].to_owned());
    let joined = words.iter().find_map(|word| word.to_str()?.strip_prefix("--color=").map(OsString::from));
    let choice = match joined.or(after_option).as_deref().and_then(|word| word.to_str()) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    };
    Arguments::command().color(choice)
}

/// The words of the command line, made visible, for the record.
pub(crate) fn words() -> Vec<String> {
    std::env::args_os().map(|word| kanshiki_model::visible(word.as_encoded_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Arguments::command().debug_assert();
    }
}
