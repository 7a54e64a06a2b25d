//! The header of an rpm: what a package file and a database say of a package.
//!
//! All numbers are big-endian.
//!
//! | bytes | field |
//! | --- | --- |
//! | 0..4 | number of entries |
//! | 4..8 | bytes of data |
//! | 8.. | entries of 16 bytes: tag, type, offset in the data, count |
//! | behind them | the data |
//!
//! The first entry may be a region (tag 61 to 63), whose trailer in the data tells how many of the entries were there when the
//! package was made. What the database adds when the package is installed stands behind them, and goes before them.
//!
//! Source: rpm 4.18, lib/header.c; the RPM File Format, "Header Structure".

use crate::damage::Damage;
use kanshiki_image::bytes::{length, u16_be, u32_be};

/// The most entries of a header (`HEADER_TAGS_MAX` of lib/header.c).
const ENTRIES: u32 = 0xffff;

/// The most values of an entry (`HEADER_ARRAY_MAX` of lib/header.c).
const VALUES: u32 = 0x000f_ffff;

const ENTRY_BYTES: usize = 16;

/// Names of tags (include/rpm/rpmtag.h).
pub mod tag {
    #![allow(missing_docs, reason = "the names are those of the source")]
    pub const HEADERIMMUTABLE: u32 = 63;
    pub const SHA1HEADER: u32 = 269;
    pub const SHA256HEADER: u32 = 273;
    pub const NAME: u32 = 1000;
    pub const VERSION: u32 = 1001;
    pub const RELEASE: u32 = 1002;
    pub const EPOCH: u32 = 1003;
    pub const INSTALLTIME: u32 = 1008;
    pub const VENDOR: u32 = 1011;
    pub const ARCH: u32 = 1022;
    pub const OLDFILENAMES: u32 = 1027;
    pub const FILESIZES: u32 = 1028;
    pub const FILESTATES: u32 = 1029;
    pub const FILEMODES: u32 = 1030;
    pub const FILERDEVS: u32 = 1033;
    pub const FILEMTIMES: u32 = 1034;
    pub const FILEDIGESTS: u32 = 1035;
    pub const FILELINKTOS: u32 = 1036;
    pub const FILEFLAGS: u32 = 1037;
    pub const FILEUSERNAME: u32 = 1039;
    pub const FILEGROUPNAME: u32 = 1040;
    pub const FILEVERIFYFLAGS: u32 = 1045;
    pub const DIRINDEXES: u32 = 1116;
    pub const BASENAMES: u32 = 1117;
    pub const DIRNAMES: u32 = 1118;
    pub const LONGFILESIZES: u32 = 5008;
    pub const FILECAPS: u32 = 5010;
    pub const FILEDIGESTALGO: u32 = 5011;
}

/// A header whose parts have been found.
#[derive(Debug, Clone, Copy)]
pub struct Header<'b> {
    index: &'b [u8],
    data: &'b [u8],
    /// Where the data begins.
    data_start: u64,
}

/// An entry of the index.
#[derive(Debug, Clone, Copy)]
struct Value<'b> {
    kind: u32,
    count: u32,
    /// The data from its offset on.
    data: &'b [u8],
    offset: u64,
}

impl<'b> Header<'b> {
    /// Finds the parts of the header that `bytes` begin with.
    ///
    /// # Errors
    ///
    /// [`Damage`] if there is less than the header says, or more entries than rpm takes.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Damage> {
        let (Some(entries), Some(data_bytes)) = (u32_be(bytes, 0), u32_be(bytes, 4)) else {
            return Err(Damage::new(
                0,
                length(bytes.len()),
                format!("a header of 8 bytes was expected, found {}", bytes.len()),
            ));
        };
        if entries == 0 || entries > ENTRIES {
            return Err(Damage::new(0, 4, format!("a header of 1 to {ENTRIES} entries was expected, found {entries}")));
        }
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let index_end = size(entries).saturating_mul(ENTRY_BYTES).saturating_add(8);
        let end = index_end.saturating_add(size(data_bytes));
        match (bytes.get(8..index_end), bytes.get(index_end..end)) {
            (Some(index), Some(data)) => Ok(Self { index, data, data_start: length(index_end) }),
            _ => {
                let text = format!("a header of {end} bytes was expected, found {}", bytes.len());
                Err(Damage::new(0, length(bytes.len()), text))
            }
        }
    }

    /// What the package was made with, as its digests and signatures cover it: the region of the first entry, without what
    /// was added when it was installed (`hdrblobVerifyRegion` of lib/header.c). `None` if there is no region, or a damaged one.
    #[must_use]
    pub fn immutable(&self) -> Option<Vec<u8>> {
        // A blob of 16 bytes, its trailer, which has the bytes of the entries as a negative offset.
        let is_region = |bytes: &[u8]| u32_be(bytes, 4) == Some(7) && u32_be(bytes, 12) == Some(16);
        let first = self.index.get(..ENTRY_BYTES).filter(|first| u32_be(first, 0) == Some(tag::HEADERIMMUTABLE))?;
        let data_end = usize::try_from(u32_be(first, 8)?).ok()?.checked_add(ENTRY_BYTES)?;
        let data = self.data.get(..data_end).filter(|_| is_region(first))?;
        let trailer = data.get(data_end.checked_sub(ENTRY_BYTES)?..).filter(|trailer| is_region(trailer))?;
        let index_bytes = u32_be(trailer, 8)?.wrapping_neg();
        let index = self.index.get(..usize::try_from(index_bytes).ok()?)?;
        let entries = index_bytes.checked_div(16)?.to_be_bytes();
        let magic = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
        Some([&magic, entries.as_slice(), &u32::try_from(data_end).ok()?.to_be_bytes(), index, data].concat())
    }

    /// Bytes of the header.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.data_start.saturating_add(length(self.data.len()))
    }

    /// The last entry of a tag: what was added goes before what was there.
    fn value(&self, tag: u32) -> Option<Value<'b>> {
        let mut entries = self.index.chunks_exact(ENTRY_BYTES);
        let entry = entries.rfind(|entry| u32_be(entry, 0) == Some(tag))?;
        let (kind, offset, count) = (u32_be(entry, 4)?, u32_be(entry, 8)?, u32_be(entry, 12)?);
        let data = self.data.get(usize::try_from(offset).ok()?..)?;
        let offset = self.data_start.saturating_add(u64::from(offset));
        Some(Value { kind, count: count.min(VALUES), data, offset })
    }

    /// The texts of a tag; none if it has no texts.
    pub fn texts(&self, tag: u32) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        // Text, texts, texts in several languages.
        let value = self.value(tag).filter(|value| matches!(value.kind, 6 | 8 | 9));
        let (mut rest, mut left) = value.map_or((b"".as_slice(), 0), |value| (value.data, value.count));
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let end = memchr::memchr(0, rest)?;
            let (text, behind) = rest.split_at_checked(end)?;
            rest = behind.get(1..)?;
            Some(text)
        })
    }

    /// The first text of a tag; empty if it has none.
    #[must_use]
    pub fn text(&self, tag: u32) -> &'b [u8] {
        self.texts(tag).next().unwrap_or_default()
    }

    /// The numbers of a tag; none if it has no numbers.
    #[must_use]
    pub fn numbers(&self, tag: u32) -> Numbers<'b> {
        let value = self.value(tag).and_then(|value| {
            let width = match value.kind {
                1 | 2 => 1,
                3 => 2,
                4 => 4,
                5 => 8,
                _ => return None,
            };
            let bytes = usize::try_from(value.count).ok()?.checked_mul(width)?;
            let bytes = bytes.min(value.data.len().checked_div(width)?.checked_mul(width)?);
            Some(Numbers { width, bytes: value.data.get(..bytes)? })
        });
        value.unwrap_or(Numbers { width: 1, bytes: b"" })
    }

    /// The first number of a tag.
    #[must_use]
    pub fn number(&self, tag: u32) -> Option<u64> {
        self.numbers(tag).get(0)
    }

    /// How many values the header says that a tag has, and where they lie in it.
    #[must_use]
    pub fn count(&self, tag: u32) -> Option<(u32, u64)> {
        self.value(tag).map(|value| (value.count, value.offset))
    }
}

/// Numbers of one width.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'b> {
    width: usize,
    bytes: &'b [u8],
}

impl Numbers<'_> {
    /// The number at this place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<u64> {
        let at = place.checked_mul(self.width)?;
        match self.width {
            1 => self.bytes.get(at).map(|byte| u64::from(*byte)),
            2 => u16_be(self.bytes, at).map(u64::from),
            4 => u32_be(self.bytes, at).map(u64::from),
            _ => self.bytes.get(at..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)),
        }
    }

    /// The number at this place, if it fits.
    #[must_use]
    pub fn narrow<N: TryFrom<u64>>(&self, place: usize) -> Option<N> {
        self.get(place).and_then(|number| N::try_from(number).ok())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Values to make a header of.
    pub(crate) enum Made<'a> {
        Text(&'a str),
        Texts(Vec<&'a str>),
        U8(Vec<u8>),
        U16(Vec<u16>),
        U32(Vec<u32>),
        U64(Vec<u64>),
    }

    /// A header of these tags, without a region.
    pub(crate) fn made(values: &[(u32, Made<'_>)]) -> Vec<u8> {
        let (mut index, mut data) = (Vec::new(), Vec::new());
        for (tag, value) in values {
            let (kind, count, bytes): (u32, usize, Vec<u8>) = match value {
                Made::Text(text) => (6, 1, [text.as_bytes(), b"\0"].concat()),
                Made::Texts(texts) => {
                    (8, texts.len(), texts.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat()).collect())
                }
                Made::U8(numbers) => (1, numbers.len(), numbers.clone()),
                Made::U16(numbers) => {
                    (3, numbers.len(), numbers.iter().flat_map(|number| number.to_be_bytes()).collect())
                }
                Made::U32(numbers) => {
                    (4, numbers.len(), numbers.iter().flat_map(|number| number.to_be_bytes()).collect())
                }
                Made::U64(numbers) => {
                    (5, numbers.len(), numbers.iter().flat_map(|number| number.to_be_bytes()).collect())
                }
            };
            for number in [*tag, kind, u32::try_from(data.len()).unwrap(), u32::try_from(count).unwrap()] {
                index.extend(number.to_be_bytes());
            }
            data.extend(bytes);
        }
        let mut header = u32::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        header.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        [header, index, data].concat()
    }

    #[test]
    fn values_are_read_and_what_was_added_goes_before_what_was_there() {
        let bytes = made(&[
            (tag::NAME, Made::Text("bash")),
            (tag::BASENAMES, Made::Texts(vec!["a", "", "c"])),
            (tag::FILEMODES, Made::U16(vec![0o100_755, 1])),
            (tag::FILESIZES, Made::U32(vec![7])),
            (tag::LONGFILESIZES, Made::U64(vec![1 << 40])),
            (tag::FILESTATES, Made::U8(vec![1, 4])),
            (tag::NAME, Made::Text("added")),
        ]);
        let header = Header::parse(&bytes).unwrap();
        assert_eq!(header.text(tag::NAME), b"added");
        assert_eq!(header.texts(tag::BASENAMES).collect::<Vec<_>>(), [b"a".as_slice(), b"", b"c"]);
        assert_eq!((header.numbers(tag::FILEMODES).len(), header.number(tag::FILEMODES)), (2, Some(0o100_755)));
        assert_eq!(
            (header.number(tag::LONGFILESIZES), header.numbers(tag::FILESTATES).get(1)),
            (Some(1 << 40), Some(4))
        );
        assert_eq!((header.number(tag::EPOCH), header.text(tag::VENDOR)), (None, b"".as_slice()));
        assert_eq!(header.number(tag::NAME), None);
        assert_eq!(header.bytes(), u64::try_from(bytes.len()).unwrap());
    }

    #[test]
    fn a_header_that_is_cut_off_says_how_long_it_should_be() {
        let bytes = made(&[(tag::NAME, Made::Text("bash"))]);
        let damage = Header::parse(&bytes[..20]).unwrap_err();
        assert_eq!(damage.text, "a header of 29 bytes was expected, found 20");
        assert!(Header::parse(&[0; 40]).unwrap_err().text.ends_with("found 0"));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), entries in 0_u8..4) {
            let mut bytes = bytes;
            if let Some(head) = bytes.get_mut(..8) {
                head.copy_from_slice(&[0, 0, 0, entries, 0, 0, 0, 100]);
            }
            if let Ok(header) = Header::parse(&bytes) {
                for tag in header.index.chunks(4).filter_map(|tag| u32_be(tag, 0)) {
                    let _ = (header.texts(tag).count(), header.numbers(tag).get(3), header.count(tag));
                }
            }
        }
    }
}
