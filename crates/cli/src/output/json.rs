//! JSON whose values are exact and whose text steers no terminal.

use crate::failure::Failure;
use kanshiki_model::{is_hidden, visible};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::borrow::Cow;
use std::io::{self, Write};

/// An object as JSON on one line. Characters that are not seen or that steer a terminal are written as `\uXXXX`, so that
/// the text is harmless and the value exact.
pub(crate) fn json_text(value: &impl Serialize) -> Result<String, Failure> {
    let mut bytes = Vec::with_capacity(256);
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, Harmless));
    let written = written.map_err(io::Error::from).and_then(|()| String::from_utf8(bytes).map_err(io::Error::other));
    written.map_err(|error| Failure::from_error("cannot make JSON", &error))
}

/// Compact JSON in which hidden characters are escaped.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hidden) {
            let (plain, hidden) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = hidden.chars();
            let units = characters.next().into_iter().flat_map(|character| {
                let mut units = [0_u16; 2];
                let count = character.encode_utf16(&mut units).len();
                units.into_iter().take(count)
            });
            for unit in units {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Bytes of evidence for JSON: the text itself where it is UTF-8; else its escaped form, and the bytes in hexadecimal.
pub(crate) struct Exact<'a> {
    /// The text, or its escaped form.
    pub(crate) text: Cow<'a, str>,
    /// The bytes in hexadecimal; `None` where the text is exact.
    pub(crate) hex: Option<String>,
}

impl<'a> Exact<'a> {
    /// For these bytes.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: Cow::Borrowed(text), hex: None },
            Err(_) => Self { text: Cow::Owned(visible(bytes)), hex: Some(hex(bytes)) },
        }
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hidden_characters_are_escaped_and_the_value_stays_exact() {
        let text = json_text(&"a\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{e0041}\n\"証拠").unwrap();
        assert_eq!(text, r#""a\u001b[2J\u007f\u009b\u202e\udb40\udc41\n\"証拠""#);
    }

    #[test]
    fn bytes_that_are_no_text_are_given_in_both_forms() {
        let exact = Exact::of(b"a\\\xff");
        assert_eq!((exact.text.as_ref(), exact.hex.as_deref()), ("a\\\\\\xff", Some("615cff")));
        let exact = Exact::of(b"a\\\x1b");
        assert_eq!((exact.text.as_ref(), exact.hex), ("a\\\x1b", None));
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_from_json_that_steers_nothing(text in any::<String>()) {
            let json = json_text(&text).unwrap();
            prop_assert!(!json.chars().any(is_hidden));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
