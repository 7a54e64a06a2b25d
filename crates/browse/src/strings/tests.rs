use super::*;
use kanshiki_image::Memory;
use proptest::prelude::*;
use std::sync::Arc;

fn found(bytes: &[u8], encodings: &[Encoding], minimum: usize, cuts: &[u64]) -> Vec<(u64, Encoding, String)> {
    let source: Source = Arc::new(Memory(bytes.to_vec()));
    let options = StringsOptions { encodings: encodings.to_vec(), minimum };
    let mut found = Vec::new();
    let mut start = 0;
    let length = u64::try_from(bytes.len()).unwrap();
    for end in cuts.iter().copied().filter(|cut| *cut < length).chain([length]) {
        let piece = ByteRange::new(start, end);
        let unread = search(&source, piece, &options, &mut |text| {
            found.push((text.offset, text.encoding, text.text.to_owned()));
            ControlFlow::Continue(())
        });
        assert!(unread.is_empty());
        start = end;
    }
    found.sort();
    found
}

#[test]
fn runs_of_at_least_the_minimum_are_given_with_their_place() {
    let found = found(b"\x00abcd\x01xyz\n\tok!\xff~~~~", &[Encoding::Ascii], 4, &[]);
    let texts: Vec<(u64, &str)> = found.iter().map(|(offset, _, text)| (*offset, text.as_str())).collect();
    assert_eq!(texts, [(1, "abcd"), (10, "\tok!"), (15, "~~~~")]);
}

#[test]
fn other_scripts_count_in_utf8_and_broken_characters_end_a_text() {
    let found = found("x証拠の船\u{202e}gpj\u{0}é\u{7f}".as_bytes(), &[Encoding::Utf8], 3, &[]);
    let texts: Vec<(u64, &str)> = found.iter().map(|(offset, _, text)| (*offset, text.as_str())).collect();
    assert_eq!(texts, [(0, "x証拠の船"), (16, "gpj")]);
    assert!(super::tests::found(b"a\xe8\xa8b\xff", &[Encoding::Utf8], 2, &[]).is_empty());
}

#[test]
fn sixteen_bit_texts_are_found_at_even_and_odd_places() {
    let le: Vec<u8> = [0xff].into_iter().chain("Fähre".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(found(&le, &[Encoding::Utf16Le], 4, &[]), [(1, Encoding::Utf16Le, "Fähre".to_owned())]);
    let be: Vec<u8> = "\u{0}Паром".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(found(&be, &[Encoding::Utf16Be], 4, &[]), [(2, Encoding::Utf16Be, "Паром".to_owned())]);
}

#[test]
fn a_run_without_end_comes_in_parts_that_lie_behind_each_other() {
    let bytes = vec![b'a'; 1 << 20];
    let found = found(&bytes, &[Encoding::Ascii], 4, &[5, 70_000, 600_000]);
    let mut next = 0;
    for (offset, _, text) in found {
        assert_eq!(offset, next);
        next += text.len() as u64;
    }
    assert_eq!(next, 1 << 20);
}

#[test]
fn texts_on_both_sides_of_what_cannot_be_read_are_given_and_it_is_told_once_for_all_encodings() {
    let mut bytes = vec![b'x'; 1 << 20];
    bytes[600_000..600_005].copy_from_slice(b"\0ferr");
    let gaps = [ByteRange::new(1000, 1512), ByteRange::new(1512, 2024), ByteRange::new(600_005, 601_000)];
    let source: Source = Arc::new(kanshiki_image::Gaps::new(Arc::new(Memory(bytes)), gaps.into_iter().collect()));
    let options = StringsOptions { encodings: vec![Encoding::Ascii, Encoding::Utf16Le], minimum: 4 };
    let (mut starts, mut last) = (Vec::new(), String::new());
    let unread = search(&source, ByteRange::new(0, 1 << 20), &options, &mut |text| {
        if text.encoding == Encoding::Ascii && text.offset % 65_536 != 2024 {
            starts.push((text.offset, text.text.len()));
        }
        if text.offset == 600_001 {
            last = text.text.to_owned();
        }
        ControlFlow::Continue(())
    });
    let ranges: Vec<ByteRange> = unread.into_iter().map(|(range, _)| range).collect();
    assert_eq!(ranges, [ByteRange::new(1000, 2024), ByteRange::new(600_005, 601_000)]);
    assert_eq!((starts[0], last.as_str()), ((0, 1000), "ferr"));
    assert!(starts.iter().any(|(start, _)| *start == 601_000));
}

#[test]
fn long_holes_are_left_out_of_the_pieces() {
    let source: Source = Arc::new(Memory(vec![1; 9 << 20]));
    let all: Vec<ByteRange> = pieces(&source, ByteRange::new(10, 9 << 20)).collect();
    assert_eq!(all.len(), 3);
    assert_eq!((all[0].start, all[2].end), (10, 9 << 20));
}

proptest! {
    #[test]
    fn any_bytes_never_panic_and_give_the_same_however_they_are_cut(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select("ab\u{0}é証\t\n".as_bytes().to_vec())], 0..300),
        mut cuts in prop::collection::vec(0..300_u64, 0..4),
        minimum in 1..5_usize,
    ) {
        cuts.sort_unstable();
        for encoding in [Encoding::Ascii, Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be] {
            let whole = found(&bytes, &[encoding], minimum, &[]);
            prop_assert_eq!(&found(&bytes, &[encoding], minimum, &cuts), &whole);
            for (offset, _, text) in &whole {
                prop_assert!(text.chars().count() >= minimum);
                prop_assert!(!text.chars().any(|character| is_hidden(character) && character != '\t'));
                prop_assert!(*offset < bytes.len() as u64);
            }
        }
    }
}

use kanshiki_model::is_hidden;
