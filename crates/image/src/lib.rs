//! Read-only bytes with random access: disk images in their formats, windows onto them, partition tables and the
//! signatures of what lies inside. Nothing here can write.

mod read_at;

pub use read_at::{ReadAt, ReadError, RunState, Runs, Source, read_exact_at};
