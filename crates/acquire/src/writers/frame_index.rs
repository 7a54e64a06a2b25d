//! Where each chunk's frame lies in a zstd image under way; kept in a file, since it grows with the image.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes of one entry: offset of the frame, its length, whether it has a slot of its own.
const ENTRY_BYTES: usize = 16;

/// Entries kept back before they are written at once.
const BUFFERED: usize = 4096;

/// The place of one frame, in bytes of the image file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) compressed: u32,
    /// Whether the frame stands in a slot of fixed length, filled up by a skippable frame.
    pub(super) slot: bool,
}

/// The places of all frames, by the number of their chunk.
#[derive(Debug)]
pub(super) struct FrameIndex {
    file: File,
    count: u64,
    // The entries from number `first` on that are not in the file yet.
    first: u64,
    buffer: Vec<Place>,
}

impl FrameIndex {
    /// Begins an index in a file that is open for reading and writing; what it held is forgotten.
    pub(super) fn new(file: File) -> io::Result<Self> {
        file.set_len(0)?;
        Ok(Self { file, count: 0, first: 0, buffer: Vec::new() })
    }

    /// The number of entries.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Adds the next entry.
    pub(super) fn push(&mut self, place: Place) -> io::Result<()> {
        self.buffer.push(place);
        self.count = self.count.saturating_add(1);
        if self.buffer.len() >= BUFFERED { self.flush() } else { Ok(()) }
    }

    /// The entry with this number.
    pub(super) fn get(&self, index: u64) -> io::Result<Option<Place>> {
        if index >= self.count {
            return Ok(None);
        }
        if let Some(at) = index.checked_sub(self.first) {
            return Ok(usize::try_from(at).ok().and_then(|at| self.buffer.get(at)).copied());
        }
        let mut bytes = [0; ENTRY_BYTES];
        self.file.read_exact_at(&mut bytes, index.saturating_mul(ENTRY_BYTES as u64))?;
        Ok(Some(Place::from_bytes(&bytes)))
    }

    /// Changes the entry with this number.
    pub(super) fn set(&mut self, index: u64, place: Place) -> io::Result<()> {
        self.flush()?;
        self.file.write_all_at(&place.to_bytes(), index.saturating_mul(ENTRY_BYTES as u64))
    }

    /// Forgets the entries from number `count` on.
    pub(super) fn truncate(&mut self, count: u64) -> io::Result<()> {
        self.flush()?;
        self.file.set_len(count.saturating_mul(ENTRY_BYTES as u64))?;
        self.count = count;
        self.first = count;
        Ok(())
    }

    /// A second handle that sees the entries there are now.
    pub(super) fn snapshot(&mut self) -> io::Result<Self> {
        self.flush()?;
        Ok(Self { file: self.file.try_clone()?, count: self.count, first: self.count, buffer: Vec::new() })
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes: Vec<u8> = self.buffer.iter().flat_map(|place| place.to_bytes()).collect();
        self.file.write_all_at(&bytes, self.first.saturating_mul(ENTRY_BYTES as u64))?;
        self.first = self.count;
        self.buffer.clear();
        Ok(())
    }
}

impl Place {
    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.compressed.to_le_bytes());
        bytes[12] = u8::from(self.slot);
        bytes
    }

    fn from_bytes(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let number = u128::from_le_bytes(*bytes);
        let low = |shift: u32, bits: u32| u64::try_from(number >> shift & ((1 << bits) - 1)).unwrap_or_default();
        Self { offset: low(0, 64), compressed: u32::try_from(low(64, 32)).unwrap_or_default(), slot: low(96, 8) == 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_whether_or_not_they_are_in_the_file() {
        let mut index = FrameIndex::new(tempfile::tempfile().unwrap()).unwrap();
        let place = |number: u64| Place { offset: number << 40, compressed: u32::MAX, slot: number.is_multiple_of(3) };
        for number in 0..5000 {
            index.push(place(number)).unwrap();
        }
        for number in [0, 1, 4095, 4096, 4999] {
            assert_eq!(index.get(number).unwrap(), Some(place(number)));
        }
        assert_eq!(index.get(5000).unwrap(), None);
        index.truncate(4097).unwrap();
        assert_eq!(index.get(4097).unwrap(), None);
        index.push(place(7)).unwrap();
        assert_eq!(index.get(4097).unwrap(), Some(place(7)));
        assert_eq!(index.snapshot().unwrap().get(4096).unwrap(), Some(place(4096)));
    }
}
