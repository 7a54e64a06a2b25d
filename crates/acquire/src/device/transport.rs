//! How a disk is attached.

use super::{BlockDevice, sysfs};
use std::path::{Component, Path};

/// How a disk is attached, from the folders that lead to it in sysfs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Ata,
    Usb,
    Nvme,
    Virtio,
    Sas,
    FibreChannel,
    Iscsi,
    Mmc,
    Scsi,
    /// The kernel makes it of other devices, files or memory.
    Made(&'static str),
    Other,
}

impl Transport {
    pub(crate) fn of(disk: &BlockDevice) -> Self {
        let folder = disk.folder().strip_prefix(&disk.roots().sys).unwrap_or(disk.folder());
        let folders = folder.components().filter_map(|component| match component {
            Component::Normal(name) => name.to_str(),
            _ => None,
        });
        let folders: Vec<&str> = folders.collect();
        let name = folders.last().copied().unwrap_or_default();
        let below = |prefix: &str| {
            folders.iter().any(|folder| {
                let rest = folder.strip_prefix(prefix);
                rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
            })
        };
        if name.starts_with("nvme") {
            Self::Nvme
        } else if folders.contains(&"virtual") && !below("session") {
            Self::Made(made_as(name))
        } else if below("usb") {
            Self::Usb
        } else if below("ata") {
            Self::Ata
        } else if below("session") {
            Self::Iscsi
        } else if below("rport-") {
            Self::FibreChannel
        } else if below("end_device-") {
            Self::Sas
        } else if below("mmc") {
            Self::Mmc
        } else if below("virtio") {
            Self::Virtio
        } else if below("host") {
            Self::Scsi
        } else {
            Self::Other
        }
    }

    /// The name for people; that of NVMe says over what it runs.
    pub(crate) fn name(self, device: &Path) -> String {
        let name = match self {
            Self::Ata => "ata",
            Self::Usb => "usb",
            Self::Nvme => match sysfs::read_text(&device.join("transport")) {
                Ok(over) => return format!("nvme ({over})"),
                Err(_) => "nvme",
            },
            Self::Virtio => "virtio",
            Self::Sas => "sas",
            Self::FibreChannel => "fibre channel",
            Self::Iscsi => "iscsi",
            Self::Mmc => "mmc",
            Self::Scsi => "scsi",
            Self::Made(kind) => kind,
            Self::Other => "other",
        };
        name.to_owned()
    }

    /// The subject of a sentence about a disk that is attached so.
    pub(crate) fn of_such_a_disk(self) -> String {
        match self {
            Self::Ata => "an ATA disk".to_owned(),
            Self::Usb => "a USB disk".to_owned(),
            Self::Nvme => "an NVMe disk".to_owned(),
            Self::Virtio => "a virtio disk".to_owned(),
            Self::Made(kind) => match kind {
                "md array" => "an md array".to_owned(),
                "device mapper" => "a device of the device mapper".to_owned(),
                other => format!("a {other} device"),
            },
            _ => "such a disk".to_owned(),
        }
    }
}

fn made_as(name: &str) -> &'static str {
    let kinds = [
        ("dm-", "device mapper"),
        ("md", "md array"),
        ("loop", "loop"),
        ("zram", "zram"),
        ("ram", "ram"),
        ("nbd", "nbd"),
        ("bcache", "bcache"),
        ("drbd", "drbd"),
        ("zd", "zvol"),
    ];
    kinds.iter().find(|(prefix, _)| name.starts_with(prefix)).map_or("virtual", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn the_folders_tell_how_a_disk_is_attached() {
        for (name, parent, expected) in [
            ("sda", "devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block", Transport::Ata),
            ("sdb", "devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host6/target6:0:0/6:0:0:0/block", Transport::Usb),
            (
                "sdc",
                "devices/pci0000:00/0000:02:00.0/host1/port-1:0/end_device-1:0/target1:0:0/1:0:0:0/block",
                Transport::Sas,
            ),
            ("sdd", "devices/platform/host7/session1/target7:0:0/7:0:0:1/block", Transport::Iscsi),
            ("sde", "devices/pci0000:00/0000:00:05.0/virtio2/host2/target2:0:0/2:0:0:0/block", Transport::Virtio),
            ("nvme1n1", "devices/virtual/nvme-subsystem/nvme-subsys1", Transport::Nvme),
            ("mmcblk0", "devices/platform/soc/fe320000.mmc/mmc_host/mmc1/mmc1:aaaa/block", Transport::Mmc),
            ("md127", "devices/virtual/block", Transport::Made("md array")),
        ] {
            let tree = Tree::new();
            tree.disk(name, 8, 0, parent);
            assert_eq!(Transport::of(&tree.device(name)), expected, "{name}");
        }
    }
}
