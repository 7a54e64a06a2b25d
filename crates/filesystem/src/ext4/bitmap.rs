//! Which blocks are free: a bit for each block, or cluster of blocks, of a group.
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/bitmaps.rst.

use super::cache::Bytes;
use super::groups::BLOCK_UNINIT;
use super::volume::{Volume, bit};
use crate::FsError;
use kanshiki_model::ByteRange;

/// The free blocks of a group.
#[derive(Debug)]
pub(crate) struct FreeBlocks<'a> {
    volume: &'a Volume,
    group: u64,
    /// `None` if the bitmap was never written: all but metadata is free.
    bitmap: Option<Bytes>,
}

impl<'a> FreeBlocks<'a> {
    pub(crate) fn of(volume: &'a Volume, group: u64) -> Result<Self, FsError> {
        let descriptor = volume.descriptor(group)?;
        if descriptor.flags & BLOCK_UNINIT != 0 {
            return Ok(Self { volume, group, bitmap: None });
        }
        let bitmap = volume.block(descriptor.block_bitmap, "block bitmap", None)?;
        Ok(Self { volume, group, bitmap: Some(bitmap) })
    }

    /// The run of blocks that begins with `block` and is free, or in use, as a whole: whether it is free, and its end,
    /// which is at most `limit`. `None` outside of the group.
    pub(crate) fn run(&self, block: u64, limit: u64) -> Option<(bool, u64)> {
        let superblock = &self.volume.superblock;
        let start = superblock.group_start(self.group);
        let end = start.saturating_add(superblock.group_blocks(self.group)).min(limit);
        if block < start || block >= end {
            return None;
        }
        let Some(bitmap) = &self.bitmap else { return Some(self.run_without_bitmap(block, end)) };
        let ratio = superblock.blocks_of_a_cluster;
        let index = |block: u64| block.saturating_sub(start).checked_div(ratio).unwrap_or(0);
        let used = bit(bitmap, index(block))?;
        let same = if used { u8::MAX } else { 0 };
        let mut next = index(block).saturating_add(1);
        let past = index(end.saturating_sub(1)).saturating_add(1);
        while next < past {
            let whole = next % 8 == 0 && bitmap.get(usize::try_from(next / 8).ok()?) == Some(&same);
            if whole {
                next = next.saturating_add(8);
            } else if bit(bitmap, next)? == used {
                next = next.saturating_add(1);
            } else {
                break;
            }
        }
        Some((!used, start.saturating_add(next.saturating_mul(ratio)).min(end)))
    }

    /// As [`Self::run`] from what is known to lie in the group. A cluster is in use as a whole, also if metadata takes but a
    /// part of it.
    fn run_without_bitmap(&self, block: u64, end: u64) -> (bool, u64) {
        let start = self.volume.superblock.group_start(self.group);
        let ratio = self.volume.superblock.blocks_of_a_cluster.max(1);
        let within = |block: u64| block.saturating_sub(start).checked_rem(ratio).unwrap_or(0);
        let cluster = block.saturating_sub(within(block));
        let up = |block: u64| match within(block) {
            0 => block,
            over => block.saturating_add(ratio.saturating_sub(over)),
        };
        let mut here = self.volume.layout().within(cluster, end.max(cluster.saturating_add(ratio)));
        match here.next() {
            Some(span) if span.start < cluster.saturating_add(ratio) => (false, up(span.end).min(end)),
            Some(span) => (true, span.start.saturating_sub(within(span.start)).min(end)),
            None => (true, end),
        }
    }
}

/// The free bytes of a volume, in ascending order.
#[derive(Debug)]
pub(crate) struct Unallocated<'a> {
    volume: &'a Volume,
    group: u64,
    blocks: Option<(FreeBlocks<'a>, u64)>,
    /// A range that may still grow.
    open: Option<ByteRange>,
    failed: Option<FsError>,
}

impl<'a> Unallocated<'a> {
    pub(crate) fn new(volume: &'a Volume) -> Self {
        Self { volume, group: 0, blocks: None, open: None, failed: None }
    }

    /// Goes on to the next group; `None` if there is no more.
    fn next_group(&mut self) -> Option<()> {
        let group = self.group;
        if group >= self.volume.superblock.groups {
            return None;
        }
        self.group = group.saturating_add(1);
        match FreeBlocks::of(self.volume, group) {
            Ok(blocks) => self.blocks = Some((blocks, self.volume.superblock.group_start(group))),
            Err(error) => self.failed = Some(error),
        }
        Some(())
    }

    /// Adds a free run to the open range; gives out the open range if the run does not touch it.
    fn add(&mut self, start: u64, end: u64) -> Option<ByteRange> {
        let superblock = &self.volume.superblock;
        let new = ByteRange::new(superblock.offset_of(start), superblock.offset_of(end));
        match &mut self.open {
            Some(open) if open.end == new.start => {
                open.end = new.end;
                None
            }
            open => open.replace(new),
        }
    }
}

impl Iterator for Unallocated<'_> {
    type Item = Result<ByteRange, FsError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.failed.is_some() {
                let open = self.open.take().map(Ok);
                return open.or_else(|| self.failed.take().map(Err));
            }
            let Some((blocks, at)) = &mut self.blocks else {
                if self.next_group().is_none() {
                    return self.open.take().map(Ok);
                }
                continue;
            };
            let start = *at;
            match blocks.run(start, u64::MAX) {
                None => self.blocks = None,
                Some((free, end)) => {
                    *at = end;
                    if free && let Some(range) = self.add(start, end) {
                        return Some(Ok(range));
                    }
                }
            }
        }
    }
}

/// Whether the block bitmap says that a block is in use; `None` if it cannot be read.
pub(crate) fn is_allocated(volume: &Volume, block: u64) -> Option<bool> {
    let superblock = &volume.superblock;
    let group = block.checked_sub(superblock.first_data_block)?.checked_div(superblock.blocks_of_a_group)?;
    let run = FreeBlocks::of(volume, group).ok()?.run(block, block.saturating_add(1))?;
    Some(!run.0)
}

/// How many of some blocks in a row are free, and how many in use. Those of groups whose bitmap cannot be read count as in
/// use.
pub(crate) fn count(volume: &Volume, start: u64, blocks: u64) -> (u64, u64) {
    let superblock = &volume.superblock;
    let end = start.saturating_add(blocks);
    let (mut at, mut free) = (start, 0_u64);
    while at < end {
        let index = at.saturating_sub(superblock.first_data_block);
        let group = index.checked_div(superblock.blocks_of_a_group).unwrap_or(0);
        let group_end = superblock.group_start(group.saturating_add(1)).min(end);
        if let Ok(blocks) = FreeBlocks::of(volume, group) {
            while let Some((is_free, run_end)) = blocks.run(at, group_end) {
                free = free.saturating_add(if is_free { run_end.saturating_sub(at) } else { 0 });
                at = run_end;
            }
        }
        at = at.max(group_end).max(at.saturating_add(1));
    }
    (free, blocks.saturating_sub(free))
}
