use super::*;
use kanshiki_image::Memory;
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
    let (content, error, _) = read(compression, bytes);
    error.map_or(Ok(content), Err)
}

/// What a file gives, with the error at its end and the place from which on nothing was given.
fn read(compression: Compression, bytes: &[u8]) -> (Vec<u8>, Option<io::Error>, u64) {
    let source = Memory(bytes.to_vec());
    let mut reader = Content::new(compression, &source).unwrap();
    let mut content = Vec::new();
    let error = reader.read_to_end(&mut content).err();
    (content, error, reader.rest())
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
    let zeroes = vec![0; 65 << 20];
    let bomb = gzip(&gzip(&zeroes));
    let inner = all(Compression::Gzip, &bomb).unwrap();
    assert_eq!(Compression::sniff(&inner), Some(Compression::Gzip));
    let bytes = zstd(&zeroes);
    let (content, error, rest) = read(Compression::Zstandard, &bytes);
    let length = bytes.len();
    assert_eq!((content.len(), rest), (64 << 20, length as u64));
    let expected = format!("more than 67108864 bytes of content in {length} compressed bytes; the rest is left out");
    assert_eq!(error.unwrap().to_string(), expected);
}

#[test]
fn a_content_of_exactly_the_limit_is_whole() {
    let bytes = zstd(&vec![1; 64 << 20]);
    assert_eq!(all(Compression::Zstandard, &bytes).unwrap().len(), 64 << 20);
}

#[test]
fn a_small_file_of_lines_that_repeat_is_whole() {
    let lines = b"Mar  5 10:00:00 web sshd[1]: Failed password for root from 192.0.2.66 port 22 ssh2\n".repeat(20_000);
    for encode in [zstd as fn(&[u8]) -> Vec<u8>, bzip2] {
        let bytes = encode(&lines);
        assert_eq!(all(Compression::sniff(&bytes).unwrap(), &bytes).unwrap(), lines);
    }
}

#[test]
fn a_zstandard_window_of_128_mib_is_read_and_a_larger_one_refused() {
    // RFC 8878, section 3.1.1.1.2: the exponent above 10 stands in the upper five bits; then one raw block, the last.
    let frame =
        |exponent: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0, (exponent - 10) << 3, 0x29, 0, 0], b"ferry".as_slice()].concat();
    assert_eq!(all(Compression::Zstandard, &frame(27)).unwrap(), b"ferry");
    assert!(all(Compression::Zstandard, &frame(28)).is_err());
}

#[test]
fn xz_without_its_end_gives_what_there_is_and_an_error() {
    assert_eq!(Compression::sniff(XZ), Some(Compression::Xz));
    let (content, error, _) = read(Compression::Xz, XZ);
    assert!(error.is_some());
    assert_eq!(content, b"ferry\n");
}

#[test]
fn a_cut_inside_the_only_chunk_gives_what_lies_before_it() {
    // xz: 6 bytes of header, 6 of stream flags, 12 of block header, 3 of the chunk's; then the stored bytes themselves.
    let (content, error, _) = read(Compression::Xz, XZ.get(..30).unwrap());
    assert!(error.is_some());
    assert_eq!(content, b"fer");
    let noise: Vec<u8> = (0..100_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (compression, encode) in [(Compression::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Compression::Zstandard, zstd)] {
        let mut bytes = encode(&[noise.as_slice(), &[7; 200_000]].concat());
        let place = bytes.len() - 6;
        bytes[place] ^= 0xff;
        let (content, error, _) = read(compression, &bytes);
        assert!(error.is_some(), "{compression:?}");
        assert!(content.starts_with(&noise), "{compression:?} gave {} bytes", content.len());
    }
}

#[test]
fn bytes_behind_the_last_member_and_those_that_only_look_compressed_are_pointed_at() {
    for (compression, encode, head) in [
        (Compression::Gzip, gzip as fn(&[u8]) -> Vec<u8>, 3),
        (Compression::Bzip2, bzip2, 10),
        (Compression::Zstandard, zstd, 4),
    ] {
        let packed = encode(b"ferry");
        let (content, error, rest) = read(compression, &[packed.as_slice(), b"behind it"].concat());
        assert_eq!((content.as_slice(), rest), (b"ferry".as_slice(), packed.len() as u64), "{compression:?}");
        assert!(error.unwrap().get_ref().unwrap().is::<Trailing>());
        let zeroes = [packed.as_slice(), &[0; 5000], &packed, &[0; 3]].concat();
        assert_eq!(all(compression, &zeroes).unwrap(), b"ferryferry", "{compression:?}");
        let head = packed.get(..head).unwrap();
        let (_, error, rest) = read(compression, &[head, b" but it is not"].concat());
        assert_eq!((error.is_some(), rest), (true, 0), "{compression:?}");
    }
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
