//! Names that were removed from a directory and still lie in its unused space.
//!
//! A removed entry is swallowed by the one before it, whose length grows; the first of a block gets inode 0 instead. Since
//! Linux 5.13 the kernel overwrites an entry that it removes (fs/ext4/namei.c, `ext4_generic_delete_entry`); what is found
//! then is what older kernels and other programs left. When a block of a hash tree is split (`do_split`), the entries that
//! move stay behind as copies: where the directory still holds the name for the same inode, nothing was removed. Nodes of a
//! hash tree hold no names, but what lies behind their records may be names that stood there before. Of the first of them a
//! record may have overwritten the inode.

use super::directory::{Block, Blocks, Children, ENTRY, Form, Raw, Scan, entry};
use super::hash_tree::HashTree;
use super::inode::Inode;
use super::volume::Volume;
use crate::{Entry, EntryState, FsError};
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

/// Names that are kept, as eight bytes each, to tell copies from removed entries. In a directory of more names the copies of
/// the rest are told as removed.
const KEPT_NAMES: usize = 4_000_000;

/// The removed entries of a directory, in the order in which they lie there.
#[derive(Debug)]
pub(crate) struct Removed<'a> {
    volume: &'a Volume,
    directory: Inode,
    /// The names in use; read when the first that may be removed is found.
    used: Option<Names>,
    /// Read with the first block.
    tree: Option<HashTree>,
    blocks: Blocks<'a>,
    form: Form,
    inode: u64,
    highest: u64,
    /// Those of the block that was read last.
    found: VecDeque<Entry>,
}

impl<'a> Removed<'a> {
    pub(crate) fn new(volume: &'a Volume, inode: &Inode) -> Self {
        Self {
            volume,
            directory: inode.clone(),
            used: None,
            tree: None,
            blocks: Blocks::new(volume, inode),
            form: Form::of(volume),
            inode: inode.number,
            highest: volume.superblock.inodes,
            found: VecDeque::new(),
        }
    }

    fn look_at(&mut self, block: Block) {
        let length = block.bytes.len();
        let rest = self.tree.get_or_insert_with(|| HashTree::of(self.volume, &self.directory)).rest(&block);
        let mut scan = Scan::new(block, self.form, self.inode);
        if let Some(rest) = rest {
            let behind = rest.half.and_then(|half| self.take_half(&scan, half));
            return self.look_between(&scan, behind.unwrap_or(rest.from), length);
        }
        if !scan.block.live {
            return self.look_between(&scan, 0, length);
        }
        // Damage is told with the entries that are in use; what lies behind it is looked through here.
        let mut end = 0;
        while let Some(Ok(raw)) = scan.next() {
            let used = if raw.inode == 0 { 0 } else { least(raw.name_length) };
            let from = raw.at.saturating_add(used);
            end = raw.at.saturating_add(raw.length);
            self.look_between(&scan, from, end);
        }
        self.look_between(&scan, end, length);
    }

    /// Takes an entry that has lost its inode to a record of the hash tree, if there is one; returns where its name ends.
    fn take_half(&mut self, scan: &Scan, at: usize) -> Option<usize> {
        let raw = Raw { inode: 0, ..self.form.read(&scan.block.bytes, at)? };
        let is_entry = self.is_plausible(scan, raw) && !self.is_before_another(scan, raw);
        is_entry.then(|| self.found.push_back(entry(scan, raw, EntryState::Deleted)))?;
        Some(at.saturating_add(least(raw.name_length)))
    }

    /// Looks for entries between two places of a block.
    fn look_between(&mut self, scan: &Scan, from: usize, to: usize) {
        let mut at = from;
        loop {
            at = self.past_zeroes(&scan.block.bytes, at, to);
            if at >= to {
                break;
            }
            let raw = self.form.read(&scan.block.bytes, at);
            let fits = |raw: &Raw| raw.at.saturating_add(least(raw.name_length)) <= to && self.is_plausible(scan, *raw);
            match raw.filter(|raw| fits(raw) && !self.is_before_another(scan, *raw)) {
                Some(raw) => {
                    self.found.push_back(entry(scan, raw, EntryState::Deleted));
                    at = at.saturating_add(least(raw.name_length));
                }
                None => at = at.saturating_add(4),
            }
        }
    }

    /// Whether an entry that has lost its inode is four zeroes before an entry that has one: the inode of that is then taken for
    /// a length. Where this errs, the name begins with control characters that make up such an entry.
    fn is_before_another(&self, scan: &Scan, raw: Raw) -> bool {
        let next = self.form.read(&scan.block.bytes, raw.at.saturating_add(4)).filter(|_| raw.inode == 0);
        next.is_some_and(|next| next.inode != 0 && next.file_type != Some(0) && self.is_plausible(scan, next))
    }

    /// The first place from `at` on, in steps of four bytes, at which an entry may lie: its length is not zero. Most of the
    /// unused space of directories was never written.
    fn past_zeroes(&self, bytes: &[u8], at: usize, to: usize) -> usize {
        const ZEROES: [u8; 256] = [0; 256];
        // There 0 is a length too.
        if self.form.block_length >= 65_536 {
            return at;
        }
        let mut at = at;
        // The length of an entry is in the fifth and sixth of its bytes.
        for zeroes in [&ZEROES[..], &ZEROES[..32]] {
            while at < to && bytes.get(at..at.saturating_add(zeroes.len())) == Some(zeroes) {
                at = at.saturating_add(zeroes.len()).saturating_sub(4);
            }
        }
        at
    }

    /// Whether the directory still holds the name for the same inode.
    fn is_used(&mut self, entry: &Entry) -> bool {
        self.used.get_or_insert_with(|| Names::of(self.volume, &self.directory)).has(entry)
    }

    fn is_plausible(&self, scan: &Scan, raw: Raw) -> bool {
        let block = scan.block.bytes.len();
        let fits = raw.length >= least(raw.name_length)
            && raw.length.is_multiple_of(4)
            && raw.at.saturating_add(raw.length) <= block
            && u64::from(raw.inode) <= self.highest;
        let name = scan.name(raw).unwrap_or_default();
        let type_fits = raw.file_type.is_none_or(|stored| stored <= 7);
        let named = !name.is_empty() && name.len() <= 255 && !name.iter().any(|byte| matches!(byte, 0 | b'/'));
        fits && type_fits && named && name != b"." && name != b".."
    }
}

/// Names with their inodes, as hashes under a key of their own.
#[derive(Debug)]
struct Names {
    key: RandomState,
    hashes: HashSet<u64>,
}

impl Names {
    /// Those that a directory holds, as far as they can be read.
    fn of(volume: &Volume, directory: &Inode) -> Self {
        let key = RandomState::new();
        let entries = Children::unjudged(volume, directory).filter_map(Result::ok).take(KEPT_NAMES);
        let hashes = entries.map(|entry| key.hash_one((entry.inode, &entry.name))).collect();
        Self { key, hashes }
    }

    fn has(&self, entry: &Entry) -> bool {
        self.hashes.contains(&self.key.hash_one((entry.inode, &entry.name)))
    }
}

/// The bytes that an entry needs for a name.
fn least(name_length: usize) -> usize {
    name_length.saturating_add(ENTRY).checked_next_multiple_of(4).unwrap_or(usize::MAX)
}

impl Iterator for Removed<'_> {
    type Item = Result<Entry, FsError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.found.pop_front() {
                if self.is_used(&entry) {
                    continue;
                }
                return Some(Ok(entry));
            }
            match self.blocks.next()? {
                Ok(block) => self.look_at(block),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
