//! The logs of programs in PHP that write with Monolog (its `LineFormatter`): Magento, Laravel, Symfony and others.
//!
//! `[2022-02-11 13:41:28] CHANNEL.LEVEL: TEXT {CONTEXT} [EXTRA]`; the time may be in the form of ISO 8601, with a zone. Of the text,
//! what CrowdSec's extension for Magento says of logins is taken apart:
//! `{"type":"ADMIN_LOGIN_FAILED","ip":"192.0.2.7","x-forwarded-for-ip":"…"}`.

use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::json::Tokens;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::scan::Scan;
use crate::text::{each_line, is_half};
use crate::zone::Civil;
use kanshiki_model::{Event, Span, TimeBasis, Timestamp};
use std::io;

/// The parser of these logs.
#[derive(Debug)]
pub(crate) struct Monolog;

/// The names of levels (RFC 5424, as Monolog writes them).
const LEVELS: [&[u8]; 8] = [b"DEBUG", b"INFO", b"NOTICE", b"WARNING", b"ERROR", b"CRITICAL", b"ALERT", b"EMERGENCY"];

/// Bytes of the name of a channel.
const CHANNEL: usize = 64;

struct Line<'a> {
    time: Civil,
    ahead: Option<i64>,
    channel: &'a [u8],
    level: &'a [u8],
    text: &'a [u8],
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut scan = Scan(line);
        scan.byte(b'[')?;
        let (time, ahead) = scan.iso()?;
        scan.text(b"] ")?;
        let head = scan.until(b':').filter(|head| head.len() <= CHANNEL && !head.contains(&b' '))?;
        let dot = memchr::memrchr(b'.', head)?;
        let (channel, level) = (head.get(..dot)?, head.get(dot.checked_add(1)?..)?);
        LEVELS.contains(&level).then_some(())?;
        Some(Self { time, ahead, channel, level, text: scan.0.trim_ascii() })
    }
}

impl Parser for Monolog {
    fn id(&self) -> &'static str {
        "monolog"
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let mut lines = 0_usize;
        let claimed = is_half(candidate.head, &mut |line| {
            let is_line = Line::parse(line).is_some();
            lines = lines.saturating_add(usize::from(is_line));
            is_line
        });
        // An exception is one line with many more behind it, which tell its way.
        claimed || lines > 0 && candidate.head.starts_with(b"[") && has_traces(candidate.head)
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut clock = Clock::new(context);
        let mut last = None;
        let read = each_line(input, output, &mut |bytes, span, output| match Line::parse(bytes) {
            Some(line) => last = record(&line, span, &mut clock, output),
            // Further lines of a text, such as the way of an exception.
            None => output.event(&Event {
                kind: "web.error-output",
                time: last,
                basis: TimeBasis::Neighbour,
                span,
                message: bytes,
                ..Event::default()
            }),
        });
        // What was inferred is told for the records before an error too.
        clock.finish(output);
        read
    }
}

/// Whether there is a line of a trace of PHP: `#0 /var/www/…`.
fn has_traces(head: &[u8]) -> bool {
    head.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"#0 "))
}

fn record(line: &Line<'_>, span: Span, clock: &mut Clock<'_>, output: &mut Output<'_>) -> Option<Timestamp> {
    let (time, basis) = clock.at(line.time, line.ahead);
    let mut details = Details::new("web.application");
    details.text("channel", line.channel);
    details.text("level", line.level);
    login(line.text, &mut details);
    output.event(&Event { time, basis, span, message: line.text, ..details.event() });
    time
}

/// What CrowdSec's extension says of a login.
fn login<'a>(text: &'a [u8], details: &mut Details<'a>) -> Option<()> {
    // The object ends where the context begins.
    let end = memchr::memmem::rfind(text, b"} [").unwrap_or_else(|| text.len().saturating_sub(1)).checked_add(1)?;
    let mut tokens = Tokens::new(text.get(..end).filter(|text| text.starts_with(b"{\"type\":"))?);
    while let Some(token) = tokens.next_token()?.filter(|token| token.depth == 1) {
        match token.name {
            b"type" if matches!(token.value, b"ADMIN_LOGIN_FAILED" | b"CUSTOMER_LOGIN_FAILED") => {
                details.kind = "web.login-failed";
            }
            b"ip" if token.is_text => details.address = token.value,
            b"x-forwarded-for-ip" if token.is_text => details.text("forwarded_for", token.value),
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::parse;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn logins_that_failed_have_their_address_and_other_lines_their_text() {
        // The first line is of CrowdSec's hub.
        let log = b"[2022-02-11 13:41:28] crowdsec-events.INFO:  {\"type\":\"ADMIN_LOGIN_FAILED\",\"ip\":\"1.2.3.4\",\"x-forwarded-for-ip\":\"\",\"bouncer_agent\":\"Magento 2 CrowdSec Bouncer/v1.0.0\"} []
[2024-02-29T23:59:58.123456+01:00] main.ERROR: {\"type\":\"x\" [] []
[2024-02-29 23:59:59] production.ERROR: no route {\"ip\":\"192.0.2.9\"} []
#0 /var/www/html/index.php(5): main()
";
        let parsed = parse(&Monolog, "/var/www/magento/var/log/crowdsec.log", "2024-03-01T12:00:00Z", log);
        let expected = [
            json!({"kind": "web.login-failed", "address": "1.2.3.4", "channel": "crowdsec-events", "level": "INFO",
                "time": "2022-02-11T13:41:28Z", "basis": "zone-inferred", "forwarded_for": null}),
            json!({"kind": "web.application", "address": null, "time": "2024-02-29T22:59:58.123456Z", "basis": "stated"}),
            json!({"kind": "web.application", "address": null, "message": "no route {\"ip\":\"192.0.2.9\"} []"}),
            json!({"kind": "web.error-output", "basis": "neighbour", "message": "#0 /var/www/html/index.php(5): main()"}),
        ];
        parsed.assert_events(&expected);
    }

    #[test]
    fn lines_of_another_form_are_not_claimed() {
        let host = crate::host::Host::unknown();
        for (log, is_claimed) in [
            (&b"[2024-02-29 23:59:59] laravel.INFO: a\n"[..], true),
            (
                b"[2024-02-29 23:59:59] laravel.ERROR: a\n[stacktrace]\n#0 /var/www/a.php(1): b()\n#1 {main}\n\"}\n",
                true,
            ),
            (b"[2024-02-29 23:59:59] [ALPM] installed a (1)\n", false),
            (b"[2024-02-29 23:59:59] INFO: a\n", false),
            (b"[2024-02-29 23:59:59] a b.INFO: a\n", false),
        ] {
            let candidate = Candidate { path: b"/x.log", head: log, host: &host };
            assert_eq!(Monolog.claims(&candidate), is_claimed, "{}", String::from_utf8_lossy(log));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), start in 0..STARTS.len()) {
            let _ = parse(&Monolog, "/x.log", "2024-03-01T12:00:00Z", &[STARTS[start], &bytes].concat());
        }
    }

    /// Beginnings of lines that lead into each part of the parser.
    const STARTS: [&[u8]; 4] = [
        b"",
        b"[2022-02-11 13:41:28] ",
        b"[2022-02-11 13:41:28] a.INFO: ",
        b"[2022-02-11 13:41:28] a.INFO: {\"type\":\"ADMIN_LOGIN_FAILED\",\"ip\":",
    ];
}
