//! Replays of journals built in memory.

use super::testlog::{BLOCK, TestLog, VOLUME, be};
use super::{ChecksumKind, JournalError, Log, LogPlace, LogRun, Overlay, Problem};
use kanshiki_image::{Memory, ReadAt as _, RunState};
use kanshiki_model::{ByteRange, FileTime};
use proptest::prelude::*;
use std::sync::Arc;

const KINDS: [ChecksumKind; 4] = [ChecksumKind::None, ChecksumKind::V1, ChecksumKind::V2, ChecksumKind::V3];

fn filled(byte: u8) -> Vec<u8> {
    vec![byte; BLOCK]
}

/// The blocks that read differently, each with its first byte.
fn changes(log: &TestLog) -> Vec<(u64, u8)> {
    let volume = log.volume();
    let log = log.open();
    let overlay = Overlay::new(&log, &log.replay().unwrap());
    let mut found = Vec::new();
    let mut buffer = vec![0; BLOCK];
    for block in 0..VOLUME {
        assert_eq!(overlay.read_at(block * BLOCK as u64, &mut buffer).unwrap(), BLOCK);
        if buffer[..] != volume[block as usize * BLOCK..][..BLOCK] {
            found.push((block, buffer[0]));
        }
    }
    found
}

#[test]
fn the_last_copy_of_each_block_is_what_reads_with_every_kind_of_checksum() {
    for kind in KINDS {
        for wide in [false, true] {
            let mut log = TestLog { wide, ..TestLog::new(kind, 3, 7) };
            log.copies(&[(50, filled(0xa0)), (51, filled(0xa1))]);
            log.copies(&[(52, filled(0xa2))]);
            log.commit(100);
            log.copies(&[(50, filled(0xb0))]);
            log.commit(101);
            assert_eq!(changes(&log), [(50, 0xb0), (51, 0xa1), (52, 0xa2)], "{kind:?} {wide}");
            let replay = log.open().replay().unwrap();
            assert_eq!((replay.transactions.clone(), replay.problem_count), (7..9, 0));
            assert_eq!((replay.blocks(), replay.revoked), (3, 0));
        }
    }
}

#[test]
fn a_log_that_wraps_is_followed_around_also_within_a_transaction() {
    for kind in KINDS {
        let mut log = TestLog::new(kind, 21, u32::MAX);
        log.copies(&[(50, filled(0xa0)), (51, filled(0xa1)), (52, filled(0xa2))]);
        log.commit(100);
        log.copies(&[(51, filled(0xb1))]);
        log.commit(100);
        assert_eq!(log.head, 6);
        assert_eq!(changes(&log), [(50, 0xa0), (51, 0xb1), (52, 0xa2)], "{kind:?}");
        assert_eq!(log.open().replay().unwrap().transactions, 0xffff_ffff..0x1_0000_0001);
    }
}

#[test]
fn a_transaction_without_its_commit_block_is_not_replayed() {
    for kind in KINDS {
        let mut log = TestLog::new(kind, 1, 7);
        log.copies(&[(50, filled(0xa0))]);
        log.commit(100);
        log.copies(&[(51, filled(0xb1))]);
        assert_eq!(changes(&log), [(50, 0xa0)]);
    }
}

#[test]
fn a_revocation_holds_back_copies_of_its_own_and_earlier_transactions_only() {
    for wide in [false, true] {
        let mut log = TestLog { wide, ..TestLog::new(ChecksumKind::V3, 1, u32::MAX - 1) };
        log.copies(&[(50, filled(0xa0)), (51, filled(0xa1)), (52, filled(0xa2)), (53, filled(0xa3))]);
        log.commit(100);
        log.copies(&[(51, filled(0xb1))]);
        log.revoke(&[50, 51, 52]);
        log.commit(101);
        log.copies(&[(52, filled(0xc2))]);
        log.commit(102);
        assert_eq!(changes(&log), [(52, 0xc2), (53, 0xa3)]);
        assert_eq!(log.open().replay().unwrap().revoked, 4);
    }
}

#[test]
fn an_escaped_copy_reads_with_its_magic_also_from_the_middle_of_it() {
    let mut content = filled(0xa0);
    be(&mut content, 0, 0xc03b_3998);
    let mut log = TestLog::new(ChecksumKind::V2, 1, 7);
    log.copies(&[(50, content)]);
    log.commit(100);
    let log = log.open();
    let overlay = Overlay::new(&log, &log.replay().unwrap());
    let mut bytes = [0; 8];
    overlay.read_at(50 * 1024 - 2, &mut bytes).unwrap();
    assert_eq!(bytes, [49, 49, 0xc0, 0x3b, 0x39, 0x98, 0xa0, 0xa0]);
    overlay.read_at(50 * 1024 + 2, &mut bytes).unwrap();
    assert_eq!(bytes, [0x39, 0x98, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0]);
    overlay.read_at(50 * 1024 + 3, &mut bytes).unwrap();
    assert_eq!(bytes, [0x98, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0]);
}

#[test]
fn a_copy_with_a_wrong_checksum_is_left_out_and_named() {
    for kind in [ChecksumKind::V2, ChecksumKind::V3] {
        let mut log = TestLog::new(kind, 1, 7);
        log.copies(&[(50, filled(0xa0)), (51, filled(0xa1))]);
        log.commit(100);
        log.copies(&[(50, filled(0xb0))]);
        log.commit(101);
        log.blocks[6][9] ^= 1;
        assert_eq!(changes(&log), [(50, 0xa0), (51, 0xa1)]);
        assert_eq!(log.open().replay().unwrap().problems, [Problem::Checksum { block: 50, place: 6 }]);
    }
}

#[test]
fn a_wrong_checksum_of_a_commit_block_ends_the_log_before_its_transaction() {
    for kind in [ChecksumKind::V1, ChecksumKind::V2, ChecksumKind::V3] {
        let mut log = TestLog::new(kind, 1, 7);
        log.copies(&[(50, filled(0xa0))]);
        log.commit(100);
        log.copies(&[(51, filled(0xb1))]);
        log.commit(101);
        log.copies(&[(52, filled(0xc2))]);
        log.commit(102);
        log.blocks[6][17] ^= 1;
        assert_eq!(changes(&log), [(50, 0xa0)], "{kind:?}");
        assert_eq!(log.open().replay().unwrap().problems, [Problem::Commit { transaction: 8 }]);
        log.async_commit = true;
        assert_eq!(changes(&log), [(50, 0xa0)], "{kind:?}");
    }
}

#[test]
fn a_commit_block_of_which_only_the_fields_were_written_counts() {
    let mut log = TestLog::new(ChecksumKind::V3, 1, 7);
    log.copies(&[(50, filled(0xa0))]);
    log.commit(100);
    log.blocks[3][512..].fill(0xee);
    assert_eq!(changes(&log), [(50, 0xa0)]);
    log.blocks[3][50] ^= 1;
    assert_eq!(changes(&log), []);
}

#[test]
fn a_damaged_descriptor_is_an_error_unless_its_commit_is_older_than_the_one_before() {
    let mut log = TestLog::new(ChecksumKind::V3, 1, 7);
    log.copies(&[(50, filled(0xa0))]);
    log.commit(100);
    log.copies(&[(51, filled(0xb1))]);
    log.commit(101);
    log.blocks[4][100] ^= 1;
    let error = log.open().replay().unwrap_err();
    assert_eq!(
        error.to_string(),
        "damaged block 6 of the journal, in transaction 8: a descriptor or revocation block before it has a wrong checksum"
    );
    let mut log = TestLog::new(ChecksumKind::V3, 1, 7);
    log.copies(&[(50, filled(0xa0))]);
    log.commit(100);
    log.copies(&[(51, filled(0xb1))]);
    log.commit(99);
    log.blocks[4][100] ^= 1;
    assert_eq!(changes(&log), [(50, 0xa0)]);
}

#[test]
fn an_empty_journal_changes_nothing() {
    let mut log = TestLog::new(ChecksumKind::V3, 1, 7);
    log.copies(&[(50, filled(0xa0))]);
    log.commit(100);
    log.start = 0;
    assert_eq!(changes(&log), []);
}

#[test]
fn a_copy_of_a_block_past_the_end_of_the_volume_is_left_out_and_named() {
    let mut log = TestLog { wide: true, ..TestLog::new(ChecksumKind::V3, 1, 7) };
    log.copies(&[(VOLUME, filled(0xa0)), (1 << 40, filled(0xa1)), (VOLUME - 1, filled(0xa2))]);
    log.commit(100);
    assert_eq!(changes(&log), [(VOLUME - 1, 0xa2)]);
    let problems = log.open().replay().unwrap().problems;
    assert_eq!(problems, [Problem::Outside { block: VOLUME }, Problem::Outside { block: 1 << 40 }]);
}

#[test]
fn a_log_of_descriptors_without_end_ends() {
    let mut log = TestLog::new(ChecksumKind::None, 1, 7);
    for _ in 0..23 {
        let header = log.header(5);
        log.put(header);
    }
    assert_eq!(changes(&log), []);
}

#[test]
fn the_superblock_is_checked() {
    let open = |at: usize, value: u32| {
        let log = TestLog::new(ChecksumKind::None, 1, 7);
        let mut volume = log.volume();
        be(&mut volume, 120 * BLOCK + at, value);
        Log::open(Arc::new(Memory(volume)), TestLog::place()).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(open(0, 7), "no journal magic in block 0: expected 0xc03b3998, found 0x00000007");
    assert_eq!(open(4, 7), "damaged journal superblock: type: expected 3 or 4, found 7");
    assert_eq!(open(12, 4096), "damaged journal superblock: length of a block: expected 1024, found 4096");
    assert_eq!(open(16, 25), "damaged journal superblock: 25 blocks, but the file that holds the journal has 24");
    assert_eq!(
        open(20, 24),
        "damaged journal superblock: first block of the log: expected 1 to 24 (excluded), found 24"
    );
    assert_eq!(open(40, 0x81), "not supported: journal features 0x80 (incompatible), 0x0");
    assert_eq!(open(40, 0x18), "damaged journal superblock: more than one version of checksums");
    assert_eq!(open(40, 0x10), "damaged journal superblock: kind of checksum: expected 4 (CRC-32C), found 0");
    assert_eq!(open(40, 0x20), "damaged journal superblock: 256 blocks for fast commits out of 24");
}

#[test]
fn a_superblock_of_version_1_has_no_features() {
    let mut log = TestLog::new(ChecksumKind::None, 1, 7);
    log.copies(&[(50, filled(0xa0))]);
    log.commit(100);
    let mut volume = log.volume();
    be(&mut volume, 120 * BLOCK + 4, 3);
    be(&mut volume, 120 * BLOCK + 40, u32::MAX);
    let log = Log::open(Arc::new(Memory(volume)), TestLog::place()).unwrap();
    assert_eq!((log.superblock.checksums, log.replay().unwrap().blocks()), (ChecksumKind::None, 1));
}

#[test]
fn a_block_of_the_log_without_a_place_is_an_error_that_names_it() {
    let mut log = TestLog::new(ChecksumKind::None, 1, 7);
    log.copies(&[(50, filled(0xa0))]);
    let place = LogPlace { runs: vec![LogRun { first: 0, place: 120, count: 2 }], ..TestLog::place() };
    let log = Log::open(Arc::new(Memory(log.volume())), place).unwrap();
    let error = log.replay().unwrap_err();
    assert!(matches!(error, JournalError::NoBlock { block: 3, .. }), "{error}");
}

#[test]
fn a_journal_behind_the_end_of_a_volume_that_is_cut_off_is_told_with_its_place() {
    let mut volume = TestLog::new(ChecksumKind::None, 1, 7).volume();
    volume.truncate(120 * BLOCK + 100);
    let error = Log::open(Arc::new(Memory(volume)), TestLog::place()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "block 0 of the journal lies at byte 122880, and only 122980 bytes of the volume are there"
    );
}

#[test]
fn every_copy_in_the_log_is_told_with_its_transaction_and_time() {
    for kind in KINDS {
        // What was replayed long ago (blocks 1 to 8), overwritten in part by what goes around.
        let mut log = TestLog::new(kind, 1, 3);
        log.copies(&[(40, filled(0x90)), (41, filled(0x91)), (42, filled(0x92))]);
        log.commit(90);
        log.copies(&[(43, filled(0x93))]);
        log.commit(91);
        log.head = 19;
        log.start = 19;
        log.sequence = 9;
        log.first_sequence = 9;
        log.copies(&[
            (50, filled(0xa0)),
            (51, filled(0xa1)),
            (52, filled(0xa2)),
            (53, filled(0xa3)),
            (54, filled(0xa4)),
        ]);
        log.commit(100);
        let log = log.open();
        let found: Vec<_> = log.history().map(|copy| (copy.block, copy.transaction, copy.committed)).collect();
        let time = |seconds| Some(FileTime::new(seconds, Some(5)));
        assert_eq!(
            found,
            [
                (43, 4, time(91)),
                (50, 9, time(100)),
                (51, 9, time(100)),
                (52, 9, time(100)),
                (53, 9, time(100)),
                (54, 9, time(100)),
            ],
            "{kind:?}"
        );
        let first = log.history().next().unwrap();
        assert_eq!(first.offset, 127 * BLOCK as u64);
    }
}

#[test]
fn blocks_with_a_copy_are_data_whatever_the_volume_has_there() {
    let mut log = TestLog::new(ChecksumKind::V3, 1, 7);
    log.copies(&[(50, filled(0xa0)), (51, filled(0xa1)), (VOLUME - 1, filled(0xa2))]);
    log.commit(100);
    let gaps = [ByteRange::new(49 * 1024, 53 * 1024)].into_iter().collect();
    let source = kanshiki_image::Gaps::new(Arc::new(Memory(log.volume())), gaps);
    let log = Log::open(Arc::new(source), TestLog::place()).unwrap();
    let overlay = Overlay::new(&log, &log.replay().unwrap());
    let mut merged: Vec<(ByteRange, RunState)> = Vec::new();
    for (run, state) in overlay.runs() {
        match merged.last_mut() {
            Some((last, before)) if *before == state => *last = ByteRange::new(last.start, run.end),
            _ => merged.push((run, state)),
        }
    }
    let kib = |start: u64, end: u64| ByteRange::new(start * 1024, end * 1024);
    assert_eq!(
        merged,
        [
            (kib(0, 49), RunState::Data),
            (kib(49, 50), RunState::Unreadable),
            (kib(50, 52), RunState::Data),
            (kib(52, 53), RunState::Unreadable),
            (kib(53, VOLUME), RunState::Data),
        ]
    );
    let mut bytes = vec![0; 2048];
    assert_eq!(overlay.read_at(50 * 1024, &mut bytes).unwrap(), 2048);
    assert!(overlay.read_at(50 * 1024 - 1, &mut bytes).is_err());
}

proptest! {
    #[test]
    fn reads_at_any_place_agree_with_the_volume_read_in_blocks(offset in 0_usize..VOLUME as usize * BLOCK, length in 0_usize..9000) {
        let mut log = TestLog::new(ChecksumKind::None, 20, 7);
        let mut magic = filled(0xa0);
        be(&mut magic, 0, 0xc03b_3998);
        log.copies(&[(0, filled(0xa0)), (50, magic), (51, filled(0xa1)), (53, filled(0xa2)), (VOLUME - 1, filled(0xa3))]);
        log.commit(1);
        let log = log.open();
        let overlay = Overlay::new(&log, &log.replay().unwrap());
        let mut whole = vec![0; VOLUME as usize * BLOCK];
        for (block, bytes) in whole.chunks_exact_mut(BLOCK).enumerate() {
            overlay.read_at((block * BLOCK) as u64, bytes).unwrap();
        }
        let mut bytes = vec![0; length];
        let read = overlay.read_at(offset as u64, &mut bytes).unwrap();
        prop_assert_eq!(read, length.min(whole.len() - offset));
        prop_assert_eq!(&bytes[..read], &whole[offset..offset + read]);
    }

    #[test]
    fn any_bytes_never_panic(
        kind in 0_usize..4,
        changes in prop::collection::vec((0_usize..24 * BLOCK, any::<u8>()), 0..40),
        rest in prop::collection::vec(any::<u8>(), 0..3000),
    ) {
        let mut log = TestLog::new(KINDS[kind], 20, 7);
        log.copies(&[(50, filled(0xa0)), (51, filled(0xa1))]);
        log.revoke(&[51, 52]);
        log.commit(100);
        log.copies(&[(50, filled(0xa0))]);
        log.commit(101);
        for (at, byte) in changes {
            log.blocks[at / BLOCK][at % BLOCK] = byte;
        }
        look_at(log.volume());
        let mut volume = log.volume();
        volume[120 * BLOCK..][..rest.len()].copy_from_slice(&rest);
        look_at(volume);
    }
}

fn look_at(volume: Vec<u8>) {
    let Ok(log) = Log::open(Arc::new(Memory(volume)), TestLog::place()) else { return };
    assert!(log.history().count() <= 48);
    let Ok(replay) = log.replay() else { return };
    let overlay = Overlay::new(&log, &replay);
    let mut buffer = vec![0; 3 * BLOCK];
    for offset in [0, 49 * BLOCK as u64, 197 * BLOCK as u64 + 1, u64::MAX] {
        let _ = overlay.read_at(offset, &mut buffer);
    }
    assert_eq!(overlay.runs().map(|(run, _)| run.end - run.start).sum::<u64>(), overlay.len());
}
