//! The disks of this machine, to choose one from.

use crate::device::BlockDevice;
use crate::device::guard;
use kanshiki_image::{RawFile, layout};
use kanshiki_model::Fact;
use serde::Serialize;

/// One disk of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedDisk {
    /// The path of its node, such as `/dev/sda`, made visible.
    pub node: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Vendor and model.
    pub model: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// How it is attached: `ata`, `nvme`, `usb` and so on.
    pub transport: Option<String>,
    /// The smallest unit that can be read alone, in bytes.
    pub logical_sector_bytes: Option<u64>,
    /// Whether the kernel refuses writes to it.
    pub read_only: Option<bool>,
    /// Whether its medium can be taken out.
    pub removable: Option<bool>,
    /// What it holds beside or instead of partitions, as in `ext4 "root"`.
    pub signatures: Vec<String>,
    /// Its partitions.
    pub partitions: Vec<ListedPartition>,
    /// Why it cannot be copied as it stands: mounts, swap, holders. Empty if it can.
    pub in_use: Vec<String>,
    /// Why its partition table could not be read; `null` if it could.
    pub unread: Option<String>,
}

/// One partition of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedPartition {
    /// Its number.
    pub number: u32,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its type in plain words, or its code.
    pub kind: String,
    /// What it holds, as in `ext4 "root"`.
    pub signatures: Vec<String>,
}

/// Lists the whole disks of this machine that have a medium, in the order of their names. Loop devices and the like
/// are among them when they have bytes; disks that only serve others, such as the paths of an NVMe disk, are not.
///
/// Nothing is opened for writing. A disk that may not be read is listed with the reason.
#[must_use]
pub fn list_disks() -> Vec<ListedDisk> {
    BlockDevice::all_disks().iter().map(listed).collect()
}

fn listed(disk: &BlockDevice) -> ListedDisk {
    let facts = disk.identity_facts();
    let text = |name: &str| facts.get(name).and_then(Fact::text);
    let model = [text("vendor"), text("model")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let layout = disk.open_node().and_then(RawFile::from_file);
    let layout = layout.map(|file| layout::probe(&file, disk.logical_sector_bytes().ok()));
    let (partitions, signatures, unread) = match &layout {
        Ok(layout) => {
            let partitions = layout.partitions.iter().map(|partition| ListedPartition {
                number: partition.number,
                bytes: partition.range.len(),
                kind: partition.partition_type.name.clone().unwrap_or_else(|| partition.partition_type.code.clone()),
                signatures: partition.signatures.iter().map(ToString::to_string).collect(),
            });
            (partitions.collect(), layout.signatures.iter().map(ToString::to_string).collect(), None)
        }
        Err(error) => (Vec::new(), Vec::new(), Some(error.to_string())),
    };
    ListedDisk {
        node: crate::device::shown(&disk.node()),
        bytes: disk.size_bytes().unwrap_or(0),
        model: Some(model).filter(|model| !model.is_empty()),
        serial: text("serial"),
        transport: text("transport"),
        logical_sector_bytes: disk.logical_sector_bytes().ok(),
        read_only: disk.is_read_only(),
        removable: facts.get("removable").and_then(|fact| fact.value.as_bool()),
        signatures,
        partitions,
        in_use: guard::in_use(disk),
        unread,
    }
}
