//! Programs and the libraries that they ask for.

use super::contents::Contents;
use super::tree::{Entry, Tree, read};
use anyhow::{Context as _, Result, ensure};
use elf::ElfBytes;
use elf::abi::{DT_NEEDED, PT_INTERP};
use elf::endian::LittleEndian;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const LIBRARIES: &str = "lib/x86_64-linux-gnu";

/// The unpacked packages by their names.
pub(super) type Unpacked = BTreeMap<String, PathBuf>;

/// Puts the declared programs into `bin`, busybox under all its names, and the libraries that are asked for.
pub(super) fn put(tree: &mut Tree, contents: &Contents, unpacked: &Unpacked) -> Result<()> {
    for (link, target) in [("sbin", "bin"), ("usr/bin", "../bin"), ("usr/sbin", "../bin"), ("lib64", LIBRARIES)] {
        tree.put(link, Entry::Link(target.to_owned()));
    }
    for programs in &contents.programs {
        let folder = unpacked.get(&programs.package).context("a package that was not unpacked")?;
        for file in &programs.files {
            let name = file.rsplit('/').next().unwrap_or(file);
            let bytes = read(&folder.join(file))?;
            put_libraries(tree, contents, unpacked, name, &bytes)?;
            tree.put_file(&format!("bin/{name}"), bytes);
        }
    }
    let busybox = unpacked.get("busybox-static").context("rescue/contents.toml names no busybox-static")?;
    for name in crate::command::output(Command::new(busybox.join("bin/busybox")).arg("--list"))?.lines() {
        let path = format!("bin/{name}");
        if !tree.contains(&path) {
            tree.put(&path, Entry::Link("busybox".to_owned()));
        }
    }
    tree.put("init", Entry::Link("bin/busybox".to_owned()));
    Ok(())
}

fn put_libraries(tree: &mut Tree, contents: &Contents, unpacked: &Unpacked, who: &str, program: &[u8]) -> Result<()> {
    for name in needed(program).with_context(|| format!("{who} is no program for this machine"))? {
        let path = format!("{LIBRARIES}/{name}");
        if tree.contains(&path) {
            continue;
        }
        let found = contents.libraries.iter().find_map(|package| library(unpacked.get(package)?, &name));
        let found = found.with_context(|| format!("{who} needs {name}: name its package in rescue/contents.toml"))?;
        let bytes = read(&found)?;
        tree.put_file(&path, bytes.clone());
        put_libraries(tree, contents, unpacked, &name, &bytes)?;
    }
    Ok(())
}

/// A library in an unpacked package; its links lead to files of the same package.
fn library(package: &Path, name: &str) -> Option<PathBuf> {
    let folders = [LIBRARIES, "usr/lib/x86_64-linux-gnu"];
    folders.iter().map(|folder| package.join(folder).join(name)).find(|path| path.is_file())
}

/// The names of the libraries that a program asks for, its interpreter among them.
fn needed(program: &[u8]) -> Result<Vec<String>> {
    let file = ElfBytes::<LittleEndian>::minimal_parse(program)?;
    let mut names = Vec::new();
    for segment in file.segments().into_iter().flatten().filter(|segment| segment.p_type == PT_INTERP) {
        let path = String::from_utf8(file.segment_data(&segment)?.to_vec())?;
        let path = path.trim_end_matches('\0');
        ensure!(path.starts_with("/lib64/"), "an unknown interpreter: {path}");
        names.extend(path.rsplit('/').next().map(str::to_owned));
    }
    let texts = file.find_common_data()?.dynsyms_strs;
    for entry in file.dynamic()?.into_iter().flatten().filter(|entry| entry.d_tag == DT_NEEDED) {
        let at = usize::try_from(entry.d_val())?;
        names.push(texts.context("no names of libraries")?.get(at)?.to_owned());
    }
    Ok(names)
}
