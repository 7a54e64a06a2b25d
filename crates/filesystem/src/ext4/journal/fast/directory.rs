//! Names in the blocks of a directory, added and removed.

use super::edit::{low_and_high, put};
use crate::ext4::checksum::crc32c;
use kanshiki_image::bytes::{u16_le, u32_le};

const ENTRY_BYTES: usize = 8;
const TAIL_BYTES: usize = 12;
const TAIL_TYPE: u8 = 0xde;

/// How entries look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// Whether entries hold the type of what they name.
    pub(super) types: bool,
    /// Whether blocks end with a checksum.
    pub(super) checksums: bool,
    pub(super) block_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    at: usize,
    inode: u32,
    length: usize,
    name: usize,
}

impl Form {
    /// The length of an entry as stored: 16 bits, of which the two lowest are those above, or a mark for 64 KiB.
    ///
    /// Source: Linux 6.18, `fs/ext4/ext4.h`, `ext4_rec_len_from_disk`.
    fn length(self, stored: u16) -> usize {
        if self.block_bytes < 65_536 {
            return stored.into();
        }
        if stored == u16::MAX || stored == 0 { self.block_bytes } else { usize::from(stored & 0xfffc) }
    }

    fn stored(length: usize) -> [u8; 2] {
        u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes()
    }

    fn entry(self, entries: &[u8], at: usize) -> Option<Found> {
        let entry = entries.get(at..)?;
        let (inode, length) = (u32_le(entry, 0)?, self.length(u16_le(entry, 4)?));
        let name = if self.types { usize::from(*entry.get(6)?) } else { usize::from(u16_le(entry, 6)?) };
        let fits = length >= ENTRY_BYTES && length % 4 == 0 && length <= entry.len();
        (fits && name.saturating_add(ENTRY_BYTES) <= length).then_some(Found { at, inode, length, name })
    }

    /// The entries up to the end, or up to the first that is damaged.
    fn all(self, entries: &[u8]) -> impl Iterator<Item = Found> + '_ {
        let mut at = 0_usize;
        std::iter::from_fn(move || {
            let found = self.entry(entries, at)?;
            at = at.saturating_add(found.length);
            Some(found)
        })
    }

    /// The part of a block that holds entries: all but its checksum.
    pub(super) fn entries(self, block: &mut [u8]) -> &mut [u8] {
        let end = if self.has_tail(block) { block.len().saturating_sub(TAIL_BYTES) } else { block.len() };
        block.get_mut(..end).unwrap_or_default()
    }

    fn has_tail(self, block: &[u8]) -> bool {
        let tail = block.get(block.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
        self.checksums && tail.get(..8) == Some(&[0, 0, 0, 0, 12, 0, 0, TAIL_TYPE])
    }

    /// The inode that a name leads to.
    pub(super) fn find(self, entries: &[u8], name: &[u8]) -> Option<u32> {
        self.place(entries, name).map(|(_, found)| found.inode)
    }

    /// The entry of a name, and the one before it.
    fn place(self, entries: &[u8], name: &[u8]) -> Option<(Option<Found>, Found)> {
        let mut before = None;
        for found in self.all(entries) {
            let start = found.at.saturating_add(ENTRY_BYTES);
            if found.inode != 0 && entries.get(start..start.saturating_add(found.name)) == Some(name) {
                return Some((before, found));
            }
            before = Some(found);
        }
        None
    }

    /// Removes a name; what it was stays in the room that the entry before it takes over.
    pub(super) fn remove(self, entries: &mut [u8], name: &[u8]) {
        let Some((before, found)) = self.place(entries, name) else { return };
        match before {
            Some(before) => {
                let length = before.length.saturating_add(found.length);
                put(entries, before.at.saturating_add(4), &Self::stored(length));
            }
            None => put(entries, found.at, &[0; 4]),
        }
    }

    /// Adds a name where there is room; whether there was.
    pub(super) fn add(self, entries: &mut [u8], name: &[u8], inode: u64, file_type: u8) -> bool {
        let needed = entry_bytes(name.len());
        let room = self.all(entries).find_map(|found| {
            let taken = if found.inode == 0 { 0 } else { entry_bytes(found.name) };
            let free = found.length.checked_sub(taken).filter(|free| *free >= needed)?;
            Some((found.at, taken, free))
        });
        let Some((at, taken, free)) = room else { return false };
        let start = at.saturating_add(taken);
        if taken > 0 {
            put(entries, at.saturating_add(4), &Self::stored(taken));
        }
        put(entries, start.saturating_add(4), &Self::stored(free));
        let (number, _) = low_and_high(inode);
        put(entries, start, &number.to_le_bytes());
        let length = u16::try_from(name.len()).unwrap_or_default();
        let [low, high] = length.to_le_bytes();
        put(entries, start.saturating_add(6), &[low, if self.types { file_type } else { high }]);
        put(entries, start.saturating_add(ENTRY_BYTES), name);
        true
    }

    /// A block with one free entry.
    pub(super) fn empty(self) -> Vec<u8> {
        let mut block = vec![0; self.block_bytes];
        self.close(&mut block);
        let length = self.entries(&mut block).len();
        put(&mut block, 4, &Self::stored(length));
        block
    }

    /// The first block of a new directory.
    pub(super) fn new_directory(self, inode: u64, parent: u64) -> Vec<u8> {
        let mut block = self.empty();
        let entries = self.entries(&mut block);
        self.add(entries, b".", inode, 2);
        self.add(entries, b"..", parent, 2);
        block
    }

    /// Puts the frame of a checksum at the end of a block.
    fn close(self, block: &mut [u8]) {
        if self.checksums {
            let at = block.len().saturating_sub(TAIL_BYTES);
            put(block, at, &[0, 0, 0, 0, 12, 0, 0, TAIL_TYPE, 0, 0, 0, 0]);
        }
    }

    /// Makes a block of a hash index one of entries, with room for the checksum that those have: its last entry reaches to
    /// the end of the block. Other blocks stay as they are; whether this one was changed.
    pub(super) fn leave_index(self, block: &mut [u8], is_root: bool) -> bool {
        let last = match self.entry(block, 0) {
            Some(found) if found.inode == 0 && found.length == self.block_bytes => Some(found),
            _ if is_root => {
                self.all(block).nth(1).filter(|found| found.at.checked_add(found.length) == Some(self.block_bytes))
            }
            _ => None,
        };
        let Some(last) = last.filter(|_| self.checksums) else { return false };
        let Some(length) = last.length.checked_sub(TAIL_BYTES) else { return false };
        put(block, last.at.saturating_add(4), &Self::stored(length));
        self.close(block);
        true
    }

    /// Sets the checksum at the end of a block, if it has one.
    pub(super) fn sum(self, block: &mut [u8], seed: u32) {
        if self.has_tail(block) {
            let at = block.len().saturating_sub(TAIL_BYTES);
            let sum = crc32c(seed, block.get(..at).unwrap_or_default());
            put(block, block.len().saturating_sub(4), &sum.to_le_bytes());
        }
    }
}

/// What an entry with a name of this length takes.
fn entry_bytes(name: usize) -> usize {
    name.saturating_add(ENTRY_BYTES).next_multiple_of(4)
}

/// The type in an entry for a mode.
///
/// Source: Linux 6.18, `include/linux/fs_types.h`.
pub(super) const fn file_type(mode: u16) -> u8 {
    match mode & 0o170_000 {
        0o100_000 => 1,
        0o040_000 => 2,
        0o020_000 => 3,
        0o060_000 => 4,
        0o010_000 => 5,
        0o140_000 => 6,
        0o120_000 => 7,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Form = Form { types: true, checksums: true, block_bytes: 1024 };

    fn names(block: &mut [u8]) -> Vec<(String, u32)> {
        let entries = FORM.entries(block);
        let used = FORM.all(entries).filter(|found| found.inode != 0);
        used.map(|found| (String::from_utf8(entries[found.at + 8..][..found.name].to_vec()).unwrap(), found.inode))
            .collect()
    }

    #[test]
    fn names_are_added_where_there_is_room_and_removed_again() {
        let mut block = FORM.new_directory(12, 2);
        assert!(FORM.add(FORM.entries(&mut block), b"hello", 13, 1));
        assert_eq!(block[24..40], [13, 0, 0, 0, 0xdc, 3, 5, 1, b'h', b'e', b'l', b'l', b'o', 0, 0, 0]);
        assert_eq!(FORM.find(FORM.entries(&mut block), b"hello"), Some(13));
        FORM.remove(FORM.entries(&mut block), b"..");
        assert!(FORM.add(FORM.entries(&mut block), b"x", 14, 1));
        assert_eq!(names(&mut block), [(".".into(), 12), ("x".into(), 14), ("hello".into(), 13)]);
        FORM.remove(FORM.entries(&mut block), b".");
        assert_eq!(names(&mut block), [("x".into(), 14), ("hello".into(), 13)]);
    }

    #[test]
    fn a_full_block_takes_no_name() {
        let mut block = FORM.empty();
        let count =
            (0..1000).take_while(|index| FORM.add(FORM.entries(&mut block), format!("{index:04}").as_bytes(), 9, 1));
        assert_eq!(count.count(), 1012 / 12);
        assert_eq!(block[1012..1020], [0, 0, 0, 0, 12, 0, 0, 0xde]);
    }

    #[test]
    fn blocks_of_an_index_become_blocks_of_entries() {
        let mut node = vec![0; 1024];
        node[4..6].copy_from_slice(&1024_u16.to_le_bytes());
        assert!(FORM.leave_index(&mut node, false));
        assert_eq!((node[4..6].to_vec(), FORM.has_tail(&node)), (1012_u16.to_le_bytes().to_vec(), true));
        let mut root = Form { checksums: false, ..FORM }.new_directory(12, 2);
        assert!(FORM.leave_index(&mut root, true));
        assert_eq!(root[16..18], 1000_u16.to_le_bytes());
        assert!(!FORM.leave_index(&mut FORM.empty(), false));
    }
}
