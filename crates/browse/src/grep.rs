//! Searches contents for an expression, line by line, whatever the bytes are.

mod file;

pub use file::{Contents, search_file};

use memchr::{memchr, memchr_iter, memrchr};
use regex::bytes::{Regex, RegexBuilder};
use std::io::{self, Read};
use std::ops::ControlFlow;

/// A line longer than this is searched in pieces that overlap.
const LINE_BYTES: usize = 1 << 20;

/// Bytes by which the pieces of a long line overlap: the longest match that is found across them.
const OVERLAP_BYTES: usize = 4 << 10;

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// Bytes of a line that are given on each side of a match.
const AROUND_BYTES: usize = 240;

/// Largest expression once compiled, in bytes.
const COMPILED_BYTES: usize = 32 << 20;

/// How an expression is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GrepOptions {
    /// Upper and lower case do not differ.
    pub ignore_case: bool,
    /// The text is itself what is looked for, and no expression.
    pub fixed: bool,
    /// Matches must be whole words.
    pub whole_words: bool,
}

/// An expression to search for.
#[derive(Debug, Clone)]
pub struct Matcher(Regex);

/// A line that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit<'a> {
    /// Its number, from 1.
    pub line: u64,
    /// Where its first match lies, in bytes from the start of the content.
    pub offset: u64,
    /// The line without its end; of a long one the bytes around the match.
    pub text: &'a [u8],
    /// Where the match lies in `text`.
    pub matched: (usize, usize),
    /// Whether bytes of the line are left out before or after `text`.
    pub cut: (bool, bool),
}

impl Matcher {
    /// Reads an expression (the syntax of the crate `regex`): Unicode where the bytes are UTF-8, and every byte can be
    /// named, as in `(?-u:\xff)`.
    ///
    /// # Errors
    ///
    /// What [`regex`] says of the expression.
    pub fn new(expression: &str, options: GrepOptions) -> Result<Self, regex::Error> {
        let mut expression = if options.fixed { regex::escape(expression) } else { expression.to_owned() };
        if options.whole_words {
            expression = format!(r"\b(?:{expression})\b");
        }
        let regex = RegexBuilder::new(&expression)
            .case_insensitive(options.ignore_case)
            .multi_line(true)
            .size_limit(COMPILED_BYTES)
            .build()?;
        Ok(Self(regex))
    }

    /// Hands on every line of the content that matches, until `hit` wants no more. `position` is where the content
    /// begins in the file, and moves on with it.
    ///
    /// # Errors
    ///
    /// What the reader returns; what was read before it has been searched.
    pub fn search(
        &self,
        content: &mut dyn Read,
        position: &mut Position,
        buffer: &mut Vec<u8>,
        hit: Take<'_>,
    ) -> io::Result<ControlFlow<()>> {
        buffer.clear();
        loop {
            let read = fill(content, buffer);
            let is_end = !matches!(read, Ok(read) if read > 0);
            let end = if is_end { buffer.len() } else { searchable(buffer) };
            if end > 0 {
                // Behind this place matches are left to the next piece of the same long line.
                let ends_inside = !is_end && buffer.get(end.saturating_sub(1)) != Some(&b'\n');
                let last = if ends_inside { end.saturating_sub(OVERLAP_BYTES) } else { end };
                if self.search_lines(buffer.get(..end).unwrap_or_default(), last, *position, hit).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                position.line = position.line.saturating_add(count_lines(buffer.get(..last).unwrap_or_default()));
                position.offset = position.offset.saturating_add(u64::try_from(last).unwrap_or(u64::MAX));
                buffer.drain(..last);
            }
            if is_end {
                return read.map(|_| ControlFlow::Continue(()));
            }
        }
    }

    /// Searches whole lines (but for the last); matches that begin behind `last` are left.
    fn search_lines(&self, lines: &[u8], last: usize, position: Position, hit: Take<'_>) -> ControlFlow<()> {
        let (mut at, mut counted, mut line) = (0, 0, position.line);
        while let Some(found) = self.0.find_at(lines, at) {
            if found.start() >= last && last < lines.len() {
                break;
            }
            let before = memrchr(b'\n', lines.get(..found.start()).unwrap_or_default());
            let start = before.map_or(0, |end| end.saturating_add(1));
            let end = memchr(b'\n', lines.get(found.start()..).unwrap_or_default());
            let end = end.map_or(lines.len(), |end| end.saturating_add(found.start()));
            if start >= lines.len() && !lines.is_empty() {
                // Behind the last line's end there is no further line.
                break;
            }
            let text = lines.get(start..end).unwrap_or_default();
            // A match across the end of a line does not count; one within the line does.
            let inside = if found.end() <= end {
                Some((found.start().saturating_sub(start), found.end().saturating_sub(start)))
            } else {
                self.0.find(text).map(|found| (found.start(), found.end()))
            };
            if let Some(matched) = inside {
                line = line.saturating_add(count_lines(lines.get(counted..start).unwrap_or_default()));
                counted = start;
                let within = u64::try_from(start.saturating_add(matched.0)).unwrap_or(u64::MAX);
                hit(around(line, position.offset.saturating_add(within), text, matched))?;
            }
            at = end.saturating_add(1);
            if at >= lines.len() {
                break;
            }
        }
        ControlFlow::Continue(())
    }
}

/// A place in a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Bytes before it.
    pub offset: u64,
    /// The number of its line, from 1.
    pub line: u64,
}

impl Default for Position {
    fn default() -> Self {
        Self { offset: 0, line: 1 }
    }
}

/// Where hits go.
pub type Take<'a> = &'a mut dyn FnMut(Hit<'_>) -> ControlFlow<()>;

/// Reads until there is more than one read's worth or the content ends; 0 at the end.
fn fill(content: &mut dyn Read, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let before = buffer.len();
    buffer.resize(before.saturating_add(READ_BYTES), 0);
    let mut filled = before;
    let result = loop {
        let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) else { break Ok(()) };
        match content.read(rest) {
            Ok(0) => break Ok(()),
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    buffer.truncate(filled);
    result.map(|()| filled.saturating_sub(before))
}

/// The end of the last whole line; the whole buffer if it is one long line; 0 if more is to be read first.
fn searchable(buffer: &[u8]) -> usize {
    match memrchr(b'\n', buffer) {
        Some(end) => end.saturating_add(1),
        None if buffer.len() >= LINE_BYTES => buffer.len(),
        None => 0,
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    u64::try_from(memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

fn around(line: u64, offset: u64, text: &[u8], matched: (usize, usize)) -> Hit<'_> {
    let start = matched.0.saturating_sub(AROUND_BYTES);
    let end = matched.0.saturating_add(AROUND_BYTES).max(matched.1.min(matched.0.saturating_add(OVERLAP_BYTES)));
    let end = end.min(text.len());
    let within = (matched.0.saturating_sub(start), matched.1.min(end).saturating_sub(start));
    let cut = (start > 0, end < text.len());
    Hit { line, offset, text: text.get(start..end).unwrap_or_default(), matched: within, cut }
}

#[cfg(test)]
mod tests;
