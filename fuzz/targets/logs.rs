//! Every parser of logs, on any bytes: the first byte chooses the parser, the second the path, the rest is the file.
#![no_main]

use kanshiki_examine::{Candidate, Host, PARSERS, trial};
use libfuzzer_sys::fuzz_target;

/// Paths by which parsers tell apart forms that contents do not.
const PATHS: [&[u8]; 12] = [
    b"/var/log/fuzz",
    b"/root/.bash_history",
    b"/root/.zsh_history",
    b"/root/.local/share/fish/fish_history",
    b"/root/.mysql_history",
    b"/root/.python_history",
    b"/root/.viminfo",
    b"/root/.lesshst",
    b"/root/.wget-hsts",
    b"/var/log/dpkg.log",
    b"/var/log/dnf.rpm.log",
    b"/var/lib/docker/containers/0/config.v2.json",
];

fuzz_target!(|input: &[u8]| {
    let [first, second, bytes @ ..] = input else { return };
    let host = Host::unknown();
    let choose = |number: u8, count: usize| usize::from(number) % count;
    let parser = PARSERS[choose(*first, PARSERS.len())];
    let path = PATHS[choose(*second, PATHS.len())];
    let _ = parser.claims(&Candidate { path, head: bytes, host: &host });
    let (records, others) = trial(parser, path, bytes);
    assert!(records + others <= bytes.len() as u64 + 1, "more records than bytes");
});
