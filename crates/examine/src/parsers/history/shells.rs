//! What bash, zsh and fish keep of the commands.

use super::entry::{Entries, Entry, Shell, since_1970};
use super::unfinished::Unfinished;
use crate::output::Output;
use crate::scan::{Scan, number};
use kanshiki_model::{Span, Timestamp};

/// Lines after which an entry ends that seems to go on for ever.
const LINES: u32 = 500;

/// A form of histories: what it makes of each line.
pub(super) trait Form {
    fn line(&mut self, line: &[u8], span: Span, shell: &Shell<'_>, output: &mut Output<'_>);

    /// Whether an entry has begun that an empty line may be part of.
    fn is_open(&self) -> bool {
        false
    }

    fn finish(&mut self, shell: &Shell<'_>, output: &mut Output<'_>);
}

/// bash, and shells that keep plain lines: with `HISTTIMEFORMAT` set, `#SECONDS` stands before each entry (bash(1), HISTORY).
///
/// bash itself takes all lines up to the next time for one entry. Here lines that the command does not need to be whole are
/// entries of their own, without a time: so lie those of sessions without `HISTTIMEFORMAT` among those with it.
#[derive(Debug, Default)]
pub(super) struct Bash {
    stamp: Option<Timestamp>,
    current: Option<(Entry, Unfinished, u32)>,
    entries: Entries,
}

/// The time in `#1700000000`, or in `#+1700000000` of tcsh; `None` if the line is none.
pub(super) fn stamp(line: &[u8]) -> Option<Timestamp> {
    let digits = line.strip_prefix(b"#").map(|digits| digits.strip_prefix(b"+").unwrap_or(digits));
    let digits = digits.filter(|digits| (8..=12).contains(&digits.len()))?;
    number(digits).and_then(since_1970)
}

impl Bash {
    fn end(&mut self, shell: &Shell<'_>, output: &mut Output<'_>) {
        if let Some((entry, _, _)) = self.current.take() {
            self.entries.put(entry, shell, output);
        }
    }
}

impl Form for Bash {
    fn is_open(&self) -> bool {
        self.current.as_ref().is_some_and(|(_, unfinished, lines)| unfinished.is_open() && *lines < LINES)
    }

    fn line(&mut self, line: &[u8], span: Span, shell: &Shell<'_>, output: &mut Output<'_>) {
        if let Some(time) = stamp(line) {
            self.end(shell, output);
            self.stamp = Some(time);
            return;
        }
        if let Some(time) = self.stamp.take() {
            let mut unfinished = Unfinished::default();
            unfinished.feed(line);
            self.current = Some((Entry::new(line, span, Some(time)), unfinished, 1));
            return;
        }
        if self.is_open()
            && let Some((entry, unfinished, lines)) = &mut self.current
        {
            unfinished.feed(line);
            *lines = lines.saturating_add(1);
            return entry.add(line, span);
        }
        self.end(shell, output);
        self.entries.put(Entry::new(line, span, None), shell, output);
    }

    fn finish(&mut self, shell: &Shell<'_>, output: &mut Output<'_>) {
        self.end(shell, output);
        self.entries.give_waiting(None, shell, output);
    }
}

/// zsh: `: START:SECONDS;COMMAND` with `EXTENDED_HISTORY`, the command alone otherwise (zshoptions(1)); a line that ends with a
/// backslash goes on in the next. Bytes that zsh uses itself are kept as 0x83 and the byte with its bit 5 turned (`Meta` in
/// Src/zsh.h).
#[derive(Debug, Default)]
pub(super) struct Zsh {
    current: Option<Entry>,
    entries: Entries,
}

/// The start and the seconds that stand before a command of zsh, and the command.
pub(super) fn extended(line: &[u8]) -> Option<(i64, i64, &[u8])> {
    let mut scan = Scan(line);
    scan.text(b": ")?;
    let start = number(scan.until(b':')?.trim_ascii_start())?;
    let seconds = number(scan.until(b';')?)?;
    Some((start, seconds, scan.0))
}

fn unmetafied(line: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut is_meta = false;
    for byte in line {
        if is_meta {
            bytes.push(*byte ^ 0x20);
            is_meta = false;
        } else if *byte == 0x83 {
            is_meta = true;
        } else {
            bytes.push(*byte);
        }
    }
    bytes
}

impl Form for Zsh {
    fn is_open(&self) -> bool {
        self.current.is_some()
    }

    fn line(&mut self, line: &[u8], span: Span, shell: &Shell<'_>, output: &mut Output<'_>) {
        let (text, goes_on) = match line.strip_suffix(b"\\") {
            Some(text) => (text, true),
            None => (line, false),
        };
        let mut entry = match self.current.take() {
            Some(mut entry) => {
                entry.add(&unmetafied(text), span);
                entry
            }
            None => match extended(text) {
                Some((start, seconds, command)) => {
                    let mut entry = Entry::new(&unmetafied(command), span, since_1970(start));
                    entry.seconds = Some(seconds);
                    entry
                }
                None => Entry::new(&unmetafied(text), span, None),
            },
        };
        if goes_on {
            self.current = Some(entry);
            return;
        }
        // zsh puts a blank behind a backslash that is the last of a command.
        if entry.text.ends_with(b"\\ ") {
            entry.text.pop();
        }
        self.entries.put(entry, shell, output);
    }

    fn finish(&mut self, shell: &Shell<'_>, output: &mut Output<'_>) {
        if let Some(entry) = self.current.take() {
            self.entries.put(entry, shell, output);
        }
        self.entries.give_waiting(None, shell, output);
    }
}

/// fish: `- cmd: COMMAND`, `  when: SECONDS`, `  paths:` and `    - PATH` (fish's history.cpp, `fish_history`); in the command
/// `\n` is a line break and `\\` a backslash.
#[derive(Debug, Default)]
pub(super) struct Fish {
    current: Option<Entry>,
    entries: Entries,
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut is_escaped = false;
    for byte in text {
        match (is_escaped, byte) {
            (true, b'n') => bytes.push(b'\n'),
            (true, b'\\') => bytes.push(b'\\'),
            (true, byte) => bytes.extend_from_slice(&[b'\\', *byte]),
            (false, b'\\') => {}
            (false, byte) => bytes.push(*byte),
        }
        is_escaped = !is_escaped && *byte == b'\\';
    }
    if is_escaped {
        bytes.push(b'\\');
    }
    bytes
}

impl Form for Fish {
    fn line(&mut self, line: &[u8], span: Span, shell: &Shell<'_>, output: &mut Output<'_>) {
        if let Some(command) = line.strip_prefix(b"- cmd: ") {
            if let Some(entry) = self.current.take() {
                self.entries.put(entry, shell, output);
            }
            self.current = Some(Entry::new(&unescaped(command), span, None));
            return;
        }
        let Some(entry) = &mut self.current else {
            return output.other("shell.other", span, line, "no entry of fish before it");
        };
        let text = line.trim_ascii();
        if let Some(seconds) = text.strip_prefix(b"when: ").and_then(number) {
            entry.time = since_1970(seconds);
        } else if let Some(path) = text.strip_prefix(b"- ").filter(|_| line.starts_with(b"    ")) {
            if entry.paths.len().saturating_add(path.len()) <= 4096 {
                if !entry.paths.is_empty() {
                    entry.paths.push(b' ');
                }
                entry.paths.extend_from_slice(&unescaped(path));
            }
        } else if text != b"paths:" {
            return output.other("shell.other", span, line, "no line of an entry of fish");
        }
        entry.reach(span);
    }

    fn finish(&mut self, shell: &Shell<'_>, output: &mut Output<'_>) {
        if let Some(entry) = self.current.take() {
            self.entries.put(entry, shell, output);
        }
        self.entries.give_waiting(None, shell, output);
    }
}
