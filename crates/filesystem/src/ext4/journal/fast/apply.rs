//! Fast commits applied to the metadata in memory.

use super::bitmaps::Bitmaps;
use super::directory::Form;
use super::edit::{EditedBlocks, Editor, inode_seed, put};
use super::held::{GENERATION, Held, LINKS, MAP, sum_inode};
use super::tags::{Change, FastCommits, Name};
use super::tree::{self, Run, Runs};
use crate::ext4::features::incompatible;
use crate::ext4::map::{Pieces, Spot};
use crate::ext4::volume::Volume;
use crate::{FsError, NodeType};
use kanshiki_image::bytes::{bounded, u32_le};
use std::collections::BTreeMap;

/// Extents of all files that are changed together: what is kept in memory.
const MAX_RUNS: usize = 1 << 20;

/// Inodes that are changed together: what is kept in memory, in bytes.
const MAX_INODE_BYTES: usize = 32 << 20;

/// How much of what could not be applied is told.
const MAX_TROUBLE: usize = 100;

/// What became of the fast commits.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// The blocks that they change.
    pub(crate) blocks: EditedBlocks,
    /// What could not be applied, the first of it.
    pub(crate) trouble: Vec<String>,
}

/// Fast commits under way.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) editor: Editor<'a>,
    pub(super) form: Form,
    pub(super) inodes: BTreeMap<u64, Held>,
    pub(super) bitmaps: Bitmaps,
    /// Blocks that were given up.
    pub(super) freed: Vec<(u64, u64)>,
    /// Blocks that the fast commits give to files, sorted.
    pub(super) reserved: Vec<(u64, u64)>,
    pub(super) runs: usize,
    pub(super) searched: u64,
    pub(super) trouble: Vec<String>,
}

/// Applies fast commits to a volume over which all whole transactions are laid already.
pub(crate) fn apply(volume: &Volume, commits: FastCommits) -> Applied {
    let superblock = &volume.superblock;
    let form = Form {
        types: superblock.has_incompatible(incompatible::FILETYPE),
        checksums: superblock.checksums(),
        block_bytes: volume.block_length(),
    };
    let mut work = Work {
        editor: Editor::new(volume),
        form,
        inodes: BTreeMap::new(),
        bitmaps: Bitmaps::default(),
        freed: Vec::new(),
        reserved: reserved(&commits),
        runs: 0,
        searched: 0,
        trouble: Vec::new(),
    };
    for change in commits.changes {
        let what = name_of(&change);
        let result = work.change(change);
        work.tell(&what, result);
    }
    let numbers: Vec<u64> = work.inodes.keys().copied().collect();
    for inode in &numbers {
        let result = work.write_map(*inode);
        work.tell(&format!("the map of inode {inode}"), result);
    }
    let result = work.mark();
    work.tell("the bitmaps", result);
    for inode in &numbers {
        let result = work.write_inode(*inode);
        work.tell(&format!("inode {inode}"), result);
    }
    let result = std::mem::take(&mut work.bitmaps).finish(&mut work.editor);
    work.tell("the group descriptors", result);
    Applied { blocks: work.editor.blocks, trouble: work.trouble }
}

fn reserved(commits: &FastCommits) -> Vec<(u64, u64)> {
    let ranges = commits.changes.iter().filter_map(|change| match change {
        Change::AddRange { extent, .. } => tree::parse_extent(extent),
        _ => None,
    });
    joined(ranges.map(|(_, run)| (run.place, run.place.saturating_add(run.blocks))))
}

/// Ranges in order, those that touch each other put together.
fn joined(ranges: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = ranges.collect();
    ranges.sort_unstable();
    ranges.dedup_by(|next, last| {
        let touches = next.0 <= last.1;
        if touches {
            last.1 = last.1.max(next.1);
        }
        touches
    });
    ranges
}

fn name_of(change: &Change) -> String {
    let of = |what: &str, name: &Name| {
        let shown = kanshiki_model::visible(&name.name);
        format!("{what} `{shown}` of inode {} in directory {}", name.inode, name.parent)
    };
    match change {
        Change::AddRange { inode, .. } => format!("new blocks of inode {inode}"),
        Change::DeleteRange { inode, .. } => format!("blocks taken from inode {inode}"),
        Change::Create(name) | Change::Link(name) => of("name", name),
        Change::Unlink(name) => of("removal of name", name),
        Change::Inode { inode, .. } => format!("inode {inode}"),
    }
}

pub(super) fn unsupported(inode: u64, detail: &str) -> FsError {
    FsError::Unsupported { inode: Some(inode), detail: detail.to_owned() }
}

impl Work<'_> {
    fn tell(&mut self, what: &str, result: Result<(), FsError>) {
        if let Err(error) = result
            && self.trouble.len() < MAX_TROUBLE
        {
            self.trouble.push(format!("{what}: {error}"));
        }
    }

    fn change(&mut self, change: Change) -> Result<(), FsError> {
        match change {
            Change::Inode { inode, bytes } => self.inode(inode, &bytes),
            Change::AddRange { inode, extent } => self.add_range(inode, &extent),
            Change::DeleteRange { inode, first, blocks } => {
                let held = self.mapped(inode)?;
                let freed = tree::cut(&mut held.runs, first, blocks);
                held.remapped = true;
                self.freed.extend(freed);
                Ok(())
            }
            Change::Create(name) => self.create(&name),
            Change::Link(name) => {
                if self.link(&name)? {
                    self.hold(name.inode)?.set_links(|links| links.saturating_add(1));
                }
                Ok(())
            }
            Change::Unlink(name) => self.unlink(&name),
        }
    }

    /// An inode to change.
    pub(super) fn hold(&mut self, inode: u64) -> Result<&mut Held, FsError> {
        if !self.inodes.contains_key(&inode) {
            let held = self.load(inode)?;
            let bytes = held.bytes.len().saturating_add(size_of::<Held>());
            if self.inodes.len().saturating_mul(bytes) > MAX_INODE_BYTES {
                return Err(unsupported(inode, "fast commits on so many inodes"));
            }
            self.inodes.insert(inode, held);
        }
        let lost = || unsupported(inode, "it is not held");
        self.inodes.get_mut(&inode).ok_or_else(lost)
    }

    fn load(&mut self, number: u64) -> Result<Held, FsError> {
        let volume = self.editor.volume;
        let inode = volume.inode(number)?;
        let was_used = volume.inode_is_allocated(number) != Some(false);
        let mut held = Held {
            bytes: inode.bytes.to_vec(),
            runs: Runs::new(),
            nodes: Vec::new(),
            remapped: false,
            settled: false,
            recorded: false,
            was_used,
            was_directory: was_used && inode.node_type() == NodeType::Directory,
            linear: false,
        };
        if !held.is_mapped() || !was_used {
            return Ok(held);
        }
        for piece in Pieces::new(volume, &inode, 0) {
            let (place, unwritten) = match piece.spot? {
                Spot::Stored(place) => (place, false),
                Spot::Unwritten(place) => (place, true),
                Spot::Hole => continue,
            };
            if self.runs >= MAX_RUNS {
                return Err(unsupported(number, "fast commits on files with more than a million extents"));
            }
            self.runs = self.runs.saturating_add(1);
            held.runs.insert(piece.start, Run { place, blocks: piece.blocks, unwritten });
        }
        let map = held.bytes.get(MAP..GENERATION).unwrap_or_default();
        held.nodes = tree::nodes(map, |block| self.editor.read(block, "extent node"))?;
        self.runs = self.runs.saturating_add(held.nodes.len());
        Ok(held)
    }

    /// An inode with an extent tree to change.
    fn mapped(&mut self, inode: u64) -> Result<&mut Held, FsError> {
        let held = self.hold(inode)?;
        if held.is_mapped() { Ok(held) } else { Err(unsupported(inode, "fast commits on a file without extents")) }
    }

    /// An inode record: all of the inode but its map. Where the map holds no blocks, that is taken too, for there the
    /// record is right: the kernel writes targets of links and numbers of devices nowhere else.
    fn inode(&mut self, inode: u64, record: &[u8]) -> Result<(), FsError> {
        let held = self.hold(inode)?;
        let known = held.was_used || held.recorded;
        if !known || u32_le(record, GENERATION) != Some(held.u32(GENERATION)) {
            // Another file had the inode, or none.
            let given_up = std::mem::take(&mut held.runs);
            let nodes = std::mem::take(&mut held.nodes);
            held.bytes.fill(0);
            held.remapped = true;
            let places = given_up.into_values().map(|run| (run.place, run.blocks));
            let given_up: Vec<_> = places.chain(nodes.into_iter().map(|node| (node, 1))).collect();
            self.freed.extend(given_up);
        }
        let held = self.hold(inode)?;
        (held.settled, held.recorded) = (true, true);
        put(&mut held.bytes, 0, record.get(..MAP).unwrap_or_default());
        put(&mut held.bytes, GENERATION, record.get(GENERATION..).unwrap_or_default());
        if !held.is_mapped() {
            put(&mut held.bytes, MAP, record.get(MAP..GENERATION).unwrap_or_default());
        }
        Ok(())
    }

    fn add_range(&mut self, inode: u64, extent: &[u8; 12]) -> Result<(), FsError> {
        let Some((first, run)) = tree::parse_extent(extent) else {
            return Err(unsupported(inode, "an extent of no blocks"));
        };
        let superblock = &self.editor.volume.superblock;
        if !superblock.holds_blocks(run.place, run.blocks) {
            let detail = format!("{} blocks from block {} on reach outside of the filesystem", run.blocks, run.place);
            let offset = superblock.offset_of(run.place);
            return Err(FsError::Damaged { structure: "fast commit", inode: Some(inode), offset, detail });
        }
        if self.runs >= MAX_RUNS {
            return Err(unsupported(inode, "more than a million extents"));
        }
        self.runs = self.runs.saturating_add(1);
        let held = self.mapped(inode)?;
        let freed = tree::cut(&mut held.runs, first, run.blocks);
        held.runs.insert(first, run);
        held.remapped = true;
        self.freed.extend(freed);
        Ok(())
    }
    /// Writes the map of an inode into it, with blocks beside it where it needs them.
    fn write_map(&mut self, inode: u64) -> Result<(), FsError> {
        let volume = self.editor.volume;
        let Some(held) = self.inodes.get_mut(&inode).filter(|held| held.is_mapped()) else { return Ok(()) };
        if !held.remapped {
            return Ok(());
        }
        let seed = inode_seed(volume, inode, &held.u32(GENERATION).to_le_bytes());
        let seed = volume.superblock.checksums().then_some(seed);
        let runs = std::mem::take(&mut held.runs);
        let mut old = std::mem::take(&mut held.nodes).into_iter();
        let (bitmaps, editor, reserved) = (&mut self.bitmaps, &mut self.editor, &self.reserved);
        let built = tree::build(&runs, self.form.block_bytes, seed, || {
            old.next().or_else(|| bitmaps.allocate(editor, inode, reserved))
        });
        self.freed.extend(old.map(|node| (node, 1)));
        let Some(held) = self.inodes.get_mut(&inode) else { return Ok(()) };
        held.runs = runs;
        let Some(tree) = built else { return Err(unsupported(inode, "no free block for the map of a file")) };
        put(&mut held.bytes, MAP, &tree.root);
        held.nodes = tree.nodes.iter().map(|(block, _)| *block).collect();
        held.count_blocks(&volume.superblock);
        tree.nodes.into_iter().try_for_each(|(block, node)| self.editor.write(block, node))
    }

    /// Marks what was given up as free, and after that what the changed inodes have as used.
    fn mark(&mut self) -> Result<(), FsError> {
        let (bitmaps, editor) = (&mut self.bitmaps, &mut self.editor);
        let freed = std::mem::take(&mut self.freed);
        for (start, end) in joined(freed.into_iter().map(|(place, blocks)| (place, place.saturating_add(blocks)))) {
            bitmaps.mark_blocks(editor, start, end.saturating_sub(start), false)?;
        }
        let gone = |held: &Held| held.settled && held.u16(LINKS) == 0;
        for used in [false, true] {
            let touched = self.inodes.iter().filter(|(_, held)| held.settled || held.remapped);
            for (inode, held) in touched.filter(|(_, held)| gone(held) != used) {
                // What was in use and has the map that it had is marked already.
                let runs = held.runs.values().map(|run| (run.place, run.blocks));
                let runs = runs.filter(|_| !used || held.remapped || !held.was_used);
                for (place, blocks) in runs.chain(held.nodes.iter().map(|node| (*node, 1))) {
                    bitmaps.mark_blocks(editor, place, blocks, used)?;
                }
                let directory = used && held.is_directory();
                if held.was_used != used {
                    bitmaps.mark_inode(editor, *inode, used)?;
                }
                if held.was_directory != directory {
                    bitmaps.count_directory(editor, *inode, directory)?;
                }
            }
        }
        Ok(())
    }

    fn write_inode(&mut self, number: u64) -> Result<(), FsError> {
        let volume = self.editor.volume;
        let superblock = &volume.superblock;
        let (group, index) = volume.group_of(number)?;
        let start = superblock.offset_of(volume.descriptor(group)?.inode_table);
        let offset = start.saturating_add(index.saturating_mul(superblock.inode_bytes));
        let block = offset.checked_div(superblock.block_bytes).unwrap_or(0);
        let within = bounded(offset.checked_rem(superblock.block_bytes).unwrap_or(0), self.form.block_bytes);
        let Some(held) = self.inodes.get_mut(&number) else { return Ok(()) };
        if superblock.checksums() {
            sum_inode(volume, number, &mut held.bytes);
        }
        let bytes = held.bytes.clone();
        let table = self.editor.edit(block, |editor| editor.read(block, "inode table"))?;
        put(table, within, &bytes);
        Ok(())
    }
}
