//! Forms of ext4 that not every kernel mounts, and volumes whose superblock or descriptors are broken.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test makes its own files and fails by panicking")]

mod common;

use common::image::{Image, tool};
use common::tree::{self, Record, Tree};
use common::{names, populate};
use kanshiki_filesystem::{ExtentState, FileSystem, FsError, Node, NodeType};
use kanshiki_testkit::{Need, TempDir, need, run, tempdir};
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt as _;

const NEEDS: &[Need] = &[Need::Root, Need::Tool("mkfs.ext4"), Need::Tool("debugfs")];

/// A folder with files, folders and links, for `mke2fs -d`.
fn source() -> TempDir {
    let folder = tempdir();
    for size in [0, 1, 100, 60_000, 70_000, 200_000, 1_000_000] {
        std::fs::write(folder.path().join(format!("{size} bytes")), populate::noise(size, size as usize)).unwrap();
    }
    populate::sparse(&folder.path().join("sparse"), 5000, 20, 300_000);
    let names = folder.path().join("names");
    std::fs::create_dir(&names).unwrap();
    (0..2000).for_each(|number| std::fs::write(names.join(format!("Name number {number}")), "x").unwrap());
    std::os::unix::fs::symlink("a target", folder.path().join("link")).unwrap();
    std::os::unix::fs::symlink("t".repeat(300), folder.path().join("long link")).unwrap();
    folder
}

/// What a copy of a file keeps.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    mode: u32,
    uid: u32,
    size: u64,
    modified: i64,
    target: Option<String>,
    sha256: Option<String>,
}

/// What a copy of a tree keeps.
fn kept(tree: Tree) -> BTreeMap<String, Kept> {
    let record = |record: Record| Kept {
        mode: record.mode,
        uid: record.uid,
        size: if record.mode & 0o170_000 == 0o040_000 { 0 } else { record.size },
        modified: record.modified.0,
        target: record.target,
        sha256: record.sha256,
    };
    let paths = tree.into_iter().filter(|(path, _)| !path.is_empty() && path != "/lost+found");
    paths.map(|(path, found)| (path, record(found))).collect()
}

fn filled(megabytes: u64, options: &[&str], source: &TempDir) -> Image {
    let mut all = vec!["-d", source.path().to_str().unwrap()];
    all.extend(options);
    Image::make(megabytes << 20, &all)
}

#[track_caller]
fn assert_sound(filesystem: &dyn FileSystem) {
    let mut damage = Vec::new();
    filesystem.check(&mut |error| {
        damage.push(error.to_string());
        std::ops::ControlFlow::Continue(())
    });
    assert!(damage.is_empty(), "{}", damage.join("\n"));
}

#[test]
fn blocks_larger_than_a_page_are_read() {
    if !need(NEEDS) {
        return;
    }
    let source = source();
    let expected = kept(tree::of_kernel(source.path()));
    for options in
        [&["-b", "65536"][..], &["-b", "65536", "-t", "ext2"], &["-b", "16384"], &["-b", "65536", "-O", "^64bit"]]
    {
        let image = filled(300, options, &source);
        let filesystem = image.open();
        assert_eq!(kept(tree::of_reader(filesystem.as_ref())), expected, "{options:?}");
        assert_sound(filesystem.as_ref());
    }
}

#[test]
fn a_casefolded_directory_keeps_its_names() {
    if !need(NEEDS) {
        return;
    }
    let source = source();
    let image = filled(64, &["-t", "ext4", "-O", "casefold", "-E", "encoding=utf8"], &source);
    image.change("set_inode_field /names flags 0x40081000");
    let filesystem = image.open();
    assert!(filesystem.issues().is_empty());
    assert_eq!(kept(tree::of_reader(filesystem.as_ref())), kept(tree::of_kernel(source.path())));
}

#[test]
fn the_content_of_a_file_with_verity_ends_at_its_size() {
    if !need(NEEDS) {
        return;
    }
    let source = source();
    let image = filled(64, &["-t", "ext4", "-O", "verity"], &source);
    // Linux puts the tree of hashes behind the content (Documentation/filesystems/fsverity.rst).
    image.change("fallocate \"/70000 bytes\" 32 40");
    image.change("set_inode_field \"/70000 bytes\" flags 0x180000");
    let filesystem = image.open();
    assert_eq!(kept(tree::of_reader(filesystem.as_ref())), kept(tree::of_kernel(source.path())));
    let node = find(filesystem.as_ref(), b"70000 bytes");
    let extents: Vec<_> = filesystem.extents(node.id).unwrap().map(Result::unwrap).collect();
    let behind = extents.iter().filter(|extent| extent.state != ExtentState::Hole).map(|extent| extent.range.end).max();
    assert_eq!(behind, Some(41 * 4096));
}

fn find(filesystem: &dyn FileSystem, name: &[u8]) -> Node {
    let root = filesystem.inode(filesystem.root()).unwrap().id;
    let entry = filesystem.lookup(root, name).unwrap().unwrap();
    filesystem.inode(entry.inode).unwrap()
}

#[test]
fn encrypted_files_show_what_is_not_encrypted_and_say_that_the_rest_is() {
    const KERNEL: Need = Need::File("/sys/fs/ext4/features/test_dummy_encryption_v2");
    if !need(NEEDS) || !need(&[Need::LoopDevices, Need::Mount, KERNEL]) {
        return;
    }
    let image = Image::make(64 << 20, &["-t", "ext4", "-O", "encrypt"]);
    image.fill("rw,test_dummy_encryption", |root| {
        let folder = root.join("secret");
        std::fs::create_dir(&folder).unwrap();
        for number in 0..40_u32 {
            std::fs::write(folder.join(format!("file {number}")), populate::noise(1, 5000)).unwrap();
        }
        std::os::unix::fs::symlink("target", folder.join("link")).unwrap();
    });
    let kernel = image.look("ro,noload", tree::of_kernel);
    let filesystem = image.open();
    assert_sound(filesystem.as_ref());
    let reader = tree::of_reader(filesystem.as_ref());
    // Without the key the kernel shows names and links in a form of its own, and opens no file.
    let by_inode = |tree: Tree| -> BTreeMap<u64, Record> {
        let link = |mode: u32| mode & 0o170_000 == 0o120_000;
        let size = |record: &Record| if link(record.mode) { 0 } else { record.size };
        let bare = |record: Record| Record { target: None, sha256: None, size: size(&record), ..record };
        tree.into_values().map(|record| (record.inode, bare(record))).collect()
    };
    assert_eq!(by_inode(reader), by_inode(kernel));
    let folder = find_by(filesystem.as_ref(), |node| node.encrypted && node.node_type == NodeType::Directory);
    assert_eq!(filesystem.children(folder.id).unwrap().count(), 43);
    let file = find_by(filesystem.as_ref(), |node| node.encrypted && node.node_type == NodeType::File);
    assert!(matches!(filesystem.content(file.id), Err(FsError::Unsupported { .. })));
    assert!(filesystem.xattrs(file.id).unwrap().any(|xattr| xattr.unwrap().name == b"encryption.c"));
    assert_eq!(filesystem.extents(file.id).unwrap().count(), 1);
    let link = find_by(filesystem.as_ref(), |node| node.node_type == NodeType::Symlink);
    assert!(matches!(filesystem.link_target(link.id), Err(FsError::Unsupported { .. })));
}

fn find_by(filesystem: &dyn FileSystem, wanted: impl Fn(&Node) -> bool) -> Node {
    filesystem.inodes().map(Result::unwrap).find(|node| wanted(node)).unwrap()
}

/// Writes zeroes over a part of an image.
fn wipe(image: &Image, at: u64, bytes: usize) {
    let file = std::fs::File::options().write(true).open(&image.path).unwrap();
    file.write_all_at(&vec![0; bytes], at).unwrap();
}

#[test]
fn a_copy_stands_for_a_broken_superblock() {
    if !need(NEEDS) {
        return;
    }
    let source = source();
    let expected = kept(tree::of_kernel(source.path()));
    for (megabytes, options) in [
        (40, &["-b", "1024"][..]),
        (300, &["-b", "4096"]),
        (600, &["-b", "2048", "-t", "ext2"]),
        (300, &["-b", "4096", "-O", "sparse_super2,^resize_inode"]),
        (5000, &["-b", "65536"]),
        (3000, &["-t", "ext4", "-b", "4096", "-O", "bigalloc", "-C", "65536"]),
        (300, &["-b", "1024", "-O", "meta_bg,^resize_inode"]),
    ] {
        let image = filled(megabytes, options, &source);
        wipe(&image, 1024, 1024);
        let filesystem = image.open();
        assert_eq!(filesystem.issues().len(), 1, "{options:?}: {:?}", filesystem.issues());
        let told = filesystem.issues()[0].to_string();
        assert!(
            told.contains("the primary superblock is damaged (magic 0x0000, not 0xef53); the copy in group"),
            "{told}"
        );
        assert_eq!(kept(tree::of_reader(filesystem.as_ref())), expected, "{options:?}");
    }
}

#[test]
fn copies_stand_for_broken_descriptors() {
    if !need(NEEDS) {
        return;
    }
    let source = source();
    let expected = kept(tree::of_kernel(source.path()));
    for options in
        [&["-b", "1024"][..], &["-b", "1024", "-O", "^metadata_csum,^uninit_bg"], &["-b", "1024", "-t", "ext3"]]
    {
        let image = filled(80, options, &source);
        wipe(&image, 2048, 512);
        let filesystem = image.open();
        assert!(
            filesystem.issues()[0].message.contains("group descriptors are damaged; copies stand for"),
            "{options:?}"
        );
        assert_eq!(kept(tree::of_reader(filesystem.as_ref())), expected, "{options:?}");
    }
}

#[test]
fn a_file_of_an_absurd_size_has_an_end_and_costs_no_memory() {
    if !need(NEEDS) {
        return;
    }
    let source = source();
    for options in [&["-t", "ext4"][..], &["-t", "ext2"]] {
        let image = filled(64, options, &source);
        image.change("set_inode_field \"/100 bytes\" size 0x1000000000000000");
        let filesystem = image.open();
        let node = find(filesystem.as_ref(), b"100 bytes");
        assert_eq!(node.size, 1 << 60);
        let content = filesystem.content(node.id).unwrap();
        let runs: Vec<_> = content.runs().collect();
        assert_eq!((runs.len(), runs[1].0.end), (2, 1 << 60));
        let mut bytes = vec![1; 1000];
        assert_eq!(content.read_at((1 << 60) - 10, &mut bytes).unwrap(), 10);
        assert_eq!(&bytes[..10], [0; 10]);
        assert_eq!(content.read_at(0, &mut bytes).unwrap(), 1000);
        assert_eq!(bytes[..100], populate::noise(100, 100));
        assert_eq!(filesystem.extents(node.id).unwrap().count(), 2);
    }
}

#[test]
fn an_orphan_is_told_and_still_read() {
    if !need(NEEDS) {
        return;
    }
    for (options, why) in [
        (&["-t", "ext4", "-O", "^orphan_file"][..], kanshiki_filesystem::WhyDeleted::OrphanList),
        (&["-t", "ext2"], kanshiki_filesystem::WhyDeleted::OrphanList),
    ] {
        let source = source();
        let image = filled(64, options, &source);
        let number = find(image.open().as_ref(), b"70000 bytes").id.inode;
        image.change("unlink \"/70000 bytes\"");
        image.change(&format!("set_inode_field <{number}> links_count 0"));
        image.change(&format!("set_super_value last_orphan {number}"));
        let filesystem = image.open();
        let found: Vec<_> = filesystem.deleted().map(Result::unwrap).collect();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].why, found[0].node.id.inode, found[0].node.size), (why, number, 70_000));
        assert_eq!(found[0].remains.in_use, 70_000);
        let content = filesystem.content(found[0].node.id).unwrap();
        assert_eq!(tree::digest(&content), tree::sha256(&populate::noise(70_000, 70_000)));
        let listed = names::of_reader(filesystem.as_ref());
        assert!(!listed.live.contains("70000 bytes"));
    }
}

#[test]
fn inline_data_goes_on_with_zeroes_up_to_the_size_as_the_kernel_reads_it() {
    if !need(NEEDS) {
        return;
    }
    let source = tempdir();
    std::fs::File::create(source.path().join("hole")).unwrap().set_len(1 << 20).unwrap();
    std::fs::write(source.path().join("short"), populate::noise(150, 1)).unwrap();
    // Given as sparse, mke2fs leaves the file inline.
    let image = filled(20, &["-t", "ext4", "-O", "inline_data", "-b", "1024"], &source);
    image.change("set_inode_field /short size 1000");
    let expected = image.look("ro", |point| ["hole", "short"].map(|name| std::fs::read(point.join(name)).unwrap()));
    let filesystem = image.open();
    for (name, expected) in [b"hole".as_slice(), b"short"].into_iter().zip(expected) {
        let node = find(filesystem.as_ref(), name);
        let content = filesystem.content(node.id).unwrap();
        let mut bytes = vec![1; expected.len() + 10];
        let read = content.read_at(0, &mut bytes).unwrap();
        bytes.truncate(read);
        assert!(bytes == expected, "{}", String::from_utf8_lossy(name));
        assert_eq!(content.runs().last().unwrap().0.end, expected.len() as u64);
        let end = filesystem.extents(node.id).unwrap().last().unwrap().unwrap();
        assert_eq!((end.range.end, end.state), (expected.len() as u64, ExtentState::Hole));
    }
    assert_sound(filesystem.as_ref());
}

#[test]
fn a_fresh_filesystem_with_clusters_of_which_metadata_takes_a_part_is_sound() {
    if !need(NEEDS) {
        return;
    }
    for options in [&["-b", "1024", "-C", "16384"][..], &["-b", "1024", "-C", "4096"], &["-b", "4096", "-C", "65536"]] {
        let image = Image::make(600 << 20, &[&["-t", "ext4", "-O", "bigalloc"], options].concat());
        let _ = run(tool("e2fsck").arg("-fn").arg(&image.path)).exits(0);
        assert_sound(image.open().as_ref());
    }
}

#[test]
fn the_copy_of_a_superblock_of_revision_0_is_found_where_it_lies() {
    if !need(NEEDS) {
        return;
    }
    let source = source();
    let image = filled(20, &["-t", "ext2", "-r", "0", "-b", "1024"], &source);
    let expected = kept(tree::of_reader(image.open().as_ref()));
    wipe(&image, 1024, 1024);
    let listed = run(tool("debugfs").args(["-b", "1024", "-s", "8193", "-R", "ls -p /"]).arg(&image.path)).exits(0);
    assert!(listed.stdout.contains("long link"), "{}", listed.stdout);
    let filesystem = image.open();
    let told = filesystem.issues()[0].to_string();
    assert!(told.contains("the copy in group 1 at byte 8389632 is used"), "{told}");
    assert_eq!(kept(tree::of_reader(filesystem.as_ref())), expected);
}
