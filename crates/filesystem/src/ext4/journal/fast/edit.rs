//! Metadata blocks in memory that are being changed.

use crate::FsError;
use crate::ext4::checksum::crc32c;
use crate::ext4::volume::Volume;
use kanshiki_image::bytes::length;
use std::collections::BTreeMap;

/// Blocks of the volume that differ from what lies there, with their content.
pub(crate) type EditedBlocks = BTreeMap<u64, Vec<u8>>;

/// The most that edited blocks may take in memory.
const MAX_BYTES: u64 = 64 << 20;

/// A volume of which some blocks are being changed.
#[derive(Debug)]
pub(super) struct Editor<'a> {
    pub(super) volume: &'a Volume,
    pub(super) blocks: EditedBlocks,
}

impl<'a> Editor<'a> {
    pub(super) const fn new(volume: &'a Volume) -> Self {
        Self { volume, blocks: BTreeMap::new() }
    }

    /// The bytes of a block as they are by now.
    pub(super) fn read(&self, block: u64, structure: &'static str) -> Result<Vec<u8>, FsError> {
        match self.blocks.get(&block) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.volume.block(block, structure, None).map(|bytes| bytes.to_vec()),
        }
    }

    /// A block to change, if it was not changed yet as `first` gives it.
    pub(super) fn edit(
        &mut self,
        block: u64,
        first: impl FnOnce(&Self) -> Result<Vec<u8>, FsError>,
    ) -> Result<&mut Vec<u8>, FsError> {
        if !self.blocks.contains_key(&block) {
            let bytes = first(self)?;
            self.write(block, bytes)?;
        }
        Ok(self.blocks.entry(block).or_default())
    }

    /// Puts a block in place of what is there.
    pub(super) fn write(&mut self, block: u64, bytes: Vec<u8>) -> Result<(), FsError> {
        let taken = length(self.blocks.len()).saturating_add(1).saturating_mul(length(bytes.len()));
        if taken > MAX_BYTES && !self.blocks.contains_key(&block) {
            let detail = format!("fast commits that change more than {MAX_BYTES} bytes of metadata");
            return Err(FsError::Unsupported { inode: None, detail });
        }
        if !self.volume.superblock.holds_block(block) {
            let detail = format!("block {block} lies outside the filesystem");
            let offset = self.volume.superblock.offset_of(block);
            return Err(FsError::Damaged { structure: "fast commit", inode: None, offset, detail });
        }
        self.blocks.insert(block, bytes);
        Ok(())
    }
}

/// Sets bytes at a place; without effect where there is no room for all of them.
pub(crate) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    let end = at.saturating_add(value.len());
    if let Some(place) = bytes.get_mut(at..end) {
        place.copy_from_slice(value);
    }
}

/// Splits a number into halves of 16 bits, the lower first.
pub(super) fn halves(number: u32) -> (u16, u16) {
    let [a, b, c, d] = number.to_le_bytes();
    (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))
}

/// The lowest 32 bits of a block's number, and the 16 above them.
pub(super) fn low_and_high(block: u64) -> (u32, u16) {
    let [a, b, c, d, e, f, ..] = block.to_le_bytes();
    (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f]))
}

/// What the checksums of blocks that belong to an inode begin with.
pub(super) fn inode_seed(volume: &Volume, inode: u64, generation: &[u8]) -> u32 {
    let (number, _) = low_and_high(inode);
    crc32c(crc32c(volume.superblock.seed, &number.to_le_bytes()), generation)
}
