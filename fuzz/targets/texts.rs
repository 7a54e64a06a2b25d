//! What people type, and what evidence is called.
#![no_main]

use kanshiki_custody::check_exhibit_id;
use kanshiki_model::{Algorithm, Digest, from_visible, parse_size, visible, visible_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let shown = visible(bytes);
    assert!(!shown.chars().any(char::is_control));
    assert_eq!(from_visible(&shown).as_deref(), Some(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert!(!visible_text(text).chars().any(char::is_control));
    let _ = from_visible(text);
    let _ = parse_size(text);
    let _ = Digest::parse(Algorithm::Sha256, text);
    if check_exhibit_id(text).is_ok() {
        assert!(text.len() <= 64 && !text.starts_with(['.', '-']) && !text.contains('/'));
    }
});
