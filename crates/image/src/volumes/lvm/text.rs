//! The text format of LVM2: sections `name { … }`, values `name = 1`, `name = "text"`, `name = [ … ]`, and comments from
//! `#` to the end of the line. Source: lvm2, libdm/libdm-config.c.

use kanshiki_model::visible;

/// Sections inside each other; LVM2 writes five.
const MAX_DEPTH: usize = 16;
/// Names and values of one text; a group of thousands of volumes has tens of thousands.
const MAX_ITEMS: usize = 500_000;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text, made visible.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Something else, as a number with a decimal point.
    Other,
    /// Values in brackets; lists in lists do not occur.
    List(Vec<Value>),
    /// Names and values in braces.
    Section(Section),
}

/// Names and values, in the order in which they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section(Vec<(String, Value)>);

impl Section {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    pub(super) fn section(&self, name: &str) -> Option<&Self> {
        match self.get(name) {
            Some(Value::Section(section)) => Some(section),
            _ => None,
        }
    }

    /// The sections in this one, with their names.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Section(section) => Some((name.as_str(), section)),
            _ => None,
        })
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A number that is not negative.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Some(Value::Number(number)) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The values of a list; a single value counts as a list of one, as LVM2 takes it.
    pub(super) fn list(&self, name: &str) -> &[Value] {
        match self.get(name) {
            Some(Value::List(list)) => list,
            Some(value) => std::slice::from_ref(value),
            None => &[],
        }
    }

    /// Whether a list holds this word.
    pub(super) fn lists(&self, name: &str, word: &str) -> bool {
        self.list(name).iter().any(|value| matches!(value, Value::Text(text) if text == word))
    }
}

/// Reads a text. What stands before a place that makes no sense is kept; the second result tells of that place.
pub(super) fn parse(text: &[u8]) -> (Section, Option<String>) {
    let mut parser = Parser { text, at: 0, items: 0 };
    // The section that is being read is the last; the others wait for their name.
    let mut open = vec![(String::new(), Section::default())];
    let error = loop {
        match parser.step(&mut open) {
            Ok(true) => {}
            Ok(false) => break None,
            Err(expected) => break Some(format!("byte {} of the text: expected {expected}", parser.at)),
        }
    };
    let unclosed = (open.len() > 1 && error.is_none()).then(|| "it ends inside a section".to_owned());
    while open.len() > 1 {
        close(&mut open);
    }
    (open.pop().map(|(_, section)| section).unwrap_or_default(), error.or(unclosed))
}

/// Puts the section that is being read into the one around it.
fn close(open: &mut Vec<(String, Section)>) {
    if let Some((name, section)) = open.pop()
        && let Some((_, around)) = open.last_mut()
    {
        around.0.push((name, Value::Section(section)));
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    items: usize,
}

impl Parser<'_> {
    /// Reads the next name with its value, the beginning or the end of a section; `false` at the end of the text.
    fn step(&mut self, open: &mut Vec<(String, Section)>) -> Result<bool, &'static str> {
        let Some(first) = self.peek() else { return Ok(false) };
        if first == b'}' {
            if open.len() < 2 {
                return Err("a name, not a brace that closes nothing");
            }
            self.skip(1);
            close(open);
            return Ok(true);
        }
        let name = if first == b'"' { self.quoted()? } else { self.word()? };
        match self.peek() {
            Some(b'{') if open.len() <= MAX_DEPTH => {
                self.skip(1);
                self.count()?;
                open.push((name, Section::default()));
            }
            Some(b'{') => return Err("no more sections inside each other"),
            Some(b'=') => {
                self.skip(1);
                let value = self.value()?;
                if let Some((_, section)) = open.last_mut() {
                    section.0.push((name, value));
                }
            }
            _ => return Err("`{` or `=` after a name"),
        }
        Ok(true)
    }

    fn value(&mut self) -> Result<Value, &'static str> {
        if self.peek() != Some(b'[') {
            return self.scalar();
        }
        self.skip(1);
        let mut list = Vec::new();
        loop {
            match self.peek() {
                Some(b']') => {
                    self.skip(1);
                    return Ok(Value::List(list));
                }
                Some(b',') => self.skip(1),
                Some(_) => list.push(self.scalar()?),
                None => return Err("`]`"),
            }
        }
    }

    fn scalar(&mut self) -> Result<Value, &'static str> {
        self.count()?;
        if self.peek() == Some(b'"') {
            return self.quoted().map(Value::Text);
        }
        let word = self.word()?;
        match word.parse() {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) if word.parse::<f64>().is_ok() => Ok(Value::Other),
            Err(_) => Ok(Value::Text(word)),
        }
    }

    /// A text between quotation marks, in which a backslash stands before a mark or another backslash.
    fn quoted(&mut self) -> Result<String, &'static str> {
        self.skip(1);
        let mut bytes = Vec::new();
        loop {
            let byte = *self.text.get(self.at).ok_or("the end of a text in quotation marks")?;
            self.skip(1);
            match byte {
                b'"' => return Ok(visible(&bytes)),
                b'\\' => {
                    let escaped = *self.text.get(self.at).ok_or("the end of a text in quotation marks")?;
                    self.skip(1);
                    bytes.push(escaped);
                }
                byte => bytes.push(byte),
            }
        }
    }

    /// A name or a number.
    fn word(&mut self) -> Result<String, &'static str> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"{}[]=,\"#\0".contains(byte);
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        let word = rest.get(..length).filter(|word| !word.is_empty()).ok_or("a name or a value")?;
        self.skip(length);
        Ok(visible(word))
    }

    /// The next byte after blanks and comments; a zero byte ends the text.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at)? {
                b'#' => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    self.skip(rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()));
                }
                byte if byte.is_ascii_whitespace() => self.skip(1),
                0 => return None,
                byte => return Some(*byte),
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn count(&mut self) -> Result<(), &'static str> {
        self.items = self.items.saturating_add(1);
        if self.items > MAX_ITEMS { Err("no more values") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sections_lists_texts_numbers_and_comments_are_read() {
        let text = b"vg {\nid = \"a-b\"\t# one\nseqno=4\nstatus = [\"READ\", \"WRITE\"]\npv0 {\nstripes = [\n\"pv0\", 0\n]\n}\n}\n\
                     # Generated by LVM2\ncontents = \"Text \\\"Format\\\"\"\nx = 1.5\ny = -3\nz = []\n\0rest";
        let (root, error) = parse(text);
        assert_eq!(error, None);
        let group = root.section("vg").unwrap();
        assert_eq!((group.text("id"), group.number("seqno")), (Some("a-b"), Some(4)));
        assert!(group.lists("status", "WRITE") && !group.lists("status", "VISIBLE"));
        let expected = [Value::Text("pv0".to_owned()), Value::Number(0)];
        assert_eq!(group.section("pv0").unwrap().list("stripes"), expected);
        assert_eq!(root.text("contents"), Some("Text \"Format\""));
        assert_eq!((root.get("x"), root.number("y"), root.list("z")), (Some(&Value::Other), None, &[][..]));
    }

    #[test]
    fn what_stands_before_damage_is_kept() {
        let (root, error) = parse(b"vg {\nid = \"a\"\nlvs {\nroot {\nsize = 5\n== }");
        assert_eq!(error.as_deref(), Some("byte 36 of the text: expected a name or a value"));
        let root = root.section("vg").unwrap().section("lvs").unwrap().section("root").unwrap();
        assert_eq!(root.number("size"), Some(5));
        assert_eq!(parse(b"vg {\na = 1").1.as_deref(), Some("it ends inside a section"));
        assert_eq!(
            parse(b"}").1.as_deref(),
            Some("byte 0 of the text: expected a name, not a brace that closes nothing")
        );
    }

    #[test]
    fn sections_without_end_are_refused() {
        assert!(parse(&b"a {".repeat(1000)).1.unwrap().contains("no more sections inside each other"));
        assert!(parse(format!("a=[{}]", "1,".repeat(MAX_ITEMS + 1)).as_bytes()).1.unwrap().contains("no more values"));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[a-c \n{}=\\[\\],\"#\\\\0-9.-]{0,200}") {
            let _ = (parse(&bytes), parse(text.as_bytes()));
        }
    }
}
