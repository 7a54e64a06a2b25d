//! The rollback journal beside a database: pages as they were before a transaction that did not end.
//!
//! | bytes | what |
//! | --- | --- |
//! | a sector, at its beginning | header, numbers with the most significant byte first: magic `d9 d5 05 f9 20 a1 63 d7`, records that follow (all up to the end: `0xffffffff`), start of the checksums, pages of the database before, size of a sector, size of a page |
//! | 4, page, 4 each | record: number of the page, the page, its checksum: the start, and every 200th byte from the end |
//!
//! Further headers begin at the next sector behind their records. Source: <https://www.sqlite.org/fileformat.html>, 3; SQLite
//! 3.46, `pager.c` (`pager_playback`).

use super::DATABASE_BYTES;
use super::wal::is_page_size;
use crate::Endian;
use std::collections::HashSet;

const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Bytes of a header that mean something.
const HEADER_BYTES: usize = 28;

#[derive(Debug, Clone, Copy)]
struct Header {
    records: u32,
    start: u32,
    pages: u32,
    sector_bytes: usize,
    page_bytes: usize,
}

impl Header {
    fn read(journal: &[u8], at: usize) -> Option<Self> {
        let header = journal.get(at..at.checked_add(HEADER_BYTES)?)?;
        let number = |at| Endian::Big.u32(header, at);
        let size = |at| number(at).and_then(|size| usize::try_from(size).ok());
        header.starts_with(&MAGIC).then_some(())?;
        let header = Self {
            records: number(8)?,
            start: number(12)?,
            pages: number(16)?,
            sector_bytes: size(20)?,
            page_bytes: size(24)?,
        };
        let is_sector = header.sector_bytes.is_power_of_two() && (32..=65_536).contains(&header.sector_bytes);
        // The sizes of the first header are those of all.
        (at > 0 || (is_sector && is_page_size(header.page_bytes))).then_some(header)
    }
}

/// Puts the pages of a journal back into a database, and tells what was done; `None` if no transaction was open: the journal is
/// empty, or its header was cleared.
///
/// # Errors
///
/// Why nothing was put back.
pub(super) fn roll_back(journal: &[u8], database: &mut Vec<u8>) -> Result<Option<String>, String> {
    if journal.first().is_none_or(|byte| *byte == 0) {
        return Ok(None);
    }
    let first = Header::read(journal, 0).ok_or("its header at byte 0 is none")?;
    if names_a_journal_of_several(journal) {
        return Err(
            "it belongs to a transaction over several databases, of which it is not known how it ended".to_owned()
        );
    }
    let size = usize::try_from(first.pages).ok().and_then(|pages| pages.checked_mul(first.page_bytes));
    let limit = usize::try_from(DATABASE_BYTES).unwrap_or(usize::MAX);
    let Some(size) = size.filter(|size| *size <= limit) else {
        return Err(format!("before, the database had {} pages, more than are read", first.pages));
    };
    database.resize(size, 0);
    let mut done = HashSet::new();
    let (mut at, mut header) = (0_usize, first);
    'headers: loop {
        at = at.saturating_add(first.sector_bytes);
        let record_bytes = first.page_bytes.saturating_add(8);
        let records = journal.get(at..).unwrap_or_default().chunks_exact(record_bytes);
        let wanted = usize::try_from(header.records).unwrap_or(usize::MAX);
        for record in records.take(wanted) {
            at = at.saturating_add(record_bytes);
            match put_back(record, header.start, first.page_bytes, database, &mut done) {
                Some(()) => {}
                None => break 'headers,
            }
        }
        at = at.checked_next_multiple_of(first.sector_bytes).unwrap_or(usize::MAX);
        match Header::read(journal, at) {
            Some(next) => header = next,
            None => break,
        }
    }
    let pages = done.len();
    Ok(Some(format!(
        "a transaction was open: its changes are taken back by {pages} pages of the journal, up to byte {}",
        at.min(journal.len())
    )))
}

/// Whether a journal ends with the name of another, with its length, the sum of its bytes, and the magic behind it (SQLite 3.46,
/// `pager.c`, `readSuperJournal`).
fn names_a_journal_of_several(journal: &[u8]) -> bool {
    let name = || {
        let (rest, last) = journal.split_last_chunk::<16>()?;
        let [length, sum] = [0, 4].map(|at| Endian::Big.u32(last, at));
        let length = usize::try_from(length?).ok().filter(|length| *length > 0)?;
        let name = rest.get(rest.len().checked_sub(length)?..)?;
        // The bytes are numbers with a sign.
        let found = name.iter().fold(0_u32, |sum, byte| sum.wrapping_add_signed(byte.cast_signed().into()));
        Some(last.ends_with(&MAGIC) && sum == Some(found))
    };
    name().unwrap_or(false)
}

/// Puts one page back, the later of two as SQLite does; `None` if the record is damaged, and so the end.
fn put_back(record: &[u8], start: u32, page_bytes: usize, database: &mut [u8], done: &mut HashSet<u32>) -> Option<()> {
    let page = Endian::Big.u32(record, 0).filter(|page| *page > 0)?;
    let content = record.get(4..page_bytes.checked_add(4)?)?;
    let offset = usize::try_from(page).ok()?.checked_sub(1)?.checked_mul(page_bytes)?;
    let Some(place) = database.get_mut(offset..offset.checked_add(page_bytes)?) else { return Some(()) };
    // Bytes at 200, 400, … from the end, but not the first byte.
    let bytes = content.iter().rev().skip(199).step_by(200);
    let counted = page_bytes.saturating_sub(1).checked_div(200)?;
    let sum = bytes.take(counted).fold(start, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    if Endian::Big.u32(record, page_bytes.checked_add(4)?)? != sum {
        return None;
    }
    place.copy_from_slice(content);
    done.insert(page);
    Some(())
}
