//! `/etc/fstab`, and which volume a device of it is.
#![no_main]

use kanshiki_filesystem::hostview::{parse_fstab, volume_of};
use kanshiki_image::Memory;
use kanshiki_image::volumes::{Image, VolumeSet};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

/// A disk with a partition.
static SET: LazyLock<VolumeSet> = LazyLock::new(|| {
    let mut disk = vec![0; 1 << 16];
    disk[450] = 0x83;
    disk[454] = 8;
    disk[458] = 8;
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    VolumeSet::probe(vec![Image { source: Arc::new(Memory(disk)), sector_bytes: Some(512) }])
});

fuzz_target!(|bytes: &[u8]| {
    let (lines, broken) = parse_fstab(bytes);
    assert!(lines.len() + broken.len() <= bytes.split(|byte| *byte == b'\n').count());
    for line in lines {
        assert!(line.device.len() + line.directory.len() <= bytes.len());
        if let Ok(index) = volume_of(&line.device, &SET) {
            assert!(index < SET.volumes().len());
        }
    }
});
