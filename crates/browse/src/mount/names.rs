//! Names that the kernel would not take from a filesystem, in a form that it takes.

use std::fmt::Write as _;

/// What the form begins with; the name's bytes follow in hexadecimal.
const PREFIX: &[u8] = b"kanshiki-name-";

/// The longest name that the kernel takes (`FUSE_NAME_MAX`, fs/fuse/fuse_i.h).
const LONGEST: usize = 1024;

/// The form in which a name is shown, if it cannot be shown as it is.
pub(super) fn shown(name: &[u8]) -> Option<String> {
    let impossible = name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') || name.contains(&0);
    if !impossible && name.len() <= LONGEST {
        return None;
    }
    let mut form = String::from_utf8_lossy(PREFIX).into_owned();
    for byte in name.iter().take(255) {
        // Writing to a String cannot fail.
        let _ = write!(form, "{byte:02x}");
    }
    Some(form)
}

/// The name that is shown in this form.
pub(super) fn meant(form: &[u8]) -> Option<Vec<u8>> {
    let digits = form.strip_prefix(PREFIX)?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let name: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    name.filter(|name| shown(name).is_some_and(|again| again.as_bytes() == form))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_the_kernel_takes_stay_as_they_are() {
        for name in [b"a".as_slice(), b"\xff", b"\n", b"...", &[b'n'; 255]] {
            assert_eq!(shown(name), None);
        }
    }

    #[test]
    fn impossible_names_are_shown_in_hexadecimal() {
        assert_eq!(shown(b"../x").unwrap(), "kanshiki-name-2e2e2f78");
        assert_eq!(shown(b"").unwrap(), "kanshiki-name-");
        assert_eq!(meant(b"kanshiki-name-2e2e2f78").unwrap(), b"../x");
        assert_eq!(meant(b"kanshiki-name-"), Some(Vec::new()));
        assert_eq!(meant(b"kanshiki-name-61"), None);
        assert_eq!(meant(b"kanshiki-name-2E2E"), None);
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_opened_and_any_bytes_never_panic(name in prop::collection::vec(prop_oneof![Just(b'/'), Just(0), any::<u8>()], 0..256)) {
            if let Some(form) = shown(&name) {
                prop_assert!(!form.contains(['/', '\0']));
                prop_assert_eq!(meant(form.as_bytes()), Some(name));
            } else {
                let _ = meant(&name);
            }
        }
    }
}
