//! The disks of the machine: sources as those of a server whose plug was pulled, and a destination.

use crate::command::{output, write};
use crate::iso::sha256;
use anyhow::{Context as _, Result, ensure};
use kanshiki_testkit::{LoopAccess, LoopDevice, noise, tool_path};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MIB: usize = 1 << 20;

/// The serial number of the destination.
pub(super) const DESTINATION: &str = "DESTINATION1";

/// How a disk is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attached {
    Ahci,
    Nvme,
    Virtio,
    Usb,
}

/// A disk to be copied.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) attached: Attached,
    pub(super) serial: &'static str,
    /// As the manifest tells it; `null` there where this is empty.
    pub(super) model: &'static str,
    /// As QEMU is given it; empty where such a disk has none.
    pub(super) wwn: &'static str,
    pub(super) path: PathBuf,
    pub(super) sha256: String,
}

/// The four sources.
const SOURCES: [(&str, Attached, &str, &str, &str); 4] = [
    ("ahci", Attached::Ahci, "AHCI-4711", "KANSHIKI-AHCI", "5000c50015ea71aa"),
    ("nvme", Attached::Nvme, "NVME-4712", "QEMU NVMe Ctrl", "5254000000004712"),
    ("virtio", Attached::Virtio, "VIRTIO-4713", "", ""),
    ("usb", Attached::Usb, "USB-4714", "QEMU HARDDISK", ""),
];

/// Makes the disks in a folder: partitions with an ext4 whose journal was not written back, with LVM, and with swap.
pub(super) fn sources(folder: &Path) -> Result<Vec<Source>> {
    let parts = [dirty_ext4(folder)?, physical_volume(folder)?, swap(folder)?];
    let mut made = Vec::new();
    for (number, (name, attached, serial, model, wwn)) in (1..).zip(SOURCES) {
        let path = folder.join(format!("{name}.raw"));
        disk(&path, &parts, number)?;
        let sha256 = digest(&path)?;
        made.push(Source { name, attached, serial, model, wwn, path, sha256 });
    }
    Ok(made)
}

/// The SHA-256 of a disk, as it is now.
pub(super) fn digest(path: &Path) -> Result<String> {
    Ok(sha256(&std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?))
}

/// Makes the disk that copies go to.
pub(super) fn destination(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("destination.raw");
    output(tool("mkfs.ext4")?.args(["-q", "-F", "-L", "cases"]).arg(&path).arg("320M"))?;
    Ok(path)
}

/// An ext4 with a block in its journal that has to be written to its place: mounting it writes.
fn dirty_ext4(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("ext4");
    output(tool("mkfs.ext4")?.args(["-q", "-F", "-L", "root"]).arg(&path).arg("8M"))?;
    let block = folder.join("block");
    write(&block, noise(7, 1024))?;
    let script = folder.join("script");
    write(&script, format!("jo\njw -b 5000 {}\njc\n", block.display()))?;
    output(tool("debugfs")?.arg("-w").arg("-f").arg(&script).arg(&path))?;
    let said = output(tool("dumpe2fs")?.arg("-h").arg(&path))?;
    ensure!(said.contains("needs_recovery"), "debugfs left no dirty journal:\n{said}");
    Ok(path)
}

/// A physical volume with a logical volume.
fn physical_volume(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("lvm");
    write(&path, vec![0; 8 * MIB])?;
    let attached = LoopDevice::attach(&path, LoopAccess::ReadWrite, 512);
    let device = attached.path().to_str().context("a path that is not UTF-8")?.to_owned();
    let config = format!(
        "devices{{filter=[\"a|^{device}$|\",\"r|.*|\"] use_devicesfile=0}} backup{{backup=0 archive=0}} \
         activation{{udev_sync=0 udev_rules=0 monitoring=0}} global{{event_activation=0}}"
    );
    for words in [
        &["pvcreate", "-q", &device][..],
        &["vgcreate", "-q", "-s", "1m", "web-vg", &device],
        &["lvcreate", "-q", "-an", "-Zn", "-Wn", "-n", "data", "-L", "4m", "web-vg"],
    ] {
        let (name, rest) = words.split_first().context("no command")?;
        let mut command = tool(name)?;
        command.args(["--driverloaded", "n", "--config", &config]).args(rest);
        output(command.env("LVM_SYSTEM_DIR", folder.join("lvm.d")).env("LVM_SUPPRESS_FD_WARNINGS", "1"))?;
    }
    Ok(path)
}

fn swap(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("swap");
    write(&path, vec![0; 4 * MIB])?;
    output(tool("mkswap")?.arg(&path))?;
    Ok(path)
}

/// A disk with a GPT and these partitions, and with bytes of its own after them.
fn disk(path: &Path, parts: &[PathBuf], number: u64) -> Result<()> {
    let mut bytes = vec![0; MIB];
    let mut script = String::from("label: gpt\n");
    for part in parts {
        let content = std::fs::read(part).with_context(|| format!("cannot read {}", part.display()))?;
        script.push_str(&format!("start={}, size={}\n", bytes.len() / 512, content.len() / 512));
        bytes.extend(content);
    }
    bytes.extend(noise(number, MIB));
    bytes.resize(24 * MIB, 0);
    write(path, bytes)?;
    let mut command = tool("sfdisk")?;
    command.args(["-q", "--no-reread", "--no-tell-kernel", "--wipe", "never"]).arg(path);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run sfdisk")?;
    child.stdin.take().context("no way to speak to sfdisk")?.write_all(script.as_bytes())?;
    ensure!(child.wait()?.success(), "sfdisk failed");
    Ok(())
}

pub(super) fn tool(name: &str) -> Result<Command> {
    let mut command = Command::new(tool_path(name).with_context(|| format!("`{name}` is missing"))?);
    command.env("LC_ALL", "C").env("TZ", "UTC");
    Ok(command)
}
