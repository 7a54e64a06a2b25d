//! Fast commits as the kernel leaves them when its filesystem is shut down, applied here and by the kernel.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests, which fail with their test"
)]
#![allow(clippy::disallowed_methods, reason = "tests make their own files")]

mod common;

use common::dirty::*;
use common::image::{Image, tool};
use common::populate::noise;
use common::tree;
use kanshiki_filesystem::JournalUse;
use kanshiki_filesystem::ext4::journal;
use kanshiki_testkit::{LoopAccess, LoopDevice, Mount, need, run, tempdir};
use std::fs;
use std::path::Path;

/// Compares the tree with the one that the kernel makes of fast commits, and lets e2fsck look at every structure. Left
/// out are the times of directories, which the kernel sets to those of the replay, their links, which it does not keep,
/// their sizes, for it splits blocks where none is split here, and the number of allocated blocks; e2fsck checks all of
/// these but the times.
fn compare_fast(image: &Image) {
    let copy = image.beside("kernel");
    fs::copy(&image.path, &copy).unwrap();
    {
        let point = tempdir();
        let device = LoopDevice::attach(&copy, LoopAccess::ReadWrite, 512);
        let _mount = Mount::device(device.path(), point.path(), "rw");
    }
    let lasting = |tree: tree::Tree| -> tree::Tree {
        let records = tree.into_iter().map(|(path, mut record)| {
            record.allocated = 0;
            if record.mode & 0o170_000 == 0o040_000 {
                (record.modified, record.changed, record.links, record.size) = ((0, 0), (0, 0), 0, 0);
            }
            (path, record)
        });
        records.collect()
    };
    let kernel = lasting(of_kernel(&copy));
    let reader = lasting(tree::of_reader(open(&image.path, JournalUse::Replay).as_ref()));
    let differences = tree::differences(&kernel, &reader);
    let told = look_of_e2fsck(image);
    assert!(differences.is_empty() && told.is_empty(), "{}\n{told}", differences.join("\n"));
}

/// What e2fsck finds wrong in the overlay but the sums in the superblock, which the kernel works out at each mount, and
/// times of deletion, which fast commits do not hold.
fn look_of_e2fsck(image: &Image) -> String {
    let (overlay, _) = journal::replayed(source(&image.path)).unwrap();
    let mut bytes = vec![0; overlay.len() as usize];
    overlay.read_at(0, &mut bytes).unwrap();
    let copy = image.beside("overlay");
    fs::write(&copy, bytes).unwrap();
    let ran = run(tool("e2fsck").args(["-fn"]).arg(&copy));
    let usual = [
        "Feature orphan_present is set",
        "Clear? no",
        "Pass ",
        "Warning: skipping journal",
        "Free blocks count wrong (",
        "Free inodes count wrong (",
        "Fix? no",
    ];
    let lines = ran.stdout.lines().filter(|line| !line.is_empty() && !line.contains(&*copy.to_string_lossy()));
    let lines = lines.filter(|line| !line.ends_with("has zero dtime.  Fix? no"));
    lines.filter(|line| !usual.iter().any(|usual| line.starts_with(usual))).collect::<Vec<_>>().join("\n")
}

#[test]
fn fast_commits_of_names_give_the_tree_that_the_kernel_makes_of_them() {
    if !need(NEEDS) {
        return;
    }
    let work = |point: &Path| {
        let path = |name: &str| point.join(name);
        write_and_sync(&path("a/new"), b"new");
        fs::rename(path("a/1"), path("b/moved")).unwrap();
        sync_file(&path("b/moved"));
        fs::hard_link(path("a/2"), path("b/linked")).unwrap();
        sync_file(&path("a/2"));
        fs::remove_file(path("a/3")).unwrap();
        write_and_sync(&path("b/after"), b"after");
        fs::rename(path("a/4"), path("a/5")).unwrap();
        sync_file(&path("a/5"));
        fs::hard_link(path("a/6"), path("b/6")).unwrap();
        fs::remove_file(path("a/6")).unwrap();
        sync_file(&path("b/6"));
        write_and_sync(&path("a/brief"), b"brief");
        fs::remove_file(path("a/brief")).unwrap();
        write_and_sync(&path("a/last"), b"last");
    };
    for options in [["-b", "4096"], ["-b", "1024"], ["-O", "^metadata_csum"]] {
        compare_fast(&dirty_fast(&options, twenty_files, work));
    }
}

#[test]
fn fast_commits_of_contents_give_the_tree_that_the_kernel_makes_of_them() {
    if !need(NEEDS) {
        return;
    }
    let work = |point: &Path| {
        use std::os::unix::fs::FileExt as _;
        let path = |name: &str| point.join(name);
        let sparse = fs::File::create(path("sparse")).unwrap();
        for index in 0..40_u64 {
            sparse.write_all_at(&noise(index, 4096), index * 3 * 4096).unwrap();
        }
        sparse.sync_all().unwrap();
        sparse.set_len(200_000).unwrap();
        sparse.sync_all().unwrap();
        let long = fs::OpenOptions::new().append(true).open(path("a/19")).unwrap();
        std::io::Write::write_all(&mut &long, &noise(9, 100_000)).unwrap();
        long.sync_all().unwrap();
        fs::File::create(path("a/18")).unwrap().sync_all().unwrap();
        let kept = fs::File::create(path("kept")).unwrap();
        rustix::fs::fallocate(&kept, rustix::fs::FallocateFlags::empty(), 0, 300_000).unwrap();
        kept.sync_all().unwrap();
        kept.write_all_at(&noise(3, 5000), 100_000).unwrap();
        kept.sync_all().unwrap();
    };
    for options in [["-b", "4096"], ["-b", "1024"]] {
        compare_fast(&dirty_fast(&options, twenty_files, work));
    }
}

#[test]
fn fast_commits_of_many_names_give_the_tree_that_the_kernel_makes_of_them() {
    if !need(NEEDS) {
        return;
    }
    let before = |point: &Path| {
        fs::create_dir(point.join("many")).unwrap();
        for number in 0..300 {
            fs::write(point.join(format!("many/a file with a long name {number}")), "").unwrap();
        }
    };
    let work = |point: &Path| {
        for round in 0..4 {
            for number in 0..30 {
                let name = point.join(format!("many/another file with a long name {round} {number}"));
                fs::write(&name, "new").unwrap();
                fs::remove_file(point.join(format!("many/a file with a long name {}", round * 30 + number))).unwrap();
                if number == 29 {
                    sync_file(&name);
                }
            }
        }
    };
    for options in [["-b", "4096"], ["-b", "1024"], ["-O", "^metadata_csum"]] {
        compare_fast(&dirty_fast(&options, before, work));
    }
}

#[test]
fn fast_commits_of_directories_links_and_devices_give_what_they_hold() {
    if !need(NEEDS) {
        return;
    }
    let work = |point: &Path| {
        let path = |name: &str| point.join(name);
        fs::create_dir(path("new")).unwrap();
        write_and_sync(&path("new/file"), b"file");
        std::os::unix::fs::symlink("a/17", path("short")).unwrap();
        std::os::unix::fs::symlink("x".repeat(100), path("long")).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let device = rustix::fs::makedev(7, 300);
        rustix::fs::mknodat(rustix::fs::CWD, path("device"), rustix::fs::FileType::BlockDevice, mode, device).unwrap();
        write_and_sync(&path("new/last"), b"last");
        fs::remove_dir(path("b")).unwrap();
        write_and_sync(&path("new/very last"), b"very last");
    };
    let image = dirty_fast(&["-b", "4096"], twenty_files, work);
    compare_fast(&image);
}

#[test]
fn fast_commits_are_applied_in_every_form_of_the_filesystem() {
    if !need(NEEDS) {
        return;
    }
    let work = |point: &Path| {
        let path = |name: &str| point.join(name);
        fs::create_dir(path("new")).unwrap();
        for number in 0..30 {
            fs::write(path(&format!("new/{number}")), noise(number, 700_000)).unwrap();
        }
        sync_file(&path("new/29"));
        for number in 0..15 {
            fs::remove_file(path(&format!("new/{number}"))).unwrap();
        }
        fs::remove_file(path("a/19")).unwrap();
        write_and_sync(&path("a/other"), b"other");
        write_and_sync(&path("small"), b"small");
        fs::rename(path("small"), path("a/small")).unwrap();
        sync_file(&path("a/small"));
    };
    for options in [
        &["-b", "1024", "-O", "^flex_bg", "-g", "1024"][..],
        &["-b", "1024", "-O", "^metadata_csum,uninit_bg", "-g", "1024"],
        &["-b", "1024", "-O", "meta_bg,^resize_inode", "-g", "512"],
        &["-b", "1024", "-O", "64bit,sparse_super2", "-g", "2048", "-I", "512"],
        &["-b", "4096", "-O", "bigalloc", "-C", "16384"],
        &["-b", "4096", "-O", "inline_data"],
        &["-b", "2048", "-O", "orphan_file"],
        &["-b", "4096", "-I", "128"],
        &["-b", "4096", "-O", "^dir_index"],
        &["-b", "4096", "-O", "large_dir"],
    ] {
        compare_fast(&dirty_fast(options, twenty_files, work));
    }
}
