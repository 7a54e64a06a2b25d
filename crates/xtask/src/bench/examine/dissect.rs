//! dissect.target, from the machine or installed into the folder of the build.

use crate::command::{must, output, target_folder};
use anyhow::{Context as _, Result};
use kanshiki_testkit::tool_path;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What reads each log, in the order of [`Log::ALL`](super::logs::Log::ALL).
pub(super) const FUNCTIONS: [&str; 3] = ["authlog", "messages", "webserver.access"];

/// The program `target-query`.
#[derive(Debug)]
pub(super) struct Dissect {
    pub(super) program: PathBuf,
}

impl Dissect {
    /// The one of the machine, or one that pip puts into `bench/dissect` of the target folder.
    pub(super) fn find_or_install() -> Result<Self> {
        if let Some(program) = tool_path("target-query") {
            return Ok(Self { program });
        }
        let folder = target_folder()?.join("bench/dissect");
        let program = folder.join("bin/target-query");
        if !program.exists() {
            must(Command::new("python3").args(["-m", "venv"]).arg(&folder)).context("python3 makes no environment")?;
            must(Command::new(folder.join("bin/pip")).args(["install", "--quiet", "dissect.target", "dissect.extfs"]))
                .context("pip cannot install dissect.target and dissect.extfs")?;
        }
        Ok(Self { program })
    }

    /// The number of records that a function gives.
    pub(super) fn records(&self, function: &str, image: &Path) -> Result<u64> {
        let mut command = Command::new("sh");
        command.args(["-c", "\"$0\" -q --no-cache -j -f \"$1\" \"$2\" | grep -c '\"_type\": *\"record\"'"]);
        command.arg(&self.program).arg(function).arg(image);
        let count = output(&mut command).with_context(|| format!("dissect.target {function}"))?;
        count.trim().parse().context("the number of dissect's records")
    }

    /// Its version, as it tells it.
    pub(super) fn version(&self) -> String {
        output(Command::new(&self.program).arg("--version")).unwrap_or_default().trim().to_owned()
    }
}
