//! Whole trees of ext2, ext3 and ext4 in every form, compared with what the kernel gives of them.

mod common;

use common::image::Image;
use common::{populate, tree};
use kanshiki_testkit::{Need, need};

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
    assert!(kernel.len() > 10);
}

#[test]
fn ext4_as_mke2fs_makes_it_is_the_same() {
    compare(64, &["-t", "ext4"]);
}

#[test]
fn ext4_with_blocks_of_1_kib_is_the_same() {
    compare(64, &["-t", "ext4", "-b", "1024"]);
}

#[test]
fn ext4_with_blocks_of_2_kib_is_the_same() {
    compare(64, &["-t", "ext4", "-b", "2048"]);
}

#[test]
fn ext3_is_the_same() {
    compare(64, &["-t", "ext3", "-b", "1024"]);
}

#[test]
fn ext2_is_the_same() {
    compare(64, &["-t", "ext2"]);
}
