//! `Packages.db`, the database that SUSE's rpm keeps: slots, and blobs of which each is a header.
//!
//! All numbers are little-endian (u32).
//!
//! | bytes | field |
//! | --- | --- |
//! | 0..4 | `RpmP` |
//! | 4..8 | version, 0 |
//! | 12..16 | pages of 4096 bytes that hold slots, this header among them |
//! | 32.. | slots of 16 bytes: `Slot`, number of the package, its block or 0, its blocks of 16 bytes |
//! | a blob | `BlbS`, number of the package, generation, length; the content; zeroes; Adler-32 of all before, length, `BlbE` |
//!
//! Source: rpm 4.18, lib/backend/ndb/rpmpkg.c.

use super::Records;
use crate::damage::Damage;
use kanshiki_image::bytes::{length, u32_le};
use kanshiki_image::{ReadAt, read_exact_at};
use std::ops::ControlFlow;

/// The longest database that is read, in bytes.
const DATABASE_BYTES: u64 = 2 << 30;

/// The longest header that is read, in bytes; rpm takes 256 MiB at most.
const HEADER_BYTES: u32 = 64 << 20;

const PAGE: usize = 4096;
const BLOCK: u64 = 16;
const SLOT: usize = 16;
const HEAD: usize = 16;
const TAIL: usize = 12;

/// A package's place.
#[derive(Debug, Clone, Copy)]
struct Slot {
    package: u32,
    block: u32,
    blocks: u32,
    /// Where the slot itself lies.
    offset: u64,
}

/// Hands on the headers of a database, in the order of its slots, and what is damaged of it.
pub fn records(source: &dyn ReadAt, records: &mut dyn Records) {
    let mut head = [0; 32];
    if let Err(error) = read_exact_at(source, 0, &mut head) {
        return records.damage(Damage::new(0, 32, format!("the header cannot be read: {error}")));
    }
    if !head.starts_with(b"RpmP") {
        let found = kanshiki_model::hex(head.get(..4).unwrap_or_default());
        return records.damage(Damage::new(0, 4, format!("`RpmP` was expected, found {found}")));
    }
    let (version, pages) = (u32_le(&head, 4).unwrap_or(0), u32_le(&head, 12).unwrap_or(0));
    if version != 0 {
        return records.damage(Damage::new(
            4,
            4,
            format!("version 0 was expected, found {version}; it is not supported"),
        ));
    }
    if source.len() > DATABASE_BYTES {
        let text = format!("the database has {} bytes, more than the {DATABASE_BYTES} that are read", source.len());
        return records.damage(Damage::new(0, source.len(), text));
    }
    let _ = slots(source, pages, records);
}

fn slots(source: &dyn ReadAt, pages: u32, records: &mut dyn Records) -> ControlFlow<()> {
    // No more can be in blobs than there is in the file: blobs that share bytes are damaged.
    let mut left = source.len();
    let mut page = vec![0; PAGE];
    for number in 0..pages {
        let start = u64::from(number).saturating_mul(length(PAGE));
        if let Err(error) = read_exact_at(source, start, &mut page) {
            let text = format!("page {number} of the {pages} pages of slots cannot be read: {error}");
            records.damage(Damage::new(start, length(PAGE), text));
            break;
        }
        // In the place of the first two slots lies the header.
        let skipped = if number == 0 { 2 } else { 0 };
        for (place, bytes) in page.chunks_exact(SLOT).enumerate().skip(skipped) {
            let offset = start.saturating_add(length(place.saturating_mul(SLOT)));
            let field = |at: usize| u32_le(bytes, at).unwrap_or(0);
            if !bytes.starts_with(b"Slot") {
                let found = kanshiki_model::hex(bytes.get(..4).unwrap_or_default());
                records.damage(Damage::new(offset, 16, format!("a slot was expected, found {found}")));
                continue;
            }
            let slot = Slot { package: field(4), block: field(8), blocks: field(12), offset };
            if slot.block == 0 {
                continue;
            }
            match blob(source, &slot, &mut left) {
                Ok((header, is_whole)) => {
                    if !is_whole {
                        let at = u64::from(slot.block).saturating_mul(BLOCK);
                        let text = format!("package {}: the checksum of its blob is wrong", slot.package);
                        records.damage(Damage::new(at, u64::from(slot.blocks).saturating_mul(BLOCK), text));
                    }
                    records.record(slot.package, &header)?;
                }
                Err(text) => records.damage(Damage::new(slot.offset, 16, format!("package {}: {text}", slot.package))),
            }
        }
    }
    ControlFlow::Continue(())
}

/// The content of a blob, and whether its checksum is right.
fn blob(source: &dyn ReadAt, slot: &Slot, left: &mut u64) -> Result<(Vec<u8>, bool), String> {
    let start = u64::from(slot.block).saturating_mul(BLOCK);
    let bytes = u64::from(slot.blocks).saturating_mul(BLOCK);
    if bytes > *left || bytes > u64::from(HEADER_BYTES) {
        return Err(format!("its blob has {bytes} bytes, more than are read"));
    }
    *left = left.saturating_sub(bytes);
    let mut blob = vec![0; usize::try_from(bytes).unwrap_or(0)];
    read_exact_at(source, start, &mut blob)
        .map_err(|error| format!("its blob at byte {start} cannot be read: {error}"))?;
    let field = |at: usize| u32_le(&blob, at).unwrap_or(0);
    let content_bytes = usize::try_from(field(12)).unwrap_or(usize::MAX);
    let tail = blob.len().saturating_sub(TAIL);
    let is_one = blob.starts_with(b"BlbS") && blob.ends_with(b"BlbE") && field(4) == slot.package;
    let content = blob.get(HEAD..tail).and_then(|content| content.get(..content_bytes)).filter(|_| is_one);
    let Some(content) = content.map(<[u8]>::to_vec) else {
        let found = kanshiki_model::hex(blob.get(..HEAD).unwrap_or_default());
        return Err(format!("no blob of the package lies at byte {start}: found {found}"));
    };
    let is_whole = blob.get(..tail).map(adler32) == Some(field(tail));
    Ok((content, is_whole))
}

/// The checksum of RFC 1950, section 9.
fn adler32(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (1_u32, 0_u32);
    // So many sums fit into 32 bits.
    for part in bytes.chunks(5552) {
        for byte in part {
            low = low.wrapping_add(u32::from(*byte));
            high = high.wrapping_add(low);
        }
        (low, high) = (low % 65521, high % 65521);
    }
    (high << 16) | low
}

#[cfg(test)]
mod tests;
