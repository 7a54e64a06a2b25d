//! Single characters in each encoding.

use super::Encoding;
use kanshiki_model::is_hidden;

/// Bytes of the smallest unit.
pub(super) const fn unit_bytes(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Ascii | Encoding::Utf8 => 1,
        Encoding::Utf16Le | Encoding::Utf16Be => 2,
    }
}

/// The character that begins the bytes, if it belongs to a text, and its length in bytes.
pub(super) fn character(encoding: Encoding, bytes: &[u8]) -> Option<(char, usize)> {
    match encoding {
        Encoding::Ascii => bytes.first().filter(|byte| is_ascii_text(**byte)).map(|byte| (char::from(*byte), 1)),
        Encoding::Utf8 => utf8(bytes),
        Encoding::Utf16Le => utf16(u16::from_le_bytes(*bytes.first_chunk()?)),
        Encoding::Utf16Be => utf16(u16::from_be_bytes(*bytes.first_chunk()?)),
    }
}

/// Bytes at the beginning in which surely no text begins, in whole units.
pub(super) fn skip(encoding: Encoding, bytes: &[u8]) -> usize {
    match encoding {
        Encoding::Ascii => bytes.iter().take_while(|byte| !is_ascii_text(**byte)).count(),
        Encoding::Utf8 => bytes.iter().take_while(|byte| byte.is_ascii() && !is_ascii_text(**byte)).count(),
        Encoding::Utf16Le | Encoding::Utf16Be => {
            bytes.chunks_exact(2).take_while(|pair| **pair == [0, 0]).count().saturating_mul(2)
        }
    }
}

const fn is_ascii_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}

fn utf8(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first.is_ascii() {
        return is_ascii_text(first).then_some((char::from(first), 1));
    }
    // RFC 3629, section 3: the first byte tells the length.
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let character = std::str::from_utf8(bytes.get(..length)?).ok()?.chars().next()?;
    (!is_hidden(character) && !is_private(character)).then_some((character, length))
}

/// Characters without a meaning of their own, or none at all (Unicode 15, section 23.5 and 23.7).
fn is_private(character: char) -> bool {
    let code = u32::from(character);
    matches!(code, 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xf_0000..) || code & 0xfffe == 0xfffe
}

fn utf16(unit: u16) -> Option<(char, usize)> {
    let character = char::from_u32(u32::from(unit))?;
    let is_text = match unit {
        0..=0x7f => u8::try_from(unit).is_ok_and(is_ascii_text),
        0xa0..=0x52f => !is_hidden(character) && (character.is_alphanumeric() || unit < 0x100),
        _ => false,
    };
    is_text.then_some((character, 2))
}
