//! Volumes: partitions inside each other, labels and metadata of LVM2, superblocks of md. Checksums do not stand in the
//! way: what is wrong with them is told, and the rest is read. The first byte says what the other bytes are.
#![no_main]

use kanshiki_image::Memory;
use kanshiki_image::volumes::{Image, VolumeSet};
use kanshiki_model::ByteRange;
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let disks = match kind % 4 {
        0 => vec![bytes.to_vec()],
        // Two disks, so that what lies on several is put together.
        1 => {
            let (first, second) = bytes.split_at(bytes.len() / 2);
            vec![first.to_vec(), second.to_vec()]
        }
        2 => vec![physical_volume(bytes)],
        _ => vec![member(bytes, 1), member(bytes, 0)],
    };
    let images = disks.into_iter().map(|disk| Image { source: Arc::new(Memory(disk)), sector_bytes: Some(512) });
    let set = VolumeSet::probe(images.collect());
    let mut buffer = vec![0; 4096];
    for volume in set.volumes() {
        assert_eq!(set.find(&volume.name).map(|found| &found.name), Some(&volume.name));
        let Some(source) = &volume.source else { continue };
        for offset in [0, source.len() / 2, source.len().saturating_sub(1), u64::MAX] {
            if let Ok(read) = source.read_at(offset, &mut buffer) {
                assert!(read as u64 <= source.len().saturating_sub(offset));
            }
        }
        let mut at = 0;
        for (range, _) in source.runs().take(1000) {
            assert_eq!(range.start, at);
            at = range.end;
        }
        // Where its bytes lie leads back to it.
        let (index, mut at) = (set.position(&volume.name).unwrap(), 0);
        for piece in set.pieces(index, ByteRange::new(0, source.len())).take(100) {
            assert_eq!(piece.range.start, at);
            at = piece.range.end;
            let Some(place) = piece.place else { continue };
            let holders = set.holders(place.image, place.offset);
            let mut all = holders.all.iter();
            assert!(holders.is_cut || all.any(|it| (it.volume, it.offset) == (index, piece.range.start)));
            assert!(holders.innermost().all(|holder| !set.what_lies_at(holder).is_empty()));
        }
    }
});

/// A physical volume whose metadata is this text.
fn physical_volume(text: &[u8]) -> Vec<u8> {
    let area = 1 << 17;
    let mut disk = vec![0; 1 << 18];
    let mut put = |at: usize, bytes: &[u8]| disk[at..at + bytes.len()].copy_from_slice(bytes);
    put(512, b"LABELONE\x01\0\0\0\0\0\0\0");
    put(532, &32_u32.to_le_bytes());
    put(536, b"LVM2 001");
    put(544, b"abcdefghijklmnopqrstuvwxyz012345");
    for (at, value) in [(576, 1_u64 << 18), (584, 1 << 17), (616, 4096), (624, area)] {
        put(at, &value.to_le_bytes());
    }
    put(4100, b" LVM2 x[5A%r0N*>\x01\0\0\0");
    let text = &text[..text.len().min(100_000)];
    for (at, value) in [(4120, 4096), (4128, area), (4136, 512), (4144, text.len() as u64)] {
        put(at, &value.to_le_bytes());
    }
    put(4096 + 512, text);
    disk
}

/// A member whose superblock is these bytes, behind the magic, the version and the place that are looked for.
fn member(superblock: &[u8], role: u8) -> Vec<u8> {
    let mut disk = vec![0; 1 << 16];
    let superblock = &superblock[..superblock.len().min(4096)];
    disk[4096..4096 + superblock.len()].copy_from_slice(superblock);
    disk[4096..4104].copy_from_slice(b"\xfc\x4e\x2b\xa9\x01\0\0\0");
    disk[4096 + 144..4096 + 152].copy_from_slice(&8_u64.to_le_bytes());
    disk[4096 + 160] = role;
    disk
}
