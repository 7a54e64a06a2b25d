//! POSIX access control lists.

use kanshiki_image::bytes::{u16_le, u32_le};

/// The most entries that are shown; a list of Linux has no more in one block of attributes.
const ENTRIES: usize = 8192;

/// The list in the short form of `getfacl`: `user::rw-,user:1000:r--,group::r--,mask::r--,other::r--`.
pub(super) fn text(value: &[u8]) -> Option<String> {
    let version = u32_le(value, 0)?;
    let mut rest = value.get(4..)?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (tag, permissions) = (u16_le(rest, 0)?, u16_le(rest, 2)?);
        let (who, named) = match tag {
            0x01 => ("user", false),
            0x02 => ("user", true),
            0x04 => ("group", false),
            0x08 => ("group", true),
            0x10 => ("mask", false),
            0x20 => ("other", false),
            _ => return None,
        };
        let long = match version {
            1 => named,
            2 => true,
            _ => return None,
        };
        let id = if named { u32_le(rest, 4)?.to_string() } else { String::new() };
        parts.push(format!("{who}:{id}:{}", letters(permissions)));
        rest = rest.get(if long { 8 } else { 4 }..)?;
        if parts.len() > ENTRIES {
            return None;
        }
    }
    Some(parts.join(","))
}

fn letters(permissions: u16) -> String {
    let letters = [(4, 'r'), (2, 'w'), (1, 'x')];
    letters.into_iter().map(|(bit, letter)| if permissions & bit == 0 { '-' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_ext4_stores_it_and_as_programs_see_it() {
        let stored = b"\x01\0\0\0\x01\0\x06\0\x02\0\x04\0\xe8\x03\0\0\x04\0\x04\0\x10\0\x04\0\x20\0\0\0";
        let expected = "user::rw-,user:1000:r--,group::r--,mask::r--,other::---";
        assert_eq!(text(stored).as_deref(), Some(expected));
        let seen = b"\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x04\0\xe8\x03\0\0\x04\0\x04\0\xff\xff\xff\xff\
                     \x10\0\x04\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff";
        assert_eq!(text(seen).as_deref(), Some(expected));
    }

    #[test]
    fn a_list_cut_short_is_not_decoded() {
        assert_eq!(text(b"\x01\0\0\0\x02\0\x04\0\xe8"), None);
        assert_eq!(text(b"\x07\0\0\0\x01\0\x04\0"), None);
    }
}
