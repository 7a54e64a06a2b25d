//! What the tests share: running the tools of other projects.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod md;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Whether a tool can be started; if not, says that the test is skipped and which package it needs.
pub(crate) fn has_tool(test: &str, tool: &str, package: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/sbin", "/usr/sbin"].map(Into::into))
        .any(|directory| directory.join(tool).is_file());
    if !found {
        eprintln!("SKIPPED {test}: needs {package}");
    }
    found
}

/// Runs a command and gives its output; panics if it fails.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// A command, also looked for where Debian keeps the tools of the administrator.
pub(crate) fn tool(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C");
    command
}

/// A loop device, detached when dropped.
pub(crate) struct Loop(pub(crate) String);

impl Loop {
    /// `None` where there are no loop devices.
    pub(crate) fn new(path: &Path, sector_bytes: u32) -> Option<Self> {
        let output = tool("losetup").args(["-f", "--show", "-b", &sector_bytes.to_string()]).arg(path).output().ok()?;
        let device =
            output.status.success().then(|| Self(String::from_utf8(output.stdout).unwrap().trim().to_owned()))?;
        // The kernel keeps the read-only flag that an earlier user of the device has set.
        run(tool("blockdev").args(["--setrw", &device.0]));
        Some(device)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = tool("losetup").args(["-d", &self.0]).status();
    }
}

/// What blkid finds in a file or device by itself.
pub(crate) fn blkid(path: &Path) -> BTreeMap<String, String> {
    let output = run(tool("blkid").args(["-p", "-o", "export"]).arg(path)).stdout;
    let lines = String::from_utf8(output).unwrap();
    lines
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.into(), value.replace('\\', "")))
        .collect()
}
