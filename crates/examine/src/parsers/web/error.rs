//! Error logs of Apache 2.2 and 2.4 and of nginx.

use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::scan::{Scan, between, number};
use crate::text::{each_line, is_half};
use crate::zone::Civil;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp, Value};
use std::io;

/// The parser of error logs.
#[derive(Debug)]
pub(crate) struct WebErrors;

impl Parser for WebErrors {
    fn id(&self) -> &'static str {
        "web-error"
    }

    fn edition(&self) -> u32 {
        2
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        is_half(candidate.head, &mut |line| Line::parse(line).is_some())
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut clock = Clock::new(context);
        let mut last = None;
        let read = each_line(input, output, &mut |bytes, span, output| match Line::parse(bytes) {
            Some(line) => last = record(&line, span, &mut clock, output),
            None => free(bytes, span, last, output),
        });
        // What was inferred is told for the records before an error too.
        clock.finish(output);
        read
    }
}

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Apache,
    Nginx,
}

/// The parts of a line.
struct Line<'a> {
    server: Server,
    civil: Civil,
    level: &'a [u8],
    module: &'a [u8],
    process: Option<i64>,
    client: &'a [u8],
    /// What stands behind the parts in brackets.
    message: &'a [u8],
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        match line.first()? {
            b'[' => Self::apache(Scan(line)),
            b'0'..=b'9' => Self::nginx(Scan(line)),
            _ => None,
        }
    }

    /// `[Sat Mar 02 10:00:00.123456 2024] [core:error] [pid 1:tid 2] [client 192.0.2.7:1234] message`; of 2.2 without
    /// fraction, module and process.
    fn apache(mut scan: Scan<'a>) -> Option<Self> {
        scan.byte(b'[')?;
        let weekday = scan.until(b' ').filter(|word| word.len() == 3)?;
        weekday.iter().all(u8::is_ascii_alphabetic).then_some(())?;
        let month = scan.month_name()?;
        scan.byte(b' ')?;
        let day = scan.day()?;
        scan.byte(b' ')?;
        let (hour, minute, second) = scan.clock()?;
        let nanosecond = scan.fraction();
        scan.byte(b' ')?;
        let year = i32::try_from(scan.digits(4)?).ok()?;
        scan.byte(b']')?;
        let civil = Civil { year, month, day, hour, minute, second, nanosecond };
        let (level, module, process, client) = (b"".as_slice(), b"".as_slice(), None, b"".as_slice());
        let mut line = Self { server: Server::Apache, civil, level, module, process, client, message: b"" };
        line.brackets(&mut scan);
        line.message = scan.0;
        Some(line)
    }

    fn tell(&self, details: &mut Details<'a>) {
        details.text("level", self.level);
        details.text("module", self.module);
        match self.server {
            Server::Apache => apache(self, details),
            Server::Nginx => nginx(self.message, details),
        }
    }

    /// The parts in brackets behind the time. `(2)No such file or directory: ` may stand before the client.
    fn brackets(&mut self, scan: &mut Scan<'a>) {
        loop {
            let mut ahead = *scan;
            let _ = ahead.byte(b' ');
            if ahead.0.starts_with(b"(")
                && let Some(at) = memchr::memmem::find(ahead.0, b": [client ")
            {
                ahead.0 = ahead.0.get(at.saturating_add(2)..).unwrap_or_default();
            }
            let Some(part) = ahead.byte(b'[').and_then(|()| ahead.until(b']')) else { break };
            if let Some(process) = part.strip_prefix(b"pid ") {
                self.process = number(process.split(|byte| *byte == b':').next().unwrap_or_default());
            } else if let Some(client) = part.strip_prefix(b"client ").or_else(|| part.strip_prefix(b"remote ")) {
                self.client = client;
            } else if self.level.is_empty() && part.iter().all(|byte| byte.is_ascii_graphic()) {
                let mut parts = part.rsplitn(2, |byte| *byte == b':');
                self.level = parts.next().unwrap_or_default();
                self.module = parts.next().unwrap_or_default();
            } else {
                break;
            }
            *scan = ahead;
        }
        let _ = scan.byte(b' ');
    }

    /// `2024/03/02 10:00:00 [error] 7#8: *1 message`.
    fn nginx(mut scan: Scan<'a>) -> Option<Self> {
        let year = i32::try_from(scan.digits(4)?).ok()?;
        scan.byte(b'/')?;
        let month = scan.two()?;
        scan.byte(b'/')?;
        let day = scan.two()?;
        scan.byte(b' ')?;
        let (hour, minute, second) = scan.clock()?;
        scan.text(b" [")?;
        let level = scan.until(b']')?;
        scan.byte(b' ')?;
        let process = number(scan.until(b'#')?);
        let _thread = scan.until(b':')?;
        let _ = scan.byte(b' ');
        if let Some(rest) = scan.0.strip_prefix(b"*") {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let rest = rest.get(digits..).unwrap_or_default();
            scan.0 = rest.strip_prefix(b" ").unwrap_or(rest);
        }
        let civil = Civil { year, month, day, hour, minute, second, nanosecond: 0 };
        Some(Self { server: Server::Nginx, civil, level, module: b"", process, client: b"", message: scan.0 })
    }
}

fn record(line: &Line<'_>, span: Span, clock: &mut Clock<'_>, output: &mut Output<'_>) -> Option<Timestamp> {
    let (time, basis) = clock.at(line.civil, None);
    let mut details = Details::new("web.error");
    line.tell(&mut details);
    output.event(&Event {
        time,
        basis,
        span,
        program: match line.server {
            Server::Apache => b"apache",
            Server::Nginx => b"nginx",
        },
        pid: line.process,
        message: line.message,
        ..details.event()
    });
    time
}

/// Takes a line apart that came by syslog, with the time of nginx or with the parts in brackets of Apache alone.
pub(super) fn describe<'a>(message: &'a [u8], details: &mut Details<'a>) -> Option<()> {
    let line = match message.first()? {
        b'[' => {
            let (none, civil) = (b"".as_slice(), Civil::default());
            let (level, module, client) = (none, none, none);
            let mut line = Line { server: Server::Apache, civil, level, module, process: None, client, message: none };
            let mut scan = Scan(message);
            line.brackets(&mut scan);
            line.message = scan.0;
            (!line.level.is_empty() && !line.module.is_empty()).then_some(line)?
        }
        _ => Line::parse(message)?,
    };
    details.kind = "web.error";
    line.tell(details);
    Some(())
}

/// A line without a time: what a script wrote to its error output, or a further line of a message.
fn free(bytes: &[u8], span: Span, last: Option<Timestamp>, output: &mut Output<'_>) {
    output.event(&Event {
        kind: "web.error-output",
        time: last,
        basis: TimeBasis::Neighbour,
        span,
        message: bytes,
        ..Event::default()
    });
}

/// Code, client, referrer and account of a message of Apache.
fn apache<'a>(line: &Line<'a>, details: &mut Details<'a>) {
    let (address, port) = without_port(line.client);
    details.address = address;
    details.number("port", port);
    let mut scan = Scan(line.message);
    let code = line.message.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_code = code.strip_prefix(b"AH").is_some_and(|digits| digits.len() == 5 && number(digits).is_some());
    if is_code {
        details.text("code", code);
        scan.0 = scan.0.get(code.len().saturating_add(1)..).unwrap_or_default().trim_ascii_start();
    }
    if let Some(at) = memchr::memmem::rfind(scan.0, b", referer: ") {
        let (before, referrer) = scan.0.split_at_checked(at).unwrap_or_default();
        details.text("referrer", referrer.get(11..).unwrap_or_default());
        scan.0 = before;
    }
    let message = scan.0.strip_prefix(b"auth_ldap authenticate: ").unwrap_or(scan.0);
    let message = message.strip_prefix(b"Digest: ").unwrap_or(message);
    let Some(rest) = message.strip_prefix(b"user ") else { return };
    // mod_auth_basic, mod_auth_digest, mod_authnz_ldap of 2.2 and 2.4; a user may be called anything.
    let endings: [(&[u8], &[u8]); 8] = [
        (b": authentication failure for \"", b"wrong password"),
        (b": password mismatch: ", b"wrong password"),
        (b" authentication failed; URI ", b"wrong password"),
        (b" not found: ", b"no such user"),
        (b": user unknown", b"no such user"),
        (b" denied by provider: ", b"denied"),
        (b": authorization failure for \"", b""),
        (b": does not meet 'require'", b""),
    ];
    for (ending, reason) in endings {
        if let Some(at) = memchr::memmem::find(rest, ending) {
            let user = rest.get(..at).unwrap_or_default();
            // mod_auth_digest: user `anna' in realm `x'.
            details.user = match user.strip_prefix(b"`").and_then(|user| between(user, b"", b"' in realm `")) {
                Some((user, realm)) => {
                    details.text("realm", realm.strip_suffix(b"'").unwrap_or(realm));
                    user
                }
                None => user,
            };
            if !reason.is_empty() {
                details.kind = "web.login-failed";
                details.text("reason", reason);
            }
            return;
        }
    }
}

/// `192.0.2.7:1234`, `2001:db8::1:1234` as Apache 2.4 writes it, or an address alone.
fn without_port(client: &[u8]) -> (&[u8], Option<i64>) {
    let Some(colon) = memchr::memrchr(b':', client) else { return (client, None) };
    let (address, port) = client.split_at_checked(colon).unwrap_or_default();
    let port = number(port.get(1..).unwrap_or_default());
    let is_text =
        |address: &[u8]| std::str::from_utf8(address).ok().and_then(|text| text.parse::<std::net::IpAddr>().ok());
    match is_text(address) {
        Some(_) if port.is_some() => (address, port),
        // Of an address without a port the last group is no port.
        _ if is_text(client).is_some() => (client, None),
        _ if port.is_some() => (address, port),
        _ => (client, None),
    }
}

/// What stands before the address of the client.
const CLIENT: &[u8] = b", client: ";

/// Names that nginx sets behind a message, each as `, name: value` (ngx_http_log_error_handler, ngx_mail_log_error).
const NAMES: [(&[u8], &str); 7] = [
    (CLIENT, "client"),
    (b", server: ", "server"),
    (b", request: ", "request"),
    (b", upstream: ", "upstream"),
    (b", host: ", "vhost"),
    (b", referrer: ", "referrer"),
    (b", login: ", "login"),
];

/// A text up to the first of some others, and from there on.
fn split_before(text: &[u8], others: impl Iterator<Item = Vec<u8>>) -> (&[u8], &[u8]) {
    let end = others.filter_map(|other| memchr::memmem::find(text, &other)).min().unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or_default()
}

/// Where the server names the client, and whether nothing else in the message looks like that. What the client sent stands in
/// quotes; it may hold the same words, and quotes too.
fn client_at(message: &[u8]) -> Option<(usize, bool)> {
    let is_address = |at: &usize| {
        let value = message.get(at.saturating_add(CLIENT.len())..).unwrap_or_default();
        let end = value.iter().position(|byte| matches!(byte, b',' | b'"' | b' ')).unwrap_or(value.len());
        let text = value.get(..end).and_then(|value| std::str::from_utf8(value).ok());
        text.is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok() || text.starts_with("unix:"))
    };
    let mut places = memchr::memmem::find_iter(message, CLIENT).filter(is_address);
    let first = places.next()?;
    let is_unquoted = |at: &usize| {
        let before = message.get(..*at).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'"').count() % 2 == 0
    };
    let others: Vec<usize> = places.take(16).collect();
    let all = std::iter::once(first).chain(others.iter().copied());
    let found = all.clone().find(is_unquoted).unwrap_or(first);
    Some((found, others.is_empty()))
}

/// Client, server, request and account of a message of nginx.
fn nginx<'a>(message: &'a [u8], details: &mut Details<'a>) {
    let Some((at, is_only)) = client_at(message) else { return };
    if !is_only {
        details.add("ambiguous", Value::Flag(true));
    }
    let (text, mut rest) = message.split_at_checked(at).unwrap_or_default();
    let mut login: &[u8] = b"";
    for (place, (before, name)) in NAMES.iter().enumerate() {
        let Some(value) = rest.strip_prefix(*before) else { continue };
        let later = NAMES.iter().skip(place.saturating_add(1)).map(|(next, _)| *next);
        let (value, behind) = match value.strip_prefix(b"\"") {
            // What the client sent stands in quotes, and may hold anything.
            Some(value) => {
                let (value, behind) = split_before(value, later.map(|next| [b"\"", next].concat()));
                (value.strip_suffix(b"\"").unwrap_or(value), behind.strip_prefix(b"\"").unwrap_or(behind))
            }
            None => split_before(value, later.map(<[u8]>::to_vec)),
        };
        rest = behind;
        match *name {
            "client" => details.address = value,
            "login" => login = value,
            name => details.text(name, value),
        }
    }
    if text.starts_with(b"client login failed: ") {
        details.kind = "web.login-failed";
        details.user = login;
        return;
    }
    let Some(rest) = text.strip_prefix(b"user \"") else { return };
    let endings: [(&[u8], &[u8]); 2] =
        [(b"\" was not found in \"", b"no such user"), (b"\": password mismatch", b"wrong password")];
    for (ending, reason) in endings {
        if let Some(at) = memchr::memmem::find(rest, ending) {
            details.kind = "web.login-failed";
            details.user = rest.get(..at).unwrap_or_default();
            details.text("reason", reason);
            return;
        }
    }
}
