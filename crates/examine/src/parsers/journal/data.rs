//! The contents of DATA objects, of which many entries share one: read, decompressed and checked once where that can be had
//! in bounded memory.

use super::decompress::{Decompressor, End};
use super::hash::hash;
use super::object::{Layout, Object, number};
use super::pages::{Pages, Way};
use super::record::{UNWANTED, field_of};

/// Bytes of a content that are given; the rest is left out.
pub(super) const CONTENT_BYTES: usize = 1 << 20;

/// Compressed bytes that are read for that.
const PACKED_BYTES: usize = CONTENT_BYTES + (64 << 10);

/// Contents that are remembered, and the bytes of each up to which it is.
const SLOTS: usize = 16 << 10;
const SLOT_BYTES: usize = 2 << 10;

/// Contents may be this many times as long as the file, all together, each time they are decompressed or read again for an
/// entry that names them. Real journals reach 3.
const RATIO: u64 = 64;
const FREE_BYTES: u64 = 64 << 20;

/// Whether a content is what its hash says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// It has the hash that the object tells.
    Right,
    /// It has this hash, and the object tells another.
    Wrong(u64),
    /// It cannot be decompressed to its end.
    Broken,
    /// It is too long to be checked.
    Unknown,
}

/// A content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loaded<'a> {
    /// The hash that the object tells.
    pub(super) hash: u64,
    pub(super) check: Check,
    /// Field, `=` and value, or as much of it as there is.
    pub(super) content: &'a [u8],
    /// Whether its end is not given, since it is too long or damaged.
    pub(super) is_cut: bool,
}

/// Reads contents.
#[derive(Debug)]
pub(super) struct Loader {
    layout: Layout,
    decompressor: Decompressor,
    packed: Vec<u8>,
    content: Vec<u8>,
    /// Bytes that may still be decompressed or read again.
    pub(super) left: u64,
    limit: usize,
}

impl Loader {
    pub(super) fn new(layout: Layout) -> Self {
        let left = layout.length.saturating_mul(RATIO).saturating_add(FREE_BYTES);
        let (packed, content) = (Vec::new(), Vec::new());
        Self { layout, decompressor: Decompressor::default(), packed, content, left, limit: CONTENT_BYTES }
    }

    /// The content of a DATA or FIELD object; `None` if its bytes cannot be read.
    pub(super) fn load<'l>(
        &'l mut self,
        pages: &'l mut Pages<'_>,
        way: Way,
        object: &Object,
        start: u64,
    ) -> Option<Loaded<'l>> {
        let stored = u64::from_le_bytes(pages.chunk(way, object.at.checked_add(16)?)?);
        let length = usize::try_from(object.size.checked_sub(start)?).unwrap_or(usize::MAX);
        let at = object.at.checked_add(start)?;
        let Some(method) = object.method else {
            // On the way through the file each content is read once; entries may name it again and again.
            let is_named = way == Way::Beside;
            let limit =
                if is_named { self.limit.min(usize::try_from(self.left).unwrap_or(usize::MAX)) } else { self.limit };
            let content = pages.bytes(way, at, length.min(limit))?;
            if is_named {
                self.left = self.left.saturating_sub(u64::try_from(content.len()).unwrap_or(u64::MAX));
            }
            return Some(checked(self.layout, stored, content, length > limit));
        };
        let packed = pages.bytes(way, at, length.min(PACKED_BYTES))?;
        self.packed.clear();
        self.packed.extend_from_slice(packed);
        let limit = self.limit.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let end = self.decompressor.decompress(method, &self.packed, limit, &mut self.content);
        self.left = self.left.saturating_sub(u64::try_from(self.content.len()).unwrap_or(u64::MAX));
        let mut loaded = checked(self.layout, stored, &self.content, end != End::Whole);
        if end == End::Damaged && length <= PACKED_BYTES {
            loaded.check = Check::Broken;
        }
        Some(loaded)
    }
}

fn checked(layout: Layout, stored: u64, content: &[u8], is_cut: bool) -> Loaded<'_> {
    let check = match is_cut {
        true => Check::Unknown,
        false if layout.is_unchecked && super::lost::is_plausible(content) => Check::Right,
        false => match hash(layout.key.as_ref(), content) {
            found if found == stored => Check::Right,
            found => Check::Wrong(found),
        },
    };
    Loaded { hash: stored, check, content, is_cut }
}

/// What is remembered of a DATA object.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    at: u64,
    pub(super) field: usize,
    pub(super) hash: u64,
    pub(super) check: Check,
    pub(super) is_cut: bool,
    /// The value, if the field is wanted and it is short.
    content: Option<Vec<u8>>,
}

impl Slot {
    /// The value; `None` if it must be read again.
    pub(super) fn content(&self) -> Option<&[u8]> {
        if self.field == UNWANTED { Some(b"") } else { self.content.as_deref() }
    }
}

/// Remembers contents, each in the one place that its offset leads to.
#[derive(Debug)]
pub(super) struct Cache(Vec<Slot>);

impl Cache {
    pub(super) fn new(length: u64) -> Self {
        // A DATA object has 72 bytes and more.
        let most = usize::try_from(length / 72).unwrap_or(usize::MAX).clamp(64, SLOTS);
        let empty = Slot { at: 0, field: UNWANTED, hash: 0, check: Check::Unknown, is_cut: false, content: None };
        Self(vec![empty; most.checked_next_power_of_two().unwrap_or(SLOTS)])
    }

    fn place(&self, at: u64) -> usize {
        let mask = self.0.len().saturating_sub(1);
        // Objects lie at multiples of 8; the higher bits are mixed in, so that files laid out in steps use all places.
        usize::try_from(((at >> 3) ^ (at >> 17)) & u64::try_from(mask).unwrap_or(0)).unwrap_or(0)
    }

    pub(super) fn get(&self, at: u64) -> Option<&Slot> {
        self.0.get(self.place(at)).filter(|slot| slot.at == at)
    }

    pub(super) fn put(&mut self, at: u64, loaded: &Loaded<'_>) {
        let place = self.place(at);
        let Some(slot) = self.0.get_mut(place) else { return };
        let (field, value) = field_of(loaded.content);
        let mut content = slot.content.take().unwrap_or_default();
        content.clear();
        let is_kept = field != UNWANTED && value.len() <= SLOT_BYTES;
        if is_kept {
            content.extend_from_slice(value);
        }
        let content = is_kept.then_some(content);
        *slot = Slot { at, field, hash: loaded.hash, check: loaded.check, is_cut: loaded.is_cut, content };
    }
}

/// The offset of a DATA object that an ENTRY names, and the hash beside it.
pub(super) fn item(bytes: &[u8], layout: Layout) -> Option<(u64, Option<u64>)> {
    if layout.is_compact {
        return super::object::short(bytes, 0).map(|offset| (u64::from(offset), None));
    }
    Some((number(bytes, 0)?, number(bytes, 8)))
}
