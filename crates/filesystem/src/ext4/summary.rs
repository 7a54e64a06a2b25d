//! What the filesystem says of itself.

use super::features::{compatible, incompatible};
use super::superblock::Superblock;
use crate::{Detail, JournalState, Summary};
use kanshiki_image::signature::ext_features;
use kanshiki_model::visible;

const CLEAN: u16 = 1;
const ERRORS: u16 = 2;
const ORPHANS: u16 = 4;

pub(crate) fn summary(superblock: &Superblock, journal: JournalState) -> Summary {
    let shown = |at, bytes| visible(superblock.text(at, bytes));
    let high = if superblock.has_incompatible(incompatible::BITS_64) { u64::from(superblock.u32(344)) } else { 0 };
    let free_blocks = high.checked_shl(32).unwrap_or(0) | u64::from(superblock.u32(12));
    Summary {
        kind: superblock.kind(),
        label: shown(120, 16),
        uuid: uuid(&superblock.uuid),
        block_bytes: superblock.block_bytes,
        blocks: superblock.blocks,
        free_blocks,
        inodes: superblock.inodes,
        free_inodes: superblock.u32(16).into(),
        last_mounted_on: Some(shown(136, 64)).filter(|place| !place.is_empty()),
        created: superblock.time(264, 0x276),
        mounted: superblock.time(44, 0x275),
        written: superblock.time(48, 0x274),
        state: state(superblock, &journal),
        features: ext_features::names(superblock.compatible, superblock.incompatible, superblock.read_only),
        journal,
        details: details(superblock),
    }
}

fn state(superblock: &Superblock, journal: &JournalState) -> String {
    let bits = superblock.u16(58);
    let mut words = vec![if bits & CLEAN == 0 { "not clean" } else { "clean" }];
    words.extend((bits & ERRORS != 0).then_some("errors"));
    words.extend((bits & ORPHANS != 0).then_some("orphans being recovered"));
    let replayed = matches!(journal, JournalState::Replayed { .. });
    let told = if replayed { "journal replayed in memory" } else { "journal needs replay" };
    words.extend(superblock.has_incompatible(incompatible::RECOVER).then_some(told));
    words.join(", ")
}

/// A UUID in lower case; `None` if all of it is zero.
pub(crate) fn uuid(bytes: &[u8]) -> Option<String> {
    if bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range).unwrap_or_default());
    Some(parts.join("-"))
}

fn details(superblock: &Superblock) -> Vec<Detail> {
    let mut details = Vec::new();
    let mut add = |name, value: String| details.push(Detail { name, value });
    add("revision", format!("{}.{}", superblock.revision, superblock.u16(62)));
    add("inode bytes", superblock.inode_bytes.to_string());
    add("groups", superblock.groups.to_string());
    add("blocks of a group", superblock.blocks_of_a_group.to_string());
    add("inodes of a group", superblock.inodes_of_a_group.to_string());
    add("first block", superblock.first_data_block.to_string());
    if superblock.blocks_of_a_cluster > 1 {
        add("blocks of a cluster", superblock.blocks_of_a_cluster.to_string());
    }
    if superblock.has_compatible(compatible::HAS_JOURNAL) {
        add("journal inode", superblock.journal_inode.to_string());
        let device = superblock.u32(228);
        if device != 0 {
            add("journal device", format!("{device:#06x}"));
            add("journal UUID", uuid(superblock.raw.get(208..224).unwrap_or_default()).unwrap_or_default());
        }
    }
    for (name, number) in [("first orphan", superblock.last_orphan), ("orphan file's inode", superblock.orphan_file)] {
        if number != 0 {
            add(name, number.to_string());
        }
    }
    add("mounts since the last check", superblock.u16(52).to_string());
    if let Some(time) = superblock.time(64, 0x277) {
        add("last checked", time.to_string());
    }
    errors(superblock, &mut add);
    details
}

/// What the kernel wrote about errors that it found.
fn errors(superblock: &Superblock, add: &mut impl FnMut(&'static str, String)) {
    let count = superblock.u32(404);
    if count == 0 {
        return;
    }
    add("errors found by the kernel", count.to_string());
    let places = [("first error", 408, 0x278, 412, 424), ("last error", 460, 0x279, 464, 480)];
    for (name, time, high, inode, function) in places {
        let when = superblock.time(time, high).map(|time| time.to_string()).unwrap_or_default();
        let (inode, block) = (superblock.u32(inode), superblock.u64(inode.saturating_add(4)));
        let whence = visible(superblock.text(function, 32));
        add(name, format!("{when}, in {whence}, inode {inode}, block {block}"));
    }
}
