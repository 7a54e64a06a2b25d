//! What package managers did.
//!
//! | file | form | source |
//! | --- | --- | --- |
//! | dpkg.log | `2024-02-29 23:59:58 ACTION PACKAGE OLD NEW`, `… status STATE PACKAGE VERSION` | dpkg(1), FILES; lib/dpkg/log.c |
//! | apt/history.log | paragraphs from `Start-Date:` to `End-Date:`, with `Commandline:`, `Requested-By:`, `Install:` … | apt's apt-pkg/deb/dpkgpm.cc |
//! | apt/term.log | what dpkg showed, between `Log started:` and `Log ended:` | the same |
//! | yum.log | `Feb 29 23:59:58 Installed: NAME-VERSION-RELEASE.ARCH` | yum's rpmtrans.py |
//! | dnf.rpm.log, dnf.log, hawkey.log, dnf5.log | `2024-02-29T23:59:58+0100 LEVEL TEXT`, `Feb 29 23:59:58 LEVEL TEXT`, `LEVEL Feb-29 23:59:58 TEXT` | dnf's logging.py, libdnf's log.cpp, libdnf5's logger |
//! | unattended-upgrades.log | `2024-02-29 23:59:58,123 LEVEL TEXT` | unattended-upgrade (Python's logging) |
//! | alternatives.log | `update-alternatives 2024-02-29 23:59:58: TEXT` | dpkg's utils/update-alternatives.c |
//! | zypp/history | `2024-02-29 23:59:58\|ACTION\|…`, comments with `#` | libzypp's HistoryLog.cc |
//! | pacman.log | `[2024-02-29T23:59:58+0100] [ALPM] TEXT` | pacman's lib/libalpm/log.c |

mod apt;
mod dnf;
mod dpkg;
mod others;
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

/// The form that the first lines have; `named` is the program of the file's name, if its lines are like those of others.
fn form(head: &[u8], named: Option<&'static str>) -> Option<Box<dyn Form>> {
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
    if let Some(lines) = others::Lines::of(head) {
        return Some(Box::new(lines));
    }
    // A message of dnf may be a table of many lines, so that one must be enough; others have lines like it.
    let line = first.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let program = named.filter(|_| dnf::Line::parse(line).is_some())?;
    Some(Box::new(dnf::Dnf::new(program)))
}

/// The program whose log a name is, of those that write such lines as many do.
fn named(stem: &[u8]) -> Option<&'static str> {
    let names = ["dnf", "yum", "hawkey", "unattended-upgrades"];
    names.into_iter().find(|name| stem.starts_with(name.as_bytes()))
}

impl Parser for Packages {
    fn id(&self) -> &'static str {
        "packages"
    }

    fn edition(&self) -> u32 {
        3
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        form(candidate.head, named(candidate.stem())).is_some()
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let candidate = Candidate { path: context.path, head: &[], host: context.host };
        let named = named(candidate.stem()).or(Some("dnf"));
        let mut form = form(&input.head(), named).unwrap_or_else(|| Box::new(dpkg::Dpkg));
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
