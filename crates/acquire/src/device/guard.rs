//! What speaks against reading a source, or against writing to a destination.

use super::BlockDevice;
use super::usage::Usage;
use crate::ioctl;
use kanshiki_model::visible;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;

pub use super::place::{
    file_lies_on, filesystem_facts, filesystem_number, free_bytes, is_block_device, largest_file_bytes, lies_on,
    resolved, shares_disk_with,
};

/// Why the device is in use, in plain words; empty if nothing is seen to use it.
///
/// Looks at the device, its partitions, and everything made of them. Users that the kernel shows nowhere are found only
/// by opening the device with `O_EXCL`, which the caller does.
#[must_use]
pub fn in_use(device: &BlockDevice) -> Vec<String> {
    let usage = Usage::of(device);
    let mut reasons = Vec::new();
    for mounted in &usage.mounts {
        let point = visible(&mounted.mount.mount_point);
        let how = if mounted.mount.is_read_only() { "read-only" } else { "for writing" };
        reasons.push(format!("{} is mounted {how} at {point}", mounted.device));
    }
    for (name, kind) in &usage.unseen {
        reasons.push(format!("{name} is mounted ({kind}) where this process does not see it"));
    }
    for name in &usage.swaps {
        reasons.push(format!("{name} is in use as swap"));
    }
    for holder in &usage.holders {
        reasons.push(format!("{} is held by {} ({})", holder.held, holder.by, holder.description));
    }
    reasons.extend(usage.unknown);
    reasons
}

/// Why a regular file is in use, in plain words: a loop device made of it is. Empty if nothing is seen to use it.
#[must_use]
pub fn file_in_use(file: &File) -> Vec<String> {
    let Ok(status) = file.metadata() else { return Vec::new() };
    let loops = BlockDevice::all_disks().into_iter().filter(|disk| disk.name().starts_with("loop"));
    let made_of_it = loops.filter(|disk| {
        let backing = disk.open_node().and_then(|node| ioctl::loop_backing(&node));
        backing.is_ok_and(|backing| backing == (status.dev(), status.ino()))
    });
    made_of_it
        .flat_map(|disk| in_use(&disk))
        .map(|reason| format!("a loop device is made of it, and {reason}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn a_disk_whose_partition_is_mounted_is_in_use() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/host0/target0:0:0/0:0:0:0/block");
        tree.partition("sda", "sda1", 1, 8, 1);
        tree.partition("sda", "sda2", 2, 8, 2);
        tree.mounts("30 1 8:1 / /mnt/evil\\040disk ro - ext4 /dev/sda1 rw\n");
        assert_eq!(in_use(&tree.device("sda")), ["sda1 is mounted for writing at /mnt/evil disk"]);
        assert_eq!(in_use(&tree.device("sda1")).len(), 1);
        assert!(in_use(&tree.device("sda2")).is_empty());
    }

    #[test]
    fn a_mount_on_a_mapper_on_an_array_on_a_partition_counts() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/block");
        tree.partition("sda", "sda1", 1, 8, 1);
        tree.disk("md0", 9, 0, "devices/virtual/block");
        tree.write("class/block/md0/md/level", "raid1\n");
        tree.disk("dm-0", 253, 0, "devices/virtual/block");
        tree.write("class/block/dm-0/dm/name", "vg-root\n");
        tree.hold("sda1", "md0");
        tree.hold("md0", "dm-0");
        tree.mounts("30 1 253:0 / / rw - xfs /dev/mapper/vg-root rw\n");
        assert_eq!(
            in_use(&tree.device("sda")),
            [
                "dm-0 is mounted for writing at /",
                "sda1 is held by md0 (md array)",
                "md0 is held by dm-0 (device mapper, vg-root)",
            ]
        );
    }

    #[test]
    fn holders_that_go_in_a_circle_end() {
        let tree = Tree::new();
        tree.disk("dm-0", 253, 0, "devices/virtual/block");
        tree.disk("dm-1", 253, 1, "devices/virtual/block");
        tree.hold("dm-0", "dm-1");
        tree.hold("dm-1", "dm-0");
        assert_eq!(in_use(&tree.device("dm-0")).len(), 2);
    }

    #[test]
    fn swap_on_a_partition_counts() {
        let tree = Tree::new();
        tree.disk("vda", 254, 0, "devices/pci0/virtio0/block");
        tree.partition("vda", "vda5", 5, 254, 5);
        tree.swaps("Filename Type\n/dev/vda5 partition 1 0 -2\n");
        assert_eq!(in_use(&tree.device("vda")), ["vda5 is in use as swap"]);
    }

    #[test]
    fn every_member_of_a_mounted_btrfs_is_in_use() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/block");
        tree.disk("sdb", 8, 16, "devices/pci0/ata2/block");
        tree.write("fs/btrfs/0a0b/devices/sda/size", "1\n");
        tree.write("fs/btrfs/0a0b/devices/sdb/size", "1\n");
        tree.mounts("30 1 0:44 / /pool rw - btrfs /dev/sda rw\n");
        assert_eq!(in_use(&tree.device("sda")), ["sda is mounted for writing at /pool"]);
        assert_eq!(in_use(&tree.device("sdb")), ["sdb is mounted for writing at /pool"]);
    }

    #[test]
    fn a_mount_in_another_namespace_is_found_in_the_filesystems_own_list() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/block");
        tree.write("fs/ext4/sda/errors_count", "0\n");
        assert_eq!(in_use(&tree.device("sda")), ["sda is mounted (ext4) where this process does not see it"]);
    }

    #[test]
    fn a_loop_over_the_device_counts() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/block");
        tree.disk("loop3", 7, 3, "devices/virtual/block");
        tree.write("class/block/loop3/loop/backing_file", "/dev/sda\n");
        assert_eq!(in_use(&tree.device("sda")), ["sda is held by loop3 (loop device)"]);
    }

    #[test]
    fn what_uses_the_whole_disk_uses_its_partition() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/block");
        tree.partition("sda", "sda1", 1, 8, 1);
        tree.disk("dm-0", 253, 0, "devices/virtual/block");
        tree.write("class/block/dm-0/dm/name", "mpatha\n");
        tree.hold("sda", "dm-0");
        assert_eq!(in_use(&tree.device("sda1")), ["sda is held by dm-0 (device mapper, mpatha)"]);
    }

    #[test]
    fn an_unreadable_table_of_mounts_is_a_reason() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/block");
        std::fs::remove_dir_all(tree.roots().proc.join("self")).unwrap();
        assert_eq!(in_use(&tree.device("sda")).len(), 1);
    }
}
