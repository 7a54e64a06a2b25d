//! What cloud-init does when a machine starts: its logs, its results, and the scripts that it was given.
//!
//! | file | form | source |
//! | --- | --- | --- |
//! | `cloud-init.log` | `2024-03-02 10:00:00,123 - util.py[DEBUG]: TEXT` | cloud-init's `config/cloud.cfg.d/05_logging.cfg` |
//! | `cloud-init-output.log` | what programs write; `Cloud-init v. 23.4 running 'init' at Sat, 02 Mar 2024 10:00:00 +0000. Up 5.1 seconds.` | `cloudinit/cmd/main.py`, `config/cc_final_message.py` |
//! | `status.json`, `result.json` | see [`results`] | `cloudinit/cmd/main.py` |
//! | `user-data.txt`, `vendor-data.txt`, `cloud-config.txt`, `scripts/*` in the folder of the instance | any text | cloud-init's documentation, "Persistent data" |

mod results;

use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::scan::{Scan, between, number};
use crate::text::{each_line, is_half};
use crate::zone::Civil;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp};
use std::io::{self, Read as _};

/// The parser of all of them.
#[derive(Debug)]
pub(crate) struct CloudInit;

/// Bytes of a script that are told; the rest lies where the span says.
const SCRIPT_BYTES: u64 = 64 << 10;

/// A line with a time.
struct Line<'a> {
    time: Civil,
    ahead: Option<i64>,
    details: Details<'a>,
    message: &'a [u8],
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        Self::record(line).or_else(|| Self::banner(line))
    }

    /// `TIME - MODULE[LEVEL]: TEXT`
    fn record(line: &'a [u8]) -> Option<Self> {
        let mut scan = Scan(line);
        let (time, ahead) = scan.iso()?;
        scan.text(b" - ")?;
        let module = scan.until(b'[').filter(|module| !module.is_empty() && !module.contains(&b' '))?;
        let level = scan.until(b']').filter(|level| level.iter().all(u8::is_ascii_uppercase))?;
        scan.byte(b':')?;
        let message = scan.0.strip_prefix(b" ").unwrap_or(scan.0);
        let mut details = Details::new("cloud-init");
        details.text("module", module);
        details.text("level", level);
        describe(message, &mut details);
        Some(Self { time, ahead, details, message })
    }

    /// What every stage says when it begins, and the last one at its end.
    fn banner(line: &'a [u8]) -> Option<Self> {
        let mut details = Details::new("cloud-init");
        let time = stage(line, &mut details)?;
        let (time, ahead) = Scan(time).mail_date()?;
        Some(Self { time, ahead, details, message: line })
    }
}

/// Takes a line on a stage apart, and gives what stands behind ` at `.
fn stage<'a>(text: &'a [u8], details: &mut Details<'a>) -> Option<&'a [u8]> {
    let rest = text.strip_prefix(b"Cloud-init v. ")?;
    let blank = memchr::memchr(b' ', rest)?;
    let (version, rest) = rest.split_at_checked(blank)?;
    let time = if let Some(rest) = rest.strip_prefix(b" running '") {
        let mut scan = Scan(rest);
        let stage = scan.until(b'\'')?;
        scan.text(b" at ")?;
        details.kind = "cloud-init.stage-started";
        details.text("stage", stage);
        scan.0
    } else {
        let time = rest.strip_prefix(b" finished at ")?;
        details.kind = "cloud-init.finished";
        let source = memchr::memmem::find(time, b"Datasource ").and_then(|at| time.get(at.checked_add(11)?..));
        let source = source.map_or(b"".as_slice(), |source| match memchr::memmem::find(source, b".  Up ") {
            Some(end) => source.get(..end).unwrap_or_default(),
            None => source,
        });
        details.text("datasource", source);
        time
    };
    details.text("version", version);
    Some(time)
}

/// Takes messages on commands, files and accounts apart.
fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) {
    if stage(message, details).is_some() {
        return;
    }
    if let Some((command, _)) = between(message, b"Running command ", b" with allowed return codes") {
        details.kind = "cloud-init.command";
        details.text("command", command);
    } else if let Some(rest) = message.strip_prefix(b"Running command ") {
        details.kind = "cloud-init.command";
        details.text("command", rest);
    } else if let Some((path, rest)) = between(message, b"Writing to ", b" - ") {
        details.kind = "cloud-init.write";
        details.text("path", path);
        // `wb: [644] 20 bytes`
        let bytes = rest.strip_suffix(b" bytes").and_then(|rest| rest.rsplit(|byte| *byte == b' ').next());
        details.number("bytes", bytes.and_then(number));
    } else if let Some(user) = message.strip_prefix(b"Adding user ") {
        details.kind = "cloud-init.user-added";
        details.user = user;
    }
}

/// Whether a file is a script or settings that the instance was given: by its place, since its content may be anything.
fn is_script(path: &[u8]) -> bool {
    let within = |folder: &[u8]| memchr::memmem::find(path, folder).is_some();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let is_data = [b"user-data.txt".as_slice(), b"vendor-data", b"cloud-config.txt"];
    let is_given = within(b"/scripts/") || is_data.iter().any(|data| name.starts_with(data));
    within(b"/cloud/scripts/per-") || (within(b"/cloud/instances/") && is_given)
}

impl Parser for CloudInit {
    fn id(&self) -> &'static str {
        "cloud-init"
    }

    fn edition(&self) -> u32 {
        2
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let is_banner = |line: &[u8]| Line::banner(line).is_some();
        let is_output = || candidate.head.split(|byte| *byte == b'\n').any(is_banner);
        results::Results::of(candidate.head).is_some()
            || (is_script(candidate.path) && !candidate.head.is_empty())
            || is_half(candidate.head, &mut |line| Line::record(line).is_some())
            || is_output()
            || (candidate.stem() == b"cloud-init-output.log" && !candidate.head.contains(&0))
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        if let Some(results) = results::Results::of(&input.head()) {
            return results.parse(input, context, output);
        }
        if is_script(context.path) {
            return script(input, context, output);
        }
        let mut clock = Clock::new(context);
        let mut last: Option<Timestamp> = None;
        let read = each_line(input, output, &mut |bytes, span, output| match Line::parse(bytes) {
            Some(line) => {
                let (time, basis) = clock.at(line.time, line.ahead);
                last = time.or(last);
                record(&line, (time, basis), span, output);
            }
            None => output.also(&Event {
                kind: "cloud-init.output",
                time: last,
                basis: TimeBasis::Neighbour,
                span,
                program: b"cloud-init",
                message: bytes,
                ..Event::default()
            }),
        });
        // What was inferred is told for the records before an error too.
        clock.finish(output);
        read
    }
}

fn record(line: &Line<'_>, (time, basis): (Option<Timestamp>, TimeBasis), span: Span, output: &mut Output<'_>) {
    output.event(&Event {
        kind: line.details.kind,
        time,
        basis,
        span,
        program: b"cloud-init",
        user: line.details.user,
        message: line.message,
        fields: line.details.fields(),
        ..Event::default()
    });
}

/// A script is one event, with the time at which it was written.
fn script(input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
    let (mut bytes, mut rest) = (Vec::new(), input.read()?);
    let read = rest.by_ref().take(SCRIPT_BYTES).read_to_end(&mut bytes);
    let length = u64::try_from(bytes.len()).unwrap_or(0);
    let length = input.plain().map_or(length, |source| source.len());
    let content_offset = input.compression().map(|_| 0);
    let mut details = Details::new("cloud-init.script");
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    // `#!/bin/sh`, `#cloud-config`, `#include`: what cloud-init tells by what is done with it.
    details.text("form", first.get(..first.len().min(256)).filter(|line| line.starts_with(b"#")).unwrap_or_default());
    details.number("bytes", input.plain().and_then(|source| i64::try_from(source.len()).ok()));
    output.event(&Event {
        time: context.modified,
        basis: TimeBasis::Neighbour,
        span: Span { content_offset, length, ..Span::default() },
        program: b"cloud-init",
        message: &bytes,
        ..details.event()
    });
    read.map(|_| ())
}

#[cfg(test)]
mod tests;
