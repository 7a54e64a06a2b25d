//! `cargo xtask fixtures`: makes the disks of `testdata` again, and compares their digests with those that stand there.

use crate::command::must;
use anyhow::{Context as _, Result, bail};
use kanshiki_testkit::{sha256sum, tempdir, tool_path, workspace_root};
use std::path::Path;
use std::process::Command;

/// Options of `cargo xtask fixtures`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Put what was made in the place of what is there, digests included
    #[arg(long)]
    write: bool,
}

/// Makes the demonstration's disk and compares it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = workspace_root().join("testdata/demo");
    let work = tempdir();
    let disk = work.path().join("ferry.img");
    must(Command::new(folder.join("make.sh")).arg(&disk))?;
    let packed = work.path().join("ferry.img.zst");
    let zstd = tool_path("zstd").context("`zstd` is missing (package zstd)")?;
    must(Command::new(zstd).args(["-19", "--quiet", "-o"]).arg(&packed).arg(&disk))?;
    let made = format!("{}  ferry.img\n{}  ferry.img.zst\n", sha256sum(&disk), sha256sum(&packed));
    let sums = folder.join("SHA256SUMS");
    let there = std::fs::read_to_string(&sums).with_context(|| format!("cannot read {}", sums.display()))?;
    if options.write {
        copy(&packed, &folder.join("ferry.img.zst"))?;
        crate::command::write(&sums, &made)?;
        println!("written; the digests in testdata/README.md are to be changed by hand:\n{made}");
        return Ok(());
    }
    // The disk decides; another version of zstd may pack the same disk in other bytes.
    if made.lines().next() != there.lines().next() {
        bail!(
            "the disk comes out differently, which another version of e2fsprogs or fdisk does:\nmade\n{made}there\n{there}"
        );
    }
    println!("the demonstration's disk comes out byte for byte the same");
    if made != there {
        println!("this version of zstd packs it in other bytes, which does not matter");
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(())
}
