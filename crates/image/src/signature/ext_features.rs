//! The names of the features of ext2, ext3 and ext4, as e2fsprogs has them.
//!
//! Source: Linux 6.12, fs/ext4/ext4.h; e2fsprogs 1.47, lib/e2p/feature.c.

/// The names of the features that are set in the three words of the superblock; a bit without a name is `GROUP_bit_N`.
#[must_use]
pub fn names(compatible: u32, incompatible: u32, read_only: u32) -> Vec<String> {
    let words = [
        (compatible, COMPATIBLE, "compat"),
        (incompatible, INCOMPATIBLE, "incompat"),
        (read_only, READ_ONLY, "ro_compat"),
    ];
    words.into_iter().flat_map(|(word, table, group)| bit_names(word, table, group)).collect()
}

/// The names of the incompatible features in `word`.
#[must_use]
pub fn incompatible_names(word: u32) -> Vec<String> {
    bit_names(word, INCOMPATIBLE, "incompat").collect()
}

/// The names of the bits that are set in `word`, by a table of bits and names; others are `GROUP_bit_N`.
pub fn bit_names<'a>(word: u32, table: &'a [(u32, &'a str)], group: &'a str) -> impl Iterator<Item = String> + 'a {
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
