//! SquashFS: the superblock is at byte 0, little-endian: `hsqs`, inodes, time of making, block size, compressor at 20,
//! version at 28 and 30, bytes used at 40. Source: Linux 6.12, fs/squashfs/squashfs_fs.h.

use super::area::{Area, Found};
use super::{Signature, SignatureKind};

pub(super) fn probe(area: &Area<'_>) -> Found {
    let Some(block) = area.record("SquashFS superblock", 0, 96)? else { return Ok(None) };
    if !block.has(0, b"hsqs") {
        return Ok(None);
    }
    let compressor = match block.u16(20)? {
        1 => "gzip".to_owned(),
        2 => "lzma".to_owned(),
        3 => "lzo".to_owned(),
        4 => "xz".to_owned(),
        5 => "lz4".to_owned(),
        6 => "zstd".to_owned(),
        other => format!("number {other}"),
    };
    let mut signature = Signature::new(SignatureKind::Squashfs, 0)
        .detail("version", format!("{}.{}", block.u16(28)?, block.u16(30)?))
        .detail("compressor", compressor)
        .detail("made at (seconds since 1970)", block.u32(8)?.to_string());
    signature.bytes = Some(block.u64(40)?);
    Ok(Some(signature))
}
