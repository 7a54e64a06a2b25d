//! `cargo xtask fuzz`: lists the fuzz targets, and runs one where cargo-fuzz and a nightly compiler are there.

use crate::command::must;
use anyhow::{Context as _, Result, ensure};
use kanshiki_testkit::{tool_path, workspace_root};
use std::process::Command;

/// Options of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The target to run; without one, the targets are listed
    target: Option<String>,
    /// Seconds to run it
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    seconds: u32,
    /// Only check that the targets compile, on any compiler
    #[arg(long)]
    check: bool,
}

/// Lists, checks or runs fuzz targets.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = workspace_root().join("fuzz");
    if options.check {
        return must(Command::new("cargo").arg("check").current_dir(&folder));
    }
    let Some(target) = &options.target else {
        for entry in std::fs::read_dir(folder.join("targets")).context("cannot list fuzz/targets")? {
            println!("{}", entry?.path().file_stem().unwrap_or_default().to_string_lossy());
        }
        println!("\n`cargo xtask fuzz TARGET` runs one for a minute; it needs cargo-fuzz and a nightly compiler");
        return Ok(());
    };
    ensure!(tool_path("cargo-fuzz").is_some(), "cargo-fuzz is missing: `cargo install cargo-fuzz` brings it");
    let time = format!("-max_total_time={}", options.seconds);
    let run = ["+nightly", "fuzz", "run", "--fuzz-dir", "fuzz", target, "--", &time];
    must(Command::new("cargo").args(run).current_dir(workspace_root()))
}
