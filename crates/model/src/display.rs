//! Bytes from evidence made safe to show on a terminal and in a document.

use std::fmt::Write as _;

/// Makes bytes visible: control and direction-changing characters become `\u{…}`, invalid UTF-8 `\xNN`, and a
/// backslash `\\`, so that the text can be read back.
#[must_use]
pub fn visible(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        push_visible(&mut out, part.valid());
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
    let mut out = String::with_capacity(text.len());
    push_visible(&mut out, text);
    out
}

fn push_visible(out: &mut String, text: &str) {
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

/// Control characters, line and paragraph separators, zero-width characters and those that change the direction of text
/// (Unicode Standard Annex 9, section 2).
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
