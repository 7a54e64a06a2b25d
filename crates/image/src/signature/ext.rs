//! ext2, ext3 and ext4: the superblock is at byte 1024, little-endian.
//!
//! | field | at |
//! | --- | --- |
//! | blocks (low), block size as power of two above 1024 | 4, 24 |
//! | magic 0xEF53, state, errors | 56, 58, 60 |
//! | compatible, incompatible, read-only compatible features | 92, 96, 100 |
//! | UUID, label, last mount point | 104, 120, 136 |
//! | blocks (high) | 336 |
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/super.rst.

use super::area::{Area, Found, Record};
use super::ext_features;
use super::{Problem, Signature, SignatureKind};

const HAS_JOURNAL: u32 = 0x4;
const NEEDS_RECOVERY: u32 = 0x4;
const JOURNAL_DEVICE: u32 = 0x8;
const BITS_64: u32 = 0x80;
/// Incompatible and read-only compatible features that ext3 knows.
const EXT3_INCOMPATIBLE: u32 = 0x2 | NEEDS_RECOVERY | 0x10;
const EXT3_READ_ONLY: u32 = 0x1 | 0x2 | 0x4;

pub(super) fn probe(area: &Area<'_>) -> Found {
    let Some(block) = area.record("ext superblock", 1024, 1024)? else { return Ok(None) };
    if block.u16(56)? != 0xef53 {
        return Ok(None);
    }
    let (compatible, incompatible, read_only) = (block.u32(92)?, block.u32(96)?, block.u32(100)?);
    let power = block.u32(24)?;
    if power > 6 {
        return Err(block.damaged(format!("block size 2^{power} times 1024: at most 2^6")));
    }
    let block_bytes = 1024_u64.checked_shl(power).unwrap_or(0);
    let high = if incompatible & BITS_64 == 0 { 0 } else { block.u32(336)? };
    let blocks = u64::from(high).checked_shl(32).unwrap_or(0) | u64::from(block.u32(4)?);
    let kind = if incompatible & JOURNAL_DEVICE != 0 {
        SignatureKind::ExtJournal
    } else if incompatible & !EXT3_INCOMPATIBLE != 0 || read_only & !EXT3_READ_ONLY != 0 {
        SignatureKind::Ext4
    } else if compatible & HAS_JOURNAL != 0 {
        SignatureKind::Ext3
    } else {
        SignatureKind::Ext2
    };
    let mut signature = Signature::new(kind, block.at())
        .detail("block bytes", block_bytes.to_string())
        .detail("state", state(&block, incompatible)?)
        .detail("last mounted on", block.text(136, 64)?.unwrap_or_default())
        .detail("features", ext_features::names(compatible, incompatible, read_only).join(" "));
    signature.bytes = blocks.checked_mul(block_bytes);
    signature.label = block.text(120, 16)?;
    signature.uuid = block.uuid(104)?;
    Ok(Some(signature))
}

fn state(block: &Record, incompatible: u32) -> Result<String, Problem> {
    let bits = block.u16(58)?;
    let mut words = vec![if bits & 1 == 0 { "not cleanly unmounted" } else { "clean" }];
    words.extend((bits & 2 != 0).then_some("with errors"));
    words.extend((bits & 4 != 0).then_some("orphans being recovered"));
    words.extend((incompatible & NEEDS_RECOVERY != 0).then_some("journal needs replay"));
    Ok(words.join(", "))
}
