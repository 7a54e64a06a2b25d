//! Superblocks whose makers need a kernel with their driver are built here from the formats' descriptions, and must be
//! what blkid, an independent reader, finds in the same bytes.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test makes its own files and fails by panicking"
)]

mod common;

use common::{blkid, has_tool};
use kanshiki_image::Memory;
use kanshiki_image::signature::{Signature, SignatureKind, probe};
use std::collections::BTreeMap;

const DISK_BYTES: usize = 16 << 20;
const UUID: [u8; 16] = [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8];

/// Fields as places and bytes.
type Fields<'a> = &'a [(usize, &'a [u8])];

/// Puts the fields on an empty disk; gives what is found on it, and what blkid finds if it is there.
fn built(
    test: &str,
    disk_bytes: usize,
    at: usize,
    fields: Fields<'_>,
) -> (Signature, Option<BTreeMap<String, String>>) {
    let mut disk = vec![0; disk_bytes];
    for (place, bytes) in fields {
        disk[at + place..at + place + bytes.len()].copy_from_slice(bytes);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &disk).unwrap();
    let expected = has_tool(test, "blkid", "util-linux").then(|| blkid(file.path()));
    let (mut found, issues) = probe(&Memory(disk), "disk", 0);
    assert_eq!((found.len(), issues), (1, Vec::new()), "{found:#?}");
    (found.remove(0), expected)
}

#[test]
fn md_version_1_is_as_blkid_says_in_all_three_places() {
    let test = "md_version_1_is_as_blkid_says_in_all_three_places";
    for (version, at) in [("1.0", DISK_BYTES - 8192), ("1.1", 0), ("1.2", 4096)] {
        let fields: Fields<'_> = &[
            (0, &0xa92b_4efc_u32.to_le_bytes()),
            (4, &1_u32.to_le_bytes()),
            (16, &UUID),
            (32, b"host:0"),
            (72, &5_u32.to_le_bytes()),
            (80, &(20_u64 << 10).to_le_bytes()),
            (92, &3_u32.to_le_bytes()),
            (128, &2048_u64.to_le_bytes()),
            (136, &(20_u64 << 10).to_le_bytes()),
            (144, &(at as u64 / 512).to_le_bytes()),
            (168, &[7; 16]),
        ];
        let (found, blkid) = built(test, DISK_BYTES, at, fields);
        assert_eq!((found.kind, found.offset), (SignatureKind::MdRaid, at as u64));
        assert_eq!(found.details["version"], version);
        assert_eq!(found.details["level"], "raid5");
        assert_eq!(found.bytes, Some(10 << 20));
        let Some(blkid) = blkid else { continue };
        assert_eq!(blkid["TYPE"], "linux_raid_member");
        assert_eq!(blkid["VERSION"], version);
        assert_eq!(Some(&blkid["UUID"]), found.uuid.as_ref());
        assert_eq!(Some(&blkid["UUID_SUB"]), found.details.get("device UUID"));
        assert_eq!(Some(&blkid["LABEL"]), found.label.as_ref());
    }
}

#[test]
fn md_version_0_90_is_as_blkid_says_in_both_byte_orders() {
    let test = "md_version_0_90_is_as_blkid_says_in_both_byte_orders";
    for big in [false, true] {
        let word = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let words = [
            (0, 0xa92b_4efc),
            (8, 90),
            (20, 0x1032_5476),
            (28, 1),
            (32, 8192),
            (36, 2),
            (40, 2),
            (52, 0x98ba_dcfe),
            (56, 0x0102_0304),
            (60, 0x0506_0708),
        ]
        .map(|(at, value)| (at, word(value)));
        let fields: Vec<(usize, &[u8])> = words.iter().map(|(at, bytes)| (*at, &bytes[..])).collect();
        let (found, blkid) = built(test, DISK_BYTES, DISK_BYTES - 65_536, &fields);
        assert_eq!(found.uuid.as_deref(), Some("10325476-98ba-dcfe-0102-030405060708"));
        assert_eq!((found.details["version"].as_str(), found.details["level"].as_str()), ("0.90", "raid1"));
        assert_eq!(found.bytes, Some(8 << 20));
        let Some(blkid) = blkid else { continue };
        assert_eq!(blkid["TYPE"], "linux_raid_member");
        if !big {
            assert_eq!(Some(&blkid["UUID"]), found.uuid.as_ref());
        }
    }
}

#[test]
fn bcache_is_as_blkid_says() {
    let magic = [0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81];
    let mut fields: Vec<(usize, &[u8])> = vec![(8, &[8]), (16, &[1]), (24, &magic), (40, &UUID), (72, b"fast")];
    let (found, _) = built("bcache_is_as_blkid_says", DISK_BYTES, 4096, &fields);
    assert_eq!((found.kind, found.details["role"].as_str()), (SignatureKind::Bcache, "backing"));
    assert_eq!(found.uuid.as_deref(), Some("10325476-98ba-dcfe-0102-030405060708"));
    assert_eq!(found.label.as_deref(), Some("fast"));
    // blkid wants the checksum too.
    let mut block = [0; 208];
    fields.iter().for_each(|(at, bytes)| block[*at..at + bytes.len()].copy_from_slice(bytes));
    let checksum = crc64(&block[8..]).to_le_bytes();
    fields.push((0, &checksum));
    let Some(blkid) = built("bcache_is_as_blkid_says", DISK_BYTES, 4096, &fields).1 else { return };
    assert_eq!((blkid["TYPE"].as_str(), Some(&blkid["UUID"])), ("bcache", found.uuid.as_ref()));
}

/// CRC-64 of ECMA-182, as bcache uses it.
fn crc64(bytes: &[u8]) -> u64 {
    !bytes.iter().fold(u64::MAX, |sum, byte| {
        (0..8).fold(sum ^ (u64::from(*byte) << 56), |sum, _| {
            (sum << 1) ^ if sum >> 63 == 1 { 0x42f0_e1eb_a9ea_3693 } else { 0 }
        })
    })
}

#[test]
fn zfs_is_as_blkid_says() {
    let mut pairs = vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let mut pair = |name: &str, kind: u32, value: &[u8]| {
        let padded = name.len().div_ceil(4) * 4;
        let length = 12 + padded + 8 + value.len();
        for word in [length as u32, 64, name.len() as u32] {
            pairs.extend(word.to_be_bytes());
        }
        pairs.extend(name.as_bytes());
        pairs.resize(pairs.len() + padded - name.len(), 0);
        pairs.extend(kind.to_be_bytes());
        pairs.extend(1_u32.to_be_bytes());
        pairs.extend(value);
    };
    pair("version", 8, &5000_u64.to_be_bytes());
    pair("name", 9, b"\0\0\0\x04tank");
    pair("pool_guid", 8, &1_234_567_890_123_456_789_u64.to_be_bytes());
    pair("guid", 8, &42_u64.to_be_bytes());
    pairs.extend([0; 8]);
    let magic = 0x00ba_b10c_u64.to_le_bytes();
    let mut fields: Vec<(usize, &[u8])> = (0..128).map(|slot| (131_072 - 16_384 + slot * 1024, &magic[..])).collect();
    fields.push((0, &pairs));
    // blkid looks for ZFS from 64 MiB on.
    let (found, blkid) = built("zfs_is_as_blkid_says", 64 << 20, 16_384, &fields);
    assert_eq!(found.kind, SignatureKind::Zfs);
    assert_eq!(found.label.as_deref(), Some("tank"));
    assert_eq!(found.uuid.as_deref(), Some("1234567890123456789"));
    let Some(blkid) = blkid else { return };
    assert_eq!(blkid["TYPE"], "zfs_member");
    assert_eq!((Some(&blkid["LABEL"]), Some(&blkid["UUID"])), (found.label.as_ref(), found.uuid.as_ref()));
}
