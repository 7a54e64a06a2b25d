//! `Packages`, the database of rpm before version 4.16: a hash of BerkeleyDB, in the byte order of the machine that wrote it.
//!
//! | page | bytes | field |
//! | --- | --- | --- |
//! | first | 12..16 | 0x00061561 |
//! | | 16..20 | version, 8 to 10 |
//! | | 20..24 | bytes of a page |
//! | | 32..36 | number of the last page |
//! | all | 8..12 | its number |
//! | | 16..20 | the next page of the chain |
//! | | 20..22 | number of items |
//! | | 22..24 | of an overflow page, bytes of content |
//! | | 25 | type: 2 or 13 for items, 7 for overflow |
//! | of items | 26.. | offsets (u16), of key and value in turn; items lie from the end of the page on |
//! | item | 0 | 1: the bytes themselves follow; 3: page (4..8) and length (8..12) of an overflow chain |
//!
//! All pages are read in their order, which no loop of links can lead astray; what belongs to no chain any more has type 0. Keys
//! are numbers of 4 bytes, that of 0 holds the next free one, and values are headers.
//!
//! Source: BerkeleyDB 4.8, src/dbinc/db_page.h; rpm 4.18, lib/backend/bdb_ro.c.

use super::Records;
use crate::damage::Damage;
use kanshiki_image::{ReadAt, read_exact_at};
use std::ops::ControlFlow;

/// The longest database that is read, in bytes.
const DATABASE_BYTES: u64 = 2 << 30;

/// The longest header that is read, in bytes; rpm takes 256 MiB at most.
const HEADER_BYTES: u32 = 64 << 20;

const PAGE_HEADER: usize = 26;

/// The order of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Order {
    is_big: bool,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn size(self, bytes: &[u8], at: usize) -> Option<usize> {
        self.u16(bytes, at).map(usize::from)
    }
}

/// Hands on the headers of a database, in the order of its pages, and what is damaged of it.
pub fn records(source: &dyn ReadAt, records: &mut dyn Records) {
    let mut head = [0; 512];
    if let Err(error) = read_exact_at(source, 0, &mut head) {
        return records.damage(Damage::new(0, 512, format!("the first page cannot be read: {error}")));
    }
    match Database::open(source, &head) {
        Ok(mut database) => {
            let _ = database.pages(records);
        }
        Err(damage) => records.damage(damage),
    }
}

struct Database<'s> {
    source: &'s dyn ReadAt,
    order: Order,
    page_bytes: usize,
    /// Pages that there are, the first among them.
    pages: u32,
    /// The number of the last page, as the first says.
    last: u32,
    /// Overflow pages that have been read: none belongs to two chains.
    read: Vec<bool>,
}

impl<'s> Database<'s> {
    fn open(source: &'s dyn ReadAt, head: &[u8]) -> Result<Self, Damage> {
        let orders = [Order { is_big: false }, Order { is_big: true }];
        let Some(order) = orders.into_iter().find(|order| order.u32(head, 12) == Some(0x0006_1561)) else {
            let found = head.get(12..16).map(kanshiki_model::hex).unwrap_or_default();
            return Err(Damage::new(
                12,
                4,
                format!("no hash of BerkeleyDB: 61150600 or 00061561 was expected, found {found}"),
            ));
        };
        let field = |at: usize| order.u32(head, at).unwrap_or_default();
        let (version, page_bytes, last) = (field(16), field(20), field(32));
        if !(8..=10).contains(&version) {
            return Err(Damage::new(
                16,
                4,
                format!("version 8 to 10 was expected, found {version}; it is not supported"),
            ));
        }
        if !page_bytes.is_power_of_two() || !(512..=65536).contains(&page_bytes) {
            return Err(Damage::new(20, 4, format!("pages of 512 to 65536 bytes were expected, found {page_bytes}")));
        }
        if source.len() > DATABASE_BYTES {
            let text = format!("the database has {} bytes, more than the {DATABASE_BYTES} that are read", source.len());
            return Err(Damage::new(0, source.len(), text));
        }
        let pages =
            source.len().checked_div(u64::from(page_bytes)).and_then(|pages| u32::try_from(pages).ok()).unwrap_or(0);
        let read = vec![false; usize::try_from(pages).unwrap_or(0)];
        let page_bytes = usize::try_from(page_bytes).unwrap_or(512);
        Ok(Self { source, order, page_bytes, pages, last, read })
    }

    fn pages(&mut self, records: &mut dyn Records) -> ControlFlow<()> {
        if self.last >= self.pages {
            let text =
                format!("page {} is the last one as the first says, but there are only {}", self.last, self.pages);
            records.damage(Damage::new(32, 4, text));
        }
        let mut page = vec![0; self.page_bytes];
        for number in 1..self.pages.min(self.last.saturating_add(1)) {
            match self.page(number, &mut page) {
                Ok(2 | 13) => self.items(number, &page, records)?,
                Ok(_) => {}
                Err(damage) => records.damage(damage),
            }
        }
        ControlFlow::Continue(())
    }

    /// Reads a page and tells its type; 0 for one that is not in use.
    fn page(&self, number: u32, page: &mut [u8]) -> Result<u8, Damage> {
        let (start, bytes) = (self.start(number), u64::try_from(page.len()).unwrap_or(u64::MAX));
        if let Err(error) = read_exact_at(self.source, start, page) {
            return Err(Damage::new(start, bytes, format!("page {number} cannot be read: {error}")));
        }
        let kind = page.get(25).copied().unwrap_or(0);
        let found = self.order.u32(page, 8).unwrap_or(0);
        if kind != 0 && found != number {
            return Err(Damage::new(
                start,
                bytes,
                format!("page {number} says that it is page {found}; it is left out"),
            ));
        }
        Ok(kind)
    }

    fn start(&self, page: u32) -> u64 {
        u64::from(page).saturating_mul(u64::try_from(self.page_bytes).unwrap_or(0))
    }

    fn items(&mut self, number: u32, page: &[u8], records: &mut dyn Records) -> ControlFlow<()> {
        let count = self.order.size(page, 20).unwrap_or(0);
        let mut end = page.len();
        for pair in 0..count / 2 {
            let place = pair.saturating_mul(4).saturating_add(PAGE_HEADER);
            let offsets = (self.order.size(page, place), self.order.size(page, place.saturating_add(2)));
            let (key, value) = match offsets {
                (Some(key), Some(value)) => (page.get(key..end), page.get(value..key)),
                _ => (None, None),
            };
            let start = self.start(number);
            let (Some(key), Some(value)) = (key, value) else {
                let text =
                    format!("item {pair} of page {number} lies outside the page; the rest of the page is left out");
                records.damage(Damage::new(start, u64::try_from(page.len()).unwrap_or(0), text));
                break;
            };
            end = offsets.1.unwrap_or(0);
            let key = key.strip_prefix(&[1]).and_then(|key| self.order.u32(key, 0)).unwrap_or(0);
            if key == 0 {
                continue;
            }
            match self.value(value) {
                Ok(header) => records.record(key, &header)?,
                Err(text) => {
                    records.damage(Damage::new(
                        start,
                        u64::try_from(page.len()).unwrap_or(0),
                        format!("package {key}: {text}"),
                    ));
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// The bytes of an item.
    fn value(&mut self, item: &[u8]) -> Result<Vec<u8>, String> {
        match item.split_first() {
            Some((1, bytes)) => Ok(bytes.to_vec()),
            Some((3, _)) => {
                let (page, length) = (self.order.u32(item, 4), self.order.u32(item, 8));
                self.chain(page.unwrap_or(0), length.unwrap_or(0))
            }
            kind => Err(format!("an item of type 1 or 3 was expected, found {}", kind.map_or(0, |(kind, _)| *kind))),
        }
    }

    /// The content of a chain of overflow pages.
    fn chain(&mut self, first: u32, length: u32) -> Result<Vec<u8>, String> {
        if length > HEADER_BYTES || u64::from(length) > self.source.len() {
            return Err(format!("its header has {length} bytes, more than are read"));
        }
        let length = usize::try_from(length).unwrap_or(0);
        let (mut content, mut number, mut page) = (Vec::new(), first, vec![0; self.page_bytes]);
        while content.len() < length {
            let is_new = usize::try_from(number).ok().and_then(|number| self.read.get_mut(number));
            match is_new {
                Some(read) if !*read => *read = true,
                Some(_) => return Err(format!("its overflow page {number} has been read before")),
                None => return Err(format!("its overflow page {number} is none of the {} that there are", self.pages)),
            }
            let kind = self.page(number, &mut page).map_err(|damage| damage.text)?;
            let bytes = self.order.size(&page, 22).unwrap_or(0);
            let part = page.get(PAGE_HEADER..).and_then(|rest| rest.get(..bytes));
            let part =
                part.filter(|part| kind == 7 && !part.is_empty() && part.len() <= length.saturating_sub(content.len()));
            let Some(part) = part else {
                return Err(format!("its overflow page {number} has type {kind} and {bytes} bytes, which cannot be"));
            };
            content.extend_from_slice(part);
            number = self.order.u32(&page, 16).unwrap_or(0);
        }
        Ok(content)
    }
}

#[cfg(test)]
mod tests;
