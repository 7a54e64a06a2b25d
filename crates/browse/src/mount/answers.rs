//! Answers to the kernel that are the same for files and for volumes as raw files.

use fuser::{Errno, InitFlags, KernelConfig, ReplyData, ReplyXattr};
use kanshiki_image::bytes::{bounded, length};
use kanshiki_image::{Around, Next, ReadAt, ReadError, RunState};
use kanshiki_model::ByteRange;
use std::cell::RefCell;
use std::time::Duration;

/// How long the kernel keeps what it was told.
pub(super) const LONG: Duration = Duration::from_secs(86_400);

/// The most bytes that one answer holds.
pub(super) const ANSWER: usize = 1 << 20;

/// Answers a question for an attribute, whose size the kernel may ask first.
pub(super) fn answer_xattr(reply: ReplyXattr, size: u32, bytes: &[u8]) {
    match (u32::try_from(bytes.len()), size) {
        (Ok(length), 0) => reply.size(length),
        (Ok(length), room) if length <= room => reply.data(bytes),
        (Ok(_), _) => reply.error(Errno::ERANGE),
        (Err(_), _) => reply.error(Errno::E2BIG),
    }
}

/// Reads from a content into the thread's own buffer and answers with it; up to what cannot be read, if part of what was
/// asked for will do.
pub(super) fn answer_read(
    source: &dyn ReadAt,
    (offset, size): (u64, u32),
    in_part: bool,
    reply: ReplyData,
    failed: impl FnOnce(&ReadError) -> Errno,
) {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        let size = bounded(source.len().saturating_sub(offset), bounded(u64::from(size), ANSWER));
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        let part = buffer.get_mut(..size).unwrap_or_default();
        match source.read_at(offset, part) {
            Ok(read) => reply.data(part.get(..read).unwrap_or_default()),
            Err(error) => {
                let range = ByteRange::new(offset, offset.saturating_add(length(size)));
                match Around::new(source, range).next(part) {
                    Next::Bytes(read) if in_part && read > 0 => reply.data(part.get(..read).unwrap_or_default()),
                    _ => reply.error(failed(&error)),
                }
            }
        }
    });
}

/// The next byte at or behind `offset` that is data (`SEEK_DATA`) or in a hole (`SEEK_HOLE`); its error otherwise.
pub(super) fn seek(source: &dyn ReadAt, offset: i64, whence: i32) -> Result<i64, Errno> {
    const SEEK_DATA: i32 = 3;
    const SEEK_HOLE: i32 = 4;
    let from = u64::try_from(offset).ok().filter(|from| *from < source.len()).ok_or(Errno::ENXIO)?;
    let wanted = |state| match whence {
        SEEK_DATA => state != RunState::Hole,
        _ => state == RunState::Hole,
    };
    if whence != SEEK_DATA && whence != SEEK_HOLE {
        return Err(Errno::EINVAL);
    }
    let found = source
        .runs()
        .filter(|(run, state)| run.end > from && wanted(*state))
        .map(|(run, _)| run.start.max(from))
        .next();
    let end = (whence == SEEK_HOLE).then_some(source.len());
    let at = found.or(end).ok_or(Errno::ENXIO)?;
    i64::try_from(at).map_err(|_| Errno::EOVERFLOW)
}

/// What the kernel is asked to do for a mount that never changes.
pub(super) fn configure(config: &mut KernelConfig, more: InitFlags) -> bool {
    // What a kernel does not know is done without.
    let wanted = InitFlags::FUSE_PARALLEL_DIROPS | InitFlags::FUSE_CACHE_SYMLINKS | InitFlags::FUSE_ASYNC_READ | more;
    let _ = config.add_capabilities(wanted & config.capabilities());
    let _ = config.set_max_write(u32::try_from(ANSWER).unwrap_or(u32::MAX));
    let _ = config.set_max_background(64);
    config.capabilities().contains(InitFlags::FUSE_NO_OPEN_SUPPORT)
}
