//! XFS: the superblock is at byte 0, big-endian: magic `XFSB`, block size at 4, blocks at 8, UUID at 32, version at
//! 100, label at 108. Source: XFS Algorithms & Data Structures, third edition, "Superblocks".

use super::area::{Area, Found};
use super::{Signature, SignatureKind};

pub(super) fn probe(area: &Area<'_>) -> Found {
    let Some(block) = area.record("XFS superblock", 0, 512)? else { return Ok(None) };
    if !block.has(0, b"XFSB") {
        return Ok(None);
    }
    let block_bytes = block.u32_be(4)?;
    if !block_bytes.is_power_of_two() || !(512..=65_536).contains(&block_bytes) {
        return Err(block.damaged(format!("block size {block_bytes}: expected a power of two from 512 to 65536")));
    }
    let mut signature = Signature::new(SignatureKind::Xfs, 0)
        .detail("block bytes", block_bytes.to_string())
        .detail("version", (block.u16_be(100)? & 0xf).to_string());
    signature.bytes = block.u64_be(8)?.checked_mul(u64::from(block_bytes));
    signature.label = block.text(108, 12)?;
    signature.uuid = block.uuid(32)?;
    Ok(Some(signature))
}
