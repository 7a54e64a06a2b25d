//! The journal's superblock.

use super::JournalError;
use super::checksum::crc32c;
use kanshiki_image::bytes::{array, u32_be};

/// The first four bytes of every block of the journal that is no copy.
pub(super) const MAGIC: u32 = 0xc03b_3998;

/// The part of the superblock that its checksum covers, in bytes.
const SUPERBLOCK_BYTES: usize = 1024;

/// What a log needs at least beside the area of fast commits (`JBD2_MIN_JOURNAL_BLOCKS`).
const MIN_BLOCKS: u32 = 1024;

/// The longest log that mke2fs makes (`JBD2_MAX_JOURNAL_BLOCKS`); it bounds the memory that a replay takes.
const MAX_BLOCKS: u32 = MIN_BLOCKS * 10_000;

/// The length of the area of fast commits when the superblock says 0.
const DEFAULT_FAST_COMMIT_BLOCKS: u32 = 256;

const COMPAT_CHECKSUM: u32 = 1;
const INCOMPAT_64BIT: u32 = 2;
const INCOMPAT_ASYNC_COMMIT: u32 = 4;
const INCOMPAT_CHECKSUM_V2: u32 = 8;
const INCOMPAT_CHECKSUM_V3: u32 = 16;
const INCOMPAT_FAST_COMMIT: u32 = 32;

/// Revocations (1) need no special care; the rest are the constants above.
const INCOMPAT_KNOWN: u32 = 0x3f;

/// What the checksums of a journal cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumKind {
    /// There are none.
    None,
    /// Each commit block holds a CRC-32 of its transaction's descriptors and copies.
    V1,
    /// CRC-32C of the superblock, each descriptor, revocation and commit block, and the lower half of one of each copy.
    V2,
    /// As V2, with the whole checksum of each copy.
    V3,
}

impl ChecksumKind {
    /// Whether each block has a checksum of its own.
    #[must_use]
    pub const fn each_block(self) -> bool {
        matches!(self, Self::V2 | Self::V3)
    }
}

/// The journal's superblock, checked.
///
/// | field | at |
/// | --- | --- |
/// | magic, type (3 or 4), | 0, 4 |
/// | length of a block in bytes, length of the journal in blocks, first block of the log | 12, 16, 20 |
/// | sequence number and block of the oldest transaction that may need replay; block 0: there is none | 24, 28 |
/// | error number | 32 |
/// | type 4 only: features (compatible, incompatible, read-only compatible), UUID | 36, 40, 44, 48 |
/// | number of filesystems, kind of checksum, number of fast commit blocks, checksum | 64, 80, 84, 252 |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    /// Length of the journal in blocks, its superblock and fast commits among them.
    pub blocks: u32,
    /// First block of the log.
    pub first: u32,
    /// The block after the last of the log, where it wraps.
    pub last: u32,
    /// Sequence number of the first transaction to replay.
    pub sequence: u32,
    /// Block of the first transaction to replay; `None` if the journal is empty.
    pub start: Option<u32>,
    /// The error that the kernel left, 0 for none.
    pub errno: u32,
    /// What the checksums cover.
    pub checksums: ChecksumKind,
    /// Whether block numbers have 64 bits.
    pub wide: bool,
    /// Whether a commit block may have reached the disk before the rest of its transaction.
    pub async_commit: bool,
    /// Where fast commits lie, in blocks of the journal; the end is excluded. `None` without the feature.
    pub fast_commits: Option<(u32, u32)>,
    /// The journal's UUID; zeroes in version 1.
    pub uuid: [u8; 16],
}

impl Superblock {
    /// Checks block 0 of a journal that lies in a file of `file_blocks` blocks of `block_bytes`.
    ///
    /// # Errors
    ///
    /// [`JournalError::Magic`], [`JournalError::Superblock`] or [`JournalError::Unsupported`].
    ///
    /// Source: Linux 6.18, `fs/jbd2/journal.c`, `journal_check_superblock`.
    pub fn parse(bytes: &[u8], block_bytes: u32, file_blocks: u64) -> Result<Self, JournalError> {
        let field = |at| u32_be(bytes, at).ok_or_else(|| bad("it is cut off".to_owned()));
        let found = field(0)?;
        if found != MAGIC {
            return Err(JournalError::Magic { found });
        }
        let version = match field(4)? {
            3 => 1,
            4 => 2,
            other => return Err(bad(format!("type: expected 3 or 4, found {other}"))),
        };
        if field(12)? != block_bytes {
            return Err(bad(format!("length of a block: expected {block_bytes}, found {}", field(12)?)));
        }
        let mut superblock = Self::positions([16, 20, 24, 28, 32].map(field), file_blocks)?;
        if version == 2 {
            superblock.take_features(bytes)?;
        }
        Ok(superblock)
    }

    fn positions(fields: [Result<u32, JournalError>; 5], file_blocks: u64) -> Result<Self, JournalError> {
        let [blocks, first, sequence, start, errno] = fields;
        let (blocks, first, sequence, start, errno) = (blocks?, first?, sequence?, start?, errno?);
        if u64::from(blocks) > file_blocks {
            return Err(bad(format!("{blocks} blocks, but the file that holds the journal has {file_blocks}")));
        }
        if blocks > MAX_BLOCKS {
            return Err(JournalError::Unsupported {
                detail: format!("a journal of {blocks} blocks, above {MAX_BLOCKS}"),
            });
        }
        if first == 0 || first >= blocks {
            return Err(bad(format!("first block of the log: expected 1 to {blocks} (excluded), found {first}")));
        }
        Ok(Self {
            blocks,
            first,
            last: blocks,
            sequence,
            start: Some(start).filter(|start| *start != 0),
            errno,
            checksums: ChecksumKind::None,
            wide: false,
            async_commit: false,
            fast_commits: None,
            uuid: [0; 16],
        })
    }

    fn take_features(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let field = |at| u32_be(bytes, at).ok_or_else(|| bad("it is cut off".to_owned()));
        let (compat, incompat, read_only) = (field(36)?, field(40)?, field(44)?);
        self.uuid = array(bytes, 48).unwrap_or_default();
        if incompat & !INCOMPAT_KNOWN != 0 || read_only != 0 {
            let detail = format!("journal features {:#x} (incompatible), {read_only:#x}", incompat & !INCOMPAT_KNOWN);
            return Err(JournalError::Unsupported { detail });
        }
        if field(64)? > 1 {
            return Err(JournalError::Unsupported { detail: format!("a journal of {} filesystems", field(64)?) });
        }
        self.wide = incompat & INCOMPAT_64BIT != 0;
        self.async_commit = incompat & INCOMPAT_ASYNC_COMMIT != 0;
        let kinds = (compat & COMPAT_CHECKSUM, incompat & INCOMPAT_CHECKSUM_V2, incompat & INCOMPAT_CHECKSUM_V3);
        self.checksums = match kinds {
            (0, 0, 0) => ChecksumKind::None,
            (_, 0, 0) => ChecksumKind::V1,
            (0, _, 0) => ChecksumKind::V2,
            (0, 0, _) => ChecksumKind::V3,
            _ => return Err(bad("more than one version of checksums".to_owned())),
        };
        if self.checksums.each_block() {
            check_sum(bytes)?;
        }
        if incompat & INCOMPAT_FAST_COMMIT != 0 {
            let count = Some(field(84)?).filter(|count| *count != 0).unwrap_or(DEFAULT_FAST_COMMIT_BLOCKS);
            let Some(last) = self.blocks.checked_sub(count).filter(|last| *last >= MIN_BLOCKS && *last > self.first)
            else {
                return Err(bad(format!("{count} blocks for fast commits out of {}", self.blocks)));
            };
            self.last = last;
            // The kernel leaves the first block after the log unused (`j_fc_first = j_last + 1`).
            self.fast_commits = Some((last.saturating_add(1), self.blocks));
        }
        Ok(())
    }

    /// What every checksum of a block begins with.
    pub(super) fn seed(&self) -> u32 {
        crc32c(u32::MAX, &self.uuid)
    }
}

fn bad(detail: String) -> JournalError {
    JournalError::Superblock { detail }
}

fn check_sum(bytes: &[u8]) -> Result<(), JournalError> {
    let kind = bytes.get(80).copied().unwrap_or_default();
    if kind != 4 {
        return Err(bad(format!("kind of checksum: expected 4 (CRC-32C), found {kind}")));
    }
    let mut covered = bytes.get(..SUPERBLOCK_BYTES).unwrap_or_default().to_vec();
    let stored = u32_be(&covered, 252);
    if let Some(field) = covered.get_mut(252..256) {
        field.fill(0);
    }
    let computed = crc32c(u32::MAX, &covered);
    if stored == Some(computed) {
        return Ok(());
    }
    Err(bad(format!("checksum: expected {computed:#010x}, found {:#010x}", stored.unwrap_or_default())))
}
