//! The logs of exim (Exim specification, chapter 53): `2024-02-29 23:59:58[ +0100][ [PID]] TEXT`; in `rejectlog` the headers of a
//! rejected mail stand behind a line.

use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::programs::mail;
use crate::scan::{Scan, number};
use crate::text::{each_line, is_half};
use crate::zone::Civil;
use kanshiki_model::{Event, Span};
use std::io;

/// The parser of exim's logs.
#[derive(Debug)]
pub(crate) struct Exim;

/// A line.
struct Line<'a> {
    time: Civil,
    ahead: Option<i64>,
    pid: Option<i64>,
    text: &'a [u8],
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut scan = Scan(line);
        let (time, mut ahead) = scan.iso()?;
        scan.byte(b' ')?;
        if matches!(scan.0.first(), Some(b'+' | b'-')) {
            ahead = scan.zone();
            scan.byte(b' ')?;
        }
        let mut inside = scan;
        let mut pid = None;
        if inside.byte(b'[').is_some() {
            pid = inside.until(b']').and_then(number);
            if pid.is_some() && inside.byte(b' ').is_some() {
                scan = inside;
            }
        }
        Some(Self { time, ahead, pid, text: scan.0 })
    }

    /// Whether a line of another program cannot be meant.
    fn is_certain(&self) -> bool {
        self.text.split(|byte| *byte == b' ').next().is_some_and(mail::is_exim_id)
    }
}

impl Parser for Exim {
    fn id(&self) -> &'static str {
        "exim"
    }

    fn edition(&self) -> u32 {
        2
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let is_named =
            matches!(candidate.stem(), b"mainlog" | b"rejectlog" | b"paniclog" | b"exim_mainlog" | b"exim_rejectlog");
        is_half(candidate.head, &mut |line| Line::parse(line).is_some_and(|line| is_named || line.is_certain()))
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut clock = Clock::new(context);
        let is_rejects = {
            let name = context.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            memchr::memmem::find(name, b"reject").is_some()
        };
        let read =
            each_line(input, output, &mut |bytes, span, output| record(bytes, span, is_rejects, &mut clock, output));
        // What was inferred is told for the records before an error too.
        clock.finish(output);
        read
    }
}

fn record(bytes: &[u8], span: Span, is_rejects: bool, clock: &mut Clock<'_>, output: &mut Output<'_>) {
    let Some(line) = Line::parse(bytes) else {
        // The headers of a rejected mail, and the lines of dashes between them.
        if !is_rejects {
            output.other("mail.other", span, bytes, "no line of exim");
        }
        return;
    };
    let (time, basis) = clock.at(line.time, line.ahead);
    let mut details = Details::new("mail");
    mail::exim(line.text, &mut details);
    output.event(&Event { time, basis, span, program: b"exim", pid: line.pid, message: line.text, ..details.event() });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::parse;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn mails_and_logins_of_exim_have_their_addresses() {
        let log = b"2024-02-29 23:59:58 1rfXYZ-0001AB-2C <= anna@example.org H=pc.example (pc) [192.0.2.7]:4711 P=esmtpsa X=TLS1.3 A=plain_server:anna S=1234 id=x@y
2024-02-29 23:59:59 1rfXYZ-0001AB-2C => b@example.net R=dnslookup T=remote_smtp H=mx.example.net [2001:db8::1] C=\"250 OK\"
2024-02-29 23:59:59 1rfXYZ-0001AB-2C Completed
2024-02-29 23:59:59 +0100 [77] login authenticator failed for (ylmf-pc) [192.0.2.9]:5000: 535 Incorrect authentication data (set_id=info)
2024-02-29 23:59:59 H=(x) [192.0.2.9] F=<a@b> rejected RCPT <c@d>: relay not permitted
2024-02-29 23:59:59 1rfXYZ-0001AB-2D <= www-data@h U=www-data P=local S=99
2024-02-29 23:59:59 1rfXYZ-00000001AB2-2D2D == c@d R=x T=y defer (-44)
no line
";
        let parsed = parse(&Exim, "/var/log/exim4/mainlog", "2024-03-01T12:00:00Z", log);
        let expected = [
            json!({"kind": "mail.queued", "user": "anna", "address": "192.0.2.7", "from": "anna@example.org",
                "method": "plain_server", "size": 1234, "queue": "1rfXYZ-0001AB-2C", "basis": "zone-inferred"}),
            json!({"kind": "mail.delivered", "to": "b@example.net", "address": "2001:db8::1"}),
            json!({"kind": "mail", "queue": "1rfXYZ-0001AB-2C"}),
            json!({"kind": "mail.login-failed", "user": "info", "address": "192.0.2.9", "method": "login", "pid": 77,
                "time": "2024-02-29T22:59:59Z", "basis": "stated"}),
            json!({"kind": "mail.rejected", "address": "192.0.2.9"}),
            json!({"kind": "mail.queued", "user": "www-data", "size": 99}),
            json!({"kind": "mail.deferred", "to": "c@d"}),
            json!({"kind": "mail.other"}),
        ];
        parsed.assert_events(&expected);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), start in 0..STARTS.len()) {
            let _ = parse(&Exim, "/var/log/exim4/mainlog", "2024-03-01T12:00:00Z", &[STARTS[start], &bytes].concat());
        }
    }

    /// Beginnings of lines that lead into each part of the parser.
    const STARTS: [&[u8]; 5] = [
        b"",
        b"2024-02-29 23:59:58 ",
        b"2024-02-29 23:59:58 +0100 [",
        b"2024-02-29 23:59:58 1rfXYZ-0001AB-2C <= ",
        b"2024-02-29 23:59:58 login authenticator failed for ",
    ];
}
