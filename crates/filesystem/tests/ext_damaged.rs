//! Damaged and unusual images, of the tests of e2fsprogs: they lie beside the checkout, or these tests are skipped.
//!
//! Nothing panics, each is gone through quickly, all names that debugfs and fls list are listed, and damage is found where
//! e2fsck finds it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test makes its own files and fails by panicking")]

mod common;

use common::image::{Image, tool};
use common::names;
use kanshiki_filesystem::{FileSystem, FsError, JournalUse, NodeType, OpenOptions, open};
use kanshiki_image::RawFile;
use kanshiki_testkit::{Need, beside, need, tool_path};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

/// The folder of the images, which are kept compressed.
const FOLDER: &str = "shared/ext-damaged";

/// The images, if they are there.
fn images() -> Vec<(String, PathBuf)> {
    if !need(&[Need::Beside(FOLDER), Need::Tool("bzip2")]) {
        return Vec::new();
    }
    let entries = std::fs::read_dir(beside(FOLDER).unwrap()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let named = paths.filter_map(|path| {
        let name = path.file_name()?.to_str()?.split("-image").next()?.to_owned();
        path.extension().is_some_and(|extension| extension != "md").then_some((name, path))
    });
    let mut named: Vec<_> = named.collect();
    named.sort();
    named
}

fn unpack(path: &Path) -> Image {
    let image = Image::empty(0);
    let program = if path.extension().is_some_and(|extension| extension == "bz2") { "bzip2" } else { "gzip" };
    let out = std::fs::File::create(&image.path).unwrap();
    let status = tool(program).arg("-dc").arg(path).stdout(Stdio::from(out)).status().unwrap();
    assert!(status.success());
    image
}

fn opened(image: &Image, journal: JournalUse) -> Result<Arc<dyn FileSystem>, FsError> {
    open(Arc::new(RawFile::open(&image.path).unwrap()), &OpenOptions { journal })
}

/// The processor's time of this thread: a machine that is busy with other things does not lengthen it.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// Asks everything of every inode; gives out how much there was.
fn ask_everything(filesystem: &dyn FileSystem) -> usize {
    let mut count = filesystem.deleted().count() + filesystem.unallocated().count() + filesystem.history().count();
    let mut buffer = vec![0; 1 << 20];
    for node in filesystem.inodes().flatten() {
        count += filesystem.xattrs(node.id).map_or(0, Iterator::count);
        count += filesystem.extents(node.id).map_or(0, |extents| extents.take(100_000).count());
        count += filesystem.details(node.id).map_or(0, |details| details.len());
        if node.node_type == NodeType::Directory {
            count += filesystem.children(node.id).map_or(0, Iterator::count);
            count += filesystem.removed_entries(node.id).map_or(0, Iterator::count);
        }
        let _ = filesystem.link_target(node.id);
        if let Ok(content) = filesystem.content(node.id) {
            let _ = content.read_at(0, &mut buffer);
            let _ = content.read_at(content.len().saturating_sub(10), &mut buffer);
            count += content.runs().take(100_000).count();
        }
    }
    count
}

#[test]
fn each_damaged_image_is_gone_through_in_time() {
    for (name, path) in images() {
        let image = unpack(&path);
        for journal in [JournalUse::Replay, JournalUse::Ignore] {
            let start = cpu_time();
            let mut damage = 0;
            if let Ok(filesystem) = opened(&image, journal) {
                ask_everything(filesystem.as_ref());
                filesystem.check(&mut |error| {
                    assert!(!error.to_string().is_empty());
                    damage += 1;
                    ControlFlow::Continue(())
                });
            }
            let limit = Duration::from_secs(if name == "f_many_subdirs" { 5 } else { 2 });
            let taken = cpu_time() - start;
            assert!(taken < limit, "{name}: {taken:?}, {damage} times damage");
        }
    }
}

#[test]
fn every_name_that_debugfs_and_fls_list_of_a_damaged_image_is_listed() {
    if !need(&[Need::Tool("debugfs"), Need::Tool("fls")]) {
        return;
    }
    let mut missing = Vec::new();
    for (name, path) in images() {
        let image = unpack(&path);
        let filesystem = opened(&image, JournalUse::Ignore);
        if let Some(expected) = names::of_debugfs(&image.path).filter(|names| !names.is_empty()) {
            let Ok(filesystem) = &filesystem else {
                missing.push(format!("{name}: debugfs lists {} names", expected.len()));
                continue;
            };
            let directories: BTreeSet<u64> = expected.iter().map(|(directory, _)| *directory).collect();
            for directory in directories {
                let found = names::in_directory(filesystem.as_ref(), directory);
                // A name that is no UTF-8 cannot be compared in a list by lines.
                let of_it = expected.iter().filter(|(_, name)| !name.contains('\u{fffd}'));
                let of_it = of_it.filter(|(other, name)| *other == directory && !found.contains(name));
                missing.extend(of_it.take(3).map(|(_, path)| format!("{name}: debugfs, inode {directory}: {path:?}")));
            }
        }
        if name == "f_many_subdirs" {
            // fls takes half a minute for it.
            continue;
        }
        let expected = names::of_fls(&image.path);
        if let Ok(filesystem) = &filesystem {
            let found = names::of_reader(filesystem.as_ref());
            let all: BTreeSet<&String> = found.live.iter().chain(&found.deleted).collect();
            let gone = expected.live.iter().chain(&expected.deleted).filter(|path| !path.contains('\u{fffd}'));
            let gone = gone.filter(|path| !all.contains(path));
            missing.extend(gone.take(3).map(|path| format!("{name}: fls: {path:?}")));
        } else if !expected.live.is_empty() {
            missing.push(format!("{name}: fls lists {} names", expected.live.len()));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn removed_names_of_a_directory_that_was_indexed_later_are_those_of_fls() {
    if !need(&[Need::Tool("fls")]) {
        return;
    }
    let Some((_, path)) = images().into_iter().find(|(name, _)| name == "f_uninit_set_inode_not_set") else { return };
    let image = unpack(&path);
    let found = names::of_reader(opened(&image, JournalUse::Ignore).unwrap().as_ref()).deleted;
    // Its inode was overwritten by the last record of the hash tree.
    assert!(found.contains("Documentation/Changes"), "{found:?}");
    assert_eq!(found, names::of_fls(&image.path).deleted);
}

/// Images that e2fsck has something against and this reader has not, or the other way round, with the reason.
const JUDGED_OTHERWISE: &[(&str, &str)] = &[
    ("f_bad_encryption", "e2fsck compares the policies of encrypted directories"),
    ("f_deleted_inode_bad_csum", "e2fsck looks at the checksums of deleted inodes too"),
    ("f_orphquot", "e2fsck counts quotas"),
    ("f_quota", "e2fsck counts quotas"),
    ("j_corrupt_sb_magic", "e2fsck looks into the journal; here the journal is ignored"),
    ("f_bad_gdt_csum", "e2fsck makes a checksum of a descriptor right without counting it as damage"),
    ("f_ea_zero_size", "to e2fsck a value without bytes may be in an inode with bytes"),
    ("f_first_meta_bg_too_big", "e2fsck does not count a block that is used and belongs to nothing"),
    ("f_zero_inode_size", "e2fsck takes a copy of the superblock without counting that as damage"),
];

#[test]
fn damage_is_found_where_e2fsck_finds_it() {
    if !need(&[Need::Tool("debugfs")]) {
        return;
    }
    let mut wrong = Vec::new();
    for (name, path) in images() {
        let image = unpack(&path);
        // Of some images e2fsck talks without end.
        let mut command = tool("timeout");
        command.args(["--kill-after=1", "5"]).arg(tool_path("e2fsck").unwrap()).args(["-fn"]).arg(&image.path);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        let damaged = match opened(&image, JournalUse::Ignore) {
            Ok(filesystem) => {
                let mut first = None;
                filesystem.check(&mut |error| {
                    first = Some(error.to_string());
                    ControlFlow::Break(())
                });
                first
            }
            Err(error) => Some(error.to_string()),
        };
        let otherwise = JUDGED_OTHERWISE.iter().any(|(other, _)| *other == name);
        if (damaged.is_some() == status.success()) != otherwise {
            wrong.push(format!("{name}: {damaged:?}; e2fsck exits with {status}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
