//! From kernel and archive to a medium that starts by BIOS and by UEFI, from a CD and from a USB stick.

use super::programs::Unpacked;
use super::tree::read;
use crate::command::{must, write};
use anyhow::{Context as _, Result, ensure};
use kanshiki_testkit::tool_path;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name of the volume.
const VOLUME: &str = "KANSHIKI_RESCUE";

/// Modules that both forms of GRUB need.
const MODULES: [&str; 14] = [
    "all_video",
    "configfile",
    "echo",
    "fat",
    "gzio",
    "iso9660",
    "linux",
    "normal",
    "part_gpt",
    "part_msdos",
    "search",
    "serial",
    "terminal",
    "reboot",
];

/// Programs of the build machine, and the packages that bring them.
const TOOLS: [(&str, &str); 6] = [
    ("dpkg-deb", "dpkg"),
    ("grub-mkimage", "grub-common"),
    ("mcopy", "mtools"),
    ("mformat", "mtools"),
    ("mmd", "mtools"),
    ("xorriso", "xorriso"),
];

/// Fails if the build machine lacks a program, naming its package.
pub(super) fn tools() -> Result<()> {
    let missing = TOOLS.iter().filter(|(name, _)| tool_path(name).is_none());
    let missing: Vec<String> = missing.map(|(name, package)| format!("`{name}` (package {package})")).collect();
    ensure!(missing.is_empty(), "missing: {}", missing.join(", "));
    Ok(())
}

/// What a medium is made of.
#[derive(Debug)]
pub(super) struct Medium<'a> {
    /// The folder of the files that stand on it.
    pub(super) files: PathBuf,
    /// A folder for what is made on the way.
    pub(super) work: &'a Path,
    /// The unpacked packages, GRUB's among them.
    pub(super) unpacked: &'a Unpacked,
    /// The digest of the list of contents, by which the started system knows its medium.
    pub(super) contents_sha256: &'a str,
    /// The one time of all files.
    pub(super) epoch: u32,
}

impl Medium<'_> {
    /// Writes the ISO.
    pub(super) fn write(&self, iso: &Path) -> Result<()> {
        let time = jiff::Timestamp::from_second(self.epoch.into())?;
        let time = time.strftime("%Y%m%d%H%M%S00").to_string();
        // The boot program finds its medium by this file, whatever the firmware calls the disk.
        let marker = format!("boot/{}", self.contents_sha256);
        write(&self.files.join(&marker), "")?;
        let early = self.work.join("early.cfg");
        write(&early, format!("search --no-floppy --set=root --file /{marker}\nset prefix=($root)/boot/grub\n"))?;
        self.bios(&early)?;
        let efi = self.efi(&early)?;
        let pc = self.package("grub-pc-bin")?.join("usr/lib/grub/i386-pc");
        // The options by which grub-mkrescue calls xorriso, with fixed times.
        let mut xorriso = self.tool("xorriso");
        xorriso.args(["-as", "mkisofs", "-quiet", "-r", "-V", VOLUME, "-volset", self.contents_sha256]);
        xorriso.arg(format!("--modification-date={time}"));
        xorriso.args(["--set_all_file_dates", &time]);
        xorriso.args(["-b", "boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"]);
        xorriso.arg("--grub2-boot-info").arg("--grub2-mbr").arg(pc.join("boot_hybrid.img"));
        xorriso.arg("--efi-boot").arg("boot/grub/efi.img").args(["-efi-boot-part", "--efi-boot-image"]);
        xorriso.arg("--protective-msdos-label").arg("-o").arg(iso).arg(&self.files);
        ensure!(efi.is_file(), "{} was not made", efi.display());
        must(&mut xorriso)
    }

    /// The boot program for BIOS.
    fn bios(&self, early: &Path) -> Result<()> {
        let image = self.files.join("boot/grub/bios.img");
        self.grub("grub-pc-bin", "i386-pc", "i386-pc-eltorito", early, &image, &["biosdisk", "vga", "vbe"])
    }

    /// The boot program for UEFI, in a small FAT filesystem as the firmware wants it.
    fn efi(&self, early: &Path) -> Result<PathBuf> {
        let program = self.work.join("bootx64.efi");
        self.grub("grub-efi-amd64-bin", "x86_64-efi", "x86_64-efi", early, &program, &["efi_gop"])?;
        let image = self.files.join("boot/grub/efi.img");
        let kib = read(&program)?.len().div_ceil(1024).saturating_add(256).next_multiple_of(32);
        write(&image, vec![0; kib.saturating_mul(1024)])?;
        let sectors = kib.saturating_mul(2).to_string();
        let serial = format!("{:08x}", self.epoch);
        let geometry = ["-T", &sectors, "-h", "2", "-s", "32", "-N", &serial, "-v", "KANSHIKI", "::"];
        must(self.tool("mformat").arg("-i").arg(&image).args(geometry))?;
        must(self.tool("mmd").arg("-i").arg(&image).args(["::/EFI", "::/EFI/BOOT"]))?;
        must(self.tool("mcopy").arg("-i").arg(&image).arg(&program).arg("::/EFI/BOOT/BOOTX64.EFI"))?;
        Ok(image)
    }

    fn grub(&self, package: &str, folder: &str, format: &str, early: &Path, to: &Path, modules: &[&str]) -> Result<()> {
        let folder = self.package(package)?.join("usr/lib/grub").join(folder);
        let mut command = self.tool("grub-mkimage");
        command.arg("-d").arg(folder).args(["-O", format, "-p", "/boot/grub", "-c"]).arg(early).arg("-o").arg(to);
        must(command.args(MODULES).args(modules))
    }

    fn package(&self, name: &str) -> Result<&Path> {
        self.unpacked.get(name).map(PathBuf::as_path).with_context(|| format!("rescue/contents.toml names no {name}"))
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.env("SOURCE_DATE_EPOCH", self.epoch.to_string()).env("TZ", "UTC").env("LC_ALL", "C");
        command
    }
}
