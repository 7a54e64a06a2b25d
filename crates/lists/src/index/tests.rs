//! Indexes of lists, in memory and in files.

use super::*;
use kanshiki_model::Silent;
use kanshiki_testkit::{tempdir, write_file};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::Cursor;

fn digest(algorithm: Algorithm, text: &str) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(text.as_bytes());
    hasher.finish()
}

/// An index that was sorted in pieces of so many bytes.
fn index(list: &Path, sorted: usize) -> Index {
    let mut bytes = Cursor::new(Vec::new());
    build::convert(list, list.parent(), sorted, &mut bytes, &Silent).unwrap();
    Index::read(Bytes::Memory(bytes.into_inner())).unwrap()
}

#[test]
fn every_digest_is_found_with_its_first_line_and_no_other_is() {
    let place = tempdir();
    let list = place.path().join("list");
    let mut text = String::from("# a comment\n");
    // Each stands there twice, and each kind with the other.
    for number in (0..3000).chain(0..3000) {
        let algorithm = if number % 3 == 0 { Algorithm::Md5 } else { Algorithm::Sha256 };
        text.push_str(&format!("{}  name {number}\n", digest(algorithm, &number.to_string()).to_hex()));
    }
    write_file(&list, &text);
    // In one piece, in some, and in so many that runs are merged more than once.
    for sorted in [usize::MAX, 20_000, 600] {
        let index = index(&list, sorted);
        assert_eq!(
            (index.len(), index.algorithms().collect::<Vec<_>>()),
            (3000, vec![Algorithm::Md5, Algorithm::Sha256])
        );
        for number in 0..3000_u64 {
            let algorithm = if number % 3 == 0 { Algorithm::Md5 } else { Algorithm::Sha256 };
            assert_eq!(index.look_up(&digest(algorithm, &number.to_string())).unwrap(), Some(number + 2));
            assert_eq!(index.look_up(&digest(algorithm, &format!("x{number}"))).unwrap(), None);
        }
        assert_eq!(index.look_up(&digest(Algorithm::Sha1, "1")).unwrap(), None);
        assert_eq!(*index.digest(), digest(Algorithm::Sha256, &text));
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "runs are left");
}

#[test]
fn digests_that_begin_alike_are_told_apart() {
    let place = tempdir();
    let list = place.path().join("list");
    let line = |number: u64| format!("ffff{number:060x}");
    write_file(&list, (0..1000).rev().map(|number| line(number * 2) + "\n").collect::<String>());
    let index = index(&list, usize::MAX);
    for number in 0..2000 {
        let found = index.look_up(&Digest::parse(Algorithm::Sha256, &line(number)).unwrap()).unwrap();
        assert_eq!(found, (number % 2 == 0).then_some(1000 - number / 2), "{number}");
    }
}

#[test]
fn a_large_list_is_converted_once_and_again_when_it_changes_or_its_index_is_damaged() {
    let place = tempdir();
    let (list, folder) = (place.path().join("list"), place.path().join("made/lists"));
    let mut text = format!("{}\n", digest(Algorithm::Sha1, "first").to_hex());
    text.push_str(&"# nothing here\n".repeat(1_200_000));
    assert!(u64::try_from(text.len()).unwrap() > LARGE_BYTES);
    write_file(&list, &text);
    let names = || {
        let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let open = || Index::open(&list, Some(&folder), &Silent).unwrap();
    assert_eq!(open().look_up(&digest(Algorithm::Sha1, "first")).unwrap(), Some(1));
    let made = names();
    assert_eq!(made.len(), 1);
    let path = folder.join(&made[0]);
    let inode = || std::fs::metadata(&path).unwrap().ino();
    let first = inode();
    assert_eq!(open().len(), 1);
    assert_eq!((names(), inode()), (made.clone(), first));
    // Cut short: it is made again.
    let whole = std::fs::read(&path).unwrap();
    write_file(&path, &whole[..whole.len() - 1]);
    assert_eq!(open().look_up(&digest(Algorithm::Sha1, "first")).unwrap(), Some(1));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    // Another list in its place has another index.
    text.push_str(&format!("{}\n", digest(Algorithm::Sha1, "second").to_hex()));
    write_file(&list, &text);
    assert_eq!(open().len(), 2);
    assert_eq!(names().len(), 2);
}

#[test]
fn a_list_without_digests_and_one_that_is_stopped_leave_nothing() {
    let place = tempdir();
    let (list, folder) = (place.path().join("list"), place.path().join("lists"));
    write_file(&list, "nothing\n".repeat(3_000_000));
    assert!(matches!(Index::open(&list, Some(&folder), &Stopped), Err(ListError::Interrupted)));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    assert!(matches!(Index::open(&list, None, &Silent), Err(ListError::Empty)));
}

/// Wants to stop at once.
#[derive(Debug)]
struct Stopped;

impl Progress for Stopped {
    fn begin(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn unreadable(&self, _: u64) {}
    fn issue(&self, _: &kanshiki_model::Issue) {}
    fn stop_requested(&self) -> bool {
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9), cut in any::<prop::sample::Index>()) {
        let place = tempdir();
        let list = place.path().join("list");
        let wanted: BTreeMap<&str, Digest> = ["a", "b"].into_iter().map(|it| (it, digest(Algorithm::Md5, it))).collect();
        write_file(&list, wanted.values().map(|it| it.to_hex() + "\n").collect::<String>());
        let mut bytes = build::in_memory(&list, &Silent).unwrap();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        for bytes in [bytes.clone(), bytes[..cut.index(bytes.len())].to_vec()] {
            if let Ok(index) = Index::read(Bytes::Memory(bytes)) {
                let _ = index.look_up(&wanted["a"]);
            }
        }
    }
}
