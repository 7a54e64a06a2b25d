//! Read-only bytes with random access: disk images in their formats, windows onto them, partition tables and the
//! signatures of what lies inside. Nothing here can write.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod bytes;
pub mod container;
mod direct;
mod gaps;
pub mod layout;
pub mod lazy;
mod memory;
mod open;
mod pieces;
mod raw;
mod read_at;
pub mod signature;
pub mod split;
pub mod volumes;
mod window;
pub mod zstd;

pub use direct::{DirectFile, open_direct};
pub use gaps::Gaps;
pub use memory::Memory;
pub use open::{ContainerFormat, OpenError, Opened, open_image, open_raw, open_up_to_damage};
pub use pieces::{Around, Next, Piece, first_unreadable, pieces};
pub use raw::{RawFile, drop_cache};
pub use read_at::{ReadAt, ReadError, RunState, Runs, Source, read_exact_at};
pub use split::Concat;
pub use window::Window;
