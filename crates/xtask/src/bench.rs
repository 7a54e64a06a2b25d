//! `cargo xtask bench`: speed and memory, beside the tools of the field.

mod bad_sectors;
mod browse;
mod examine;
mod jobs;
mod measure;
mod record;
mod source;
mod table;

use crate::command::release_program;
use anyhow::{Context as _, Result, ensure};
use kanshiki_testkit::tool_path;
use std::path::{Path, PathBuf};

/// What is measured.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// Acquire and verify, source and destination in memory
    Acquire(Options),
    /// Walk, hash, read and mount an image of many files, in memory
    Browse(browse::Options),
    /// Turn logs into events and ask for them, in memory
    Examine(examine::Options),
}

/// Options of `cargo xtask bench acquire`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Size of the source, as in 4G or 512M
    #[arg(long, default_value = "4G", value_parser = size)]
    size: u64,
    /// How often everything is run
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    runs: usize,
    /// A folder on a tmpfs with room for twice the size
    #[arg(long, default_value = "/dev/shm")]
    folder: PathBuf,
    /// Only jobs whose name holds this text, and those of kanshiki
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Leave BENCHMARKS.md as it is
    #[arg(long)]
    dry_run: bool,
    /// Leave out the disk with bad sectors
    #[arg(long)]
    no_bad_sectors: bool,
}

fn size(text: &str) -> Result<u64, String> {
    let (number, shift) = match text.strip_suffix(['G', 'M']) {
        Some(number) if text.ends_with('G') => (number, 30),
        Some(number) => (number, 20),
        None => (text, 0),
    };
    let number: u64 = number.parse().map_err(|error| format!("`{text}` is no size: {error}"))?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(|| format!("`{text}` is no size"))
}

/// Measures, prints the tables, and puts them into BENCHMARKS.md.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Acquire(options) => acquire(options),
        Bench::Browse(options) => browse::run(options),
        Bench::Examine(options) => examine::run(options),
    }
}

fn acquire(options: &Options) -> Result<()> {
    ensure!(tool_path("time").is_some(), "`time` is missing (package time): it measures processor time and memory");
    let program = release_program()?;
    let folder = Folder::make(&options.folder.join(format!("kanshiki-bench-{}", std::process::id())))?;
    let source = folder.0.join("source.img");
    println!("making the source, {} bytes", options.size);
    let content = source::make(&source, options.size)?;
    println!("{content}\n");
    let context = jobs::Context { program: &program, source: &source, folder: &folder.0 };
    let jobs = jobs::there(options.only.as_deref());
    let results = measure::rounds(&context, &jobs, options.runs)?;
    let mut text = table::text(&results, options.size);
    if !options.no_bad_sectors {
        text.push_str(&bad_sectors::table(&program)?);
    }
    let section = format!("{}\n{content}\n\n{text}", record::circumstances(&program, options.size, options.runs)?);
    println!("\n{section}");
    if options.dry_run { Ok(()) } else { record::write(record::ACQUIRE, &section) }
}

/// A folder that goes away at the end.
struct Folder(PathBuf);

impl Folder {
    fn make(path: &Path) -> Result<Self> {
        std::fs::create_dir(path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path.to_path_buf()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
