//! `apt/term.log`: what dpkg showed on the terminal. Its lines have no times of their own but that at which the run began.

use super::apt::date;
use super::{Form, Told, debian};
use crate::clock::Clock;
use crate::details::Details;
use crate::output::Output;
use kanshiki_model::{Span, TimeBasis, Timestamp};

/// Beginnings of the lines that tell a step.
const STEPS: &[(&[u8], &str)] = &[
    (b"Unpacking ", "package.unpacked"),
    (b"Setting up ", "package.configured"),
    (b"Removing ", "package.removed"),
    (b"Purging configuration files for ", "package.purged"),
    (b"dpkg: error", "package.error"),
    (b"E: ", "package.error"),
];

/// The form.
#[derive(Debug, Default)]
pub(super) struct Term {
    begun: Option<Timestamp>,
}

impl Form for Term {
    fn line(&mut self, line: &[u8], span: Span, clock: &mut Clock<'_>, output: &mut Output<'_>) {
        for (beginning, kind) in [(&b"Log started: "[..], "package.run"), (b"Log ended: ", "package.run-ended")] {
            let Some(text) = line.strip_prefix(beginning) else { continue };
            let Some(time) = date(text, clock) else {
                return output.other("package.other", span, line, "no date of apt's terminal");
            };
            self.begun = time.0.filter(|_| kind == "package.run");
            return output.event(&Told { time, span, program: "apt" }.event(&Details::new(kind), line));
        }
        // The bar that tells how far it is stands before a carriage return, or behind an escape.
        let text = line.rsplit(|byte| *byte == b'\r').next().unwrap_or_default();
        let Some((beginning, kind)) = STEPS.iter().find(|(beginning, _)| text.starts_with(beginning)) else { return };
        let mut details = Details::new(kind);
        if *kind != "package.error" {
            let rest = text.get(beginning.len()..).unwrap_or_default();
            let mut words = rest.split(|byte| *byte == b' ');
            debian(words.next().unwrap_or_default(), &mut details);
            details.text("version", in_parentheses(words.next()));
            if words.next() == Some(b"over") {
                details.text("old_version", in_parentheses(words.next()));
            }
        }
        let time = (self.begun, TimeBasis::Neighbour);
        output.event(&Told { time, span, program: "dpkg" }.event(&details, text));
    }
}

fn in_parentheses(word: Option<&[u8]>) -> &[u8] {
    word.and_then(|word| word.strip_prefix(b"(")?.strip_suffix(b")")).unwrap_or_default()
}
