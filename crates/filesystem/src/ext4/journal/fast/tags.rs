//! The records of fast commits, and which of them count.

use crate::ext4::checksum::crc32c;
use crate::ext4::journal::Log;
use kanshiki_image::bytes::{array, length, u16_le, u32_le};

/// The most that is read of the area of fast commits; mke2fs makes 256 blocks.
const MAX_BYTES: usize = 16 << 20;

const RECORD_BYTES: usize = 4;
const OLD_INODE_BYTES: usize = 128;
const NAME_BYTES: usize = 255;
const HEAD: u16 = 9;

/// A name of an inode in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) parent: u64,
    pub(crate) inode: u64,
    pub(crate) name: Vec<u8>,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    AddRange { inode: u64, extent: [u8; 12] },
    DeleteRange { inode: u64, first: u64, blocks: u64 },
    Create(Name),
    Link(Name),
    Unlink(Name),
    Inode { inode: u64, bytes: Vec<u8> },
}

/// What the area of fast commits holds that counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FastCommits {
    pub(crate) changes: Vec<Change>,
    /// How many there are.
    pub(crate) commits: u64,
    /// Why what follows them does not count, if there is more of this transaction.
    pub(crate) cut: Option<String>,
}

enum Record {
    Change(Change),
    Padding,
    Tail { transaction: u32, sum: u32 },
    Head { features: u32, transaction: u32 },
}

impl Record {
    /// A record of this tag with this value; `None` if there is no such tag, or not of this length.
    ///
    /// Source: Linux 6.18, `fs/ext4/fast_commit.c`, `ext4_fc_value_len_isvalid`.
    fn parse(tag: u16, value: &[u8], inode_bytes: usize) -> Option<Self> {
        let number = |at| u32_le(value, at).map(u64::from);
        let name = || {
            let name = value.get(8..).filter(|name| !name.is_empty() && name.len() <= NAME_BYTES)?.to_vec();
            Some(Name { parent: number(0)?, inode: number(4)?, name })
        };
        let change = match tag {
            1 if value.len() == 16 => Change::AddRange { inode: number(0)?, extent: array(value, 4)? },
            2 if value.len() == 12 => Change::DeleteRange { inode: number(0)?, first: number(4)?, blocks: number(8)? },
            3 => Change::Create(name()?),
            4 => Change::Link(name()?),
            5 => Change::Unlink(name()?),
            6 => {
                let bytes = value.get(4..)?;
                let fits = bytes.len() >= OLD_INODE_BYTES && bytes.len() <= inode_bytes;
                Change::Inode { inode: number(0)?, bytes: fits.then(|| bytes.to_vec())? }
            }
            7 => return Some(Self::Padding),
            8 => return Some(Self::Tail { transaction: u32_le(value, 0)?, sum: u32_le(value, 4)? }),
            HEAD if value.len() == 8 => {
                return Some(Self::Head { features: u32_le(value, 0)?, transaction: u32_le(value, 4)? });
            }
            _ => return None,
        };
        Some(Self::Change(change))
    }
}

struct Scan {
    transaction: u32,
    inode_bytes: usize,
    sum: u32,
    /// Changes since the last tail.
    waiting: Vec<Change>,
    found: FastCommits,
}

/// Reads the fast commits that belong to `transaction`.
///
/// Source: Linux 6.18, `fs/ext4/fast_commit.c`, `ext4_fc_replay_scan`.
pub(crate) fn scan(log: &Log, transaction: u32, inode_bytes: usize) -> FastCommits {
    let mut scan = Scan { transaction, inode_bytes, sum: 0, waiting: Vec::new(), found: FastCommits::default() };
    let Some((first, end)) = log.superblock.fast_commits else { return scan.found };
    let mut block = log.buffer();
    let blocks = MAX_BYTES.checked_div(block.len()).unwrap_or(0);
    for place in (u64::from(first)..u64::from(end)).take(blocks) {
        if let Err(error) = log.read(place, &mut block) {
            scan.found.cut = Some(error.to_string());
            return scan.found;
        }
        let is_head = u16_le(&block, 0) == Some(HEAD);
        if place == u64::from(first) && !is_head {
            return scan.found;
        }
        if let Err(cut) = scan.block(&block) {
            scan.found.cut = cut.map(|cut| format!("block {place} of the journal: {cut}"));
            return scan.found;
        }
    }
    if u64::from(end.saturating_sub(first)) > length(blocks) {
        scan.found.cut = Some(format!("not supported: more than {MAX_BYTES} bytes of fast commits"));
    } else if !scan.waiting.is_empty() {
        scan.found.cut = Some("the last one has no end".to_owned());
    }
    scan.found
}

impl Scan {
    /// Takes in a block; an error ends the scan, with the reason if something of this transaction is lost.
    fn block(&mut self, block: &[u8]) -> Result<(), Option<String>> {
        let mut rest = block;
        while let (Some(tag), Some(bytes)) = (u16_le(rest, 0), u16_le(rest, 2)) {
            let end = RECORD_BYTES.saturating_add(usize::from(bytes));
            let record = rest.get(RECORD_BYTES..end);
            let Some(record) = record.and_then(|value| Record::parse(tag, value, self.inode_bytes)) else {
                return Err(self.lost(&format!("a record of tag {tag} and length {bytes}")));
            };
            let covered = rest.get(..end).unwrap_or_default();
            self.record(record, covered)?;
            rest = rest.get(end..).unwrap_or_default();
        }
        Ok(())
    }

    fn record(&mut self, record: Record, covered: &[u8]) -> Result<(), Option<String>> {
        match record {
            Record::Tail { transaction, sum } => {
                let covered = covered.get(..8).unwrap_or_default();
                let computed = crc32c(std::mem::take(&mut self.sum), covered);
                if transaction != self.transaction {
                    // What an earlier use of the area left.
                    return Err(None);
                }
                if sum != computed {
                    return Err(self.lost(&format!("checksum: expected {computed:#010x}, found {sum:#010x}")));
                }
                self.found.changes.append(&mut self.waiting);
                self.found.commits = self.found.commits.saturating_add(1);
                return Ok(());
            }
            Record::Head { features, transaction } => {
                if features != 0 {
                    return Err(Some(format!("not supported: fast commits with features {features:#x}")));
                }
                if transaction != self.transaction {
                    return Err(None);
                }
            }
            Record::Change(change) => self.waiting.push(change),
            Record::Padding => {}
        }
        self.sum = crc32c(self.sum, covered);
        Ok(())
    }

    /// What ends the scan is no loss where it stands behind a tail: nothing was begun there.
    fn lost(&self, what: &str) -> Option<String> {
        (!self.waiting.is_empty() || self.found.commits == 0).then(|| what.to_owned())
    }
}
