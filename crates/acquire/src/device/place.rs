//! On which devices a path lies: through partitions, mappers, arrays, overlays and loops down to the disks.

use super::mounts::{Mount, read_mounts};
use super::sysfs::{self, Roots, shown};
use super::usage::{devices_of_mount, number_of_node};
use super::{BlockDevice, DeviceNumber};
use crate::ioctl;
use kanshiki_model::{Fact, Facts, visible, visible_text};
use rustix::fs::{AtFlags, CWD, StatxFlags, statfs, statvfs, statx};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// How many filesystems may lie in files of filesystems before the walk gives up.
const DEPTH: usize = 16;

/// The magic number of FAT filesystems. Source: Linux 6.12, include/uapi/linux/magic.h.
const MSDOS_SUPER_MAGIC: u64 = 0x4d44;

/// The largest file on FAT, in bytes: its directory entry has 32 bits for the length.
const FAT_FILE_BYTES: u64 = u32::MAX as u64;

/// Says why writing to `destination` would write to the source; `None` if it does not.
///
/// The destination need not exist: the nearest folder above it that does counts. If the source is a partition, another
/// partition of its disk is no reason; see [`shares_disk_with`].
///
/// # Errors
///
/// The operating system's, if it cannot be told where the destination lies.
pub fn lies_on(destination: &Path, source: &BlockDevice) -> io::Result<Option<String>> {
    let ground = Ground::of_path(source.roots(), &existing(destination)?)?;
    Ok(ground.reason_against(source))
}

/// Says that `destination` lies on another partition of the source's disk; `None` if it does not.
///
/// # Errors
///
/// As [`lies_on`].
pub fn shares_disk_with(destination: &Path, source: &BlockDevice) -> io::Result<Option<String>> {
    let ground = Ground::of_path(source.roots(), &existing(destination)?)?;
    Ok(ground.note_about(source))
}

/// Says why writing to `destination` would write to the source, a regular file; `None` if it does not.
///
/// It would if it is that file, or lies in a filesystem that is mounted from it through a loop.
///
/// # Errors
///
/// As [`lies_on`].
pub fn file_lies_on(destination: &Path, source: &File) -> io::Result<Option<String>> {
    let source = source.metadata()?;
    let place = existing(destination)?;
    let status = fs::metadata(&place)?;
    if (status.dev(), status.ino()) == (source.dev(), source.ino()) {
        return Ok(Some("the destination is the source itself".to_owned()));
    }
    let ground = match Ground::of_path(&Arc::new(Roots::system()), &place) {
        Ok(ground) => ground,
        // Without /proc, as in an empty chroot, a loop over the file cannot be told; the file itself was compared.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let inside = ground.files.contains(&(source.dev(), source.ino()));
    Ok(inside.then(|| "the destination lies in a filesystem that is mounted from the source".to_owned()))
}

/// Whether the path names a block device.
#[must_use]
pub fn is_block_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|status| status.file_type().is_block_device())
}

/// The bytes that can still be written to the filesystem that holds the path, or would hold it.
///
/// # Errors
///
/// The operating system's.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let status = statvfs(&existing(path)?)?;
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
}

/// The number of the filesystem that holds the path, or would hold it; `None` if it cannot be told.
#[must_use]
pub fn filesystem_number(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Some(fs::metadata(existing(path).ok()?).ok()?.dev())
}

/// The largest file that the filesystem of the path can hold, in bytes, where that is a limit to think of: FAT.
#[must_use]
pub fn largest_file_bytes(path: &Path) -> Option<u64> {
    let status = statfs(&existing(path).ok()?).ok()?;
    let magic = u64::try_from(status.f_type).ok()?;
    (magic == MSDOS_SUPER_MAGIC).then_some(FAT_FILE_BYTES)
}

/// The filesystem that holds the path, or would hold it: kind, device, mount point, options, room.
#[must_use]
pub fn filesystem_facts(path: &Path) -> Facts {
    let roots = Arc::new(Roots::system());
    let mut facts = Facts::new();
    let mut put = |name: &str, fact: Fact| facts.insert(name.to_owned(), fact);
    let mount = existing(path).and_then(|place| {
        let mounts = read_mounts(&roots)?;
        mount_of(&roots, &mounts, &place).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    });
    match &mount {
        Ok(mount) => {
            let told = |bytes: &[u8]| Fact::probed(visible(bytes), "/proc/self/mountinfo");
            put("filesystem_type", told(&mount.kind));
            put("device", told(&mount.source));
            put("device_number", told(mount.device.to_string().as_bytes()));
            put("mount_point", told(&mount.mount_point));
            put("mount_options", told(mount.options.as_bytes()));
            put("filesystem_options", told(&mount.super_options));
        }
        Err(error) => {
            let reason = format!("the mount of {} is not found in /proc/self/mountinfo: {error}", shown(path));
            for name in ["filesystem_type", "device", "device_number", "mount_point", "mount_options"] {
                put(name, Fact::unknown(reason.clone()));
            }
            put("filesystem_options", Fact::unknown(reason));
        }
    }
    match existing(path).and_then(|place| Ok(statvfs(&place)?)) {
        Ok(status) => {
            put("free_bytes", Fact::probed(status.f_bavail.saturating_mul(status.f_frsize), "statvfs"));
            put("total_bytes", Fact::probed(status.f_blocks.saturating_mul(status.f_frsize), "statvfs"));
        }
        Err(error) => {
            put("free_bytes", Fact::unknown(format!("statvfs: {error}")));
            put("total_bytes", Fact::unknown(format!("statvfs: {error}")));
        }
    }
    facts
}

/// The nearest place above a path, or the path itself, that exists, without symbolic links.
/// The path as the system resolves it, however much of it exists: two that are equal are one place.
///
/// # Errors
///
/// The operating system's.
pub fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut absolute = std::path::absolute(path)?;
    // A link to what is not there yet is that place all the same. Links that lead in a circle end with an error below.
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&absolute) else { break };
        absolute = absolute.parent().unwrap_or(Path::new("/")).join(target);
    }
    let mut place = existing(&absolute)?;
    let rest = absolute.ancestors().find(|above| fs::canonicalize(above).is_ok_and(|found| found == place));
    for component in rest.and_then(|above| absolute.strip_prefix(above).ok()).unwrap_or(Path::new("")).components() {
        match component {
            Component::ParentDir => drop(place.pop()),
            Component::Normal(name) => place.push(name),
            _ => {}
        }
    }
    Ok(place)
}

fn existing(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    for place in absolute.ancestors() {
        match fs::canonicalize(place) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            other => return other,
        }
    }
    Err(io::Error::from(io::ErrorKind::NotFound))
}

/// The mount that holds a place. The kernel tells its number (from Linux 5.8); else the longest mount point that leads
/// to the place counts, the last if there are several.
fn mount_of<'a>(roots: &Roots, mounts: &'a [Mount], place: &Path) -> Option<&'a Mount> {
    if roots.are_of_system()
        && let Ok(status) = statx(CWD, place, AtFlags::empty(), StatxFlags::MNT_ID)
        && StatxFlags::from_bits_retain(status.stx_mask).contains(StatxFlags::MNT_ID)
        && let Some(mount) = mounts.iter().find(|mount| mount.id == status.stx_mnt_id)
    {
        return Some(mount);
    }
    let leads = |mount: &&Mount| place.starts_with(OsStr::from_bytes(&mount.mount_point));
    mounts.iter().filter(leads).max_by_key(|mount| mount.mount_point.len())
}

/// What a place stands on.
#[derive(Debug, Default)]
struct Ground {
    /// Every device below the place, the nearest first; the whole disk of a partition only where it is used as such.
    devices: Vec<BlockDevice>,
    /// Files that are devices through loops: number of the filesystem, and inode.
    files: Vec<(u64, u64)>,
}

impl Ground {
    fn of_path(roots: &Arc<Roots>, place: &Path) -> io::Result<Self> {
        let mounts = read_mounts(roots)?;
        let mut ground = Self::default();
        ground.add_place(roots, &mounts, place, 0)?;
        Ok(ground)
    }

    fn reason_against(&self, source: &BlockDevice) -> Option<String> {
        let whole = source.whole_disk();
        self.devices.iter().find_map(|device| {
            let name = device.name();
            if device == source {
                Some(format!("the destination lies on {name}, the source"))
            } else if device.whole_disk() == *source {
                Some(format!("the destination lies on {name}, a partition of the source"))
            } else if *device == whole {
                Some(format!("the destination lies on {name}, the disk of which the source is a partition"))
            } else {
                None
            }
        })
    }

    fn note_about(&self, source: &BlockDevice) -> Option<String> {
        if self.reason_against(source).is_some() {
            return None;
        }
        let whole = source.whole_disk();
        let beside = self.devices.iter().find(|device| device.whole_disk() == whole)?;
        Some(format!(
            "the destination lies on {}, another partition of the source's disk {}",
            beside.name(),
            whole.name()
        ))
    }

    fn add_place(&mut self, roots: &Arc<Roots>, mounts: &[Mount], place: &Path, depth: usize) -> io::Result<()> {
        if depth > DEPTH {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("more than {DEPTH} filesystems in files")));
        }
        let Some(mount) = mount_of(roots, mounts, place) else {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("no mount holds {}", shown(place))));
        };
        for number in devices_of_mount(roots, mount) {
            self.add_number(roots, mounts, number, depth)?;
        }
        if mount.kind == b"overlay"
            && let Some(upper) = mount.super_option("upperdir")
        {
            // The upper folder may lie where only the system's start could see it; then nothing can be said of it.
            let upper = PathBuf::from(OsStr::from_bytes(upper));
            if upper.is_dir() || !roots.are_of_system() {
                self.add_place(roots, mounts, &upper, depth + 1)?;
            }
        }
        Ok(())
    }

    fn add_number(
        &mut self,
        roots: &Arc<Roots>,
        mounts: &[Mount],
        number: DeviceNumber,
        depth: usize,
    ) -> io::Result<()> {
        let device = BlockDevice::of_number(roots, number)?;
        self.add_device(mounts, device, depth)
    }

    fn add_device(&mut self, mounts: &[Mount], device: BlockDevice, depth: usize) -> io::Result<()> {
        if self.devices.contains(&device) {
            return Ok(());
        }
        let whole = device.whole_disk();
        self.devices.push(device.clone());
        let mut made_of = vec![device];
        made_of.extend((made_of.first() != Some(&whole)).then_some(whole));
        for upper in made_of {
            for name in sysfs::names(&upper.folder().join("slaves")) {
                self.add_device(mounts, BlockDevice::of_name(upper.roots(), &name)?, depth)?;
            }
            if upper.folder().join("loop/backing_file").exists() {
                self.add_backing(mounts, &upper, depth)?;
            }
        }
        Ok(())
    }

    /// Adds the file or device behind a loop.
    fn add_backing(&mut self, mounts: &[Mount], device: &BlockDevice, depth: usize) -> io::Result<()> {
        let roots = device.roots();
        let text = sysfs::read_bytes(&device.folder().join("loop/backing_file"))?;
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        if let Some(number) = number_of_node(roots, text) {
            return self.add_number(roots, mounts, number, depth);
        }
        // The name may be stale (the file moved, or lies in another namespace): the kernel is asked first.
        let path = PathBuf::from(OsStr::from_bytes(text));
        let asked = device.open_node().and_then(|file| ioctl::loop_backing(&file)).ok();
        let named = || fs::metadata(&path).ok().map(|status| (status.dev(), status.ino()));
        let identity = asked.or_else(named);
        self.files.extend(identity);
        let number = identity.map(|(filesystem, _)| DeviceNumber::from_raw(filesystem));
        match number.filter(|number| number.major != 0).map(|number| BlockDevice::of_number(roots, number)) {
            Some(Ok(below)) if roots.are_of_system() => self.add_device(mounts, below, depth),
            _ => self.add_place(roots, mounts, &path, depth + 1).map_err(|error| {
                let name = visible_text(&device.name());
                io::Error::new(error.kind(), format!("the file behind {name} is not found: {error}"))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::Tree;
    use super::*;

    fn two_disks() -> Tree {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/block");
        tree.partition("sda", "sda1", 1, 8, 1);
        tree.partition("sda", "sda2", 2, 8, 2);
        tree.disk("sdb", 8, 16, "devices/pci0/ata2/block");
        tree
    }

    fn reason(tree: &Tree, place: &str, source: &str) -> Option<String> {
        Ground::of_path(tree.roots(), Path::new(place)).unwrap().reason_against(&tree.device(source))
    }

    #[test]
    fn a_destination_on_a_partition_lies_on_the_disk_and_on_that_partition_alone() {
        let tree = two_disks();
        tree.mounts("1 0 8:16 / / rw - ext4 /dev/sdb rw\n2 1 8:1 / /out rw - ext4 /dev/sda1 rw\n");
        assert_eq!(
            reason(&tree, "/out/case", "sda").as_deref(),
            Some("the destination lies on sda1, a partition of the source")
        );
        assert!(reason(&tree, "/out/case", "sda1").is_some());
        assert_eq!(reason(&tree, "/out/case", "sda2"), None);
        assert_eq!(reason(&tree, "/out/case", "sdb"), None);
        assert!(reason(&tree, "/home", "sdb").is_some());
    }

    #[test]
    fn another_partition_of_the_disk_is_worth_a_note() {
        let tree = two_disks();
        tree.mounts("2 1 8:1 / /out rw - ext4 /dev/sda1 rw\n");
        let ground = Ground::of_path(tree.roots(), Path::new("/out")).unwrap();
        assert!(ground.note_about(&tree.device("sda2")).is_some());
        assert_eq!(ground.note_about(&tree.device("sda")), None);
        assert_eq!(ground.note_about(&tree.device("sdb")), None);
    }

    #[test]
    fn a_filesystem_on_the_whole_disk_lies_on_its_partitions() {
        let tree = two_disks();
        tree.mounts("2 1 8:0 / /out rw - ext4 /dev/sda rw\n");
        assert!(reason(&tree, "/out", "sda1").is_some());
    }

    #[test]
    fn mappers_and_arrays_lead_down_to_their_disks() {
        let tree = two_disks();
        tree.disk("md0", 9, 0, "devices/virtual/block");
        tree.disk("dm-0", 253, 0, "devices/virtual/block");
        tree.hold("sda2", "md0");
        tree.hold("sdb", "md0");
        tree.hold("md0", "dm-0");
        tree.mounts("2 1 253:0 / /out rw - xfs /dev/mapper/x rw\n");
        for source in ["sda", "sda2", "sdb", "md0", "dm-0"] {
            assert!(reason(&tree, "/out", source).is_some(), "{source}");
        }
        assert_eq!(reason(&tree, "/out", "sda1"), None);
    }

    #[test]
    fn loops_on_files_on_loops_lead_down_to_the_disk() {
        let tree = two_disks();
        tree.disk("loop0", 7, 0, "devices/virtual/block");
        tree.partition("loop0", "loop0p1", 1, 259, 0);
        tree.disk("loop1", 7, 1, "devices/virtual/block");
        tree.write("block/loop0/loop/backing_file", "/inner/disk.img\n");
        tree.write("block/loop1/loop/backing_file", "/base/my disk.img (deleted)\n");
        tree.mounts(
            "1 0 8:16 / / rw - ext4 /dev/sdb rw\n2 1 8:1 / /base rw - ext4 /dev/sda1 rw\n\
             3 1 7:1 / /inner rw - ext4 /dev/loop1 rw\n4 1 259:0 / /out rw - ext4 /dev/loop0p1 rw\n",
        );
        for source in ["loop0", "loop0p1", "loop1", "sda1", "sda"] {
            assert!(reason(&tree, "/out/case", source).is_some(), "{source}");
        }
        assert_eq!(reason(&tree, "/out/case", "sdb"), None);
    }

    #[test]
    fn a_loop_over_a_device_leads_to_the_device() {
        let tree = two_disks();
        tree.disk("loop0", 7, 0, "devices/virtual/block");
        tree.write("block/loop0/loop/backing_file", "/dev/sda2\n");
        tree.mounts("4 1 7:0 / /out rw - ext4 /dev/loop0 rw\n");
        assert!(reason(&tree, "/out", "sda").is_some());
        assert_eq!(reason(&tree, "/out", "sda1"), None);
    }

    #[test]
    fn an_overlay_leads_to_its_upper_folder() {
        let tree = two_disks();
        tree.mounts(
            "1 0 0:40 / / rw - overlay overlay rw,lowerdir=/ro,upperdir=/cow/up,workdir=/cow/work\n\
             2 1 8:1 / /cow rw - ext4 /dev/sda1 rw\n",
        );
        assert!(reason(&tree, "/home/case", "sda").is_some());
        assert_eq!(reason(&tree, "/home/case", "sdb"), None);
    }

    #[test]
    fn an_endless_nest_of_overlays_is_an_error() {
        let tree = two_disks();
        tree.mounts("1 0 0:40 / / rw - overlay overlay rw,upperdir=/up\n");
        assert!(Ground::of_path(tree.roots(), Path::new("/x")).is_err());
    }

    #[test]
    fn memory_lies_on_no_disk() {
        let tree = two_disks();
        tree.mounts("1 0 0:40 / /run rw - tmpfs tmpfs rw\n");
        assert_eq!(reason(&tree, "/run/case", "sda"), None);
    }

    #[test]
    fn the_mount_mounted_last_counts() {
        let tree = two_disks();
        tree.mounts("1 0 8:16 / /out rw - ext4 /dev/sdb rw\n2 1 8:1 / /out rw - ext4 /dev/sda1 rw\n");
        assert!(reason(&tree, "/out", "sda1").is_some());
        assert_eq!(reason(&tree, "/out", "sdb"), None);
    }

    #[test]
    fn a_path_that_is_not_there_yet_is_judged_by_the_folder_above() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        assert_eq!(existing(&deep).unwrap(), folder.path().canonicalize().unwrap());
        assert!(free_bytes(&deep).unwrap() > 0);
        assert!(filesystem_facts(&deep)["free_bytes"].number().is_some());
        assert_eq!(largest_file_bytes(Path::new("/proc")), None);
    }

    #[test]
    fn the_source_file_is_no_destination() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(file_lies_on(file.path(), file.as_file()).unwrap().is_some());
        assert_eq!(file_lies_on(&file.path().with_extension("new"), file.as_file()).unwrap(), None);
    }
}
