//! What all logs of lines have in common: zeroes of a crash, lines that are too long, and being told by their first lines.

use crate::input::Input;
use crate::lines::Line;
use crate::output::Output;
use kanshiki_model::Span;
use std::io;

/// Lines of the head that are looked at to tell a log by.
pub(crate) const HEAD_LINES: usize = 20;

/// Hands every line on that is not empty, without the zeroes before and behind it, and tells what is wrong with it.
///
/// # Errors
///
/// The content could not be read to its end.
pub(crate) fn each_line(
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

/// The bytes of a line; `None` if there are zeroes in their place. What is wrong with it is told.
fn checked<'l>(line: &Line<'l>, output: &mut Output<'_>) -> Option<&'l [u8]> {
    let bytes = trim_nul(line.bytes);
    if bytes.is_empty() && !line.bytes.is_empty() {
        output.issue(line.span, "zeroes in the place of lines, as a crash leaves them");
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
