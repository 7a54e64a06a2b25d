//! Fast commits: what changed since the last whole transaction, as changes of inodes, extents and names instead of copies
//! of blocks. They are applied to copies of the metadata blocks in memory.
//!
//! The area is a row of blocks, each full of records: tag (16 bits), length (16 bits), value; little-endian.
//!
//! | tag | value |
//! | --- | --- |
//! | 1 add range | inode; extent of 12 bytes as in a leaf of an extent tree |
//! | 2 delete range | inode, first block of the file, number of blocks |
//! | 3 create, 4 link, 5 unlink | directory, inode; name |
//! | 6 inode | inode; its bytes, as many as are in use |
//! | 7 padding | anything |
//! | 8 tail | transaction, CRC-32C of all since the tail before; fills up its block |
//! | 9 head | features (0), transaction |
//!
//! They count if they belong to the transaction after the last whole one, up to the last tail whose checksum is right.
//!
//! What the kernel makes of them differs from mount to mount, for it takes blocks for maps and directories where it finds
//! room, and sets times of directories to its own clock. Here the times of directories stay as they were, for fast commits
//! do not hold them; a file that lost its last name is marked as free and keeps its map, without a time of deletion; and a
//! directory that gets a name loses its hash index, for the name goes where there is room.
//!
//! Source: Linux 6.18, `fs/ext4/fast_commit.h` and `fast_commit.c`; e2fsprogs 1.47.4, `e2fsck/journal.c`.

mod apply;
mod bitmaps;
mod directory;
mod edit;
mod held;
mod names;
mod tags;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use apply::{Applied, apply};
pub(crate) use edit::{EditedBlocks, put};
pub(crate) use tags::{FastCommits, scan};
