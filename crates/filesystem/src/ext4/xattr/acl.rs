//! Access control lists: ext4 keeps them shorter than the kernel gives them out.
//!
//! | field | at |
//! | --- | --- |
//! | on the disk: version 1; then tag, permissions and, for named users and groups, the number | 0; 0, 2, 4 |
//! | from `getxattr`: version 2; then tag, permissions, the number (all bits set where there is none) | 0; 0, 2, 4 |
//!
//! Source: Linux 6.12, fs/ext4/acl.h and include/uapi/linux/posix_acl_xattr.h.

use kanshiki_image::bytes::{u16_le, u32_le};

const ON_DISK: u32 = 1;
const GIVEN: u32 = 2;
const USER: u16 = 0x2;
const GROUP: u16 = 0x8;

/// The list as `getxattr` gives it; `None` if the bytes are no list, so that they had best be shown as they are.
pub(super) fn as_kernel_gives_it(stored: &[u8]) -> Option<Vec<u8>> {
    if u32_le(stored, 0)? != ON_DISK {
        return None;
    }
    let mut given = GIVEN.to_le_bytes().to_vec();
    let mut rest = stored.get(4..)?;
    while !rest.is_empty() {
        let tag = u16_le(rest, 0)?;
        let named = tag == USER || tag == GROUP;
        let number = if named { u32_le(rest, 4)? } else { u32::MAX };
        given.extend_from_slice(rest.get(..4)?);
        given.extend_from_slice(&number.to_le_bytes());
        rest = rest.get(if named { 8 } else { 4 }..)?;
    }
    Some(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_without_a_number_get_one_with_all_bits_set() {
        let stored = [1, 0, 0, 0, 1, 0, 6, 0, 2, 0, 4, 0, 0xe8, 3, 0, 0, 0x20, 0, 0, 0];
        let given =
            [2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0xe8, 3, 0, 0, 0x20, 0, 0, 0, 255, 255, 255, 255];
        assert_eq!(as_kernel_gives_it(&stored).unwrap(), given);
        assert_eq!(as_kernel_gives_it(&stored[..14]), None);
        assert_eq!(as_kernel_gives_it(&given), None);
    }
}
