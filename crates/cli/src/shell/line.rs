//! A line of the shell: the words of a verb, and what is run on this machine behind a pipe.

use crate::exit::Exit;
use crate::failure::Failure;

/// A line taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The verb and its words, without quotes.
    pub(super) words: Vec<String>,
    /// What stands behind the first `|` that is not quoted, as it is.
    pub(super) program: Option<String>,
}

impl Line {
    /// Takes a line apart.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::new(what).exit(Exit::CommandLine);
        let (verb, program) = match pipe(text) {
            Some(at) => {
                let (verb, program) = text.split_at(at);
                let program = program.trim_start_matches('|').trim();
                if verb.trim().is_empty() || program.is_empty() {
                    return Err(wrong("something is missing before or behind the |"));
                }
                (verb, Some(program.to_owned()))
            }
            None => (text, None),
        };
        let words = shell_words::split(&kept(verb)).map_err(|_| wrong("a quote is not closed"))?;
        if let Some(redirection) = words.iter().find(|word| matches!(word.as_str(), ">" | ">>" | "<" | "&" | "&&")) {
            return Err(wrong(&format!("`{redirection}` is not understood here"))
                .hint("write `| cat > file` to write what a verb says to a file of this machine"));
        }
        Ok(Self { words, program })
    }
}

/// How a character of a line is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// Where the first `|` stands that is not quoted.
pub(super) fn pipe(text: &str) -> Option<usize> {
    plain(text).find(|(_, character)| *character == '|').map(|(at, _)| at)
}

/// Where the last word begins, which may be cut off.
pub(super) fn last_word(text: &str) -> usize {
    plain(text)
        .filter(|(_, character)| character.is_whitespace())
        .map(|(at, character)| at + character.len_utf8())
        .last()
        .unwrap_or(0)
}

/// The characters that are neither quoted nor quotes, with their places.
fn plain(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = Quote::None;
    let mut escaped = false;
    text.char_indices().filter(move |(_, character)| {
        if escaped {
            escaped = false;
            return false;
        }
        match (quote, character) {
            (Quote::None | Quote::Double, '\\') => escaped = true,
            (Quote::None, '\'') => quote = Quote::Single,
            (Quote::None, '"') => quote = Quote::Double,
            (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
            (Quote::None, _) => return true,
            _ => {}
        }
        false
    })
}

/// A line whose escapes in the form of this program, as in `a\u{a}b\xff`, stay when its quotes are taken off: so a name can
/// be written as it is shown.
fn kept(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let escapes: Vec<usize> = escapes(text).collect();
    for (at, character) in text.char_indices() {
        if escapes.binary_search(&at).is_ok() {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Where the escapes of this program begin that are not quoted.
fn escapes(text: &str) -> impl Iterator<Item = usize> {
    let mut quote = Quote::None;
    let mut escaped = false;
    text.char_indices().filter_map(move |(at, character)| {
        if escaped {
            escaped = false;
            return None;
        }
        match (quote, character) {
            (Quote::None, '\\') => {
                escaped = true;
                return is_escape(text.get(at + 1..)?).then_some(at);
            }
            (Quote::Double, '\\') => escaped = true,
            (Quote::None, '\'') => quote = Quote::Single,
            (Quote::None, '"') => quote = Quote::Double,
            (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
            _ => {}
        }
        None
    })
}

/// Whether what stands behind a backslash makes it an escape of this program.
fn is_escape(behind: &str) -> bool {
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match behind.split_at_checked(1) {
        Some(("x", rest)) => rest.get(..2).is_some_and(are_digits),
        Some(("u", rest)) => {
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).is_some_and(|(digits, _)| are_digits(digits))
        }
        _ => false,
    }
}

/// Whether a word of these is `--`, behind which none is an option.
pub(super) fn ends_options(words: &str) -> bool {
    shell_words::split(&kept(words)).is_ok_and(|words| words.iter().any(|word| word == "--"))
}

/// A word without its quotes; the last may be open.
pub(super) fn unquoted(word: &str) -> String {
    let closed =
        |end: &str| shell_words::split(&kept(&format!("{word}{end}"))).ok().and_then(|words| words.into_iter().next());
    if word.is_empty() {
        return String::new();
    }
    ["", "'", "\"", "\\"].into_iter().find_map(closed).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(words: &[&str], program: Option<&str>) -> Line {
        Line { words: words.iter().map(|word| (*word).to_owned()).collect(), program: program.map(str::to_owned) }
    }

    #[test]
    fn a_line_is_taken_apart_at_the_first_pipe_that_is_not_quoted() {
        assert_eq!(Line::parse("ls -l etc").unwrap(), line(&["ls", "-l", "etc"], None));
        assert_eq!(Line::parse("cat 'a b' | grep x | wc -l").unwrap(), line(&["cat", "a b"], Some("grep x | wc -l")));
        assert_eq!(Line::parse("grep 'a|b' \"c|d\" e\\|f").unwrap(), line(&["grep", "a|b", "c|d", "e|f"], None));
        assert_eq!(Line::parse(r"cat 'a\xff'").unwrap(), line(&["cat", r"a\xff"], None));
    }

    #[test]
    fn a_name_is_taken_as_it_is_shown() {
        assert_eq!(Line::parse(r"cat new\u{a}line").unwrap(), line(&["cat", r"new\u{a}line"], None));
        assert_eq!(
            Line::parse(r"cat a\xff\ b \u{g} '\x41'").unwrap(),
            line(&["cat", r"a\xff b", "u{g}", r"\x41"], None)
        );
        assert_eq!(Line::parse(r"cat a\\x41").unwrap(), line(&["cat", r"a\x41"], None));
        assert_eq!(unquoted(r"new\u{a}li"), r"new\u{a}li");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in ["cat 'a", "| wc", "cat a |", "cat a > b"] {
            assert_eq!(Line::parse(text).unwrap_err().exit_code(), Exit::CommandLine, "{text}");
        }
    }

    #[test]
    fn the_last_word_is_found_behind_quotes_and_read_without_them() {
        let last = |text: &'static str| unquoted(&text[last_word(text)..]);
        assert_eq!(last("cat a b/c"), "b/c");
        assert_eq!(last("cat 'my dir/fi"), "my dir/fi");
        assert_eq!(last("cat 'my dir/'fi"), "my dir/fi");
        assert_eq!(last("cat my\\ dir/fi"), "my dir/fi");
        assert_eq!(last("cat "), "");
    }

    proptest! {
        #[test]
        fn any_text_never_panics(text in "[a '\"\\\\|é]{0,12}") {
            let _ = Line::parse(&text);
            let at = last_word(&text);
            let _ = unquoted(&text[at..]);
        }
    }
}
