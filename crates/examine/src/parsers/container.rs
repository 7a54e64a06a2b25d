//! What containers write, and how they were made: docker and podman, and Kubernetes' logs, which have podman's form.
//!
//! | file | form | source |
//! | --- | --- | --- |
//! | `ID-json.log` | `{"log":"TEXT\n","stream":"stdout","time":"2024-03-02T10:00:00.123456789Z"}` | docker's driver `json-file` (moby, `daemon/logger/jsonfilelog`) |
//! | `ctr.log`, `/var/log/pods/POD/NAME/0.log` | `2024-03-02T10:00:00.123456789+00:00 stdout F TEXT` | conmon's `ctr_logging.c`, Kubernetes' CRI logging |
//! | `local-logs/container.log` | records of protobuf, each behind its length | docker's driver `local`; not read, and told |
//! | `config.v2.json`, `hostconfig.json` and others | see [`settings`] | |

mod settings;

pub(crate) use settings::ContainerSettings;

use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::json::{Tokens, unescape};
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::scan::Scan;
use crate::text::{each_line, is_half};
use crate::zone::Civil;
use kanshiki_model::{Event, Span, Value};
use std::io;

/// The parser of the logs.
#[derive(Debug)]
pub(crate) struct ContainerLog;

/// A record.
#[derive(Debug)]
struct Record<'a> {
    time: Civil,
    ahead: Option<i64>,
    stream: &'a [u8],
    tag: &'a [u8],
    /// The text; in JSON with its escapes.
    text: &'a [u8],
    is_json: bool,
    /// Whether the line goes on in a later record of the same stream.
    is_partial: bool,
}

impl<'a> Record<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        if line.starts_with(b"{") { Self::json(line) } else { Self::plain(line) }
    }

    /// A record of the driver json-file.
    fn json(line: &'a [u8]) -> Option<Self> {
        let (mut text, mut stream, mut time, mut tag) = (None, None, None, b"".as_slice());
        let mut tokens = Tokens::new(line);
        while let Some(token) = tokens.next_token()? {
            match (token.depth, token.name) {
                (1, b"log") if token.is_text => text = Some(token.value),
                (1, b"stream") => stream = Some(token.value),
                (1, b"time") => time = Scan(token.value).iso(),
                // `--log-opt tag=…`; labels and variables stand beside it.
                (2, b"tag") => tag = token.value,
                _ => {}
            }
        }
        let ((time, ahead), text) = (time?, text?);
        // Lines longer than 16 KiB are cut into records, of which the last alone ends with a line feed. Behind an even number
        // of backslashes an `n` is one.
        let before = text.strip_suffix(b"n").unwrap_or_default();
        let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        let is_partial = backslashes % 2 == 0;
        Some(Self { time, ahead, stream: stream?, tag, text, is_json: true, is_partial })
    }

    /// A record in the form of the Container Runtime Interface.
    fn plain(line: &'a [u8]) -> Option<Self> {
        let mut scan = Scan(line);
        let (time, ahead) = scan.iso()?;
        ahead?;
        scan.byte(b' ')?;
        let stream = scan.until(b' ').filter(|stream| matches!(*stream, b"stdout" | b"stderr"))?;
        let (tags, text) = match memchr::memchr(b' ', scan.0) {
            Some(blank) => (scan.0.get(..blank)?, scan.0.get(blank.checked_add(1)?..)?),
            None => (scan.0, b"".as_slice()),
        };
        // Behind the first tag others may stand, with colons between them.
        let is_partial = match tags.split(|byte| *byte == b':').next()? {
            b"F" => false,
            b"P" => true,
            _ => return None,
        };
        Some(Self { time, ahead, stream, tag: b"", text, is_json: false, is_partial })
    }
}

/// Whether a content begins with a record of docker's driver local: its length, and in its first field the stream.
fn is_local_driver(head: &[u8]) -> bool {
    let behind = head.get(4..).unwrap_or_default();
    behind.starts_with(b"\x0a\x06stdout") || behind.starts_with(b"\x0a\x06stderr")
}

/// The container a file belongs to, and the pod of Kubernetes: by the folders it lies in.
fn of_path(path: &[u8]) -> (&[u8], &[u8]) {
    let mut names = path.rsplit(|byte| *byte == b'/').skip(1);
    let (parent, above) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    let is_id = |name: &[u8]| name.len() == 64 && name.iter().all(u8::is_ascii_hexdigit);
    match parent {
        b"userdata" if is_id(above) => (above, b""),
        _ if is_id(parent) => (parent, b""),
        _ if names.next() == Some(b"pods") => (parent, above),
        _ => (b"", b""),
    }
}

impl Parser for ContainerLog {
    fn id(&self) -> &'static str {
        "container-log"
    }

    fn edition(&self) -> u32 {
        2
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        is_local_driver(candidate.head) || is_half(candidate.head, &mut |line| Record::parse(line).is_some())
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        if is_local_driver(&input.head()) {
            let why = "a log of docker's driver \"local\", which is not supported; nothing of it was read";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        let mut clock = Clock::new(context);
        let mut text = Vec::new();
        let read = each_line(input, output, &mut |line, span, output| match Record::parse(line) {
            Some(record) => tell(&record, context.path, span, &mut clock, &mut text, output),
            None => output.other("container.other", span, line, "no record of a log of containers"),
        });
        // What was inferred is told for the records before an error too.
        clock.finish(output);
        read
    }
}

fn tell(
    record: &Record<'_>,
    path: &[u8],
    span: Span,
    clock: &mut Clock<'_>,
    text: &mut Vec<u8>,
    output: &mut Output<'_>,
) {
    let (container, pod) = of_path(path);
    let mut details = Details::new("container.log");
    details.text("container", container);
    details.text("pod", pod);
    details.text("stream", record.stream);
    details.text("tag", record.tag);
    if record.is_partial {
        details.add("partial", Value::Flag(true));
    }
    let message = if record.is_json {
        text.clear();
        unescape(record.text, text);
        text.as_slice()
    } else {
        record.text
    };
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    let (time, basis) = clock.at(record.time, record.ahead);
    output.event(&Event {
        time,
        basis,
        span,
        message: message.strip_suffix(b"\r").unwrap_or(message),
        ..details.event()
    });
}

#[cfg(test)]
mod tests;
