//! Addresses of wallets, told from other texts by their checksums.
//!
//! | coin | form | checksum |
//! | --- | --- | --- |
//! | Monero | base58 in blocks of 8 bytes, 95 or 106 letters from `4` or `8` on | first 4 bytes of Keccak-256 |
//! | Bitcoin | base58, 26 to 35 letters from `1` or `3` on | first 4 bytes of SHA-256 twice |
//!
//! Sources: Monero, src/common/base58.cpp and src/cryptonote_basic/cryptonote_basic_impl.cpp; Bitcoin, src/base58.cpp.

use crate::engine::{Segment, shown};
use crate::inspection::Sign;
use crate::rules::MONERO_WALLET;
use crate::traits::Traits;
use kanshiki_image::bytes::length;
use sha2::Sha256;
use sha3::{Digest as _, Keccak256};

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The letters of an address of Monero, and of one with a payment number in it.
const MONERO: [usize; 2] = [95, 106];
/// The fewest and the most letters of an address of Bitcoin.
const BITCOIN: (usize, usize) = (26, 35);

/// Wallets that are kept for one file.
const KEPT: usize = 32;

/// The place of each letter in the alphabet, 255 for others.
static VALUES: [u8; 256] = values();

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, reason = "at compile time")]
const fn values() -> [u8; 256] {
    let mut values = [255; 256];
    let mut place = 0;
    while place < 58 {
        values[ALPHABET[place] as usize] = place as u8;
        place += 1;
    }
    values
}

fn value(letter: u8) -> Option<u8> {
    VALUES.get(usize::from(letter)).copied().filter(|value| *value < 58)
}

/// The wallets of one file.
#[derive(Debug)]
pub(crate) struct Wallets {
    is_sign: bool,
    /// The shortest run of letters that is looked for; 0 if none is.
    stride: usize,
    pub(crate) found: Vec<String>,
    pub(crate) is_cut: bool,
}

impl Wallets {
    pub(crate) fn new(traits: Traits) -> Self {
        let code = Traits::ELF.and(Traits::COMMANDS).and(Traits::PHP).and(Traits::PERL).and(Traits::PYTHON);
        let stride = match traits {
            it if it.any(Traits::COMMANDS) => BITCOIN.0,
            it if it.any(Traits::TEXT.and(code).and(Traits::OTHER)) => MONERO[0],
            _ => 0,
        };
        Self { is_sign: traits.any(code) && !traits.any(Traits::DOCUMENT), stride, found: Vec::new(), is_cut: false }
    }

    /// Looks for runs of letters of base58: a run of `stride` letters has one at each multiple of `stride`, so that few
    /// bytes need to be looked at.
    pub(crate) fn look(&mut self, segment: Segment<'_>, signs: &mut Vec<Sign>) {
        let (own, bytes) = (segment.own, segment.bytes);
        let letter = |at: usize| bytes.get(at).is_some_and(|byte| value(*byte).is_some());
        let Some(step) = Some(self.stride).filter(|step| *step > 0) else { return };
        let mut at = own.0.saturating_add(step).saturating_sub(1);
        while at < bytes.len() && at < own.1.saturating_add(step) {
            if !letter(at) {
                at = at.saturating_add(step);
                continue;
            }
            let low = at.saturating_sub(MONERO[1]);
            let before =
                bytes.get(low..at).unwrap_or_default().iter().rev().take_while(|it| value(**it).is_some()).count();
            let start = at.saturating_sub(before);
            let behind = bytes.get(at..).unwrap_or_default();
            let run = behind.iter().take(SEGMENT_OF_LETTERS).take_while(|it| value(**it).is_some()).count();
            let end = at.saturating_add(run);
            let alone =
                |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_none_or(|it| !it.is_ascii_alphanumeric());
            if start >= own.0 && start < own.1 && alone(start.checked_sub(1)) && alone(Some(end)) {
                self.take(segment.at.saturating_add(length(start)), bytes.get(start..end).unwrap_or_default(), signs);
            }
            at = end.saturating_add(step);
        }
    }

    fn take(&mut self, offset: u64, text: &[u8], signs: &mut Vec<Sign>) {
        let monero = is_monero(text);
        if !monero && !is_bitcoin(text) {
            return;
        }
        let shown = shown(text);
        if self.found.contains(&shown) {
            return;
        }
        if self.found.len() >= KEPT {
            self.is_cut = true;
            return;
        }
        if monero && self.is_sign {
            signs.push(Sign { rule: &MONERO_WALLET, offset, length: length(text.len()), what: shown.clone() });
        }
        self.found.push(shown);
    }
}

/// Letters of a run that are counted; a longer one is no wallet.
const SEGMENT_OF_LETTERS: usize = 256;

/// Whether a text is an address of Monero whose checksum is right.
fn is_monero(text: &[u8]) -> bool {
    if !MONERO.contains(&text.len()) || !matches!(text.first(), Some(b'4' | b'8')) {
        return false;
    }
    let mut bytes = Vec::new();
    for block in text.chunks(11) {
        // 7 letters hold 5 bytes, 11 hold 8; of the two lengths the last block has 7 letters.
        let size: usize = match block.len() {
            11 => 8,
            7 => 5,
            _ => return false,
        };
        let Some(number) = number(block) else { return false };
        let whole = number.to_be_bytes();
        let (zero, used) = whole.split_at(whole.len().saturating_sub(size));
        if zero.iter().any(|byte| *byte != 0) {
            return false;
        }
        bytes.extend_from_slice(used);
    }
    let (body, sum) = bytes.split_at(bytes.len().saturating_sub(4));
    Keccak256::digest(body).starts_with(sum)
}

fn number(letters: &[u8]) -> Option<u128> {
    letters.iter().try_fold(0_u128, |sum, letter| sum.checked_mul(58)?.checked_add(u128::from(value(*letter)?)))
}

/// Whether a text is an address of Bitcoin whose checksum is right.
fn is_bitcoin(text: &[u8]) -> bool {
    if text.len() < BITCOIN.0 || text.len() > BITCOIN.1 || !matches!(text.first(), Some(b'1' | b'3')) {
        return false;
    }
    // 25 bytes, the last first.
    let mut bytes = [0_u8; 25];
    for letter in text {
        let Some(digit) = value(*letter) else { return false };
        let mut carry = u32::from(digit);
        for byte in &mut bytes {
            carry = u32::from(*byte).saturating_mul(58).saturating_add(carry);
            *byte = carry.to_le_bytes().first().copied().unwrap_or(0);
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    bytes.reverse();
    let (body, sum) = bytes.split_at(21);
    matches!(body.first(), Some(0 | 5)) && Sha256::digest(Sha256::digest(body)).starts_with(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::facts;

    /// The first address of Bitcoin, from its first block; one of the newer form, from BIP 13's successors; and that for
    /// donations to the project of Monero.
    const RIGHT: [&str; 3] = [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H",
    ];

    #[test]
    fn addresses_with_the_right_checksum_are_kept_and_others_are_not() {
        let text = format!("#!/bin/sh\n{}\n{}x\n{}\n", RIGHT.join("\n"), RIGHT[0], RIGHT[1].replace("J98", "J99"));
        assert_eq!(facts("/tmp/x", text.as_bytes()).strings.wallets, RIGHT);
    }

    #[test]
    fn every_letter_of_an_address_counts() {
        for (address, is_right) in RIGHT.iter().zip([is_bitcoin as fn(&[u8]) -> bool, is_bitcoin, is_monero]) {
            assert!(is_right(address.as_bytes()));
            for place in 0..address.len() {
                let mut changed = address.as_bytes().to_vec();
                changed[place] = if changed[place] == b'k' { b'm' } else { b'k' };
                assert!(!is_right(&changed), "{place}");
            }
        }
    }
}
