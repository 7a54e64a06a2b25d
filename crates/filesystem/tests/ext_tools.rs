//! Inodes and names of ext2, ext3 and ext4, compared with what debugfs (e2fsprogs) and fls (The Sleuth Kit) tell of them.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test makes its own files and fails by panicking")]

mod common;

use common::image::{Image, tool};
use common::names::{self, Names};
use common::{populate, stat};
use kanshiki_filesystem::{FileSystem, Node, NodeState};
use kanshiki_testkit::{Need, need, run};
use std::collections::{BTreeMap, BTreeSet};

const NEEDS: &[Need] =
    &[Need::Root, Need::LoopDevices, Need::Mount, Need::Tool("mkfs.ext4"), Need::Tool("debugfs"), Need::Tool("fls")];

/// What debugfs and the reader say of every inode that holds something.
fn same_as_debugfs(image: &Image, filesystem: &dyn FileSystem) {
    let nodes: Vec<Node> = filesystem.inodes().map(Result::unwrap).collect();
    let reader: BTreeMap<u64, stat::Fields> = nodes.iter().map(|node| (node.id.inode, stat::of_node(node))).collect();
    let debugfs = stat::of_debugfs(&image.path, reader.keys().copied());
    let wrong: Vec<_> = reader.iter().filter(|(inode, fields)| debugfs.get(inode) != Some(fields)).take(5).collect();
    let theirs: Vec<_> = wrong.iter().map(|(inode, _)| debugfs.get(inode)).collect();
    assert!(wrong.is_empty(), "reader {wrong:?}\ndebugfs {theirs:?}");
    assert!(reader.len() > 10);
}

/// Every name that fls lists, and those that are in use are all.
fn same_as_fls(image: &Image, filesystem: &dyn FileSystem) {
    let fls = names::of_fls(&image.path);
    let reader = names::of_reader(filesystem);
    assert_eq!(missing(&fls.live, &reader.live), Vec::<&String>::new(), "names in use that only fls lists");
    assert_eq!(missing(&reader.live, &fls.live), Vec::<&String>::new(), "names in use that fls does not list");
    assert_eq!(missing(&fls.deleted, &reader.deleted), Vec::<&String>::new(), "removed names that only fls lists");
}

fn missing<'a>(all: &'a BTreeSet<String>, among: &'a BTreeSet<String>) -> Vec<&'a String> {
    all.difference(among).take(20).collect()
}

fn compare(options: &[&str]) {
    if !need(NEEDS) {
        return;
    }
    // The hashes in the nodes of a hash tree are the same each time: now and then fls takes one of them for a removed name.
    let options = [options, &["-E", "hash_seed=6b616e73-6869-6b69-6b61-6e7368696b69"]].concat();
    let image = Image::make(64 << 20, &options);
    image.fill("rw", |root| {
        populate::everything(root);
        populate::many(root, 3000);
    });
    let filesystem = image.open();
    same_as_debugfs(&image, filesystem.as_ref());
    same_as_fls(&image, filesystem.as_ref());
}

#[test]
fn ext4_is_what_debugfs_and_fls_tell() {
    compare(&["-t", "ext4"]);
}

#[test]
fn ext4_with_blocks_of_1_kib_is_what_debugfs_and_fls_tell() {
    compare(&["-t", "ext4", "-b", "1024"]);
}

#[test]
fn ext4_without_64bit_and_flex_bg_is_what_debugfs_and_fls_tell() {
    compare(&["-t", "ext4", "-O", "^64bit,^flex_bg,^metadata_csum"]);
}

#[test]
fn ext3_is_what_debugfs_and_fls_tell() {
    compare(&["-t", "ext3"]);
}

#[test]
fn ext2_is_what_debugfs_and_fls_tell() {
    compare(&["-t", "ext2", "-b", "1024"]);
}

#[test]
fn inodes_of_128_bytes_are_what_debugfs_and_fls_tell() {
    compare(&["-t", "ext4", "-I", "128"]);
}

#[test]
fn copies_that_the_split_of_a_hash_tree_leaves_behind_are_no_removed_names() {
    if !need(NEEDS) {
        return;
    }
    let image = Image::make(64 << 20, &["-t", "ext4"]);
    image.fill("rw", |root| {
        (0..5000).for_each(|number| std::fs::write(root.join(format!("name {number}")), "").unwrap())
    });
    let (fls, reader) = (names::of_fls(&image.path), names::of_reader(image.open().as_ref()));
    assert!(reader.live.len() > 5000);
    assert_eq!((&reader.deleted, &fls.deleted), (&BTreeSet::new(), &BTreeSet::new()));
}

#[test]
fn names_that_debugfs_removed_are_found_with_their_inodes() {
    if !need(NEEDS) {
        return;
    }
    let image = Image::make(16 << 20, &["-t", "ext2", "-b", "1024"]);
    image.fill("rw", |root| (0..200).for_each(|number| std::fs::write(root.join(format!("f{number}")), "x").unwrap()));
    for number in (0..200).step_by(3) {
        image.change(&format!("rm f{number}"));
    }
    let filesystem = image.open();
    same_as_debugfs(&image, filesystem.as_ref());
    same_as_fls(&image, filesystem.as_ref());
    let Names { deleted, .. } = names::of_reader(filesystem.as_ref());
    assert!((0..200).step_by(3).all(|number| deleted.contains(&format!("f{number}"))), "{deleted:?}");
    let gone = filesystem.deleted().map(Result::unwrap).filter(|found| found.node.state == NodeState::Deleted).count();
    assert_eq!(gone, 67);
}

#[test]
fn the_free_blocks_and_the_uses_of_blocks_are_those_that_debugfs_tells() {
    if !need(NEEDS) {
        return;
    }
    for (options, blocks_of_a_cluster) in [
        (&["-t", "ext4", "-b", "1024"][..], 1),
        (&["-t", "ext4", "-O", "bigalloc", "-C", "16384"], 4),
        (&["-t", "ext2"], 1),
        (&["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode"], 1),
    ] {
        let image = Image::make(100 << 20, options);
        image.fill("rw", populate::everything);
        let filesystem = image.open();
        let block_bytes = filesystem.summary().block_bytes;
        let free: u64 = filesystem.unallocated().map(|range| range.unwrap().len()).sum();
        let said = run(tool("dumpe2fs").arg(&image.path)).exits(0).stdout;
        let listed = stat::free_blocks_of_dumpe2fs(&said, blocks_of_a_cluster);
        let expected: u64 = listed.iter().map(|range| range.end - range.start).sum();
        assert_eq!(free / block_bytes, expected, "{options:?}");
        let found: BTreeSet<u64> = filesystem.unallocated().map(|range| range.unwrap().start / block_bytes).collect();
        let joined = stat::joined(listed);
        assert_eq!(found, joined.iter().map(|range| range.start).collect(), "{options:?}");
        for range in joined.iter().take(200) {
            assert_eq!(filesystem.block_use(range.start * block_bytes).unwrap().allocated, Some(false));
        }
        for (block, name) in stat::metadata_of_dumpe2fs(&said) {
            let used = filesystem.block_use(block * block_bytes).unwrap();
            assert_eq!(used.allocated, Some(true), "{options:?} {name}");
            assert_eq!(used.metadata, Some(name), "{options:?} block {block}");
        }
    }
}
