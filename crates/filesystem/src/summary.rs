//! What a filesystem says of itself.

use kanshiki_model::FileTime;
use std::ops::Range;

/// A fact of a filesystem or a node that only its kind has, for people: a name and a value, already made visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The name, such as `journal inode` or `i_version`.
    pub name: &'static str,
    /// The value.
    pub value: String,
}

/// How to use the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum JournalUse {
    /// Replay it in memory, as the next mount would.
    #[default]
    Replay,
    /// Show the disk as it lies.
    Ignore,
}

/// What became of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalState {
    /// There is none.
    None,
    /// It is empty: the filesystem was unmounted cleanly or the journal was replayed.
    Clean,
    /// It was replayed in memory.
    Replayed {
        /// The sequence numbers of the transactions.
        transactions: Range<u64>,
        /// How many blocks differ from the disk, or may differ.
        blocks: u64,
        /// How many fast commits were applied after them.
        fast_commits: u64,
    },
    /// It holds transactions, and was ignored because the user said so.
    Ignored,
    /// It holds transactions, and cannot be replayed for this reason; the disk is shown as it lies.
    Unusable(String),
}

/// What a filesystem says of itself. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The kind, such as `ext4`.
    pub kind: &'static str,
    /// The label, made visible; empty if there is none.
    pub label: String,
    /// The UUID in lower case, if there is one.
    pub uuid: Option<String>,
    /// Size of a block.
    pub block_bytes: u64,
    /// Number of blocks, and of those that are free.
    pub blocks: u64,
    /// Number of free blocks.
    pub free_blocks: u64,
    /// Number of inodes.
    pub inodes: u64,
    /// Number of free inodes.
    pub free_inodes: u64,
    /// Where it was last mounted, made visible.
    pub last_mounted_on: Option<String>,
    /// When it was made.
    pub created: Option<FileTime>,
    /// When it was last mounted.
    pub mounted: Option<FileTime>,
    /// When it was last written.
    pub written: Option<FileTime>,
    /// Whether it was unmounted cleanly, in the filesystem's own words: `clean`, `not clean`, `errors`.
    pub state: String,
    /// Its features by name.
    pub features: Vec<String>,
    /// What became of its journal.
    pub journal: JournalState,
    /// All else that this kind has to say.
    pub details: Vec<Detail>,
}

impl Summary {
    /// Whether the counts of free blocks and inodes are those from before a journal that holds transactions.
    #[must_use]
    pub const fn counts_before_replay(&self) -> bool {
        matches!(self.journal, JournalState::Ignored | JournalState::Unusable(_))
    }
}

/// What the bytes at a place of the volume are used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockUse {
    /// Whether the block is in use, as the block bitmap says; `None` where that cannot be read.
    pub allocated: Option<bool>,
    /// The metadata that lies there, such as `inode table of group 3`; `None` for content and free space.
    pub metadata: Option<String>,
}

/// An older or newer copy of a metadata block, in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalCopy {
    /// The block of the volume that it is a copy of.
    pub block: u64,
    /// The sequence number of its transaction.
    pub transaction: u64,
    /// When the transaction was committed, if its commit block was found.
    pub committed: Option<FileTime>,
    /// Where the copy lies, in bytes from the start of the volume.
    pub offset: u64,
}
