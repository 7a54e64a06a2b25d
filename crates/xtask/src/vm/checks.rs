//! What is looked at from outside when the machine is off.

use super::disks::{Attached, Source, digest, tool};
use crate::command::{output, remove};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The disk is what it was.
pub(super) fn unchanged(source: &Source) -> Result<()> {
    let now = digest(&source.path)?;
    ensure!(now == source.sha256, "{} was {} and is {now}", source.name, source.sha256);
    Ok(())
}

/// The copy is the disk, and its manifest tells of it what QEMU was given.
pub(super) fn copied(source: &Source, destination: &Path, folder: &Path, iso_sha256: &str) -> Result<()> {
    let exhibit = format!("/case/exhibits/{}", source.name);
    let image = out_of(destination, &format!("{exhibit}/image.raw"), folder)?;
    let copy = digest(&image)?;
    remove(&image)?;
    ensure!(copy == source.sha256, "the copy of {} is {copy}, expected {}", source.name, source.sha256);
    let manifest = out_of(destination, &format!("{exhibit}/manifest.json"), folder)?;
    let manifest: Value = serde_json::from_slice(&std::fs::read(&manifest)?).context("the manifest")?;
    let told = |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let is = |pointer: &str, expected: &str| {
        let found = told(pointer);
        ensure!(found == expected, "{}: {pointer} is `{found}`, expected `{expected}`", source.name);
        Ok(())
    };
    is("/image/digests/sha256", &source.sha256)?;
    is("/source/facts/serial/value", source.serial)?;
    is("/source/facts/model/value", source.model)?;
    is("/source/facts/wwid/value", &wwid(source))?;
    is("/host/rescue_iso_sha256/value", iso_sha256)?;
    for state in ["state_before", "state_after"] {
        let pointer = format!("/run/{state}/sectors_written/value");
        let written = manifest.pointer(&pointer).and_then(Value::as_u64);
        ensure!(written == Some(0), "{}: {pointer} is {written:?}, expected 0", source.name);
    }
    let destinations = manifest.pointer("/host/rescue_destinations/value/0/serial").and_then(Value::as_str);
    ensure!(destinations == Some(super::disks::DESTINATION), "{}: the destination is {destinations:?}", source.name);
    Ok(())
}

/// The world-wide name as Linux tells it.
fn wwid(source: &Source) -> String {
    match source.attached {
        Attached::Ahci => format!("naa.{}", source.wwn),
        // Linux does not believe the identifiers of QEMU's controller (NVME_QUIRK_BOGUS_NID of drivers/nvme/host/pci.c),
        // and makes a name of vendor, serial number, model and namespace.
        Attached::Nvme => format!("nvme.1b36-{}-{}-00000001", hex(source.serial), hex(source.model)),
        Attached::Virtio | Attached::Usb => String::new(),
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A file out of an ext4, by debugfs.
fn out_of(disk: &Path, path: &str, folder: &Path) -> Result<PathBuf> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let to = folder.join(name);
    remove(&to)?;
    output(tool("debugfs")?.arg("-R").arg(format!("dump {path} {}", to.display())).arg(disk))?;
    ensure!(to.is_file(), "{} has no {path}", disk.display());
    Ok(to)
}
