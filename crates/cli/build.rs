//! Notes the commit from which the program is built, as `KANSHIKI_COMMIT`. A build without git, or from an archive,
//! notes none; whoever packages such an archive may set the variable.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=KANSHIKI_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    match std::env::var("KANSHIKI_COMMIT").ok().or_else(commit_and_watch) {
        Some(commit) => {
            println!("cargo::rustc-env=KANSHIKI_COMMIT={commit}");
            println!("cargo::rustc-env=KANSHIKI_VERSION={version} (commit {commit})");
        }
        None => println!("cargo::rustc-env=KANSHIKI_VERSION={version}"),
    }
}

/// The commit; tells cargo to ask again when it, or any source file, changes.
fn commit_and_watch() -> Option<String> {
    let commit = commit()?;
    for changing in ["..", "../../Cargo.toml", "../../Cargo.lock"] {
        println!("cargo::rerun-if-changed={changing}");
    }
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]).filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    Some(commit)
}

/// The commit, with `-modified` if files differ from it; `None` outside a clone of this project.
fn commit() -> Option<String> {
    let top = Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()?;
    // An archive unpacked inside another repository is not built from that repository's commit.
    if top != Path::new("../..").canonicalize().ok()? {
        return None;
    }
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if changed { format!("{commit}-modified") } else { commit })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
