//! The first pass: where the log ends.
//!
//! The log ends before the first block that does not begin with the magic or is not of the expected transaction. What a
//! wrong checksum means depends on the time of the commit: older than the one before, it is what an earlier use of the
//! disk left; newer, it is damage.

use super::blocks::{Header, Kind, commit_seconds, transaction_sum_holds};
use super::checksum::crc32_be;
use super::{ChecksumKind, JournalError, Log};

/// What the first pass found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    /// The first transaction.
    pub(super) first: u32,
    /// The one after the last whole transaction.
    pub(super) end: u32,
    /// The transaction whose commit block has a wrong checksum.
    pub(super) failed: Option<u32>,
}

/// Whether transaction `left` is `right` or comes after it; sequence numbers wrap.
pub(super) fn at_or_after(left: u32, right: u32) -> bool {
    left.wrapping_sub(right) < 1 << 31
}

/// A walk over the blocks of the log that are no copies.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    log: &'a Log,
    /// The block that is read next.
    next: u64,
    /// How many blocks were passed; a log that would be passed more than once has no end.
    passed: u64,
    pub(super) sequence: u32,
    pub(super) block: Vec<u8>,
    /// Where the current block lies, in blocks of the journal.
    pub(super) place: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(log: &'a Log, start: u32) -> Self {
        let sequence = log.superblock.sequence;
        Self { log, next: u64::from(start), passed: 0, sequence, block: log.buffer(), place: 0 }
    }

    /// Reads the next block; its kind, or `None` at the end of the log.
    pub(super) fn read(&mut self) -> Result<Option<Kind>, JournalError> {
        if self.passed > self.log.length() {
            return Ok(None);
        }
        self.place = self.next;
        self.log.read(self.place, &mut self.block)?;
        self.skip(1);
        let header = Header::parse(&self.block).filter(|header| header.sequence == self.sequence);
        Ok(header.map(|header| header.kind).filter(|kind| *kind != Kind::Other))
    }

    /// Passes the copies that a descriptor announces.
    pub(super) fn skip(&mut self, count: u64) {
        self.next = self.log.advance(self.next, count);
        self.passed = self.passed.saturating_add(count);
    }

    /// The block of the journal that holds the next copy; passes it.
    pub(super) fn copy(&mut self) -> u64 {
        let place = self.next;
        self.skip(1);
        place
    }

    pub(super) fn damaged(&self, detail: &str) -> JournalError {
        JournalError::Damaged { block: self.place, transaction: self.sequence, detail: detail.to_owned() }
    }
}

/// Finds the end of the log.
///
/// Source: Linux 6.18, `fs/jbd2/recovery.c`, `do_one_pass` with `PASS_SCAN`.
pub(super) fn scan(log: &Log, start: u32) -> Result<Reach, JournalError> {
    let first = log.superblock.sequence;
    let mut scan =
        Scan { log, walk: Walk::new(log, start), sum: u32::MAX, doubtful: false, last_seconds: 0, end: None };
    let mut failed = None;
    while let Some(kind) = scan.walk.read()? {
        match kind {
            Kind::Descriptor if scan.descriptor() => {}
            // One that is too long ends the replay only if its transaction is whole; the next pass tells.
            Kind::Revocation => scan.doubtful |= !log.layout.tail_holds(&scan.walk.block),
            Kind::Commit => match scan.commit()? {
                Commit::Whole => {}
                Commit::Stale => break,
                Commit::Failed => {
                    failed = scan.end;
                    break;
                }
            },
            Kind::Descriptor | Kind::Other => break,
        }
    }
    Ok(Reach { first, end: scan.end.unwrap_or(scan.walk.sequence), failed })
}

enum Commit {
    Whole,
    Stale,
    Failed,
}

struct Scan<'a> {
    log: &'a Log,
    walk: Walk<'a>,
    /// The checksum V1 of the current transaction so far.
    sum: u32,
    /// Whether a descriptor or revocation block of the current transaction has a wrong checksum.
    doubtful: bool,
    last_seconds: u64,
    /// The first transaction with a wrong checksum.
    end: Option<u32>,
}

impl Scan<'_> {
    /// Passes the copies; whether the log goes on: a copy that cannot be read for the checksum V1 is its end.
    fn descriptor(&mut self) -> bool {
        self.doubtful |= !self.log.layout.tail_holds(&self.walk.block);
        let count = self.log.layout.tags(&self.walk.block).count();
        let sum_wanted = self.log.superblock.checksums == ChecksumKind::V1 && self.end.is_none();
        if !sum_wanted {
            self.walk.skip(u64::try_from(count).unwrap_or(u64::MAX));
            return true;
        }
        self.sum = crc32_be(self.sum, &self.walk.block);
        let mut copy = self.log.buffer();
        (0..count).all(|_| {
            let place = self.walk.copy();
            let read = self.log.read(place, &mut copy);
            self.sum = crc32_be(self.sum, &copy);
            read.is_ok()
        })
    }

    fn commit(&mut self) -> Result<Commit, JournalError> {
        let seconds = commit_seconds(&self.walk.block);
        if self.doubtful {
            if seconds >= self.last_seconds {
                return Err(self.walk.damaged("a descriptor or revocation block before it has a wrong checksum"));
            }
            return Ok(Commit::Stale);
        }
        let holds = if self.log.superblock.checksums == ChecksumKind::V1 {
            if self.end.is_some() {
                return Ok(Commit::Failed);
            }
            let sum = std::mem::replace(&mut self.sum, u32::MAX);
            transaction_sum_holds(&self.walk.block, sum)
        } else {
            self.log.layout.commit_holds(&self.walk.block)
        };
        if !holds {
            if seconds < self.last_seconds {
                return Ok(Commit::Stale);
            }
            self.end = Some(self.walk.sequence);
            if !self.log.superblock.async_commit {
                return Ok(Commit::Failed);
            }
        }
        self.last_seconds = seconds;
        self.walk.sequence = self.walk.sequence.wrapping_add(1);
        Ok(Commit::Whole)
    }
}
