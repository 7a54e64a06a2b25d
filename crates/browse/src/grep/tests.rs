use super::*;
use proptest::prelude::*;

fn hits(expression: &str, content: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
    let matcher = Matcher::new(expression, GrepOptions::default()).unwrap();
    let (mut found, mut reader) = (Vec::new(), content);
    matcher
        .search(&mut reader, &mut Position::default(), &mut Vec::new(), &mut |hit| {
            found.push((hit.line, hit.offset, hit.text.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap()
        .is_continue();
    found
}

#[test]
fn a_line_is_given_once_with_its_number_and_the_place_of_its_first_match() {
    let found = hits("b+", b"abba b\nccc\n\xffb\x00\nb");
    assert_eq!(found, [(1, 1, b"abba b".to_vec()), (3, 12, b"\xffb\x00".to_vec()), (4, 15, b"b".to_vec())]);
}

#[test]
fn no_match_crosses_the_end_of_a_line() {
    assert_eq!(hits("a[^x]*c", b"a1\n2c\nabc\n"), [(3, 6, b"abc".to_vec())]);
    assert_eq!(hits("^b$", b"a\nb\nbb\n"), [(2, 2, b"b".to_vec())]);
    assert_eq!(hits("^$", b"a\n\nb\n"), [(2, 2, Vec::new())]);
}

#[test]
fn bytes_that_are_no_text_can_be_looked_for() {
    assert_eq!(hits(r"(?-u:\xff\x00)", b"a\xff\x00b"), [(1, 1, b"a\xff\x00b".to_vec())]);
}

#[test]
fn a_match_is_found_wherever_it_lies_in_a_line_of_megabytes() {
    for place in [0, READ_BYTES - 2, LINE_BYTES - 3, LINE_BYTES - OVERLAP_BYTES, 3 << 20] {
        let mut content = vec![b'x'; 4 << 20];
        content[place..place + 6].copy_from_slice(b"needle");
        let found = hits("needle", &content);
        assert_eq!(found.iter().map(|hit| (hit.0, hit.1)).collect::<Vec<_>>(), [(1, place as u64)], "{place}");
        assert!(found[0].2.len() <= 2 * AROUND_BYTES + 6);
    }
}

#[test]
fn words_and_case_are_as_asked() {
    let options = GrepOptions { ignore_case: true, fixed: true, whole_words: true };
    let matcher = Matcher::new("a.b", options).unwrap();
    let mut count = 0;
    let mut content = b"axb\nA.B\na.bc\n".as_slice();
    let mut hit = |hit: Hit<'_>| {
        assert_eq!((hit.line, hit.text, hit.matched, hit.cut), (2, b"A.B".as_slice(), (0, 3), (false, false)));
        count += 1;
        ControlFlow::Continue(())
    };
    let flow = matcher.search(&mut content, &mut Position::default(), &mut Vec::new(), &mut hit).unwrap();
    assert!(flow.is_continue());
    assert_eq!(count, 1);
}

proptest! {
    #[test]
    fn any_bytes_never_panic(content in prop::collection::vec(any::<u8>(), 0..2000), expression in ".{0,12}") {
        if let Ok(matcher) = Matcher::new(&expression, GrepOptions::default()) {
            let mut reader = content.as_slice();
            let mut position = Position::default();
            let _ = matcher.search(&mut reader, &mut position, &mut Vec::new(), &mut |_| ControlFlow::Continue(()));
            prop_assert_eq!(position.offset, content.len() as u64);
        }
    }

    #[test]
    fn the_lines_are_those_that_match_alone(content in prop::collection::vec(prop::sample::select(b"ab\nc".to_vec()), 0..200)) {
        for expression in ["a", "ab*c", "a[^b]", "^c", "b$", r"a\s", "", "^$"] {
            let regex = Regex::new(&format!("(?m){expression}")).unwrap();
            let mut lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
            if lines.last().is_some_and(|last| last.is_empty()) {
                lines.pop();
            }
            let expected: Vec<u64> = (1..).zip(lines).filter(|(_, line)| regex.is_match(line)).map(|(number, _)| number).collect();
            let found: Vec<u64> = hits(expression, &content).into_iter().map(|hit| hit.0).collect();
            prop_assert_eq!(found, expected, "{}", expression);
        }
    }
}
