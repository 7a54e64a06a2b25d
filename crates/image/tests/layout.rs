//! Partition tables made by sfdisk and sgdisk are read as `sfdisk --json` reads them, and damage to them is told.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test makes its own files and fails by panicking"
)]

mod common;

use common::{Loop, has_tool, run, tool};
use kanshiki_image::layout::{Layout, Role, Scheme, SectorSizeOrigin, probe};
use kanshiki_image::signature::SignatureKind;
use kanshiki_image::{RawFile, read_exact_at};
use kanshiki_model::ByteRange;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

struct Disk {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Disk {
    fn new(bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        std::fs::File::create(&path).unwrap().set_len(bytes).unwrap();
        Self { _folder: folder, path }
    }

    /// A disk divided by a script for sfdisk; `None` if there is no sfdisk.
    fn divided(test: &str, bytes: u64, script: &str) -> Option<Self> {
        has_tool(test, "sfdisk", "fdisk").then_some(())?;
        let disk = Self::new(bytes);
        divide(&disk.path, script);
        Some(disk)
    }

    /// The same with sectors of 4096 bytes, which takes a device.
    fn divided_by_4096(test: &str, bytes: u64, script: &str) -> Option<Self> {
        has_tool(test, "sfdisk", "fdisk").then_some(())?;
        let disk = Self::new(bytes);
        let Some(device) = Loop::new(&disk.path, 4096) else {
            eprintln!("SKIPPED {test}: needs root and loop devices");
            return None;
        };
        divide(Path::new(&device.0), script);
        Some(disk)
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        std::fs::File::options().write(true).open(&self.path).unwrap().write_all_at(bytes, at).unwrap();
    }

    fn layout(&self, sector_bytes: Option<u64>) -> Layout {
        probe(&RawFile::open(&self.path).unwrap(), sector_bytes)
    }
}

/// Runs sfdisk with a script.
fn divide(disk: &Path, script: &str) {
    let options = ["-q", "--no-reread", "--no-tell-kernel"];
    let mut child = tool("sfdisk").args(options).arg(disk).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

type Entry = (u64, u64, String, Option<String>, Option<String>);

/// What `sfdisk --json` says: number, start, size, type, and UUID and name in lower and as they are.
fn sfdisk(path: &Path) -> (String, Vec<Entry>) {
    let json = run(tool("sfdisk").arg("--json").arg(path)).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let table = &json["partitiontable"];
    let sector = table["sectorsize"].as_u64().unwrap_or(512);
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let entries = table["partitions"].as_array().unwrap().iter().map(|entry| {
        (
            entry["start"].as_u64().unwrap() * sector,
            entry["size"].as_u64().unwrap() * sector,
            entry["type"].as_str().unwrap().to_lowercase(),
            text(&entry["uuid"]).map(|uuid| uuid.to_lowercase()),
            text(&entry["name"]),
        )
    });
    let mut entries: Vec<_> = entries.collect();
    entries.sort();
    (table["id"].as_str().unwrap().to_lowercase().trim_start_matches("0x").to_owned(), entries)
}

/// Checks identifiers, ranges, types and names against sfdisk.
fn agrees_with_sfdisk(layout: &Layout, path: &Path) {
    let (id, expected) = sfdisk(path);
    assert_eq!(layout.disk_id.as_deref(), Some(id.as_str()));
    let is_gpt = layout.scheme == Scheme::Gpt;
    let mut found: Vec<_> = layout
        .partitions
        .iter()
        .map(|partition| {
            let code = partition.partition_type.code.trim_start_matches('0').to_owned();
            let code = if is_gpt { partition.partition_type.code.clone() } else { code };
            let uuid = partition.uuid.clone().filter(|_| is_gpt);
            (partition.range.start, partition.range.len(), code, uuid, partition.name.clone())
        })
        .collect();
    found.sort();
    assert_eq!(found, expected);
}

const GPT: &str = "label: gpt\nsize=2MiB, type=U, name=\"boot\", attrs=RequiredPartition\nsize=3MiB, type=L, \
                   name=\"Größe → ∞\"\nstart=12MiB, size=1MiB, type=S\n";

#[test]
fn a_gpt_is_as_sfdisk_says() {
    let Some(disk) = Disk::divided("a_gpt_is_as_sfdisk_says", 32 << 20, GPT) else { return };
    let layout = disk.layout(None);
    assert_eq!((layout.scheme, layout.sector_bytes), (Scheme::Gpt, 512));
    assert_eq!(layout.sector_size_origin, SectorSizeOrigin::Derived);
    assert_eq!(layout.issues, []);
    agrees_with_sfdisk(&layout, &disk.path);
    assert_eq!(layout.partitions[0].flags, ["required"]);
    assert_eq!(layout.partitions[0].partition_type.name.as_deref(), Some("EFI system"));
    let names: Vec<_> = layout.table_ranges.iter().map(|table| table.name.as_str()).collect();
    let expected =
        ["protective MBR", "primary GPT header", "primary GPT entries", "backup GPT entries", "backup GPT header"];
    assert_eq!(names, expected);
    assert_eq!(layout.gaps.first(), Some(&ByteRange::new(17_408, 1 << 20)));
}

#[test]
fn a_gpt_of_4096_byte_sectors_is_found_without_being_told() {
    let test = "a_gpt_of_4096_byte_sectors_is_found_without_being_told";
    let Some(disk) = Disk::divided_by_4096(test, 32 << 20, GPT) else { return };
    let layout = disk.layout(None);
    assert_eq!((layout.scheme, layout.sector_bytes, layout.issues.len()), (Scheme::Gpt, 4096, 0));
    assert_eq!(layout.partitions[0].range, ByteRange::new(1 << 20, 3 << 20));
}

#[test]
fn a_damaged_primary_header_gives_way_to_the_backup() {
    let test = "a_damaged_primary_header_gives_way_to_the_backup";
    let Some(disk) = Disk::divided(test, 32 << 20, GPT) else { return };
    let whole = disk.layout(None);
    disk.write(512 + 60, &[0xff]);
    let layout = disk.layout(None);
    assert_eq!(layout.partitions, whole.partitions);
    let issue = layout.issues[0].to_string();
    assert!(
        issue.starts_with("primary GPT header, bytes 512-1024: damaged: CRC-32 of the header: expected"),
        "{issue}"
    );
    assert!(issue.ends_with("; the backup is used"), "{issue}");
}

#[test]
fn a_changed_entry_and_a_missing_backup_are_told() {
    let test = "a_changed_entry_and_a_missing_backup_are_told";
    let Some(disk) = Disk::divided(test, 32 << 20, GPT) else { return };
    disk.write(1024 + 128 + 40, &[0x01]);
    let issue = disk.layout(None).issues[0].to_string();
    assert!(issue.contains("CRC-32 of the entries at byte 1024"), "{issue}");
    assert!(issue.ends_with("; the backup is used"), "{issue}");
    // In the copy too, and then without one: an entry that nobody uses hides no others.
    let Some(disk) = Disk::divided(test, 32 << 20, GPT) else { return };
    let whole = disk.layout(None).partitions;
    disk.write(1024 + 7 * 128 + 3, &[0x01]);
    for gone in [(32 << 20) - 33 * 512 + 7 * 128 + 3, (32 << 20) - 512] {
        disk.write(gone, &[0x01; 8]);
        let layout = disk.layout(None);
        let partitions = layout.partitions.iter().filter(|partition| partition.number != 8).cloned();
        assert_eq!((layout.scheme, partitions.collect::<Vec<_>>()), (Scheme::Gpt, whole.clone()));
        let issue = layout.issues[0].to_string();
        assert!(issue.starts_with("primary GPT header, bytes 512-1024: CRC-32 of the entries"), "{issue}");
        assert!(issue.ends_with("they are used all the same, since no table holds"), "{issue}");
    }
    let Some(disk) = Disk::divided(test, 32 << 20, GPT) else { return };
    disk.write((32 << 20) - 512, &[0; 512]);
    assert_eq!(
        disk.layout(None).issues[0].to_string(),
        "backup GPT header, bytes 33553920-33554432: missing: no `EFI PART` there"
    );
}

#[test]
fn both_headers_gone_leave_the_protective_mbr_and_an_issue() {
    let test = "both_headers_gone_leave_the_protective_mbr_and_an_issue";
    let Some(disk) = Disk::divided(test, 32 << 20, GPT) else { return };
    disk.write(512, &[0; 512]);
    disk.write((32 << 20) - 512, &[0; 512]);
    let layout = disk.layout(None);
    assert_eq!(layout.scheme, Scheme::Mbr);
    assert_eq!(layout.partitions[0].partition_type.name.as_deref(), Some("GPT protective"));
    assert!(layout.issues[0].to_string().contains("it says that the disk has a GPT, but there is none"));
}

#[test]
fn a_disk_wiped_at_its_start_is_read_from_the_backup() {
    let test = "a_disk_wiped_at_its_start_is_read_from_the_backup";
    let Some(disk) = Disk::divided(test, 32 << 20, GPT) else { return };
    let whole = disk.layout(None);
    disk.write(0, &[0; 65_536]);
    assert_eq!(disk.layout(None).partitions, whole.partitions);
}

#[test]
fn an_older_gpt_below_an_mbr_is_told() {
    let Some(disk) = Disk::divided("an_older_gpt_below_an_mbr_is_told", 32 << 20, GPT) else { return };
    let mut sector = [0; 512];
    sector[450] = 0x83;
    sector[454..462].copy_from_slice(&[0, 8, 0, 0, 0, 8, 0, 0]);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    disk.write(0, &sector);
    let layout = disk.layout(None);
    assert_eq!((layout.scheme, layout.partitions.len()), (Scheme::Mbr, 1));
    assert!(layout.issues[0].to_string().contains("perhaps an older table"), "{:?}", layout.issues);
}

#[test]
fn a_hybrid_mbr_is_told() {
    let test = "a_hybrid_mbr_is_told";
    let Some(disk) = Disk::divided(test, 32 << 20, GPT) else { return };
    if !has_tool(test, "sgdisk", "gdisk") {
        return;
    }
    run(tool("sgdisk").args(["-h", "1:2"]).arg(&disk.path));
    let layout = disk.layout(None);
    assert_eq!((layout.scheme, layout.partitions.len()), (Scheme::Gpt, 3));
    assert!(layout.issues[0].to_string().contains("hybrid MBR"), "{:?}", layout.issues);
}

#[test]
fn an_mbr_with_logical_partitions_is_as_sfdisk_says() {
    let test = "an_mbr_with_logical_partitions_is_as_sfdisk_says";
    let script = "label: dos\n1: size=2MiB, type=c, bootable\n2: size=20MiB, type=5\n3: size=1MiB, type=83\n\
                  5: size=2MiB, type=83\n6: size=3MiB, type=82\n7: size=1MiB, type=8e\n";
    let Some(disk) = Disk::divided(test, 32 << 20, script) else { return };
    let layout = disk.layout(None);
    assert_eq!((layout.scheme, layout.issues.len()), (Scheme::Mbr, 0), "{layout}");
    agrees_with_sfdisk(&layout, &disk.path);
    let numbers: Vec<_> = layout.partitions.iter().map(|partition| partition.number).collect();
    assert_eq!(numbers, [1, 2, 5, 6, 7, 3]);
    assert_eq!(layout.partitions[1].role, Role::Extended);
    assert_eq!(layout.partitions[0].flags, ["boot"]);
    assert_eq!(layout.table_ranges.len(), 4);
}

#[test]
fn a_filesystem_without_a_table_is_the_whole_disk() {
    let test = "a_filesystem_without_a_table_is_the_whole_disk";
    if !has_tool(test, "mkfs.vfat", "dosfstools") {
        return;
    }
    let disk = Disk::new(16 << 20);
    run(tool("mkfs.vfat").args(["-F", "16"]).arg(&disk.path));
    let layout = disk.layout(None);
    assert_eq!((layout.scheme, layout.issues.len()), (Scheme::None, 0));
    assert_eq!(layout.signatures[0].kind, SignatureKind::Fat16);
}

#[test]
fn what_lies_in_the_partitions_is_found_and_so_is_the_sector_size_of_an_mbr() {
    let test = "what_lies_in_the_partitions_is_found_and_so_is_the_sector_size_of_an_mbr";
    let Some(disk) = Disk::divided_by_4096(test, 32 << 20, "label: dos\nstart=1MiB, size=20MiB\n") else { return };
    if !has_tool(test, "mkfs.ext4", "e2fsprogs") {
        return;
    }
    run(tool("mkfs.ext4").args(["-qF", "-E", "offset=1048576", "-L", "root"]).arg(&disk.path).arg("20M"));
    let layout = disk.layout(None);
    assert_eq!((layout.sector_bytes, layout.sector_size_origin), (4096, SectorSizeOrigin::Derived));
    let found = &layout.partitions[0].signatures[0];
    assert_eq!((found.kind, found.label.as_deref()), (SignatureKind::Ext4, Some("root")));
}

#[test]
fn table_ranges_lie_on_the_disk_and_hold_what_their_names_say() {
    let test = "table_ranges_lie_on_the_disk_and_hold_what_their_names_say";
    let Some(disk) = Disk::divided(test, 32 << 20, GPT) else { return };
    let file = RawFile::open(&disk.path).unwrap();
    for table in probe(&file, None).table_ranges.iter().filter(|table| table.name.ends_with("header")) {
        let mut bytes = [0; 8];
        read_exact_at(&file, table.range.start, &mut bytes).unwrap();
        assert_eq!(&bytes, b"EFI PART", "{}", table.name);
    }
}
