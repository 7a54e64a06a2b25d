//! The two hashes of the content of DATA and FIELD objects.
//!
//! | flag of the file | hash | source |
//! | --- | --- | --- |
//! | none | Jenkins's lookup3, `hashlittle2`, both words from 0 | <https://burtleburtle.net/bob/c/lookup3.c> |
//! | KEYED_HASH | SipHash-2-4, the key being the file's identifier | Aumasson and Bernstein, SipHash, 2012 |

/// The hash of a content, keyed if the file is.
pub(super) fn hash(key: Option<&[u8; 16]>, content: &[u8]) -> u64 {
    match key {
        Some(key) => siphash(key, content),
        None => jenkins(content),
    }
}

fn word(bytes: &[u8]) -> u32 {
    let mut word = [0; 4];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    u32::from_le_bytes(word)
}

fn jenkins(content: &[u8]) -> u64 {
    // The length counts modulo 2^32, as in the original.
    let length = u32::try_from(content.len() & 0xffff_ffff).unwrap_or(u32::MAX);
    let begin = 0xdead_beef_u32.wrapping_add(length);
    let (mut a, mut b, mut c) = (begin, begin, begin);
    let mut rest = content;
    while rest.len() > 12 {
        let Some((block, behind)) = rest.split_first_chunk::<12>() else { break };
        let [w, x, y] = words(block);
        (a, b, c) = mix(a.wrapping_add(w), b.wrapping_add(x), c.wrapping_add(y));
        rest = behind;
    }
    if !rest.is_empty() {
        let part = |at: usize| word(rest.get(at..).unwrap_or_default());
        (a, b, c) = finish(a.wrapping_add(part(0)), b.wrapping_add(part(4)), c.wrapping_add(part(8)));
    }
    let _ = a;
    // systemd hands its first word over as `pc`, and takes it for the upper half.
    (u64::from(c) << 32) | u64::from(b)
}

fn words(block: &[u8; 12]) -> [u32; 3] {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *block;
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]), u32::from_le_bytes([i, j, k, l])]
}

const fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    (a, b, c)
}

const fn finish(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    (a, b, c)
}

const fn round([mut a, mut b, mut c, mut d]: [u64; 4]) -> [u64; 4] {
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    [a, b, c, d]
}

fn siphash(key: &[u8; 16], content: &[u8]) -> u64 {
    let key = u128::from_le_bytes(*key);
    let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or(0);
    let (low, high) = (half(key), half(key >> 64));
    let mut state = [
        low ^ 0x736f_6d65_7073_6575,
        high ^ 0x646f_7261_6e64_6f6d,
        low ^ 0x6c79_6765_6e65_7261,
        high ^ 0x7465_6462_7974_6573,
    ];
    let mut add = |word: u64| {
        let [a, b, c, d] = state;
        let [a, b, c, d] = round(round([a, b, c, d ^ word]));
        state = [a ^ word, b, c, d];
    };
    let (blocks, rest) = content.as_chunks::<8>();
    for block in blocks {
        add(u64::from_le_bytes(*block));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let [a, b, c, d, e, f, g, _] = last;
    let length = u8::try_from(content.len() & 0xff).unwrap_or(0);
    add(u64::from_le_bytes([a, b, c, d, e, f, g, length]));
    let [a, b, c, d] = state;
    let [a, b, c, d] = round(round(round(round([a, b, c ^ 0xff, d]))));
    a ^ b ^ c ^ d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_are_those_that_their_makers_print() {
        // lookup3.c, driver5: hashlittle2 of "Four score and seven years ago" from 0 and 0 is c 17770551, b ce7226e6.
        assert_eq!(jenkins(b"Four score and seven years ago"), 0x1777_0551_ce72_26e6);
        assert_eq!(jenkins(b""), 0xdead_beef_dead_beef);
        // The SipHash paper, appendix A: key 00..0f, 15 bytes 00..0e.
        let key: [u8; 16] = std::array::from_fn(|at| at as u8);
        assert_eq!(siphash(&key, &key[..15]), 0xa129_ca61_49be_45e5);
    }
}
