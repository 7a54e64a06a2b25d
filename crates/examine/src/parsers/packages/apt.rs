//! `apt/history.log`: a paragraph for each run.

use super::{Form, Told, debian};
use crate::clock::Clock;
use crate::details::Details;
use crate::output::Output;
use crate::scan::{Scan, number};
use kanshiki_model::{Span, TimeBasis, Timestamp, Value};

/// What is done to the packages of a line, and its kind.
const ACTIONS: &[(&[u8], &str)] = &[
    (b"Install", "package.installed"),
    (b"Reinstall", "package.reinstalled"),
    (b"Upgrade", "package.upgraded"),
    (b"Downgrade", "package.downgraded"),
    (b"Remove", "package.removed"),
    (b"Purge", "package.purged"),
];

/// Bytes of the command that stand beside each package of a run, and of the name of who asked for it.
const COMMAND_BYTES: usize = 256;
const ASKED_BYTES: usize = 256;

/// A run that has begun.
#[derive(Debug, Default)]
struct Run {
    time: (Option<Timestamp>, TimeBasis),
    span: Span,
    command: Vec<u8>,
    /// `NAME (UID)` of who ran it by sudo or pkexec.
    asked_by: Vec<u8>,
    is_given: bool,
}

impl Run {
    fn asked_by(&self) -> (&[u8], Option<i64>) {
        let mut parts = self.asked_by.splitn(2, |byte| *byte == b' ');
        let name = parts.next().unwrap_or_default();
        let uid = parts.next().and_then(|uid| uid.strip_prefix(b"(")?.strip_suffix(b")"));
        (name, uid.and_then(number))
    }

    /// Gives the run itself, once.
    fn give(&mut self, output: &mut Output<'_>) {
        if std::mem::replace(&mut self.is_given, true) {
            return;
        }
        let mut details = Details::new("package.run");
        let (name, uid) = self.asked_by();
        details.user = name;
        details.number("uid", uid);
        details.text("command", &self.command);
        output.event(&Told { time: self.time, span: self.span, program: "apt" }.event(&details, &self.command));
    }
}

/// The form.
#[derive(Debug, Default)]
pub(super) struct History {
    run: Option<Run>,
}

/// `2019-07-10  16:38:08`, with two blanks.
pub(super) fn date(text: &[u8], clock: &mut Clock<'_>) -> Option<(Option<Timestamp>, TimeBasis)> {
    let (day, rest) = text.split_at_checked(10)?;
    let time = rest.trim_ascii();
    let joined = [day, b" ", time].concat();
    let (civil, ahead) = Scan(&joined).iso()?;
    Some(clock.at(civil, ahead))
}

impl Form for History {
    fn line(&mut self, line: &[u8], span: Span, clock: &mut Clock<'_>, output: &mut Output<'_>) {
        let mut scan = Scan(line);
        let (Some(name), value) = (scan.until(b':'), scan.0.trim_ascii_start()) else {
            return output.other("package.other", span, line, "no line of apt's history");
        };
        if name == b"Start-Date" {
            self.finish(output);
            match date(value, clock) {
                Some(time) => self.run = Some(Run { time, span, ..Run::default() }),
                None => output.other("package.other", span, line, "no date of apt's history"),
            }
            return;
        }
        let Some(run) = &mut self.run else {
            return output.other("package.other", span, line, "no run of apt has begun");
        };
        match name {
            b"Commandline" => run.command = value.to_vec(),
            b"Requested-By" => run.asked_by = value.get(..value.len().min(ASKED_BYTES)).unwrap_or_default().to_vec(),
            b"End-Date" => {
                run.give(output);
                let time = date(value, clock).unwrap_or_default();
                let details = Details::new("package.run-ended");
                output.event(&Told { time, span, program: "apt" }.event(&details, line));
                self.run = None;
            }
            b"Error" => {
                run.give(output);
                let details = Details::new("package.error");
                output.event(&Told { time: run.time, span, program: "apt" }.event(&details, value));
            }
            _ => match ACTIONS.iter().find(|(listed, _)| *listed == name) {
                Some((_, kind)) => {
                    run.give(output);
                    packages(run, kind, value, span, output);
                }
                None => output.other("package.other", span, line, "no line of apt's history"),
            },
        }
    }

    fn finish(&mut self, output: &mut Output<'_>) {
        if let Some(mut run) = self.run.take() {
            run.give(output);
        }
    }
}

/// `NAME:ARCH (VERSION[, automatic])`, `NAME:ARCH (OLD, NEW)`, parted by commas; each is an event at the place of the line.
fn packages(run: &Run, kind: &'static str, list: &[u8], span: Span, output: &mut Output<'_>) {
    let told = Told { time: run.time, span, program: "apt" };
    let (name, uid) = run.asked_by();
    let mut rest = list;
    while !rest.is_empty() && !output.is_stopped() {
        let end = memchr::memchr(b')', rest).map_or(rest.len(), |end| end.saturating_add(1));
        let (package, behind) = rest.split_at_checked(end).unwrap_or((rest, b""));
        rest = behind.strip_prefix(b", ").unwrap_or(behind);
        if matches!(package.first(), Some(b'(' | b')') | None) {
            continue;
        }
        let mut details = Details::new(kind);
        details.user = name;
        details.number("uid", uid);
        let mut parts = package.splitn(2, |byte| *byte == b'(');
        debian(parts.next().unwrap_or_default().trim_ascii(), &mut details);
        let inside = parts.next().and_then(|inside| inside.strip_suffix(b")")).unwrap_or_default();
        let mut words = inside.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        match (words.next(), words.next()) {
            (Some(version), Some(b"automatic")) => {
                details.text("version", version);
                details.add("automatic", Value::Flag(true));
            }
            (Some(old), Some(new)) => {
                details.text("old_version", old);
                details.text("version", new);
            }
            (version, _) => details.text("version", version.unwrap_or_default()),
        }
        // The event of the run has the whole of it.
        details.text("command", run.command.get(..run.command.len().min(COMMAND_BYTES)).unwrap_or_default());
        output.also(&told.event(&details, package));
    }
}
