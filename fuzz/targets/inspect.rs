//! The whole look at one file, whatever it holds and however it is handed in: by windows of any size the result is the same.
#![no_main]

use kanshiki_image::Memory;
use kanshiki_inspect::{Facts, Inspection, Subject};
use kanshiki_model::is_hidden;
use libfuzzer_sys::fuzz_target;

const PATHS: [&[u8]; 6] = [b"/tmp/x", b"/var/www/a.php", b"/a.jsp", b"/a/.htaccess", b"/a.asp", b"/cgi-bin/a.pl"];

fn facts(path: &[u8], bytes: &[u8], window: usize) -> Facts {
    let source = Memory(bytes.to_vec());
    let mut inspection = Inspection::begin(&Subject { path, mode: 0o100_755, source: &source });
    let mut offset = 0;
    for part in bytes.chunks(window) {
        inspection.window(offset, part);
        offset += part.len() as u64;
    }
    inspection.finish()
}

fuzz_target!(|bytes: &[u8]| {
    let Some(([path, window], bytes)) = bytes.split_first_chunk::<2>() else { return };
    let path = PATHS[usize::from(*path) % PATHS.len()];
    let found = facts(path, bytes, usize::from(*window) + 1);
    assert_eq!(found, facts(path, bytes, bytes.len().max(1)));
    assert!(found.signs.iter().all(|sign| !sign.what.chars().any(is_hidden)));
});
