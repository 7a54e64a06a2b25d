//! Journals whose header was overwritten: their objects are found by what they look like.

use super::header;
use super::object::{HEADER_BYTES, Kind, Layout, Object};
use super::pages::{Pages, Way};

/// DATA objects that are asked how they are laid out, and the bytes in which they are looked for.
const ASKED: u32 = 16;
const SEARCH_BYTES: u64 = 64 << 20;

/// The longest name of a field (journald's DATA_FIELD_NAME limit, journal-util.c).
const NAME_BYTES: usize = 64;

/// Whether a content begins as every content does, with the name of its field, or is such a name. In the place of its hash,
/// whose key stood in the header.
pub(super) fn is_plausible(content: &[u8]) -> bool {
    let end = content.iter().take(NAME_BYTES.saturating_add(1)).position(|byte| *byte == b'=').unwrap_or(content.len());
    let name = content.get(..end).unwrap_or_default();
    let is_of_name = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    (1..=NAME_BYTES).contains(&end) && name.iter().all(is_of_name)
}

/// Whether objects are laid out in the compact way, by the first contents that are not compressed; `None` if there is none.
pub(super) fn is_compact(pages: &mut Pages<'_>) -> Option<bool> {
    let length = pages.length();
    let layout = Layout { is_compact: false, is_unchecked: true, key: None, start: header::LEAST_BYTES, length };
    let (mut at, end) = (layout.start, length.min(SEARCH_BYTES));
    let (mut compact, mut asked) = (0_u32, 0_u32);
    while at < end && asked < ASKED {
        at = pages.behind_zeroes(at);
        let step = at.saturating_add(8);
        let head = pages.chunk::<HEADER_BYTES>(Way::Ahead, at);
        let object = head.and_then(|head| Object::parse(head, at, layout).ok());
        let object = object.filter(|object| object.kind == Kind::Data && object.method.is_none());
        let bytes = usize::try_from(object.map_or(0, |object| object.size)).unwrap_or(usize::MAX).min(256);
        let content = pages.bytes(Way::Ahead, at, bytes).unwrap_or_default();
        let begins =
            |start: usize| content.get(start..).is_some_and(|content| content.contains(&b'=') && is_plausible(content));
        let found = begins(72).then_some(true).or_else(|| begins(64).then_some(false));
        if let Some(found) = found {
            asked = asked.saturating_add(1);
            compact = compact.saturating_add(u32::from(found));
        }
        at = step;
    }
    (asked > 0).then_some(compact.saturating_mul(2) > asked)
}
