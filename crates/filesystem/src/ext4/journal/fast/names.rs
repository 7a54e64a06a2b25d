//! Names added to directories and removed from them.

use super::apply::{Work, unsupported};
use super::directory::file_type;
use super::edit::{inode_seed, low_and_high, put};
use super::held::{FLAGS, GENERATION, MODE, SIZE};
use super::tags::Name;
use super::tree::Run;
use crate::FsError;
use crate::ext4::features::flag;

/// Blocks of directories that are looked through, all changes together.
const MAX_SEARCHED: u64 = 2 << 20;

/// The flag of a directory with a hash index.
const INDEX: u32 = 0x1000;
/// In a directory that lies in its inode, the number of its parent comes first.
const INLINE_ENTRIES: std::ops::Range<usize> = 44..GENERATION;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl Work<'_> {
    pub(super) fn create(&mut self, name: &Name) -> Result<(), FsError> {
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
    pub(super) fn link(&mut self, name: &Name) -> Result<bool, FsError> {
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

    pub(super) fn unlink(&mut self, name: &Name) -> Result<(), FsError> {
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
            self.count_search(directory)?;
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

    fn count_search(&mut self, directory: u64) -> Result<(), FsError> {
        self.searched = self.searched.saturating_add(1);
        if self.searched > MAX_SEARCHED {
            return Err(unsupported(directory, "fast commits with too many names in large directories"));
        }
        Ok(())
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
                self.count_search(directory)?;
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
    pub(super) fn append_block(&mut self, directory: u64, mut block: Vec<u8>) -> Result<(), FsError> {
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
}
