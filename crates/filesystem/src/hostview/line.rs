//! What a line of `/etc/fstab` means for the tree.

use super::fstab::FstabLine;
use kanshiki_model::visible;

/// Why nothing of a disk belongs to the line.
pub(super) fn not_on_disk(line: &FstabLine) -> Option<&'static str> {
    const MEMORY: &[&str] = &[
        "tmpfs",
        "ramfs",
        "devtmpfs",
        "proc",
        "sysfs",
        "devpts",
        "cgroup",
        "cgroup2",
        "securityfs",
        "debugfs",
        "tracefs",
        "configfs",
        "mqueue",
        "hugetlbfs",
        "bpf",
        "binfmt_misc",
        "pstore",
        "efivarfs",
        "fusectl",
        "usbfs",
        "autofs",
    ];
    const NETWORK: &[&str] = &[
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ceph",
        "glusterfs",
        "fuse.glusterfs",
        "fuse.sshfs",
        "sshfs",
        "davfs",
        "9p",
        "virtiofs",
        "afs",
        "lustre",
        "fuse.s3fs",
        "fuse.rclone",
        "beegfs",
        "ncpfs",
        "coda",
    ];
    let kind = std::str::from_utf8(&line.kind).unwrap_or_default();
    if kind == "swap" {
        Some("swap space")
    } else if MEMORY.contains(&kind) {
        Some("in the host's memory, not on a disk")
    } else if NETWORK.contains(&kind)
        || line.device.starts_with(b"//")
        || line.device.windows(2).any(|two| two == b":/")
    {
        Some("on the network, not part of the images")
    } else {
        None
    }
}

/// Why the line is not followed, although it names something of the host.
pub(super) fn not_followed(line: &FstabLine) -> Option<String> {
    let device = visible(&line.device);
    if line.has("bind") || line.has("rbind") {
        return Some(format!("bind mounts are not followed; look at {device}"));
    }
    if line.kind == b"overlay" {
        return Some("overlays are not followed".to_owned());
    }
    if line.device.starts_with(b"/") && !line.device.starts_with(b"/dev/") {
        return Some(format!("{device} is a file with a filesystem in it, which is not followed"));
    }
    None
}

/// Whether the host has what the line names in its tree at boot, or does not start properly: not what is mounted only when
/// asked, or may be missing, nor the partition of the firmware. Source: mount(8); systemd.mount(5).
pub(super) fn is_needed(line: &FstabLine) -> bool {
    const FIRMWARE: &[&[u8]] = &[b"/boot/efi", b"/efi"];
    let directory = line.directory.strip_suffix(b"/").unwrap_or(&line.directory);
    !line.has("noauto") && !line.has("nofail") && !FIRMWARE.contains(&directory)
}
