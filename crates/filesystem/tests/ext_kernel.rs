//! Whole trees of ext2, ext3 and ext4 in every form, compared with what the kernel gives of them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test makes its own files and fails by panicking")]

mod common;

use common::image::{Image, tool};
use common::{populate, tree};
use kanshiki_filesystem::{FileSystem, NodeId};
use kanshiki_image::RunState;
use kanshiki_testkit::{Need, need, run};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const NEEDS: &[Need] = &[Need::Root, Need::LoopDevices, Need::Mount, Need::Tool("mkfs.ext4")];

/// Makes a filesystem with these options, fills it, and compares it with the kernel's view.
fn compare(megabytes: u64, options: &[&str]) {
    if !need(NEEDS) {
        return;
    }
    let image = Image::make(megabytes << 20, options);
    image.fill("rw", populate::everything);
    same_as_kernel(&image);
}

fn same_as_kernel(image: &Image) {
    let filesystem = image.open();
    // Without a journal there is nothing that could be replayed, and the driver of ext2 knows no such option.
    let journal = filesystem.summary().features.iter().any(|feature| feature == "has_journal");
    let kernel = image.look(if journal { "ro,noload" } else { "ro" }, tree::of_kernel);
    assert_eq!(filesystem.issues(), []);
    let reader = tree::of_reader(filesystem.as_ref());
    let differences = tree::differences(&kernel, &reader);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(kernel.len() > 2);
    let mut damage = Vec::new();
    filesystem.check(&mut |error| {
        damage.push(error.to_string());
        ControlFlow::Continue(())
    });
    assert!(damage.is_empty(), "{}", damage.join("\n"));
}

/// A test that compares a filesystem of so many MiB made with these options.
macro_rules! same {
    ($name:ident, $megabytes:literal, $($option:literal),+) => {
        #[test]
        fn $name() {
            compare($megabytes, &[$($option),+]);
        }
    };
}

same!(ext4_as_mke2fs_makes_it_is_the_same, 64, "-t", "ext4");
same!(ext4_with_blocks_of_1_kib_is_the_same, 64, "-t", "ext4", "-b", "1024");
same!(ext4_with_blocks_of_2_kib_is_the_same, 64, "-t", "ext4", "-b", "2048");
same!(ext3_is_the_same, 64, "-t", "ext3");
same!(ext3_with_blocks_of_1_kib_is_the_same, 64, "-t", "ext3", "-b", "1024");
same!(ext2_is_the_same, 64, "-t", "ext2");
same!(ext2_with_blocks_of_1_kib_is_the_same, 64, "-t", "ext2", "-b", "1024");
same!(ext2_of_revision_0_is_the_same, 64, "-t", "ext2", "-r", "0", "-b", "1024");
same!(ext4_without_extents_is_the_same, 64, "-t", "ext4", "-O", "^extent,^64bit");
same!(ext4_without_64bit_is_the_same, 64, "-t", "ext4", "-O", "^64bit");
same!(ext4_with_large_descriptors_is_the_same, 64, "-t", "ext4", "-E", "desc_size=128");
same!(meta_bg_is_the_same, 400, "-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode");
same!(meta_bg_without_flex_bg_is_the_same, 400, "-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode,^flex_bg");
same!(without_flex_bg_is_the_same, 64, "-t", "ext4", "-O", "^flex_bg");
same!(bigalloc_is_the_same, 64, "-t", "ext4", "-O", "bigalloc", "-C", "65536");
same!(bigalloc_with_blocks_of_1_kib_is_the_same, 64, "-t", "ext4", "-b", "1024", "-O", "bigalloc", "-C", "16384");
same!(inline_data_is_the_same, 64, "-t", "ext4", "-O", "inline_data");
same!(inline_data_in_inodes_of_1_kib_is_the_same, 64, "-t", "ext4", "-I", "1024", "-O", "inline_data");
same!(inodes_of_128_bytes_are_the_same, 64, "-t", "ext4", "-I", "128");
same!(inodes_as_large_as_blocks_are_the_same, 64, "-t", "ext4", "-b", "1024", "-I", "1024");
same!(without_types_in_entries_it_is_the_same, 64, "-t", "ext4", "-O", "^filetype");
same!(without_hash_trees_it_is_the_same, 64, "-t", "ext4", "-O", "^dir_index");
same!(multiple_mount_protection_is_the_same, 64, "-t", "ext4", "-O", "mmp");
same!(uninit_bg_is_the_same, 300, "-t", "ext4", "-b", "1024", "-O", "uninit_bg,^metadata_csum");
same!(without_checksums_it_is_the_same, 64, "-t", "ext4", "-O", "^metadata_csum,^uninit_bg");
same!(a_checksum_seed_is_the_same, 64, "-t", "ext4", "-O", "metadata_csum_seed");
same!(orphan_file_is_the_same, 64, "-t", "ext4", "-O", "orphan_file");
same!(verity_is_the_same, 64, "-t", "ext4", "-O", "verity");
same!(sparse_super2_is_the_same, 64, "-t", "ext4", "-b", "1024", "-O", "sparse_super2,^resize_inode");
same!(
    copies_of_the_superblock_in_every_group_are_the_same,
    64,
    "-t",
    "ext4",
    "-b",
    "1024",
    "-O",
    "^sparse_super,^resize_inode"
);
same!(without_a_journal_it_is_the_same, 64, "-t", "ext4", "-O", "^has_journal");
same!(fast_commit_is_the_same, 64, "-t", "ext4", "-O", "fast_commit");

/// Fills a filesystem in some other way, and compares it with the kernel's view.
fn compare_filled(megabytes: u64, options: &[&str], fill: impl FnOnce(&Path)) {
    if !need(NEEDS) {
        return;
    }
    let image = Image::make(megabytes << 20, options);
    image.fill("rw", fill);
    same_as_kernel(&image);
}

#[test]
fn quota_and_projects_are_the_same() {
    if !need(NEEDS) {
        return;
    }
    // Not every kernel writes to a filesystem with quotas.
    let image = Image::make(64 << 20, &["-t", "ext4", "-I", "256"]);
    image.fill("rw", populate::everything);
    let _ = run(tool("tune2fs").args(["-O", "quota,project"]).arg(&image.path)).exits(0);
    same_as_kernel(&image);
}

#[test]
fn a_directory_of_100_000_names_is_the_same() {
    compare_filled(100, &["-t", "ext4", "-N", "50000"], |root| populate::many(root, 100_000));
}

#[test]
fn a_hash_tree_of_three_levels_is_the_same() {
    compare_filled(100, &["-t", "ext4", "-b", "1024", "-O", "large_dir"], |root| populate::many(root, 60_000));
}

#[test]
fn a_directory_of_many_names_without_a_hash_tree_is_the_same() {
    compare_filled(64, &["-t", "ext2", "-b", "1024"], |root| populate::many(root, 3000));
}

#[test]
fn attributes_in_inodes_of_their_own_are_the_same() {
    compare_filled(64, &["-t", "ext4", "-O", "ea_inode"], |root| {
        for bytes in [4000, 5000, 20_000, 65_536] {
            let path = root.join(bytes.to_string());
            std::fs::write(&path, "").unwrap();
            populate::attributes(&path, bytes);
            let twin = root.join(format!("{bytes} again"));
            std::fs::write(&twin, "").unwrap();
            populate::attributes(&twin, bytes);
        }
    });
}

#[test]
fn extents_of_three_levels_are_the_same() {
    compare_filled(200, &["-t", "ext4", "-b", "1024"], |root| {
        populate::sparse(&root.join("deep"), 1024, 30_000, 3072);
    });
}

#[test]
fn indirect_blocks_of_three_levels_are_the_same() {
    compare_filled(64, &["-t", "ext3", "-b", "1024"], |root| {
        populate::sparse(&root.join("deep"), 1024, 200, 1_000_000);
        populate::sparse(&root.join("dense"), 1024, 20_000, 1024);
    });
}

#[test]
fn a_sparse_file_of_10_tib_is_the_same() {
    if !need(NEEDS) {
        return;
    }
    let image = Image::make(64 << 20, &["-t", "ext4"]);
    let places = [0, 5 << 30, (7 << 40) + 123, (10 << 40) - 5000];
    image.fill("rw", |root| {
        let file = std::fs::File::create(root.join("large")).unwrap();
        places.into_iter().for_each(|at| file.write_all_at(&populate::noise(at, 5000), at).unwrap());
    });
    same_as_kernel(&image);
    let filesystem = image.open();
    let entry = filesystem.lookup(root(filesystem.as_ref()), b"large").unwrap().unwrap();
    let content = filesystem.content(filesystem.inode(entry.inode).unwrap().id).unwrap();
    assert_eq!(content.len(), 10 << 40);
    for at in places {
        let mut bytes = vec![1; 20_000];
        let read = content.read_at(at.saturating_sub(7000), &mut bytes).unwrap();
        let skipped = at.min(7000) as usize;
        assert_eq!(bytes[skipped..skipped + 5000], populate::noise(at, 5000));
        assert!(bytes[..skipped].iter().chain(&bytes[skipped + 5000..read]).all(|byte| *byte == 0));
    }
    let stored: u64 = content.runs().filter(|(_, state)| *state == RunState::Data).map(|(range, _)| range.len()).sum();
    assert_eq!(stored, 32_768, "two blocks at each place");
    assert_eq!(content.runs().last().unwrap().0.end, 10 << 40);
}

fn root(filesystem: &dyn FileSystem) -> NodeId {
    filesystem.inode(filesystem.root()).unwrap().id
}
