//! Lists of known files: their digests, in the forms in which such lists go round.
//!
//! | form | line |
//! | --- | --- |
//! | sha256sum and its kin | `digest  name`, `digest *name`, `\digest  escaped name` |
//! | with tags | `SHA256 (name) = digest` |
//! | hashdeep | columns named by the line `%%%% size,md5,sha256,filename` |
//! | NSRL | `"SHA-1","MD5","CRC32","FileName",…`, the columns named by the first line |
//! | digests alone | one on a line |
//!
//! Digests of SHA-256 and of BLAKE3 have the same length. Tags and columns name the algorithm; the other forms do not.

use kanshiki_model::Algorithm;
use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read};

/// A line longer than this is cut there.
const LINE_BYTES: u64 = 64 << 10;

/// Lines that tell which algorithms a list has.
const PEEKED: usize = 1000;

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnownError {
    /// It cannot be read.
    #[error("cannot read the list of known files")]
    Read(#[source] io::Error),
    /// It holds no digest.
    #[error(
        "no digest in the first {PEEKED} lines: expected a list of sha256sum, md5sum or hashdeep, of the NSRL, or of digests"
    )]
    Empty,
}

/// A list of known files, read anew for each portion of files: it may be larger than memory.
#[derive(Debug)]
pub struct KnownList {
    /// Those of its digests, the strongest last; of digests that may be of either, SHA-256.
    algorithms: Vec<Algorithm>,
    /// Whether it has digests of which it does not say whether they are of SHA-256 or BLAKE3.
    is_unsure: bool,
}

impl KnownList {
    /// Looks at the beginning of a list.
    ///
    /// # Errors
    ///
    /// [`KnownError`].
    pub fn open(list: impl Read) -> Result<Self, KnownError> {
        let (mut algorithms, mut is_unsure, mut lines) = (HashSet::<Algorithm>::new(), false, 0_usize);
        each_digest(list, &mut |found| {
            lines = lines.saturating_add(usize::from(found.is_none()));
            if let Some((may_be, _)) = found {
                algorithms.extend(may_be.first());
                is_unsure |= may_be.len() > 1;
            }
            lines < PEEKED
        })
        .map_err(KnownError::Read)?;
        let algorithms: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(|it| algorithms.contains(it)).collect();
        if algorithms.is_empty() { Err(KnownError::Empty) } else { Ok(Self { algorithms, is_unsure }) }
    }

    /// The algorithms by which files are looked up: the strongest of the list's that is among `wanted`, or else the
    /// strongest of the list's; SHA-256 and BLAKE3 where BLAKE3 is wanted and the list has digests that may be of either.
    #[must_use]
    pub fn algorithms(&self, wanted: &[Algorithm]) -> Vec<Algorithm> {
        if self.is_unsure && wanted.contains(&Algorithm::Blake3) {
            return EITHER.to_vec();
        }
        let of_both = self.algorithms.iter().rev().find(|algorithm| wanted.contains(algorithm));
        of_both.or(self.algorithms.last()).copied().into_iter().collect()
    }

    /// Whether files that are looked up by these algorithms may be in the list and not be found, because its digests are
    /// taken for those of SHA-256 and may be of BLAKE3.
    #[must_use]
    pub fn may_be_misread(&self, looked_up: &[Algorithm]) -> bool {
        self.is_unsure && looked_up.contains(&Algorithm::Sha256) && !looked_up.contains(&Algorithm::Blake3)
    }

    /// Which of the digests, by their bytes, are in the list.
    ///
    /// # Errors
    ///
    /// The reader's.
    pub fn known(
        list: impl Read,
        algorithms: &[Algorithm],
        digests: &mut HashSet<Vec<u8>>,
    ) -> io::Result<HashSet<Vec<u8>>> {
        let mut known = HashSet::new();
        each_digest(list, &mut |found| {
            if let Some((may_be, digest)) = found
                && may_be.iter().any(|algorithm| algorithms.contains(algorithm))
                && let Some(digest) = digests.take(digest)
            {
                known.insert(digest);
            }
            !digests.is_empty()
        })?;
        Ok(known)
    }
}

/// The algorithms with digests of 64 digits.
const EITHER: &[Algorithm] = &[Algorithm::Sha256, Algorithm::Blake3];

/// Where digests go with the algorithms that they may be of, and `None` after each line; false means that no more is
/// wanted.
type Take<'a> = &'a mut dyn FnMut(Option<(&[Algorithm], &[u8])>) -> bool;

/// Hands on every digest of a list, and `None` after each line, until `take` wants no more.
fn each_digest(list: impl Read, take: Take<'_>) -> io::Result<()> {
    let mut list = BufReader::with_capacity(1 << 17, list);
    let (mut line, mut columns) = (Vec::new(), None);
    loop {
        line.clear();
        if list.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = line.trim_ascii();
        if let Some(named) = header(text) {
            columns = Some(named);
        } else if !text.starts_with(b"%") && !text.starts_with(b"#") {
            let (tag, text) = tagged(text).map_or((None, text), |(tag, text)| (Some(tag), text));
            for word in text.split(|byte| !byte.is_ascii_alphanumeric()).take(columns.unwrap_or(6)) {
                let found = parse(word).map(|(may_be, digest)| {
                    let may_be = match &tag {
                        Some(tag) => named(may_be, tag),
                        // The columns of such lists are named, and none is of BLAKE3.
                        None if columns.is_some() => may_be.get(..1).unwrap_or_default(),
                        None => may_be,
                    };
                    (may_be, digest)
                });
                let found = found.filter(|(may_be, _)| !may_be.is_empty());
                if found.is_some_and(|(may_be, digest)| !take(Some((may_be, digest.as_slice())))) {
                    return Ok(());
                }
                // Names may look like digests; those of lines without columns come behind the digest.
                if columns.is_none() && word.len() >= 32 {
                    break;
                }
            }
        }
        if !take(None) {
            return Ok(());
        }
    }
}

/// The one of the algorithms that has this name, or none.
fn named<'a>(algorithms: &'a [Algorithm], name: &str) -> &'a [Algorithm] {
    let mut each = algorithms.chunks(1);
    each.find(|one| one.iter().all(|algorithm| algorithm.name() == name)).unwrap_or_default()
}

/// A line in the form with tags: the tag as algorithms are named here, and what stands behind the name.
fn tagged(line: &[u8]) -> Option<(String, &[u8])> {
    let end = memchr::memmem::find(line, b" (")?;
    let tag = line.get(..end)?;
    let is_tag = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/');
    if tag.is_empty() || !tag.iter().all(is_tag) || parse(tag).is_some() {
        return None;
    }
    let at = memchr::memmem::rfind(line, b") = ")?;
    let name = String::from_utf8_lossy(tag).replace('-', "").to_ascii_lowercase();
    Some((name, line.get(at.saturating_add(4)..)?))
}

/// The number of words before the name in a list whose first line names its columns.
fn header(line: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(line).ok()?;
    let lower = text.trim_start_matches(['%', ' ']).to_ascii_lowercase();
    if !lower.starts_with("size,") && !lower.starts_with("\"sha-1\"") && !lower.starts_with("\"sha256\"") {
        return None;
    }
    let before = lower.split("filename").next()?;
    // The last part is what stands between the sign before the name and the name: nothing.
    let words = before.replace("sha-1", "sha1").split(|sign: char| !sign.is_ascii_alphanumeric()).count();
    Some(words.saturating_sub(1))
}

/// A digest, with the algorithms that it may be of, the likeliest first.
fn parse(word: &[u8]) -> Option<(&'static [Algorithm], Vec<u8>)> {
    let may_be: &[Algorithm] = match word.len() {
        32 => &[Algorithm::Md5],
        40 => &[Algorithm::Sha1],
        64 => EITHER,
        128 => &[Algorithm::Sha512],
        _ => return None,
    };
    let nibble = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(64);
    for pair in word.chunks_exact(2) {
        let [high, low] = pair else { return None };
        bytes.push(nibble(high)? << 4 | nibble(low)?);
    }
    Some((may_be, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
    const SHA1: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn digests(list: &str) -> Vec<Algorithm> {
        let mut found = Vec::new();
        each_digest(list.as_bytes(), &mut |digest| {
            found.extend(digest.map(|(may_be, _)| may_be[0]));
            true
        })
        .unwrap();
        found
    }

    #[test]
    fn each_form_gives_its_digests_and_no_name_is_taken_for_one() {
        assert_eq!(digests(&format!("{SHA256}  {MD5}\n\\{MD5} *a\\nb\n")), [Algorithm::Sha256, Algorithm::Md5]);
        assert_eq!(digests(&format!("SHA256 ({MD5}) = {SHA256}\r\n")), [Algorithm::Sha256]);
        let hashdeep = format!("%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## x\n0,{MD5},{SHA256},./{SHA1}\n");
        assert_eq!(digests(&hashdeep), [Algorithm::Md5, Algorithm::Sha256]);
        let nsrl = format!(
            "\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\",\"FileSize\"\r\n\"{}\",\"{MD5}\",\"00000000\",\"{SHA256}\",0\r\n",
            SHA1.to_uppercase()
        );
        assert_eq!(digests(&nsrl), [Algorithm::Sha1, Algorithm::Md5]);
        assert_eq!(digests(&format!("{SHA1}\n")), [Algorithm::Sha1]);
    }

    #[test]
    fn the_strongest_algorithm_of_both_is_used() {
        let list = KnownList::open(format!("{MD5}\n{SHA1}\n").as_bytes()).unwrap();
        assert_eq!(list.algorithms(&[Algorithm::Md5, Algorithm::Sha256]), [Algorithm::Md5]);
        assert_eq!(list.algorithms(&[Algorithm::Sha256]), [Algorithm::Sha1]);
        assert!(KnownList::open(b"nothing here\n".as_slice()).is_err());
    }

    #[test]
    fn digests_of_64_digits_are_of_either_algorithm_unless_the_list_says_of_which() {
        let open = |list: &str| KnownList::open(list.as_bytes()).unwrap();
        let bare = open(&format!("{SHA256}  ./name\n"));
        assert_eq!(bare.algorithms(&[Algorithm::Blake3]), [Algorithm::Sha256, Algorithm::Blake3]);
        assert_eq!(bare.algorithms(&[Algorithm::Md5]), [Algorithm::Sha256]);
        assert!(bare.may_be_misread(&[Algorithm::Sha256]) && !bare.may_be_misread(EITHER));
        let tagged = open(&format!("BLAKE3 (name) = {SHA256}\nSHA3-512 (name) = {SHA256}{SHA256}\n"));
        assert_eq!(tagged.algorithms(&[Algorithm::Sha256]), [Algorithm::Blake3]);
        let columns = open(&format!("%%%% size,md5,sha256,filename\n0,{MD5},{SHA256},x\n"));
        assert_eq!(columns.algorithms(&[Algorithm::Blake3, Algorithm::Sha256]), [Algorithm::Sha256]);
        assert!(!tagged.may_be_misread(&[Algorithm::Sha256]) && !columns.may_be_misread(&[Algorithm::Sha256]));
        let mut wanted = HashSet::from([parse(SHA256.as_bytes()).unwrap().1]);
        let list = format!("BLAKE3 (name) = {SHA256}\n");
        assert!(KnownList::known(list.as_bytes(), &[Algorithm::Sha256], &mut wanted).unwrap().is_empty());
        assert_eq!(KnownList::known(list.as_bytes(), EITHER, &mut wanted).unwrap().len(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let _ = KnownList::open(bytes.as_slice());
        }
    }
}
