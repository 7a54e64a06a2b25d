//! Logs of JSON objects.

use super::entry::{Entry, Teller};
use super::time;
use crate::input::Input;
use crate::json::{Tokens, unescape};
use crate::output::Output;
use crate::parser::{Candidate, Context, Parser};
use crate::scan::{Scan, number};
use crate::text::{each_line, is_half};
use std::io;

/// The parser of logs of JSON objects.
#[derive(Debug)]
pub(crate) struct PostgresJson;

impl Parser for PostgresJson {
    fn id(&self) -> &'static str {
        "postgres-json"
    }

    fn edition(&self) -> u32 {
        3
    }

    fn claims(&self, candidate: &Candidate<'_>) -> bool {
        is_half(candidate.head, &mut |line| entry(line).is_some())
    }

    fn parse(&self, input: &Input<'_>, context: &Context<'_>, output: &mut Output<'_>) -> io::Result<()> {
        let mut teller = Teller::new(context);
        let mut plain: [Vec<u8>; 8] = Default::default();
        let read = each_line(input, output, &mut |line, span, output| match entry(line) {
            Some(found) => {
                let names = [found.user, found.database, found.application];
                let texts = [found.message, found.detail, found.hint, found.context, found.statement];
                let texts = names.into_iter().chain(texts);
                for (plain, text) in plain.iter_mut().zip(texts) {
                    plain.clear();
                    unescape(text, plain);
                }
                let [user, database, application, message, detail, hint, context, statement] = &plain;
                teller.tell(
                    &Entry { user, database, application, message, detail, hint, context, statement, ..found },
                    span,
                    output,
                );
            }
            None => output.other("database.other", span, line, "no record of a log of PostgreSQL"),
        });
        // What was inferred is told for the records before an error too.
        teller.finish(output);
        read
    }
}

fn entry(line: &[u8]) -> Option<Entry<'_>> {
    line.starts_with(b"{").then_some(())?;
    let mut entry = Entry::default();
    let mut tokens = Tokens::new(line);
    while let Some(token) = tokens.next_token()? {
        let value = token.value;
        match token.name {
            b"timestamp" => entry.shown = Some(time(&mut Scan(value))?),
            b"user" => entry.user = value,
            b"dbname" => entry.database = value,
            b"pid" => entry.process = number(value),
            b"remote_host" => entry.host = value,
            b"remote_port" => entry.port = number(value),
            b"error_severity" => entry.level = value,
            b"state_code" => entry.sqlstate = value,
            b"message" => entry.message = value,
            b"detail" => entry.detail = value,
            b"hint" => entry.hint = value,
            b"context" => entry.context = value,
            b"statement" => entry.statement = value,
            b"application_name" => entry.application = value,
            _ => {}
        }
    }
    (entry.shown.is_some() && !entry.level.is_empty()).then_some(entry)
}
