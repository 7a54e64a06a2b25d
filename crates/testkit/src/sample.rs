//! Disks to work on.

use crate::{run, workspace_root, zstd_decompress};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Bytes that do not compress and are the same for the same seed (the generator xorshift64*).
#[must_use]
pub fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        noise.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    noise.truncate(bytes);
    noise
}

/// Writes a new file of exactly so many bytes with what a disk holds: text, noise, and runs of zeroes, in turn every
/// 192 KiB, the same for the same seed.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a file in the test's own folder, no evidence")]
pub fn sample_image(path: &Path, bytes: u64, seed: u64) {
    const PIECE: usize = 192 << 10;
    let mut file = File::create(path).expect("a new file for the sample");
    let mut left = usize::try_from(bytes).expect("a sample that fits in memory's numbers");
    let mut number = 0_u64;
    while left > 0 {
        let piece = match number % 4 {
            0 => text(seed ^ number, PIECE),
            1 => noise(seed ^ number, PIECE),
            _ => vec![0; PIECE],
        };
        let take = left.min(PIECE);
        file.write_all(piece.get(..take).expect("a piece is never shorter")).expect("room for the sample");
        left -= take;
        number += 1;
    }
}

fn text(seed: u64, bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + 128);
    let mut numbers = noise(seed, 4096).into_iter().cycle();
    while text.len() < bytes {
        let (a, b) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        text.extend_from_slice(format!("crossing {a} leaves the quay with {b} on board, wind {}\n", a ^ b).as_bytes());
    }
    text.truncate(bytes);
    text
}

/// Restores the demonstration's disk, 64 MiB, to a new file; needs `zstd`.
#[track_caller]
pub fn demo_disk(path: &Path) {
    zstd_decompress(&workspace_root().join("testdata/demo/ferry.img.zst"), path);
    let _ = run(Command::new("test").arg("-s").arg(path)).exits(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Need, need, sha256sum, tempdir};

    #[test]
    fn a_sample_has_the_length_asked_for_and_is_the_same_twice() {
        let folder = tempdir();
        let (first, second) = (folder.path().join("1"), folder.path().join("2"));
        sample_image(&first, (1 << 20) + 1, 7);
        sample_image(&second, (1 << 20) + 1, 7);
        assert_eq!(std::fs::metadata(&first).unwrap().len(), 1_048_577);
        assert_eq!(sha256sum(&first), sha256sum(&second));
    }

    #[test]
    fn the_demonstration_has_the_digest_that_stands_beside_it() {
        if !need(&[Need::Tool("zstd")]) {
            return;
        }
        let folder = tempdir();
        let disk = folder.path().join("ferry.img");
        demo_disk(&disk);
        let sums = std::fs::read_to_string(workspace_root().join("testdata/demo/SHA256SUMS")).unwrap();
        assert!(sums.starts_with(&format!("{}  ferry.img\n", sha256sum(&disk))));
    }
}
