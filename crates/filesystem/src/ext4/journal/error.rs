//! Why a journal cannot be used.

use kanshiki_image::ReadError;

/// Why a journal cannot be used. Blocks are counted from the start of the journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The journal's first block is no journal superblock.
    #[error("no journal magic in block 0: expected 0xc03b3998, found {found:#010x}")]
    Magic {
        /// The first four bytes.
        found: u32,
    },
    /// The superblock contradicts itself or the file that holds the journal.
    #[error("damaged journal superblock: {detail}")]
    Superblock {
        /// What was expected and what was found.
        detail: String,
    },
    /// Valid, but beyond this reader.
    #[error("not supported: {detail}")]
    Unsupported {
        /// The feature by name.
        detail: String,
    },
    /// A block of the log contradicts itself.
    #[error("damaged block {block} of the journal, in transaction {transaction}: {detail}")]
    Damaged {
        /// The block.
        block: u64,
        /// The transaction.
        transaction: u32,
        /// What was expected and what was found.
        detail: String,
    },
    /// A block that must be read has no place on the disk or lies past the journal's end.
    #[error("block {block} of the journal does not exist: it has {blocks}")]
    NoBlock {
        /// The block.
        block: u64,
        /// The number of blocks of the journal.
        blocks: u64,
    },
    /// A block lies past the end of the volume, of which something is missing.
    #[error("block {block} of the journal lies at byte {offset}, and only {there} bytes of the volume are there")]
    CutOff {
        /// The block.
        block: u64,
        /// Where it lies, in bytes from the start of the volume.
        offset: u64,
        /// The bytes of the volume that are there.
        there: u64,
    },
    /// The medium did not give the block.
    #[error("cannot read block {block} of the journal: {source}")]
    Unreadable {
        /// The block.
        block: u64,
        /// The reader's reason.
        source: ReadError,
    },
}
