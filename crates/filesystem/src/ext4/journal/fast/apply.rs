//! Fast commits applied to the metadata in memory.

use super::bitmaps::Bitmaps;
use super::directory::{Form, file_type};
use super::edit::{EditedBlocks, Editor, inode_seed, low_and_high, put};
use super::tags::{Change, FastCommits, Name};
use super::tree::{self, Run, Runs};
use crate::ext4::features::{flag, incompatible};
use crate::ext4::map::{Pieces, Spot};
use crate::ext4::volume::Volume;
use crate::{FsError, NodeType};
use kanshiki_image::bytes::{array, bounded, u16_le, u32_le};
use std::collections::BTreeMap;

/// Extents of all files that are changed together: what is kept in memory.
const MAX_RUNS: usize = 1 << 20;

/// Blocks of directories that are looked through, all changes together.
const MAX_SEARCHED: u64 = 2 << 20;

/// How much of what could not be applied is told.
const MAX_TROUBLE: usize = 100;

const MODE: usize = 0;
const SIZE: usize = 4;
const LINKS: usize = 26;
const FLAGS: usize = 32;
const MAP: usize = 40;
const GENERATION: usize = 100;
const CHECKSUM: usize = 124;
const OLD_BYTES: usize = 128;
const CHECKSUM_HIGH: usize = 130;
/// The flag of a directory with a hash index.
const INDEX: u32 = 0x1000;
/// In a directory that lies in its inode, the number of its parent comes first.
const INLINE_ENTRIES: std::ops::Range<usize> = 44..GENERATION;

/// What became of the fast commits.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// The blocks that they change.
    pub(crate) blocks: EditedBlocks,
    /// What could not be applied, the first of it.
    pub(crate) trouble: Vec<String>,
}

/// An inode that is being changed.
#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    /// The map, of an inode with extents.
    runs: Runs,
    /// The blocks of the extent tree beside the inode.
    nodes: Vec<u64>,
    /// Whether the map differs from the one that is stored.
    remapped: bool,
    /// Whether an inode record of a fast commit was for it, or a name of it was removed.
    settled: bool,
    /// Whether it was in use before.
    was_used: bool,
    was_directory: bool,
    /// Whether the index of the directory was given up.
    linear: bool,
}

impl Held {
    fn u16(&self, at: usize) -> u16 {
        u16_le(&self.bytes, at).unwrap_or(0)
    }

    fn u32(&self, at: usize) -> u32 {
        u32_le(&self.bytes, at).unwrap_or(0)
    }

    fn has(&self, flag: u32) -> bool {
        self.u32(FLAGS) & flag != 0
    }

    fn is_directory(&self) -> bool {
        NodeType::from_mode(self.u16(MODE)) == NodeType::Directory
    }

    /// Whether its map is an extent tree.
    fn is_mapped(&self) -> bool {
        self.has(flag::EXTENTS) && !self.has(flag::INLINE_DATA)
    }

    fn set_links(&mut self, change: impl FnOnce(u16) -> u16) {
        let links = change(self.u16(LINKS));
        put(&mut self.bytes, LINKS, &links.to_le_bytes());
    }
}

struct Work<'a> {
    editor: Editor<'a>,
    form: Form,
    inodes: BTreeMap<u64, Held>,
    bitmaps: Bitmaps,
    /// Blocks that were given up.
    freed: Vec<(u64, u64)>,
    /// Blocks that the fast commits give to files, sorted.
    reserved: Vec<(u64, u64)>,
    runs: usize,
    searched: u64,
    trouble: Vec<String>,
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
    let mut ranges: Vec<(u64, u64)> =
        ranges.map(|(_, run)| (run.place, run.place.saturating_add(run.blocks))).collect();
    ranges.sort_unstable();
    ranges.dedup_by(|next, last| {
        let joined = next.0 <= last.1;
        if joined {
            last.1 = last.1.max(next.1);
        }
        joined
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

fn unsupported(inode: u64, detail: &str) -> FsError {
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
    fn hold(&mut self, inode: u64) -> Result<&mut Held, FsError> {
        if !self.inodes.contains_key(&inode) {
            let held = self.load(inode)?;
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
        let same = held.was_used && u32_le(record, GENERATION) == Some(held.u32(GENERATION));
        if !same && !held.settled {
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
        held.settled = true;
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

    fn create(&mut self, name: &Name) -> Result<(), FsError> {
        let held = self.hold(name.inode)?;
        held.settled = true;
        if !held.is_directory() {
            held.set_links(|_| 1);
        } else if held.is_mapped() && held.runs.is_empty() {
            let block = self.form.new_directory(name.inode, name.parent);
            self.append_block(name.inode, block)?;
        }
        self.link(name)?;
        if self.hold(name.inode)?.is_directory() {
            self.hold(name.parent)?.set_links(|links| links.saturating_add(1));
        }
        Ok(())
    }

    /// Adds a name to its directory; false if it is there already. One that leads elsewhere is replaced.
    fn link(&mut self, name: &Name) -> Result<bool, FsError> {
        let mode = self.hold(name.inode)?.u16(MODE);
        match self.find(name)? {
            Some(there) if u64::from(there) == name.inode => return Ok(false),
            Some(_) => self.remove(name)?,
            None => {}
        }
        self.leave_index(name.parent)?;
        let form = self.form;
        let mut add = |entries: &mut [u8]| form.add(entries, &name.name, name.inode, file_type(mode)).then_some(());
        if self.search(name.parent, Access::Write, &mut add)?.is_some() {
            return Ok(true);
        }
        if self.hold(name.parent)?.has(flag::INLINE_DATA) {
            return Err(unsupported(name.parent, "a directory inside its inode that has no more room"));
        }
        let mut block = self.form.empty();
        add(self.form.entries(&mut block));
        self.append_block(name.parent, block)?;
        Ok(true)
    }

    fn unlink(&mut self, name: &Name) -> Result<(), FsError> {
        if self.find(name)?.map(u64::from) != Some(name.inode) {
            return Ok(());
        }
        self.remove(name)?;
        let held = self.hold(name.inode)?;
        held.settled = true;
        if held.is_directory() {
            held.set_links(|_| 0);
            self.hold(name.parent)?.set_links(|links| links.saturating_sub(1));
        } else {
            held.set_links(|links| links.saturating_sub(1));
        }
        Ok(())
    }

    fn find(&mut self, name: &Name) -> Result<Option<u32>, FsError> {
        let form = self.form;
        self.search(name.parent, Access::Read, &mut |entries| form.find(entries, &name.name))
    }

    fn remove(&mut self, name: &Name) -> Result<(), FsError> {
        let form = self.form;
        let mut remove = |entries: &mut [u8]| {
            form.find(entries, &name.name)?;
            form.remove(entries, &name.name);
            Some(())
        };
        self.search(name.parent, Access::Write, &mut remove).map(drop)
    }

    /// Looks at the entries of a directory, block by block, until `look` gives something; with [`Access::Write`], the block
    /// in which it does is changed as `look` leaves it.
    fn search<T>(
        &mut self,
        directory: u64,
        access: Access,
        look: &mut dyn FnMut(&mut [u8]) -> Option<T>,
    ) -> Result<Option<T>, FsError> {
        let held = self.hold(directory)?;
        if !held.is_directory() {
            return Err(FsError::WrongType { inode: directory, expected: "directory" });
        }
        if held.has(flag::INLINE_DATA) {
            return Ok(held.bytes.get_mut(INLINE_ENTRIES).and_then(look));
        }
        if !held.is_mapped() {
            return Err(unsupported(directory, "fast commits on a directory without extents"));
        }
        let generation = held.u32(GENERATION).to_le_bytes();
        let runs: Vec<Run> = held.runs.values().copied().collect();
        let seed = inode_seed(self.editor.volume, directory, &generation);
        for place in runs.iter().flat_map(|run| run.place..run.place.saturating_add(run.blocks)) {
            self.searched = self.searched.saturating_add(1);
            if self.searched > MAX_SEARCHED {
                return Err(unsupported(directory, "fast commits with too many names in large directories"));
            }
            let mut block = self.editor.read(place, "directory")?;
            if let Some(found) = look(self.form.entries(&mut block)) {
                if access == Access::Write {
                    self.form.sum(&mut block, seed);
                    self.editor.write(place, block)?;
                }
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Gives up the hash index of a directory.
    fn leave_index(&mut self, directory: u64) -> Result<(), FsError> {
        let held = self.hold(directory)?;
        if held.linear || !held.has(INDEX) {
            return Ok(());
        }
        held.linear = true;
        let flags = held.u32(FLAGS) & !INDEX;
        put(&mut held.bytes, FLAGS, &flags.to_le_bytes());
        let generation = held.u32(GENERATION).to_le_bytes();
        let runs: Vec<(u64, Run)> = held.runs.iter().map(|(first, run)| (*first, *run)).collect();
        let seed = inode_seed(self.editor.volume, directory, &generation);
        for (first, run) in runs {
            for (number, place) in (first..).zip(run.place..run.place.saturating_add(run.blocks)) {
                self.searched = self.searched.saturating_add(1);
                let mut block = self.editor.read(place, "directory")?;
                if self.form.leave_index(&mut block, number == 0) {
                    self.form.sum(&mut block, seed);
                    self.editor.write(place, block)?;
                }
            }
        }
        Ok(())
    }

    /// Puts a new block at the end of a directory.
    fn append_block(&mut self, directory: u64, mut block: Vec<u8>) -> Result<(), FsError> {
        let full = || unsupported(directory, "no free block for a directory");
        let place = self.bitmaps.allocate(&mut self.editor, directory, &self.reserved).ok_or_else(full)?;
        let generation = self.hold(directory)?.u32(GENERATION).to_le_bytes();
        self.form.sum(&mut block, inode_seed(self.editor.volume, directory, &generation));
        self.editor.write(place, block)?;
        let block_bytes = self.editor.volume.superblock.block_bytes;
        let held = self.hold(directory)?;
        let last = held.runs.last_key_value();
        let number = last.map_or(0, |(first, run)| first.saturating_add(run.blocks));
        held.runs.insert(number, Run { place, blocks: 1, unwritten: false });
        held.remapped = true;
        let (size, _) = low_and_high(number.saturating_add(1).saturating_mul(block_bytes));
        let size = size.max(held.u32(SIZE));
        put(&mut held.bytes, SIZE, &size.to_le_bytes());
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
        tree.nodes.into_iter().try_for_each(|(block, node)| self.editor.write(block, node))
    }

    /// Marks what was given up as free, and after that what the changed inodes have as used.
    fn mark(&mut self) -> Result<(), FsError> {
        let (bitmaps, editor) = (&mut self.bitmaps, &mut self.editor);
        for (place, blocks) in std::mem::take(&mut self.freed) {
            bitmaps.mark_blocks(editor, place, blocks, false)?;
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
                let directory = if used { held.is_directory() } else { held.was_directory };
                if held.was_used != used {
                    bitmaps.mark_inode(editor, *inode, used, directory)?;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// Sets the checksum of an inode.
///
/// Source: Linux 6.18, `fs/ext4/inode.c`, `ext4_inode_csum`.
fn sum_inode(volume: &Volume, number: u64, bytes: &mut [u8]) {
    use crate::ext4::checksum::crc32c;
    let wide = bytes.len() > OLD_BYTES && u16_le(bytes, OLD_BYTES).is_some_and(|extra| extra >= 4);
    put(bytes, CHECKSUM, &[0; 2]);
    if wide {
        put(bytes, CHECKSUM_HIGH, &[0; 2]);
    }
    let generation: [u8; 4] = array(bytes, GENERATION).unwrap_or_default();
    let (low, high) = super::edit::halves(crc32c(inode_seed(volume, number, &generation), bytes));
    put(bytes, CHECKSUM, &low.to_le_bytes());
    if wide {
        put(bytes, CHECKSUM_HIGH, &high.to_le_bytes());
    }
}
