//! The base 64 of crypt(5): the lowest six bits come first.

const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Writes bytes as letters, three bytes as four of them.
pub(crate) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len().saturating_mul(2));
    for group in bytes.chunks(3) {
        let mut value = group.iter().rev().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
        for _ in 0..=group.len() {
            text.extend(usize::try_from(value & 63).ok().and_then(|index| LETTERS.get(index)));
            value >>= 6;
        }
    }
    text
}

/// Reads letters; `None` if one is none of them, or if one stands alone at the end.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    for group in text.chunks(4) {
        let mut value = 0_u32;
        for letter in group.iter().rev() {
            let index = LETTERS.iter().position(|it| it == letter)?;
            value = value << 6 | u32::try_from(index).ok()?;
        }
        bytes.extend(value.to_le_bytes().into_iter().take(group.len().checked_sub(1).filter(|count| *count > 0)?));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for length in 0..20_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(83)).collect();
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
        assert_eq!((decode(b"ab,c"), decode(b"abcde")), (None, None));
    }
}
