//! Which three bytes stand beside each other in a text, as a bitmap of their hashes.
//!
//! A text can stand only in a block of events whose bitmap has a bit for all its trigrams; the others need not be read. The
//! bitmap is made as large as its content asks for: it is folded in half as long as few of its bits are set. Letters A to Z
//! count as their small ones.

/// Bits of a bitmap that is being made, as a power of two.
const FULL_BITS: u32 = 18;

/// Bytes of a bitmap that is being made.
const FULL_BYTES: usize = 1 << (FULL_BITS - 3);

/// The smallest bitmap, in bytes.
const LEAST_BYTES: usize = 16;

/// A bitmap may have one bit of so many set.
const SPARSE: usize = 5;

/// The trigrams of some texts.
#[derive(Debug)]
pub(crate) struct Trigrams {
    bits: Vec<u8>,
}

impl Default for Trigrams {
    fn default() -> Self {
        Self { bits: vec![0; FULL_BYTES] }
    }
}

impl Trigrams {
    /// Adds those of a text.
    pub(crate) fn add(&mut self, text: &[u8]) {
        let Some(([first, second], rest)) = text.split_first_chunk::<2>() else { return };
        // As many bytes as hashes reach: the compiler sees that no place lies outside.
        let Ok(bits) = <&mut [u8; FULL_BYTES]>::try_from(self.bits.as_mut_slice()) else {
            return self.add_folded(text);
        };
        // The three letters stand in the upper bytes, so that the one that leaves needs no masking.
        let push = |three: u32, byte: u8| (three | u32::from(byte.to_ascii_lowercase())) << 8;
        let mut three = push(push(0, *first), *second);
        for byte in rest {
            three = push(three, *byte);
            let (byte, bit) = place(hash(three >> 8));
            if let Some(byte) = bits.get_mut(byte) {
                *byte |= bit;
            }
        }
    }

    /// The same where the bitmap was folded already.
    fn add_folded(&mut self, text: &[u8]) {
        let mask = self.bits.len().wrapping_sub(1);
        for hash in hashes(text) {
            let (byte, bit) = place(hash);
            if let Some(byte) = self.bits.get_mut(byte & mask) {
                *byte |= bit;
            }
        }
    }

    /// Folds the bitmap as often as it goes; folded again, it stays as it is.
    pub(crate) fn fold(&mut self) {
        while self.bits.len() > LEAST_BYTES {
            let half = self.bits.len() / 2;
            let (low, high) = self.bits.split_at_mut(half);
            let (low_words, _) = low.as_chunks::<8>();
            let (high_words, _) = high.as_chunks::<8>();
            let set = low_words.iter().zip(high_words).fold(0_usize, |set, (low, high)| {
                let both = u64::from_ne_bytes(*low) | u64::from_ne_bytes(*high);
                set.saturating_add(usize::try_from(both.count_ones()).unwrap_or(0))
            });
            if set.saturating_mul(SPARSE) > half.saturating_mul(8) {
                break;
            }
            low.iter_mut().zip(high).for_each(|(low, high)| *low |= *high);
            self.bits.truncate(half);
        }
        self.bits.shrink_to_fit();
    }

    /// The bitmap.
    pub(crate) fn bits(&self) -> &[u8] {
        &self.bits
    }
}

/// Whether a text may stand where the texts have this folded bitmap. A bitmap that is none says yes.
pub(crate) fn may_hold(bitmap: &[u8], text: &[u8]) -> bool {
    let Some(mask) = bitmap.len().checked_sub(1).filter(|_| bitmap.len().is_power_of_two()) else { return true };
    hashes(text).all(|hash| {
        let (byte, bit) = place(hash);
        bitmap.get(byte & mask).is_none_or(|found| found & bit != 0)
    })
}

/// The hashes of a text's trigrams.
fn hashes(text: &[u8]) -> impl Iterator<Item = u32> {
    text.windows(3).filter_map(|three| {
        let [a, b, c] = *three.first_chunk::<3>()?;
        Some(hash(u32::from_be_bytes([0, a.to_ascii_lowercase(), b.to_ascii_lowercase(), c.to_ascii_lowercase()])))
    })
}

/// The hash of three letters, of [`FULL_BITS`] bits: Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3,
/// section 6.4).
const fn hash(three: u32) -> u32 {
    three.wrapping_mul(0x9e37_79b1) >> (32 - FULL_BITS)
}

/// The byte and the bit in it.
fn place(hash: u32) -> (usize, u8) {
    (usize::try_from(hash >> 3).unwrap_or(0), 1 << (hash & 7))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bitmap(texts: &[&[u8]]) -> Vec<u8> {
        let mut trigrams = Trigrams::default();
        for text in texts {
            trigrams.add(text);
        }
        trigrams.fold();
        trigrams.bits
    }

    #[test]
    fn few_texts_make_a_small_bitmap_and_many_a_large_one() {
        assert_eq!(bitmap(&[]).len(), LEAST_BYTES);
        assert!(bitmap(&[b"Failed password for root from 192.0.2.7 port 22 ssh2"]).len() <= 64);
        let texts: Vec<String> = (0..1000).map(|number| format!("{:x}", number * 2_654_435_761_u64)).collect();
        let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        assert!(bitmap(&texts).len() >= 1024);
    }

    #[test]
    fn a_text_that_is_not_there_is_nearly_always_ruled_out() {
        let texts: Vec<String> =
            (0..1000).map(|number| format!("from 198.51.100.{} port {number}", number % 256)).collect();
        let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        let bitmap = bitmap(&texts);
        for text in ["xmrig", "203.0.113.9", "/tmp/.x", "SELECT * FROM customers"] {
            assert!(!may_hold(&bitmap, text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_there_is_never_ruled_out(texts in prop::collection::vec(".{0,40}", 1..50), at in any::<prop::sample::Index>(),
            from in any::<prop::sample::Index>(), upper in any::<bool>()) {
            let all: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
            let bitmap = bitmap(&all);
            let text = at.get(&all);
            let part = &text[from.index(text.len() + 1)..];
            let part = if upper { part.to_ascii_uppercase() } else { part.to_vec() };
            prop_assert!(may_hold(&bitmap, &part));
        }

        #[test]
        fn any_bytes_never_panic(bitmap in prop::collection::vec(any::<u8>(), 0..100), text in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = may_hold(&bitmap, &text);
        }
    }
}
