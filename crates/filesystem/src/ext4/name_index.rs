//! Names of large directories in memory, so that one of them is found without reading all others.
//!
//! A hash tree on the disk does the same for the kernel, but the disk may lie: what it leads to need not be what a reading
//! of all entries finds. This index is made by such a reading, and each name is read again where it lies.

use super::directory::{self, Block, Form, Live, Scan};
use super::features::flag;
use super::inode::Inode;
use super::volume::Volume;
use crate::{Entry, EntryState, FsError};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

/// Blocks of a directory up to which its entries are rather read one after the other.
const SMALL: u64 = 16;

/// Directories that are remembered.
const DIRECTORIES: usize = 4;

/// Names in all indexes together: 64 MiB.
const NAMES: usize = 1 << 22;

/// Bytes of a directory that a name needs at least: an entry with a name of up to four bytes.
const LEAST_ENTRY: u64 = 12;

/// What is found out about a name.
pub(super) enum Answer {
    /// As a reading of all entries would give it.
    Known(Result<Option<Entry>, FsError>),
    /// The entries have to be read one after the other.
    Scan,
}

/// The indexes of the directories that were asked last.
#[derive(Debug, Default)]
pub(super) struct NameIndexes {
    /// The one that was asked last is the last.
    asked: Mutex<Vec<Asked>>,
    /// Keyed anew in each run, so that nobody can choose names with the same hash.
    hasher: RandomState,
}

/// A directory that was asked for a name.
#[derive(Debug)]
struct Asked {
    inode: u64,
    generation: u32,
    made: Made,
}

#[derive(Debug, Clone)]
enum Made {
    /// Not yet: it was asked once.
    Not,
    /// It has too many names.
    Never,
    Index(Arc<Index>),
}

#[derive(Debug)]
struct Index {
    /// The hash of each name and where its entry lies in the volume, by hash; those of the same hash in the order of the
    /// directory.
    names: Vec<(u64, u64)>,
    /// What was found damaged first.
    damage: Option<FirstDamage>,
}

/// The first damage of a directory.
#[derive(Debug)]
enum FirstDamage {
    Told {
        structure: &'static str,
        inode: Option<u64>,
        offset: u64,
        detail: String,
    },
    /// Something that only another reading can tell.
    Unreadable,
}

impl NameIndexes {
    /// Looks for a name in a directory, whose index is made when it is asked for the second time.
    pub(super) fn look_up(&self, volume: &Volume, directory: &Inode, name: &[u8]) -> Answer {
        let is_small = directory.size <= volume.superblock.block_bytes.saturating_mul(SMALL);
        if is_small || directory.has(flag::INLINE_DATA) {
            return Answer::Scan;
        }
        match self.index(volume, directory) {
            Some(index) => index.find(volume, directory, name, self.hasher.hash_one(name)),
            None => Answer::Scan,
        }
    }

    /// The index of a directory; `None` if it is asked for the first time, or has too many names.
    fn index(&self, volume: &Volume, directory: &Inode) -> Option<Arc<Index>> {
        // While an index is made, others that ask for one wait: they are most often about to ask for the same.
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |one: &Asked| (one.inode, one.generation) == (directory.number, directory.generation);
        let made = match asked.iter().position(is_it).map(|at| asked.remove(at).made) {
            None => {
                if asked.len() >= DIRECTORIES {
                    asked.remove(0);
                }
                Made::Not
            }
            Some(Made::Not) => {
                make_room(&mut asked, directory.size / LEAST_ENTRY);
                Index::make(volume, directory, &self.hasher).map_or(Made::Never, |index| Made::Index(Arc::new(index)))
            }
            Some(made) => made,
        };
        let index = if let Made::Index(index) = &made { Some(Arc::clone(index)) } else { None };
        asked.push(Asked { inode: directory.number, generation: directory.generation, made });
        index
    }
}

/// Forgets the indexes that were not asked for longest, until as many names as this can be taken in.
fn make_room(asked: &mut Vec<Asked>, names: u64) {
    let room = NAMES.saturating_sub(kanshiki_image::bytes::bounded(names, NAMES));
    let held = |one: &Asked| if let Made::Index(index) = &one.made { index.names.len() } else { 0 };
    while asked.iter().map(held).sum::<usize>() > room {
        asked.remove(0);
    }
}

impl Index {
    /// Reads all entries; `None` if they are too many.
    fn make(volume: &Volume, directory: &Inode, hasher: &RandomState) -> Option<Self> {
        let mut live = Live::new(volume, directory);
        let (mut names, mut damage) = (Vec::new(), None);
        while let Some(found) = live.next() {
            match found {
                Ok((raw, _)) => {
                    if names.len() >= NAMES {
                        return None;
                    }
                    names.push((hasher.hash_one(live.name(raw).unwrap_or_default()), live.offset(raw)));
                }
                Err(error) => damage = damage.or(Some(FirstDamage::of(error))),
            }
        }
        names.shrink_to_fit();
        // Stable: of two entries with the same name the first counts.
        names.sort_by_key(|(hash, _)| *hash);
        Some(Self { names, damage })
    }

    fn find(&self, volume: &Volume, directory: &Inode, name: &[u8], hash: u64) -> Answer {
        let first = self.names.partition_point(|(other, _)| *other < hash);
        for (_, offset) in self.names.iter().skip(first).take_while(|(other, _)| *other == hash) {
            // What was read once and cannot be read again is left to the reading of all.
            let Some(entry) = entry_at(volume, directory, *offset) else { return Answer::Scan };
            if entry.name == name {
                return Answer::Known(Ok(Some(entry)));
            }
        }
        match &self.damage {
            None => Answer::Known(Ok(None)),
            Some(FirstDamage::Unreadable) => Answer::Scan,
            Some(FirstDamage::Told { structure, inode, offset, detail }) => {
                let (structure, inode, offset, detail) = (*structure, *inode, *offset, detail.clone());
                Answer::Known(Err(FsError::Damaged { structure, inode, offset, detail }))
            }
        }
    }
}

impl FirstDamage {
    fn of(error: FsError) -> Self {
        match error {
            FsError::Damaged { structure, inode, offset, detail } => Self::Told { structure, inode, offset, detail },
            _ => Self::Unreadable,
        }
    }
}

/// The entry at an offset of the volume.
fn entry_at(volume: &Volume, directory: &Inode, offset: u64) -> Option<Entry> {
    let number = offset.checked_div(volume.superblock.block_bytes)?;
    let start = volume.superblock.offset_of(number);
    let within = usize::try_from(offset.checked_sub(start)?).ok()?;
    let bytes = volume.block(number, "directory block", Some(directory.number)).ok()?;
    let block = Block { bytes, offset: start, number: 0, live: true };
    let scan = Scan::new(block, Form::of(volume), directory.number);
    let raw = scan.form.read(&scan.block.bytes, within)?;
    Some(directory::entry(&scan, raw, EntryState::Live))
}
