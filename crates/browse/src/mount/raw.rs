//! Volumes, or whole disks, as plain files in one folder.

use super::answers::{LONG, answer_read, configure, seek};
use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, Request,
};
use kanshiki_image::Source;
use kanshiki_model::{Issue, Progress};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// A source that is shown as a file.
#[derive(Debug, Clone)]
pub struct RawFile {
    /// The file's name; slashes in it are shown as hyphens.
    pub name: String,
    /// Its bytes.
    pub source: Source,
}

/// The files, as the kernel sees them: number 1 is the folder, the first file number 2.
#[derive(Debug)]
pub(super) struct Files {
    files: Vec<RawFile>,
    progress: Arc<dyn Progress>,
}

const FIRST: u64 = 2;

impl Files {
    pub(super) fn new(files: impl IntoIterator<Item = RawFile>, progress: Arc<dyn Progress>) -> Self {
        let named = |file: RawFile| RawFile { name: file.name.replace(['/', '\0'], "-"), source: file.source };
        Self { files: files.into_iter().map(named).collect(), progress }
    }

    fn file(&self, number: INodeNo) -> Option<&RawFile> {
        let index = u64::from(number).checked_sub(FIRST)?;
        self.files.get(usize::try_from(index).ok()?)
    }

    /// The files with their numbers.
    fn numbered(&self) -> impl Iterator<Item = (u64, &RawFile)> {
        (FIRST..).zip(&self.files)
    }
}

fn attributes(number: u64, bytes: u64, kind: FileType) -> FileAttr {
    FileAttr {
        ino: INodeNo(number),
        size: bytes,
        blocks: bytes.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm: if kind == FileType::Directory { 0o500 } else { 0o400 },
        nlink: if kind == FileType::Directory { 2 } else { 1 },
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

impl Filesystem for Files {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        configure(config, InitFlags::empty());
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.numbered().find(|(_, file)| file.name.as_bytes() == name.as_bytes());
        match found.filter(|_| parent == INodeNo::ROOT) {
            Some((number, file)) => {
                let attributes = attributes(number, file.source.len(), FileType::RegularFile);
                reply.entry(&LONG, &attributes, Generation(0));
            }
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _request: &Request, number: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        match self.file(number) {
            _ if number == INodeNo::ROOT => reply.attr(&LONG, &attributes(1, 0, FileType::Directory)),
            Some(file) => reply.attr(&LONG, &attributes(number.into(), file.source.len(), FileType::RegularFile)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn open(&self, _request: &Request, _number: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn read(
        &self,
        _request: &Request,
        number: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let Some(file) = self.file(number) else { return reply.error(Errno::ENOENT) };
        answer_read(file.source.as_ref(), (offset, size), false, reply, |error| {
            self.progress.issue(&Issue::new(file.name.as_str(), error.to_string()));
            Errno::EIO
        });
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
        let Some(file) = self.file(number) else { return reply.error(Errno::ENOENT) };
        match seek(file.source.as_ref(), offset, whence) {
            Ok(at) => reply.offset(at),
            Err(error) => reply.error(error),
        }
    }

    fn readdir(
        &self,
        _request: &Request,
        _number: INodeNo,
        _handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let dots = [(1, FileType::Directory, "."), (1, FileType::Directory, "..")].into_iter();
        let files = self.numbered().map(|(number, file)| (number, FileType::RegularFile, file.name.as_str()));
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        for (next, (number, kind, name)) in (1..).zip(dots.chain(files)).skip(from) {
            if reply.add(INodeNo(number), next, kind, name) {
                break;
            }
        }
        reply.ok();
    }
}
