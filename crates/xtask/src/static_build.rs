//! `cargo xtask static`: the acquisition parts alone as one static program, and its trial in an empty folder.

use crate::command::{cargo, must, output, target_folder};
use anyhow::{Context as _, Result, ensure};
use kanshiki_testkit::{Need, run as run_command, sample_image, tempdir, tool_path, workspace_root};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds, looks at the file, and runs it where there is nothing else.
pub(crate) fn run() -> Result<()> {
    let built = build(&["rescue"])?;
    let folder = target_folder()?.join("static");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let program = folder.join("kanshiki");
    std::fs::copy(built, &program).context("cannot copy the program")?;
    let bytes = std::fs::metadata(&program)?.len();
    println!("{}: {bytes} bytes, static-pie", program.display());
    in_an_empty_folder(&program)
}

/// Builds the program with these features alone, and gives its path. Neither the folder of the workspace nor that of
/// cargo stands in it, so that it is the same wherever it is built.
pub(crate) fn build(features: &[&str]) -> Result<PathBuf> {
    // With the target named, build scripts and macros stay dynamic.
    let mut command = cargo(["build", "--profile", "rescue", "--target", TARGET, "--package", "kanshiki"]);
    command.args(["--no-default-features", "--features", &features.join(",")]);
    let mut flags = OsString::from("-Ctarget-feature=+crt-static");
    for (folder, name) in [(Some(workspace_root().into_os_string()), "kanshiki"), (cargo_home(), "cargo")] {
        if let Some(folder) = folder {
            flags.push("\u{1f}--remap-path-prefix=");
            flags.push(folder);
            flags.push(format!("=/{name}"));
        }
    }
    must(command.env("CARGO_ENCODED_RUSTFLAGS", flags))?;
    let program = target_folder()?.join(TARGET).join("rescue/kanshiki");
    is_static_pie(&program)?;
    Ok(program)
}

/// Where cargo keeps the sources of what this project depends on.
fn cargo_home() -> Option<OsString> {
    let home = || Some(Path::new(&std::env::var_os("HOME")?).join(".cargo").into_os_string());
    std::env::var_os("CARGO_HOME").or_else(home)
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
