//! Read-only bytes with random access: disk images in their formats, windows onto them, partition tables and the
//! signatures of what lies inside. Nothing here can write.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod bytes;
mod memory;
mod open;
mod read_at;
pub mod zstd;

pub use memory::Memory;
pub use open::OpenError;
pub use read_at::{ReadAt, ReadError, RunState, Runs, Source, read_exact_at};
