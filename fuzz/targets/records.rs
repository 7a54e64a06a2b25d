//! The JSON records of a case: `case.json`, the acts of custody and their `HEAD`.
#![no_main]

use kanshiki_custody::CaseRecord;
use kanshiki_custody::log::{Entry, Head};
use kanshiki_custody::manifest::{Manifest, to_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // What was read and is written again reads the same.
    if let Ok(case) = CaseRecord::parse(bytes) {
        assert_eq!(CaseRecord::parse(&case.to_json()).ok(), Some(case));
    }
    if let Ok(entry) = Entry::parse(bytes) {
        assert_eq!(Entry::parse(&entry.to_json()).ok(), Some(entry));
    }
    let _ = Head::parse(bytes);
    if let Ok(manifest) = Manifest::parse(bytes) {
        let _ = (manifest.check_consistency(), to_text(&manifest));
        assert!(Manifest::parse(&manifest.to_json()).is_ok());
    }
});
