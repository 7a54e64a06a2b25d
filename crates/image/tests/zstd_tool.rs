//! The zstd tool reads what the encoder writes, and the reader reads what the tool writes.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test makes its own files and fails by panicking"
)]

mod common;

use common::{has_tool, run, tool};
use kanshiki_image::zstd::{
    FrameEncoder, SeekEntry, SeekableImage, seek_table_footer, seek_table_header, skippable_header,
};
use kanshiki_image::{Memory, OpenError, ReadAt as _};
use std::path::Path;
use std::sync::Arc;

fn content(length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8 & (at >> 12) as u8).collect()
}

/// A seekable file of frames of 1 MiB in which the second lies in a slot filled up by a skippable frame.
fn seekable(content: &[u8]) -> Vec<u8> {
    let mut encoder = FrameEncoder::new(1).unwrap();
    let (mut file, mut entries) = (Vec::new(), Vec::new());
    for (number, chunk) in content.chunks(1 << 20).enumerate() {
        let before = file.len();
        encoder.encode(chunk, &mut file).unwrap();
        entries.push(SeekEntry { compressed: (file.len() - before) as u32, decompressed: chunk.len() as u32 });
        if number == 1 {
            file.extend(skippable_header(1000));
            file.resize(file.len() + 1000, 0);
            entries.push(SeekEntry { compressed: 1008, decompressed: 0 });
        }
    }
    file.extend(seek_table_header(entries.len() as u64).unwrap());
    entries.iter().for_each(|entry| file.extend(entry.to_bytes()));
    file.extend(seek_table_footer(entries.len() as u64).unwrap());
    file
}

fn read_all(path: &Path) -> Result<Vec<u8>, OpenError> {
    let image = SeekableImage::open(Arc::new(Memory(std::fs::read(path).unwrap())))?;
    let mut out = vec![0; image.len() as usize];
    assert_eq!(image.read_at(0, &mut out).unwrap(), out.len());
    Ok(out)
}

#[test]
fn zstd_restores_a_seekable_file_and_finds_no_fault() {
    if !has_tool("zstd_restores_a_seekable_file_and_finds_no_fault", "zstd", "zstd") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.zst");
    let content = content(3_500_001);
    std::fs::write(&path, seekable(&content)).unwrap();
    run(tool("zstd").arg("-tq").arg(&path));
    assert_eq!(run(tool("zstd").arg("-dcq").arg(&path)).stdout, content);
    assert_eq!(read_all(&path).unwrap(), content);
}

#[test]
fn zstd_finds_a_changed_bit() {
    if !has_tool("zstd_finds_a_changed_bit", "zstd", "zstd") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.zst");
    let mut file = seekable(&content(3_500_001));
    file[100_000] ^= 1;
    std::fs::write(&path, file).unwrap();
    assert!(!tool("zstd").arg("-tq").arg(&path).output().unwrap().status.success());
}

#[test]
fn frames_made_by_zstd_are_read_without_a_table() {
    if !has_tool("frames_made_by_zstd_are_read_without_a_table", "zstd", "zstd") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let content = content(900_000);
    let mut file = Vec::new();
    for (part, level) in content.chunks(300_000).zip(["-1", "-19", "--fast=5"]) {
        let path = folder.path().join("part");
        std::fs::write(&path, part).unwrap();
        file.extend(run(tool("zstd").args(["-cq", level]).arg(&path)).stdout);
    }
    let path = folder.path().join("all.zst");
    std::fs::write(&path, file).unwrap();
    assert_eq!(read_all(&path).unwrap(), content);
}

#[test]
fn a_stream_of_unknown_length_is_unsupported() {
    if !has_tool("a_stream_of_unknown_length_is_unsupported", "zstd", "zstd") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream.zst");
    let compressed = run(tool("sh").args(["-c", "seq 10000 | zstd -cq"])).stdout;
    std::fs::write(&path, compressed).unwrap();
    let error = read_all(&path).unwrap_err().to_string();
    assert!(error.contains("does not state the size of its content"), "{error}");
}
