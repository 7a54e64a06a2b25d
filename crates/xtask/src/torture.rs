//! `cargo xtask torture`: the long run of what a test does 200 times.

use crate::command::release_program;
use anyhow::{Result, bail};
use kanshiki_testkit::{Torture, tempdir};

/// Options of `cargo xtask torture`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many times an acquisition is killed
    #[arg(long, default_value_t = 1000, value_name = "COUNT")]
    kills: u64,
    /// The seed of the points in time; another for each run unless given
    #[arg(long)]
    seed: Option<u64>,
    /// Size of the source in MiB; half a KiB more is added, so that the last leaf is a short one
    #[arg(long, default_value_t = 48, value_name = "MIB")]
    size: u64,
}

/// Kills acquisitions at random points, resumes each to its end, and compares.
pub(crate) fn run(options: &Options) -> Result<()> {
    let program = release_program()?;
    let seed = options.seed.unwrap_or_else(|| u64::from(std::process::id()) << 20 | 0x5eed);
    println!("seed {seed}");
    let folder = tempdir();
    let torture = Torture {
        program,
        folder: folder.path().to_path_buf(),
        seed,
        kills: options.kills,
        bytes: (options.size << 20) + 512,
    };
    let result = torture.run(&mut |line| println!("{line}"));
    println!("{result}");
    if !result.wrong.is_empty() {
        let kept = folder.keep();
        bail!("seed {seed}: {} acquisitions came out wrong; they are kept in {}", result.wrong.len(), kept.display());
    }
    Ok(())
}
