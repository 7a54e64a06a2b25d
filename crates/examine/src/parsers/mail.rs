//! Mails to local accounts, such as cron and others send, one after the other in a file (mbox).
//!
//! | line | meaning | source |
//! | --- | --- | --- |
//! | `From SENDER Thu Feb 29 23:59:58 2024` | begins a mail, at the beginning of the file or behind an empty line; local time | RFC 4155, mbox(5) |
//! | `NAME: VALUE`, going on in lines that begin with a blank | header, up to the first empty line | RFC 5322 |
//!
//! The subject of what cron sends is `Cron <USER@HOST> COMMAND` (do_command.c).

mod message;

use crate::clock::Clock;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser, ToldBy};
use message::Message;
use std::io;

/// The parser of mails.
#[derive(Debug)]
pub(crate) struct Mail;

impl Parser for Mail {
    fn id(&self) -> &'static str {
        "mail"
    }

    fn told_by(&self) -> ToldBy {
        ToldBy::Beginning
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let first = candidate.head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        message::separator(first).is_some()
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut clock = Clock::new(context);
        let mut lines = input.lines()?;
        let mut message: Option<Message> = None;
        let mut is_behind_empty = true;
        let result = loop {
            let line = match lines.next_line() {
                Ok(Some(line)) if !output.is_stopped() => line,
                Ok(_) => break Ok(()),
                Err(error) => break Err(error),
            };
            let separator = if is_behind_empty { message::separator(line.bytes) } else { None };
            is_behind_empty = line.bytes.is_empty();
            if line.left_out > 0 {
                output.issue(line.span, "the line is longer than 1 MiB; the rest of it is left out");
            }
            if let Some((sender, time)) = separator {
                if let Some(message) = message.take() {
                    message.give(context.path, &mut clock, output);
                }
                message = Some(Message::new(sender, time, line.span));
            } else if let Some(message) = &mut message {
                message.line(line.bytes, line.span);
            } else if !line.bytes.is_empty() {
                output.other("mail.other", line.span, line.bytes, "no mail has begun");
            }
        };
        if let Some(message) = message {
            message.give(context.path, &mut clock, output);
        }
        clock.finish(output);
        result
    }
}

#[cfg(test)]
mod tests;
