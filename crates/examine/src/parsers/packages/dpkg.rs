//! `dpkg.log`: one line for each step.

use super::{Form, Told, debian};
use crate::clock::Clock;
use crate::details::Details;
use crate::output::Output;
use crate::scan::Scan;
use crate::zone::Civil;
use kanshiki_model::Span;

/// Actions and their kinds.
const ACTIONS: &[(&[u8], &str)] = &[
    (b"status", "package.status"),
    (b"install", "package.installed"),
    (b"upgrade", "package.upgraded"),
    (b"remove", "package.removed"),
    (b"purge", "package.purged"),
    (b"configure", "package.configured"),
    (b"trigproc", "package.triggered"),
    (b"disappear", "package.disappeared"),
    (b"startup", "package.run"),
    (b"conffile", "package.conffile"),
];

/// A line.
#[derive(Debug)]
pub(super) struct Line<'a> {
    time: Civil,
    kind: &'static str,
    action: &'a [u8],
    rest: &'a [u8],
    message: &'a [u8],
}

impl<'a> Line<'a> {
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut scan = Scan(line);
        let (time, None) = scan.iso()? else { return None };
        scan.byte(b' ')?;
        let message = scan.0;
        let action = scan.until(b' ')?;
        let kind = ACTIONS.iter().find(|(listed, _)| *listed == action)?.1;
        Some(Self { time, kind, action, rest: scan.0, message })
    }
}

/// The form.
pub(super) struct Dpkg;

impl Form for Dpkg {
    fn line(&mut self, line: &[u8], span: Span, clock: &mut Clock<'_>, output: &mut Output<'_>) {
        let Some(parsed) = Line::parse(line) else {
            return output.other("package.other", span, line, "no line of dpkg.log");
        };
        let told = Told { time: clock.at(parsed.time, None), span, program: "dpkg" };
        let mut details = Details::new(parsed.kind);
        let mut words = parsed.rest.split(|byte| *byte == b' ');
        let mut next = || words.next().filter(|word| *word != b"<none>").unwrap_or_default();
        match parsed.action {
            b"startup" => details.text("action", parsed.rest),
            b"status" => {
                details.text("state", next());
                debian(next(), &mut details);
                details.text("version", next());
            }
            b"conffile" => {
                details.text("path", next());
                details.text("action", next());
            }
            b"disappear" => debian(next(), &mut details),
            // The version that is there, and will be; `<none>` behind it.
            b"configure" | b"trigproc" => {
                debian(next(), &mut details);
                details.text("version", next());
            }
            _ => {
                debian(next(), &mut details);
                let (old, new) = (next(), next());
                if parsed.action == b"upgrade" && old == new {
                    details.kind = "package.reinstalled";
                }
                details.text("old_version", old);
                details.text("version", new);
            }
        }
        output.event(&told.event(&details, parsed.message));
    }
}
