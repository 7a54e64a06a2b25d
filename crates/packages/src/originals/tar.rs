//! The files of a tar archive, one after the other.
//!
//! Blocks of 512 bytes. The header of a member:
//!
//! | bytes | field |
//! | --- | --- |
//! | 0..100, 345..500 | the path: name, and of ustar what stands before it |
//! | 100..108, 108..116, 116..124 | mode, owner, group, in octal digits |
//! | 124..136, 136..148 | size and time, in octal digits, or in base 256 if the first bit is set |
//! | 148..156 | sum of all bytes of the header, these taken for blanks |
//! | 156 | type: `0` file, `1` further name, `2` link, `3` `4` devices, `5` directory, `6` pipe; `L` and `K`: the content is the path or target of the next |
//! | 157..257 | target of a link |
//! | 265..297, 297..329 | names of owner and group |
//! | 329..337, 337..345 | numbers of a device |
//!
//! Source: POSIX.1-2024, pax, ustar; GNU tar 1.35, "Basic Tar Format"; dpkg 1.21, lib/dpkg/tarfn.c, which takes no others.

use kanshiki_filesystem::NodeType;
use std::io::{self, Read};

const BLOCK: usize = 512;

/// Bytes of a path or target (`PATH_MAX` of Linux, include/uapi/linux/limits.h).
const PATH_BYTES: u64 = 4096;

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path, as it stands there.
    pub path: Vec<u8>,
    /// What it is; [`NodeType::File`] also for a further name of a file.
    pub node_type: NodeType,
    /// Whether it is a further name of the file at [`Member::target`].
    pub is_hard_link: bool,
    /// Where a link leads to.
    pub target: Vec<u8>,
    /// Permissions.
    pub mode: u16,
    /// Number of the owner.
    pub uid: u32,
    /// Number of the group.
    pub gid: u32,
    /// Name of the owner; may be empty.
    pub owner: Vec<u8>,
    /// Name of the group; may be empty.
    pub group: Vec<u8>,
    /// Bytes of the content.
    pub size: u64,
    /// When it was last changed, in seconds since 1970.
    pub modified: i64,
    /// Numbers of a device.
    pub device: (u32, u32),
}

/// Goes through an archive. `each` is given a member and its content, of which it need not read all; it says whether more is
/// wanted.
///
/// # Errors
///
/// The archive cannot be read on, or a header is damaged: what came before was given. The end of the bytes without the block of
/// zeroes that ends an archive is an error, too.
pub fn members(
    archive: &mut dyn Read,
    each: &mut dyn FnMut(Member, &mut dyn Read) -> io::Result<bool>,
) -> io::Result<()> {
    let (mut offset, mut path, mut target) = (0_u64, None, None);
    loop {
        let mut header = [0; BLOCK];
        archive.read_exact(&mut header).map_err(|error| at(offset, &error.to_string()))?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let kind = header.get(156).copied().unwrap_or(0);
        let Some(mut member) = member(&header).filter(|_| is_sum_right(&header)) else {
            return Err(at(offset, "a header was expected; its sum is wrong, or a field is no number"));
        };
        let size = member.size;
        let padding = size.checked_next_multiple_of(512).and_then(|padded| padded.checked_sub(size));
        let Some(padding) = padding else { return Err(at(offset, "a member has more bytes than can be")) };
        let mut content = (&mut *archive).take(size);
        match kind {
            b'L' | b'K' => {
                let text = long(&mut content, size).map_err(|error| at(offset, &error.to_string()))?;
                *(if kind == b'L' { &mut path } else { &mut target }) = Some(text);
            }
            _ => {
                member.path = path.take().unwrap_or(member.path);
                member.target = target.take().unwrap_or(member.target);
                if !each(member, &mut content)? {
                    return Ok(());
                }
            }
        }
        let rest = content.limit();
        let passed = io::copy(&mut (&mut *archive).take(rest.saturating_add(padding)), &mut io::sink())?;
        if passed < rest {
            return Err(at(offset, "the archive ends inside this member"));
        }
        offset = offset.saturating_add(512).saturating_add(size).saturating_add(padding);
    }
}

fn at(offset: u64, text: &str) -> io::Error {
    io::Error::other(format!("byte {offset} of the archive: {text}"))
}

/// A path or target that is too long for a header.
fn long(content: &mut dyn Read, size: u64) -> io::Result<Vec<u8>> {
    if size > PATH_BYTES.saturating_add(1) {
        return Err(io::Error::other(format!("a path of {size} bytes, more than the {PATH_BYTES} that there can be")));
    }
    let mut text = Vec::new();
    content.read_to_end(&mut text)?;
    text.truncate(text.iter().position(|byte| *byte == 0).unwrap_or(text.len()));
    Ok(text)
}

fn member(header: &[u8; BLOCK]) -> Option<Member> {
    let text = |start: usize, end: usize| {
        let text = header.get(start..end).unwrap_or_default();
        text.get(..text.iter().position(|byte| *byte == 0).unwrap_or(text.len())).unwrap_or_default()
    };
    let number = |start: usize, end: usize| number(header.get(start..end).unwrap_or_default());
    let kind = *header.get(156)?;
    let prefix = if header.get(257..263) == Some(b"ustar\0") { text(345, 500) } else { b"" };
    let path = if prefix.is_empty() { text(0, 100).to_vec() } else { [prefix, b"/", text(0, 100)].concat() };
    let node_type = match kind {
        0 | b'0' | b'7' if path.ends_with(b"/") => NodeType::Directory,
        0 | b'0' | b'1' | b'7' => NodeType::File,
        b'2' => NodeType::Symlink,
        b'3' => NodeType::CharacterDevice,
        b'4' => NodeType::BlockDevice,
        b'5' => NodeType::Directory,
        b'6' => NodeType::Fifo,
        _ => NodeType::Unknown,
    };
    // Of a further name the size is that of the file, and no content follows.
    let size = if matches!(kind, b'1'..=b'6') { 0 } else { number(124, 136)? };
    Some(Member {
        path,
        node_type,
        is_hard_link: kind == b'1',
        target: text(157, 257).to_vec(),
        mode: u16::try_from(number(100, 108)? & 0o7777).ok()?,
        uid: u32::try_from(number(108, 116)?).ok()?,
        gid: u32::try_from(number(116, 124)?).ok()?,
        owner: text(265, 297).to_vec(),
        group: text(297, 329).to_vec(),
        size,
        modified: i64::try_from(number(136, 148)?).ok()?,
        device: (u32::try_from(number(329, 337)?).ok()?, u32::try_from(number(337, 345)?).ok()?),
    })
}

/// Octal digits, or base 256; nothing counts as 0.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((0x80, rest)) = field.split_first() {
        let fits = rest.len() <= 8 || rest.iter().rev().skip(8).all(|byte| *byte == 0);
        return fits.then(|| rest.iter().fold(0_u64, |sum, byte| sum.wrapping_shl(8) | u64::from(*byte)));
    }
    let digits = field.split(|byte| matches!(byte, 0 | b' ')).find(|digits| !digits.is_empty()).unwrap_or_default();
    digits.iter().try_fold(0_u64, |sum, digit| {
        let digit = u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 8)?);
        sum.checked_mul(8)?.checked_add(digit)
    })
}

fn is_sum_right(header: &[u8; BLOCK]) -> bool {
    let bytes = header.iter().enumerate().map(|(place, byte)| if (148..156).contains(&place) { b' ' } else { *byte });
    let sum = bytes.fold(0_u64, |sum, byte| sum.wrapping_add(u64::from(byte)));
    header.get(148..156).and_then(number) == Some(sum)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in crate::originals) fn header(path: &str, kind: u8, size: usize, target: &str) -> Vec<u8> {
        let mut header = vec![0; BLOCK];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, path);
        put(100, "0004755\0");
        put(108, "0000001\0");
        put(116, "0000002\0");
        put(124, &format!("{size:011o}\0"));
        put(136, "14524566000\0");
        put(157, target);
        put(257, "ustar  \0");
        put(265, "root");
        put(297, "mail");
        header[156] = kind;
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        header
    }

    pub(in crate::originals) fn block(text: &str) -> Vec<u8> {
        let mut block = text.as_bytes().to_vec();
        block.resize(BLOCK, 0);
        block
    }

    fn archive() -> Vec<u8> {
        let long = "long/".repeat(30);
        [
            header("./", b'5', 0, ""),
            header("./usr/bin/su", b'0', 5, ""),
            block("hello"),
            header("./usr/bin/link", b'2', 0, "su"),
            header("./usr/bin/again", b'1', 5, "./usr/bin/su"),
            header("././@LongLink", b'L', long.len() + 1, ""),
            block(&long),
            header("cut", b'0', 3, ""),
            block("end"),
            vec![0; 2 * BLOCK],
        ]
        .concat()
    }

    fn read(bytes: &[u8]) -> (Vec<(Member, Vec<u8>)>, io::Result<()>) {
        let mut found = Vec::new();
        let result = members(&mut { bytes }, &mut |member, content| {
            let mut text = Vec::new();
            content.read_to_end(&mut text)?;
            found.push((member, text));
            Ok(true)
        });
        (found, result)
    }

    #[test]
    fn members_are_given_with_their_content() {
        let (found, result) = read(&archive());
        assert!(result.is_ok());
        let shown: Vec<_> = found
            .iter()
            .map(|(member, text)| (String::from_utf8_lossy(&member.path).len(), member.node_type, text.len()))
            .collect();
        assert_eq!(
            shown,
            [
                (2, NodeType::Directory, 0),
                (12, NodeType::File, 5),
                (14, NodeType::Symlink, 0),
                (15, NodeType::File, 0),
                (150, NodeType::File, 3)
            ]
        );
        let su = &found[1].0;
        assert_eq!((su.mode, su.uid, su.gid, su.modified), (0o4755, 1, 2, 1_699_933_184));
        assert_eq!((su.owner.as_slice(), su.group.as_slice()), (b"root".as_slice(), b"mail".as_slice()));
        assert!(found[3].0.is_hard_link && found[3].0.target == b"./usr/bin/su");
        assert_eq!(found[2].0.target, b"su");
    }

    #[test]
    fn damage_is_told_with_its_place_and_what_came_before_is_given() {
        let mut bytes = archive();
        bytes[3 * BLOCK + 20] ^= 1;
        let (found, result) = read(&bytes);
        assert_eq!(found.len(), 2);
        assert!(result.unwrap_err().to_string().starts_with("byte 1536 of the archive: a header was expected"));
        let (found, result) = read(&archive()[..2 * BLOCK + 2]);
        assert_eq!((found.len(), found[1].1.as_slice()), (2, b"he".as_slice()));
        assert!(result.unwrap_err().to_string().ends_with("the archive ends inside this member"));
        assert!(read(b"").1.is_err());
    }

    #[test]
    fn numbers_are_octal_or_of_base_256() {
        assert_eq!(number(b"0000755\0"), Some(0o755));
        assert_eq!(number(b"   12 \0"), Some(0o12));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x01\0\0\0\x02"), Some((1 << 32) + 2));
        assert_eq!([number(b"8"), number(b"-1"), number(&[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0])], [None; 3]);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(place in 0..5000_usize, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut archive = archive();
            for (there, byte) in archive.iter_mut().skip(place).zip(&bytes) {
                *there = *byte;
            }
            let _ = read(&archive);
        }
    }
}
