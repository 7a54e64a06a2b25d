//! Nodes of a directory's hash tree: their numbers, and the order of their records.

use super::{Flow, GO_ON, Report};
use crate::ext4::directory::Block;
use crate::ext4::hash_tree::Node;
use crate::ext4::inode::Inode;
use crate::ext4::volume::Volume;
use kanshiki_image::bytes::length;
use std::collections::HashSet;

/// Blocks of a directory that are remembered.
const REMEMBERED: usize = 1 << 20;

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
    let (room, used) = (node.room, node.used);
    if !node.fits(bytes) {
        let detail = format!("{used} records in use and room for {room}");
        return report.tell(STRUCTURE, number, block.offset, detail);
    }
    if node.is_too_deep() {
        report.tell(STRUCTURE, number, block.offset, "it has more than three levels")?;
    }
    let blocks = inode.size.div_ceil(volume.superblock.block_bytes.max(1));
    let mut last = 0;
    for (index, record) in (0..used).zip(node.records(bytes)) {
        let (hash, leads) = (record.hash, u64::from(record.block));
        let offset = block.offset.saturating_add(length(node.end(index)));
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
    GO_ON
}
