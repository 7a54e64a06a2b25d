//! The layout as text for people.

use super::{Layout, Partition, Scheme, SectorSizeOrigin};
use kanshiki_model::{ByteRange, Size};
use std::fmt;

/// Several lines: the disk, then a line for each partition, with its contents below it, and each gap; then issues.
impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match self.sector_size_origin {
            SectorSizeOrigin::Told => "",
            SectorSizeOrigin::Derived => ", derived",
            SectorSizeOrigin::Assumed => ", assumed",
        };
        writeln!(f, "size: {}", Size(self.disk_bytes))?;
        write!(f, "partition table: {}", self.scheme)?;
        if self.scheme != Scheme::None {
            write!(f, " (sectors of {} bytes{origin})", self.sector_bytes)?;
        }
        writeln!(f)?;
        if let Some(disk_id) = &self.disk_id {
            writeln!(f, "disk identifier: {disk_id}")?;
        }
        for signature in &self.signatures {
            writeln!(f, "whole disk: {signature}")?;
        }
        if !self.partitions.is_empty() {
            writeln!(f, "{:>4}  {:>16}  {:>16}  {:>10}  type", "part", "first byte", "end", "size")?;
        }
        let mut gaps = self.gaps.iter().peekable();
        for partition in &self.partitions {
            while let Some(gap) = gaps.next_if(|gap| gap.start < partition.range.start) {
                show_gap(*gap, f)?;
            }
            partition.fmt(f)?;
        }
        gaps.try_for_each(|gap| show_gap(*gap, f))?;
        self.issues.iter().try_for_each(|issue| writeln!(f, "issue: {issue}"))
    }
}

fn show_gap(gap: ByteRange, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let size = Size(gap.len()).short();
    writeln!(f, "{:>4}  {:>16}  {:>16}  {size:>10}  (in no partition)", "-", gap.start, gap.end)
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end, size) = (self.range.start, self.range.end, Size(self.range.len()).short());
        write!(f, "{:>4}  {start:>16}  {end:>16}  {size:>10}  {}", self.number, self.partition_type)?;
        if let Some(name) = &self.name {
            write!(f, " \"{name}\"")?;
        }
        if !self.flags.is_empty() {
            write!(f, " [{}]", self.flags.join(", "))?;
        }
        writeln!(f)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{:>54}  {signature}", ""))
    }
}
