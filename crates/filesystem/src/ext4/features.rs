//! The features of ext2, ext3 and ext4 that the reader asks for, and the flags of inodes with their names.
//!
//! Source: Linux 6.12, fs/ext4/ext4.h; e2fsprogs 1.47, lib/e2p/feature.c.

use kanshiki_image::signature::ext_features::bit_names;

/// Compatible features.
pub(crate) mod compatible {
    pub(crate) const HAS_JOURNAL: u32 = 0x4;
    pub(crate) const EXT_ATTR: u32 = 0x8;
    pub(crate) const RESIZE_INODE: u32 = 0x10;
    pub(crate) const SPARSE_SUPER2: u32 = 0x200;
    pub(crate) const ORPHAN_FILE: u32 = 0x1000;
}

/// Incompatible features.
pub(crate) mod incompatible {
    pub(crate) const FILETYPE: u32 = 0x2;
    pub(crate) const RECOVER: u32 = 0x4;
    pub(crate) const JOURNAL_DEV: u32 = 0x8;
    pub(crate) const META_BG: u32 = 0x10;
    pub(crate) const BITS_64: u32 = 0x80;
    pub(crate) const EXTENTS: u32 = 0x40;
    pub(crate) const MMP: u32 = 0x100;
    pub(crate) const DIRDATA: u32 = 0x1000;
    pub(crate) const CSUM_SEED: u32 = 0x2000;
    pub(crate) const LARGE_DIR: u32 = 0x4000;
    pub(crate) const INLINE_DATA: u32 = 0x8000;
    /// All that this reader can read, or can show in part.
    pub(crate) const KNOWN: u32 = 0x3_f7d7 | JOURNAL_DEV;
}

/// Features with which a kernel that does not know them may read but not write.
pub(crate) mod read_only {
    pub(crate) const SPARSE_SUPER: u32 = 0x1;
    pub(crate) const HUGE_FILE: u32 = 0x8;
    pub(crate) const GDT_CSUM: u32 = 0x10;
    pub(crate) const BIGALLOC: u32 = 0x200;
    pub(crate) const METADATA_CSUM: u32 = 0x400;
    pub(crate) const PROJECT: u32 = 0x2000;
    pub(crate) const SHARED_BLOCKS: u32 = 0x4000;
}

/// Flags of an inode.
pub(crate) mod flag {
    pub(crate) const VERITY: u32 = 0x10_0000;
    pub(crate) const BLOCKS_PAST_END: u32 = 0x40_0000;
    pub(crate) const COMPRESSED_BLOCKS: u32 = 0x200;
    pub(crate) const ENCRYPT: u32 = 0x800;
    pub(crate) const HUGE_FILE: u32 = 0x4_0000;
    pub(crate) const EXTENTS: u32 = 0x8_0000;
    pub(crate) const EA_INODE: u32 = 0x20_0000;
    pub(crate) const INLINE_DATA: u32 = 0x1000_0000;
    pub(crate) const INDEX: u32 = 0x1000;
}

/// The names of the flags of an inode that are set.
pub(crate) fn flag_names(flags: u32) -> Vec<String> {
    bit_names(flags, FLAGS, "flag").collect()
}

/// As in e2fsprogs, lib/e2p/pf.c, in words that fit in a list.
const FLAGS: &[(u32, &str)] = &[
    (0, "secure_deletion"),
    (1, "undelete"),
    (2, "compressed"),
    (3, "synchronous"),
    (4, "immutable"),
    (5, "append_only"),
    (6, "no_dump"),
    (7, "no_atime"),
    (8, "compression_dirty"),
    (9, "compressed_blocks"),
    (10, "compression_raw"),
    (11, "encrypted"),
    (12, "indexed_directory"),
    (13, "imagic"),
    (14, "journalled_data"),
    (15, "no_tail_merging"),
    (16, "synchronous_directory"),
    (17, "top_of_directory_hierarchies"),
    (18, "huge_file"),
    (19, "extents"),
    (20, "verity"),
    (21, "inode_of_attribute"),
    (22, "blocks_past_end"),
    (24, "snapshot_file"),
    (25, "direct_access"),
    (26, "snapshot_deleted"),
    (27, "snapshot_shrunk"),
    (28, "inline_data"),
    (29, "project_hierarchy"),
    (30, "casefolded"),
    (31, "reserved"),
];
