//! Images in the seekable Zstandard format: frames that are compressed one by one, and a table at the end which says
//! how long each is. Any `zstd` program restores the whole; with the table any range is read without the rest.
//!
//! | part | bytes |
//! | --- | --- |
//! | frames, and skippable frames, which hold no content | as the table says |
//! | skippable frame header: magic 0x184D2A5E, length of what follows | 8 |
//! | per frame: compressed size, decompressed size, with bit 7 of the descriptor a checksum | 8 or 12 |
//! | footer: number of frames (4), descriptor (1), magic 0x8F92EAB1 | 9 |
//!
//! Numbers are little-endian. Source: zstd, contrib/seekable_format/zstd_seekable_compression_format.md, 0.1.0, and
//! RFC 8878 for the frames.

mod cache;
mod encode;
mod index;
mod reader;
mod table;
mod walk;

pub use encode::{FrameDecoder, FrameEncoder, frame_bound};
pub use index::Frame;
pub use reader::{MAX_FRAME_BYTES, SeekableImage};
pub use table::{
    FILLER_MAGIC, SEEK_TABLE_MAGIC, SKIPPABLE_HEADER_BYTES, SeekEntry, seek_table_footer, seek_table_header,
    skippable_header,
};
pub use walk::{FrameKind, FrameWalk, WalkError, WalkedFrame, walk_frames};
