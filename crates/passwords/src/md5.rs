//! `$1$` and Apache's `$apr1$`: a thousand rounds of MD5.
//!
//! Source: FreeBSD, lib/libcrypt/crypt-md5.c; Apache httpd 2.4, apr_md5.c.

use crate::encoding::encode;
use md5::{Digest as _, Md5};

/// The hash of a word, in letters. `magic` is `$1$` or `$apr1$`.
pub(crate) fn md5_crypt(word: &[u8], salt: &[u8], magic: &[u8]) -> Vec<u8> {
    let inner: [u8; 16] = Md5::new().chain_update(word).chain_update(salt).chain_update(word).finalize().into();
    let mut hasher = Md5::new().chain_update(word).chain_update(magic).chain_update(salt);
    let mut left = word.len();
    while left > 0 {
        hasher.update(inner.get(..left.min(16)).unwrap_or(&inner));
        left = left.saturating_sub(16);
    }
    let mut bits = word.len();
    while bits > 0 {
        hasher.update(if bits & 1 == 1 { &[0] } else { word.get(..1).unwrap_or_default() });
        bits >>= 1;
    }
    let mut last: [u8; 16] = hasher.finalize().into();
    for round in 0..1000_u32 {
        let is_odd = round & 1 == 1;
        let mut hasher = Md5::new().chain_update(if is_odd { word } else { &last });
        if !round.is_multiple_of(3) {
            hasher.update(salt);
        }
        if !round.is_multiple_of(7) {
            hasher.update(word);
        }
        hasher.update(if is_odd { &last } else { word });
        last = hasher.finalize().into();
    }
    const ORDER: [usize; 16] = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];
    encode(&ORDER.iter().filter_map(|index| last.get(*index).copied()).collect::<Vec<u8>>())
}
