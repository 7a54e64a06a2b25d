//! The crypt of DES: zeroes are encrypted again and again with the word as the key, and with bits of the expansion swapped by the
//! salt.
//!
//! Source: FIPS 46-3 for DES and its tables; crypt(5), "descrypt" and "bsdicrypt", for the rest.

use std::sync::LazyLock;

const INITIAL: [u8; 64] = [
    58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32,
    24, 16, 8, 57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47,
    39, 31, 23, 15, 7,
];

const FINAL: [u8; 64] = [
    40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31, 38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45, 13, 53, 21,
    61, 29, 36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27, 34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9,
    49, 17, 57, 25,
];

const CHOICE_1: [u8; 56] = [
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36, 63, 55,
    47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
];

const CHOICE_2: [u8; 48] = [
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52, 31, 37, 47, 55, 30,
    40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];

const SHIFTS: [u32; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];

const PERMUTATION: [u8; 32] = [
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4,
    25,
];

/// The boxes S1 to S8, each by its four rows.
const BOXES: [[u8; 64]; 8] = [
    [
        14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7, 0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12, 11, 9, 5, 3, 8, 4,
        1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0, 15, 12, 8, 2, 4, 9, 1, 7, 5, 11, 3, 14, 10, 0, 6, 13,
    ],
    [
        15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10, 3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1, 10, 6, 9, 11, 5, 0,
        14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15, 13, 8, 10, 1, 3, 15, 4, 2, 11, 6, 7, 12, 0, 5, 14, 9,
    ],
    [
        10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8, 13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5, 14, 12, 11, 15, 1, 13,
        6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7, 1, 10, 13, 0, 6, 9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12,
    ],
    [
        7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15, 13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2, 12, 1, 10, 14, 9, 10,
        6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4, 3, 15, 0, 6, 10, 1, 13, 8, 9, 4, 5, 11, 12, 7, 2, 14,
    ],
    [
        2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9, 14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15, 10, 3, 9, 8, 6, 4,
        2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14, 11, 8, 12, 7, 1, 14, 2, 13, 6, 15, 0, 9, 10, 4, 5, 3,
    ],
    [
        12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11, 10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13, 14, 0, 11, 3, 8, 9,
        14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6, 4, 3, 2, 12, 9, 5, 15, 10, 11, 14, 1, 7, 6, 0, 8, 13,
    ],
    [
        4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1, 13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5, 12, 2, 15, 8, 6, 1,
        4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2, 6, 11, 13, 8, 1, 4, 10, 7, 9, 5, 0, 15, 14, 2, 3, 12,
    ],
    [
        13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7, 1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6, 11, 0, 14, 9, 2, 7,
        11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8, 2, 1, 14, 7, 4, 10, 8, 13, 15, 12, 9, 0, 3, 5, 6, 11,
    ],
];

/// What each box makes of its six bits, at the places to which the permutation moves them.
static MOVED: LazyLock<Vec<[u32; 64]>> = LazyLock::new(|| {
    let of_box = |(number, rows): (u32, &[u8; 64])| {
        let mut moved = [0_u32; 64];
        for (bits, slot) in (0_usize..).zip(moved.iter_mut()) {
            let (row, column) = (bits >> 5 << 1 | bits & 1, bits >> 1 & 15);
            let value = u32::from(rows.get(row << 4 | column).copied().unwrap_or(0));
            let placed = value.checked_shl(28_u32.saturating_sub(number.saturating_mul(4))).unwrap_or(0);
            *slot = u32::try_from(permuted(u64::from(placed), 32, &PERMUTATION)).unwrap_or(0);
        }
        moved
    };
    (0_u32..).zip(&BOXES).map(of_box).collect()
});

/// The bits of `value`, which has `width` of them, in the order of a table that counts from 1 at the highest.
fn permuted(value: u64, width: u32, table: &[u8]) -> u64 {
    table.iter().fold(0, |out, from| {
        let shift = width.saturating_sub(u32::from(*from));
        out << 1 | value.checked_shr(shift).unwrap_or(0) & 1
    })
}

/// The keys of the 16 rounds, 48 bits each.
fn schedule(key: u64) -> [u64; 16] {
    let chosen = permuted(key, 64, &CHOICE_1);
    let (mut left, mut right) = (chosen >> 28, chosen & 0x0fff_ffff);
    SHIFTS.map(|by| {
        let turned = |half: u64| (half << by | half >> 28_u32.saturating_sub(by)) & 0x0fff_ffff;
        (left, right) = (turned(left), turned(right));
        permuted(left << 28 | right, 56, &CHOICE_2)
    })
}

/// The function of a round. `swap` has a bit for each pair of bits of the expansion that change their places.
fn round(half: u32, key: u64, swap: u64) -> u32 {
    let six = |number: u32| u64::from(half.rotate_left(number.wrapping_mul(4).wrapping_add(31)) >> 26);
    let expanded = (0..8).fold(0_u64, |bits, number| bits << 6 | six(number));
    let (high, low) = (expanded >> 24, expanded & 0x00ff_ffff);
    let changed = (high ^ low) & swap;
    let mixed = ((high ^ changed) << 24 | low ^ changed) ^ key;
    MOVED.iter().zip([42, 36, 30, 24, 18, 12, 6, 0]).fold(0, |out, (moved, shift)| {
        let bits = usize::try_from(mixed >> shift & 63).unwrap_or(0);
        out ^ moved.get(bits).copied().unwrap_or(0)
    })
}

/// Encrypts a block so many times.
fn encrypt(block: u64, keys: &[u64; 16], salt: u32, count: u32) -> u64 {
    let swap = u64::from(salt.reverse_bits() >> 8);
    let mut bits = permuted(block, 64, &INITIAL);
    for _ in 0..count {
        let mut left = u32::try_from(bits >> 32).unwrap_or(0);
        let mut right = u32::try_from(bits & 0xffff_ffff).unwrap_or(0);
        for key in keys {
            (left, right) = (right, left ^ round(right, *key, swap));
        }
        // The last round does not exchange the halves; the final permutation and the initial one of the next time cancel out.
        bits = u64::from(right) << 32 | u64::from(left);
    }
    permuted(bits, 64, &FINAL)
}

/// Up to eight letters of the word as a key: seven bits of each.
fn key(letters: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(letters).for_each(|(byte, letter)| *byte = letter << 1);
    u64::from_be_bytes(bytes)
}

/// The hash of a word, in eleven letters. The word ends at its first zero byte.
///
/// `count` is 25 and the salt has 12 bits for the kind that looks at eight letters of the word; `is_whole` is for the extended kind,
/// which takes all letters in.
pub(crate) fn des_crypt(word: &[u8], salt: u32, count: u32, is_whole: bool) -> Vec<u8> {
    let word = word.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut parts = word.chunks(8);
    let mut current = key(parts.next().unwrap_or_default());
    for part in parts.filter(|_| is_whole) {
        current = encrypt(current, &schedule(current), 0, 1) ^ key(part);
    }
    let bits = encrypt(0, &schedule(current), salt, count);
    const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let letter = |number: u32| {
        let six = if number == 10 { bits << 2 } else { bits >> 58_u32.saturating_sub(number.saturating_mul(6)) };
        LETTERS.get(usize::try_from(six & 63).unwrap_or(0)).copied().unwrap_or(b'.')
    };
    (0..11).map(letter).collect()
}
