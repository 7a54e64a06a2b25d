//! Block devices: what the kernel shows of them, who uses them, and how they are kept from being written.
//!
//! A device is known by its number. Everything is asked of `/sys/dev/block/MAJOR:MINOR` and of descriptors whose number
//! was checked, so that a path that changes its meaning changes nothing here.

mod facts;
pub mod guard;
mod hidden;
mod mounts;
mod openers;
mod place;
mod protection;
mod smart;
mod state;
mod sysfs;
mod transport;
mod usage;

#[cfg(test)]
mod fake;

pub use protection::{PROTECTS_NOT, WriteProtection};

pub(crate) use mounts::root_filesystem;
pub(crate) use sysfs::{Roots, open as sysfs_open, read_limited, read_text, shown, text_fact};

use crate::ioctl;
use kanshiki_model::Fact;
use rustix::fs::{FileType, fstat, major, minor};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// The unit in which the kernel counts sizes and writes in sysfs, in bytes, whatever the device's sectors are.
const KERNEL_SECTOR_BYTES: u64 = 512;

/// The number by which the kernel knows a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNumber {
    /// The driver.
    pub major: u32,
    /// The device among those of the driver.
    pub minor: u32,
}

impl DeviceNumber {
    /// The number in the form of `st_dev` and `st_rdev`.
    pub(crate) fn from_raw(raw: u64) -> Self {
        Self { major: major(raw), minor: minor(raw) }
    }
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

impl FromStr for DeviceNumber {
    type Err = io::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.trim().split_once(':');
        let numbers = parts.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        match numbers {
            Some((major, minor)) => Ok(Self { major, minor }),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "expected a device number such as 8:1")),
        }
    }
}

/// A disk, a partition, or a device that the kernel makes of others (mapper, array, loop).
#[derive(Clone)]
pub struct BlockDevice {
    roots: Arc<Roots>,
    number: DeviceNumber,
    name: String,
    folder: PathBuf,
    sequence: Option<u64>,
}

impl fmt::Debug for BlockDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockDevice({} {})", self.name, self.number)
    }
}

impl PartialEq for BlockDevice {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number && self.folder == other.folder
    }
}

impl Eq for BlockDevice {}

impl BlockDevice {
    /// The device behind an open descriptor; `None` if that is no block device.
    ///
    /// # Errors
    ///
    /// The operating system's; [`io::ErrorKind::NotFound`] if sysfs does not show the device.
    pub fn of_file(file: &File) -> io::Result<Option<Self>> {
        let status = fstat(file)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::BlockDevice {
            return Ok(None);
        }
        let mut device = Self::of_number(&Arc::new(Roots::system()), DeviceNumber::from_raw(status.st_rdev))?;
        device.sequence = ioctl::disk_sequence(file).ok().or(device.sequence);
        Ok(Some(device))
    }

    /// The device with this number.
    pub(crate) fn of_number(roots: &Arc<Roots>, number: DeviceNumber) -> io::Result<Self> {
        Self::of_folder(roots, &roots.sys.join("dev/block").join(number.to_string()))
    }

    /// The device with this name of the kernel.
    pub(crate) fn of_name(roots: &Arc<Roots>, name: &str) -> io::Result<Self> {
        if name.is_empty() || name.starts_with('.') || name.contains('/') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a name of a block device"));
        }
        Self::of_folder(roots, &roots.sys.join("class/block").join(name))
    }

    /// The device with this number, as the kernel shows it now.
    ///
    /// # Errors
    ///
    /// The operating system's; [`io::ErrorKind::NotFound`] if there is none.
    pub fn numbered(number: DeviceNumber) -> io::Result<Self> {
        Self::of_number(&Arc::new(Roots::system()), number)
    }

    /// Every device that has a number: disks, partitions, what is made of them; in the order of their names.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let roots = Arc::new(Roots::system());
        let names = sysfs::names(&roots.sys.join("class/block")).into_iter();
        names.filter_map(|name| Self::of_name(&roots, &name).ok()).collect()
    }

    fn of_folder(roots: &Arc<Roots>, link: &Path) -> io::Result<Self> {
        let folder = fs::canonicalize(link)?;
        let number = read_text(&folder.join("dev"))?.parse()?;
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let mut device = Self { roots: Arc::clone(roots), number, name, folder, sequence: None };
        device.sequence = device.disk_sequence();
        Ok(device)
    }

    /// The whole disks that have bytes and are not hidden behind others, in the order of their names.
    #[must_use]
    pub fn all_disks() -> Vec<Self> {
        let roots = Arc::new(Roots::system());
        let disks =
            sysfs::names(&roots.sys.join("block")).into_iter().filter_map(|name| Self::of_name(&roots, &name).ok());
        let is_hidden = |disk: &Self| sysfs::read_number(&disk.folder.join("hidden")).is_ok_and(|hidden| hidden != 0);
        disks
            .filter(|disk| !is_hidden(disk) && !disk.name.starts_with("ram"))
            .filter(|disk| disk.size_bytes().is_ok_and(|bytes| bytes > 0))
            .collect()
    }

    /// Whether the kernel refuses writes to the device; `None` if it does not say.
    #[must_use]
    pub fn is_read_only(&self) -> Option<bool> {
        sysfs::read_number(&self.folder.join("ro")).ok().map(|flag| flag != 0)
    }

    /// The kernel's name, such as `sda1`.
    #[must_use]
    pub fn name(&self) -> String {
        kanshiki_model::visible_text(&self.name)
    }

    /// The kernel's number.
    #[must_use]
    pub const fn number(&self) -> DeviceNumber {
        self.number
    }

    /// Where the device's node is by the kernel's own word, such as `/dev/sda1`.
    #[must_use]
    pub fn node(&self) -> PathBuf {
        let uevent = sysfs::read_bytes(&self.folder.join("uevent")).unwrap_or_default();
        let told = uevent.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"DEVNAME="));
        let told = told.and_then(|name| std::str::from_utf8(name).ok());
        // The kernel writes `!` in names of folders for the `/` of names such as `cciss/c0d0`.
        let name = told.map_or_else(|| self.name.replace('!', "/"), str::to_owned);
        let name = Path::new(&name).strip_prefix("/dev").unwrap_or(Path::new(&name)).to_owned();
        self.roots.dev.join(name)
    }

    /// Whether this is a part of a disk.
    #[must_use]
    pub fn is_partition(&self) -> bool {
        self.folder.join("partition").exists()
    }

    /// The disk of which this is a partition; the device itself if it is none.
    #[must_use]
    pub fn whole_disk(&self) -> Self {
        if !self.is_partition() {
            return self.clone();
        }
        let parent = self.folder.parent().and_then(|folder| Self::of_folder(&self.roots, folder).ok());
        parent.unwrap_or_else(|| self.clone())
    }

    /// The partitions of the disk as the kernel sees them, in the order of their names.
    #[must_use]
    pub fn partitions(&self) -> Vec<Self> {
        let folders = sysfs::names(&self.folder).into_iter().map(|name| self.folder.join(name));
        let folders = folders.filter(|folder| folder.join("partition").exists());
        let mut partitions: Vec<Self> =
            folders.filter_map(|folder| Self::of_folder(&self.roots, &folder).ok()).collect();
        partitions.sort_by_key(|device| sysfs::read_number(&device.folder.join("partition")).unwrap_or(u64::MAX));
        partitions
    }

    /// The length in bytes.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn size_bytes(&self) -> io::Result<u64> {
        Ok(sysfs::read_number(&self.folder.join("size"))?.saturating_mul(KERNEL_SECTOR_BYTES))
    }

    /// The smallest unit that the device reads, in bytes.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn logical_sector_bytes(&self) -> io::Result<u64> {
        sysfs::read_number(&self.whole_folder().join("queue/logical_block_size"))
    }

    /// The unit in which the device stores, in bytes.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn physical_sector_bytes(&self) -> io::Result<u64> {
        sysfs::read_number(&self.whole_folder().join("queue/physical_block_size"))
    }

    /// The number of the disk among all that the kernel has seen since it started: another disk in the same place has
    /// another number. Kernels before 5.15 have none.
    #[must_use]
    pub fn disk_sequence(&self) -> Option<u64> {
        sysfs::read_number(&self.whole_folder().join("diskseq")).ok()
    }

    /// The 512-byte sectors that were written to the whole disk since the kernel found it. With NVMe multipath they are
    /// counted on the hidden path devices, and their sum is given.
    #[must_use]
    pub fn sectors_written(&self) -> Fact {
        self.counted(7)
    }

    /// The 512-byte sectors that were discarded on the whole disk since the kernel found it, counted like those written.
    /// Kernels before 4.18 do not count them.
    #[must_use]
    pub fn sectors_discarded(&self) -> Fact {
        self.counted(14)
    }

    /// A number of the `stat` file, counted from 1.
    fn counted(&self, field: usize) -> Fact {
        let whole = self.whole_disk();
        let paths = whole.hidden_paths();
        let counted = if paths.is_empty() { vec![whole.folder.clone()] } else { paths };
        let mut sum = 0_u64;
        for folder in &counted {
            let stat = folder.join("stat");
            match sysfs::read_bytes(&stat).map(|text| parse_stat(&text, field)) {
                Ok(Some(sectors)) => sum = sum.saturating_add(sectors),
                Ok(None) => return Fact::unknown(format!("{} has no number {field}", shown(&stat))),
                Err(error) => return sysfs::no_value(&stat, &error),
            }
        }
        let sources: Vec<String> = counted.iter().map(|folder| shown(&folder.join("stat"))).collect();
        Fact::probed(sum, format!("field {field} of {}", sources.join(" and ")))
    }

    /// Whether the device behind the descriptor is no longer there, or has become another.
    #[must_use]
    pub fn is_gone(&self, descriptor: &File) -> bool {
        let size = ioctl::size_bytes(descriptor);
        let shown_now = sysfs::read_text(&self.folder.join("dev")).is_ok_and(|text| text == self.number.to_string());
        let same = match (self.sequence, self.disk_sequence()) {
            (Some(before), Some(now)) => before == now,
            _ => true,
        };
        !matches!(size, Ok(1..)) || !shown_now || !same
    }

    /// Opens the device's node for reading and makes sure that it is this device. Never waits for a medium.
    ///
    /// # Errors
    ///
    /// The operating system's; [`io::ErrorKind::InvalidData`] if the node belongs to another device by now.
    pub fn open_node(&self) -> io::Result<File> {
        let node = self.node();
        let file = sysfs::open(&node)?;
        let status = fstat(&file)?;
        let same_number = FileType::from_raw_mode(status.st_mode) == FileType::BlockDevice
            && DeviceNumber::from_raw(status.st_rdev) == self.number;
        let same_disk = match (self.sequence, ioctl::disk_sequence(&file)) {
            (Some(known), Ok(now)) => known == now,
            _ => true,
        };
        if same_number && same_disk {
            Ok(file)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is not the device {} any more", shown(&node), self.number),
            ))
        }
    }

    /// The folder of the device in sysfs.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn roots(&self) -> &Arc<Roots> {
        &self.roots
    }

    fn whole_folder(&self) -> PathBuf {
        match self.folder.parent() {
            Some(parent) if self.is_partition() => parent.to_owned(),
            _ => self.folder.clone(),
        }
    }

    /// The folders of the hidden path devices of an NVMe disk: `nvme0c1n2` is a path of `nvme0n2`.
    fn hidden_paths(&self) -> Vec<PathBuf> {
        let Some((subsystem, namespace)) = self.name.strip_prefix("nvme").and_then(|rest| rest.split_once('n')) else {
            return Vec::new();
        };
        let paths = sysfs::names(&self.roots.sys.join("block")).into_iter().filter(|name| {
            let parts = name.strip_prefix("nvme").and_then(|rest| rest.split_once('c'));
            let controller = parts.and_then(|(owner, rest)| Some((owner, rest.split_once('n')?)));
            controller.is_some_and(|(owner, (_, space))| owner == subsystem && space == namespace)
        });
        let paths = paths.filter_map(|name| Self::of_hidden_name(&self.roots, &name));
        paths.collect()
    }

    /// Hidden devices have a folder but no number.
    fn of_hidden_name(roots: &Roots, name: &str) -> Option<PathBuf> {
        let folder = fs::canonicalize(roots.sys.join("block").join(name)).ok()?;
        sysfs::read_number(&folder.join("hidden")).is_ok_and(|flag| flag != 0).then_some(folder)
    }
}

/// A number of a `stat` file, counted from 1: the seventh is that of sectors of 512 bytes written, the fourteenth that of
/// sectors discarded. Source: Linux 6.12, Documentation/block/stat.rst.
fn parse_stat(text: &[u8], field: usize) -> Option<u64> {
    let mut fields = text.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    std::str::from_utf8(fields.nth(field.checked_sub(1)?)?).ok()?.parse().ok()
}
