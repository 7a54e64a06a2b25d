//! Which entries the file's own list names: a chain of arrays of offsets.
//!
//! Of each 64 bytes of the file one bit is kept: an entry has at least as many, so that two of them never begin in the same.

use super::object::{ARRAY_BYTES, Kind, Layout, Object, number, short};
use super::pages::{Pages, Way};

/// The longest file whose entries are noted; journald writes files of up to 4 GiB.
const FILE_BYTES: u64 = 16 << 30;

/// Bytes of an array that are read at once.
const PART_BYTES: u64 = 4096;

/// Where the list breaks off, and why.
pub(super) type Break = (u64, String);

/// The entries that the list names.
#[derive(Debug)]
pub(super) struct Links {
    bits: Vec<u64>,
    /// Words before this one have no bits any more.
    seen: usize,
    /// Where the list breaks off.
    pub(super) broken: Option<Break>,
    /// The last entry that it names.
    last: u64,
    /// Entries that it names behind the end of the file.
    pub(super) beyond: u64,
}

impl Links {
    pub(super) fn read(pages: &mut Pages<'_>, layout: Layout, first: u64) -> Self {
        let mut links = Self { bits: Vec::new(), seen: 0, broken: None, last: 0, beyond: 0 };
        if layout.length > FILE_BYTES {
            links.broken = Some((first, "the file is too long for its list of entries to be followed".to_owned()));
            return links;
        }
        links.bits = vec![0; usize::try_from(layout.length.div_ceil(64 * 64)).unwrap_or(0)];
        links.broken = each(pages, layout, first, &mut |offset| links.note(offset, layout)).err();
        links
    }

    /// Where no header says where the list begins: of no entry can be told whether it is named.
    pub(super) const fn unknown() -> Self {
        Self { bits: Vec::new(), seen: 0, broken: None, last: 0, beyond: 0 }
    }

    fn note(&mut self, offset: u64, layout: Layout) {
        if offset >= layout.length {
            self.beyond = self.beyond.saturating_add(1);
        } else if let Some((word, bit)) = self.place(offset) {
            *word |= bit;
            self.last = self.last.max(offset);
        }
    }

    fn place(&mut self, offset: u64) -> Option<(&mut u64, u64)> {
        let number = offset >> 6;
        let word = self.bits.get_mut(usize::try_from(number >> 6).ok()?)?;
        Some((word, 1 << (number & 63)))
    }

    /// Whether the list names the entry, which then counts as found; `None` if that cannot be told, since the list breaks off
    /// before.
    pub(super) fn take(&mut self, offset: u64) -> Option<bool> {
        let is_told = self.broken.is_none() || offset <= self.last;
        let (word, bit) = self.place(offset)?;
        let is_named = *word & bit != 0;
        *word &= !bit;
        (is_named || is_told).then_some(is_named)
    }

    /// The beginning of the next 64 bytes in which an entry begins that the list names and that was not taken. It counts as
    /// taken then.
    pub(super) fn next_missing(&mut self) -> Option<u64> {
        let bits = self.bits.get_mut(self.seen..)?;
        let at = bits.iter().position(|word| *word != 0)?;
        self.seen = self.seen.saturating_add(at);
        let word = self.bits.get_mut(self.seen)?;
        let bit = word.trailing_zeros();
        *word &= word.wrapping_sub(1);
        let number = u64::try_from(self.seen).ok()?.checked_mul(64)?.checked_add(u64::from(bit))?;
        number.checked_mul(64)
    }
}

/// Hands the entries on that the list names, in its order.
///
/// # Errors
///
/// Where it breaks off.
fn each(pages: &mut Pages<'_>, layout: Layout, first: u64, found: &mut dyn FnMut(u64)) -> Result<(), Break> {
    let step = u64::try_from(layout.array_item()).unwrap_or(8);
    // No offset stands in more than one array: more of them than fit into the file are arrays that lie over each other.
    let mut left = layout.length.checked_div(step).unwrap_or(0);
    let mut at = first;
    while at != 0 {
        let array = array(pages, layout, at).map_err(|why| (at, why))?;
        let end = at.saturating_add(array.size);
        let mut part = at.saturating_add(ARRAY_BYTES);
        'array: while part < end {
            let length = usize::try_from(end.saturating_sub(part).min(PART_BYTES)).unwrap_or(0);
            let Some(bytes) = pages.bytes(Way::Beside, part, length).map(<[u8]>::to_vec) else {
                return Err((at, "an array of the list of entries cannot be read".to_owned()));
            };
            for item in bytes.chunks_exact(layout.array_item()) {
                let offset = if layout.is_compact { short(item, 0).map(u64::from) } else { number(item, 0) };
                // Zeroes are places for entries to come.
                let Some(offset) = offset.filter(|offset| *offset != 0) else { break 'array };
                left = left
                    .checked_sub(1)
                    .ok_or_else(|| (at, "the list of entries is longer than the file".to_owned()))?;
                found(offset);
            }
            part = part.saturating_add(PART_BYTES);
        }
        let next = pages.chunk(Way::Beside, at.saturating_add(16)).map_or(0, u64::from_le_bytes);
        if next != 0 && next <= at {
            return Err((at, format!("the list of entries leads back to byte {next}")));
        }
        at = next;
    }
    Ok(())
}

fn array(pages: &mut Pages<'_>, layout: Layout, at: u64) -> Result<Object, String> {
    if at >= layout.length {
        return Err("the list of entries goes on behind the end of the file".to_owned());
    }
    let head = pages.chunk(Way::Beside, at).filter(|_| layout.may_begin(at));
    let head = head.ok_or("the list of entries leads to where no object can be")?;
    let object =
        Object::parse(head, at, layout).map_err(|why| format!("the list of entries leads to no array: {why}"))?;
    match object.kind {
        Kind::Array => Ok(object),
        kind => Err(format!("the list of entries leads to a {} object", kind.name())),
    }
}
