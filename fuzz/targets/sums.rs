//! `SHA256SUMS`.
#![no_main]

use kanshiki_custody::sums;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = sums::parse(bytes);
});
