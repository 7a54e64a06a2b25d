//! The files of the rescue system, and the archive that the kernel unpacks them from.
//!
//! The archive is a cpio of the "new ASCII" form: a header of 110 bytes in hexadecimal digits, the name with a zero byte,
//! the content, both padded to four bytes. Source: Linux 6.12, Documentation/driver-api/early-userspace/buffer-format.rst.

use super::digest::sha256;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What stands at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Folder,
    File {
        bytes: Vec<u8>,
        runs: bool,
    },
    Link(String),
    /// A character device with its numbers.
    Device(u32, u32),
}

/// Files by their paths, without a slash in front, in the order of their bytes.
#[derive(Debug, Default)]
pub(crate) struct Tree(BTreeMap<String, Entry>);

impl Tree {
    /// Puts something at a path, and makes the folders above it.
    pub(crate) fn put(&mut self, path: &str, entry: Entry) {
        for (at, _) in path.match_indices('/') {
            if let Some(folder) = path.get(..at) {
                self.0.entry(folder.to_owned()).or_insert(Entry::Folder);
            }
        }
        self.0.insert(path.to_owned(), entry);
    }

    /// Puts a file; it can be run if it is a script or a program.
    pub(crate) fn put_file(&mut self, path: &str, bytes: Vec<u8>) {
        let runs = bytes.starts_with(b"#!") || (bytes.starts_with(b"\x7fELF") && !path.starts_with("lib/modules"));
        self.put(path, Entry::File { bytes, runs });
    }

    /// Puts every file below a folder at the same place in the tree.
    pub(crate) fn put_folder(&mut self, folder: &Path, below: &str) -> Result<()> {
        let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().into_string().ok().context("a name that is not UTF-8")?;
            let path = format!("{below}{name}");
            if entry.file_type()?.is_dir() {
                self.put_folder(&entry.path(), &format!("{path}/"))?;
            } else {
                self.put_file(&path, read(&entry.path())?);
            }
        }
        Ok(())
    }

    pub(crate) fn contains(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Every file with its size and digest, and every link, for the manifest.
    pub(crate) fn listed(&self) -> Vec<Value> {
        let rows = self.0.iter().filter_map(|(path, entry)| match entry {
            Entry::File { bytes, .. } => Some(json!({ "path": path, "bytes": bytes.len(), "sha256": sha256(bytes) })),
            Entry::Link(target) => Some(json!({ "path": path, "link": target })),
            Entry::Folder | Entry::Device(..) => None,
        });
        rows.collect()
    }

    /// The tree as an archive: sorted names, one time, everything root's.
    pub(crate) fn archive(&self, time: u32) -> Result<Vec<u8>> {
        let mut archive = Vec::new();
        for (number, (path, entry)) in self.0.iter().enumerate() {
            let inode = u32::try_from(number)?.checked_add(1).context("too many files")?;
            append(&mut archive, inode, time, path, entry)?;
        }
        append(&mut archive, 0, 0, "TRAILER!!!", &Entry::File { bytes: Vec::new(), runs: false })?;
        Ok(archive)
    }
}

fn append(archive: &mut Vec<u8>, inode: u32, time: u32, path: &str, entry: &Entry) -> Result<()> {
    let nothing: &[u8] = &[];
    let (mode, content, device) = match entry {
        Entry::Folder => (0o040_755, nothing, (0, 0)),
        Entry::File { bytes, runs: true } => (0o100_755, bytes.as_slice(), (0, 0)),
        Entry::File { bytes, runs: false } => (0o100_644, bytes.as_slice(), (0, 0)),
        Entry::Link(target) => (0o120_777, target.as_bytes(), (0, 0)),
        Entry::Device(major, minor) => (0o020_600, nothing, (*major, *minor)),
    };
    let (mode, time, inode) = if path == "TRAILER!!!" { (0, 0, 0) } else { (mode, time, inode) };
    let size = u32::try_from(content.len()).context("a file is too large for cpio")?;
    let name = u32::try_from(path.len())?.checked_add(1).context("a name is too long")?;
    ensure!(!path.contains('\0'), "a name with a zero byte");
    archive.extend_from_slice(b"070701");
    for number in [inode, mode, 0, 0, 1, time, size, 0, 0, device.0, device.1, name, 0] {
        archive.extend_from_slice(format!("{number:08x}").as_bytes());
    }
    archive.extend_from_slice(path.as_bytes());
    archive.push(0);
    pad(archive);
    archive.extend_from_slice(content);
    pad(archive);
    Ok(())
}

fn pad(archive: &mut Vec<u8>) {
    let padded = archive.len().next_multiple_of(4);
    archive.resize(padded, 0);
}

/// Reads a file of the build.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_testkit::{Need, need, tempdir, tool_path, write_file};
    use std::process::Command;

    #[test]
    fn the_archive_does_not_depend_on_the_order_in_which_files_came() {
        let files = ["etc/b", "etc/a", "bin/c"];
        let (mut one, mut other) = (Tree::default(), Tree::default());
        files.iter().for_each(|path| one.put_file(path, path.as_bytes().to_vec()));
        files.iter().rev().for_each(|path| other.put_file(path, path.as_bytes().to_vec()));
        assert_eq!(one.archive(7).unwrap(), other.archive(7).unwrap());
    }

    #[test]
    fn cpio_unpacks_the_archive_to_the_same_files() {
        if !need(&[Need::Tool("cpio")]) {
            return;
        }
        let mut tree = Tree::default();
        tree.put_file("etc/rescue/start", b"#!/bin/sh\n".to_vec());
        tree.put("sbin", Entry::Link("bin".to_owned()));
        tree.put("dev/console", Entry::Device(5, 1));
        let folder = tempdir();
        let archive = folder.path().join("archive");
        write_file(&archive, tree.archive(1_700_000_000).unwrap());
        let said = Command::new(tool_path("cpio").unwrap())
            .args(["--list", "--verbose", "--numeric-uid-gid", "--quiet"])
            .env("TZ", "UTC")
            .env("LC_ALL", "C")
            .stdin(std::fs::File::open(&archive).unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let rows: Vec<String> =
            said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            rows,
            [
                "drwxr-xr-x 1 0 0 0 Nov 14 2023 dev",
                "crw------- 1 0 0 5, 1 Nov 14 2023 dev/console",
                "drwxr-xr-x 1 0 0 0 Nov 14 2023 etc",
                "drwxr-xr-x 1 0 0 0 Nov 14 2023 etc/rescue",
                "-rwxr-xr-x 1 0 0 10 Nov 14 2023 etc/rescue/start",
                "lrwxrwxrwx 1 0 0 3 Nov 14 2023 sbin -> bin",
            ]
        );
    }
}
