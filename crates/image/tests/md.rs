//! Arrays of md whose superblocks `mdadm --examine` accepts are put together.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test makes its own files and fails by panicking"
)]

mod common;

use common::md::Member;
use common::{leads_both_ways, tool, what};
use kanshiki_image::volumes::{Image, VolumeSet};
use kanshiki_image::{Memory, ReadAt, Source, read_exact_at};
use kanshiki_testkit::{Need, need, run, tempdir, write_file};
use std::sync::Arc;

const DISK_BYTES: usize = 4 << 20;

/// A disk on which no sector is like another.
fn disk(mark: u8) -> Vec<u8> {
    let sector = |number: usize| format!("{mark} {number:>9} ").into_bytes().into_iter().cycle().take(512);
    (0..DISK_BYTES / 512).flat_map(sector).collect()
}

fn with(mark: u8, member: Member) -> Vec<u8> {
    let mut disk = disk(mark);
    member.write(&mut disk);
    disk
}

fn probe(disks: &[&Vec<u8>]) -> VolumeSet {
    let image = |disk: &&Vec<u8>| Image { source: Arc::new(Memory((*disk).clone())) as Source, sector_bytes: None };
    VolumeSet::probe(disks.iter().map(image).collect())
}

fn content(source: &dyn ReadAt) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(source.len()).unwrap()];
    read_exact_at(source, 0, &mut bytes).unwrap();
    bytes
}

fn issues(set: &VolumeSet) -> Vec<String> {
    set.issues().iter().map(ToString::to_string).collect()
}

fn refusal(set: &VolumeSet, name: &str) -> String {
    set.find(name).unwrap().refusal.as_ref().unwrap().to_string()
}

/// A line of `mdadm --examine`: what follows the colon.
fn examine(disk: &[u8]) -> Option<impl Fn(&str) -> String + use<>> {
    need(&[Need::Tool("mdadm")]).then_some(())?;
    let folder = tempdir();
    let path = folder.path().join("disk");
    write_file(&path, disk);
    let text = run(tool("mdadm").arg("--examine").arg(&path)).exits(0).stdout;
    Some(move |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
    })
}

const USED: u64 = 2 << 20;
const DATA: u64 = 1 << 20;

#[test]
fn a_mirror_of_every_version_is_read_through_one_member_as_mdadm_examines_it() {
    for (version, data) in [("0.90", 0), ("1.0", 0), ("1.1", DATA), ("1.2", DATA)] {
        let member = Member::mirror(version, 1, USED, data);
        let disk = with(1, member);
        let set = probe(&[&disk]);
        assert_eq!(issues(&set), Vec::<String>::new());
        let name = if version == "0.90" { "md3" } else { "md0" };
        let volume = set.find(name).unwrap();
        let array = volume.array().unwrap();
        assert_eq!((array.level.as_str(), array.devices, volume.bytes), ("raid1", 2, USED));
        let expected = disk[data as usize..][..USED as usize].to_vec();
        assert!(content(volume.source.as_deref().unwrap()) == expected, "{version}");
        assert_eq!(leads_both_ways(&set, name, &[&Memory(disk.clone())]), 1);
        assert_eq!(what(&set, 0, member.offset(DISK_BYTES as u64) + 100), "superblock of md");
        assert_eq!(what(&set, 0, data + USED + 4096), "data area of md");
        assert_eq!(refusal(&set, ""), format!("member of the array {name} (raid1)"));
        let Some(line) = examine(&disk) else { continue };
        assert!(line("Checksum").ends_with("- correct"), "{version}: {}", line("Checksum"));
        assert!(line("Version").starts_with(version) || version.starts_with("1.") && line("Version").starts_with("1"));
        assert_eq!(
            (line("Raid Level"), line("Raid Devices"), line("Events")),
            ("raid1".to_owned(), "2".to_owned(), "10".to_owned())
        );
        let uuid = line(if version == "0.90" { "UUID" } else { "Array UUID" });
        let digits = |text: &str| text.chars().filter(char::is_ascii_hexdigit).collect::<String>();
        assert_eq!(digits(uuid.split(' ').next().unwrap()), digits(&array.uuid));
        if version != "0.90" {
            assert_eq!(line("Device Role"), "Active device 1");
            assert_eq!(line("Array Size").split(' ').next().unwrap(), (USED / 1024).to_string());
        }
    }
}

#[test]
fn of_members_that_differ_the_newest_is_read_and_the_other_named() {
    let (mut first, second) = (Member::mirror("1.2", 0, USED, DATA), Member::mirror("1.2", 1, USED, DATA));
    let set = probe(&[&with(1, first), &with(2, second)]);
    assert_eq!(issues(&set), Vec::<String>::new());
    assert_eq!(content(set.find("md0").unwrap().source.as_deref().unwrap())[..12], *b"1      2048 ");
    let of_member = |image| {
        let holders = set.holders(image, DATA + 5);
        holders.innermost().map(|it| (set.volumes()[it.volume].name.clone(), it.offset, it.is_read)).collect::<Vec<_>>()
    };
    assert_eq!(of_member(0), [("md0".to_owned(), 5, true)]);
    assert_eq!(of_member(1), [("md0".to_owned(), 5, false)]);
    first.events = 7;
    let set = probe(&[&with(1, first), &with(2, second)]);
    assert_eq!(issues(&set), ["volume md0: its members differ: image has 7 events, volume b: has 10 and is used"]);
    assert_eq!(content(set.find("md0").unwrap().source.as_deref().unwrap())[..12], *b"2      2048 ");
}

#[test]
fn a_wrong_checksum_is_told_and_another_member_preferred() {
    let mut damaged = with(1, Member { events: 99, ..Member::mirror("1.2", 0, USED, DATA) });
    damaged[4096 + 64] ^= 1;
    let set = probe(&[&damaged, &with(2, Member::mirror("1.2", 1, USED, DATA))]);
    assert_eq!(issues(&set)[0], "image: the checksum of the superblock of md is wrong");
    assert_eq!(content(set.find("md0").unwrap().source.as_deref().unwrap())[..12], *b"2      2048 ");
    let set = probe(&[&damaged]);
    assert_eq!(set.find("md0").unwrap().bytes, USED);
}

#[test]
fn a_linear_array_is_its_members_one_after_the_other_in_whole_chunks() {
    for version in ["0.90", "1.2"] {
        let data = if version == "0.90" { 0 } else { DATA };
        let member = |place| Member {
            level: -1,
            devices: 3,
            chunk: 64 << 10,
            name: "web:data",
            ..Member::mirror(version, place, 0, data)
        };
        let disks = [with(1, member(0)), with(2, member(1)), with(3, member(2))];
        let each = match version {
            "0.90" => DISK_BYTES - (64 << 10),
            _ => DISK_BYTES - DATA as usize,
        };
        let expected: Vec<u8> = disks.iter().flat_map(|disk| disk[data as usize..][..each].to_vec()).collect();
        let name = if version == "0.90" { "md3" } else { "md/data" };
        // In any order of the images.
        let set = probe(&[&disks[2], &disks[0], &disks[1]]);
        assert_eq!(issues(&set), Vec::<String>::new());
        let volume = set.find(name).unwrap();
        assert_eq!((volume.bytes, volume.lies_on.len()), (expected.len() as u64, 3));
        assert!(content(volume.source.as_deref().unwrap()) == expected, "{version}");
        let images = [&disks[2], &disks[0], &disks[1]].map(|disk| Memory(disk.clone()));
        assert_eq!(leads_both_ways(&set, name, &images.each_ref().map(|image| image as &dyn ReadAt)), 3);

        let set = probe(&[&disks[0], &disks[2]]);
        assert_eq!(
            issues(&set),
            [format!("volume {name}: its member 2 of 3 is not among the images; what lies before it is read")]
        );
        assert_eq!(set.find(name).unwrap().bytes, each as u64);
        let set = probe(&[&disks[1], &disks[2]]);
        assert_eq!(refusal(&set, name), "its member 1 of 3 is not among the images");
        let Some(line) = examine(&disks[1]) else { continue };
        assert_eq!(line("Raid Level"), "linear");
        assert!(line("Checksum").ends_with("- correct"), "{version}");
    }
}

#[test]
fn other_levels_are_named() {
    for (level, name) in [(0, "raid0"), (5, "raid5"), (6, "raid6"), (10, "raid10"), (4, "raid4"), (-4, "multipath")] {
        let set = probe(&[&with(1, Member { level, ..Member::mirror("1.2", 0, USED, DATA) })]);
        assert_eq!(refusal(&set, "md0"), format!("an md array of the level {name} is not supported"));
        assert!(set.find("md0").unwrap().source.is_none());
    }
}

#[test]
fn partitions_and_filesystems_inside_an_array_are_found_and_those_of_its_members_are_not_listed() {
    let mut first = vec![0; DISK_BYTES];
    // An MBR with a partition at sector 64, in which there is an ext2 superblock with a label.
    first[446 + 4] = 0x83;
    first[446 + 8..446 + 16].copy_from_slice(&[64, 0, 0, 0, 0, 4, 0, 0]);
    first[510..512].copy_from_slice(&[0x55, 0xaa]);
    first[64 * 512 + 1080..][..2].copy_from_slice(&[0x53, 0xef]);
    first[64 * 512 + 1144..][..4].copy_from_slice(b"root");
    let mut second = first.clone();
    Member::mirror("1.0", 0, USED, 0).write(&mut first);
    Member::mirror("1.0", 1, USED, 0).write(&mut second);
    let set = probe(&[&first, &second]);
    let names: Vec<_> = set.volumes().iter().map(|volume| volume.name.as_str()).collect();
    assert_eq!((names, issues(&set)), (vec!["", "b:", "md0", "md0:p1"], Vec::new()));
    assert_eq!(set.find("md0:p1").unwrap().filesystem().unwrap().label.as_deref(), Some("root"));
    assert_eq!(leads_both_ways(&set, "md0:p1", &[&Memory(first), &Memory(second)]), 1);
    assert_eq!(what(&set, 0, 5), "partition table: master boot record");
    assert_eq!(what(&set, 0, 63 * 512), "in no partition");
    assert_eq!(what(&set, 0, 64 * 512), "ext2");
}

#[test]
fn a_superblock_left_from_an_earlier_use_hides_nothing() {
    // The filesystem reaches past the superblock, and so does the partition of the other disk.
    let mut filesystem = vec![0; DISK_BYTES];
    filesystem[1080..1082].copy_from_slice(&[0x53, 0xef]);
    filesystem[1028..1032].copy_from_slice(&4096_u32.to_le_bytes());
    let mut partition = vec![0; DISK_BYTES];
    partition[446 + 4] = 0x83;
    partition[446 + 8..446 + 16].copy_from_slice(&[64, 0, 0, 0, 0xc0, 0x1f, 0, 0]);
    partition[510..512].copy_from_slice(&[0x55, 0xaa]);
    for disk in [&mut filesystem, &mut partition] {
        Member::mirror("1.0", 0, USED, 0).write(disk);
    }
    let set = probe(&[&filesystem, &partition]);
    let names: Vec<_> =
        set.volumes().iter().map(|volume| (volume.name.as_str(), volume.filesystem().is_some())).collect();
    assert_eq!(names, [("", true), ("b:p1", false)]);
    let at = Member::mirror("1.0", 0, USED, 0).offset(DISK_BYTES as u64);
    assert_eq!(
        issues(&set),
        [format!(
            "image, bytes {at}-{}: an md superblock lies inside the filesystem: it seems to be left from an earlier use",
            at + 256
        )]
    );
}
