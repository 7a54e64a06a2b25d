//! Fields of passwords, and one try against those that are cheap.
#![no_main]

use kanshiki_passwords::Hash;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(hash) = Hash::parse(bytes)
        && hash.cost() <= 1
    {
        let _ = hash.is(b"word");
    }
});
