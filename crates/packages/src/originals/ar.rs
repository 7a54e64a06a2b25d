//! The archive that a `.deb` is.
//!
//! | bytes | field |
//! | --- | --- |
//! | 0..8 | `!<arch>` and a line break |
//! | a member | name (16), time (12), owner (6), group (6), mode (8), size (10, decimal), a backquote and a line break |
//! | behind it | its bytes, and a line break where their number is odd |
//!
//! Source: deb(5); ar(5).

use crate::damage::Damage;
use kanshiki_image::{ReadAt, read_exact_at};
use kanshiki_model::ByteRange;

/// Members that are looked at; a package has three, and signatures.
const MEMBERS: usize = 64;

const HEADER_BYTES: u64 = 60;

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, without the slash and the blanks behind it.
    pub name: Vec<u8>,
    /// Where its bytes lie.
    pub range: ByteRange,
}

/// The members of an archive, in their order.
///
/// # Errors
///
/// [`Damage`] if it is none, or a member has another form or reaches past the end.
pub fn members(source: &dyn ReadAt) -> Result<Vec<Member>, Damage> {
    let mut magic = [0; 8];
    let read = read_exact_at(source, 0, &mut magic);
    if read.is_err() || magic != *b"!<arch>\n" {
        return Err(Damage::new(0, 8, "an archive was expected, which begins with `!<arch>`"));
    }
    let (mut members, mut at) = (Vec::new(), 8_u64);
    while at < source.len() && members.len() < MEMBERS {
        let mut header = [0; 60];
        read_exact_at(source, at, &mut header).map_err(|error| {
            Damage::new(at, HEADER_BYTES, format!("the header of a member cannot be read: {error}"))
        })?;
        let start = at.saturating_add(HEADER_BYTES);
        let Some((name, size)) = member(&header) else {
            return Err(Damage::new(at, HEADER_BYTES, "the header of a member was expected"));
        };
        let end = start.checked_add(size).filter(|end| *end <= source.len());
        let Some(end) = end else {
            let text = format!("a member of {size} bytes reaches past the end of the archive");
            return Err(Damage::new(at, HEADER_BYTES, text));
        };
        members.push(Member { name, range: ByteRange::new(start, end) });
        at = end.saturating_add(size & 1);
    }
    Ok(members)
}

/// Name and size of a member.
fn member(header: &[u8; 60]) -> Option<(Vec<u8>, u64)> {
    let name = header.get(..16)?.trim_ascii_end();
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let size = std::str::from_utf8(header.get(48..58)?).ok()?.trim_end().parse().ok()?;
    header.ends_with(b"`\n").then(|| (name.to_vec(), size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_image::Memory;
    use proptest::prelude::*;

    fn archive() -> Vec<u8> {
        let member = |name: &str, content: &str| {
            format!("{name:16}{:12}{:6}{:6}{:8}{:<10}`\n{content}", 0, 0, 0, 100_644, content.len())
        };
        format!("!<arch>\n{}\n{}", member("debian-binary", "odd"), member("data.tar.xz/", "four")).into_bytes()
    }

    #[test]
    fn members_lie_behind_their_headers_at_even_places() {
        let found = members(&Memory(archive())).unwrap();
        assert_eq!(found[0], Member { name: b"debian-binary".to_vec(), range: ByteRange::new(68, 71) });
        assert_eq!(found[1], Member { name: b"data.tar.xz".to_vec(), range: ByteRange::new(132, 136) });
    }

    #[test]
    fn what_is_cut_off_or_no_archive_is_damage() {
        let bytes = archive();
        let cut = |length: usize| members(&Memory(bytes[..length].to_vec())).unwrap_err();
        assert_eq!(cut(134), Damage::new(72, 60, "a member of 4 bytes reaches past the end of the archive"));
        assert!(cut(100).text.starts_with("the header of a member cannot be read"));
        assert!(cut(4).text.starts_with("an archive was expected"));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(place in 0..140_usize, bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let mut archive = archive();
            for (there, byte) in archive.iter_mut().skip(place).zip(&bytes) {
                *there = *byte;
            }
            let _ = members(&Memory(archive));
        }
    }
}
