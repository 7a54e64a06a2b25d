//! The map of a file as extents, changed and written out as a tree.

use super::edit::{low_and_high, put};
use crate::ext4::checksum::crc32c;
use kanshiki_image::bytes::{u16_le, u32_le};
use std::collections::BTreeMap;

const HEADER_BYTES: usize = 12;
const RECORD_BYTES: usize = 12;
const MAGIC: u16 = 0xf30a;
/// The deepest tree that Linux makes (`EXT4_MAX_EXTENT_DEPTH`).
const DEEPEST: u16 = 5;
/// Nodes of a tree that are kept; they hold more extents than are kept.
const MAX_NODES: usize = 1 << 17;
/// Records in the inode's own node.
const ROOT_ROOM: u16 = 4;
/// The longest extent; one of blocks that were never written is one shorter.
const LONGEST: u16 = 32_768;

/// Where some blocks of a file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) place: u64,
    pub(super) blocks: u64,
    pub(super) unwritten: bool,
}

/// The map of a file: runs by their first block of the file.
pub(super) type Runs = BTreeMap<u64, Run>;

/// Takes an extent of a leaf apart: the first block of the file, and where it lies.
pub(super) fn parse_extent(extent: &[u8; 12]) -> Option<(u64, Run)> {
    let first = u64::from(u32_le(extent, 0)?);
    let (stored, high, low) = (u16_le(extent, 4)?, u16_le(extent, 6)?, u32_le(extent, 8)?);
    let unwritten = stored > LONGEST;
    let blocks = u64::from(if unwritten { stored.saturating_sub(LONGEST) } else { stored });
    let place = u64::from(high) << 32 | u64::from(low);
    (blocks > 0).then_some((first, Run { place, blocks, unwritten }))
}

/// Takes blocks of the file out of its map; gives back where they lay.
pub(super) fn cut(runs: &mut Runs, first: u64, blocks: u64) -> Vec<(u64, u64)> {
    let end = first.saturating_add(blocks);
    let before = runs.range(..first).next_back().map(|(start, run)| (*start, *run));
    let touched = before.into_iter().chain(runs.range(first..end).map(|(start, run)| (*start, *run)));
    let touched: Vec<(u64, Run)> = touched.filter(|(start, run)| start.saturating_add(run.blocks) > first).collect();
    let mut freed = Vec::new();
    for (start, run) in touched {
        runs.remove(&start);
        let run_end = start.saturating_add(run.blocks);
        if start < first {
            runs.insert(start, Run { blocks: first.saturating_sub(start), ..run });
        }
        if run_end > end {
            let place = run.place.saturating_add(end.saturating_sub(start));
            runs.insert(end, Run { place, blocks: run_end.saturating_sub(end), ..run });
        }
        let (from, until) = (start.max(first), run_end.min(end));
        freed.push((run.place.saturating_add(from.saturating_sub(start)), until.saturating_sub(from)));
    }
    freed
}

/// The records of the leaves: runs that follow each other put together, and cut where they are too long.
fn records(runs: &Runs) -> Vec<[u8; 12]> {
    let mut records: Vec<(u64, Run)> = Vec::new();
    for (first, run) in runs {
        let mut rest = *run;
        let mut at = *first;
        let longest = u64::from(if run.unwritten { LONGEST.saturating_sub(1) } else { LONGEST });
        if let Some((start, last)) = records.last_mut() {
            let follows =
                start.saturating_add(last.blocks) == at && last.place.saturating_add(last.blocks) == rest.place;
            if follows && last.unwritten == rest.unwritten {
                let taken = longest.saturating_sub(last.blocks).min(rest.blocks);
                last.blocks = last.blocks.saturating_add(taken);
                at = at.saturating_add(taken);
                rest.place = rest.place.saturating_add(taken);
                rest.blocks = rest.blocks.saturating_sub(taken);
            }
        }
        while rest.blocks > 0 {
            let blocks = rest.blocks.min(longest);
            records.push((at, Run { blocks, ..rest }));
            at = at.saturating_add(blocks);
            rest.place = rest.place.saturating_add(blocks);
            rest.blocks = rest.blocks.saturating_sub(blocks);
        }
    }
    records.into_iter().map(|(first, run)| leaf_record(first, run)).collect()
}

/// The blocks that hold the tree below the node `root`, as `read` gives them.
pub(super) fn nodes<E>(root: &[u8], mut read: impl FnMut(u64) -> Result<Vec<u8>, E>) -> Result<Vec<u64>, E> {
    let mut level = children(root);
    let mut nodes = Vec::new();
    for _ in 0..DEEPEST {
        nodes.extend(&level);
        let mut below = Vec::new();
        for node in &level {
            if nodes.len().saturating_add(below.len()) < MAX_NODES {
                below.extend(children(&read(*node)?));
            }
        }
        if below.is_empty() {
            break;
        }
        level = below;
    }
    Ok(nodes)
}

/// The blocks that an index node leads to; none for a leaf.
fn children(node: &[u8]) -> Vec<u64> {
    let (magic, count, depth) = (u16_le(node, 0), u16_le(node, 2).unwrap_or(0), u16_le(node, 6).unwrap_or(0));
    if magic != Some(MAGIC) || depth == 0 {
        return Vec::new();
    }
    let records = node.get(HEADER_BYTES..).unwrap_or_default().chunks_exact(RECORD_BYTES).take(count.into());
    let child = |record: &[u8]| Some(u64::from(u16_le(record, 8)?) << 32 | u64::from(u32_le(record, 4)?));
    records.filter_map(child).collect()
}

fn leaf_record(first: u64, run: Run) -> [u8; 12] {
    let mut record = [0; RECORD_BYTES];
    let (first, _) = low_and_high(first);
    let (low, high) = low_and_high(run.place);
    let blocks = u16::try_from(run.blocks).unwrap_or(LONGEST);
    let stored = if run.unwritten { blocks.saturating_add(LONGEST) } else { blocks };
    put(&mut record, 0, &first.to_le_bytes());
    put(&mut record, 4, &stored.to_le_bytes());
    put(&mut record, 6, &high.to_le_bytes());
    put(&mut record, 8, &low.to_le_bytes());
    record
}

fn index_record(first: &[u8; 12], node: u64) -> [u8; 12] {
    let mut record = [0; RECORD_BYTES];
    let (low, high) = low_and_high(node);
    put(&mut record, 0, first.get(..4).unwrap_or_default());
    put(&mut record, 4, &low.to_le_bytes());
    put(&mut record, 8, &high.to_le_bytes());
    record
}

fn fill(node: &mut [u8], records: &[[u8; 12]], room: u16, depth: u16) {
    let count = u16::try_from(records.len()).unwrap_or(room);
    for (at, field) in [(0, MAGIC), (2, count), (4, room), (6, depth)] {
        put(node, at, &field.to_le_bytes());
    }
    let places = node.get_mut(HEADER_BYTES..).unwrap_or_default().chunks_exact_mut(RECORD_BYTES);
    for (place, record) in places.zip(records) {
        place.copy_from_slice(record);
    }
}

/// A tree that was written out.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The inode's own node: 60 bytes.
    pub(super) root: Vec<u8>,
    /// The other nodes, each with its block.
    pub(super) nodes: Vec<(u64, Vec<u8>)>,
}

/// Writes a map out as a tree; `block` gives blocks for its nodes, `None` if there is none. `seed` begins the checksums
/// of the nodes, if they have any.
pub(super) fn build(
    runs: &Runs,
    block_bytes: usize,
    seed: Option<u32>,
    mut block: impl FnMut() -> Option<u64>,
) -> Option<Tree> {
    let mut level = records(runs);
    let mut tree = Tree { root: vec![0; 60], nodes: Vec::new() };
    let mut depth = 0_u16;
    let room = block_bytes.checked_sub(HEADER_BYTES)?.checked_div(RECORD_BYTES)?;
    while level.len() > usize::from(ROOT_ROOM) {
        let mut above = Vec::new();
        for records in level.chunks(room) {
            let place = block()?;
            let mut node = vec![0; block_bytes];
            fill(&mut node, records, u16::try_from(room).ok()?, depth);
            if let Some(seed) = seed {
                let at = room.checked_mul(RECORD_BYTES)?.checked_add(HEADER_BYTES)?;
                let sum = crc32c(seed, node.get(..at)?);
                put(&mut node, at, &sum.to_le_bytes());
            }
            above.push(index_record(records.first()?, place));
            tree.nodes.push((place, node));
        }
        level = above;
        depth = depth.checked_add(1).filter(|depth| *depth <= DEEPEST)?;
    }
    fill(&mut tree.root, &level, ROOT_ROOM, depth);
    Some(tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn run(place: u64, blocks: u64) -> Run {
        Run { place, blocks, unwritten: false }
    }

    #[test]
    fn cutting_leaves_what_lies_before_and_behind() {
        let mut runs: Runs = [(0, run(100, 10)), (10, run(200, 5)), (20, run(300, 5))].into_iter().collect();
        assert_eq!(cut(&mut runs, 4, 18), [(104, 6), (200, 5), (300, 2)]);
        assert_eq!(runs.into_iter().collect::<Vec<_>>(), [(0, run(100, 4)), (22, run(302, 3))]);
        let mut runs: Runs = [(0, run(100, 10))].into_iter().collect();
        assert_eq!(cut(&mut runs, 3, 2), [(103, 2)]);
        assert_eq!(runs.into_iter().collect::<Vec<_>>(), [(0, run(100, 3)), (5, run(105, 5))]);
    }

    #[test]
    fn an_extent_is_taken_apart_and_put_together_again() {
        let bytes = [7, 0, 0, 0, 3, 0x80, 1, 0, 9, 0, 0, 0];
        let parsed = parse_extent(&bytes).unwrap();
        assert_eq!(parsed, (7, Run { place: 0x1_0000_0009, blocks: 3, unwritten: true }));
        assert_eq!(leaf_record(parsed.0, parsed.1), bytes);
        assert_eq!(parse_extent(&[0; 12]), None);
    }

    #[test]
    fn runs_that_follow_each_other_become_one_extent_and_long_ones_several() {
        let runs: Runs = [(0, run(100, 10)), (10, run(110, 5)), (15, run(300, 40_000))].into_iter().collect();
        let records = records(&runs);
        let parsed: Vec<_> = records.iter().filter_map(parse_extent).collect();
        assert_eq!(parsed, [(0, run(100, 15)), (15, run(300, 32_768)), (32_783, run(33_068, 7_232))]);
    }

    #[test]
    fn a_map_of_more_than_four_extents_gets_leaves() {
        let runs: Runs = (0..100).map(|index| (index * 2, run(1000 + index * 7, 1))).collect();
        let mut next = 50;
        let tree = build(&runs, 1024, Some(7), || {
            next += 1;
            Some(next)
        });
        let tree = tree.unwrap();
        assert_eq!(tree.root[..24], [0x0a, 0xf3, 2, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 51, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(tree.nodes.iter().map(|(block, _)| *block).collect::<Vec<_>>(), [51, 52]);
        assert_eq!(tree.nodes[0].1[..8], [0x0a, 0xf3, 84, 0, 84, 0, 0, 0]);
        assert!(build(&runs, 1024, None, || None).is_none());
    }

    proptest! {
        #[test]
        fn a_map_is_what_was_added_last(changes in prop::collection::vec((0_u64..60, 1_u64..20, any::<bool>()), 0..30)) {
            let mut runs = Runs::new();
            let mut expected = std::collections::BTreeMap::new();
            for (number, (first, blocks, add)) in changes.into_iter().enumerate() {
                cut(&mut runs, first, blocks);
                if add {
                    runs.insert(first, run(number as u64 * 1000, blocks));
                }
                for block in 0..blocks {
                    if add {
                        expected.insert(first + block, number as u64 * 1000 + block);
                    } else {
                        expected.remove(&(first + block));
                    }
                }
            }
            let mut found = std::collections::BTreeMap::new();
            for (first, run) in records(&runs).iter().filter_map(parse_extent) {
                for block in 0..run.blocks {
                    prop_assert!(found.insert(first + block, run.place + block).is_none());
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
