//! Values of extended attributes made readable.
#![no_main]

use kanshiki_browse::{decoded, undecoded};
use kanshiki_model::is_hidden;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let names: [&[u8]; 4] = [b"system.posix_acl_access", b"security.capability", b"security.ima", b"user.x"];
    for name in names {
        let shown = decoded(name, bytes).unwrap_or_else(|| undecoded(bytes));
        assert!(!shown.chars().any(is_hidden));
    }
});
