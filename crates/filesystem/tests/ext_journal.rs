//! Journals as the kernel leaves them when its filesystem is shut down, replayed here and by e2fsck.
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
use kanshiki_filesystem::ext4::journal;
use kanshiki_filesystem::{JournalState, JournalUse, OpenOptions};
use kanshiki_image::{Source, read_exact_at};
use kanshiki_testkit::{LoopAccess, LoopDevice, Need, need, run};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// A copy of the image in which e2fsck replayed the journal.
fn replayed_by_e2fsck(image: &Image) -> std::path::PathBuf {
    let copy = image.beside("e2fsck");
    fs::copy(&image.path, &copy).unwrap();
    let ran = run(tool("e2fsck").args(["-y", "-E", "journal_only"]).arg(&copy));
    assert!(ran.code <= 1, "{ran:?}");
    copy
}

/// Blocks of the volume that differ between e2fsck's copy and the overlay. Left out are the superblock, of which e2fsck
/// changes the state, and the blocks of the journal.
fn differing_blocks(image: &Path, overlay: &Source, copy: &Path) -> Vec<u64> {
    let filesystem = open(image, JournalUse::Ignore);
    let block_bytes = filesystem.summary().block_bytes;
    let journal = filesystem.inode(8).unwrap();
    let places: Vec<std::ops::Range<u64>> = filesystem
        .extents(journal.id)
        .unwrap()
        .filter_map(|extent| match extent.unwrap() {
            kanshiki_filesystem::Extent { range, state: kanshiki_filesystem::ExtentState::Stored(at) } => {
                Some(at / block_bytes..(at + range.end - range.start) / block_bytes)
            }
            _ => None,
        })
        .collect();
    let copy = source(copy);
    let (mut ours, mut theirs) = (vec![0; block_bytes as usize], vec![0; block_bytes as usize]);
    let differs = |block: &u64| {
        read_exact_at(overlay.as_ref(), block * block_bytes, &mut ours).unwrap();
        read_exact_at(copy.as_ref(), block * block_bytes, &mut theirs).unwrap();
        if *block == 1024 / block_bytes {
            let at = (1024 % block_bytes) as usize;
            ours[at..at + 1024].fill(0);
            theirs[at..at + 1024].fill(0);
        }
        ours != theirs
    };
    let blocks = (0..overlay.len() / block_bytes).filter(|block| !places.iter().any(|place| place.contains(block)));
    blocks.filter(differs).collect()
}

/// Compares bytes and tree of the image after the replay here with those after the replay by e2fsck; gives the number of
/// transactions and blocks.
fn compare(image: &Image) -> (u64, u64) {
    let (overlay, state) = journal::replayed(source(&image.path)).unwrap();
    let copy = replayed_by_e2fsck(image);
    assert_eq!(differing_blocks(&image.path, &overlay, &copy), Vec::<u64>::new());
    let filesystem = open(&image.path, JournalUse::Replay);
    assert_eq!(filesystem.summary().journal, state);
    let reader = tree::of_reader(filesystem.as_ref());
    let kernel = of_kernel(&copy);
    let differences = tree::differences(&kernel, &reader);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let JournalState::Replayed { transactions, blocks, fast_commits: 0 } = state else { panic!("{state:?}") };
    assert!(filesystem.issues().is_empty(), "a replayed journal is no damage: {:?}", filesystem.issues());
    let ignoring = open(&image.path, JournalUse::Ignore);
    assert_eq!(ignoring.summary().journal, JournalState::Ignored);
    assert!(filesystem.history().count() as u64 >= blocks);
    (transactions.end - transactions.start, blocks)
}

/// Names made, changed and removed, with some of it synced.
fn some_work(point: &Path) {
    for folder in ["a", "b", "c"] {
        fs::create_dir(point.join(folder)).unwrap();
        for number in 0..40_u64 {
            let path = point.join(folder).join(format!("file {number}"));
            fs::write(&path, noise(number, number as usize * 300)).unwrap();
        }
        sync(point);
    }
    for number in 0..20 {
        let old = point.join(format!("a/file {number}"));
        fs::rename(&old, point.join(format!("b/renamed {number}"))).unwrap();
        fs::remove_file(point.join(format!("c/file {number}"))).unwrap();
        fs::hard_link(point.join(format!("b/file {number}")), point.join(format!("c/link {number}"))).unwrap();
    }
    sync_file(&point.join("b/renamed 3"));
    fs::write(point.join("late"), "late").unwrap();
}

#[test]
fn ext4_as_mke2fs_makes_it_is_replayed_as_e2fsck_does() {
    if !need(NEEDS) {
        return;
    }
    let (transactions, blocks) = compare(&dirty(&["-t", "ext4"], "rw", FLUSH, some_work));
    assert!(transactions >= 3 && blocks > 5, "{transactions} {blocks}");
}

#[test]
fn what_was_not_committed_before_the_power_went_away_is_not_there() {
    if !need(NEEDS) {
        return;
    }
    let image = dirty(&["-t", "ext4"], "rw", NO_FLUSH, some_work);
    compare(&image);
    let tree = tree::of_reader(open(&image.path, JournalUse::Replay).as_ref());
    assert!(tree.contains_key("/b/renamed 3") && !tree.contains_key("/late"));
}

#[test]
fn a_copy_of_a_filesystem_in_use_is_replayed_as_e2fsck_does() {
    if !need(NEEDS) {
        return;
    }
    for options in [["-b", "4096"], ["-b", "2048"]] {
        let (image, copy) = (Image::make(64 << 20, &[&["-t", "ext4"][..], &options].concat()), Image::empty(0));
        image.fill("rw", |point| {
            some_work(point);
            sync_file(&point.join("late"));
            fs::write(point.join("later"), "later").unwrap();
            fs::copy(&image.path, &copy.path).unwrap();
        });
        compare(&copy);
        let tree = tree::of_reader(open(&copy.path, JournalUse::Replay).as_ref());
        assert!(tree.contains_key("/late") && !tree.contains_key("/later"));
    }
}

#[test]
fn blocks_of_1_kib_and_64_bits_without_checksums_are_replayed_as_e2fsck_does() {
    if !need(NEEDS) {
        return;
    }
    compare(&dirty(&["-t", "ext4", "-b", "1024", "-O", "64bit,^metadata_csum"], "rw", FLUSH, some_work));
}

#[test]
fn ext3_is_replayed_as_e2fsck_does() {
    if !need(NEEDS) {
        return;
    }
    compare(&dirty(&["-t", "ext3"], "rw", FLUSH, some_work));
}

#[test]
fn checksums_of_whole_transactions_are_followed_as_e2fsck_does() {
    if !need(NEEDS) {
        return;
    }
    for mount in ["rw,journal_checksum", "rw,journal_async_commit,data=writeback"] {
        compare(&dirty(&["-t", "ext4", "-O", "^metadata_csum"], mount, FLUSH, some_work));
    }
}

#[test]
fn escaped_blocks_of_journalled_data_are_replayed_as_e2fsck_does() {
    if !need(NEEDS) {
        return;
    }
    let work = |point: &Path| {
        some_work(point);
        let magic = 0xc03b_3998_u32.to_be_bytes().repeat(4096);
        fs::write(point.join("magic"), &magic).unwrap();
        sync(point);
        fs::write(point.join("more magic"), &magic).unwrap();
    };
    for options in [["-t", "ext4", "-b", "4096"], ["-t", "ext3", "-b", "1024"]] {
        let image = dirty(&options, "rw,data=journal", FLUSH, work);
        compare(&image);
        let tree = tree::of_reader(open(&image.path, JournalUse::Replay).as_ref());
        assert!(tree["/magic"].sha256.is_some() && tree["/magic"].sha256 == tree["/more magic"].sha256);
    }
}

#[test]
fn a_log_that_went_around_many_times_is_replayed_as_e2fsck_does() {
    if !need(NEEDS) {
        return;
    }
    let work = |point: &Path| {
        for round in 0..40_u64 {
            for number in 0..60_u64 {
                fs::write(point.join(format!("file {number}")), noise(round * 1000 + number, 9000)).unwrap();
            }
            sync(point);
        }
    };
    let image = dirty(&["-t", "ext4", "-b", "1024", "-J", "size=1"], "rw,data=journal", FLUSH, work);
    compare(&image);
    // Only what lies in the log now is told, and each once.
    let offsets: Vec<u64> = open(&image.path, JournalUse::Replay).history().map(|copy| copy.unwrap().offset).collect();
    let mut once = offsets.clone();
    once.sort_unstable();
    once.dedup();
    assert!(once.len() == offsets.len() && offsets.len() > 300, "{}", offsets.len());
}

#[test]
fn blocks_of_removed_directories_that_hold_data_now_keep_their_data() {
    if !need(NEEDS) {
        return;
    }
    let work = |point: &Path| {
        let file = point.join("file");
        fs::write(&file, "").unwrap();
        for folder in 0..20 {
            let folder = point.join(format!("folder {folder}"));
            fs::create_dir(&folder).unwrap();
            for name in 0..300 {
                fs::hard_link(&file, folder.join(format!("a name that takes some room {name}"))).unwrap();
            }
        }
        sync(point);
        for folder in 0..20 {
            fs::remove_dir_all(point.join(format!("folder {folder}"))).unwrap();
        }
        sync(point);
        fs::write(point.join("data"), noise(5, 50 << 20)).unwrap();
    };
    for options in [["-t", "ext4", "-b", "1024"], ["-t", "ext3", "-b", "1024"]] {
        let image = dirty(&options, "rw", FLUSH, work);
        compare(&image);
        let source = source(&image.path);
        let log = {
            let filesystem = open(&image.path, JournalUse::Ignore);
            let journal = filesystem.inode(8).unwrap();
            let extents = filesystem.extents(journal.id).unwrap().map(Result::unwrap);
            let runs = extents.filter_map(|extent| match extent.state {
                kanshiki_filesystem::ExtentState::Stored(at) => Some(journal::LogRun {
                    first: extent.range.start / 1024,
                    place: at / 1024,
                    count: (extent.range.end - extent.range.start) / 1024,
                }),
                _ => None,
            });
            let place = journal::LogPlace { block_bytes: 1024, blocks: journal.size / 1024, runs: runs.collect() };
            journal::Log::open(source, place).unwrap()
        };
        assert!(log.replay().unwrap().revoked > 50, "{}", log.replay().unwrap().revoked);
    }
}

/// The folder of damaged images beside the checkout, if it is there.
fn damaged(name: &str) -> Option<Image> {
    let folder = kanshiki_testkit::workspace_root()
        .ancestors()
        .find_map(|folder| Some(folder.join("shared/ext-damaged")).filter(|folder| folder.is_dir()));
    let Some(folder) = folder else {
        println!("SKIPPED: no folder of damaged images beside the checkout");
        return None;
    };
    let image = Image::empty(0);
    let packed = folder.join(name);
    let program = if name.ends_with("bz2") { "bzip2" } else { "gzip" };
    let file = fs::File::create(&image.path).unwrap();
    let status = std::process::Command::new(program).arg("-dc").arg(packed).stdout(file).status().unwrap();
    assert!(status.success());
    Some(image)
}

/// Transactions and blocks of a replay.
type Expected = (std::ops::Range<u64>, u64);

/// Images of e2fsprogs' own tests; `None` where nothing can be replayed.
const OF_E2FSPROGS: &[(&str, Option<Expected>)] = &[
    ("j_corrupt_revoke_block-image.gz", Some((3..4, 2))),
    ("j_recover_csum2_32bit-image.bz2", Some((1..2, 6))),
    ("j_recover_csum3_64bit-image.bz2", Some((2..4, 9))),
    ("f_jnl_64bit-image.gz", Some((32..35, 533))),
    ("j_corrupt_commit_tid-image.gz", None),
    ("j_corrupt_descr_tid-image.gz", None),
    ("j_corrupt_revoke_rcount-image.gz", None),
];

#[test]
fn journals_of_the_tests_of_e2fsprogs_are_replayed_as_e2fsck_does() {
    if !need(&[Need::Tool("mkfs.ext4")]) {
        return;
    }
    for (name, expected) in OF_E2FSPROGS {
        let Some(image) = damaged(name) else { return };
        let (overlay, state) = journal::replayed(source(&image.path)).unwrap();
        match (expected, &state) {
            (Some(expected), JournalState::Replayed { transactions, blocks, .. }) => {
                assert_eq!((transactions.clone(), *blocks), *expected, "{name}");
            }
            (None, JournalState::Clean | JournalState::Unusable(_)) => {}
            _ => panic!("{name}: {state:?}"),
        }
        let copy = replayed_by_e2fsck(&image);
        assert_eq!(differing_blocks(&image.path, &overlay, &copy), Vec::<u64>::new(), "{name}");
    }
}

#[test]
fn a_journal_without_a_superblock_is_told_and_the_disk_shown_as_it_lies() {
    let Some(image) = damaged("j_corrupt_sb_magic-image.gz") else { return };
    let filesystem = open(&image.path, JournalUse::Replay);
    let reason = "no journal magic in block 0: expected 0xc03b3998, found 0xffffffff";
    assert_eq!(filesystem.summary().journal, JournalState::Unusable(reason.to_owned()));
    let message = format!("the journal cannot be replayed, and the disk is shown as it lies: {reason}");
    assert!(filesystem.issues().iter().any(|issue| issue.message == message));
    assert!(filesystem.children(filesystem.inode(2).unwrap().id).unwrap().count() > 2);
}

#[test]
fn the_copy_of_a_damaged_inode_of_the_journal_is_used() {
    if !need(NEEDS) {
        return;
    }
    for options in [["-t", "ext4", "-b", "4096"], ["-t", "ext3", "-b", "1024"]] {
        let image = dirty(&options, "rw", FLUSH, some_work);
        let (_, before) = journal::replayed(source(&image.path)).unwrap();
        image.change("clri <8>");
        let filesystem = open(&image.path, JournalUse::Replay);
        assert_eq!(filesystem.summary().journal, before);
        assert!(matches!(before, JournalState::Replayed { .. }));
        let told =
            "the journal's inode is damaged (inode 8 is no file in use); the copy of it in the superblock is used";
        assert!(filesystem.issues().iter().any(|issue| issue.message == told), "{:?}", filesystem.issues());
    }
}

#[test]
fn a_journal_for_which_the_superblock_does_not_ask_is_told_and_not_replayed() {
    if !need(NEEDS) {
        return;
    }
    let image = dirty(&["-t", "ext4"], "rw", FLUSH, some_work);
    image.change("feature -needs_recovery");
    let filesystem = open(&image.path, JournalUse::Replay);
    let reason = "the superblock does not ask for a replay: a mount would drop its transactions";
    assert_eq!(filesystem.summary().journal, JournalState::Unusable(reason.to_owned()));
}

#[test]
fn a_journal_on_another_device_is_named() {
    if !need(NEEDS) {
        return;
    }
    let journal =
        Image::make(16 << 20, &["-b", "4096", "-O", "journal_dev", "-U", "01234567-89ab-cdef-0123-456789abcdef"]);
    let device = LoopDevice::attach(&journal.path, LoopAccess::ReadWrite, 512);
    let place = format!("device={}", device.path().display());
    let image = dirty(&["-t", "ext4", "-b", "4096", "-J", &place], "rw", FLUSH, some_work);
    let filesystem = open(&image.path, JournalUse::Replay);
    let reason = "not supported: it lies on another device, with the UUID 01234567-89ab-cdef-0123-456789abcdef";
    assert_eq!(filesystem.summary().journal, JournalState::Unusable(reason.to_owned()));
    assert!(filesystem.children(filesystem.inode(2).unwrap().id).unwrap().count() > 2);
}

/// Everything that is asked of a filesystem when it is walked.
fn walk(volume: Vec<u8>) {
    let source: Source = Arc::new(kanshiki_image::Memory(volume));
    let Ok(filesystem) = kanshiki_filesystem::open(source, &OpenOptions::default()) else { return };
    let _ = filesystem.summary();
    let _ = filesystem.history().count();
    for node in filesystem.inodes().take(300).flatten() {
        let _ = filesystem.extents(node.id).map(|extents| extents.take(1000).count());
        let _ = filesystem.children(node.id).map(|children| children.take(1000).count());
    }
}

#[test]
fn damaged_journals_of_any_kind_never_panic() {
    if !need(NEEDS) {
        return;
    }
    let few = |point: &Path| {
        for number in 0..30_u64 {
            let name = point.join(format!("file {number}"));
            write_and_sync(&name, &noise(number, 3000));
            if number % 3 == 0 {
                fs::remove_file(&name).unwrap();
            }
        }
        write_and_sync(&point.join("last"), b"last");
    };
    let volumes = [&["-b", "1024"][..], &["-b", "1024", "-O", "^metadata_csum"]].map(|options| {
        let image = dirty_fast(options, twenty_files, few);
        let volume = fs::read(&image.path).unwrap();
        let journal = open(&image.path, JournalUse::Ignore);
        let journal: Vec<_> = journal.extents(journal.inode(8).unwrap().id).unwrap().map(Result::unwrap).collect();
        (volume, journal)
    });
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for (volume, journal) in &volumes {
        let used: Vec<usize> = journal
            .iter()
            .filter_map(|extent| match extent.state {
                kanshiki_filesystem::ExtentState::Stored(at) => Some(at as usize..(at + extent.range.len()) as usize),
                _ => None,
            })
            .flatten()
            .filter(|at| volume[*at] != 0)
            .collect();
        for _ in 0..30 {
            let mut damaged = volume.clone();
            for _ in 0..=random(40) {
                damaged[used[random(used.len())]] = random(256) as u8;
            }
            walk(damaged);
        }
    }
}
