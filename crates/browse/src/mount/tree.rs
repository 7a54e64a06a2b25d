//! What the kernel asks of a mounted view, and the answers.
//!
//! The kernel keeps names, attributes and contents for a day, because nothing changes; files are not opened and closed
//! one by one where it knows how to do without.

use super::answers::{LONG, answer_read, answer_xattr, configure, seek};
use super::attributes::{attributes, kind};
use super::directory::Packed;
use super::names;
use super::numbers::Numbers;
use super::sources::Sources;
use fuser::{
    AccessFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty,
    ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs, ReplyXattr, Request,
};
use kanshiki_filesystem::{EntryState, FileSystem, Follow, FsError, Node, NodeType, Place, Summary, View};
use kanshiki_image::{ReadError, RunState, Source};
use kanshiki_model::{EvidencePath, Issue, Progress};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// "Structure needs cleaning", as the kernel's own filesystems answer where something is damaged.
const EUCLEAN: i32 = 117;

/// "Required key not available", as the kernel answers for encrypted files.
const ENOKEY: i32 = 126;

/// A view, as the kernel sees it.
#[derive(Debug)]
pub(super) struct Tree {
    view: View,
    numbers: Numbers,
    /// Directories that a volume hangs over, with its root.
    covered: HashMap<(usize, u64), (usize, u64)>,
    summary: Summary,
    sources: Sources,
    open: RwLock<HashMap<u64, Arc<Listing>>>,
    handles: AtomicU64,
    without_open: AtomicBool,
    /// Whether all bytes of the volumes can be read, as far as is known.
    is_whole: bool,
    progress: Arc<dyn Progress>,
}

/// The handle of files that are read around the kernel's cache, which has pages alone: all of a page or nothing.
const IN_PART: FileHandle = FileHandle(1);

/// An open directory.
#[derive(Debug)]
struct Listing {
    packed: Packed,
    /// What is told behind the last entry, if something in the directory could not be read.
    damage: Option<Errno>,
}

impl Tree {
    /// For a view; issues that come up later go to `progress`.
    pub(super) fn new(view: View, progress: Arc<dyn Progress>) -> Result<Self, FsError> {
        let (place, _) = view.root()?;
        let root = (place.volume, place.node.inode);
        let summary = view.filesystem(place).ok_or_else(no_volume)?.summary();
        let covered = covered(&view);
        let is_whole = view.volumes().iter().all(|volume| volume.filesystem.is_whole());
        Ok(Self {
            is_whole,
            numbers: Numbers::new(root.0, root.1),
            covered,
            summary,
            sources: Sources::default(),
            open: RwLock::default(),
            handles: AtomicU64::new(1),
            without_open: AtomicBool::new(false),
            progress,
            view,
        })
    }

    /// The filesystem and the node that a number stands for.
    fn node(&self, number: INodeNo) -> Result<(usize, &dyn FileSystem, Node), FsError> {
        let (volume, inode) = self.numbers.meant(number).ok_or_else(no_volume)?;
        let filesystem = self.filesystem(volume)?;
        Ok((volume, filesystem, filesystem.inode(inode)?))
    }

    fn filesystem(&self, volume: usize) -> Result<&dyn FileSystem, FsError> {
        self.view.volumes().get(volume).map(|volume| volume.filesystem.as_ref()).ok_or_else(no_volume)
    }

    /// Where an entry leads: over to the root of another volume, if one hangs there.
    fn target(&self, volume: usize, inode: u64) -> (usize, u64) {
        self.covered.get(&(volume, inode)).copied().unwrap_or((volume, inode))
    }

    /// The attributes of a node under the number by which the kernel asks for it.
    fn entry(&self, volume: usize, inode: u64) -> Result<(FileAttr, Generation), FsError> {
        let node = self.filesystem(volume)?.inode(inode)?;
        let number = self.numbers.asked(volume, inode).ok_or_else(no_volume)?;
        let attributes = attributes(&node, number.into()).ok_or_else(|| unknown_type(&node))?;
        Ok((attributes, Generation(u64::from(node.id.generation))))
    }

    fn look_up(&self, parent: INodeNo, name: &[u8]) -> Result<Option<(FileAttr, Generation)>, FsError> {
        let (volume, filesystem, node) = self.node(parent)?;
        let mut found = filesystem.lookup(node.id, name)?;
        if found.is_none()
            && let Some(meant) = names::meant(name)
        {
            found = filesystem.lookup(node.id, &meant)?;
        }
        let Some(entry) = found else { return Ok(None) };
        let (volume, inode) = self.target(volume, entry.inode);
        self.entry(volume, inode).map(Some)
    }

    fn attributes(&self, number: INodeNo) -> Result<FileAttr, FsError> {
        let (volume, _, node) = self.node(number)?;
        let shown = Numbers::shown(volume, node.id.inode).unwrap_or_else(|| number.into());
        attributes(&node, shown).ok_or_else(|| unknown_type(&node))
    }

    fn list(&self, number: INodeNo) -> Result<Listing, FsError> {
        let (volume, filesystem, node) = self.node(number)?;
        let (mut packed, mut damage) = (Packed::default(), None);
        let mut parent = node.id.inode;
        let mut rest = Packed::default();
        let mut dots = 0_u8;
        for entry in filesystem.children(node.id)? {
            match entry {
                Ok(entry) if entry.state != EntryState::Live || entry.inode == 0 => {}
                // Each directory has these two, and they come first; another one of the name is shown in another form.
                Ok(entry) if dots < 2 && (entry.name == b"." || entry.name == b"..") => {
                    dots = dots.saturating_add(1);
                    if entry.name == b".." {
                        parent = entry.inode;
                    }
                }
                Ok(entry) => {
                    if !rest.push(entry.inode, entry.node_type, &entry.name) {
                        damage = damage.or(Some(Errno::EFBIG));
                        break;
                    }
                }
                Err(error) => damage = damage.or(Some(self.refuse(volume, &error))),
            }
        }
        packed.push(node.id.inode, Some(NodeType::Directory), b".");
        packed.push(parent, Some(NodeType::Directory), b"..");
        packed.append(&rest);
        packed.seal();
        Ok(Listing { packed, damage })
    }

    /// The content of a file; kept for the next question.
    fn source(&self, number: INodeNo) -> Result<Source, FsError> {
        if let Some(source) = self.sources.get(number.into()) {
            return Ok(source);
        }
        let (_, filesystem, node) = self.node(number)?;
        if node.encrypted {
            return Err(FsError::Unsupported { inode: Some(node.id.inode), detail: "encrypted".to_owned() });
        }
        let source = filesystem.content(node.id)?;
        self.sources.put(number.into(), &source);
        Ok(source)
    }

    /// The error number for an error, which is told to the user too.
    fn refuse(&self, volume: usize, error: &FsError) -> Errno {
        let name = self.view.volumes().get(volume).map(|volume| volume.name.as_str()).unwrap_or_default();
        self.progress.issue(&error.issue(&volume_subject(name)));
        match error {
            FsError::Damaged { .. } | FsError::NoInode { .. } => Errno::from_i32(EUCLEAN),
            FsError::Unsupported { detail, .. } if detail == "encrypted" => Errno::from_i32(ENOKEY),
            FsError::Unsupported { .. } => Errno::EOPNOTSUPP,
            FsError::Reused { .. } => Errno::ESTALE,
            FsError::WrongType { expected: "directory", .. } => Errno::ENOTDIR,
            FsError::WrongType { .. } => Errno::EINVAL,
            _ => Errno::EIO,
        }
    }

    /// Tells damage that was noticed on the way; what was asked is answered all the same.
    fn tell_noticed(&self) {
        for (volume, error) in self.view.noticed() {
            let name = self.view.volumes().get(volume).map(|volume| volume.name.as_str()).unwrap_or_default();
            self.progress.issue(&error.issue(&volume_subject(name)));
        }
    }

    /// Whether a part of a file is known to be unreadable.
    fn has_gaps(&self, number: INodeNo) -> bool {
        let has_gaps = |source: Source| source.runs().any(|(_, state)| state == RunState::Unreadable);
        !self.is_whole && self.source(number).is_ok_and(has_gaps)
    }

    fn refuse_at(&self, number: INodeNo, error: &FsError) -> Errno {
        self.refuse(self.numbers.meant(number).map_or(0, |(volume, _)| volume), error)
    }

    fn refuse_read(&self, number: INodeNo, error: &ReadError) -> Errno {
        let (volume, inode) = self.numbers.meant(number).unwrap_or_default();
        let name = self.view.volumes().get(volume).map(|volume| volume.name.as_str()).unwrap_or_default();
        self.progress.issue(&Issue::new(format!("{}, inode {inode}", volume_subject(name)), error.to_string()));
        Errno::EIO
    }

    fn listing(&self, handle: FileHandle) -> Option<Arc<Listing>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(&handle.0).cloned()
    }

    fn xattr(&self, number: INodeNo, name: &[u8]) -> Result<Option<Vec<u8>>, FsError> {
        let (_, filesystem, node) = self.node(number)?;
        for xattr in filesystem.xattrs(node.id)? {
            let xattr = xattr?;
            if xattr.name == name {
                return Ok(Some(xattr.value));
            }
        }
        Ok(None)
    }

    /// The names of all attributes, each with a NUL behind it.
    fn xattr_names(&self, number: INodeNo) -> Result<Vec<u8>, FsError> {
        let (_, filesystem, node) = self.node(number)?;
        let mut names = Vec::new();
        for xattr in filesystem.xattrs(node.id)? {
            let name = xattr?.name;
            if !name.is_empty() && !name.contains(&0) {
                names.extend_from_slice(&name);
                names.push(0);
            }
        }
        Ok(names)
    }
}

/// The directories over which volumes hang, each with the root of its volume.
fn covered(view: &View) -> HashMap<(usize, u64), (usize, u64)> {
    let mut covered = HashMap::new();
    for mount in view.mounts() {
        let names: Vec<&[u8]> = mount.path.names().collect();
        let Some((last, above)) = names.split_last() else { continue };
        let above = above.iter().fold(EvidencePath::root(), |path, name| path.join(name));
        let Ok(parent) = view.lookup(&above, Follow::All) else { continue };
        let Some(filesystem) = view.filesystem(parent.place) else { continue };
        let Ok((Place { volume, node }, _)) = view.root_of(mount.volume) else { continue };
        if let Ok(Some(entry)) = filesystem.lookup(parent.place.node, last) {
            covered.insert((parent.place.volume, entry.inode), (volume, node.inode));
        }
    }
    covered
}

fn no_volume() -> FsError {
    FsError::Unsupported { inode: None, detail: "no such volume, or an inode above 2^48".to_owned() }
}

fn unknown_type(node: &Node) -> FsError {
    FsError::Damaged {
        structure: "inode",
        inode: Some(node.id.inode),
        offset: node.offset,
        detail: format!("the mode {:07o} holds no type", node.mode),
    }
}

impl Filesystem for Tree {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        let plus = InitFlags::FUSE_DO_READDIRPLUS | InitFlags::FUSE_READDIRPLUS_AUTO;
        // Where files may have gaps, each is asked for when it is opened.
        *self.without_open.get_mut() = configure(config, plus) && self.is_whole;
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.look_up(parent, name.as_bytes()) {
            Ok(Some((attributes, generation))) => reply.entry(&LONG, &attributes, generation),
            Ok(None) => reply.error(Errno::ENOENT),
            Err(error) => reply.error(self.refuse_at(parent, &error)),
        }
        self.tell_noticed();
    }

    fn getattr(&self, _request: &Request, number: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(number) {
            Ok(attributes) => reply.attr(&LONG, &attributes),
            Err(error) => reply.error(self.refuse_at(number, &error)),
        }
        self.tell_noticed();
    }

    fn readlink(&self, _request: &Request, number: INodeNo, reply: ReplyData) {
        match self.node(number).and_then(|(_, filesystem, node)| filesystem.link_target(node.id)) {
            Ok(target) => reply.data(&target),
            Err(error) => reply.error(self.refuse_at(number, &error)),
        }
        self.tell_noticed();
    }

    fn access(&self, _request: &Request, _number: INodeNo, _mask: AccessFlags, reply: ReplyEmpty) {
        // Whoever may see the mount may read everything in it; writing is refused by the kernel.
        reply.ok();
    }

    fn open(&self, _request: &Request, number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        if self.without_open.load(Ordering::Relaxed) {
            // The kernel then opens files by itself.
            return reply.error(Errno::ENOSYS);
        }
        if self.has_gaps(number) {
            return reply.opened(IN_PART, FopenFlags::FOPEN_DIRECT_IO);
        }
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn read(
        &self,
        _request: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.source(number) {
            Ok(source) => answer_read(source.as_ref(), (offset, size), handle == IN_PART, reply, |error| {
                self.refuse_read(number, error)
            }),
            Err(error) => reply.error(self.refuse_at(number, &error)),
        }
        self.tell_noticed();
    }

    fn flush(&self, _request: &Request, _number: INodeNo, _handle: FileHandle, _owner: LockOwner, reply: ReplyEmpty) {
        reply.error(Errno::ENOSYS);
    }

    fn lseek(
        &self,
        _request: &Request,
        number: INodeNo,
        _handle: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        match self.source(number) {
            Ok(source) => match seek(source.as_ref(), offset, whence) {
                Ok(at) => reply.offset(at),
                Err(error) => reply.error(error),
            },
            Err(error) => reply.error(self.refuse_at(number, &error)),
        }
    }

    fn opendir(&self, _request: &Request, number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        match self.list(number) {
            Ok(listing) => {
                let handle = self.handles.fetch_add(1, Ordering::Relaxed);
                self.open.write().unwrap_or_else(PoisonError::into_inner).insert(handle, Arc::new(listing));
                reply.opened(FileHandle(handle), FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR);
            }
            Err(error) => reply.error(self.refuse_at(number, &error)),
        }
        self.tell_noticed();
    }

    fn readdir(&self, _request: &Request, number: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let Some(listing) = self.listing(handle) else { return reply.error(Errno::EBADF) };
        let volume = self.numbers.meant(number).map_or(0, |(volume, _)| volume);
        let (mut at, mut added) = (offset, false);
        while let Some(entry) = listing.packed.at(at) {
            let dot = entry.is_dot(at);
            at = entry.next;
            let (volume, inode) = if dot { (volume, entry.inode) } else { self.target(volume, entry.inode) };
            let Some(shown) = Numbers::shown(volume, inode) else { continue };
            let kind = entry.node_type.and_then(kind).or_else(|| {
                let node = self.filesystem(volume).ok()?.inode(inode).ok()?;
                kind(node.node_type)
            });
            let form = form(entry.name, dot);
            let name = form.as_deref().map_or(entry.name, str::as_bytes);
            let kind = kind.unwrap_or(FileType::RegularFile);
            if reply.add(INodeNo(shown), entry.next, kind, OsStr::from_bytes(name)) {
                return reply.ok();
            }
            added = true;
        }
        match listing.damage {
            Some(error) if !added => reply.error(error),
            _ => reply.ok(),
        }
    }

    fn readdirplus(
        &self,
        _request: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let Some(listing) = self.listing(handle) else { return reply.error(Errno::EBADF) };
        let volume = self.numbers.meant(number).map_or(0, |(volume, _)| volume);
        let (mut at, mut added) = (offset, false);
        while let Some(entry) = listing.packed.at(at) {
            let dot = entry.is_dot(at);
            at = entry.next;
            let (volume, inode) = if dot { (volume, entry.inode) } else { self.target(volume, entry.inode) };
            let Some(asked) = self.numbers.asked(volume, inode) else { continue };
            // What cannot be read is still named; its attributes are asked for again at once, and refused then.
            let (attributes, generation, long) = match self.entry(volume, inode) {
                Ok((attributes, generation)) => (attributes, generation, LONG),
                Err(_) => (stand_in(asked, entry.node_type), Generation(0), Duration::ZERO),
            };
            let form = form(entry.name, dot);
            let name = form.as_deref().map_or(entry.name, str::as_bytes);
            if reply.add(asked, entry.next, OsStr::from_bytes(name), &long, &attributes, generation) {
                return reply.ok();
            }
            added = true;
        }
        match listing.damage {
            Some(error) if !added => reply.error(error),
            _ => reply.ok(),
        }
    }

    fn releasedir(
        &self,
        _request: &Request,
        _number: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&handle.0);
        reply.ok();
    }

    fn statfs(&self, _request: &Request, _number: INodeNo, reply: ReplyStatfs) {
        let summary = &self.summary;
        let block = u32::try_from(summary.block_bytes).unwrap_or(u32::MAX);
        reply.statfs(
            summary.blocks,
            summary.free_blocks,
            summary.free_blocks,
            summary.inodes,
            summary.free_inodes,
            block,
            255,
            block,
        );
    }

    fn getxattr(&self, _request: &Request, number: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        match self.xattr(number, name.as_bytes()) {
            Ok(Some(value)) => answer_xattr(reply, size, &value),
            Ok(None) => reply.error(Errno::NO_XATTR),
            Err(error) => reply.error(self.refuse_at(number, &error)),
        }
        self.tell_noticed();
    }

    fn listxattr(&self, _request: &Request, number: INodeNo, size: u32, reply: ReplyXattr) {
        match self.xattr_names(number) {
            Ok(names) => answer_xattr(reply, size, &names),
            Err(error) => reply.error(self.refuse_at(number, &error)),
        }
        self.tell_noticed();
    }
}

/// The form in which a name is shown, unless it is one of the two that every directory has.
fn form(name: &[u8], dot: bool) -> Option<String> {
    if dot { None } else { names::shown(name) }
}

/// Attributes of a node that cannot be read.
fn stand_in(number: INodeNo, node_type: Option<NodeType>) -> FileAttr {
    FileAttr {
        ino: number,
        size: 0,
        blocks: 0,
        atime: std::time::UNIX_EPOCH,
        mtime: std::time::UNIX_EPOCH,
        ctime: std::time::UNIX_EPOCH,
        crtime: std::time::UNIX_EPOCH,
        kind: node_type.and_then(kind).unwrap_or(FileType::RegularFile),
        perm: 0,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

/// A volume as the subject of an issue; where the image is the volume, it has no name.
fn volume_subject(name: &str) -> String {
    if name.is_empty() { "volume".to_owned() } else { format!("volume {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_without_a_name_is_told_without_a_gap() {
        assert_eq!((volume_subject(""), volume_subject("p2")), ("volume".to_owned(), "volume p2".to_owned()));
    }
}
