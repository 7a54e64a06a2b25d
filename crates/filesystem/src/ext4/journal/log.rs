//! The log as blocks that can be read: where the journal's file lies on the volume.

use super::blocks::Layout;
use super::{JournalError, Superblock};
use kanshiki_image::bytes::length;
use kanshiki_image::{Source, read_exact_at};

/// Blocks of the journal's file that lie together on the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRun {
    /// The first of them, counted in the file.
    pub first: u64,
    /// The block of the volume where it lies.
    pub place: u64,
    /// How many there are.
    pub count: u64,
}

/// Where the journal's file lies on its volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// Length of a block in bytes, of the volume and of the journal.
    pub block_bytes: u32,
    /// Length of the file in whole blocks.
    pub blocks: u64,
    /// Its runs, in the order of the file; what no run holds is a hole.
    pub runs: Vec<LogRun>,
}

/// A journal that can be read.
#[derive(Debug, Clone)]
pub struct Log {
    pub(super) source: Source,
    pub(super) place: LogPlace,
    /// The journal's superblock.
    pub superblock: Superblock,
    pub(super) layout: Layout,
}

impl Log {
    /// Reads and checks the superblock of the journal of the volume `source`.
    ///
    /// # Errors
    ///
    /// As [`Superblock::parse`]; [`JournalError::Unreadable`], [`JournalError::CutOff`] or [`JournalError::NoBlock`] if block 0
    /// cannot be read.
    pub fn open(source: Source, mut place: LogPlace) -> Result<Self, JournalError> {
        if !(1024..=65_536).contains(&place.block_bytes) || !place.block_bytes.is_power_of_two() {
            return Err(JournalError::Unsupported { detail: format!("blocks of {} bytes", place.block_bytes) });
        }
        place.runs.sort_by_key(|run| run.first);
        let mut bytes = vec![0; usize::try_from(place.block_bytes).unwrap_or_default()];
        read(&source, &place, 0, &mut bytes)?;
        let superblock = Superblock::parse(&bytes, place.block_bytes, place.blocks)?;
        let layout = Layout::new(&superblock, bytes.len());
        Ok(Self { source, place, superblock, layout })
    }

    /// An empty buffer for a block.
    pub(super) fn buffer(&self) -> Vec<u8> {
        vec![0; self.layout.block_bytes]
    }

    /// Fills `buf` from block `block` of the journal.
    pub(super) fn read(&self, block: u64, buf: &mut [u8]) -> Result<(), JournalError> {
        if block >= u64::from(self.superblock.blocks) {
            return Err(JournalError::NoBlock { block, blocks: u64::from(self.superblock.blocks) });
        }
        read(&self.source, &self.place, block, buf)
    }

    /// Where a block of the journal lies, in bytes from the start of the volume.
    pub(super) fn offset(&self, block: u64) -> Option<u64> {
        self.place.offset(block)
    }

    /// The block after `block` and `count` more, going around at the end of the log.
    pub(super) fn advance(&self, block: u64, count: u64) -> u64 {
        let (first, last) = (u64::from(self.superblock.first), u64::from(self.superblock.last));
        let next = block.saturating_add(count);
        if next >= last { next.saturating_sub(last.saturating_sub(first)) } else { next }
    }

    /// The number of blocks that a pass over the log may look at: each once.
    pub(super) fn length(&self) -> u64 {
        u64::from(self.superblock.last).saturating_sub(u64::from(self.superblock.first))
    }
}

impl LogPlace {
    fn offset(&self, block: u64) -> Option<u64> {
        let run = self.runs.get(self.runs.partition_point(|run| run.first <= block).checked_sub(1)?)?;
        let inside = block.checked_sub(run.first).filter(|inside| *inside < run.count)?;
        run.place.checked_add(inside)?.checked_mul(u64::from(self.block_bytes))
    }
}

fn read(source: &Source, place: &LogPlace, block: u64, buf: &mut [u8]) -> Result<(), JournalError> {
    let Some(offset) = place.offset(block).filter(|_| block < place.blocks) else {
        return Err(JournalError::NoBlock { block, blocks: place.blocks });
    };
    let there = source.len();
    if offset.checked_add(length(buf.len())).is_none_or(|end| end > there) {
        return Err(JournalError::CutOff { block, offset, there });
    }
    read_exact_at(source.as_ref(), offset, buf).map_err(|source| JournalError::Unreadable { block, source })
}
