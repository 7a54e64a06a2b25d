//! Tests, builds, fixtures and benchmarks of the workspace: `cargo xtask --help`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod bench;
mod command;
mod fixtures;
mod fuzz;
mod iso;
mod licences;
mod packages;
mod static_build;
mod summary;
mod test;
mod torture;
mod vm;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Tests, builds, fixtures and benchmarks of the workspace
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Format, clippy, every test, documentation, licences
    Test(test::Options),
    /// The small static program for rescue media, in target/static/kanshiki
    Static,
    /// The medium to start a machine from that copies its disks and leaves them as they are
    Iso(iso::Options),
    /// Start the rescue medium in virtual machines, copy disks there, and see that they are what they were
    Vm(vm::Options),
    /// Speed and memory, beside the tools of the field
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Kill acquisitions at random points and compare what comes out
    Torture(torture::Options),
    /// Make the disks of testdata again and compare their digests
    Fixtures(fixtures::Options),
    /// Run a fuzz target, or list them
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test(options) => test::run(&options),
        Task::Static => static_build::run(),
        Task::Iso(options) => iso::run(&options),
        Task::Vm(options) => vm::run(&options),
        Task::Bench(bench) => bench::run(&bench),
        Task::Torture(options) => torture::run(&options),
        Task::Fixtures(options) => fixtures::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
