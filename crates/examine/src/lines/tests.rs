use super::*;
use kanshiki_image::{Memory, ReadError, RunState, Runs};
use kanshiki_walk::decompress::Compression;
use proptest::prelude::*;

fn lines(source: &dyn ReadAt) -> Vec<(Vec<u8>, Span, u64)> {
    let mut lines = Lines::plain(source);
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        all.push((line.bytes.to_vec(), line.span, line.left_out));
    }
    all
}

fn span(offset: u64, length: u64, line: u64) -> Span {
    Span { offset, content_offset: None, length, line: Some(line) }
}

#[test]
fn lines_have_their_places_and_the_last_needs_no_break() {
    let found = lines(&Memory(b"one\r\n\ntwo".to_vec()));
    let expected =
        [(b"one".to_vec(), span(0, 5, 1), 0), (Vec::new(), span(5, 1, 2), 0), (b"two".to_vec(), span(6, 3, 3), 0)];
    assert_eq!(found, expected);
}

#[test]
fn a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() {
    for extra in [0, 1, 5, READ_BYTES, 3 * READ_BYTES + 7] {
        let mut bytes = b"first\n".to_vec();
        bytes.extend(vec![b'x'; LINE_BYTES + extra]);
        bytes.extend(b"\nlast\n");
        let long = (LINE_BYTES + extra + 1) as u64;
        let found = lines(&Memory(bytes));
        let spans: Vec<Span> = found.iter().map(|(_, span, _)| *span).collect();
        assert_eq!(spans, [span(0, 6, 1), span(6, long, 2), span(6 + long, 5, 3)], "{extra}");
        assert_eq!(found[1].0.len(), LINE_BYTES);
        assert!(found[1].2 <= extra as u64 + 1, "{} left out of {extra}", found[1].2);
        assert_eq!(found[2].0, b"last");
    }
    let found = lines(&Memory(vec![b'x'; LINE_BYTES * 3]));
    assert_eq!((found.len(), found[0].1, found[0].0.len()), (1, span(0, LINE_BYTES as u64 * 3, 1), LINE_BYTES));
}

/// Bytes, nothing up to 8 TiB, and a line.
#[derive(Debug)]
struct Sparse(Vec<u8>);

const HOLE_END: u64 = 8 << 40;

impl ReadAt for Sparse {
    fn len(&self) -> u64 {
        HOLE_END + 6
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let (start, bytes) = if offset < HOLE_END { (0, self.0.as_slice()) } else { (HOLE_END, b"c\nlast".as_slice()) };
        for (place, byte) in buf.iter_mut().enumerate() {
            *byte = bytes.get((offset - start) as usize + place).copied().unwrap_or(0);
        }
        Ok(buf.len())
    }
    fn runs(&self) -> Runs<'_> {
        let end = self.0.len() as u64;
        let hole = ByteRange::new(end, HOLE_END);
        let data = [ByteRange::new(0, end), ByteRange::new(HOLE_END, self.len())];
        Box::new([(data[0], RunState::Data), (hole, RunState::Hole), (data[1], RunState::Data)].into_iter())
    }
}

#[test]
fn a_hole_ends_a_line_and_is_not_read() {
    let found = lines(&Sparse(b"a\nb".to_vec()));
    let found: Vec<(&[u8], u64, u64, u64)> =
        found.iter().map(|(bytes, span, _)| (bytes.as_slice(), span.offset, span.length, span.line.unwrap())).collect();
    let expected: [(&[u8], u64, u64, u64); 5] = [
        (b"a", 0, 2, 1),
        (b"b", 2, 1, 2),
        (b"\0", 3, HOLE_END - 3, 3),
        (b"c", HOLE_END, 2, 3),
        (b"last", HOLE_END + 2, 4, 4),
    ];
    assert_eq!(found, expected);
    let at_the_end = lines(&OnlyHole);
    assert_eq!(at_the_end, [(vec![0], span(0, HOLE_END, 1), 0)]);
}

#[test]
fn a_hole_ends_a_line_that_is_too_long_too() {
    let long = LINE_BYTES + 3 * READ_BYTES + 7;
    let found = lines(&Sparse(vec![b'x'; long]));
    let spans: Vec<(u64, u64)> = found.iter().map(|(_, span, _)| (span.offset, span.length)).collect();
    let long = long as u64;
    assert_eq!(spans, [(0, long), (long, HOLE_END - long), (HOLE_END, 2), (HOLE_END + 2, 4)]);
}

#[test]
fn the_line_behind_zeroes_is_whole_however_many_they_are() {
    for zeroes in [LINE_BYTES - 1, LINE_BYTES, LINE_BYTES + 1, LINE_BYTES + 3 * READ_BYTES + 7] {
        let mut bytes = b"first\n".to_vec();
        bytes.extend(vec![0; zeroes]);
        bytes.extend(b"second\nlast\n");
        let found = lines(&Memory(bytes));
        let long = zeroes as u64;
        assert_eq!(found[1], (vec![0], span(6, long, 2), 0), "{zeroes}");
        assert_eq!(found[2], (b"second".to_vec(), span(6 + long, 7, 2), 0));
        assert_eq!(found[3], (b"last".to_vec(), span(13 + long, 5, 3), 0));
    }
    let found = lines(&Memory(vec![0; LINE_BYTES * 3]));
    assert_eq!(found, [(vec![0], span(0, LINE_BYTES as u64 * 3, 1), 0)]);
}

/// Nothing at all.
#[derive(Debug)]
struct OnlyHole;

impl ReadAt for OnlyHole {
    fn len(&self) -> u64 {
        HOLE_END
    }
    fn read_at(&self, _: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        buf.fill(0);
        Ok(buf.len())
    }
    fn runs(&self) -> Runs<'_> {
        Box::new(std::iter::once((ByteRange::new(0, HOLE_END), RunState::Hole)))
    }
}

#[test]
fn lines_of_a_compressed_file_tell_their_member_and_their_place_behind_it() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let (first, second) = (gzip(b"one\ntw"), gzip(b"o\nthree\n"));
    let source = Memory([first.as_slice(), &second].concat());
    let mut lines = Lines::compressed(Content::new(Compression::Gzip, &source).unwrap());
    let mut found = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        found.push((line.bytes.to_vec(), line.span.offset, line.span.content_offset.unwrap()));
    }
    let member = first.len() as u64;
    assert_eq!(found, [(b"one".to_vec(), 0, 0), (b"two".to_vec(), 0, 4), (b"three".to_vec(), member, 8)]);
}

proptest! {
    #[test]
    fn lines_are_those_between_the_breaks(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300)) {
        let source = Memory(bytes.clone());
        let found = lines(&source);
        let expected = bytes.split_inclusive(|byte| *byte == b'\n');
        let strip = |line: &[u8]| {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            line.strip_suffix(b"\r").unwrap_or(line).to_vec()
        };
        prop_assert_eq!(found.iter().map(|line| line.0.clone()).collect::<Vec<_>>(), expected.clone().map(strip).collect::<Vec<_>>());
        prop_assert_eq!(found.iter().map(|line| line.1.length).sum::<u64>(), bytes.len() as u64);
    }
}
