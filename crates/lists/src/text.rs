//! Lists of digests as text, in the forms in which such lists go round.
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

use crate::{Entry, Found, Take};
use kanshiki_model::Algorithm;
use std::io::{self, BufRead, BufReader, Read};

/// A line longer than this is cut there.
const LINE_BYTES: u64 = 64 << 10;

/// The algorithms with digests of 64 digits.
pub(crate) const EITHER: &[Algorithm] = &[Algorithm::Sha256, Algorithm::Blake3];

/// Hands on every line of a list.
pub(crate) fn each(list: impl Read, take: Take<'_>) -> io::Result<()> {
    let mut list = BufReader::with_capacity(1 << 17, list);
    let (mut line, mut columns, mut digests) = (Vec::new(), None, Vec::new());
    let (mut number, mut begins) = (0_u64, true);
    loop {
        line.clear();
        if list.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        number = number.saturating_add(u64::from(begins));
        begins = line.ends_with(b"\n");
        let text = line.trim_ascii();
        digests.clear();
        if let Some(named) = header(text) {
            columns = Some(named);
        } else if !text.starts_with(b"%") && !text.starts_with(b"#") {
            of_line(text, columns, &mut digests);
        }
        if take(&Entry { number, digests: &digests, text }).is_break() {
            return Ok(());
        }
    }
}

/// The digests of a line; `columns` is how many words stand before the name, if a first line says so.
fn of_line(text: &[u8], columns: Option<usize>, digests: &mut Vec<Found>) {
    let (tag, text) = tagged(text).map_or((None, text), |(tag, text)| (Some(tag), text));
    for word in text.split(|byte| !byte.is_ascii_alphanumeric()).take(columns.unwrap_or(6)) {
        let found = parse(word).map(|found| {
            let may_be = match &tag {
                Some(tag) => named(found.may_be, tag),
                // The columns of such lists are named, and none is of BLAKE3.
                None if columns.is_some() => found.may_be.get(..1).unwrap_or_default(),
                None => found.may_be,
            };
            Found { may_be, ..found }
        });
        digests.extend(found.filter(|found| !found.may_be.is_empty()));
        // Names may look like digests; those of lines without columns come behind the digest.
        if columns.is_none() && word.len() >= 32 {
            break;
        }
    }
}

/// The one of the algorithms that has this name, or none.
fn named(algorithms: &'static [Algorithm], name: &str) -> &'static [Algorithm] {
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
    let begins = |start: &[u8]| line.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    if !begins(b"%") && !begins(b"size,") && !begins(b"\"sha") {
        return None;
    }
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
pub(crate) fn parse(word: &[u8]) -> Option<Found> {
    let may_be: &[Algorithm] = match word.len() {
        32 => &[Algorithm::Md5],
        40 => &[Algorithm::Sha1],
        64 => EITHER,
        128 => &[Algorithm::Sha512],
        _ => return None,
    };
    let nibble = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; 64];
    for (pair, byte) in word.chunks_exact(2).zip(&mut bytes) {
        let [high, low] = pair else { return None };
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    Some(Found { may_be, bytes, length: word.len() / 2 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ops::ControlFlow;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
    const SHA1: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn digests(list: &str) -> Vec<(u64, Algorithm)> {
        let mut found = Vec::new();
        each(list.as_bytes(), &mut |entry| {
            found.extend(entry.digests.iter().map(|digest| (entry.number, digest.may_be[0])));
            ControlFlow::Continue(())
        })
        .unwrap();
        found
    }

    #[test]
    fn each_form_gives_its_digests_and_no_name_is_taken_for_one() {
        let two = digests(&format!("{SHA256}  {MD5}\n\\{MD5} *a\\nb\n"));
        assert_eq!(two, [(1, Algorithm::Sha256), (2, Algorithm::Md5)]);
        assert_eq!(digests(&format!("SHA256 ({MD5}) = {SHA256}\r\n")), [(1, Algorithm::Sha256)]);
        let hashdeep = format!("%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## x\n0,{MD5},{SHA256},./{SHA1}\n");
        assert_eq!(digests(&hashdeep), [(4, Algorithm::Md5), (4, Algorithm::Sha256)]);
        let nsrl = format!(
            "\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\",\"FileSize\"\r\n\"{}\",\"{MD5}\",\"00000000\",\"{SHA256}\",0\r\n",
            SHA1.to_uppercase()
        );
        assert_eq!(digests(&nsrl), [(2, Algorithm::Sha1), (2, Algorithm::Md5)]);
        assert_eq!(digests(&format!("{SHA1}\n")), [(1, Algorithm::Sha1)]);
    }

    #[test]
    fn a_line_that_is_cut_counts_once() {
        let list = format!("{}\n{MD5}\n", "x".repeat(200_000));
        assert_eq!(digests(&list), [(2, Algorithm::Md5)]);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let _ = each(bytes.as_slice(), &mut |_| ControlFlow::Continue(()));
        }
    }
}
