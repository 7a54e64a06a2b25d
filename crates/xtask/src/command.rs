//! Running other programs.

use anyhow::{Context as _, Result, bail, ensure};
use kanshiki_testkit::workspace_root;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

/// cargo, in the root of the workspace.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace_root());
    command
}

/// Runs a command and fails unless it exits with 0.
pub(crate) fn must(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

/// Runs a command and gives what it wrote to standard output; fails unless it exits with 0.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command, passes on what it writes, and gives that too.
pub(crate) fn tee(command: &mut Command) -> Result<(ExitStatus, String)> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
    let errors = child.stderr.take().map(|stream| thread::spawn(move || pass_on(stream, io::stderr())));
    let mut said = child.stdout.take().map_or(Ok(String::new()), |stream| pass_on(stream, io::stdout()))?;
    if let Some(Ok(errors)) = errors.map(thread::JoinHandle::join) {
        said.push_str(&errors?);
    }
    Ok((child.wait()?, said))
}

fn pass_on(mut from: impl Read, mut to: impl Write) -> io::Result<String> {
    let mut said = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let count = from.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        to.write_all(bytes)?;
        to.flush()?;
        said.extend_from_slice(bytes);
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The folder in which cargo builds.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let metadata = output(&mut cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).context("what cargo metadata said")?;
    let folder = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    Ok(folder.context("no target folder in what cargo metadata said")?.into())
}

/// Builds kanshiki as users get it, and gives its path; or the program that `KANSHIKI_BIN` names.
pub(crate) fn release_program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("KANSHIKI_BIN") {
        return Ok(path.into());
    }
    must(&mut cargo(["build", "--release", "--package", "kanshiki"]))?;
    Ok(target_folder()?.join("release/kanshiki"))
}

/// Writes a file of the workspace or of the build; nothing here is evidence.
#[expect(clippy::disallowed_methods, reason = "no evidence: tables, fixtures and lists of this task")]
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Removes a file of this task if it is there.
#[expect(clippy::disallowed_methods, reason = "no evidence: outputs of benchmarks and lists of this task")]
pub(crate) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
