//! The master boot record, and the chain of extended boot records, which have the same form.
//!
//! | field | at |
//! | --- | --- |
//! | disk identifier | 440 |
//! | four entries of 16 bytes | 446 |
//! | signature 55 AA | 510 |
//!
//! An entry: status (0 or 0x80) at 0, type at 4, first sector at 8, number of sectors at 12, little-endian. In an
//! extended boot record the first entry is a logical partition, counted from that record; the second leads to the next
//! record, counted from the start of the extended partition.
//!
//! Source: UEFI 2.10, section 5.2; Linux 6.12, block/partitions/msdos.c.

use super::{Partition, Role, TableRange, types};
use crate::bytes::{array, u32_le};
use crate::{ReadAt, read_exact_at};
use kanshiki_model::{ByteRange, Issue};
use std::collections::BTreeSet;

/// Length of a boot record, whatever the sector size.
pub(super) const RECORD_BYTES: usize = 512;
/// Logical partitions that are followed; Linux follows 256.
const MAX_LOGICAL: usize = 1024;

/// An entry in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its place in the table from 1.
    pub(super) number: u32,
    status: u8,
    pub(super) code: u8,
    first_sector: u32,
    sectors: u32,
}

impl Entry {
    fn range(&self, base_sector: u64, sector_bytes: u64) -> ByteRange {
        let first = base_sector.saturating_add(u64::from(self.first_sector));
        let end = first.saturating_add(u64::from(self.sectors));
        ByteRange::new(first.saturating_mul(sector_bytes), end.saturating_mul(sector_bytes))
    }

    fn is_extended(&self) -> bool {
        matches!(self.code, 0x05 | 0x0f | 0x85)
    }

    fn partition(&self, number: u32, range: ByteRange, role: Role, disk_id: u32) -> Partition {
        Partition {
            number,
            range,
            role,
            partition_type: types::of_code(self.code),
            name: None,
            uuid: (disk_id != 0).then(|| format!("{disk_id:08x}-{number:02x}")),
            flags: if self.status == 0x80 { vec!["boot".to_owned()] } else { Vec::new() },
            signatures: Vec::new(),
        }
    }
}

/// A boot record that ends with the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) disk_id: u32,
    /// Entries with a length.
    pub(super) entries: Vec<Entry>,
    /// Whether all four entries have a status that exists.
    pub(super) is_sane: bool,
}

impl Record {
    /// `None` without the signature.
    pub(super) fn parse(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        (array(bytes, 510)? == [0x55, 0xaa]).then_some(())?;
        let mut record = Self { disk_id: u32_le(bytes, 440)?, entries: Vec::new(), is_sane: true };
        for (number, entry) in (1..).zip(bytes.get(446..510)?.chunks_exact(16)) {
            let [status] = array(entry, 0)?;
            let [code] = array(entry, 4)?;
            let entry = Entry { number, status, code, first_sector: u32_le(entry, 8)?, sectors: u32_le(entry, 12)? };
            record.is_sane &= matches!(status, 0 | 0x80);
            record.entries.extend((entry.sectors > 0).then_some(entry));
        }
        Some(record)
    }

    /// Whether an entry says that the disk has a GPT.
    pub(super) fn is_protective(&self) -> bool {
        self.entries.iter().any(|entry| entry.code == 0xee)
    }
}

/// What is read of an MBR's partitions.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    pub(super) partitions: Vec<Partition>,
    pub(super) table_ranges: Vec<TableRange>,
    pub(super) issues: Vec<Issue>,
}

/// Lists the partitions of the record, and follows the chains of logical ones.
pub(super) fn partitions(disk: &dyn ReadAt, record: &Record, sector_bytes: u64) -> Partitions {
    let mut found = Partitions::default();
    let mut logical = 0;
    for entry in &record.entries {
        let range = entry.range(0, sector_bytes);
        let role = if entry.is_extended() { Role::Extended } else { Role::Primary };
        if entry.code == 0 {
            let subject = format!("MBR entry {}", entry.number);
            found.issues.push(Issue::at(subject, range, "an entry of type 00 (empty) has a length"));
            continue;
        }
        found.partitions.push(entry.partition(entry.number, range, role, record.disk_id));
        if role == Role::Extended {
            let chain = Chain { disk, disk_id: record.disk_id, sector_bytes, extended: range };
            chain.follow(u64::from(entry.first_sector), &mut logical, &mut found);
        }
    }
    found
}

/// The chain of logical partitions in one extended partition.
struct Chain<'a> {
    disk: &'a dyn ReadAt,
    disk_id: u32,
    sector_bytes: u64,
    extended: ByteRange,
}

impl Chain<'_> {
    fn follow(&self, first_sector: u64, logical: &mut u32, found: &mut Partitions) {
        let mut seen = BTreeSet::new();
        let mut next = Some(first_sector);
        while let Some(sector) = next {
            let at = sector.saturating_mul(self.sector_bytes);
            let here = ByteRange::new(at, at.saturating_add(512));
            let issue = |message: String| Issue::at("extended boot record", here, message);
            if !seen.insert(sector) {
                found.issues.push(issue("the chain of logical partitions comes back to it: a loop".to_owned()));
                return;
            }
            if seen.len() > MAX_LOGICAL {
                found.issues.push(issue(format!("more than {MAX_LOGICAL} logical partitions: the rest is left out")));
                return;
            }
            if !self.extended.contains(at) {
                found.issues.push(issue(format!("it lies outside the extended partition at bytes {}", self.extended)));
                return;
            }
            let mut bytes = [0; RECORD_BYTES];
            if let Err(error) = read_exact_at(self.disk, at, &mut bytes) {
                found.issues.push(issue(format!("{error}: logical partitions from here on are not known")));
                return;
            }
            let Some(record) = Record::parse(&bytes) else {
                found.issues.push(issue("the signature 55 AA is missing: the chain ends here".to_owned()));
                return;
            };
            found.table_ranges.push(TableRange {
                name: "extended boot record".to_owned(),
                range: ByteRange::new(at, at.saturating_add(self.sector_bytes)),
            });
            next = None;
            for entry in record.entries {
                if entry.is_extended() {
                    // Only the first link counts, as in Linux.
                    next = next.or(Some(first_sector.saturating_add(u64::from(entry.first_sector))));
                } else if entry.code != 0 {
                    let number = logical.saturating_add(5);
                    *logical = logical.saturating_add(1);
                    let range = entry.range(sector, self.sector_bytes);
                    found.partitions.push(entry.partition(number, range, Role::Logical, self.disk_id));
                }
            }
        }
    }
}
