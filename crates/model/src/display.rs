//! Bytes from evidence made safe to show on a terminal and in a document.

use std::fmt::Write as _;
use std::path::Path;

/// Makes bytes visible: control and direction-changing characters become `\u{…}`, invalid UTF-8 `\xNN`, and a
/// backslash `\\`, so that the text can be read back.
#[must_use]
pub fn visible(bytes: &[u8]) -> String {
    if let (true, Ok(text)) = (is_plain(bytes), std::str::from_utf8(bytes)) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        push_escaped(&mut out, part.valid());
        for byte in part.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Makes a text visible; see [`visible`].
#[must_use]
pub fn visible_text(text: &str) -> String {
    visible(text.as_bytes())
}

/// Makes a path visible, every byte of it; see [`visible`].
#[must_use]
pub fn visible_path(path: &Path) -> String {
    visible(path.as_os_str().as_encoded_bytes())
}

/// Whether bytes are visible as they are: printable ASCII without a backslash.
#[must_use]
pub fn is_plain(bytes: &[u8]) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'\\';
    // Looked at without leaving early, many bytes are looked at in one instruction; nearly all there is is plain.
    bytes.iter().fold(true, |all, byte| all & plain(*byte))
}

fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        if character == '\\' {
            out.push_str("\\\\");
        } else if is_hidden(character) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        } else {
            out.push(character);
        }
    }
}

/// Whether a character is not seen, or steers what is shown: control characters, line and paragraph separators, those that
/// change the direction of text (Unicode Standard Annex 9, section 2), and those without a glyph of their own
/// (`Default_Ignorable_Code_Point` of Unicode 16, DerivedCoreProperties.txt).
#[must_use]
pub fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Reads back what [`visible`] has made; `None` if the text has a backslash that begins no escape of its kind.
#[must_use]
pub fn from_visible(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        rest = if let Some(behind) = escape.strip_prefix('\\') {
            bytes.push(b'\\');
            behind
        } else if let Some(digits) = escape.strip_prefix('x') {
            bytes.push(u8::try_from(hexadecimal(digits.get(..2)?)?).ok()?);
            digits.get(2..)?
        } else {
            let (digits, behind) = escape.strip_prefix("u{")?.split_once('}')?;
            let character = char::from_u32(hexadecimal(digits)?)?;
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            behind
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

/// The bytes as one word of a shell's command line, exact and visible: as they are, between quotes, or, where some of them
/// are not seen, as `$'…'` (POSIX.1-2024, Shell Command Language, 2.2.4).
#[must_use]
pub fn shell_word(bytes: &[u8]) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+,:@%".contains(letter);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Ok(text) if !text.chars().any(is_hidden) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => dollar_quoted(bytes),
    }
}

fn dollar_quoted(bytes: &[u8]) -> String {
    let mut out = "$'".to_owned();
    for part in bytes.utf8_chunks() {
        for character in part.valid().chars() {
            match character {
                '\\' | '\'' => out.extend(['\\', character]),
                _ if is_hidden(character) => push_octal(&mut out, character.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => out.push(character),
            }
        }
        push_octal(&mut out, part.invalid());
    }
    out.push('\'');
    out
}

/// Octal escapes end after three digits whatever follows; hexadecimal ones do not in every shell.
fn push_octal(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "\\{byte:03o}");
    }
}

fn hexadecimal(digits: &str) -> Option<u32> {
    // The standard library takes a sign, too.
    u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_and_invalid_utf8_become_visible() {
        assert_eq!(visible(b"a\x1b[2Jb\xff"), "a\\u{1b}[2Jb\\xff");
    }

    #[test]
    fn direction_changes_become_visible_and_other_scripts_stay() {
        assert_eq!(visible_text("証拠\u{202e}gpj.exe"), "証拠\\u{202e}gpj.exe");
    }

    #[test]
    fn a_backslash_can_be_told_from_an_escape() {
        assert_eq!(visible(b"\\x1b"), "\\\\x1b");
    }

    #[test]
    fn marks_without_a_width_become_visible() {
        assert_eq!(visible_text("a\u{200b}b\u{3164}c\u{e0041}"), "a\\u{200b}b\\u{3164}c\\u{e0041}");
    }

    #[test]
    fn a_text_with_a_foreign_escape_is_not_read_back() {
        assert_eq!(["\\n", "\\x1", "\\u{d800}", "\\u{41", "a\\"].map(from_visible), [const { None }; 5]);
    }

    #[test]
    fn a_word_can_be_pasted_into_a_shell() {
        assert_eq!(shell_word(b"/cases/2026-014/exhibits/E1"), "/cases/2026-014/exhibits/E1");
        assert_eq!(shell_word(b"/my case/it's"), r"'/my case/it'\''s'");
        assert_eq!(shell_word(b"a\n'\\\xff0\xe2\x80\xae"), r"$'a\012\'\\\3770\342\200\256'");
        assert_eq!(shell_word(b""), "''");
    }

    proptest! {
        #[test]
        fn any_bytes_are_shown_without_control_characters_and_read_back(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let shown = visible(&bytes);
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert_eq!(from_visible(&shown), Some(bytes));
        }

        #[test]
        fn any_text_is_shown_without_control_characters_and_read_back(text in any::<String>()) {
            let shown = visible_text(&text);
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert_eq!(from_visible(&shown), Some(text.into_bytes()));
        }
    }
}
