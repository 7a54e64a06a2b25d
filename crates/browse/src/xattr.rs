//! Extended attributes made readable: access lists, capabilities, labels.
//!
//! | attribute | layout, little-endian | source |
//! | --- | --- | --- |
//! | `system.posix_acl_*` as ext4 stores it | version 1 (u32), entries of tag (u16), permissions (u16) and, for named users and groups, id (u32) | Linux 6.12, fs/ext4/acl.h |
//! | `system.posix_acl_*` as programs see it | version 2 (u32), entries of tag (u16), permissions (u16), id (u32) | Linux 6.12, include/uapi/linux/posix_acl_xattr.h |
//! | `security.capability` | revision and flags (u32), permitted and inheritable (u32 each) once or twice, root's uid (u32) in revision 3 | Linux 6.12, include/uapi/linux/capability.h |
//! | `security.selinux` | text that may end with a NUL | – |
//! | `security.ima` | type (u8), algorithm (u8, from type 3 on), digest or signature | Linux 6.12, security/integrity/integrity.h |

mod acl;

use kanshiki_filesystem::Capabilities;
use kanshiki_model::{hex, visible_text};

/// Values of which no more than this many bytes are shown readable.
const SHOWN: usize = 4096;

/// What an attribute's value means, for people, already made visible; `None` if it is not of the form that its name
/// promises, or too long to show.
///
/// ```
/// let value = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// assert_eq!(kanshiki_browse::decoded(b"security.capability", value).as_deref(), Some("cap_net_raw=ep"));
/// ```
#[must_use]
pub fn decoded(name: &[u8], value: &[u8]) -> Option<String> {
    match name {
        b"system.posix_acl_access" | b"system.posix_acl_default" => acl::text(value),
        b"security.capability" => Capabilities::of_value(value).map(|capabilities| capabilities.to_string()),
        b"security.ima" => ima(value),
        _ => plain(value),
    }
}

/// Text, without the NUL at its end.
fn plain(value: &[u8]) -> Option<String> {
    let value = value.strip_suffix(b"\0").unwrap_or(value);
    let text = std::str::from_utf8(value).ok().filter(|_| value.len() <= SHOWN)?;
    // Text has no control characters but those that lay it out.
    let is_text = text.chars().all(|character| !character.is_control() || matches!(character, '\n' | '\t' | '\r'));
    is_text.then(|| visible_text(text))
}

/// The digest or signature that the kernel's integrity measurement compares.
fn ima(value: &[u8]) -> Option<String> {
    const ALGORITHMS: [&str; 9] = ["md4", "md5", "sha1", "rmd160", "sha256", "sha384", "sha512", "sha224", "rmd128"];
    let (kind, rest) = value.split_first()?;
    match kind {
        1 => Some(format!("digest sha1:{}", hex(rest))),
        3 => Some(format!("signature of {} bytes", value.len())),
        4 => {
            let (algorithm, digest) = rest.split_first()?;
            let name = ALGORITHMS.get(usize::from(*algorithm)).copied().unwrap_or("unknown algorithm");
            Some(format!("digest {name}:{}", hex(digest)))
        }
        _ => None,
    }
}

/// A value as it is shown where nothing is known of its form: as text if it is some, else in hexadecimal, cut at a length
/// that a person can read.
#[must_use]
pub fn undecoded(value: &[u8]) -> String {
    const HEX: usize = 64;
    match value.get(..HEX) {
        Some(head) if value.len() > HEX => format!("0x{}… ({} bytes)", hex(head), value.len()),
        _ => format!("0x{}", hex(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_label_loses_its_nul_and_hidden_characters_are_escaped() {
        let label = decoded(b"security.selinux", b"system_u:object_r:etc_t:s0\0");
        assert_eq!(label.as_deref(), Some("system_u:object_r:etc_t:s0"));
        assert_eq!(decoded(b"user.x", "a\u{202e}b\n".as_bytes()).as_deref(), Some("a\\u{202e}b\\u{a}"));
        assert_eq!(decoded(b"user.x", b"a\x1b"), None);
        assert_eq!(undecoded(b"a\x1b"), "0x611b");
    }

    #[test]
    fn the_digest_of_integrity_measurement_names_its_algorithm() {
        assert_eq!(decoded(b"security.ima", b"\x04\x04\xab\xcd").as_deref(), Some("digest sha256:abcd"));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(name in 0_usize..5, value in prop::collection::vec(any::<u8>(), 0..80), version in 0_u8..5) {
            let names: [&[u8]; 5] =
                [b"system.posix_acl_access", b"security.capability", b"security.ima", b"security.selinux", b"user.x"];
            let mut value = value;
            if let Some(first) = value.first_mut() { *first = version; }
            for bytes in [&value, &[&value[..], &[0, 0, 0]].concat()] {
                let shown = decoded(names[name], bytes).unwrap_or_else(|| undecoded(bytes));
                prop_assert!(!shown.chars().any(kanshiki_model::is_hidden));
            }
        }
    }
}
