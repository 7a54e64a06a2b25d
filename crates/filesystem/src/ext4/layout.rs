//! Where the metadata of the volume itself lies: superblock, descriptors, bitmaps and inode tables.

use super::features::{compatible, incompatible};
use super::superblock::Superblock;
use super::volume::Volume;
use std::fmt;

/// Groups whose metadata is known by place.
const GROUPS: u64 = 1 << 20;

/// A piece of metadata that every volume has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fixed {
    Superblock,
    Descriptors,
    ReservedDescriptors,
    BlockBitmap,
    InodeBitmap,
    InodeTable,
    Mmp,
}

/// Blocks with such metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) group: u64,
    pub(crate) what: Fixed,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = self.group;
        match self.what {
            Fixed::Superblock => write!(f, "superblock of group {group}"),
            Fixed::Descriptors => write!(f, "group descriptors in group {group}"),
            Fixed::ReservedDescriptors => write!(f, "room for group descriptors in group {group}"),
            Fixed::BlockBitmap => write!(f, "block bitmap of group {group}"),
            Fixed::InodeBitmap => write!(f, "inode bitmap of group {group}"),
            Fixed::InodeTable => write!(f, "inode table of group {group}"),
            Fixed::Mmp => f.write_str("block of multiple mount protection"),
        }
    }
}

/// All metadata of a volume, in the order of its place.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    spans: Vec<Span>,
}

impl Layout {
    pub(crate) fn of(volume: &Volume) -> Self {
        let superblock = &volume.superblock;
        let mut spans = Vec::new();
        for group in 0..superblock.groups.min(GROUPS) {
            copies(superblock, group, &mut spans);
            // A descriptor that cannot be read is told elsewhere.
            let Ok(descriptor) = volume.descriptor(group) else { continue };
            let table = superblock.table_blocks();
            let places = [
                (descriptor.block_bitmap, 1, Fixed::BlockBitmap),
                (descriptor.inode_bitmap, 1, Fixed::InodeBitmap),
                (descriptor.inode_table, table, Fixed::InodeTable),
            ];
            spans.extend(places.map(|(start, blocks, what)| span(start, blocks, group, what)));
        }
        if superblock.has_incompatible(incompatible::MMP) {
            spans.push(span(superblock.u64(360), 1, 0, Fixed::Mmp));
        }
        spans.retain(|span| superblock.holds_block(span.start));
        spans.sort_unstable();
        Self { spans }
    }

    /// All of it, in order.
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// What lies in a block.
    pub(crate) fn at(&self, block: u64) -> Option<Span> {
        let behind = self.spans.partition_point(|span| span.start <= block);
        // A damaged volume may have tables that overlap: a long one may begin well before a short one.
        let before = self.spans.get(behind.saturating_sub(16)..behind)?;
        before.iter().rev().find(|span| span.end > block).copied()
    }

    /// What lies in the blocks from `start` up to `end`.
    pub(crate) fn within(&self, start: u64, end: u64) -> impl Iterator<Item = Span> + '_ {
        let from = self.spans.partition_point(|span| span.start < start).saturating_sub(16);
        let spans = self.spans.get(from..).unwrap_or_default().iter();
        spans.take_while(move |span| span.start < end).filter(move |span| span.end > start).copied()
    }
}

fn span(start: u64, blocks: u64, group: u64, what: Fixed) -> Span {
    Span { start, end: start.saturating_add(blocks), group, what }
}

/// The superblock and the descriptors in a group.
fn copies(superblock: &Superblock, group: u64, spans: &mut Vec<Span>) {
    let meta = superblock.has_incompatible(incompatible::META_BG);
    let in_a_block = superblock.block_bytes.checked_div(superblock.descriptor_bytes).unwrap_or(1).max(1);
    let all = superblock.groups.div_ceil(in_a_block);
    let usual = if meta { all.min(superblock.first_meta_group) } else { all };
    let start = superblock.group_start(group);
    if superblock.has_superblock(group) {
        let at = start.saturating_add(superblock.shift(group));
        spans.push(span(at, 1, group, Fixed::Superblock));
        let at = at.saturating_add(1);
        spans.push(span(at, usual, group, Fixed::Descriptors));
        if superblock.has_compatible(compatible::RESIZE_INODE) {
            let room = superblock.u16(206).into();
            spans.push(span(at.saturating_add(usual), room, group, Fixed::ReservedDescriptors));
        }
    }
    // The first, the second and the last group of a meta group hold the one block of descriptors of them all.
    let number = group.checked_div(in_a_block).unwrap_or(0);
    let within = group.checked_rem(in_a_block).unwrap_or(0);
    let holds = within <= 1 || within == in_a_block.saturating_sub(1);
    if meta && number >= superblock.first_meta_group && holds {
        let behind = u64::from(superblock.has_superblock(group)).saturating_add(superblock.shift(group));
        spans.push(span(start.saturating_add(behind), 1, group, Fixed::Descriptors));
    }
    spans.retain(|span| span.end > span.start);
}
