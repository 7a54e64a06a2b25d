//! The label of a physical volume, and the copies of its group's metadata.
//!
//! | structure | field | at |
//! | --- | --- | --- |
//! | label, in one of the first four sectors | `LABELONE`, own sector, checksum from byte 20 on, place of the header, `LVM2 001` | 0, 8, 16, 20, 24 |
//! | header | identifier of 32 characters, bytes of the device | 0, 32 |
//! | | pairs of place and length: data areas, a pair of zeroes, metadata areas, a pair of zeroes | 40 |
//! | metadata area, 512 bytes | checksum from byte 4 on, magic, version, own place, length | 0, 4, 20, 24, 32 |
//! | | the text's place in the area, length, checksum, flags | 40, 48, 56, 60 |
//!
//! The text lies in the rest of the area as in a ring: what does not fit at its end goes on at byte 512.
//! Source: lvm2 2.03, lib/label/label.h, lib/format_text/layout.h, lib/format_text/format-text.c, lib/misc/crc.c.

use crate::bytes::{array, bounded, length, u32_le, u64_le};
use crate::volumes::Area;
use crate::{ReadAt, ReadError, read_exact_at};
use kanshiki_model::{ByteRange, Issue};
use std::collections::HashSet;
use std::sync::Arc;

const SECTOR: usize = 512;
/// More areas than any tool makes.
const MAX_AREAS: usize = 16;
/// A text of metadata; lvm2's largest areas are a few MiB.
const MAX_TEXT_BYTES: u64 = 16 << 20;
/// All texts that differ from each other together.
const MAX_ALL_TEXTS_BYTES: usize = 48 << 20;
const MAGIC: &[u8; 16] = b" LVM2 x[5A%r0N*>";
/// The flag of an area that the host left alone (`RAW_LOCN_IGNORED`).
const IGNORED: u32 = 1;

/// What a physical volume says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    /// The identifier, 32 characters.
    pub(super) identifier: String,
    /// The length of the device in bytes.
    pub(super) device_bytes: u64,
    /// The copies of its group's metadata.
    pub(super) texts: Vec<Text>,
    /// The sector of the label, and the metadata areas.
    pub(super) areas: Vec<Area>,
}

/// A copy of a group's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// The text.
    pub(super) bytes: Arc<[u8]>,
    /// Whether its checksum is right.
    pub(super) holds: bool,
    /// Where it begins, in bytes from the start of the volume.
    pub(super) offset: u64,
}

/// The texts that were read, each kept once, and how many bytes more of them may be kept.
#[derive(Debug)]
pub(in crate::volumes) struct Texts {
    known: HashSet<Arc<[u8]>>,
    left: usize,
}

impl Default for Texts {
    fn default() -> Self {
        Self { known: HashSet::new(), left: MAX_ALL_TEXTS_BYTES }
    }
}

impl Texts {
    /// `None` if there are too many.
    fn keep(&mut self, text: Vec<u8>) -> Option<Arc<[u8]>> {
        if let Some(known) = self.known.get(text.as_slice()) {
            return Some(Arc::clone(known));
        }
        self.left = self.left.checked_sub(text.len())?;
        let text: Arc<[u8]> = text.into();
        self.known.insert(Arc::clone(&text));
        Some(text)
    }
}

/// The checksum of lvm2: CRC-32 of IEEE 802.3 with another beginning, and not inverted at the end.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = [
        0x0000_0000,
        0x1db7_1064,
        0x3b6e_20c8,
        0x26d9_30ac,
        0x76dc_4190,
        0x6b6b_51f4,
        0x4db2_6158,
        0x5005_713c,
        0xedb8_8320,
        0xf00f_9344,
        0xd6d6_a3e8,
        0xcb61_b38c,
        0x9b64_c2b0,
        0x86d3_d2d4,
        0xa00a_e278,
        0xbdbd_f21c,
    ];
    let step = |sum: u32| {
        let nibble = usize::try_from(sum & 0xf).unwrap_or(0);
        (sum >> 4) ^ TABLE.get(nibble).copied().unwrap_or(0)
    };
    bytes.iter().fold(0xf597_a6cf, |sum, byte| step(step(sum ^ u32::from(*byte))))
}

/// Reads the label and what it leads to. What is damaged becomes an issue about `subject`; `None` if there is no label.
pub(super) fn read(source: &dyn ReadAt, subject: &str, known: &mut Texts, issues: &mut Vec<Issue>) -> Option<Label> {
    let mut head = vec![0; bounded(source.len(), 4 * SECTOR)];
    if let Err(error) = read_exact_at(source, 0, &mut head) {
        issues.push(Issue::new(subject, format!("the label of LVM2 cannot be read: {error}")));
        return None;
    }
    let (number, sector) = (0_u64..).zip(head.chunks_exact(SECTOR)).find(|(number, sector)| {
        sector.starts_with(b"LABELONE") && u64_le(sector, 8) == Some(*number) && array(sector, 24) == Some(*b"LVM2 001")
    })?;
    let at = number.saturating_mul(512);
    if sector.get(20..).map(checksum) != u32_le(sector, 16) {
        let range = ByteRange::new(at, at.saturating_add(512));
        issues.push(Issue::at(subject, range, "the checksum of the label of LVM2 is wrong"));
    }
    let header = sector.get(bounded(u32_le(sector, 20)?.into(), SECTOR)..)?;
    let identifier = std::str::from_utf8(header.get(..32)?).ok()?;
    if !identifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#".contains(&byte)) {
        issues.push(Issue::new(subject, "the identifier in the label of LVM2 is none"));
        return None;
    }
    let areas = vec![Area::of(ByteRange::new(at, at.saturating_add(512)), "label of LVM2")];
    let device_bytes = u64_le(header, 32)?;
    let mut label = Label { identifier: identifier.to_owned(), device_bytes, texts: Vec::new(), areas };
    for area in metadata_areas(header) {
        label.areas.push(Area::of(area, "metadata area of LVM2"));
        label.texts.extend(read_area(source, area, subject, known, issues));
    }
    Some(label)
}

/// The metadata areas that the header lists, as ranges of the volume.
fn metadata_areas(header: &[u8]) -> Vec<ByteRange> {
    let mut areas = Vec::new();
    let mut lists_ended = 0_u32;
    for pair in 0..MAX_AREAS {
        let at = pair.saturating_mul(16).saturating_add(40);
        let (Some(start), Some(bytes)) = (u64_le(header, at), u64_le(header, at.saturating_add(8))) else { break };
        match (start, lists_ended) {
            (0, 0) => lists_ended = 1,
            (0, _) => break,
            (_, 1) => areas.push(ByteRange::new(start, start.saturating_add(bytes))),
            _ => {}
        }
    }
    areas
}

/// The text of an area; `None` if it holds none, or it cannot be had, which is told.
fn read_area(
    source: &dyn ReadAt,
    area: ByteRange,
    subject: &str,
    known: &mut Texts,
    issues: &mut Vec<Issue>,
) -> Option<Text> {
    let here = ByteRange::new(area.start, area.start.saturating_add(512));
    let mut issue =
        |message: String| issues.push(Issue::at(subject, here, format!("metadata area of LVM2: {message}")));
    let mut header = [0; SECTOR];
    if let Err(error) = read_exact_at(source, area.start, &mut header) {
        issue(format!("cannot be read: {error}"));
        return None;
    }
    if header.get(4..20) != Some(MAGIC) {
        issue("its magic is missing".to_owned());
        return None;
    }
    if header.get(4..).map(checksum) != u32_le(&header, 0) {
        issue("its checksum is wrong".to_owned());
    }
    // The area's own length counts; the label repeats it.
    let bytes = u64_le(&header, 32).filter(|bytes| *bytes > 512).unwrap_or(area.len());
    let place = (u64_le(&header, 40), u64_le(&header, 48), u32_le(&header, 56), u32_le(&header, 60));
    let (Some(offset), Some(size), Some(sum), Some(flags)) = place else { return None };
    if offset == 0 || size == 0 || flags & IGNORED != 0 {
        return None;
    }
    if size > MAX_TEXT_BYTES || size > bytes.saturating_sub(512) || offset >= bytes {
        issue(format!("its text of {size} bytes at its byte {offset} does not fit into its {bytes} bytes"));
        return None;
    }
    let text = match read_ring(source, area.start, bytes, offset, size) {
        Ok(text) => text,
        Err(error) => {
            issue(format!("its text cannot be read: {error}"));
            return None;
        }
    };
    let holds = checksum(&text) == sum;
    if !holds {
        issue("the checksum of the text is wrong".to_owned());
    }
    let Some(bytes) = known.keep(text) else {
        issue(format!("more than {MAX_ALL_TEXTS_BYTES} bytes of texts: this one is left out"));
        return None;
    };
    Some(Text { bytes, holds, offset: area.start.saturating_add(offset) })
}

/// `size` bytes from byte `offset` of an area on, which go on at its byte 512 past its end.
fn read_ring(source: &dyn ReadAt, start: u64, bytes: u64, offset: u64, size: u64) -> Result<Vec<u8>, ReadError> {
    let first = size.min(bytes.saturating_sub(offset));
    // Not more than the source has, whatever the header says.
    let mut text = vec![0; bounded(size.min(source.len()), usize::MAX)];
    let split = bounded(first, text.len());
    let (before, after) = text.split_at_mut(split);
    read_exact_at(source, start.saturating_add(offset), before)?;
    read_exact_at(source, start.saturating_add(length(SECTOR)), after)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;
    use proptest::prelude::*;

    /// A physical volume with one area of 4096 bytes whose text begins at `offset`.
    pub(crate) fn volume(text: &[u8], offset: u64) -> Vec<u8> {
        let mut disk = vec![0; 16_384];
        let mut area = vec![0; 4096];
        for (index, byte) in text.iter().enumerate() {
            let at = offset as usize + index;
            area[if at < 4096 { at } else { at - 4096 + 512 }] = *byte;
        }
        area[4..20].copy_from_slice(MAGIC);
        for (at, value) in [(24, 4096), (32, 4096), (40, offset), (48, text.len() as u64)] {
            area[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        area[20] = 1;
        area[56..60].copy_from_slice(&checksum(text).to_le_bytes());
        let sum = checksum(&area[4..512]).to_le_bytes();
        area[..4].copy_from_slice(&sum);
        disk[4096..8192].copy_from_slice(&area);
        let label = &mut disk[512..1024];
        label[..8].copy_from_slice(b"LABELONE");
        label[8] = 1;
        label[20] = 32;
        label[24..32].copy_from_slice(b"LVM2 001");
        label[32..64].copy_from_slice(b"abcdefghijklmnopqrstuvwxyz012345");
        for (at, value) in [(64, 16_384_u64), (72, 8192), (104, 4096), (112, 4096)] {
            label[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        let sum = checksum(&label[20..]).to_le_bytes();
        label[16..20].copy_from_slice(&sum);
        disk
    }

    fn told(disk: Vec<u8>) -> (Option<Label>, Vec<String>) {
        let mut issues = Vec::new();
        let label = read(&Memory(disk), "p1", &mut Texts::default(), &mut issues);
        (label, issues.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_text_that_runs_over_the_end_of_its_ring_is_put_together() {
        for offset in [512, 4090, 4095] {
            let (label, issues) = told(volume(b"vg {\nseqno = 1\n}\n", offset));
            let label = label.unwrap();
            assert_eq!((label.identifier.as_str(), label.device_bytes), ("abcdefghijklmnopqrstuvwxyz012345", 16_384));
            assert_eq!(issues, Vec::<String>::new());
            let expected = Text { bytes: b"vg {\nseqno = 1\n}\n"[..].into(), holds: true, offset: 4096 + offset };
            assert_eq!(label.texts, [expected]);
        }
    }

    #[test]
    fn wrong_checksums_are_told_and_the_text_is_marked() {
        let mut disk = volume(b"vg {}", 512);
        disk[4096 + 512] = b'V';
        disk[4096 + 100] = 1;
        disk[512 + 400] = 1;
        let (label, issues) = told(disk);
        assert!(!label.unwrap().texts[0].holds);
        assert_eq!(
            issues,
            [
                "p1, bytes 512-1024: the checksum of the label of LVM2 is wrong",
                "p1, bytes 4096-4608: metadata area of LVM2: its checksum is wrong",
                "p1, bytes 4096-4608: metadata area of LVM2: the checksum of the text is wrong",
            ]
        );
    }

    #[test]
    fn a_text_that_cannot_fit_is_not_read() {
        let mut disk = volume(b"vg {}", 512);
        disk[4096 + 48..4096 + 56].copy_from_slice(&u64::MAX.to_le_bytes());
        let (label, issues) = told(disk);
        assert_eq!(label.unwrap().texts, []);
        assert!(
            issues[1]
                .ends_with("its text of 18446744073709551615 bytes at its byte 512 does not fit into its 4096 bytes")
        );
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(
            changes in prop::collection::vec((prop_oneof![512_usize..700, 4096_usize..4200], any::<u8>()), 0..12),
        ) {
            let mut disk = volume(b"vg {\n}\n", 4093);
            for (at, byte) in changes { disk[at] = byte; }
            let _ = told(disk);
        }
    }
}
