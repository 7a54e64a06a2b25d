//! Every copy of a metadata block that still lies in the log, of transactions that were replayed long ago too.

use super::blocks::{Header, Kind, Tag, commit_time};
use super::{ChecksumKind, Log};
use crate::JournalCopy;
use kanshiki_model::FileTime;
use std::collections::VecDeque;

/// The copies in a log, in the order in which they lie there.
///
/// A copy whose checksum is wrong was overwritten by a later transaction, and is left out; without checksums, a copy that
/// begins with the magic is one that was overwritten.
#[derive(Debug)]
pub struct History<'a> {
    log: &'a Log,
    next: u64,
    block: Vec<u8>,
    copy: Vec<u8>,
    found: VecDeque<JournalCopy>,
    /// The transaction whose commit block was looked for last, and its time.
    committed: Option<(u32, Option<FileTime>)>,
    /// The first block of the log that begins with the magic: what wraps must end before it.
    first_header: Option<u64>,
}

impl Log {
    /// The copies of metadata blocks that lie in the log.
    #[must_use]
    pub fn history(&self) -> History<'_> {
        History {
            log: self,
            next: u64::from(self.superblock.first),
            block: self.buffer(),
            copy: self.buffer(),
            found: VecDeque::new(),
            committed: None,
            first_header: None,
        }
    }
}

impl Iterator for History<'_> {
    type Item = JournalCopy;

    fn next(&mut self) -> Option<JournalCopy> {
        loop {
            if let Some(copy) = self.found.pop_front() {
                return Some(copy);
            }
            let place = self.next;
            if place >= u64::from(self.log.superblock.last) {
                return None;
            }
            self.next = place.saturating_add(1);
            if self.log.read(place, &mut self.block).is_err() {
                continue;
            }
            let Some(header) = Header::parse(&self.block).filter(|header| header.kind != Kind::Other) else { continue };
            self.first_header = self.first_header.or(Some(place));
            if header.kind == Kind::Descriptor && self.log.layout.tail_holds(&self.block) {
                self.descriptor(place, header.sequence);
            }
        }
    }
}

impl History<'_> {
    fn descriptor(&mut self, place: u64, sequence: u32) {
        let tags: Vec<Tag> = self.log.layout.tags(&self.block).collect();
        let mut at = self.log.advance(place, 1);
        let mut whole = true;
        for tag in &tags {
            whole = whole && self.copy(*tag, at, place, sequence);
            if !whole {
                break;
            }
            at = self.log.advance(at, 1);
        }
        if at > place {
            self.next = at;
        } else if whole {
            self.next = u64::from(self.log.superblock.last);
        }
        let committed = self.committed(whole.then_some(at), sequence);
        self.found.iter_mut().for_each(|copy| copy.committed = committed);
    }

    /// Takes in a copy; whether it, and so perhaps what follows, was not overwritten.
    fn copy(&mut self, tag: Tag, at: u64, descriptor: u64, sequence: u32) -> bool {
        if self.log.read(at, &mut self.copy).is_err() {
            return true;
        }
        let wrapped = at < descriptor;
        if self.log.superblock.checksums.each_block() {
            if !self.log.layout.copy_holds(tag, sequence, &self.copy) {
                return !wrapped && Header::parse(&self.copy).is_none();
            }
        } else if Header::parse(&self.copy).is_some() || (wrapped && self.first_header.is_none_or(|first| at >= first))
        {
            return false;
        }
        if let Some(offset) = self.log.offset(at) {
            let transaction = u64::from(sequence);
            self.found.push_back(JournalCopy { block: tag.block, transaction, committed: None, offset });
        }
        true
    }

    /// When the transaction was committed: its commit block follows its descriptors, copies and revocations.
    fn committed(&mut self, from: Option<u64>, sequence: u32) -> Option<FileTime> {
        if let Some((known, time)) = self.committed.filter(|(known, _)| *known == sequence) {
            let _ = known;
            return time;
        }
        let time = self.find_commit(from?, sequence);
        self.committed = Some((sequence, time));
        time
    }

    fn find_commit(&mut self, mut at: u64, sequence: u32) -> Option<FileTime> {
        let mut passed = 0_u64;
        while passed <= self.log.length() {
            self.log.read(at, &mut self.copy).ok()?;
            let header = Header::parse(&self.copy).filter(|header| header.sequence == sequence)?;
            let count = match header.kind {
                Kind::Commit => return self.commit_time(),
                Kind::Descriptor => u64::try_from(self.log.layout.tags(&self.copy).count()).ok()?,
                Kind::Revocation => 0,
                Kind::Other => return None,
            };
            at = self.log.advance(self.log.advance(at, 1), count);
            passed = passed.saturating_add(count).saturating_add(1);
        }
        None
    }

    fn commit_time(&self) -> Option<FileTime> {
        let holds = self.log.superblock.checksums == ChecksumKind::V1 || self.log.layout.commit_holds(&self.copy);
        commit_time(&self.copy).filter(|_| holds)
    }
}
