//! The second and third pass: what was revoked, and which copy of each block counts.

use super::blocks::{Kind, Tag};
use super::scan::{Reach, Walk, at_or_after, scan};
use super::{JournalError, Log};
use std::ops::Range;

/// Something that went wrong without ending the replay. Places are in blocks of the journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The commit block of this transaction has a wrong checksum: the log ends before it.
    #[error("the commit block of transaction {transaction} has a wrong checksum; the log ends before it")]
    Commit {
        /// The transaction.
        transaction: u32,
    },
    /// A copy has a wrong checksum and was left out.
    #[error("the copy of block {block} in block {place} of the journal has a wrong checksum, and was left out")]
    Checksum {
        /// The block of the volume.
        block: u64,
        /// Where the copy lies.
        place: u64,
    },
    /// A copy could not be read and was left out.
    #[error("the copy of block {block} in block {place} of the journal cannot be read, and was left out")]
    Unreadable {
        /// The block of the volume.
        block: u64,
        /// Where the copy lies.
        place: u64,
    },
    /// A copy of a block that the volume does not have was left out.
    #[error("a copy of block {block}, which lies outside the volume, was left out")]
    Outside {
        /// The block.
        block: u64,
    },
}

/// How many problems are kept; the rest are only counted.
const MAX_PROBLEMS: usize = 100;

/// What a replay would write.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// The sequence numbers of the transactions; the end is excluded and does not wrap.
    pub transactions: Range<u64>,
    /// What went wrong on the way, the first of it.
    pub problems: Vec<Problem>,
    /// How many problems there are in all.
    pub problem_count: u64,
    /// How many copies were revoked.
    pub revoked: u64,
    /// The copies, one a block, in ascending order of blocks.
    pub(super) copies: Vec<Copy>,
    /// The transaction after the last: the one that fast commits belong to.
    pub(super) end: u32,
}

/// The newest copy of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copy {
    /// The block of the volume.
    pub(super) block: u64,
    /// Where the copy lies, in blocks of the journal, below [`Self::ESCAPED`]; with that bit, the copy is escaped.
    place: u32,
    /// Its transaction.
    sequence: u32,
}

impl Copy {
    /// A journal has fewer blocks than this.
    const ESCAPED: u32 = 1 << 31;

    fn new(tag: Tag, place: u64, sequence: u32) -> Option<Self> {
        let place = u32::try_from(place).ok().filter(|place| place & Self::ESCAPED == 0)?;
        let mark = if tag.escaped { Self::ESCAPED } else { 0 };
        Some(Self { block: tag.block, place: place | mark, sequence })
    }

    pub(super) const fn place(self) -> u32 {
        self.place & !Self::ESCAPED
    }

    pub(super) const fn escaped(self) -> bool {
        self.place & Self::ESCAPED != 0
    }
}

impl Replay {
    /// How many blocks of the volume differ from the disk, or may differ.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        u64::try_from(self.copies.len()).unwrap_or(u64::MAX)
    }

    fn problem(&mut self, problem: Problem) {
        self.problem_count = self.problem_count.saturating_add(1);
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

impl Log {
    /// Works out what a replay would write. An empty journal gives an empty replay.
    ///
    /// # Errors
    ///
    /// [`JournalError`] where the kernel and e2fsck would write nothing at all: a block of the log that cannot be read, or
    /// a descriptor or revocation block of a whole transaction that is damaged.
    pub fn replay(&self) -> Result<Replay, JournalError> {
        let Some(start) = self.superblock.start else {
            return Ok(Replay { end: self.superblock.sequence, ..Replay::default() });
        };
        let reach = scan(self, start)?;
        let first = u64::from(reach.first);
        let count = u64::from(reach.end.wrapping_sub(reach.first));
        let mut replay =
            Replay { transactions: first..first.saturating_add(count), end: reach.end, ..Replay::default() };
        if let Some(transaction) = reach.failed {
            replay.problem(Problem::Commit { transaction });
        }
        let pass = Pass { log: self, start, reach };
        replay.copies = pass.copies(&mut replay)?;
        replay.revoked = pass.drop_revoked(&mut replay.copies)?;
        pass.drop_damaged(&mut replay)?;
        pass.keep_newest(&mut replay.copies);
        Ok(replay)
    }
}

struct Pass<'a> {
    log: &'a Log,
    start: u32,
    reach: Reach,
}

impl Pass<'_> {
    /// Calls `visit` at each descriptor and revocation block of the transactions that count.
    fn walk(&self, mut visit: impl FnMut(Kind, &mut Walk<'_>) -> Result<(), JournalError>) -> Result<(), JournalError> {
        let mut walk = Walk::new(self.log, self.start);
        while !at_or_after(walk.sequence, self.reach.end) {
            match walk.read()? {
                None | Some(Kind::Other) => break,
                Some(Kind::Commit) => walk.sequence = walk.sequence.wrapping_add(1),
                Some(kind) => visit(kind, &mut walk)?,
            }
        }
        Ok(())
    }

    /// Calls `visit` with each copy: tag, place and transaction.
    fn each_copy(&self, mut visit: impl FnMut(Tag, u64, u32) -> Result<(), JournalError>) -> Result<(), JournalError> {
        self.walk(|kind, walk| {
            if kind != Kind::Descriptor {
                return Ok(());
            }
            if !self.log.layout.tail_holds(&walk.block) {
                return Err(walk.damaged("a descriptor block with a wrong checksum"));
            }
            let block = std::mem::take(&mut walk.block);
            let result = self.log.layout.tags(&block).try_for_each(|tag| {
                let place = walk.copy();
                visit(tag, place, walk.sequence)
            });
            walk.block = block;
            result
        })
    }

    /// All copies on blocks that the volume has, sorted by block.
    fn copies(&self, replay: &mut Replay) -> Result<Vec<Copy>, JournalError> {
        let mut copies = Vec::new();
        let volume_blocks = self.log.source.len().checked_div(u64::from(self.log.place.block_bytes)).unwrap_or(0);
        self.each_copy(|tag, place, sequence| {
            match Copy::new(tag, place, sequence) {
                Some(copy) if copy.block < volume_blocks => copies.push(copy),
                _ => replay.problem(Problem::Outside { block: tag.block }),
            }
            Ok(())
        })?;
        copies.sort_unstable_by_key(|copy| (copy.block, self.order(*copy)));
        Ok(copies)
    }

    /// The place of a copy in the order of writing.
    fn order(&self, copy: Copy) -> u64 {
        let (place, start) = (u64::from(copy.place()), u64::from(self.start));
        if place >= start { place } else { place.saturating_add(u64::from(self.log.superblock.last)) }
    }

    /// Removes what was revoked in its own or a later transaction.
    fn drop_revoked(&self, copies: &mut Vec<Copy>) -> Result<u64, JournalError> {
        // The last transaction that revokes a block, at the index of the block's first copy.
        let mut latest: Vec<Option<u32>> = vec![None; copies.len()];
        self.walk(|kind, walk| {
            if kind != Kind::Revocation {
                let count = self.log.layout.tags(&walk.block).count();
                walk.skip(u64::try_from(count).unwrap_or(u64::MAX));
                return Ok(());
            }
            let Some(blocks) = self.log.layout.revoked(&walk.block) else {
                return Err(walk.damaged("its revocations are longer than a block"));
            };
            for block in blocks {
                let index = copies.partition_point(|copy| copy.block < block);
                if copies.get(index).is_none_or(|copy| copy.block != block) {
                    continue;
                }
                let Some(latest) = latest.get_mut(index) else { continue };
                *latest = latest.filter(|latest| at_or_after(*latest, walk.sequence)).or(Some(walk.sequence));
            }
            Ok(())
        })?;
        let before = copies.len();
        let (mut marks, mut last) = (latest.into_iter(), (None, None));
        copies.retain(|copy| {
            let mark = marks.next().flatten();
            if last.0 != Some(copy.block) {
                last = (Some(copy.block), mark);
            }
            last.1.is_none_or(|revoked| !at_or_after(revoked, copy.sequence))
        });
        Ok(u64::try_from(before.saturating_sub(copies.len())).unwrap_or(u64::MAX))
    }

    /// Removes copies with a wrong checksum; without checksums of copies nothing is read.
    fn drop_damaged(&self, replay: &mut Replay) -> Result<(), JournalError> {
        if !self.log.superblock.checksums.each_block() {
            return Ok(());
        }
        let mut block = self.log.buffer();
        let mut copies = std::mem::take(&mut replay.copies);
        let mut bad = Vec::new();
        self.each_copy(|tag, place, sequence| {
            let Some(copy) = Copy::new(tag, place, sequence) else { return Ok(()) };
            let order = |copy: Copy| (copy.block, self.order(copy));
            let Ok(index) = copies.binary_search_by_key(&order(copy), |copy| order(*copy)) else { return Ok(()) };
            match self.log.read(place, &mut block) {
                Ok(()) if self.log.layout.copy_holds(tag, sequence, &block) => return Ok(()),
                Ok(()) => replay.problem(Problem::Checksum { block: tag.block, place }),
                Err(_) => replay.problem(Problem::Unreadable { block: tag.block, place }),
            }
            bad.push(index);
            Ok(())
        })?;
        bad.sort_unstable();
        let mut index = 0_usize;
        copies.retain(|_| {
            let kept = bad.binary_search(&index).is_err();
            index = index.saturating_add(1);
            kept
        });
        replay.copies = copies;
        Ok(())
    }

    /// Of the copies of a block, keeps the one that was written last.
    fn keep_newest(&self, copies: &mut Vec<Copy>) {
        copies.reverse();
        copies.dedup_by_key(|copy| copy.block);
        copies.reverse();
        copies.shrink_to_fit();
    }
}
