//! Reads a JSON object token by token, without memory of its own: logs that hold one object per line.

use crate::scan::Scan;

/// Objects and arrays within each other that are followed.
const DEPTH: usize = 32;

/// A value that is no object and no array, with the name it stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// The last name before it; values of an array have that of the array. Escapes are not resolved.
    pub(crate) name: &'a [u8],
    /// The bytes between the quotes of a text, escapes not resolved; other values as they stand.
    pub(crate) value: &'a [u8],
    /// Whether it is a text.
    pub(crate) is_text: bool,
    /// Objects and arrays around it; 1 in the outermost.
    pub(crate) depth: usize,
}

/// The values of an object, those of objects in it too, in their order.
#[derive(Debug)]
pub(crate) struct Tokens<'a> {
    scan: Scan<'a>,
    name: &'a [u8],
    /// Whether what is around is an object, from the outside in.
    objects: [bool; DEPTH],
    depth: usize,
}

impl<'a> Tokens<'a> {
    /// Of a line.
    pub(crate) const fn new(line: &'a [u8]) -> Self {
        Self { scan: Scan(line), name: b"", objects: [false; DEPTH], depth: 0 }
    }

    /// The next value, `Some(None)` behind the end of the outermost object; `None` if it is no JSON.
    pub(crate) fn next_token(&mut self) -> Option<Option<Token<'a>>> {
        loop {
            self.scan.0 = self.scan.0.trim_ascii_start();
            let Some((first, rest)) = self.scan.0.split_first() else { return (self.depth == 0).then_some(None) };
            match first {
                b'{' | b'[' => {
                    *self.objects.get_mut(self.depth)? = *first == b'{';
                    self.depth = self.depth.checked_add(1)?;
                    self.scan.0 = rest;
                }
                b'}' | b']' => {
                    self.depth = self.depth.checked_sub(1)?;
                    self.scan.0 = rest;
                    if self.depth == 0 {
                        return rest.trim_ascii().is_empty().then_some(None);
                    }
                }
                b',' => self.scan.0 = rest,
                b'"' => {
                    self.scan.0 = rest;
                    let text = self.text()?;
                    let is_object = *self.objects.get(self.depth.checked_sub(1)?)?;
                    self.scan.0 = self.scan.0.trim_ascii_start();
                    if is_object && self.scan.byte(b':').is_some() {
                        self.name = text;
                        self.scan.0 = self.scan.0.trim_ascii_start();
                        if self.scan.0.starts_with(b"\"") {
                            self.scan.byte(b'"')?;
                            let value = self.text()?;
                            return Some(Some(self.token(value, true)));
                        }
                        continue;
                    }
                    return Some(Some(self.token(text, true)));
                }
                _ => {
                    self.depth.checked_sub(1)?;
                    let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
                    let end = self.scan.0.iter().position(is_end)?;
                    let (value, rest) = self.scan.0.split_at_checked(end).filter(|(value, _)| is_plain(value))?;
                    self.scan.0 = rest;
                    return Some(Some(self.token(value, false)));
                }
            }
        }
    }

    const fn token(&self, value: &'a [u8], is_text: bool) -> Token<'a> {
        Token { name: self.name, value, is_text, depth: self.depth }
    }

    /// The bytes up to the quote that ends a text, which is taken off.
    fn text(&mut self) -> Option<&'a [u8]> {
        let whole = self.scan.0;
        let mut from = 0_usize;
        loop {
            let at = from.checked_add(memchr::memchr2(b'"', b'\\', whole.get(from..)?)?)?;
            if whole.get(at) == Some(&b'\\') {
                from = at.checked_add(2)?;
                continue;
            }
            let (text, rest) = whole.split_at_checked(at)?;
            self.scan.0 = rest.get(1..)?;
            return Some(text);
        }
    }
}

/// Whether a value may be a number or one of `true`, `false` and `null`.
fn is_plain(value: &[u8]) -> bool {
    let is_number = value.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
    (is_number && !value.is_empty()) || matches!(value, b"true" | b"false" | b"null")
}

/// Adds a text with its escapes resolved (RFC 8259, section 7); what is no escape stays as it is.
pub(crate) fn unescape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, behind) = rest.split_at_checked(at).unwrap_or_default();
        out.extend_from_slice(before);
        let (sign, after) = match behind.get(1) {
            Some(b'n') => ('\n', 2),
            Some(b't') => ('\t', 2),
            Some(b'r') => ('\r', 2),
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'"') => ('"', 2),
            Some(b'/') => ('/', 2),
            Some(b'u') => unicode(behind).unwrap_or(('\\', 1)),
            Some(b'\\') => ('\\', 2),
            _ => ('\\', 1),
        };
        out.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes());
        rest = behind.get(after..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// The sign of `\uXXXX`, or of two of them for one beyond the first plane, and their length.
fn unicode(text: &[u8]) -> Option<(char, usize)> {
    let unit = |from: usize| {
        let (mark, digits) = text.get(from..from.checked_add(6)?)?.split_at_checked(2)?;
        (mark == b"\\u").then_some(())?;
        let digits = std::str::from_utf8(digits).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0)?;
    let mut signs = char::decode_utf16([first].into_iter().chain(unit(6)));
    match signs.next()? {
        Ok(sign) => Some((sign, sign.len_utf16().checked_mul(6)?)),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(line: &str) -> Option<Vec<(String, String)>> {
        let mut tokens = Tokens::new(line.as_bytes());
        let mut all = Vec::new();
        while let Some(token) = tokens.next_token()? {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            all.push((text(token.name), text(token.value)));
        }
        Some(all)
    }

    #[test]
    fn values_have_the_last_name_before_them() {
        let pairs = tokens(r#"{"a": "x\"y", "b":{"c":[1.5, "z"],"d":{}} ,"e":null}"#).unwrap();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", "x\\\"y"), ("c", "1.5"), ("c", "z"), ("e", "null")]);
        for broken in [r#"{"a":"#, r#"{"a":1"#, r#"{"a":x}"#, r#"{"a":"b"} more"#, "1", r#"{"a""#, "}"] {
            assert_eq!(tokens(broken), None, "{broken}");
        }
    }

    #[test]
    fn escapes_are_resolved_and_others_stay() {
        let resolved = |text: &str| {
            let mut out = Vec::new();
            unescape(text.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(resolved(r#"a\n\"b\\\/\u00e9\ud83d\ude00\ud83d\x\u12"#), "a\n\"b\\/\u{e9}\u{1f600}\\ud83d\\x\\u12");
    }

    proptest! {
        #[test]
        fn whatever_a_library_writes_is_read(names in prop::collection::vec("[a-z\"\\\\\n]{0,5}", 0..6)) {
            let object: serde_json::Map<String, serde_json::Value> =
                names.iter().map(|name| (name.clone(), serde_json::json!([name, 1, { "n": name }]))).collect();
            let count = object.len() * 3;
            let line = serde_json::Value::Object(object).to_string();
            prop_assert_eq!(tokens(&line).map(|all| all.len()), Some(count));
        }

        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut tokens = Tokens::new(&bytes);
            while let Some(Some(_)) = tokens.next_token() {}
            unescape(&bytes, &mut Vec::new());
        }
    }
}
