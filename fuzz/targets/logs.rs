//! Every parser of logs, on any bytes.
#![no_main]

use kanshiki_examine::{Candidate, Host, PARSERS, trial};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let host = Host::unknown();
    for parser in PARSERS {
        let path = b"/var/log/fuzz";
        let _ = parser.claims(&Candidate { path, head: bytes, host: &host });
        let (records, others) = trial(*parser, path, bytes);
        assert!(records + others <= bytes.len() as u64 + 1, "more records than bytes");
    }
});
