//! The journal of ext3 and ext4 (JBD2), replayed in memory: nothing is written, an [`Overlay`] reads as the disk would
//! after the next mount.
//!
//! The log is a file of blocks: its superblock in block 0, then the log itself from `s_first`, which wraps, and at its
//! end the area of fast commits, if there is one. All numbers but those of fast commits are big-endian.
//!
//! | block of the log | what it holds, after the 12 bytes of its header (magic, type, sequence) |
//! | --- | --- |
//! | descriptor (1) | tags: for each of the blocks that follow in the log, the block of the volume that it is a copy of |
//! | commit (2) | ends a transaction: kind and length of a checksum at 12 and 13, checksum at 16, time at 48 and 56 |
//! | superblock (3, 4) | see [`superblock`](Superblock) |
//! | revocation (5) | length in bytes at 12, then blocks whose copies up to this transaction must not be replayed |
//!
//! A copy that would begin with the magic is stored with zeroes in its place, and its tag says so ("escaped").
//!
//! Replaying takes three passes as in the kernel: find the last whole transaction; collect what was revoked; lay over
//! the volume the last copy of each block that was not revoked in the same or a later transaction.
//!
//! Sources: Linux 6.18, `fs/jbd2/recovery.c`, `fs/jbd2/journal.c`, `include/linux/jbd2.h`; e2fsprogs 1.47.4,
//! `e2fsck/journal.c`.

mod attach;
mod blocks;
mod checksum;
mod error;
mod fast;
mod history;
mod log;
mod overlay;
mod replay;
mod scan;
mod superblock;
#[cfg(test)]
mod testlog;
#[cfg(test)]
mod tests;

use super::volume::Volume;
use crate::{FsError, JournalState, JournalUse};
use kanshiki_image::Source;

pub(crate) use attach::attach;
pub use error::JournalError;
pub use history::History;
pub use log::{Log, LogPlace, LogRun};
pub use overlay::Overlay;
pub use replay::{Problem, Replay};
pub use superblock::{ChecksumKind, Superblock};

/// The bytes of a volume with ext3 or ext4 as they are after its journal was replayed, or as they lie where there is
/// nothing to replay; and what became of the journal.
///
/// # Errors
///
/// [`FsError`] if the volume holds no ext2, ext3 or ext4 that can be opened.
pub fn replayed(source: Source) -> Result<(Source, JournalState), FsError> {
    let disk = Volume::open(Source::clone(&source))?;
    let attached = attach(&disk, JournalUse::Replay);
    Ok((attached.volume.map_or(source, |volume| volume.source), attached.state))
}
