//! `cargo xtask static`: the acquisition parts alone as one static program, and its trial in an empty folder.

use crate::command::{cargo, must, output, target_folder};
use anyhow::{Context as _, Result, ensure};
use kanshiki_testkit::{Need, run as run_command, sample_image, tempdir, tool_path};
use std::path::Path;
use std::process::Command;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds, looks at the file, and runs it where there is nothing else.
pub(crate) fn run() -> Result<()> {
    // With the target named, build scripts and macros stay dynamic.
    let build = ["build", "--profile", "rescue", "--target", TARGET, "--package", "kanshiki", "--no-default-features"];
    must(cargo(build).env("RUSTFLAGS", "-C target-feature=+crt-static"))?;
    let target = target_folder()?;
    let folder = target.join("static");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let program = folder.join("kanshiki");
    std::fs::copy(target.join(TARGET).join("rescue/kanshiki"), &program).context("cannot copy the program")?;
    is_static_pie(&program)?;
    let bytes = std::fs::metadata(&program)?.len();
    println!("{}: {bytes} bytes, static-pie", program.display());
    in_an_empty_folder(&program)
}

/// ELF type DYN, no interpreter, no needed libraries.
fn is_static_pie(program: &Path) -> Result<()> {
    let readelf = tool_path("readelf").context("`readelf` is missing (package binutils)")?;
    let said =
        output(Command::new(readelf).args(["--wide", "--file-header", "--program-headers", "--dynamic"]).arg(program))?;
    ensure!(
        said.lines().any(|line| line.contains("Type:") && line.contains("DYN")),
        "the program is not position independent"
    );
    ensure!(!said.contains("INTERP"), "the program asks for an interpreter");
    ensure!(!said.contains("(NEEDED)"), "the program needs libraries");
    Ok(())
}

fn in_an_empty_folder(program: &Path) -> Result<()> {
    let root = tempdir();
    std::fs::copy(program, root.path().join("kanshiki")).context("cannot copy the program")?;
    sample_image(&root.path().join("disk"), (3 << 20) + 512, 1);
    let inside = |arguments: &[&str]| {
        let chroot = tool_path("chroot").unwrap_or_else(|| "chroot".into());
        let mut command = Command::new(if Need::Root.is_there() { &chroot } else { Path::new("unshare") });
        if !Need::Root.is_there() {
            command.arg("--map-root-user").arg(&chroot);
        }
        run_command(command.arg(root.path()).arg("/kanshiki").args(arguments))
    };
    if inside(&["--version"]).code != 0 && !Need::Root.is_there() {
        println!("SKIPPED run in an empty chroot: needs root or user namespaces");
        return Ok(());
    }
    for arguments in
        [&["--version"][..], &["acquire", "/disk", "--case", "/case", "--exhibit", "E1"], &["verify", "/case"]]
    {
        let ran = inside(arguments);
        ensure!(
            ran.code == 0,
            "in an empty chroot `kanshiki {}` exits with {}\n{}{}",
            arguments.join(" "),
            ran.code,
            ran.stdout,
            ran.stderr
        );
    }
    println!("in an empty chroot it acquires and verifies");
    Ok(())
}
