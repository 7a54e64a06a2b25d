//! Finding the superblock, also when the primary is broken.

use super::superblock::{PRIMARY, SUPERBLOCK_BYTES, Superblock};
use crate::FsError;
use kanshiki_image::{ReadAt, read_exact_at};
use kanshiki_model::{ByteRange, Issue};

/// Groups that may hold a copy, near the start of the volume; the last group is tried too.
const GROUPS: [u64; 17] = [1, 3, 5, 7, 9, 25, 27, 49, 81, 125, 243, 343, 2, 4, 6, 8, 10];

/// The most clusters that mke2fs gives a group (e2fsprogs, lib/ext2fs/ext2_fs.h, `EXT2_MAX_CLUSTERS_PER_GROUP`).
const MOST_CLUSTERS: u64 = 65_528;

/// Powers of two of the blocks in a cluster that are tried: none, and those from 2 to 64.
const CLUSTER_POWERS: [u32; 7] = [0, 4, 1, 2, 3, 5, 6];

/// The superblock with what is to be told about it.
pub(crate) fn find(source: &dyn ReadAt, subject: &str) -> Result<(Superblock, Vec<Issue>), FsError> {
    let mut raw = [0; SUPERBLOCK_BYTES];
    let primary = match read_exact_at(source, PRIMARY, &mut raw) {
        Ok(()) => Superblock::parse(&raw, PRIMARY),
        Err(error) => Err(error.to_string()),
    };
    let range = ByteRange::new(PRIMARY, 2048);
    match primary {
        Ok(superblock) => {
            let mut issues = Vec::new();
            if superblock.checksum_is_right() == Some(false) {
                issues.push(Issue::at(
                    subject,
                    range,
                    "the checksum of the superblock is wrong; it is used all the same",
                ));
            }
            Ok((superblock, issues))
        }
        Err(wrong) => match backup(source) {
            Some(superblock) => {
                let (group, offset) = (superblock.group, superblock.offset);
                let told = format!(
                    "the primary superblock is damaged ({wrong}); the copy in group {group} at byte {offset} is used"
                );
                Ok((superblock, vec![Issue::at(subject, range, told)]))
            }
            None => {
                let detail = format!("{wrong}; no copy of it was found either");
                Err(FsError::Damaged { structure: "superblock", inode: None, offset: PRIMARY, detail })
            }
        },
    }
}

/// Whether there is a superblock, the primary or a copy.
pub(crate) fn is_there(source: &dyn ReadAt) -> bool {
    let mut raw = [0; SUPERBLOCK_BYTES];
    let primary = read_exact_at(source, PRIMARY, &mut raw).is_ok() && Superblock::parse(&raw, PRIMARY).is_ok();
    primary || backup(source).is_some()
}

/// The first copy that lies where it says that it lies.
fn backup(source: &dyn ReadAt) -> Option<Superblock> {
    // 4 KiB and 1 KiB are what mke2fs chooses.
    [2_u32, 0, 1, 3, 4, 5, 6].into_iter().find_map(|power| {
        CLUSTER_POWERS.into_iter().find_map(|cluster| {
            let block_bytes = 1024_u64.checked_shl(power)?;
            let first = u64::from(power == 0 && cluster == 0);
            let blocks_of_a_group = block_bytes.checked_mul(8)?.min(MOST_CLUSTERS).checked_shl(cluster)?;
            let last = source.len().checked_div(block_bytes)?.saturating_sub(first).checked_div(blocks_of_a_group)?;
            let groups = GROUPS.into_iter().chain([last, last.saturating_sub(1)]);
            let mut groups = groups.filter(|group| *group > 0 && *group <= last);
            groups.find_map(|group| {
                let block = group.checked_mul(blocks_of_a_group)?.checked_add(first)?;
                copy_at(source, block.checked_mul(block_bytes)?, group)
            })
        })
    })
}

fn copy_at(source: &dyn ReadAt, offset: u64, group: u64) -> Option<Superblock> {
    let mut raw = [0; SUPERBLOCK_BYTES];
    read_exact_at(source, offset, &mut raw).ok()?;
    let mut copy = Superblock::parse(&raw, offset).ok()?;
    if copy.revision == 0 {
        // Copies of that time do not say where they lie (Linux 6.12, fs/ext4/ext4.h, `struct ext4_super_block`: the number of
        // the group is one of the fields of revision 1).
        copy.group = group;
    }
    let in_place = copy.offset_of(copy.group_start(copy.group)) == offset && copy.group == group;
    (in_place && copy.checksum_is_right() != Some(false)).then_some(copy)
}
