//! Btrfs: the superblock is at byte 65536, little-endian: UUID at 32, own address at 48, magic at 64, size at 112,
//! number of devices at 136, this device at 201, label at 299. Source: Linux 6.12, include/uapi/linux/btrfs_tree.h,
//! `struct btrfs_super_block`.

use super::area::{Area, Found};
use super::{Signature, SignatureKind};

const AT: u64 = 65_536;

pub(super) fn probe(area: &Area<'_>) -> Found {
    let Some(block) = area.record("btrfs superblock", AT, 4096)? else { return Ok(None) };
    if !block.has(64, b"_BHRfS_M") {
        return Ok(None);
    }
    if block.u64(48)? != AT {
        return Err(block.damaged(format!("it names byte {} as its place, expected {AT}", block.u64(48)?)));
    }
    let mut signature = Signature::new(SignatureKind::Btrfs, AT)
        .detail("devices", block.u64(136)?.to_string())
        .detail("device number", block.u64(201)?.to_string())
        .detail("device UUID", block.uuid(267)?.unwrap_or_default())
        .detail("sector bytes", block.u32(144)?.to_string());
    // The size of this device, not of all together.
    signature.bytes = Some(block.u64(209)?);
    signature.label = block.text(299, 256)?;
    signature.uuid = block.uuid(32)?;
    Ok(Some(signature))
}
