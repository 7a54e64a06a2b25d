//! What less and wget keep.
//!
//! | file | line | source |
//! | --- | --- | --- |
//! | `.lesshst` | `.less-history-file:`, `.search`, `.shell` and `"TEXT` below each; `.mark` and `m NAME SCREEN-LINE OFFSET FILE` | less's cmdbuf.c, mark.c |
//! | `.wget-hsts` | `HOST⇥PORT⇥SUBDOMAINS⇥CREATED⇥MAX-AGE` | wget's hsts.c |

use super::entry::{Shell, since_1970};
use super::shells::Form;
use crate::details::Details;
use crate::output::Output;
use crate::scan::number;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp, Value};

/// The first lines by which the two are known.
pub(super) const LESS: &[u8] = b".less-history-file:";
pub(super) const WGET: &[u8] = b"# HSTS 1.0 Known Hosts database for GNU Wget.";

fn give(
    details: &Details<'_>,
    time: Option<Timestamp>,
    message: &[u8],
    span: Span,
    shell: &Shell<'_>,
    output: &mut Output<'_>,
) {
    output.event(&Event {
        time,
        basis: if time.is_some() { TimeBasis::Stated } else { TimeBasis::Neighbour },
        span,
        program: shell.program.as_bytes(),
        user: shell.user,
        message,
        ..details.event()
    });
}

/// The history of less.
#[derive(Debug, Default)]
pub(super) struct Less {
    section: Option<&'static str>,
}

impl Form for Less {
    fn line(&mut self, line: &[u8], span: Span, shell: &Shell<'_>, output: &mut Output<'_>) {
        match (line, self.section) {
            (LESS, _) => {}
            (b".search", _) => self.section = Some("shell.less-search"),
            (b".shell", _) => self.section = Some("shell.less-command"),
            (b".mark", _) => self.section = Some("shell.less-mark"),
            ([b'"', text @ ..], Some(kind)) => give(&Details::new(kind), None, text, span, shell, output),
            ([b'm', b' ', rest @ ..], Some("shell.less-mark")) => {
                let mut words = rest.splitn(4, |byte| *byte == b' ');
                let (name, _, offset) = (words.next(), words.next(), words.next());
                let mut details = Details::new("shell.less-mark");
                details.text("mark", name.unwrap_or_default());
                details.number("at_byte", offset.and_then(number));
                give(&details, None, words.next().unwrap_or_default(), span, shell, output);
            }
            _ => output.other("shell.other", span, line, "no line of the history of less"),
        }
    }

    fn finish(&mut self, _shell: &Shell<'_>, _output: &mut Output<'_>) {}
}

/// The hosts of which wget knows that they want to be spoken to with TLS alone: those from which something was fetched.
#[derive(Debug, Default)]
pub(super) struct Wget;

impl Form for Wget {
    fn line(&mut self, line: &[u8], span: Span, shell: &Shell<'_>, output: &mut Output<'_>) {
        if line.starts_with(b"#") {
            return;
        }
        let mut words = line.split(|byte| *byte == b'\t');
        let mut next = || words.next().unwrap_or_default();
        let (host, port, subdomains, created, age) = (next(), next(), next(), next(), next());
        let (Some(port), Some(created), Some(age)) = (number(port), number(created), number(age)) else {
            return output.other("shell.other", span, line, "no host of wget");
        };
        let mut details = Details::new("shell.wget-host");
        details.add("port", Value::Number(port));
        details.add("max_age", Value::Number(age));
        details.add("subdomains", Value::Flag(subdomains == b"1"));
        give(&details, since_1970(created), host, span, shell, output);
    }

    fn finish(&mut self, _shell: &Shell<'_>, _output: &mut Output<'_>) {}
}
