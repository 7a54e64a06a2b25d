//! Lists of known files: their digests, in the forms in which such lists go round.
//!
//! | form | line |
//! | --- | --- |
//! | sha256sum and its kin | `digest  name`, `digest *name`, `\digest  escaped name` |
//! | with tags | `SHA256 (name) = digest` |
//! | hashdeep | columns named by the line `%%%% size,md5,sha256,filename` |
//! | NSRL | `"SHA-1","MD5","CRC32","FileName",…`, the columns named by the first line |
//! | digests alone | one on a line |

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
    algorithms: Vec<Algorithm>,
}

impl KnownList {
    /// Looks at the beginning of a list.
    ///
    /// # Errors
    ///
    /// [`KnownError`].
    pub fn open(list: impl Read) -> Result<Self, KnownError> {
        let (mut algorithms, mut lines) = (HashSet::new(), 0_usize);
        each_digest(list, &mut |found| {
            lines = lines.saturating_add(usize::from(found.is_none()));
            algorithms.extend(found.map(|(algorithm, _)| algorithm));
            lines < PEEKED
        })
        .map_err(KnownError::Read)?;
        let algorithms: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(|it| algorithms.contains(it)).collect();
        if algorithms.is_empty() { Err(KnownError::Empty) } else { Ok(Self { algorithms }) }
    }

    /// The algorithm by which files are looked up: the strongest of the list's that is among `wanted`.
    #[must_use]
    pub fn algorithm(&self, wanted: &[Algorithm]) -> Option<Algorithm> {
        self.algorithms.iter().rev().copied().find(|algorithm| wanted.contains(algorithm))
    }

    /// The strongest algorithm of the list.
    #[must_use]
    pub fn strongest(&self) -> Algorithm {
        self.algorithms.last().copied().unwrap_or(Algorithm::Sha256)
    }

    /// Which of the digests, by their bytes, are in the list.
    ///
    /// # Errors
    ///
    /// The reader's.
    pub fn known(
        list: impl Read,
        algorithm: Algorithm,
        digests: &mut HashSet<Vec<u8>>,
    ) -> io::Result<HashSet<Vec<u8>>> {
        let mut known = HashSet::new();
        each_digest(list, &mut |found| {
            if let Some((kind, digest)) = found
                && kind == algorithm
                && let Some(digest) = digests.take(digest)
            {
                known.insert(digest);
            }
            !digests.is_empty()
        })?;
        Ok(known)
    }
}

/// Where digests go, and `None` after each line; false means that no more is wanted.
type Take<'a> = &'a mut dyn FnMut(Option<(Algorithm, &[u8])>) -> bool;

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
            let text = behind_tag(text).unwrap_or(text);
            for word in text.split(|byte| !byte.is_ascii_alphanumeric()).take(columns.unwrap_or(6)) {
                if let Some((algorithm, digest)) = parse(word)
                    && !take(Some((algorithm, digest.as_slice())))
                {
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

/// The digest in the form with tags; `None` in all others.
fn behind_tag(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
    if !line.get(end..)?.starts_with(b" (") {
        return None;
    }
    let at = memchr::memmem::rfind(line, b") = ")?;
    line.get(at.saturating_add(4)..)
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

fn parse(word: &[u8]) -> Option<(Algorithm, Vec<u8>)> {
    let algorithm = match word.len() {
        32 => Algorithm::Md5,
        40 => Algorithm::Sha1,
        64 => Algorithm::Sha256,
        128 => Algorithm::Sha512,
        _ => return None,
    };
    let nibble = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(64);
    for pair in word.chunks_exact(2) {
        let [high, low] = pair else { return None };
        bytes.push(nibble(high)? << 4 | nibble(low)?);
    }
    Some((algorithm, bytes))
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
            found.extend(digest.map(|digest| digest.0));
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
        assert_eq!(list.algorithm(&[Algorithm::Md5, Algorithm::Sha256]), Some(Algorithm::Md5));
        assert_eq!((list.algorithm(&[Algorithm::Sha256]), list.strongest()), (None, Algorithm::Sha1));
        assert!(KnownList::open(b"nothing here\n".as_slice()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let _ = KnownList::open(bytes.as_slice());
        }
    }
}
