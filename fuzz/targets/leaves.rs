//! The header of `image.leaves`, and proofs over the tree of leaves.
#![no_main]

use kanshiki_custody::leaves::Header;
use kanshiki_custody::merkle::{siblings, verify_proof};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = Header::parse(bytes) {
        let _ = header.file_bytes();
        // The header says everything that its bytes say, except the root of an unfinished file.
        assert_eq!(Header::parse(&header.to_bytes()).ok(), Some(header));
    }
    let mut numbers = bytes.chunks_exact(8).filter_map(|chunk| chunk.try_into().ok()).map(u64::from_le_bytes);
    if let (Some(index), Some(count)) = (numbers.next(), numbers.next()) {
        assert!(siblings(index, count).len() <= 64);
        let path: Vec<[u8; 32]> = bytes.chunks_exact(32).filter_map(|chunk| chunk.try_into().ok()).collect();
        let _ = verify_proof(b"entry", index, count, &path, &[0; 32]);
    }
});
