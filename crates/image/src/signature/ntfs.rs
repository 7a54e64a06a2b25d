//! NTFS: a boot sector with `NTFS` at 3, bytes of a sector at 11, sectors of a cluster at 13, sectors at 40, cluster of
//! the file table at 48, size of its records at 64, serial number at 72. The label is the attribute 0x60 of record 3.
//! Source: Linux 6.12, fs/ntfs3/ntfs.h.

use super::area::{Area, Found, Record, utf16_text};
use super::{Problem, Signature, SignatureKind};
use crate::bytes::bounded;

const VOLUME_NAME: u32 = 0x60;
const MAX_RECORD_BYTES: u64 = 65_536;

pub(super) fn probe(area: &Area<'_>) -> Found {
    let Some(boot) = area.record("NTFS boot sector", 0, 512)? else { return Ok(None) };
    if !boot.has(3, b"NTFS    ") {
        return Ok(None);
    }
    let sector = u64::from(boot.u16(11)?);
    let cluster = match boot.byte(13)? {
        // Above 128 the number is the negative power of two.
        count @ 0..=128 => sector.saturating_mul(u64::from(count)),
        power => sector.checked_shl(u32::from(power.wrapping_neg())).unwrap_or(0),
    };
    if !sector.is_power_of_two() || !(256..=4096).contains(&sector) || !cluster.is_power_of_two() {
        return Err(boot.damaged(format!("sectors of {sector} bytes in clusters of {cluster}")));
    }
    let mut signature = Signature::new(SignatureKind::Ntfs, 0).detail("cluster bytes", cluster.to_string());
    signature.bytes = boot.u64(40)?.checked_mul(sector);
    signature.uuid = Some(format!("{:016X}", boot.u64(72)?));
    match label(area, &boot, cluster) {
        Ok(label) => signature.label = label,
        Err(problem) => area.note(problem),
    }
    Ok(Some(signature))
}

fn label(area: &Area<'_>, boot: &Record, cluster: u64) -> Result<Option<String>, Problem> {
    let size = i8::from_le_bytes(boot.array(64)?);
    let record_bytes = match u64::try_from(size) {
        Ok(clusters) => clusters.saturating_mul(cluster),
        Err(_) => 1_u64.checked_shl(u32::from(size.unsigned_abs())).unwrap_or(0),
    };
    if !(512..=MAX_RECORD_BYTES).contains(&record_bytes) {
        return Err(boot.damaged(format!("file records of {record_bytes} bytes")));
    }
    let table = boot.u64(48)?.saturating_mul(cluster);
    let at = table.saturating_add(record_bytes.saturating_mul(3));
    let Some(mut record) = area.record("NTFS volume record", at, bounded(record_bytes, 65_536))? else {
        return Err(boot.damaged(format!("the file table at byte {table} lies past the end")));
    };
    if !record.has(0, b"FILE") {
        return Err(record.damaged("its magic FILE is missing"));
    }
    undo_fixups(&mut record)?;
    let mut attribute = usize::from(record.u16(20)?);
    while record.u32(attribute)? != u32::MAX {
        let length = usize::try_from(record.u32(attribute.saturating_add(4))?).unwrap_or(usize::MAX);
        let is_resident = record.byte(attribute.saturating_add(8))? == 0;
        if record.u32(attribute)? == VOLUME_NAME && is_resident {
            let bytes = usize::try_from(record.u32(attribute.saturating_add(16))?).unwrap_or(usize::MAX);
            let start = usize::from(record.u16(attribute.saturating_add(20))?);
            return Ok(utf16_text(record.slice(attribute.saturating_add(start), bytes)?));
        }
        if length < 8 {
            return Err(record.damaged(format!("attribute of {length} bytes")));
        }
        attribute = attribute.saturating_add(length);
    }
    Ok(None)
}

/// Puts back the last two bytes of every 512, which are kept in a list while the record is on disk.
fn undo_fixups(record: &mut Record) -> Result<(), Problem> {
    let list = usize::from(record.u16(4)?);
    for number in 1..usize::from(record.u16(6)?) {
        let kept: [u8; 2] = record.array(list.saturating_add(number.saturating_mul(2)))?;
        let at = number.saturating_mul(512).saturating_sub(2);
        if let Some(place) = record.as_mut_bytes().get_mut(at..at.saturating_add(2)) {
            place.copy_from_slice(&kept);
        }
    }
    Ok(())
}
