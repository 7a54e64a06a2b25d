//! The files of an image as a feed of chunks.

use crate::stream::{Buffer, CHUNK_BYTES, Fault, Feed};
use kanshiki_custody::manifest::Format;
use kanshiki_image::lazy::{FileIdentity, open_all};
use kanshiki_image::split::Concat;
use kanshiki_image::zstd::{FrameDecoder, SeekableImage};
use kanshiki_image::{OpenError, RawFile, ReadAt, ReadError, Source, drop_cache, open_direct};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How the bytes of a medium are had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Past the page cache.
    Direct,
    /// Through the page cache, after it was told to give up what it holds.
    Dropped,
    /// Through the page cache, as it stands.
    Cached,
}

impl Reading {
    /// The word that the manifest has for it.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Dropped => "dropped",
            Self::Cached => "cached",
        }
    }
}

/// An image whose chunks are read by several threads.
#[derive(Debug)]
pub(crate) struct ImageFeed {
    files: Vec<(String, Source)>,
    content: Content,
    bytes: u64,
    reading: Reading,
}

#[derive(Debug)]
enum Content {
    Plain(Source),
    Zstd { image: Arc<SeekableImage>, file: Source, idle: Mutex<Vec<FrameDecoder>> },
}

impl ImageFeed {
    /// Opens the files of an image. With `from_medium` they are read past the page cache, or after it was dropped,
    /// where the filesystem can do that.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if a file cannot be opened or is no image of this format.
    pub(crate) fn open(format: Format, paths: &[PathBuf], from_medium: bool) -> Result<Self, OpenError> {
        let mut reading = if from_medium { Reading::Direct } else { Reading::Cached };
        let failed = |source| ReadError::Io { offset: 0, source };
        for path in paths {
            reading = open_file(path, reading).map_err(failed)?.2;
        }
        let opener = move |path: &Path| open_file(path, reading).map(|(source, identity, _)| (source, identity));
        let sources = open_all(paths, Box::new(opener)).map_err(|(_, source)| failed(source))?;
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files: Vec<(String, Source)> = paths.iter().map(name).zip(sources).collect();
        let sources = || files.iter().map(|(_, source)| Arc::clone(source));
        let content = match (format, files.first()) {
            (Format::Zstd, Some((_, file))) => Content::Zstd {
                image: Arc::new(SeekableImage::open(Arc::clone(file))?),
                file: Arc::clone(file),
                idle: Mutex::default(),
            },
            (_, Some((_, file))) if files.len() == 1 => Content::Plain(Arc::clone(file)),
            _ => Content::Plain(Arc::new(Concat::new(sources().collect()))),
        };
        let bytes = match &content {
            Content::Plain(source) => source.len(),
            Content::Zstd { image, .. } => image.len(),
        };
        Ok(Self { files, content, bytes, reading })
    }

    /// Takes an image that is open already, without a look at its files.
    #[must_use]
    pub(crate) fn of_content(source: Source) -> Self {
        let bytes = source.len();
        Self { files: Vec::new(), content: Content::Plain(source), bytes, reading: Reading::Cached }
    }

    /// The length of the content in bytes.
    #[must_use]
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How the bytes are had.
    #[must_use]
    pub(crate) const fn reading(&self) -> Reading {
        self.reading
    }

    /// Whether the chunks come with the frames that they were decoded from.
    #[must_use]
    pub(crate) const fn has_frames(&self) -> bool {
        matches!(self.content, Content::Zstd { .. })
    }

    /// The image's files with their names.
    #[must_use]
    pub(crate) fn files(&self) -> &[(String, Source)] {
        &self.files
    }

    /// The content as the layers above see evidence.
    #[must_use]
    pub(crate) fn content(&self) -> Source {
        match &self.content {
            Content::Plain(source) => Arc::clone(source),
            Content::Zstd { image, .. } => Arc::clone(image) as Source,
        }
    }
}

/// Opens a file in the best way there is, at most as good as the one asked for.
fn open_file(path: &Path, wanted: Reading) -> io::Result<(Source, FileIdentity, Reading)> {
    let file = kanshiki_custody::open_regular(path)?;
    // A filesystem in memory has nothing below its cache, even if it takes direct reads.
    let in_memory = rustix::fs::fstatfs(&file).is_ok_and(|stat| IN_MEMORY.contains(&stat.f_type));
    if wanted == Reading::Direct
        && !in_memory
        && let Ok(direct) = open_direct(path)
    {
        let identity = FileIdentity::of(direct.file())?;
        return Ok((Arc::new(direct), identity, Reading::Direct));
    }
    let dropped = wanted != Reading::Cached && !in_memory && drop_cache(&file).is_ok();
    let how = if dropped { Reading::Dropped } else { Reading::Cached };
    let identity = FileIdentity::of(&file)?;
    Ok((Arc::new(RawFile::from_file(file)?), identity, how))
}

/// tmpfs and ramfs. Source: Linux 6.12, include/uapi/linux/magic.h.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

impl Feed for ImageFeed {
    fn len(&self) -> Option<u64> {
        Some(self.bytes)
    }

    fn fill(&self, index: u64, buffer: &mut Buffer) -> Result<(), Fault> {
        let offset = index.saturating_mul(CHUNK_BYTES);
        let read = match &self.content {
            Content::Plain(source) => source.read_at(offset, buffer.as_mut()),
            Content::Zstd { image, file, idle } => fill_frame(image, file.as_ref(), idle, offset, buffer),
        };
        match read.map_err(fault)? {
            read if read == buffer.as_slice().len() => Ok(()),
            read => Err(Fault::Ended(read)),
        }
    }
}

/// Reads a frame and decodes it; a frame that is not just this chunk is left to the image's own reader.
fn fill_frame(
    image: &SeekableImage,
    file: &dyn ReadAt,
    idle: &Mutex<Vec<FrameDecoder>>,
    offset: u64,
    buffer: &mut Buffer,
) -> Result<usize, ReadError> {
    let place = image.frame_at(offset)?;
    let whole = place.content_offset == offset && place.content_bytes == buffer.as_slice().len() as u64;
    if !whole {
        return image.read_at(offset, buffer.as_mut());
    }
    let idle = || idle.lock().unwrap_or_else(PoisonError::into_inner);
    let io = |source| ReadError::Io { offset, source };
    let kept = idle().pop();
    let mut decoder = kept.map_or_else(FrameDecoder::new, Ok).map_err(io)?;
    let (bytes, frame) = buffer.with_frame(place.offset);
    frame.resize(usize::try_from(place.compressed_bytes).unwrap_or_default(), 0);
    kanshiki_image::read_exact_at(file, place.offset, frame)?;
    let decoded = decoder.decode(frame, bytes);
    idle().push(decoder);
    decoded.map_err(|error| ReadError::Damaged {
        structure: "zstd frame",
        offset: place.offset,
        detail: error.to_string(),
    })
}

/// Keeps apart what the medium did not give, and what the image contradicts itself in ([`io::ErrorKind::InvalidData`]).
fn fault(error: ReadError) -> Fault {
    match error {
        ReadError::Io { source, .. } => Fault::Unreadable(source),
        other => Fault::Unreadable(io::Error::new(io::ErrorKind::InvalidData, other)),
    }
}
