//! JSON whose values are exact and whose text steers no terminal.

use crate::failure::Failure;
use kanshiki_model::is_hidden;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hidden_characters_are_escaped_and_the_value_stays_exact() {
        let text = json_text(&"a\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{e0041}\n\"証拠").unwrap();
        assert_eq!(text, r#""a\u001b[2J\u007f\u009b\u202e\udb40\udc41\n\"証拠""#);
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
