//! Directories: blocks full of entries, each of which says how far away the next is; little-endian.
//!
//! | field | at |
//! | --- | --- |
//! | inode (0: free), length of the entry, length of the name, type, name | 0, 4, 6, 7, 8 |
//!
//! Without the feature filetype the length of the name has 16 bits. The nodes of a hash tree and the checksum at the end of
//! a block look like free entries. A directory with inline data has the number of its parent in the first four bytes of its
//! map of blocks, and entries behind that and in the attribute `system.data`, without `.` and `..`.
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/directory.rst and inlinedata.rst.

use super::cache::Bytes;
use super::entry_names::{ELSEWHERE, Judge};
use super::features::{flag, incompatible};
use super::inode::Inode;
use super::map::{Pieces, Spot};
use super::sums;
use super::volume::Volume;
use super::xattr;
use crate::{Entry, EntryState, FsError, NodeType};
use kanshiki_image::bytes::{length, u16_le, u32_le};
use std::collections::VecDeque;

/// Bytes of an entry before its name.
pub(crate) const ENTRY: usize = 8;

/// Bytes of a directory that hold entries, one after the other, from their first to their last byte.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) bytes: Bytes,
    /// Where they lie, in bytes of the volume.
    pub(crate) offset: u64,
    /// The number of the block in the directory.
    pub(crate) number: u64,
    /// Whether the directory still reaches this far.
    pub(crate) live: bool,
}

/// An entry as it lies in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Raw {
    /// Where it begins in the block.
    pub(crate) at: usize,
    pub(crate) inode: u32,
    /// Its length, up to the next entry.
    pub(crate) length: usize,
    pub(crate) name_length: usize,
    /// The type as stored, where entries keep one.
    pub(crate) file_type: Option<u8>,
}

/// How entries look in a filesystem.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    pub(crate) types: bool,
    /// Bits of the type that are one.
    pub(crate) type_bits: u8,
    pub(crate) block_length: usize,
}

impl Form {
    pub(crate) fn of(volume: &Volume) -> Self {
        Self {
            types: volume.superblock.has_incompatible(incompatible::FILETYPE),
            type_bits: if volume.superblock.has_incompatible(incompatible::DIRDATA) { 0x0f } else { 0xff },
            block_length: volume.block_length(),
        }
    }

    /// The entry at `at`, unchecked; `None` past the end.
    pub(crate) fn read(&self, bytes: &[u8], at: usize) -> Option<Raw> {
        let entry = bytes.get(at..)?;
        let (inode, stored) = (u32_le(entry, 0)?, u16_le(entry, 4)?);
        let (name_length, file_type) = if self.types {
            (usize::from(*entry.get(6)?), Some(*entry.get(7)?))
        } else {
            (usize::from(u16_le(entry, 6)?), None)
        };
        let file_type = file_type.map(|stored| stored & self.type_bits);
        Some(Raw { at, inode, length: self.length(stored), name_length, file_type })
    }

    /// The length of an entry. In blocks of 64 KiB the whole block is 65535 or 0, and the lowest two bits are the highest.
    ///
    /// Source: Linux 6.12, fs/ext4/ext4.h (`ext4_rec_len_from_disk`).
    pub(crate) fn length(&self, stored: u16) -> usize {
        if self.block_length < 65_536 {
            return stored.into();
        }
        if stored == u16::MAX || stored == 0 {
            return self.block_length;
        }
        let high = if stored & 3 == 0 { 0 } else { usize::from(stored & 3).saturating_mul(65_536) };
        usize::from(stored & 0xfffc) | high
    }
}

/// The entries of a block, one after the other.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) block: Block,
    pub(crate) form: Form,
    inode: u64,
    at: usize,
}

impl Scan {
    pub(crate) fn new(block: Block, form: Form, inode: u64) -> Self {
        Self { block, form, inode, at: 0 }
    }

    fn damaged(&mut self, detail: String) -> FsError {
        let offset = self.block.offset.saturating_add(length(self.at));
        self.at = usize::MAX;
        FsError::Damaged { structure: "directory entry", inode: Some(self.inode), offset, detail }
    }

    /// The name of an entry of this block.
    pub(crate) fn name(&self, raw: Raw) -> Option<&[u8]> {
        let start = raw.at.checked_add(ENTRY)?;
        self.block.bytes.get(start..start.checked_add(raw.name_length)?)
    }
}

impl Iterator for Scan {
    type Item = Result<Raw, FsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let left = self.block.bytes.len().checked_sub(self.at).filter(|left| *left > 0)?;
        let Some(raw) = self.form.read(&self.block.bytes, self.at) else {
            return Some(Err(self.damaged(format!("{left} bytes are left, too few for an entry"))));
        };
        let Raw { length, name_length, .. } = raw;
        if length < ENTRY || length % 4 != 0 || length > left {
            return Some(Err(self.damaged(format!("length {length} where {left} bytes are left"))));
        }
        if name_length.saturating_add(ENTRY) > length && raw.inode != 0 {
            return Some(Err(self.damaged(format!("a name of {name_length} bytes in an entry of {length}"))));
        }
        self.at = self.at.saturating_add(length);
        Some(Ok(raw))
    }
}

/// Blocks behind the end of a directory that are looked at. A directory that was made shorter may have some.
const BEHIND: u64 = 1 << 16;

/// The blocks of a directory in order.
#[derive(Debug)]
pub(crate) struct Blocks<'a> {
    volume: &'a Volume,
    inode: u64,
    /// The inode, where blocks have checksums that depend on it.
    summed: Option<Inode>,
    pieces: Pieces<'a>,
    /// The number of blocks that the directory says to have.
    count: u64,
    /// The number of blocks that are looked at.
    until: u64,
    /// What is left of a piece: block of the directory, block of the volume, how many.
    row: (u64, u64, u64),
    /// The parts of a directory with inline data, which has no blocks.
    held: VecDeque<Block>,
    /// Whether there is nothing but `held`, or all is done.
    is_done: bool,
}

impl<'a> Blocks<'a> {
    /// The blocks, also those behind the end, as far as they are looked at.
    pub(crate) fn new(volume: &'a Volume, inode: &Inode) -> Self {
        Self::and_behind(volume, inode, BEHIND)
    }

    /// The blocks up to the end.
    pub(crate) fn live(volume: &'a Volume, inode: &Inode) -> Self {
        Self::and_behind(volume, inode, 0)
    }

    fn and_behind(volume: &'a Volume, inode: &Inode, behind: u64) -> Self {
        let count = inode.size.div_ceil(volume.superblock.block_bytes.max(1));
        let until = count.saturating_add(behind);
        let inline = inode.has(flag::INLINE_DATA);
        let held = if inline { inline_parts(inode) } else { VecDeque::new() };
        // Blocks behind what is looked at are told, so the map is asked for them too.
        let pieces = Pieces::between(volume, inode, 0, if behind == 0 { until } else { u64::MAX });
        let summed = volume.superblock.checksums().then(|| inode.clone());
        Self { volume, inode: inode.number, summed, pieces, count, until, row: (0, 0, 0), held, is_done: inline }
    }

    /// Notices a wrong checksum.
    fn look_at_sum(&self, block: &Block) {
        let (volume, length) = (self.volume, self.volume.block_length());
        let Some(inode) = self.summed.as_ref().filter(|_| block.live) else { return };
        if let Some((structure, wrong)) = sums::directory_block(&volume.superblock, length, inode, block) {
            volume.noticed.add(structure, Some(self.inode), block.offset, wrong);
        }
    }

    /// Ends before the block `number`, which is `block` of the volume; the damage, if blocks behind the end are looked at.
    fn stop(&mut self, number: u64, block: u64) -> Option<Result<Block, FsError>> {
        self.is_done = true;
        let detail = format!("it has blocks from block {number} on, far behind its end, that are not looked at");
        let offset = self.volume.superblock.offset_of(block);
        let damage = FsError::Damaged { structure: "directory", inode: Some(self.inode), offset, detail };
        (self.until > self.count).then_some(Err(damage))
    }
}

/// The two parts of a directory with inline data.
fn inline_parts(inode: &Inode) -> VecDeque<Block> {
    let mut parts = VecDeque::new();
    let map = inode.bytes.part(44, 56);
    parts.extend(map.map(|bytes| Block { bytes, offset: inode.offset.saturating_add(44), number: 0, live: true }));
    let rest = xattr::inline_rest(inode);
    parts.extend(rest.map(|rest| Block { bytes: rest.bytes, offset: rest.offset, number: 1, live: true }));
    parts
}

impl Iterator for Blocks<'_> {
    type Item = Result<Block, FsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(block) = self.held.pop_front() {
            return Some(Ok(block));
        }
        if self.is_done {
            return None;
        }
        loop {
            let (number, block, left) = self.row;
            if left > 0 && number >= self.until {
                return self.stop(number, block);
            }
            if left > 0 {
                self.row = (number.saturating_add(1), block.saturating_add(1), left.saturating_sub(1));
                let read = self.volume.block(block, "directory block", Some(self.inode));
                let offset = self.volume.superblock.offset_of(block);
                let live = number < self.count;
                return Some(read.map(|bytes| {
                    let block = Block { bytes, offset, number, live };
                    self.look_at_sum(&block);
                    block
                }));
            }
            let piece = self.pieces.next()?;
            let detail = match piece.spot {
                Ok(Spot::Stored(block)) => {
                    self.row = (piece.start, block, piece.blocks);
                    continue;
                }
                Ok(Spot::Unwritten(_)) => "blocks of it were never written",
                Ok(Spot::Hole) => "it has a hole",
                Err(error) => return Some(Err(error)),
            };
            let detail = format!("{detail}: {} blocks from block {} on", piece.blocks, piece.start);
            let structure = "directory";
            return Some(Err(FsError::Damaged { structure, inode: Some(self.inode), offset: 0, detail }));
        }
    }
}

/// The raw entries in use of a directory's blocks, in the order in which they lie there.
#[derive(Debug)]
pub(crate) struct Live<'a> {
    blocks: Blocks<'a>,
    form: Form,
    scan: Option<Scan>,
    /// The place of the next entry in the directory: 0 and 1 where `.` and `..` belong.
    place: u32,
}

impl<'a> Live<'a> {
    pub(crate) fn new(volume: &'a Volume, inode: &Inode) -> Self {
        let place = if inode.has(flag::INLINE_DATA) { ELSEWHERE } else { 0 };
        Self { blocks: Blocks::live(volume, inode), form: Form::of(volume), scan: None, place }
    }

    /// The next entry with its place.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<Result<(Raw, u32), FsError>> {
        loop {
            if let Some(scan) = &mut self.scan {
                let place = self.place;
                match scan.next() {
                    Some(Ok(raw)) => {
                        self.place = place.saturating_add(1).min(ELSEWHERE);
                        if raw.inode != 0 {
                            return Some(Ok((raw, place)));
                        }
                        continue;
                    }
                    Some(Err(error)) => return Some(Err(error)),
                    None => self.scan = None,
                }
            }
            match self.blocks.next()? {
                Ok(block) if block.live => {
                    self.place = if block.number == 0 { self.place } else { ELSEWHERE };
                    self.scan = Some(Scan::new(block, self.form, self.blocks.inode));
                }
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The name of the entry that was given last.
    pub(crate) fn name(&self, raw: Raw) -> Option<&[u8]> {
        self.scan.as_ref()?.name(raw)
    }

    /// Where the entry that was given last lies, in bytes of the volume.
    pub(crate) fn offset(&self, raw: Raw) -> u64 {
        let block = self.scan.as_ref().map_or(0, |scan| scan.block.offset);
        block.saturating_add(length(raw.at))
    }
}

/// The entries of a directory in the order in which they lie there.
#[derive(Debug)]
pub(crate) struct Children<'a> {
    live: Live<'a>,
    /// Tells of names that are none, and of those that stand there twice; `None` if nobody wants to know.
    judge: Option<Judge<'a>>,
    /// `.` and `..` of a directory that does not store them.
    dots: VecDeque<Entry>,
}

impl<'a> Children<'a> {
    /// The entries, with what is wrong with their names.
    pub(crate) fn new(volume: &'a Volume, inode: &Inode) -> Self {
        Self { judge: Some(Judge::new(volume, inode)), ..Self::unjudged(volume, inode) }
    }

    /// The entries alone: damage is told where one cannot be read.
    pub(crate) fn unjudged(volume: &'a Volume, inode: &Inode) -> Self {
        let dots = if inode.has(flag::INLINE_DATA) { dots(inode) } else { VecDeque::new() };
        Self { live: Live::new(volume, inode), judge: None, dots }
    }
}

fn dots(inode: &Inode) -> VecDeque<Entry> {
    let offset = inode.map_offset();
    let dot = |name: &[u8], inode| Entry {
        name: name.to_vec(),
        inode,
        node_type: Some(NodeType::Directory),
        state: EntryState::Live,
        offset,
    };
    [dot(b".", inode.number), dot(b"..", inode.u32(40).into())].into()
}

impl Iterator for Children<'_> {
    type Item = Result<Entry, FsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(dot) = self.dots.pop_front() {
            return Some(Ok(dot));
        }
        if let Some(wrong) = self.judge.as_mut().and_then(Judge::take) {
            return Some(Err(*wrong));
        }
        let (raw, place) = match self.live.next() {
            Some(Ok(found)) => found,
            Some(Err(error)) => return Some(Err(error)),
            None => return self.judge.as_mut()?.next_repeated().map(Err),
        };
        let entry = entry(self.live.scan.as_ref()?, raw, EntryState::Live);
        if let Some(judge) = &mut self.judge {
            judge.look(&entry, place);
        }
        Some(Ok(entry))
    }
}

/// An entry for the view of all filesystems.
#[inline]
pub(crate) fn entry(scan: &Scan, raw: Raw, state: EntryState) -> Entry {
    Entry {
        name: scan.name(raw).unwrap_or_default().to_vec(),
        inode: raw.inode.into(),
        node_type: raw.file_type.map(node_type),
        state,
        offset: scan.block.offset.saturating_add(length(raw.at)),
    }
}

/// The type that an entry says.
///
/// Source: Linux 6.12, include/linux/fs_types.h.
pub(crate) fn node_type(stored: u8) -> NodeType {
    match stored {
        1 => NodeType::File,
        2 => NodeType::Directory,
        3 => NodeType::CharacterDevice,
        4 => NodeType::BlockDevice,
        5 => NodeType::Fifo,
        6 => NodeType::Socket,
        7 => NodeType::Symlink,
        _ => NodeType::Unknown,
    }
}
