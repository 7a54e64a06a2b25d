//! Images in several files: `image.001`, `image.002` … or `image.aa`, `image.ab` …

use crate::bytes::{bounded, length};
use crate::{ReadAt, ReadError, Runs, Source};
use kanshiki_model::{ByteRange, visible};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// The most letters or digits in the number of a part.
const MAX_WIDTH: usize = 6;

/// Finds all parts of the split image that begins with `first`, in order. `None` if the name is not that of a first
/// part. Numbers of three or more digits make a split image even when there is one part only; shorter ones, and
/// letters, are often something else, and need a second part. The last part cannot be known to be missing.
///
/// # Errors
///
/// [`io::ErrorKind::NotFound`] naming the first part that is missing before others; the operating system's.
pub fn discover(first: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    let Some((stem, scheme, start)) = part_name(first) else { return Ok(None) };
    if !scheme.is_first(start) || (start == 1 && scheme.path(first, &stem, 0).exists()) {
        return Ok(None);
    }
    let numbers = numbers_of(first, &stem, scheme)?;
    let mut parts = Vec::new();
    let mut next = start;
    for number in numbers.range(start..) {
        if *number != next {
            let missing = visible(scheme.path(first, &stem, next).as_os_str().as_bytes());
            let message = format!("part `{missing}` of the split image is missing, but later ones are there");
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        parts.push(scheme.path(first, &stem, next));
        next = next.saturating_add(1);
    }
    Ok((parts.len() > 1 || (parts.len() == 1 && scheme.is_telling())).then_some(parts))
}

/// The first part of the split image of which `path` is a later part, if the first is there.
#[must_use]
pub fn first_part(path: &Path) -> Option<PathBuf> {
    let (stem, scheme, number) = part_name(path)?;
    let mut before = (0..2).filter(|first| scheme.is_first(*first) && *first < number);
    scheme
        .is_telling()
        .then(|| before.find_map(|first| Some(scheme.path(path, &stem, first)).filter(|path| path.exists())))?
}

/// The parts of a split image, by their numbers from 0, whose lengths are not right, and the length that most have: all but
/// the last are of one length, and the last is no longer than these.
#[must_use]
pub fn uneven(lengths: &[u64]) -> (u64, Vec<usize>) {
    let Some((last, others)) = lengths.split_last().filter(|(_, others)| !others.is_empty()) else {
        return (0, Vec::new());
    };
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for length in others {
        let count = counts.entry(*length).or_default();
        *count = count.saturating_add(1);
    }
    let usual = counts.into_iter().max_by_key(|(length, count)| (*count, *length)).map_or(0, |(length, _)| length);
    let odd = others.iter().enumerate().filter(|(_, length)| **length != usual).map(|(number, _)| number);
    (usual, odd.chain((*last > usual).then_some(others.len())).collect())
}

/// How parts are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// Decimal digits, at least so many.
    Digits(usize),
    /// Exactly so many letters.
    Letters(usize),
}

impl Scheme {
    fn of(suffix: &[u8]) -> Option<Self> {
        let width = Some(suffix.len()).filter(|width| (2..=MAX_WIDTH).contains(width))?;
        if suffix.iter().all(u8::is_ascii_digit) {
            return Some(Self::Digits(width));
        }
        suffix.iter().all(u8::is_ascii_lowercase).then_some(Self::Letters(width))
    }

    fn is_first(self, number: u64) -> bool {
        match self {
            Self::Digits(_) => number <= 1,
            Self::Letters(_) => number == 0,
        }
    }

    fn is_telling(self) -> bool {
        matches!(self, Self::Digits(3..))
    }

    /// The number that a suffix of this scheme stands for.
    fn number(self, suffix: &[u8]) -> Option<u64> {
        match self {
            Self::Digits(width) => {
                let fits = suffix.len() == width || (suffix.len() > width && suffix.first() != Some(&b'0'));
                let text = std::str::from_utf8(suffix).ok().filter(|text| text.bytes().all(|c| c.is_ascii_digit()))?;
                text.parse().ok().filter(|_| fits)
            }
            Self::Letters(width) => {
                let digit = |letter: &u8| letter.checked_sub(b'a').filter(|digit| *digit < 26).map(u64::from);
                let add = |sum: u64, letter| Some(sum.saturating_mul(26).saturating_add(digit(letter)?));
                suffix.iter().try_fold(0, add).filter(|_| suffix.len() == width)
            }
        }
    }

    fn suffix(self, number: u64) -> Vec<u8> {
        match self {
            Self::Digits(width) => format!("{number:0width$}").into_bytes(),
            Self::Letters(width) => {
                let mut rest = number;
                let mut letters: Vec<u8> = (0..width)
                    .map(|_| {
                        let digit = u8::try_from(rest.checked_rem(26).unwrap_or(0)).unwrap_or(0);
                        rest = rest.checked_div(26).unwrap_or(0);
                        b'a'.saturating_add(digit)
                    })
                    .collect();
                letters.reverse();
                letters
            }
        }
    }

    /// The path of another part beside `sibling`.
    fn path(self, sibling: &Path, stem: &[u8], number: u64) -> PathBuf {
        let mut name = stem.to_vec();
        name.extend(self.suffix(number));
        sibling.with_file_name(OsString::from_vec(name))
    }
}

/// Takes the name apart: all up to and with the last full stop, the scheme, and the part's number.
fn part_name(path: &Path) -> Option<(Vec<u8>, Scheme, u64)> {
    let name = path.file_name()?.as_bytes();
    let after = name.iter().rposition(|byte| *byte == b'.')?.checked_add(1)?;
    let (stem, suffix) = name.split_at_checked(after)?;
    let scheme = Scheme::of(suffix)?;
    Some((stem.to_vec(), scheme, scheme.number(suffix)?))
}

/// The numbers of all parts in the folder of `path`.
fn numbers_of(path: &Path, stem: &[u8], scheme: Scheme) -> io::Result<BTreeSet<u64>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut numbers = BTreeSet::new();
    for entry in folder.read_dir()? {
        let name: OsString = entry?.file_name();
        numbers.extend(OsStr::as_bytes(&name).strip_prefix(stem).and_then(|suffix| scheme.number(suffix)));
    }
    Ok(numbers)
}

/// Sources one after the other as one.
#[derive(Debug, Clone)]
pub struct Concat {
    /// Each part with the byte at which it begins.
    parts: Vec<(u64, Source)>,
    length: u64,
}

impl Concat {
    /// Puts the parts together in the order given.
    #[must_use]
    pub fn new(parts: Vec<Source>) -> Self {
        let mut length: u64 = 0;
        let parts = parts
            .into_iter()
            .map(|part| {
                let start = length;
                length = length.saturating_add(part.len());
                (start, part)
            })
            .collect();
        Self { parts, length }
    }
}

impl ReadAt for Concat {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = bounded(self.length.saturating_sub(offset), buf.len());
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..wanted).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(length(done));
            let after = self.parts.partition_point(|(start, _)| *start <= at);
            let Some((start, part)) = self.parts.get(after.saturating_sub(1)) else { break };
            let read = part.read_at(at.saturating_sub(*start), rest).map_err(|error| error.moved_up(*start))?;
            if read == 0 {
                return Err(ReadError::Io { offset: at, source: io::ErrorKind::UnexpectedEof.into() });
            }
            done = done.saturating_add(read);
        }
        Ok(done)
    }

    fn runs(&self) -> Runs<'_> {
        Box::new(self.parts.iter().flat_map(|(start, part)| {
            part.runs().map(|(run, state)| {
                (ByteRange::new(run.start.saturating_add(*start), run.end.saturating_add(*start)), state)
            })
        }))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use super::*;
    use crate::{Memory, RunState};
    use proptest::prelude::*;
    use std::sync::Arc;

    /// The names of the parts found from `first` among files of these names.
    fn found(names: &[&str], first: &str) -> Result<Option<Vec<String>>, String> {
        let folder = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| std::fs::write(folder.path().join(name), b"x").unwrap());
        let parts = discover(&folder.path().join(first))
            .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))?;
        let name = |part: PathBuf| part.file_name().unwrap().to_str().unwrap().to_owned();
        Ok(parts.map(|parts| parts.into_iter().map(name).collect()))
    }

    fn list(names: &[&str]) -> Result<Option<Vec<String>>, String> {
        Ok(Some(names.iter().map(|name| (*name).to_owned()).collect()))
    }

    #[test]
    fn parts_that_are_not_as_long_as_the_others_are_uneven() {
        assert_eq!(uneven(&[50, 50, 49, 50, 20]), (50, vec![2]));
        assert_eq!(uneven(&[49, 50, 50, 50]), (50, vec![0]));
        assert_eq!(uneven(&[50, 50, 51]), (50, vec![2]));
        for even in [&[][..], &[7], &[50, 50, 50], &[50, 3], &[50, 50, 0]] {
            assert_eq!(uneven(even).1, [0; 0], "{even:?}");
        }
    }

    #[test]
    fn parts_are_found_by_number_from_zero_or_one() {
        let names = ["d.raw.001", "d.raw.002", "d.raw.003", "other.004", "d.raw.x", "d.raw.0004"];
        assert_eq!(found(&names, "d.raw.001"), list(&["d.raw.001", "d.raw.002", "d.raw.003"]));
        assert_eq!(found(&["d.000", "d.001"], "d.000"), list(&["d.000", "d.001"]));
        assert_eq!(found(&["d.000", "d.001"], "d.001"), Ok(None));
        assert_eq!(found(&["d.00", "d.01"], "d.00"), list(&["d.00", "d.01"]));
        assert_eq!(found(&["d.001"], "d.001"), list(&["d.001"]));
    }

    #[test]
    fn parts_are_found_by_letters() {
        assert_eq!(found(&["d.aa", "d.ab", "d.ac"], "d.aa"), list(&["d.aa", "d.ab", "d.ac"]));
        assert_eq!(Scheme::Letters(2).suffix(26), b"ba");
        assert_eq!(Scheme::Letters(3).number(b"baa"), Some(676));
    }

    #[test]
    fn numbers_grow_past_their_width() {
        let names: Vec<String> = (1..=1001).map(|number| format!("d.{number:03}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(found(&names, "d.001"), list(&names));
    }

    #[test]
    fn a_gap_names_the_missing_part() {
        assert_eq!(
            found(&["d.001", "d.002", "d.005"], "d.001"),
            Err("part `d.003` of the split image is missing, but later ones are there".to_owned())
        );
    }

    #[test]
    fn other_names_are_no_first_part() {
        for name in ["d.raw", "d.002", "d", "d.aa", "d.00", "d.1", "d.zst", ".001x"] {
            assert_eq!(found(&[name], name), Ok(None), "{name}");
        }
    }

    #[test]
    fn the_first_part_is_found_from_a_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("d.001");
        std::fs::write(&first, b"x").unwrap();
        assert_eq!(first_part(&folder.path().join("d.007")), Some(first.clone()));
        assert_eq!(first_part(&first), None);
    }

    #[test]
    fn errors_of_a_part_are_told_from_the_start_of_the_whole() {
        let gap = [ByteRange::new(2, 3)].into_iter().collect();
        let bad: Source = Arc::new(crate::Gaps::new(Arc::new(Memory(vec![0; 5])), gap));
        let whole = Concat::new(vec![Arc::new(Memory(vec![1; 10])), bad]);
        let error = whole.read_at(0, &mut [0; 15]).unwrap_err();
        assert_eq!(error.to_string(), "bytes 12-13 were unreadable when the image was made");
        assert_eq!(whole.runs().nth(2), Some((ByteRange::new(12, 13), RunState::Unreadable)));
    }

    proptest! {
        #[test]
        fn parts_read_like_the_whole(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6),
            start in 0_usize..130, length in 0_usize..130,
        ) {
            let whole: Vec<u8> = parts.concat();
            let concat = Concat::new(parts.into_iter().map(|part| Arc::new(Memory(part)) as Source).collect());
            let mut buf = vec![0; length];
            let read = concat.read_at(start as u64, &mut buf).unwrap();
            let start = start.min(whole.len());
            prop_assert_eq!(&buf[..read], &whole[start..(start + length).min(whole.len())]);
        }

        #[test]
        fn any_name_never_panics(name in "[a-z0-9.]{1,12}") {
            let path = Path::new("/nonexistent").join(name);
            let _ = (discover(&path), first_part(&path));
        }
    }
}
