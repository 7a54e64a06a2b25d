//! Histories of programs with a prompt of their own: one line for each entry, as GNU readline, editline and others keep them.

use super::entry::{Entries, Entry, Shell};
use super::shells::Form;
use crate::output::Output;
use kanshiki_model::Span;

/// The first line of what editline keeps (libedit's history.c).
pub(super) const EDITLINE: &[u8] = b"_HiStOrY_V2_";

/// A history of lines.
#[derive(Debug, Default)]
pub(super) struct Plain {
    /// The first line said that it is one of editline, in which blanks, line breaks and others are escaped as vis(3) does.
    is_editline: bool,
    has_begun: bool,
    entries: Entries,
}

impl Form for Plain {
    fn line(&mut self, line: &[u8], span: Span, shell: &Shell<'_>, output: &mut Output<'_>) {
        if !std::mem::replace(&mut self.has_begun, true) && line == EDITLINE {
            self.is_editline = true;
            return;
        }
        let text = match self.is_editline {
            true => unvis(line),
            // psql keeps line breaks of a query as this byte (psql's input.c).
            false => line.iter().map(|byte| if *byte == 1 { b'\n' } else { *byte }).collect(),
        };
        self.entries.put(Entry::new(&text, span, None), shell, output);
    }

    fn finish(&mut self, shell: &Shell<'_>, output: &mut Output<'_>) {
        self.entries.give_waiting(None, shell, output);
    }
}

/// Takes the escapes of vis(3) back: `\040`, `\\`, `\^A`, `\M-a`, `\M^A`.
fn unvis(line: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        match *behind {
            [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', ref further @ ..] => {
                let digit = |byte: u8| byte & 7;
                bytes.push(digit(high).wrapping_shl(6) | digit(middle).wrapping_shl(3) | digit(low));
                rest = further;
            }
            [b'\\', ref further @ ..] => {
                bytes.push(b'\\');
                rest = further;
            }
            [b'^', sign, ref further @ ..] => {
                bytes.push(control(sign));
                rest = further;
            }
            [b'M', b'-', sign, ref further @ ..] => {
                bytes.push(sign | 0x80);
                rest = further;
            }
            [b'M', b'^', sign, ref further @ ..] => {
                bytes.push(control(sign) | 0x80);
                rest = further;
            }
            _ => bytes.push(b'\\'),
        }
    }
    bytes
}

const fn control(sign: u8) -> u8 {
    if sign == b'?' { 0x7f } else { sign & 0x1f }
}
