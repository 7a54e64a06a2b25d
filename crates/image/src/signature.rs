//! What lies in a disk or a partition, told by its superblock: filesystems, swap, encryption, volumes, arrays.

mod area;
mod bcache;
mod btrfs;
mod exfat;
mod ext;
pub mod ext_features;
mod fat;
mod iso9660;
mod luks;
mod lvm;
mod md;
mod ntfs;
mod squashfs;
mod swap;
mod xfs;
mod zfs;

use crate::{ReadAt, ReadError};
pub(crate) use area::utf16_text;
use area::{Area, Found};
use kanshiki_model::{ByteRange, Issue, Size};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The kinds of content that are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SignatureKind {
    /// The second extended filesystem, without a journal.
    Ext2,
    /// The third extended filesystem: ext2 with a journal.
    Ext3,
    /// The fourth extended filesystem.
    Ext4,
    /// A device that holds the journal of an ext3 or ext4 filesystem elsewhere.
    ExtJournal,
    /// XFS.
    Xfs,
    /// Btrfs.
    Btrfs,
    /// Swap space of Linux.
    Swap,
    /// LUKS encryption, version 1.
    Luks1,
    /// LUKS encryption, version 2.
    Luks2,
    /// A physical volume of LVM2.
    LvmPv,
    /// A member of a software RAID array of Linux.
    MdRaid,
    /// NTFS.
    Ntfs,
    /// FAT with 12-bit entries.
    Fat12,
    /// FAT with 16-bit entries.
    Fat16,
    /// FAT with 32-bit entries.
    Fat32,
    /// exFAT.
    #[serde(rename = "exfat")]
    ExFat,
    /// ISO 9660, of optical media and installation images.
    #[serde(rename = "iso9660")]
    Iso9660,
    /// SquashFS.
    Squashfs,
    /// A backing or cache device of bcache.
    Bcache,
    /// A member of a ZFS pool.
    Zfs,
}

impl SignatureKind {
    /// The name as people write it, such as `ext4` or `LUKS2`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ext2 => "ext2",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
            Self::ExtJournal => "ext journal",
            Self::Xfs => "XFS",
            Self::Btrfs => "btrfs",
            Self::Swap => "swap",
            Self::Luks1 => "LUKS1",
            Self::Luks2 => "LUKS2",
            Self::LvmPv => "LVM2 physical volume",
            Self::MdRaid => "md RAID member",
            Self::Ntfs => "NTFS",
            Self::Fat12 => "FAT12",
            Self::Fat16 => "FAT16",
            Self::Fat32 => "FAT32",
            Self::ExFat => "exFAT",
            Self::Iso9660 => "ISO 9660",
            Self::Squashfs => "SquashFS",
            Self::Bcache => "bcache",
            Self::Zfs => "ZFS member",
        }
    }
}

impl fmt::Display for SignatureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a superblock says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// What it is.
    pub kind: SignatureKind,
    /// Where the superblock lies, in bytes from the start of the disk or partition.
    pub offset: u64,
    /// Length of what the superblock describes, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The label, made visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The UUID, or what takes its place, as the system's own tools write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// What else it says: features, state, version, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

impl Signature {
    fn new(kind: SignatureKind, offset: u64) -> Self {
        Self { kind, offset, bytes: None, label: None, uuid: None, details: BTreeMap::new() }
    }

    fn detail(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.details.insert(name.to_owned(), value);
        }
        self
    }
}

/// The kind, the label in quotes, the UUID and the size.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(label) = &self.label {
            write!(f, " \"{label}\"")?;
        }
        if let Some(uuid) = &self.uuid {
            write!(f, " {uuid}")?;
        }
        match self.bytes {
            Some(bytes) => write!(f, ", {}", Size(bytes).short()),
            None => Ok(()),
        }
    }
}

type Parser = fn(&Area<'_>) -> Found;

/// All parsers, in the order in which their findings are listed.
const PARSERS: &[Parser] = &[
    luks::probe,
    lvm::probe,
    md::probe_1_1,
    md::probe_1_2,
    md::probe_1_0,
    md::probe_0_90,
    bcache::probe,
    zfs::probe,
    ext::probe,
    xfs::probe,
    btrfs::probe,
    ntfs::probe,
    exfat::probe,
    fat::probe,
    iso9660::probe,
    squashfs::probe,
    swap::probe,
];

/// Looks for all known superblocks in `source`. What cannot be read, and superblocks that contradict themselves, become
/// issues about `subject`, whose offsets count from `base` bytes before the start of `source`.
#[must_use]
pub fn probe(source: &dyn ReadAt, subject: &str, base: u64) -> (Vec<Signature>, Vec<Issue>) {
    let area = Area::new(source);
    let mut signatures = Vec::new();
    for parser in PARSERS {
        match parser(&area) {
            Ok(found) => signatures.extend(found),
            Err(problem) => area.note(problem),
        }
    }
    let mut issues: Vec<Issue> = Vec::new();
    for problem in area.into_problems() {
        let issue = problem.into_issue(subject, base);
        if !issues.contains(&issue) {
            issues.push(issue);
        }
    }
    (signatures, issues)
}

/// Why a superblock says less than it should.
#[derive(Debug)]
enum Problem {
    Read(ReadError),
    Damaged { structure: &'static str, range: ByteRange, detail: String },
}

impl Problem {
    fn into_issue(self, subject: &str, base: u64) -> Issue {
        let moved = |range: ByteRange| ByteRange::new(range.start.saturating_add(base), range.end.saturating_add(base));
        match self {
            Self::Damaged { structure, range, detail } => {
                Issue::at(subject, moved(range), format!("damaged {structure}: {detail}"))
            }
            Self::Read(error) => match error.moved_up(base) {
                ReadError::Unreadable { range } => {
                    Issue::at(subject, range, "unreadable: what lies there cannot be told")
                }
                ReadError::Io { offset, source } => {
                    let message = format!("cannot be read: {source}; what lies there cannot be told");
                    Issue::at(subject, ByteRange::new(offset, offset.saturating_add(1)), message)
                }
                ReadError::Absent { range, reason } => {
                    Issue::at(subject, range, format!("not there: {reason}; what lies there cannot be told"))
                }
                error @ ReadError::Damaged { .. } => Issue::new(subject, error.to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gaps, Memory};
    use proptest::prelude::*;
    use std::sync::Arc;

    #[test]
    fn empty_bytes_have_no_signature_and_no_issue() {
        for length in [0, 1, 511, 1 << 20] {
            assert_eq!(probe(&Memory(vec![0; length]), "disk", 0), (Vec::new(), Vec::new()));
        }
    }

    #[test]
    fn an_unreadable_place_is_one_issue_and_hides_nothing_else() {
        let mut bytes = vec![0; 1 << 20];
        bytes[0..8].copy_from_slice(b"LUKS\xba\xbe\0\x02");
        bytes[4086..4096].copy_from_slice(b"SWAPSPACE2");
        let gaps = [ByteRange::new(0, 512)].into_iter().collect();
        let (found, issues) = probe(&Gaps::new(Arc::new(Memory(bytes)), gaps), "partition 1", 1000);
        assert_eq!(found.iter().map(|found| found.kind).collect::<Vec<_>>(), [SignatureKind::Swap]);
        assert_eq!(
            issues,
            [Issue::at("partition 1", ByteRange::new(1000, 1512), "unreadable: what lies there cannot be told")]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn any_bytes_never_panic(
            magic in prop::sample::select(MAGICS), fill in any::<u8>(),
            changes in prop::collection::vec((0_usize..4400, any::<u8>()), 0..300), length in 4096_usize..300_000,
        ) {
            let mut bytes = vec![if fill < 128 { 0 } else { fill }; length];
            for (at, byte) in changes {
                let at = (magic.0 & !1023) + at;
                if at < length { bytes[at] = byte; }
            }
            if let Some(place) = bytes.get_mut(magic.0..magic.0 + magic.1.len()) { place.copy_from_slice(magic.1); }
            let _ = probe(&Memory(bytes), "disk", 0);
        }
    }

    const MAGICS: &[(usize, &[u8])] = &[
        (1080, b"\x53\xef"),
        (0, b"XFSB"),
        (65_600, b"_BHRfS_M"),
        (4086, b"SWAPSPACE2"),
        (0, b"LUKS\xba\xbe\0\x01"),
        (0, b"LUKS\xba\xbe\0\x02"),
        (512, b"LABELONE\x01\0\0\0\0\0\0\0"),
        (4096, b"\xfc\x4e\x2b\xa9\x01\0\0\0"),
        (0, b"\xfc\x4e\x2b\xa9\x01\0\0\0"),
        (3, b"NTFS    "),
        (3, b"EXFAT   "),
        (510, b"\x55\xaa"),
        (32_769, b"CD001"),
        (0, b"hsqs"),
        (4120, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"),
        (16_384, b"\x01\x01\0\0\0\0\0\0\0\0\0\x01"),
    ];
}
