//! The features of ext2, ext3 and ext4 and the flags of inodes, with their names in e2fsprogs.
//!
//! Source: Linux 6.12, fs/ext4/ext4.h; e2fsprogs 1.47, lib/e2p/feature.c.

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

/// The names of the features that are set.
pub(crate) fn names(compatible: u32, incompatible: u32, read_only: u32) -> Vec<String> {
    let words = [
        (compatible, COMPATIBLE, "compat"),
        (incompatible, INCOMPATIBLE, "incompat"),
        (read_only, READ_ONLY, "ro_compat"),
    ];
    words.into_iter().flat_map(|(word, table, group)| named(word, table, group)).collect()
}

/// The names of the incompatible features in `word`.
pub(crate) fn incompatible_names(word: u32) -> Vec<String> {
    named(word, INCOMPATIBLE, "incompat").collect()
}

/// The names of the flags of an inode that are set.
pub(crate) fn flag_names(flags: u32) -> Vec<String> {
    named(flags, FLAGS, "flag").collect()
}

fn named<'a>(word: u32, table: &'a [(u32, &'a str)], group: &'a str) -> impl Iterator<Item = String> + 'a {
    (0..32_u32).filter(move |bit| word.checked_shr(*bit).unwrap_or(0) & 1 == 1).map(move |bit| {
        let name = table.iter().find(|(other, _)| *other == bit).map(|(_, name)| (*name).to_owned());
        name.unwrap_or_else(|| format!("{group}_bit_{bit}"))
    })
}

const COMPATIBLE: &[(u32, &str)] = &[
    (0, "dir_prealloc"),
    (1, "imagic_inodes"),
    (2, "has_journal"),
    (3, "ext_attr"),
    (4, "resize_inode"),
    (5, "dir_index"),
    (6, "lazy_bg"),
    (8, "exclude_bitmap"),
    (9, "sparse_super2"),
    (10, "fast_commit"),
    (11, "stable_inodes"),
    (12, "orphan_file"),
];

const INCOMPATIBLE: &[(u32, &str)] = &[
    (0, "compression"),
    (1, "filetype"),
    (2, "needs_recovery"),
    (3, "journal_dev"),
    (4, "meta_bg"),
    (6, "extent"),
    (7, "64bit"),
    (8, "mmp"),
    (9, "flex_bg"),
    (10, "ea_inode"),
    (12, "dirdata"),
    (13, "metadata_csum_seed"),
    (14, "large_dir"),
    (15, "inline_data"),
    (16, "encrypt"),
    (17, "casefold"),
];

const READ_ONLY: &[(u32, &str)] = &[
    (0, "sparse_super"),
    (1, "large_file"),
    (3, "huge_file"),
    (4, "uninit_bg"),
    (5, "dir_nlink"),
    (6, "extra_isize"),
    (8, "quota"),
    (9, "bigalloc"),
    (10, "metadata_csum"),
    (11, "replica"),
    (12, "read-only"),
    (13, "project"),
    (14, "shared_blocks"),
    (15, "verity"),
    (16, "orphan_present"),
];

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
