//! Lists of digests and indicators in all their forms, and texts in which these are looked for.
#![no_main]

use kanshiki_lists::{Indicators, Matcher, count_digests};
use kanshiki_model::is_hidden;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = count_digests(bytes);
    let found = Indicators::of_bytes(bytes);
    assert!(!found.list.iter().any(|it| it.label.chars().any(is_hidden) || it.what.value().chars().any(is_hidden)));
    assert!(!found.refused.iter().any(|it| it.why.chars().any(is_hidden)));
    let matcher = Matcher::new(&found.list);
    matcher.of_text(&String::from_utf8_lossy(bytes), &mut |number| assert!(number < found.list.len()));
    for indicator in found.list.iter().take(100) {
        matcher.of_path(&indicator.what.value(), &mut |number| assert!(number < found.list.len()));
        matcher.of_text(&indicator.what.value(), &mut |number| assert!(number < found.list.len()));
    }
});
