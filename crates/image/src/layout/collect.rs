//! Decides which table counts, and puts the layout together.

use super::gpt::{Absence, Table};
use super::{Layout, Partition, Role, Scheme, SectorSizeOrigin, TableRange, mbr};
use crate::signature::{self, SignatureKind};
use crate::window::View;
use crate::{ReadAt, read_exact_at};
use kanshiki_model::{ByteRange, ByteRanges, Issue};

/// Sector sizes in use.
const SECTOR_SIZES: [u64; 2] = [512, 4096];

/// Finds out how a disk is divided. `sector_bytes` is the size of its logical sectors, if the caller knows it.
#[must_use]
pub fn probe(disk: &dyn ReadAt, sector_bytes: Option<u64>) -> Layout {
    let told = sector_bytes.filter(|bytes| bytes.is_power_of_two() && (512..=65_536).contains(bytes));
    let (signatures, issues) = signature::probe(disk, "disk", 0);
    let mut layout = Layout {
        disk_bytes: disk.len(),
        scheme: Scheme::None,
        sector_bytes: told.unwrap_or(512),
        sector_size_origin: if told.is_some() { SectorSizeOrigin::Told } else { SectorSizeOrigin::Assumed },
        disk_id: None,
        partitions: Vec::new(),
        gaps: Vec::new(),
        table_ranges: Vec::new(),
        signatures,
        issues,
    };
    if let Some(bytes) = sector_bytes.filter(|_| told.is_none()) {
        let message = format!("sectors of {bytes} bytes are not supported: the size is found out instead");
        layout.issues.push(Issue::new("partition table", message));
    }
    let record = boot_record(disk, &mut layout);
    let gpt = Gpt::find(disk, told);
    choose(disk, record.as_ref(), gpt, told, &mut layout);
    add_signatures(disk, &mut layout);
    finish(&mut layout);
    layout
}

/// The boot record at the start, if there is one.
fn boot_record(disk: &dyn ReadAt, layout: &mut Layout) -> Option<mbr::Record> {
    let mut bytes = [0; mbr::RECORD_BYTES];
    if disk.len() < 512 {
        return None;
    }
    if let Err(error) = read_exact_at(disk, 0, &mut bytes) {
        let message = format!("{error}: partitions of an MBR are not known");
        layout.issues.push(Issue::at("master boot record", ByteRange::new(0, 512), message));
        return None;
    }
    mbr::Record::parse(&bytes)
}

/// Both tables of a GPT with a sector size.
#[derive(Debug)]
struct Gpt {
    sector_bytes: u64,
    primary: Result<Table, Absence>,
    backup_sector: u64,
    backup: Result<Table, Absence>,
    /// The table that is used although the checksum of its entries is wrong, and what is wrong.
    believed: Option<(&'static str, String)>,
}

impl Gpt {
    /// Looks with each sector size; the first with a table that holds is taken, then one with damaged ones.
    fn find(disk: &dyn ReadAt, told: Option<u64>) -> Option<Self> {
        let sizes = told.map_or(SECTOR_SIZES.to_vec(), |bytes| vec![bytes]);
        let mut all: Vec<Self> = sizes.into_iter().map(|bytes| Self::read(disk, bytes)).collect();
        let best = all
            .iter()
            .position(|gpt| gpt.primary.is_ok())
            .or_else(|| all.iter().position(|gpt| gpt.backup.is_ok()))
            .or_else(|| all.iter().position(Gpt::has_header))
            .or_else(|| all.iter().position(Gpt::has_magic))?;
        let mut best = all.swap_remove(best);
        best.believe();
        Some(best)
    }

    /// Where no table holds, takes one whose header does: one wrong byte in its entries hides no others.
    fn believe(&mut self) {
        if self.is_usable() {
            return;
        }
        for (which, slot) in [("primary", &mut self.primary), ("backup", &mut self.backup)] {
            if let Err(Absence::WrongEntries(table, detail)) = slot {
                self.believed = Some((which, std::mem::take(detail)));
                *slot = Ok(Table::clone(table));
                return;
            }
        }
    }

    fn read(disk: &dyn ReadAt, sector_bytes: u64) -> Self {
        let last = disk.len().checked_div(sector_bytes).unwrap_or(0).saturating_sub(1);
        let primary = Table::read(disk, 1, sector_bytes);
        // Where the primary header says, else in the last sector.
        let named = match &primary {
            Ok(table) => Some(table.other_sector),
            Err(Absence::WrongEntries(table, _)) => Some(table.other_sector),
            Err(_) => None,
        };
        let backup_sector = named.filter(|sector| *sector > 1).unwrap_or(last);
        let backup = Table::read(disk, backup_sector, sector_bytes);
        match backup {
            Err(Absence::NoMagic) if backup_sector != last && last > 1 => {
                let backup = Table::read(disk, last, sector_bytes);
                Self { sector_bytes, primary, backup_sector: last, backup, believed: None }
            }
            backup => Self { sector_bytes, primary, backup_sector, backup, believed: None },
        }
    }

    fn is_usable(&self) -> bool {
        self.primary.is_ok() || self.backup.is_ok()
    }

    fn has_header(&self) -> bool {
        [&self.primary, &self.backup].iter().any(|table| matches!(table, Err(Absence::WrongEntries(..))))
    }

    fn has_magic(&self) -> bool {
        let has = |table: &Result<Table, Absence>| !matches!(table, Err(Absence::NoMagic));
        has(&self.primary) || has(&self.backup)
    }

    /// Says what is wrong with either table.
    fn issues(&self) -> Vec<Issue> {
        let header = |sector: u64| {
            let start = sector.saturating_mul(self.sector_bytes);
            ByteRange::new(start, start.saturating_add(self.sector_bytes))
        };
        let mut issues = Vec::new();
        if let Some((which, detail)) = &self.believed {
            let sector = if *which == "primary" { 1 } else { self.backup_sector };
            let message = format!("{detail}; they are used all the same, since no table holds");
            issues.push(Issue::at(format!("{which} GPT header"), header(sector), message));
        }
        for (which, sector, table) in [("primary", 1, &self.primary), ("backup", self.backup_sector, &self.backup)] {
            let detail = match table {
                Ok(_) => continue,
                Err(Absence::NoMagic) => "missing: no `EFI PART` there".to_owned(),
                Err(Absence::Damaged(detail) | Absence::WrongEntries(_, detail)) => format!("damaged: {detail}"),
            };
            let used = if which == "primary" && self.backup.is_ok() { "; the backup is used" } else { "" };
            issues.push(Issue::at(format!("{which} GPT header"), header(sector), format!("{detail}{used}")));
        }
        if let (Ok(primary), Ok(backup)) = (&self.primary, &self.backup)
            && !primary.agrees(backup)
        {
            let message = "it does not say the same as the primary table, which is used";
            issues.push(Issue::at("backup GPT", header(self.backup_sector), message));
        }
        issues
    }
}

fn choose(disk: &dyn ReadAt, record: Option<&mbr::Record>, gpt: Option<Gpt>, told: Option<u64>, layout: &mut Layout) {
    // A boot sector of a filesystem has the signature of an MBR, and code in the place of the entries.
    let has_boot_sector = layout.signatures.iter().any(|signature| {
        use SignatureKind::{ExFat, Fat12, Fat16, Fat32, Ntfs};
        matches!(signature.kind, Ntfs | ExFat | Fat12 | Fat16 | Fat32)
    });
    let mbr = record.filter(|record| record.is_sane && !has_boot_sector);
    let is_protective = record.is_some_and(mbr::Record::is_protective);
    let has_partitions = mbr.is_some_and(|record| !record.entries.is_empty());
    match gpt {
        Some(gpt) if gpt.is_usable() && (is_protective || !has_partitions) => {
            use_gpt(disk, &gpt, record, is_protective, layout);
            return;
        }
        Some(gpt) => {
            let (sector, which) = if matches!(gpt.primary, Err(Absence::NoMagic)) {
                (gpt.backup_sector, "backup")
            } else {
                (1, "primary")
            };
            let start = sector.saturating_mul(gpt.sector_bytes);
            let message = if gpt.is_usable() {
                "there is a GPT, but the MBR lists partitions of its own and does not protect it: perhaps an older table"
            } else {
                "there are remains of a GPT, but neither of its headers holds"
            };
            let range = ByteRange::new(start, start.saturating_add(gpt.sector_bytes));
            layout.issues.push(Issue::at(format!("{which} GPT header"), range, message));
            if !gpt.is_usable() {
                layout.issues.extend(gpt.issues());
            }
        }
        None if is_protective => {
            let message = "it says that the disk has a GPT, but there is none";
            layout.issues.push(Issue::at("master boot record", ByteRange::new(0, 512), message));
        }
        None => {}
    }
    match (mbr, record) {
        (Some(record), _) => use_mbr(disk, record, told, layout),
        (None, Some(_)) if layout.signatures.is_empty() => {
            let message = "it has the signature 55 AA, but its entries are none";
            layout.issues.push(Issue::at("master boot record", ByteRange::new(446, 510), message));
        }
        _ => {}
    }
}

fn use_gpt(disk: &dyn ReadAt, gpt: &Gpt, record: Option<&mbr::Record>, is_protective: bool, layout: &mut Layout) {
    layout.scheme = Scheme::Gpt;
    layout.sector_bytes = gpt.sector_bytes;
    if layout.sector_size_origin == SectorSizeOrigin::Assumed {
        layout.sector_size_origin = SectorSizeOrigin::Derived;
    }
    layout.issues.extend(gpt.issues());
    let first = ByteRange::new(0, gpt.sector_bytes.min(disk.len()));
    let hybrid = record.map_or(0, |record| record.entries.iter().filter(|entry| entry.code != 0xee).count());
    let name = if hybrid > 0 { "hybrid MBR" } else { "protective MBR" };
    if !is_protective {
        layout.issues.push(Issue::at("master boot record", first, "it does not protect the GPT"));
    } else if hybrid > 0 {
        let message = format!("it also lists {hybrid} of the partitions (hybrid MBR); the GPT is used");
        layout.issues.push(Issue::at("master boot record", first, message));
    }
    layout.table_ranges.push(TableRange { name: name.to_owned(), range: first });
    for (which, sector, table) in [("primary", 1, &gpt.primary), ("backup", gpt.backup_sector, &gpt.backup)] {
        match table {
            Ok(table) => layout.table_ranges.extend(table.ranges(which, gpt.sector_bytes)),
            Err(Absence::NoMagic) => {}
            Err(Absence::Damaged(_) | Absence::WrongEntries(..)) => {
                let start: u64 = gpt.sector_bytes.saturating_mul(sector);
                let range = ByteRange::new(start, start.saturating_add(gpt.sector_bytes));
                layout.table_ranges.push(TableRange { name: format!("damaged {which} GPT header"), range });
            }
        }
    }
    if let Some(table) = gpt.primary.as_ref().ok().or(gpt.backup.as_ref().ok()) {
        layout.disk_id = table.disk_id.clone();
        layout.partitions = table.partitions(gpt.sector_bytes);
    }
    let last = disk.len().checked_div(gpt.sector_bytes).unwrap_or(0).saturating_sub(1);
    if gpt.backup_sector < last && gpt.backup.is_ok() {
        let message = format!("the backup is in sector {}, not in the last, {last}", gpt.backup_sector);
        layout.issues.push(Issue::new("backup GPT header", message));
    }
}

fn use_mbr(disk: &dyn ReadAt, record: &mbr::Record, told: Option<u64>, layout: &mut Layout) {
    let mut found = mbr::partitions(disk, record, layout.sector_bytes);
    if told.is_none() && !found.partitions.is_empty() && !holds_something(disk, &found.partitions) {
        let larger = mbr::partitions(disk, record, 4096);
        if holds_something(disk, &larger.partitions) {
            found = larger;
            layout.sector_bytes = 4096;
            layout.sector_size_origin = SectorSizeOrigin::Derived;
        }
    }
    layout.scheme = Scheme::Mbr;
    layout.disk_id = (record.disk_id != 0).then(|| format!("{:08x}", record.disk_id));
    let range = ByteRange::new(0, layout.sector_bytes.min(disk.len()));
    layout.table_ranges.push(TableRange { name: "master boot record".to_owned(), range });
    layout.table_ranges.append(&mut found.table_ranges);
    layout.issues.append(&mut found.issues);
    layout.partitions = found.partitions;
}

fn holds_something(disk: &dyn ReadAt, partitions: &[Partition]) -> bool {
    partitions.iter().any(|partition| match partition.role {
        Role::Extended => false,
        Role::Logical => true,
        Role::Primary => !signature::probe(&View::new(disk, partition.range), "", 0).0.is_empty(),
    })
}

fn add_signatures(disk: &dyn ReadAt, layout: &mut Layout) {
    for partition in &mut layout.partitions {
        if partition.role == Role::Extended {
            continue;
        }
        let subject = format!("partition {}", partition.number);
        let (signatures, issues) = signature::probe(&View::new(disk, partition.range), &subject, partition.range.start);
        partition.signatures = signatures;
        layout.issues.extend(issues);
    }
}

/// Sorts, finds gaps, overlaps and partitions past the end.
fn finish(layout: &mut Layout) {
    let order = |partition: &Partition| (partition.range.start, partition.role != Role::Extended, partition.number);
    layout.partitions.sort_by_key(order);
    layout.table_ranges.sort_by_key(|table| table.range);
    let whole = ByteRange::new(0, layout.disk_bytes);
    let mut free: ByteRanges = [whole].into_iter().collect();
    if layout.scheme == Scheme::None {
        // Without partitions there is nothing between them.
        return;
    }
    layout.table_ranges.iter().for_each(|table| free.remove(table.range));
    let mut taken_to = 0;
    let mut taken_by = 0;
    for partition in &layout.partitions {
        let subject = format!("partition {}", partition.number);
        if partition.range.is_empty() {
            layout.issues.push(Issue::new(&subject, "it ends before it begins"));
        }
        if partition.range.end > layout.disk_bytes {
            let message = format!("it reaches past the end of the disk at byte {}", layout.disk_bytes);
            layout.issues.push(Issue::at(&subject, partition.range, message));
        }
        if partition.role == Role::Extended {
            continue;
        }
        if partition.range.start < taken_to {
            let message = format!("it overlaps partition {taken_by}");
            layout.issues.push(Issue::at(&subject, partition.range, message));
        }
        if partition.range.end > taken_to {
            (taken_to, taken_by) = (partition.range.end, partition.number);
        }
        free.remove(partition.range);
    }
    layout.gaps = free.into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;
    use proptest::prelude::*;

    /// An MBR entry of type `code`.
    fn put(disk: &mut [u8], record_at: usize, number: usize, code: u8, first: u32, sectors: u32) {
        let at = record_at + 446 + 16 * (number - 1);
        disk[at + 4] = code;
        disk[at + 8..at + 12].copy_from_slice(&first.to_le_bytes());
        disk[at + 12..at + 16].copy_from_slice(&sectors.to_le_bytes());
        disk[record_at + 510..record_at + 512].copy_from_slice(&[0x55, 0xaa]);
    }

    fn messages(layout: &Layout) -> Vec<String> {
        layout.issues.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_disk_of_zeroes_has_no_table_and_no_issue() {
        for length in [0, 1, 511, 512, 513, 1 << 20] {
            let layout = probe(&Memory(vec![0; length]), None);
            assert_eq!((layout.scheme, layout.issues), (Scheme::None, Vec::new()), "{length}");
        }
    }

    #[test]
    fn a_loop_of_logical_partitions_ends_and_is_told() {
        let mut disk = vec![0; 1 << 20];
        put(&mut disk, 0, 1, 0x05, 100, 1000);
        put(&mut disk, 100 * 512, 1, 0x83, 10, 10);
        put(&mut disk, 100 * 512, 2, 0x05, 200, 100);
        put(&mut disk, 300 * 512, 1, 0x83, 10, 10);
        put(&mut disk, 300 * 512, 2, 0x05, 0, 100);
        let layout = probe(&Memory(disk), Some(512));
        let numbers: Vec<_> = layout.partitions.iter().map(|partition| (partition.number, partition.role)).collect();
        assert_eq!(numbers, [(1, Role::Extended), (5, Role::Logical), (6, Role::Logical)]);
        assert_eq!(
            messages(&layout),
            ["extended boot record, bytes 51200-51712: the chain of logical partitions comes back to it: a loop"]
        );
        assert_eq!(layout.table_ranges.len(), 3);
    }

    #[test]
    fn overlaps_and_ends_past_the_disk_are_told() {
        let mut disk = vec![0; 512 * 100];
        put(&mut disk, 0, 1, 0x83, 10, 50);
        put(&mut disk, 0, 2, 0x83, 40, 100);
        let layout = probe(&Memory(disk), Some(512));
        assert_eq!(
            messages(&layout),
            [
                "partition 2, bytes 20480-71680: it reaches past the end of the disk at byte 51200",
                "partition 2, bytes 20480-71680: it overlaps partition 1",
            ]
        );
        assert_eq!(layout.gaps, [ByteRange::new(512, 5120)]);
    }

    #[test]
    fn a_layout_is_read_back_from_json() {
        let mut disk = vec![0; 512 * 100];
        put(&mut disk, 0, 1, 0x83, 10, 50);
        let layout = probe(&Memory(disk), None);
        let json = serde_json::to_string(&layout).unwrap();
        assert_eq!(serde_json::from_str::<Layout>(&json).unwrap(), layout);
    }

    #[test]
    fn a_layout_is_shown_in_lines() {
        let mut disk = vec![0; 512 * 100];
        put(&mut disk, 0, 1, 0x82, 10, 90);
        disk[10 * 512 + 4086..10 * 512 + 4096].copy_from_slice(b"SWAPSPACE2");
        let lines = [
            "size: 50.0 KiB (51,200 bytes)",
            "partition table: MBR (sectors of 512 bytes, assumed)",
            "part        first byte               end        size  type",
            "   -               512              5120     4.5 KiB  (in no partition)",
            "   1              5120             51200    45.0 KiB  Linux swap or Solaris",
            "                                                        swap",
            "",
        ];
        assert_eq!(probe(&Memory(disk), None).to_string(), lines.join("\n"));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(
            record in prop::collection::vec(any::<u8>(), 64), header in prop::collection::vec(any::<u8>(), 92),
            magic in any::<bool>(), length in 600_usize..40_000, sector in prop::option::of(any::<u64>()),
        ) {
            let mut disk = vec![0; length];
            disk[446..510].copy_from_slice(&record);
            disk[510..512].copy_from_slice(&[0x55, 0xaa]);
            for at in [450, 466] { if record[0] < 128 { disk[at - 4] = 0; disk[at] = 5; } }
            if length > 1024 {
                disk[512..604].copy_from_slice(&header);
                if magic { disk[512..520].copy_from_slice(b"EFI PART"); }
            }
            let _ = probe(&Memory(disk), sector).to_string();
        }
    }
}
