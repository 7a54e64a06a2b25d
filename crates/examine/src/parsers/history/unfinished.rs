//! Whether a command of bash goes on in the next line, as far as its words tell it.

/// Words that begin a command which a further word ends, and the words that end one.
const BEGINNINGS: &[&[u8]] = &[b"for", b"while", b"until", b"select", b"if", b"case", b"{"];
const ENDS: &[&[u8]] = &[b"done", b"fi", b"esac", b"}"];

/// Words behind which a command begins.
const BEFORE_COMMANDS: &[&[u8]] = &[b"do", b"then", b"else", b"elif", b"{", b"!", b"while", b"until", b"if"];

/// What is open at the end of the lines that were looked at.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    quote: Option<u8>,
    is_escaped: bool,
    depth: u32,
    here: Option<Vec<u8>>,
}

impl Unfinished {
    pub(super) const fn is_open(&self) -> bool {
        self.quote.is_some() || self.is_escaped || self.depth > 0 || self.here.is_some()
    }

    /// Looks at the next line.
    pub(super) fn feed(&mut self, line: &[u8]) {
        if let Some(end) = &self.here {
            if line.trim_ascii() == end.as_slice() {
                self.here = None;
            }
            return;
        }
        self.is_escaped = false;
        let (mut word, mut is_command) = (0_usize, true);
        for (at, byte) in line.iter().enumerate() {
            if self.is_escaped {
                self.is_escaped = false;
                continue;
            }
            match (self.quote, *byte) {
                (Some(quote), byte) if byte == quote => self.quote = None,
                (Some(b'"') | None, b'\\') => self.is_escaped = true,
                (Some(_), _) => {}
                (None, quote @ (b'\'' | b'"' | b'`')) => self.quote = Some(quote),
                (None, b'#') if word == at => return,
                (None, b'<') if !line.get(..at).unwrap_or_default().ends_with(b"<") => {
                    self.here_document(line.get(at..).unwrap_or_default());
                }
                (None, sign @ (b' ' | b'\t' | b';' | b'&' | b'|')) => {
                    let text = line.get(word..at).unwrap_or_default();
                    let is_end = !matches!(sign, b' ' | b'\t');
                    is_command = self.word(text, is_command) || is_end;
                    word = at.saturating_add(1);
                }
                _ => {}
            }
        }
        let _ = self.word(line.get(word..).unwrap_or_default(), is_command);
    }

    /// Counts a word; whether a command may stand behind it.
    fn word(&mut self, word: &[u8], is_command: bool) -> bool {
        if word.is_empty() || !is_command {
            return is_command && word.is_empty();
        }
        if BEGINNINGS.contains(&word) {
            self.depth = self.depth.saturating_add(1);
        } else if ENDS.contains(&word) {
            self.depth = self.depth.saturating_sub(1);
        }
        // `name() {` and its body.
        BEFORE_COMMANDS.contains(&word) || word.ends_with(b"()")
    }

    /// `<<WORD`, `<<-WORD`, `<<'WORD'`, but not `<<<`.
    fn here_document(&mut self, text: &[u8]) {
        let Some(rest) = text.strip_prefix(b"<<").filter(|rest| !rest.starts_with(b"<")) else { return };
        let rest = rest.strip_prefix(b"-").unwrap_or(rest).trim_ascii_start();
        let rest = rest.strip_prefix(b"'").or_else(|| rest.strip_prefix(b"\"")).unwrap_or(rest);
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let end = rest.iter().take(64).position(|byte| !is_word(byte)).unwrap_or(rest.len().min(64));
        if end > 0 && self.here.is_none() {
            self.here = rest.get(..end).map(<[u8]>::to_vec);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_open(lines: &[&str]) -> bool {
        let mut unfinished = Unfinished::default();
        lines.iter().for_each(|line| unfinished.feed(line.as_bytes()));
        unfinished.is_open()
    }

    #[test]
    fn quotes_loops_and_here_documents_are_open_until_they_end() {
        for open in [
            &["echo 'a"][..],
            &["echo a \\"],
            &["echo \"it's", "b"],
            &["for x in a b; do"],
            &["for x in a b", "do echo done"],
            &["if true; then", "  while x; do y; done"],
            &["cat > f <<'EOF'", "it's"],
            &["f() {", "echo 1"],
        ] {
            assert!(is_open(open), "{open:?}");
        }
        for closed in [
            &["echo for"][..],
            &["for x in a b", "do echo $x; done"],
            &["cat <<EOF | sh", "it's", "EOF"],
            &["wc <<< 'a b'"],
            &["echo a # it's"],
            &["echo it\\'s"],
            &["if a; then b; fi"],
            &["done"],
            &["f() { echo 1; }"],
            &[""],
        ] {
            assert!(!is_open(closed), "{closed:?}");
        }
    }
}
