//! Seekable Zstandard images: the table, the walk over frames, and reading.
#![no_main]

use kanshiki_image::zstd::{FrameDecoder, SeekableImage, walk_frames};
use kanshiki_image::{Memory, ReadAt as _};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

fuzz_target!(|bytes: &[u8]| {
    let file = Memory(bytes.to_vec());
    // Every frame has at least one byte, so the walk ends.
    assert!(walk_frames(&file, 0).count() <= bytes.len() + 1);
    if let Ok(mut decoder) = FrameDecoder::new() {
        let _ = decoder.decode(bytes, &mut vec![0; 64 << 10]);
    }
    if let Ok(image) = SeekableImage::open(Arc::new(file)) {
        let mut buffer = vec![0; 4096];
        for offset in [0, image.len() / 2, image.len().saturating_sub(1), u64::MAX] {
            if let Ok(read) = image.read_at(offset, &mut buffer) {
                assert!(read as u64 <= image.len().saturating_sub(offset));
            }
        }
        let mut at = 0;
        for (range, _) in image.runs().take(10_000) {
            assert_eq!(range.start, at);
            at = range.end;
        }
    }
});
