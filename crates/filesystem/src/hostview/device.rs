//! Which volume a device of `/etc/fstab` was.
//!
//! Names such as `/dev/sdb1` say nothing that the disk holds: they are taken by the order of the images, `sda` or
//! `nvme0n1` for the first, unless the line of the root shows which disk was which. Sources: fstab(5); systemd,
//! rules.d/60-persistent-storage.rules; lvm2, libdm/libdm-string.c (`dm_split_lvm_name`); Linux 6.12,
//! block/early-lookup.c.

use super::identity::{Identified, same};
use kanshiki_image::volumes::{Volume, VolumeKind, VolumeSet};
use kanshiki_model::visible;
use std::collections::HashMap;

/// What a device is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Device {
    /// The filesystem's UUID.
    Uuid(String),
    /// The filesystem's label, made visible.
    Label(String),
    /// The partition's UUID.
    PartitionUuid(String),
    /// The partition's name, made visible.
    PartitionLabel(String),
    /// A logical volume, by group and name.
    Logical(String, String),
    /// An array, by its number or name, and perhaps a partition of it.
    Array(String, Option<u32>),
    /// An array by its UUID in hexadecimal digits alone.
    ArrayUuid(String),
    /// A disk by the name that the host gave it, its place among its kind, if that shows, and perhaps a partition.
    Disk { disk: String, place: Option<usize>, partition: Option<u32> },
    /// Something else, made visible.
    Other(String),
}

impl Device {
    /// Takes a device apart, as `/etc/fstab` or `root=` writes it.
    pub(super) fn parse(device: &[u8]) -> Self {
        let text = visible(device);
        if let Some((tag, value)) = text.split_once('=') {
            let value = value.trim_matches('"').to_owned();
            match tag {
                "UUID" => return Self::Uuid(value),
                "LABEL" => return Self::Label(value),
                "PARTUUID" => return Self::PartitionUuid(value),
                "PARTLABEL" => return Self::PartitionLabel(value),
                _ => return Self::Other(text),
            }
        }
        let Some(path) = text.strip_prefix("/dev/") else { return Self::Other(text) };
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let name = name.to_owned();
        match folder {
            "disk/by-uuid" => Self::Uuid(name),
            "disk/by-label" => Self::Label(link_name(device)),
            "disk/by-partuuid" => Self::PartitionUuid(name),
            "disk/by-partlabel" => Self::PartitionLabel(link_name(device)),
            "disk/by-id" => by_id(&name).unwrap_or(Self::Other(text)),
            "disk/by-path" => disk_link(&name),
            "mapper" => mapper(&name).unwrap_or(Self::Other(text)),
            "md" => Self::Array(name, None),
            "" => kernel_name(&name).unwrap_or(Self::Other(text)),
            group if !group.contains('/') => Self::Logical(group.to_owned(), name),
            _ => Self::Other(text),
        }
    }
}

/// The last name of a path in which udev writes bytes as `\xNN`, made visible.
fn link_name(path: &[u8]) -> String {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let (mut out, mut rest) = (Vec::with_capacity(name.len()), name);
    while let Some((first, after)) = rest.split_first() {
        let digits = rest.strip_prefix(b"\\x").and_then(|hex| hex.first_chunk::<2>());
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let value = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        out.push(value.unwrap_or(*first));
        rest = if value.is_some() { rest.get(4..).unwrap_or_default() } else { after };
    }
    visible(&out)
}

fn by_id(name: &str) -> Option<Device> {
    if let Some(name) = name.strip_prefix("dm-name-") {
        return mapper(name);
    }
    if let Some(name) = name.strip_prefix("md-name-") {
        let (name, partition) = split_part(name);
        return Some(Device::Array(name.rsplit(':').next().unwrap_or(name).to_owned(), partition));
    }
    if let Some(uuid) = name.strip_prefix("md-uuid-") {
        return Some(Device::ArrayUuid(hexadecimal(uuid)));
    }
    let is_disk = !["dm-uuid-", "lvm-pv-uuid-"].iter().any(|prefix| name.starts_with(prefix));
    is_disk.then(|| disk_link(name))
}

fn hexadecimal(text: &str) -> String {
    text.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_lowercase()
}

/// `NAME-part2` as the name and the partition.
fn split_part(name: &str) -> (&str, Option<u32>) {
    let split = name.rsplit_once("-part").and_then(|(disk, number)| Some((disk, number.parse().ok()?)));
    split.map_or((name, None), |(disk, number)| (disk, Some(number)))
}

fn disk_link(name: &str) -> Device {
    let (disk, partition) = split_part(name);
    Device::Disk { disk: disk.to_owned(), place: None, partition }
}

/// `group-name`, in which a dash of either is doubled.
fn mapper(name: &str) -> Option<Device> {
    let mut parts = vec![String::new()];
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let doubled = rest.starts_with("--");
        match parts.last_mut() {
            Some(part) if first != '-' || doubled => part.push(first),
            _ => parts.push(String::new()),
        }
        rest = rest.get(if doubled { 2 } else { first.len_utf8() }..).unwrap_or_default();
    }
    match <[String; 2]>::try_from(parts) {
        Ok([group, name]) if ![&group, &name].iter().any(|part| part.is_empty()) => Some(Device::Logical(group, name)),
        _ => None,
    }
}

/// A name as the kernel gives it: `sda1`, `vdb`, `nvme0n1p2`, `mmcblk0p1`, `md0`, `md127p1`.
fn kernel_name(name: &str) -> Option<Device> {
    let digits_from = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name.strip_prefix(digits_from).filter(|digits| !digits.is_empty());
    for bus in ["sd", "vd", "xvd", "hd"] {
        let letters = digits_from.strip_prefix(bus).filter(|letters| (1..=3).contains(&letters.len()));
        let Some(letters) = letters.filter(|letters| letters.bytes().all(|c| c.is_ascii_lowercase())) else { continue };
        let place = letters.bytes().fold(0_usize, |sum, letter| {
            let digit = usize::from(letter.saturating_sub(b'a')).saturating_add(1);
            sum.saturating_mul(26).saturating_add(digit)
        });
        let partition = number.and_then(|number| number.parse().ok());
        return Some(Device::Disk { disk: digits_from.to_owned(), place: place.checked_sub(1), partition });
    }
    // The others end with a digit, so that a `p` stands before the partition.
    let split = digits_from.strip_suffix('p').filter(|disk| disk.ends_with(|c: char| c.is_ascii_digit()));
    let (disk, partition) = match (split, number) {
        (Some(disk), Some(number)) => (disk, Some(number.parse().ok()?)),
        _ => (name, None),
    };
    if let Some(number) = disk.strip_prefix("md").filter(|number| number.parse::<u32>().is_ok()) {
        return Some(Device::Array(number.to_owned(), partition));
    }
    let place = ["nvme", "mmcblk", "nbd", "pmem"].iter().find_map(|bus| {
        let digits = disk.strip_prefix(bus)?;
        digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    })?;
    Some(Device::Disk { disk: disk.to_owned(), place: Some(place), partition })
}

/// Which image is which disk of the host.
#[derive(Debug, Clone, Default)]
pub(super) struct Disks(HashMap<String, usize>);

impl Disks {
    /// Takes the disk that the root's line names for the image that the root lies on.
    pub(super) fn learn(&mut self, device: &Device, root: &Volume) {
        if let (Device::Disk { disk, partition, .. }, number) = (device, root.partition().map(|own| own.number))
            && *partition == number
            && root.lies_on.is_empty()
        {
            self.0.insert(disk.clone(), root.image);
        }
    }

    /// The image of a disk: the one that is known, or the one in its place, if nobody else has that.
    fn image(&self, disk: &str, place: Option<usize>, images: usize) -> Result<usize, String> {
        if let Some(image) = self.0.get(disk) {
            return Ok(*image);
        }
        // A link by the disk's serial number or port says nothing when there are several.
        let place = place.or((images == 1).then_some(0));
        let place = place.filter(|place| *place < images && !self.0.values().any(|taken| taken == place));
        place.ok_or_else(|| format!("which image the disk `{disk}` is cannot be told"))
    }

    /// The volume of a device, as its index in the set.
    ///
    /// # Errors
    ///
    /// The reason, in words.
    pub(super) fn resolve(&self, device: &Device, volumes: &Identified<'_>) -> Result<usize, String> {
        let there = |found: Option<usize>| found.ok_or("it is not among the images".to_owned());
        let one = |fits: &dyn Fn(&Volume) -> bool| there(volumes.choose(&|_, volume| fits(volume)));
        let set = volumes.set;
        match device {
            Device::Uuid(uuid) => there(volumes.with_uuid(uuid)),
            Device::Label(label) => there(volumes.labelled(label)),
            Device::PartitionUuid(uuid) => {
                one(&|volume| volume.partition().is_some_and(|partition| same(partition.uuid.as_deref(), uuid)))
            }
            Device::PartitionLabel(name) => {
                one(&|volume| volume.partition().is_some_and(|partition| partition.name.as_deref() == Some(name)))
            }
            Device::Logical(group, name) => one(&|volume| {
                volume.logical_volume().is_some_and(|logical| logical.group == *group && logical.name == *name)
            }),
            Device::Array(name, partition) => {
                let array = one(&|volume| is_array(volume, name))?;
                partition.map_or(Ok(array), |number| partition_of(set, Parent::Volume(array), number))
            }
            Device::ArrayUuid(uuid) => {
                one(&|volume| volume.array().is_some_and(|array| hexadecimal(&array.uuid) == *uuid))
            }
            Device::Disk { disk, place, partition } => {
                let image = self.image(disk, *place, set.layouts().len())?;
                match partition {
                    Some(number) => partition_of(set, Parent::Image(image), *number),
                    None => one(&|volume| volume.kind == VolumeKind::Image && volume.image == image),
                }
            }
            Device::Other(_) => Err("it is none of the devices that can be told from the images".to_owned()),
        }
    }
}

fn is_array(volume: &Volume, name: &str) -> bool {
    volume.array().is_some_and(|array| {
        array.name.as_deref() == Some(name) || array.number.is_some_and(|number| number.to_string() == name)
    })
}

#[derive(Clone, Copy)]
enum Parent {
    Image(usize),
    Volume(usize),
}

fn partition_of(set: &VolumeSet, parent: Parent, number: u32) -> Result<usize, String> {
    let lies_there = |volume: &Volume| match parent {
        Parent::Image(image) => volume.image == image && volume.lies_on.is_empty(),
        Parent::Volume(index) => volume.lies_on == [index],
    };
    let is_it = |volume: &Volume| volume.partition().is_some_and(|partition| partition.number == number);
    let found = set.volumes().iter().position(|volume| lies_there(volume) && is_it(volume));
    found.ok_or_else(|| format!("there is no partition {number} on that disk"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn disk(disk: &str, place: Option<usize>, partition: Option<u32>) -> Device {
        Device::Disk { disk: disk.to_owned(), place, partition }
    }

    fn logical(group: &str, name: &str) -> Device {
        Device::Logical(group.to_owned(), name.to_owned())
    }

    #[test]
    fn devices_are_told_by_tag_and_link() {
        let cases = [
            ("UUID=\"0a-1B\"", Device::Uuid("0a-1B".into())),
            ("LABEL=my data", Device::Label("my data".into())),
            ("PARTUUID=1234-02", Device::PartitionUuid("1234-02".into())),
            ("PARTLABEL=root", Device::PartitionLabel("root".into())),
            ("/dev/disk/by-uuid/0a", Device::Uuid("0a".into())),
            ("/dev/disk/by-label/my\\x20data\\x", Device::Label("my data\\\\x".into())),
            ("/dev/disk/by-partuuid/0a", Device::PartitionUuid("0a".into())),
            ("/dev/disk/by-id/ata-X_1-part2", disk("ata-X_1", None, Some(2))),
            ("/dev/disk/by-id/md-uuid-0a:1b", Device::ArrayUuid("0a1b".into())),
            ("/dev/disk/by-id/md-name-host:data", Device::Array("data".into(), None)),
            ("/dev/disk/by-path/pci-0000:00:1f.2-ata-1", disk("pci-0000:00:1f.2-ata-1", None, None)),
            ("/dev/disk/by-id/dm-name-vg-root", logical("vg", "root")),
            ("/dev/md/data", Device::Array("data".into(), None)),
            ("tmpfs", Device::Other("tmpfs".into())),
            ("ID=x", Device::Other("ID=x".into())),
            ("/dev/a/b/c", Device::Other("/dev/a/b/c".into())),
        ];
        for (device, expected) in cases {
            assert_eq!(Device::parse(device.as_bytes()), expected, "{device}");
        }
    }

    #[test]
    fn kernel_names_give_the_place_of_the_disk_and_the_partition() {
        let cases = [
            ("/dev/sda1", disk("sda", Some(0), Some(1))),
            ("/dev/sdaa12", disk("sdaa", Some(26), Some(12))),
            ("/dev/vdb", disk("vdb", Some(1), None)),
            ("/dev/xvda2", disk("xvda", Some(0), Some(2))),
            ("/dev/nvme1n1p3", disk("nvme1n1", Some(1), Some(3))),
            ("/dev/nvme0n1", disk("nvme0n1", Some(0), None)),
            ("/dev/mmcblk0p2", disk("mmcblk0", Some(0), Some(2))),
            ("/dev/md0", Device::Array("0".into(), None)),
            ("/dev/md127p1", Device::Array("127".into(), Some(1))),
            ("/dev/sr0", Device::Other("/dev/sr0".into())),
            ("/dev/cdrom", Device::Other("/dev/cdrom".into())),
        ];
        for (device, expected) in cases {
            assert_eq!(Device::parse(device.as_bytes()), expected, "{device}");
        }
    }

    #[test]
    fn dashes_of_logical_volumes_are_doubled_in_the_mapper() {
        assert_eq!(Device::parse(b"/dev/mapper/my--vg-lv--1"), logical("my-vg", "lv-1"));
        assert_eq!(Device::parse(b"/dev/my-vg/lv-1"), logical("my-vg", "lv-1"));
        for other in ["/dev/mapper/luks", "/dev/mapper/vg-lv-real", "/dev/mapper/-x", "/dev/mapper/x-"] {
            assert_eq!(Device::parse(other.as_bytes()), Device::Other(other.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "(/dev/|LABEL=)?[a-z0-9/=\"\\\\-]{0,30}") {
            let disks = Disks::default();
            for bytes in [bytes, text.into_bytes()] {
                let _ = disks.resolve(&Device::parse(&bytes), &Identified::of(&VolumeSet::default()));
            }
        }
    }
}
