//! The GUID partition table: a header in sector 1 with its entries behind it, and a copy of both at the end.
//!
//! | field of the header | at |
//! | --- | --- |
//! | `EFI PART`, revision, length of the header, its CRC-32 with this field zero | 0, 8, 12, 16 |
//! | own sector, sector of the other header | 24, 32 |
//! | first and last sector for partitions, GUID of the disk | 40, 48, 56 |
//! | first sector of the entries, their number, length of one, CRC-32 of all | 72, 80, 84, 88 |
//!
//! An entry: GUID of the type at 0, own GUID at 16, first and last sector at 32 and 40, flags at 48, name at 56.
//!
//! Source: UEFI 2.10, section 5.3.

use super::checksum::Crc32;
use super::{Partition, Role, TableRange, guid, types};
use crate::bytes::{array, bounded, u32_le, u64_le};
use crate::signature::utf16_text;
use crate::{ReadAt, read_exact_at};
use kanshiki_model::ByteRange;

/// The largest table that is read: 32,768 entries of the usual length.
const MAX_TABLE_BYTES: u64 = 4 << 20;

/// A header whose checksums hold, with its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) disk_id: Option<String>,
    pub(super) header_sector: u64,
    pub(super) other_sector: u64,
    entries_sector: u64,
    entry_bytes: usize,
    usable: (u64, u64),
    entries: Vec<u8>,
}

/// Why there is no table in a sector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Absence {
    /// The sector does not begin as a header.
    NoMagic,
    /// It does, but contradicts itself or cannot be read.
    Damaged(String),
    /// The header holds, but the checksum of its entries does not.
    WrongEntries(Box<Table>, String),
}

impl Table {
    /// Reads and checks the header in `sector`, and its entries.
    pub(super) fn read(disk: &dyn ReadAt, sector: u64, sector_bytes: u64) -> Result<Self, Absence> {
        let damaged = |detail: String| Absence::Damaged(detail);
        let at = sector.checked_mul(sector_bytes).ok_or(Absence::NoMagic)?;
        if sector == 0 || at.checked_add(sector_bytes).is_none_or(|end| end > disk.len()) {
            return Err(Absence::NoMagic);
        }
        let mut bytes = vec![0; bounded(sector_bytes, 4096)];
        read_exact_at(disk, at, &mut bytes).map_err(|error| damaged(error.to_string()))?;
        if !bytes.starts_with(b"EFI PART") {
            return Err(Absence::NoMagic);
        }
        let mut table = Self::header(&bytes, sector).map_err(damaged)?;
        let count = u64::from(u32_le(&bytes, 80).unwrap_or(0));
        let table_bytes = count.saturating_mul(crate::bytes::length(table.entry_bytes));
        if table_bytes > MAX_TABLE_BYTES {
            return Err(damaged(format!("{count} entries of {} bytes: too many", table.entry_bytes)));
        }
        let entries_at = table.entries_sector.saturating_mul(sector_bytes);
        if entries_at.saturating_add(table_bytes) > disk.len() {
            return Err(damaged(format!("its entries at byte {entries_at} lie past the end of the disk")));
        }
        table.entries = vec![0; bounded(table_bytes, usize::MAX)];
        read_exact_at(disk, entries_at, &mut table.entries)
            .map_err(|error| damaged(format!("its entries: {error}")))?;
        let (expected, found) = (u32_le(&bytes, 88).unwrap_or(0), Crc32::new().update(&table.entries).finish());
        if expected != found {
            let detail =
                format!("CRC-32 of the entries at byte {entries_at}: expected {expected:08x}, found {found:08x}");
            return Err(Absence::WrongEntries(Box::new(table), detail));
        }
        Ok(table)
    }

    fn header(bytes: &[u8], sector: u64) -> Result<Self, String> {
        let short = || "it ends early".to_owned();
        let word = |at| u32_le(bytes, at).ok_or_else(short);
        let long = |at| u64_le(bytes, at).ok_or_else(short);
        let length = usize::try_from(word(12)?).unwrap_or(usize::MAX);
        if length < 92 {
            return Err(format!("length {length}: expected at least 92"));
        }
        let header = bytes.get(..length).ok_or_else(|| format!("length {length}: longer than a sector"))?;
        let sum = Crc32::new().update(header.get(..16).unwrap_or_default()).update(&[0; 4]);
        let (expected, found) = (word(16)?, sum.update(header.get(20..).unwrap_or_default()).finish());
        if expected != found {
            return Err(format!("CRC-32 of the header: expected {expected:08x}, found {found:08x}"));
        }
        if long(24)? != sector {
            return Err(format!("it names sector {} as its place, and lies in sector {sector}", long(24)?));
        }
        let entry_bytes = word(84)?;
        if !(128..=4096).contains(&entry_bytes) || !entry_bytes.is_power_of_two() {
            return Err(format!("entries of {entry_bytes} bytes: expected 128 times a power of two"));
        }
        Ok(Self {
            disk_id: guid::text(array(bytes, 56).ok_or_else(short)?),
            header_sector: sector,
            other_sector: long(32)?,
            entries_sector: long(72)?,
            entry_bytes: bounded(u64::from(entry_bytes), usize::MAX),
            usable: (long(40)?, long(48)?),
            entries: Vec::new(),
        })
    }

    /// Whether both say the same of the partitions.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.disk_id == other.disk_id && self.entries == other.entries && self.usable == other.usable
    }

    /// The sectors of the header and of the entries.
    pub(super) fn ranges(&self, which: &str, sector_bytes: u64) -> [TableRange; 2] {
        let range = |sector: u64, bytes: u64| {
            let start = sector.saturating_mul(sector_bytes);
            ByteRange::new(start, start.saturating_add(bytes))
        };
        let entries_bytes = crate::bytes::length(self.entries.len());
        [
            TableRange { name: format!("{which} GPT header"), range: range(self.header_sector, sector_bytes) },
            TableRange { name: format!("{which} GPT entries"), range: range(self.entries_sector, entries_bytes) },
        ]
    }

    /// The entries in use.
    pub(super) fn partitions(&self, sector_bytes: u64) -> Vec<Partition> {
        let entries = self.entries.chunks_exact(self.entry_bytes.max(128));
        (1..).zip(entries).filter_map(|(number, entry)| partition(number, entry, sector_bytes)).collect()
    }
}

fn partition(number: u32, entry: &[u8], sector_bytes: u64) -> Option<Partition> {
    let kind = guid::text(array(entry, 0)?)?;
    let (first, last) = (u64_le(entry, 32)?, u64_le(entry, 40)?);
    let end = last.saturating_add(1).saturating_mul(sector_bytes);
    let flags = flags(u64_le(entry, 48)?, &kind);
    Some(Partition {
        number,
        range: ByteRange::new(first.saturating_mul(sector_bytes), end),
        role: Role::Primary,
        partition_type: types::of_guid(kind),
        name: utf16_text(entry.get(56..128)?),
        uuid: guid::text(array(entry, 16)?),
        flags,
        signatures: Vec::new(),
    })
}

/// Flags by name. Bits from 48 mean what the type says: here those of Microsoft and of the Discoverable Partitions
/// Specification, which agree.
fn flags(bits: u64, kind: &str) -> Vec<String> {
    let microsoft = kind == "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7";
    (0..64_u32)
        .filter(|bit| bits.checked_shr(*bit).unwrap_or(0) & 1 == 1)
        .map(|bit| match bit {
            0 => "required".to_owned(),
            1 => "no-block-io".to_owned(),
            2 => "legacy-boot".to_owned(),
            60 => "read-only".to_owned(),
            61 if microsoft => "shadow-copy".to_owned(),
            62 if microsoft => "hidden".to_owned(),
            63 => "no-automount".to_owned(),
            bit => format!("bit-{bit}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;
    use proptest::prelude::*;

    /// A disk with a primary table whose checksums hold, whatever else it says.
    fn disk(header: &[(usize, u64)], entries: &[u8], count: u32, entry_bytes: u32) -> Memory {
        let mut disk = vec![0; 40_960];
        disk[1024..1024 + entries.len()].copy_from_slice(entries);
        let table = &mut disk[512..1024];
        table[..8].copy_from_slice(b"EFI PART");
        for (at, value) in [(24, 1), (72, 2)].iter().chain(header) {
            table[*at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        table[12..16].copy_from_slice(&92_u32.to_le_bytes());
        table[80..84].copy_from_slice(&count.to_le_bytes());
        table[84..88].copy_from_slice(&entry_bytes.to_le_bytes());
        let table_bytes = (count as usize * entry_bytes as usize).min(disk.len() - 1024);
        let sum = Crc32::new().update(&disk[1024..1024 + table_bytes]).finish();
        disk[512 + 88..512 + 92].copy_from_slice(&sum.to_le_bytes());
        let sum = Crc32::new().update(&disk[512..512 + 92]).finish();
        disk[512 + 16..512 + 20].copy_from_slice(&sum.to_le_bytes());
        Memory(disk)
    }

    #[test]
    fn numbers_too_large_are_damage_and_not_memory() {
        let read = |disk: Memory| Table::read(&disk, 1, 512).map(|_| ()).unwrap_err();
        assert_eq!(
            read(disk(&[], &[], u32::MAX, 4096)),
            Absence::Damaged("4294967295 entries of 4096 bytes: too many".to_owned())
        );
        assert_eq!(
            read(disk(&[(72, u64::MAX)], &[], 4, 128)),
            Absence::Damaged(format!("its entries at byte {} lie past the end of the disk", u64::MAX))
        );
        assert_eq!(
            read(disk(&[(24, 5)], &[], 4, 128)),
            Absence::Damaged("it names sector 5 as its place, and lies in sector 1".to_owned())
        );
    }

    #[test]
    fn flags_are_named_and_unknown_ones_numbered() {
        let kind = "0fc63daf-8483-4772-8e79-3d69d8477de4";
        assert_eq!(flags(1 | 1 << 5 | 1 << 60 | 1 << 62, kind), ["required", "bit-5", "read-only", "bit-62"]);
        assert_eq!(flags(1 << 62, "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"), ["hidden"]);
    }

    proptest! {
        #[test]
        fn any_entries_and_sectors_never_panic(
            other in any::<u64>(), entries in prop::collection::vec(any::<u8>(), 1024),
            count in 0_u32..70, power in 0_u32..3, zeroes in 0_usize..1024,
        ) {
            let mut entries = entries;
            entries[..zeroes].fill(0);
            let disk = disk(&[(32, other)], &entries, count, 128 << power);
            prop_assert!(Table::read(&disk, 1, 512).is_ok());
            let layout = crate::layout::probe(&disk, None);
            prop_assert_eq!(layout.scheme, crate::layout::Scheme::Gpt);
            prop_assert!(!layout.to_string().is_empty());
        }
    }
}
