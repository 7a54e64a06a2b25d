//! exFAT: a boot sector with `EXFAT` at 3, sectors at 72, first sector of the clusters at 88, clusters at 92, root
//! directory at 96, serial number at 100, powers of two for sector and cluster at 108. The label is the entry 0x83 of
//! the root directory. Source: Microsoft, exFAT file system specification, sections 3.1 and 7.3.

use super::area::{Area, Found, Record, utf16_text};
use super::{Problem, Signature, SignatureKind};
use crate::bytes::bounded;

const LABEL_ENTRY: u8 = 0x83;
/// As much of the root directory as is looked at for the label, which is among its first entries.
const MAX_DIRECTORY_BYTES: usize = 65_536;

pub(super) fn probe(area: &Area<'_>) -> Found {
    let Some(boot) = area.record("exFAT boot sector", 0, 512)? else { return Ok(None) };
    if !boot.has(3, b"EXFAT   ") || !boot.has(510, &[0x55, 0xaa]) {
        return Ok(None);
    }
    let (sector_power, cluster_power) = (boot.byte(108)?, boot.byte(109)?);
    if !(9..=12).contains(&sector_power) || cluster_power > 25_u8.saturating_sub(sector_power) {
        return Err(boot.damaged(format!("sectors of 2^{sector_power} bytes, 2^{cluster_power} in a cluster")));
    }
    let sector = 1_u64.checked_shl(u32::from(sector_power)).unwrap_or(0);
    let cluster = sector.checked_shl(u32::from(cluster_power)).unwrap_or(0);
    let mut signature = Signature::new(SignatureKind::ExFat, 0).detail("cluster bytes", cluster.to_string());
    signature.bytes = boot.u64(72)?.checked_mul(sector);
    let serial = boot.u32(100)?;
    signature.uuid = Some(format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff));
    match label(area, &boot, sector, cluster) {
        Ok(label) => signature.label = label,
        Err(problem) => area.note(problem),
    }
    Ok(Some(signature))
}

fn label(area: &Area<'_>, boot: &Record, sector: u64, cluster: u64) -> Result<Option<String>, Problem> {
    let Some(number) = boot.u32(96)?.checked_sub(2) else {
        return Err(boot.damaged(format!("root directory in cluster {}: the first is 2", boot.u32(96)?)));
    };
    let heap = u64::from(boot.u32(88)?).saturating_mul(sector);
    let at = heap.saturating_add(u64::from(number).saturating_mul(cluster));
    let directory = area.record_up_to("exFAT root directory", at, bounded(cluster, MAX_DIRECTORY_BYTES))?;
    for entry in directory.as_bytes().chunks_exact(32) {
        match entry {
            [0, ..] => break,
            [LABEL_ENTRY, characters, text @ ..] => {
                let bytes = usize::from(*characters).saturating_mul(2).min(22);
                return Ok(utf16_text(text.get(..bytes).unwrap_or_default()));
            }
            _ => {}
        }
    }
    Ok(None)
}
