//! Journals of ext4: superblock, scan, replay, the overlay and older copies.
#![no_main]

use kanshiki_filesystem::ext4::journal::{Log, LogPlace, LogRun, Overlay};
use kanshiki_image::{Memory, ReadAt as _};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

const BLOCK: usize = 1024;

fuzz_target!(|bytes: &[u8]| {
    // The journal is the whole volume, and its copies lie on it too.
    let blocks = (bytes.len() / BLOCK) as u64;
    let place =
        LogPlace { block_bytes: BLOCK as u32, blocks, runs: vec![LogRun { first: 0, place: 0, count: blocks }] };
    let Ok(log) = Log::open(Arc::new(Memory(bytes.to_vec())), place) else { return };
    // Each block of the log is told at most twice: in its place, and behind a descriptor at the end of the log.
    assert!(log.history().count() as u64 <= blocks * 2);
    let Ok(replay) = log.replay() else { return };
    assert!(replay.blocks() <= blocks);
    let overlay = Overlay::new(&log, &replay);
    let mut buffer = vec![0; 3 * BLOCK];
    for offset in (0..bytes.len()).step_by(BLOCK / 2) {
        let read = overlay.read_at(offset as u64, &mut buffer).unwrap_or(0);
        assert!(read <= bytes.len() - offset);
    }
    assert_eq!(overlay.runs().map(|(run, _)| run.end - run.start).sum::<u64>(), overlay.len());
});
