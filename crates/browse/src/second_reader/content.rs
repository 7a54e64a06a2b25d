//! Contents of files compared.

use super::Comparison;
use kanshiki_filesystem::{Extent, ExtentState, Node};
use kanshiki_image::bytes::length;
use kanshiki_model::EvidencePath;

/// Bytes that are compared at once.
const PIECE: usize = 1 << 18;

/// Files that are longer than this, and of which less than a part in so many is stored, are left out: the other reader
/// goes through holes block by block.
const SPARSE_BYTES: u64 = 1 << 30;
const SPARSE_PARTS: u64 = 16;

/// The flag of an inode whose content is mapped by extents (Linux 6.12, fs/ext4/ext4.h, `EXT4_EXTENTS_FL`).
const EXTENTS: u32 = 0x8_0000;

impl<E> Comparison<'_, '_, E> {
    /// Compares the contents of a file up to the first byte that differs.
    pub(super) fn files(&mut self, path: &EvidencePath, node: &Node) -> Result<(), E> {
        if node.size > SPARSE_BYTES && node.size / SPARSE_PARTS > node.allocated_bytes {
            return self.not_compared(path, "the content of so sparse a file".to_owned());
        }
        let (source, mut file) = match (self.filesystem.content(node.id), self.other.open_file(path)) {
            (Ok(source), Ok(file)) => (source, file),
            (Err(_), Err(_)) => return Ok(()),
            (Err(error), Ok(_)) => {
                return self.difference(path, "content", error.to_string(), "readable".to_owned());
            }
            (Ok(_), Err(error)) => return self.one_side(path, "content", "readable", &error),
        };
        let (mut mine, mut theirs) = (vec![0; PIECE], vec![0; PIECE]);
        let mut at = 0_u64;
        loop {
            let wanted = usize::try_from(source.len().saturating_sub(at)).unwrap_or(PIECE).min(PIECE);
            let Some(piece) = mine.get_mut(..wanted) else { return Ok(()) };
            let (mine, theirs) = match (source.read_at(at, piece), file.read(&mut theirs)) {
                (Ok(mine), Ok(theirs)) => (mine, theirs),
                (Err(_), Err(_)) => return Ok(()),
                (Err(error), Ok(_)) => {
                    return self.difference(path, "content", error.to_string(), "readable".to_owned());
                }
                (Ok(_), Err(error)) if self.has_hole_in_block_map(node) => {
                    let reason = format!("the second reader does not go through holes of block maps: {}", error.text());
                    return self.not_compared(path, reason);
                }
                (Ok(_), Err(error)) => return self.one_side(path, "content", "readable", &error),
            };
            let piece = piece.get(..mine).unwrap_or_default();
            self.tally.bytes = self.tally.bytes.saturating_add(length(mine));
            if piece != theirs {
                let equal = piece.iter().zip(theirs).take_while(|(mine, theirs)| mine == theirs).count();
                let place = at.saturating_add(length(equal));
                let byte = |bytes: &[u8]| bytes.get(equal).map_or("the end".to_owned(), |byte| format!("{byte:#04x}"));
                let (this, other) = (byte(piece), byte(theirs));
                let told = |byte: String| format!("byte {place} is {byte}");
                return self.difference(path, "content", told(this), told(other));
            }
            if mine == 0 {
                return Ok(());
            }
            at = at.saturating_add(length(mine));
        }
    }

    /// Whether the file has a hole and a map of blocks: ext4-view 1.0.0 takes an indirect block that is left out for block 0.
    fn has_hole_in_block_map(&self, node: &Node) -> bool {
        let is_hole = |extent: &Extent| extent.state == ExtentState::Hole;
        node.flags & EXTENTS == 0
            && self
                .filesystem
                .extents(node.id)
                .is_ok_and(|mut extents| extents.any(|it| it.as_ref().is_ok_and(is_hole)))
    }
}
