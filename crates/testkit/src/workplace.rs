//! A folder with a case in it, and what tests ask of an exhibit.

use crate::{Ran, TempDir, kanshiki_path, run, tempdir, wait_until, zstd_decompress};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with a case in it that gets one exhibit, `E1`; removed when the value is dropped.
#[derive(Debug)]
pub struct Workplace {
    folder: TempDir,
}

impl Default for Workplace {
    fn default() -> Self {
        Self::new()
    }
}

impl Workplace {
    /// A new folder without a case yet.
    #[must_use]
    pub fn new() -> Self {
        Self { folder: tempdir() }
    }

    /// The path of a file or folder beside the case.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The case folder.
    #[must_use]
    pub fn case(&self) -> PathBuf {
        self.path("case")
    }

    /// The exhibit's folder.
    #[must_use]
    pub fn exhibit(&self) -> PathBuf {
        self.case().join("exhibits/E1")
    }

    /// The exhibit's folder while its acquisition is under way.
    #[must_use]
    pub fn partial(&self) -> PathBuf {
        self.case().join("exhibits/E1.partial")
    }

    /// `kanshiki acquire` of a source as exhibit E1, with further arguments.
    #[must_use]
    pub fn acquire_command(&self, source: impl AsRef<Path>, more: &[&str]) -> Command {
        let mut command = Command::new(kanshiki_path());
        command.arg("acquire").arg(source.as_ref()).arg("--case").arg(self.case());
        command.args(["--exhibit", "E1"]).args(more);
        command
    }

    /// Runs `kanshiki acquire` of a source as exhibit E1, with further arguments.
    #[track_caller]
    pub fn acquire(&self, source: impl AsRef<Path>, more: &[&str]) -> Ran {
        run(&mut self.acquire_command(source, more))
    }

    /// `kanshiki acquire` of a source as exhibit E1, in which every read of the source takes so many milliseconds longer.
    ///
    /// strace waits before each read and stays beside: the program that is started becomes kanshiki itself. The test asks
    /// for strace with `need`.
    #[must_use]
    pub fn slow_acquire_command(&self, source: impl AsRef<Path>, more: &[&str], milliseconds: u64) -> Command {
        let delay = format!("inject=pread64:delay_enter={}", milliseconds * 1000);
        let mut strace = Command::new("strace");
        strace.args(["-D", "-f", "-o", "/dev/null", "-e", "trace=pread64", "-e", &delay, "-P"]).arg(source.as_ref());
        strace.arg(kanshiki_path()).args(self.acquire_command(source, more).get_args());
        strace
    }

    /// Waits until the image under way has so many bytes.
    #[track_caller]
    pub fn wait_for_image(&self, bytes: u64) {
        let written = || -> u64 {
            let partial = self.partial();
            let files = if partial.exists() { image_files(&partial) } else { Vec::new() };
            files.iter().map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum()
        };
        wait_until(&format!("{bytes} bytes of the image"), || written() >= bytes);
    }

    /// Runs `kanshiki acquire -` with a file as standard input.
    #[track_caller]
    pub fn acquire_stdin(&self, input: &Path, more: &[&str]) -> Ran {
        let input = File::open(input).expect("the file for standard input");
        let output = self.acquire_command("-", more).stdin(Stdio::from(input)).output().expect("kanshiki");
        Ran::of(&output)
    }

    /// Runs `kanshiki verify` of the case, with further arguments.
    #[track_caller]
    pub fn verify(&self, more: &[&str]) -> Ran {
        run(Command::new(kanshiki_path()).arg("verify").arg(self.case()).args(more))
    }
}

/// The manifest in an exhibit's folder.
#[track_caller]
#[must_use]
pub fn manifest(exhibit: &Path) -> Value {
    let bytes = std::fs::read(exhibit.join("manifest.json")).expect("the manifest");
    serde_json::from_slice(&bytes).expect("a manifest in JSON")
}

/// The manifest without what differs from run to run: the record of the run, and the command line.
#[track_caller]
#[must_use]
pub fn lasting_manifest(exhibit: &Path) -> Value {
    let mut manifest = manifest(exhibit);
    if let Some(fields) = manifest.as_object_mut() {
        fields.remove("run");
    }
    if let Some(tool) = manifest.get_mut("tool").and_then(Value::as_object_mut) {
        tool.remove("command_line");
    }
    manifest
}

/// The files of an exhibit's image, in order.
#[track_caller]
#[must_use]
pub fn image_files(exhibit: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(exhibit).expect("the exhibit's folder").flatten().map(|entry| entry.path());
    let of_image =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("image.raw"));
    let mut files: Vec<PathBuf> = names.filter(of_image).collect();
    files.sort();
    files
}

/// The bytes of an exhibit's image, restored without kanshiki: parts one after the other, or `zstd -d`.
#[track_caller]
#[must_use]
pub fn restored(exhibit: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for file in image_files(exhibit) {
        if file.extension().is_some_and(|extension| extension == "zst") {
            let folder = tempdir();
            let plain = folder.path().join("plain");
            zstd_decompress(&file, &plain);
            bytes.extend(std::fs::read(plain).expect("the restored image"));
        } else {
            bytes.extend(std::fs::read(file).expect("the image"));
        }
    }
    bytes
}

/// The acts in the custody log of a case, in order.
#[track_caller]
#[must_use]
pub fn custody_acts(case: &Path) -> Vec<String> {
    let mut acts = Vec::new();
    while let Ok(bytes) = std::fs::read(case.join(format!("custody/{:08}.json", acts.len()))) {
        let entry: Value = serde_json::from_slice(&bytes).expect("an entry in JSON");
        acts.push(entry.get("act").and_then(Value::as_str).unwrap_or_default().to_owned());
    }
    acts
}
