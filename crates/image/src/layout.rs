//! How a disk is divided: its partition table, the partitions, the gaps between them, and what lies in each.
//!
//! ```
//! let disk = kanshiki_image::Memory(vec![0; 1 << 20]);
//! let layout = kanshiki_image::layout::probe(&disk, None);
//! assert_eq!(layout.scheme, kanshiki_image::layout::Scheme::None);
//! ```

mod checksum;
mod collect;
mod gpt;
mod guid;
mod mbr;
mod show;
mod types;

pub use collect::probe;

use crate::signature::Signature;
use kanshiki_model::{ByteRange, Issue};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of a disk's partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// None that is known.
    None,
    /// The master boot record of the PC, with four entries and a chain of logical partitions.
    Mbr,
    /// The GUID partition table.
    Gpt,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Mbr => "MBR",
            Self::Gpt => "GPT",
        })
    }
}

/// Where the sector size comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SectorSizeOrigin {
    /// The caller knew it, from the device or the manifest.
    Told,
    /// The partition table or the partitions' contents lie where only this size puts them.
    Derived,
    /// Nothing speaks for or against it.
    Assumed,
}

/// Where a partition is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// In the table itself.
    Primary,
    /// In the table; holds the logical partitions.
    Extended,
    /// In the chain inside an extended partition.
    Logical,
}

/// The type of a partition as the table says it, which need not be what lies in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionType {
    /// Two hexadecimal digits (MBR) or a GUID in lower case (GPT).
    pub code: String,
    /// What the code means, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl fmt::Display for PartitionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "unknown type {}", self.code),
        }
    }
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Its number as Linux counts: logical partitions from 5.
    pub number: u32,
    /// Its bytes on the disk, as the table says; they may reach past the end of the disk.
    pub range: ByteRange,
    /// Where it is listed.
    pub role: Role,
    /// Its type.
    pub partition_type: PartitionType,
    /// Its name in the table, made visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its UUID: that of GPT, or the disk's identifier and the number as Linux makes it up for MBR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Flags that are set, such as `boot` or `read-only`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// What lies in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

/// Sectors that belong to the partition table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRange {
    /// What lies there, such as `primary GPT header`.
    pub name: String,
    /// Its bytes on the disk.
    pub range: ByteRange,
}

/// How a disk is divided. All offsets and sizes are in bytes from the start of the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Length of the disk.
    pub disk_bytes: u64,
    /// The kind of the partition table.
    pub scheme: Scheme,
    /// The size of a sector in the partition table's terms.
    pub sector_bytes: u64,
    /// Where that size comes from.
    pub sector_size_origin: SectorSizeOrigin,
    /// The disk's GUID (GPT) or identifier of eight hexadecimal digits (MBR).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_id: Option<String>,
    /// The partitions in the order of their first bytes; an extended one before its logical ones.
    pub partitions: Vec<Partition>,
    /// Bytes that belong to no partition and not to the table, in ascending order.
    pub gaps: Vec<ByteRange>,
    /// The sectors of the partition table itself, in ascending order.
    pub table_ranges: Vec<TableRange>,
    /// What lies on the disk as a whole, beside or instead of a partition table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
    /// What is damaged, contradicts itself or could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<Issue>,
}
