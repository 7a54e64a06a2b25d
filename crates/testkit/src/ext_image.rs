//! Images of ext2, ext3 and ext4 that the kernel filled.

use crate::devices::{LoopAccess, LoopDevice, Mount};
use crate::program::{run, tool};
use crate::tempdir;
use std::path::Path;

/// Makes an image of so many MiB with `mkfs.ext4` and these options, and fills it through a mount. Needs root, loop
/// devices, the right to mount, and `mkfs.ext4`.
#[track_caller]
pub fn ext_image(image: &Path, mebibytes: u32, options: &[&str], fill: impl FnOnce(&Path)) {
    let size = format!("{mebibytes}M");
    let _ = run(tool("mkfs.ext4").args(["-q", "-F"]).args(options).arg(image).arg(size)).exits(0);
    let device = LoopDevice::attach(image, LoopAccess::ReadWrite, 512);
    let point = tempdir();
    let mount = Mount::device(device.path(), point.path(), "rw");
    fill(mount.point());
}

/// Runs a command of `debugfs` that may write on an image.
#[track_caller]
pub fn debugfs_write(image: &Path, command: &str) {
    let ran = run(tool("debugfs").args(["-w", "-R", command]).arg(image)).exits(0);
    // debugfs ends with 0 whatever happened; its first line of complaints is its version.
    let complaints: Vec<&str> = ran.stderr.lines().skip(1).collect();
    assert!(complaints.is_empty(), "debugfs {command}: {complaints:?}");
}
