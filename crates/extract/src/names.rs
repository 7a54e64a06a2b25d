//! Names that are safe on every system, and can be turned back into the ones that the evidence holds.
//!
//! | in a safe name | stands for |
//! | --- | --- |
//! | `%XX` | the byte with these two upper-case hexadecimal digits |
//! | `%~2`, `%~3` … at the end | nothing: it keeps the name apart from another in the same directory |
//! | `%~h` and 16 digits | the rest of a name that is too long when written like this; the manifest has it whole |
//! | `%~empty` | the empty name |
//! | anything else | itself |
//!
//! Written as `%XX`: control characters, slash, backslash, NUL, invalid UTF-8, characters that are not seen or change
//! the direction of text, `%` itself, `" * : < > ? |`; a hyphen, blank or tilde at the beginning; a dot or blank at the
//! end; the names `.` and `..`; and the first letter of names that Windows keeps for devices.

use kanshiki_model::is_hidden;
use std::fmt::Write as _;

/// The longest name in bytes that common filesystems take.
const LONGEST: usize = 255;

/// What is kept of a name that is too long; the rest of [`LONGEST`] is for the marks behind it.
const KEPT: usize = 200;

/// The safe form of the empty name.
const EMPTY: &str = "%~empty";

/// Names that Windows takes for devices, with any ending.
/// Source: Microsoft, "Naming Files, Paths, and Namespaces".
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// The safe form of a name. `apart`, from 2, is added to keep it apart from another name of its directory.
///
/// The result is not empty, not `.` or `..`, has neither slash nor NUL, and at most 255 bytes.
///
/// # Example
///
/// ```
/// use kanshiki_extract::names::{original, safe};
/// assert_eq!(safe(b"../etc/passwd", None), "..%2Fetc%2Fpasswd");
/// assert_eq!(original("..%2Fetc%2Fpasswd").unwrap(), b"../etc/passwd");
/// ```
#[must_use]
pub fn safe(name: &[u8], apart: Option<u64>) -> String {
    let mark = apart.map(|number| format!("%~{number}")).unwrap_or_default();
    let whole = escaped(name);
    if whole.len().saturating_add(mark.len()) <= LONGEST {
        return format!("{whole}{mark}");
    }
    let digest = kanshiki_custody::hex_sha256(name);
    format!("{}%~h{}{mark}", cut(&whole), digest.get(..16).unwrap_or(&digest))
}

/// The name that a safe name was made from; `None` if it was too long to be kept whole, or is no safe name.
#[must_use]
pub fn original(safe: &str) -> Option<Vec<u8>> {
    let (plain, mark) = safe.split_once("%~").unwrap_or((safe, "2"));
    if safe.starts_with(EMPTY) {
        return Some(Vec::new());
    }
    if mark.is_empty() || !mark.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut name = Vec::with_capacity(plain.len());
    let mut rest = plain.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            name.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        name.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    Some(name)
}

/// The form without marks.
fn escaped(name: &[u8]) -> String {
    if name.is_empty() {
        return EMPTY.to_owned();
    }
    let last = name.len().saturating_sub(1);
    let first_of_device = is_device(name);
    let whole_is_dots = name == b"." || name == b"..";
    let mut out = String::with_capacity(name.len());
    let mut at = 0_usize;
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            let edge = match character {
                '-' | '~' => at == 0,
                ' ' => at == 0 || at == last,
                '.' => at == last || whole_is_dots,
                _ => at == 0 && first_of_device,
            };
            push(&mut out, character, edge);
            at = at.saturating_add(character.len_utf8());
        }
        for byte in chunk.invalid() {
            push_byte(&mut out, *byte);
            at = at.saturating_add(1);
        }
    }
    out
}

fn push(out: &mut String, character: char, edge: bool) {
    let forbidden = matches!(character, '/' | '\\' | '%' | '"' | '*' | ':' | '<' | '>' | '?' | '|');
    let mut buffer = [0; 4];
    let text: &str = character.encode_utf8(&mut buffer);
    if edge || forbidden || is_hidden(character) {
        text.bytes().for_each(|byte| push_byte(out, byte));
    } else {
        out.push(character);
    }
}

fn push_byte(out: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(out, "%{byte:02X}");
}

/// Whether Windows takes the name for a device: `con`, `nul.txt`, `com1`, `lpt²`.
fn is_device(name: &[u8]) -> bool {
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or_default().to_ascii_lowercase();
    DEVICES.iter().any(|device| {
        let rest = stem.strip_prefix(device.as_bytes());
        match *device {
            "com" | "lpt" => rest.is_some_and(is_number),
            _ => rest.is_some_and(<[u8]>::is_empty),
        }
    })
}

/// Whether this is a digit, or one of the digits above the line that Windows takes for digits.
fn is_number(rest: &[u8]) -> bool {
    matches!(rest, [b'0'..=b'9']) || ["¹", "²", "³"].iter().any(|digit| digit.as_bytes() == rest)
}

/// The beginning of a form that is too long, cut between two characters and not inside an escape.
fn cut(whole: &str) -> &str {
    let mut end = KEPT.min(whole.len());
    while !whole.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let kept = whole.get(..end).unwrap_or_default();
    match kept.rfind('%') {
        Some(escape) if kept.len().saturating_sub(escape) < 3 => kept.get(..escape).unwrap_or_default(),
        _ => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in [
            "passwd",
            ".bashrc",
            "a b",
            "x~",
            "証拠.txt",
            "lost+found",
            "[",
            "consul",
            "com10",
            "com⁴",
            "lpt¹²",
            "a-b.tar.gz",
        ] {
            assert_eq!(safe(name.as_bytes(), None), name);
        }
    }

    #[test]
    fn names_that_could_harm_are_escaped() {
        let cases: [(&[u8], &str); 17] = [
            (b"..", "%2E%2E"),
            (b".", "%2E"),
            (b"", "%~empty"),
            (b"../x", "..%2Fx"),
            (b"/etc", "%2Fetc"),
            (b"a\0b", "a%00b"),
            (b"a\x1b[2J\n", "a%1B[2J%0A"),
            (b"\xff\xfe", "%FF%FE"),
            (b"-rf", "%2Drf"),
            (b"50%", "50%25"),
            (b" a ", "%20a%20"),
            (b"CON", "%43ON"),
            (b"nul.txt", "%6Eul.txt"),
            ("COM¹".as_bytes(), "%43OM¹"),
            ("com².log".as_bytes(), "%63om².log"),
            ("Lpt³".as_bytes(), "%4Cpt³"),
            ("a\u{202e}b".as_bytes(), "a%E2%80%AEb"),
        ];
        for (name, expected) in cases {
            assert_eq!(safe(name, None), expected);
            assert_eq!(original(expected).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_mark_keeps_names_apart_and_is_taken_off_again() {
        assert_eq!(safe(b"README", Some(2)), "README%~2");
        assert_eq!(original("README%~2").unwrap(), b"README");
        assert_eq!(original(&safe(b"", Some(3))).unwrap(), b"");
    }

    #[test]
    fn a_plain_name_of_255_bytes_is_kept_and_a_longer_form_is_cut_and_told_by_its_digest() {
        let plain = vec![b'n'; 255];
        assert_eq!(safe(&plain, None).as_bytes(), plain);
        let hostile = vec![b'\n'; 255];
        let form = safe(&hostile, Some(12));
        assert!(form.len() <= 255 && form.starts_with("%0A%0A") && form.ends_with("%~12"), "{form}");
        assert_eq!(original(&form), None);
        assert_ne!(safe(&[b'\n'; 254], Some(12)), form);
    }

    proptest! {
        #[test]
        fn every_safe_name_is_one_harmless_step(name in prop::collection::vec(any::<u8>(), 0..300), apart in prop::option::of(2_u64..)) {
            let form = safe(&name, apart);
            prop_assert!(!form.is_empty() && form.len() <= 255);
            prop_assert!(form != "." && form != ".." && !form.contains(['/', '\0', '\\']));
            prop_assert_eq!(kanshiki_model::visible_text(&form), form.clone());
            match original(&form) {
                Some(found) => prop_assert_eq!(found, name),
                None => prop_assert!(form.contains("%~h")),
            }
        }

        #[test]
        fn names_that_differ_have_forms_that_differ(a in "[%~a-cA.2/ ]{0,4}", b in "[%~a-cA.2/ ]{0,4}") {
            prop_assert_eq!(a == b, safe(a.as_bytes(), None) == safe(b.as_bytes(), None));
        }

        #[test]
        fn any_text_never_panics(text in ".{0,40}") {
            let _ = original(&text);
        }
    }
}
