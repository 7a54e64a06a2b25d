//! FAT12, FAT16 and FAT32: there is no magic but 55 AA; the boot sector's fields must make sense together.
//!
//! | field | at |
//! | --- | --- |
//! | bytes of a sector, sectors of a cluster, reserved sectors, tables | 11, 13, 14, 16 |
//! | root entries, sectors, medium, sectors of a table (FAT12, FAT16) | 17, 19, 21, 22 |
//! | sectors, sectors of a table, first cluster of the root (FAT32) | 32, 36, 44 |
//! | serial number, label | 39, 43; FAT32: 67, 71 |
//!
//! The kind follows from the number of clusters. The label in the root directory counts before that in the boot
//! sector. Source: Microsoft, FAT32 File System Specification 1.03.

use super::area::{Area, Found, Record};
use super::{Problem, Signature, SignatureKind};
use crate::bytes::bounded;
use kanshiki_model::visible;

const MAX_DIRECTORY_BYTES: usize = 65_536;

pub(super) fn probe(area: &Area<'_>) -> Found {
    let Some(boot) = area.record("FAT boot sector", 0, 512)? else { return Ok(None) };
    let Some(shape) = Shape::of(&boot)? else { return Ok(None) };
    let fields = if shape.kind == SignatureKind::Fat32 { 66 } else { 38 };
    let mut signature = Signature::new(shape.kind, 0).detail("cluster bytes", shape.cluster.to_string());
    signature.bytes = Some(shape.total);
    if matches!(boot.byte(fields)?, 0x28 | 0x29) {
        let serial = boot.u32(fields.saturating_add(1))?;
        signature.uuid = Some(format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff));
        signature.label = boot.text(fields.saturating_add(5), 11)?.filter(|label| label != "NO NAME");
    }
    match root_label(area, &shape) {
        Ok(label) => signature.label = label.or(signature.label),
        Err(problem) => area.note(problem),
    }
    Ok(Some(signature))
}

/// Sizes and places in bytes.
struct Shape {
    kind: SignatureKind,
    cluster: u64,
    total: u64,
    root: u64,
    root_bytes: u64,
}

impl Shape {
    /// `None` if the fields are not those of a FAT boot sector.
    fn of(boot: &Record) -> Result<Option<Self>, Problem> {
        let sector = u64::from(boot.u16(11)?);
        let cluster_sectors = boot.byte(13)?;
        let reserved = u64::from(boot.u16(14)?);
        let tables = u64::from(boot.byte(16)?);
        let root_entries = u64::from(boot.u16(17)?);
        let sectors = match boot.u16(19)? {
            0 => u64::from(boot.u32(32)?),
            sectors => u64::from(sectors),
        };
        let (is_32, table_sectors) = match boot.u16(22)? {
            0 => (true, u64::from(boot.u32(36)?)),
            sectors => (false, u64::from(sectors)),
        };
        let makes_sense = boot.has(510, &[0x55, 0xaa])
            && sector.is_power_of_two()
            && (512..=4096).contains(&sector)
            && cluster_sectors.is_power_of_two()
            && reserved > 0
            && (1..=4).contains(&tables)
            && (boot.byte(21)? == 0xf0 || boot.byte(21)? >= 0xf8)
            && table_sectors > 0;
        let root_sectors = root_entries.saturating_mul(32).div_ceil(sector.max(1));
        let before_root = reserved.saturating_add(tables.saturating_mul(table_sectors));
        let before_data = before_root.saturating_add(root_sectors);
        let Some(data) = sectors.checked_sub(before_data).filter(|_| makes_sense) else { return Ok(None) };
        let clusters = data.checked_div(u64::from(cluster_sectors)).unwrap_or(0);
        let kind = match clusters {
            _ if is_32 => SignatureKind::Fat32,
            0..4085 => SignatureKind::Fat12,
            _ => SignatureKind::Fat16,
        };
        let cluster = sector.saturating_mul(u64::from(cluster_sectors));
        let (root, root_bytes) = if is_32 {
            let number = u64::from(boot.u32(44)?).saturating_sub(2);
            (before_data.saturating_mul(sector).saturating_add(number.saturating_mul(cluster)), cluster)
        } else {
            (before_root.saturating_mul(sector), root_entries.saturating_mul(32))
        };
        Ok(Some(Self { kind, cluster, total: sectors.saturating_mul(sector), root, root_bytes }))
    }
}

/// The label among the first entries of the root directory.
fn root_label(area: &Area<'_>, shape: &Shape) -> Result<Option<String>, Problem> {
    let bytes = bounded(shape.root_bytes, MAX_DIRECTORY_BYTES);
    let directory = area.record_up_to("FAT root directory", shape.root, bytes)?;
    for entry in directory.as_bytes().chunks_exact(32) {
        let Some((name, [attributes, ..])) = entry.split_at_checked(11) else { break };
        match name.first() {
            None | Some(0) => break,
            // 0x08 alone of volume label and directory; 0x0f marks a long name.
            Some(first) if *first != 0xe5 && attributes & 0x18 == 0x08 && attributes & 0x0f != 0x0f => {
                let name = name.trim_ascii_end();
                return Ok((!name.is_empty()).then(|| visible(name)));
            }
            Some(_) => {}
        }
    }
    Ok(None)
}
