//! The reader as a whole, on bytes of any kind.

use crate::{ExtentState, JournalUse, OpenOptions, open};
use kanshiki_image::Memory;
use kanshiki_testkit::{Need, need};
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::OnceLock;

/// A small filesystem made by mke2fs, if that is there: with a hash tree's worth of entries, extents, attributes.
fn small_image() -> Option<&'static [u8]> {
    static IMAGE: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    IMAGE.get_or_init(make_image).as_deref()
}

fn make_image() -> Option<Vec<u8>> {
    if !need(&[Need::Tool("mkfs.ext4")]) {
        return None;
    }
    let program = kanshiki_testkit::tool_path("mkfs.ext4")?;
    let folder = kanshiki_testkit::tempdir();
    let (tree, image) = (folder.path().join("tree"), folder.path().join("image"));
    std::fs::create_dir(&tree).unwrap();
    for number in 0..60 {
        kanshiki_testkit::write_file(&tree.join(format!("a file with the number {number}")), vec![7; number * 97]);
    }
    std::os::unix::fs::symlink("target", tree.join("link")).unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["-q", "-F", "-b", "1024", "-O", "inline_data", "-d"]).arg(&tree).arg(&image).arg("700");
    assert!(kanshiki_testkit::run(&mut command).code == 0);
    Some(std::fs::read(image).unwrap())
}

/// Asks everything, but never more than so many times.
pub(crate) fn ask_everything(bytes: Vec<u8>) {
    const MOST: usize = 2000;
    for journal in [JournalUse::Replay, JournalUse::Ignore] {
        let Ok(filesystem) = open(Arc::new(Memory(bytes.clone())), &OpenOptions { journal }) else { continue };
        let _ = (filesystem.summary(), filesystem.issues().len());
        let mut buffer = vec![0; 4096];
        for node in filesystem.inodes().flatten().take(200) {
            if let Ok(entries) = filesystem.children(node.id) {
                entries.take(MOST).for_each(drop);
            }
            if let Ok(entries) = filesystem.removed_entries(node.id) {
                entries.take(MOST).for_each(drop);
            }
            if let Ok(extents) = filesystem.extents(node.id) {
                extents.take(MOST).for_each(drop);
            }
            if let Ok(blocks) = filesystem.node_blocks(node.id) {
                blocks.take(MOST).for_each(drop);
            }
            if let Ok(xattrs) = filesystem.xattrs(node.id) {
                xattrs.take(MOST).for_each(drop);
            }
            let _ = (filesystem.details(node.id), filesystem.link_target(node.id));
            if let Ok(content) = filesystem.content(node.id) {
                for at in [0, content.len() / 2, content.len().saturating_sub(1)] {
                    let _ = content.read_at(at, &mut buffer);
                }
                content.runs().take(MOST).for_each(drop);
            }
        }
        filesystem.deleted().take(MOST).for_each(drop);
        filesystem.unallocated().take(MOST).for_each(drop);
        filesystem.history().take(MOST).for_each(drop);
        for offset in [0, 1024, 50_000, u64::MAX] {
            let _ = filesystem.block_use(offset);
        }
        let mut told = 0;
        filesystem.check(&mut |_| {
            told += 1;
            if told < MOST { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
    }
}

/// Where mutations matter: the superblock, the descriptors, bitmaps and the first inodes, then anywhere.
fn places() -> impl Strategy<Value = usize> {
    prop_oneof![1024_usize..2048, 2048_usize..2200, 0..700 * 1024_usize, 20_000_usize..60_000]
}

/// The image with a hash tree in its root directory: so many levels below the root, and these records in every node, as they
/// lie there.
fn with_hash_tree(levels: u8, records: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = small_image()?.to_vec();
    let filesystem = open(Arc::new(Memory(bytes.clone())), &OpenOptions { journal: JournalUse::Ignore }).unwrap();
    let root = filesystem.inode(2).unwrap();
    // The flag of directories with a hash tree, 0x1000.
    bytes[usize::try_from(root.offset).unwrap() + 33] |= 0x10;
    for extent in filesystem.extents(root.id).unwrap().map(Result::unwrap) {
        let ExtentState::Stored(at) = extent.state else { continue };
        for block in extent.range.start / 1024..extent.range.end / 1024 {
            let at = usize::try_from(at + block * 1024 - extent.range.start).unwrap();
            let (head, from) = match block {
                // The second entry reaches to the end of the block.
                0 => (vec![(4, 12), (16, 0xf4), (17, 3), (24, 0), (29, 8), (30, levels)], 32),
                _ => (vec![(0, 0), (4, 0), (5, 4), (6, 0), (7, 0)], 8),
            };
            bytes[at + 24..at + 28].fill(0);
            head.into_iter().for_each(|(place, byte)| bytes[at + place] = byte);
            let length = records.len().min(1024 - from);
            bytes[at + from..at + from + length].copy_from_slice(&records[..length]);
        }
    }
    Some(bytes)
}

/// Room, records in use, and records that lead to blocks of a small directory.
fn records() -> impl Strategy<Value = Vec<u8>> {
    let record = (any::<[u8; 4]>(), 0_u32..6).prop_map(|(hash, block)| [hash, block.to_le_bytes()].concat());
    (0_u16..130, 0_u16..130, prop::collection::vec(record, 1..130)).prop_map(|(room, used, records)| {
        let mut bytes = records.concat();
        bytes[..2].copy_from_slice(&room.to_le_bytes());
        bytes[2..4].copy_from_slice(&used.to_le_bytes());
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_hash_tree_of_any_bytes_never_panics(levels in 0_u8..5, records in records()) {
        let Some(bytes) = with_hash_tree(levels, &records) else { return Ok(()) };
        ask_everything(bytes);
    }

    #[test]
    fn any_bytes_never_panic(changes in prop::collection::vec((places(), any::<u8>()), 0..40), cut in 0_usize..800_000) {
        let Some(image) = small_image() else { return Ok(()) };
        let mut bytes = image.to_vec();
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut.max(2048));
        ask_everything(bytes);
    }

    #[test]
    fn bytes_without_order_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..20_000)) {
        if bytes.len() > 1100 {
            bytes[1080..1082].copy_from_slice(&[0x53, 0xef]);
        }
        ask_everything(bytes);
    }
}
