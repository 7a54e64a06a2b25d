//! The entries of an open directory, packed: a million names take some 30 MB.
//!
//! An entry is its inode (8 bytes, little-endian), its type's letter (1 byte, 0 if not known), the length of its name
//! (2 bytes) and the name. Its place among the bytes is the offset by which the kernel goes on behind it.

use kanshiki_filesystem::NodeType;
use kanshiki_image::bytes::array;

const HEADER: usize = 11;

/// Where the second entry lies, behind one whose name has a single byte.
const DOT: u64 = 12;

/// The most bytes of one directory; what is behind them is not shown.
pub(super) const LARGEST: usize = 1 << 30;

/// Packed entries.
#[derive(Debug, Default)]
pub(super) struct Packed(Vec<u8>);

/// An entry that was packed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PackedEntry<'a> {
    pub(super) inode: u64,
    pub(super) node_type: Option<NodeType>,
    pub(super) name: &'a [u8],
    /// Where the next entry lies.
    pub(super) next: u64,
}

impl Packed {
    /// Adds an entry; whether there was room.
    pub(super) fn push(&mut self, inode: u64, node_type: Option<NodeType>, name: &[u8]) -> bool {
        let Ok(length) = u16::try_from(name.len()) else { return false };
        if self.0.len().saturating_add(name.len()) > LARGEST {
            return false;
        }
        self.0.extend_from_slice(&inode.to_le_bytes());
        self.0.push(node_type.map_or(0, |node_type| u8::try_from(node_type.letter()).unwrap_or(0)));
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(name);
        true
    }

    /// Adds all entries of another one.
    pub(super) fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Takes no more entries: gives back memory that is not needed.
    pub(super) fn seal(&mut self) {
        self.0.shrink_to_fit();
    }

    /// The entry at an offset that was given before, or 0; `None` at the end.
    pub(super) fn at(&self, offset: u64) -> Option<PackedEntry<'_>> {
        let at = usize::try_from(offset).ok()?;
        let bytes = self.0.get(at..)?;
        let length = usize::from(u16::from_le_bytes(array(bytes, 9)?));
        let end = HEADER.checked_add(length)?;
        Some(PackedEntry {
            inode: u64::from_le_bytes(array(bytes, 0)?),
            node_type: letter(*bytes.get(8)?),
            name: bytes.get(HEADER..end)?,
            next: u64::try_from(at.checked_add(end)?).ok()?,
        })
    }
}

impl PackedEntry<'_> {
    /// Whether this entry, which lies at `offset`, is one of the two that come first in every directory.
    pub(super) fn is_dot(&self, offset: u64) -> bool {
        (offset == 0 && self.name == b".") || (offset == DOT && self.name == b"..")
    }
}

fn letter(letter: u8) -> Option<NodeType> {
    let types = [
        NodeType::File,
        NodeType::Directory,
        NodeType::Symlink,
        NodeType::Fifo,
        NodeType::Socket,
        NodeType::CharacterDevice,
        NodeType::BlockDevice,
    ];
    types.into_iter().find(|node_type| node_type.letter() == char::from(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_back_from_their_offsets_and_any_offset_is_harmless() {
        let mut packed = Packed::default();
        assert!(packed.push(11, Some(NodeType::Directory), b"lost+found"));
        assert!(packed.push(12, None, b""));
        packed.seal();
        let first = packed.at(0).unwrap();
        assert_eq!(
            (first.inode, first.node_type, first.name),
            (11, Some(NodeType::Directory), b"lost+found".as_slice())
        );
        let second = packed.at(first.next).unwrap();
        assert_eq!((second.inode, second.node_type, second.name), (12, None, b"".as_slice()));
        assert_eq!(packed.at(second.next), None);
        for offset in 0..60 {
            let _ = packed.at(offset);
        }
        assert_eq!(packed.at(u64::MAX), None);
    }
}
