//! What package managers did.
//!
//! | file | form | source |
//! | --- | --- | --- |
//! | dpkg.log | `2024-02-29 23:59:58 ACTION PACKAGE OLD NEW`, `… status STATE PACKAGE VERSION` | dpkg(1), FILES; lib/dpkg/log.c |
//! | apt/history.log | paragraphs from `Start-Date:` to `End-Date:`, with `Commandline:`, `Requested-By:`, `Install:` … | apt's apt-pkg/deb/dpkgpm.cc |
//! | apt/term.log | what dpkg showed, between `Log started:` and `Log ended:` | the same |
//! | yum.log | `Feb 29 23:59:58 Installed: NAME-VERSION-RELEASE.ARCH` | yum's rpmtrans.py |
//! | dnf.rpm.log, dnf.log, hawkey.log, dnf5.log | `2024-02-29T23:59:58+0100 LEVEL TEXT`, `Feb 29 23:59:58 LEVEL TEXT`, `LEVEL Feb-29 23:59:58 TEXT` | dnf's logging.py, libdnf's log.cpp, libdnf5's logger |

mod apt;
mod dnf;
mod dpkg;
mod term;

use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::text::{each_line, is_half};
use kanshiki_model::{Event, Span, TimeBasis, Timestamp};
use std::io;

/// The parser of the logs of package managers.
#[derive(Debug)]
pub(crate) struct Packages;

/// A form of logs: what it makes of each line.
trait Form {
    fn line(&mut self, line: &[u8], span: Span, clock: &mut Clock<'_>, output: &mut Output<'_>);

    fn finish(&mut self, _output: &mut Output<'_>) {}
}

/// The form that the first lines have.
fn form(head: &[u8], may_be_dnf: bool) -> Option<Box<dyn Form>> {
    let first = head.trim_ascii_start();
    if first.starts_with(b"Start-Date: ") {
        return Some(Box::new(apt::History::default()));
    }
    if first.starts_with(b"Log started: ") {
        return Some(Box::new(term::Term::default()));
    }
    if is_half(head, &mut |line| dpkg::Line::parse(line).is_some()) {
        return Some(Box::new(dpkg::Dpkg));
    }
    // A message of dnf may be a table of many lines, so that one must be enough; others have lines like it.
    let line = first.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_dnf = may_be_dnf && dnf::Line::parse(line).is_some();
    if is_dnf { Some(Box::new(dnf::Dnf::default())) } else { None }
}

impl Parser for Packages {
    fn id(&self) -> &'static str {
        "packages"
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let stem = candidate.stem();
        let is_named = [b"dnf".as_slice(), b"yum", b"hawkey"].iter().any(|name| stem.starts_with(name));
        form(candidate.head, is_named).is_some()
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut form = form(&input.head(), true).unwrap_or_else(|| Box::new(dpkg::Dpkg));
        let mut clock = Clock::new(context);
        let read = each_line(input, output, &mut |line, span, output| form.line(line, span, &mut clock, output));
        form.finish(output);
        clock.finish(output);
        read
    }
}

/// When, where and by what something was done.
#[derive(Debug, Clone, Copy)]
struct Told {
    time: (Option<Timestamp>, TimeBasis),
    span: Span,
    program: &'static str,
}

impl Told {
    fn event<'a>(&self, details: &'a Details<'a>, message: &'a [u8]) -> Event<'a> {
        Event {
            time: self.time.0,
            basis: self.time.1,
            span: self.span,
            program: self.program.as_bytes(),
            message,
            ..details.event()
        }
    }
}

/// `NAME:ARCHITECTURE` of Debian.
fn debian<'a>(package: &'a [u8], details: &mut Details<'a>) {
    let mut parts = package.splitn(2, |byte| *byte == b':');
    details.text("package", parts.next().unwrap_or_default());
    details.text("architecture", parts.next().unwrap_or_default());
}

#[cfg(test)]
mod tests;
