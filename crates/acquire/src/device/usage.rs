//! Who uses a device: mounts, swap, and devices made on top of it.

use super::mounts::{Mount, read_mounts, read_swaps};
use super::sysfs::{self, Roots};
use super::{BlockDevice, DeviceNumber};
use kanshiki_model::visible;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;

/// Filesystems that show what they have mounted, by device name, in `/sys/fs`. They show it for all namespaces.
const SHOWN_BY_DEVICE: [&str; 3] = ["ext4", "xfs", "f2fs"];

/// Who uses a device, its partitions, and what is made of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Usage {
    pub(crate) mounts: Vec<MountedOn>,
    /// Filesystems that are mounted on it although no mount is seen: (device, kind).
    pub(crate) unseen: Vec<(String, String)>,
    /// Names of devices that are swap areas.
    pub(crate) swaps: Vec<String>,
    pub(crate) holders: Vec<Holder>,
    /// What could not be read; what it would have shown is not known.
    pub(crate) unknown: Vec<String>,
}

/// A filesystem of the device, and where it is mounted.
#[derive(Debug, Clone)]
pub(crate) struct MountedOn {
    pub(crate) device: String,
    pub(crate) mount: Mount,
}

/// A device that is made of another.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pub(crate) held: String,
    pub(crate) by: String,
    pub(crate) description: String,
    pub(crate) read_only: bool,
}

impl Usage {
    /// Who uses the device now.
    pub(crate) fn of(device: &BlockDevice) -> Self {
        let mut usage = Self::default();
        let stack = usage.stack_above(device);
        usage.find_mounts(device.roots(), &stack);
        usage.find_swaps(device.roots(), &stack);
        usage
    }

    /// Whether programs may write to the device through a filesystem, a swap area or a device on top.
    pub(crate) fn may_write(&self) -> bool {
        !self.swaps.is_empty()
            || !self.unseen.is_empty()
            || self.mounts.iter().any(|mounted| !mounted.mount.is_read_only())
            || self.holders.iter().any(|holder| !holder.read_only)
    }

    /// The device, its partitions, and all devices made of them.
    fn stack_above(&mut self, device: &BlockDevice) -> Vec<BlockDevice> {
        let mut stack = vec![device.clone()];
        if device.is_partition() {
            // What is made of the whole disk is made of its partitions too; its other partitions are not.
            let whole = device.whole_disk();
            stack.extend(self.made_of(&whole));
            stack.push(whole);
        }
        let disk = device.is_partition().then(|| device.whole_disk());
        let mut next = 0;
        while let Some(current) = stack.get(next).cloned() {
            next += 1;
            if disk.as_ref() == Some(&current) {
                continue;
            }
            let mut above = self.made_of(&current);
            above.extend(current.partitions());
            for upper in above {
                if !stack.contains(&upper) {
                    stack.push(upper);
                }
            }
        }
        stack
    }

    /// The devices made directly of this one, noted as its holders.
    fn made_of(&mut self, device: &BlockDevice) -> Vec<BlockDevice> {
        let mut names: BTreeSet<String> = sysfs::names(&device.folder().join("holders")).into_iter().collect();
        names.extend(loops_over(device));
        let mut above = Vec::new();
        for name in names {
            let upper = BlockDevice::of_name(device.roots(), &name);
            self.holders.push(Holder {
                held: device.name(),
                by: kanshiki_model::visible_text(&name),
                description: upper.as_ref().map_or_else(|_| "of unknown kind".to_owned(), describe),
                read_only: upper.as_ref().is_ok_and(is_read_only),
            });
            above.extend(upper.ok());
        }
        above
    }

    fn find_mounts(&mut self, roots: &Arc<Roots>, stack: &[BlockDevice]) {
        let mounts = match read_mounts(roots) {
            Ok(mounts) => mounts,
            Err(error) => {
                self.unknown.push(format!("the table of mounts cannot be read: {error}"));
                Vec::new()
            }
        };
        let numbers: BTreeSet<DeviceNumber> = stack.iter().map(BlockDevice::number).collect();
        for mount in mounts {
            let used = devices_of_mount(roots, &mount).into_iter().find(|number| numbers.contains(number));
            if let Some(number) = used {
                let device = stack.iter().find(|device| device.number() == number);
                let device = device.map_or_else(|| number.to_string(), BlockDevice::name);
                self.mounts.push(MountedOn { device, mount });
            }
        }
        for device in stack {
            self.find_unseen(device);
        }
    }

    /// Filesystems that the kernel has mounted from the device without a mount that this process sees.
    fn find_unseen(&mut self, device: &BlockDevice) {
        let name = device.name();
        if self.mounts.iter().any(|mounted| mounted.device == name) {
            return;
        }
        let shown = device.roots().sys.join("fs");
        for kind in SHOWN_BY_DEVICE {
            if shown.join(kind).join(&device.name).is_dir() {
                self.unseen.push((name.clone(), kind.to_owned()));
            }
        }
        let btrfs = shown.join("btrfs");
        for filesystem in sysfs::names(&btrfs) {
            let member = btrfs.join(&filesystem).join("devices").join(&device.name).exists();
            let seen = self.mounts.iter().any(|mounted| mounted.mount.kind == b"btrfs");
            if member && !seen {
                self.unseen.push((name.clone(), format!("btrfs {}", visible(filesystem.as_bytes()))));
            }
        }
    }

    fn find_swaps(&mut self, roots: &Arc<Roots>, stack: &[BlockDevice]) {
        match read_swaps(roots) {
            Ok(swaps) => {
                let numbers = swaps.iter().filter_map(|swap| number_of_node(roots, &swap.path));
                for number in numbers {
                    self.swaps.extend(stack.iter().filter(|device| device.number() == number).map(BlockDevice::name));
                }
            }
            // A kernel without swap has no such file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.unknown.push(format!("the table of swap areas cannot be read: {error}")),
        }
    }
}

/// The devices on which a mounted filesystem lies. Filesystems over several devices (btrfs) show a number of no device;
/// theirs are found by the source and by the filesystem's own list.
pub(crate) fn devices_of_mount(roots: &Arc<Roots>, mount: &Mount) -> Vec<DeviceNumber> {
    if mount.device.major != 0 {
        return vec![mount.device];
    }
    let sources = mount.source.split(|byte| *byte == b':');
    let mut numbers: Vec<DeviceNumber> = sources.filter_map(|path| number_of_node(roots, path)).collect();
    if mount.kind == b"btrfs" {
        let listed = roots.sys.join("fs/btrfs");
        for filesystem in sysfs::names(&listed) {
            let members = members_of_btrfs(roots, &listed.join(filesystem));
            if members.iter().any(|member| numbers.contains(member)) {
                numbers.extend(members);
            }
        }
    }
    numbers.sort();
    numbers.dedup();
    numbers
}

fn members_of_btrfs(roots: &Arc<Roots>, filesystem: &Path) -> Vec<DeviceNumber> {
    let names = sysfs::names(&filesystem.join("devices"));
    let devices = names.iter().filter_map(|name| BlockDevice::of_name(roots, name).ok());
    devices.map(|device| device.number()).collect()
}

/// The number of the device that a path below `/dev` names. Other paths are not touched: one on a network filesystem
/// may never answer.
pub(crate) fn number_of_node(roots: &Arc<Roots>, path: &[u8]) -> Option<DeviceNumber> {
    let below = Path::new(std::ffi::OsStr::from_bytes(path.strip_prefix(b"/dev/")?));
    let status = fs::metadata(roots.dev.join(below)).ok();
    if let Some(status) = status.filter(|status| status.file_type().is_block_device()) {
        return Some(DeviceNumber::from_raw(status.rdev()));
    }
    // The node may be missing in this namespace, while the kernel knows the device by the same name.
    let name = below.to_str()?.replace('/', "!");
    BlockDevice::of_name(roots, &name).ok().map(|device| device.number())
}

/// Loop devices over the device itself (not over a file on it); they are not among its holders.
fn loops_over(device: &BlockDevice) -> Vec<String> {
    let disks = sysfs::names(&device.roots().sys.join("block"));
    let loops = disks.into_iter().filter(|name| {
        let attribute = device.roots().sys.join("block").join(name).join("loop/backing_file");
        let backing = sysfs::read_bytes(&attribute).unwrap_or_default();
        number_of_node(device.roots(), sysfs::trim(&backing)) == Some(device.number())
    });
    loops.collect()
}

fn is_read_only(device: &BlockDevice) -> bool {
    sysfs::read_number(&device.folder().join("ro")).is_ok_and(|flag| flag != 0)
}

/// What kind of device was made, with its name where it has one.
pub(crate) fn describe(device: &BlockDevice) -> String {
    let folder = device.folder();
    if let Ok(name) = sysfs::read_text(&folder.join("dm/name")) {
        return format!("device mapper, {name}");
    }
    for (attribute, kind) in [("md", "md array"), ("bcache", "bcache"), ("loop", "loop device")] {
        if folder.join(attribute).exists() {
            return kind.to_owned();
        }
    }
    "a device made of it".to_owned()
}
