use super::*;
use crate::testing::Kept;
use kanshiki_image::Memory;
use proptest::prelude::*;

const PAGE_BYTES: usize = 512;

/// Puts numbers into pages.
struct Writer {
    pages: Vec<Vec<u8>>,
    is_big: bool,
}

impl Writer {
    fn u16(&mut self, page: usize, at: usize, number: u16) {
        let bytes = if self.is_big { number.to_be_bytes() } else { number.to_le_bytes() };
        self.pages[page][at..at + 2].copy_from_slice(&bytes);
    }

    fn u32(&mut self, page: usize, at: usize, number: u32) {
        let bytes = if self.is_big { number.to_be_bytes() } else { number.to_le_bytes() };
        self.pages[page][at..at + 4].copy_from_slice(&bytes);
    }

    fn number(&self, number: u32) -> [u8; 4] {
        if self.is_big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn page(&mut self, kind: u8) -> usize {
        let number = self.pages.len();
        self.pages.push(vec![0; PAGE_BYTES]);
        self.u32(number, 8, u32::try_from(number).unwrap());
        self.pages[number][25] = kind;
        number
    }

    /// Puts items onto a page, from its end on.
    fn items(&mut self, page: usize, items: &[Vec<u8>]) {
        let mut end = PAGE_BYTES;
        for (place, item) in items.iter().enumerate() {
            let start = end - item.len();
            self.pages[page][start..end].copy_from_slice(item);
            self.u16(page, PAGE_HEADER + 2 * place, u16::try_from(start).unwrap());
            end = start;
        }
        self.u16(page, 20, u16::try_from(items.len()).unwrap());
    }
}

/// A database of two packages, that of number 7 in an overflow chain of two pages.
fn made(is_big: bool) -> (Vec<u8>, Vec<u8>) {
    let mut writer = Writer { pages: Vec::new(), is_big };
    let long: Vec<u8> = (0..700_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
    writer.page(8);
    for (at, number) in [(12, 0x0006_1561), (16, 9), (20, u32::try_from(PAGE_BYTES).unwrap()), (32, 4)] {
        writer.u32(0, at, number);
    }
    let page = writer.page(13);
    let unused = writer.page(0);
    writer.pages[unused][8..].fill(0);
    let parts = long.chunks(PAGE_BYTES - PAGE_HEADER).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let chain: Vec<usize> = parts.iter().map(|_| writer.page(7)).collect();
    for (place, part) in parts.iter().enumerate() {
        writer.u16(chain[place], 22, u16::try_from(part.len()).unwrap());
        writer.pages[chain[place]][PAGE_HEADER..PAGE_HEADER + part.len()].copy_from_slice(part);
        if let Some(next) = chain.get(place + 1) {
            writer.u32(chain[place], 16, u32::try_from(*next).unwrap());
        }
    }
    let key = |writer: &Writer, number: u32| [&[1], writer.number(number).as_slice()].concat();
    let first = u32::try_from(chain[0]).unwrap();
    let link = [&[3, 0, 0, 0], writer.number(first).as_slice(), &writer.number(700)].concat();
    let items = [key(&writer, 0), key(&writer, 9), key(&writer, 7), link, key(&writer, 8), b"\x01short".to_vec()];
    writer.items(page, &items);
    (writer.pages.concat(), long)
}

fn read(bytes: &[u8]) -> Kept {
    let mut kept = Kept::default();
    records(&Memory(bytes.to_vec()), &mut kept);
    kept
}

#[test]
fn items_and_overflow_chains_of_both_orders_of_bytes_are_read() {
    for is_big in [false, true] {
        let (bytes, long) = made(is_big);
        let kept = read(&bytes);
        assert_eq!(kept.damage, []);
        assert_eq!(kept.records, [(7, long), (8, b"short".to_vec())], "big: {is_big}");
    }
}

#[test]
fn a_chain_that_leads_into_itself_is_damage_and_the_rest_is_read() {
    let (mut bytes, _) = made(false);
    // The first page of the chain, which then leads to itself.
    bytes[3 * PAGE_BYTES + 16] = 3;
    let kept = read(&bytes);
    assert_eq!(kept.texts(), ["package 7: its overflow page 3 has been read before"]);
    assert_eq!(kept.records, [(8, b"short".to_vec())]);
    assert_eq!(kept.damage[0].range.start, 512);
}

#[test]
fn a_database_that_is_cut_off_gives_what_is_left() {
    let (bytes, _) = made(true);
    let kept = read(&bytes[..4 * PAGE_BYTES]);
    assert_eq!(
        kept.texts(),
        [
            "page 4 is the last one as the first says, but there are only 4",
            "package 7: its overflow page 4 is none of the 4 that there are"
        ]
    );
    assert_eq!(kept.records.len(), 1);
}

#[test]
fn what_is_no_hash_of_berkeleydb_is_said_to_be_none() {
    assert!(read(&[7; 600]).texts()[0].contains("found 07070707"));
    assert!(read(b"short").texts()[0].starts_with("the first page cannot be read"));
    let (mut bytes, _) = made(false);
    bytes[16] = 7;
    assert!(read(&bytes).texts()[0].contains("version 8 to 10 was expected, found 7"));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(place in 0..2600_usize, bytes in prop::collection::vec(any::<u8>(), 0..40), is_big: bool) {
        let (mut database, _) = made(is_big);
        for (there, byte) in database.iter_mut().skip(place).zip(&bytes) {
            *there = *byte;
        }
        let kept = read(&database);
        prop_assert!(kept.records.len() <= 4 * 256);
        let _ = read(&bytes);
    }
}
