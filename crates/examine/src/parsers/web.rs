//! Logs of web servers.
//!
//! | form | line | source |
//! | --- | --- | --- |
//! | access | what `LogFormat` and `CustomLog` of Apache say | mod_log_config, Apache 2.4 |
//! | access | what `log_format` and `access_log` of nginx say | ngx_http_log_module |
//! | access | `192.0.2.7 - anna [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 2326 "-" "curl"` | Apache's `combined`, `common` |
//! | access | an object of JSON | names of nginx's variables, Caddy, Traefik |
//! | error | `[Sat Mar 02 10:00:00.123456 2024] [core:error] [pid 1:tid 2] [client 192.0.2.7:1234] AH00124: message` | `ErrorLogFormat`, Apache 2.2, 2.4 |
//! | error | `2024/03/02 10:00:00 [error] 7#8: *1 message, client: 192.0.2.7, server: x, request: "GET / HTTP/1.1"` | ngx_log.c, ngx_http_core_module |
//!
//! The forms of access logs are taken from the settings in the image, for the path that they name; a log of another path has
//! the form that fits its first lines. A line that has not the form of its log may have another.

mod apache;
mod error;
mod format;
mod formats;
mod json;
mod nginx;
mod time;

pub(crate) use error::WebErrors;
pub(crate) use formats::Formats;

use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::scan::{Scan, number};
use crate::text::{each_line, is_half};
use format::Taken;
use kanshiki_model::{Event, Span};
use std::io;
use std::sync::LazyLock;

/// The parser of access logs.
#[derive(Debug)]
pub(crate) struct WebAccess;

impl Parser for WebAccess {
    fn id(&self) -> &'static str {
        "web-access"
    }

    fn edition(&self) -> u32 {
        3
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let chosen = candidate.host.web.choose(candidate);
        is_half(candidate.head, &mut |line| json::take(line).or_else(|| chosen.take(line)).is_some())
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let head = input.head();
        let candidate = Candidate { path: context.path, head: &head, host: context.host };
        let chosen = context.host.web.choose(&candidate);
        let mut clock = Clock::new(context);
        let mut request = Vec::new();
        let read = each_line(input, output, &mut |line, span, output| {
            let taken = match line.first() {
                Some(b'{') => json::take(line).or_else(|| chosen.take(line)),
                _ => chosen.take(line),
            };
            match taken {
                Some(taken) => record(taken, span, &mut clock, &mut request, output),
                None => output.other("web.other", span, line, "no line of an access log"),
            }
        });
        // What was inferred is told for the records before an error too.
        clock.finish(output);
        read
    }
}

/// Takes a line of an access or an error log apart that came by syslog or lies in the journal.
pub(crate) fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) {
    static KNOWN: LazyLock<Formats> = LazyLock::new(Formats::known);
    if error::describe(message, details).is_some() {
        return;
    }
    if let Some(mut taken) = KNOWN.take(message) {
        details.kind = "web.request";
        (details.user, details.address) = (taken.user, taken.address);
        (taken.method, taken.path, taken.protocol) = parts(taken.request);
        tell(&taken, details);
    }
}

/// The fields of a request.
fn tell<'a>(taken: &Taken<'a>, details: &mut Details<'a>) {
    details.text("method", taken.method);
    details.text("path", taken.path);
    details.text("query", taken.query);
    details.text("protocol", taken.protocol);
    details.number("status", taken.status);
    details.number("bytes", taken.bytes.or(taken.sent));
    details.number("received", taken.received);
    details.text("referrer", taken.referrer);
    details.text("user_agent", taken.agent);
    details.text("vhost", taken.vhost);
    details.number("port", taken.port);
    details.text("forwarded_for", taken.forwarded);
    details.number("microseconds", taken.microseconds);
}

fn record(mut taken: Taken<'_>, span: Span, clock: &mut Clock<'_>, scratch: &mut Vec<u8>, output: &mut Output<'_>) {
    if !taken.request.is_empty() {
        let (method, path, protocol) = parts(taken.request);
        (taken.method, taken.path, taken.protocol) = (method, path, protocol);
    }
    if taken.address.is_empty() {
        // Behind a proxy some log the client that it names alone.
        let first = taken.forwarded.split(|byte| *byte == b',').next().unwrap_or_default();
        taken.address = first.trim_ascii();
    }
    if let Some(colon) = memchr::memrchr(b':', taken.vhost) {
        // `$http_host` is what the client sent: with the port, or an address of IPv6 in brackets.
        let (vhost, port) = taken.vhost.split_at_checked(colon).unwrap_or_default();
        if let Some(port) = number(port.get(1..).unwrap_or_default()) {
            (taken.vhost, taken.port) = (vhost, taken.port.or(Some(port)));
        }
    }
    scratch.clear();
    let message = if taken.request.is_empty() {
        // What a form tells in parts is put together as it was sent.
        let separators: [&[u8]; 4] = [b"", b" ", if taken.query.starts_with(b"?") { b"" } else { b"?" }, b" "];
        for (text, separator) in [taken.method, taken.path, taken.query, taken.protocol].iter().zip(separators) {
            if !text.is_empty() {
                scratch.extend_from_slice(if scratch.is_empty() { b"" } else { separator });
                scratch.extend_from_slice(text);
            }
        }
        scratch.as_slice()
    } else {
        taken.request
    };
    let mut details = Details::new("web.request");
    tell(&taken, &mut details);
    let (time, basis) = taken.when.at(clock);
    output.event(&Event {
        time,
        basis,
        span,
        pid: taken.process,
        user: taken.user,
        address: taken.address,
        message,
        ..details.event()
    });
}

/// Method, path and protocol of the first line of a request; nothing where it is none, such as the beginning of a
/// handshake of TLS. A path may hold blanks.
fn parts(request: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let mut scan = Scan(request);
    let Some(method) = scan.until(b' ').filter(|method| !method.is_empty()) else { return (b"", b"", b"") };
    let rest = scan.0;
    match memchr::memrchr(b' ', rest).and_then(|blank| rest.split_at_checked(blank)) {
        Some((path, protocol)) if protocol.starts_with(b" HTTP/") && !method.contains(&b'\\') => {
            (method, path, protocol.get(1..).unwrap_or_default())
        }
        // HTTP 0.9 has no protocol; methods are in capital letters.
        _ if method.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_')) => (method, rest, b""),
        _ => (b"", b"", b""),
    }
}

#[cfg(test)]
mod tests;
