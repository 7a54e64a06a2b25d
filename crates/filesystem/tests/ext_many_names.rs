//! Names of large directories are found without reading all others, and found are the same ones.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test makes its own files and fails by panicking")]

mod common;

use common::image::Image;
use kanshiki_filesystem::{FileSystem, FsError, NodeId};
use kanshiki_testkit::{Need, need};
use std::collections::HashMap;
use std::os::unix::fs::{DirEntryExt as _, FileExt as _};
use std::time::Duration;

const NEEDS: &[Need] = &[Need::Root, Need::LoopDevices, Need::Mount, Need::Tool("mkfs.ext4")];

fn name(number: u32) -> String {
    format!("name {number:06} of a file")
}

/// An image with so many names in the directory `many`, made by the kernel.
fn image(options: &[&str], names: u32) -> Image {
    let size = format!("{}", names + 100);
    let image = Image::make(128 << 20, &[options, &["-N", &size]].concat());
    image.fill("rw", |root| {
        let many = root.join("many");
        std::fs::create_dir(&many).unwrap();
        (0..names).for_each(|number| std::fs::write(many.join(name(number)), "").unwrap());
    });
    image
}

fn many(filesystem: &dyn FileSystem) -> NodeId {
    let entry = filesystem.lookup(filesystem.inode(filesystem.root()).unwrap().id, b"many").unwrap().unwrap();
    filesystem.inode(entry.inode).unwrap().id
}

/// The processor's time of this thread: a machine that is busy with other things does not lengthen it.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

#[test]
fn each_of_50_000_names_leads_to_the_inode_that_the_kernel_gives_and_soon() {
    if !need(NEEDS) {
        return;
    }
    let image = image(&["-t", "ext4"], 50_000);
    let kernel: HashMap<String, u64> = image.look("ro,noload", |root| {
        let entries = std::fs::read_dir(root.join("many")).unwrap().map(Result::unwrap);
        entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.ino())).collect()
    });
    assert_eq!(kernel.len(), 50_000);
    let filesystem = image.open();
    let many = many(filesystem.as_ref());
    let started = cpu_time();
    for (name, inode) in &kernel {
        let entry = filesystem.lookup(many, name.as_bytes()).unwrap().unwrap();
        assert_eq!((entry.name.as_slice(), entry.inode), (name.as_bytes(), *inode));
        assert_eq!(filesystem.lookup(many, format!("{name}!").as_bytes()).unwrap(), None);
    }
    // One after the other these are minutes.
    assert!(cpu_time() - started < Duration::from_secs(10), "{:?}", cpu_time() - started);
    assert_eq!(filesystem.lookup(many, b".").unwrap().unwrap().inode, many.inode);
    assert_eq!(filesystem.lookup(many, b"..").unwrap().unwrap().inode, 2);
}

/// Overwrites bytes of the image.
fn overwrite(image: &Image, at: u64, bytes: &[u8]) {
    std::fs::OpenOptions::new().write(true).open(&image.path).unwrap().write_all_at(bytes, at).unwrap();
}

#[test]
fn names_that_stand_there_twice_and_damage_are_told_as_by_a_reading_of_all_entries() {
    if !need(NEEDS) {
        return;
    }
    let image = image(&["-t", "ext4", "-b", "1024", "-O", "^metadata_csum"], 2000);
    let filesystem = image.open();
    let directory = many(filesystem.as_ref());
    let entries: Vec<_> = filesystem.children(directory).unwrap().map(Result::unwrap).collect();
    let (first, second, broken) = (&entries[700], &entries[1400], &entries[1000]);
    overwrite(&image, second.offset + 8, &first.name);
    overwrite(&image, broken.offset + 4, &[3, 0]);

    let words = |found: Result<Option<_>, FsError>| found.map_err(|error| error.to_string());
    let wanted = entries.iter().map(|entry| entry.name.as_slice()).chain([&b"none"[..]]);
    let indexed = image.open();
    let _ = indexed.lookup(directory, b"none");
    let mut lost = 0;
    for name in wanted {
        // What was opened just now has no index.
        let scanned = words(image.open().lookup(directory, name));
        assert_eq!(words(indexed.lookup(directory, name)), scanned);
        lost += usize::from(scanned.is_err());
    }
    assert!((2..100).contains(&lost), "{lost}");
    assert_eq!(indexed.lookup(directory, &first.name).unwrap().unwrap().offset, first.offset);
}

#[test]
fn of_many_directories_asked_in_turn_each_gives_its_own_names() {
    if !need(NEEDS) {
        return;
    }
    let image = Image::make(64 << 20, &["-t", "ext4", "-b", "1024"]);
    image.fill("rw", |root| {
        for directory in 0..7 {
            let path = root.join(format!("{directory}"));
            std::fs::create_dir(&path).unwrap();
            (0..1000).for_each(|number| std::fs::hard_link(linked(root, number), path.join(name(number))).unwrap());
        }
    });
    let filesystem = image.open();
    let root = filesystem.inode(filesystem.root()).unwrap().id;
    let directories: Vec<NodeId> = (0..7)
        .map(|directory: u32| filesystem.lookup(root, directory.to_string().as_bytes()).unwrap().unwrap().inode)
        .map(|inode| filesystem.inode(inode).unwrap().id)
        .collect();
    for number in 0..1000 {
        // The first three are asked always, so that they stay; the others push each other out.
        for directory in directories[..3].iter().chain([&directories[3 + number as usize % 4]]) {
            let entry = filesystem.lookup(*directory, name(number).as_bytes()).unwrap().unwrap();
            let found = filesystem.children(*directory).unwrap().map(Result::unwrap).find(|one| one.name == entry.name);
            assert_eq!(found, Some(entry));
        }
    }
}

/// A file that can be linked to so often.
fn linked(root: &std::path::Path, number: u32) -> std::path::PathBuf {
    let path = root.join(format!("file {}", number % 10));
    if !path.exists() {
        std::fs::write(&path, "").unwrap();
    }
    path
}
