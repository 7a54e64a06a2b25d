//! Parts the text of a page into the words of PHP.
//!
//! Source: the PHP manual, "Basic syntax", "Strings", "List of Parser Tokens"; comments and blanks are left out, text outside
//! of PHP counts as the end of a statement.

use std::borrow::Cow;

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Without its dollar sign.
    Variable(&'a [u8]),
    /// A keyword, a constant, a function, with what says its namespace.
    Name(&'a [u8]),
    /// A text without its quotes; whether variables in it are put in.
    Text(Cow<'a, [u8]>, bool),
    /// What stands between backticks.
    Command(&'a [u8]),
    Number(&'a [u8]),
    /// The name of a type in parentheses.
    Cast(&'a [u8]),
    Sign(&'static str),
    End,
}

/// Signs of several characters, the longer ones first, and those of one.
const SIGNS: &[&str] = &[
    "<=>", "**=", "...", "===", "!==", "??=", "?->", "=>", "->", "::", "==", "!=", "<>", "<=", ">=", "&&", "||", "??",
    ".=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "++", "--", "(", ")", "[", "]", "{", "}", ",", ";", "=", ".",
    "?", ":", "@", "&", "!", "<", ">", "+", "-", "*", "/", "%", "|", "^", "~", "$", "\\",
];

const CASTS: &[&[u8]] = &[
    b"array", b"string", b"binary", b"object", b"int", b"integer", b"float", b"double", b"real", b"bool", b"boolean",
    b"unset",
];

/// Reads words one after the other.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    is_inside: bool,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, is_inside: false }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.bytes.len());
    }

    /// The next word, with where it begins.
    pub(super) fn next(&mut self) -> (usize, Token<'a>) {
        if !self.is_inside && !self.enter() {
            return (self.at, Token::End);
        }
        self.blanks();
        let begin = self.at;
        let rest = self.rest();
        let Some(first) = rest.first() else { return (begin, Token::End) };
        if rest.starts_with(b"?>") {
            self.skip(2);
            self.is_inside = false;
            return (begin, Token::Sign(";"));
        }
        let token = match first {
            b'$' if rest.get(1).is_some_and(|it| is_word(*it)) => {
                self.skip(1);
                Token::Variable(self.word())
            }
            b'0'..=b'9' => Token::Number(self.word()),
            b'\\' if rest.get(1).is_some_and(|it| is_word(*it)) => Token::Name(self.name()),
            b'\'' => self.quoted(b'\'', plain, false),
            b'"' => self.quoted(b'"', unescaped, true),
            b'`' => {
                let (text, _) = self.until_quote(b'`');
                Token::Command(text)
            }
            b'<' if rest.starts_with(b"<<<") => self.heredoc(),
            b'(' => self.cast().unwrap_or_else(|| self.sign()),
            byte if is_word(*byte) => Token::Name(self.name()),
            _ => self.sign(),
        };
        (begin, token)
    }

    /// Goes to the next beginning of PHP.
    fn enter(&mut self) -> bool {
        while let Some(at) = memchr::memmem::find(self.rest(), b"<?") {
            self.skip(at.saturating_add(2));
            let rest = self.rest();
            let begins = |word: &[u8]| rest.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
            if begins(b"php") {
                self.skip(3);
            } else if begins(b"xml") {
                continue;
            }
            // `<?=` is `echo`, and the sign does no harm in its place.
            self.is_inside = true;
            return true;
        }
        self.at = self.bytes.len();
        false
    }

    /// Passes over blanks and comments.
    fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            if blanks > 0 {
                self.skip(blanks);
            } else if rest.starts_with(b"#") && !rest.starts_with(b"#[") || rest.starts_with(b"//") {
                // The end of PHP ends such a comment too.
                let line = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                let end = memchr::memmem::find(rest.get(..line).unwrap_or_default(), b"?>").unwrap_or(line);
                self.skip(end);
            } else if rest.starts_with(b"#[") {
                self.skip(2);
            } else if rest.starts_with(b"/*") {
                self.skip(2);
                let end = memchr::memmem::find(self.rest(), b"*/");
                self.skip(end.map_or(usize::MAX, |end| end.saturating_add(2)));
            } else {
                return;
            }
        }
    }

    fn word(&mut self) -> &'a [u8] {
        self.word_of(is_word)
    }

    fn name(&mut self) -> &'a [u8] {
        self.word_of(|byte| is_word(byte) || byte == b'\\')
    }

    fn word_of(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let end = rest.iter().take_while(|byte| belongs(**byte)).count();
        self.skip(end);
        rest.get(..end).unwrap_or_default()
    }

    fn sign(&mut self) -> Token<'a> {
        let rest = self.rest();
        match SIGNS.iter().find(|sign| rest.starts_with(sign.as_bytes())) {
            Some(sign) => {
                self.skip(sign.len());
                Token::Sign(sign)
            }
            None => {
                self.skip(1);
                Token::Sign(";")
            }
        }
    }

    fn cast(&mut self) -> Option<Token<'a>> {
        let rest = self.rest().get(1..)?;
        let close = rest.iter().take(16).position(|byte| *byte == b')')?;
        let name = rest.get(..close)?.trim_ascii();
        CASTS.iter().any(|cast| cast.eq_ignore_ascii_case(name)).then(|| {
            self.skip(close.saturating_add(2));
            Token::Cast(name)
        })
    }

    /// What stands in quotes that begin here, and whether a backslash is in it.
    fn until_quote(&mut self, quote: u8) -> (&'a [u8], bool) {
        self.skip(1);
        let rest = self.rest();
        let (mut at, mut has_escapes) = (0_usize, false);
        while let Some(next) = memchr::memchr2(quote, b'\\', rest.get(at..).unwrap_or_default()) {
            at = at.saturating_add(next);
            if rest.get(at) == Some(&quote) {
                self.skip(at.saturating_add(1));
                return (rest.get(..at).unwrap_or_default(), has_escapes);
            }
            has_escapes = true;
            at = at.saturating_add(2);
        }
        self.skip(rest.len());
        (rest, has_escapes)
    }

    fn quoted(&mut self, quote: u8, read: fn(&[u8]) -> Vec<u8>, takes_variables: bool) -> Token<'a> {
        let (text, has_escapes) = self.until_quote(quote);
        let has_variables = takes_variables && memchr::memchr(b'$', text).is_some();
        // With variables in it the text is not folded, so that an escaped dollar sign is not taken for one.
        let text = if has_escapes && !has_variables { Cow::Owned(read(text)) } else { Cow::Borrowed(text) };
        Token::Text(text, has_variables)
    }

    /// `<<<END`, with or without quotes, up to a line that begins with that word.
    fn heredoc(&mut self) -> Token<'a> {
        let before = self.at;
        self.skip(3);
        let blanks = self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.skip(blanks);
        let quote = self.rest().first().copied().filter(|byte| matches!(byte, b'\'' | b'"'));
        self.skip(usize::from(quote.is_some()));
        let word = self.word();
        if word.is_empty() {
            self.at = before;
            return self.sign();
        }
        let line = memchr::memchr(b'\n', self.rest()).unwrap_or(self.rest().len());
        self.skip(line);
        let body = self.rest();
        let mut at = 0_usize;
        while let Some(next) = memchr::memmem::find(body.get(at..).unwrap_or_default(), word) {
            let start = at.saturating_add(next);
            let end = start.saturating_add(word.len());
            let before = body.get(..start).unwrap_or_default().trim_ascii_end_blanks();
            if before.ends_with(b"\n") && !body.get(end).is_some_and(|byte| is_word(*byte)) {
                self.skip(end);
                return Token::Text(
                    Cow::Borrowed(before),
                    quote != Some(b'\'') && memchr::memchr(b'$', before).is_some(),
                );
            }
            at = end;
        }
        self.skip(body.len());
        Token::Text(Cow::Borrowed(body), false)
    }
}

trait TrimBlanks {
    fn trim_ascii_end_blanks(&self) -> &[u8];
}

impl TrimBlanks for [u8] {
    fn trim_ascii_end_blanks(&self) -> &[u8] {
        let blanks = self.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.get(..self.len().saturating_sub(blanks)).unwrap_or_default()
    }
}

/// Whether a byte belongs to a name.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn plain(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.iter().copied().peekable();
    let mut read = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next_if(|next| matches!(next, b'\\' | b'\'')) } else { None };
        read.push(escaped.unwrap_or(byte));
    }
    read
}

/// A text in double quotes, with letters by number as what they stand for.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.iter().copied().peekable();
    let mut read = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            read.push(byte);
            continue;
        }
        let (base, most) = match bytes.next() {
            Some(b'x') => (16, 2),
            Some(digit @ b'0'..=b'7') => {
                let mut number = u32::from(digit.wrapping_sub(b'0'));
                number = digits(&mut bytes, 8, 2, number);
                read.push(u8::try_from(number & 0xff).unwrap_or(0));
                continue;
            }
            Some(other) => {
                read.push(other);
                continue;
            }
            None => break,
        };
        read.push(u8::try_from(digits(&mut bytes, base, most, 0) & 0xff).unwrap_or(0));
    }
    read
}

fn digits(bytes: &mut std::iter::Peekable<impl Iterator<Item = u8>>, base: u32, most: usize, begin: u32) -> u32 {
    let mut number = begin;
    for _ in 0..most {
        let Some(digit) = bytes.peek().and_then(|byte| char::from(*byte).to_digit(base)) else { break };
        bytes.next();
        number = number.saturating_mul(base).saturating_add(digit);
    }
    number
}
