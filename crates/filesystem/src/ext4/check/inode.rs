//! Inodes in use: their fields, checksums, attributes, links and directories.

use super::names::Names;
use super::{Flow, GO_ON, Report, directory, map};
use crate::ext4::content;
use crate::ext4::features::{compatible, flag, incompatible};
use crate::ext4::inode::Inode;
use crate::ext4::sums::{self, wrong_sum};
use crate::ext4::tables::{self, Tables};
use crate::ext4::volume::Volume;
use crate::ext4::xattr::{self, Place};
use crate::{FsError, NodeState, NodeType};
use std::sync::Arc;

const STRUCTURE: &str = "inode";

/// The inode of bad blocks, and that of the room for more descriptors: their maps are like no others.
pub(super) const BAD_BLOCKS: u64 = 1;
pub(super) const RESIZE: u64 = 7;

pub(super) fn check(volume: &Arc<Volume>, report: &mut Report<'_>, names: &mut Names) -> Flow {
    for found in Tables::new(volume) {
        let Some((inode, allocated)) = report.take(found)? else { continue };
        if tables::state(volume, &inode, allocated) == NodeState::Deleted {
            continue;
        }
        fields(volume, report, &inode)?;
        match inode.number {
            BAD_BLOCKS => {
                bad_blocks(report, &inode)?;
                map::check_pieces(volume, report, &inode)?;
            }
            RESIZE => {}
            _ => map::check(volume, report, &inode)?,
        }
        attributes(volume, report, &inode, names)?;
        match inode.node_type() {
            NodeType::Directory => directory::check(volume, report, &inode, names)?,
            NodeType::Symlink => link(volume, report, &inode)?,
            _ => {}
        }
    }
    GO_ON
}

fn fields(volume: &Volume, report: &mut Report<'_>, inode: &Inode) -> Flow {
    let superblock = &volume.superblock;
    let (number, offset) = (inode.number, inode.offset);
    let mut wrong = Vec::new();
    if let Some((stored, expected)) = inode.checksums(superblock).filter(|(stored, expected)| stored != expected) {
        wrong.push(wrong_sum(stored, expected));
    }
    let extra = if inode.bytes.len() > 128 { inode.u16(128) } else { 0 };
    if usize::from(extra).saturating_add(128) > inode.bytes.len() || extra % 4 != 0 {
        wrong.push(format!("{extra} extra bytes in an inode of {}", inode.bytes.len()));
    }
    let reserved = superblock.is_reserved(number) || number == superblock.orphan_file;
    let orphan = volume.orphans().contains(number);
    if inode.node_type() == NodeType::Unknown && !reserved {
        wrong.push(format!("mode {:#o} is of no type", inode.mode));
    }
    if inode.links == 0 && !reserved && !orphan {
        wrong.push("it is marked as used, and has no links".to_owned());
    }
    if inode.dtime != 0 && inode.links > 0 && !orphan {
        wrong.push("it is in use, and has a time of deletion".to_owned());
    }
    let needs = [
        (flag::EXTENTS, incompatible::EXTENTS, "an extent tree"),
        (flag::INLINE_DATA, incompatible::INLINE_DATA, "content in the inode"),
    ];
    for (flag, feature, what) in needs {
        if inode.has(flag) && !superblock.has_incompatible(feature) {
            wrong.push(format!("{what}, in a filesystem without that feature"));
        }
    }
    if inode.has(flag::EXTENTS) && inode.has(flag::INLINE_DATA) {
        wrong.push("an extent tree and content in the inode at once".to_owned());
    }
    let whole = inode.size.checked_rem(superblock.block_bytes) == Some(0) || inode.has(flag::INLINE_DATA);
    if inode.node_type() == NodeType::Directory && !reserved && (!whole || inode.size == 0) {
        wrong.push(format!("a directory of {} bytes", inode.size));
    }
    for wrong in wrong {
        report.tell(STRUCTURE, Some(number), offset, wrong)?;
    }
    report.take(content::held(inode))?;
    GO_ON
}

/// The inode of bad blocks has a map and nothing else.
fn bad_blocks(report: &mut Report<'_>, inode: &Inode) -> Flow {
    if inode.mode == 0 && inode.links == 0 && inode.attributes == 0 {
        return GO_ON;
    }
    let detail = "the inode of bad blocks has a mode, links or attributes";
    report.tell(STRUCTURE, Some(inode.number), inode.offset, detail)
}

fn attributes(volume: &Arc<Volume>, report: &mut Report<'_>, inode: &Inode, names: &mut Names) -> Flow {
    if inode.attributes != 0 && !volume.superblock.has_compatible(compatible::EXT_ATTR) {
        let detail = "a block of attributes, in a filesystem without that feature";
        report.tell(STRUCTURE, Some(inode.number), inode.offset, detail)?;
    }
    for found in xattr::attributes(volume, inode) {
        let Some(attribute) = report.take(found)? else { continue };
        if let Place::Inode { inode: holder, .. } = attribute.value {
            names.add(holder);
            report.take(xattr::value(volume, inode.number, &attribute))?;
        }
    }
    if inode.attributes == 0 {
        return GO_ON;
    }
    let Ok(block) = volume.block(inode.attributes, "attribute block", Some(inode.number)) else { return GO_ON };
    match sums::attribute_block(&volume.superblock, inode.attributes, &block) {
        Some(wrong) => {
            let offset = volume.superblock.offset_of(inode.attributes);
            report.tell("attribute block", Some(inode.number), offset, wrong)
        }
        None => GO_ON,
    }
}

fn link(volume: &Arc<Volume>, report: &mut Report<'_>, inode: &Inode) -> Flow {
    const STRUCTURE: &str = "symbolic link";
    let (number, offset) = (inode.number, inode.offset);
    if inode.size == 0 || inode.size > 4096 {
        return report.tell(STRUCTURE, Some(number), offset, format!("a target of {} bytes", inode.size));
    }
    if inode.has(flag::ENCRYPT) {
        return GO_ON;
    }
    let mut target = vec![0; kanshiki_image::bytes::bounded(inode.size, 4096)];
    let Some(content) = report.take(content::open(volume, inode.clone()))? else { return GO_ON };
    let read = content.read_at(0, &mut target);
    let read = read.map_err(|source| FsError::Unreadable { structure: STRUCTURE, inode: Some(number), offset, source });
    let Some(_) = report.take(read)? else { return GO_ON };
    if target.contains(&0) {
        report.tell(STRUCTURE, Some(number), offset, "a target with a NUL in it")?;
    }
    GO_ON
}
