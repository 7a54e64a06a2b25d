//! What is known of a disk: who made it, which one it is, how large it is, how it is attached.
//!
//! Where the kernel keeps an identity depends on how the disk is attached:
//!
//! | | serial number | world-wide name |
//! | --- | --- | --- |
//! | virtio | `block/X/serial` | – |
//! | SATA, SAS, SCSI | `device/vpd_pg80`, padded | `device/wwid` |
//! | NVMe | `device/serial`, padded | `block/X/wwid` |
//! | USB | the USB device above the disk | – |
//! | SD, MMC | `device/serial` | – |
//!
//! Source: Linux 6.12, drivers/scsi/scsi_sysfs.c, drivers/nvme/host/sysfs.c, drivers/block/virtio_blk.c.

use super::transport::Transport;
use super::{BlockDevice, hidden, shown, smart, sysfs, usage};
use kanshiki_model::{Fact, Facts, visible};
use std::fs;
use std::path::{Path, PathBuf};

impl BlockDevice {
    /// What is known of the device: its identity, and what is asked of the disk itself: hidden areas and health.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let disk = self.whole_disk();
        let mut facts = self.identity_facts();
        if self.roots().are_of_system() {
            facts.extend(hidden::facts(&disk));
            facts.insert("smart_health".to_owned(), smart::fact(&disk));
        }
        facts
    }

    /// What the kernel knows of the device, without a question to the disk. Identity and attachment are those of the
    /// whole disk, the size its own.
    #[must_use]
    pub fn identity_facts(&self) -> Facts {
        let disk = self.whole_disk();
        let transport = Transport::of(&disk);
        let mut facts = self.place_facts(&disk);
        facts.extend(identity(&disk, transport));
        facts.extend(usb(&disk, transport));
        facts.extend(made_of(&disk));
        facts
    }

    /// Whether the kernel makes the device of others, of files or of memory.
    pub(super) fn is_made(&self) -> bool {
        matches!(Transport::of(self), Transport::Made(_))
    }

    fn place_facts(&self, disk: &Self) -> Facts {
        let queue = disk.folder().join("queue");
        let size = self.folder().join("size");
        let size_bytes = match self.size_bytes() {
            Ok(bytes) => Fact::probed(bytes, format!("{} (units of 512 bytes)", shown(&size))),
            Err(error) => sysfs::no_value(&size, &error),
        };
        let mut facts = Facts::from([
            ("kernel_name".to_owned(), Fact::probed(self.name(), shown(self.folder()))),
            ("device_number".to_owned(), Fact::probed(self.number().to_string(), shown(&self.folder().join("dev")))),
            ("node".to_owned(), Fact::probed(shown(&self.node()), shown(&self.folder().join("uevent")))),
            ("size_bytes".to_owned(), size_bytes),
            ("logical_sector_bytes".to_owned(), sysfs::number_fact(&queue.join("logical_block_size"))),
            ("physical_sector_bytes".to_owned(), sysfs::number_fact(&queue.join("physical_block_size"))),
            ("rotational".to_owned(), sysfs::flag_fact(&queue.join("rotational"))),
            ("zoned".to_owned(), sysfs::text_fact(&queue.join("zoned"))),
            ("removable".to_owned(), sysfs::flag_fact(&disk.folder().join("removable"))),
            ("disk_sequence".to_owned(), sysfs::number_fact(&disk.folder().join("diskseq"))),
            ("by_id".to_owned(), by_id(self)),
        ]);
        if self.is_partition() {
            facts.insert("whole_disk".to_owned(), Fact::probed(disk.name(), shown(disk.folder())));
            for (name, attribute) in [("partition_number", "partition"), ("partition_start_sector", "start")] {
                facts.insert(name.to_owned(), sysfs::number_fact(&self.folder().join(attribute)));
            }
        }
        facts
    }
}

/// Vendor, model, serial number, firmware and world-wide name, each from where this kind of disk has it.
fn identity(disk: &BlockDevice, transport: Transport) -> Facts {
    let block = disk.folder();
    let device = block.join("device");
    let none = |what: &str| Fact::unknown(format!("{} has no {what}", transport.of_such_a_disk()));
    let (vendor, model, firmware) = match transport {
        Transport::Virtio if !device.join("model").exists() => (none("vendor"), none("model"), none("firmware")),
        Transport::Made(_) => (none("vendor"), none("model"), none("firmware")),
        Transport::Nvme => (
            nvme_vendor(&device),
            sysfs::text_fact(&device.join("model")),
            sysfs::text_fact(&device.join("firmware_rev")),
        ),
        Transport::Mmc => (
            sysfs::text_fact(&device.join("manfid")),
            sysfs::text_fact(&device.join("name")),
            sysfs::text_fact(&device.join("fwrev")),
        ),
        _ => (
            sysfs::text_fact(&device.join("vendor")),
            sysfs::text_fact(&device.join("model")),
            sysfs::text_fact(&device.join("rev")),
        ),
    };
    let wwid = match transport {
        Transport::Made(_) => none("world-wide name"),
        Transport::Nvme => sysfs::first_text(&[block.join("wwid"), device.join("wwid")]),
        _ => sysfs::first_text(&[block.join("wwid"), device.join("wwid")]).or_none(none("world-wide name")),
    };
    Facts::from([
        ("transport".to_owned(), Fact::derived(transport.name(&device), shown(block))),
        ("vendor".to_owned(), vendor),
        ("model".to_owned(), model),
        ("firmware".to_owned(), firmware),
        ("serial".to_owned(), serial(disk, transport)),
        ("wwid".to_owned(), wwid),
    ])
}

/// A fact, or another where there is no value because the kernel has no such attribute.
trait OrNone {
    fn or_none(self, other: Fact) -> Fact;
}

impl OrNone for Fact {
    fn or_none(self, other: Fact) -> Fact {
        if self.value.is_null() { other } else { self }
    }
}

fn serial(disk: &BlockDevice, transport: Transport) -> Fact {
    let block = disk.folder();
    let device = block.join("device");
    match transport {
        Transport::Made(_) => Fact::unknown(format!("{} has no serial number", transport.of_such_a_disk())),
        Transport::Nvme | Transport::Mmc => sysfs::text_fact(&device.join("serial")),
        Transport::Usb => {
            let own = page_80(&device);
            match usb_device(disk) {
                Some(above) if own.value.is_null() => sysfs::text_fact(&above.join("serial")),
                _ => own,
            }
        }
        Transport::Virtio if block.join("serial").exists() => sysfs::text_fact(&block.join("serial")),
        _ => page_80(&device),
    }
}

/// The serial number in the vital product data: four bytes of heading whose last two are the length, then text.
/// Source: SPC-5, unit serial number VPD page.
fn page_80(device: &Path) -> Fact {
    let path = device.join("vpd_pg80");
    match sysfs::read_bytes(&path).map(|page| parse_page_80(&page)) {
        Ok(Some(serial)) => Fact::probed(serial, shown(&path)),
        Ok(None) => Fact::unknown(format!("{} holds no serial number", shown(&path))),
        Err(error) => sysfs::no_value(&path, &error),
    }
}

/// Reads the vital product data page 0x80.
fn parse_page_80(page: &[u8]) -> Option<String> {
    let (heading, rest) = page.split_first_chunk::<4>()?;
    if heading[1] != 0x80 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([heading[2], heading[3]]));
    let text = sysfs::trim(rest.get(..length)?);
    (!text.is_empty()).then(|| visible(text))
}

/// NVMe disks tell the PCI number of their maker, no name.
fn nvme_vendor(device: &Path) -> Fact {
    let path = device.join("device/vendor");
    match sysfs::read_text(&path) {
        Ok(number) => Fact::probed(format!("PCI vendor {number}"), shown(&path)),
        Err(_) => Fact::unknown("an NVMe disk tells no vendor beside its model"),
    }
}

/// The names that udev gives for the disk's identity.
fn by_id(device: &BlockDevice) -> Fact {
    let folder = device.roots().dev.join("disk/by-id");
    if !folder.is_dir() {
        return Fact::unknown(format!("{} is not there: udev does not run", shown(&folder)));
    }
    let node = device.node();
    let node = fs::canonicalize(&node).unwrap_or(node);
    let names = sysfs::names(&folder).into_iter();
    let names = names.filter(|name| fs::canonicalize(folder.join(name)).is_ok_and(|target| target == node));
    let names: Vec<String> = names.map(|name| kanshiki_model::visible_text(&name)).collect();
    Fact::probed(names, shown(&folder))
}

/// The folder of the USB device above the disk.
fn usb_device(disk: &BlockDevice) -> Option<PathBuf> {
    let sys = &disk.roots().sys;
    let above = disk.folder().ancestors().take_while(|folder| *folder != sys);
    above.map(Path::to_owned).find(|folder| folder.join("idVendor").exists())
}

/// What the USB device (a stick, or the bridge in a case) tells of itself.
fn usb(disk: &BlockDevice, transport: Transport) -> Facts {
    let Some(above) = usb_device(disk).filter(|_| transport == Transport::Usb) else { return Facts::new() };
    let attributes = [
        ("usb_manufacturer", "manufacturer"),
        ("usb_product", "product"),
        ("usb_serial", "serial"),
        ("usb_vendor_id", "idVendor"),
        ("usb_product_id", "idProduct"),
        ("usb_speed_megabits", "speed"),
    ];
    attributes.map(|(name, attribute)| (name.to_owned(), sysfs::text_fact(&above.join(attribute)))).into()
}

/// Names of mappers and arrays, and the file behind a loop.
fn made_of(disk: &BlockDevice) -> Facts {
    let mut facts = Facts::new();
    for (name, attribute) in [
        ("mapper_name", "dm/name"),
        ("mapper_uuid", "dm/uuid"),
        ("array_level", "md/level"),
        ("array_uuid", "md/uuid"),
        ("backing_file", "loop/backing_file"),
        ("backing_offset_bytes", "loop/offset"),
    ] {
        let path = disk.folder().join(attribute);
        if path.exists() {
            facts.insert(name.to_owned(), sysfs::text_fact(&path));
        }
    }
    let lower = sysfs::names(&disk.folder().join("slaves"));
    if !lower.is_empty() {
        let source = shown(&disk.folder().join("slaves"));
        facts.insert("made_of".to_owned(), Fact::probed(lower, source));
        facts.insert("made_as".to_owned(), Fact::derived(usage::describe(disk), shown(disk.folder())));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::super::fake::Tree;
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn text(facts: &Facts, name: &str) -> String {
        facts[name].text().unwrap_or_else(|| format!("none: {}", facts[name].reason.clone().unwrap()))
    }

    #[test]
    fn a_sata_disk_has_its_serial_number_in_page_80() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block");
        tree.write("block/sda/device/vendor", "ATA     \n");
        tree.write("block/sda/device/model", "ST2000DM008-2FR1\n");
        tree.write("block/sda/device/rev", "0001\n");
        tree.write("block/sda/device/wwid", "naa.5000c500b5d2a1c3\n");
        tree.write("block/sda/device/vpd_pg80", b"\0\x80\0\x14            ZFL0ABCD");
        tree.partition("sda", "sda1", 1, 8, 1);
        tree.write("class/block/sda1/start", "2048\n");
        let facts = tree.device("sda1").facts();
        assert_eq!(text(&facts, "transport"), "ata");
        assert_eq!(text(&facts, "serial"), "ZFL0ABCD");
        assert_eq!(text(&facts, "model"), "ST2000DM008-2FR1");
        assert_eq!(text(&facts, "wwid"), "naa.5000c500b5d2a1c3");
        assert_eq!(text(&facts, "whole_disk"), "sda");
        assert_eq!(facts["partition_start_sector"].number(), Some(2048));
        assert_eq!(facts["size_bytes"].number(), Some(1 << 20));
        assert_eq!(facts["physical_sector_bytes"].number(), Some(4096));
        assert_eq!(facts["rotational"].value, json!(true));
        assert!(facts["serial"].source.as_deref().unwrap().ends_with("/device/vpd_pg80"));
    }

    #[test]
    fn an_nvme_disk_has_its_padded_serial_number_at_the_controller() {
        let tree = Tree::new();
        tree.disk("nvme0n1", 259, 0, "devices/pci0000:00/0000:01:00.0/nvme/nvme0/block");
        tree.write("block/nvme0n1/device/serial", "S4EWNX0R123456      \n");
        tree.write("block/nvme0n1/device/model", "Samsung SSD 970 EVO Plus 1TB            \n");
        tree.write("block/nvme0n1/device/firmware_rev", "2B2QEXM7\n");
        tree.write("block/nvme0n1/device/transport", "pcie\n");
        tree.write("block/nvme0n1/wwid", "eui.0025385a91b04f21\n");
        let facts = tree.device("nvme0n1").facts();
        assert_eq!(text(&facts, "serial"), "S4EWNX0R123456");
        assert_eq!(text(&facts, "model"), "Samsung SSD 970 EVO Plus 1TB");
        assert_eq!(text(&facts, "wwid"), "eui.0025385a91b04f21");
        assert_eq!(text(&facts, "transport"), "nvme (pcie)");
    }

    #[test]
    fn a_usb_disk_has_its_serial_number_at_the_usb_device() {
        let tree = Tree::new();
        let usb = "devices/pci0000:00/0000:00:14.0/usb1/1-2";
        tree.disk("sdb", 8, 16, &format!("{usb}/1-2:1.0/host6/target6:0:0/6:0:0:0/block"));
        tree.write(&format!("{usb}/idVendor"), "0781\n");
        tree.write(&format!("{usb}/serial"), "4C530001\x1b[2J\n");
        tree.write("block/sdb/device/vendor", "SanDisk \n");
        let facts = tree.device("sdb").facts();
        assert_eq!(text(&facts, "transport"), "usb");
        assert_eq!(text(&facts, "serial"), "4C530001\\u{1b}[2J");
        assert_eq!(text(&facts, "usb_vendor_id"), "0781");
        assert_eq!(text(&facts, "wwid"), "none: a USB disk has no world-wide name");
        assert!(text(&facts, "usb_product").starts_with("none: the kernel shows no "));
    }

    #[test]
    fn a_virtio_disk_has_a_serial_number_and_no_model() {
        let tree = Tree::new();
        tree.disk("vda", 254, 0, "devices/pci0000:00/0000:00:02.0/virtio1/block");
        tree.write("block/vda/serial", "disk-7");
        tree.write("devices/pci0000:00/0000:00:02.0/virtio1/vendor", "0x1af4\n");
        let facts = tree.device("vda").facts();
        assert_eq!(text(&facts, "serial"), "disk-7");
        assert_eq!(text(&facts, "vendor"), "none: a virtio disk has no vendor");
        assert_eq!(text(&facts, "transport"), "virtio");
    }

    #[test]
    fn a_mapper_has_a_name_and_is_made_of_others() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/block");
        tree.disk("dm-0", 253, 0, "devices/virtual/block");
        tree.write("block/dm-0/dm/name", "vg-root\n");
        tree.write("block/dm-0/dm/uuid", "LVM-abc\n");
        tree.hold("sda", "dm-0");
        let facts = tree.device("dm-0").facts();
        assert_eq!(text(&facts, "mapper_name"), "vg-root");
        assert_eq!(text(&facts, "mapper_uuid"), "LVM-abc");
        assert_eq!(facts["made_of"].value, json!(["sda"]));
        assert_eq!(text(&facts, "transport"), "device mapper");
    }

    #[test]
    fn a_loop_names_its_file() {
        let tree = Tree::new();
        tree.disk("loop0", 7, 0, "devices/virtual/block");
        tree.write("block/loop0/loop/backing_file", "/evidence/disk.img\n");
        let facts = tree.device("loop0").facts();
        assert_eq!(text(&facts, "backing_file"), "/evidence/disk.img");
        assert_eq!(text(&facts, "serial"), "none: a loop device has no serial number");
    }

    #[test]
    fn every_fact_has_a_source_or_a_reason() {
        let tree = Tree::new();
        tree.disk("sda", 8, 0, "devices/pci0/ata1/block");
        for (name, fact) in tree.device("sda").facts() {
            assert_ne!(fact.source.is_some(), fact.reason.is_some(), "{name}");
            assert_eq!(fact.value.is_null(), fact.reason.is_some(), "{name}");
        }
    }

    #[test]
    fn a_page_that_is_cut_gives_no_serial_number() {
        assert_eq!(parse_page_80(b"\0\x80\0\x04AB"), None);
        assert_eq!(parse_page_80(b"\0\x83\0\x02AB"), None);
        assert_eq!(parse_page_80(b"\0\x80\0\x02AB").as_deref(), Some("AB"));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            parse_page_80(&bytes);
            super::super::parse_stat(&bytes, 7);
        }
    }
}
