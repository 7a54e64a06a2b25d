//! ext2, ext3 and ext4.

mod backup;
mod bitmap;
mod block_use;
mod cache;
mod check;
mod checksum;
mod content;
mod deleted;
mod details;
mod directory;
mod entry_names;
mod features;
mod groups;
mod hash_tree;
mod inode;
pub mod journal;
mod layout;
mod map;
mod name_index;
mod node_blocks;
mod orphans;
mod removed;
mod summary;
mod sums;
mod superblock;
mod tables;
#[cfg(test)]
mod tests;
mod volume;
mod xattr;

use crate::open::OpenOptions;
use crate::{
    BlockUse, DeletedNode, Detail, Entry, Extent, ExtentState, FileSystem, FsError, JournalCopy, JournalState, Node,
    NodeBlock, NodeId, NodeState, NodeType, Stream, Summary, Xattr,
};
use content::held_places;
use features::flag;
use inode::Inode;
use journal::Log;
use kanshiki_image::{ReadAt, Source};
use kanshiki_model::{ByteRange, Issue};
use map::{Piece, Pieces, Spot};
use name_index::{Answer, NameIndexes};
use std::ops::ControlFlow;
use std::sync::Arc;
use tables::Tables;
use volume::Volume;

/// The root directory's inode.
const ROOT: u64 = 2;

/// Longest target of a symbolic link (`PATH_MAX`, include/uapi/linux/limits.h).
const LONGEST_LINK: u64 = 4096;

/// A volume with ext2, ext3 or ext4.
#[derive(Debug)]
pub struct Ext {
    volume: Arc<Volume>,
    journal: JournalState,
    log: Option<Log>,
    names: NameIndexes,
}

/// Whether a volume holds ext2, ext3 or ext4, also if the primary superblock is broken.
pub(crate) fn probe(source: &dyn ReadAt) -> bool {
    backup::is_there(source)
}

/// Opens a volume with ext2, ext3 or ext4.
pub(crate) fn open(source: Source, options: &OpenOptions) -> Result<Arc<dyn FileSystem>, FsError> {
    let disk = Volume::open(source)?;
    let attached = journal::attach(&disk, options.journal);
    let mut volume = attached.volume.unwrap_or(disk);
    volume.issues.extend(attached.issues);
    let (journal, log) = (attached.state, attached.log);
    Ok(Arc::new(Ext { volume: Arc::new(volume), journal, log, names: NameIndexes::default() }))
}

impl Ext {
    /// Opens the filesystem as it lies in `source`, which may be a volume or a volume with a journal laid over it.
    ///
    /// # Errors
    ///
    /// [`FsError::Damaged`] if there is no superblock and no copy of it; [`FsError::Unsupported`] for features that change
    /// the format in a way that is not known here.
    pub fn open_over(source: Source) -> Result<Self, FsError> {
        let (journal, names) = (JournalState::None, NameIndexes::default());
        Ok(Self { volume: Arc::new(Volume::open(source)?), journal, log: None, names })
    }

    /// The same with what became of its journal.
    #[must_use]
    pub fn with_journal(mut self, journal: JournalState) -> Self {
        self.journal = journal;
        self
    }

    fn load(&self, id: NodeId) -> Result<Inode, FsError> {
        let inode = self.volume.inode(id.inode)?;
        if inode.generation != id.generation {
            let (expected, found) = (id.generation, inode.generation);
            return Err(FsError::Reused { inode: id.inode, expected, found });
        }
        Ok(inode)
    }

    fn directory(&self, id: NodeId) -> Result<Inode, FsError> {
        let inode = self.load(id)?;
        if inode.node_type() != NodeType::Directory {
            return Err(FsError::WrongType { inode: id.inode, expected: "directory" });
        }
        Ok(inode)
    }

    fn extent(&self, piece: Piece) -> Result<Extent, FsError> {
        let byte = |block| self.volume.superblock.offset_of(block);
        let range = ByteRange::new(byte(piece.start), byte(piece.end()));
        let state = match piece.spot? {
            Spot::Stored(block) => ExtentState::Stored(byte(block)),
            Spot::Unwritten(block) => ExtentState::Unwritten(byte(block)),
            Spot::Hole => ExtentState::Hole,
        };
        Ok(Extent { range, state })
    }
}

/// Whether the content can be read at all.
fn refuse_unreadable(inode: &Inode) -> Result<(), FsError> {
    let unsupported = |detail: &str| Err(FsError::Unsupported { inode: Some(inode.number), detail: detail.to_owned() });
    if inode.has(flag::ENCRYPT) && matches!(inode.node_type(), NodeType::File | NodeType::Symlink) {
        return unsupported("the content is encrypted, and its key is not on the disk");
    }
    if inode.has(flag::COMPRESSED_BLOCKS) && inode.node_type() == NodeType::File && !inode.has(flag::EXTENTS) {
        return unsupported("the content is compressed by e2compr");
    }
    Ok(())
}

impl FileSystem for Ext {
    fn summary(&self) -> Summary {
        summary::summary(&self.volume.superblock, self.journal.clone())
    }

    fn issues(&self) -> &[Issue] {
        &self.volume.issues
    }

    fn is_whole(&self) -> bool {
        self.volume.unreadable().is_empty()
    }

    fn root(&self) -> u64 {
        ROOT
    }

    fn inode(&self, inode: u64) -> Result<Node, FsError> {
        Ok(self.volume.node(&self.volume.inode(inode)?))
    }

    fn inodes(&self) -> Stream<'_, Node> {
        Box::new(Tables::new(&self.volume).map(|found| {
            let (inode, allocated) = found?;
            Ok(self.volume.node_in_state(&inode, tables::state(&self.volume, &inode, allocated)))
        }))
    }

    fn children(&self, directory: NodeId) -> Result<Stream<'_, Entry>, FsError> {
        let inode = self.directory(directory)?;
        Ok(Box::new(directory::Children::new(&self.volume, &inode)))
    }

    fn lookup(&self, directory: NodeId, name: &[u8]) -> Result<Option<Entry>, FsError> {
        let inode = self.directory(directory)?;
        if let Answer::Known(answer) = self.names.look_up(&self.volume, &inode, name) {
            return answer;
        }
        let mut damage = None;
        // What is wrong with the names beside it does not hide the one that is looked for.
        for entry in directory::Children::unjudged(&self.volume, &inode) {
            match entry {
                Ok(entry) if entry.name == name => return Ok(Some(entry)),
                Ok(_) => {}
                Err(error) => damage = damage.or(Some(error)),
            }
        }
        damage.map_or(Ok(None), Err)
    }

    fn removed_entries(&self, directory: NodeId) -> Result<Stream<'_, Entry>, FsError> {
        let inode = self.directory(directory)?;
        Ok(Box::new(removed::Removed::new(&self.volume, &inode)))
    }

    fn content(&self, id: NodeId) -> Result<Source, FsError> {
        let inode = self.load(id)?;
        refuse_unreadable(&inode)?;
        content::open(&self.volume, inode)
    }

    fn extents(&self, id: NodeId) -> Result<Stream<'_, Extent>, FsError> {
        let inode = self.load(id)?;
        if inode.is_fast_link() || inode.has(flag::INLINE_DATA) {
            let places = held_places(&inode);
            let end = places.last().map_or(0, |(range, _)| range.end);
            let inline = places.into_iter().map(|(range, at)| Extent { range, state: ExtentState::Inline(at) });
            let hole = Extent { range: ByteRange::new(end, inode.size.max(end)), state: ExtentState::Hole };
            return Ok(Box::new(inline.chain(Some(hole).filter(|hole| !hole.range.is_empty())).map(Ok)));
        }
        Ok(Box::new(Pieces::new(&self.volume, &inode, 0).map(|piece| self.extent(piece))))
    }

    fn node_blocks(&self, id: NodeId) -> Result<Stream<'_, NodeBlock>, FsError> {
        Ok(Box::new(node_blocks::node_blocks(&self.volume, self.load(id)?)))
    }

    fn link_target(&self, id: NodeId) -> Result<Vec<u8>, FsError> {
        let inode = self.load(id)?;
        if inode.node_type() != NodeType::Symlink {
            return Err(FsError::WrongType { inode: id.inode, expected: "symbolic link" });
        }
        refuse_unreadable(&inode)?;
        let (number, offset, size) = (inode.number, inode.offset, inode.size);
        if size > LONGEST_LINK {
            let detail = format!("{size} bytes, at most {LONGEST_LINK}");
            return Err(FsError::Damaged { structure: "symbolic link", inode: Some(number), offset, detail });
        }
        let mut target = vec![0; kanshiki_image::bytes::bounded(size, 4096)];
        let read = content::open(&self.volume, inode)?.read_at(0, &mut target);
        let wrap = |source| FsError::Unreadable { structure: "symbolic link", inode: Some(number), offset, source };
        let read = read.map_err(wrap)?;
        target.truncate(read);
        Ok(target)
    }

    fn xattrs(&self, id: NodeId) -> Result<Stream<'_, Xattr>, FsError> {
        let inode = self.load(id)?;
        Ok(Box::new(xattr::list(&self.volume, &inode)))
    }

    fn details(&self, id: NodeId) -> Result<Vec<Detail>, FsError> {
        Ok(details::details(&self.volume, &self.load(id)?))
    }

    fn unattached<'a>(&'a self, is_reached: &'a (dyn Fn(u64) -> bool + Sync)) -> Stream<'a, Node> {
        Box::new(Tables::unreached(&self.volume, is_reached).filter_map(|found| {
            let (inode, allocated) = match found {
                Ok(found) => found,
                Err(error) => return Some(Err(error)),
            };
            let state = tables::state(&self.volume, &inode, allocated);
            let is_used = state == NodeState::Allocated && inode.links > 0 && inode.dtime == 0;
            let is_named = is_used && !inode.has(flag::EA_INODE) && !self.volume.superblock.is_own(inode.number);
            is_named.then(|| Ok(self.volume.node_in_state(&inode, state)))
        }))
    }

    fn deleted(&self) -> Stream<'_, DeletedNode> {
        Box::new(deleted::deleted(&self.volume))
    }

    fn block_use(&self, offset: u64) -> Result<BlockUse, FsError> {
        block_use::block_use(&self.volume, offset)
    }

    fn unallocated(&self) -> Stream<'_, ByteRange> {
        Box::new(bitmap::Unallocated::new(&self.volume))
    }

    fn history(&self) -> Stream<'_, JournalCopy> {
        Box::new(self.log.iter().flat_map(Log::history).map(Ok))
    }

    fn check(&self, found: &mut dyn FnMut(FsError) -> ControlFlow<()>) {
        check::check(&self.volume, found);
        // All of it was told by the check.
        self.volume.noticed.take();
    }

    fn noticed(&self) -> Vec<FsError> {
        self.volume.noticed.take()
    }
}
