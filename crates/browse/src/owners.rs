//! From bytes of a volume to the nodes whose content lies there, and from nodes to their names.

use kanshiki_filesystem::{Extent, ExtentState, FileSystem, FsError, Node, Place, View};
use kanshiki_model::{ByteRange, EvidencePath};
use std::collections::BTreeSet;

/// A node whose content lies on the bytes that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The node.
    pub node: Node,
    /// The first of its extents that does.
    pub extent: Extent,
    /// The byte of the content at the start of the bytes asked for, or the extent's first if that comes later.
    pub content_offset: u64,
}

/// Finds the nodes, in use or deleted, whose content lies on these bytes of a volume. Every inode is looked at.
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
        let extents = match filesystem.extents(node.id) {
            Ok(extents) => extents,
            Err(error) => {
                sink(Err(error))?;
                continue;
            }
        };
        for extent in extents {
            match extent {
                Ok(extent) => {
                    let Some(content_offset) = content_offset(extent, range) else { continue };
                    sink(Ok(Owner { node, extent, content_offset }))?;
                    break;
                }
                Err(error) => sink(Err(error))?,
            }
        }
    }
    Ok(())
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

/// Finds the names of inodes of one volume, in a walk through the whole tree: each path is given with its inode.
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
    let Ok((place, node)) = view.root() else { return Ok(()) };
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
    use kanshiki_filesystem::{MemoryFileSystem, NodeType, Volume};
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
            found.push((owner.node.id.inode, owner.content_offset));
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
    fn holes_own_nothing() {
        let extent = Extent { range: ByteRange::new(0, 10), state: ExtentState::Hole };
        assert_eq!(content_offset(extent, ByteRange::new(0, u64::MAX)), None);
        let extent = Extent { range: ByteRange::new(4096, 8192), state: ExtentState::Unwritten(1000) };
        assert_eq!(content_offset(extent, ByteRange::new(1010, 1011)), Some(4106));
        assert_eq!(content_offset(extent, ByteRange::new(0, 1000)), None);
    }
}
