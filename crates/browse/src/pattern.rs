//! Patterns with wildcards for names and paths, over bytes.
//!
//! | in a pattern | matches |
//! | --- | --- |
//! | `*` | any bytes but `/` |
//! | `**` | any bytes |
//! | `?` | one character but `/`; a byte that is no UTF-8 counts as one |
//! | `[a-z]`, `[!a-z]` | one character of these, or none of these; never `/` |
//! | `\x` | `x` itself |
//! | anything else | itself |

use regex::bytes::{Regex, RegexBuilder};
use std::fmt::Write as _;

/// Largest pattern once compiled, in bytes.
const COMPILED_BYTES: usize = 8 << 20;

/// Whether upper and lower case differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Case {
    /// They differ.
    #[default]
    Exact,
    /// They do not, for all letters of Unicode.
    Ignored,
}

/// A pattern with wildcards; it must match the whole name or path.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// What [`regex`] says of a class that is none, as in `[z-a]`.
    pub fn new(pattern: &[u8], case: Case) -> Result<Self, regex::Error> {
        let mut text = String::from("^(?:");
        let mut rest = pattern;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'*' if rest.first() == Some(&b'*') => {
                    rest = rest.get(1..).unwrap_or_default();
                    text.push_str("(?s-u:.)*");
                }
                b'*' => text.push_str("(?-u:[^/])*"),
                b'?' => text.push_str("(?:[^/]|(?-u:[\\x80-\\xff]))"),
                b'[' => rest = push_class(&mut text, rest),
                b'\\' if !rest.is_empty() => {
                    let (escaped, after) = rest.split_at(character_bytes(rest));
                    push_literal(&mut text, escaped);
                    rest = after;
                }
                _ => {
                    let literal_bytes = after.iter().position(|byte| b"*?[\\".contains(byte)).unwrap_or(after.len());
                    let whole = pattern.get(pattern.len().saturating_sub(after.len()).saturating_sub(1)..);
                    let whole = whole.unwrap_or_default();
                    push_literal(&mut text, whole.get(..literal_bytes.saturating_add(1)).unwrap_or_default());
                    rest = after.get(literal_bytes..).unwrap_or_default();
                }
            }
        }
        text.push_str(")$");
        let regex = RegexBuilder::new(&text)
            .case_insensitive(case == Case::Ignored)
            .dot_matches_new_line(true)
            .size_limit(COMPILED_BYTES)
            .build()?;
        Ok(Self(regex))
    }

    /// Whether the whole of `bytes` matches.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.0.is_match(bytes)
    }
}

/// The length of the character at the beginning; of a byte that is no UTF-8, 1.
fn character_bytes(bytes: &[u8]) -> usize {
    let first = bytes.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    first.map_or(1, char::len_utf8).min(bytes.len())
}

fn push_literal(text: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(&regex::escape(chunk.valid()));
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "(?-u:\\x{byte:02x})");
        }
    }
}

/// Adds the class that begins behind a `[`, and returns what follows it. A `[` without its end is a plain character.
fn push_class<'a>(text: &mut String, rest: &'a [u8]) -> &'a [u8] {
    let negated = matches!(rest.first(), Some(b'!' | b'^'));
    let body_start = usize::from(negated);
    // A `]` in the first place is one of the characters.
    let end = rest.iter().enumerate().skip(body_start.saturating_add(1)).find(|(_, byte)| **byte == b']');
    let body = end.and_then(|(end, _)| Some((end, std::str::from_utf8(rest.get(body_start..end)?).ok()?)));
    let Some((end, body)) = body else {
        text.push_str("\\[");
        return rest;
    };
    text.push_str(if negated { "(?:[^/" } else { "[" });
    for character in body.chars() {
        match character {
            '-' => text.push('-'),
            '/' => {}
            _ => text.push_str(&regex::escape(&character.to_string())),
        }
    }
    text.push_str(if negated { "]|(?-u:[\\x80-\\xff]))" } else { "]" });
    rest.get(end.saturating_add(1)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &[u8]) -> bool {
        Pattern::new(pattern.as_bytes(), Case::Exact).unwrap().matches(name)
    }

    #[test]
    fn a_star_stops_at_a_slash_and_two_do_not() {
        assert!(matches("*.conf", b"a.conf") && matches("*.conf", b"\xff\n.conf") && !matches("*.conf", b"a.confs"));
        assert!(matches("/etc/*", b"/etc/passwd") && !matches("/etc/*", b"/etc/ssh/config"));
        assert!(matches("/etc/**", b"/etc/ssh/config") && matches("**/config", b"/etc/ssh/config"));
    }

    #[test]
    fn a_question_mark_is_one_character_or_one_broken_byte() {
        assert!(matches("a?c", "aéc".as_bytes()) && matches("a?c", b"a\xffc") && matches("a?c", b"a\nc"));
        assert!(!matches("a?c", b"a/c") && !matches("a?c", b"ac"));
    }

    #[test]
    fn classes_are_those_of_the_shell() {
        assert!(matches("[a-c]x", b"bx") && !matches("[a-c]x", b"dx") && matches("[!a-c]x", b"dx"));
        assert!(matches("[]x]", b"]") && matches("a[", b"a[") && matches("[.^$]", b"^") && !matches("[!a]", b"/"));
    }

    #[test]
    fn signs_of_regular_expressions_and_escaped_wildcards_are_plain() {
        assert!(matches("a.b(c)|d$", b"a.b(c)|d$") && !matches("a.b", b"axb"));
        assert!(matches("a\\*", b"a*") && !matches("a\\*", b"ab") && matches("\\é", "é".as_bytes()));
        let raw = Pattern::new(b"x\xfe*", Case::Exact).unwrap();
        assert!(raw.matches(b"x\xfe1") && !raw.matches(b"x\xfd1"));
    }

    #[test]
    fn case_is_ignored_where_asked() {
        assert!(Pattern::new("*.ÉXE".as_bytes(), Case::Ignored).unwrap().matches("a.éxe".as_bytes()));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(pattern in prop::collection::vec(any::<u8>(), 0..20), name in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(pattern) = Pattern::new(&pattern, Case::Exact) {
                let _ = pattern.matches(&name);
            }
        }

        #[test]
        fn a_name_with_its_wildcards_escaped_matches_itself(name in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut pattern = Vec::new();
            for byte in &name {
                if b"*?[\\".contains(byte) {
                    pattern.push(b'\\');
                }
                pattern.push(*byte);
            }
            prop_assert!(Pattern::new(&pattern, Case::Exact).unwrap().matches(&name));
        }
    }
}
