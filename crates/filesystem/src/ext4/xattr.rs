//! Extended attributes: behind the fields of the inode, and in a block that inodes may share; little-endian.
//!
//! | field | at |
//! | --- | --- |
//! | in the inode: magic 0xEA020000, then entries | 0, 4 |
//! | block: magic 0xEA020000, references, blocks, hash, checksum, then entries | 0, 4, 8, 12, 16, 32 |
//! | entry: length of the name, its prefix, place of the value, inode of the value | 0, 1, 2, 4 |
//! | entry: length of the value, hash, name | 8, 12, 16 |
//!
//! Values are counted from the first entry in an inode, and from the start of a block. Four zero bytes end the entries.
//!
//! Source: Linux 6.12, Documentation/filesystems/ext4/attributes.rst; fs/ext4/xattr.h.

mod acl;

use super::cache::Bytes;
use super::content;
use super::features::flag;
use super::inode::Inode;
use super::sums;
use super::volume::Volume;
use crate::{FsError, Xattr};
use kanshiki_image::bytes::{bounded, length, u16_le, u32_le};
use std::sync::Arc;

/// What an attribute area, or a block of attributes, begins with.
pub(crate) const MAGIC: u32 = 0xea02_0000;

/// Bytes before the entries of a block.
pub(crate) const BLOCK_HEADER: usize = 32;

const ENTRY: usize = 16;

/// Longest value that Linux gives out (`XATTR_SIZE_MAX`, include/uapi/linux/limits.h).
const LONGEST: usize = 65_536;

const SYSTEM: u8 = 7;
const ACCESS_ACL: u8 = 2;
const DEFAULT_ACL: u8 = 3;

/// An attribute whose value was not fetched yet.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) prefix: u8,
    pub(crate) name: Vec<u8>,
    pub(crate) value: Place,
}

/// Where a value is.
#[derive(Debug)]
pub(crate) enum Place {
    /// Beside the entry.
    Here(Value),
    /// The content of an inode.
    Inode {
        /// Its number.
        inode: u64,
        /// The length of the value.
        size: u32,
    },
}

/// A value with its place in bytes of the volume.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) bytes: Bytes,
    pub(crate) offset: u64,
}

/// Bytes with attributes in them.
#[derive(Debug)]
struct Area {
    bytes: Bytes,
    /// Where they lie, in bytes of the volume.
    offset: u64,
    inode: u64,
    structure: &'static str,
    /// Where the entries begin, and from where values are counted.
    entries: usize,
    values: usize,
}

impl Area {
    fn in_inode(inode: &Inode) -> Option<Self> {
        if inode.extra == 0 {
            return None;
        }
        let at = inode.extra.checked_add(128)?;
        if u32_le(&inode.bytes, at)? != MAGIC {
            return None;
        }
        let first = at.checked_add(4)?;
        let (bytes, offset) = (inode.bytes.clone(), inode.offset);
        let structure = "attribute in an inode";
        Some(Self { bytes, offset, inode: inode.number, structure, entries: first, values: first })
    }

    fn in_block(volume: &Volume, inode: &Inode) -> Result<Option<Self>, FsError> {
        const STRUCTURE: &str = "attribute block";
        if inode.attributes == 0 {
            return Ok(None);
        }
        let bytes = volume.block(inode.attributes, STRUCTURE, Some(inode.number))?;
        let offset = volume.superblock.offset_of(inode.attributes);
        let magic = u32_le(&bytes, 0).unwrap_or(0);
        if magic != MAGIC {
            let detail = format!("magic {magic:#010x}, not {MAGIC:#010x}");
            return Err(FsError::Damaged { structure: STRUCTURE, inode: Some(inode.number), offset, detail });
        }
        if let Some(wrong) = sums::attribute_block(&volume.superblock, inode.attributes, &bytes) {
            volume.noticed.add(STRUCTURE, Some(inode.number), offset, wrong);
        }
        Ok(Some(Self { bytes, offset, inode: inode.number, structure: STRUCTURE, entries: BLOCK_HEADER, values: 0 }))
    }

    fn damaged(&self, at: usize, detail: String) -> FsError {
        let offset = self.offset.saturating_add(length(at));
        FsError::Damaged { structure: self.structure, inode: Some(self.inode), offset, detail }
    }

    /// The attributes of the area, in the order in which they lie there.
    fn attributes(&self) -> Vec<Result<Attribute, FsError>> {
        let mut found = Vec::new();
        let mut at = self.entries;
        while u32_le(&self.bytes, at).is_some_and(|word| word != 0) {
            let Some((attribute, next)) = self.attribute(at) else {
                found.push(Err(self.damaged(at, "the entry reaches past the end".to_owned())));
                break;
            };
            found.push(attribute);
            at = next;
        }
        found
    }

    fn attribute(&self, at: usize) -> Option<(Result<Attribute, FsError>, usize)> {
        let entry = self.bytes.get(at..)?;
        let (name_length, prefix) = (usize::from(*entry.first()?), *entry.get(1)?);
        let name = entry.get(ENTRY..ENTRY.checked_add(name_length)?)?.to_vec();
        let (value_at, inode, size) = (u16_le(entry, 2)?, u32_le(entry, 4)?, u32_le(entry, 8)?);
        let next = at.checked_add(ENTRY)?.checked_add(name_length)?.checked_next_multiple_of(4)?;
        let value = if inode == 0 {
            match self.value(value_at, size) {
                Some(value) => Place::Here(value),
                None => {
                    let detail = format!("a value of {size} bytes at {value_at} reaches past the end");
                    return Some((Err(self.damaged(at, detail)), next));
                }
            }
        } else {
            Place::Inode { inode: inode.into(), size }
        };
        Some((Ok(Attribute { prefix, name, value }), next))
    }

    fn value(&self, value_at: u16, size: u32) -> Option<Value> {
        let start = self.values.checked_add(usize::from(value_at))?;
        let size = usize::try_from(size).ok()?;
        // The place of an empty value has no meaning.
        let start = if size == 0 { self.values } else { start };
        Some(Value { bytes: self.bytes.part(start, size)?, offset: self.offset.saturating_add(length(start)) })
    }
}

/// The attributes of an inode, those in it before those in its block.
pub(crate) fn attributes(volume: &Volume, inode: &Inode) -> Vec<Result<Attribute, FsError>> {
    let mut found = Area::in_inode(inode).map(|area| area.attributes()).unwrap_or_default();
    match Area::in_block(volume, inode) {
        Ok(Some(area)) => found.extend(area.attributes()),
        Ok(None) => {}
        Err(error) => found.push(Err(error)),
    }
    found
}

/// The content of a node with inline data behind that in the map of blocks: the attribute `system.data`.
pub(crate) fn inline_rest(inode: &Inode) -> Option<Value> {
    let attributes = Area::in_inode(inode)?.attributes();
    attributes.into_iter().flatten().find_map(|attribute| match attribute.value {
        Place::Here(value) if attribute.prefix == SYSTEM && attribute.name == b"data" => Some(value),
        _ => None,
    })
}

/// The attributes of an inode for the view of all filesystems, in the order of their names. What holds content is none.
pub(crate) fn list<'a>(
    volume: &'a Arc<Volume>,
    inode: &Inode,
) -> impl Iterator<Item = Result<Xattr, FsError>> + Send + use<'a> {
    let number = inode.number;
    let inline = inode.has(flag::INLINE_DATA);
    let mut found: Vec<(Vec<u8>, Result<Attribute, FsError>)> = attributes(volume, inode)
        .into_iter()
        .filter(|found| !found.as_ref().is_ok_and(|found| inline && found.prefix == SYSTEM && found.name == b"data"))
        .map(|found| (found.as_ref().map(full_name).unwrap_or_default(), found))
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.into_iter().map(move |(name, found)| {
        let attribute = found?;
        let (value, offset) = value(volume, number, &attribute)?;
        let value = match attribute.prefix {
            ACCESS_ACL | DEFAULT_ACL => acl::as_kernel_gives_it(&value).unwrap_or(value),
            _ => value,
        };
        Ok(Xattr { name, value, offset })
    })
}

/// The value of an attribute and its place.
pub(crate) fn value(volume: &Arc<Volume>, of: u64, attribute: &Attribute) -> Result<(Vec<u8>, u64), FsError> {
    let (number, size) = match &attribute.value {
        Place::Here(value) => return Ok((value.bytes.to_vec(), value.offset)),
        Place::Inode { inode, size } => (*inode, usize::try_from(*size).unwrap_or(usize::MAX)),
    };
    let structure = "attribute in an inode of its own";
    let damaged = |offset, detail| FsError::Damaged { structure, inode: Some(of), offset, detail };
    let inode = volume.inode(number)?;
    if !inode.has(flag::EA_INODE) {
        return Err(damaged(inode.offset, format!("inode {number} is none for an attribute")));
    }
    if size > LONGEST || length(size) != inode.size {
        let detail = format!("a value of {size} bytes, at most {LONGEST}; inode {number} holds {}", inode.size);
        return Err(damaged(inode.offset, detail));
    }
    let offset = inode.offset;
    let mut bytes = vec![0; bounded(inode.size, LONGEST)];
    let read = content::open(volume, inode)?.read_at(0, &mut bytes);
    read.map_err(|source| FsError::Unreadable { structure, inode: Some(of), offset, source })?;
    Ok((bytes, offset))
}

/// The name with its prefix.
///
/// Source: Linux 6.12, fs/ext4/xattr.h; e2fsprogs 1.47, lib/ext2fs/ext_attr.c (`ea_names`).
pub(crate) fn full_name(attribute: &Attribute) -> Vec<u8> {
    let prefix = match attribute.prefix {
        0 => String::new(),
        1 => "user.".to_owned(),
        ACCESS_ACL => "system.posix_acl_access".to_owned(),
        DEFAULT_ACL => "system.posix_acl_default".to_owned(),
        4 => "trusted.".to_owned(),
        6 => "security.".to_owned(),
        SYSTEM => "system.".to_owned(),
        8 => "system.richacl".to_owned(),
        9 => "encryption.".to_owned(),
        10 => "gnu.".to_owned(),
        11 => "verity.".to_owned(),
        other => format!("prefix-{other}."),
    };
    let mut name = prefix.into_bytes();
    name.extend_from_slice(&attribute.name);
    name
}
