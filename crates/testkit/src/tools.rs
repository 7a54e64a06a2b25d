//! The independent tools that check what kanshiki made.

use crate::program::{Ran, run, tool};
use std::path::Path;

/// SHA-256 of a file in hexadecimal, by `sha256sum`.
#[track_caller]
#[must_use]
pub fn sha256sum(file: &Path) -> String {
    let ran = run(tool("sha256sum").arg("--binary").arg(file)).exits(0);
    // A name with a backslash or a line break makes sha256sum begin the line with a backslash.
    ran.stdout.trim_start_matches('\\').chars().take(64).collect()
}

/// Runs `sha256sum -c SHA256SUMS` in a folder, strictly.
#[track_caller]
#[must_use]
pub fn sha256sum_check(folder: &Path) -> Ran {
    run(tool("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(folder))
}

/// Restores a compressed file with plain `zstd -d`.
#[track_caller]
pub fn zstd_decompress(compressed: &Path, restored: &Path) {
    let _ = run(tool("zstd").args(["--decompress", "--quiet", "-o"]).arg(restored).arg(compressed)).exits(0);
}

/// The bytes that a mapfile calls bad, as ranges of start and end, by `ddrescuelog --list-blocks=-`.
///
/// `block_bytes` is the unit in which ddrescuelog lists: the sector.
#[track_caller]
#[must_use]
pub fn ddrescuelog_bad_bytes(mapfile: &Path, block_bytes: u64) -> Vec<std::ops::Range<u64>> {
    let block = format!("--block-size={block_bytes}");
    let ran = run(tool("ddrescuelog").args([&block, "--list-blocks=-"]).arg(mapfile)).exits(0);
    let mut ranges: Vec<std::ops::Range<u64>> = Vec::new();
    for line in ran.stdout.lines() {
        let block: u64 = line.trim().parse().expect("a number of a block");
        let start = block * block_bytes;
        match ranges.last_mut() {
            Some(last) if last.end == start => last.end += block_bytes,
            _ => ranges.push(start..start + block_bytes),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Need, need, tempdir, write_file};

    #[test]
    fn the_bad_blocks_of_a_map_are_put_together_to_ranges() {
        if !need(&[Need::Tool("ddrescuelog")]) {
            return;
        }
        let folder = tempdir();
        let map = folder.path().join("map");
        write_file(&map, "0x0 + 1\n0x0 0x200 +\n0x200 0x400 -\n0x600 0x200 +\n0x800 0x200 -\n");
        assert_eq!(ddrescuelog_bad_bytes(&map, 512), [512..1536, 2048..2560]);
    }

    #[test]
    fn the_digest_of_a_file_is_that_of_the_standard() {
        let folder = tempdir();
        let file = folder.path().join("abc");
        write_file(&file, "abc");
        assert_eq!(sha256sum(&file), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
