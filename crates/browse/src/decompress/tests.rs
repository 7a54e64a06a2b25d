use super::*;
use proptest::prelude::*;
use std::io::Write as _;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(content.len()));
    zstd_safe::compress(&mut out, content, 1).unwrap();
    out
}

/// `printf 'ferry\n' | xz --check=crc32`, xz 5.4.1.
const XZ: &[u8] = &[
    0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x01, 0x69, 0x22, 0xde, 0x36, 0x02, 0x00, 0x21, 0x01, 0x16, 0x00, 0x00,
    0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x05, 0x66, 0x65, 0x72, 0x72, 0x79, 0x0a, 0x00, 0x00, 0x00,
];

fn all(compression: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let length = u64::try_from(bytes.len()).unwrap();
    decompress(compression, bytes, length)?.read_to_end(&mut content)?;
    Ok(content)
}

#[test]
fn two_members_behind_each_other_give_both_contents() {
    for (compression, encode) in
        [(Compression::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Compression::Bzip2, bzip2), (Compression::Zstandard, zstd)]
    {
        let bytes = [encode(b"ferry "), encode(b"quay")].concat();
        assert_eq!(Compression::sniff(&bytes), Some(compression));
        assert_eq!(all(compression, &bytes).unwrap(), b"ferry quay", "{compression:?}");
        let cut = bytes.get(..bytes.len() - 5).unwrap();
        assert!(all(compression, cut).is_err(), "{compression:?} cut short");
    }
}

#[test]
fn plain_files_are_not_taken_for_compressed_ones() {
    for plain in [b"BZh9 is the beginning".as_slice(), b"", b"\x1f", b"PK\x03\x04", b"\x28\xb5\x2f"] {
        assert_eq!(Compression::sniff(plain), None);
    }
}

#[test]
fn a_bomb_ends_with_the_bytes_that_were_given() {
    let zeroes = vec![0; 8 << 20];
    let bomb = gzip(&gzip(&zeroes));
    let inner = all(Compression::Gzip, &bomb).unwrap();
    assert_eq!(Compression::sniff(&inner), Some(Compression::Gzip));
    let bytes = zstd(&zeroes);
    let mut content = Vec::new();
    let mut reader = decompress(Compression::Zstandard, bytes.as_slice(), 100).unwrap();
    let error = reader.read_to_end(&mut content).unwrap_err();
    assert_eq!(content.len(), 1 << 20);
    assert_eq!(error.to_string(), "more than 1048576 bytes of content in 100 compressed bytes; the rest is left out");
}

#[test]
fn a_content_of_exactly_the_limit_is_whole() {
    let bytes = zstd(&vec![1; 1 << 20]);
    assert_eq!(all(Compression::Zstandard, &bytes).unwrap().len(), 1 << 20);
}

#[test]
fn xz_without_its_end_gives_what_there_is_and_an_error() {
    let mut content = Vec::new();
    assert_eq!(Compression::sniff(XZ), Some(Compression::Xz));
    let mut reader = decompress(Compression::Xz, XZ, 36).unwrap();
    assert!(reader.read_to_end(&mut content).is_err());
    assert_eq!(content, b"ferry\n");
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), change in any::<u8>(), at in 0..60_usize) {
        let valid = [gzip(&bytes), bzip2(&bytes), zstd(&bytes), [XZ, bytes.as_slice()].concat()];
        for mut file in valid {
            if let Some(byte) = file.get_mut(at) {
                *byte ^= change;
            }
            for compression in [Compression::Gzip, Compression::Xz, Compression::Zstandard, Compression::Bzip2] {
                let _ = all(compression, &file);
                let _ = all(compression, &bytes);
            }
        }
    }
}
