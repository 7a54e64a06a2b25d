//! Logs of lines with a prefix.

use super::entry::{Entry, Teller};
use super::prefix::Prefixes;
use crate::input::Input;
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::record::Record;
use crate::text::{each_line, is_half};
use kanshiki_model::Span;
use std::io;

/// Bytes of each part of a record that are kept.
const PART_BYTES: usize = 1 << 20;

/// The parser of logs of lines.
#[derive(Debug)]
pub(crate) struct PostgresText;

impl Parser for PostgresText {
    fn id(&self) -> &'static str {
        "postgres"
    }

    fn edition(&self) -> u32 {
        3
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        let prefixes = &candidate.host.postgres;
        is_half(candidate.head, &mut |line| line.starts_with(b"\t") || prefixes.take(line).is_some())
            && candidate.head.split(|byte| *byte == b'\n').any(|line| prefixes.take(line).is_some())
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let prefixes = &context.host.postgres;
        let mut teller = Teller::new(context);
        let mut waiting = Waiting::default();
        let read = each_line(input, output, &mut |line, span, output| {
            let found = if line.starts_with(b"\t") { None } else { prefixes.take(line) };
            match found {
                Some(found) if waiting.add_part(found.level, found.message, found.process, span) => {}
                Some(found) => {
                    waiting.tell(prefixes, &mut teller, output);
                    waiting.begin(line, found.message, found.process, span);
                }
                None if waiting.add_line(line, span) => {}
                None => output.other("database.other", span, line, "no record of a log of PostgreSQL"),
            }
        });
        waiting.tell(prefixes, &mut teller, output);
        teller.finish(output);
        read
    }
}

/// The parts of a record that stand in lines of their own.
const PARTS: [&[u8]; 6] = [b"DETAIL", b"HINT", b"CONTEXT", b"STATEMENT", b"QUERY", b"LOCATION"];

/// A record whose lines may go on.
#[derive(Debug, Default)]
struct Waiting {
    /// The first line, with the place of all.
    record: Record,
    process: Option<i64>,
    message: Vec<u8>,
    parts: [Vec<u8>; PARTS.len()],
    /// The part that further lines belong to; the message if it is none.
    part: Option<usize>,
}

impl Waiting {
    fn begin(&mut self, line: &[u8], message: &[u8], process: Option<i64>, span: Span) {
        self.record.begin(line, span);
        self.process = process;
        self.message.clear();
        self.message.extend_from_slice(message);
        self.parts.iter_mut().for_each(Vec::clear);
        self.part = None;
    }

    /// Takes a line that begins a part; false if it begins a record.
    fn add_part(&mut self, level: &[u8], text: &[u8], process: Option<i64>, span: Span) -> bool {
        let Some(place) = PARTS.iter().position(|part| *part == level) else { return false };
        let Some(part) = self.parts.get_mut(place) else { return false };
        if self.record.get().is_none() || self.process != process || !part.is_empty() {
            return false;
        }
        part.extend_from_slice(text);
        self.part = Some(place);
        self.record.lengthen(span)
    }

    /// Takes a line without a prefix.
    fn add_line(&mut self, line: &[u8], span: Span) -> bool {
        if !self.record.lengthen(span) {
            return false;
        }
        let part = self.part.and_then(|place| self.parts.get_mut(place)).unwrap_or(&mut self.message);
        if part.len().saturating_add(line.len()) < PART_BYTES {
            part.push(b'\n');
            // A tab stands before each further line.
            part.extend_from_slice(line.strip_prefix(b"\t").unwrap_or(line));
        }
        true
    }

    fn tell(&mut self, prefixes: &Prefixes, teller: &mut Teller<'_>, output: &mut Output<'_>) {
        let Some((line, span)) = self.record.get() else { return };
        let Some(found) = prefixes.take(line) else { return };
        let [detail, hint, context, statement, query, _location] = &self.parts;
        let statement = if statement.is_empty() { query } else { statement };
        let entry = Entry { message: &self.message, detail, hint, context, statement, ..found };
        teller.tell(&entry, span, output);
        self.record.end();
    }
}
