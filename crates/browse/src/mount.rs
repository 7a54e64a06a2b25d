//! A [`View`](kanshiki_filesystem::View), or volumes as plain files, mounted through FUSE: read-only, without programs, special bits or devices.
//!
//! No libfuse is needed. Root mounts by itself; for an ordinary user `fusermount3` (package `fuse3`) does it.
//!
//! What a mount shows differs from the evidence in three things, because the kernel asks for it:
//!
//! - A time that is not recorded is shown as 1970-01-01, with a size or number that is not recorded as 0.
//! - Names that no kernel takes (empty, with a slash or NUL, a second `.` or `..`) are shown as `kanshiki-name-` and their
//!   bytes in hexadecimal, and can be opened by that name.
//! - The root is inode 1 to the kernel; programs see its own number. Where several volumes make the tree, the number of
//!   the volume, counted from 0, stands above bit 48 of an inode's number.

mod answers;
mod attributes;
mod directory;
mod names;
mod numbers;
mod raw;
mod session;
mod sources;
mod tree;

pub use raw::RawFile;
pub use session::{Ended, MountError, MountOptions, Mounted, mount_files, mount_view};
