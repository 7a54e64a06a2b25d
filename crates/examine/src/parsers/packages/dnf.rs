//! The logs of yum and dnf.

use super::{Form, Told};
use crate::clock::Clock;
use crate::details::Details;
use crate::output::Output;
use crate::scan::{Scan, number};
use crate::zone::Civil;
use kanshiki_model::{Span, TimeBasis, Timestamp, Value};

/// Levels of Python's logging, of dnf's and of libdnf5.
const LEVELS: &[&[u8]] = &[
    b"INFO",
    b"DEBUG",
    b"DDEBUG",
    b"SUBDEBUG",
    b"TRACE",
    b"ALL",
    b"NOTICE",
    b"WARNING",
    b"WARN",
    b"ERROR",
    b"CRITICAL",
];

/// What was done to a package, and its kind (dnf's transaction.py, yum's rpmtrans.py).
const ACTIONS: &[(&[u8], &str)] = &[
    (b"Installed: ", "package.installed"),
    (b"Dep-Installed: ", "package.installed"),
    (b"Updated: ", "package.upgraded"),
    (b"Upgrade: ", "package.upgraded"),
    (b"Upgraded: ", "package.replaced"),
    (b"Downgrade: ", "package.downgraded"),
    (b"Downgraded: ", "package.replaced"),
    (b"Reinstall: ", "package.reinstalled"),
    (b"Reinstalled: ", "package.reinstalled"),
    (b"Erased: ", "package.removed"),
    (b"Erase: ", "package.removed"),
    (b"Removed: ", "package.removed"),
    (b"Obsoleted: ", "package.replaced"),
    (b"Cleanup: ", "package.replaced"),
];

#[derive(Debug, Clone, Copy)]
enum When {
    At(Civil, Option<i64>),
    Yearless(Civil),
}

/// A line.
#[derive(Debug)]
pub(super) struct Line<'a> {
    when: When,
    pid: Option<i64>,
    level: &'a [u8],
    text: &'a [u8],
}

impl<'a> Line<'a> {
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let mut scan = Scan(line);
        match line.first()? {
            b'0'..=b'9' => {
                let (civil, ahead) = scan.iso()?;
                scan.byte(b' ')?;
                let mut pid = None;
                if scan.byte(b'[').is_some() {
                    pid = number(scan.until(b']')?);
                    scan.byte(b' ')?;
                }
                let level = level(&mut scan)?;
                Some(Self { when: When::At(civil, ahead), pid, level, text: scan.0 })
            }
            _ => Self::yearless(scan),
        }
    }

    fn yearless(mut scan: Scan<'a>) -> Option<Self> {
        // hawkey has the level first: `INFO Feb-29 23:59:58 text`.
        let before = level(&mut scan);
        let month = scan.month_name()?;
        scan.byte(if before.is_some() { b'-' } else { b' ' })?;
        let day = scan.day()?;
        scan.byte(b' ')?;
        let (hour, minute, second) = scan.clock()?;
        scan.byte(b' ')?;
        let when = When::Yearless(Civil { year: 0, month, day, hour, minute, second, nanosecond: 0 });
        let level = before.or_else(|| level(&mut scan)).unwrap_or_default();
        // yum has no level, but tells of packages alone; so a line of syslog is none of these.
        let is_action = || ACTIONS.iter().any(|(action, _)| scan.0.starts_with(action));
        (!level.is_empty() || is_action()).then_some(Self { when, pid: None, level, text: scan.0 })
    }
}

/// A level and the blank behind it; nothing is taken off otherwise.
fn level<'a>(scan: &mut Scan<'a>) -> Option<&'a [u8]> {
    let mut behind = *scan;
    let level = behind.until(b' ').filter(|level| LEVELS.contains(level))?;
    *scan = behind;
    Some(level)
}

/// A message that may go on in further lines.
#[derive(Debug)]
struct Message {
    time: (Option<Timestamp>, TimeBasis),
    span: Span,
    pid: Option<i64>,
    level: Vec<u8>,
    text: Vec<u8>,
    /// Whether lines of it are left out.
    is_cut: bool,
}

/// Bytes of a message of several lines that are given.
const MESSAGE_BYTES: usize = 8 << 10;

/// The form.
#[derive(Debug)]
pub(super) struct Dnf {
    program: &'static str,
    message: Option<Message>,
}

impl Dnf {
    /// The form as a program has it.
    pub(super) const fn new(program: &'static str) -> Self {
        Self { program, message: None }
    }
}

impl Form for Dnf {
    fn line(&mut self, line: &[u8], span: Span, clock: &mut Clock<'_>, output: &mut Output<'_>) {
        if let Some(parsed) = Line::parse(line) {
            self.finish(output);
            let time = match parsed.when {
                When::At(civil, ahead) => clock.at(civil, ahead),
                When::Yearless(civil) => clock.yearless(civil),
            };
            let (level, text) = (parsed.level.to_vec(), parsed.text.to_vec());
            self.message = Some(Message { time, span, pid: parsed.pid, level, text, is_cut: false });
            return;
        }
        match &mut self.message {
            Some(message) if !message.is_cut && message.text.len().saturating_add(line.len()) < MESSAGE_BYTES => {
                message.text.push(b'\n');
                message.text.extend_from_slice(line);
            }
            Some(message) => message.is_cut = true,
            None => output.other("package.other", span, line, "no line of yum or dnf"),
        }
    }

    fn finish(&mut self, output: &mut Output<'_>) {
        let Some(message) = self.message.take() else { return };
        let program = match self.program {
            "unattended-upgrades" => "unattended-upgrades",
            _ if message.level.is_empty() => "yum",
            _ => "dnf",
        };
        let mut details = Details::new("package.log");
        details.text("level", &message.level);
        let action = ACTIONS.iter().find(|(action, _)| message.text.starts_with(action));
        if let Some((action, kind)) = action {
            details.kind = kind;
            let package = message.text.get(action.len()..).unwrap_or_default().trim_ascii();
            let (name, version, architecture) = parts(package);
            details.text("package", name);
            details.text("version", version);
            details.text("architecture", architecture);
        } else if let Some(command) = message.text.strip_prefix(b"Command: ") {
            details.kind = "package.run";
            details.text("command", command);
        } else if matches!(message.level.as_slice(), b"ERROR" | b"CRITICAL") {
            details.kind = "package.error";
        }
        if message.is_cut {
            details.add("cut", Value::Flag(true));
        }
        let told = Told { time: message.time, span: message.span, program };
        let event = told.event(&details, &message.text);
        output.event(&kanshiki_model::Event { pid: message.pid, ..event });
    }
}

/// Name, version with release, and architecture of `NAME-[EPOCH:]VERSION-RELEASE.ARCH` or `EPOCH:NAME-VERSION-RELEASE.ARCH`;
/// of a text that is no such thing, all of it as the name.
fn parts(package: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let split = || {
        let (full, architecture) = around(package, memchr::memrchr(b'.', package)?)?;
        let release = memchr::memrchr(b'-', full)?;
        let (name, version) = around(full, memchr::memrchr(b'-', full.get(..release)?)?)?;
        let mut epoch = Scan(name);
        let name = epoch.until(b':').and_then(number).map_or(name, |_| epoch.0);
        Some((name, version, architecture))
    };
    split().unwrap_or((package, b"", b""))
}

/// What stands before and behind the byte at a place.
fn around(text: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(1..)?))
}
