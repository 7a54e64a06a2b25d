//! Partition tables, and the signatures of what lies in disks and partitions.
#![no_main]

use kanshiki_image::layout;
use kanshiki_image::{Memory, signature};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let disk = Memory(bytes.to_vec());
    for sector_bytes in [None, Some(512), Some(4096)] {
        let _ = layout::probe(&disk, sector_bytes).to_string();
    }
    let _ = signature::probe(&disk, "disk", 0);
    let _ = signature::probe(&disk, "disk", u64::MAX - 7);
});
