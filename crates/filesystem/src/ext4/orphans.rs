//! Inodes without a name that were still open, or still being cut, when the filesystem was last in use.
//!
//! The superblock names the first; the field of each that else holds the time of deletion names the next. With the feature
//! orphan_file they stand in blocks of a file of their own instead, 32-bit numbers with an 8-byte tail in each block.
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/orphan.rst; fs/ext4/orphan.c.

use super::map::{Pieces, Spot};
use super::volume::Volume;
use kanshiki_image::bytes::u32_le;
use std::collections::HashSet;

/// Orphans that are kept in memory.
const KEPT: usize = 1 << 18;

/// Troubles that are kept.
const TOLD: usize = 100;

/// Bytes at the end of a block of the orphan file that are no numbers: a magic and a checksum.
const TAIL: usize = 8;

/// The inodes that are to be removed, or cut, at the next mount.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    /// In the list that begins in the superblock, in its order.
    pub(crate) listed: Vec<u64>,
    /// In the orphan file.
    pub(crate) filed: Vec<u64>,
    all: HashSet<u64>,
    /// Why the list or the file could not be followed to its end.
    pub(crate) trouble: Vec<String>,
}

impl Orphans {
    pub(crate) fn find(volume: &Volume) -> Self {
        let mut orphans = Self::default();
        orphans.follow(volume);
        orphans.read_file(volume);
        orphans.all = orphans.listed.iter().chain(&orphans.filed).copied().collect();
        orphans
    }

    pub(crate) fn contains(&self, inode: u64) -> bool {
        self.all.contains(&inode)
    }

    fn follow(&mut self, volume: &Volume) {
        let mut seen = HashSet::new();
        let mut next = volume.superblock.last_orphan;
        while next != 0 && self.listed.len() < KEPT {
            if !seen.insert(next) {
                return self.trouble.push(format!("the list comes back to inode {next}"));
            }
            match volume.inode(next) {
                Ok(inode) => {
                    self.listed.push(next);
                    next = inode.dtime.into();
                }
                Err(error) => return self.trouble.push(format!("the list leads to inode {next}: {error}")),
            }
        }
    }

    fn read_file(&mut self, volume: &Volume) {
        const STRUCTURE: &str = "orphan file";
        let number = volume.superblock.orphan_file;
        if number == 0 {
            return;
        }
        let file = match volume.inode(number) {
            Ok(file) => file,
            Err(error) => return self.trouble.push(format!("the orphan file: {error}")),
        };
        for piece in Pieces::new(volume, &file, 0) {
            match piece.spot {
                Ok(Spot::Stored(start)) => {
                    for block in start..start.saturating_add(piece.blocks) {
                        match volume.block(block, STRUCTURE, Some(number)) {
                            Ok(bytes) => self.take_numbers(volume, &bytes),
                            Err(error) => self.trouble.push(error.to_string()),
                        }
                        if self.filed.len() >= KEPT || self.trouble.len() >= TOLD {
                            return;
                        }
                    }
                }
                Ok(Spot::Unwritten(_) | Spot::Hole) => {}
                Err(error) => self.trouble.push(error.to_string()),
            }
        }
    }

    fn take_numbers(&mut self, volume: &Volume, block: &[u8]) {
        let numbers = block.get(..block.len().saturating_sub(TAIL)).unwrap_or_default();
        let numbers = numbers.chunks_exact(4).filter_map(|number| u32_le(number, 0)).map(u64::from);
        self.filed.extend(numbers.filter(|number| *number > 0 && *number <= volume.superblock.inodes));
    }
}
