//! Lines of syslog, in the forms that syslogd, rsyslogd and syslog-ng write.
//!
//! | form | begins with | source |
//! | --- | --- | --- |
//! | traditional | `Feb 29 23:59:59 host tag[pid]: message` | RFC 3164, section 4.1; rsyslog's RSYSLOG_TraditionalFileFormat |
//! | with ISO time | `2024-02-29T23:59:59.123456+01:00 host tag[pid]: message` | rsyslog's RSYSLOG_FileFormat |
//! | RFC 5424 | `1 2024-02-29T23:59:59Z host app procid msgid [data] message` | RFC 5424, section 6 |
//!
//! Each may have its priority before it, as `<34>`. What the message says of logins, commands and accounts is taken out of it
//! by its program; see [`crate::programs`].

mod header;
mod repeated;

use crate::clock::Clock;
use crate::details::Details;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::programs::describe;
use crate::text::{each_line, is_half};
use header::{Header, Time};
use kanshiki_model::{Event, Span, TimeBasis};
use std::io;

/// The parser of syslog.
#[derive(Debug)]
pub(crate) struct Syslog;

impl Parser for Syslog {
    fn id(&self) -> &'static str {
        "syslog"
    }

    fn edition(&self) -> u32 {
        4
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        is_half(candidate.head, &mut |line| Header::parse(line).is_some_and(|header| header.has_host()))
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut clock = Clock::new(context);
        let mut last = repeated::Last::default();
        let read =
            each_line(input, output, &mut |bytes, span, output| record(bytes, span, &mut clock, &mut last, output));
        // What was inferred is told for the records before an error too.
        clock.finish(output);
        read
    }
}

fn record(bytes: &[u8], span: Span, clock: &mut Clock<'_>, last: &mut repeated::Last, output: &mut Output<'_>) {
    let Some(header) = Header::parse(bytes) else {
        // A line that tells of repetitions means this one.
        *last = repeated::Last::default();
        return output.other("syslog.other", span, bytes, "no line of syslog");
    };
    let (time, basis) = match header.time {
        Time::At(shown, ahead) => clock.at(shown, Some(ahead)),
        Time::Local(shown) => clock.at(shown, None),
        Time::Yearless(shown) => clock.yearless(shown),
        Time::None => (None, TimeBasis::Neighbour),
    };
    let mut details = Details::new("syslog");
    details.number("priority", header.priority);
    let said = last.said(&header);
    describe(said.program, said.message, &mut details);
    details.number("repeated", said.times);
    output.event(&Event {
        time,
        basis,
        span,
        host: header.host,
        program: said.program,
        pid: header.pid,
        message: header.message,
        ..details.event()
    });
    if said.times.is_none() {
        last.keep(&header);
    }
}

#[cfg(test)]
mod tests;
