//! What all logs of lines have in common: zeroes of a crash, lines that are too long, and being told by their first lines.

use crate::input::Input;
use crate::lines::{Line, length};
use crate::output::Output;
use kanshiki_model::{Event, Span};
use std::io;

/// Lines of the head that are looked at to tell a log by.
pub(crate) const HEAD_LINES: usize = 20;

/// Zeroes in a row from which on they are an event of their own: fewer are found in texts that programs write.
const ZEROES: usize = 16;

/// Hands every line on that is not empty, without the zeroes before and behind it, and tells what is wrong with it. Many zeroes
/// within a line part it: what is before them is the beginning of one record, what is behind them the end of another.
///
/// # Errors
///
/// The content could not be read to its end.
pub(crate) fn each_line(
    input: &Input<'_>,
    output: &mut Output<'_>,
    each: &mut dyn FnMut(&[u8], Span, &mut Output<'_>),
) -> io::Result<()> {
    let mut lines = input.lines()?;
    while let Some(line) = lines.next_line()? {
        if is_of_zeroes(&line) {
            zeroes(line.span, output);
        }
        pieces(&line, &mut |piece| match piece {
            Piece::Line(line) => match checked(&line, output) {
                Some(bytes) if !bytes.is_empty() => each(bytes, line.span, output),
                _ => {}
            },
            Piece::Zeroes(span) => {
                output.issue(span, IN_THE_PLACE);
                zeroes(span, output);
            }
        });
        if output.is_stopped() {
            break;
        }
    }
    Ok(())
}

/// The same for logs whose records may hold any bytes: zeroes within a line part nothing.
///
/// # Errors
///
/// The content could not be read to its end.
pub(crate) fn each_line_as_it_is(
    input: &Input<'_>,
    output: &mut Output<'_>,
    each: &mut dyn FnMut(&[u8], Span, &mut Output<'_>),
) -> io::Result<()> {
    every_line(input, output, &mut |line, span, output| {
        if !line.is_empty() {
            each(line, span, output);
        }
    })
}

/// The same with empty lines, for logs in which they are part of a record.
///
/// # Errors
///
/// The content could not be read to its end.
pub(crate) fn every_line(
    input: &Input<'_>,
    output: &mut Output<'_>,
    each: &mut dyn FnMut(&[u8], Span, &mut Output<'_>),
) -> io::Result<()> {
    let mut lines = input.lines()?;
    while let Some(line) = lines.next_line()? {
        if let Some(bytes) = checked(&line, output) {
            each(bytes, line.span, output);
        }
        if output.is_stopped() {
            break;
        }
    }
    Ok(())
}

/// What is told of zeroes that stand where lines stood, or should.
const IN_THE_PLACE: &str = "zeroes in the place of lines, as a crash leaves them, or somebody who writes over a log";

/// A part of a line.
enum Piece<'l> {
    Line(Line<'l>),
    /// Many zeroes between others.
    Zeroes(Span),
}

/// Gives the parts of a line in their order: what many zeroes part, and these.
fn pieces<'l>(line: &Line<'l>, give: &mut dyn FnMut(Piece<'l>)) {
    let is_parted = memchr::memmem::find(line.bytes, &[0; ZEROES]).is_some() && !is_of_zeroes(line);
    let mut at = 0_usize;
    while let Some(rest) = line.bytes.get(at..).filter(|rest| is_parted && !rest.is_empty()) {
        let begin = memchr::memmem::find(rest, &[0; ZEROES]).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at_checked(begin).unwrap_or((rest, &[]));
        let zeroes = behind.iter().position(|byte| *byte != 0).unwrap_or(behind.len());
        let next = at.saturating_add(begin).saturating_add(zeroes);
        if behind.is_empty() {
            // The break of the line belongs to its last part.
            let length = line.span.length.saturating_sub(length(at));
            give(Piece::Line(Line { bytes: piece, span: part(line.span, at, length), left_out: line.left_out }));
        } else {
            if !piece.is_empty() {
                give(Piece::Line(Line { bytes: piece, span: part(line.span, at, length(begin)), left_out: 0 }));
            }
            give(Piece::Zeroes(part(line.span, at.saturating_add(begin), length(zeroes))));
        }
        at = next;
    }
    if !is_parted {
        give(Piece::Line(*line));
    }
}

/// Bytes of a span from one of its bytes on. In a compressed file only the place in the content is known.
fn part(span: Span, from: usize, length_of: u64) -> Span {
    let from = length(from);
    let (offset, content_offset) = match span.content_offset {
        Some(content) => (span.offset, Some(content.saturating_add(from))),
        None => (span.offset.saturating_add(from), None),
    };
    Span { offset, content_offset, length: length_of, line: span.line }
}

/// Whether a line is made of many zeroes alone; one may stand for many.
fn is_of_zeroes(line: &Line<'_>) -> bool {
    !line.bytes.is_empty() && line.span.length >= length(ZEROES) && line.bytes.iter().all(|byte| *byte == 0)
}

/// Takes zeroes as an event, so that it is found where they lie.
fn zeroes(span: Span, output: &mut Output<'_>) {
    let message = format!("{} bytes of zeroes", span.length);
    output.also(&Event { kind: "log.zeroes", span, message: message.as_bytes(), ..Event::default() });
}

/// The bytes of a line; `None` if there are zeroes in their place. What is wrong with it is told.
fn checked<'l>(line: &Line<'l>, output: &mut Output<'_>) -> Option<&'l [u8]> {
    let bytes = trim_nul(line.bytes);
    if bytes.is_empty() && !line.bytes.is_empty() {
        output.issue(line.span, IN_THE_PLACE);
        return None;
    }
    if bytes.len() < line.bytes.len() {
        output.issue(line.span, "zeroes before or behind a line, as a crash leaves them");
    }
    if line.left_out > 0 {
        output.issue(line.span, "the line is longer than 1 MiB; the rest of it is left out");
    }
    Some(bytes)
}

/// Whether at least half of the first lines are of a form: others may stand among them, such as the second line of a
/// message and the cut end of the head.
pub(crate) fn is_half(head: &[u8], is_of_form: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let lines = lines.map(trim_nul).filter(|line| !line.is_empty());
    let (mut of_form, mut all) = (0_usize, 0_usize);
    for line in lines.take(HEAD_LINES) {
        all = all.saturating_add(1);
        of_form = of_form.saturating_add(usize::from(is_of_form(line)));
    }
    of_form > 0 && of_form.saturating_mul(2) >= all
}

/// Zeroes before and behind a line, which a crash leaves where blocks were kept and never written.
pub(crate) fn trim_nul(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_prefix(&[0]) {
        line = rest;
    }
    while let Some(rest) = line.strip_suffix(&[0]) {
        line = rest;
    }
    line
}

/// Whether the first bytes of a content are text, so that it may be a log that no parser knows.
pub(crate) fn is_text(head: &[u8]) -> bool {
    let control = head.iter().filter(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()).count();
    !head.is_empty() && control.saturating_mul(100) <= head.len()
}
