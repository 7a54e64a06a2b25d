//! The maps of ext2 and ext3: 15 numbers of blocks of 32 bits each. 12 are of content; the next three are of blocks full of
//! numbers, of blocks full of numbers of such blocks, and once more. 0 is a hole.
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/ifork.rst, "Direct/Indirect Block Addressing".

use super::{GoneInto, MapBlock, Piece, Spot, TOO_MANY, budget};
use crate::FsError;
use crate::ext4::cache::Bytes;
use crate::ext4::inode::Inode;
use crate::ext4::volume::Volume;
use kanshiki_image::bytes::{length, u32_le};

const DIRECT: u64 = 12;

/// Numbers that are being gone through.
#[derive(Debug)]
struct Level {
    numbers: Bytes,
    /// Where they lie, in bytes of the volume.
    offset: u64,
    /// How many levels of numbers lie below each of these; of the inode's own numbers, that of the first twelve.
    below: u32,
    root: bool,
    next: u64,
}

impl Level {
    fn count(&self) -> u64 {
        length(self.numbers.len()) / 4
    }

    fn number(&self, index: u64) -> Option<u64> {
        let at = usize::try_from(index.checked_mul(4)?).ok()?;
        u32_le(&self.numbers, at).map(u64::from)
    }

    /// How many of the next numbers are 0 and have as many levels below them as the first; in steps, so that blocks that
    /// hold nothing else are passed quickly.
    fn zeroes(&self) -> u64 {
        const STEP: u64 = 16;
        let bytes = usize::try_from(self.next.saturating_mul(4)).ok().and_then(|at| self.numbers.get(at..));
        let Some(bytes) = bytes.filter(|_| !self.root) else { return 0 };
        let (steps, _) = bytes.as_chunks::<64>();
        length(steps.iter().take_while(|step| **step == [0; 64]).count()).saturating_mul(STEP)
    }

    /// The levels below a number.
    fn below(&self, index: u64) -> u32 {
        if self.root { u32::try_from(index.saturating_add(1).saturating_sub(DIRECT)).unwrap_or(0) } else { self.below }
    }
}

/// The blocks of a file from a block on, in order, those in a row put together.
#[derive(Debug)]
pub(crate) struct Indirect<'a> {
    volume: &'a Volume,
    inode: u64,
    levels: Vec<Level>,
    from: u64,
    until: u64,
    gone_into: GoneInto,
    /// The block of the file for which the next number is.
    at: u64,
    /// Blocks that may still be gone through: no file has more than the volume.
    budget: u64,
    pub(super) record: bool,
    pub(super) map_blocks: Vec<MapBlock>,
}

impl<'a> Indirect<'a> {
    pub(crate) fn new(volume: &'a Volume, inode: &Inode, from: u64, until: u64) -> Self {
        let root =
            inode.map().map(|numbers| Level { numbers, offset: inode.map_offset(), below: 0, root: true, next: 0 });
        let levels = root.into_iter().collect();
        Self {
            volume,
            inode: inode.number,
            levels,
            from,
            until,
            gone_into: GoneInto::default(),
            at: 0,
            budget: budget(volume),
            record: false,
            map_blocks: Vec::new(),
        }
    }

    /// Blocks of the file below a number with so many levels below it.
    fn span(&self, below: u32) -> u64 {
        (self.volume.superblock.block_bytes / 4).saturating_pow(below)
    }

    /// A number of a block of content, with those that follow it in a row.
    fn run(&mut self, first: u64) -> Option<Piece> {
        let start = self.at;
        let level = self.levels.last_mut()?;
        let limit = if level.root { DIRECT } else { level.count() };
        let offset = level.offset.saturating_add(level.next.saturating_mul(4));
        let superblock = &self.volume.superblock;
        if !superblock.holds_block(first) {
            level.next = level.next.saturating_add(1);
            self.at = start.saturating_add(1);
            let detail = format!("block {first} lies outside the filesystem of {} blocks", superblock.blocks);
            let spot = Err(FsError::Damaged { structure: "block map", inode: Some(self.inode), offset, detail });
            return Some(Piece { start, blocks: 1, spot });
        }
        let room = superblock.blocks.saturating_sub(first);
        let mut blocks = 0_u64;
        while blocks < room && level.next < limit && level.number(level.next) == first.checked_add(blocks) {
            blocks = blocks.saturating_add(1);
            level.next = level.next.saturating_add(1);
        }
        self.at = start.saturating_add(blocks);
        self.budget = self.budget.saturating_sub(blocks);
        Some(Piece { start, blocks, spot: Ok(Spot::Stored(first)) })
    }

    /// Goes into a block of numbers, to which the number at `offset` leads; the damage if that is not possible.
    fn descend(&mut self, block: u64, below: u32, offset: u64) -> Option<Piece> {
        if let Err(detail) = self.gone_into.enter(block) {
            return Some(self.again(below, offset, detail));
        }
        // A block that cannot be read is the file's all the same.
        if self.record && self.volume.superblock.holds_block(block) {
            self.map_blocks.push(MapBlock { block, level: below, start: self.at });
        }
        match self.volume.block(block, "indirect block", Some(self.inode)) {
            Ok(numbers) => {
                self.budget = self.budget.saturating_sub(1);
                let offset = self.volume.superblock.offset_of(block);
                self.levels.push(Level { numbers, offset, below: below.saturating_sub(1), root: false, next: 0 });
                None
            }
            Err(error) => Some(self.lose(1, below, error)),
        }
    }

    /// A number that leads where another led, with those behind it that do so too: a block full of them is damaged once.
    fn again(&mut self, below: u32, offset: u64, mut detail: String) -> Piece {
        let mut more = 0_u64;
        while let Some(level) = self.levels.last_mut().filter(|level| !level.root)
            && level.number(level.next).is_some_and(|number| number != 0 && self.gone_into.holds(number))
        {
            level.next = level.next.saturating_add(1);
            more = more.saturating_add(1);
        }
        if more > 0 {
            detail.push_str(&format!(", and so it is with {more} more behind it"));
        }
        let error = FsError::Damaged { structure: "block map", inode: Some(self.inode), offset, detail };
        self.lose(more.saturating_add(1), below, error)
    }

    /// Blocks of the file that cannot be told: those below so many numbers.
    fn lose(&mut self, numbers: u64, below: u32, error: FsError) -> Piece {
        let start = self.at;
        let blocks = self.span(below).saturating_mul(numbers);
        self.at = start.saturating_add(blocks);
        Piece { start, blocks, spot: Err(error) }
    }
}

impl Iterator for Indirect<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            let at = self.at;
            let level = self.levels.last()?;
            if at >= self.until {
                self.levels.clear();
                return None;
            }
            if self.budget == 0 {
                let offset = level.offset;
                self.levels.clear();
                let detail = TOO_MANY.to_owned();
                let spot = Err(FsError::Damaged { structure: "block map", inode: Some(self.inode), offset, detail });
                // Twelve numbers and three levels reach no further.
                let blocks = self.span(3).saturating_mul(2).saturating_sub(at);
                return Some(Piece { start: at, blocks, spot });
            }
            let Some(number) = level.number(level.next) else {
                self.levels.pop();
                continue;
            };
            let below = level.below(level.next);
            let span = self.span(below);
            let zeroes = level.zeroes();
            if zeroes > 0 {
                let level = self.levels.last_mut()?;
                level.next = level.next.saturating_add(zeroes);
                self.at = at.saturating_add(span.saturating_mul(zeroes));
                continue;
            }
            let offset = level.offset.saturating_add(level.next.saturating_mul(4));
            let wanted = at.saturating_add(span) > self.from;
            if number != 0 && wanted && below == 0 {
                return self.run(number);
            }
            let level = self.levels.last_mut()?;
            level.next = level.next.saturating_add(1);
            if number == 0 || !wanted {
                self.at = at.saturating_add(span);
            } else if let Some(damage) = self.descend(number, below, offset) {
                return Some(damage);
            }
        }
    }
}
