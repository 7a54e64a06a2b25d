//! The content of compressed DATA objects: as much of it as is wanted, and as its bytes give.
//!
//! | flag of the object | content | source |
//! | --- | --- | --- |
//! | 1 | an xz stream | The .xz File Format 1.2.1 |
//! | 2 | the length in 8 bytes, and an LZ4 block | LZ4 Block Format Description, 2022 |
//! | 4 | a Zstandard frame | RFC 8878 |

use lzma_rust2::{Action, Status, XzStream};

/// Memory of the decoder of xz, in KiB; journald's preset takes 9 MiB.
const XZ_KIB: u32 = 80 << 10;

/// Bytes that are made room for at once.
const STEP_BYTES: usize = 64 << 10;

/// How the content of a DATA object is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Xz,
    Lz4,
    Zstandard,
}

/// How far a content was decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All of it.
    Whole,
    /// As much as was wanted; there is more.
    Limit,
    /// Up to where its bytes are wrong.
    Damaged,
}

/// Keeps what is costly to make anew for every object.
#[derive(Default)]
pub(super) struct Decompressor(Option<zstd_safe::DCtx<'static>>);

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

impl Decompressor {
    /// Decompresses into `out`, which is emptied before, up to `limit` bytes.
    pub(super) fn decompress(&mut self, method: Method, packed: &[u8], limit: usize, out: &mut Vec<u8>) -> End {
        out.clear();
        let end = match method {
            Method::Xz => xz(packed, limit, out),
            Method::Lz4 => lz4(packed, limit, out),
            Method::Zstandard => self.zstd(packed, limit, out),
        };
        if out.len() <= limit {
            return end;
        }
        out.truncate(limit);
        End::Limit
    }

    fn zstd(&mut self, packed: &[u8], limit: usize, out: &mut Vec<u8>) -> End {
        if self.0.is_none() {
            self.0 = zstd_safe::DCtx::try_create();
        }
        let Some(context) = &mut self.0 else { return End::Damaged };
        if context.reset(zstd_safe::ResetDirective::SessionOnly).is_err() {
            return End::Damaged;
        }
        let mut from = zstd_safe::InBuffer::around(packed);
        loop {
            let done = out.len();
            let Some(room) = room(limit, out) else { return End::Limit };
            let mut into = zstd_safe::OutBuffer::around(room);
            let hint = context.decompress_stream(&mut into, &mut from);
            let given = into.pos();
            out.truncate(done.saturating_add(given));
            match hint {
                Ok(0) => return End::Whole,
                Ok(_) if given > 0 => {}
                _ => return End::Damaged,
            }
        }
    }
}

/// Makes room behind what is there; `None` if there is more than is wanted. One byte more than that is made room for, to see
/// whether there is more.
fn room(limit: usize, out: &mut Vec<u8>) -> Option<&mut [u8]> {
    let done = out.len();
    let most = limit.saturating_add(1).saturating_sub(done).min(STEP_BYTES.max(done));
    out.resize(done.saturating_add(most), 0);
    out.get_mut(done..).filter(|room| !room.is_empty())
}

fn xz(packed: &[u8], limit: usize, out: &mut Vec<u8>) -> End {
    let mut stream = XzStream::new_mem_limit(false, XZ_KIB);
    loop {
        let done = out.len();
        let taken = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let before = stream.total_out();
        let Some(room) = room(limit, out) else { return End::Limit };
        let result = stream.process(packed.get(taken..).unwrap_or_default(), room, Action::Finish);
        let given = usize::try_from(stream.total_out().saturating_sub(before)).unwrap_or(0);
        out.truncate(done.saturating_add(given));
        match result {
            Ok(result) if result.status == Status::StreamEnd => return End::Whole,
            Ok(_) if given > 0 => {}
            _ => return End::Damaged,
        }
    }
}

/// Sequences of literals and matches, the last of which has literals alone.
fn lz4(packed: &[u8], limit: usize, out: &mut Vec<u8>) -> End {
    let Some((length, mut rest)) = packed.split_first_chunk::<8>() else { return End::Damaged };
    while out.len() <= limit {
        match lz4_sequence(&mut rest, limit, out) {
            Some(Sequence::Match) => {}
            Some(Sequence::Last) if u64::try_from(out.len()) == Ok(u64::from_le_bytes(*length)) => return End::Whole,
            Some(Sequence::Last) | None => return End::Damaged,
        }
    }
    End::Limit
}

#[derive(PartialEq, Eq)]
enum Sequence {
    Match,
    Last,
}

/// One sequence: a byte with two lengths, literals, and a match of 4 bytes and more that lies up to 64 KiB back.
fn lz4_sequence(rest: &mut &[u8], limit: usize, out: &mut Vec<u8>) -> Option<Sequence> {
    let token = next(rest)?;
    let literals = lz4_length(usize::from(token >> 4), rest)?;
    let (bytes, behind) = rest.split_at_checked(literals)?;
    out.extend_from_slice(bytes);
    *rest = behind;
    if rest.is_empty() {
        return Some(Sequence::Last);
    }
    let (back, behind) = rest.split_first_chunk::<2>()?;
    let back = usize::from(u16::from_le_bytes(*back));
    *rest = behind;
    let length = lz4_length(usize::from(token & 15), rest)?.saturating_add(4);
    let mut left = length.min(limit.saturating_add(1).saturating_sub(out.len()));
    let from = out.len().checked_sub(back).filter(|_| back > 0)?;
    // What is copied may be copied again: twice as much each time.
    while left > 0 {
        let part = out.len().saturating_sub(from).min(left);
        out.extend_from_within(from..from.saturating_add(part));
        left = left.saturating_sub(part);
    }
    Some(Sequence::Match)
}

/// A length whose first four bits were all set goes on in the following bytes.
fn lz4_length(first: usize, rest: &mut &[u8]) -> Option<usize> {
    let mut length = first;
    let mut more = if first == 15 { 255 } else { 0 };
    while more == 255 {
        more = next(rest)?;
        length = length.saturating_add(usize::from(more));
    }
    Some(length)
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decompress(method: Method, packed: &[u8], limit: usize) -> (End, Vec<u8>) {
        let mut out = b"what was there before".to_vec();
        (Decompressor::default().decompress(method, packed, limit, &mut out), out)
    }

    /// `abcabcabcab!` as one sequence with a match that reaches into itself, and the literal `!`.
    const LZ4: &[u8] = b"\x0c\0\0\0\0\0\0\0\x34abc\x03\x00\x10!";

    #[test]
    fn a_block_of_lz4_is_given_as_far_as_it_is_wanted_and_goes() {
        assert_eq!(decompress(Method::Lz4, LZ4, 100), (End::Whole, b"abcabcabcab!".to_vec()));
        assert_eq!(decompress(Method::Lz4, LZ4, 12), (End::Whole, b"abcabcabcab!".to_vec()));
        assert_eq!(decompress(Method::Lz4, LZ4, 5), (End::Limit, b"abcab".to_vec()));
        assert_eq!(decompress(Method::Lz4, &LZ4[..14], 100), (End::Damaged, b"abcabcabcab".to_vec()));
        // Ten million zeroes in forty thousand bytes.
        let mut bomb = 10_000_000_u64.to_le_bytes().to_vec();
        bomb.extend_from_slice(b"\x1f\0\x01\0");
        bomb.extend(std::iter::repeat_n(255, 39_215));
        let (end, out) = decompress(Method::Lz4, &bomb, 1 << 20);
        assert_eq!((end, out.len()), (End::Damaged, 1));
        bomb.extend_from_slice(b"\x01\x10\0");
        let (end, out) = decompress(Method::Lz4, &bomb, 1 << 20);
        assert_eq!((end, out.len()), (End::Limit, 1 << 20));
    }

    #[test]
    fn zstandard_is_given_as_far_as_it_is_wanted_and_goes() {
        let content = b"kanshiki ".repeat(30_000);
        let mut packed = vec![0; 1 << 20];
        let length = zstd_safe::compress(&mut packed[..], &content, 3).unwrap();
        packed.truncate(length);
        assert_eq!(decompress(Method::Zstandard, &packed, content.len()), (End::Whole, content.clone()));
        assert_eq!(decompress(Method::Zstandard, &packed, 9), (End::Limit, b"kanshiki ".to_vec()));
        assert_eq!(decompress(Method::Zstandard, &packed[..length - 1], 1 << 20).0, End::Damaged);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(packed in prop::collection::vec(any::<u8>(), 0..200), limit in 0_usize..100, cut in any::<bool>()) {
            let begins: [(Method, &[u8]); 3] = [
                (Method::Xz, &[0xfd, b'7', b'z', b'X', b'Z', 0, 0, 0, 0xff, 0x12, 0xd9, 0x41]),
                (Method::Lz4, &[200, 0, 0, 0, 0, 0, 0, 0, 0x1f, 0, 1, 0]),
                (Method::Zstandard, &[0x28, 0xb5, 0x2f, 0xfd]),
            ];
            for (method, begin) in begins {
                let mut bytes = if cut { Vec::new() } else { begin.to_vec() };
                bytes.extend_from_slice(&packed);
                let (end, out) = decompress(method, &bytes, limit);
                prop_assert!(out.len() <= limit, "{method:?} {end:?}");
            }
        }
    }
}
