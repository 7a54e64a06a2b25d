//! Removed names in directories with a hash tree: its nodes hold none, and what lies behind their records may be some.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test makes its own files and fails by panicking")]

mod common;

use common::image::Image;
use common::names;
use kanshiki_filesystem::{ExtentState, FileSystem};
use kanshiki_testkit::{Need, need};
use std::collections::BTreeSet;
use std::os::unix::fs::FileExt as _;

const NEEDS: &[Need] = &[Need::Root, Need::LoopDevices, Need::Mount, Need::Tool("mkfs.ext4"), Need::Tool("debugfs")];

/// Blocks of 1 KiB: the tree of some thousand names has nodes below its root, and its root and nodes were split.
const BLOCK: u64 = 1024;

/// An image with so many names in its root directory, made by the kernel.
fn image(options: &[&str], names: u32) -> Image {
    let size = format!("{}", names + 100);
    let seed = "hash_seed=6b616e73-6869-6b69-6b61-6e7368696b69";
    let options = [options, &["-b", "1024", "-N", &size, "-E", seed]].concat();
    let image = Image::make(96 << 20, &options);
    image.fill("rw", |root| {
        (0..names).for_each(|number| std::fs::write(root.join(format!("name {number} of a file")), "").unwrap());
    });
    image
}

/// The blocks of the root directory, by their number in it, as offsets in the image.
fn blocks(filesystem: &dyn FileSystem) -> Vec<u64> {
    let root = filesystem.inode(filesystem.root()).unwrap().id;
    let extents = filesystem.extents(root).unwrap().map(Result::unwrap);
    let offsets = extents.flat_map(|extent| {
        let blocks = 0..extent.range.len() / BLOCK;
        let at = if let ExtentState::Stored(at) = extent.state { Some(at) } else { None };
        blocks.map(move |block| at.unwrap() + block * BLOCK)
    });
    offsets.collect()
}

fn read(image: &Image, offset: u64) -> Vec<u8> {
    let mut block = vec![0; usize::try_from(BLOCK).unwrap()];
    std::fs::File::open(&image.path).unwrap().read_exact_at(&mut block, offset).unwrap();
    block
}

/// The nodes of the tree by the look of their blocks: an empty entry as long as the block, and records.
fn nodes(image: &Image, blocks: &[u64]) -> Vec<u64> {
    let looks = |at: &&u64| read(image, **at)[..8] == [0, 0, 0, 0, 0, 4, 0, 0];
    blocks[..1].iter().chain(blocks[1..].iter().filter(looks)).copied().collect()
}

/// Writes an entry as older kernels left it: of a file with this name and inode 4321.
fn plant(image: &Image, offset: u64, name: &[u8]) {
    let length = (name.len() + 8).next_multiple_of(4);
    let mut entry = vec![0; length];
    entry[..4].copy_from_slice(&4321_u32.to_le_bytes());
    entry[4..6].copy_from_slice(&u16::try_from(length).unwrap().to_le_bytes());
    entry[6] = u8::try_from(name.len()).unwrap();
    entry[7] = 1;
    entry[8..8 + name.len()].copy_from_slice(name);
    std::fs::OpenOptions::new().write(true).open(&image.path).unwrap().write_all_at(&entry, offset).unwrap();
}

/// Where the records in use of a node end. They begin at 32 in the root and at 8 in others.
fn end(block: &[u8], is_root: bool) -> u64 {
    let records = if is_root { 32 } else { 8 };
    let used = u16::from_le_bytes([block[records + 2], block[records + 3]]);
    u64::try_from(records).unwrap() + u64::from(used) * 8
}

#[test]
fn nodes_of_a_hash_tree_are_no_removed_names() {
    if !need(NEEDS) {
        return;
    }
    for (options, names) in [(&["-t", "ext4"][..], 30_000), (&["-t", "ext3"], 9000)] {
        let image = image(options, names);
        let filesystem = image.open();
        let nodes = nodes(&image, &blocks(filesystem.as_ref()));
        assert!(nodes.len() > 3, "{options:?}: {} nodes", nodes.len());
        let found = names::of_reader(filesystem.as_ref());
        assert!(found.live.len() >= usize::try_from(names).unwrap(), "{options:?}");
        assert_eq!(found.deleted, BTreeSet::new(), "{options:?}");
    }
}

#[test]
fn names_behind_the_records_of_every_node_are_told() {
    if !need(NEEDS) {
        return;
    }
    let image = image(&["-t", "ext4"], 12_000);
    let nodes = nodes(&image, &blocks(image.open().as_ref()));
    // The entry ends where the checksum of the node begins; before it are copies of records that were split off, or zeroes.
    const PLACE: u64 = BLOCK - 8 - 40;
    let mut expected = BTreeSet::new();
    for (number, node) in nodes.iter().enumerate() {
        if end(&read(&image, *node), number == 0) <= PLACE {
            let name = format!("planted in node {number:016}");
            plant(&image, node + PLACE, name.as_bytes());
            expected.insert(name);
        }
    }
    assert!(expected.len() > 1 && nodes.len() > 3, "{} of {}", expected.len(), nodes.len());
    assert_eq!(names::of_reader(image.open().as_ref()).deleted, expected);
}

#[test]
fn a_name_whose_inode_a_record_of_the_root_has_overwritten_is_told_without_it() {
    if !need(NEEDS) {
        return;
    }
    for (options, names) in [(&["-t", "ext4"][..], 1500), (&["-t", "ext3"], 700)] {
        let image = image(options, names);
        let before = image.open();
        let root = blocks(before.as_ref())[0];
        let place = root + end(&read(&image, root), true);
        // An entry without its inode, which begins under the block of the last record: length, length of the name, type, name.
        let entry = [&[24, 0, 16, 1][..], b"half overwritten"].concat();
        let file = std::fs::OpenOptions::new().write(true).open(&image.path).unwrap();
        file.write_all_at(&entry, place).unwrap();
        let filesystem = image.open();
        let id = filesystem.inode(2).unwrap().id;
        let removed: Vec<_> = filesystem.removed_entries(id).unwrap().map(Result::unwrap).collect();
        let told: Vec<_> = removed.iter().map(|entry| (entry.name.as_slice(), entry.inode, entry.offset)).collect();
        assert_eq!(told, [(&b"half overwritten"[..], 0, place - 4)], "{options:?}");
    }
}

#[test]
fn a_block_that_only_looks_like_a_node_is_looked_through() {
    if !need(NEEDS) {
        return;
    }
    let image = image(&["-t", "ext4", "-O", "^metadata_csum"], 3000);
    let before = image.open();
    let blocks = blocks(before.as_ref());
    let leaf = *blocks.last().unwrap();
    let block = read(&image, leaf);
    assert_ne!(block[..4], [0; 4]);
    let gone = before.children(before.inode(2).unwrap().id).unwrap().map(Result::unwrap);
    let gone = gone.filter(|entry| (leaf..leaf + BLOCK).contains(&entry.offset));
    // The first entry of the block lies where the records would begin.
    let gone: BTreeSet<String> = gone.map(|entry| String::from_utf8(entry.name).unwrap()).skip(1).collect();
    assert!(gone.len() > 5);
    let file = std::fs::OpenOptions::new().write(true).open(&image.path).unwrap();
    file.write_all_at(&[0, 0, 0, 0, 0, 4, 0, 0, 20, 0, 3, 0], leaf).unwrap();
    // What is left of the first entry may look like one.
    assert!(names::of_reader(image.open().as_ref()).deleted.is_superset(&gone));
}

#[test]
fn names_that_debugfs_removed_from_a_hash_tree_are_told() {
    if !need(NEEDS) {
        return;
    }
    let image = image(&["-t", "ext4"], 5000);
    let requests = image.beside("requests");
    let gone: BTreeSet<String> = (0..5000).step_by(97).map(|number| format!("name {number} of a file")).collect();
    let lines: String = gone.iter().map(|name| format!("rm \"{name}\"\n")).collect();
    std::fs::write(&requests, lines).unwrap();
    let mut debugfs = common::image::tool("debugfs");
    let _ = kanshiki_testkit::run(debugfs.args(["-w", "-f"]).arg(&requests).arg(&image.path)).exits(0);
    assert_eq!(names::of_reader(image.open().as_ref()).deleted, gone);
}
