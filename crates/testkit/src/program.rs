//! Running programs: kanshiki as it was built, and others.

use crate::{tool_path, workspace_root};
use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What a program did.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The exit code; 128 and the signal's number if a signal ended it.
    pub code: i32,
    /// What it wrote to standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// What it wrote to standard error, invalid UTF-8 replaced.
    pub stderr: String,
}

impl Ran {
    /// What a program did that was run to its end.
    #[must_use]
    pub fn of(output: &Output) -> Self {
        let signal = || output.status.signal().map_or(-1, |signal| 128 + signal);
        Self {
            code: output.status.code().unwrap_or_else(signal),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the exit code is this one; shows what the program said.
    #[track_caller]
    #[must_use]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }
}

/// Runs a command without standard input and waits for it.
#[track_caller]
pub fn run(command: &mut Command) -> Ran {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    Ran::of(&output)
}

/// A command for a program of the table of tools, which the test has asked for with `need`.
#[must_use]
pub fn tool(name: &str) -> Command {
    Command::new(tool_path(name).unwrap_or_else(|| panic!("`{name}` is not there; ask with `need` first")))
}

/// A program under way; killed if the value is dropped before its end.
#[derive(Debug)]
pub struct Running(Option<Child>);

impl Running {
    /// Starts a command without standard input.
    #[track_caller]
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(piped.spawn().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))))
    }

    /// Sends a signal, as `-INT`.
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        let id = self.0.as_ref().expect("a program under way").id().to_string();
        let _ = run(Command::new("kill").arg(signal).arg(id)).exits(0);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Ran {
        let child = self.0.take().expect("a program under way");
        Ran::of(&child.wait_with_output().expect("the end of the program"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until something is so; fails the test after a minute.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "after a minute still not: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs kanshiki with these arguments, without standard input, and waits for it.
#[track_caller]
pub fn kanshiki<I, A>(arguments: I) -> Ran
where
    I: IntoIterator<Item = A>,
    A: AsRef<OsStr>,
{
    run(Command::new(kanshiki_path()).args(arguments))
}

/// The path of the program, built if it was not: that of `KANSHIKI_BIN`, else one of the profile of this test.
pub fn kanshiki_path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| std::env::var_os("KANSHIKI_BIN").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    // A test lies in `target/PROFILE/deps`, where the profile `dev` is called `debug`.
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.ancestors().nth(2).expect("a folder two levels above the test");
    let folder = folder.to_path_buf();
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = run(Command::new(cargo)
        .args(["build", "--quiet", "--package", "kanshiki", "--bin", "kanshiki", "--profile", profile, "--target-dir"])
        .arg(folder.parent().expect("the target folder"))
        .current_dir(workspace_root()));
    assert_eq!(built.code, 0, "kanshiki cannot be built\n{}", built.stderr);
    folder.join("kanshiki")
}
