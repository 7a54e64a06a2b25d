//! bcache: the superblock is at byte 4096, little-endian: own sector at 8, version at 16, magic at 24, UUID at 40, UUID
//! of the set at 56, label at 72. Source: Linux 6.12, drivers/md/bcache/bcache_ondisk.h, `struct cache_sb_disk`.

use super::area::{Area, Found};
use super::{Signature, SignatureKind};

const AT: u64 = 4096;
const MAGIC: [u8; 16] =
    [0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81];

pub(super) fn probe(area: &Area<'_>) -> Found {
    let Some(block) = area.record("bcache superblock", AT, 512)? else { return Ok(None) };
    if !block.has(24, &MAGIC) {
        return Ok(None);
    }
    if block.u64(8)? != 8 {
        return Err(block.damaged(format!("it names sector {} as its place, expected 8", block.u64(8)?)));
    }
    let role = match block.u64(16)? {
        0 | 3 | 5 => "cache".to_owned(),
        1 | 4 | 6 => "backing".to_owned(),
        other => format!("version {other}"),
    };
    let mut signature = Signature::new(SignatureKind::Bcache, AT)
        .detail("role", role)
        .detail("set UUID", block.uuid(56)?.unwrap_or_default());
    signature.uuid = block.uuid(40)?;
    signature.label = block.text(72, 32)?;
    Ok(Some(signature))
}
