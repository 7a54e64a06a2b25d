//! The logs of update-alternatives, zypp and pacman: one line for each step.

use super::{Form, Told};
use crate::clock::Clock;
use crate::details::Details;
use crate::output::Output;
use crate::scan::{Scan, between};
use crate::zone::Civil;
use kanshiki_model::Span;

/// A line: when, and what stands behind that.
type Split = for<'l> fn(&'l [u8]) -> Option<(Civil, Option<i64>, &'l [u8])>;

/// The forms: how a line is split, what it says, and the program that writes it.
const FORMS: [Lines; 3] = [
    Lines { split: split_alternatives, describe: alternatives, program: "update-alternatives" },
    Lines { split: split_zypp, describe: zypp, program: "zypp" },
    Lines { split: split_pacman, describe: pacman, program: "pacman" },
];

/// A form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines {
    split: Split,
    describe: for<'l> fn(&'l [u8], &mut Details<'l>),
    program: &'static str,
}

impl Lines {
    /// The form that lines of a head have, more than half of them.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let is_form = |form: &&Self| {
            let is_line =
                |line: &[u8]| (form.split)(line).is_some() || (form.program == "zypp" && line.starts_with(b"#"));
            // Comments alone are no log.
            head.split(|byte| *byte == b'\n').any(|line| (form.split)(line).is_some())
                && crate::text::is_half(head, &mut { is_line })
        };
        FORMS.iter().find(is_form).copied()
    }
}

impl Form for Lines {
    fn line(&mut self, line: &[u8], span: Span, clock: &mut Clock<'_>, output: &mut Output<'_>) {
        // What scripts of packages printed.
        if self.program == "zypp" && line.starts_with(b"#") {
            let mut details = Details::new("package.log");
            details.text("action", b"output");
            let told = Told { time: (None, kanshiki_model::TimeBasis::Neighbour), span, program: self.program };
            return output.event(&told.event(&details, line.get(1..).unwrap_or_default().trim_ascii_start()));
        }
        let Some((civil, ahead, text)) = (self.split)(line) else {
            return output.other("package.other", span, line, "no line of a log of packages");
        };
        let mut details = Details::new("package.log");
        (self.describe)(text, &mut details);
        let told = Told { time: clock.at(civil, ahead), span, program: self.program };
        output.event(&told.event(&details, text));
    }
}

/// `update-alternatives 2024-02-29 23:59:58: MESSAGE` (dpkg's utils/update-alternatives.c, `log_msg`).
fn split_alternatives(line: &[u8]) -> Option<(Civil, Option<i64>, &[u8])> {
    let mut scan = Scan(line);
    scan.text(b"update-alternatives ")?;
    let (civil, ahead) = scan.iso()?;
    scan.text(b": ")?;
    Some((civil, ahead, scan.0))
}

fn alternatives<'l>(text: &'l [u8], details: &mut Details<'l>) {
    if let Some(command) = text.strip_prefix(b"run with ") {
        details.kind = "package.run";
        details.text("command", command);
    } else if let Some((name, path)) = between(text, b"link group ", b" updated to point to ") {
        details.kind = "package.alternative";
        details.text("alternative", name);
        details.text("path", path);
    }
}

/// `2024-02-29 23:59:58|ACTION|…|` (libzypp's HistoryLog.cc); the zone is that of the machine.
fn split_zypp(line: &[u8]) -> Option<(Civil, Option<i64>, &[u8])> {
    let mut scan = Scan(line);
    let (civil, ahead) = scan.iso()?;
    scan.byte(b'|')?;
    let action = scan.0.split(|byte| *byte == b'|').next()?.trim_ascii();
    let is_action = !action.is_empty() && action.iter().all(u8::is_ascii_lowercase) && scan.0.contains(&b'|');
    is_action.then_some((civil, ahead, scan.0))
}

fn zypp<'l>(text: &'l [u8], details: &mut Details<'l>) {
    let mut words = text.split(|byte| *byte == b'|').map(<[u8]>::trim_ascii);
    let mut next = || words.next().unwrap_or_default();
    let action = next();
    details.text("action", action);
    // `root@host` of who asked; empty where another package needed it.
    let account = |who: &'l [u8]| who.split(|byte| *byte == b'@').next().unwrap_or_default();
    match action {
        b"command" => {
            details.kind = "package.run";
            details.user = account(next());
            details.text("command", next());
        }
        b"install" | b"remove" => {
            details.kind = if action == b"install" { "package.installed" } else { "package.removed" };
            details.text("package", next());
            details.text("version", next());
            details.text("architecture", next());
            details.user = account(next());
            details.text("repository", next());
        }
        b"patch" => {
            details.kind = "package.changed";
            details.text("package", next());
            details.text("version", next());
            details.text("architecture", next());
            details.text("repository", next());
        }
        b"radd" | b"rremove" | b"raliass" | b"rurl" | b"raddserv" | b"lrepo" => {
            details.kind = "package.repository";
            details.text("repository", next());
            details.text("url", next());
        }
        _ => {}
    }
}

/// `[2024-02-29T23:59:58+0100] [ALPM] MESSAGE`, `[2012-02-29 23:59] MESSAGE` (pacman's log.c and lib/libalpm/log.c).
fn split_pacman(line: &[u8]) -> Option<(Civil, Option<i64>, &[u8])> {
    let mut scan = Scan(line);
    scan.byte(b'[')?;
    let mut whole = scan;
    if let Some((civil, ahead)) = whole.iso()
        && whole.text(b"] ").is_some()
    {
        // Others write a time in brackets too; pacman says who speaks.
        return whole.0.starts_with(b"[").then_some((civil, ahead, whole.0));
    }
    let year = i32::try_from(scan.digits(4)?).ok()?;
    scan.byte(b'-')?;
    let month = scan.two()?;
    scan.byte(b'-')?;
    let day = scan.two()?;
    scan.byte(b' ')?;
    let hour = scan.two()?;
    scan.byte(b':')?;
    let civil = Civil { year, month, day, hour, minute: scan.two()?, ..Civil::default() };
    scan.text(b"] ")?;
    Some((civil, None, scan.0))
}

/// What pacman did to a package, and its kind.
const DONE: [(&[u8], &str); 5] = [
    (b"installed ", "package.installed"),
    (b"reinstalled ", "package.reinstalled"),
    (b"upgraded ", "package.upgraded"),
    (b"downgraded ", "package.downgraded"),
    (b"removed ", "package.removed"),
];

fn pacman<'l>(text: &'l [u8], details: &mut Details<'l>) {
    let (source, message) = match text.strip_prefix(b"[") {
        Some(inside) => between(inside, b"", b"] ").unwrap_or((b"", text)),
        None => (b"".as_slice(), text),
    };
    details.text("source", source);
    // A script may print what it likes.
    if !matches!(source, b"" | b"ALPM" | b"PACMAN") {
        return;
    }
    if let Some(command) = message.strip_prefix(b"Running ") {
        details.kind = "package.run";
        details.text("command", command.strip_prefix(b"'").and_then(|it| it.strip_suffix(b"'")).unwrap_or(command));
    } else if message.starts_with(b"error: ") {
        details.kind = "package.error";
    } else if let Some((rest, kind)) = DONE.iter().find_map(|(done, kind)| Some((message.strip_prefix(*done)?, *kind)))
        && let Some((name, versions)) = between(rest, b"", b" (")
    {
        details.kind = kind;
        details.text("package", name);
        let versions = versions.strip_suffix(b")").unwrap_or(versions);
        match between(versions, b"", b" -> ") {
            Some((old, new)) => {
                details.text("old_version", old);
                details.text("version", new);
            }
            None => details.text("version", versions),
        }
    }
}
