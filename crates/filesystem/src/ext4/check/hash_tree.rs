//! Nodes of a directory's hash tree: records of 8 bytes, a hash and a block, behind entries that look empty.
//!
//! | field | at |
//! | --- | --- |
//! | root: `.` and `..`; reserved, hash, length of these 8 bytes, levels, flags | 0; 24, 28, 29, 30, 31 |
//! | other node: an empty entry as long as the block | 0 |
//! | room for records, records in use | 32 in the root, 8 in others |
//! | checksum | 4 bytes behind the room for records |
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/directory.rst, "Hash Tree Directories"; fs/ext4/namei.c
//! (`get_dx_countlimit`, `ext4_dx_csum`).

use super::{Flow, GO_ON, Report, wrong_sum};
use crate::ext4::checksum::crc32c;
use crate::ext4::directory::Block;
use crate::ext4::features::flag;
use crate::ext4::inode::Inode;
use crate::ext4::volume::Volume;
use kanshiki_image::bytes::{length, u16_le, u32_le};
use std::collections::HashSet;

const RECORD: usize = 8;

/// Blocks of a directory that are remembered.
const REMEMBERED: usize = 1 << 20;

/// Deepest tree, with large_dir.
const DEEPEST: u8 = 3;

/// Where the records of a node begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    records: usize,
}

/// Whether a block of a directory is a node of its hash tree.
pub(super) fn node(volume: &Volume, inode: &Inode, block: &Block) -> Option<Node> {
    if !inode.has(flag::INDEX) {
        return None;
    }
    let bytes = &block.bytes;
    let whole =
        |stored: u16| usize::from(stored) == bytes.len() || (volume.block_length() == 65_536 && stored == u16::MAX);
    let (inode_there, first) = (u32_le(bytes, 0)?, u16_le(bytes, 4)?);
    if block.number == 0 {
        let second = u16_le(bytes, 16)?;
        let root =
            first == 12 && (usize::from(second).saturating_add(12) == bytes.len() || volume.block_length() == 65_536);
        return (root && u32_le(bytes, 24) == Some(0) && bytes.get(29) == Some(&8)).then_some(Node { records: 32 });
    }
    // A leaf in which nothing is left is one long empty entry too; its checksum stands at the end, before which it stops.
    let empty = inode_there == 0 && whole(first);
    let room = usize::from(u16_le(bytes, 8)?);
    let fits = room.saturating_add(1).saturating_mul(RECORD) <= bytes.len() && room > 0;
    (empty && fits && u16_le(bytes, 6) == Some(0)).then_some(Node { records: 8 })
}

pub(super) fn check(
    volume: &Volume,
    report: &mut Report<'_>,
    inode: &Inode,
    block: &Block,
    node: Node,
    seen: &mut HashSet<u64>,
) -> Flow {
    const STRUCTURE: &str = "hash tree";
    let bytes = &block.bytes;
    let number = Some(inode.number);
    let (room, used) =
        (u16_le(bytes, node.records).unwrap_or(0), u16_le(bytes, node.records.saturating_add(2)).unwrap_or(0));
    let end = |count: u16| usize::from(count).saturating_mul(RECORD).saturating_add(node.records);
    if used == 0 || used > room || end(room) > bytes.len() {
        let detail = format!("{used} records in use and room for {room}");
        return report.tell(STRUCTURE, number, block.offset, detail);
    }
    if node.records == 32 && bytes.get(30).is_some_and(|levels| *levels > DEEPEST) {
        report.tell(STRUCTURE, number, block.offset, "it has more than three levels")?;
    }
    let blocks = inode.size.div_ceil(volume.superblock.block_bytes.max(1));
    let mut last = 0;
    for index in 0..used {
        let at = end(index);
        let hash = if index == 0 { 0 } else { u32_le(bytes, at).unwrap_or(0) };
        let leads = u64::from(u32_le(bytes, at.saturating_add(4)).unwrap_or(0) & 0x0fff_ffff);
        let offset = block.offset.saturating_add(length(at));
        if leads >= blocks || leads == 0 {
            report.tell(STRUCTURE, number, offset, format!("a record leads to block {leads} of {blocks}"))?;
        }
        if seen.len() < REMEMBERED && !seen.insert(leads) {
            report.tell(STRUCTURE, number, offset, format!("another record leads to block {leads} too"))?;
        }
        if hash < last {
            report.tell(STRUCTURE, number, offset, "a record stands out of order")?;
        }
        last = hash;
    }
    if !volume.superblock.checksums() {
        return GO_ON;
    }
    let Some(tail) = bytes.get(end(room)..).filter(|tail| tail.len() >= RECORD) else {
        return report.tell(STRUCTURE, number, block.offset, "there is no room for its checksum");
    };
    let sum = crc32c(inode.seed(&volume.superblock), bytes.get(..end(used)).unwrap_or_default());
    let expected = crc32c(crc32c(sum, tail.get(..4).unwrap_or_default()), &[0; 4]);
    let stored = u32_le(tail, 4).unwrap_or(0);
    if stored == expected { GO_ON } else { report.tell(STRUCTURE, number, block.offset, wrong_sum(stored, expected)) }
}
