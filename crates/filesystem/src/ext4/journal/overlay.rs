//! The volume as it would read after a replay.

use super::fast::EditedBlocks;
use super::replay::Copy;
use super::superblock::MAGIC;
use super::{Log, Replay};
use kanshiki_image::bytes::{bounded, copy, length};
use kanshiki_image::{ReadAt, ReadError, RunState, Runs, Source, read_exact_at};
use kanshiki_model::ByteRange;
use std::collections::BTreeMap;

/// The volume as it would read after a replay: blocks with a copy in the journal read as that copy, all others as they
/// lie. No copy is kept in memory, only where it lies; what fast commits changed is.
#[derive(Debug, Clone)]
pub struct Overlay {
    source: Source,
    block_bytes: u64,
    /// The blocks of the volume with a copy, ascending, each with the place of the copy.
    patches: Vec<Patch>,
    /// Blocks that were changed in memory.
    edited: EditedBlocks,
}

#[derive(Debug, Clone, Copy)]
struct Patch {
    block: u64,
    /// In bytes from the start of the volume, a multiple of the block size but for two bits: [`Self::ESCAPED`] says that
    /// the copy is escaped, [`Self::EDITED`] that the block was changed in memory.
    place: u64,
}

impl Patch {
    const ESCAPED: u64 = 1;
    const EDITED: u64 = 2;

    const fn is(self, mark: u64) -> bool {
        self.place & mark != 0
    }

    const fn offset(self) -> u64 {
        self.place & !(Self::ESCAPED | Self::EDITED)
    }
}

impl Overlay {
    /// Lays a replay over the volume that its journal was opened on.
    #[must_use]
    pub fn new(log: &Log, replay: &Replay) -> Self {
        let patch = |copy: &Copy| {
            let mark = if copy.escaped() { Patch::ESCAPED } else { 0 };
            let place = log.offset(u64::from(copy.place()))? | mark;
            Some(Patch { block: copy.block, place })
        };
        let patches = replay.copies.iter().filter_map(patch).collect();
        Self {
            source: Source::clone(&log.source),
            block_bytes: u64::from(log.place.block_bytes),
            patches,
            edited: BTreeMap::new(),
        }
    }

    /// Lays blocks that were changed in memory over all else.
    pub(crate) fn with_edited(mut self, edited: EditedBlocks) -> Self {
        self.patches.retain(|patch| !edited.contains_key(&patch.block));
        self.patches.extend(edited.keys().map(|block| Patch { block: *block, place: Patch::EDITED }));
        self.patches.sort_unstable_by_key(|patch| patch.block);
        self.edited = edited;
        self
    }

    /// How many blocks differ from the disk, or may differ.
    pub(crate) fn blocks(&self) -> u64 {
        length(self.patches.len())
    }

    /// The patches of blocks that hold bytes from `start` to `end`.
    fn patches(&self, start: u64, end: u64) -> &[Patch] {
        let first = start.checked_div(self.block_bytes).unwrap_or(0);
        let from = self.patches.partition_point(|patch| patch.block < first);
        let rest = self.patches.get(from..).unwrap_or_default();
        let until = rest.partition_point(|patch| self.start(*patch) < end);
        rest.get(..until).unwrap_or_default()
    }

    const fn start(&self, patch: Patch) -> u64 {
        patch.block.saturating_mul(self.block_bytes)
    }

    /// Fills `buf` from a copy, `inside` bytes after its start.
    fn read_copy(&self, patch: Patch, inside: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        if let Some(bytes) = self.edited.get(&patch.block).filter(|_| patch.is(Patch::EDITED)) {
            copy(bytes.get(bounded(inside, bytes.len())..).unwrap_or_default(), buf);
            return Ok(());
        }
        read_exact_at(self.source.as_ref(), patch.offset().saturating_add(inside), buf)?;
        let magic = MAGIC.to_be_bytes();
        if patch.is(Patch::ESCAPED) {
            let rest = magic.get(bounded(inside, magic.len())..).unwrap_or_default();
            copy(rest, buf);
        }
        Ok(())
    }
}

impl ReadAt for Overlay {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = bounded(self.len().saturating_sub(offset), buf.len());
        let end = offset.saturating_add(length(wanted));
        let patches = self.patches(offset, end);
        if patches.is_empty() {
            return self.source.read_at(offset, buf);
        }
        let mut rest = buf.get_mut(..wanted).unwrap_or_default();
        let mut at = offset;
        for patch in patches {
            let start = self.start(*patch);
            let (before, after) = rest.split_at_mut(bounded(start.saturating_sub(at), rest.len()));
            if !before.is_empty() {
                read_exact_at(self.source.as_ref(), at, before)?;
            }
            at = at.max(start);
            let inside = at.saturating_sub(start);
            let count = bounded(self.block_bytes.saturating_sub(inside), after.len());
            let (copied, after) = after.split_at_mut(count);
            self.read_copy(*patch, inside, copied)?;
            at = at.saturating_add(length(count));
            rest = after;
        }
        if !rest.is_empty() {
            read_exact_at(self.source.as_ref(), at, rest)?;
        }
        Ok(wanted)
    }

    /// Blocks with a copy are data, whatever the volume has in their place.
    fn runs(&self) -> Runs<'_> {
        Box::new(self.source.runs().flat_map(move |(run, state)| {
            let mut at = run.start;
            std::iter::from_fn(move || {
                let start = at;
                if start >= run.end {
                    return None;
                }
                let patch = self.patches(start, run.end).first().map(|patch| self.start(*patch));
                let (end, state) = match patch {
                    Some(patch) if patch <= start => (patch.saturating_add(self.block_bytes), RunState::Data),
                    Some(patch) => (patch, state),
                    None => (run.end, state),
                };
                at = end.min(run.end);
                Some((ByteRange::new(start, at), state))
            })
        }))
    }
}
