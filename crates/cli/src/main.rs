//! The program `kanshiki`: arguments, progress, colours, exit codes. What it does is done by the libraries.
#![forbid(unsafe_code)]

mod acquire;
mod arguments;
#[cfg(feature = "browse")]
mod browse;
mod clock;
mod console;
#[cfg(feature = "browse")]
mod csv;
mod custody;
#[cfg(feature = "demo")]
mod demo;
#[cfg(feature = "examine")]
mod events;
#[cfg(feature = "browse")]
mod evidence;
#[cfg(feature = "examine")]
mod examine;
mod exit;
#[cfg(feature = "browse")]
mod extract;
mod failure;
#[cfg(any(feature = "demo", feature = "examine", feature = "manual"))]
mod files;
#[cfg(feature = "examine")]
mod findings;
#[cfg(feature = "browse")]
mod info;
mod json;
#[cfg(feature = "examine")]
mod logs;
#[cfg(feature = "manual")]
mod manual;
#[cfg(feature = "mount")]
mod mount;
#[cfg(feature = "browse")]
mod output;
mod progress;
#[cfg(feature = "examine")]
mod query;
#[cfg(feature = "rescue")]
mod rescue;
mod schema;
#[cfg(feature = "shell")]
mod shell;
mod signals;
#[cfg(feature = "examine")]
mod suspects;
mod verify;

use arguments::{Arguments, Verb};
use console::Console;
use exit::Exit;
use failure::Failure;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn main() -> std::process::ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    raise_file_limit();
    let console = Console::new(arguments.color, arguments.verb.wants_json());
    let result = catch_unwind(AssertUnwindSafe(|| run(arguments.verb, &console)));
    let result = result.unwrap_or_else(|_| {
        Err(Failure::new("internal error: the program broke its own rules")
            .hint("what was written can be taken up with --resume; please report the lines above"))
    });
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => console.failure(&failure).into(),
    }
}

/// Lets the process open as many files as it may: a source may lie in thousands of parts, and all of them stay open. If
/// it may not, the opening says so.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

fn run(verb: Verb, console: &Console) -> Result<Exit, Failure> {
    match verb {
        Verb::Acquire(arguments) => acquire::run(*arguments, console),
        Verb::Verify(arguments) => verify::run(arguments, console),
        Verb::Custody(arguments) => custody::run(arguments, console),
        #[cfg(feature = "browse")]
        Verb::Browse(verb) => browse::run(&verb, console),
        Verb::Schema(arguments) => schema::run(&arguments, console),
        #[cfg(feature = "rescue")]
        Verb::Rescue(arguments) => rescue::run(arguments, console),
        #[cfg(feature = "demo")]
        Verb::Demo(arguments) => demo::run(&arguments, console),
        #[cfg(feature = "manual")]
        Verb::Completions(arguments) => manual::completions(&arguments, console),
        #[cfg(feature = "manual")]
        Verb::Manual(arguments) => manual::run(&arguments, console),
    }
}
