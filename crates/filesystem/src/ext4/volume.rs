//! The volume: its source, superblock and groups, and reading of metadata through the cache.

use super::backup;
use super::cache::{Bytes, Cache};
use super::features::incompatible;
use super::groups::{self, Descriptor, INODE_UNINIT};
use super::inode::Inode;
use super::layout::Layout;
use super::orphans::Orphans;
use super::sums::{Noticed, wrong_sum};
use super::superblock::Superblock;
use super::tables;
use crate::{FsError, Node, NodeState};
use kanshiki_image::Source;
use kanshiki_image::bytes::bounded;
use kanshiki_image::signature::ext_features;
use kanshiki_model::{ByteRange, ByteRanges, Issue};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What issues of a filesystem concern.
pub(crate) const SUBJECT: &str = "filesystem";

/// Descriptors that are looked at when the filesystem is opened.
const CHECKED_GROUPS: u64 = 1 << 20;

/// Descriptors that are kept as they were read.
const KEPT_GROUPS: usize = 65_536;

/// Damaged descriptors that are replaced by copies.
const REPLACED_GROUPS: usize = 65_536;

/// A volume with ext2, ext3 or ext4.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) source: Source,
    pub(crate) superblock: Superblock,
    pub(crate) issues: Vec<Issue>,
    /// Checksums that were found wrong.
    pub(crate) noticed: Noticed,
    cache: Cache,
    /// The first descriptors; `None` for those that are damaged.
    descriptors: Vec<Option<Descriptor>>,
    /// Copies that stand for descriptors that are damaged.
    replaced: BTreeMap<u64, Descriptor>,
    orphans: OnceLock<Orphans>,
    unreadable: OnceLock<ByteRanges>,
    layout: OnceLock<Layout>,
}

impl Volume {
    /// Opens a volume.
    pub(crate) fn open(source: Source) -> Result<Self, FsError> {
        let (superblock, issues) = backup::find(source.as_ref(), SUBJECT)?;
        refuse_unknown(&superblock)?;
        let mut volume = Self {
            source,
            superblock,
            issues,
            noticed: Noticed::default(),
            cache: Cache::new(),
            descriptors: Vec::new(),
            replaced: BTreeMap::new(),
            orphans: OnceLock::new(),
            unreadable: OnceLock::new(),
            layout: OnceLock::new(),
        };
        let length = volume.superblock.offset_of(volume.superblock.blocks);
        if volume.source.len() < length {
            let there = volume.source.len();
            let told = format!("the filesystem is {length} bytes long, and only {there} bytes of it are there");
            volume.issues.push(Issue::at(SUBJECT, ByteRange::new(there, length), told));
        }
        volume.look_at_groups();
        Ok(volume)
    }

    /// Bytes of metadata at `offset`.
    pub(crate) fn bytes(
        &self,
        offset: u64,
        bytes: usize,
        structure: &'static str,
        inode: Option<u64>,
    ) -> Result<Bytes, FsError> {
        let read = self.cache.get(self.source.as_ref(), offset, bytes);
        read.map_err(|source| FsError::Unreadable { structure, inode, offset, source })
    }

    /// A block of metadata.
    pub(crate) fn block(&self, block: u64, structure: &'static str, inode: Option<u64>) -> Result<Bytes, FsError> {
        let offset = self.superblock.offset_of(block);
        if !self.superblock.holds_block(block) {
            let detail = format!("block {block} lies outside the filesystem of {} blocks", self.superblock.blocks);
            return Err(FsError::Damaged { structure, inode, offset, detail });
        }
        self.bytes(offset, self.block_length(), structure, inode)
    }

    /// Bytes of a block, as a length in memory.
    pub(crate) fn block_length(&self) -> usize {
        bounded(self.superblock.block_bytes, 65_536)
    }

    /// The descriptor of a group.
    pub(crate) fn descriptor(&self, group: u64) -> Result<Descriptor, FsError> {
        if !self.replaced.is_empty()
            && let Some(replaced) = self.replaced.get(&group)
        {
            return Ok(*replaced);
        }
        let kept = usize::try_from(group).ok().and_then(|group| self.descriptors.get(group).copied().flatten());
        if let Some(descriptor) = kept {
            return Ok(descriptor);
        }
        self.descriptor_copy(group, 0).map(|(_, descriptor)| descriptor)
    }

    /// A copy of a descriptor with its bytes.
    pub(crate) fn descriptor_copy(&self, group: u64, copy: usize) -> Result<(Bytes, Descriptor), FsError> {
        const STRUCTURE: &str = "group descriptor";
        let nowhere = || FsError::Damaged {
            structure: STRUCTURE,
            inode: None,
            offset: self.superblock.offset,
            detail: format!("group {group} has no descriptor, or no copy {copy} of it"),
        };
        let (block, within) = groups::place(&self.superblock, group, copy).ok_or_else(nowhere)?;
        let bytes = self.block(block, STRUCTURE, None)?;
        let length = bounded(self.superblock.descriptor_bytes, 1024);
        let bytes = bytes.part(within, length).ok_or_else(nowhere)?;
        let offset = self.superblock.offset_of(block).saturating_add(kanshiki_image::bytes::length(within));
        let descriptor = Descriptor::parse(&self.superblock, &bytes, offset).ok_or_else(nowhere)?;
        Ok((bytes, descriptor))
    }

    /// Finds damaged descriptors, and copies that can stand for them.
    fn look_at_groups(&mut self) {
        let mut damaged = 0_u64;
        let mut lost = 0_u64;
        for group in 0..self.superblock.groups.min(CHECKED_GROUPS) {
            let sound = self.is_sound(group, 0);
            if self.descriptors.len() < KEPT_GROUPS {
                self.descriptors.push(sound);
            }
            if sound.is_some() {
                continue;
            }
            damaged = damaged.saturating_add(1);
            if self.replaced.len() >= REPLACED_GROUPS {
                lost = lost.saturating_add(1);
                continue;
            }
            // Where a thousand have no copy, the others have none either.
            let copies = if lost < 1000 { 1..12 } else { 1..1 };
            match copies.into_iter().find_map(|copy| self.is_sound(group, copy)) {
                Some(copy) => drop(self.replaced.insert(group, copy.as_copy())),
                None => {
                    lost = lost.saturating_add(1);
                    // What it points to may be right all the same; what its flags say is not to be relied on.
                    if let Ok((_, descriptor)) = self.descriptor_copy(group, 0) {
                        self.replaced.insert(group, descriptor.as_copy());
                    }
                }
            }
        }
        if damaged > 0 {
            let told = format!(
                "{damaged} of {} group descriptors are damaged; copies stand for {} of them",
                self.superblock.groups,
                damaged.saturating_sub(lost)
            );
            self.issues.push(Issue::new(SUBJECT, told));
        }
    }

    /// A copy of a descriptor if it is readable, plausible and has the right checksum.
    fn is_sound(&self, group: u64, copy: usize) -> Option<Descriptor> {
        let (bytes, descriptor) = self.descriptor_copy(group, copy).ok()?;
        let right = groups::checksum(&self.superblock, group, &bytes).is_none_or(|sum| sum == descriptor.checksum);
        (right && descriptor.is_plausible(&self.superblock)).then_some(descriptor)
    }

    /// The group of an inode, and its place in the group's table.
    pub(crate) fn group_of(&self, inode: u64) -> Result<(u64, u64), FsError> {
        let none = || FsError::NoInode { inode, highest: self.superblock.inodes };
        let index = inode.checked_sub(1).filter(|_| inode <= self.superblock.inodes).ok_or_else(none)?;
        let of_a_group = self.superblock.inodes_of_a_group;
        let group = index.checked_div(of_a_group).ok_or_else(none)?;
        Ok((group, index.checked_rem(of_a_group).unwrap_or(0)))
    }

    /// An inode as the disk holds it.
    pub(crate) fn inode(&self, number: u64) -> Result<Inode, FsError> {
        let (group, index) = self.group_of(number)?;
        self.inode_of(number, index, &self.descriptor(group)?)
    }

    /// An inode, of which the group's descriptor is known.
    pub(crate) fn inode_of(&self, number: u64, index: u64, descriptor: &Descriptor) -> Result<Inode, FsError> {
        const STRUCTURE: &str = "inode";
        let superblock = &self.superblock;
        let start = superblock.offset_of(descriptor.inode_table);
        let offset = start.saturating_add(index.saturating_mul(superblock.inode_bytes));
        let damaged = |detail| FsError::Damaged { structure: STRUCTURE, inode: Some(number), offset, detail };
        let block = offset.checked_div(superblock.block_bytes).unwrap_or(0);
        if descriptor.inode_table == 0 || !superblock.holds_block(block) {
            return Err(damaged("the inode table lies outside the filesystem".to_owned()));
        }
        let bytes = self.bytes(offset, bounded(superblock.inode_bytes, 65_536), STRUCTURE, Some(number))?;
        Inode::parse(superblock, number, offset, bytes).ok_or_else(|| damaged("it is cut off".to_owned()))
    }

    /// What an inode says, for the view of all filesystems.
    pub(crate) fn node(&self, inode: &Inode) -> Node {
        self.node_in_state(inode, self.state(inode))
    }

    /// The same of an inode whose state is known. A wrong checksum is noticed.
    pub(crate) fn node_in_state(&self, inode: &Inode, state: NodeState) -> Node {
        // Nobody says that the checksum of an inode which is free, or was never used, must be right.
        if state != NodeState::Deleted
            && let Some((stored, expected)) = inode.checksums(&self.superblock)
            && stored != expected
            && tables::holds_something(inode)
        {
            self.noticed.add("inode", Some(inode.number), inode.offset, wrong_sum(stored, expected));
        }
        inode.node(&self.superblock, state)
    }

    /// Whether an inode is in use.
    pub(crate) fn state(&self, inode: &Inode) -> NodeState {
        tables::state(self, inode, self.inode_is_allocated(inode.number))
    }

    /// What the inode bitmap says; `None` if it cannot be read.
    pub(crate) fn inode_is_allocated(&self, inode: u64) -> Option<bool> {
        let (group, index) = self.group_of(inode).ok()?;
        let descriptor = self.descriptor(group).ok()?;
        if descriptor.flags & INODE_UNINIT != 0 {
            return Some(false);
        }
        let bitmap = self.block(descriptor.inode_bitmap, "inode bitmap", None).ok()?;
        bit(&bitmap, index)
    }

    /// The inodes that are to be removed at the next mount.
    pub(crate) fn orphans(&self) -> &Orphans {
        self.orphans.get_or_init(|| Orphans::find(self))
    }

    /// Where the metadata of the volume lies.
    pub(crate) fn layout(&self) -> &Layout {
        self.layout.get_or_init(|| Layout::of(self))
    }

    /// The bytes that the medium did not give, and those that the image ends before.
    pub(crate) fn unreadable(&self) -> &ByteRanges {
        self.unreadable.get_or_init(|| {
            let runs = self.source.runs().filter(|(_, state)| *state == kanshiki_image::RunState::Unreadable);
            let mut unreadable: ByteRanges = runs.map(|(range, _)| range).collect();
            unreadable.insert(ByteRange::new(self.source.len(), self.superblock.offset_of(self.superblock.blocks)));
            unreadable
        })
    }
}

/// A bit of a bitmap; `None` past its end.
pub(crate) fn bit(bitmap: &[u8], index: u64) -> Option<bool> {
    let byte = bitmap.get(usize::try_from(index / 8).ok()?)?;
    Some(byte.checked_shr(u32::try_from(index % 8).ok()?)? & 1 == 1)
}

fn refuse_unknown(superblock: &Superblock) -> Result<(), FsError> {
    let unsupported = |detail| Err(FsError::Unsupported { inode: None, detail });
    if superblock.has_incompatible(incompatible::JOURNAL_DEV) {
        return unsupported("journal_dev: the volume is the journal of another filesystem".to_owned());
    }
    let unknown = superblock.incompatible & !incompatible::KNOWN;
    if unknown != 0 {
        let names = ext_features::incompatible_names(unknown).join(", ");
        return unsupported(format!("features that change the format in a way that is not known here: {names}"));
    }
    Ok(())
}
