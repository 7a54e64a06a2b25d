//! `cargo xtask test`: everything that must hold before a change is merged.

use crate::command::{cargo, must, remove, target_folder, tee};
use crate::summary::Totals;
use crate::{fuzz, licences, packages};
use anyhow::{Context as _, Result, ensure};
use kanshiki_testkit::{Need, SKIPPED_FILE, tool_path};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Options of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Do not install Debian packages, even as root
    #[arg(long)]
    no_install: bool,
}

/// Runs the steps in order, to the first that fails; the last line says how many tests passed, failed, were skipped.
pub(crate) fn run(options: &Options) -> Result<()> {
    let target = target_folder()?;
    let skipped = target.join("skipped-tests");
    remove(&skipped)?;
    let mut totals = Totals::default();
    let result = steps(options, &target, &skipped, &mut totals);
    totals.add_without(&std::fs::read_to_string(&skipped).unwrap_or_default());
    if let Err(error) = &result {
        println!("\nerror: {error:#}");
    }
    println!("\n{totals}");
    result.context("not everything holds")
}

fn steps(options: &Options, target: &Path, skipped: &Path, totals: &mut Totals) -> Result<()> {
    step("tools", || {
        packages::prepare(!options.no_install);
        Ok(())
    })?;
    step("format", || {
        must(&mut cargo(["fmt", "--all", "--check"]))?;
        must(&mut cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
    })?;
    step("clippy", || {
        must(&mut cargo(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
    })?;
    step("clippy of the rescue build", || {
        let package = ["clippy", "--package", "kanshiki", "--no-default-features", "--features", "rescue"];
        must(cargo(package).args(["--locked", "--", "-D", "warnings"]))
    })?;
    // All targets at once: the program then lies beside its tests, made from the same dependencies.
    step("build", || must(&mut cargo(["build", "--workspace", "--all-targets", "--locked"])))?;
    step("tests", || tests(target, skipped, totals))?;
    step("examples in the documentation", || doc_tests(totals))?;
    step("documentation", || {
        must(cargo(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-Dwarnings"))
    })?;
    step("fuzz targets", || {
        // libFuzzer is C++.
        if tool_path("c++").is_some() {
            return fuzz::check();
        }
        println!("SKIPPED fuzz targets: needs `c++`");
        totals.ignored += 1;
        Ok(())
    })?;
    step("licences", licences::check)
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n== {name}");
    let begun = Instant::now();
    let result = work().with_context(|| format!("step `{name}`"));
    println!("== {name}: {} in {:.1} s", if result.is_ok() { "good" } else { "failed" }, begun.elapsed().as_secs_f64());
    result
}

fn tests(target: &Path, skipped: &Path, totals: &mut Totals) -> Result<()> {
    let everything = Need::Root.is_there();
    let with = |command: &mut Command| {
        tee(command.env(SKIPPED_FILE, skipped).env("KANSHIKI_BIN", target.join("debug/kanshiki")))
    };
    let status = if tool_path("cargo-nextest").is_some() {
        let ignored = if everything { "all" } else { "default" };
        let mut command = cargo(["nextest", "run", "--workspace", "--locked", "--no-fail-fast", "--color", "never"]);
        let (status, said) = with(command.args(["--run-ignored", ignored]))?;
        totals.add_nextest(&said);
        status
    } else {
        let mut command =
            cargo(["test", "--workspace", "--all-targets", "--locked", "--no-fail-fast", "--color", "never"]);
        if everything {
            command.args(["--", "--include-ignored"]);
        }
        let (status, said) = with(&mut command)?;
        totals.add_libtest(&said);
        status
    };
    ensure!(status.success(), "tests failed");
    Ok(())
}

fn doc_tests(totals: &mut Totals) -> Result<()> {
    let (status, said) = tee(&mut cargo(["test", "--workspace", "--doc", "--locked", "--color", "never"]))?;
    totals.add_libtest(&said);
    ensure!(status.success(), "examples failed");
    Ok(())
}
