//! Records and changes from any bytes.

use super::apply::apply;
use super::tags::{Change, FastCommits, Name, scan};
use crate::ext4::checksum::crc32c;
use crate::ext4::journal::{Log, LogPlace, LogRun};
use crate::ext4::volume::Volume;
use kanshiki_image::{Memory, Source};
use kanshiki_testkit::{Need, need, run, tempdir, tool_path, write_file};
use proptest::prelude::*;
use std::sync::{Arc, OnceLock};

const BLOCK: usize = 1024;
/// Block 0 of the journal, its log up to block 1023, an unused block, and the area.
const AREA: usize = 1025;
const BLOCKS: usize = 1024 + 8;

/// A journal with this area of fast commits.
fn log(area: &[u8]) -> Log {
    let mut bytes = vec![0; BLOCKS * BLOCK];
    let fields = [(0, 0xc03b_3998_u32), (4, 4), (12, 1024), (16, BLOCKS as u32), (20, 1), (24, 7), (28, 1)];
    for (at, field) in fields.into_iter().chain([(40, 0x20), (84, 8)]) {
        bytes[at..at + 4].copy_from_slice(&field.to_be_bytes());
    }
    bytes[AREA * BLOCK..][..area.len()].copy_from_slice(area);
    let place = LogPlace {
        block_bytes: BLOCK as u32,
        blocks: BLOCKS as u64,
        runs: vec![LogRun { first: 0, place: 0, count: BLOCKS as u64 }],
    };
    Log::open(Arc::new(Memory(bytes)), place).unwrap()
}

fn record(tag: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = tag.to_le_bytes().to_vec();
    bytes.extend((value.len() as u16).to_le_bytes());
    bytes.extend(value);
    bytes
}

/// A head, these records and a tail that fills the block.
fn commit(head: bool, transaction: u32, records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if head {
        bytes = record(9, &[&[0; 4][..], &transaction.to_le_bytes()].concat());
    }
    bytes.extend(records.concat());
    let mut tail = vec![8, 0];
    tail.extend(((BLOCK - bytes.len() - 4) as u16).to_le_bytes());
    tail.extend(transaction.to_le_bytes());
    let sum = crc32c(crc32c(0, &bytes), &tail);
    tail.extend(sum.to_le_bytes());
    bytes.extend(tail);
    bytes.resize(BLOCK, 0);
    bytes
}

#[test]
fn each_record_becomes_its_change() {
    let names = [&2_u32.to_le_bytes()[..], &13_u32.to_le_bytes(), b"name"].concat();
    let area = commit(
        true,
        7,
        &[
            record(1, &[13, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]),
            record(2, &[13, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0]),
            record(3, &names),
            record(4, &names),
            record(5, &names),
            record(6, &[&13_u32.to_le_bytes()[..], &[9; 128]].concat()),
            record(7, &[1, 2, 3]),
        ],
    );
    let found = scan(&log(&area), 7, 256);
    let name = Name { parent: 2, inode: 13, name: b"name".to_vec() };
    assert_eq!(
        found.changes,
        [
            Change::AddRange { inode: 13, extent: [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0] },
            Change::DeleteRange { inode: 13, first: 5, blocks: 6 },
            Change::Create(name.clone()),
            Change::Link(name.clone()),
            Change::Unlink(name),
            Change::Inode { inode: 13, bytes: vec![9; 128] },
        ]
    );
    assert_eq!((found.commits, found.cut), (1, None));
}

#[test]
fn commits_count_up_to_the_last_whole_one_of_their_transaction() {
    let remove = |inode: u8| record(2, &[inode, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    let inodes = |found: &FastCommits| -> Vec<u64> {
        let inode = |change: &Change| match change {
            Change::DeleteRange { inode, .. } => *inode,
            _ => 0,
        };
        found.changes.iter().map(inode).collect()
    };
    let (first, second) = (commit(true, 7, &[remove(1)]), commit(false, 7, &[remove(2)]));
    let found = scan(&log(&[first.clone(), second.clone()].concat()), 7, 256);
    assert_eq!((inodes(&found), found.commits, found.cut), (vec![1, 2], 2, None));
    // What an earlier transaction left behind them is no loss, and neither is all of it.
    let stale = commit(false, 6, &[remove(3)]);
    let found = scan(&log(&[first.clone(), stale].concat()), 7, 256);
    assert_eq!((inodes(&found), found.commits, found.cut), (vec![1], 1, None));
    assert_eq!(scan(&log(&[first.clone(), second.clone()].concat()), 8, 256), FastCommits::default());
    // A tail whose checksum is wrong is.
    let mut torn = second;
    torn[9] ^= 1;
    let found = scan(&log(&[first, torn].concat()), 7, 256);
    assert_eq!((inodes(&found), found.commits), (vec![1], 1));
    assert!(found.cut.unwrap().starts_with("block 1026 of the journal: checksum: expected 0x"));
}

#[test]
fn the_cut_of_a_commit_without_an_end_is_told() {
    let head = record(9, &[0, 0, 0, 0, 7, 0, 0, 0]);
    let found = scan(&log(&head), 7, 256);
    assert_eq!(
        (found.commits, found.cut.as_deref()),
        (0, Some("block 1025 of the journal: a record of tag 0 and length 0"))
    );
}

/// A filesystem of 2 MiB with some directories and files.
fn filesystem() -> Option<Source> {
    static BYTES: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let make = || {
        if !need(&[Need::Tool("mkfs.ext4")]) {
            return None;
        }
        let folder = tempdir();
        let tree = folder.path().join("tree");
        for number in 0..5 {
            let directory = tree.join(format!("directory {number}"));
            std::fs::create_dir_all(&directory).unwrap();
            write_file(&directory.join("file"), vec![7; 3000 * number]);
        }
        let image = folder.path().join("image");
        write_file(&image, vec![0; 2 << 20]);
        let mut command = std::process::Command::new(tool_path("mkfs.ext4").unwrap());
        command.args(["-q", "-F", "-b", "1024", "-O", "^has_journal", "-d"]).arg(&tree).arg(&image);
        let _ = run(&mut command).exits(0);
        std::fs::read(&image).ok()
    };
    let bytes = BYTES.get_or_init(make).clone()?;
    Some(Arc::new(Memory(bytes)))
}

fn changes() -> impl Strategy<Value = Change> {
    let inode = || prop_oneof![0_u64..30, any::<u32>().prop_map(u64::from)];
    let name = (inode(), inode(), prop_oneof![Just(b"file".to_vec()), prop::collection::vec(any::<u8>(), 1..255)])
        .prop_map(|(parent, inode, name)| Name { parent, inode, name });
    let extent = (0_u32..100, any::<u16>(), 0_u16..2, 0_u32..3000).prop_map(|(first, length, high, low)| {
        let mut extent = [0; 12];
        extent[..4].copy_from_slice(&first.to_le_bytes());
        extent[4..6].copy_from_slice(&(length & 0x80ff).to_le_bytes());
        extent[6..8].copy_from_slice(&high.to_le_bytes());
        extent[8..].copy_from_slice(&low.to_le_bytes());
        extent
    });
    let mode = prop_oneof![Just(0o100_644_u16), Just(0o040_755), Just(0o120_777), any::<u16>()];
    let record = (mode, 0_u16..3, prop_oneof![Just(0x8_0000_u32), Just(0x1000_0000), any::<u32>()], any::<u8>());
    let record = record.prop_map(|(mode, links, flags, fill)| {
        let mut bytes = vec![fill; 160];
        bytes[..2].copy_from_slice(&mode.to_le_bytes());
        bytes[26..28].copy_from_slice(&links.to_le_bytes());
        bytes[32..36].copy_from_slice(&flags.to_le_bytes());
        bytes
    });
    prop_oneof![
        (inode(), extent).prop_map(|(inode, extent)| Change::AddRange { inode, extent }),
        (inode(), 0_u64..100, any::<u32>())
            .prop_map(|(inode, first, blocks)| { Change::DeleteRange { inode, first, blocks: blocks.into() } }),
        name.clone().prop_map(Change::Create),
        name.clone().prop_map(Change::Link),
        name.prop_map(Change::Unlink),
        (inode(), record).prop_map(|(inode, bytes)| Change::Inode { inode, bytes }),
    ]
}

proptest! {
    #[test]
    fn any_bytes_never_panic(area in prop::collection::vec(any::<u8>(), 0..6 * BLOCK)) {
        scan(&log(&area), 7, 256);
        let framed: Vec<u8> = area.chunks(900).flat_map(|part| commit(true, 7, &[part.to_vec()])).collect();
        scan(&log(&framed[..framed.len().min(6 * BLOCK)]), 7, 256);
    }

    #[test]
    fn any_changes_never_panic_and_leave_a_filesystem(changes in prop::collection::vec(changes(), 0..60)) {
        let Some(source) = filesystem() else { return Ok(()) };
        let volume = Volume::open(source).unwrap();
        let applied = apply(&volume, FastCommits { changes, commits: 1, cut: None });
        prop_assert!(applied.trouble.len() <= 100);
        prop_assert!(applied.blocks.values().all(|block| block.len() == BLOCK));
        prop_assert!(applied.blocks.keys().all(|block| *block < 2048));
    }
}
