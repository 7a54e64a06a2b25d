//! Where any of many literals stands, without difference of case in ASCII.
//!
//! An automaton waits at each byte for memory; here nothing waits. Of each literal four letters in a row are its key, the
//! rarest that it has; at each place four bytes are looked up in a table of bits that stays in the nearest cache. Only where a
//! bit is set are literals compared.

/// Bytes of a key, and the fewest of a literal.
const KEY: usize = 4;

/// Keys by a number of 16 bits.
const NUMBERS: usize = 1 << 16;
const WORDS: usize = NUMBERS / 64;

/// The literals with their keys.
#[derive(Debug)]
pub(crate) struct Literals {
    bits: Box<[u64; WORDS]>,
    /// For each number of a key where it stands among the buckets, or 0.
    places: Vec<u16>,
    buckets: Vec<Vec<Entry>>,
}

/// A literal whose key has the number of the bucket.
#[derive(Debug)]
struct Entry {
    literal: usize,
    text: Vec<u8>,
    /// Where in the literal its key begins.
    offset: usize,
}

impl Literals {
    /// `None` if one is shorter than four letters, or there are too many.
    pub(crate) fn new(literals: &[String]) -> Option<Self> {
        let mut made = Self { bits: Box::new([0; WORDS]), places: vec![0; NUMBERS], buckets: vec![Vec::new()] };
        for (literal, text) in literals.iter().enumerate() {
            let text = text.to_ascii_lowercase().into_bytes();
            let (offset, key) = text.windows(KEY).enumerate().min_by_key(|(_, key)| commonness(key))?;
            let number = number(key.first_chunk()?);
            *made.bits.get_mut(number / 64)? |= 1_u64 << (number % 64);
            let place = made.places.get_mut(number)?;
            if *place == 0 {
                *place = u16::try_from(made.buckets.len()).ok()?;
                made.buckets.push(Vec::new());
            }
            made.buckets.get_mut(usize::from(*place))?.push(Entry { literal, text, offset });
        }
        Some(made)
    }

    /// Calls `on_hit` with the number of each literal, where it begins and where it ends, about in the order of the bytes.
    pub(crate) fn find(&self, bytes: &[u8], mut on_hit: impl FnMut(usize, usize, usize)) {
        for (at, key) in bytes.array_windows_of_four().enumerate() {
            let number = number(key);
            let word = self.bits.get(number / 64).copied().unwrap_or(0);
            if (word >> (number % 64)) & 1 != 0 {
                self.compare(bytes, at, number, &mut on_hit);
            }
        }
    }

    #[cold]
    fn compare(&self, bytes: &[u8], at: usize, number: usize, on_hit: &mut impl FnMut(usize, usize, usize)) {
        let place = self.places.get(number).map_or(0, |place| usize::from(*place));
        for entry in self.buckets.get(place).into_iter().flatten() {
            let Some(start) = at.checked_sub(entry.offset) else { continue };
            let end = start.saturating_add(entry.text.len());
            if bytes.get(start..end).is_some_and(|it| it.eq_ignore_ascii_case(&entry.text)) {
                on_hit(entry.literal, start, end);
            }
        }
    }
}

trait Windows {
    fn array_windows_of_four(&self) -> impl Iterator<Item = &[u8; KEY]>;
}

impl Windows for [u8] {
    fn array_windows_of_four(&self) -> impl Iterator<Item = &[u8; KEY]> {
        self.windows(KEY).filter_map(|window| window.first_chunk())
    }
}

/// The number of a key, the same for upper and lower case: below [`NUMBERS`].
#[inline(always)]
fn number(key: &[u8; KEY]) -> usize {
    // This bit is all in which the cases of a letter differ; other bytes that it makes alike are told apart later.
    let folded = u32::from_le_bytes(*key) | 0x2020_2020;
    let [.., low, high] = folded.wrapping_mul(0x9e37_79b1).to_le_bytes();
    usize::from(u16::from_le_bytes([low, high]))
}

/// How often four bytes are met, by rule of thumb: small letters of words most, then other letters and digits; in programs
/// zeroes, which no literal has.
fn commonness(key: &[u8]) -> u32 {
    let weight = |byte: &u8| match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 9,
        b' ' | b'l' | b'c' | b'd' | b'u' | b'p' | b'm' | b'h' => 7,
        b'f' | b'g' | b'b' | b'y' | b'_' | b'-' | b'.' | b'/' | b'v' | b'w' => 4,
        b'0'..=b'9' | b'k' | b'x' => 2,
        _ => 1,
    };
    key.iter().map(weight).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hits(literals: &[&str], bytes: &[u8]) -> Vec<(usize, usize, usize)> {
        let literals: Vec<String> = literals.iter().map(|it| (*it).to_owned()).collect();
        let mut hits = Vec::new();
        Literals::new(&literals).unwrap().find(bytes, |literal, start, end| hits.push((literal, start, end)));
        hits
    }

    #[test]
    fn literals_within_others_are_found_whatever_their_case() {
        let mut found = hits(&["eval(", "val(", "code"], b"xEVAL( val(code");
        found.sort_unstable();
        assert_eq!(found, [(0, 1, 6), (1, 2, 6), (1, 7, 11), (2, 11, 15)]);
    }

    proptest! {
        #[test]
        fn the_same_is_found_as_by_looking_at_each_place(places in prop::collection::vec(0_usize..20_000, 0..40)) {
            let literals = ["stratum+tcp", "+tcp", "curl"];
            let mut bytes = vec![b'c'; 20_000];
            for (place, literal) in places.iter().zip(literals.iter().cycle()) {
                let end = (*place + literal.len()).min(bytes.len());
                bytes[*place..end].copy_from_slice(&literal.as_bytes()[..end - place]);
            }
            let mut expected = Vec::new();
            for (number, literal) in literals.iter().enumerate() {
                for (start, part) in bytes.windows(literal.len()).enumerate() {
                    if part == literal.as_bytes() {
                        expected.push((number, start, start + literal.len()));
                    }
                }
            }
            expected.sort_by_key(|(number, start, end)| (*end, *number, *start));
            let mut found = hits(&literals, &bytes);
            found.sort_by_key(|(number, start, end)| (*end, *number, *start));
            prop_assert_eq!(found, expected);
        }
    }
}
