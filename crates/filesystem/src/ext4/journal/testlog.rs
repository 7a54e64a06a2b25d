//! A journal built in memory, for tests. Layout and checksums are written here a second time, from the format's tables.

use super::{ChecksumKind, Log, LogPlace, LogRun};
use crate::ext4::journal::checksum::{crc32_be, crc32c};
use kanshiki_image::Memory;
use std::sync::Arc;

pub(super) const BLOCK: usize = 1024;
/// Blocks of the volume; block `n` is filled with `n`.
pub(super) const VOLUME: u64 = 200;
/// The journal lies in two runs, of which the second comes first on the volume.
const RUNS: [LogRun; 2] = [LogRun { first: 0, place: 120, count: 10 }, LogRun { first: 10, place: 100, count: 14 }];
const UUID: [u8; 16] = *b"a journal's uuid";

/// A journal of 24 blocks, the log from block 1 on.
#[derive(Debug, Clone)]
pub(super) struct TestLog {
    pub(super) kind: ChecksumKind,
    pub(super) wide: bool,
    pub(super) async_commit: bool,
    pub(super) start: u32,
    pub(super) first_sequence: u32,
    pub(super) head: u32,
    pub(super) sequence: u32,
    pub(super) blocks: Vec<Vec<u8>>,
    pub(super) sum: u32,
}

pub(super) fn be(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

impl TestLog {
    pub(super) fn new(kind: ChecksumKind, start: u32, sequence: u32) -> Self {
        let blocks = vec![vec![0; BLOCK]; 24];
        let (wide, async_commit) = (false, false);
        Self { kind, wide, async_commit, start, first_sequence: sequence, head: start, sequence, blocks, sum: !0 }
    }

    fn seed(&self) -> u32 {
        crc32c(!0, &UUID)
    }

    /// Writes a block at the head.
    pub(super) fn put(&mut self, block: Vec<u8>) {
        self.blocks[self.head as usize] = block;
        self.head = if self.head == 23 { 1 } else { self.head + 1 };
    }

    pub(super) fn header(&self, kind: u32) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        be(&mut block, 0, 0xc03b_3998);
        be(&mut block, 4, kind);
        be(&mut block, 8, self.sequence);
        block
    }

    fn tag(&self, block: u64, escaped: bool, first: bool, last: bool, copy: &[u8]) -> Vec<u8> {
        let flags = u32::from(escaped) | if first { 0 } else { 2 } | if last { 8 } else { 0 };
        let sum = crc32c(crc32c(self.seed(), &self.sequence.to_be_bytes()), copy);
        let mut tag = (block as u32).to_be_bytes().to_vec();
        if self.kind == ChecksumKind::V3 {
            tag.extend(flags.to_be_bytes());
            tag.extend(((block >> 32) as u32).to_be_bytes());
            tag.extend(sum.to_be_bytes());
        } else {
            let sum = if self.kind == ChecksumKind::V2 { sum as u16 } else { 0 };
            tag.extend(sum.to_be_bytes());
            tag.extend((flags as u16).to_be_bytes());
            if self.wide {
                tag.extend(((block >> 32) as u32).to_be_bytes());
            }
            if self.kind == ChecksumKind::V2 {
                tag.extend([0, 0]);
            }
        }
        if first {
            tag.extend(UUID);
        }
        tag
    }

    fn tail(&self, block: &mut [u8], at: usize) {
        if self.kind.each_block() {
            let sum = crc32c(self.seed(), block);
            be(block, at, sum);
        }
    }

    /// A descriptor and its copies, each a block of the volume and its content.
    pub(super) fn copies(&mut self, copies: &[(u64, Vec<u8>)]) {
        let mut descriptor = self.header(1);
        let mut tags = Vec::new();
        let mut stored = Vec::new();
        for (index, (block, copy)) in copies.iter().enumerate() {
            let mut copy = copy.clone();
            let escaped = copy.starts_with(&0xc03b_3998_u32.to_be_bytes());
            if escaped {
                copy[..4].fill(0);
            }
            tags.extend(self.tag(*block, escaped, index == 0, index + 1 == copies.len(), &copy));
            stored.push(copy);
        }
        descriptor[12..12 + tags.len()].copy_from_slice(&tags);
        self.tail(&mut descriptor, BLOCK - 4);
        self.sum = crc32_be(self.sum, &descriptor);
        self.put(descriptor);
        for copy in stored {
            self.sum = crc32_be(self.sum, &copy);
            self.put(copy);
        }
    }

    pub(super) fn revoke(&mut self, blocks: &[u64]) {
        let mut record = self.header(5);
        let bytes = if self.wide { 8 } else { 4 };
        be(&mut record, 12, (16 + blocks.len() * bytes) as u32);
        for (index, block) in blocks.iter().enumerate() {
            let at = 16 + index * bytes;
            record[at..at + bytes].copy_from_slice(&block.to_be_bytes()[8 - bytes..]);
        }
        self.tail(&mut record, BLOCK - 4);
        self.put(record);
    }

    /// A commit block; the next transaction begins.
    pub(super) fn commit(&mut self, seconds: u64) {
        let mut commit = self.header(2);
        commit[48..56].copy_from_slice(&seconds.to_be_bytes());
        be(&mut commit, 56, 5);
        if self.kind == ChecksumKind::V1 {
            commit[12..14].copy_from_slice(&[1, 4]);
            be(&mut commit, 16, self.sum);
        }
        self.tail(&mut commit, 16);
        self.put(commit);
        self.sum = !0;
        self.sequence = self.sequence.wrapping_add(1);
    }

    pub(super) fn superblock(&self) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        let incompatible = 1
            | if self.wide { 2 } else { 0 }
            | if self.async_commit { 4 } else { 0 }
            | if self.kind == ChecksumKind::V2 { 8 } else { 0 }
            | if self.kind == ChecksumKind::V3 { 16 } else { 0 };
        let fields = [(0, 0xc03b_3998), (4, 4), (12, BLOCK as u32), (16, 24), (20, 1), (24, self.first_sequence)];
        let features = [(28, self.start), (36, u32::from(self.kind == ChecksumKind::V1)), (40, incompatible), (64, 1)];
        for (at, value) in fields.into_iter().chain(features) {
            be(&mut block, at, value);
        }
        block[48..64].copy_from_slice(&UUID);
        if self.kind.each_block() {
            block[80] = 4;
            let sum = crc32c(!0, &block);
            be(&mut block, 252, sum);
        }
        block
    }

    /// The volume with the journal in it.
    pub(super) fn volume(&self) -> Vec<u8> {
        let mut volume: Vec<u8> = (0..VOLUME).flat_map(|block| vec![block as u8; BLOCK]).collect();
        for (index, content) in std::iter::once(&self.superblock()).chain(&self.blocks[1..]).enumerate() {
            let run = RUNS.iter().rev().find(|run| run.first <= index as u64).unwrap();
            let at = (run.place as usize + index - run.first as usize) * BLOCK;
            volume[at..at + BLOCK].copy_from_slice(content);
        }
        volume
    }

    pub(super) fn place() -> LogPlace {
        LogPlace { block_bytes: BLOCK as u32, blocks: 24, runs: RUNS.to_vec() }
    }

    pub(super) fn open(&self) -> Log {
        Log::open(Arc::new(Memory(self.volume())), Self::place()).unwrap()
    }
}
