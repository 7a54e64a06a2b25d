//! `kanshiki manual` and `kanshiki completions`: made from the same declarations as the parser.

use crate::arguments::Arguments;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use kanshiki_model::visible_path;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kanshiki completions bash > /etc/bash_completion.d/kanshiki")]
pub(crate) struct CompletionsArguments {
    /// Shell: bash, elvish, fish, powershell or zsh
    #[arg(value_enum, hide_possible_values = true)]
    shell: Shell,
}

/// Print the manual page, or write the pages of all verbs to a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kanshiki manual | man -l -\n  kanshiki manual --dir /usr/local/share/man/man1")]
pub(crate) struct ManualArguments {
    /// Folder for the pages, such as kanshiki-acquire.1; made if it is not there, files in it are not replaced
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints completions.
pub(crate) fn completions(arguments: &CompletionsArguments, console: &Console) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "kanshiki", &mut script);
    console.result(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Prints or writes manual pages.
pub(crate) fn run(arguments: &ManualArguments, console: &Console) -> Result<Exit, Failure> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    match &arguments.dir {
        None => console.result(&String::from_utf8_lossy(&page(&command)?))?,
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
            write_pages(&command, folder)?;
        }
    }
    Ok(Exit::Done)
}

fn write_pages(command: &Command, folder: &Path) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = folder.join(format!("{name}.1"));
    let bytes = page(command)?;
    files::create_new(&path)
        .and_then(|mut file| file.write_all(&bytes))
        .map_err(|error| cannot_write(&path, &error))?;
    command.get_subcommands().try_for_each(|verb| write_pages(verb, folder))
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let manual = clap_mangen::Man::new(command.clone()).date("").manual("kanshiki");
    manual.render(&mut bytes).map_err(|error| Failure::from_error("cannot make the manual page", &error))?;
    Ok(bytes)
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::from_error(format!("cannot write `{}`", visible_path(path)), error)
}
