//! Goes over what filesystems hold: over their trees, over their files in the order in which they lie on the disk, over the
//! inodes that no name leads to, on all cores and in one order at every run; and reads what compressed files hold.
//!
//! ```text
//! View ─▶ sweep ─▶ portions of files in the order of the disk ─▶ ordered work on all cores ─▶ results in that order
//!                                                                └─▶ Content of gzip, xz, zstd, bzip2
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod ahead;
pub mod contents;
pub mod decompress;
pub mod digest;
mod inode_set;
pub mod nameless;
pub mod parallel;
mod sweep;
mod trail;

pub use sweep::{Descend, Item, Names, Order, SweepOptions, Sweeper, sweep, unattached_path};
