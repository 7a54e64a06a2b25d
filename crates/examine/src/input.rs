//! The content of a file, as it lies there or decompressed.

use crate::lines::Lines;
use kanshiki_image::ReadAt;
use kanshiki_machine::sqlite::Siblings;
use kanshiki_walk::decompress::{Compression, Content};
use std::io::{self, Read};

/// Bytes of the head that parsers are shown.
pub(crate) const HEAD_BYTES: u64 = 4096;

/// The content of a file.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    source: &'a dyn ReadAt,
    compression: Option<Compression>,
    siblings: Option<&'a dyn Siblings>,
    head: Option<&'a [u8]>,
}

impl<'a> Input<'a> {
    /// The content of a file with these bytes; decompressed if they are compressed.
    #[must_use]
    pub fn new(source: &'a dyn ReadAt) -> Self {
        let mut head = [0; 10];
        let read = source.read_at(0, &mut head).unwrap_or(0);
        Self {
            source,
            compression: Compression::sniff(head.get(..read).unwrap_or_default()),
            siblings: None,
            head: None,
        }
    }

    /// With the files beside it.
    pub(crate) const fn among(self, siblings: &'a dyn Siblings) -> Self {
        Self { siblings: Some(siblings), ..self }
    }

    /// With these bytes to tell its form by, in the place of the first ones.
    pub(crate) const fn told_by(self, head: &'a [u8]) -> Self {
        Self { head: Some(head), ..self }
    }

    /// The files beside it; `None` if they are not known, or do not belong to it since it is compressed.
    pub(crate) fn siblings(&self) -> Option<&'a dyn Siblings> {
        self.siblings.filter(|_| self.compression.is_none())
    }

    /// How the file is compressed.
    #[must_use]
    pub const fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// The bytes of the file with random access; `None` if it is compressed.
    #[must_use]
    pub fn plain(&self) -> Option<&'a dyn ReadAt> {
        self.compression.is_none().then_some(self.source)
    }

    /// The content from its beginning, holes as zeroes.
    ///
    /// # Errors
    ///
    /// The compression cannot be read.
    pub fn read(&self) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self.compression {
            Some(compression) => Box::new(Content::new(compression, self.source)?),
            None => {
                let whole = kanshiki_model::ByteRange::new(0, self.source.len());
                Box::new(kanshiki_walk::contents::RangeReader::new(self.source, whole))
            }
        })
    }

    /// The decompressed content of a compressed file.
    ///
    /// # Errors
    ///
    /// The compression cannot be read, or there is none.
    pub(crate) fn content(&self) -> io::Result<Content<'a>> {
        let compression = self.compression.ok_or_else(|| io::Error::other("the file is not compressed"))?;
        Content::new(compression, self.source)
    }

    /// The lines of the content.
    ///
    /// # Errors
    ///
    /// The compression cannot be read.
    pub fn lines(&self) -> io::Result<Lines<'a>> {
        match self.compression {
            Some(compression) => Ok(Lines::compressed(Content::new(compression, self.source)?)),
            None => Ok(Lines::plain(self.source)),
        }
    }

    /// The bytes that its form is told by; fewer where it cannot be read.
    pub(crate) fn head(&self) -> Vec<u8> {
        // What could be read is what can be told; the error is met again when the file is read.
        self.head.map_or_else(|| self.beginning().0, <[u8]>::to_vec)
    }

    /// The first bytes of the content, and why there are no more of them.
    pub(crate) fn beginning(&self) -> (Vec<u8>, Option<io::Error>) {
        let mut head = Vec::new();
        let read = self.read().and_then(|content| content.take(HEAD_BYTES).read_to_end(&mut head));
        (head, read.err())
    }
}
