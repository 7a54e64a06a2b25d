//! Volumes with ext2, ext3 and ext4: every question to every inode, and the check.
#![no_main]

use kanshiki_filesystem::{JournalUse, OpenOptions, open};
use kanshiki_image::Memory;
use libfuzzer_sys::fuzz_target;
use std::ops::ControlFlow;
use std::sync::Arc;

const MOST: usize = 1000;

fuzz_target!(|bytes: &[u8]| {
    let options = OpenOptions { journal: JournalUse::Ignore };
    let Ok(filesystem) = open(Arc::new(Memory(bytes.to_vec())), &options) else { return };
    let mut buffer = vec![0; 4096];
    for node in filesystem.inodes().flatten().take(100) {
        if let Ok(entries) = filesystem.children(node.id) {
            entries.take(MOST).for_each(drop);
        }
        if let Ok(entries) = filesystem.removed_entries(node.id) {
            entries.take(MOST).for_each(drop);
        }
        if let Ok(xattrs) = filesystem.xattrs(node.id) {
            xattrs.take(MOST).for_each(drop);
        }
        if let Ok(extents) = filesystem.extents(node.id) {
            extents.take(MOST).for_each(drop);
        }
        if let Ok(blocks) = filesystem.node_blocks(node.id) {
            blocks.take(MOST).for_each(drop);
        }
        let _ = (filesystem.details(node.id), filesystem.link_target(node.id));
        let Ok(content) = filesystem.content(node.id) else { continue };
        for offset in [0, content.len() / 2, content.len().saturating_sub(1), u64::MAX] {
            if let Ok(read) = content.read_at(offset, &mut buffer) {
                assert!(read as u64 <= content.len().saturating_sub(offset));
            }
        }
        let mut at = 0;
        for (range, _) in content.runs().take(MOST) {
            assert_eq!(range.start, at);
            at = range.end;
        }
    }
    filesystem.deleted().take(MOST).for_each(drop);
    let mut end = 0;
    for range in filesystem.unallocated().take(MOST).flatten() {
        assert!(range.start >= end && !range.is_empty());
        end = range.end;
    }
    let mut told = 0;
    filesystem.check(&mut |_| {
        told += 1;
        if told < MOST { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
});
