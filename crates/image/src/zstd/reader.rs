//! Random access to the content of compressed frames.

use super::cache::Cache;
use super::index::{Frame, Index};
use super::{FrameDecoder, WalkError};
use crate::bytes::{bounded, copy, length};
use crate::{OpenError, ReadAt, ReadError, RunState, Runs, Source, read_exact_at};
use kanshiki_model::ByteRange;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// The largest content of one frame that is decoded, in bytes.
pub const MAX_FRAME_BYTES: u64 = 64 << 20;
/// Decoded frames that are kept for the next read, in bytes.
const KEPT_BYTES: usize = 4 << 20;
/// Decoders kept for the next read; each has a buffer of at most [`KEPT_BYTES`].
const KEPT_DECODERS: usize = 8;

/// The content of a file of Zstandard frames. With a seek table any place is found at once; without one the frames'
/// headers are walked when the image is opened.
#[derive(Debug)]
pub struct SeekableImage {
    file: Source,
    index: Index,
    decoders: Mutex<Vec<Decoder>>,
    kept: Cache<Arc<[u8]>>,
}

#[derive(Debug)]
struct Decoder {
    decoder: FrameDecoder,
    compressed: Vec<u8>,
}

impl SeekableImage {
    /// Reads the seek table, or walks the frames if there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError::Damaged`] if the table contradicts itself or the file, [`OpenError::Unsupported`] if a frame is
    /// larger than [`MAX_FRAME_BYTES`] or does not state its size, [`OpenError::Read`] if the file cannot be read.
    pub fn open(file: Source) -> Result<Self, OpenError> {
        let index = Index::open(file.as_ref())?;
        Ok(Self { file, index, decoders: Mutex::default(), kept: Cache::new(KEPT_BYTES) })
    }

    /// Goes through the frames from the first on, whatever a seek table says, up to the first that is damaged or cut off; says
    /// why there are no more, if that is not the end of the file.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], but for damage.
    pub fn open_up_to_damage(file: Source) -> Result<(Self, Option<WalkError>), OpenError> {
        let (index, why) = Index::up_to_damage(file.as_ref())?;
        Ok((Self { file, index, decoders: Mutex::default(), kept: Cache::new(KEPT_BYTES) }, why))
    }

    /// The frame whose content holds the byte at `offset`, for those who want the frame itself.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the seek table cannot be read, contradicts itself, or has no such frame.
    pub fn frame_at(&self, offset: u64) -> Result<Frame, ReadError> {
        self.index.find(self.file.as_ref(), offset)
    }

    /// Reads from `skip` bytes after the beginning of a frame's content, up to its end.
    fn read_frame(&self, frame: &Frame, skip: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let skip = bounded(skip, usize::MAX);
        if let Some(content) = self.kept.get(frame.offset) {
            return Ok(copy(content.get(skip..).unwrap_or_default(), buf));
        }
        let content_bytes = bounded(frame.content_bytes, usize::MAX);
        if skip == 0
            && let Some(whole) = buf.get_mut(..content_bytes)
        {
            self.decode(frame, whole)?;
            return Ok(content_bytes);
        }
        let mut content = vec![0; content_bytes];
        self.decode(frame, &mut content)?;
        let copied = copy(content.get(skip..).unwrap_or_default(), buf);
        self.kept.put(frame.offset, content_bytes, content.into());
        Ok(copied)
    }

    fn decode(&self, frame: &Frame, content: &mut [u8]) -> Result<(), ReadError> {
        let mut decoder = self.take_decoder(frame)?;
        let read = decoder.decode(self.file.as_ref(), frame, content);
        let mut decoders = self.decoders.lock().unwrap_or_else(PoisonError::into_inner);
        if decoders.len() < KEPT_DECODERS && decoder.compressed.capacity() <= KEPT_BYTES {
            decoders.push(decoder);
        }
        read
    }

    fn take_decoder(&self, frame: &Frame) -> Result<Decoder, ReadError> {
        let kept = self.decoders.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.map_or_else(
            || {
                let decoder = FrameDecoder::new();
                decoder
                    .map(|decoder| Decoder { decoder, compressed: Vec::new() })
                    .map_err(|source| ReadError::Io { offset: frame.content_offset, source })
            },
            Ok,
        )
    }
}

impl Decoder {
    fn decode(&mut self, file: &dyn ReadAt, frame: &Frame, content: &mut [u8]) -> Result<(), ReadError> {
        self.compressed.resize(bounded(frame.compressed_bytes, usize::MAX), 0);
        read_exact_at(file, frame.offset, &mut self.compressed).map_err(|error| in_content(error, frame))?;
        let damaged = |detail: String| ReadError::Damaged { structure: "zstd frame", offset: frame.offset, detail };
        let decoded = self.decoder.decode(&self.compressed, content).map_err(|error| damaged(error.to_string()))?;
        if decoded != content.len() {
            return Err(damaged(format!("expected {} bytes of content, found {decoded}", content.len())));
        }
        Ok(())
    }
}

/// An error of the compressed file, told in terms of the content.
fn in_content(error: ReadError, frame: &Frame) -> ReadError {
    let offset = frame.content_offset;
    match error {
        ReadError::Io { source, .. } => ReadError::Io { offset, source },
        ReadError::Unreadable { .. } | ReadError::Absent { .. } => {
            ReadError::Io { offset, source: io::Error::other(error) }
        }
        ReadError::Damaged { .. } => error,
    }
}

fn changed(frame: &Frame) -> ReadError {
    let detail = "the frame's size is no longer what it was".to_owned();
    ReadError::Damaged { structure: "zstd frame", offset: frame.offset, detail }
}

impl ReadAt for SeekableImage {
    fn len(&self) -> u64 {
        self.index.content_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = bounded(self.len().saturating_sub(offset), buf.len());
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..wanted).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(length(done));
            let frame = self.index.find(self.file.as_ref(), at)?;
            let read = self.read_frame(&frame, at.saturating_sub(frame.content_offset), rest)?;
            if read == 0 {
                // Only a file that was changed since it was opened gets here.
                return Err(changed(&frame));
            }
            done = done.saturating_add(read);
        }
        Ok(done)
    }

    fn runs(&self) -> Runs<'_> {
        let whole = ByteRange::new(0, self.len());
        Box::new(std::iter::once((whole, RunState::Data)).filter(|(range, _)| !range.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FrameEncoder, SeekEntry, seek_table_footer, seek_table_header, skippable_header};
    use super::*;
    use crate::Memory;
    use proptest::prelude::*;

    /// The content's bytes: all places differ from their neighbours.
    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at % 251) as u8 ^ (at / 251) as u8).collect()
    }

    /// A file of frames of these sizes, each zero a skippable frame, and its entries.
    fn frames(sizes: &[usize]) -> (Vec<u8>, Vec<SeekEntry>) {
        let content = content(sizes.iter().sum());
        let mut encoder = FrameEncoder::new(1).unwrap();
        let (mut file, mut entries, mut at) = (Vec::new(), Vec::new(), 0);
        for size in sizes {
            let before = file.len();
            match size {
                0 => file.extend(skippable_header(0)),
                size => encoder.encode(&content[at..at + size], &mut file).unwrap(),
            }
            at += size;
            entries.push(SeekEntry { compressed: (file.len() - before) as u32, decompressed: *size as u32 });
        }
        (file, entries)
    }

    fn with_table(mut file: Vec<u8>, entries: &[SeekEntry]) -> Vec<u8> {
        let count = entries.len() as u64;
        file.extend(seek_table_header(count).unwrap());
        entries.iter().for_each(|entry| file.extend(entry.to_bytes()));
        file.extend(seek_table_footer(count).unwrap());
        file
    }

    fn open(file: Vec<u8>) -> Result<SeekableImage, OpenError> {
        SeekableImage::open(Arc::new(Memory(file)))
    }

    fn read(image: &SeekableImage, offset: u64, length: usize) -> Vec<u8> {
        let mut buf = vec![0; length];
        let read = image.read_at(offset, &mut buf).unwrap();
        buf.truncate(read);
        buf
    }

    #[test]
    fn empty_entries_are_passed_over() {
        let (file, entries) = frames(&[0, 0, 100, 0, 1, 0, 50, 0]);
        let image = open(with_table(file, &entries)).unwrap();
        assert_eq!(image.len(), 151);
        assert_eq!(read(&image, 0, 200), content(151));
        assert_eq!(read(&image, 99, 3), content(151)[99..102]);
        assert!(read(&image, 151, 3).is_empty());
        assert!(read(&image, u64::MAX, 3).is_empty());
    }

    #[test]
    fn more_frames_than_one_block_of_entries_are_found_with_and_without_table() {
        let sizes: Vec<usize> = (0..3000).map(|number| number % 4 * 3).collect();
        let (file, entries) = frames(&sizes);
        let expected = content(sizes.iter().sum());
        for file in [file.clone(), with_table(file, &entries)] {
            let image = open(file).unwrap();
            assert_eq!(read(&image, 0, expected.len() + 1), expected);
            for at in (0..expected.len()).step_by(97).rev() {
                assert_eq!(read(&image, at as u64, 5), expected[at..(at + 5).min(expected.len())]);
            }
        }
    }

    #[test]
    fn a_checksum_column_is_passed_over() {
        let (mut file, entries) = frames(&[10, 20]);
        file.extend([0x5e, 0x2a, 0x4d, 0x18, 33, 0, 0, 0]);
        entries.iter().for_each(|entry| file.extend(entry.to_bytes().into_iter().chain([0xaa; 4])));
        file.extend([2, 0, 0, 0, 0x80, 0xb1, 0xea, 0x92, 0x8f]);
        assert_eq!(read(&open(file).unwrap(), 0, 100), content(30));
    }

    #[test]
    fn an_empty_file_is_an_empty_image() {
        assert_eq!(open(Vec::new()).unwrap().len(), 0);
        assert_eq!(open(with_table(Vec::new(), &[])).unwrap().len(), 0);
    }

    #[test]
    fn an_entry_past_the_frames_is_damage_and_names_the_entry() {
        let (file, mut entries) = frames(&[10, 20]);
        entries[1].compressed += 1;
        let end = file.len();
        let error = open(with_table(file, &entries)).unwrap_err().to_string();
        let expected = format!(
            "damaged seek table at byte {} of the image: a frame ends at byte {}, but the frames end at byte {end}",
            end + 16,
            end + 1
        );
        assert_eq!(error, expected);
    }

    #[test]
    fn a_frame_missing_from_the_table_is_damage() {
        let (file, entries) = frames(&[10, 20]);
        let error = open(with_table(file, &entries[..1])).unwrap_err().to_string();
        assert!(error.contains("is not in the table"), "{error}");
    }

    #[test]
    fn a_table_that_misstates_the_content_is_damage_when_read() {
        let (file, mut entries) = frames(&[10, 20]);
        entries[0].decompressed = 9;
        let image = open(with_table(file, &entries)).unwrap();
        assert!(matches!(image.read_at(0, &mut [0; 29]), Err(ReadError::Damaged { offset: 0, .. })));
    }

    #[test]
    fn a_frame_too_large_is_unsupported() {
        let (file, mut entries) = frames(&[10]);
        entries[0].decompressed = (64 << 20) + 1;
        assert!(matches!(open(with_table(file, &entries)), Err(OpenError::Unsupported { .. })));
    }

    #[test]
    fn damage_in_one_frame_leaves_the_others() {
        let (mut file, entries) = frames(&[1000, 1000, 1000]);
        let start = entries[0].compressed as usize;
        file[start + 30] ^= 0x10;
        let image = open(with_table(file, &entries)).unwrap();
        assert_eq!(read(&image, 0, 1000), content(1000));
        assert_eq!(read(&image, 2000, 1000), content(3000)[2000..]);
        let error = image.read_at(1500, &mut [0; 4]).unwrap_err();
        assert!(matches!(error, ReadError::Damaged { offset, .. } if offset == start as u64), "{error}");
    }

    #[test]
    fn frames_before_the_cut_are_read_wherever_it_is() {
        let (frames, entries) = frames(&[300, 0, 500, 700]);
        let file = with_table(frames, &entries);
        let ends: Vec<usize> = entries
            .iter()
            .scan(0, |end, entry| {
                *end += entry.compressed as usize;
                Some(*end)
            })
            .collect();
        for cut in 0..file.len() {
            let cut_file = Arc::new(Memory(file[..cut].to_vec()));
            let (image, why) = SeekableImage::open_up_to_damage(cut_file).unwrap();
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let expected: u64 = entries[..whole].iter().map(|entry| u64::from(entry.decompressed)).sum();
            assert_eq!(image.len(), expected, "{cut}");
            assert_eq!(read(&image, 0, 2000), content(1500)[..expected as usize], "{cut}");
            let start = ends[..whole].last().copied().unwrap_or(0) as u64;
            match why {
                None => assert_eq!(cut as u64, start),
                Some(WalkError::Incomplete { offset, end }) => assert_eq!((offset, end), (start, cut as u64)),
                Some(other) => panic!("{cut}: {other}"),
            }
        }
        let (image, why) = SeekableImage::open_up_to_damage(Arc::new(Memory(file))).unwrap();
        assert_eq!((image.len(), why.is_none()), (1500, true));
    }

    #[test]
    fn threads_share_an_image() {
        let (file, entries) = frames(&[5000; 40]);
        let image = open(with_table(file, &entries)).unwrap();
        let expected = content(200_000);
        std::thread::scope(|scope| {
            for first in 0..4 {
                let (image, expected) = (&image, &expected);
                scope.spawn(move || {
                    for at in (first * 777..190_000).step_by(3331) {
                        assert_eq!(read(image, at as u64, 7000), expected[at..at + 7000]);
                    }
                });
            }
        });
    }

    proptest! {
        #[test]
        fn any_range_equals_that_of_the_content(
            sizes in prop::collection::vec(0_usize..600, 0..12), start in 0_usize..4000, length in 0_usize..4000,
        ) {
            let (file, entries) = frames(&sizes);
            let expected = content(sizes.iter().sum());
            let image = open(with_table(file, &entries)).unwrap();
            let range = start.min(expected.len())..(start + length).min(expected.len()).max(start.min(expected.len()));
            prop_assert_eq!(read(&image, start as u64, length), &expected[range]);
        }

        #[test]
        fn any_bytes_never_panic(
            sizes in prop::collection::vec(0_usize..60, 0..6),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(), table in any::<bool>(),
        ) {
            let (mut file, entries) = frames(&sizes);
            if table { file = with_table(file, &entries); }
            for (at, byte) in changes {
                if !file.is_empty() { let at = at.index(file.len()); file[at] = byte; }
            }
            if !table { file.truncate(cut.index(file.len() + 1)); }
            if let Ok((image, _)) = SeekableImage::open_up_to_damage(Arc::new(Memory(file.clone()))) {
                let _ = image.read_at(0, &mut vec![0; bounded(image.len(), 1 << 16)]);
            }
            if let Ok(image) = open(file) {
                let _ = image.read_at(0, &mut vec![0; bounded(image.len(), 1 << 16)]);
                let _ = image.read_at(image.len() / 2, &mut [0; 10]);
            }
        }
    }
}
