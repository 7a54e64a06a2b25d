//! Modules of the kernel: those that are wanted with those that they need, and the tables by which `modprobe` finds them.
//!
//! What a module needs, and the devices that it drives, stand in its section `.modinfo` as texts `name=value`, each
//! ended by a zero byte. `depmod` makes its tables of the same. Source: Linux 6.12, include/linux/moduleparam.h;
//! kmod 30, tools/depmod.c.

use super::contents::Modules;
use super::tree::{Tree, read};
use anyhow::{Context as _, Result, ensure};
use elf::ElfBytes;
use elf::endian::LittleEndian;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// One module.
#[derive(Debug)]
struct Module {
    /// Below `kernel/`.
    path: String,
    bytes: Vec<u8>,
    needs: Vec<String>,
    aliases: Vec<String>,
}

/// Puts the modules of the kernel into the tree, with their tables. `kernel` is the unpacked package.
pub(super) fn put(tree: &mut Tree, kernel: &Path, release: &str, wanted: &Modules) -> Result<()> {
    let folder = kernel.join("lib/modules").join(release);
    let paths = paths(&folder.join("kernel"), "")?;
    let is_known = |beginning: &str| paths.iter().any(|path| path.starts_with(beginning));
    let named = wanted.take.iter().chain(&wanted.leave).map(String::as_str);
    let unknown: Vec<&str> = named.filter(|beginning| !is_known(beginning)).collect();
    ensure!(unknown.is_empty(), "rescue/contents.toml names modules that the kernel lacks: {}", unknown.join(", "));
    let modules = chosen(&folder.join("kernel"), &paths, wanted)?;
    let below = format!("lib/modules/{release}");
    let mut tables = [String::new(), String::new()];
    for (name, module) in &modules {
        let mut order = Vec::new();
        needs_of(&modules, name, &mut order);
        let needs = order.iter().filter_map(|need| modules.get(*need)).map(|need| format!(" kernel/{}", need.path));
        writeln!(tables[0], "kernel/{}:{}", module.path, needs.collect::<String>())?;
        for alias in &module.aliases {
            writeln!(tables[1], "alias {alias} {name}")?;
        }
    }
    let [needs, aliases] = tables;
    tree.put_file(&format!("{below}/modules.dep"), needs.into_bytes());
    tree.put_file(&format!("{below}/modules.alias"), aliases.into_bytes());
    tree.put_file(&format!("{below}/modules.builtin"), read(&folder.join("modules.builtin"))?);
    for module in modules.into_values() {
        tree.put_file(&format!("{below}/kernel/{}", module.path), module.bytes);
    }
    Ok(())
}

/// All modules below a folder, sorted.
fn paths(folder: &Path, below: &str) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            found.append(&mut paths(&entry.path(), &format!("{name}/"))?);
        } else if name.ends_with(".ko") {
            found.insert(name);
        }
    }
    Ok(found)
}

/// The modules that are wanted and those that they need, by their names.
fn chosen(folder: &Path, paths: &BTreeSet<String>, wanted: &Modules) -> Result<BTreeMap<String, Module>> {
    let by_name: BTreeMap<String, &String> = paths.iter().map(|path| (name_of(path), path)).collect();
    let begins = |path: &str, list: &[String]| list.iter().any(|beginning| path.starts_with(beginning.as_str()));
    let taken = paths.iter().filter(|path| begins(path, &wanted.take) && !begins(path, &wanted.leave));
    let mut open: Vec<String> = taken.map(|path| name_of(path)).collect();
    let mut modules = BTreeMap::new();
    while let Some(name) = open.pop() {
        if modules.contains_key(&name) {
            continue;
        }
        let path = by_name.get(&name).with_context(|| format!("a module needs `{name}`, which is not there"))?;
        let module = module(&folder.join(path), path)?;
        open.extend(module.needs.iter().cloned());
        modules.insert(name, module);
    }
    Ok(modules)
}

/// The kernel does not tell `-` from `_` in names.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.trim_end_matches(".ko").replace('-', "_")
}

fn module(file: &Path, path: &str) -> Result<Module> {
    let bytes = read(file)?;
    let information = {
        let unclear = || format!("{} is no module", file.display());
        let parsed = ElfBytes::<LittleEndian>::minimal_parse(&bytes).with_context(unclear)?;
        let section = parsed.section_header_by_name(".modinfo").with_context(unclear)?.with_context(unclear)?;
        parsed.section_data(&section).with_context(unclear)?.0.to_vec()
    };
    let texts = information.split(|byte| *byte == 0).filter_map(|text| std::str::from_utf8(text).ok());
    let mut found = Module { path: path.to_owned(), bytes, needs: Vec::new(), aliases: Vec::new() };
    for (name, value) in texts.filter_map(|text| text.split_once('=')) {
        match name {
            "depends" => found.needs.extend(value.split(',').filter(|need| !need.is_empty()).map(name_of)),
            "alias" => found.aliases.push(value.to_owned()),
            // `softdep=pre: a b post: c`: what should be loaded before counts as needed if it is a module.
            _ => {}
        }
    }
    Ok(found)
}

/// What a module needs, each before those that it needs itself: `modprobe` loads from the end.
fn needs_of<'a>(modules: &'a BTreeMap<String, Module>, name: &str, order: &mut Vec<&'a str>) {
    let Some(module) = modules.get(name) else { return };
    for need in &module.needs {
        // One that was met before is needed earlier still.
        order.retain(|known| known != need);
        order.push(need);
        needs_of(modules, need, order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(list: &[(&str, &[&str])]) -> BTreeMap<String, Module> {
        let made = list.iter().map(|(name, needs)| {
            let needs = needs.iter().map(|need| (*need).to_owned()).collect();
            ((*name).to_owned(), Module { path: format!("{name}.ko"), bytes: Vec::new(), needs, aliases: Vec::new() })
        });
        made.collect()
    }

    #[test]
    fn every_module_stands_after_those_that_need_it() {
        let modules = modules(&[
            ("usb_storage", &["scsi_mod", "usbcore"]),
            ("scsi_mod", &["scsi_common", "usbcore"]),
            ("usbcore", &["usb_common"]),
            ("usb_common", &[]),
            ("scsi_common", &[]),
        ]);
        let mut order = Vec::new();
        needs_of(&modules, "usb_storage", &mut order);
        assert_eq!(order, ["scsi_mod", "scsi_common", "usbcore", "usb_common"]);
    }

    #[test]
    fn the_name_of_a_module_has_no_dashes() {
        assert_eq!(name_of("drivers/usb/storage/usb-storage.ko"), "usb_storage");
    }
}
