//! Mapfiles of GNU ddrescue.
#![no_main]

use kanshiki_custody::Mapfile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(map) = Mapfile::parse(bytes) {
        assert_eq!(Mapfile::parse(map.to_text().as_bytes()).ok(), Some(map));
    }
});
