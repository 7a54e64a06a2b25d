//! The content of files on a terminal: readable where it is text, and harmless everywhere.

use kanshiki_model::is_hidden;
use std::fmt::Write as _;

/// Makes control characters and invalid UTF-8 of a stream visible; newlines and tabs stay.
#[derive(Debug, Default)]
pub(crate) struct Harmless {
    /// The beginning of a character that the next bytes go on with.
    held: Vec<u8>,
}

impl Harmless {
    /// The next bytes of the stream.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let complete = all.len() - unfinished(&all);
        self.held = all.split_off(complete);
        shown(&all)
    }

    /// What is left at the end of the stream.
    pub(crate) fn finish(&mut self) -> String {
        shown(&std::mem::take(&mut self.held))
    }
}

/// The number of bytes at the end that may be the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
    let tail = &bytes[bytes.len() - last..];
    // Three bytes at most are the beginning of a character; whether they are is told by the standard library.
    match std::str::from_utf8(tail) {
        Err(error) if error.error_len().is_none() => last,
        _ => 0,
    }
}

fn shown(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        for character in part.valid().chars() {
            if is_hidden(character) && character != '\n' && character != '\t' {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            } else {
                out.push(character);
            }
        }
        for byte in part.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stream_is_shown_alike_however_it_is_cut(bytes in prop::collection::vec(any::<u8>(), 0..60), text in any::<String>(), cut in 0_usize..80) {
            let all = [bytes.as_slice(), text.as_bytes()].concat();
            let cut = cut.min(all.len());
            let mut stream = Harmless::default();
            let parts = [stream.push(&all[..cut]), stream.push(&all[cut..]), stream.finish()].concat();
            prop_assert!(!parts.chars().any(|c| is_hidden(c) && c != '\n' && c != '\t'));
            prop_assert_eq!(parts, shown(&all));
        }
    }
}
