//! `cargo xtask fuzz`: lists the fuzz targets, checks that they compile, and runs them.
//!
//! The compiler's own coverage marks are enough for libFuzzer, so that neither cargo-fuzz nor a nightly compiler is needed;
//! without them there is no AddressSanitizer, which finds little in code that is safe.

use crate::command::{must, target_folder};
use anyhow::{Context as _, Result, ensure};
use kanshiki_testkit::workspace_root;
use std::path::Path;
use std::process::Command;

/// Marks at every edge, and the operands of comparisons: what libFuzzer steers by (LLVM, "SanitizerCoverage").
const FLAGS: &str = "--cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

// With the target named, build scripts are compiled without the marks.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Options of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The target to run, or `all`; without one, the targets are listed
    target: Option<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    seconds: u32,
    /// Only check that the targets compile
    #[arg(long)]
    check: bool,
}

/// Lists, checks or runs fuzz targets.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = workspace_root().join("fuzz");
    if options.check {
        return check();
    }
    let names = names(&folder)?;
    match options.target.as_deref() {
        None => {
            println!(
                "{}\n\n`cargo xtask fuzz TARGET` runs one for a minute, `cargo xtask fuzz all` each",
                names.join("\n")
            );
            Ok(())
        }
        Some("all") => names.iter().try_for_each(|name| fuzz(&folder, name, options.seconds)),
        Some(name) => {
            ensure!(names.iter().any(|there| there == name), "there is no target `{name}`, only {}", names.join(", "));
            fuzz(&folder, name, options.seconds)
        }
    }
}

/// Whether the targets compile without a warning.
pub(crate) fn check() -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(["check", "--locked", "--target-dir"]).arg(built()?).env("RUSTFLAGS", "-Dwarnings");
    must(command.current_dir(workspace_root().join("fuzz")))
}

fn built() -> Result<std::path::PathBuf> {
    Ok(target_folder()?.join("fuzz"))
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.join("targets")).context("cannot list fuzz/targets")? {
        names.push(entry?.path().file_stem().unwrap_or_default().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn fuzz(folder: &Path, name: &str, seconds: u32) -> Result<()> {
    let built = built()?;
    let build = ["build", "--release", "--locked", "--target", TARGET, "--bin", name, "--target-dir"];
    must(Command::new("cargo").args(build).arg(&built).env("RUSTFLAGS", FLAGS).current_dir(folder))?;
    let corpus = folder.join("corpus").join(name);
    let crashes = folder.join("artifacts").join(name);
    for folder in [&corpus, &crashes] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    println!("{name}: {seconds} seconds; inputs that break it are kept in {}", crashes.display());
    let program = built.join(TARGET).join("release").join(name);
    let mut command = Command::new(program);
    command.args([format!("-max_total_time={seconds}"), format!("-artifact_prefix={}/", crashes.display())]);
    command.args(["-print_final_stats=1", "-max_len=150000", "-rss_limit_mb=2048", "-verbosity=0"]).arg(corpus);
    // What is already known to be worth trying; new finds go to the first folder, the corpus.
    let seeds = folder.join("seeds").join(name);
    must(if seeds.is_dir() { command.arg(seeds) } else { &mut command })
}
