//! The log of Linux's audit system, as auditd writes it.
//!
//! | form | source |
//! | --- | --- |
//! | `type=TYPE msg=audit(SECONDS.MILLISECONDS:SERIAL): NAME=VALUE …` | auditd(8), kernel/audit.c |
//! | `node=NODE type=…` | `name_format` in auditd.conf(5) |
//! | and behind the byte 0x1d `NAME=VALUE …`, numbers resolved to names | `log_format = ENRICHED` in auditd.conf(5) |
//!
//! The kernel tells one event in several records with the same time and serial number, among which those of others may lie.
//! They are put together as auparse does (see [`gather`]): one event is one event here, at the place of its first record.

mod event;
mod facts;
mod gather;
mod kinds;
mod record;
mod socket;
mod syscalls;

use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::text::{each_line, is_half};
use gather::Gather;
use record::Record;
use std::io;

/// The parser of the audit log.
#[derive(Debug)]
pub(crate) struct Audit;

impl Parser for Audit {
    fn id(&self) -> &'static str {
        "audit"
    }

    fn edition(&self) -> u32 {
        2
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        is_half(candidate.head, &mut |line| Record::parse(line).is_some())
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut gather = Gather::default();
        let accounts = &context.host.accounts;
        let read = each_line(input, output, &mut |bytes, span, output| match Record::parse(bytes) {
            Some(record) => gather.add(&record, span, &mut |event| event::give(event, accounts, output)),
            None => output.other("audit.other", span, bytes, "no record of the audit system"),
        });
        gather.finish(&mut |event| event::give(event, accounts, output));
        read
    }
}

#[cfg(test)]
mod tests;
