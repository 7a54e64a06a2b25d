//! From bytes of a volume to the nodes that they belong to, and from nodes to their names.

use kanshiki_filesystem::{Extent, ExtentState, FileSystem, FsError, Node, NodeBlock, Place, View};
use kanshiki_model::{ByteRange, EvidencePath};
use std::collections::BTreeSet;

/// A node to which some of the bytes belong that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The node.
    pub node: Node,
    /// What the bytes are to it.
    pub role: Role,
}

/// What bytes of a volume are to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its content.
    Content {
        /// The first of its extents that lies there.
        extent: Extent,
        /// The byte of the content at the start of the bytes asked for, or the extent's first if that comes later.
        offset: u64,
    },
    /// A part of its map, or its attributes.
    NodeBlock(NodeBlock),
}

/// Finds the nodes, in use or deleted, to which these bytes of a volume belong: whose content, map or attributes lie there.
/// Every inode is looked at. A node comes once for each role.
///
/// # Errors
///
/// What `sink` returns. What cannot be told of an inode is given as an error, with its number where it is known, and the
/// search goes on.
pub fn owners<E>(
    filesystem: &dyn FileSystem,
    range: ByteRange,
    sink: &mut dyn FnMut(Result<Owner, FsError>) -> Result<(), E>,
) -> Result<(), E> {
    for node in filesystem.inodes() {
        let node = match node {
            Ok(node) => node,
            Err(error) => {
                sink(Err(error))?;
                continue;
            }
        };
        match filesystem.extents(node.id) {
            Ok(mut extents) => {
                let content = extents.find_map(|extent| in_content(extent, range, sink).transpose()).transpose()?;
                if let Some(role) = content {
                    sink(Ok(Owner { node: node.clone(), role }))?;
                }
            }
            Err(error) => {
                sink(Err(error))?;
                continue;
            }
        }
        match filesystem.node_blocks(node.id) {
            Ok(blocks) => {
                for block in blocks.filter(|block| !block.as_ref().is_ok_and(|it| it.range.intersect(range).is_empty()))
                {
                    sink(block.map(|block| Owner { node: node.clone(), role: Role::NodeBlock(block) }))?;
                }
            }
            Err(error) => sink(Err(error))?,
        }
    }
    Ok(())
}

/// The role of bytes that lie in an extent.
fn in_content<E>(
    extent: Result<Extent, FsError>,
    range: ByteRange,
    sink: &mut dyn FnMut(Result<Owner, FsError>) -> Result<(), E>,
) -> Result<Option<Role>, E> {
    match extent {
        Ok(extent) => Ok(content_offset(extent, range).map(|offset| Role::Content { extent, offset })),
        Err(error) => sink(Err(error)).map(|()| None),
    }
}

/// Where in the content the wanted bytes of the volume come, if they lie in the extent.
fn content_offset(extent: Extent, wanted: ByteRange) -> Option<u64> {
    let (ExtentState::Stored(start) | ExtentState::Unwritten(start) | ExtentState::Inline(start)) = extent.state else {
        return None;
    };
    let stored = ByteRange::new(start, start.checked_add(extent.range.len())?);
    let common = stored.intersect(wanted);
    if common.is_empty() {
        return None;
    }
    extent.range.start.checked_add(common.start.checked_sub(start)?)
}

/// Finds the names of inodes of one volume, in a walk through the whole tree: each path is given with its inode. In a
/// volume that is not in the tree, the walk goes through that volume.
///
/// # Errors
///
/// What `sink` returns.
pub fn names_of<E>(
    view: &View,
    volume: usize,
    inodes: &BTreeSet<u64>,
    sink: &mut dyn FnMut(u64, EvidencePath) -> Result<(), E>,
) -> Result<(), E> {
    let in_tree = view.mounts().iter().any(|mount| mount.volume == volume);
    let Ok((place, node)) = (if in_tree { view.root() } else { view.root_of(volume) }) else { return Ok(()) };
    let start = kanshiki_filesystem::Located { path: EvidencePath::root(), place, node };
    for visit in view.walk(start).filter_map(Result::ok) {
        if let Ok((Place { volume: found, node }, _)) = visit.found
            && found == volume
            && inodes.contains(&node.inode)
        {
            sink(node.inode, visit.path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_filesystem::{MemoryFileSystem, NodeType, Purpose, Volume};
    use std::sync::Arc;

    #[test]
    fn the_owner_of_a_byte_is_found_with_its_place_in_the_file_and_all_its_names() {
        let mut filesystem = MemoryFileSystem::new();
        filesystem.add(2, b"first", NodeType::File, &[1; 3000]);
        let second = filesystem.add(2, b"second", NodeType::File, &[2; 3000]);
        filesystem.link(2, b"hard", second, NodeType::File);
        let at = filesystem.node_mut(second).unwrap().content_offset;
        let mut found = Vec::new();
        let done: Result<(), ()> = owners(&filesystem, ByteRange::new(at + 1024, at + 2048), &mut |owner| {
            let owner = owner.unwrap();
            let Role::Content { offset, .. } = owner.role else { unreachable!("it has no other blocks") };
            found.push((owner.node.id.inode, offset));
            Ok(())
        });
        assert_eq!((done, found), (Ok(()), vec![(second, 1024)]));
        let view = View::of(Volume { name: String::new(), filesystem: Arc::new(filesystem) });
        let mut names = Vec::new();
        let done: Result<(), ()> = names_of(&view, 0, &[second].into(), &mut |_, path| {
            names.push(path.to_string());
            Ok(())
        });
        assert_eq!((done, names), (Ok(()), vec!["/second".to_owned(), "/hard".to_owned()]));
    }

    #[test]
    fn everyone_who_shares_a_block_of_attributes_is_found_and_the_owner_of_a_map() {
        let mut filesystem = MemoryFileSystem::new();
        let block = |purpose, start, level| NodeBlock {
            purpose,
            range: ByteRange::new(start, start + 1024),
            level,
            file_start: level.map(|_| 0),
        };
        let (map, shared) = (block(Purpose::Indirect, 8192, Some(1)), block(Purpose::Attributes, 9216, None));
        let inodes = [b"one", b"two"].map(|name| filesystem.add(2, name, NodeType::File, &[1; 3000]));
        filesystem.node_mut(inodes[0]).unwrap().own_blocks = vec![map, shared];
        filesystem.node_mut(inodes[1]).unwrap().own_blocks = vec![shared];
        let found = |start: u64| {
            let mut found = Vec::new();
            let done: Result<(), ()> = owners(&filesystem, ByteRange::new(start, start + 1024), &mut |owner| {
                let owner = owner.unwrap();
                found.push((owner.node.id.inode, owner.role));
                Ok(())
            });
            done.unwrap();
            found
        };
        assert_eq!(found(8192), [(inodes[0], Role::NodeBlock(map))]);
        assert_eq!(found(9216), inodes.map(|inode| (inode, Role::NodeBlock(shared))));
        assert_eq!(found(7168), []);
    }

    #[test]
    fn holes_own_nothing() {
        let extent = Extent { range: ByteRange::new(0, 10), state: ExtentState::Hole };
        assert_eq!(content_offset(extent, ByteRange::new(0, u64::MAX)), None);
        let extent = Extent { range: ByteRange::new(4096, 8192), state: ExtentState::Unwritten(1000) };
        assert_eq!(content_offset(extent, ByteRange::new(1010, 1011)), Some(4106));
        assert_eq!(content_offset(extent, ByteRange::new(0, 1000)), None);
    }
}
