//! Access control lists in the form in which Linux hands them to programs.
//!
//! | | on ext4 | to programs |
//! | --- | --- | --- |
//! | version | 1 (4 bytes) | 2 (4 bytes) |
//! | entry | tag, permissions (2 bytes each), and only for a named user or group its number (4 bytes) | always 8 bytes; the number is `0xffffffff` where there is none |
//!
//! All little-endian. Source: Linux 6.12, fs/ext4/acl.h, include/uapi/linux/posix_acl_xattr.h.

use kanshiki_image::bytes::array;

const ON_DISK: u32 = 1;
const TO_PROGRAMS: u32 = 2;
const USER: u16 = 2;
const GROUP: u16 = 8;
const NO_NUMBER: u32 = u32::MAX;

/// The list as programs want it; `None` if it is not of the form on disk.
pub(super) fn to_programs(stored: &[u8]) -> Option<Vec<u8>> {
    let mut rest = stored;
    if u32::from_le_bytes(take(&mut rest)?) != ON_DISK {
        return None;
    }
    let mut list = TO_PROGRAMS.to_le_bytes().to_vec();
    while !rest.is_empty() {
        let tag: [u8; 2] = take(&mut rest)?;
        let permissions: [u8; 2] = take(&mut rest)?;
        let number = match u16::from_le_bytes(tag) {
            USER | GROUP => take(&mut rest)?,
            _ => NO_NUMBER.to_le_bytes(),
        };
        list.extend_from_slice(&tag);
        list.extend_from_slice(&permissions);
        list.extend_from_slice(&number);
    }
    Some(list)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let taken = array(rest, 0)?;
    *rest = rest.get(N..)?;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn entries_without_a_number_get_the_one_that_stands_for_none() {
        // user::rw-, user:1000:r--, mask::rw-
        let stored = [1, 0, 0, 0, 1, 0, 6, 0, 2, 0, 4, 0, 0xe8, 3, 0, 0, 0x10, 0, 6, 0];
        let expected =
            [2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0xe8, 3, 0, 0, 0x10, 0, 6, 0, 255, 255, 255, 255];
        assert_eq!(to_programs(&stored).unwrap(), expected);
        assert_eq!(to_programs(&stored[..10]), None);
        assert_eq!(to_programs(&expected), None);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = to_programs(&bytes);
        }
    }
}
