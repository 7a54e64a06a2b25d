//! Loop devices and mounts that go away with the value that holds them.

use crate::program::{run, tool};
use std::path::{Path, PathBuf};

/// What may be done to a loop device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopAccess {
    /// The kernel refuses writes.
    ReadOnly,
    /// The backing file changes with the device.
    ReadWrite,
}

/// A loop device, detached when the value is dropped.
#[derive(Debug)]
pub struct LoopDevice {
    path: PathBuf,
}

impl LoopDevice {
    /// Attaches a file as a disk with sectors of so many bytes, 512 to 4096; partitions are looked for.
    ///
    /// The device reads its file past the page cache where it can, so that one bad sector of the file is one of the disk.
    #[track_caller]
    #[must_use]
    pub fn attach(file: &Path, access: LoopAccess, sector_bytes: u32) -> Self {
        // Two tests may find the same free number; the kernel gives it to one of them, the other asks again.
        let mut last = String::new();
        for _ in 0..20 {
            let ran = run(losetup(access, sector_bytes).arg(file));
            if ran.code == 0 {
                let device = Self { path: ran.stdout.trim().into() };
                device.clear_read_only();
                return device;
            }
            last = ran.stderr;
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("cannot attach {}: {last}", file.display())
    }

    /// The flag that BLKROSET sets stays on a loop device when it is detached, and would meet whoever gets it next. That
    /// of a device attached read-only is another one, and stays.
    fn clear_read_only(&self) {
        let _ = run(tool("blockdev").arg("--setrw").arg(&self.path));
    }

    /// The device's path, as `/dev/loop7`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a partition, counted from 1.
    #[must_use]
    pub fn partition(&self, number: u32) -> PathBuf {
        format!("{}p{number}", self.path.display()).into()
    }
}

fn losetup(access: LoopAccess, sector_bytes: u32) -> std::process::Command {
    let mut command = tool("losetup");
    command.args(["--find", "--show", "--partscan", "--direct-io=on", "--sector-size"]);
    command.arg(sector_bytes.to_string());
    if access == LoopAccess::ReadOnly {
        command.arg("--read-only");
    }
    command
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        self.clear_read_only();
        let _ = run(tool("losetup").arg("--detach").arg(&self.path));
    }
}

/// A mounted filesystem, unmounted when the value is dropped.
#[derive(Debug)]
pub struct Mount {
    point: PathBuf,
}

impl Mount {
    /// Mounts a device or an image on an existing folder with these options, as in `ro,noload`.
    #[track_caller]
    #[must_use]
    pub fn device(device: &Path, point: &Path, options: &str) -> Self {
        let _ = run(tool("mount").args(["-o", options]).arg(device).arg(point)).exits(0);
        Self { point: point.to_path_buf() }
    }

    /// Mounts a tmpfs of so many bytes on an existing folder.
    #[track_caller]
    #[must_use]
    pub fn tmpfs(point: &Path, bytes: u64) -> Self {
        let options = format!("size={bytes}");
        let _ = run(tool("mount").args(["-t", "tmpfs", "-o", &options, "kanshiki-test"]).arg(point)).exits(0);
        Self { point: point.to_path_buf() }
    }

    /// The folder.
    #[must_use]
    pub fn point(&self) -> &Path {
        &self.point
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if run(tool("umount").arg(&self.point)).code != 0 {
            let _ = run(tool("umount").arg("--lazy").arg(&self.point));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Need, need, tempdir, write_file};

    #[test]
    fn a_device_set_read_only_does_not_stay_so_for_the_next_user() {
        if !need(&[Need::LoopDevices]) {
            return;
        }
        let folder = tempdir();
        let file = folder.path().join("disk");
        write_file(&file, vec![0; 1 << 20]);
        let device = LoopDevice::attach(&file, LoopAccess::ReadWrite, 512);
        let _ = run(tool("blockdev").arg("--setro").arg(device.path())).exits(0);
        drop(device);
        let next = LoopDevice::attach(&file, LoopAccess::ReadWrite, 512);
        assert_eq!(run(tool("blockdev").arg("--getro").arg(next.path())).stdout, "0\n");
    }

    #[test]
    fn a_device_attached_read_only_refuses_writes_and_one_with_large_sectors_has_them() {
        if !need(&[Need::LoopDevices]) {
            return;
        }
        let folder = tempdir();
        let file = folder.path().join("disk");
        write_file(&file, vec![0; 1 << 20]);
        let device = LoopDevice::attach(&file, LoopAccess::ReadOnly, 4096);
        assert_eq!(run(tool("blockdev").args(["--getro", "--getss"]).arg(device.path())).stdout, "1\n4096\n");
    }
}
