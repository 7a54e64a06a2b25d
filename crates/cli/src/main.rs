//! The program `kanshiki`: arguments, progress, colours, exit codes. What it does is done by the libraries.
#![forbid(unsafe_code)]

mod acquire;
mod arguments;
mod browse;
mod clock;
mod console;
mod custody;
#[cfg(feature = "demo")]
mod demo;
mod evidence;
mod exit;
mod extract;
mod failure;
#[cfg(any(feature = "demo", feature = "manual"))]
mod files;
mod info;
#[cfg(feature = "manual")]
mod manual;
#[cfg(feature = "mount")]
mod mount;
mod output;
mod progress;
mod schema;
#[cfg(feature = "shell")]
mod shell;
mod signals;
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
        Verb::Info(arguments) => info::run(&arguments, console),
        Verb::Ls(arguments) => browse::ls::run(&arguments, console),
        Verb::Tree(arguments) => browse::tree::run(&arguments, console),
        Verb::Stat(arguments) => browse::stat::run(&arguments, console),
        Verb::Cat(arguments) => browse::cat::run(&arguments, console),
        Verb::Hexdump(arguments) => browse::hexdump::run(&arguments, console),
        Verb::Blocks(arguments) => browse::blocks::run(&arguments, console),
        Verb::Find(arguments) => browse::find::run(&arguments, console),
        Verb::Grep(arguments) => browse::grep::run(&arguments, console),
        Verb::Strings(arguments) => browse::strings::run(&arguments, console),
        Verb::Hash(arguments) => browse::hash::run(&arguments, console),
        Verb::Timeline(arguments) => browse::timeline::run(&arguments, console),
        Verb::Deleted(arguments) => browse::deleted::run(&arguments, console),
        Verb::Check(arguments) => browse::check::run(&arguments, console),
        Verb::Extract(arguments) => extract::run(&arguments, console),
        #[cfg(feature = "mount")]
        Verb::Mount(arguments) => mount::run(&arguments, console),
        #[cfg(feature = "shell")]
        Verb::Shell(arguments) => shell::run(&arguments, console),
        Verb::Schema(arguments) => schema::run(&arguments, console),
        #[cfg(feature = "demo")]
        Verb::Demo(arguments) => demo::run(&arguments, console),
        #[cfg(feature = "manual")]
        Verb::Completions(arguments) => manual::completions(&arguments, console),
        #[cfg(feature = "manual")]
        Verb::Manual(arguments) => manual::run(&arguments, console),
    }
}
