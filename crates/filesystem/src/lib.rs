//! Filesystems as the disk holds them: addressed by inode, with every name, time and attribute, what was deleted, and
//! where on the disk each byte lies. Nothing here writes.
//!
//! ```text
//! Source ─▶ open ─▶ dyn FileSystem ─▶ View (one volume, or the volumes put together as the host had them) ─▶ walk
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod capabilities;
mod deleted;
mod error;
pub mod ext4;
pub mod hostview;
mod memory;
mod node;
mod open;
mod record;
mod summary;
mod traits;
mod view;
mod xattr;

pub use capabilities::Capabilities;
pub use deleted::{DeletedNode, Remains, WhyDeleted};
pub use error::FsError;
pub use memory::{MemoryFileSystem, MemoryNode};
pub use node::{
    DeviceNumber, Entry, EntryState, Extent, ExtentState, Node, NodeBlock, NodeId, NodeState, NodeTimes, NodeType,
    Purpose, permissions,
};
pub use open::{FILESYSTEMS, Kind, OpenOptions, OpenResult, open};
pub use record::NodeRecord;
pub use summary::{BlockUse, Detail, JournalCopy, JournalState, JournalUse, Summary};
pub use traits::{FileSystem, Stream};
pub use view::{Follow, Located, LookupError, Mount, Place, View, Visit, Volume, Walk};
pub use xattr::Xattr;
