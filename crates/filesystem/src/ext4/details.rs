//! Every field of an inode that the view of all filesystems has no place for.

use super::features::{self, flag};
use super::inode::Inode;
use super::volume::Volume;
use crate::Detail;

/// The fields, with the names that the kernel gives them without its prefix.
pub(crate) fn details(volume: &Volume, inode: &Inode) -> Vec<Detail> {
    let superblock = &volume.superblock;
    let mut details = Vec::new();
    let mut add = |name, value: String| details.push(Detail { name, value });
    if let Ok((group, _)) = volume.group_of(inode.number) {
        add("group", group.to_string());
    }
    add("flags", features::flag_names(inode.flags).join(" "));
    let high = inode.extra_field(152).unwrap_or(0);
    add("version", (u64::from(high).checked_shl(32).unwrap_or(0) | u64::from(inode.u32(36))).to_string());
    if inode.attributes != 0 {
        add("attribute block", inode.attributes.to_string());
    }
    let fragment = inode.u32(112);
    if fragment != 0 {
        add("fragment address", fragment.to_string());
    }
    if inode.bytes.len() > 128 {
        add("extra bytes", inode.u16(128).to_string());
    }
    if superblock.checksums() {
        let high = inode.extra_field(128).map(|word| word >> 16);
        let low = u32::from(inode.u16(124));
        let checksum = match high {
            Some(high) => format!("{:#010x}", high.checked_shl(16).unwrap_or(0) | low),
            None => format!("{low:#06x}"),
        };
        add("checksum", checksum);
    }
    if inode.dtime != 0 {
        add("deletion time or next orphan", inode.dtime.to_string());
    }
    if inode.has(flag::EA_INODE) {
        // Source: Linux 6.12, fs/ext4/xattr.c (`ext4_xattr_inode_get_ref`, `ext4_xattr_inode_get_hash`).
        let references = u64::from(inode.u32(12)).checked_shl(32).unwrap_or(0) | u64::from(inode.u32(36));
        add("references to the attribute", references.to_string());
        add("hash of the attribute", format!("{:#010x}", inode.u32(8)));
    }
    details
}
