//! Members of software RAID arrays of Linux. Version 1 superblocks are little-endian: 1.0 near the end, 1.1 at byte 0,
//! 1.2 at byte 4096; magic 0xA92B4EFC, version at 4, UUID at 16, name at 32, level at 72, devices at 92, own place in
//! sectors at 144, device UUID at 168. Version 0.90 has the byte order of its machine and lies in the last 64 KiB
//! block: minor version at 8, first word of the UUID at 20, level at 28, devices at 40, other words at 52.
//! Source: Linux 6.12, include/uapi/linux/raid/md_p.h.

use super::area::{Area, Found, Record, uuid};
use super::{Problem, Signature, SignatureKind};

const MAGIC: u32 = 0xa92b_4efc;
const BLOCK_0_90: u64 = 65_536;

pub(super) fn probe_1_0(area: &Area<'_>) -> Found {
    // Sixteen sectors before the end, rounded down to 4 KiB.
    let sectors = area.len().checked_div(512).unwrap_or(0);
    match sectors.checked_sub(16) {
        Some(sector) => version_1(area, (sector & !7).saturating_mul(512), "1.0"),
        None => Ok(None),
    }
}

pub(super) fn probe_1_1(area: &Area<'_>) -> Found {
    version_1(area, 0, "1.1")
}

pub(super) fn probe_1_2(area: &Area<'_>) -> Found {
    version_1(area, 4096, "1.2")
}

fn version_1(area: &Area<'_>, at: u64, version: &str) -> Found {
    let Some(block) = area.record("md superblock", at, 256)? else { return Ok(None) };
    if block.u32(0)? != MAGIC || block.u32(4)? != 1 {
        return Ok(None);
    }
    if block.u64(144)?.checked_mul(512) != Some(at) {
        let detail = format!("it names sector {} as its place, and lies at byte {at}", block.u64(144)?);
        return Err(block.damaged(detail));
    }
    let mut signature = Signature::new(SignatureKind::MdRaid, at)
        .detail("version", version)
        .detail("level", level(i32::from_le_bytes(block.array(72)?)))
        .detail("devices", block.u32(92)?.to_string())
        .detail("device UUID", block.uuid(168)?.unwrap_or_default())
        .detail("events", block.u64(200)?.to_string());
    signature.uuid = block.uuid(16)?;
    signature.label = block.text(32, 32)?;
    signature.bytes = block.u64(136)?.checked_mul(512);
    Ok(Some(signature))
}

pub(super) fn probe_0_90(area: &Area<'_>) -> Found {
    let Some(at) = (area.len() & !BLOCK_0_90.saturating_sub(1)).checked_sub(BLOCK_0_90) else { return Ok(None) };
    let Some(block) = area.record("md superblock", at, 256)? else { return Ok(None) };
    let word: fn(&Record, usize) -> Result<u32, Problem> = if block.u32(0)? == MAGIC {
        Record::u32
    } else if block.u32_be(0)? == MAGIC {
        Record::u32_be
    } else {
        return Ok(None);
    };
    if word(&block, 4)? != 0 {
        // A version 1.0 superblock may lie in the same place.
        return Ok(None);
    }
    let mut identifier = [0; 16];
    for (bytes, at) in identifier.chunks_exact_mut(4).zip([20, 52, 56, 60]) {
        bytes.copy_from_slice(&word(&block, at)?.to_be_bytes());
    }
    let mut signature = Signature::new(SignatureKind::MdRaid, at)
        .detail("version", format!("0.{}", word(&block, 8)?))
        .detail("level", level(i32::from_le_bytes(word(&block, 28)?.to_le_bytes())))
        .detail("devices", word(&block, 40)?.to_string());
    signature.uuid = uuid(identifier);
    signature.bytes = u64::from(word(&block, 32)?).checked_mul(1024);
    Ok(Some(signature))
}

fn level(level: i32) -> String {
    match level {
        -1 => "linear".to_owned(),
        -4 => "multipath".to_owned(),
        -5 => "faulty".to_owned(),
        level => format!("raid{level}"),
    }
}
