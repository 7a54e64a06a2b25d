//! What Vim keeps in `.viminfo` (viminfo-file-format in Vim's help; src/viminfo.c).
//!
//! | line | meaning |
//! | --- | --- |
//! | `:TEXT`, `/TEXT`, `?/TEXT`, `=TEXT`, `@TEXT` | a command, a search, an expression, an input; newest first |
//! | `\|2,TYPE,SECONDS,SIGN,"TEXT"` | the time of the line before (since Vim 8) |
//! | `'M  LINE  COLUMN  FILE`, `-'  LINE  COLUMN  FILE` | a mark, a place in the list of jumps |
//! | `\|4,MARK,LINE,COLUMN,SECONDS,"FILE"` | its time |
//! | `> FILE` and below it `⇥*⇥SECONDS⇥0`, `⇥"⇥LINE⇥COLUMN` | a file and its marks; `*` has the time when it was left |
//! | `"R⇥TYPE⇥WIDTH` and lines behind a tabulator | a register; `\|3,…,SECONDS,"TEXT"` has its time |

use super::entry::{Shell, since_1970};
use super::shells::Form;
use crate::output::Output;
use crate::scan::number;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp, Value};

/// Bytes of a register that are given.
const REGISTER_BYTES: usize = 4 << 10;

/// Line and column.
type Place = (i64, i64);

/// An entry whose time may be in the lines behind it.
#[derive(Debug)]
struct Held {
    kind: &'static str,
    span: Span,
    text: Vec<u8>,
    mark: Vec<u8>,
    at: Option<Place>,
    time: Option<Timestamp>,
    /// The number of the lines with `|` that belong to it.
    bar: u8,
}

/// A file of Vim.
#[derive(Debug, Default)]
pub(super) struct Vim {
    held: Option<Held>,
}

impl Vim {
    fn hold(&mut self, held: Held, shell: &Shell<'_>, output: &mut Output<'_>) {
        self.end(shell, output);
        self.held = Some(held);
    }

    fn end(&mut self, shell: &Shell<'_>, output: &mut Output<'_>) {
        let Some(held) = self.held.take() else { return };
        let mut fields = [("", Value::Flag(false)); 3];
        let found = [
            (!held.mark.is_empty()).then_some(("mark", Value::Text(&held.mark))),
            held.at.map(|(line, _)| ("at_line", Value::Number(line))),
            held.at.map(|(_, column)| ("at_column", Value::Number(column))),
        ];
        let mut used = 0_usize;
        for (place, field) in fields.iter_mut().zip(found.into_iter().flatten()) {
            *place = field;
            used = used.saturating_add(1);
        }
        output.event(&Event {
            kind: held.kind,
            time: held.time,
            basis: if held.time.is_some() { TimeBasis::Stated } else { TimeBasis::Neighbour },
            span: held.span,
            program: shell.program.as_bytes(),
            user: shell.user,
            message: &held.text,
            fields: fields.get(..used).unwrap_or_default(),
            ..Event::default()
        });
    }

    /// `|NUMBER,…`: takes the time out of it for what is held.
    fn bar(&mut self, line: &[u8]) {
        let Some(held) = &mut self.held else { return };
        let mut parts = line.split(|byte| *byte == b',');
        let place = match parts.next() {
            Some(b"2") if held.bar == 2 => 1,
            // |3,FLAGS,NAME,TYPE,LINES,WIDTH,SECONDS,"TEXT"…
            Some(b"3") if held.bar == 3 => 5,
            Some(b"4") if held.bar == 4 => 3,
            _ => return,
        };
        held.time = held.time.or_else(|| parts.nth(place).and_then(number).and_then(since_1970));
    }

    /// A line behind a tabulator: of a register, or a mark of a file.
    fn indented(&mut self, line: &[u8]) {
        let Some(held) = &mut self.held else { return };
        match held.kind {
            "shell.vim-register" if held.text.len().saturating_add(line.len()) < REGISTER_BYTES => {
                if !held.text.is_empty() {
                    held.text.push(b'\n');
                }
                held.text.extend_from_slice(line);
            }
            "shell.vim-file" if held.bar == 0 => {
                let mut words = line.split(|byte| *byte == b'\t');
                match (words.next(), words.next().and_then(number), words.next().and_then(number)) {
                    (Some(b"*"), Some(seconds), _) => held.time = held.time.or_else(|| since_1970(seconds)),
                    (Some(b"\""), Some(line), Some(column)) => held.at = Some((line, column)),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

impl Form for Vim {
    fn line(&mut self, line: &[u8], span: Span, shell: &Shell<'_>, output: &mut Output<'_>) {
        let Some((sign, rest)) = line.split_first() else { return };
        let held = |kind, text: &[u8], bar| Held {
            kind,
            span,
            text: plain(text),
            mark: Vec::new(),
            at: None,
            time: None,
            bar,
        };
        match sign {
            b'|' => self.bar(rest),
            b'\t' => self.indented(rest),
            // The rest of a long line.
            b'<' => {
                if let Some(held) = &mut self.held {
                    held.text = plain(rest);
                }
            }
            b':' => self.hold(held("shell.vim-command", rest, 2), shell, output),
            b'/' => self.hold(held("shell.vim-search", rest, 2), shell, output),
            b'?' => self.hold(held("shell.vim-search", rest.get(1..).unwrap_or_default(), 2), shell, output),
            b'=' | b'@' => self.hold(held("shell.vim-input", rest, 2), shell, output),
            b'>' => self.hold(held("shell.vim-file", rest.trim_ascii_start(), 0), shell, output),
            b'\'' | b'-' => match mark(*sign, rest) {
                Some((name, at, file)) => {
                    let held = Held { mark: name.to_vec(), at: Some(at), ..held("shell.vim-file", file, 4) };
                    self.hold(held, shell, output);
                }
                None => output.other("shell.other", span, line, "no mark of Vim"),
            },
            b'"' => {
                let name = rest.split(|byte| *byte == b'\t').next().unwrap_or_default();
                let held = Held { mark: name.to_vec(), ..held("shell.vim-register", b"", 3) };
                self.hold(held, shell, output);
            }
            // Comments, settings (`*encoding`, `~h`, `~MSle0~/pattern`), the text of the last substitution.
            _ => self.end(shell, output),
        }
    }

    fn finish(&mut self, shell: &Shell<'_>, output: &mut Output<'_>) {
        self.end(shell, output);
    }
}

/// Name, line and column, and file of a mark.
fn mark(sign: u8, rest: &[u8]) -> Option<(&[u8], Place, &[u8])> {
    let (name, rest) = if sign == b'-' { (b"'".as_slice(), rest.get(1..)?) } else { rest.split_at_checked(1)? };
    let mut rest = rest.trim_ascii_start();
    let mut next = || {
        let end = rest.iter().position(u8::is_ascii_whitespace)?;
        let (word, behind) = rest.split_at_checked(end)?;
        rest = behind.trim_ascii_start();
        number(word)
    };
    let at = (next()?, next()?);
    Some((name, at, rest))
}

/// Takes Vim's own escapes back: the byte 22 before `n` for a line break, before itself for itself, and before digits for a
/// long line whose text stands in the next.
fn plain(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut is_escaped = false;
    for byte in text {
        match (is_escaped, *byte) {
            (false, 0x16) => is_escaped = true,
            (true, b'n') => bytes.push(b'\n'),
            (true, byte) | (false, byte) => bytes.push(byte),
        }
        if *byte != 0x16 || bytes.last() == Some(&0x16) {
            is_escaped = false;
        }
    }
    bytes
}
