//! Bytes of evidence in JSON.

use crate::visible;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Bytes of evidence for JSON: the text itself where it is UTF-8; else its escaped form, and the bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exact<'a> {
    /// The text, or its escaped form.
    pub text: Cow<'a, str>,
    /// The bytes in hexadecimal; `None` where the text is exact.
    pub hex: Option<String>,
}

impl<'a> Exact<'a> {
    /// For these bytes.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: Cow::Borrowed(text), hex: None },
            Err(_) => Self { text: Cow::Owned(visible(bytes)), hex: Some(hex(bytes)) },
        }
    }

    /// The text and the hexadecimal form, both owned.
    #[must_use]
    pub fn into_owned(self) -> (String, Option<String>) {
        (self.text.into_owned(), self.hex)
    }
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_given_in_both_forms() {
        let exact = Exact::of(b"a\\\xff");
        assert_eq!((exact.text.as_ref(), exact.hex.as_deref()), ("a\\\\\\xff", Some("615cff")));
        let exact = Exact::of(b"a\\\x1b");
        assert_eq!((exact.text.as_ref(), exact.hex), ("a\\\x1b", None));
    }
}
