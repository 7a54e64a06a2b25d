//! Parts a file of YARA rules: each rule, import and include for itself, so that one that does not compile takes no other along.
//!
//! Source: YARA 4.5, `libyara/lexer.l`: strings, regular expressions (division is `\`, so `/` outside of comments and strings
//! always begins one), comments, and braces around rules and hexadecimal strings.

/// What stands at the top of a file of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// Its text, with the comments before it.
    pub(crate) text: &'a str,
    /// The line where the text begins, from 1.
    pub(crate) line: usize,
    /// What it is.
    pub(crate) kind: Kind<'a>,
}

/// Which kind of part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// A rule, or what is none and will not compile.
    Rule,
    /// `import "module"`.
    Import,
    /// `include "path"`, with the path.
    Include(&'a str),
}

/// The parts of a file; what is left when it ends within one is a part too.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut line = 1_usize;
    let mut rest = text;
    while let Some(end) = end_of_part(rest) {
        let (part, further) = rest.split_at_checked(end.at).unwrap_or((rest, ""));
        let kind = match end.string.and_then(|(from, to)| part.get(from..to)) {
            Some(path) if end.word == "include" => Kind::Include(path),
            Some(_) => Kind::Import,
            None => Kind::Rule,
        };
        parts.push(Part { text: part, line, kind });
        line = line.saturating_add(part.matches('\n').count());
        rest = further;
    }
    parts
}

/// Where a part ends.
struct End<'a> {
    at: usize,
    /// The word that it begins with.
    word: &'a str,
    /// Where its text between quotation marks lies, if it is an import or an include.
    string: Option<(usize, usize)>,
}

/// Where the part at the beginning of a text ends; `None` if there are blanks and comments alone.
fn end_of_part(text: &str) -> Option<End<'_>> {
    let bytes = text.as_bytes();
    let mut at = 0_usize;
    let mut depth = 0_usize;
    let mut word: Option<&str> = None;
    while let Some(byte) = bytes.get(at).copied() {
        let next = at.saturating_add(1);
        match byte {
            b'"' => {
                let end = end_of_quoted(bytes, next, b'"');
                let is_whole = depth == 0 && matches!(word, Some("import" | "include"));
                if let (true, Some(word)) = (is_whole, word) {
                    let string = Some((next, end.saturating_sub(1)));
                    return Some(End { at: end, word, string });
                }
                at = end;
            }
            b'/' => at = end_of_slash(bytes, at),
            b'{' => {
                depth = depth.saturating_add(1);
                at = next;
            }
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(End { at: next, word: word.unwrap_or_default(), string: None });
                }
                at = next;
            }
            _ if byte.is_ascii_alphanumeric() || byte == b'_' => {
                let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                let length = bytes.iter().skip(at).take_while(|byte| is_of_word(byte)).count();
                let end = at.saturating_add(length);
                word = word.or_else(|| text.get(at..end));
                at = end;
            }
            _ => {
                // What is none of YARA's is part of a rule that will not compile.
                if !byte.is_ascii_whitespace() {
                    word = word.or(Some(""));
                }
                at = next;
            }
        }
    }
    word.map(|word| End { at: bytes.len(), word, string: None })
}

/// Behind the quotation mark that ends what begins here; it ends with the line at the latest.
fn end_of_quoted(bytes: &[u8], from: usize, mark: u8) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'\\' => at = at.saturating_add(2),
            b'\n' => return at,
            _ if byte == mark => return at.saturating_add(1),
            _ => at = at.saturating_add(1),
        }
    }
    bytes.len()
}

/// Behind a comment or a regular expression.
fn end_of_slash(bytes: &[u8], at: usize) -> usize {
    let next = at.saturating_add(1);
    let behind = bytes.get(next..).unwrap_or_default();
    match behind.first() {
        Some(b'/') => at.saturating_add(memchr::memchr(b'\n', behind).map_or(bytes.len(), |it| it.saturating_add(1))),
        Some(b'*') => {
            let inner = behind.get(1..).unwrap_or_default();
            memchr::memmem::find(inner, b"*/").map_or(bytes.len(), |it| next.saturating_add(it).saturating_add(3))
        }
        _ => end_of_quoted(bytes, next, b'/'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn kinds(text: &str) -> Vec<(usize, &str, Kind<'_>)> {
        parts(text).into_iter().map(|part| (part.line, part.text.trim(), part.kind)).collect()
    }

    #[test]
    fn rules_imports_and_includes_stand_apart() {
        let text = "import \"pe\"\ninclude \"./a.yar\" // }\nrule a : x { strings: $a = \"}\\\"}\" condition: $a }\n\
            /* } rule z { */ private rule b { strings: $h = { 41 [2-4] ?? } $r = /a}\\/{2}/ condition: any of them }";
        let found = kinds(text);
        assert_eq!(found[0], (1, "import \"pe\"", Kind::Import));
        assert_eq!(found[1].2, Kind::Include("./a.yar"));
        assert_eq!(found[2].1, "// }\nrule a : x { strings: $a = \"}\\\"}\" condition: $a }");
        assert_eq!((found[3].0, found[3].2), (3, Kind::Rule));
        assert!(found[3].1.starts_with("/* } rule z { */") && found[3].1.ends_with("any of them }"));
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn comments_alone_are_no_part_and_an_unfinished_rule_is_one() {
        assert_eq!(kinds("// rule a {}\n/* x */\n"), []);
        assert_eq!(kinds("rule a { condition: true"), [(1, "rule a { condition: true", Kind::Rule)]);
        assert_eq!(kinds("/* x").len() + kinds("").len(), 0);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in any::<Vec<u8>>(), text in "[a-z{}/\"\\\\*\n é]{0,60}") {
            for text in [String::from_utf8_lossy(&bytes).into_owned(), text] {
                let joined: String = parts(&text).iter().map(|part| part.text).collect();
                assert!(text.starts_with(&joined));
            }
        }
    }
}
