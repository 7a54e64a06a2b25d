//! The content of a node as bytes with random access.

use super::features::flag;
use super::inode::{Inode, MAP_BYTES};
use super::map::{Pieces, Spot};
use super::volume::Volume;
use super::xattr;
use crate::FsError;
use kanshiki_image::bytes::{bounded, length};
use kanshiki_image::{Memory, ReadAt, ReadError, RunState, Runs, Source, read_exact_at};
use kanshiki_model::ByteRange;
use std::sync::Arc;

/// Content that lies in blocks.
#[derive(Debug)]
struct Content {
    volume: Arc<Volume>,
    inode: Inode,
}

/// The content of an inode.
pub(crate) fn open(volume: &Arc<Volume>, inode: Inode) -> Result<Source, FsError> {
    if let Some(bytes) = held(&inode)? {
        // Only inline data goes on behind what is held.
        let size = if inode.has(flag::INLINE_DATA) { inode.size } else { length(bytes.len()) };
        return Ok(Arc::new(Held { bytes: Memory(bytes), size }));
    }
    if inode.maps_blocks() {
        return Ok(Arc::new(Content { volume: Arc::clone(volume), inode }));
    }
    Ok(Arc::new(Memory(Vec::new())))
}

/// Content that the inode holds, and zeroes behind it up to the size of the file.
///
/// Source: Linux 6.12, fs/ext4/inline.c (`ext4_read_inline_folio`, `ext4_readpage_inline`).
#[derive(Debug)]
struct Held {
    bytes: Memory,
    size: u64,
}

impl ReadAt for Held {
    fn len(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = bounded(self.size.saturating_sub(offset), buf.len());
        let Some(part) = buf.get_mut(..wanted) else { return Ok(0) };
        let read = self.bytes.read_at(offset, part)?;
        part.get_mut(read..).unwrap_or_default().fill(0);
        Ok(wanted)
    }

    fn runs(&self) -> Runs<'_> {
        let hole = ByteRange::new(self.bytes.len().min(self.size), self.size);
        let hole = std::iter::once((hole, RunState::Hole)).filter(|(range, _)| !range.is_empty());
        Box::new(self.bytes.runs().chain(hole))
    }
}

/// The content that an inode itself holds; `None` if it lies in blocks, or there is none.
pub(crate) fn held(inode: &Inode) -> Result<Option<Vec<u8>>, FsError> {
    let in_map = inode.has(flag::INLINE_DATA);
    if !in_map && !inode.is_fast_link() {
        return Ok(None);
    }
    let mut bytes = inode.map().map(|map| map.to_vec()).unwrap_or_default();
    if inode.size > length(bytes.len()) {
        match xattr::inline_rest(inode) {
            Some(rest) => bytes.extend_from_slice(&rest.bytes),
            None if in_map => {
                let held = bytes.len();
                let detail = format!("{} bytes of content, of which the inode holds {held}", inode.size);
                let (inode, offset) = (Some(inode.number), inode.map_offset());
                return Err(FsError::Damaged { structure: "inline data", inode, offset, detail });
            }
            None => {}
        }
    }
    bytes.truncate(bounded(inode.size, bytes.len()));
    Ok(Some(bytes))
}

/// The pieces of content that an inode itself holds, as ranges of the content and places in the volume.
pub(crate) fn held_places(inode: &Inode) -> Vec<(ByteRange, u64)> {
    let in_map = inode.size.min(length(MAP_BYTES));
    let mut places = vec![(ByteRange::new(0, in_map), inode.map_offset())];
    if inode.size > in_map
        && let Some(rest) = xattr::inline_rest(inode)
    {
        places.push((
            ByteRange::new(in_map, inode.size.min(in_map.saturating_add(length(rest.bytes.len())))),
            rest.offset,
        ));
    }
    places.retain(|(range, _)| !range.is_empty());
    places
}

impl Content {
    /// The byte of the content at which a block of it begins.
    fn byte(&self, block: u64) -> u64 {
        self.volume.superblock.offset_of(block)
    }

    fn fill(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        let end = offset.saturating_add(length(buf.len()));
        let block_bytes = self.volume.superblock.block_bytes.max(1);
        let (first, until) = (offset.checked_div(block_bytes).unwrap_or(0), end.div_ceil(block_bytes));
        for piece in Pieces::between(&self.volume, &self.inode, first, until) {
            let whole = ByteRange::new(self.byte(piece.start), self.byte(piece.end()));
            if whole.start >= end {
                break;
            }
            let wanted = whole.intersect(ByteRange::new(offset, end));
            let from = bounded(wanted.start.saturating_sub(offset), buf.len());
            let to = bounded(wanted.end.saturating_sub(offset), buf.len());
            let Some(part) = buf.get_mut(from..to).filter(|part| !part.is_empty()) else { continue };
            match piece.spot {
                Ok(Spot::Stored(block)) => {
                    let skipped = wanted.start.saturating_sub(whole.start);
                    let behind = whole.end.saturating_sub(wanted.start);
                    let at = self.byte(block).saturating_add(skipped);
                    read_stored(self.volume.source.as_ref(), at, part)
                        .map_err(|error| moved(error, ByteRange::new(at, at.saturating_add(behind)), wanted.start))?;
                }
                Ok(Spot::Unwritten(_) | Spot::Hole) => part.fill(0),
                Err(error) => {
                    let range = whole.intersect(ByteRange::new(0, self.inode.size));
                    return Err(ReadError::Absent { range, reason: told(&error).into() });
                }
            }
        }
        Ok(())
    }
}

/// Reads bytes of a volume; where the volume ends before them, what is not there is told to the byte.
fn read_stored(source: &dyn ReadAt, at: u64, part: &mut [u8]) -> Result<(), ReadError> {
    let (end, there) = (at.saturating_add(length(part.len())), source.len());
    if end > there {
        let range = ByteRange::new(at.max(there), end);
        return Err(ReadError::Absent { range, reason: "the image ends before them".into() });
    }
    read_exact_at(source, at, part)
}

/// An error of the volume as one of the content, of which the bytes from `to` on lie at `stored` in the volume. What else
/// of the volume cannot be read belongs to other bytes.
fn moved(error: ReadError, stored: ByteRange, to: u64) -> ReadError {
    let place = |at: u64| at.saturating_sub(stored.start).saturating_add(to);
    let moved = |range: ByteRange| {
        let range = range.intersect(stored);
        ByteRange::new(place(range.start), place(range.end))
    };
    match error {
        ReadError::Unreadable { range } => ReadError::Unreadable { range: moved(range) },
        ReadError::Absent { range, reason } => ReadError::Absent { range: moved(range), reason },
        ReadError::Io { offset, source } => ReadError::Io { offset: place(offset), source },
        other => other,
    }
}

/// Why a piece of the map leads nowhere, with the cause.
fn told(error: &FsError) -> String {
    match error {
        FsError::Unreadable { source, .. } => format!("{error}: {source}"),
        other => other.to_string(),
    }
}

impl ReadAt for Content {
    fn len(&self) -> u64 {
        self.inode.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = bounded(self.inode.size.saturating_sub(offset), buf.len());
        let Some(part) = buf.get_mut(..wanted).filter(|part| !part.is_empty()) else { return Ok(0) };
        self.fill(offset, part)?;
        Ok(wanted)
    }

    fn runs(&self) -> Runs<'_> {
        let size = self.inode.size;
        let pieces = Pieces::new(&self.volume, &self.inode, 0);
        let runs = pieces.flat_map(move |piece| {
            let range =
                ByteRange::new(self.byte(piece.start), self.byte(piece.end())).intersect(ByteRange::new(0, size));
            self.states(range, &piece.spot)
        });
        Box::new(runs.filter(|(range, _)| !range.is_empty()))
    }
}

impl Content {
    /// The states of a piece: what is stored may be unreadable in part.
    fn states(&self, range: ByteRange, spot: &Result<Spot, FsError>) -> Vec<(ByteRange, RunState)> {
        let block = match spot {
            Ok(Spot::Stored(block)) => *block,
            Ok(Spot::Unwritten(_) | Spot::Hole) => return vec![(range, RunState::Hole)],
            Err(_) => return vec![(range, RunState::Unreadable)],
        };
        let start = self.byte(block);
        let stored = ByteRange::new(start, start.saturating_add(range.len()));
        let mut at = range.start;
        let mut states = Vec::new();
        for gap in self.volume.unreadable().within(stored) {
            let gap_start = gap.start.saturating_sub(start).saturating_add(range.start);
            let gap_end = gap.end.saturating_sub(start).saturating_add(range.start);
            states.push((ByteRange::new(at, gap_start), RunState::Data));
            states.push((ByteRange::new(gap_start, gap_end), RunState::Unreadable));
            at = gap_end;
        }
        states.push((ByteRange::new(at, range.end), RunState::Data));
        states
    }
}
