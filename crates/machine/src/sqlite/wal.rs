//! The write-ahead log beside a database: pages that were committed, and not yet copied into the database.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..32 | header, numbers with the most significant byte first: magic `0x377f0682` or `0x377f0683` (words of checksums with the least or the most significant byte first), version 3007000, size of a page, number of the checkpoint, two salts, two checksums of the first 24 bytes |
//! | 24 each | frame: number of the page, pages of the database after the commit or 0, the salts of the header, two checksums of the first 8 bytes and the page, going on from those before; then the page |
//!
//! Valid are the frames from the first on with the salts of the header and right checksums; they count up to the last that
//! commits. Source: <https://www.sqlite.org/fileformat.html>, 4; SQLite 3.46, `wal.c`.

use super::DATABASE_BYTES;
use crate::Endian;

const HEADER_BYTES: usize = 32;
const FRAME_BYTES: usize = 24;
const VERSION: u32 = 3_007_000;

/// The header of a log.
#[derive(Debug)]
struct Header {
    /// The order of the words that checksums are made of.
    words: Endian,
    page_bytes: usize,
    salts: [u8; 8],
    checksum: [u32; 2],
}

impl Header {
    fn read(log: &[u8]) -> Result<Self, String> {
        let header = log.get(..HEADER_BYTES).ok_or("its header is cut off")?;
        let number = |at| Endian::Big.u32(header, at).unwrap_or_default();
        let words = match number(0) {
            0x377f_0682 => Endian::Little,
            0x377f_0683 => Endian::Big,
            found => return Err(format!("expected 0x377f0682 or 0x377f0683 at byte 0, found {found:#010x}")),
        };
        let checksum = sum(words, [0, 0], header.get(..24).unwrap_or_default());
        if checksum != [number(24), number(28)] {
            return Err("the checksum of its header, at byte 24, is wrong".to_owned());
        }
        if number(4) != VERSION {
            return Err(format!("expected version {VERSION} at byte 4, found {}", number(4)));
        }
        let page_bytes = usize::try_from(number(8)).ok().filter(|size| is_page_size(*size));
        let page_bytes = page_bytes.ok_or_else(|| format!("{} at byte 8 is no size of a page", number(8)))?;
        let salts = header.get(16..24).and_then(|salts| salts.first_chunk()).copied().unwrap_or_default();
        Ok(Self { words, page_bytes, salts, checksum })
    }

    /// The frames that are valid, in their order.
    fn frames<'l>(&'l self, log: &'l [u8]) -> impl Iterator<Item = Frame<'l>> {
        let rest = log.get(HEADER_BYTES..).unwrap_or_default();
        let mut checksum = self.checksum;
        rest.chunks_exact(FRAME_BYTES.saturating_add(self.page_bytes)).map_while(move |frame| {
            let (head, content) = frame.split_at_checked(FRAME_BYTES)?;
            checksum = sum(self.words, sum(self.words, checksum, head.get(..8)?), content);
            let number = |at| Endian::Big.u32(head, at);
            let is_valid = head.get(8..16)? == self.salts && checksum == [number(16)?, number(20)?];
            let page = number(0).filter(|page| is_valid && *page > 0)?;
            Some(Frame { page, pages: number(4)?, content })
        })
    }
}

/// A page as it was changed.
#[derive(Debug, Clone, Copy)]
struct Frame<'l> {
    page: u32,
    /// Pages of the database after the commit that this frame ends; 0 in other frames.
    pages: u32,
    content: &'l [u8],
}

/// Whether a page may have this number of bytes.
pub(super) fn is_page_size(bytes: usize) -> bool {
    bytes.is_power_of_two() && (512..=65_536).contains(&bytes)
}

/// The checksum of whole words, going on from one before (`walChecksumBytes`).
fn sum(words: Endian, [mut first, mut second]: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    for pair in bytes.chunks_exact(8) {
        let word = |at| words.u32(pair, at).unwrap_or_default();
        first = first.wrapping_add(word(0)).wrapping_add(second);
        second = second.wrapping_add(word(4)).wrapping_add(first);
    }
    [first, second]
}

/// Puts what a log committed into a database of pages of this size, and tells what was done; `None` if the log is empty.
///
/// # Errors
///
/// Why nothing of it was put in.
pub(super) fn apply(log: &[u8], page_bytes: usize, database: &mut Vec<u8>) -> Result<Option<String>, String> {
    if log.is_empty() {
        return Ok(None);
    }
    let header = Header::read(log)?;
    if header.page_bytes != page_bytes {
        return Err(format!("its pages have {} bytes, those of the database {page_bytes}", header.page_bytes));
    }
    let (mut valid, mut committed, mut pages) = (0_usize, 0_usize, 0_u32);
    for frame in header.frames(log) {
        valid = valid.saturating_add(1);
        if frame.pages > 0 {
            (committed, pages) = (valid, frame.pages);
        }
    }
    let frame_bytes = FRAME_BYTES.saturating_add(page_bytes);
    let all = log.len().saturating_sub(HEADER_BYTES).div_ceil(frame_bytes);
    if all == 0 {
        return Ok(None);
    }
    let end = committed.saturating_mul(frame_bytes).saturating_add(HEADER_BYTES);
    let rest = all.saturating_sub(committed);
    let behind = match (rest, valid.saturating_sub(committed)) {
        (0, _) => String::new(),
        (rest, 0) => {
            format!("; {rest} frames behind them, from byte {end}, are of older use or damaged, and are not read")
        }
        (rest, open) => format!(
            "; {rest} frames behind them, from byte {end}, are not read: {open} of no commit, others of older use or damaged"
        ),
    };
    if committed == 0 {
        return Ok(Some(format!("nothing in it is committed, and nothing is taken from it{behind}")));
    }
    let size = usize::try_from(pages).ok().and_then(|pages| pages.checked_mul(page_bytes));
    let limit = usize::try_from(DATABASE_BYTES).unwrap_or(usize::MAX);
    let Some(size) = size.filter(|size| *size <= limit) else {
        return Err(format!("with it the database has {pages} pages, more than are read"));
    };
    database.resize(size, 0);
    for frame in header.frames(log).take(committed) {
        let start = usize::try_from(frame.page).ok().and_then(|page| page.checked_sub(1)?.checked_mul(page_bytes));
        // A page that a later commit cut off lies behind the end.
        let place = start.and_then(|start| database.get_mut(start..start.checked_add(page_bytes)?));
        if let Some(place) = place {
            place.copy_from_slice(frame.content);
        }
    }
    Ok(Some(format!("its {committed} committed frames, up to byte {end}, are read as part of the database{behind}")))
}
