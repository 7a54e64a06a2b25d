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
        .detail("features", features(compatible, incompatible, read_only));
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

/// Features that are set, named as e2fsprogs names them.
fn features(compatible: u32, incompatible: u32, read_only: u32) -> String {
    let words = [
        (compatible, COMPATIBLE, "compat"),
        (incompatible, INCOMPATIBLE, "incompat"),
        (read_only, READ_ONLY, "ro_compat"),
    ];
    let named = words.into_iter().flat_map(|(word, names, group)| {
        (0..32_u32).filter(move |bit| word.checked_shr(*bit).unwrap_or(0) & 1 == 1).map(move |bit| {
            let name = names.iter().find(|(other, _)| *other == bit).map(|(_, name)| (*name).to_owned());
            name.unwrap_or_else(|| format!("{group}_bit_{bit}"))
        })
    });
    named.collect::<Vec<_>>().join(" ")
}

const COMPATIBLE: &[(u32, &str)] = &[
    (0, "dir_prealloc"),
    (1, "imagic_inodes"),
    (2, "has_journal"),
    (3, "ext_attr"),
    (4, "resize_inode"),
    (5, "dir_index"),
    (9, "sparse_super2"),
    (10, "fast_commit"),
    (11, "stable_inodes"),
    (12, "orphan_file"),
];
const INCOMPATIBLE: &[(u32, &str)] = &[
    (0, "compression"),
    (1, "filetype"),
    (2, "needs_recovery"),
    (3, "journal_dev"),
    (4, "meta_bg"),
    (6, "extent"),
    (7, "64bit"),
    (8, "mmp"),
    (9, "flex_bg"),
    (10, "ea_inode"),
    (12, "dirdata"),
    (13, "metadata_csum_seed"),
    (14, "large_dir"),
    (15, "inline_data"),
    (16, "encrypt"),
    (17, "casefold"),
];
const READ_ONLY: &[(u32, &str)] = &[
    (0, "sparse_super"),
    (1, "large_file"),
    (3, "huge_file"),
    (4, "uninit_bg"),
    (5, "dir_nlink"),
    (6, "extra_isize"),
    (8, "quota"),
    (9, "bigalloc"),
    (10, "metadata_csum"),
    (12, "read-only"),
    (13, "project"),
    (14, "shared_blocks"),
    (15, "verity"),
    (16, "orphan_present"),
];
