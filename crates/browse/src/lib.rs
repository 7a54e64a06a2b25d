//! What is asked of filesystems: listings, contents, inodes, blocks, what was deleted, what is damaged. Everything is
//! given piece by piece, so that memory stays flat however much there is.
//!
//! ```
//! use kanshiki_browse::{ListEvent, ListOptions, list};
//! use kanshiki_filesystem::{Follow, MemoryFileSystem, NodeType, View, Volume};
//! use kanshiki_model::EvidencePath;
//!
//! let mut filesystem = MemoryFileSystem::new();
//! filesystem.add(2, b"etc", NodeType::Directory, b"");
//! let view = View::of(Volume { name: String::new(), filesystem: std::sync::Arc::new(filesystem) });
//! let root = view.lookup(&EvidencePath::root(), Follow::All)?;
//! let mut paths = Vec::new();
//! let listed: Result<(), ()> = list(&view, &root, ListOptions::default(), &mut |event| {
//!     if let ListEvent::Entry(row) = event {
//!         paths.push(row.path.to_string());
//!     }
//!     Ok(())
//! });
//! assert_eq!((listed, paths), (Ok(()), vec!["/etc".to_owned()]));
//! # Ok::<(), kanshiki_filesystem::LookupError>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod accounts;
pub mod bounds;
mod deleted;
pub mod find;
pub mod grep;
pub mod hash;
mod list;
#[cfg(feature = "mount")]
pub mod mount;
mod owners;
pub mod pattern;
mod resolved;
#[cfg(feature = "second-reader")]
pub mod second_reader;
mod sorted;
pub mod strings;
pub mod timeline;
mod xattr;

pub use accounts::Accounts;
pub use deleted::{DeletedEvent, DeletedName, deleted};
pub use list::{ListEvent, ListOptions, ListOrder, ListRow, list};
pub use owners::{Owner, Role, names_of, owners};
pub use sorted::SortedEntries;
pub use xattr::{decoded, undecoded};
