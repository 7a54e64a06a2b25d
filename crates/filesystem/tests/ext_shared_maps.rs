//! Maps built to harm, in which many records lead to the same node: going through each as often as it is named would take
//! years. All answers come within seconds, the damage is told with inode and place, and everything else is there.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test makes its own files and fails by panicking")]

mod common;

use common::image::Image;
use kanshiki_filesystem::{FileSystem, FsError, JournalUse, Node, NodeId, OpenOptions};
use kanshiki_image::RawFile;
use kanshiki_testkit::{Need, need, tempdir, write_file};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A large volume that is nearly all hole: a bound by its size alone is none.
const VOLUME: u64 = 128 << 30;
const BLOCK: u64 = 4096;

/// The first of the blocks that hold the nodes, near the end of the volume, where nothing lies.
const NODES: u32 = 33_000_000;

/// What everything may take together, on a slow machine.
const SECONDS: u64 = 20;

/// The names of the file and of the directory with a map that is built to harm; `beside` stays as it is.
const VICTIMS: [&[u8]; 2] = [b"file", b"directory"];

fn make(options: &[&str]) -> Image {
    let source = tempdir();
    for name in ["file", "beside"] {
        write_file(&source.path().join(name), vec![7; 100_000]);
    }
    std::fs::create_dir(source.path().join("directory")).unwrap();
    let folder = source.path().to_str().unwrap();
    Image::make(VOLUME, &[options, &["-N", "20000", "-d", folder]].concat())
}

fn find(filesystem: &dyn FileSystem, name: &[u8]) -> Node {
    let root = filesystem.inode(filesystem.root()).unwrap();
    let entry = filesystem.children(root.id).unwrap().flatten().find(|entry| entry.name == name).unwrap();
    filesystem.inode(entry.inode).unwrap()
}

/// Writes the nodes, each 4 KiB, and the map of inodes.
fn harm(image: &Image, inodes: &[&Node], map: &[u8; 60], nodes: &[Vec<u8>]) {
    let file = std::fs::OpenOptions::new().write(true).open(&image.path).unwrap();
    for (number, node) in nodes.iter().enumerate() {
        assert!(node.len() <= BLOCK as usize);
        file.write_all_at(node, (u64::from(NODES) + number as u64) * BLOCK).unwrap();
    }
    for inode in inodes {
        file.write_all_at(map, inode.offset + 40).unwrap();
    }
}

/// A node of an extent tree, of records with a block of the file and a node.
fn index(depth: u16, room: u16, records: impl Iterator<Item = (u32, u32)>) -> Vec<u8> {
    let records: Vec<(u32, u32)> = records.collect();
    let mut node = Vec::new();
    for field in [0xf30a, records.len() as u16, room, depth, 0, 0] {
        node.extend(field.to_le_bytes());
    }
    for (first, block) in records {
        node.extend([first.to_le_bytes(), block.to_le_bytes(), [0; 4]].concat());
    }
    node
}

/// Asks for everything that goes through maps; gives all that is damaged.
fn ask(filesystem: &dyn FileSystem) -> Vec<FsError> {
    let mut damage = Vec::new();
    for name in VICTIMS {
        let id = find(filesystem, name).id;
        damage.extend(filesystem.extents(id).unwrap().filter_map(Result::err));
        let content = filesystem.content(id).unwrap();
        assert!(content.runs().count() > 0);
        let _ = content.read_at(0, &mut [0; 65_536]);
        let _ = content.read_at(70_000, &mut [0; 65_536]);
    }
    let directory = find(filesystem, VICTIMS[1]).id;
    damage.extend(filesystem.children(directory).unwrap().filter_map(Result::err));
    damage.extend(filesystem.removed_entries(directory).unwrap().filter_map(Result::err));
    damage.extend(filesystem.deleted().filter_map(Result::err));
    let mut checked = Vec::new();
    filesystem.check(&mut |error| {
        checked.push(error);
        ControlFlow::Continue(())
    });
    assert!(checked.len() > 1);
    // What lies beside it is there.
    let beside = find(filesystem, b"beside");
    let content = filesystem.content(beside.id).unwrap();
    let mut bytes = vec![0; 100_000];
    assert_eq!(content.read_at(0, &mut bytes).unwrap(), bytes.len());
    assert!(bytes.iter().all(|byte| *byte == 7));
    damage
}

fn places(damage: &[FsError], id: NodeId, said: &str) -> Vec<u64> {
    let place = |error: &FsError| match error {
        FsError::Damaged { inode: Some(inode), offset, detail, .. } if *inode == id.inode && detail.contains(said) => {
            Some(*offset)
        }
        _ => None,
    };
    damage.iter().filter_map(place).collect()
}

#[track_caller]
fn within_seconds<T>(work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = work();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(SECONDS), "it took {took:?}");
    done
}

#[test]
fn nodes_of_an_extent_tree_that_are_shared_are_gone_through_once() {
    if !need(&[Need::Tool("mkfs.ext4")]) {
        return;
    }
    let image = make(&["-t", "ext4", "-O", "^has_journal,^metadata_csum,uninit_bg"]);
    let before = image.open();
    let victims = VICTIMS.map(|name| find(before.as_ref(), name));
    // Every second record is for the same ten blocks of the file: its next neighbour ends it where the node below begins.
    let records = |count: u32, node: u32| (0..count).map(move |number| (number % 2 * 10, node));
    let map: [u8; 60] = index(5, 4, records(4, NODES)).try_into().unwrap();
    let nodes: Vec<Vec<u8>> =
        (0..4).map(|level| index(4 - level, 340, records(340, NODES + u32::from(level) + 1))).collect();
    let empty = index(0, 340, std::iter::empty());
    harm(&image, &victims.each_ref(), &map, &[nodes, vec![empty]].concat());
    let filesystem = image.open();
    let damage = within_seconds(|| ask(filesystem.as_ref()));
    // Of 4 and 340 records the second is out of order, and the third leads where the first led.
    let again = places(&damage, victims[0].id, "led there already");
    assert_eq!(again.first(), Some(&(u64::from(NODES + 3) * BLOCK + 12 * 3)));
    assert!(again.contains(&(victims[0].offset + 40 + 12 * 3)), "{again:?}");
    assert_eq!(again.len(), 2 + 4 * 169);
}

#[test]
fn a_directory_with_blocks_far_behind_its_end_is_looked_at_to_its_end() {
    if !need(&[Need::Tool("mkfs.ext4")]) {
        return;
    }
    let image = make(&["-t", "ext4", "-O", "^has_journal,^metadata_csum,uninit_bg"]);
    let victim = find(image.open().as_ref(), b"directory");
    // After the directory's only block 340 extents of 32768 blocks each, in which nothing lies.
    let file = std::fs::File::open(&image.path).unwrap();
    let mut first = [0; 12];
    file.read_exact_at(&mut first, victim.offset + 52).unwrap();
    let mut leaf = index(0, 340, std::iter::empty());
    leaf[2..4].copy_from_slice(&340_u16.to_le_bytes());
    leaf.extend(first);
    for number in 1..340_u32 {
        leaf.extend(
            [(number * 32_768).to_le_bytes(), 32_768_u32.to_le_bytes(), (NODES + 10_000).to_le_bytes()].concat(),
        );
    }
    let map: [u8; 60] = [index(1, 4, [(0, NODES)].into_iter()), vec![0; 36]].concat().try_into().unwrap();
    harm(&image, &[&victim], &map, &[leaf]);
    let filesystem = image.open();
    let damage = within_seconds(|| {
        let names: Vec<_> = filesystem.children(victim.id).unwrap().map(|entry| entry.unwrap().name).collect();
        assert_eq!(names, [b".".as_slice(), b".."]);
        filesystem.removed_entries(victim.id).unwrap().filter_map(Result::err).collect::<Vec<_>>()
    });
    let stopped = (u64::from(NODES) + 10_000 + 1) * BLOCK;
    assert_eq!(places(&damage, victim.id, "it has blocks from block 65537 on, far behind its end"), [stopped]);
}

#[test]
fn indirect_blocks_that_are_shared_are_gone_through_once() {
    if !need(&[Need::Tool("mkfs.ext4")]) {
        return;
    }
    let image = make(&["-t", "ext2"]);
    let before = image.open();
    let victims = VICTIMS.map(|name| find(before.as_ref(), name));
    let mut map = [0; 60];
    map[56..].copy_from_slice(&NODES.to_le_bytes());
    let all = |block: u32| block.to_le_bytes().repeat(1024);
    // The last block holds nothing but zeroes: blocks without content.
    harm(&image, &victims.each_ref(), &map, &[all(NODES + 1), all(NODES + 2)]);
    let filesystem = image.open();
    let damage = within_seconds(|| ask(filesystem.as_ref()));
    let again = places(&damage, victims[0].id, "led there already");
    // The second number in each block leads where the first led, and all behind it do.
    assert_eq!(again, [u64::from(NODES + 1) * BLOCK + 4, u64::from(NODES) * BLOCK + 4]);
    assert_eq!(places(&damage, victims[0].id, "so it is with 1022 more behind it"), again);
}

#[test]
fn the_map_of_a_journal_is_gone_through_once() {
    if !need(&[Need::Tool("mkfs.ext4")]) {
        return;
    }
    let image = make(&["-t", "ext3", "-J", "size=4"]);
    let before = image.open();
    let journal = before.inode(8).unwrap();
    let mut map = [0; 60];
    map[56..].copy_from_slice(&NODES.to_le_bytes());
    let all = |block: u32| block.to_le_bytes().repeat(1024);
    harm(&image, &[&journal], &map, &[all(NODES + 1), all(NODES + 2)]);
    // It is wanted: the superblock says that it must be replayed, and has no copy of its map.
    let file = std::fs::OpenOptions::new().read(true).write(true).open(&image.path).unwrap();
    let mut features = [0; 4];
    file.read_exact_at(&mut features, 1024 + 96).unwrap();
    features[0] |= 4;
    file.write_all_at(&features, 1024 + 96).unwrap();
    file.write_all_at(&[0], 1024 + 253).unwrap();
    let source = Arc::new(RawFile::open(&image.path).unwrap());
    let opened = || kanshiki_filesystem::open(source, &OpenOptions { journal: JournalUse::Replay }).unwrap();
    let filesystem = within_seconds(opened);
    assert!(filesystem.issues().iter().any(|issue| issue.message.contains("journal")), "{:?}", filesystem.issues());
}
